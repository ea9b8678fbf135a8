# SPDX-License-Identifier: BSD-2-Clause
"""Each log line as it is written, whole; what differs from run to run is
masked.  A change here is a change of an interface."""
import os
import re
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import hello  # noqa: E402
import tap  # noqa: E402
from edge import DOMAIN, Edge, until  # noqa: E402
from pki import Pki  # noqa: E402
from sip import Phone, tcp, tls  # noqa: E402
from tap import contains, equal  # noqa: E402

OWN = 'chain=own root="siptrust CA example.test" '
JA4 = "ja4=JA4 "
INSTALL = 'remedy="install DATA/ca.pem on the phone as its custom CA" '
SILENT = ('remedy="most likely it does not hold our root: install DATA/ca.pem '
          'on the phone as its custom CA, and compare the name it is set to '
          'with the certificate" ')
VERSION = ('remedy="update the phone\'s firmware, or switch on a TLS version '
           'of TLSv1.2 to TLSv1.3 in its settings; where it has none, allow '
           'its older version for this phone alone: old_tls = '
           '{ \\"127.0.0.10\\" }" ')
LOST = ('remedy="look for packets lost on the way (an MTU too small for our '
        'certificate, a firewall); a slow phone may need a longer '
        'handshake_timeout" ')
NOTHING = ('remedy="nothing to do; if it is a phone of yours, look for a '
           'firewall or NAT that holds back its packets" ')
RAW = "tls=TLSv1.2 ja4=t12i020200_08dfa304a768_7037aba6117b "


def masked(edge, line):
    """The line without its time, ports, folder and durations."""
    line = re.sub(r"^\S+ ", "", line.replace(edge.data, "DATA"))
    line = re.sub(r"(127\.0\.0\.\d+):\d+", r"\1:PORT", line)
    line = re.sub(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", "FINGERPRINT", line)
    line = re.sub(r"(\W)\d+ (us|ms|s) after Cert", r"\1N ms after Cert", line)
    return re.sub(r" for \d+ (us|ms|s)\"", ' for N ms"', line)


def line_from(edge, peer, event="tls-refused"):
    """The masked line that event left about this peer."""
    found = edge.wait_line(r"^\S+ \w+ %s .*\b%s:\d+( .*)?$" %
                           (event, re.escape(peer)))
    return masked(edge, found.group(0))


def refused(edge, peer, data, wait=True):
    """Send data from peer to the TLS port; the line about it."""
    with hello.connect(edge.tls, peer) as sock:
        sock.sendall(data)
        while wait and sock.recv(65536):
            pass
    return line_from(edge, peer)


def after_flight(edge, peer, end, **options):
    """Read our certificate, then end(socket); the line about it."""
    with hello.connect(edge.tls, peer) as sock:
        sock.sendall(hello.client_hello(**options))
        hello.read_server_flight(sock)
        end(sock)
    return line_from(edge, peer)


def refusal(peer, rest):
    return "warn tls-refused peer=%s:PORT " % peer + rest


# ---- the edge's own life ----

def ready_and_the_banner():
    with Edge(settings=["workers=1"]) as edge:
        lines = [masked(edge, line) for line in edge.lines
                 if re.search(r" info edge-", line)]
        equal(lines, ["info edge-ready sip=127.0.0.1:PORT tls=127.0.0.1:PORT "
                      "domain=example.test chain=own ca=DATA/ca.pem "
                      "fingerprint=FINGERPRINT users=0 bindings=0 workers=1 "
                      "upstreams=0"])
        text = masked(edge, "- " + edge.log()).split("siptrust edge ")[1]
        text = re.sub(r"^[\w.]+", "VERSION", text)
        text = re.sub(r"\n.* user add", "\n    siptrust user add", text)
        equal(text.split("\n2")[0],
              "VERSION, domain example.test\n"
              "  SIP over UDP and TCP  127.0.0.1:PORT\n"
              "  SIP over TLS          127.0.0.1:PORT\n"
              "  data                  DATA\n"
              "  CA for the phones     DATA/ca.pem\n"
              "  its SHA-256           FINGERPRINT\n"
              "  users                 0, add the first:\n"
              "    siptrust user add 100 --data DATA\n"
              "Ctrl-C ends it.")
        equal(edge.stop(), 0)
        equal([masked(edge, line) for line in edge.lines[-2:]],
              ["info edge-ending signal=SIGINT", "info edge-ended "])


def an_address_that_a_phone_can_be_given_is_shown():
    own = [a for a in subprocess.run(["hostname", "-I"], text=True, check=True,
                                     stdout=subprocess.PIPE).stdout.split()
           if "." in a]
    with Edge(host="0.0.0.0") as edge:
        shown = edge.find(r"^  phones reach it at    (.*)")
        if own:
            contains(shown.group(1), own[0])
        assert not (shown and "127." in shown.group(1))


# ---- registrations ----

def registered_unregistered_and_not():
    with Edge(settings=["log_level=debug"]) as edge:
        edge.add_user("100")
        # Not asked by trying: only so many failures are lines of their own.
        edge.wait_line(r" debug users-loaded users=1")
        for transport, peer in (("UDP", "127.0.0.10"), ("TCP", "127.0.0.11"),
                                ("TLS", "127.0.0.12")):
            phone = Phone(edge, "100", transport=transport, source=peer)
            phone.device = 'e2e "%s"' % transport
            equal(phone.register().status, 200)
            about = ('aor=100@example.test contact="sip:100@127.0.0.1:PORT;'
                     'transport=%s" transport=%s peer=%s:PORT '
                     'device="e2e \\"%s\\""' %
                     (transport.lower(), transport, peer, transport))
            wanted = "info registered " + about
            until(wanted, lambda: wanted in
                  [masked(edge, line) for line in edge.lines])
            equal(phone.register().status, 200)
            equal(phone.register(extra="Expires: 0\r\n").status, 200)
            wanted = "info unregistered " + about
            until(wanted, lambda: wanted in
                  [masked(edge, line) for line in edge.lines])
            phone.close()
        equal(edge.count(" registered "), 3, "a refresh is no news")
        equal(Phone(edge, "100", "wrong", source="127.0.0.20").register()
              .status, 401)
        found = edge.wait_line(r"^.*auth-failed .*peer=127.0.0.20:.*$")
        equal(masked(edge, found.group(0)),
              "info auth-failed user=100 peer=127.0.0.20:PORT transport=UDP "
              "reason=wrong_password")


def limits_are_said_in_sums():
    with Edge(settings=["message_max=1024", "head_max=512"]) as edge:
        link = tcp(edge.sip, source="127.0.0.30")
        link.send(b"OPTIONS sip:example.test SIP/2.0\r\nX: " + b"x" * 600)
        link.closed()
        equal(line_from_limit(edge, "127.0.0.30"),
              "warn limit kind=message_too_long count=1 "
              "last=127.0.0.30:PORT window=10s")


def line_from_limit(edge, peer):
    found = edge.wait_line(r"^.* limit .*last=%s:.*$" % re.escape(peer))
    return masked(edge, found.group(0))


# ---- refusals ----

def what_is_not_tls():
    with Edge() as edge:
        equal(refused(edge, "127.0.0.10", b"REGISTER sip:example.test SIP/2.0"
                      b"\r\nVia: SIP/2.0/TCP 127.0.0.1\r\n\r\n"),
              refusal("127.0.0.10", OWN + "cause=plain_sip_on_tls_port "
                      "confidence=certain remedy=\"set the phone's transport "
                      "to TLS, or its port to the one for plain TCP\" "
                      'evidence="first bytes \'REGISTER sip:example.tes\'"'))
        equal(refused(edge, "127.0.0.11", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
              refusal("127.0.0.11", OWN + "cause=http_on_tls_port "
                      'confidence=certain remedy="if it is a phone or a '
                      "script of yours, correct the address it fetches from; "
                      'else a scanner: nothing to do" evidence="first bytes '
                      "'GET / HTTP/1.1'\""))
        equal(refused(edge, "127.0.0.12", b'\x01\x02\xff"junk' * 3),
              refusal("127.0.0.12", OWN + "cause=not_tls confidence=certain "
                      'remedy="if it is a device of yours, correct its '
                      'transport and port; else a scanner: nothing to do" '
                      'evidence="first bytes 01 02 ff 22 6a 75 6e 6b"'))


def no_version_or_cipher_in_common():
    with Edge() as edge:
        equal(refused(edge, "127.0.0.10", hello.client_hello(
            0x0302, (0x002f,), DOMAIN)),
              refusal("127.0.0.10", OWN + "cause=protocol_version "
                      "confidence=certain tls=TLSv1.1 "
                      "ja4=t11d010100_ba72b8082249_000000000000 " + VERSION +
                      'evidence="offers at most TLSv1.1, we allow TLSv1.2 to '
                      'TLSv1.3"'))
        equal(refused(edge, "127.0.0.11", hello.client_hello(
            suites=(0x0004, 0x0005))),
              refusal("127.0.0.11", OWN + "cause=no_shared_cipher "
                      "confidence=certain "
                      "tls=TLSv1.2 ja4=t12i020200_6e254592683c_7037aba6117b "
                      "remedy=\"update the phone's firmware: all it offers "
                      "is RC4, which no server with a library of today can "
                      "speak; without an update it can be served over UDP or "
                      'TCP only" evidence="none of the 2 cipher suites '
                      'offered is in a library of today"'))
        equal(refused(edge, "127.0.0.12", hello.client_hello(
            suites=(0xc02b,))),
              refusal("127.0.0.12", OWN + "cause=key_type_unsupported "
                      "confidence=likely next_best=no_shared_cipher "
                      "tls=TLSv1.2 ja4=t12i010200_648b5c445417_7037aba6117b "
                      'remedy="add a chain with an RSA-2048 key and SHA-256 '
                      'signatures, which every phone can use: chain NAME { '
                      'certificate = \\"FILE\\" key = \\"FILE\\" }" '
                      'evidence="none of the 1 cipher suites offered is '
                      'allowed here"'))


def s_client(edge, *options):
    subprocess.run(["openssl", "s_client", "-connect",
                    "127.0.0.1:%d" % edge.tls, "-verify_return_error",
                    *options], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def untrusted_by_openssl():
    for option, version in ("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3"):
        with Edge() as edge:
            s_client(edge, option)
            line = re.sub(r"ja4=\S+", "ja4=JA4", line_from(edge, "127.0.0.1"))
            equal(line, refusal("127.0.0.1", OWN + "cause=untrusted_root "
                                "confidence=likely next_best="
                                "missing_intermediate tls=%s " % version +
                                JA4 + INSTALL + 'evidence="alert '
                                'unknown_ca(48) N ms after Certificate"'))


def the_alerts_of_a_client():
    """Every one that speaks of the certificate, with its likeliest cause."""
    expected = {
        42: "untrusted_root possible name_mismatch bad_certificate",
        43: "key_type_unsupported possible server_misconfigured "
            "unsupported_certificate",
        44: "server_misconfigured likely - certificate_revoked",
        45: "certificate_expired likely not_yet_valid certificate_expired",
        46: "untrusted_root possible name_mismatch certificate_unknown",
        48: "untrusted_root likely missing_intermediate unknown_ca",
    }
    with Edge() as edge:
        for code, row in sorted(expected.items()):
            cause, confidence, next_best, name = row.split()
            line = after_flight(edge, "127.0.0.%d" % code,
                                lambda sock: sock.sendall(hello.alert(code)))
            said = "cause=%s confidence=%s " % (cause, confidence)
            if next_best != "-":
                said += "next_best=%s " % next_best
            head = refusal("127.0.0.%d" % code, OWN + said + RAW + 'remedy="')
            equal(line[:len(head)], head)
            tail = 'evidence="alert %s(%d) N ms after Certificate' % (name,
                                                                      code)
            equal(line[line.index('evidence="'):].rstrip('"').split(";")[0],
                  tail)


def an_alert_with_an_odd_record_version_is_seen():
    # OpenSSL calls it "wrong version number"; the bytes say unknown_ca.
    odd = hello.record(hello.ALERT, b"\x02\x30", version=0x0300)
    with Edge() as edge:
        equal(after_flight(edge, "127.0.0.10", lambda sock: sock.sendall(odd)),
              refusal("127.0.0.10", OWN + "cause=untrusted_root "
                      "confidence=likely next_best=missing_intermediate " +
                      RAW + INSTALL + 'evidence="alert unknown_ca(48) N ms '
                      'after Certificate"'))


def silent_and_reset():
    with Edge() as edge:
        equal(after_flight(edge, "127.0.0.10", lambda sock: None),
              refusal("127.0.0.10", OWN + "cause=closed_silently "
                      "confidence=likely next_best=untrusted_root " + RAW +
                      SILENT + 'evidence="closed without an alert N ms after '
                      'Certificate"'))
        equal(after_flight(edge, "127.0.0.11", hello.reset),
              refusal("127.0.0.11", OWN + "cause=closed_silently "
                      "confidence=likely next_best=untrusted_root " + RAW +
                      SILENT + 'evidence="reset N ms after Certificate"'))
        # Reset in the middle of the ClientHello: once the edge has read it.
        sock = hello.connect(edge.tls, "127.0.0.12")
        sock.sendall(hello.client_hello()[:50])
        wait_until_read(sock)
        hello.reset(sock)
        equal(line_from(edge, "127.0.0.12"),
              refusal("127.0.0.12", OWN + "cause=peer_reset "
                      "confidence=likely next_best=scanner "
                      'remedy="look for a firewall or NAT that cuts the '
                      "connection; if it comes again, for a phone that "
                      'restarts" evidence="reset before its ClientHello was '
                      'complete"'))
        # The whole handshake, and then not a word: pjsip does so.  With 1.2,
        # where no ticket is left unread, which would make the close a reset,
        # and not with the suites of pjsip, which is known to do so.
        tls(edge.tls, source="127.0.0.13", version=ssl.TLSVersion.TLSv1_2,
            ciphers="ECDHE-RSA-AES128-GCM-SHA256").close()
        line = re.sub(r"ja4=\S+", "ja4=JA4", line_from(edge, "127.0.0.13"))
        equal(line, refusal("127.0.0.13", OWN + "cause=closed_silently "
                            "confidence=possible next_best=scanner "
                            "tls=TLSv1.2 " + JA4 + SILENT + 'evidence="closed '
                            "without an alert N ms after Certificate, after "
                            'the handshake, without a SIP message"'))
        hello.connect(edge.tls, "127.0.0.14").close()
        equal(line_from(edge, "127.0.0.14"),
              refusal("127.0.0.14", "cause=scanner confidence=possible "
                      "next_best=timeout " + NOTHING + 'evidence="closed '
                      'without an alert before it said anything"'))


def wait_until_read(sock):
    """Until the other end's receive queue is empty (/proc/net/tcp)."""
    here, there = ("0100007F:%04X" % sock.getpeername()[1],
                   "0C00007F:%04X" % sock.getsockname()[1])

    def is_empty():
        with open("/proc/net/tcp") as f:
            for line in f:
                words = line.split()
                if words[1] == here and words[2] == there:
                    return words[4].endswith(":00000000")
        return False
    until("the edge has read what was sent", is_empty)


def slow_or_silent():
    with Edge(settings=["handshake_timeout=1"]) as edge:
        links = []
        for peer, data in (("127.0.0.10", b""),
                           ("127.0.0.11", hello.client_hello()[:50]),
                           ("127.0.0.12", hello.client_hello())):
            links.append(hello.connect(edge.tls, peer))
            links[-1].sendall(data)
        equal(line_from(edge, "127.0.0.10"),
              refusal("127.0.0.10", "cause=scanner confidence=possible "
                      "next_best=timeout " + NOTHING + 'evidence="silent '
                      'before it said anything for N ms"'))
        equal(line_from(edge, "127.0.0.11"),
              refusal("127.0.0.11", OWN + "cause=timeout "
                      "confidence=likely next_best=scanner " + LOST +
                      'evidence="silent before its ClientHello was complete '
                      'for N ms"'))
        equal(line_from(edge, "127.0.0.12"),
              refusal("127.0.0.12", OWN + "cause=timeout confidence=likely "
                      "next_best=closed_silently " + RAW + LOST +
                      'evidence="silent after Certificate for N ms"'))
        for link in links:
            link.close()


def expired_while_it_runs():
    now = time.time()
    with Edge(start=False) as edge:
        os.makedirs(edge.data)
        pki = Pki(edge.folder, DOMAIN)
        end = int(now) + 8
        certificate, key = pki.issue("short", end=time.strftime(
            "%Y%m%d%H%M%SZ", time.gmtime(end)))
        edge.config = os.path.join(edge.folder, "siptrust.conf")
        edge.write_config('chain public {\n\tcertificate = "%s"\n'
                          '\tkey = "%s"\n}\n' % (certificate, key))
        edge.start()
        equal(masked(edge, edge.wait_line(r"^.* certificate-expires .*$")
                     .group(0)),
              "warn certificate-expires chain=public days=0")
        until("it has expired", lambda: time.time() > end + 1)
        s_client(edge, "-tls1_2", "-CAfile", pki.ca)
        line = re.sub(r"ja4=\S+", "ja4=JA4", line_from(edge, "127.0.0.1"))
        day = time.strftime("%Y-%m-%d", time.gmtime(end))
        equal(line, refusal("127.0.0.1", 'chain=public root="Test Root" '
                            "cause=certificate_expired confidence=likely "
                            "tls=TLSv1.2 " + JA4 +
                            'remedy="renew chain public: it ended on %s" '
                            'evidence="alert certificate_expired(45) '
                            'N ms after Certificate; our chain has expired"' %
                            day))


def repeats_are_counted():
    with Edge(settings=["refusal_window=2"]) as edge:
        request = b"GET / HTTP/1.0\r\n\r\n"
        first = refused(edge, "127.0.0.10", request)
        for _ in range(3):
            with hello.connect(edge.tls, "127.0.0.10") as sock:
                sock.sendall(request)
                while sock.recv(1000):
                    pass
        found = edge.wait_line(r"^.*peer=127.0.0.10:.* repeat=.*$")
        equal(masked(edge, found.group(0)), first + " repeat=3 window=2s")
        equal(edge.count("peer=127.0.0.10:"), 2)


def a_known_device_is_named():
    # By its User-Agent over UDP before, whether it registered or not.
    with Edge() as edge:
        phone = Phone(edge, "100", source="127.0.0.40")
        phone.device = "Cisco/SPA502G-7.6.2"
        equal(phone.once(phone.contact).status, 401)
        line = after_flight(edge, "127.0.0.40",
                            lambda sock: sock.sendall(hello.alert(48)))
        equal(line, refusal("127.0.0.40", "device=Cisco/SPA502G-7.6.2 " + OWN +
                            "cause=untrusted_root confidence=likely "
                            "next_best=missing_intermediate " + RAW +
                            INSTALL[:-2] + ": serve it over HTTP and write "
                            'its address into its Custom_CA_RULE" ' +
                            'evidence="alert unknown_ca(48) N ms after '
                            'Certificate"'))


if __name__ == "__main__":
    tap.main([ready_and_the_banner,
              an_address_that_a_phone_can_be_given_is_shown,
              registered_unregistered_and_not,
              limits_are_said_in_sums,
              what_is_not_tls,
              no_version_or_cipher_in_common,
              untrusted_by_openssl,
              the_alerts_of_a_client,
              an_alert_with_an_odd_record_version_is_seen,
              silent_and_reset,
              slow_or_silent,
              expired_while_it_runs,
              repeats_are_counted,
              a_known_device_is_named])
