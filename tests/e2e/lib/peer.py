# SPDX-License-Identifier: BSD-2-Clause
"""The other side of a phone: a registrar that takes everybody, and whatever
requests and answers a test sends; UDP or TCP."""
import random
import re
import socket
import threading

import sip
from edge import DEADLINE_S

SDP = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
       "t=0 0\r\nm=audio %d RTP/AVP 0\r\na=%s\r\n")


class Message:
    """A request or a response."""

    def __init__(self, data):
        self.text = data.decode("utf-8", "replace")
        head, _, self.body = self.text.lstrip("\r\n").partition("\r\n\r\n")
        first = head.split("\r\n", 1)[0]
        self.status = int(first.split(" ")[1]) if \
            first.startswith("SIP/2.0 ") else 0
        self.method = self.header("CSeq").split()[1] if self.status else \
            first.split(" ")[0]
        self.uri = None if self.status else first.split(" ")[1]
        self.kind = self.status or self.method

    def all(self, name):
        head = self.text.lstrip().partition("\r\n\r\n")[0] + "\r\n"
        return re.findall(r"^%s:[ \t]*(.*?)\r$" % re.escape(name), head,
                          re.M | re.I)

    def header(self, name):
        found = self.all(name)
        return found[0] if found else None

    def tag(self, name):
        found = re.search(r";tag=([^;\s]+)", self.header(name))
        return found.group(1) if found else None


class Peer:
    """Takes one phone; REGISTER is answered by itself."""

    def __init__(self, transport="udp"):
        self.transport = transport
        kind = socket.SOCK_DGRAM if transport == "udp" else \
            socket.SOCK_STREAM
        self.sock = socket.socket(socket.AF_INET, kind)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.link, self.phone, self.contact = None, None, None
        self.got, self.taken = [], 0
        self.more = threading.Condition()
        threading.Thread(target=self.run, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.sock.close()
        if self.link:
            self.link.close()

    def options(self, **options):
        argv = ["--transport", self.transport, "--server",
                "127.0.0.1:%d" % self.port]
        for name, value in options.items():
            argv.append("--" + name.replace("_", "-"))
            if value is not True:
                argv.append(value)
        return argv

    def recv(self):
        if self.link:
            return self.link.recv()
        while True:
            data, self.phone = self.sock.recvfrom(65536)
            if data.strip():
                return data

    def run(self):
        try:
            if self.transport == "tcp":
                self.sock.listen()
                self.link = sip.Stream(self.sock.accept()[0])
                self.link.sock.settimeout(None)
            while True:
                self.take(Message(self.recv()))
        except (OSError, EOFError):
            pass

    def take(self, m):
        if m.kind == "REGISTER":
            self.contact = re.search(r"<([^>]*)>",
                                     m.header("Contact")).group(1)
            self.reply(m, 200, "OK", "Contact: %s\r\nExpires: 3600\r\n" %
                       m.header("Contact"))
            return
        with self.more:
            self.got.append(m)
            self.more.notify()

    def send(self, text):
        data = text.encode()
        if self.link:
            self.link.send(data)
        else:
            self.sock.sendto(data, self.phone)

    def reply(self, m, status, reason, extra="", tag="peer", body=""):
        to = m.header("To")
        if "tag=" not in to and status > 100:
            to += ";tag=" + tag
        text = "SIP/2.0 %d %s\r\n" % (status, reason)
        text += "".join("Via: %s\r\n" % v for v in m.all("Via"))
        text += ("From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n" %
                 (m.header("From"), to, m.header("Call-ID"),
                  m.header("CSeq")))
        self.send(self.finish(text + extra, body))

    def finish(self, text, body):
        if body:
            text += "Content-Type: application/sdp\r\n"
        return "%sContent-Length: %d\r\n\r\n%s" % (text, len(body), body)

    def request(self, method, cseq, to_tag=None, call_id="peer", extra="",
                body="", branch=None):
        branch = branch or "z9hG4bK%08x" % random.getrandbits(32)
        self.send(self.finish(
            "%s %s SIP/2.0\r\n"
            "Via: SIP/2.0/%s 127.0.0.1:%d;branch=%s;rport\r\n"
            "From: <sip:peer@example.test>;tag=peer\r\n"
            "To: <sip:100@example.test>%s\r\nCall-ID: %s\r\n"
            "CSeq: %d %s\r\nMax-Forwards: 70\r\n"
            "Contact: <sip:peer@127.0.0.1:%d>\r\n%s" %
            (method, self.contact, self.transport.upper(), self.port, branch,
             ";tag=" + to_tag if to_tag else "", call_id, cseq, method,
             self.port, extra), body))
        return branch

    def wait(self, kind):
        """The next message of this method or status; others are passed
        over."""
        with self.more:
            while True:
                while self.taken < len(self.got):
                    self.taken += 1
                    if self.got[self.taken - 1].kind == kind:
                        return self.got[self.taken - 1]
                if not self.more.wait(DEADLINE_S):
                    raise AssertionError("no %s came: %s" % (
                        kind, [m.kind for m in self.got]))
