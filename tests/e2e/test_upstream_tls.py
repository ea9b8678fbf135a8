#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""TLS from the edge to a PBX: REGISTER and calls over it, which certificates
the edge takes, what it says of the others, what it shows of its own."""
import contextlib
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from dns import Dns  # noqa: E402
from edge import SIPTRUST, until  # noqa: E402
from pbx import Pbx  # noqa: E402
from pki import Pki  # noqa: E402
from tap import equal  # noqa: E402
from test_upstream import (Handset, be_called, call, in_front_of,  # noqa: E402
                           registered, truth)

NAME = "pbx.test"
FOLDER = tempfile.mkdtemp(prefix="siptrust-e2e-pki-")
OURS = Pki(FOLDER, NAME, "PBX Root", also=",IP:127.0.0.1")
OTHER = Pki(FOLDER, "other.test", "Other Root")
RIGHT = OURS.issue("right")


def over_tls(pbx, ca=OURS, more=""):
    return "%s,ca=%s%s" % (pbx.uri("tls"), ca.ca, more)


@contextlib.contextmanager
def refused(chain, cause, reason, remedy, ca=OURS, more="", **options):
    """The edge cannot use this PBX, and its line says why."""
    with Pbx(chain=chain, **options) as pbx, \
            in_front_of(over_tls(pbx, ca, more)) as edge:
        edge.wait_line(r'warn upstream-down name=pbx server=127.0.0.1:%d '
                       r'transport=TLS reason="%s" cause=%s '
                       r'confidence=\w+ remedy="[^"]*%s' %
                       (pbx.port, reason, cause, remedy))
        yield pbx, edge


def refusal(*args, **more):
    with refused(*args, **more) as (pbx, edge):
        phone = Handset(edge, "100")
        reply = phone.register()
        equal(reply.status, 503)
        truth("Retry-After", reply.header("Retry-After"))
        equal([m.kind for m in pbx.got], [])


# ---- what goes right ----

def connect(pbx, edge):
    """The PBX's own connection to our port for TLS."""
    return pbx.connect("127.0.0.1", edge.tls, ssl.create_default_context(
        cafile=edge.ca), edge.domain)


def phones_register_and_call_over_it():
    with Pbx(chain=RIGHT) as pbx, in_front_of(over_tls(pbx)) as edge:
        edge.wait_line(r"info upstream-up name=pbx server=127.0.0.1:%d "
                       r"transport=TLS$" % pbx.port)
        phone = Handset(edge, "100", transport="TLS", ca=edge.ca)
        registered(edge, phone)
        b = pbx.bindings["100"][0]
        truth(b["path"], re.fullmatch(
            r"<sip:ft-[\w-]+@127\.0\.0\.1:%d;transport=tls;lr;ob>" % edge.tls,
            b["path"][0]))
        truth(b["message"].all("Via")[0], b["message"].all("Via")[0].startswith(
            "SIP/2.0/TLS 127.0.0.1:%d;" % edge.tls))
        link = connect(pbx, edge)
        call(pbx, phone, link)
        be_called(pbx, phone, link)


def by_rewritten_contact():
    with Pbx(chain=RIGHT, path=False) as pbx, \
            in_front_of(over_tls(pbx, more=",contact")) as edge:
        phone = Handset(edge, "100")
        reply = registered(edge, phone)
        equal(reply.all("Contact"), [phone.contact + ";expires=3600"])
        truth(pbx.bindings, re.fullmatch(
            r"sip:ft-[\w-]+@127\.0\.0\.1:%d;transport=tls" % edge.tls,
            pbx.bindings["100"][0]["contact"]))
        link = connect(pbx, edge)
        call(pbx, phone, link)
        be_called(pbx, phone, link)


def one_connection_a_worker_is_kept():
    with Pbx(chain=RIGHT) as pbx, \
            in_front_of(over_tls(pbx), settings=["upstream_ping=0"]) as edge:
        for n in range(6):
            registered(edge, Handset(edge, str(100 + n)))
        truth(pbx.accepted, pbx.accepted <= 2)
        equal(len(pbx.bindings), 6)


def names_and_sips():
    """SRV of _sips._tcp, NAPTR of SIPS+D2T; the certificate is for the domain,
    not for what the DNS made of it (RFC 5922 7.3)."""
    with Pbx(chain=RIGHT) as pbx:
        records = {
            (NAME, "NAPTR"): [(10, 1, "s", "SIPS+D2T", "_sips._tcp." + NAME)],
            ("_sips._tcp." + NAME, "SRV"): [(1, 0, pbx.port, "a.host.test")],
            ("a.host.test", "A"): ["127.0.0.1"],
            ("_sips._tcp.wrong.test", "SRV"): [(1, 0, pbx.port, NAME)],
            (NAME, "A"): ["127.0.0.1"],
        }
        with Dns(records) as dns:
            settings = ["upstream_ping=1", dns.setting]
            for uri in ("sips:" + NAME, "sip:%s;transport=tls" % NAME,
                        "sip:" + NAME):
                with in_front_of("%s,ca=%s" % (uri, OURS.ca),
                                 settings=settings) as edge:
                    edge.wait_line(r"upstream-up name=pbx server=127.0.0.1:%d "
                                   "transport=TLS" % pbx.port)
                    equal(pbx.hellos[-1], NAME)
                    registered(edge, Handset(edge, "100"))
            uri = "sip:wrong.test;transport=tls"
            with in_front_of("%s,ca=%s" % (uri, OURS.ca),
                             settings=settings) as edge:
                edge.wait_line("upstream-down name=pbx .* "
                               "cause=name_mismatch")
            with in_front_of("%s,ca=%s,server_name=%s" % (uri, OURS.ca, NAME),
                             settings=settings) as edge:
                edge.wait_line("upstream-up name=pbx ")


def a_client_certificate_is_shown():
    ours = OTHER.issue("edge", kind="client")
    with Pbx(chain=RIGHT, clients=OTHER.ca) as pbx:
        with in_front_of(over_tls(pbx, more=",certificate=%s,key=%s" %
                                  ours)) as edge:
            edge.wait_line("upstream-up name=pbx ")
            registered(edge, Handset(edge, "100"))
        with in_front_of(over_tls(pbx, more=",certificate=%s,key=%s" %
                                  RIGHT)) as edge:
            edge.wait_line("upstream-down name=pbx .* "
                           "cause=client_certificate_refused")


def verification_may_be_switched_off():
    with Pbx(chain=OTHER.issue("unverified")) as pbx, \
            in_front_of(pbx.uri("tls") + ",verify=no") as edge:
        edge.wait_line("warn upstream-unverified name=pbx reason=")
        edge.wait_line("upstream-up name=pbx ")
        registered(edge, Handset(edge, "100"))


def wildcards_count_when_asked_for():
    wild = Pki(FOLDER, "*.pbx.test", "Wild Root")
    chain = wild.issue("wild")
    more = ",server_name=a." + NAME
    refusal(chain, "name_mismatch", r"refused by the edge: it is set to "
            r"\\\"a.pbx.test\\\", the certificate is for \*.pbx.test",
            "server_name", ca=wild, more=more)
    with Pbx(chain=chain) as pbx, in_front_of(
            over_tls(pbx, wild, more + ",verify=wildcard")) as edge:
        edge.wait_line("upstream-up name=pbx ")


# ---- what goes wrong, and what the edge says of it ----

def expired():
    refusal(OURS.issue("old", end="20210101000000Z"), "certificate_expired",
            r"refused by the edge: the certificate \\\"pbx.test\\\" expired on "
            "2021-01-01", "renew the PBX's certificate")


def status(edge, *options):
    return subprocess.run([SIPTRUST, "status", "--data", edge.data, *options],
                          text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def status_lists_the_servers():
    """Up with its round trip, down with the reason, and since when."""
    with Pbx(chain=RIGHT) as one, Pbx(chain=RIGHT) as two, \
            in_front_of(over_tls(one), over_tls(two, OTHER)) as edge:
        edge.wait_line("upstream-up name=pbx ")
        edge.wait_line("upstream-down name=pbx2 ")
        until("both are told", lambda: "\tdown\t" in open(os.path.join(
            edge.data, "upstreams")).read() if os.path.exists(
                os.path.join(edge.data, "upstreams")) else False)
        told = json.loads(status(edge, "--json").stdout)["upstreams"]
        equal([(u["name"], u["transport"], u["state"], u["cause"])
               for u in told],
              [("pbx", "TLS", "up", None),
               ("pbx2", "TLS", "down", "untrusted_root")])
        truth(told, 0 < told[0]["round_trip_us"] < 40e6)
        equal(told[1]["round_trip_us"], None)
        truth(told, 0 <= time.time() - told[1]["since"] < 60)
        p = status(edge)
        equal(p.returncode, 1)
        truth(p.stdout, re.search(
            r"^pbx +127.0.0.1:%d +TLS up +\S+Z +\S+Z +\d+\.\d+ ms$" % one.port,
            p.stdout, re.M))
        truth(p.stdout, re.search(
            r"^pbx2 +127.0.0.1:%d +TLS down +\S+Z +\S+Z +-\n +because "
            r".*does not hold the root.*\(untrusted_root\)$" % two.port,
            p.stdout, re.M))


def wrong_name():
    refusal(OTHER.issue("stranger"), "name_mismatch",
            r"refused by the edge: it is set to \\\"127.0.0.1\\\", the "
            "certificate is for other.test", "server_name", ca=OTHER)


def unknown_ca():
    refusal(RIGHT, "untrusted_root", r"refused by the edge: it does not hold "
            r"the root \\\"PBX Root\\\"", "as ca in the upstream's section",
            ca=OTHER)


def a_client_certificate_is_wanted():
    for version in None, ssl.TLSVersion.TLSv1_2:
        refusal(RIGHT, "client_certificate_missing", "refused by the PBX: "
                r"alert \w+\(\d+\); it asks for a client certificate",
                "give certificate and key", clients=OTHER.ca, version=version)


def too_old():
    refusal(RIGHT, "protocol_version", r"refused by the PBX: alert "
            r"protocol_version\(70\)", "TLS 1.2 or 1.3",
            version=ssl.TLSVersion.TLSv1_1)


def not_tls():
    refusal(None, "not_tls|timeout", "what the server sent is not TLS.*|"
            "no end of the TLS handshake", "")


def without_pings_the_connection_says_it():
    with Pbx(chain=RIGHT) as pbx, in_front_of(
            over_tls(pbx, OTHER), settings=["upstream_ping=0"]) as edge:
        equal(Handset(edge, "100").register().status, 503)
        edge.wait_line(r"warn upstream-failed name=pbx server=\S+ "
                       r"transport=TLS reason=.* cause=untrusted_root")
        equal(Handset(edge, "100").register().status, 503)
        equal(edge.count("upstream-failed"), 1)


# ---- failover, restart, reload ----

def failover_to_another_server():
    with Pbx(chain=OURS.issue("gone", end="20210101000000Z")) as one, \
            Pbx(chain=RIGHT) as two, \
            in_front_of(over_tls(one), over_tls(two),
                        settings=["upstream_ping=0"]) as edge:
        registered(edge, Handset(edge, "100"))
        equal((len(one.bindings), len(two.bindings)), (0, 1))


def a_pbx_that_comes_back():
    pbx = Pbx(chain=RIGHT)
    with in_front_of(over_tls(pbx)) as edge:
        phone = Handset(edge, "100", transport="TLS", ca=edge.ca)
        registered(edge, phone)
        pbx.close()
        edge.wait_line(r"warn upstream-down name=pbx .* "
                       r'reason="connection refused"$')
        equal(phone.register().status, 503)
        with Pbx(pbx.port, chain=RIGHT) as back:
            until("it is back", lambda: edge.count(" upstream-up ") == 2)
            registered(edge, phone)
            equal(len(back.bindings), 1)


def what_it_has_not_answered_goes_to_the_next():
    """A connection that closes takes no request with it."""
    with Pbx(chain=RIGHT) as one, Pbx() as two, \
            in_front_of(over_tls(one), two.uri(),
                        settings=["upstream_ping=0"]) as edge:
        one.deaf = True
        phone = Handset(edge, "100")
        phone.ask("REGISTER", "sip:pbx.test")
        until("it has come", lambda: one.heard_of("REGISTER"))
        one.close()
        phone.expect(401)


CONFIG = """upstream pbx {
        uri = "%s"
        ca = "%s"
}
"""


def a_reload_takes_another_ca():
    with Pbx(chain=RIGHT) as pbx:
        ca = os.path.join(FOLDER, "ca-of-reload.pem")
        shutil.copy(OTHER.ca, ca)
        with in_front_of(config=CONFIG % (pbx.uri("tls"), ca)) as edge:
            edge.stop()
            edge.start()
            edge.wait_line("upstream-down .* cause=untrusted_root")
            # By itself, once the file has come to rest.
            shutil.copy(OURS.ca, ca + ".new")
            os.rename(ca + ".new", ca)
            edge.wait_line("upstream-up name=pbx ")
            registered(edge, Handset(edge, "100"))
            with open(ca, "w") as f:
                f.write("nothing")
            edge.send_signal(signal.SIGHUP)
            edge.wait_line(r"err reload-failed reason=\"\S+:2: upstream pbx: "
                           r"ca: \S+: neither PEM .* kept=yes")
            registered(edge, Handset(edge, "101"))


def what_cannot_be_is_refused_at_the_start():
    key = OURS.path("right.key")
    for option, text in (
            ("ca=/nowhere.pem", "command line: upstream pbx: ca: "
             "/nowhere.pem"),
            ("ca=" + RIGHT[0], "upstream pbx: ca: .*server's own certificate"),
            ("key=" + key, "upstream pbx: key: found it alone"),
            ("certificate=%s,key=%s" % (RIGHT[0], OURS.path("ca.key")),
             "upstream pbx: certificate: .*key"),
            ("verify=perhaps", 'expected URI')):
        p = subprocess.run(
            [SIPTRUST, "edge", "--data", os.path.join(FOLDER, "none"),
             "--sip", "127.0.0.1:0", "--tls", "127.0.0.1:0", "--upstream",
             "sip:127.0.0.1;transport=tls," + option], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, timeout=40)
        truth(p.stdout, re.search(text, p.stdout))
        equal(p.returncode, 3)


TESTS = [phones_register_and_call_over_it, by_rewritten_contact,
         one_connection_a_worker_is_kept, names_and_sips,
         a_client_certificate_is_shown, verification_may_be_switched_off,
         wildcards_count_when_asked_for, status_lists_the_servers, expired, wrong_name, unknown_ca,
         a_client_certificate_is_wanted, too_old, not_tls,
         without_pings_the_connection_says_it, failover_to_another_server,
         a_pbx_that_comes_back, what_it_has_not_answered_goes_to_the_next,
         a_reload_takes_another_ca, what_cannot_be_is_refused_at_the_start]

if __name__ == "__main__":
    words = sys.argv[1:]
    try:
        tap.main([t for t in TESTS if not words or t.__name__ in words],
                 jobs=4)
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
