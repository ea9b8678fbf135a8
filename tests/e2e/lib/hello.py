# SPDX-License-Identifier: BSD-2-Clause
"""TLS ClientHellos made by hand (RFC 5246 7.4.1.2), so that each byte of what
the edge sees is known, and the little of an answer that a test must read."""
import socket
import struct

HANDSHAKE, ALERT = 22, 21
SERVER_HELLO_DONE = 14
AES128_GCM = 0xc02f, 0x009c  # with ECDHE-RSA and RSA
RSA_PSS_AND_PKCS1 = 0x0804, 0x0401
# Its first four bytes are no time that a clock starts at.
RANDOM = bytes(range(0x80, 0xa0))


def vector(data, size=2):
    """data behind its length in size bytes."""
    return len(data).to_bytes(size, "big") + data


def u16s(numbers):
    return b"".join(struct.pack("!H", n) for n in numbers)


def extension(number, data):
    return struct.pack("!H", number) + vector(data)


def client_hello(version=0x0303, suites=AES128_GCM, name=None, versions=None):
    """One record.  version: legacy_version, the highest for old clients;
    versions: what supported_versions lists (RFC 8446 4.2.1)."""
    extensions = b""
    if name:
        extensions += extension(0, vector(b"\x00" + vector(name.encode())))
    if version >= 0x0303:
        extensions += extension(10, vector(u16s([29, 23])))  # x25519, P-256
        extensions += extension(13, vector(u16s(RSA_PSS_AND_PKCS1)))
    if versions:
        extensions += extension(43, vector(u16s(versions), 1))
    body = struct.pack("!H", version) + RANDOM + vector(b"", 1) + \
        vector(u16s(suites)) + vector(b"\x00", 1) + vector(extensions)
    return record(HANDSHAKE, b"\x01" + vector(body, 3))


def record(kind, data, version=0x0301):
    return struct.pack("!BH", kind, version) + vector(data)


def alert(code, level=2):
    return record(ALERT, bytes([level, code]), 0x0303)


def connect(port, source="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", port), 20, (source, 0))


def reset(sock):
    """Close with RST in place of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


def read_server_flight(sock):
    """Up to ServerHelloDone of TLS 1.2; the whole flight."""
    data = b""
    while not ends_with_done(data):
        more = sock.recv(65536)
        if not more:
            raise EOFError("closed in the middle of the flight: %r" % data)
        data += more
    return data


def ends_with_done(data):
    messages = b""
    while len(data) >= 5 and data[0] == HANDSHAKE:
        size = int.from_bytes(data[3:5], "big")
        messages += data[5:5 + size]
        data = data[5 + size:]
    while len(messages) >= 4:
        if messages[0] == SERVER_HELLO_DONE:
            return True
        messages = messages[4 + int.from_bytes(messages[1:4], "big"):]
    return False
