#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The edge in front of a PBX: REGISTER and calls through it, by Path and by
Contact, over UDP and TCP; health, failover, reload, restart."""
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
from dns import Dns  # noqa: E402
from edge import Edge, until  # noqa: E402
from pbx import Pbx  # noqa: E402
from peer import SDP, Message  # noqa: E402
import tap  # noqa: E402
from sip import Phone  # noqa: E402
from tap import equal  # noqa: E402

SDP_PHONE = SDP % (5000, "sendrecv")
PINGS = ["upstream_ping=1"]


def truth(what, value):
    if not value:
        raise AssertionError("not so: %s" % (what,))
    return value


def in_front_of(*uris, settings=PINGS, **more):
    edge = Edge(settings=["workers=2"] + list(settings), start=False, **more)
    for uri in uris:
        edge.extra += ["--upstream", uri]
    try:
        edge.start()
    except BaseException:
        edge.stop()
        raise
    return edge


class Handset(Phone):
    """A phone of sip.Phone's that calls and is called."""

    def recv(self):
        return Message(self.link.recv())

    def expect(self, kind):
        """The next message but provisional ones and what was sent again."""
        while True:
            m = self.recv()
            if m.kind == kind:
                return m
            if m.status == 0 or m.status >= 200:
                raise AssertionError("%s came, not %s" % (m.text, kind))

    def final(self):
        """The next final response."""
        while True:
            m = self.recv()
            if m.status >= 200:
                return m

    def answer(self, m, status=200, reason="OK", body=SDP_PHONE):
        to = m.header("To")
        if "tag=" not in to and status > 100:
            to += ";tag=phone"
        text = "SIP/2.0 %d %s\r\n" % (status, reason)
        for name in ("Via", "Record-Route"):
            text += "".join("%s: %s\r\n" % (name, v) for v in m.all(name))
        text += ("From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n"
                 "Contact: %s\r\n" % (m.header("From"), to,
                                      m.header("Call-ID"), m.header("CSeq"),
                                      self.contact))
        self.put(text, body if 200 <= status < 300 and
                 m.method == "INVITE" else "")

    def put(self, text, body=""):
        if body:
            text += "Content-Type: application/sdp\r\n"
        self.link.send(("%sContent-Length: %d\r\n\r\n%s" %
                        (text, len(body), body)).encode())

    def ask(self, method, uri, routes=(), to="sip:200@pbx.test", to_tag=None,
            call_id="phone", cseq=1, body="", branch=None):
        text = ("%s %s SIP/2.0\r\n"
                "Via: SIP/2.0/%s 127.0.0.1:5099;branch=%s;rport\r\n" %
                (method, uri, self.transport, branch or
                 "z9hG4bK-%s-%s-%d" % (call_id, method, cseq)))
        text += "".join("Route: %s\r\n" % r for r in routes)
        text += ("From: <sip:%s@%s>;tag=phone\r\nTo: <%s>%s\r\n"
                 "Call-ID: %s\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\n"
                 "Contact: %s\r\n" %
                 (self.user, self.domain, to,
                  ";tag=" + to_tag if to_tag else "", call_id, cseq, method,
                  self.contact))
        self.put(text, body)


def registered(edge, phone):
    reply = phone.register()
    equal(reply.status, 200)
    return reply


def be_called(pbx, phone, link=None, uri=None):
    """The PBX calls, the phone answers and hangs up."""
    pbx.call(phone.user, link)
    invite = phone.expect("INVITE")
    equal(invite.uri, uri or phone.contact.strip("<>"))
    equal(invite.all("Route"), [])
    phone.answer(invite, 180, "Ringing")
    pbx.wait(180)
    phone.answer(invite)
    ok = pbx.wait(200)
    routes = ok.all("Record-Route")
    equal(len(routes), 2)
    pbx.request("ACK", phone.contact.strip("<>"), routes[::-1],
                call_id="call", to_tag="phone", link=link)
    phone.expect("ACK")
    phone.ask("BYE", re.search("<(.*)>", invite.header("Contact")).group(1),
              invite.all("Record-Route"), call_id="call", to_tag="pbx",
              cseq=2)
    bye = pbx.wait("BYE")
    equal(bye.uri, pbx.uri(pbx.transport_of(link)))
    equal(bye.all("Route"), [])
    pbx.reply(bye, 200, "OK")
    phone.expect(200)


def call(pbx, phone, link=None):
    """The phone calls, the PBX answers and hangs up, over its link."""
    phone.ask("INVITE", "sip:200@pbx.test", body=SDP_PHONE)
    invite = pbx.wait("INVITE")
    equal(invite.uri, "sip:200@pbx.test")
    equal(invite.body, SDP_PHONE)
    equal(len(invite.all("Record-Route")), 2)
    transport = invite.transport.lower()
    pbx.reply(invite, 180, "Ringing")
    pbx.reply(invite, 200, "OK", "Contact: <%s>\r\n" % pbx.uri(transport),
              body=SDP % (4000, "sendrecv"))
    ok = phone.expect(200)
    phone.ask("ACK", pbx.uri(transport), ok.all("Record-Route")[::-1],
              to_tag="pbx")
    pbx.wait("ACK")
    pbx.request("BYE", phone.contact.strip("<>"), invite.all("Record-Route"),
                call_id="phone", to_tag="phone", cseq=7, link=link)
    bye = phone.expect("BYE")
    phone.answer(bye)
    pbx.wait(200)


# ---- REGISTER and calls ----

def tls_phone_to_udp_pbx_by_path():
    with Pbx() as pbx, in_front_of(pbx.uri()) as edge:
        phone = Handset(edge, "100", transport="TLS", ca=edge.ca)
        reply = registered(edge, phone)
        truth(reply.text, phone.contact in reply.text)
        b = pbx.bindings["100"][0]
        equal(b["contact"], phone.contact.strip("<>"))
        equal(len(b["path"]), 1)
        truth(b["path"], re.fullmatch(
            r"<sip:ft-[\w-]+@127\.0\.0\.1:%d;lr;ob>" % edge.sip,
            b["path"][0]))
        truth("path", "path" in b["message"].header("Supported"))
        edge.wait_line(r"info registered aor=100@example.test contact=\S+ "
                       r"transport=TLS peer=127.0.0.1:\d+ device=e2e/1.0 "
                       r"upstream=pbx$")
        edge.wait_line(r"info upstream-up name=pbx server=127.0.0.1:%d "
                       r"transport=UDP" % pbx.port)
        be_called(pbx, phone)
        call(pbx, phone)
        equal(registered(edge, phone).status, 200)
        equal(phone.register(extra="Expires: 0\r\n").status, 200)
        edge.wait_line(r"info unregistered aor=100@example.test ")
        equal(edge.count(" registered "), 1)


def udp_phone_to_tcp_pbx_by_path():
    with Pbx() as pbx, in_front_of(pbx.uri("tcp")) as edge:
        phone = Handset(edge, "100")
        registered(edge, phone)
        b = pbx.bindings["100"][0]
        truth(b["path"], re.fullmatch(
            r"<sip:ft-[\w-]+@127\.0\.0\.1:%d;transport=tcp;lr;ob>" % edge.sip,
            b["path"][0]))
        call(pbx, phone)
        # Over the PBX's own connection to our port, from another port.
        be_called(pbx, phone, pbx.connect("127.0.0.1", edge.sip))


def rewritten_contact():
    with Pbx(path=False) as pbx, in_front_of(pbx.uri() + ",contact") as edge:
        phone = Handset(edge, "100", transport="TLS", ca=edge.ca)
        reply = registered(edge, phone)
        equal(reply.all("Contact"), [phone.contact + ";expires=3600"])
        b = pbx.bindings["100"][0]
        truth(b["contact"], re.fullmatch(
            r"sip:ft-[\w-]+@127\.0\.0\.1:%d" % edge.sip, b["contact"]))
        equal(b["message"].all("Path"), [])
        be_called(pbx, phone)
        call(pbx, phone)
        # The binding of today, not another one each time.
        registered(edge, phone)
        equal(len(pbx.bindings["100"]), 1)
        equal(phone.register(["<sip:100@127.0.0.1:5099>;expires=7",
                              phone.contact]).status, 423)
        equal(phone.register("*", extra="Expires: 0\r\n").status, 200)
        equal(pbx.bindings["100"], [])
        edge.wait_line(r"info unregistered aor=100@example.test contact=\S*\*")


def keepalives_are_answered_by_the_edge():
    with Pbx() as pbx, in_front_of(pbx.uri(), settings=["upstream_ping=0"]) \
            as edge:
        phone = Handset(edge, "100", transport="TLS", ca=edge.ca)
        phone.ask("OPTIONS", "sip:" + edge.domain)
        phone.expect(200)
        equal([m.kind for m in pbx.got], [])


# ---- what is refused ----

def gone_flow_is_430_and_forged_one_403():
    with Pbx() as pbx, in_front_of(pbx.uri()) as edge:
        phone = Handset(edge, "100", transport="TLS", ca=edge.ca)
        registered(edge, phone)
        path = pbx.bindings["100"][0]["path"][0]
        stranger = Handset(edge, "101", source="127.0.0.2")
        stranger.ask("INVITE", "sip:100@127.0.0.1:5099", [path],
                     body=SDP_PHONE)
        stranger.expect(403)
        phone.close()
        pbx.call("100")
        pbx.wait(430)
        letter = "A" if path[20] != "A" else "B"
        pbx.request("INVITE", "sip:100@127.0.0.1:5099",
                    [path[:20] + letter + path[21:]])
        pbx.wait(403)
        pbx.request("INVITE", "sip:100@127.0.0.1:%d" % edge.sip)
        pbx.wait(404)


def pbx_down_is_503_and_its_return_is_seen():
    pbx = Pbx()
    with in_front_of(pbx.uri("tcp")) as edge:
        phone = Handset(edge, "100", transport="TLS", ca=edge.ca)
        registered(edge, phone)
        pbx.close()
        edge.wait_line(r"warn upstream-down name=pbx server=127.0.0.1:%d "
                       r"transport=TCP reason=" % pbx.port)
        reply = phone.register()
        equal(reply.status, 503)
        truth(reply.text, 30 <= int(reply.header("Retry-After")) <= 60)
        phone.ask("INVITE", "sip:200@pbx.test", body=SDP_PHONE)
        truth("Retry-After", phone.expect(503).header("Retry-After"))
        with Pbx(pbx.port) as back:
            until("the PBX is back", lambda: edge.count(" upstream-up ") == 2)
            registered(edge, phone)
            be_called(back, phone)


def failover_to_the_second():
    with Pbx() as one, Pbx() as two, \
            in_front_of(one.uri(), two.uri("tcp"),
                        settings=["upstream_ping=0"]) as edge:
        phone = Handset(edge, "100")
        registered(edge, phone)
        equal((len(one.bindings), len(two.bindings)), (1, 0))
        one.busy = True
        registered(edge, phone)
        equal((len(one.bindings), len(two.bindings)), (1, 1))
        edge.wait_line(" registered .* upstream=pbx$")
        call(two, phone)


def a_busy_one_is_down_until_it_answers():
    with Pbx() as one, Pbx() as two, in_front_of(one.uri("tcp"), two.uri()) \
            as edge:
        phone = Handset(edge, "100")
        one.busy = True
        edge.wait_line(r"upstream-down name=pbx server=\S+ transport=TCP "
                       r'reason="503 Service Unavailable"')
        registered(edge, phone)
        equal((len(one.bindings), len(two.bindings)), (0, 1))
        one.busy = False
        until("it is back", lambda: re.search(
            r"upstream-down name=pbx (?s:.*)upstream-up name=pbx ",
            edge.log()))
        registered(edge, phone)
        equal((len(one.bindings), len(two.bindings)), (1, 1))


def one_that_falls_silent_in_the_middle():
    """What it has is tried at the next as soon as it is known to be down, not
    at Timer B or F; without a next one the phone hears 503."""
    one = Pbx()
    with Pbx() as two, in_front_of(one.uri(), two.uri()) as edge:
        edge.wait_line(r"upstream-up name=pbx ")
        edge.wait_line(r"upstream-up name=pbx2 ")
        phone = Handset(edge, "100")
        one.deaf = True
        begun = time.monotonic()
        phone.ask("INVITE", "sip:200@pbx.test", body=SDP_PHONE)
        phone.ask("REGISTER", "sip:pbx.test", call_id="reg")
        until("both are there", lambda: one.heard_of("INVITE") and
              one.heard_of("REGISTER"))
        one.close()
        pbx_invite = two.wait("INVITE")
        two.reply(pbx_invite, 486, "Busy Here")
        equal({phone.final().status, phone.final().status}, {401, 486})
        truth("long before Timer B", time.monotonic() - begun < 25)
        two.close()
        edge.wait_line(r"upstream-down name=pbx2 ")
        equal(Handset(edge, "101").register().status, 503)


CONFIG = """upstream %s {
        uri = "%s"
        register = "%s"
}
"""


def a_reload_changes_the_upstreams():
    with Pbx() as one, Pbx(path=False) as two, \
            in_front_of(config=CONFIG % ("a", one.uri(), "path")) as edge:
        edge.stop()
        edge.start()  # on ports that a reload does not choose anew
        phone = Handset(edge, "100")
        registered(edge, phone)
        edge.write_config(CONFIG % ("b", two.uri("tcp"), "contact"))
        edge.send_signal(signal.SIGHUP)
        edge.wait_line(" reloaded ")
        edge.wait_line("upstream-up name=b ")
        registered(edge, phone)
        truth(two.bindings, two.bindings["100"][0]["contact"].startswith(
            "sip:ft-"))
        edge.write_config("")
        edge.send_signal(signal.SIGHUP)
        edge.wait_line("err reload-failed reason=.*no upstream.* kept=yes")
        registered(edge, phone)


def udp_phones_are_reached_after_a_restart():
    with Pbx() as pbx, in_front_of(pbx.uri()) as edge:
        phone = Handset(edge, "100")
        registered(edge, phone)
        edge.stop()
        edge.start()
        be_called(pbx, phone)


def names_are_looked_up():
    with Pbx() as one, Pbx() as two:
        one.busy = True
        records = {
            ("pbx.test", "NAPTR"): [
                (10, 2, "s", "SIP+D2U", "_sip._udp.pbx.test"),
                (10, 1, "s", "SIPS+D2T", "_sips._tcp.pbx.test")],
            ("_sip._udp.pbx.test", "SRV"): [
                (2, 0, two.port, "b.pbx.test"),
                (1, 0, one.port, "a.pbx.test")],
            ("a.pbx.test", "A"): ["127.0.0.1"],
            ("b.pbx.test", "A"): ["127.0.0.1"],
            ("_sip._tcp.srv.test", "SRV"): [(1, 0, two.port, "b.pbx.test")],
        }
        with Dns(records) as dns:
            ping_off = ["upstream_ping=0", dns.setting]
            with in_front_of("sip:pbx.test", settings=ping_off) as edge:
                edge.wait_line(r"upstream-resolved name=pbx servers="
                               r"127.0.0.1:%d/UDP,127.0.0.1:%d/UDP$" %
                               (one.port, two.port))
                phone = Handset(edge, "100")
                registered(edge, phone)
                equal((len(one.bindings), len(two.bindings)), (0, 1))
            with in_front_of("sip:srv.test;transport=tcp",
                             settings=ping_off) as edge:
                edge.wait_line(r"servers=127.0.0.1:%d/TCP$" % two.port)
            with in_front_of("sip:b.pbx.test:%d" % two.port,
                             settings=ping_off) as edge:
                edge.wait_line(r"servers=127.0.0.1:%d/UDP$" % two.port)
            with in_front_of("sip:none.test", settings=ping_off) as edge:
                edge.wait_line(r"warn upstream-unresolved name=pbx "
                               r"reason=\"none.test: .*\" kept=no")
                equal(Handset(edge, "100").register().status, 503)


if __name__ == "__main__":
    tap.main([tls_phone_to_udp_pbx_by_path,
              udp_phone_to_tcp_pbx_by_path,
              rewritten_contact,
              keepalives_are_answered_by_the_edge,
              gone_flow_is_430_and_forged_one_403,
              pbx_down_is_503_and_its_return_is_seen,
              failover_to_the_second,
              a_busy_one_is_down_until_it_answers,
              one_that_falls_silent_in_the_middle,
              a_reload_changes_the_upstreams,
              udp_phones_are_reached_after_a_restart,
              names_are_looked_up], jobs=4)
