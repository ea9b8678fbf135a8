# SPDX-License-Identifier: BSD-2-Clause
"""One edge in front of another, which is its PBX: simulated phones register
through the first at the second, and call each other."""
import contextlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import DEADLINE_S, Edge  # noqa: E402
from phone import SimPhone, to  # noqa: E402
from tap import contains, equal  # noqa: E402

USERS = [str(n) for n in range(100, 160)]
free = iter(USERS)
PBX = None


@contextlib.contextmanager
def front(way, port=None):
    """way: what stands behind the URI of the upstream."""
    edge = Edge(start=False)
    edge.extra = ["--upstream", "sip:127.0.0.1:%d%s" % (port or PBX.sip, way)]
    with edge:
        edge.start()
        edge.wait_line(r" upstream-resolved ")
        yield edge


def phone(edge, user, transport, *options):
    return SimPhone(*to(edge, transport, roots=edge.ca), *options, user=user)


def one_call(edge, mine, its, *options):
    caller, callee = next(free), next(free)
    with phone(edge, callee, its, "--answer", "0") as there:
        there.wait("registered")
        with phone(edge, caller, mine, "--call", callee, "--talk", "0.2",
                   "--once", *options) as here:
            here.wait("call-answered")
            there.wait("call-answered")
            for one in here, there:
                equal(one.wait("call-ended")["reason"], "hung up")
            equal(here.process.wait(DEADLINE_S), 0)


def all_ways_by_path():
    for way, pairs in (("", (("udp", "tls"), ("tls", "tcp"), ("tcp", "udp"))),
                       (";transport=tcp", (("tls", "udp"), ("tls", "tls")))):
        with front(way) as edge:
            for mine, its in pairs:
                one_call(edge, mine, its)


def by_tls():
    """The certificate of the second is of its own CA."""
    for register in "path", "contact":
        with front(";transport=tls,%s,ca=%s,server_name=%s" % (
                register, PBX.ca, PBX.domain), PBX.tls) as edge:
            edge.wait_line("upstream-up name=pbx .* transport=TLS")
            for mine, its in ("tls", "tls"), ("udp", "tls"), ("tls", "tcp"):
                one_call(edge, mine, its)


def by_rewritten_contact():
    with front(",contact") as edge:
        for mine, its in ("udp", "tls"), ("tls", "tcp"), ("tcp", "udp"):
            one_call(edge, mine, its)


def to_and_from_a_phone_of_the_pbx():
    """One side registered at the PBX itself."""
    with front("") as edge:
        for way in (edge, PBX), (PBX, edge):
            caller, callee = next(free), next(free)
            with phone(way[1], callee, "tls", "--answer", "0") as there:
                there.wait("registered")
                with phone(way[0], caller, "udp", "--call", callee,
                           "--talk", "0.2", "--once") as here:
                    equal(here.wait("call-ended")["reason"], "hung up")
                    equal(there.wait("call-ended")["status"], 200)


def what_comes_to_nothing():
    with front("") as edge:
        for options, statuses in ((("--busy",), (486, 486)),
                                  (("--no-answer",), (487, 487))):
            callee = next(free)
            with phone(edge, callee, "tls", *options) as there:
                there.wait("registered")
                with phone(edge, next(free), "udp", "--call", callee,
                           "--cancel-after", "0.5", "--once") as here:
                    equal((here.wait("call-ended")["status"],
                           there.wait("call-ended")["status"]), statuses)
        with phone(edge, next(free), "tls", "--call", next(free),
                   "--once") as here:
            equal(here.wait("call-ended")["status"], 480)


def hold_through_both():
    with front(";transport=tcp") as edge:
        callee = next(free)
        with phone(edge, callee, "tls", "--answer", "0", "--hold-after",
                   "0.1") as there:
            there.wait("registered")
            with phone(edge, next(free), "udp", "--call", callee, "--talk",
                       "0.8", "--once") as here:
                equal(here.wait("call-held")["by"], "peer")
                here.wait("call-resumed")
                equal(there.wait("call-ended")["reason"], "hung up")


def a_pbx_that_is_down():
    with Edge(start=False) as edge:
        edge.extra = ["--upstream", "sip:127.0.0.1:1;transport=tcp"]
        edge.start()
        with phone(edge, next(free), "tls", "--once") as one:
            event = one.wait("register-failed")
            contains("503 408 504", str(event["status"]))


TESTS = [
    all_ways_by_path,
    by_tls,
    by_rewritten_contact,
    to_and_from_a_phone_of_the_pbx,
    what_comes_to_nothing,
    hold_through_both,
    a_pbx_that_is_down,
]

if __name__ == "__main__":
    with Edge(users=USERS) as PBX:
        tap.main(TESTS, jobs=3)
