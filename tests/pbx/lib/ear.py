# SPDX-License-Identifier: BSD-2-Clause
"""What a phone is sent to hear: RTP packets off its host's wire, whoever the
phone is, and the tones that phones speak in."""
import collections
import math
import socket
import struct
import threading
import wave

import place

RATE = 8000
TONE_S = 120    # longer than any call here: it is played once
LISTEN = RATE // 2  # samples that are looked at
LOUD = 0.5      # of what is heard, so much must be the other's tone
ETH_P_IP = 0x0800
PCMU = 0


def tone_share(samples, hertz):
    """The part of the energy of samples that lies at hertz (Goertzel)."""
    energy = sum(s * s for s in samples)
    if not energy:
        return 0
    w = 2 * math.cos(2 * math.pi * hertz / RATE)
    a = b = 0.0
    for s in samples:
        a, b = s + w * a - b, a
    return 2 * (a * a + b * b - w * a * b) / (len(samples) * energy)


def write_tone(path, hertz):
    """Of a whole number of periods each second."""
    second = [round(8000 * math.sin(2 * math.pi * hertz * i / RATE))
              for i in range(RATE)]
    with wave.open(path, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(struct.pack("<%dh" % RATE, *second) * TONE_S)


def linear(byte):
    """A sample of G.711 mu-law."""
    byte = ~byte & 0xff
    size = (((byte & 0x0f) << 3) + 0x84 << (byte >> 4 & 7)) - 0x84
    return -size if byte & 0x80 else size


LINEAR = [linear(b) for b in range(256)]


class Ear:
    def __init__(self, host):
        self.address = socket.inet_aton(host.address)
        self.samples = collections.deque(maxlen=LISTEN)
        self.packets = 0
        self.sock = place.Here(host).call(
            socket.socket, socket.AF_PACKET, socket.SOCK_DGRAM,
            socket.htons(ETH_P_IP))
        self.sock.settimeout(0.2)
        self.open = True
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while self.open:
            try:
                packet = self.sock.recv(2048)
            except socket.timeout:
                continue
            if len(packet) < 40 or packet[9] != socket.IPPROTO_UDP or \
                    packet[16:20] != self.address:
                continue
            rtp = packet[(packet[0] & 0xf) * 4 + 8:]
            if rtp[0] == 0x80 and rtp[1] & 0x7f == PCMU:
                self.packets += 1
                self.samples.extend(LINEAR[b] for b in rtp[12:])

    def forget(self):
        """What was heard so far."""
        self.samples.clear()

    def hears(self, hertz):
        samples = list(self.samples)
        return len(samples) == LISTEN and tone_share(samples, hertz) > LOUD

    def close(self):
        self.open = False
        self.thread.join()
        self.sock.close()
