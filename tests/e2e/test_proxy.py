# SPDX-License-Identifier: BSD-2-Clause
"""Registered extensions call each other through the edge (RFC 3261 16)."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import Edge  # noqa: E402
from tap import equal  # noqa: E402
from ua import Ua, call, hang_up  # noqa: E402

USERS = ["100", "200", "300"]


def two_udp_phones_call_each_other():
    with Edge(users=USERS) as edge:
        a, b = Ua(edge, "100"), Ua(edge, "200")
        equal(a.register().status, 200)
        equal(b.register().status, 200)
        mine, theirs = call(a, b)
        hang_up(theirs, mine)
        mine, theirs = call(a, b)
        hang_up(mine, theirs)


if __name__ == "__main__":
    tap.main([two_udp_phones_call_each_other], jobs=2)
