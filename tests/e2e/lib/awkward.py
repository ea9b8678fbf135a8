# SPDX-License-Identifier: BSD-2-Clause
"""What callers and called do that is awkward, to a registrar and proxy: its
.sip is the port, .domain its domain, 100 to 103 are its accounts."""
import contextlib
import socket

from sip import Datagrams, tcp
from tap import contains, equal
from agent import SDP, Call, Silence, Ua, answered

PAUSE_S = 0.5  # in which nothing may come
HUGE = 40000   # bytes of a description of a session


@contextlib.contextmanager
def agents(server, *wanted, **options):
    """Registered ones, from "100", "101/TCP" ...; unregistered with "-100"."""
    made = []
    try:
        for text in wanted:
            user, _, transport = text.partition("/")
            made.append(Ua(server, user.lstrip("-"), transport or "UDP",
                           **options))
            if not text.startswith("-"):
                made[-1].register()
        yield made
    finally:
        for ua in made:
            ua.leave()


def silent(ua, seconds=PAUSE_S):
    """Nothing comes to ua."""
    try:
        message = ua.receive(seconds)
    except Silence:
        return
    raise AssertionError("%s: unexpected %r" % (ua.user, message))


def serves(server):
    """It still does its work."""
    with agents(server, "100", "101") as (a, b):
        call, _ = answered(a, b)
        hang_up(call, b)


def refused(ua, call, *wanted):
    """The INVITE gets one of these for an answer."""
    response = ua.next(*wanted)
    call.ack(response)
    return response


def hang_up(call, called):
    """The caller does; an ACK may still be on its way."""
    call.request("BYE")
    called.answer(called.next("BYE", also=("ACK",)), 200)
    call.ua.next(200)


def busy(call, called, invite):
    """The called one is, and the caller hears it."""
    called.answer(invite, 486, tag="callee")
    refused(call.ua, call, 486)
    called.next("ACK")


def goes_on(call, *refusals):
    """The challenge comes and is answered; False: one of refusals came."""
    response = call.ua.next(407, *refusals)
    call.ack(response)
    if response.status != 407:
        return False
    call.credentials = call.ua.credentials(response, "INVITE", call.uri)
    call.invite()
    return True


# ---- calls ----

def rings_answers_ends(server, one, other):
    """Both ways, with a re-INVITE, and the called one ends it."""
    with agents(server, one, other) as (a, b):
        for caller, called in (a, b), (b, a):
            call, invite = answered(caller, called)
            call.request("INVITE", body=SDP)
            again = called.next("INVITE")
            contains(again.body.decode(), "m=audio")
            called.answer(again, 200, body=SDP)
            response = caller.next(200)
            call.request("ACK", cseq=response.cseq()[0])
            called.next("ACK")
            ends(called, invite, caller)


def ends(called, invite, caller):
    """The called one hangs up."""
    call = Call(called, uri=invite.contact())
    call.call_id = invite.header("Call-ID")
    call.from_ = invite.header("To") + ";tag=callee"
    call.to = invite.header("From")
    call.routes = invite.values("Record-Route")
    call.request("BYE")
    caller.answer(caller.next("BYE", also=("ACK",)), 200)
    called.next(200)


def udp_calls_udp(server):
    rings_answers_ends(server, "100", "101")


def tcp_calls_udp(server):
    rings_answers_ends(server, "100/TCP", "101")


def tcp_calls_tcp(server):
    rings_answers_ends(server, "100/TCP", "101/TCP")


def cancel_ends_the_ringing(server):
    with agents(server, "100", "101") as (a, b):
        call = Call(a, "101").invite().proves()
        invite = b.next("INVITE")
        b.answer(invite, 180, tag="callee")
        a.next(180)
        call.cancel()
        got = [a.next(200)]
        cancel = b.next("CANCEL")
        equal(cancel.branch(), invite.branch(), "the CANCEL's branch")
        b.answer(cancel, 200, tag="callee")
        b.answer(invite, 487, tag="callee")
        got.append(a.next(487))
        equal([m.cseq()[1] for m in got], ["CANCEL", "INVITE"])
        call.ack(got[1])
        b.next("ACK", also=("CANCEL",))


def cancel_crosses_the_200(server):
    with agents(server, "100", "101") as (a, b):
        call = Call(a, "101").invite().proves()
        invite = b.next("INVITE")
        b.answer(invite, 180, tag="callee")
        a.next(180)
        call.cancel()
        # The 200 was on its way when the CANCEL came.
        cancel = b.next("CANCEL")
        b.answer(invite, 200, tag="callee", body=SDP)
        b.answer(cancel, 200, tag="callee")
        responses = [a.next(200), a.next(200)]
        methods = sorted(r.cseq()[1] for r in responses)
        equal(methods, ["CANCEL", "INVITE"])
        call.ack([r for r in responses if r.is_response_to("INVITE")][0])
        b.next("ACK", also=("CANCEL",))
        hang_up(call, b)


def the_first_to_answer_has_the_call(server):
    with agents(server, "100", "101", "101") as (a, b, c):
        call = Call(a, "101").invite().proves()
        at_b, at_c = b.next("INVITE"), c.next("INVITE")
        b.answer(at_b, 180, tag="b")
        c.answer(at_c, 180, tag="c")
        b.answer(at_b, 200, tag="b", body=SDP)
        cancel = c.next("CANCEL")
        c.answer(cancel, 200, tag="c")
        c.answer(at_c, 487, tag="c")
        response = a.next(200, also=(100, 180))
        equal(response.tag("To"), "b")
        call.ack(response)
        b.next("ACK")
        c.next("ACK", also=("CANCEL",))  # of the 487, by the proxy
        silent(a)


def forked_200s_both_come(server):
    with agents(server, "100", "101", "101") as (a, b, c):
        call = Call(a, "101").invite().proves()
        at_b, at_c = b.next("INVITE"), c.next("INVITE")
        c.answer(at_c, 180, tag="c")
        a.next(180)
        b.answer(at_b, 200, tag="b", body=SDP)
        cancel = c.next("CANCEL")
        c.answer(at_c, 200, tag="c", body=SDP)  # it was faster
        c.answer(cancel, 200, tag="c")
        responses = [a.next(200), a.next(200)]
        equal([r.tag("To") for r in responses], ["b", "c"])
        for response, ua in zip(responses, (b, c)):
            call.ack(response)
            ua.next("ACK", also=("CANCEL",))
            call.request("BYE")
            ua.answer(ua.next("BYE", also=("ACK", "CANCEL")), 200)
            a.next(200)


def late_ack(server):
    """Each copy of the 200 is passed on until the ACK comes."""
    with agents(server, "100", "101") as (a, b):
        call = Call(a, "101").invite().proves()
        invite = b.next("INVITE")
        for _ in range(3):
            b.answer(invite, 200, tag="callee", body=SDP)
            response = a.next(200)
            silent(a, 0.1)
        call.ack(response)
        b.next("ACK")
        call.request("BYE")
        b.answer(b.next("BYE"), 200)
        a.next(200)


def invite_twice_is_one_call(server):
    """A caller's copy is absorbed; the last provisional comes again."""
    with agents(server, "100", "101") as (a, b):
        call = Call(a, "101").invite().proves()
        invite = b.next("INVITE")
        b.answer(invite, 180, tag="callee")
        a.next(180)
        call.request("INVITE", call.uri, cseq=call.cseq, branch=call.branch,
                     body=SDP)
        a.next(180)
        silent(b)
        busy(call, b, invite)


def invite_is_sent_again_until_answered(server):
    with agents(server, "100", "101") as (a, b):
        call = Call(a, "101").invite().proves()
        first, second = b.next("INVITE"), b.next("INVITE")
        equal(first.branch(), second.branch())
        b.answer(second, 603, tag="callee")
        refused(a, call, 603)
        b.next("ACK", also=("INVITE",))


def reinvite_without_route(server):
    """A phone that knows no Record-Route sends it by its outbound proxy, with
    no Route: it goes to that flow, or is refused; nobody waits."""
    with agents(server, "100", "101") as (a, b):
        call, _ = answered(a, b)
        call.request("INVITE", body=SDP, routes=[])
        response = a.next(403, 404, 407, 481)
        if response.status == 407:
            call.credentials = a.credentials(response, "INVITE", call.remote)
            call.request("INVITE", body=SDP, routes=[])
            b.answer(b.next("INVITE"), 200, body=SDP)
            response = a.next(200)
            call.request("ACK", cseq=response.cseq()[0], routes=[])
            b.next("ACK")
        return response.status


# ---- connections ----

def called_over_the_new_connection(server):
    with agents(server, "100", "101/TCP") as (a, b):
        call, _ = answered(a, b)
        hang_up(call, b)
        b.close()
        with agents(server, "101/TCP") as (c,):
            call, _ = answered(a, c)
            hang_up(call, c)


def split_at_every_byte(server):
    """Each byte of a call is a segment of its own."""
    with agents(server, "-100/TCP", "101") as (a, b):
        a.link.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        whole = a.link.send

        def send(data):
            for i in range(len(data)):
                whole(data[i:i + 1])

        a.link.send = send
        a.register()
        call, invite = answered(a, b)
        equal(invite.body, SDP.encode(), "the body")
        hang_up(call, b)


def many_in_one_segment(server):
    with agents(server, "100/TCP") as (a,):
        held, whole = [], a.link.send
        a.link.send = held.append
        for _ in range(20):
            Call(a, "101").request("OPTIONS", "sip:" + server.domain)
        whole(b"".join(held))
        for _ in range(20):
            a.next(200)


# ---- too much of it ----

def seventy_record_routes(server):
    """Passed on as they are, or refused for good."""
    with agents(server, "100/TCP", "101") as (a, b):
        many = [("Record-Route", "<sip:192.0.2.%d;lr>" % i)
                for i in range(70)]
        call = Call(a, "101", fields=many).invite()
        if goes_on(call, 400, 513):
            invite = b.next("INVITE")
            equal([v for v in invite.values("Record-Route")
                   if "192.0.2." in v], [v for _, v in many])
            busy(call, b, invite)


def huge_sdp(server):
    """Over TCP to TCP: whole, or 513."""
    body = SDP + "a=x:%s\r\n" % ("y" * 998) * (HUGE // 1000)
    with agents(server, "100/TCP", "101/TCP") as (a, b):
        call = Call(a, "101", body=body).invite()
        if goes_on(call, 513):
            invite = b.next("INVITE")
            equal(invite.body, body.encode(), "the body")
            busy(call, b, invite)


# ---- what belongs to nothing ----

def cancel_for_nothing(server):
    with agents(server, "100") as (a,):
        call = Call(a, "101")
        call.branch, call.cseq = "z9hG4bKnothing", 1
        call.cancel()
        equal(a.next(481).cseq()[1], "CANCEL")


def bye_for_nothing(server):
    with agents(server, "100", "101") as (a, b):
        call = Call(a, "101")
        call.to += ";tag=nobody"
        call.request("BYE")
        challenge = a.next(403, 404, 407, 481)
        silent(b)
        return challenge.status


def ack_for_nothing(server):
    with agents(server, "100", "101") as (a, b):
        call = Call(a, "101")
        call.to += ";tag=nobody"
        call.request("ACK")
        silent(a)
        silent(b)


def stray(status, via, method="INVITE"):
    return ("SIP/2.0 %d Stray\r\n%sFrom: <sip:a@b>;tag=1\r\n"
            "To: <sip:c@d>;tag=2\r\nCall-ID: stray\r\nCSeq: 1 %s\r\n"
            "Content-Length: 0\r\n\r\n" % (
                status, "".join("Via: %s\r\n" % v for v in via),
                method)).encode()


def responses_to_nothing(server):
    """Whatever their Via says, nobody gets one."""
    victim = Datagrams(server.sip)
    port = victim.sock.getsockname()[1]
    link = Datagrams(server.sip)
    over = tcp(server.sip)
    us = "SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKno" % server.sip
    him = "SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKno" % port
    for status in 100, 180, 200, 404, 503:
        for via in [us], [us, him], [him], [him, us]:
            link.send(stray(status, via))
            over.send(stray(status, via))
            link.send(stray(status, via, "BYE"))
    victim.sock.settimeout(PAUSE_S)
    try:
        raise AssertionError("passed on: %r" % victim.recv())
    except (socket.timeout, TimeoutError):
        pass
    finally:
        for one in victim, link, over:
            one.close()
    serves(server)


# ---- no open relay ----

def elsewhere(server, form):
    """form(port of a victim): (uri, routes) of an INVITE with credentials and
    of one within a dialog; the victim gets neither."""
    victim = Datagrams(server.sip)
    uri, routes = form(victim.sock.getsockname()[1])
    statuses = []
    try:
        with agents(server, "100") as (a,):
            for to in "", ";tag=nobody":
                call = Call(a, uri=uri)
                call.to += to
                call.routes = routes
                call.invite()
                response = a.next(400, 403, 404, 407, 416, 480, 481, 483)
                if response.status == 407:
                    call.ack(response)
                    call.credentials = a.credentials(response, "INVITE", uri)
                    call.invite()
                    response = a.next(400, 403, 404, 416, 480, 481, 483)
                call.ack(response)
                statuses.append(response.status)
        victim.sock.settimeout(PAUSE_S)
        raise AssertionError("passed on: %r" % victim.recv())
    except (socket.timeout, TimeoutError):
        return statuses
    finally:
        victim.close()


def route_elsewhere(server):
    return elsewhere(server, lambda port: (
        "sip:101@" + server.domain, ["<sip:127.0.0.1:%d;lr>" % port]))


def route_by_us_elsewhere(server):
    return elsewhere(server, lambda port: (
        "sip:101@" + server.domain,
        ["<sip:127.0.0.1:%d;lr>" % server.sip,
         "<sip:127.0.0.1:%d;lr>" % port]))


def uri_elsewhere(server):
    return elsewhere(server, lambda port: (
        "sip:101@127.0.0.1:%d" % port, []))


def uri_by_us_elsewhere(server):
    return elsewhere(server, lambda port: (
        "sip:101@127.0.0.1:%d" % port,
        ["<sip:127.0.0.1:%d;lr>" % server.sip]))


def strict_route_elsewhere(server):
    """A strict router's way: our URI first, the target in the last Route."""
    return elsewhere(server, lambda port: (
        "sip:127.0.0.1:%d;lr" % server.sip,
        ["<sip:101@127.0.0.1:%d>" % port]))


def maddr_elsewhere(server):
    return elsewhere(server, lambda port: (
        "sip:101@%s:%d;maddr=127.0.0.1" % (server.domain, port), []))


# ---- whom there is not ----

def nobody_is_there(server):
    """Statuses for one who is not registered, and one who does not exist."""
    statuses = []
    with agents(server, "100") as (a,):
        for user in "103", "nobody":
            call = Call(a, user).invite().proves()
            statuses.append(refused(a, call, 404, 480).status)
    return statuses


def hops_are_counted(server):
    with agents(server, "100", "101") as (a, b):
        call = Call(a, "101")
        text = []
        whole = a.link.send
        a.link.send = text.append
        call.invite()
        whole(text[0].replace(b"Max-Forwards: 70", b"Max-Forwards: 0"))
        a.link.send = whole
        refused(a, call, 483)
        silent(b)


def contact_that_points_at_us(server):
    """A binding whose Contact is the server itself is no loop."""
    with agents(server, "100", "-101") as (a, b):
        b.register(contact="<sip:101@127.0.0.1:%d>" % server.sip)
        call = Call(a, "101").invite().proves()
        invite = b.next("INVITE")
        busy(call, b, invite)


ALL = [udp_calls_udp, tcp_calls_udp, tcp_calls_tcp, cancel_ends_the_ringing,
       cancel_crosses_the_200, the_first_to_answer_has_the_call,
       forked_200s_both_come, late_ack, invite_twice_is_one_call,
       invite_is_sent_again_until_answered, reinvite_without_route,
       called_over_the_new_connection, split_at_every_byte,
       many_in_one_segment, seventy_record_routes, huge_sdp,
       cancel_for_nothing, bye_for_nothing, ack_for_nothing,
       responses_to_nothing, route_elsewhere, route_by_us_elsewhere,
       uri_elsewhere, uri_by_us_elsewhere, strict_route_elsewhere,
       maddr_elsewhere, nobody_is_there, hops_are_counted,
       contact_that_points_at_us]
