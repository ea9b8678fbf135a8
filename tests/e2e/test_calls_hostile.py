# SPDX-License-Identifier: BSD-2-Clause
"""Calls through the edge where the network or the other side means no good:
what is lost, cut to bytes, forged, malformed or too much."""
import contextlib
import os
import random
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import DOMAIN, Edge, until  # noqa: E402
from phone import SimPhone, to  # noqa: E402
from relay import Relay  # noqa: E402
from tap import equal  # noqa: E402
from ua import SDP, Ua, call, hang_up, word  # noqa: E402

USERS = [str(n) for n in range(100, 180)]
EDGE = None
free = iter(USERS)


def phones(*transports, edge=None):
    """Registered phones, each of a user that nobody else has."""
    found = []
    for transport in transports:
        ua = Ua(edge or EDGE, next(free), transport)
        equal(ua.register().status, 200)
        found.append(ua)
    return found


# ---- the network ----

def lossy_call(mine, its, talk):
    """A call; mine and its: options of the ways to the edge."""
    caller, callee = next(free), next(free)
    with SimPhone(*its, "--answer", "0", user=callee) as there:
        there.wait("registered")
        with SimPhone(*mine, "--call", callee, "--talk", talk, "--once",
                      user=caller) as here:
            here.wait("call-answered")
            there.wait("call-answered")
            for one in here, there:
                event = one.wait("call-ended")
                equal((event["status"], event["reason"]), (200, "hung up"))
            equal(len(here.all("call-answered")), 1)
            equal(len(there.all("call-ringing")), 1)


def lossy(relay):
    return ["--transport", "udp", "--server", "127.0.0.1:%d" % relay.port]


def lost(relay):
    """What was: methods and statuses."""
    return {first.split(" ")[first.startswith("SIP/")] for first in
            relay.lost}


def the_callers_side_loses_each_message_once():
    with Relay(EDGE.sip) as relay:
        lossy_call(lossy(relay), to(EDGE, "tcp"), "1")
        equal(lost(relay) >= {"REGISTER", "INVITE", "ACK", "BYE", "200",
                              "407"}, True, relay.lost)


def the_callees_side_loses_each_message_once():
    with Relay(EDGE.sip) as relay:
        lossy_call(to(EDGE, "tcp"), lossy(relay), "2")
        equal(lost(relay) >= {"REGISTER", "INVITE", "ACK", "BYE", "200",
                              "180"}, True, relay.lost)


def cut_to_bytes():
    """Each byte in a segment, and over TLS in a record, of its own."""
    for transport in "TCP", "TLS":
        a, b = phones(transport, transport)
        for ua in a, b:
            whole = ua.link.send
            ua.link.send = lambda data, whole=whole: [
                whole(data[i:i + 1]) for i in range(len(data))]
        mine, theirs = call(a, b)
        hang_up(mine, theirs)


def all_in_one_piece():
    """ACK, BYE and the next call's INVITE in one segment."""
    a, b = phones("TCP", "UDP")
    sent = a.start("INVITE", b.user, SDP)
    got = b.expect("INVITE")
    b.respond(got, 200, "OK", SDP)
    mine = a.caller(sent, a.expect(200))
    pieces, whole = [], a.link.send
    a.link.send = pieces.append
    mine.request("ACK", cseq=sent.cseq)
    mine.request("BYE")
    a.start("INVITE", b.user, SDP)
    a.link.send = whole
    whole(b"".join(pieces))
    came = {}
    for _ in range(3):
        m = b.next()
        came[m.method] = m
    equal(sorted(came), ["ACK", "BYE", "INVITE"])
    b.respond(came["BYE"], 200, "OK", contact=False)
    b.respond(came["INVITE"], 486, "Busy Here")
    a.expect(200)
    a.expect(486)


# ---- what is forged ----

def no_flow_token_can_be_forged():
    """A token with any one of its letters changed leads nowhere."""
    a, b = phones("UDP", "UDP")
    mine, theirs = call(a, b)
    route = mine.routes[-1]  # it decides: the last of the edge's own
    token = re.search(r"sip:(ft-[^@]+)@", route).group(1)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    for i in range(3, len(token)):
        other = letters[(letters.find(token[i]) + 7) % len(letters)]
        forged = token[:i] + other + token[i + 1:]
        mine.request("INFO", routes=[route.replace(token, forged)])
        got = a.next().status
        # The last letter of base64 may hold bits that do not count.
        if got not in (403, 430):
            equal((got, i), (403, len(token) - 1))
    for cut in 4, len(token) // 2, len(token) - 1:
        mine.request("INFO", routes=[route.replace(token, token[:cut])])
        a.expect(403)
    b.silent(0.2)
    hang_up(mine, theirs)


def a_strangers_cancel_and_bye():
    """Who knows the Call-ID alone ends nobody's call."""
    a, b, c = phones("UDP", "UDP", "UDP")
    sent = a.start("INVITE", b.user, SDP)
    got = b.expect("INVITE")
    a.expect(100, skip=())
    c.request("CANCEL", sent.uri, sent.get("To"), from_=sent.get("From"),
              call_id=sent.get("Call-ID"), cseq=sent.cseq, contact=False)
    c.expect(481)
    b.silent(0.2)
    b.respond(got, 200, "OK", SDP)
    ok = a.expect(200)
    mine = a.caller(sent, ok)
    mine.request("ACK", cseq=sent.cseq)
    b.expect("ACK")
    # Without the route set a BYE has to come from somebody known.
    c.request("BYE", b.contact[1:-1], ok.get("To"), from_=sent.get("From"),
              call_id=sent.get("Call-ID"), cseq=sent.cseq + 1)
    c.expect(407)
    b.silent(0.2)


# ---- what is malformed or too much ----

def odd_requests_get_an_answer():
    a, b = phones("UDP", "UDP")
    uri = "sip:%s@%s" % (b.user, DOMAIN)
    many = "".join("X-%d: y\r\n" % n for n in range(140))
    for extra, options, statuses in (
            (many, {}, (513, 400)),
            ("Subject: %s\r\n" % ("s" * 20000), {}, (513, 400)),
            ("Content-Length: 5\r\n", {}, (400,)),
            ("Content-Length: -1\r\n", {}, (400,)),
            ("CSeq: 9 INVITE\r\n", {}, (400,)),
            ("Max-Forwards: 300\r\n", {"max_forwards": None}, (400,)),
            ("Contact: <sip:>\r\n", {"contact": False}, (400, 407)),
            ("", {"cseq": 4294967295}, (400, 407)),
            ("Require: magic\r\n", {}, (407,)),
            ("Proxy-Authorization: Digest nonsense\r\n", {}, (400, 407)),
            ("Proxy-Authorization: Basic YTpi\r\n", {}, (400, 407))):
        options.setdefault("call_id", word())
        a.request("INVITE", uri, "<%s>" % uri, extra=extra, **options)
        got = a.next().status
        if got not in statuses:
            raise AssertionError("%.60r: %d, expected %r" % (extra, got,
                                                             statuses))
    b.silent(0.1)


def a_callee_that_answers_nonsense():
    a, b = phones("UDP", "UDP")
    sent = a.start("INVITE", b.user, SDP)
    got = b.expect("INVITE")
    a.expect(100, skip=())
    good = "".join("Via: %s\r\n" % v for v in got.all("Via"))
    rest = ("From: %s\r\nTo: %s;tag=z\r\nCall-ID: %s\r\n" %
            (got.get("From"), got.get("To"), got.get("Call-ID")))
    cseq = "CSeq: %s\r\nContent-Length: 0\r\n\r\n" % got.get("CSeq")
    via = "Via: %s\r\n"
    top = got.all("Via")[0]
    for text in (
            "SIP/2.0 200 OK\r\n" + via % got.all("Via")[1] + rest + cseq,
            "SIP/2.0 200 OK\r\n" + via % b.via("z9hG4bKx") + good + rest +
            cseq,
            "SIP/2.0 200 OK\r\n" + good + rest + "CSeq: 1 BYE\r\n"
            "Content-Length: 0\r\n\r\n",
            "SIP/2.0 999 OK\r\n" + good + rest + cseq,
            "SIP/2.0 099 OK\r\n" + good + rest + cseq,
            "SIP/2.0 200 OK\r\n" + rest + cseq,
            "SIP/2.0 200 OK\r\n" + via % (top + "x") + rest + cseq,
            "SIP/3.0 200 OK\r\n" + good + rest + cseq):
        b.send(text)
    a.silent(0.2)
    for _ in range(200):
        b.respond(got, 183, "Session Progress")
    b.respond(got, 603, "Decline")
    busy = a.expect(603, skip=(183,))
    a.ack_failure(sent, busy)
    b.expect("ACK")
    # Too late: a final answer has been given.
    b.respond(got, 200, "OK", SDP)
    b.respond(got, 180, "Ringing")
    a.silent(0.2)


def the_limit_of_calls():
    """Over proxy_transactions_max: 503 and when to come back; those that are
    over count no more."""
    with Edge(users=USERS, settings=["proxy_transactions_max=40",
                                     "workers=1"]) as edge:
        a, b = phones("TCP", "TCP", edge=edge)
        for _ in range(60):
            sent = a.start("INVITE", b.user, SDP)
        refused = taken = 0
        while refused + taken < 60:
            m = a.next()
            taken += m.status == 100
            if m.status == 503:
                refused += 1
                equal(int(m.get("Retry-After")) > 0, True)
        print("# 60 calls at once: %d taken, %d refused" % (taken, refused))
        equal(taken >= 10 and refused >= 10, True)
        for _ in range(taken):
            b.respond(b.expect("INVITE"), 486, "Busy Here")
        for _ in range(taken):
            a.expect(486, skip=(100, 503))

        def calls_again():
            a.start("INVITE", b.user, SDP)
            m = a.next()
            while m.status not in (100, 503):
                m = a.next()
            return m.status == 100
        until("there is room again", calls_again)


# ---- noise ----

class Noise:
    """Messages of a call, with something wrong in each; from a seed."""
    WORDS = (b"sip:", b";tag=", b"\r\n", b"<", b">", b"\"", b",", b";lr",
             b"%00", b"@", b":", b"ft-", b"z9hG4bK", b"\0", b"\xff\xfe",
             b"SIP/2.0 200 OK\r\n", b"Via: ", b"Content-Length: 99999999\r\n",
             b"Route: <sip:", b"4294967296", b"-1", b" " * 200)

    def __init__(self, seed, samples):
        self.random, self.samples = random.Random(seed), samples

    def __iter__(self):
        return self

    def __next__(self):
        r = self.random
        data = bytearray(r.choice(self.samples))
        for _ in range(r.randint(1, 4)):
            at = r.randrange(len(data) + 1)
            what = r.randrange(4)
            if what == 0:
                data[at:at] = r.choice(self.WORDS)
            elif what == 1:
                del data[at:at + r.randint(1, 40)]
            elif what == 2 and at < len(data):
                data[at] = r.randrange(256)
            else:  # a line of another message
                other = r.choice(self.samples).split(b"\r\n")
                data[at:at] = r.choice(other) + b"\r\n"
        return bytes(data)


def samples(a, b):
    """What passes in a call, as it was sent."""
    kept = []
    for ua in a, b:
        whole = ua.link.send
        ua.link.send = lambda data, whole=whole: (kept.append(data),
                                                  whole(data))
    mine, theirs = call(a, b)
    mine.request("UPDATE", SDP)
    b.respond(b.expect("UPDATE"), 200, "OK", SDP)
    a.expect(200)
    a.cancel(a.start("INVITE", b.user, SDP))
    for ua in a, b:
        ua.link.send = ua.link.send.__defaults__[0]
    return mine, theirs, kept


def noise_in_a_call():
    seed = int(os.environ.get("SEED", "5"))
    count = int(os.environ.get("NOISE", "2000"))
    print("# SEED=%d NOISE=%d" % (seed, count))
    a, b = phones("UDP", "UDP")
    mine, theirs, kept = samples(a, b)
    noise = Noise(seed, kept)
    noisy, = phones("UDP")
    for n, data in enumerate(noise):
        (a if n % 3 == 0 else b if n % 3 == 1 else noisy).send(data[:60000])
        if n % 50 == 0:  # at the pace that it is answered
            drain(a, b, noisy)
        if n == count:
            break
    before = EDGE.rss_kb()
    for _ in range(50):
        stream = Ua(EDGE, next_user, "TCP")
        with contextlib.suppress(OSError):
            for _ in range(20):
                stream.send(next(noise)[:60000])
        stream.close()
    until("the edge answers", lambda: answers())
    one, other = phones("TLS", "UDP")
    hang_up(*call(one, other))
    print("# %d kB before, %d kB after" % (before, EDGE.rss_kb()))
    equal(EDGE.process.poll(), None)
    assert mine and theirs


next_user = "100"


def drain(*uas):
    for ua in uas:
        ua.link.sock.settimeout(0)
        with contextlib.suppress(BlockingIOError, OSError):
            while True:
                ua.link.recv()
        ua.link.sock.settimeout(20)


def answers():
    probe = Ua(EDGE, next_user, "UDP")
    probe.request("OPTIONS", "sip:" + DOMAIN, "<sip:%s>" % DOMAIN)
    ok = probe.next().status == 200
    probe.close()
    return ok


TESTS = [
    the_callers_side_loses_each_message_once,
    the_callees_side_loses_each_message_once,
    cut_to_bytes,
    all_in_one_piece,
    no_flow_token_can_be_forged,
    a_strangers_cancel_and_bye,
    odd_requests_get_an_answer,
    a_callee_that_answers_nonsense,
    the_limit_of_calls,
    noise_in_a_call,
]

if __name__ == "__main__":
    with Edge(users=USERS, settings=["workers=2"]) as EDGE:
        tap.main(TESTS, jobs=3)
