# SPDX-License-Identifier: BSD-2-Clause
"""Awkward calls through the edge as registrar and proxy.  The same go against
Kamailio in make check-pbx (tests/pbx/test_reference.py)."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import awkward  # noqa: E402
import tap  # noqa: E402
from edge import Edge, until  # noqa: E402
from sip import Phone  # noqa: E402
from sipp import Sipp  # noqa: E402

USERS = "100", "101", "102", "103"
# What the edge says, where the RFC leaves it a choice.
ANSWERS = {
    awkward.reinvite_without_route: 200,
    awkward.bye_for_nothing: 407,
    awkward.nobody_is_there: [480, 404],
}


def called(uac, uas, **options):
    """SIPp calls SIPp."""
    calls = options.get("calls", 1)
    with Edge(users=USERS) as edge:
        with Sipp(edge, uas, "101", calls=calls) as b, \
                Sipp(edge, uac, "100", "101", **options) as a:
            a.done()
            b.done()


def sipp_calls():
    called("uac", "uas", calls=50, rate=50)


def sipp_calls_over_tcp():
    called("uac", "uas", calls=50, rate=50, transport="t1")


def sipp_retransmits_what_is_lost():
    called("uac", "uas", calls=20, lost=10)


def sipp_cancel_crosses_the_200():
    called("uac-cancel-crosses", "uas-cancel-crosses")


def sipp_late_ack():
    called("uac-late-ack", "uas")


def sipp_reinvite_without_route():
    called("uac-reinvite-no-route", "uas-reinvite", register=True)


def a_phone_on_tls_is_told_the_name_that_the_certificate_has():
    """Else one that dials what Record-Route says refuses us (linphone does)."""
    with Edge(users=USERS) as edge:
        until("known", lambda: Phone(edge, "101").register(
            None).status == 200)
        with awkward.agents(edge, "100/TLS", "101/TLS") as (a, b):
            call, invite = awkward.answered(a, b)
            for value in call.routes + invite.values("Record-Route"):
                tap.contains(value, "@%s:%d;" % (edge.domain, edge.tls))
            call.request("BYE")
            b.answer(b.next("BYE"), 200)
            a.next(200)


def main():
    tests = [a_phone_on_tls_is_told_the_name_that_the_certificate_has,
             sipp_calls, sipp_calls_over_tcp, sipp_retransmits_what_is_lost,
             sipp_cancel_crosses_the_200, sipp_late_ack,
             sipp_reinvite_without_route]
    edge = Edge(users=USERS)
    until("known", lambda: Phone(edge, "103").register(None).status == 200)
    for scenario in awkward.ALL:
        def test(scenario=scenario):
            said = scenario(edge)
            if scenario in ANSWERS:
                tap.equal(said, ANSWERS[scenario])
        test.__name__ = scenario.__name__
        tests.append(test)

    def and_the_edge_still_serves():
        awkward.serves(edge)
        edge.__exit__(None, None, None)

    tap.main(tests + [and_the_edge_still_serves])


if __name__ == "__main__":
    main()
