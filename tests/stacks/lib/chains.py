# SPDX-License-Identifier: BSD-2-Clause
"""Two roots and the chains under them, as the tests present them."""
import os

import lab
from pki import ECDSA, RSA, Pki


def join(path, parts):
    with open(path, "w") as out:
        for part in parts:
            with open(part) as f:
                out.write(f.read())


class Chains:
    """Roots A, B and X, and E, which has expired; a chain's name begins with
    its root's letter, and one that ends in "ec" has an ECDSA leaf."""

    def __init__(self, of, names="ab"):
        self.folder, self.roots = of.folder, {}
        for x in names:
            self.roots[x] = Pki(of.folder, lab.DOMAIN, "Lab Root " + x.upper(),
                                also=",IP:" + lab.ADDRESS)
            os.chmod(self.roots[x].folder, 0o755)

    def store(self, names):
        """The file with these roots and no other."""
        if len(names) == 1:
            return self.roots[names].ca
        path = os.path.join(self.folder, "store-%s.pem" % names)
        join(path, [self.roots[x].ca for x in names])
        return path

    def chain(self, name):
        """(name, certificate, key)"""
        return (name, *self.roots[name[0]].issue(
            name, key_type=ECDSA if name.endswith("ec") else RSA))

    def cross(self):
        """A leaf under X, sent with X cross-signed by E: as "x" it leads to E,
        and without its last certificate, as "x-short", to X."""
        x, e = self.roots["x"], self.roots["e"]
        e.sign(x.request(), "x.pem", "20200101000000Z", "20491231235959Z",
               kind="sub")
        e.expire()
        leaf, key = x.issue("leaf")
        join(x.path("long.pem"), [leaf, e.path("x.pem")])
        return "x", x.path("long.pem"), key
