# SPDX-License-Identifier: BSD-2-Clause
"""Captures of our own making: a relay that writes what passes as pcap."""
import ipaddress
import socket
import struct
import threading
import time

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
SEGMENT = 1200
RAW = 101  # LINKTYPE_RAW


class Capture:
    """TCP segments between a client and a server, as a pcap in memory."""

    def __init__(self, client="192.0.2.1:40000", server="192.0.2.2:5061",
                 link_type=RAW, start=1795000000.0):
        self.ends = [self.end(client), self.end(server)]
        self.seq = [1000, 5000]
        self.link_type, self.now = link_type, start
        self.frames = []

    @staticmethod
    def end(text):
        host, _, port = text.rpartition(":")
        return ipaddress.ip_address(host.strip("[]")), int(port)

    def packet(self, side, flags, payload=b"", seq=None):
        (src, sport), (dst, dport) = self.ends[side], self.ends[1 - side]
        seq = self.seq[side] if seq is None else seq
        tcp = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff,
                          self.seq[1 - side] & 0xffffffff, 0x50, flags,
                          65535, 0, 0) + payload
        if src.version == 4:
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0,
                             0x4000, 64, 6, 0, src.packed, dst.packed)
        else:
            ip = struct.pack("!IHBB16s16s", 0x60000000, len(tcp), 6, 64,
                             src.packed, dst.packed)
        return ip + tcp

    def add(self, frame, at=None):
        self.now = at if at is not None else self.now + 0.001
        self.frames.append((self.now, frame))

    def open(self, at=None):
        self.add(self.packet(0, SYN), at)
        self.seq[0] += 1
        self.add(self.packet(1, SYN | ACK), at)
        self.seq[1] += 1

    def send(self, side, data, at=None):
        for i in range(0, len(data), SEGMENT):
            piece = data[i:i + SEGMENT]
            self.add(self.packet(side, PSH | ACK, piece), at)
            self.seq[side] += len(piece)

    def close(self, side, how=FIN, at=None):
        self.add(self.packet(side, how | ACK), at)
        self.seq[side] += how == FIN

    def bytes(self):
        out = bytearray(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535,
                                    self.link_type))
        for at, frame in self.frames:
            out += struct.pack("<IIII", int(at), int(at % 1 * 1000000),
                               len(frame), len(frame)) + frame
        return bytes(out)

    def write(self, path):
        with open(path, "wb") as f:
            f.write(self.bytes())
        return path


class Relay:
    """Between one client and a server on loopback; capture is what passed."""

    def __init__(self, port, client="192.0.2.1:40000"):
        self.capture = Capture(client, start=time.time())
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.target = port
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.target))
        self.source = server.getsockname()[1]
        with self.lock:
            self.capture.open(time.time())
        ends = client, server
        threads = [threading.Thread(target=self.pump, args=(ends, side))
                   for side in (0, 1)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        client.close()
        server.close()

    def pump(self, ends, side):
        source, sink = ends[side], ends[1 - side]
        while True:
            try:
                data = source.recv(65536)
            except ConnectionResetError:
                data = None
            with self.lock:
                if data:
                    self.capture.send(side, data, time.time())
                else:
                    self.capture.close(side, RST if data is None else FIN,
                                       time.time())
            try:
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
            except OSError:
                if not data:
                    return

    def done(self, deadline_s=40):
        self.thread.join(deadline_s)
        self.listener.close()
        if self.thread.is_alive():
            raise AssertionError("the relayed connection did not end")
        return self.capture
