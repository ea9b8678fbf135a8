# SPDX-License-Identifier: BSD-2-Clause
"""Real PBXs as TLS servers, one port for each chain or setting, and siptrust
watch beside them."""
import glob
import json
import os
import re
import shutil
import subprocess
import threading

import lab
import tap
from edge import BUILD, until

READY_S = 60
SIPTRUST = os.path.join(lab.ROOT, BUILD, "siptrust")


class Port:
    """chain: (name, certificate, key); lowest: "1.0" or "1.2"; wants: a client
    certificate."""

    def __init__(self, number, chain, lowest="1.0", wants=False):
        self.number, self.chain = number, chain
        self.lowest, self.wants = lowest, wants


class Server:
    def __init__(self, of, ports):
        self.lab, self.ports = of, ports
        self.home = of.path(self.name)
        os.chmod(self.home, 0o777)
        self.configure()
        self.log = open(os.path.join(self.home, "log"), "w+b")
        self.process = subprocess.Popen(
            of.edge_host.argv(self.argv(), self.root),
            stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT)
        until("%s listens" % self.name, self.listens, READY_S)

    def listens(self):
        if self.process.poll() is not None:
            with open(self.log.name, errors="replace") as f:
                raise AssertionError("%s ended: %s" % (self.name,
                                                       f.read()[-2000:]))
        found = subprocess.run(
            ["ip", "netns", "exec", self.lab.edge_host.ns, "cat",
             "/proc/net/tcp"], stdout=subprocess.PIPE, text=True).stdout
        return all(":%04X 00000000:0000 0A" % p.number in found
                   for p in self.ports)

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Kamailio(Server):
    """Debian's, on OpenSSL 3."""
    name, root = "kamailio", None
    CONFIG = """debug=1
log_stderror=yes
fork=yes
children=1
tcp_children=2
enable_tls=yes
%s
mpath="%s/"
loadmodule "sl.so"
loadmodule "tls.so"
modparam("tls", "config", "%s")
request_route {
	sl_send_reply("404", "Not Found");
}
"""

    @classmethod
    def check(cls):
        if not shutil.which("kamailio") or \
                not glob.glob("/usr/lib/*/kamailio/modules/tls.so"):
            raise tap.Skip("no kamailio with tls; tools/deps stacks "
                           "installs it")

    def configure(self):
        with open(self.home + "/tls.cfg", "w") as f:
            f.write("[server:default]\ncertificate = %s\nprivate_key = %s\n"
                    % self.ports[0].chain[1:])
            for p in self.ports:
                f.write("[server:%s:%d]\nmethod = TLSv%s+\n"
                        "verify_certificate = %s\nrequire_certificate = %s\n"
                        "cipher_list = ALL:@SECLEVEL=0\ncertificate = %s\n"
                        "private_key = %s\n" %
                        (lab.ADDRESS, p.number,
                         p.lowest if p.lowest != "1.0" else "1",
                         *("yes" if p.wants else "no",) * 2, *p.chain[1:]))
        with open(self.home + "/kamailio.cfg", "w") as f:
            f.write(self.CONFIG % (
                "\n".join("listen=tls:%s:%d" % (lab.ADDRESS, p.number)
                          for p in self.ports),
                os.path.dirname(
                    glob.glob("/usr/lib/*/kamailio/modules/tls.so")[0]),
                self.home + "/tls.cfg"))

    def argv(self):
        return ["kamailio", "-DD", "-E", "-m", "32", "-M", "8", "-f",
                self.home + "/kamailio.cfg", "-Y", self.home, "-P",
                self.home + "/pid"]


class Asterisk(Server):
    """Asterisk 16 of Debian 11, on OpenSSL 1.1.1: chan_pjsip."""
    name, root = "asterisk-16", lab.OLD_ROOT
    MODULES = """res_pjproject res_sorcery_config res_sorcery_memory
        res_sorcery_astdb res_timing_timerfd res_pjsip
        res_pjsip_session""".split()

    @classmethod
    def check(cls):
        if not os.path.exists(lab.OLD_ROOT):
            raise tap.Skip("no %s; tools/stacks-root makes it" %
                           lab.OLD_ROOT)

    def inside(self, path):
        return path.replace(self.lab.folder, "/mnt")

    def configure(self):
        home = self.inside(self.home)
        transports = "".join(
            "[t%d]\ntype=transport\nprotocol=tls\nbind=%s:%d\nmethod=%s\n"
            "cert_file=%s\npriv_key_file=%s\nrequire_client_cert=%s\n"
            "verify_client=%s\n" %
            (p.number, lab.ADDRESS, p.number,
             "sslv23" if p.lowest == "1.0" else "tlsv1_2",
             self.inside(p.chain[1]), self.inside(p.chain[2]),
             *("yes" if p.wants else "no",) * 2) for p in self.ports)
        files = {
            "asterisk.conf":
                "[directories]\nastetcdir => {0}\nastdbdir => {0}\n"
                "astvarlibdir => /var/lib/asterisk\n"
                "astdatadir => /usr/share/asterisk\n"
                "astmoddir => /usr/lib/asterisk/modules\n"
                "astkeydir => {0}\nastspooldir => {0}\n"
                "astrundir => {0}\nastlogdir => {0}\n".format(home),
            "logger.conf": "[logfiles]\nconsole => warning,error,notice\n",
            "modules.conf": "[modules]\nautoload=no\n" + "".join(
                "load = %s.so\n" % m for m in self.MODULES),
            "pjsip.conf": transports,
        }
        for name, text in files.items():
            with open(os.path.join(self.home, name), "w") as f:
                f.write(text)

    def argv(self):
        # Debian's openssl.cnf forbids what the phones of then speak.
        return ["env", "OPENSSL_CONF=/dev/null", "asterisk", "-C",
                self.inside(self.home) + "/asterisk.conf", "-f", "-n"]


class Watch:
    """siptrust watch, live in the servers' namespace."""

    def __init__(self, of, ports):
        argv = [SIPTRUST, "watch", "-i", "br0", "--json", "-v"]
        for number in ports:
            argv += ["--port", str(number)]
        self.found = []
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", of.edge_host.ns, *argv],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        until("watch has given root up", self.listens)

    def listens(self):
        if self.process.poll() is not None:
            why = self.process.stderr.read()
            if "not permitted" not in why:
                raise AssertionError("watch ended: " + why)
            raise tap.Skip("no right to capture: " + why)
        try:
            with open("/proc/%d/status" % self.process.pid) as f:
                return not re.search(r"Uid:\t0\t", f.read())
        except FileNotFoundError:
            return False

    def read(self):
        for line in self.process.stdout:
            self.found.append(json.loads(line))

    def handshake(self, client):
        """What it says of the one by this address, or address and port."""
        def look():
            for o in list(self.found):
                if o.get("client", "").startswith(client) and \
                        o["type"] == "handshake":
                    return o
            return None
        return until("watch tells of %s" % client, look)

    def end(self):
        self.process.terminate()
        self.process.wait(20)
        self.thread.join(20)


def raw(host, port, data):
    """These bytes from that host, and what the other side does then."""
    code = ("import socket,sys\ns=socket.create_connection((sys.argv[1],"
            "int(sys.argv[2])),20)\ns.sendall(bytes.fromhex(sys.argv[3]))\n"
            "s.shutdown(socket.SHUT_WR)\ns.settimeout(5)\n"
            "try:\n while s.recv(4096): pass\nexcept OSError: pass\n")
    subprocess.run(host.argv(["python3", "-c", code, lab.ADDRESS, str(port),
                              data.hex()]), timeout=60)


