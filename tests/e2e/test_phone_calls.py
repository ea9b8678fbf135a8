# SPDX-License-Identifier: BSD-2-Clause
"""The simulated phone's calls, against a peer that the test plays."""
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import DEADLINE_S, SIPTRUST  # noqa: E402
from peer import SDP, Peer  # noqa: E402
from phone import SimPhone  # noqa: E402
from tap import contains, equal  # noqa: E402

SOFT = ("--user-agent", "e2e/1.0")
TRANSPORTS = ("udp", "tcp")


def rtp_socket():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(DEADLINE_S)
    return sock, sock.getsockname()[1]


def it_answers_and_is_hung_up():
    for transport in TRANSPORTS:
        with Peer(transport) as peer, SimPhone(
                *SOFT, *peer.options(answer=50)) as phone:
            phone.wait("registered")
            sock, port = rtp_socket()
            peer.request("INVITE", 1, body=SDP % (port, "sendrecv"),
                         extra="Record-Route: <sip:127.0.0.1:%d;lr>\r\n" %
                         peer.port)
            tag = peer.wait(180).tag("To")
            event = phone.wait("call-ringing")
            equal((event["peer"], event["direction"], event["screen"]),
                  ("peer@example.test", "in",
                   "rings: peer@example.test calls"))
            ok = peer.wait(200)
            equal(ok.tag("To"), tag)
            contains(ok.body, "m=audio ")
            contains(ok.header("Record-Route"), "127.0.0.1:%d;lr" % peer.port)
            peer.request("ACK", 1, to_tag=tag)
            phone.wait("call-answered")
            first, source = sock.recvfrom(2048)
            equal((len(first), first[0], first[1]), (172, 0x80, 0x80))
            for _ in range(5):
                sock.sendto(sock.recv(2048), source)
            peer.request("BYE", 2, to_tag=tag)
            peer.wait(200)
            event = phone.wait("call-ended")
            equal((event["status"], event["reason"], event["by"]),
                  (200, "hung up", "peer"))
            equal(event["rtp_sent"] >= 6, True)
            equal(event["rtp_received"] >= 1, True)
            equal(phone.end(), 0)
            sock.close()


def it_calls_and_hangs_up():
    for transport in TRANSPORTS:
        with Peer(transport) as peer, SimPhone(
                *SOFT, *peer.options(call="101", talk="0.1",
                                     once=True)) as phone:
            invite = peer.wait("INVITE")
            equal(invite.uri, "sip:101@example.test")
            peer.reply(invite, 180, "Ringing")
            equal(phone.wait("call-ringing")["screen"],
                  "it rings at 101@example.test")
            sock, port = rtp_socket()
            route = "Record-Route: <sip:127.0.0.1:%d;lr>\r\n" % peer.port
            peer.reply(invite, 200, "OK", route + "Contact: "
                       "<sip:101@192.0.2.1>\r\n", body=SDP % (port,
                                                             "sendrecv"))
            ack = peer.wait("ACK")
            equal((ack.uri, ack.tag("To")), ("sip:101@192.0.2.1", "peer"))
            contains(ack.header("Route"), "127.0.0.1:%d;lr" % peer.port)
            equal(len(sock.recv(2048)), 172)
            bye = peer.wait("BYE")
            equal(bye.all("Route"), ack.all("Route"))
            peer.reply(bye, 200, "OK")
            event = phone.wait("call-ended")
            equal((event["status"], event["by"]), (200, "phone"))
            equal(phone.process.wait(DEADLINE_S), 0)
            sock.close()


def a_call_that_is_refused():
    with Peer() as peer, SimPhone(*SOFT, *peer.options(
            call="sip:101@example.test", once=True)) as phone:
        peer.reply(peer.wait("INVITE"), 486, "Busy Here")
        peer.wait("ACK")
        event = phone.wait("call-ended")
        equal((event["status"], event["screen"]),
              (486, "call to 101@example.test ended: 486 Busy Here"))
        equal(phone.process.wait(DEADLINE_S), 1)


def cancelled():
    with Peer("tcp") as peer, SimPhone(*SOFT, *peer.options(
            call="101", cancel_after="0.1", once=True)) as phone:
        invite = peer.wait("INVITE")
        peer.reply(invite, 180, "Ringing")
        cancel = peer.wait("CANCEL")
        equal(cancel.header("Via"), invite.header("Via"))
        peer.reply(cancel, 200, "OK")
        peer.reply(invite, 487, "Request Terminated")
        peer.wait("ACK")
        equal(phone.wait("call-ended")["screen"],
              "call to 101@example.test ended: cancelled")
        equal(phone.process.wait(DEADLINE_S), 1)


def how_it_takes_a_call():
    for options, status in ((("--busy",), 486), (("--no-answer",), 180)):
        with Peer() as peer, SimPhone(*SOFT, *peer.options(),
                                      *options) as phone:
            phone.wait("registered")
            branch = peer.request("INVITE", 1)
            tag = peer.wait(status).tag("To")
            if status == 486:
                equal(phone.wait("call-ended")["status"], 486)
                continue
            peer.request("CANCEL", 1, branch=branch)
            equal(peer.wait(487).tag("To"), tag)
            equal(phone.wait("call-ended")["status"], 487)


def an_end_by_signal_hangs_up():
    with Peer() as peer, SimPhone(*SOFT, *peer.options(answer=0)) as phone:
        phone.wait("registered")
        peer.request("INVITE", 1)
        tag = peer.wait(200).tag("To")
        peer.request("ACK", 1, to_tag=tag)
        phone.wait("call-answered")
        phone.process.terminate()
        peer.reply(peer.wait("BYE"), 200, "OK")
        equal(phone.process.wait(DEADLINE_S), 0)
        equal([e["event"] for e in phone.events][-3:] in (
            ["call-ended", "unregistered", "off"],
            ["unregistered", "call-ended", "off"]), True)


def hold_and_back():
    with Peer() as peer, SimPhone(*SOFT, *peer.options(
            answer=0, hold_after="0.1")) as phone:
        phone.wait("registered")
        sock, port = rtp_socket()
        peer.request("INVITE", 1, body=SDP % (port, "sendrecv"))
        tag = peer.wait(200).tag("To")
        peer.request("ACK", 1, to_tag=tag)
        for word, mirror, event in (("sendonly", "recvonly", "call-held"),
                                    ("sendrecv", "sendrecv",
                                     "call-resumed")):
            again = peer.wait("INVITE")
            equal((again.tag("To"), again.tag("From")), ("peer", tag))
            contains(again.body, "a=%s\r\n" % word)
            peer.reply(again, 200, "OK", "Contact: <sip:peer@127.0.0.1:%d>"
                       "\r\n" % peer.port, body=SDP % (port, mirror))
            peer.wait("ACK")
            phone.wait(event)
        # And held by the other side.
        peer.request("INVITE", 2, to_tag=tag, body=SDP % (port, "inactive"))
        contains(peer.wait(200).body, "a=inactive\r\n")
        equal(phone.wait("call-held", 2)["by"], "peer")
        peer.request("ACK", 2, to_tag=tag)
        peer.request("BYE", 3, to_tag=tag)
        peer.wait(200)
        sock.close()


def other_requests():
    with Peer() as peer, SimPhone(*SOFT, *peer.options()) as phone:
        phone.wait("registered")
        peer.request("OPTIONS", 1)
        contains(peer.wait(200).header("Allow"), "INVITE")
        peer.request("BYE", 2, to_tag="x")
        peer.wait(481)
        peer.request("MESSAGE", 3)
        peer.wait(405)


def it_answers_a_keepalive():
    """A ping of the server's (RFC 5626 4.4.1), in the middle of a call."""
    with Peer("tcp") as peer, SimPhone(*SOFT, *peer.options(
            answer=0)) as phone:
        phone.wait("registered")
        peer.send("\r\n\r\n")
        peer.request("INVITE", 1)
        peer.wait(180)
        equal(peer.link.crlfs, b"\r\n", "before the response")


def the_connection_is_lost_in_a_call():
    with Peer("tcp") as peer, SimPhone(*SOFT, *peer.options(
            answer=0)) as phone:
        phone.wait("registered")
        peer.request("INVITE", 1)
        tag = peer.wait(200).tag("To")
        peer.request("ACK", 1, to_tag=tag)
        phone.wait("call-answered")
        peer.link.sock.shutdown(socket.SHUT_RDWR)
        event = phone.wait("call-ended")
        equal(event["reason"], "the connection was lost")


def wrong_usage():
    cases = ((["--call", "tel:+49", "sip:1@127.0.0.1"],
              "expected sip:USER@DOMAIN or USER"),
             (["--call", "1 2", "sip:1@127.0.0.1"], "--call 1 2"),
             (["--talk", "soon", "sip:1@127.0.0.1"], "expected seconds"),
             (["--talk", "0", "sip:1@127.0.0.1"], "more than 0"),
             (["--hold-after", "1.2345", "sip:1@127.0.0.1"],
              "expected seconds"),
             (["--answer", "x", "sip:1@127.0.0.1"], "milliseconds, 0"))
    for argv, says in cases:
        p = subprocess.run([SIPTRUST, "phone"] + argv, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        equal(p.returncode, 2, argv)
        contains(p.stdout, says)


if __name__ == "__main__":
    tap.main([
        it_answers_and_is_hung_up,
        it_calls_and_hangs_up,
        a_call_that_is_refused,
        cancelled,
        how_it_takes_a_call,
        an_end_by_signal_hangs_up,
        hold_and_back,
        other_requests,
        it_answers_a_keepalive,
        the_connection_is_lost_in_a_call,
        wrong_usage,
    ])
