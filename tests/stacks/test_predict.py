# SPDX-License-Identifier: BSD-2-Clause
"""siptrust check against real PBXs; and what siptrust preflight says of a new
chain, held against what the same stack then does with it."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import lab  # noqa: E402
import stacks  # noqa: E402
import tap  # noqa: E402
from chains import Chains  # noqa: E402
from edge import DOMAIN  # noqa: E402
from servers import SIPTRUST, Asterisk, Kamailio, Port  # noqa: E402
from table import Table  # noqa: E402

JOBS = 4
PORT = 7061
TAKES = {"accepts": ("registered",), "refuses": ("refused",),
         "unknown": ("registered", "refused")}


def preflight(chain, data):
    """What it says of the one device in the store."""
    p = subprocess.run([SIPTRUST, "preflight", chain[1], "--data", data,
                        "--json"], timeout=60, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True)
    assert p.returncode in (0, 1), p.stderr
    devices = json.loads(p.stdout)["devices"]
    tap.equal(len(devices), 1, p.stdout)
    return devices[0]


def attempt(stack, store, *chains):
    """A new phone of this stack at an edge with these chains and no other."""
    with LAB.edge(chains) as edge:
        phone = stack.phone(LAB.host(), edge, store)
        try:
            return phone.attempt()
        finally:
            phone.close()


def does_as_was_foretold(stack):
    """Refused under root B and served under A; then both are renewed."""
    store = CHAINS.store("a")
    with LAB.edge([B, A]) as edge:
        phone = stack.phone(LAB.host(), edge, store)
        try:
            tap.equal(phone.attempt(), "refused", phone.told)
            edge.wait_line(r" tls-refused ")
            tap.equal(phone.attempt(), "registered", phone.told)
        finally:
            phone.close()
        edge.stop()
        said = {c[0]: preflight(c, edge.data) for c in (NEW_A, NEW_B)}
    for chain in NEW_A, NEW_B:
        did = attempt(stack, store, chain)
        TABLE.add(stack=stack.name, case=chain[0], first=did,
                  cause=said[chain[0]]["says"],
                  confidence=said[chain[0]]["why"])
        assert did in TAKES[said[chain[0]]["says"]], \
            "%s: foretold %s, came %s" % (chain[0], said[chain[0]], did)
    tap.equal(said[NEW_A[0]]["says"], "accepts")
    if "mute" not in stack.is_a:  # one silence may be a cable
        tap.equal(said[NEW_B[0]]["says"], "refuses")


def described(kind):
    """The server's chain and versions, and that it answers OPTIONS."""
    kind.check()
    server = kind(LAB, [Port(PORT, A)])
    try:
        p = subprocess.run(
            LAB.host().argv([SIPTRUST, "check", "%s:%d" % (lab.ADDRESS, PORT),
                             "--name", DOMAIN, "--timeout", "30", "--json"]),
            timeout=120, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
    finally:
        server.end()
    tap.equal(p.returncode, 1, p.stderr)  # most phones lack the lab's root
    report = json.loads(p.stdout)
    tap.equal(report["server"]["versions"]["TLSv1.2"], True)
    tap.equal(report["chain"]["in_order"], True)
    assert report["server"]["options_status"], report["server"]
    says = {r["profile"]: (r["says"], r["cause"]) for r in report["phones"]}
    tap.equal(says["yealink-v80"], ("refused", "untrusted_root"))


def asterisk_is_described():
    described(Asterisk)


def kamailio_is_described():
    described(Kamailio)


LAB = lab.Lab()
CHAINS = Chains(LAB, "ab")
A, B, NEW_A, NEW_B = (CHAINS.chain(name) for name in
                      ("a", "b", "a-new", "b-new"))
TABLE = Table()
if __name__ == "__main__":
    tap.main([asterisk_is_described, kamailio_is_described] +
             stacks.tests((("", does_as_was_foretold),)), JOBS, TABLE.show)
