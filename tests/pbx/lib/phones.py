# SPDX-License-Identifier: BSD-2-Clause
"""Softphones that register, call and are called; what they hear."""
import json
import os
import re
import shutil
import socket
import subprocess
import threading

import place
import tap
from ear import Ear, write_tone
from edge import DOMAIN, until

CALL_S = 60


def need(program):
    if shutil.which(program) is None:
        raise tap.Skip("no %s here; tools/deps pbx installs it" % program)
    return program


class Baresip:
    """Account user at server (an address); its voice is a tone of so many
    hertz."""
    CONFIG = """sip_listen {address}:0
{tls}
module_path /usr/lib/baresip/modules
module g711.so
module account.so
module menu.so
module aufile.so
module ctrl_tcp.so
ctrl_tcp_listen {address}:4444
net_interface {address}
audio_source aufile,{says}
audio_alert aufile,/dev/null
rtp_timeout 0
call_local_timeout 120
"""
    ACCOUNT = ('<sip:{user}@{domain};transport={transport}>;auth_pass={secret};'
               'regint=600;outbound="sip:{server}:{port};transport={transport}'
               '";answermode=manual;audio_codecs=PCMU\n')

    def __init__(self, of, user, server, transport="udp", hertz=440, ca=None,
                 host=None, port=None):
        self.host = host or of.host()
        self.user, self.hertz, self.transport = user, hertz, transport
        self.home = of.path("baresip")
        self.says = os.path.join(self.home, "says.wav")
        write_tone(self.says, hertz)
        self.events, self.number = [], 0
        self.mark = 0
        values = dict(
            user=user, domain=DOMAIN, transport=transport, server=server,
            port=port or (5061 if transport == "tls" else 5060),
            secret=place.secret(user), address=self.host.address,
            says=self.says,
            tls="sip_cafile " + ca if ca else "")
        for name, text in (("config", self.CONFIG), ("accounts", self.ACCOUNT),
                           ("contacts", "")):
            with open(os.path.join(self.home, name), "w") as f:
                f.write(text.format(**values))
        self.process = self.link = None

    def __enter__(self):
        need("baresip")
        with open(self.home + "/log", "wb") as log:
            self.process = subprocess.Popen(
                self.host.argv(["baresip", "-f", self.home]), stdout=log,
                stderr=log, stdin=subprocess.DEVNULL)
        here = place.Here(self.host)
        self.ear = Ear(self.host)

        def connect():
            try:
                return here.call(socket.create_connection,
                                 (self.host.address, 4444), CALL_S)
            except ConnectionRefusedError:
                tap.equal(self.process.poll(), None, "baresip ended")
                return None

        self.link = until("baresip is up", connect)
        self.link.settimeout(None)
        threading.Thread(target=self.read, daemon=True).start()
        return self

    def read(self):
        """Netstrings of JSON: events and answers."""
        data = b""
        while True:
            try:
                more = self.link.recv(65536)
            except OSError:
                return
            if not more:
                return
            data += more
            while b":" in data:
                size, _, rest = data.partition(b":")
                if len(rest) <= int(size):
                    break
                said = json.loads(rest[:int(size)].decode("utf-8", "replace"))
                if said.get("event"):
                    self.events.append(said)
                data = rest[int(size) + 1:]

    def command(self, word, params=""):
        text = json.dumps({"command": word, "params": params}).encode()
        self.link.sendall(b"%d:%s," % (len(text), text))

    def wait(self, name):
        """The next event of this name after the last that was waited for."""
        def look():
            for i in range(self.mark, len(self.events)):
                if self.events[i]["type"] == name:
                    self.mark = i + 1
                    return self.events[i]
            tap.equal(self.process.poll(), None, "baresip ended")
            return None
        return until("%s of baresip %s, after %s" % (
            name, self.user, [e["type"] for e in self.events]), look, CALL_S)

    def log(self):
        with open(self.home + "/log", errors="replace") as f:
            return f.read()

    def registered(self, count=1):
        """So many times."""
        until("baresip %s registers" % self.user, lambda: len(re.findall(
            r"\} 200 OK .*\[\d+ binding", self.log())) >= count, CALL_S)

    def dial(self, user):
        self.command("dial", "sip:%s@%s" % (user, DOMAIN))

    def rings(self):
        """It is called."""
        return self.wait("CALL_INCOMING")

    def answer(self):
        self.command("accept")

    def talks(self):
        self.wait("CALL_ESTABLISHED")

    def hangup(self):
        self.command("hangup")

    def ended(self):
        return self.wait("CALL_CLOSED")

    def hears(self, other):
        """From now on."""
        self.ear.forget()
        until("%s hears the %d Hz of %s (%d packets)" % (
            self.user, other.hertz, other.user, self.ear.packets),
            lambda: self.ear.hears(other.hertz), CALL_S)

    def leave(self):
        """As when it is switched off properly: it unregisters."""
        self.command("quit")
        try:
            self.process.wait(CALL_S)
        except subprocess.TimeoutExpired:
            pass  # killed below

    def __exit__(self, kind, value, trace):
        if self.link:
            if kind is None:
                self.leave()
            self.link.close()
            self.ear.close()
        self.process.kill()
        self.process.wait()
        if kind is not None:
            print("# ---- baresip %s ----" % self.user)
            print("# " + self.log()[-3000:].replace("\n", "\n# "))


class Linphone:
    """As Baresip; it verifies the server's certificate against the file ca."""
    CONFIG = """[sip]
sip_port=-1
sip_tcp_port=-1
sip_tls_port=-1
verify_server_certs=1
verify_server_cn=1
root_ca={ca}
default_proxy=0
guess_hostname=0
[proxy_0]
reg_proxy={server}
reg_route={server}
reg_identity=sip:{user}@{domain}
reg_expires=600
reg_sendregister=1
publish=0
quality_reporting_enabled=0
[auth_info_0]
username={user}
passwd={secret}
realm={domain}
domain={domain}
[net]
mtu=1300
[sound]
[video]
enabled=0
[audio_codec_0]
mime=PCMU
rate=8000
channels=1
enabled=1
"""

    def __init__(self, of, user, transport="tls", hertz=660, ca="",
                 host=None):
        """Its server is the one whose name is DOMAIN."""
        self.host = host or of.host()
        self.user, self.hertz, self.transport = user, hertz, transport
        self.home = of.path("linphone")
        self.says = os.path.join(self.home, "says.wav")
        write_tone(self.says, hertz)
        # It does not make the folder of its database, and then never registers.
        os.makedirs(self.home + "/.local/share/linphone")
        server = "<sip:%s:%d;transport=%s>" % (
            DOMAIN, 5061 if transport == "tls" else 5060, transport)
        with open(self.home + "/linphonerc", "w") as f:
            f.write(self.CONFIG.format(ca=ca, server=server, user=user,
                                       domain=DOMAIN,
                                       secret=place.secret(user)))
        self.process, self.said, self.mark = None, "", 0

    def __enter__(self):
        need("linphonec")
        # A network without a way out it takes for one that is down, after 5 s.
        place.lab.ip("-n", self.host.ns, "route", "replace", "default", "via",
                     place.lab.ADDRESS)
        self.process = subprocess.Popen(
            self.host.argv(["env", "-i", "PATH=" + os.environ["PATH"],
                            "HOME=" + self.home, "linphonec", "-c",
                            self.home + "/linphonerc"]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.ear = Ear(self.host)
        threading.Thread(target=self.read, daemon=True).start()
        self.command("soundcard use files")
        self.command("play " + self.says)
        return self

    def read(self):
        while True:
            more = self.process.stdout.read1(65536)
            if not more:
                return
            self.said += more.decode("utf-8", "replace")

    def command(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def wait(self, pattern):
        def look():
            m = re.compile(pattern).search(self.said, self.mark)
            if m:
                self.mark = m.end()
                return m
            tap.equal(self.process.poll(), None, "linphone ended")
            return None
        return until("%s of linphone %s" % (pattern, self.user), look, CALL_S)

    def refuses(self):
        """The server's certificate."""
        self.wait("SSL handshake failed")

    def registered(self):
        def look():
            self.command("status register")
            return re.search("^registered, identity", self.said, re.M)
        until("linphone %s registers" % self.user, look, CALL_S)

    def dial(self, user):
        self.command("call sip:%s@%s" % (user, DOMAIN))

    def rings(self):
        self.wait("Receiving new incoming call")

    def answer(self):
        self.command("answer")

    def talks(self):
        self.wait("connected")

    def hangup(self):
        self.command("terminate")

    def ended(self):
        self.wait("ended|terminated")

    def hears(self, other):
        self.ear.forget()
        until("%s hears the %d Hz of %s (%d packets)" % (
            self.user, other.hertz, other.user, self.ear.packets),
            lambda: self.ear.hears(other.hertz), CALL_S)

    def __exit__(self, kind, value, trace):
        self.process.kill()
        self.process.wait()
        self.ear.close()
        if kind is not None:
            print("# ---- linphone %s ----" % self.user)
            print("# " + self.said[-3000:].replace("\n", "\n# "))
