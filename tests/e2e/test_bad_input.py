# SPDX-License-Identifier: BSD-2-Clause
"""Bad input gets a correct SIP answer or a counted, logged close; memory stays
bounded; everyone else is served meanwhile."""
import os
import resource
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import Edge, raise_file_limit, until  # noqa: E402
from sip import Datagrams, Phone, Reply, Stream, tcp, tls  # noqa: E402
from tap import equal  # noqa: E402

HEAD = ("OPTIONS sip:example.test SIP/2.0\r\n"
        "Via: SIP/2.0/%s 127.0.0.1:5099;branch=z9hG4bKbad%d;rport\r\n"
        "From: <sip:a@example.test>;tag=1\r\nTo: <sip:example.test>\r\n"
        "Call-ID: bad%d\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n")
SILENT = 10000


def options(number=1, transport="TCP", extra="Content-Length: 0\r\n"):
    return (HEAD % (transport, number, number) + extra + "\r\n").encode()


def is_served(edge, phone):
    equal(phone.register().status, 200, "everyone else is served")
    equal(edge.process.poll(), None, "the edge lives")


def served_edge(**options):
    edge = Edge(**options)
    edge.add_user("100")
    phone = Phone(edge, "100")
    until("known", lambda: phone.register().status == 200)
    return edge, phone


def headers_without_end():
    edge, phone = served_edge()
    with edge:
        for head in (options()[:-2] + b"X-Long: " + b"a" * 70000,
                     options()[:-2] + b"X: y\r\n" * 20000):
            link = tcp(edge.sip)
            try:
                link.send(head)
            except (BrokenPipeError, ConnectionResetError):
                pass
            answer = link.closed()
            assert answer == b"" or answer.startswith(b"SIP/2.0 513") or \
                answer.startswith(b"SIP/2.0 400"), answer[:80]
            is_served(edge, phone)
        edge.wait_line(r" warn limit kind=message_too_long count=\d")


def content_length_that_lies():
    edge, phone = served_edge(settings=["first_message_timeout=1"])
    with edge:
        for extra in ("Content-Length: -1\r\n",
                      "Content-Length: 5\r\nContent-Length: 6\r\n",
                      "Content-Length: 99999999999999999999\r\n",
                      "Content-Length: 4294967297\r\n",
                      "Content-Length: ten\r\n",
                      ""):
            link = tcp(edge.sip)
            link.send(options(extra=extra))
            answer = link.closed()
            assert answer == b"" or answer.startswith(b"SIP/2.0 4") or \
                answer.startswith(b"SIP/2.0 513"), (extra, answer[:80])
            is_served(edge, phone)
        # Longer than what comes: waits, then is closed.
        link = tcp(edge.sip)
        link.send(options(extra="Content-Length: 500\r\n"))
        equal(link.closed(), b"", "no answer to half a message")
        edge.wait_line(r" warn limit kind=first_message_timeout")
        edge.wait_line(r" warn limit kind=bad_framing count=\d")
        # Over UDP: longer than the datagram is 400, shorter is cut.
        udp = Datagrams(edge.sip)
        udp.send(options(1, "UDP", "Content-Length: 500\r\n"))
        equal(Reply(udp.recv()).status, 400)
        udp.send(options(2, "UDP", "Content-Length: 0\r\n") + b"trailing")
        equal(Reply(udp.recv()).status, 200)


def a_message_longer_than_the_limit():
    edge, phone = served_edge(settings=["message_max=1024", "head_max=700"])
    with edge:
        # It says so truly: that is no lie, and not malformed.
        link = tcp(edge.sip)
        link.send(options(extra="Content-Length: 2000\r\n"))
        answer = Reply(link.closed())
        equal((answer.status, answer.reason), (513, "Message Too Large"))
        udp = Datagrams(edge.sip)
        udp.send(options(1, "UDP", "Content-Length: 900\r\n") + b"x" * 900)
        equal(Reply(udp.recv()).status, 513)
        udp.send(options(2, "UDP", "X: %s\r\n" % ("x" * 600)))
        equal(Reply(udp.recv()).status, 513)
        udp.send(options(3, "UDP", "Content-Length: 300\r\n") + b"x" * 300)
        equal(Reply(udp.recv()).status, 200)
        edge.wait_line(r" warn limit kind=message_too_long count=\d")
        is_served(edge, phone)
        equal(edge.find(" kind=bad_message "), None, "each as what it is")


def an_answer_longer_than_the_limit():
    # Each of these has to be named in a 420, and two bytes become three.
    edge, phone = served_edge(settings=["head_max=65535"])
    with edge:
        link = tcp(edge.sip)
        link.send(options(extra="Require: %sa\r\nContent-Length: 0\r\n" %
                          ("a," * 30000)))
        equal(Reply(link.recv()).status, 513)
        edge.wait_line(r" warn limit kind=message_too_long count=1 ")
        is_served(edge, phone)


def binary_junk():
    edge, phone = served_edge()
    with edge:
        for junk in (os.urandom(3000), b"\x00" * 100, b"\xff\xfe" * 50,
                     b"\x16\x03\x01\x00\x05hello", b"GET / HTTP/1.1\r\n\r\n",
                     b"\x01\x02\r\n\r\n"):
            link = tcp(edge.sip)
            link.send(junk + b"\r\n\r\n")
            answer = link.closed()
            assert answer == b"" or answer.startswith(b"SIP/2.0 4"), answer
            udp = Datagrams(edge.sip)
            udp.send(junk)
            udp.close()
            link = Stream(socket.create_connection(("127.0.0.1", edge.tls)))
            link.send(junk)
            link.sock.shutdown(socket.SHUT_WR)
            link.closed()
            is_served(edge, phone)
        edge.wait_line(r" warn limit kind=tls_on_sip_port count=1 ")


def messages_that_do_not_parse_end_a_connection():
    edge, phone = served_edge()
    with edge:
        link = tcp(edge.sip)
        bad = options().replace(b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE")
        for _ in range(8):
            link.send(bad)
            equal(Reply(link.recv()).status, 400)
        equal(link.closed(), b"")
        edge.wait_line(r" warn limit kind=bad_message count=\d")
        is_served(edge, phone)


def keepalives_alone():
    # They are no message: time for the first one runs on.
    edge, phone = served_edge(settings=["first_message_timeout=2"])
    with edge:
        for connect, port in (tcp, edge.sip), (tls, edge.tls):
            link = connect(port)
            link.send(b"\r\n\r\n\r\n\r\n")
            equal(link.closed(), b"\r\n\r\n", "two pongs and the end")
        edge.wait_line(r" warn limit kind=first_message_timeout")
        is_served(edge, phone)


def sixty_thousand_bytes_of_keepalives():
    edge, phone = served_edge()
    with edge:
        for link in tcp(edge.sip), tls(edge.tls):
            link.send(options())
            equal(Reply(link.recv()).status, 200)
            link.send(b"\r\n\r\n" * 15000 + options(2))
            equal(Reply(link.recv()).status, 200)
            equal(link.crlfs, b"\r\n" * 15000)
            link.close()
        is_served(edge, phone)


def who_does_not_read():
    edge, phone = served_edge(settings=["first_message_timeout=1"])
    with edge:
        sock = socket.socket()
        # Small segments: else the kernel takes more than all there is.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", edge.sip))
        via = "Via: SIP/2.0/TCP h;branch=z9hG4bK%s\r\n" % ("x" * 14000)
        for number in range(16):
            sock.sendall(options(number, extra=via + "Content-Length: 0\r\n"))
        edge.wait_line(r" warn limit kind=slow_reader count=1 ")
        is_served(edge, phone)
        sock.close()


def no_more_files():
    edge, phone = served_edge(settings=["workers=1"])
    with edge:
        used = len(os.listdir("/proc/%d/fd" % edge.process.pid))
        _, hard = resource.prlimit(edge.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(edge.process.pid, resource.RLIMIT_NOFILE,
                         (used + 4, hard))
        links = [tcp(edge.sip) for _ in range(12)]
        told = edge.wait_line(r" warn limit kind=open_files count=(\d+) ")
        # It looks again now and then, and does not turn on the spot.
        assert int(told.group(1)) < 100, told.group(0)
        is_served(edge, phone)
        for link in links[:-1]:
            link.close()
        links[-1].send(options())
        equal(Reply(links[-1].recv()).status, 200, "who waited is let in")


def one_byte_a_second():
    # The time for a message runs from its first byte, whatever follows.
    edge, phone = served_edge(settings=["first_message_timeout=2"])
    with edge:
        link = tcp(edge.sip)
        link.sock.settimeout(0.3)
        closed = False
        for byte in options():
            try:
                link.send(bytes([byte]))
                if link.sock.recv(10) == b"":
                    closed = True
            except socket.timeout:
                continue
            except (BrokenPipeError, ConnectionResetError):
                closed = True
            if closed:
                break
        assert closed, "a message may not take for ever"
        edge.wait_line(r" warn limit kind=first_message_timeout")
        is_served(edge, phone)


def half_a_client_hello_then_silence():
    edge, phone = served_edge(settings=["handshake_timeout=1"])
    with edge:
        link = Stream(socket.create_connection(("127.0.0.1", edge.tls)))
        link.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"r" * 40)
        link.closed()
        edge.wait_line(r" warn tls-refused peer=127.0.0.1:%d .*cause=timeout "
                       % link.sock.getsockname()[1])
        edge.wait_line(r" warn limit kind=handshake_timeout")
        is_served(edge, phone)


def all_is_read(port):
    """Nothing waits in a connection to this port (/proc/net/tcp)."""
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f]
    return all(row[4].endswith(":00000000") for row in rows
               if row[1].endswith(":%04X" % port) and row[3] == "01")


def half_a_client_hello_from_everywhere():
    # Full of them the edge did not accept until their time was over.
    edge, phone = served_edge(settings=["handshakes_max=20", "workers=1",
                                        "handshake_timeout=200"])
    with edge:
        halves = []
        for number in (20, 20):
            for _ in range(number):
                halves.append(tcp(edge.tls, "127.0.3.%d" % (1 + len(halves))))
                halves[-1].send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
            if len(halves) == number:  # the others stay outside
                until("read", lambda: all_is_read(edge.tls))
        quick = Phone(edge, "100", transport="TLS")
        equal(quick.register().status, 200, "a phone gets in meanwhile")
        edge.wait_line(r" warn limit kind=handshakes_max count=\d")
        is_served(edge, phone)


def ten_thousand_connections_that_say_nothing():
    limit = raise_file_limit(SILENT + 200)
    silent = min(SILENT, limit - 200)
    edge, phone = served_edge(settings=["handshakes_max=500"])
    with edge:
        before = edge.rss_kb()
        open_ones = []
        for i in range(silent):
            s = socket.socket()
            s.bind(("127.0.%d.1" % (1 + i // 500), 0))
            s.connect(("127.0.0.1", edge.tls if i % 2 else edge.sip))
            open_ones.append(s)
            if i % 2000 == 0:
                is_served(edge, phone)
        quick = Phone(edge, "100", transport="TLS")
        equal(quick.register().status, 200, "a phone gets in meanwhile")
        is_served(edge, phone)
        grown = edge.rss_kb() - before
        print("# %d silent connections: %d kB more" % (silent, grown))
        # 2 kB each would be 20 MB; sanitizers keep what is freed.
        assert grown < 60000 or "san" in os.environ.get("BUILD", ""), grown
        edge.wait_line(r" warn limit kind=handshakes_max count=\d")
        for s in open_ones:
            s.close()


def one_address_may_not_take_all():
    edge, phone = served_edge(settings=["connections_per_address=20"])
    with edge:
        links = [tcp(edge.sip, source="127.0.0.9") for _ in range(20)]
        for link in links:  # answered: it was accepted, by whichever worker
            link.send(options())
            equal(Reply(link.recv()).status, 200)
        try:
            equal(tcp(edge.sip, source="127.0.0.9").closed(), b"")
        except ConnectionResetError:
            pass  # so soon that connect() saw it
        edge.wait_line(r" warn limit kind=connections_per_address count=1 "
                       r"last=127.0.0.9")
        links[0].send(options())
        equal(Reply(links[0].recv()).status, 200)
        is_served(edge, phone)


def credentials_that_are_wrong():
    # Not asked by trying: only so many failures are lines of their own.
    with Edge(settings=["log_level=debug"]) as edge:
        edge.add_users(["100", "101"])
        edge.wait_line(r" debug users-loaded users=2")
        phone = Phone(edge, "100")
        equal(phone.register().status, 200)
        equal(phone.register(aor="101").status, 403, "another user's AOR")
        # Replayed: the same credentials from another place.
        phone.register()
        other = Datagrams(edge.sip)
        other.send(phone.last)
        replayed = Reply(other.recv())
        equal(replayed.status, 401, "a replayed digest")
        assert "stale=true" in replayed.header("WWW-Authenticate").lower()
        equal(len(phone.contacts()), 1)
        # A nonce-count that does not rise.
        phone.nc -= 1
        equal(phone.once(phone.contact).status, 401, "an old nonce-count")
        for user, password in (("100", "wrong"), ("nobody", "wrong")):
            equal(Phone(edge, user, password).register().status, 401)
        realm = Phone(edge, "100")
        realm.once(realm.contact)
        equal(realm.once(realm.contact, realm="elsewhere").status, 401)
        made_up = Phone(edge, "100")
        made_up.nonce, made_up.realm = "0" * 49, edge.domain
        equal(made_up.once(made_up.contact).status, 401, "not our nonce")
        edge.wait_line(r" info auth-failed user=nobody peer=\S+ "
                       r"transport=UDP reason=unknown_user")
        edge.wait_line(r" reason=wrong_password")
        edge.wait_line(r" reason=other_users_aor")
        assert "wrong\n" not in edge.log() and "response=" not in edge.log()


def a_star_with_a_time_changes_nothing():
    edge, phone = served_edge()
    with edge:
        equal(phone.register("*", "Expires: 60\r\n").status, 400)
        equal(len(phone.contacts()), 1)


if __name__ == "__main__":
    tap.main([headers_without_end,
              content_length_that_lies,
              a_message_longer_than_the_limit,
              an_answer_longer_than_the_limit,
              binary_junk,
              messages_that_do_not_parse_end_a_connection,
              keepalives_alone,
              sixty_thousand_bytes_of_keepalives,
              who_does_not_read,
              no_more_files,
              one_byte_a_second,
              half_a_client_hello_then_silence,
              half_a_client_hello_from_everywhere,
              ten_thousand_connections_that_say_nothing,
              one_address_may_not_take_all,
              credentials_that_are_wrong,
              a_star_with_a_time_changes_nothing])
