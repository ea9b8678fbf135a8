# SPDX-License-Identifier: BSD-2-Clause
"""Two roots and the chains under them, as the tests present them."""
import os

import lab
from pki import ECDSA, RSA, Pki


class Chains:
    """Root A and root B; a chain's name begins with its root's letter, and one
    that ends in "ec" has an ECDSA leaf."""

    def __init__(self, of):
        self.roots = {}
        for x in "ab":
            self.roots[x] = Pki(of.folder, lab.DOMAIN, "Lab Root " + x.upper(),
                                also=",IP:" + lab.ADDRESS)
            os.chmod(self.roots[x].folder, 0o755)

    def store(self, x):
        """The file with this root alone."""
        return self.roots[x].ca

    def chain(self, name):
        """(name, certificate, key)"""
        return (name, *self.roots[name[0]].issue(
            name, key_type=ECDSA if name.endswith("ec") else RSA))
