#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The edge in front of Kamailio as Debian has it, a registrar with Path: two
phones register and call each other, through the edge twice."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402
from edge import DEADLINE_S  # noqa: E402
from tap import equal  # noqa: E402
from test_upstream import (SDP_PHONE, Handset, in_front_of,  # noqa: E402
                           registered, truth)

CONFIG = """
debug=0
log_stderror=yes
children=1
tcp_children=1
listen=udp:127.0.0.1:%(port)d
listen=tcp:127.0.0.1:%(port)d
alias="example.test"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "siputils.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "use_path", 1)
modparam("registrar", "path_mode", 2)
request_route {
        if (is_method("REGISTER")) {
                save("location");
                exit;
        }
        if (is_method("OPTIONS") && $rU == $null) {
                sl_send_reply("200", "OK");
                exit;
        }
        if (has_totag()) {
                if (loose_route())
                        t_relay();
                else if (!is_method("ACK"))
                        sl_send_reply("404", "Not Here");
                exit;
        }
        if (is_method("CANCEL")) {
                t_relay();
                exit;
        }
        record_route();
        if (!lookup("location")) {
                sl_send_reply("404", "Not Found");
                exit;
        }
        t_relay();
}
"""


def free_port():
    with socket.socket() as tcp, \
            socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        return port


class Kamailio:
    def __init__(self):
        if not shutil.which("kamailio"):
            raise tap.Skip("no kamailio")
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="siptrust-kamailio-")
        config = os.path.join(self.folder, "kamailio.cfg")
        with open(config, "w") as f:
            f.write(CONFIG % {"port": self.port})
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.process = subprocess.Popen(
            ["kamailio", "-DD", "-E", "-f", config, "-m", "32", "-M", "8",
             "-P", os.path.join(self.folder, "pid"), "-w", self.folder,
             "-Y", self.folder],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.process.terminate()
        self.process.wait(DEADLINE_S)
        self.log.seek(0)
        if kind is not None:
            for line in self.log:
                print("# kamailio: " + line.rstrip())
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def between(transport):
    """A phone over TLS and one over UDP, to the PBX over this transport."""
    with Kamailio() as pbx, in_front_of(
            "sip:127.0.0.1:%d;transport=%s" % (pbx.port, transport)) as edge:
        edge.wait_line("upstream-up name=pbx ")
        a = Handset(edge, "100", transport="TLS", ca=edge.ca)
        b = Handset(edge, "101")
        for phone in (a, b):
            reply = registered(edge, phone)
            truth(reply.text, phone.contact.strip("<>") in reply.text)
            truth(reply.text, "sip:ft-" in reply.header("Path"))
        for caller, called in ((a, b), (b, a)):
            call_id = "%s-calls" % caller.user
            caller.ask("INVITE", "sip:%s@example.test" % called.user,
                       to="sip:%s@example.test" % called.user,
                       call_id=call_id, body=SDP_PHONE)
            invite = called.expect("INVITE")
            equal(invite.uri, called.contact.strip("<>"))
            equal(invite.body, SDP_PHONE)
            called.answer(invite, 180, "Ringing")
            called.answer(invite)
            ok = caller.expect(200)
            routes = ok.all("Record-Route")
            caller.ask("ACK", called.contact.strip("<>"),
                       ", ".join(routes).split(", ")[::-1],
                       to="sip:%s@example.test" % called.user,
                       to_tag="phone", call_id=call_id)
            called.expect("ACK")
            caller.ask("BYE", called.contact.strip("<>"),
                       ", ".join(routes).split(", ")[::-1],
                       to="sip:%s@example.test" % called.user,
                       to_tag="phone", call_id=call_id, cseq=2)
            bye = called.expect("BYE")
            called.answer(bye)
            caller.expect(200)


def over_udp():
    between("udp")


def over_tcp():
    between("tcp")


if __name__ == "__main__":
    tap.main([over_udp, over_tcp], jobs=2)
