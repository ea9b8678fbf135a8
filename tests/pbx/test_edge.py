# SPDX-License-Identifier: BSD-2-Clause
"""The edge in front of PBXs, each with the files of its how-to: phones keep
TLS, the PBX sees ordinary SIP, calls go both ways."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import place  # noqa: E402
import tap  # noqa: E402
from chains import Chains  # noqa: E402
from edge import until  # noqa: E402
from pbxs import Asterisk, AsteriskPjsip, AsteriskSip, Kamailio  # noqa: E402
from phone import SimPhone  # noqa: E402
from phones import Baresip, Linphone  # noqa: E402
from talk import both_ways, lists  # noqa: E402

JOBS = 2
AT_EDGE = place.lab.ADDRESS


def registered(edge, pbx, phone, where=None):
    """Over its transport, and the PBX lists one Contact, that names where."""
    edge.wait_line(r" info registered aor=%s@.* transport=%s .*peer=%s:" % (
        phone.user, phone.transport.upper(), phone.host.address))
    phone.registered()
    lists(pbx, phone, where or phone.host.address)


def before(kind, lab, **options):
    """The PBX as it was before there was an edge: with TLS of its own."""
    if issubclass(kind, Asterisk):
        options["chain"] = Chains(lab, "a").chain("a1")[1:]
    return kind(lab, **options)


def all_call(lab, edge, pbx, transports, where=None):
    """linphone over TLS, which verifies, and baresip over each transport; one
    more phone that knows of no edge."""
    with Linphone(lab, "100", ca=edge.ca) as a:
        registered(edge, pbx, a, where)
        for transport in transports:
            with Baresip(lab, "101", AT_EDGE, transport, hertz=880,
                         ca=edge.ca) as b:
                registered(edge, pbx, b, where)
                both_ways(a, b)
        with Baresip(lab, "102", pbx.host.address, hertz=1000) as c:
            c.registered()
            both_ways(a, c)
    tap.equal(edge.count(" tls-refused "), 0, "refusals")


def calls(kind, transports, where=None, change_edge=None, **options):
    with place.network() as lab, before(kind, lab, **options) as pbx, \
            place.edge(lab, pbx, change=change_edge) as edge:
        all_call(lab, edge, pbx, transports, where)


def asterisk_pjsip():
    calls(AsteriskPjsip, ["udp", "tls", "tcp"], "sip:ft-")


def path_in_pjsip(path, text):
    """What the how-to says of Path."""
    return text.replace("${PJSIP_DIAL_CONTACTS(${EXTEN})}", "PJSIP/${EXTEN}") \
        .replace("max_contacts", "support_path = yes\nmax_contacts")


def asterisk_pjsip_by_path():
    calls(AsteriskPjsip, [], change=path_in_pjsip,
          change_edge=lambda text: text.replace('"contact"', '"path"'))


def asterisk_sip():
    calls(AsteriskSip, ["udp", "tls", "tcp"], "sip:ft-")


def kamailio():
    calls(Kamailio, ["udp", "tls", "tcp"])


# ---- TLS between edge and PBX ----

def over_tls(kind, where=None):
    with place.network() as lab:
        chains = Chains(lab, "a")
        with kind(lab, chain=chains.chain("a1")[1:]) as pbx, \
                place.edge(lab, pbx, ca=chains.store("a")) as edge:
            edge.wait_line(r" upstream-up name=pbx server=%s:5061 "
                           r"transport=TLS" % pbx.host.address)
            all_call(lab, edge, pbx, ["udp"], where)


def asterisk_pjsip_over_tls():
    over_tls(AsteriskPjsip, "sip:ft-")


def kamailio_over_tls():
    over_tls(Kamailio)


def a_certificate_that_the_edge_refuses():
    """Of a real PBX, with the word for it."""
    with place.network() as lab:
        chains = Chains(lab, "ab")
        with Kamailio(lab, chain=chains.chain("a1")[1:]) as pbx, \
                place.edge(lab, pbx, ca=chains.store("b")) as edge:
            edge.wait_line(r"warn upstream-down name=pbx .* reason=\"refused "
                           r"by the edge: it does not hold the root "
                           r"\\\"Lab Root A\\\"\" cause=untrusted_root "
                           r"confidence=certain remedy=")


# ---- the story: the phone that stayed out (test_alone.py) ----

def spa502g(lab, **options):
    """siptrust phone as an SPA502G, which is told the edge's CA."""
    host = lab.host(2)
    phone = SimPhone("--as", "SPA502G", "--transport", "tls", "--server",
                     AT_EDGE + ":5061", "--ca-url",
                     "http://%s:8080/ca.pem" % AT_EDGE, "--answer", "300",
                     password=place.secret("100"), prefix=host.argv([]),
                     **options)
    phone.host = host
    return phone


OLD_TLS = 'old_tls = { "10.77.2.0/24" }\n'


def story():
    """The story's Asterisk, chan_sip, and the edge in front of it: the same
    phone registers and rings."""
    with place.network() as lab, before(AsteriskSip, lab) as pbx, \
            place.edge(lab, pbx, more=OLD_TLS):
        with spa502g(lab) as a, \
                Baresip(lab, "101", pbx.host.address, hertz=880) as b:
            a.wait("registered")
            tap.equal(len(pbx.contacts("100")), 1, "contacts")
            b.registered()
            b.dial("100")
            b.talks()
            a.wait("call-answered")
            b.hangup()
            b.ended()
            a.wait("call-ended")
            tap.equal("ssl connection" in pbx.log(), False, "its lines")


# ---- a PBX that is down ----

PINGS = "upstream_ping = 1\n"


def down_and_back():
    """Phones get 503 while it is down, and are registered again after."""
    with place.network() as lab, Kamailio(lab) as pbx, \
            place.edge(lab, pbx, more=OLD_TLS + PINGS) as edge:
        with spa502g(lab) as phone:
            phone.wait("registered")
            pbx.stop()
            edge.wait_line(r" warn upstream-down name=pbx ")
            phone.reboot()
            failed = phone.wait("register-failed")
            tap.contains(str(failed), "503")
            pbx.start()
            until("it is up again", lambda: edge.count(
                " upstream-up name=pbx ") >= 2)
            phone.reboot()  # by itself after its Retry-After
            phone.wait("registered", 2)
            until("known again", lambda: len(pbx.contacts("100")) == 1)


def the_second_takes_over():
    with place.network() as lab, Kamailio(lab) as one, \
            Kamailio(lab) as two:
        second = 'upstream two {\n uri = "sip:%s:5060;transport=udp"\n}\n' % \
            two.host.address
        with place.edge(lab, one, more=OLD_TLS + PINGS,
                        change=lambda text: text + second) as edge, \
                spa502g(lab) as phone:
            phone.wait("registered")
            tap.equal([len(k.contacts("100")) for k in (one, two)], [1, 0])
            one.stop()
            edge.wait_line(r" warn upstream-down name=pbx ")
            phone.reboot()
            phone.wait("registered", 2)
            tap.equal(len(two.contacts("100")), 1)
            with Baresip(lab, "101", two.host.address) as b:
                b.registered()
                b.dial("100")
                b.talks()
                phone.wait("call-answered")
                b.hangup()
                b.ended()


def main():
    tests = [asterisk_pjsip, asterisk_sip, kamailio,
             asterisk_pjsip_by_path, asterisk_pjsip_over_tls,
             kamailio_over_tls, a_certificate_that_the_edge_refuses, story,
             down_and_back, the_second_takes_over]
    words = sys.argv[1:]
    tap.main([t for t in tests if not words or t.__name__ in words], JOBS)


if __name__ == "__main__":
    main()
