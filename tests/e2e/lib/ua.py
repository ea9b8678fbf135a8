# SPDX-License-Identifier: BSD-2-Clause
"""A user agent that calls and is called, message by message: the test says
what it sends and what has to come."""
import random
import re
import socket

from edge import DOMAIN
from sip import Phone

SDP = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
       "t=0 0\r\nm=audio 40000 RTP/AVP 0\r\n")


def word():
    return "%016x" % random.getrandbits(64)


class Msg:
    """One message, its fields in order, values of lists apart."""
    LISTS = ("via", "route", "record-route")

    def __init__(self, data):
        self.data = data
        head, _, self.body = data.decode("utf-8", "replace").partition(
            "\r\n\r\n")
        lines = head.split("\r\n")
        self.start = lines[0]
        self.fields = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.fields.append((name.strip(), value.strip()))
        first = self.start.split(" ")
        self.status = int(first[1]) if first[0] == "SIP/2.0" else None
        self.reason = self.start.split(" ", 2)[2] if self.status else None
        self.method = None if self.status else first[0]
        self.uri = None if self.status else first[1]

    def all(self, name):
        found = []
        for n, value in self.fields:
            if n.lower() != name.lower():
                continue
            if name.lower() in self.LISTS:
                found += [v.strip() for v in
                          re.split(r",(?=[^>]*(?:<|$))", value)]
            else:
                found.append(value)
        return found

    def get(self, name):
        found = self.all(name)
        return found[0] if found else None

    def tag(self, name):
        m = re.search(r";tag=([^;>\s]+)", self.get(name))
        return m.group(1) if m else None

    def contact(self):
        return re.search(r"<([^>]*)>", self.get("Contact")).group(1)

    @property
    def cseq(self):
        return int(self.get("CSeq").split()[0])

    @property
    def cseq_method(self):
        return self.get("CSeq").split()[1]

    def __str__(self):
        return self.data.decode("utf-8", "replace")


class Dialog:
    """One side of a dialog (RFC 3261 12.1)."""

    def __init__(self, ua, local, remote, call_id, target, routes, cseq):
        self.ua, self.local, self.remote = ua, local, remote
        self.call_id, self.target, self.routes = call_id, target, routes
        self.cseq = cseq

    def request(self, method, body="", extra="", cseq=None, **options):
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        routes = "".join("Route: %s\r\n" % r for r in
                         options.pop("routes", self.routes))
        return self.ua.request(method, self.target, self.remote,
                               from_=self.local, call_id=self.call_id,
                               cseq=cseq, body=body, extra=routes + extra,
                               **options)


class Ua(Phone):
    def __init__(self, edge, user, transport="UDP", **options):
        super().__init__(edge, user, transport=transport, **options)
        self.host, self.port = self.link.sock.getsockname()[:2]
        if ":" in self.host:
            self.host = "[%s]" % self.host
        if transport != "UDP":
            self.link.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY,
                                      1)
        self.contact = "<sip:%s@%s:%d%s>" % (
            user, self.host, self.port,
            "" if transport == "UDP" else ";transport=" + transport.lower())
        self.proxy_nonce = None
        self.aor = "sip:%s@%s" % (user, self.domain)
        self.record_routes = True  # an old phone does not know them

    # ---- out ----

    def send(self, text):
        self.link.send(text.encode() if isinstance(text, str) else text)

    def credentials(self, method, uri):
        self.proxy_nc += 1
        ha1 = self.hash("%s:%s:%s" % (self.user, self.proxy_realm,
                                      self.password))
        ha2 = self.hash("%s:%s" % (method, uri))
        response = self.hash("%s:%s:%08x:c0ffee:auth:%s" %
                             (ha1, self.proxy_nonce, self.proxy_nc, ha2))
        return ('Proxy-Authorization: Digest username="%s",realm="%s",'
                'nonce="%s",uri="%s",response="%s",algorithm=%s,qop=auth,'
                'nc=%08x,cnonce="c0ffee"\r\n' %
                (self.user, self.proxy_realm, self.proxy_nonce, uri, response,
                 self.algorithm, self.proxy_nc))

    def via(self, branch):
        return "SIP/2.0/%s %s:%d;branch=%s;rport" % (
            self.transport, self.host, self.port, branch)

    def request(self, method, uri, to, from_=None, call_id=None, cseq=1,
                body="", extra="", branch=None, max_forwards=70, auth=False,
                contact=True):
        """Send one request; its text.  What is inside is kept for an ACK."""
        text = ("%s %s SIP/2.0\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\n"
                "Call-ID: %s\r\nCSeq: %d %s\r\n" %
                (method, uri, self.via(branch or "z9hG4bK" + word()),
                 from_ or "<%s>;tag=%s" % (self.aor, word()), to,
                 call_id or word(), cseq, method))
        if max_forwards is not None:
            text += "Max-Forwards: %d\r\n" % max_forwards
        if contact:
            text += "Contact: %s\r\n" % self.contact
        text += extra
        if auth:
            text += self.credentials(method, uri)
        if body:
            text += "Content-Type: application/sdp\r\n"
        text += "Content-Length: %d\r\n\r\n%s" % (len(body.encode()), body)
        self.send(text)
        return Msg(text.encode())

    def respond(self, request, status, reason="x", body="", extra="", tag=None,
                contact=True):
        text = "SIP/2.0 %d %s\r\n" % (status, reason)
        for name, value in request.fields:
            if name.lower() == "via" or (
                    name.lower() == "record-route" and self.record_routes):
                text += "%s: %s\r\n" % (name, value)
        to = request.get("To")
        if "tag=" not in to and status > 100:
            to += ";tag=" + (tag or self.tag_for(request))
        text += "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n" % (
            request.get("From"), to, request.get("Call-ID"),
            request.get("CSeq"))
        if contact and status > 100:
            text += "Contact: %s\r\n" % self.contact
        text += extra
        if body:
            text += "Content-Type: application/sdp\r\n"
        text += "Content-Length: %d\r\n\r\n%s" % (len(body.encode()), body)
        self.send(text)
        return Msg(text.encode())

    def tag_for(self, request):
        return "%s-%d" % (request.get("Call-ID")[:8], self.port)

    def ack_failure(self, invite, response):
        """For what is no 2xx: of the same transaction (17.1.1.3)."""
        routes = "".join("Route: %s\r\n" % r for r in invite.all("Route"))
        branch = re.search(r"branch=([^;]+)", invite.get("Via")).group(1)
        return self.request("ACK", invite.uri, response.get("To"),
                            from_=invite.get("From"),
                            call_id=invite.get("Call-ID"), cseq=invite.cseq,
                            branch=branch, extra=routes, contact=False)

    def cancel(self, invite):
        branch = re.search(r"branch=([^;]+)", invite.get("Via")).group(1)
        return self.request("CANCEL", invite.uri, invite.get("To"),
                            from_=invite.get("From"),
                            call_id=invite.get("Call-ID"), cseq=invite.cseq,
                            branch=branch, contact=False)

    # ---- in ----

    def next(self, timeout=None):
        if timeout is not None:
            self.link.sock.settimeout(timeout)
        return Msg(self.link.recv())

    def expect(self, what, skip=(100,)):
        """The next message, which must be this method or status; others in
        skip are passed by."""
        while True:
            m = self.next()
            got = m.status or m.method
            if got == what:
                return m
            if got not in skip:
                raise AssertionError("%s %s: expected %s, got:\n%s" %
                                     (self.user, self.transport, what, m))

    def silent(self, seconds=0.3):
        """Nothing comes."""
        self.link.sock.settimeout(seconds)
        try:
            m = self.link.recv()
        except (socket.timeout, TimeoutError):
            self.link.sock.settimeout(20)
            return
        raise AssertionError("%s: nothing was expected, got:\n%s" %
                             (self.user, m.decode()))

    # ---- the usual ----

    def start(self, method, target, body="", extra="", **options):
        """A request outside of a dialog, after the one challenge."""
        uri = target if ":" in target else "sip:%s@%s" % (target, DOMAIN)
        from_ = "<%s>;tag=%s" % (self.aor, word())
        call_id = word()
        cseq = 1
        if not self.proxy_nonce:
            first = self.request(method, uri, "<%s>" % uri, from_, call_id,
                                 cseq, body, extra, **options)
            self.challenged(self.expect(407))
            if method == "INVITE":
                self.ack_failure(first, self.last_challenge)
            cseq += 1
        return self.request(method, uri, "<%s>" % uri, from_, call_id, cseq,
                            body, extra, auth=True, **options)

    def challenged(self, reply):
        self.last_challenge = reply
        for c in reply.all("Proxy-Authenticate"):
            if "algorithm=" + self.algorithm in c.replace('"', ""):
                self.proxy_nonce = re.search(r'nonce="([^"]*)"', c).group(1)
                self.proxy_realm = re.search(r'realm="([^"]*)"', c).group(1)
                self.proxy_nc = 0

    def caller(self, invite, response):
        """The caller's side of the dialog that this 2xx (or 1xx) makes."""
        return Dialog(self, invite.get("From"), response.get("To"),
                      invite.get("Call-ID"), response.contact(),
                      list(reversed(response.all("Record-Route"))),
                      invite.cseq)

    def callee(self, invite, response):
        routes = invite.all("Record-Route") if self.record_routes else []
        return Dialog(self, response.get("To"), invite.get("From"),
                      invite.get("Call-ID"), invite.contact(), routes, 100)


def call(a, b, body=SDP):
    """a calls b, b answers, a acknowledges: both dialogs."""
    sent = a.start("INVITE", b.user, body)
    got = b.expect("INVITE")
    b.respond(got, 180, "Ringing")
    a.expect(180)
    answer = b.respond(got, 200, "OK", body)
    ok = a.expect(200)
    mine = a.caller(sent, ok)
    mine.request("ACK", cseq=sent.cseq)
    b.expect("ACK")
    return mine, b.callee(got, answer)


def hang_up(one, other):
    """one's side says BYE, other's user agent answers."""
    one.request("BYE")
    bye = other.ua.expect("BYE")
    other.ua.respond(bye, 200, "OK", contact=False)
    one.ua.expect(200)
