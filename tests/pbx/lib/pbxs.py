# SPDX-License-Identifier: BSD-2-Clause
"""PBXs with the files of their how-tos."""
import os
import re
import shutil
import signal
import subprocess

import lab
import place
import tap
from edge import until

COMMAND_S = 30


class Pbx:
    """One on a host of its own; home is its folder."""
    page = root = program = None
    READY = ""  # what is written before is of no interest

    def __init__(self, of, host=None, edge=lab.ADDRESS, change=None):
        """edge: the edge's address; change: a function of (path, text) that
        makes another file of the how-to's."""
        self.check()
        self.lab, self.edge, self.change = of, edge, change
        self.host = host or of.host(9)
        self.process = None
        self.home = of.path(self.page)
        os.chmod(self.home, 0o755)
        self.inner = self.home
        if self.root:
            self.inner = self.home.replace(of.folder, "/mnt")
        self.log_path = os.path.join(self.home, "console")

    @classmethod
    def check(cls):
        if cls.root and not os.path.exists(cls.root):
            raise tap.Skip("no %s; tools/stacks-root makes it" % cls.root)
        if not cls.root and not shutil.which(cls.program):
            raise tap.Skip("no %s here; tools/deps pbx installs it" %
                           cls.program)

    def files(self):
        here = {place.EDGE: self.edge, place.PBX: self.host.address}
        for path, text in place.files(self.page).items():
            if path.startswith(place.EDGE_CONF):
                continue
            text = place.placed(text, here)
            if self.change:
                text = self.change(path, text)
            yield path, text

    def write(self, name, text):
        with open(os.path.join(self.home, name), "w") as f:
            f.write(text)

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.host.argv(self.argv(), self.root), stdout=log,
                stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True)
        try:
            until("%s is up" % self.program, self.is_up)
        except BaseException:
            print("# " + self.log()[-2000:].replace("\n", "\n# "))
            raise
        return self

    def run(self, argv):
        p = subprocess.run(self.host.argv(argv, self.root), text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=COMMAND_S)
        return p.stdout

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def stop(self):
        """As in a power cut."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        self.stop()
        if kind is not None:
            print("# ---- %s ----" % self.program)
            told = self.log()
            told = told[max(told.find(self.READY), len(told) - 6000):]
            print("# " + told.replace("\n", "\n# "))


class Asterisk(Pbx):
    """16, of an older Debian, with that Debian's own configuration but for the
    files of the how-to."""
    root, program = lab.OLD_ROOT, "asterisk"
    READY = "Asterisk Ready."
    DIRECTORIES = """[directories]
astetcdir => {0}
astmoddir => /usr/lib/asterisk/modules
astvarlibdir => /var/lib/asterisk
astdbdir => {0}
astkeydir => {0}
astdatadir => /usr/share/asterisk
astagidir => /usr/share/asterisk/agi-bin
astspooldir => {0}
astrundir => {0}
astlogdir => {0}
"""

    # The OpenSSL of the years that the phones are of.
    OLD_TLS = """openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = system
[system]
MinProtocol = TLSv1
CipherString = DEFAULT@SECLEVEL=0
"""

    def __init__(self, of, *args, chain=None, **options):
        """chain: (certificate, key) of its own TLS; else it has none."""
        super().__init__(of, *args, **options)
        shutil.copytree(self.root + "/etc/asterisk", self.home,
                        dirs_exist_ok=True)
        for path, text in self.files():
            if chain and os.path.basename(path) == "pjsip.conf":
                text += "#include pjsip_tls.conf\n"
            text = text.replace("/etc/asterisk", self.inner)
            self.write(os.path.basename(path), text)
        self.write("asterisk.conf", self.DIRECTORIES.format(self.inner))
        self.write("logger.conf", "[general]\ndateformat = %F %T\n[logfiles]\n"
                   "console => verbose(3),warning,error,notice\n")
        self.write("openssl.cnf", self.OLD_TLS)
        os.makedirs(self.home + "/keys")
        if chain:
            certificate, key = (open(p).read() for p in chain)
            self.write("keys/pbx.pem", certificate + key)
            self.write("keys/pbx.key", key)

    def argv(self):
        return ["env", "OPENSSL_CONF=%s/openssl.cnf" % self.inner, "asterisk",
                "-C", self.inner + "/asterisk.conf", "-f", "-n"]

    def cli(self, command):
        return self.run(["asterisk", "-C", self.inner + "/asterisk.conf",
                         "-rx", command])

    def is_up(self):
        return "fully booted" in self.cli("core waitfullybooted")


class AsteriskPjsip(Asterisk):
    page = "asterisk-pjsip"

    def contacts(self, user):
        """The Contact URIs of user."""
        return re.findall(r"Contact:\s+%s/(\S+)" % user,
                          self.cli("pjsip show contacts"))


class AsteriskSip(Asterisk):
    page = "asterisk-sip"

    def contacts(self, user):
        return re.findall(r"Reg\. Contact\s*: (\S+)",
                          self.cli("sip show peer " + user))


class Kamailio(Pbx):
    page = program = "kamailio"

    def __init__(self, of, *args, chain=None, **options):
        """chain: (certificate, key), then over TLS too."""
        super().__init__(of, *args, **options)
        for path, text in self.files():
            text = text.replace("/run/kamailio", self.home)
            text = text.replace("/etc/kamailio", self.home)
            self.write(os.path.basename(path), text)
        self.tls = ["-A", "WITH_TLS"] if chain else []
        for part, source in zip(("pem", "key"), chain or ()):
            shutil.copy(source, os.path.join(self.home, "pbx." + part))

    def argv(self):
        return ["kamailio", "-DD", "-E", "-f", self.home + "/kamailio.cfg",
                "-Y", self.home, "-P", self.home + "/pid", "-m", "32",
                *self.tls]

    def rpc(self, *argv):
        return self.run(["kamcmd", "-s",
                         "unix:%s/kamailio_ctl" % self.home, *argv])

    def is_up(self):
        return "now" in self.rpc("core.uptime")

    def contacts(self, user):
        # "s:": else a number is no text to it.
        return re.findall(r"Address: (\S+)", self.rpc(
            "ul.lookup", "location", "s:" + user))
