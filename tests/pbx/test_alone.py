# SPDX-License-Identifier: BSD-2-Clause
"""PBXs as their how-tos have them, without an edge: phones register and call.
What fails here is no fault of the edge's."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import place  # noqa: E402
import tap  # noqa: E402
from chains import Chains  # noqa: E402
from edge import SIPTRUST, until  # noqa: E402
from pbxs import AsteriskPjsip, AsteriskSip, Kamailio  # noqa: E402
from phone import SimPhone  # noqa: E402
from phones import Baresip, Linphone  # noqa: E402
from talk import both_ways, lists  # noqa: E402

JOBS = 2


def phones_call_each_other(kind, transport):
    with place.network() as lab, kind(lab) as pbx:
        at = pbx.host.address
        with Baresip(lab, "100", at, transport, hertz=440) as a, \
                Baresip(lab, "101", at, hertz=880) as b:
            for phone in a, b:
                phone.registered()
                lists(pbx, phone, phone.host.address)
            both_ways(a, b)


def asterisk_pjsip():
    phones_call_each_other(AsteriskPjsip, "tcp")


def asterisk_sip():
    phones_call_each_other(AsteriskSip, "udp")


def kamailio():
    phones_call_each_other(Kamailio, "tcp")


# ---- the story: TLS, and a root that the phone does not hold ----

def explained(pbx):
    """What siptrust explain says of the PBX's log."""
    return subprocess.run([SIPTRUST, "explain", pbx.log_path], text=True,
                          stdout=subprocess.PIPE).stdout


class Sim:
    """siptrust phone as this model."""

    def __init__(self, lab, pbx, model):
        self.host = lab.host()
        self.phone = SimPhone("--as", model, "--transport", "tls", "--server",
                              pbx.host.address + ":5061", "--once",
                              password=place.secret("100"),
                              prefix=self.host.argv([]))

    def __enter__(self):
        self.phone.__enter__()
        return self

    def __exit__(self, *what):
        self.phone.__exit__(*what)

    def refuses(self):
        said = self.phone.wait("tls-refused")
        tap.contains(said["reason"], "does not hold the root")


def stays_out(kind, phone, lines, cause):
    """phone(lab, pbx, chains) refuses the chain; the PBX logs these lines."""
    with place.network() as lab:
        chains = Chains(lab)
        with kind(lab, host=lab.edge_host,
                  chain=chains.chain("a1")[1:]) as pbx, \
                phone(lab, pbx, chains) as phone:
            phone.refuses()
            for line in lines:
                line = line.replace("PEER", phone.host.address)
                until(line, lambda: line in pbx.log())
            tap.equal(pbx.contacts("100"), [])
            text = explained(pbx)
            tap.contains(text, ", peer %s:" % phone.host.address)
            tap.contains(text, cause)


def spa502g(lab, pbx, chains):
    return Sim(lab, pbx, "SPA502G")


def linphone(lab, pbx, chains):
    return Linphone(lab, "100", ca=chains.store("b"))


# The story's Asterisk wrote the peer into the first; the second was "FILE *
# open failed from peer".
LINES = ("Problem setting up ssl connection: error:00000001:lib(0):func(0):"
         "reason(1), Internal SSL error",
         "Unable to set up ssl connection with peer 'PEER:")


def story_spa502g():
    stays_out(AsteriskSip, spa502g, LINES, "untrusted_root, possible")


def story_linphone():
    stays_out(AsteriskSip, linphone, LINES, "untrusted_root, possible")


def story_asterisk_pjsip():
    stays_out(AsteriskPjsip, linphone, ["peer: PEER:"],
              "untrusted_root, likely")


if __name__ == "__main__":
    tap.main([asterisk_pjsip, asterisk_sip, kamailio, story_spa502g,
              story_linphone, story_asterisk_pjsip], JOBS)
