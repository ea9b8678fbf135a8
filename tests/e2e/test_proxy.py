# SPDX-License-Identifier: BSD-2-Clause
"""Registered extensions call each other through the edge (RFC 3261 16)."""
import os
import re
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import DOMAIN, Edge, until  # noqa: E402
from tap import contains, equal  # noqa: E402
from ua import SDP, Dialog, Ua, call, hang_up, word  # noqa: E402

USERS = [str(n) for n in range(100, 200)]
EDGE = None
free = iter(USERS)


def phones(*transports):
    """Registered phones, each of a user that nobody else has."""
    found = []
    for transport in transports:
        ua = Ua(EDGE, next(free), transport)
        equal(ua.register().status, 200)
        found.append(ua)
    return found


def again(ua, transport="UDP"):
    """Another phone of the same user."""
    other = Ua(EDGE, ua.user, transport)
    equal(other.register().status, 200)
    return other


# ---- calls ----

def every_transport_calls_every_other():
    for one in "UDP", "TCP", "TLS":
        for other in "UDP", "TCP", "TLS":
            a, b = phones(one, other)
            mine, theirs = call(a, b)
            equal(len(mine.routes), 2, "Record-Route, once for each side")
            hang_up(theirs, mine)
            mine, theirs = call(a, b)
            # Again, the other way round, with another body.
            sdp = SDP.replace("40000", "40002")
            re_invite = theirs.request("INVITE", sdp)
            got = a.expect("INVITE")
            equal(got.body, sdp)
            a.respond(got, 200, "OK", SDP)
            equal(b.expect(200).body, SDP)
            theirs.request("ACK", cseq=re_invite.cseq)
            a.expect("ACK")
            hang_up(mine, theirs)


def bodies_and_unknown_fields_pass_untouched():
    a, b = phones("UDP", "TCP")
    body = SDP + "a=x-\xe4\xf6\xfc:\t \r\n" * 10
    a.start("INVITE", b.user, body, "X-Odd:  two  spaces\r\nk: timer\r\n")
    got = b.expect("INVITE")
    equal(got.body, body)
    contains(str(got), "X-Odd:  two  spaces\r\n")
    contains(str(got), "k: timer\r\n")
    equal(got.get("Max-Forwards"), "69")
    equal(got.uri, b.contact[1:-1])
    assert not got.get("Proxy-Authorization"), "ours is for us (22.3)"
    b.respond(got, 486, "Busy Here", extra="Retry-After: 5\r\n")
    equal(a.expect(486).get("Retry-After"), "5")
    b.expect("ACK")


def methods_inside_and_outside_of_dialogs():
    a, b = phones("TLS", "UDP")
    sent = a.start("INVITE", b.user, SDP, "Supported: 100rel\r\n")
    got = b.expect("INVITE")
    early = b.respond(got, 183, "Progress", SDP,
                      "Require: 100rel\r\nRSeq: 1\r\n")
    mine = a.caller(sent, a.expect(183))
    mine.request("PRACK", extra="RAck: 1 %d INVITE\r\n" % sent.cseq)
    b.respond(b.expect("PRACK"), 200, "OK")
    a.expect(200)
    theirs = b.callee(got, early)
    theirs.request("UPDATE", SDP)
    a.respond(a.expect("UPDATE"), 200, "OK", SDP)
    equal(b.expect(200).body, SDP)
    b.respond(got, 200, "OK", SDP)
    a.expect(200)
    mine.request("ACK", cseq=sent.cseq)
    b.expect("ACK")
    for method in "INFO", "REFER", "MESSAGE", "OPTIONS", "WHATEVER":
        mine.request(method)
        b.respond(b.expect(method), 202, "Accepted")
        a.expect(202)
    hang_up(theirs, mine)
    for method in "MESSAGE", "OPTIONS", "PUBLISH", "INFO", "WHATEVER":
        a.start(method, b.user, "hello", contact=False)
        got = b.expect(method)
        equal(got.body, "hello")
        assert not got.get("Record-Route"), "it begins no dialog"
        b.respond(got, 200, "OK")
        a.expect(200)


def a_subscription_and_its_notifies():
    a, b = phones("TCP", "TLS")
    sent = a.start("SUBSCRIBE", b.user, extra="Event: dialog\r\n")
    got = b.expect("SUBSCRIBE")
    answer = b.respond(got, 200, "OK", extra="Expires: 600\r\n")
    mine, theirs = a.caller(sent, a.expect(200)), b.callee(got, answer)
    for _ in range(3):
        theirs.request("NOTIFY", "x", "Event: dialog\r\n"
                       "Subscription-State: active\r\n")
        a.respond(a.expect("NOTIFY"), 200, "OK")
        b.expect(200)
    mine.request("SUBSCRIBE", extra="Event: dialog\r\nExpires: 0\r\n")
    b.respond(b.expect("SUBSCRIBE"), 200, "OK")
    a.expect(200)


def a_phone_that_knows_no_record_route():
    """Its BYE comes without our Route: the address-of-record leads on."""
    a, b = phones("UDP", "UDP")
    b.record_routes = False
    sent = a.start("INVITE", b.user, SDP)
    got = b.expect("INVITE")
    answer = b.respond(got, 200, "OK", SDP)
    ok = a.expect(200)
    assert not ok.get("Record-Route")
    mine = a.caller(sent, ok)
    mine.request("ACK", cseq=sent.cseq)
    b.expect("ACK")
    theirs = b.callee(got, answer)
    theirs.request("INVITE", SDP)
    b.challenged(b.expect(407))
    again_ = theirs.request("INVITE", SDP, auth=True)
    a.respond(a.expect("INVITE"), 200, "OK", SDP)
    b.expect(200)
    theirs.request("ACK", cseq=again_.cseq)
    a.expect("ACK")
    theirs.request("BYE", auth=True)
    a.respond(a.expect("BYE"), 200, "OK")
    b.expect(200)


# ---- forking ----

def all_phones_ring_and_the_losers_are_cancelled():
    a, b = phones("UDP", "UDP")
    others = [again(b, "TCP"), again(b, "TLS")]
    sent = a.start("INVITE", b.user, SDP)
    got = {ua: ua.expect("INVITE") for ua in [b] + others}
    for ua in got:
        equal(got[ua].get("Max-Breadth"), "20", "60 shared by three")
        ua.respond(got[ua], 180, "Ringing")
        a.expect(180)
    winner = others[1]
    winner.respond(got[winner], 200, "OK", SDP)
    mine = a.caller(sent, a.expect(200))
    mine.request("ACK", cseq=sent.cseq)
    winner.expect("ACK")
    for loser in b, others[0]:
        cancel = loser.expect("CANCEL")
        equal(cancel.get("Via"), got[loser].get("Via"), "same branch")
        equal(cancel.uri, got[loser].uri)
        loser.respond(cancel, 200, "OK")
        loser.respond(got[loser], 487, "Request Terminated")
        loser.expect("ACK")
    a.silent()
    mine.request("BYE")
    winner.respond(winner.expect("BYE"), 200, "OK")
    a.expect(200)


def two_phones_answer_at_once():
    """Both 200s reach the caller, who hangs up one (RFC 3261 13.2.2.4)."""
    a, b = phones("TLS", "TCP")
    c = again(b, "UDP")
    sent = a.start("INVITE", b.user, SDP)
    first, second = b.expect("INVITE"), c.expect("INVITE")
    b.respond(first, 200, "OK", SDP)
    c.respond(second, 200, "OK", SDP)
    dialogs = []
    for _ in range(2):
        dialogs.append(a.caller(sent, a.expect(200)))
        dialogs[-1].request("ACK", cseq=sent.cseq)
    b.expect("ACK")
    c.expect("ACK", skip=("CANCEL",))
    for ua, tag in ((b, b.tag_for(first)), (c, c.tag_for(second))):
        mine = [d for d in dialogs if tag in d.remote][0]
        mine.request("BYE")
        ua.respond(ua.expect("BYE"), 200, "OK")
        a.expect(200)


def the_best_failure_is_told():
    for answers, best in (((486, 404), 486), ((503, 486), 486),
                          ((302, 486), 302), ((500, 480), 480),
                          ((603, 486), 603)):
        a, b = phones("UDP", "UDP")
        c = again(b, "TCP")
        sent = a.start("INVITE", b.user)
        for ua, status in ((b, answers[0]), (c, answers[1])):
            got = ua.expect("INVITE")
            ua.respond(got, status, "So")
            ua.expect("ACK", skip=("CANCEL",))
        reply = a.expect(best)
        a.ack_failure(sent, reply)
        a.silent(0.1)


def q_says_who_rings_first():
    a, b = phones("UDP", "TCP")
    equal(b.register(b.contact + ";q=0.9").status, 200)
    c = Ua(EDGE, b.user, "TLS")
    equal(c.register(c.contact + ";q=0.1").status, 200)
    a.start("INVITE", b.user)
    got = b.expect("INVITE")
    c.silent(0.2)
    b.respond(got, 480, "Not Here")
    b.expect("ACK")
    c.respond(c.expect("INVITE"), 200, "OK", SDP)
    a.expect(200)


def challenges_of_all_are_put_together():
    a, b = phones("UDP", "UDP")
    c = again(b, "TCP")
    a.start("MESSAGE", b.user)
    for ua, status, name in ((b, 401, "WWW-Authenticate"),
                             (c, 407, "Proxy-Authenticate")):
        ua.respond(ua.expect("MESSAGE"), status, "Who?",
                   extra='%s: Digest realm="of %s",nonce="n"\r\n' %
                   (name, ua.transport))
    reply = a.next()
    assert reply.status in (401, 407), reply  # the first that came
    contains(reply.get("WWW-Authenticate"), "of UDP")
    contains(reply.get("Proxy-Authenticate"), "of TCP")


# ---- CANCEL ----

def the_caller_gives_up():
    a, b = phones("UDP", "TLS")
    sent = a.start("INVITE", b.user, SDP)
    a.expect(100, skip=())
    got = b.expect("INVITE")
    # No provisional yet: the CANCEL is remembered (9.1).
    a.cancel(sent)
    equal(a.expect(200).cseq_method, "CANCEL")
    b.silent(0.2)
    b.respond(got, 180, "Ringing")
    a.expect(180)
    cancel = b.expect("CANCEL")
    b.respond(cancel, 200, "OK")
    b.respond(got, 487, "Request Terminated")
    b.expect("ACK")
    a.ack_failure(sent, a.expect(487))
    until("the call's line", lambda: EDGE.find(
        r" call from=sip:%s@\S+ to=sip:%s@\S+ call_id=\S+ peer=\S+ "
        r"transport=UDP targets=1 status=487 ms=\d+" % (a.user, b.user)))


def a_cancel_that_crosses_the_answer():
    a, b = phones("TCP", "UDP")
    sent = a.start("INVITE", b.user, SDP)
    got = b.expect("INVITE")
    b.respond(got, 200, "OK", SDP)
    ok = a.expect(200)
    a.cancel(sent)
    a.expect(200)
    mine = a.caller(sent, ok)
    mine.request("ACK", cseq=sent.cseq)
    b.expect("ACK")
    b.silent(0.2)
    mine.request("BYE")
    b.respond(b.expect("BYE"), 200, "OK")
    a.expect(200)


def a_cancel_for_nothing():
    a, = phones("UDP")
    a.request("CANCEL", "sip:200@" + DOMAIN, "<sip:200@%s>" % DOMAIN)
    a.expect(481)


# ---- retransmissions ----

def nothing_is_forwarded_twice_over_udp():
    a, b = phones("UDP", "UDP")
    sent = a.start("INVITE", b.user, SDP)
    got = b.expect("INVITE")
    a.expect(100, skip=())
    b.respond(got, 180, "Ringing")
    a.expect(180, skip=())
    a.send(sent.data)
    equal(str(a.next()).split("\r\n")[0], "SIP/2.0 180 Ringing")
    b.silent(0.2)
    b.respond(got, 486, "Busy Here")
    b.expect("ACK")
    busy = a.expect(486)
    a.send(sent.data)
    a.expect(486)
    b.respond(got, 486, "Busy Here")
    b.expect("ACK")
    a.ack_failure(sent, busy)
    b.silent(0.2)


def what_is_not_answered_is_sent_again():
    a, b = phones("UDP", "UDP")
    a.start("INVITE", b.user, SDP)
    first, second = b.expect("INVITE"), b.expect("INVITE")
    equal(first.data, second.data)
    b.respond(second, 603, "Decline")
    a.expect(603)
    # Timer G: until the caller's ACK.
    a.expect(603)
    b.expect("ACK", skip=("INVITE",))


def a_late_ack_and_a_200_again():
    a, b = phones("UDP", "TCP")
    sent = a.start("INVITE", b.user, SDP)
    got = b.expect("INVITE")
    for _ in range(3):  # as a phone does over UDP that hears no ACK
        b.respond(got, 200, "OK", SDP)
        ok = a.expect(200)
    mine = a.caller(sent, ok)
    for _ in range(2):
        mine.request("ACK", cseq=sent.cseq)
        b.expect("ACK")


# ---- refusals ----

def who_is_not_there():
    a, b = phones("UDP", "UDP")
    a.ack_failure(a.start("INVITE", "nobody"), a.expect(404))
    equal(b.register(b.contact + ";expires=0").status, 200)
    a.ack_failure(a.start("INVITE", b.user), a.expect(480))
    until("its line", lambda: EDGE.find(
        r" call from=\S+%s\S+ .* targets=0 status=480 " % a.user))


def who_may_not_call():
    a, b = phones("UDP", "UDP")
    # Without credentials, with another's, with wrong ones.
    a.request("INVITE", "sip:%s@%s" % (b.user, DOMAIN), "<sip:x@y>")
    a.challenged(a.expect(407))
    a.request("INVITE", "sip:%s@%s" % (b.user, DOMAIN), "<sip:x@y>",
              from_="<%s>;tag=1" % b.aor, auth=True)
    equal(a.expect(403).reason, "From Is Not Your Address-Of-Record")
    a.request("INVITE", "sip:%s@%s" % (b.user, DOMAIN), "<sip:x@y>",
              from_="<sip:somebody@elsewhere.test>;tag=1")
    equal(a.expect(403).reason, "From Is Not A User Of This Domain")
    a.password = "wrong"
    a.request("INVITE", "sip:%s@%s" % (b.user, DOMAIN), "<sip:x@y>",
              auth=True)
    a.expect(407)
    b.silent(0.1)


def a_caller_without_a_name():
    """From says nothing (RFC 3323), the credentials do."""
    a, b = phones("UDP", "UDP")
    uri = "sip:%s@%s" % (b.user, DOMAIN)
    from_ = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1'
    a.request("INVITE", uri, "<%s>" % uri, from_)
    a.challenged(a.expect(407))
    a.request("INVITE", uri, "<%s>" % uri, from_, cseq=2, auth=True)
    b.respond(b.expect("INVITE"), 200, "OK", SDP)
    a.expect(200)


def no_way_leads_elsewhere():
    a, b = phones("UDP", "UDP")
    here = "127.0.0.1:%d" % EDGE.sip
    for uri, extra, status, reason in (
            ("sip:x@elsewhere.test", "", 403, "Not A Domain Of Ours"),
            ("sip:%s@%s" % (b.user, DOMAIN), "Route: <sip:192.0.2.1;lr>\r\n",
             403, "Route Leads Elsewhere"),
            ("sip:%s@%s" % (b.user, DOMAIN),
             "Route: <sip:%s;lr>, <sip:192.0.2.1;lr>\r\n" % here,
             403, "Route Leads Elsewhere"),
            ("sip:%s@%s" % (b.user, DOMAIN), "Route: <sip:ft-abc@%s;lr>\r\n" %
             here, 403, "Forged Flow Token"),
            ("sip:ft-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@" + here, "",
             403, "Forged Flow Token"),
            ("sip:%s@%s" % (b.user, DOMAIN), "Route: no route at all\r\n",
             400, "Malformed Route"),
            ("tel:+4930123", "", 416, None),
            ("sip:%s@%s" % (b.user, DOMAIN), "Proxy-Require: magic\r\n",
             420, None)):
        a.request("INVITE", uri, "<%s>" % uri, extra=extra)
        reply = a.expect(status)
        if reason:
            equal(reply.reason, reason)
    equal(reply.get("Unsupported"), "magic")
    # Inside of what claims to be a dialog neither.
    for method in "BYE", "INVITE":
        a.request(method, "sip:x@192.0.2.1", "<sip:y@elsewhere.test>;tag=1")
        equal(a.expect(403).reason, "Request-URI Leads Elsewhere")
    b.silent(0.1)


def a_way_through_us_first():
    """The outbound proxy of a phone is a Route with our name and no token."""
    a, b = phones("TCP", "UDP")
    a.start("INVITE", b.user, SDP,
            "Route: <sip:127.0.0.1:%d;transport=tcp;lr>\r\n" % EDGE.sip)
    got = b.expect("INVITE")
    assert not got.get("Route")
    b.respond(got, 200, "OK", SDP)
    a.expect(200)


def strict_routers_are_served():
    """RFC 3261 16.4: our URI has become the Request-URI, the target the last
    Route."""
    a, b = phones("UDP", "TCP")
    mine, theirs = call(a, b)
    first, second = [re.search("<(.*)>", r).group(1) for r in mine.routes]
    target, mine.target = mine.target, first
    mine.request("INFO", routes=["<%s>" % second, "<%s>" % target])
    got = b.expect("INFO")
    equal(got.uri, target)
    assert not got.get("Route")
    b.respond(got, 200, "OK")
    a.expect(200)
    mine.target = target
    # 16.6 step 6: the next hop is one.
    mine.request("INFO", routes=mine.routes + ["<sip:old.example.test>"])
    got = b.expect("INFO")
    equal(got.uri, "sip:old.example.test")
    equal(got.all("Route"), ["<%s>" % target])
    b.respond(got, 200, "OK")
    a.expect(200)


def a_ping_is_answered_whatever_port_it_writes():
    a, _ = phones("UDP", "UDP")
    # sipsak cuts the last digit off a port of five.
    uri = "sip:anybody@127.0.0.1:9"
    a.request("OPTIONS", uri, "<%s>" % uri)
    equal(a.expect(200).get("Allow")[:6], "INVITE")
    a.request("MESSAGE", uri, "<%s>" % uri)
    a.expect(403)


def loops_and_too_many_hops():
    a, b = phones("UDP", "UDP")
    uri = "sip:%s@%s" % (b.user, DOMAIN)
    a.request("OPTIONS", uri, "<%s>" % uri, max_forwards=0)
    equal(a.expect(200).get("Allow")[:6], "INVITE")
    a.request("MESSAGE", uri, "<%s>" % uri, max_forwards=0)
    a.expect(483)
    # Back from where it went: as it came before.
    sent = a.start("MESSAGE", b.user)
    got = b.expect("MESSAGE")
    via = "".join("Via: %s\r\n" % v for v in got.all("Via"))
    head, _, rest = str(sent).partition("Via: ")
    looped = head + "Via: %s\r\n" % b.via("z9hG4bK" + word()) + via + \
        rest.partition("\r\n")[2]
    b.send(looped)
    equal(b.expect(482).reason, "Loop Detected")
    # With another Request-URI it is a spiral, and no fault.
    b.respond(got, 200, "OK")
    a.expect(200)


def too_broad_a_fork():
    a, b = phones("UDP", "UDP")
    c = again(b, "TCP")
    a.start("MESSAGE", b.user, extra="Max-Breadth: 1\r\n")
    a.expect(440)
    a.start("MESSAGE", b.user, extra="Max-Breadth: 2\r\n")
    got = b.expect("MESSAGE")
    equal(got.get("Max-Breadth"), "1")
    equal(c.expect("MESSAGE").get("Max-Breadth"), "1")
    b.respond(got, 200, "OK")
    a.expect(200)


def a_phone_that_has_hung_up_its_connection():
    """430 when the flow of a call has gone; the same phone, back on another
    connection, is found."""
    a, b = phones("UDP", "TCP")
    mine, _ = call(a, b)
    b.close()
    until("gone", lambda: not Ua(EDGE, b.user).contacts())
    mine.request("INFO")
    a.expect(430)
    back = Ua(EDGE, b.user, "TLS")
    back.contact = b.contact
    equal(back.register().status, 200)
    mine.request("INFO")
    back.respond(back.expect("INFO"), 200, "OK")
    a.expect(200)


def a_phone_that_goes_without_an_answer():
    """480 as soon as its connection has closed, not 408 when Timer B ends; of
    calls that it takes on this worker and from others."""
    for transport in "TCP", "TLS":
        b, = phones(transport)
        callers = phones("UDP", "TCP", "TCP", "TLS")
        invites = [a.start("INVITE", b.user) for a in callers]
        for _ in callers:
            b.expect("INVITE")
        b.close()
        for a, invite in zip(callers, invites):
            a.ack_failure(invite, a.expect(480))


def strays_are_dropped():
    a, b = phones("UDP", "UDP")
    for branch in ("z9hG4bKnotours", "z9hG4bKst0000" + 2 * word(),
                   "z9hG4bKstffff" + 2 * word(), "z9hG4bKst0001" + "x" * 32):
        for status in 100, 180, 200, 486:
            a.send("SIP/2.0 %d x\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=%s\r\n"
                   "Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKx\r\n"
                   "From: <sip:1@x>;tag=1\r\nTo: <sip:2@x>;tag=2\r\n"
                   "Call-ID: stray\r\nCSeq: 1 INVITE\r\n"
                   "Content-Length: 0\r\n\r\n" %
                   (status, EDGE.sip, branch, b.port))
    a.request("ACK", "sip:%s@%s" % (b.user, DOMAIN), "<%s>;tag=1" % b.aor)
    a.request("ACK", b.contact[1:-1], "<%s>;tag=1" % b.aor,
              from_="<sip:nobody@%s>;tag=1" % DOMAIN)
    b.silent(0.3)
    a.silent(0.1)
    until("counted", lambda: EDGE.find(r" limit kind=stray count=\d+"))


def much_and_many():
    """70 Record-Routes, and a body that only TCP should carry, over UDP."""
    a, b = phones("UDP", "TLS")
    routes = ["<sip:p%d.example.test;lr>" % n for n in range(70)]
    sent = a.start("INVITE", b.user, SDP, "".join(
        "Record-Route: %s\r\n" % r for r in routes))
    got = b.expect("INVITE")
    equal(got.all("Record-Route")[2:], routes)
    b.respond(got, 486, "Busy Here")
    a.ack_failure(sent, a.expect(486))
    b.expect("ACK")
    big = SDP + "a=candidate:1 1 UDP 1 192.0.2.1 1 typ host\r\n" * 1000
    for one, other in ((a, b), (b, a)):
        sent = one.start("INVITE", other.user, big)
        got = other.expect("INVITE")
        equal(got.body, big)
        other.respond(got, 488, "Not Acceptable Here", big)
        reply = one.expect(488)
        equal(reply.body, big)
        one.ack_failure(sent, reply)
        other.expect("ACK")


# ---- with an edge of their own ----

class Datagrams6:
    def __init__(self, port):
        self.sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.sock.bind(("::1", 0))
        self.sock.connect(("::1", port))
        self.sock.settimeout(20)
        self.send, self.close = self.sock.send, self.sock.close

    def recv(self):
        return self.sock.recv(65536)


def two_address_families_call_each_other():
    with Edge(users=USERS[:2], settings=["sip=[::1]:0"]) as edge:
        port = int(edge.find(r" sip=\S+,\[::1\]:(\d+) ").group(1))
        a = Ua(edge, USERS[0], "TLS")
        b = Ua(edge, USERS[1], link=Datagrams6(port))
        for ua in a, b:
            equal(ua.register().status, 200)
        mine, theirs = call(a, b)
        contains(mine.routes[1], "@[::1]:%d;lr>" % port)
        hang_up(theirs, mine)
        mine, theirs = call(b, a)
        hang_up(theirs, mine)


def a_reload_in_the_middle_of_a_call():
    config = "workers = 2\nring_timeout = %d\n"
    with Edge(config=config % 190, users=USERS[:2]) as edge:
        # Now it has ports by number, which stay what they are.
        edge.stop()
        edge.start()
        a, b = Ua(edge, USERS[0], "UDP"), Ua(edge, USERS[1], "TLS")
        for ua in a, b:
            equal(ua.register().status, 200)
        sent = a.start("INVITE", b.user, SDP)
        got = b.expect("INVITE")
        edge.write_config(config % 2)
        edge.send_signal(signal.SIGHUP)
        edge.wait_line(r" reloaded ")
        b.respond(got, 180, "Ringing")
        a.expect(180)
        # The new time to ring is in force with the 180.
        cancel = b.expect("CANCEL")
        b.respond(cancel, 200, "OK")
        b.respond(got, 487, "Request Terminated")
        b.expect("ACK")
        a.ack_failure(sent, a.expect(487))


def a_call_outlives_the_edge():
    """Killed and started again: tokens of UDP flows are good, bindings are
    there; a phone that comes back over TLS is found by its contact."""
    with Edge(users=USERS[:3]) as edge:
        a, b = Ua(edge, USERS[0]), Ua(edge, USERS[1])
        c = Ua(edge, USERS[2], "TLS")
        for ua in a, b, c:
            equal(ua.register().status, 200)
        mine, theirs = call(a, b)
        third, _ = call(a, c)
        edge.kill()
        edge.start()
        hang_up(theirs, mine)
        third.request("INFO")
        a.expect(430)
        back = Ua(edge, c.user, "TLS")
        back.contact = c.contact
        equal(back.register().status, 200)
        third.request("BYE")
        back.respond(back.expect("BYE"), 200, "OK")
        a.expect(200)
        a.proxy_nonce = None
        mine, theirs = call(a, b)
        hang_up(mine, theirs)


def the_end_is_told_to_who_waits():
    with Edge(users=USERS[:2]) as edge:
        a, b = Ua(edge, USERS[0]), Ua(edge, USERS[1])
        for ua in a, b:
            equal(ua.register().status, 200)
        a.start("INVITE", b.user, SDP)
        got = b.expect("INVITE")
        b.respond(got, 180, "Ringing")
        a.expect(180)
        equal(edge.stop(), 0)
        assert a.expect(503).get("Retry-After")
        b.expect("CANCEL")


TESTS = [
    every_transport_calls_every_other,
    bodies_and_unknown_fields_pass_untouched,
    methods_inside_and_outside_of_dialogs,
    a_subscription_and_its_notifies,
    a_phone_that_knows_no_record_route,
    all_phones_ring_and_the_losers_are_cancelled,
    two_phones_answer_at_once,
    the_best_failure_is_told,
    q_says_who_rings_first,
    challenges_of_all_are_put_together,
    the_caller_gives_up,
    a_cancel_that_crosses_the_answer,
    a_cancel_for_nothing,
    nothing_is_forwarded_twice_over_udp,
    what_is_not_answered_is_sent_again,
    a_late_ack_and_a_200_again,
    who_is_not_there,
    who_may_not_call,
    a_caller_without_a_name,
    no_way_leads_elsewhere,
    a_way_through_us_first,
    strict_routers_are_served,
    a_ping_is_answered_whatever_port_it_writes,
    loops_and_too_many_hops,
    too_broad_a_fork,
    a_phone_that_has_hung_up_its_connection,
    a_phone_that_goes_without_an_answer,
    strays_are_dropped,
    much_and_many,
    two_address_families_call_each_other,
    a_reload_in_the_middle_of_a_call,
    a_call_outlives_the_edge,
    the_end_is_told_to_who_waits,
]

if __name__ == "__main__":
    # Four workers, whatever the machine has: most calls cross them.
    with Edge(users=USERS, settings=["workers=4"]) as EDGE:
        tap.main(TESTS)
