# SPDX-License-Identifier: BSD-2-Clause
"""The phones' own logs: taken by syslog, kept with the device, evidence."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import hello  # noqa: E402
import tap  # noqa: E402
from edge import DEADLINE_S, SIPTRUST, Edge, until  # noqa: E402
from phone import SimPhone, to  # noqa: E402
from pki import Pki  # noqa: E402
from sip import Phone  # noqa: E402
from tap import contains, equal  # noqa: E402


class Listening(Edge):
    """An edge that takes syslog."""

    def __init__(self, address="127.0.0.1:0", settings=(), **options):
        super().__init__(settings=["syslog=" + address, *settings], **options)

    def start(self):
        super().start()
        ready = self.find(r" syslog-ready syslog=\S+?:(\d+)")
        self.syslog = int(ready.group(1)) if ready else None

    def send(self, *lines, source="127.0.0.1"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((source, 0))
            for line in lines:
                sock.sendto(line.encode(), ("127.0.0.1", self.syslog))

    def connection(self, source="127.0.0.1"):
        return socket.create_connection(("127.0.0.1", self.syslog),
                                        DEADLINE_S, (source, 0))

    def device(self, which="127.0.0.1"):
        """What status says of it; None: it is not known (yet)."""
        p = subprocess.run(
            [SIPTRUST, "status", "--json", "--data", self.data, "--device",
             which], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if p.returncode not in (0, 1):
            return None
        return json.loads(p.stdout)["devices"][0]

    def said(self, count, which="127.0.0.1"):
        """Its lines, once there are so many."""
        def look():
            device = self.device(which)
            return device and len(device["said"]) >= count and device["said"]
        return until("%d lines of %s" % (count, which), look)


def known(edge, source="127.0.0.1"):
    """A device there: it registers over UDP."""
    phone = Phone(edge, "100", source=source)
    equal(phone.register().status, 200)
    phone.close()


def refuse_silently(edge, source="127.0.0.1", meanwhile=lambda: None):
    """Read our chain and hang up without a word."""
    sock = hello.connect(edge.tls, source)
    sock.sendall(hello.client_hello())
    hello.read_server_flight(sock)
    meanwhile()
    sock.close()


# ---- lines and devices ----

def a_simulated_phone_tells_why():
    with Listening(settings=["old_tls=127.0.0.0/8"], users=["100"]) as edge:
        other = Pki(edge.folder, "example.test", "Other Root").ca
        with SimPhone("--as", "SPA502G", *to(
                edge, roots=other,
                syslog="127.0.0.1:%d" % edge.syslog)) as phone:
            phone.wait("tls-refused", 2)
            said = edge.wait_line(r" info phone-said peer=127.0.0.1 .*")
            contains(said.group(0), "about=certificate says=root ")
            contains(said.group(0), 'does not hold the root')
            edge.wait_line(r"tls-refused .* cause=untrusted_root ")
        lines = edge.said(3)
        equal({line["severity"] for line in lines} <= {"info", "warning"},
              True)
        bad = [line for line in lines if line["about"] == "certificate"]
        contains(bad[0]["line"], "TLS: refuses the server's certificate")
        equal(bad[0]["severity"], "warning")
        text = subprocess.run(
            [SIPTRUST, "status", "--data", edge.data, "--device",
             "127.0.0.1"], stdout=subprocess.PIPE, text=True).stdout
        contains(text, "its own log, last line last:")
        contains(text, "SPA502G starts")


def a_real_logger_by_every_way():
    if not shutil.which("logger"):
        raise tap.Skip("no logger(1)")
    with Listening(users=["100"]) as edge:
        known(edge)
        for way in (["-d"], ["-d", "--rfc3164"], ["-d", "--rfc5424"], ["-T"],
                    ["-T", "--octet-count"]):
            subprocess.run(["logger", "-n", "127.0.0.1", "-P",
                            str(edge.syslog), "-p", "local0.warning", *way,
                            "by " + " ".join(way)], check=True)
        lines = edge.said(5)
        equal(sorted(line["line"] for line in lines),
              ["by -T", "by -T --octet-count", "by -d", "by -d --rfc3164",
               "by -d --rfc5424"])
        equal({line["severity"] for line in lines}, {"warning"})


def what_phones_really_send():
    with Listening(users=["100"]) as edge:
        known(edge)
        with edge.connection() as sock:
            sock.sendall(b"<14>in two")
            sock.sendall(b" parts\n12 <14>counted!no end")
        edge.said(3)
        edge.send("1005165947|sip  |4|03|no priority",
                  "<15> GS_LOG: [00:0b:82:00:a1:be][000] link is up\0",
                  "<14>first\n<14>second\r\n\n",
                  "<14>Jan  1 00:00:12 host sip: last century")
        lines = edge.said(8)
        equal([line["line"] for line in lines],
              ["in two parts", "counted!", "no end",
               "1005165947|sip  |4|03|no priority",
               "[00:0b:82:00:a1:be][000] link is up", "first", "second",
               "last century"])


def secrets_are_nowhere():
    with Listening(users=["100"]) as edge:
        known(edge)
        edge.send("<14>TLS self signed certificate password=hunter2 "
                  "response=\"0123456789abcdef0123456789abcdef\"",
                  "<14>Authorization: Digest username=\"100\", nonce=\"x\"")
        lines = edge.said(2)
        equal(lines[0]["line"], "TLS self signed certificate password=*** "
              "response=***")
        equal(lines[1]["line"], "Authorization: ***")
        edge.wait_line("phone-said .*self_signed")
        edge.stop()
        everything = edge.log().encode()
        for name in os.listdir(edge.data):
            if name.startswith("devices.db"):
                with open(os.path.join(edge.data, name), "rb") as f:
                    everything += f.read()
        for secret in b"hunter2", b"0123456789abcdef", b'"x"':
            equal(secret in everything, False, secret)


def lines_outlive_a_restart():
    with Listening(users=["100"]) as edge:
        known(edge)
        edge.send("<12>tls before")
        edge.said(1)
        edge.stop()
        edge.start()
        edge.send("<12>tls behind")
        equal([line["line"] for line in edge.said(2)],
              ["tls before", "tls behind"])


def of_a_stranger_nothing_is_written():
    with Listening(users=["100"]) as edge:
        known(edge)
        edge.send("<14>stranger", source="127.0.0.2")
        edge.send("<14>known")
        edge.said(1)
        equal(edge.device("127.0.0.2"), None)
        # It becomes known: then what it said before is there.
        known(edge, "127.0.0.2")
        equal(edge.said(1, "127.0.0.2")[0]["line"], "stranger")


# ---- evidence ----

def a_line_after_the_refusal_explains_it():
    with Listening() as edge:
        refuse_silently(edge)
        edge.wait_line(r"tls-refused peer=127.0.0.1:")
        equal(edge.find(r"cause=name_mismatch"), None)
        edge.send("<12>SSL: hostname mismatch for example.test")
        said = edge.wait_line(r"phone-said peer=127.0.0.1 .*").group(0)
        contains(said, "about=certificate says=name cause=name_mismatch "
                 "confidence=likely line=\"hostname mismatch")
        device = until("its verdict", lambda: edge.device() and
                       edge.device()["verdict"]["cause"] ==
                       "name_mismatch" and edge.device())
        contains(device["verdict"]["evidence"], "its log says 'host")
        equal(device["history"][0]["what"], "said")
        # The next time it says nothing, the edge knows.
        refuse_silently(edge)
        edge.wait_line(r"tls-refused .*cause=name_mismatch confidence=likely")


def a_line_before_the_end_is_in_the_verdict():
    with Listening() as edge:
        def tell():
            edge.send("<12>unable to get local issuer certificate",
                      source="127.0.0.3")
            edge.wait_line(r"phone-said peer=127.0.0.3 ")
        refuse_silently(edge, "127.0.0.3", tell)
        line = edge.wait_line(r"tls-refused peer=127.0.0.3:.*").group(0)
        contains(line, "cause=untrusted_root confidence=likely")
        contains(line, "its log says 'unable to get local issuer")


def a_line_of_another_phone_says_nothing():
    with Listening() as edge:
        refuse_silently(edge, "127.0.0.4")
        refused = edge.wait_line(r"tls-refused peer=127.0.0.4:.*").group(0)
        edge.send("<12>hostname mismatch", source="127.0.0.5")
        edge.wait_line(r"phone-said peer=127.0.0.5 ")
        equal(edge.find("cause=name_mismatch"), None)
        contains(refused, "chain=own")


# ---- too much of it ----

def a_flood_is_bounded_and_hurts_nobody():
    with Listening(users=["100"]) as edge:
        known(edge)
        with edge.connection() as sock, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            for i in range(20000):
                udp.sendto(b"<14>flood %d" % i, ("127.0.0.1", edge.syslog))
            sock.sendall(b"<14>tls flood\n" * 20000)
            known(edge)  # served meanwhile
        edge.wait_line(r"limit kind=syslog_rate count=\d+ last=127.0.0.1")
        lines = edge.said(16)
        equal(len(lines), 16)
        # The other phones are heard.
        known(edge, "127.0.0.6")
        edge.send("<12>heard", source="127.0.0.6")
        equal(edge.said(1, "127.0.0.6")[0]["line"], "heard")


def news_are_told_once():
    with Listening(users=["100"]) as edge:
        known(edge)
        edge.send(*["<12>certificate has expired %d" % i for i in range(50)],
                  "<12>hostname mismatch")
        edge.wait_line("phone-said .*says=name")
        equal(edge.count("phone-said .*says=expired"), 1)


def many_connections_of_one_phone():
    with Listening(users=["100"]) as edge:
        known(edge)
        socks = [edge.connection() for _ in range(12)]
        socks[-1].sendall(b"<14>the last\n")
        equal(edge.said(1)[0]["line"], "the last")
        edge.wait_line("limit kind=syslog_connections")
        equal(socks[0].recv(1), b"")  # the oldest was closed
        for sock in socks:
            sock.close()


def a_line_without_end_is_cut():
    with Listening(users=["100"]) as edge:
        known(edge)
        with edge.connection() as sock:
            sock.sendall(b"<14>" + b"x" * 200000 + b"\n<14>behind it\n")
            lines = edge.said(2)
        equal([len(line["line"]) for line in lines], [256, 9])


# ---- settings ----

def a_reload_opens_and_closes_it():
    with Edge(config="", users=["100"]) as edge:
        equal(edge.find("syslog-ready"), None)
        edge.write_config('syslog = { "127.0.0.1:0" }\n')
        edge.send_signal(signal.SIGHUP)
        port = int(edge.wait_line(
            r"syslog-ready syslog=127.0.0.1:(\d+)").group(1))
        edge.write_config("")
        edge.send_signal(signal.SIGHUP)
        until("two reloads", lambda: edge.count(" reloaded ") == 2)
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            raise AssertionError("it still listens")
        except ConnectionRefusedError:
            pass


def bad_addresses_are_named():
    p = subprocess.run([SIPTRUST, "edge", "--syslog", "nowhere"],
                       stderr=subprocess.PIPE, text=True)
    equal(p.returncode, 3)
    contains(p.stderr, 'syslog: found "nowhere", expected ADDRESS:PORT')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        at = "127.0.0.1:%d" % taken.getsockname()[1]
        try:
            with Listening(at):
                raise AssertionError("it started")
        except AssertionError as why:
            if not re.search("syslog: cannot listen on %s \\(UDP\\): .*in use"
                             % at, str(why)):
                raise


if __name__ == "__main__":
    tap.main([
        a_simulated_phone_tells_why,
        a_real_logger_by_every_way,
        what_phones_really_send,
        secrets_are_nowhere,
        lines_outlive_a_restart,
        of_a_stranger_nothing_is_written,
        a_line_after_the_refusal_explains_it,
        a_line_before_the_end_is_in_the_verdict,
        a_line_of_another_phone_says_nothing,
        a_flood_is_bounded_and_hurts_nobody,
        news_are_told_once,
        many_connections_of_one_phone,
        a_line_without_end_is_cut,
        a_reload_opens_and_closes_it,
        bad_addresses_are_named,
    ], jobs=5)
