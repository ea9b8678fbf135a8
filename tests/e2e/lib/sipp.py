# SPDX-License-Identifier: BSD-2-Clause
"""SIPp as callers and called, by the scenarios of tests/sipp."""
import os
import shutil
import socket
import subprocess
import tempfile

import tap
from edge import PASSWORD, ROOT
from sip import Phone

SIPP_S = 60
FOLDER = os.path.join(ROOT, "tests/sipp")


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Sipp:
    """One SIPp process; called ones register from their port first, callers
    where register says so."""

    def __init__(self, server, scenario, user, target=None, calls=1, rate=20,
                 transport="u1", lost=0, register=False):
        if not shutil.which("sipp"):
            raise tap.Skip("no sipp here; tools/deps check installs it")
        self.scenario, self.folder = scenario, tempfile.mkdtemp()
        self.port = free_port()
        argv = ["sipp", "-sf", os.path.join(FOLDER, scenario + ".xml"),
                "-i", "127.0.0.1", "-p", str(self.port), "-m", str(calls),
                "-s", user, "-t", transport, "-nostdin", "-timeout",
                str(SIPP_S), "-timeout_error", "-trace_err", "-trace_msg"]
        if lost:
            argv += ["-lost", str(lost)]
        if target:
            users = os.path.join(self.folder, "users.csv")
            with open(users, "w") as f:
                f.write("SEQUENTIAL\n%s;%s;%s;[authentication username=%s "
                        "password=%s]\n" % (user, server.domain, target, user,
                                            PASSWORD))
            argv += ["-inf", users, "-r", str(rate),
                     "127.0.0.1:%d" % server.sip]
        if register or not target:
            self.register(server, user)
        self.process = subprocess.Popen(
            argv, cwd=self.folder, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)

    def register(self, server, user):
        phone = Phone(server, user)
        phone.link.close()
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", self.port))
        sock.connect(("127.0.0.1", server.sip))
        sock.settimeout(20)
        phone.link.sock = sock
        phone.contact = "<sip:%s@127.0.0.1:%d>" % (user, self.port)
        tap.equal(phone.register().status, 200, "REGISTER")
        phone.close()

    def done(self):
        """It must have ended well."""
        out = self.process.communicate(timeout=SIPP_S + 20)[0]
        status = self.process.returncode
        if status != 0:
            told = ""
            for name in sorted(os.listdir(self.folder)):
                if name.endswith((".log", "_errors.log")):
                    with open(os.path.join(self.folder, name),
                              errors="replace") as f:
                        told += "---- %s\n%s\n" % (name, f.read()[-1500:])
            raise AssertionError("%s: exit %d\n%s\n%s" % (
                self.scenario, status, out[-1500:], told))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)
