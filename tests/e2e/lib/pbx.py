# SPDX-License-Identifier: BSD-2-Clause
"""A small PBX: a registrar with digest and Path, over UDP and TCP or TLS, which
calls the phones that have registered and takes their calls."""
import hashlib
import random
import re
import socket
import ssl
import threading

import sip
from edge import DEADLINE_S, PASSWORD
from peer import SDP, Message

REALM = "pbx.test"


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def branch():
    return "z9hG4bK%012x" % random.getrandbits(48)


class Pbx:
    """deaf: answers nothing; busy: 503 to all; both may be set later."""

    def __init__(self, port=0, host="127.0.0.1", path=True, chain=None,
                 clients=None, version=None):
        """chain: (certificate, key), then its stream is TLS; clients: the
        roots of the certificates that they must show; version: of TLS."""
        self.path = path  # False: takes no Path
        self.context, self.hellos, self.refusals = None, [], []
        self.accepted, self.heard = 0, []
        if chain:
            self.context = context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*chain)
            context.sni_callback = lambda s, name, c: self.hellos.append(name)
            if clients:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(clients)
            if version:
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = version
                context.set_ciphers("ALL:@SECLEVEL=0")
        self.deaf = self.busy = False
        self.host, self.bindings = host, {}
        self.got, self.taken = [], 0
        self.more = threading.Condition()
        self.links = []
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.port = self.listener.getsockname()[1]
        self.listener.listen()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((host, self.port))
        for work in (self.run_udp, self.run_tcp):
            threading.Thread(target=work, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def close(self):
        """As a process that is killed: its sockets are gone."""
        for s in [self.listener, self.udp]:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        for link in self.links:
            try:
                link.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            link.close()

    def transport_of(self, link):
        if not link:
            return "udp"
        return "tls" if isinstance(link.sock, ssl.SSLSocket) else "tcp"

    def uri(self, transport="udp"):
        return "sip:%s:%d;transport=%s" % (self.host, self.port, transport)

    # ---- bytes ----

    def run_udp(self):
        try:
            while True:
                data, peer = self.udp.recvfrom(65536)
                if data.strip():
                    self.take(Message(data), lambda text, to=peer:
                              self.udp.sendto(text.encode(), to), "UDP", peer)
        except OSError:
            pass

    def run_tcp(self):
        try:
            while True:
                sock, peer = self.listener.accept()
                self.accepted += 1
                if self.context:
                    threading.Thread(target=self.shake, args=(sock, peer),
                                     daemon=True).start()
                else:
                    self.serve(sip.Stream(sock), peer)
        except OSError:
            pass

    def shake(self, sock, peer):
        sock.settimeout(DEADLINE_S)
        try:
            sock = self.context.wrap_socket(sock, server_side=True)
        except OSError as e:
            self.refusals.append(str(e))
            sock.close()
            return
        self.serve(sip.Stream(sock), peer)

    def serve(self, link, peer):
        link.sock.settimeout(None)
        self.links.append(link)

        def run():
            try:
                while True:
                    self.take(Message(link.recv()), lambda text:
                              link.send(text.encode()),
                              "TLS" if self.context else "TCP", peer)
            except (OSError, EOFError, ValueError):
                pass
        threading.Thread(target=run, daemon=True).start()
        return link

    def connect(self, host, port, context=None, name=None):
        """A connection of our own; context: with TLS."""
        sock = socket.create_connection((host, port), DEADLINE_S)
        if context:
            sock = context.wrap_socket(sock, server_hostname=name)
        return self.serve(sip.Stream(sock), (host, port))

    # ---- requests ----

    def take(self, m, send, transport, peer):
        m.send, m.transport, m.peer = send, transport, peer
        self.heard.append(m.kind)
        if self.deaf:
            return
        if self.busy and m.method != "ACK" and not m.status:
            self.reply(m, 503, "Service Unavailable")
            return
        elif m.kind == "OPTIONS":
            self.reply(m, 200, "OK")
            return
        elif m.kind == "REGISTER":
            self.register(m)
        with self.more:
            self.got.append(m)
            self.more.notify_all()

    def heard_of(self, kind):
        """Even when it was deaf."""
        return kind in self.heard

    def reply(self, m, status, reason, extra="", tag="pbx", body=""):
        to = m.header("To")
        if "tag=" not in to and status > 100:
            to += ";tag=" + tag
        text = "SIP/2.0 %d %s\r\n" % (status, reason)
        text += "".join("Via: %s\r\n" % v for v in m.all("Via"))
        text += "".join("Record-Route: %s\r\n" % v
                        for v in m.all("Record-Route"))
        text += ("From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n" %
                 (m.header("From"), to, m.header("Call-ID"),
                  m.header("CSeq")))
        m.send(self.finish(text + extra, body))

    def finish(self, text, body=""):
        if body:
            text += "Content-Type: application/sdp\r\n"
        return "%sContent-Length: %d\r\n\r\n%s" % (text, len(body), body)

    def is_right(self, m, user):
        digest = m.header("Authorization")
        if not digest:
            return False
        v = dict(re.findall(r'(\w+)="?([^",]*)"?', digest))
        ha1 = md5("%s:%s:%s" % (user, REALM, PASSWORD))
        ha2 = md5("%s:%s" % (m.method, v["uri"]))
        return v["username"] == user and v["response"] == md5(
            "%s:%s:%s:%s:%s:%s" % (ha1, v["nonce"], v["nc"], v["cnonce"],
                                   v["qop"], ha2))

    def register(self, m):
        user = re.search(r"sips?:([^@>]*)@", m.header("To")).group(1)
        if not self.is_right(m, user):
            self.reply(m, 401, "Unauthorized", 'WWW-Authenticate: Digest '
                       'realm="%s",nonce="n0nce",qop="auth",algorithm=MD5\r\n'
                       % REALM)
            return
        have = self.bindings.setdefault(user, [])
        for contact in m.all("Contact"):
            if contact == "*":
                have.clear()
                continue
            uri = re.search(r"<([^>]*)>", contact).group(1)
            expires = re.search(r";expires=(\d+)", contact)
            seconds = int(expires.group(1) if expires else
                          m.header("Expires") or 3600)
            if 0 < seconds < 60:
                self.reply(m, 423, "Interval Too Brief",
                           "Min-Expires: 60\r\n")
                return
            have[:] = [b for b in have if b["contact"] != uri]
            if seconds:
                have.append({"contact": uri, "expires": seconds,
                             "path": m.all("Path") if self.path else [],
                             "message": m})
        extra = "".join("Contact: <%s>;expires=%d\r\n" %
                        (b["contact"], b["expires"]) for b in have)
        if self.path:
            extra += "".join("Path: %s\r\n" % p for p in m.all("Path"))
        self.reply(m, 200, "OK", extra)

    def wait(self, kind, such=lambda m: True):
        """The next message of this method or status; others are passed
        over."""
        with self.more:
            while True:
                while self.taken < len(self.got):
                    self.taken += 1
                    m = self.got[self.taken - 1]
                    if m.kind == kind and such(m):
                        return m
                if not self.more.wait(DEADLINE_S):
                    raise AssertionError("the PBX got no %s: %s" % (
                        kind, [m.kind for m in self.got]))

    # ---- calls ----

    def request(self, method, uri, routes=(), cseq=1, to_tag=None,
                call_id=None, extra="", body="", to=None, via=None, link=None):
        """link: over this connection; else a datagram to where the first
        route, or the URI, says."""
        self.branch = via or branch()
        transport = self.transport_of(link).upper()
        text = ("%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s:%d;branch=%s\r\n" %
                (method, uri, transport, self.host, self.port, self.branch))
        text += "".join("Route: %s\r\n" % r for r in routes)
        text += ("From: <sip:200@pbx.test>;tag=pbx\r\nTo: <%s>%s\r\n"
                 "Call-ID: %s\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\n"
                 "Contact: <%s>\r\n%s" %
                 (to or "sip:100@pbx.test", ";tag=" + to_tag if to_tag else
                  "", call_id or "call-%d" % random.getrandbits(40), cseq,
                  method, self.uri(transport.lower()), extra))
        text = self.finish(text, body)
        if link:
            link.send(text.encode())
            return
        where = re.search(r"@?([\d.]+):(\d+)",
                          routes[0] if routes else uri)
        self.udp.sendto(text.encode(),
                        (where.group(1), int(where.group(2))))

    def call(self, user, link=None, call_id="call", **more):
        """An INVITE to the one contact of a user."""
        b = self.bindings[user][-1]
        self.request("INVITE", b["contact"], b["path"], call_id=call_id,
                     body=SDP % (4000, "sendrecv"), link=link, **more)
        return b
