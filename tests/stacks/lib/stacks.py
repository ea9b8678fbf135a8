# SPDX-License-Identifier: BSD-2-Clause
"""The TLS stacks, one row of STACKS each: how it is run as a phone, and what
it can be asked for."""
import glob
import os
import re
import shutil
import subprocess
import sys
import threading

import lab
import tap
from agents import AsteriskPhone, LinphonePhone
from edge import DOMAIN
from sip import Phone

CLIENTS = os.path.join(lab.ROOT, "tests/stacks/clients")
ATTEMPT_S = 60
PAST = "@2009-01-01 00:00:00"  # where the clock of a phone stands without NTP


def faketime(root):
    found = glob.glob(root + "/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not found:
        raise tap.Skip("no faketime %s" % (root or "here"))
    return found[0][len(root):]


class Pipes:
    """Whole SIP messages through a program's stdin and stdout; what it prints
    besides is passed over."""

    def __init__(self, process):
        self.process, self.data = process, b""

    def send(self, data):
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it is over: recv() tells

    def recv(self):
        while True:
            m = re.search(rb"SIP/2\.0 .*?\r\n\r\n", self.data, re.S)
            if m:
                self.data = self.data[m.end():]
                return m.group(0)
            more = self.process.stdout.read1(65536)
            if not more:
                raise EOFError("the client ended")
            self.data += more


class PipePhone:
    """A new connection for each attempt, by a program that pipes."""

    def __init__(self, stack, host, edge, store, options=(), clock=None):
        self.stack, self.host, self.edge = stack, host, edge
        self.options, self.clock = list(options), clock
        self.store = stack.keep(host.lab, store)
        self.told = ""

    def argv(self):
        store = self.store
        if self.stack.root:
            store = store.replace(self.host.lab.folder, "/mnt")
        argv = self.stack.argv(str(self.edge.tls), store, self.options)
        if self.clock:
            argv = ["env", "LD_PRELOAD=" + faketime(self.stack.root or ""),
                    "FAKETIME=" + self.clock,
                    "FAKETIME_DONT_FAKE_MONOTONIC=1"] + argv
        return self.host.argv(argv, self.stack.root)

    def attempt(self):
        """"registered" or "refused", by the phone's own account."""
        errors = os.path.join(self.host.lab.path("client"), "stderr")
        with open(errors, "wb") as f:
            p = subprocess.Popen(self.argv(), stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=f)
        bound = threading.Timer(ATTEMPT_S, p.kill)
        bound.start()
        try:
            phone = Phone(self.edge, lab.USER, transport="TLS", link=Pipes(p))
            phone.device = self.stack.name + "/lab"
            tap.equal(phone.register().status, 200, "the answer")
            return "registered"
        except EOFError:
            return "refused"
        finally:
            bound.cancel()
            p.kill()
            p.stdout.close()
            p.wait()
            with open(errors, errors="replace") as f:
                self.told = f.read().strip()[-300:]

    def restart(self):
        """Each attempt is a new process."""

    def close(self):
        pass


# ---- how each is started: (port, store, options) to words ----

def s_client(port, ca, options):
    argv = ["openssl", "s_client", "-connect", "%s:%s" % (lab.ADDRESS, port),
            "-servername", DOMAIN, "-verify_hostname", DOMAIN, "-CAfile", ca,
            "-no-CApath", "-verify_return_error", "-quiet"]
    if "rsa" in options:
        argv += ["-tls1_2", "-cipher", "aRSA", "-sigalgs",
                 "RSA+SHA256:RSA+SHA384:RSA+SHA1"]
    if "tls1.0" in options:
        argv += ["-tls1", "-cipher", "ALL:@SECLEVEL=0"]
    return argv


def gnutls(port, ca, options):
    priority = "NORMAL"
    if "rsa" in options:
        priority = "NORMAL:-VERS-TLS1.3:-ECDHE-ECDSA:-SIGN-ALL:" \
            "+SIGN-RSA-SHA256"
    if "tls1.0" in options:
        priority = "NORMAL:-VERS-ALL:+VERS-TLS1.0"
    return ["gnutls-cli", "--logfile=/dev/null", "--x509cafile", ca,
            "--sni-hostname", DOMAIN, "--verify-hostname", DOMAIN,
            "--priority", priority, "-p", port, lab.ADDRESS]


def nss(port, database, options):
    versions = "tls1.0:tls1.3"
    ciphers = []
    if "rsa" in options:
        versions, ciphers = "tls1.2:tls1.2", ["-c", ":C02F:C013:002F"]
    if "tls1.0" in options:
        versions = "tls1.0:tls1.0"
    return ["tstclnt", "-h", lab.ADDRESS, "-p", port, "-a", DOMAIN, "-d",
            database, "-V", versions, *ciphers]


def keep_nss(of, ca):
    """A certificate database with all roots of the file; its place."""
    folder = of.path("nss")
    database, orders = "sql:" + folder, []
    with open(ca) as f:
        found = re.findall(r"-----BEGIN.*?-----END CERTIFICATE-----\n",
                           f.read(), re.S)
    for n, text in enumerate(found):
        path = os.path.join(folder, "root-%d.pem" % n)
        with open(path, "w") as f:
            f.write(text)
        orders.append("-A -n root-%d -t C,, -i %s\n" % (n, path))
    batch = os.path.join(folder, "orders")
    with open(batch, "w") as f:
        f.write("".join(orders))
    for argv in (["-N", "--empty-password"], ["-B", "-i", batch]):
        p = subprocess.run(["certutil", "-d", database, *argv], text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
        tap.equal(p.returncode, 0, "certutil: " + p.stdout)
    return database


def own(name, *always):
    def argv(port, ca, options):
        return [lab.client(name), lab.ADDRESS, port, DOMAIN, ca, *always,
                *options]
    return argv


def script(program, name):
    def argv(port, ca, options):
        return [program, os.path.join(CLIENTS, name), lab.ADDRESS, port,
                DOMAIN, ca, *options]
    return argv


def jsse(port, ca, options):
    classes = os.path.dirname(lab.client("Jsse.class"))
    return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp",
            classes, "Jsse", lab.ADDRESS, port, DOMAIN, ca, *options]


class Stack:
    """can: what its client takes as option.  is_a: "blunt", one code or none
    for whatever it dislikes; "mute", and with the hello of a stack that is
    not."""

    def __init__(self, name, argv=None, needs=(), can="", root=None,
                 keep=None, phone=PipePhone, is_a=""):
        self.name, self.argv, self.needs = name, argv, needs
        self.can, self.root, self.phone_class = can.split(), root, phone
        self.is_a = is_a.split()
        self.keep = keep or (lambda of, ca: ca)

    def check(self):
        """Skips the test when this stack is not here."""
        for program in self.needs:
            if not shutil.which(program):
                raise tap.Skip("no %s here; tools/deps stacks installs it" %
                               program)
        if self.root and not os.path.exists(self.root):
            raise tap.Skip("no %s; tools/stacks-root makes it" % self.root)
        if self.argv:
            self.argv("0", "", [])

    def phone(self, host, edge, store, options=(), clock=None):
        return self.phone_class(self, host, edge, store, options, clock)


STACKS = [
    Stack("openssl-3.0", s_client, ["openssl"], "rsa tls1.0 clock"),
    Stack("openssl-1.1.1", s_client, [], "rsa tls1.0 clock",
          root=lab.OLD_ROOT),
    Stack("gnutls", gnutls, ["gnutls-cli"], "rsa tls1.0 clock",
          is_a="blunt"),
    Stack("mbedtls", own("mbedtls"), [], "rsa tls1.0 clock"),
    Stack("wolfssl", own("wolfssl"), [], "rsa clock"),
    Stack("nss", nss, ["tstclnt", "certutil"], "rsa tls1.0 clock",
          keep=keep_nss),
    Stack("bearssl", own("bearssl"), [], "rsa tls1.0 clock",
          is_a="blunt"),
    Stack("python", script("python3", "python.py"), ["python3"],
          "rsa tls1.0 clock"),
    Stack("pjsip-like", own("openssl", "late"), [], "clock", is_a="mute"),
    Stack("old-paths", own("openssl", "old-paths"), [], "old-paths"),
    Stack("silent", own("openssl", "silent"), [], "clock", is_a="mute"),
    Stack("node", script("node", "node.js"), ["node"], "rsa tls1.0"),
    Stack("linphone", needs=["linphonec"], phone=LinphonePhone),
    Stack("asterisk-16", root=lab.OLD_ROOT, phone=AsteriskPhone),
]
if shutil.which("javac"):  # a JDK is more than is asked for
    STACKS.append(Stack("jsse", jsse, ["java"], "rsa"))


def wanted(stack, what):
    return not what or what in stack.can or \
        what == "new-paths" and "old-paths" not in stack.can


def tests(rows):
    """A test for each (what, function) and each stack that can what ("": all);
    words on the command line choose."""
    made = []
    for what, function in rows:
        for stack in STACKS:
            def test(stack=stack, function=function):
                stack.check()
                function(stack)
            test.__name__ = "%s %s" % (stack.name, function.__name__)
            if wanted(stack, what) and all(
                    word in test.__name__ for word in sys.argv[1:]):
                made.append(test)
    return made
