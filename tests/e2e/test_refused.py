# SPDX-License-Identifier: BSD-2-Clause
"""Every refused handshake leaves one line; here is each line, to the letter.

What differs from run to run is masked: TIME, PORT, JA4, DATA, MS.
"""
import os
import re
import socket
import ssl
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import Edge, until  # noqa: E402
from sip import Phone, Stream, tls  # noqa: E402
from tap import equal  # noqa: E402

OWN = 'chain=own root="siptrust CA example.test"'
ALLOWED = "TLSv1.2 to TLSv1.3"


def mask(line, edge):
    line = line.replace(edge.data, "DATA")
    line = re.sub(r"^\S+Z ", "TIME ", line)
    line = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", line)
    line = re.sub(r"ja4=\S+", "ja4=JA4", line)
    return re.sub(r"\d+ (ms|us|s)\b", "N MS", line)


def line_of(edge, act):
    """The one line that act brings."""
    before = edge.count(r" tls-refused ")
    act()
    until("a line", lambda: edge.count(r" tls-refused ") > before)
    lines = [x for x in edge.lines if " tls-refused " in x][before:]
    equal(len(lines), 1, "one line")
    return mask(lines[0], edge)


def raw(edge):
    return Stream(socket.create_connection(("127.0.0.1", edge.tls), 20))


def say(edge, data):
    def act():
        link = raw(edge)
        link.send(data)
        link.sock.shutdown(socket.SHUT_WR)
        link.closed()
    return act


def without_the_root(edge, version):
    def act():
        with Edge(domain="other.test") as other:
            try:
                tls(edge.tls, ca=other.ca, version=version)
            except ssl.SSLError:
                return
            raise AssertionError("it accepted a foreign root")
    return act


def an_unknown_root():
    want = ('TIME warn tls-refused peer=127.0.0.1:PORT ' + OWN +
            ' cause=untrusted_root confidence=likely '
            'next_best=missing_intermediate tls=%s ja4=JA4 '
            'remedy="install DATA/ca.pem on the phone as its custom CA" '
            'evidence="alert unknown_ca(48) N MS after Certificate"')
    with Edge() as edge:
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
                              (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            equal(line_of(edge, without_the_root(edge, version)), want % name)


def the_device_that_came_over_udp_before_is_named():
    with Edge() as edge:
        phone = Phone(edge, "100")
        phone.device = "Cisco/SPA502G-7.6.2"
        phone.once(phone.contact)
        line = line_of(edge, without_the_root(edge, ssl.TLSVersion.TLSv1_2))
        assert "peer=127.0.0.1:PORT device=Cisco/SPA502G-7.6.2 chain=own" \
            in line, line


def repeats_are_counted():
    with Edge(settings=["refusal_window=2"]) as edge:
        refuse = without_the_root(edge, ssl.TLSVersion.TLSv1_2)
        line_of(edge, refuse)
        for _ in range(3):
            refuse()
        edge.wait_line(r" tls-refused .*cause=untrusted_root .*"
                       r"repeat=\d window=2s$")
        told = sum(int(m.group(1)) for m in
                   (re.search(r" tls-refused .* repeat=(\d+)", x)
                    for x in edge.lines) if m)
        shown = edge.count(r" tls-refused ")
        assert told + shown - edge.count(r" tls-refused .* repeat=") == 4, \
            edge.log()


def s_client(edge, *options):
    def act():
        subprocess.run(["openssl", "s_client", "-connect",
                        "127.0.0.1:%d" % edge.tls, *options],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=60)
    return act


def no_version_in_common():
    with Edge() as edge:
        equal(line_of(edge, s_client(edge, "-tls1_1", "-cipher",
                                     "ALL:@SECLEVEL=0")),
              'TIME warn tls-refused peer=127.0.0.1:PORT ' + OWN +
              ' cause=protocol_version confidence=certain tls=TLSv1.1 '
              'ja4=JA4 remedy="update the phone\'s firmware, or switch on a '
              'TLS version of ' + ALLOWED + ' in its settings; where it has '
              'none, allow its older version here for this phone alone" '
              'evidence="offers at most TLSv1.1, we allow ' + ALLOWED + '"')


def no_cipher_in_common():
    with Edge(settings=["tls_ciphers=ECDHE-RSA-AES256-GCM-SHA384"]) as edge:
        equal(line_of(edge, s_client(edge, "-tls1_2", "-cipher",
                                     "ECDHE-RSA-AES128-SHA")),
              'TIME warn tls-refused peer=127.0.0.1:PORT ' + OWN +
              ' cause=no_shared_cipher confidence=likely '
              'next_best=key_type_unsupported tls=TLSv1.2 ja4=JA4 '
              'remedy="update the phone\'s firmware, or add one of the suites '
              'it offers to the ciphers we allow" evidence="none of the 2 '
              'cipher suites offered is allowed here"')


def plain_sip_on_the_tls_port():
    with Edge() as edge:
        equal(line_of(edge, say(edge, b"REGISTER sip:example.test SIP/2.0\r\n"
                                      b"Via: SIP/2.0/TCP 1.2.3.4\r\n\r\n")),
              'TIME warn tls-refused peer=127.0.0.1:PORT ' + OWN +
              ' cause=plain_sip_on_tls_port confidence=certain '
              'remedy="set the phone\'s transport to TLS, or its port to the '
              'one for plain TCP" evidence="first bytes '
              '\'REGISTER sip:example.tes\'"')


def http_on_the_tls_port():
    with Edge() as edge:
        equal(line_of(edge, say(edge, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
              'TIME warn tls-refused peer=127.0.0.1:PORT ' + OWN +
              ' cause=http_on_tls_port confidence=certain remedy="if it is a '
              'phone or a script of yours, correct the address it fetches '
              'from; else a scanner: nothing to do" evidence="first bytes '
              '\'GET / HTTP/1.1\'"')


def junk_on_the_tls_port():
    with Edge() as edge:
        line = line_of(edge, say(edge, b"\x00\x01\x02\x03" * 10))
        assert "cause=not_tls confidence=certain" in line, line
        assert 'evidence="first bytes 00 01 02 03 00 01 02 03"' in line, line


def client_hello():
    """A real one, from Python's own TLS, without its connection."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    client = context.wrap_bio(incoming, outgoing)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def leave_at_certificate(edge, reset):
    """As PolarSSL and BearSSL do: gone when the certificate is there."""
    def act():
        s = socket.create_connection(("127.0.0.1", edge.tls), 20)
        s.sendall(client_hello())
        s.recv(5)
        if reset:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                         struct.pack("ii", 1, 0))
        else:
            # All read: so the close is a FIN.
            s.settimeout(0.5)
            try:
                while s.recv(65536):
                    pass
            except socket.timeout:
                pass
        s.close()
    return act


def closed_without_a_word():
    want = ('TIME warn tls-refused peer=127.0.0.1:PORT ' + OWN +
            ' cause=closed_silently confidence=likely next_best=peer_reset '
            'tls=TLSv1.2 ja4=JA4 remedy="most likely it does not hold our '
            'root: install DATA/ca.pem on the phone as its custom CA, and '
            'compare the name it is set to with the certificate" '
            'evidence="%s N MS after Certificate"')
    with Edge() as edge:
        equal(line_of(edge, leave_at_certificate(edge, False)),
              want % "closed without an alert")
        with Edge() as second:
            equal(line_of(second, leave_at_certificate(second, True)),
                  want % "reset")


def left_after_the_handshake_without_sip():
    with Edge() as edge:
        line = line_of(edge, lambda: tls(edge.tls).close())
        assert "cause=closed_silently" in line, line
        assert "after the handshake, without a SIP message" in line, line


def half_a_hello_then_silence():
    with Edge(settings=["handshake_timeout=1"]) as edge:
        def act():
            link = raw(edge)
            link.send(client_hello()[:60])
            link.closed()
        equal(line_of(edge, act),
              'TIME warn tls-refused peer=127.0.0.1:PORT ' + OWN +
              ' cause=timeout confidence=likely next_best=scanner '
              'remedy="look for packets lost on the way (an MTU too small for '
              'our certificate, a firewall); a slow phone may need a longer '
              'handshake_timeout" evidence="silent before its ClientHello was '
              'complete for N MS"')


def an_alert_with_an_odd_record_version_is_seen():
    # OpenSSL calls it "wrong version number"; the bytes say unknown_ca.
    with Edge() as edge:
        def act():
            s = socket.create_connection(("127.0.0.1", edge.tls), 20)
            s.sendall(client_hello())
            s.recv(5)
            s.sendall(b"\x15\x03\x00\x00\x02\x02\x30")
            Stream(s).closed()
        line = line_of(edge, act)
        assert "cause=untrusted_root" in line, line
        assert "alert unknown_ca(48)" in line, line


def the_other_lines_of_a_registration():
    with Edge() as edge:
        edge.add_user("100")
        phone = Phone(edge, "100", transport="TLS")
        until("known", lambda: phone.register().status == 200)
        phone.register(extra="Expires: 0\r\n")
        lines = [mask(x, edge) for x in edge.lines]
        assert any(re.match(
            r"TIME info edge-ready sip=127.0.0.1:PORT tls=127.0.0.1:PORT "
            r"domain=example.test chain=own ca=DATA/ca.pem "
            r"fingerprint=([0-9A-F]{2}:){31}[0-9A-F]{2} users=0 bindings=0 "
            r"workers=\d+$", x) for x in lines), lines
        assert ('TIME info registered aor=100@example.test contact="sip:100@'
                '127.0.0.1:PORT;transport=tls" transport=TLS '
                'peer=127.0.0.1:PORT device=e2e/1.0') in lines, lines
        until("unregistered", lambda: edge.find(
            r" info unregistered aor=100@example.test contact=\"sip:100@"))
        equal(edge.count(r" tls-refused "), 0)


if __name__ == "__main__":
    tap.main([an_unknown_root,
              the_device_that_came_over_udp_before_is_named,
              repeats_are_counted,
              no_version_in_common,
              no_cipher_in_common,
              plain_sip_on_the_tls_port,
              http_on_the_tls_port,
              junk_on_the_tls_port,
              closed_without_a_word,
              left_after_the_handshake_without_sip,
              half_a_hello_then_silence,
              an_alert_with_an_odd_record_version_is_seen,
              the_other_lines_of_a_registration])
