# SPDX-License-Identifier: BSD-2-Clause
"""A SIP user agent that registers, calls and is called, message by message: a
test says what goes out, and what must come in next."""
import hashlib
import random
import re
import socket

from edge import PASSWORD
from sip import Phone

SDP = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
       "t=0 0\r\nm=audio 4000 RTP/AVP 0\r\n")


class Message:
    def __init__(self, data):
        self.data = data
        head, _, self.body = data.partition(b"\r\n\r\n")
        self.head = head.decode("utf-8", "replace")
        self.start = self.head.split("\r\n", 1)[0]
        words = self.start.split(" ", 2)
        self.status = int(words[1]) if words[0] == "SIP/2.0" else None
        self.method = None if self.status else words[0]
        self.uri = None if self.status else words[1]

    def all(self, name):
        """Its fields of this name; each may hold several values."""
        return re.findall(r"^%s[ \t]*:[ \t]*(.*?)\r?$" % re.escape(name),
                          self.head, re.M | re.I)

    def header(self, name):
        found = self.all(name)
        return found[0] if found else ""

    def values(self, name):
        """All values, in order; those with commas are in <>."""
        return [v.strip() for field in self.all(name)
                for v in re.split(r",(?![^<]*>)", field)]

    def cseq(self):
        number, method = self.header("CSeq").split()
        return int(number), method

    def tag(self, name):
        m = re.search(r";\s*tag=([^;>\s]+)", self.header(name))
        return m.group(1) if m else ""

    def contact(self):
        """The URI of its Contact."""
        return re.search(r"<([^>]*)>", self.header("Contact")).group(1)

    def branch(self):
        return re.search(r"branch=([^;,\s]+)", self.header("Via")).group(1)

    def is_response_to(self, method):
        return self.status and self.cseq()[1] == method

    def __repr__(self):
        return "%s (%s)" % (self.start, self.header("CSeq"))


class Silence(AssertionError):
    """What was waited for did not come."""


class Ua:
    """One account over one link (UDP socket or connection)."""

    def __init__(self, server, user, transport="UDP", source="127.0.0.1",
                 password=PASSWORD, **options):
        self.phone = Phone(server, user, password, transport, source=source,
                           **options)
        self.server, self.user, self.password = server, user, password
        self.transport, self.domain = transport, server.domain
        self.link = self.phone.link
        self.host, self.port = self.link.sock.getsockname()[:2]
        self.uri = "sip:%s@%s:%d%s" % (
            user, self.host, self.port,
            "" if transport == "UDP" else ";transport=" + transport.lower())
        self.phone.contact = "<%s>" % self.uri
        self.seen = []

    def register(self, **options):
        reply = self.phone.register(**options)
        if reply.status != 200:
            raise AssertionError("REGISTER: " + reply.text)
        return self

    def leave(self):
        """The account's bindings go, whoever made them."""
        try:
            self.link.close()
            self.phone.link = Phone(self.server, self.user,
                                    self.password).link
            self.phone.transport = "UDP"
            self.phone.register("*", "Expires: 0\r\n")
        finally:
            self.phone.link.close()

    # ---- out ----

    def via(self, branch=None):
        return "SIP/2.0/%s %s:%d;branch=%s;rport" % (
            self.transport, self.host, self.port,
            branch or "z9hG4bK%016x" % random.getrandbits(64))

    def send(self, start, fields, body=""):
        """fields: a list of (name, value); Content-Length is put in."""
        text = start + "\r\n"
        for name, value in fields:
            text += "%s: %s\r\n" % (name, value)
        data = body.encode() if isinstance(body, str) else body
        text += "Content-Length: %d\r\n\r\n" % len(data)
        self.link.send(text.encode() + data)

    def answer(self, request, status, reason="Told", tag=None, fields=(),
               body=""):
        """A response to request; tag: into its To, where it has none."""
        out = [("Via", v) for v in request.all("Via")]
        out += [("Record-Route", v) for v in request.all("Record-Route")]
        to = request.header("To")
        if tag and not request.tag("To"):
            to += ";tag=" + tag
        out += [("From", request.header("From")), ("To", to),
                ("Call-ID", request.header("Call-ID")),
                ("CSeq", request.header("CSeq")), *fields]
        if request.method == "INVITE" and 180 <= status < 300:
            out.append(("Contact", "<%s>" % self.uri))
        if body:
            out.append(("Content-Type", "application/sdp"))
        self.send("SIP/2.0 %d %s" % (status, reason), out, body)

    def credentials(self, challenge, method, uri):
        """The field that answers a 401 or 407."""
        kind = "Proxy-" if challenge.status == 407 else ""
        for offer in challenge.all(
                "Proxy-Authenticate" if kind else "WWW-Authenticate"):
            given = dict((k.lower(), v.strip('"')) for k, v in re.findall(
                r'(\w+)=("[^"]*"|[^\s,]+)', offer))
            if given.get("algorithm", "MD5").upper() == "MD5":
                break

        def md5(*parts):
            return hashlib.md5(":".join(parts).encode()).hexdigest()

        secret = md5(self.user, given["realm"], self.password)
        asked = md5(method, uri)
        text = 'Digest username="%s", realm="%s", nonce="%s", uri="%s", ' \
            'algorithm=MD5, ' % (self.user, given["realm"], given["nonce"],
                                 uri)
        if "qop" in given:
            text += 'qop=auth, nc=00000001, cnonce="e2e", response="%s"' % \
                md5(secret, given["nonce"], "00000001", "e2e", "auth", asked)
        else:
            text += 'response="%s"' % md5(secret, given["nonce"], asked)
        return kind + "Authorization", text

    # ---- in ----

    def receive(self, timeout_s=None):
        if timeout_s is not None:
            before = self.link.sock.gettimeout()
            self.link.sock.settimeout(timeout_s)
        try:
            while True:
                data = self.link.recv()
                if data.strip():
                    break
            message = Message(data)
        except (socket.timeout, TimeoutError):
            raise Silence("%s: nothing came; so far %s" %
                          (self.user, self.seen)) from None
        finally:
            if timeout_s is not None:
                self.link.sock.settimeout(before)
        self.seen.append(message)
        return message

    def next(self, *wanted, also=(100,)):
        """The next message, which must be of wanted (methods and status
        codes); those of also are passed over."""
        while True:
            message = self.receive()
            if message.status in wanted or message.method in wanted:
                return message
            if message.status in also or message.method in also:
                continue
            raise AssertionError("%s: expected %s, got %r; so far %s" % (
                self.user, wanted, message, self.seen))

    def close(self):
        self.link.close()


class Call:
    """The caller's side of one INVITE, and of the dialog that it makes."""

    def __init__(self, ua, user=None, uri=None, fields=(), body=SDP):
        self.ua, self.body = ua, body
        self.uri = uri or "sip:%s@%s" % (user, ua.domain)
        self.call_id = "%016x@e2e" % random.getrandbits(64)
        self.from_ = "<sip:%s@%s>;tag=%08x" % (ua.user, ua.domain,
                                               random.getrandbits(32))
        self.to = "<%s>" % self.uri
        self.cseq, self.fields = 0, list(fields)
        self.routes, self.first_routes, self.remote = [], [], self.uri
        self.credentials = None

    def request(self, method, uri=None, fields=(), body="", cseq=None,
                branch=None, to=None, routes=None):
        """Sends it; its branch."""
        ua = self.ua
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        branch = branch or "z9hG4bK%016x" % random.getrandbits(64)
        out = [("Via", ua.via(branch)), ("Max-Forwards", 70)]
        out += [("Route", r) for r in
                (self.routes if routes is None else routes)]
        out += [("From", self.from_), ("To", to or self.to),
                ("Call-ID", self.call_id), ("CSeq", "%d %s" % (cseq, method)),
                ("Contact", "<%s>" % ua.uri)]
        if self.credentials and method not in ("CANCEL", "ACK"):
            out.append(self.credentials)
            self.credentials = None  # a nonce-count is good for one
        out += fields
        if body:
            out.append(("Content-Type", "application/sdp"))
        ua.send("%s %s SIP/2.0" % (method, uri or self.remote), out, body)
        return branch

    def invite(self):
        self.first_routes = self.routes
        self.branch = self.request("INVITE", fields=self.fields,
                                   body=self.body)
        return self

    def proves(self):
        """Answers the challenge that must come."""
        challenge = self.ua.next(401, 407)
        self.ack(challenge)
        self.credentials = self.ua.credentials(challenge, "INVITE", self.uri)
        return self.invite()

    def ack(self, response):
        """Of a refusal: hop by hop; of a 2xx: on the way of the dialog."""
        if response.status >= 300:
            self.request("ACK", self.uri, branch=self.branch,
                         routes=self.first_routes, cseq=response.cseq()[0],
                         to=response.header("To"))
        else:
            self.learn(response)
            self.request("ACK", cseq=response.cseq()[0])

    def learn(self, response):
        self.to = response.header("To")
        self.remote = response.contact()
        self.routes = list(reversed(response.values("Record-Route")))

    def cancel(self):
        self.request("CANCEL", self.uri, branch=self.branch, cseq=self.cseq,
                     routes=self.first_routes)

    def bye(self):
        self.request("BYE")
        return self.ua.next(200)


def answered(caller, called, **options):
    """A call that is set up: (the caller's Call, the called one's INVITE)."""
    call = Call(caller, called.user, **options).invite().proves()
    invite = called.next("INVITE")
    called.answer(invite, 180, tag="callee")
    caller.next(180)
    called.answer(invite, 200, tag="callee", body=SDP)
    call.ack(caller.next(200))
    called.next("ACK")
    return call, invite
