# SPDX-License-Identifier: BSD-2-Clause
"""A small SIP user agent: registers over UDP, TCP and TLS, on purpose wrong
where a test wants it."""
import hashlib
import random
import re
import socket
import ssl

from edge import DOMAIN, PASSWORD

TIMEOUT_S = 20
HASHES = {"MD5": "md5", "SHA-256": "sha256"}


class Reply:
    def __init__(self, data):
        self.text = data.decode("utf-8", "replace")
        self.status = int(self.text.split(" ", 2)[1])
        self.reason = self.text.split("\r\n", 1)[0].split(" ", 2)[2]

    def all(self, name):
        return re.findall(r"^%s:\s*(.*?)\r$" % re.escape(name), self.text,
                          re.M | re.I)

    def header(self, name):
        found = self.all(name)
        return found[0] if found else None


class Stream:
    """Whole messages off a TCP or TLS socket."""

    def __init__(self, sock):
        self.sock, self.data = sock, b""
        self.crlfs = b""  # keepalives so far
        sock.settimeout(TIMEOUT_S)

    def send(self, data):
        self.sock.sendall(data)

    def recv(self):
        while True:
            # Keepalives stand before a start-line (RFC 3261 7.5).
            rest = self.data.lstrip(b"\r\n")
            self.crlfs += self.data[:len(self.data) - len(rest)]
            self.data = rest
            head, mark, rest = self.data.partition(b"\r\n\r\n")
            if mark:
                m = re.search(rb"^content-length:\s*(\d+)", head, re.M | re.I)
                n = int(m.group(1)) if m else 0
                if len(rest) >= n:
                    self.data = rest[n:]
                    return head + mark + rest[:n]
            more = self.sock.recv(65536)
            if not more:
                raise EOFError("closed by the edge")
            self.data += more

    def closed(self):
        """Wait for the end; what came before it."""
        data = self.data
        try:
            while True:
                more = self.sock.recv(65536)
                if not more:
                    return data
                data += more
        except (ConnectionResetError, ssl.SSLError):
            return data

    def close(self):
        self.sock.close()


class Datagrams:
    def __init__(self, port, source="127.0.0.1"):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((source, 0))
        self.sock.connect(("127.0.0.1", port))
        self.sock.settimeout(TIMEOUT_S)

    def send(self, data):
        self.sock.send(data)

    def recv(self):
        return self.sock.recv(65536)

    def close(self):
        self.sock.close()


def tcp(port, source="127.0.0.1"):
    return Stream(socket.create_connection(("127.0.0.1", port), TIMEOUT_S,
                                           (source, 0)))


def tls(port, ca=None, version=None, source="127.0.0.1", name=DOMAIN,
        ciphers=None):
    """ca: verify against this file; None: do not verify.  ciphers: what this
    machine's Python offers is the hello of one known program or another."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = ca is not None
    context.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    if ca:
        context.load_verify_locations(ca)
    if version:
        context.minimum_version = context.maximum_version = version
    if ciphers:
        context.set_ciphers(ciphers)
    raw = socket.create_connection(("127.0.0.1", port), TIMEOUT_S, (source, 0))
    return Stream(context.wrap_socket(raw, server_hostname=name))


class Phone:
    def __init__(self, edge, user, password=PASSWORD, transport="UDP",
                 algorithm="MD5", source="127.0.0.1", link=None, **tls_options):
        self.user, self.password, self.transport = user, password, transport
        self.algorithm, self.domain = algorithm, edge.domain
        self.call_id = "%016x" % random.getrandbits(64)
        self.cseq, self.nc = 0, 0
        self.nonce = self.realm = None
        self.device = "e2e/1.0"
        if link:
            self.link = link
        elif transport == "UDP":
            self.link = Datagrams(edge.sip, source)
        elif transport == "TCP":
            self.link = tcp(edge.sip, source)
        else:
            self.link = tls(edge.tls, source=source, **tls_options)
        self.contact = "<sip:%s@127.0.0.1:5099;transport=%s>" % (
            user, transport.lower())

    def hash(self, text):
        return hashlib.new(HASHES[self.algorithm], text.encode()).hexdigest()

    def authorization(self, uri, realm=None):
        self.nc += 1
        realm = realm or self.realm
        ha1 = self.hash("%s:%s:%s" % (self.user, realm, self.password))
        ha2 = self.hash("REGISTER:" + uri)
        response = self.hash("%s:%s:%08x:c0ffee:auth:%s" %
                             (ha1, self.nonce, self.nc, ha2))
        return ('Authorization: Digest username="%s",realm="%s",nonce="%s",'
                'uri="%s",response="%s",algorithm=%s,qop=auth,nc=%08x,'
                'cnonce="c0ffee"\r\n' % (self.user, realm, self.nonce, uri,
                                         response, self.algorithm, self.nc))

    def build(self, contact, extra="", aor=None, realm=None):
        self.cseq += 1
        uri = "sip:" + self.domain
        text = ("REGISTER %s SIP/2.0\r\n"
                "Via: SIP/2.0/%s 127.0.0.1:5099;branch=z9hG4bK%016x;rport\r\n"
                "From: <sip:%s@%s>;tag=e2e\r\n"
                "To: <sip:%s@%s>\r\n"
                "Call-ID: %s\r\nCSeq: %d REGISTER\r\nMax-Forwards: 70\r\n"
                "User-Agent: %s\r\n" %
                (uri, self.transport, random.getrandbits(64), self.user,
                 self.domain, aor or self.user, self.domain, self.call_id,
                 self.cseq, self.device))
        for one in [contact] if isinstance(contact, str) else contact or []:
            text += "Contact: %s\r\n" % one
        text += extra
        if self.nonce:
            text += self.authorization(uri, realm)
        return (text + "Content-Length: 0\r\n\r\n").encode()

    def learn(self, reply):
        for c in reply.all("WWW-Authenticate"):
            plain = c.replace('"', "")
            if "algorithm=" + self.algorithm in plain or (
                    self.algorithm == "MD5" and "algorithm=" not in plain):
                self.nonce = re.search(r'nonce="([^"]*)"', c).group(1)
                self.realm = re.search(r'realm="([^"]*)"', c).group(1)
                self.nc = 0

    def once(self, contact, extra="", **options):
        """One request as it is; its answer."""
        self.last = self.build(contact, extra, **options)
        self.link.send(self.last)
        data = self.link.recv()
        while data.strip(b"\r\n") == b"":  # a keepalive of the edge's
            data = self.link.recv()
        reply = Reply(data)
        self.learn(reply)
        return reply

    def register(self, contact=0, extra="", **options):
        """With an answer to one challenge, as phones do."""
        contact = self.contact if contact == 0 else contact
        reply = self.once(contact, extra, **options)
        if reply.status == 401:
            reply = self.once(contact, extra, **options)
        return reply

    def contacts(self):
        """The bindings, as the registrar tells them."""
        return self.register(None).all("Contact")

    def close(self):
        self.link.close()
