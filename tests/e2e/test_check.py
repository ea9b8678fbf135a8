# SPDX-License-Identifier: BSD-2-Clause
"""siptrust check: against our edge, openssl s_server, Kamailio and servers that
are none; its predictions against what the same phones then do."""
import concurrent.futures
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import DEADLINE_S, PASSWORD, SIPTRUST, Edge, until  # noqa: E402
from pki import ECDSA, Pki  # noqa: E402
from tap import contains, equal  # noqa: E402

NAME = "pbx.example.test"


def check(where, *words, name=NAME, code=None, timeout=DEADLINE_S,
          silent=False):
    """Its exit code, what it printed, and its complaints.  Machines here are
    slow: a connection gets as long as a test has."""
    argv = [SIPTRUST, "check", where, "--timeout", "30", *words]
    if silent:
        argv += ["--timeout", "4"]  # OPTIONS is not answered there
    if name:
        argv += ["--name", name]
    p = subprocess.run(argv, timeout=timeout, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       universal_newlines=True)
    if code is not None and p.returncode != code:
        raise AssertionError("exit %d, expected %d:\n%s%s" %
                             (p.returncode, code, p.stdout, p.stderr))
    return p.returncode, p.stdout, p.stderr


def check_json(where, *words, **options):
    return json.loads(check(where, "--json", *words, **options)[1])


def says(report):
    return {p["profile"]: (p["says"], p["cause"]) for p in report["phones"]}


def faults(report):
    return [n["text"] for n in report["notes"] if n["fault"]]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """openssl s_server, which speaks TLS and no SIP."""

    def __init__(self, certificate, key, *options):
        self.port = free_port()
        self.process = subprocess.Popen(
            ["openssl", "s_server", "-accept", "127.0.0.1:%d" % self.port,
             "-cert", certificate, "-key", key, "-quiet", *options],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def __enter__(self):
        def up():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0
        until("s_server listens", up)
        return "127.0.0.1:%d" % self.port

    def __exit__(self, *exc):
        self.process.kill()
        self.process.communicate()


class Listener:
    """A server of one function, each connection in a thread of its own."""

    def __init__(self, serve):
        self.serve = serve
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(connection,),
                             daemon=True).start()

    def one(self, connection):
        try:
            self.serve(connection)
        except OSError:
            pass
        connection.close()

    def __enter__(self):
        return "127.0.0.1:%d" % self.socket.getsockname()[1]

    def __exit__(self, *exc):
        self.socket.close()


# ---- good servers ----

def our_edge_is_described():
    with Edge(domain=NAME) as edge:
        where = "127.0.0.1:%d" % edge.tls
        report = check_json(where, code=1)
        server = report["server"]
        equal(server["versions"], {"TLSv1.0": False, "TLSv1.1": False,
                                   "TLSv1.2": True, "TLSv1.3": True})
        assert len(server["suites"]) > 15, server["suites"]
        equal(server["suites"][0][:8], "TLS_AES_")
        assert "TLS_RSA_WITH_AES_128_CBC_SHA" in server["suites"]
        equal([server[k] for k in ("rsa", "ecdsa", "tickets", "session_ids",
                                   "options_status")],
              [True, False, True, True, 200])
        equal(faults(report), [])
        equal([report["chain"][k] for k in
               ("named", "named_loosely", "in_order", "complete")],
              [True] * 4)
        equal(report["chain"]["roots"][0]["public"], False)
        got = says(report)
        equal(got["cisco-spa50x"], ("refused", "protocol_version"))
        equal(got["yealink-v80"], ("refused", "untrusted_root"))
        equal(got["snom"], ("registers", None))
        equal(got["obihai"], ("unknown", None))
        equal(len(got), 29)
        code, out, err = check(where, "--all", code=1)
        contains(out, "  versions    TLSv1.0: no, TLSv1.1: no, TLSv1.2: yes, "
                      "TLSv1.3: yes\n")
        contains(out, "  OPTIONS     \"SIP/2.0 200 OK\"\n")
        contains(out, "  leads to \"siptrust CA %s\", in no public store" %
                 NAME)
        contains(out, "remedy: install siptrust CA %s on the phone as its "
                      "custom CA: serve it over HTTP and write its address "
                      "into its static.trusted_certificates.url" % NAME)
        contains(out, "29 profiles: ")
        # A phone that does not look registers: nobody is refused.
        check(where, "--as", "snom", code=0)


def old_phones_are_served_where_old_tls_is():
    with Edge(domain=NAME, settings=("old_tls=127.0.0.0/8",)) as edge:
        report = check_json("127.0.0.1:%d" % edge.tls, "--as", "SPA502G",
                            code=1)
        equal(report["server"]["versions"]["TLSv1.0"], True)
        equal(says(report)["cisco-spa50x"], ("refused", "untrusted_root"))
        contains(report["phones"][0]["remedy"], "Custom_CA_RULE")


def kamailio_is_described():
    if not shutil.which("kamailio"):
        raise tap.Skip("no kamailio here; tools/deps check installs it")
    with tempfile.TemporaryDirectory() as folder:
        pki = Pki(folder, NAME)
        certificate, key = pki.issue("pbx")
        port = free_port()
        config = os.path.join(folder, "kamailio.cfg")
        with open(config, "w") as f:
            f.write(KAMAILIO % (port, certificate, key))
        with open(os.path.join(folder, "log"), "w+") as log, \
                subprocess.Popen(
                    ["kamailio", "-DD", "-E", "-f", config, "-Y", folder,
                     "-P", os.path.join(folder, "pid"), "-m", "32"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True) as p:
            try:
                def up():
                    with socket.socket() as s:
                        return s.connect_ex(("127.0.0.1", port)) == 0
                until("kamailio listens", up)
                report = check_json("127.0.0.1:%d" % port, code=1)
            finally:
                os.killpg(p.pid, 9)
        equal(report["server"]["options_status"], 404)
        equal(report["server"]["versions"]["TLSv1.2"], True)
        equal(report["chain"]["in_order"], True)
        equal(faults(report), [])
        equal(says(report)["yealink-v80"], ("refused", "untrusted_root"))


KAMAILIO = """
log_stderror=yes
children=1
tcp_children=2
enable_tls=yes
listen=tls:127.0.0.1:%d
loadmodule "sl.so"
loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "%s")
modparam("tls", "private_key", "%s")
request_route {
    sl_send_reply("404", "Nobody Here");
}
"""


# ---- what can be wrong with a chain ----

def make_chains(folder):
    """name: (files of s_server, part of the fault that is told)."""
    pki = Pki(folder, NAME)
    sub = Pki(folder, NAME, ca_name="Test Intermediate")
    pki.sign(sub.request(), sub.path("sub.pem"), "20200101000000Z",
             "20491231235959Z", kind="sub")
    leaf = sub.issue("leaf")
    good = pki.issue("good")
    expired = pki.issue("expired", end="20230101000000Z")
    young = pki.issue("young", begin="20480101000000Z")
    other = Pki(folder, "other.example.test").issue("other")
    wild = Pki(folder, "*.example.test").issue("wild")
    own = Pki(folder, NAME)
    return {
        "good": (good, (), None),
        "complete": (leaf, ("-cert_chain", sub.path("sub.pem")), None),
        "expired": (expired, (), "expired on 2023-01-01"),
        "young": (young, (), "is not valid before 2048-01-01"),
        "other": (other, (), "is not for %s but for other.example.test" %
                  NAME),
        "wild": (wild, (), "by a wildcard alone"),
        "self-signed": ((own.ca, own.path("ca.key")), (), "self-signed"),
        "out of order": (leaf, ("-cert_chain", pki.ca), "out of order"),
        "ecdsa": (pki.issue("ec", key_type=ECDSA), (), None),
        "new": (good, ("-tls1_3",), "does not take TLS 1.2"),
    }


PHONES = "yealink-v80", "linphone", "polycom-vvx", "snom", "cisco-spa50x", \
    "pjsip"


def phone_does(where, profile, roots):
    """registers: it gets through the handshake and likes the chain."""
    with subprocess.Popen(
            [SIPTRUST, "phone", "--as", profile, "--transport", "tls",
             "--json", "--once", "--roots", roots, "--server", where,
             "sip:100@" + NAME], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            universal_newlines=True) as p:
        seen = []
        for line in p.stdout:
            seen.append(json.loads(line)["event"])
            if seen[-1] in ("connected", "tls-refused", "connection-failed"):
                break
        p.kill()
    return {"connected": "registers", "tls-refused": "refused",
            "connection-failed": "refused"}[seen[-1]]


def one_chain(kind, files, options, fault, roots):
    """How many predictions came true, how many were none."""
    agreed = unknown = 0
    with Server(*files, *options) as where:
        report = check_json(where, silent=True, code=1)
        told, got = faults(report), says(report)
        assert told == [] if fault is None else \
            any(fault in t for t in told), (kind, told)
        equal(report["server"]["options_answered"], False, kind)
        equal(report["server"]["ecdsa"], kind == "ecdsa", kind)
        for profile in PHONES:
            said = got[profile][0]
            unknown += said == "unknown"
            if said == "unknown":
                continue
            equal(phone_does(where, profile, roots), said,
                  "%s, chain %s" % (profile, kind))
            agreed += 1
    return agreed, unknown


def faults_are_told_and_predictions_come_true():
    """As delivered these phones hold none of the test's roots."""
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(5) as pool:
        roots = Pki(folder, NAME, ca_name="Nobody's Root").ca
        jobs = [pool.submit(one_chain, kind, files, options, fault, roots)
                for kind, (files, options, fault) in
                make_chains(folder).items()]
        done = [job.result() for job in jobs]
    agreed = sum(d[0] for d in done)
    print("# | %d predictions came true, %d were unknown" %
          (agreed, sum(d[1] for d in done)))
    assert agreed >= 40, agreed


def a_missing_intermediate_is_told():
    """The leaf says where its issuer's certificate can be had."""
    with tempfile.TemporaryDirectory() as folder:
        pki = Pki(folder, NAME)
        with open(pki.path("openssl.cnf")) as f:
            text = f.read()
        with open(pki.path("openssl.cnf"), "w") as f:
            f.write(text.replace(
                "[leaf]\n", "[leaf]\nauthorityInfoAccess = caIssuers;"
                "URI:http://ca.example.test/sub.cer\n"))
        with Server(*pki.issue("leaf")) as where:
            report = check_json(where, silent=True, code=1)
        equal(report["chain"]["complete"], False)
        contains("; ".join(faults(report)), "the chain is not complete")
        equal(says(report)["yealink-v80"], ("refused",
                                            "missing_intermediate"))


def what_devices_have_shown_counts():
    """One Yealink has accepted a chain to this root at the edge."""
    with tempfile.TemporaryDirectory() as folder, \
            Edge(domain=NAME, users=("100",)) as edge:
        subprocess.run(
            [SIPTRUST, "phone", "--as", "yealink-v80", "--transport", "tls",
             "--once", "--password-stdin", "--roots", edge.ca, "--from",
             "127.0.0.11", "--server",
             "127.0.0.1:%d" % edge.tls, "sip:100@" + NAME],
            input=PASSWORD + "\n", timeout=60, stdout=subprocess.PIPE,
            universal_newlines=True)
        edge.wait_line(r" registered aor=100@")
        where = "127.0.0.1:%d" % edge.tls

        def known():
            got = check_json(where, "--data", edge.data)
            return says(got)["yealink-v80"][0] == "registers" and got
        report = until("the edge has it in its file", known)
        reason = [p["reason"] for p in report["phones"]
                  if p["profile"] == "yealink-v80"][0]
        equal(reason, "devices of its kind here accept chains to siptrust CA "
                      + NAME)
        equal(says(report)["linphone"], ("refused", "untrusted_root"))


# ---- servers that are none ----

def tls_context(folder):
    pki = Pki(folder, NAME)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pki.issue("good"))
    return context


def a_server_without_tls_is_told():
    def sip(connection):
        connection.recv(4096)
        connection.sendall(b"SIP/2.0 400 Bad Request\r\n\r\n")
    with Listener(sip) as where:
        code, out, err = check(where, code=1)
    contains(out, "no phone registers: what the server sent is not TLS: is "
                  "this its TLS port?")

    def hangs_up(connection):
        connection.recv(4096)
    with Listener(hangs_up) as where:
        code, out, err = check(where, code=1)
    contains(out, "hung up in the TLS handshake without a word")


def a_server_that_says_nothing_costs_one_deadline():
    over = threading.Event()
    connections = []

    def silent(connection):
        connections.append(connection)
        over.wait(DEADLINE_S)
    with Listener(silent) as where:
        code, out, err = check(where, "--timeout", "1", code=1)
        over.set()
    contains(out, "it says nothing in the TLS handshake: waited 1000 ms")
    equal(len(connections), 1)


def a_server_that_is_not_sip_is_told():
    with tempfile.TemporaryDirectory() as folder:
        context = tls_context(folder)

        def http(connection):
            with context.wrap_socket(connection, server_side=True) as s:
                if s.recv(4096):
                    s.sendall(b"HTTP/1.1 400 Bad Request\r\n"
                              b"Content-Length: 0\r\n\r\n")
        with Listener(http) as where:
            report = check_json(where, code=1)
    contains("; ".join(faults(report)),
             "what answers there is not SIP: \"HTTP/1.1 400 Bad Request\"")


def a_megabyte_of_certificates_is_refused():
    with tempfile.TemporaryDirectory() as folder:
        pki = Pki(folder, NAME)
        certificate, key = pki.issue("good")
        with open(pki.ca) as f:
            many = f.read() * 1000
        with open(pki.path("many.pem"), "w") as f:
            f.write(many)
        with Server(certificate, key, "-cert_chain",
                    pki.path("many.pem")) as where:
            code, out, err = check(where, code=1)
    contains(out, "the server sends more than 100 kB of certificates: no "
                  "phone takes that")


def what_cannot_be_reached_is_told():
    code, out, err = check("no-such-host.invalid", name=None, code=3)
    equal(out, "")
    contains(err, "no address for \"no-such-host.invalid\"")
    code, out, err = check("127.0.0.1:%d" % free_port(), code=3)
    contains(out, "no connection: Connection refused")


def wrong_usage_is_told():
    for words, text in (
            ((), "expected one HOST"), (("a", "b"), "is too much"),
            (("a", "--as", "no-phone"), "no profile, or more than one"),
            (("a", "--as", "snom", "--all"), "not both"),
            (("a", "--timeout", "0"), "expected seconds"),
            (("a", "--what"), "no option")):
        p = subprocess.run([SIPTRUST, "check", *words], timeout=60,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, universal_newlines=True)
        equal((p.returncode, p.stdout), (2, ""), " ".join(words))
        contains(p.stderr, text)


if __name__ == "__main__":
    tap.main([our_edge_is_described, old_phones_are_served_where_old_tls_is,
              kamailio_is_described,
              faults_are_told_and_predictions_come_true,
              a_missing_intermediate_is_told,
              what_devices_have_shown_counts, a_server_without_tls_is_told,
              a_server_that_says_nothing_costs_one_deadline,
              a_server_that_is_not_sip_is_told,
              a_megabyte_of_certificates_is_refused,
              what_cannot_be_reached_is_told, wrong_usage_is_told], jobs=4)
