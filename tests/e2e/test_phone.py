# SPDX-License-Identifier: BSD-2-Clause
"""The simulated phone: it registers, refuses, fetches its CA, goes on."""
import hashlib
import http.server
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import DEADLINE_S, SIPTRUST, Edge, until  # noqa: E402
from phone import SimPhone, to  # noqa: E402
from pki import ECDSA, Pki  # noqa: E402
from tap import contains, equal  # noqa: E402

SOFT = ("--user-agent", "e2e/1.0")


def edge_with_user(**options):
    """An edge that knows user 100 before it starts."""
    edge = Edge(start=False, **options)
    os.makedirs(edge.data, 0o700)
    edge.user("add", "100", "--password-stdin", "--domain", edge.domain,
              stdin="correct-horse\n")
    edge.start()
    return edge


# ---- a registration ----

def registers_over_each_transport():
    with edge_with_user() as edge:
        for transport in ("udp", "tcp", "tls"):
            with SimPhone(*to(edge, transport, roots=edge.ca),
                          *SOFT) as phone:
                event = phone.wait("registered")
                equal((event["aor"], event["transport"]),
                      ("100@example.test", transport.upper()))
                edge.wait_line(r" registered .*transport=%s .*device=e2e/1.0"
                               % transport.upper())
                equal(phone.end(), 0)
            equal([e["event"] for e in phone.events][-2:],
                  ["unregistered", "off"])
            edge.wait_line(r" unregistered .*transport=%s" %
                           transport.upper())


def sha256_and_md5():
    for digest in ("MD5", "SHA-256"):
        with edge_with_user(settings=["challenge=" + digest]) as edge:
            with SimPhone(*to(edge, "udp")) as phone:
                phone.wait("registered")


def it_refreshes():
    with edge_with_user(settings=["expires_min=1"]) as edge:
        with SimPhone(*to(edge, "tcp", expires="2")) as phone:
            phone.wait("registered")
            phone.wait("refreshed", 2)


def once_tells_by_its_exit_code():
    with edge_with_user() as edge:
        with SimPhone(*to(edge, roots=edge.ca, once=True)) as phone:
            equal(phone.process.wait(DEADLINE_S), 0)
        with SimPhone(*to(edge, roots=edge.ca, once=True),
                      password="wrong") as phone:
            equal(phone.process.wait(DEADLINE_S), 1)
            event = phone.wait("register-failed")
            equal((event["status"], event["screen"]),
                  (401, "registration refused: wrong user or password"))
        with SimPhone(*to(edge, once=True, roots=os.devnull)) as phone:
            equal(phone.process.wait(DEADLINE_S), 3)
            phone.rest.clear()
            phone.process.returncode = 0


def wrong_usage():
    cases = (([], "expected one sip:USER@DOMAIN"),
             (["100@example.test"], "expected sip:USER@DOMAIN"),
             (["sip:1@h", "sip:2@h"], '"sip:2@h" is too much'),
             (["--transport", "sctp", "sip:1@127.0.0.1"], "udp, tcp or tls"),
             (["--tls", "1.2-1.0", "sip:1@127.0.0.1"], "MIN-MAX"),
             (["--retry", "soon", "sip:1@127.0.0.1"], "milliseconds, 1 to"),
             (["--as", "nothing", "sip:1@127.0.0.1"], "no such profile"),
             (["--server", "no host", "sip:1@127.0.0.1"], "no host"),
             (["--syslog", "x", "sip:1@127.0.0.1"], "ADDRESS:PORT"))
    for argv, says in cases:
        p = subprocess.run([SIPTRUST, "phone"] + argv, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        equal(p.returncode, 2, argv)
        contains(p.stdout, says)


def it_tries_again_until_it_can():
    with edge_with_user() as edge:
        port = edge.tls
        edge.stop()
        with SimPhone("--transport", "tls", "--server", "127.0.0.1:%d" % port,
                      "--roots", edge.ca) as phone:
            contains(phone.wait("connection-failed")["reason"], "refused")
            phone.wait("retry", 2)
            edge.start()
            phone.wait("registered")
            edge.kill()
            phone.wait("connection-lost")
            edge.start()
            phone.wait("registered", 2)


def its_log_by_syslog():
    with edge_with_user() as edge, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(DEADLINE_S)
        with SimPhone("--as", "SPA502G", *to(
                edge, "udp",
                syslog="127.0.0.1:%d" % sock.getsockname()[1])) as phone:
            phone.wait("registered")
            lines = [sock.recv(2048).decode() for _ in range(3)]
            if not re.match(r"<134>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d "
                            r"00085D0A0B0C SPA502G: SPA502G starts$",
                            lines[0]):
                raise AssertionError(lines[0])
            contains(lines[2], "registered over UDP")


# ---- refusals, as the edge sees them ----

def it_says_why_it_refuses():
    with tempfile.TemporaryDirectory() as folder, edge_with_user() as edge:
        other = Pki(folder, "example.test", "Other Root").ca
        with SimPhone(*to(edge, roots=other, once=True)) as phone:
            event = phone.wait("tls-refused")
            equal((event["by"], event["fault"], event["says"],
                   event["root"]),
                  ("phone", "root", "unknown_ca",
                   "siptrust CA example.test"))
        edge.wait_line(r" tls-refused .*cause=untrusted_root")
        with SimPhone(*to(edge, roots=edge.ca, once=True, name="a.test",
                          **{"from": "127.0.0.9"})) as phone:
            event = phone.wait("tls-refused")
            equal((event["fault"], event["says"]),
                  ("name", "bad_certificate"))
            contains(event["reason"], 'is set to "a.test", the certificate '
                     "is for example.test")
        edge.wait_line(r" tls-refused peer=127.0.0.9:.*name_mismatch")
        with SimPhone(*to(edge, roots=other, no_check=True)) as phone:
            phone.wait("registered")


def not_the_tls_port():
    with edge_with_user() as edge:
        with SimPhone("--transport", "tls", "--server", "127.0.0.1:%d" %
                      edge.sip, "--roots", edge.ca, "--once") as phone:
            equal(phone.process.wait(DEADLINE_S), 1)
            phone.wait("connection-failed")
        with SimPhone("--transport", "tcp", "--server", "127.0.0.1:%d" %
                      edge.tls, "--once") as phone:
            equal(phone.process.wait(DEADLINE_S), 1)
        edge.wait_line(r" tls-refused .*cause=plain_sip_on_tls_port")


# ---- each profile against the edge's evidence ----

def facts_of(name):
    p = subprocess.run([SIPTRUST, "device", "show", name, "--json"],
                       check=True, stdout=subprocess.PIPE)
    facts = {}
    for fact in json.loads(p.stdout)["facts"]:
        facts.setdefault(fact["key"], []).append(fact["value"])
    return facts


def profiles():
    p = subprocess.run([SIPTRUST, "device", "list", "--json"], check=True,
                       stdout=subprocess.PIPE)
    return [d["name"] for d in json.loads(p.stdout)]


def suites_hash(suites):
    """The second part of a JA4."""
    return hashlib.sha256(",".join(sorted(suites)).encode()).hexdigest()[:12]


def check_offer(name, facts, ja4, lacks):
    """What the edge saw of the ClientHello is what the profile says."""
    version = {"1.0": "10", "1.1": "11", "1.2": "12", "1.3": "13"}
    if "tls_max" in facts:
        equal(ja4[1:3], version[facts["tls_max"][0]], name + ": version")
    if "sni" in facts:
        equal(ja4[3], "d" if facts["sni"][0] == "yes" else "i",
              name + ": server_name")
    if "cipher" not in facts:
        return 0
    missing = {int(x, 16) for x in re.findall(r"0x[0-9a-f]{4}", lacks)}
    offered = [int(c.split()[0], 16) for c in facts["cipher"]]
    wanted = [s for s in offered if s not in missing] + [0x00ff]
    equal(ja4[4:6], "%02d" % len(wanted), name + ": number of suites")
    equal(ja4.split("_")[1], suites_hash("%04x" % s for s in wanted),
          name + ": suites")
    return len(missing)


def refusal_of(facts):
    """What the profile says about an unknown root; None: nothing."""
    if facts.get("checks_chain", ["yes"])[0] == "no":
        return "accepts"
    if "refusal" in facts:
        return facts["refusal"][0].split()[0]
    return None


def check_refusal(name, facts, phone, line):
    want = refusal_of(facts)
    if want == "accepts":
        equal(phone.all("tls-refused"), [], name)
        return
    event = phone.wait("tls-refused")
    equal((event["by"], event["fault"]), ("phone", "root"), name)
    if want == "silent":
        contains(line, "cause=closed_silently", name)
    elif want:
        equal(event["says"], want, name)
    if event["says"] != "nothing":
        contains(line, "alert %s(" % event["says"], name)


def one_profile(edge, other, name, number):
    facts = facts_of(name)
    peer = "127.0.1.%d" % number
    # A wish of the edge: who accepts everything is seen by its registration.
    options = to(edge, roots=other, once=True, **{"from": peer})
    with SimPhone("--as", name, *options, user="100") as phone:
        equal(phone.process.wait(DEADLINE_S) in (0, 1), True, name)
        lacks = phone.wait("connecting")["lacks"]
        if refusal_of(facts) == "accepts":
            check_refusal(name, facts, phone, "")
            edge.wait_line(r" registered .*peer=%s:" % re.escape(peer))
            return 0
        line = edge.wait_line(r"^.* tls-refused .*peer=%s:.*$" %
                              re.escape(peer)).group(0)
        old = facts.get("tls_max", ["1.2"])[0] in ("1.0", "1.1")
        ja4 = re.search(r" ja4=(\S+)", line).group(1)
        n = check_offer(name, facts, ja4, lacks)
        if old:
            contains(line, "cause=protocol_version", name)
            equal(phone.wait("tls-refused")["by"], "server", name)
        else:
            check_refusal(name, facts, phone, line)
        return n


def behave(edge, who, number, **options):
    """One attempt: whether it registered, what it said, the edge's line."""
    peer = "127.0.2.%d" % number
    with SimPhone("--as", who, *to(edge, once=True, **{"from": peer},
                                   **options)) as phone:
        status = phone.process.wait(DEADLINE_S)
        said = phone.all("tls-refused")
        if status == 0:
            equal(said, [], who)
            edge.wait_line(r" registered .*peer=%s:" % re.escape(peer))
            return True, None, ""
        return False, phone.wait("tls-refused"), edge.wait_line(
            r"^.* tls-refused .*peer=%s:.*$" % re.escape(peer)).group(0)


OLD_TLS = "old_tls=127.0.0.0/8"


def one_that_speaks_an_old_version(edge, who, number, facts, other):
    """Let in, it comes as far as the certificate."""
    registered, said, line = behave(edge, who, number, roots=other)
    equal((registered, said["fault"]), (False, "root"), who)
    contains(line, "tls=TLSv%s ja4=t1%s" % (
        facts["tls_max"][0], facts["tls_max"][0][2:]), who)
    contains(line, "alert %s(" % said["says"], who)


def one_name(edge, who, number, facts):
    """A wrong name is minded where the profile says so, and only there; a
    signature that it cannot compute is, whatever the name."""
    blind = facts.get("checks_chain") == ["no"]
    can = facts.get("sha2") != ["no"]
    minds = facts.get("checks_name") == ["yes"]
    registered, said, line = behave(edge, who, number, roots=edge.ca,
                                    name="other.test")
    equal(registered, blind or can and not minds, who)
    if registered:
        return
    equal(said["fault"], "name" if minds else "key_type", who)
    contains(line, "alert %s(" % said["says"], who)
    # It is nothing else that it minds.
    equal(behave(edge, who, number + 100, roots=edge.ca)[0], can, who)


def every_profile_trusts_and_refuses_as_it_says():
    with tempfile.TemporaryDirectory() as folder, \
            edge_with_user(settings=[OLD_TLS]) as edge:
        other = Pki(folder, "example.test", "Other Root").ca
        for number, who in enumerate(profiles(), 1):
            facts = facts_of(who)
            if facts.get("tls_max", ["1.2"])[0] in ("1.0", "1.1"):
                one_that_speaks_an_old_version(edge, who, number + 50, facts,
                                               other)
            one_name(edge, who, number, facts)


def every_profile_takes_the_keys_that_it_says():
    """An elliptic key, and a longer one than it can compute."""
    for key_type, fact, cause in (
            (ECDSA, "key_types", "key_type_unsupported"),
            (("rsa:3072",), "rsa_max_bits", None)):
        with tempfile.TemporaryDirectory() as folder:
            pki = Pki(folder, "example.test")
            certificate, key = pki.issue("server", key_type=key_type)
            with edge_with_user(config="""
                    old_tls = { "127.0.0.0/8" }
                    chain other {
                        certificate = "%s"
                        key = "%s"
                    }""" % (certificate, key)) as edge:
                refused = 0
                for number, who in enumerate(profiles(), 1):
                    minds = facts_of(who).get(fact) in (["rsa"], ["2048"])
                    if not minds and who not in ("cisco-mpp", "baresip"):
                        continue
                    registered, said, line = behave(edge, who, number,
                                                    roots=pki.ca)
                    equal(registered, not minds, who)
                    if cause and minds:
                        contains(line, "cause=" + cause, who)
                    elif minds:
                        equal(said["fault"], "key_type", who)
                    refused += minds
                equal(refused > 0, True)


def every_profile_looks_as_it_says():
    names = profiles()
    missing = 0
    with tempfile.TemporaryDirectory() as folder, edge_with_user() as edge:
        other = Pki(folder, "example.test", "Other Root").ca
        for number, name in enumerate(names, 1):
            missing += one_profile(edge, other, name, number)
    print("# %d profiles; %d suites of theirs this OpenSSL does not have" %
          (len(names), missing))
    equal(len(names) >= 20, True)


# ---- the CA file ----

class Files(http.server.ThreadingHTTPServer):
    """An HTTP server whose answers a test sets: path to (status, body)."""

    def __init__(self):
        self.answer, self.seen = {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.seen.append(self.headers.get("User-Agent"))
                status, body = outer.answer[self.path]
                if status == 0:
                    self.drip()
                    return
                self.send_response(status)
                if status in (301, 302):
                    self.send_header("Location", body.decode())
                    body = b""
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass  # it took no more

            def drip(self):
                """A byte now and then, until it has gone."""
                self.send_response(200)
                self.end_headers()
                try:
                    while not outer.over.wait(0.2):
                        self.wfile.write(b"-")
                except OSError:
                    pass

            def log_message(self, *args):
                pass

        self.over = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)
        self.daemon_threads = True
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.server_address[1], path)

    def __exit__(self, *args):
        self.over.set()
        self.shutdown()
        super().__exit__(*args)


def expired_ca(pki):
    pki.openssl("req", "-new", "-key", "ca.key", "-subj", "/CN=Old Root",
                "-out", "old.csr")
    with open(pki.path("openssl.cnf"), "a") as f:
        f.write("[oldca]\nbasicConstraints = critical,CA:true\n")
    pki.openssl("ca", "-batch", "-notext", "-selfsign", "-keyfile", "ca.key",
                "-in", "old.csr", "-out", "old.pem", "-startdate",
                "20000101000000Z", "-enddate", "20100101000000Z",
                "-extensions", "oldca")
    with open(pki.path("old.pem"), "rb") as f:
        return f.read()


def fetches_trusts_registers_and_again():
    with edge_with_user(settings=["http=127.0.0.1:0"]) as edge:
        with tempfile.TemporaryDirectory() as folder:
            other = Pki(folder, "example.test", "Other Root").ca
            with SimPhone("--as", "SPA502G", "--tls", "1.2", *to(
                    edge, roots=other,
                    ca_url="http://127.0.0.1:%d/ca.pem" %
                    edge.http)) as phone:
                event = phone.wait("ca-fetched")
                equal(event["name"], "siptrust CA example.test")
                phone.wait("registered")
                found = edge.wait_line(r" ca-fetched .*$").group(0)
                contains(found, "file=/ca.pem")
                contains(found, "00085D0A0B0C")
                phone.reboot()
                phone.wait("ca-fetched", 2)
                phone.wait("registered", 2)
                equal(len(phone.all("booting")), 2)


def what_is_no_ca_file():
    with tempfile.TemporaryDirectory() as folder, edge_with_user() as edge, \
            Files() as files:
        pki = Pki(folder, "example.test", "Other Root")
        leaf, _ = pki.issue("server")
        with open(leaf, "rb") as f:
            leaf = f.read()
        with open(edge.ca, "rb") as f:
            good = f.read()
        der = ssl.PEM_cert_to_DER_cert(good.decode())
        cases = {
            "/404": ((404, b"not here"), "the server answers 404"),
            "/page": ((200, b"<html><body>login</body></html>"),
                      "a web page (HTML)"),
            "/empty": ((200, b""), "the file is empty"),
            "/der": ((200, der), "DER where this phone takes PEM"),
            "/leaf": ((200, leaf), "a server's own certificate, not a CA's"),
            "/big": ((200, b"A" * (10 << 20)), "more than 5242880 bytes"),
            "/old": ((200, expired_ca(pki)), '"Old Root" expired on '
                     "2010-01-01"),
            "/cut": ((200, good[:200]), "damaged"),
            "/moved": ((302, b"/good"), "a phone follows no redirect"),
            "/junk": ((200, b"\x00\x01\x02"), "neither PEM"),
        }
        files.answer = {path: answer for path, (answer, _) in cases.items()}
        urls = [(files.url(path), says) for path, (_, says) in cases.items()]
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            urls.append(("http://127.0.0.1:%d/x" % closed.getsockname()[1],
                         "no connection to 127.0.0.1"))
        urls.append(("https://127.0.0.1/ca.pem", "expected http://"))
        # Meanwhile another waits for a file that never ends.
        files.answer["/drip"] = (0, b"")
        slow = SimPhone("--as", "SPA502G", "--tls", "1.2", "--once", *to(
            edge, roots=pki.ca, ca_url=files.url("/drip")))
        for url, says in urls:
            with SimPhone("--as", "SPA502G", "--tls", "1.2", "--once", *to(
                    edge, roots=pki.ca, ca_url=url)) as phone:
                event = phone.wait("ca-failed")
                contains(event["reason"], says, url)
                equal(event["url"], url)
                # It goes on with what it has: that is not enough here.
                equal(phone.wait("tls-refused")["fault"], "root", url)
                equal(phone.process.wait(DEADLINE_S), 1)
        contains(files.seen[0], "Cisco/SPA502G-")
        with slow:
            contains(slow.wait("ca-failed")["reason"], "no whole file from")
            equal(slow.wait("tls-refused")["fault"], "root")


def a_failed_fetch_leaves_the_ca_it_had():
    with tempfile.TemporaryDirectory() as folder, edge_with_user() as edge, \
            Files() as files:
        other = Pki(folder, "example.test", "Other Root").ca
        with open(edge.ca, "rb") as f:
            files.answer["/ca.pem"] = (200, f.read())
        with SimPhone("--as", "SPA502G", "--tls", "1.2", *to(
                edge, roots=other, ca_url=files.url("/ca.pem"))) as phone:
            phone.wait("registered")
            files.answer["/ca.pem"] = (404, b"")
            phone.reboot()
            event = phone.wait("ca-failed")
            equal(event["kept"], 1)
            phone.wait("registered", 2)


def a_phone_that_takes_no_ca():
    with edge_with_user() as edge:
        with SimPhone("--as", "linksys-sipura", *to(
                edge, "udp", ca_url="http://127.0.0.1:1/ca.pem")) as phone:
            contains(phone.wait("ca-failed")["reason"], "no way to take a CA")
            phone.wait("registered")


if __name__ == "__main__":
    tap.main([
        registers_over_each_transport,
        sha256_and_md5,
        it_refreshes,
        once_tells_by_its_exit_code,
        wrong_usage,
        it_tries_again_until_it_can,
        its_log_by_syslog,
        it_says_why_it_refuses,
        not_the_tls_port,
        every_profile_looks_as_it_says,
        every_profile_trusts_and_refuses_as_it_says,
        every_profile_takes_the_keys_that_it_says,
        fetches_trusts_registers_and_again,
        what_is_no_ca_file,
        a_failed_fetch_leaves_the_ca_it_had,
        a_phone_that_takes_no_ca,
    ])
