# SPDX-License-Identifier: BSD-2-Clause
"""Phones behind a NAT, and phones that listen elsewhere than they send from:
calls find them, and keepalives keep the way to them open."""
import os
import re
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import Edge  # noqa: E402
from sip import Datagrams  # noqa: E402
from tap import equal  # noqa: E402
from ua import Ua, call, hang_up  # noqa: E402

USERS = ["100", "200", "300", "400", "500"]

PROFILE = """name = %s
vendor = Test
title = %s
source = bench the test itself
user_agent = %s/<*> ; source: bench
server_keepalive = %s ; source: bench
"""


def behind_nat(edge, user):
    """Its Contact and its Via have an address that leads nowhere from here."""
    ua = Ua(edge, user)
    ua.contact = "<sip:%s@10.99.0.7:5060>" % user
    ua.host, ua.port = "10.99.0.7", 5060
    return ua


class Crooked:
    """The socket of an old phone: it sends from one port and listens on
    another, which its Via and its Contact name."""

    def __init__(self, port):
        self.out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.out.bind(("127.0.0.1", 0))
        self.out.connect(("127.0.0.1", port))
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(20)

    def send(self, data):
        text = data.decode()
        mine = "127.0.0.1:%d" % self.sock.getsockname()[1]
        if not text.startswith("SIP/2.0 "):
            text = re.sub(r"(\r\nVia: SIP/2.0/UDP )[^;]*(;branch=\w+);rport",
                          lambda m: m.group(1) + mine + m.group(2), text, 1)
        self.out.send(text.encode())

    def recv(self):
        return self.sock.recv(65536)

    def close(self):
        self.out.close()
        self.sock.close()


def calls_go_to_the_flow_and_not_to_the_contact():
    with Edge(users=USERS) as edge:
        a, b = behind_nat(edge, "100"), behind_nat(edge, "200")
        equal(a.register().status, 200)
        equal(b.register().status, 200)
        mine, theirs = call(a, b)
        hang_up(theirs, mine)
        mine, theirs = call(b, a)
        hang_up(theirs, mine)
        # The edge comes back: where its phones are it has not forgotten.
        edge.stop()
        edge.start()
        a.proxy_nonce = b.proxy_nonce = None
        mine, theirs = call(a, b)
        hang_up(mine, theirs)


def a_forwarded_request_says_where_it_came_from():
    with Edge(users=USERS) as edge:
        a, b = behind_nat(edge, "100"), Ua(edge, "200")
        source = a.link.sock.getsockname()
        equal(a.register().status, 200)
        equal(b.register().status, 200)
        a.start("MESSAGE", "200", "hello")
        got = b.expect("MESSAGE")
        vias = got.all("Via")
        equal(len(vias), 2)
        equal(vias[1].startswith("SIP/2.0/UDP 10.99.0.7:5060;"), True)
        equal(";rport=%d" % source[1] in vias[1], True)
        equal(";received=127.0.0.1" in vias[1], True)
        b.respond(got, 200, "OK")
        a.expect(200)


def a_phone_that_listens_on_another_port_than_it_sends_from():
    with Edge(users=USERS) as edge:
        a = Ua(edge, "100", link=Crooked(edge.sip))
        b = Ua(edge, "200")
        equal(a.register().status, 200)
        equal(b.register().status, 200)
        mine, theirs = call(b, a)
        hang_up(theirs, mine)
        mine, theirs = call(a, b)
        hang_up(theirs, mine)
        # And once more with what was only read from the store.
        edge.stop()
        edge.start()
        b.proxy_nonce = None
        mine, theirs = call(b, a)
        hang_up(mine, theirs)


def profiles(edge):
    folder = os.path.join(edge.folder, "devices")
    os.mkdir(folder)
    for word in ("crlf", "zero", "none"):
        name = "wants-" + word
        with open(os.path.join(folder, name + ".device"), "w") as f:
            f.write(PROFILE % (name, name, name, word))
    edge.settings.append("devices_dir=" + folder)


def nothing_waits(link):
    """Nothing has come so far."""
    link.sock.settimeout(0)
    try:
        raise AssertionError("nothing was expected, got %r" %
                             link.sock.recv(65536))
    except (BlockingIOError, OSError):
        link.sock.settimeout(20)


def keepalives_go_where_they_are_needed():
    edge = Edge(settings=["nat_keepalive=1"], start=False)
    with edge:
        profiles(edge)
        os.makedirs(edge.data, 0o700, exist_ok=True)
        edge.add_users(USERS)
        edge.start()
        hidden, open_ = behind_nat(edge, "100"), Ua(edge, "200")
        zero, tls = Ua(edge, "300"), Ua(edge, "400", "TLS")
        none, plain = behind_nat(edge, "500"), Ua(edge, "500", "TCP")
        zero.device, tls.device = "wants-zero/1", "wants-crlf/1"
        none.device = "wants-none/1"
        for ua in (hidden, open_, zero, tls, none, plain):
            equal(ua.register().status, 200)
        # Each round serves all: what is not wanted has not come either.
        for _ in range(2):
            equal(hidden.link.recv(), b"\r\n\r\n")
            equal(zero.link.recv(), b"\0\0\0\0")
            equal(tls.link.sock.recv(65536)[:4], b"\r\n\r\n")
        for ua in (open_, none, plain):
            nothing_waits(ua.link)
        # A pong changes nothing.
        hidden.link.send(b"\r\n")
        tls.link.send(b"\r\n")
        equal(tls.register().status, 200)


def stun_keepalives_are_answered():
    """RFC 5626 8: who registered with outbound takes silence for a flow that
    has failed."""
    cookie, number = b"\x21\x12\xa4\x42", b"0123456789ab"
    with Edge(settings=["log_level=debug"]) as edge:
        link = Datagrams(edge.sip, "127.0.0.7")
        link.send(b"\x00\x01\x00\x00" + cookie + number)
        mask = int.from_bytes(cookie, "big")
        mapped = (int.from_bytes(socket.inet_aton("127.0.0.7"), "big") ^
                  mask).to_bytes(4, "big")
        port = (link.sock.getsockname()[1] ^ mask >> 16).to_bytes(2, "big")
        equal(link.recv(), b"\x01\x01\x00\x0c" + cookie + number +
              b"\x00\x20\x00\x08\x00\x01" + port + mapped)
        # An indication gets no answer, and neither is a bad message.
        link.send(b"\x00\x11\x00\x00" + cookie + number)
        link.send(b"junk that is a bad message")
        edge.wait_line(r" warn limit kind=bad_message count=1 ")
        nothing_waits(link)


if __name__ == "__main__":
    tap.main([calls_go_to_the_flow_and_not_to_the_contact,
              a_forwarded_request_says_where_it_came_from,
              a_phone_that_listens_on_another_port_than_it_sends_from,
              keepalives_go_where_they_are_needed,
              stun_keepalives_are_answered], jobs=2)
