# SPDX-License-Identifier: BSD-2-Clause
"""Two chains on one port, and real clients that hold the root of the second
alone: refused once, then served, and after a restart served at once."""
import json
import os
import re
import socket
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import DOMAIN, SIPTRUST, Edge, until  # noqa: E402
from pki import Pki  # noqa: E402
from sip import Phone, tls  # noqa: E402

CHAIN = 'chain %s {\n\tcertificate = "%s"\n\tkey = "%s"\n}\n'


class Site(Edge):
    """An edge with chain a to Root A and chain b to Root B."""

    def __init__(self, extra="", settings=()):
        super().__init__(start=False, settings=settings)
        self.pki = {}
        text = extra
        for name in "ab":
            pki = Pki(self.folder, DOMAIN, "Root " + name.upper())
            text += CHAIN % (name, *pki.issue(name))
            self.pki[name] = pki
        self.config = os.path.join(self.folder, "siptrust.conf")
        self.write_config(text)
        os.makedirs(self.data)
        self.add_user("100")
        self.start()

    def tls_phone(self, user, source, root="b", version=None):
        return Phone(self, user, transport="TLS", source=source,
                     link=tls(self.tls, self.pki[root].ca, version, source))


def refused(site, source, root="b", version=None):
    """No phone comes back sooner than its refusal is judged."""
    try:
        tls(site.tls, site.pki[root].ca, version, source).close()
    except ssl.SSLError:
        site.wait_line("tls-refused peer=%s:" % re.escape(source))
        return
    raise AssertionError("it was not refused")


def register(site, source, user="100", root="b", version=None):
    phone = site.tls_phone(user, source, root, version)
    tap.equal(phone.register().status, 200)
    return phone


def refused_once_then_served():
    with Site() as site:
        # Another client each time: it has another ClientHello.
        for n, version in enumerate((ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3)):
            source = "127.0.0.%d" % (20 + n)
            refused(site, source, version=version)
            register(site, source, version=version)
            register(site, source, version=version)
            line = site.wait_line(r"tls-served peer=%s:.*" %
                                  re.escape(source)).group(0)
            for part in (" chain=b refused=a ", "cause=untrusted_root ",
                         "confidence=certain ",
                         "same device accepts chain b"):
                tap.contains(line, part)
            # A second client of its kind is served at once.
            register(site, "127.0.0.%d" % (40 + n), version=version)
        tap.equal(site.count("tls-refused"), 2)


def survives_a_restart_and_kill():
    with Site() as site:
        refused(site, "127.0.0.31")
        register(site, "127.0.0.31")
        until("the device is in the file",
              lambda: b"127.0.0.31" in read_all(site.data))
        site.kill()
        site.start()
        register(site, "127.0.0.31")
        site.stop()
        site.start()
        register(site, "127.0.0.31")
        tap.equal(site.count("tls-refused"), 0)


def read_all(data):
    text = b""
    for name in "devices.db", "devices.db-wal":
        path = os.path.join(data, name)
        if os.path.exists(path):
            with open(path, "rb") as f:
                text += f.read()
    return text


def by_openssl_itself():
    """openssl s_client with -CAfile of Root B; it says REGISTER by hand."""
    with Site() as site:
        argv = ["openssl", "s_client", "-connect", "127.0.0.1:%d" % site.tls,
                "-CAfile", site.pki["b"].ca, "-verify_return_error", "-quiet",
                "-ign_eof"]
        options = ("OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/TLS "
                   "127.0.0.1:5061;branch=z9hG4bKopenssl;rport\r\n"
                   "Max-Forwards: 70\r\nFrom: <sip:x@%s>;tag=1\r\n"
                   "To: <sip:%s>\r\nCall-ID: openssl\r\nCSeq: 1 OPTIONS\r\n"
                   "Content-Length: 0\r\n\r\n" % (DOMAIN, DOMAIN, DOMAIN))
        p = subprocess.run(argv, input=options.encode(), timeout=60,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        tap.equal(b"SIP/2.0 200" in p.stdout, False)
        site.wait_line("tls-refused .* chain=a .*cause=untrusted_root")
        with subprocess.Popen(argv, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as process:
            process.stdin.write(options.encode())
            process.stdin.flush()
            line = process.stdout.readline()
            process.kill()
        tap.equal(line.split()[:2], [b"SIP/2.0", b"200"])
        site.wait_line("tls-served .* chain=b refused=a .*certain")


def pinned():
    with Site('pin = { "127.0.0.50=b", "model:e2e/=a" }\n') as site:
        register(site, "127.0.0.50")
        # Known by UDP, then pinned by its model.
        phone = Phone(site, "100", source="127.0.0.51")
        tap.equal(phone.register().status, 200)
        register(site, "127.0.0.51", root="a")
        tap.equal(site.count("tls-refused"), 0)


def a_reload_keeps_what_was_learned():
    with Site() as site:
        refused(site, "127.0.0.60")
        register(site, "127.0.0.60")
        site.stop()
        site.start()  # with its ports in its settings
        with open(site.config) as f:
            text = f.read()
        site.write_config('log_level = "debug"\n' + text)
        site.send_signal(1)
        site.wait_line(" reloaded ")
        register(site, "127.0.0.60")
        tap.equal(site.count("tls-refused"), 0)


def status(site, *argv):
    """Exit status and what it printed."""
    p = subprocess.run([SIPTRUST, "status", "--data", site.data, *argv],
                       text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    return p.returncode, p.stdout


def the_fleet_in_the_terminal():
    with Site() as site:
        refused(site, "127.0.0.70")
        until("it is told", lambda: status(site)[0] == 1)
        code, text = status(site)
        for part in ("127.0.0.70", "refused", "untrusted_root (likely)",
                     "install Root A",
                     "1 device, 1 refused (1 untrusted_root)\n"):
            tap.contains(text, part)
        tap.equal(status(site, "--refused")[1].count("127.0.0.70"), 1)
        register(site, "127.0.0.70")
        until("it is served", lambda: status(site)[0] == 0)
        code, text = status(site, "--device", "100", "--json")
        tap.equal(code, 0, text)
        device, = json.loads(text)["devices"]
        tap.equal((device["address"], device["user_agent"], device["chain"],
                   device["transport"], device["state"]),
                  ("127.0.0.70", "e2e/1.0", "b", "TLS", "registered"))
        tap.equal(device["accounts"], "100@" + DOMAIN)
        tap.equal(device["profile"], None)
        tap.equal(device["verdict"]["confidence"], "certain")
        tap.equal([(e["what"], e["chain"]) for e in device["history"]],
                  [("proven", "a"), ("accepted", "b"), ("refused", "a")])
        tap.equal({b["root"]: b["belief"] for b in device["beliefs"]},
                  {"Root A": "lacks", "Root B": "holds"})
        tap.equal([(c["chain"], c["accepted"], c["refused"])
                   for c in device["chains"]], [("a", 0, 1), ("b", 1, 0)])
        tap.equal(status(site, "--refused"), (0, "no device is refused\n"))
        tap.equal(json.loads(status(site, "--refused", "--json")[1])[
            "devices"], [])
        for which in ("127.0.0.70", "100@" + DOMAIN, str(device["id"]),
                      "127.0.0.0/24", "account:100", "model:e2e/",
                      "ja4:" + device["ja4"]):
            code, text = status(site, "--device", which)
            tap.equal(code, 0, text)
            tap.contains(text, 'root "Root B": holds')
        for which in "model:e2e/2", "profile:cisco-spa50x", "127.0.1.0/24":
            tap.equal(status(site, "--device", which)[0], 3)
        code, text = status(site, "--device", "nobody")
        tap.equal(code, 3)
        tap.contains(text, "no device has the address, account or number "
                     "nobody")
        tap.equal(status(site, "--data", "/nonexistent")[0], 3)
        tap.equal(status(site, "too", "much")[0], 2)


def the_profile_of_a_device_is_shown():
    with Site() as site:
        phone = Phone(site, "100", source="127.0.0.71")
        phone.device = "Cisco/SPA502G-7.6.2"
        tap.equal(phone.register().status, 200)
        until("it is written", lambda: "127.0.0.71" in status(site)[1])
        code, text = status(site, "--device", "100", "--json")
        device, = json.loads(text)["devices"]
        tap.equal((code, device["profile"]), (0, "cisco-spa50x"))
        for which in "100", "profile:cisco-spa50x":
            code, text = status(site, "--device", which)
            tap.contains(text,
                         "  profile cisco-spa50x (siptrust device show)\n")


def a_long_name_keeps_the_table_in_line():
    with Site() as site:
        for name in "short", "Acme Telephone, long as its name is":
            phone = Phone(site, "100", source="127.0.0.72")
            phone.device = name
            tap.equal(phone.register().status, 200)
        until("it is written", lambda: status(site)[1].count("100@") == 2)
        head, *lines, last = status(site)[1].splitlines()
        tap.equal({line.index("100@") for line in lines},
                  {head.index("ACCOUNTS")})
        tap.equal(last, "2 devices, 0 refused")


def an_old_version_is_let_in_where_it_is_allowed():
    with Site('old_tls = { "127.0.0.80" }\n') as site:
        for source in "127.0.0.81", "127.0.0.80":
            p = subprocess.run(
                ["openssl", "s_client", "-connect", "127.0.0.1:%d" % site.tls,
                 "-bind", source + ":0", "-tls1_1", "-cipher",
                 "ALL:@SECLEVEL=0", "-CAfile", site.pki["a"].ca],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT)
            tap.equal(b"Verify return code: 0 (ok)" in p.stdout and
                      b"BEGIN CERTIFICATE" in p.stdout,
                      source == "127.0.0.80", p.stdout.decode())
        line = site.wait_line("tls-refused peer=127.0.0.81:.*").group(0)
        tap.contains(line, "cause=protocol_version confidence=certain")
        tap.contains(line, r'old_tls = { \"127.0.0.81\" }')


def who_opens_too_fast_gets_one_line():
    with Site(settings=["connections_per_address=20",
                        "connections_per_address_rate=5"]) as site:
        for _ in range(300):
            try:
                with socket.create_connection(("127.0.0.1", site.tls), 20,
                                              ("127.0.0.90", 0)):
                    pass
            except OSError:
                pass  # closed at accept
        register(site, "127.0.0.91", root="a")
        site.wait_line("limit kind=connections_per_address_rate ")
        site.stop()
        tap.equal(site.count("limit kind=connections_per_address_rate") <= 2,
                  True)
        tap.equal(site.count("tls-refused peer=127.0.0.90") <= 2, True)


if __name__ == "__main__":
    tap.main([refused_once_then_served,
              survives_a_restart_and_kill,
              by_openssl_itself,
              pinned,
              a_reload_keeps_what_was_learned,
              the_fleet_in_the_terminal,
              the_profile_of_a_device_is_shown,
              a_long_name_keeps_the_table_in_line,
              an_old_version_is_let_in_where_it_is_allowed,
              who_opens_too_fast_gets_one_line])
