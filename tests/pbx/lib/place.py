# SPDX-License-Identifier: BSD-2-Clause
"""The network of make check-pbx: a lab as of make check-stacks, whose hosts
are those of the how-tos, and the files of the how-tos themselves."""
import ctypes
import os
import re
import shutil
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests/stacks/lib"))
import lab  # noqa: E402
import tap  # noqa: E402
from edge import DOMAIN, Edge  # noqa: E402

CLONE_NEWNET = 0x40000000
# The addresses that the how-tos write, and the name.
EDGE, PBX, OTHER_PBX = "192.0.2.10", "192.0.2.20", "192.0.2.21"
NAME = "pbx.example.com"
EDGE_CONF = "/etc/siptrust/siptrust.conf"
OVER_TLS = ", over TLS"  # behind the name of a file that is another then
PBX_CA = "/etc/siptrust/pbx-ca.pem"


def network():
    """A lab of this test's own."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        raise tap.Skip("namespaces need root and iproute2")
    made = lab.Lab()
    # What leads elsewhere is refused at once: nobody waits for a DNS server.
    subprocess.run(["ip", "netns", "exec", made.edge_host.ns, "sysctl", "-qw",
                    "net.ipv4.ip_forward=1"], check=True)
    return made


def secret(user):
    """The password that the how-tos give this account."""
    return "secret-of-" + user


def files(page):
    """The complete files that docs/how-to/PAGE.md shows: path to text."""
    found, lines = {}, None
    with open(os.path.join(ROOT, "docs/how-to", page + ".md")) as f:
        for line in f:
            m = re.match(r"`(/etc/\S+)`(%s)?:$" % OVER_TLS, line)
            if m:
                lines = found[m.group(1) + (m.group(2) or "")] = []
            elif lines is not None and (line.startswith("    ") or
                                        not line.strip()):
                lines.append(line[4:] or "\n")
            else:
                lines = None
    return {path: "".join(text).strip() + "\n"
            for path, text in found.items()}


def placed(text, here):
    """The how-to's text with the addresses of here, {its: ours}, put in."""
    for its, ours in here.items():
        text = re.sub(re.escape(its) + r"(?!\d)", ours, text)
    return text.replace(NAME, DOMAIN)


def edge(of, pbx, change=None, more="", start=True, ca=None):
    """An edge in front of this PBX, by the how-to's file; change: a function of
    its text; ca: the root of the PBX's certificate, then over TLS."""
    text = placed(files(pbx.page)[EDGE_CONF + (OVER_TLS if ca else "")],
                  {EDGE: lab.ADDRESS, PBX: pbx.host.address})
    if ca:
        text = text.replace(PBX_CA, ca)
    if change:
        text = change(text)
    made = Edge(config=more + text, host=lab.ADDRESS, start=False,
                settings=lab.PATIENT,
                prefix=["ip", "netns", "exec", of.edge_host.ns])
    made.sip, made.tls = 5060, 5061
    if start:
        made.start()
    return made


class Here:
    """call() runs a function in the network of host."""

    def __init__(self, host):
        self.path = "/run/netns/" + host.ns

    def call(self, fn, *args):
        result = []

        def run():
            libc = ctypes.CDLL(None, use_errno=True)
            with open(self.path) as ns:
                if libc.setns(ns.fileno(), CLONE_NEWNET) != 0:
                    result.append(OSError(ctypes.get_errno(), self.path))
                    return
            try:
                result.append(fn(*args))
            except Exception as e:
                result.append(e)

        thread = threading.Thread(target=run)  # its network is its own
        thread.start()
        thread.join()
        if isinstance(result[0], Exception):
            raise result[0]
        return result[0]
