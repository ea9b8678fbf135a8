# SPDX-License-Identifier: BSD-2-Clause
"""Calls between simulated phones, through the edge."""
import contextlib
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import DEADLINE_S, Edge  # noqa: E402
from phone import SimPhone, to  # noqa: E402
from tap import equal  # noqa: E402

TRANSPORTS = ("udp", "tcp", "tls")
USERS = ["%d" % n for n in range(100, 180)]
free = list(reversed(USERS))  # each phone its own: tests run side by side
edge = None


def phone(user, transport, *options):
    return SimPhone("--user-agent", "e2e-%s/1.0" % user,
                    *to(edge, transport, roots=edge.ca), *options, user=user)


def caller(transport, callee, *options):
    """A phone that calls and ends with the call."""
    return phone(free.pop(), transport, "--call", callee, "--once", *options)


@contextlib.contextmanager
def called(transport, *options):
    """A phone that is there, and its extension."""
    user = free.pop()
    with phone(user, transport, *options) as there:
        there.wait("registered")
        yield user, there


def ended(one, status, by, count=1):
    event = one.wait("call-ended", count)
    equal((event["status"], event["by"]), (status, by), event["screen"])
    return event


# ---- every way ----

def one_call(user, there, over, count):
    with caller(over, user, "--talk", "0.2") as here:
        there.wait("call-ringing", count)
        there.wait("call-answered", count)
        here.wait("call-answered")
        equal(here.wait("call-ringing")["peer"], user + "@example.test")
        mine = ended(here, 200, "phone")
        its = ended(there, 200, "peer", count)
        equal(here.process.wait(DEADLINE_S), 0)
    for event in (mine, its):
        equal(event["reason"], "hung up")
        if event["rtp_sent"] == 0 or event["rtp_received"] == 0:
            raise AssertionError("no media: %s" % event)


def nine_ways():
    for its in TRANSPORTS:
        with called(its, "--answer", "50") as (user, there):
            for count, mine in enumerate(TRANSPORTS, 1):
                one_call(user, there, mine, count)


def the_callee_hangs_up():
    for mine, its in (("tls", "udp"), ("udp", "tls"), ("tcp", "tcp")):
        with called(its, "--answer", "0", "--talk", "0.2") as (user, there):
            with caller(mine, user) as here:
                ended(there, 200, "phone")
                ended(here, 200, "peer")
                equal(here.process.wait(DEADLINE_S), 0)


def hold_from_both_sides():
    for mine, its in (("tls", "udp"), ("udp", "tls")):
        with called(its, "--answer", "0") as (user, there), \
                caller(mine, user, "--hold-after", "0.1",
                       "--talk", "0.6") as here:
            equal(there.wait("call-held")["by"], "peer")
            equal(here.wait("call-held")["by"], "phone")
            there.wait("call-resumed")
            here.wait("call-resumed")
            ended(there, 200, "peer")
        with called(its, "--answer", "0", "--hold-after", "0.1",
                    "--talk", "0.6") as (user, there), \
                caller(mine, user) as here:
            equal(here.wait("call-held")["by"], "peer")
            here.wait("call-resumed")
            ended(here, 200, "peer")


# ---- calls that come to nothing ----

def busy():
    for mine, its in (("udp", "tls"), ("tls", "udp")):
        with called(its, "--busy") as (user, there), \
                caller(mine, user) as here:
            equal(ended(here, 486, "peer")["reason"], "Busy Here")
            equal(here.process.wait(DEADLINE_S), 1)
            ended(there, 486, "phone")


def busy_with_another():
    with called("tls", "--answer", "0") as (user, there), \
            caller("udp", user) as first:
        first.wait("call-answered")
        with caller("tcp", user) as second:
            ended(second, 486, "peer")
        first.end()
        ended(first, 200, "phone")


def cancelled():
    for mine, its in (("udp", "tls"), ("tls", "udp"), ("tcp", "tcp")):
        with called(its, "--no-answer") as (user, there), \
                caller(mine, user, "--cancel-after",
                       "0.3") as here:
            here.wait("call-ringing")
            ended(here, 487, "phone")
            ended(there, 487, "peer")
            equal(here.process.wait(DEADLINE_S), 1)


def nobody_is_there():
    with caller("tls", free.pop()) as here:
        ended(here, 480, "peer")
    with caller("udp", "199") as here:
        equal(here.wait("call-ended")["status"] in (404, 480), True)


def a_callee_that_is_switched_off():
    with called("tls", "--no-answer") as (user, there), \
            caller("udp", user) as here:
        here.wait("call-ringing")
        there.end()
        equal(here.wait("call-ended")["status"], 480)


# ---- one extension, several phones ----

def the_first_that_answers_has_it():
    with called("udp", "--answer", "400") as (user, one), \
            phone(user, "tls", "--no-answer") as other:
        other.wait("registered")
        with caller("tcp", user, "--talk", "0.2") as here:
            other.wait("call-ringing")
            ended(other, 487, "peer")
            one.wait("call-answered")
            ended(here, 200, "phone")
            ended(one, 200, "peer")


def the_best_refusal_of_two():
    with called("udp", "--busy") as (user, one), \
            phone(user, "tls", "--busy") as other:
        other.wait("registered")
        with caller("tcp", user) as here:
            ended(here, 486, "peer")
            ended(one, 486, "phone")
            ended(other, 486, "phone")


# ---- what a reader of the log sees ----

def no_secret_in_the_log():
    with called("tls", "--answer", "0") as (user, there), \
            caller("udp", user, "--talk", "0.1") as here:
        ended(here, 200, "phone")
        if re.search(r"nonce=|response=|Proxy-Authorization", edge.log()):
            raise AssertionError(edge.log())


TESTS = [
    nine_ways,
    the_callee_hangs_up,
    hold_from_both_sides,
    busy,
    busy_with_another,
    cancelled,
    nobody_is_there,
    a_callee_that_is_switched_off,
    the_first_that_answers_has_it,
    the_best_refusal_of_two,
    no_secret_in_the_log,
]

if __name__ == "__main__":
    with Edge(users=USERS) as edge:
        tap.main(TESTS, jobs=4)
