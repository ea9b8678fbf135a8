# SPDX-License-Identifier: BSD-2-Clause
"""Phones register: over UDP, TCP and TLS, with MD5 and SHA-256 (RFC 3261 10.3,
RFC 5626, RFC 8760)."""
import os
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import Edge, until  # noqa: E402
from sip import Phone, Reply, tcp, tls  # noqa: E402
from tap import contains, equal  # noqa: E402

OPTIONS = (b"OPTIONS sip:example.test SIP/2.0\r\n"
           b"Via: SIP/2.0/TCP 127.0.0.1:5099;branch=z9hG4bKopt;rport\r\n"
           b"From: <sip:probe@example.test>;tag=1\r\n"
           b"To: <sip:example.test>\r\nCall-ID: opt\r\nCSeq: 1 OPTIONS\r\n"
           b"Max-Forwards: 0\r\nContent-Length: 0\r\n\r\n")


def register_over_udp_tcp_and_tls():
    both = ["challenge=SHA-256", "challenge=MD5"]
    with Edge(settings=both) as edge:
        edge.add_user("100")
        until("the edge knows the user", lambda: Phone(
            edge, "100").register().status == 200)
        for transport in "UDP", "TCP", "TLS":
            for algorithm in "MD5", "SHA-256":
                phone = Phone(edge, "100", transport=transport,
                              algorithm=algorithm)
                reply = phone.register()
                equal(reply.status, 200, transport + " " + algorithm)
                assert reply.header("Date"), "phones set their clock from it"
                equal(phone.register().status, 200, "refresh")
                equal(phone.register(extra="Expires: 0\r\n").status, 200)
                phone.close()


def the_ca_file_verifies_the_edge():
    with Edge(domain="pbx.example.test") as edge:
        edge.add_user("100")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            link = tls(edge.tls, ca=edge.ca, version=version,
                       name="pbx.example.test")
            until("registered", lambda: Phone(
                edge, "100", transport="TLS", ca=edge.ca, version=version,
                name="pbx.example.test").register().status == 200)
            link.close()


def challenges_are_as_configured():
    with Edge() as edge:
        phone = Phone(edge, "100")
        offers = phone.once(phone.contact).all("WWW-Authenticate")
        equal(len(offers), 1, "what every client can take")
        contains(offers[0], "MD5")
    with Edge(settings=["challenge=SHA-256", "challenge=MD5"]) as edge:
        phone = Phone(edge, "100")
        offers = phone.once(phone.contact).all("WWW-Authenticate")
        equal(["algorithm=SHA-256" in o.replace('"', "") for o in offers],
              [True, False], "RFC 8760 2.3: the stronger first")
        old = Phone(edge, "100")
        old.device = "Cisco/SPA502G-7.6.2"
        offers = old.once(old.contact).all("WWW-Authenticate")
        equal(len(offers), 1, "old phones fail on two")
        contains(offers[0], "MD5")


def several_contacts_query_and_removal():
    with Edge() as edge:
        edge.add_user("100")
        until("known", lambda: Phone(edge, "100").register(
            None).status == 200)
        a, b = Phone(edge, "100"), Phone(edge, "100", transport="TCP")
        equal(a.register(["<sip:a@127.0.0.1:5099>", "<sip:b@127.0.0.1:5099>"]
                         ).status, 200)
        equal(b.register("<sip:c@127.0.0.1:5099;transport=tcp>;q=0.7").status,
              200)
        equal(len(a.contacts()), 3)
        equal(a.register("<sip:b@127.0.0.1:5099>;expires=0").status, 200)
        equal(len(a.contacts()), 2)
        equal(a.register("*", "Expires: 60\r\n").status, 400)
        equal(a.register("*").status, 400)
        equal(a.register(["*", "<sip:a@127.0.0.1>"], "Expires: 0\r\n").status,
              400)
        equal(len(a.contacts()), 2, "all or nothing")
        equal(a.register("*", "Expires: 0\r\n").status, 200)
        equal(a.contacts(), [])


def too_brief_is_refused_and_nothing_changes():
    with Edge() as edge:
        edge.add_user("100")
        phone = Phone(edge, "100")
        until("known", lambda: phone.register(None).status == 200)
        reply = phone.register(["<sip:a@127.0.0.1>",
                                "<sip:b@127.0.0.1>;expires=10"])
        equal(reply.status, 423)
        equal(reply.header("Min-Expires"), "60")
        equal(phone.contacts(), [], "all or nothing")
        reply = phone.register("<sip:a@127.0.0.1>;expires=999999")
        contains(reply.header("Contact"), "expires=7200", "cut to the longest")


def an_old_cseq_is_out_of_order():
    with Edge() as edge:
        edge.add_user("100")
        phone = Phone(edge, "100")
        until("known", lambda: phone.register().status == 200)
        phone.cseq -= 3
        equal(phone.register("<sip:100@127.0.0.1:5099;transport=udp>"
                             ";expires=100").status, 500)


def outbound_replaces_the_flow_of_an_instance():
    with Edge() as edge:
        edge.add_user("100")
        contact = ('<sip:100@127.0.0.1:%d;transport=tcp>;reg-id=1;'
                   '+sip.instance="<urn:uuid:00000000-0000-1000-8000-1>"')
        extra = "Supported: path, outbound\r\n"
        first = Phone(edge, "100", transport="TCP")
        until("known", lambda: first.register(None).status == 200)
        reply = first.register(contact % 1111, extra)
        equal(reply.status, 200)
        equal(reply.header("Require"), "outbound")
        second = Phone(edge, "100", transport="TCP")
        reply = second.register(contact % 2222, extra)
        equal(len(reply.all("Contact")), 1)
        contains(reply.header("Contact"), ":2222")
        equal(second.register([contact % 1, contact % 2], extra).status, 400)


def a_path_is_stored_and_told():
    with Edge() as edge:
        edge.add_user("100")
        phone = Phone(edge, "100")
        until("known", lambda: phone.register(None).status == 200)
        reply = phone.register(extra="Supported: path\r\n"
                               "Path: <sip:p1.example.test;lr>\r\n")
        equal(reply.status, 200)
        equal(reply.header("Path"), "<sip:p1.example.test;lr>")


def a_closed_connection_takes_its_bindings():
    with Edge() as edge:
        edge.add_user("100")
        watcher = Phone(edge, "100")
        until("known", lambda: watcher.register(None).status == 200)
        for transport in "TCP", "TLS":
            phone = Phone(edge, "100", transport=transport)
            equal(phone.register().status, 200)
            equal(len(watcher.contacts()), 1)
            phone.close()
            until("the binding is gone", lambda: not watcher.contacts())


def options_and_what_is_not_served():
    with Edge() as edge:
        link = tcp(edge.sip)
        link.send(OPTIONS)
        reply = Reply(link.recv())
        equal(reply.status, 200)
        contains(reply.header("Allow"), "REGISTER")
        for method, status in ((b"INVITE", 405), (b"MESSAGE", 405),
                               (b"BYE", 481), (b"CANCEL", 481),
                               (b"WHATEVER", 501)):
            link.send(OPTIONS.replace(b"OPTIONS", method))
            equal(Reply(link.recv()).status, status, method)


def keepalives_are_answered():
    with Edge() as edge:
        for link in (tcp(edge.sip), tls(edge.tls)):
            link.send(OPTIONS)
            link.recv()
            link.send(b"\r\n\r\n")
            equal(link.sock.recv(10), b"\r\n", "RFC 5626 4.4.1")


if __name__ == "__main__":
    tap.main([register_over_udp_tcp_and_tls,
              the_ca_file_verifies_the_edge,
              challenges_are_as_configured,
              several_contacts_query_and_removal,
              too_brief_is_refused_and_nothing_changes,
              an_old_cseq_is_out_of_order,
              outbound_replaces_the_flow_of_an_instance,
              a_path_is_stored_and_told,
              a_closed_connection_takes_its_bindings,
              options_and_what_is_not_served,
              keepalives_are_answered])
