# SPDX-License-Identifier: BSD-2-Clause
"""Phones that register by themselves: what they do is read from the edge's
log."""
import os
import re
import subprocess

import lab
from edge import DOMAIN, PASSWORD, until

ATTEMPT_S = 60


class Agent:
    def __init__(self, stack, host, edge, store, options=(), clock=None):
        self.stack, self.host, self.edge = stack, host, edge
        self.ca, self.seen, self.process = store, 0, None
        self.home = host.lab.path(stack.name)
        self.told = ""
        self.configure()

    def start(self):
        with open(self.home + "/log", "ab") as log:
            self.process = subprocess.Popen(
                self.host.argv(self.argv(), self.stack.root), stdout=log,
                stderr=log, stdin=subprocess.PIPE)

    def next_event(self):
        """What the edge says next of this phone."""
        while self.seen < len(self.edge.lines):
            line = self.edge.lines[self.seen]
            self.seen += 1
            m = re.search(r" (tls-refused|registered) .*\bpeer=%s:" %
                          re.escape(self.host.address), line)
            if m:
                return "registered" if m.group(1) == "registered" else \
                    "refused"
        return None

    def attempt(self):
        """"registered" or "refused": the next that it comes to."""
        if self.process and self.process.poll() is None:
            self.nudge()
        else:
            self.start()
        return until("%s makes an attempt" % self.stack.name, self.next_event,
                     ATTEMPT_S)

    def nudge(self):
        """It is refused: have it try again now, where it can be told so."""

    def restart(self):
        """As when it is unplugged: nothing is said to the edge."""
        self.close()

    def close(self):
        if self.process:
            self.process.kill()
            self.process.communicate()
            with open(self.home + "/log", errors="replace") as f:
                self.told = f.read()[-2000:]
            self.process = None


class LinphonePhone(Agent):
    def configure(self):
        # It does not make the folder of its database, and then never registers.
        os.makedirs(self.home + "/.local/share/linphone")
        server = "<sip:%s:%d;transport=tls>" % (DOMAIN, self.edge.tls)
        with open(self.home + "/linphonerc", "w") as f:
            f.write("[sip]\nsip_port=-1\nsip_tcp_port=-1\nsip_tls_port=-1\n"
                    "verify_server_certs=1\nverify_server_cn=1\nroot_ca=%s\n"
                    "default_proxy=0\nguess_hostname=0\n"
                    "[proxy_0]\nreg_proxy=%s\nreg_route=%s\n"
                    "reg_identity=sip:%s@%s\nreg_expires=600\n"
                    "reg_sendregister=1\npublish=0\n"
                    "quality_reporting_enabled=0\n"
                    "[auth_info_0]\nusername=%s\npasswd=%s\nrealm=%s\n"
                    "domain=%s\n[net]\nmtu=1300\n[sound]\n"
                    "[video]\nenabled=0\n" %
                    (self.ca, server, server, lab.USER, DOMAIN, lab.USER,
                     PASSWORD, DOMAIN, DOMAIN))

    def argv(self):
        return ["env", "-i", "PATH=" + os.environ["PATH"],
                "HOME=" + self.home, "linphonec", "-c",
                self.home + "/linphonerc"]


class AsteriskPhone(Agent):
    """chan_pjsip as a phone: it registers outbound, and judges the chain when
    the handshake is over."""
    MODULES = """res_pjproject res_sorcery_config res_sorcery_memory
        res_sorcery_astdb res_timing_timerfd res_pjsip res_pjsip_session
        res_pjsip_outbound_authenticator_digest
        res_pjsip_outbound_registration""".split()

    def configure(self):
        home = self.home.replace(self.host.lab.folder, "/mnt")
        files = {
            "asterisk.conf":
                "[directories]\nastetcdir => {home}\nastdbdir => {home}\n"
                "astvarlibdir => /var/lib/asterisk\n"
                "astdatadir => /usr/share/asterisk\n"
                "astmoddir => /usr/lib/asterisk/modules\n"
                "astkeydir => {home}\nastspooldir => {home}\n"
                "astrundir => {home}\nastlogdir => {home}\n",
            "logger.conf": "[logfiles]\nconsole => warning,error,notice\n",
            "modules.conf": "[modules]\nautoload=no\n" + "".join(
                "load = %s.so\n" % m for m in self.MODULES),
            "pjsip.conf":
                "[tls]\ntype=transport\nprotocol=tls\nbind=0.0.0.0:5061\n"
                "method=tlsv1_2\nverify_server=yes\nca_list_file={ca}\n"
                "[auth]\ntype=auth\nauth_type=userpass\n"
                "username={user}\npassword={password}\n"
                "[phone]\ntype=registration\ntransport=tls\n"
                "outbound_auth=auth\nretry_interval=30\nmax_retries=100\n"
                "expiration=600\nauth_rejection_permanent=no\n"
                "server_uri=sip:{address}:{port}\\;transport=tls\n"
                "client_uri=sip:{user}@{domain}\n",
        }
        for name, text in files.items():
            with open(os.path.join(self.home, name), "w") as f:
                f.write(text.format(
                    home=home, user=lab.USER, password=PASSWORD,
                    domain=DOMAIN, address=lab.ADDRESS, port=self.edge.tls,
                    ca=self.ca.replace(self.host.lab.folder, "/mnt")))

    def asterisk(self):
        return ["asterisk", "-C", self.home.replace(
            self.host.lab.folder, "/mnt") + "/asterisk.conf"]

    def argv(self):
        return self.asterisk() + ["-f", "-n"]

    def start(self):
        super().start()
        until("asterisk is up", lambda: "phone" in self.cli(
            "pjsip show registrations"), ATTEMPT_S)
        self.nudge()  # by itself it waits a random time

    def cli(self, command):
        p = subprocess.run(self.host.argv(self.asterisk() + ["-rx", command],
                                          self.stack.root), text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=ATTEMPT_S)
        return p.stdout

    def nudge(self):
        self.cli("pjsip send register phone")
