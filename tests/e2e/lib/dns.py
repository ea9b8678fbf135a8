# SPDX-License-Identifier: BSD-2-Clause
"""A DNS server with the records a test gives it, on loopback."""
import socket
import struct
import threading

TYPES = {"A": 1, "AAAA": 28, "SRV": 33, "NAPTR": 35}


def name(text):
    out = b""
    for label in text.rstrip(".").split("."):
        if label:
            out += bytes([len(label)]) + label.encode()
    return out + b"\0"


def string(text):
    return bytes([len(text)]) + text.encode()


def data(kind, value):
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "SRV":
        priority, weight, port, target = value
        return struct.pack(">HHH", priority, weight, port) + name(target)
    order, preference, flags, service, replacement = value
    return (struct.pack(">HH", order, preference) + string(flags) +
            string(service) + string("") + name(replacement))


def answer(query, records, ttl=60):
    """records: (name, kind) to a list of values."""
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    kind = struct.unpack(">H", query[at + 1:at + 3])[0]
    question = query[12:at + 5]
    asked = ".".join(labels).lower()
    found = [(k, v) for (n, k), values in records.items() for v in values
             if n == asked and TYPES[k] == kind]
    there = any(n == asked for n, _ in records)
    out = query[:2] + struct.pack(">HHHHH", 0x8180 if there else 0x8183, 1,
                                  len(found), 0, 0) + question
    for k, v in found:
        rdata = data(k, v)
        out += b"\xc0\x0c" + struct.pack(">HHIH", TYPES[k], 1, ttl,
                                         len(rdata)) + rdata
    return out


class Dns:
    def __init__(self, records):
        self.records, self.asked = records, []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.setting = "dns_servers=127.0.0.1:%d" % self.sock.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while True:
                query, peer = self.sock.recvfrom(4096)
                self.sock.sendto(answer(query, self.records), peer)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.sock.close()
