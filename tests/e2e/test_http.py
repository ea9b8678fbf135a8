# SPDX-License-Identifier: BSD-2-Clause
"""CA files over plain HTTP: what is served, to whom, and what never is."""
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import hello  # noqa: E402
import tap  # noqa: E402
from edge import (DEADLINE_S, SIPTRUST, Edge, raise_file_limit,  # noqa: E402
                  until)
from pki import Pki  # noqa: E402
from sip import Phone, tls  # noqa: E402
from tap import contains, equal  # noqa: E402

HTTP = "http=127.0.0.1:0"
SPA = "Cisco/SPA502G-7.6.2 (000E08AABBCC)(CBT141400UK)"


def link(edge, source=None):
    return socket.create_connection(
        ("127.0.0.1", edge.http), DEADLINE_S,
        source_address=(source, 0) if source else None)


def read_all(sock):
    data = b""
    while True:
        part = sock.recv(65536)
        if not part:
            return data
        data += part


def ask(edge, request, source=None):
    """The answer to these bytes: status, fields, body."""
    with link(edge, source) as sock:
        sock.sendall(request)
        answer = read_all(sock)
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split(" ")[1]), fields, body


def get(edge, path, *fields, method="GET", version="1.1", source=None):
    text = "%s %s HTTP/%s\r\n" % (method, path, version)
    text += "".join(f + "\r\n" for f in fields)
    return ask(edge, text.encode() + b"\r\n", source)


def with_http(**options):
    return Edge(settings=[HTTP] + options.pop("settings", []), **options)


def ca_bytes(edge):
    with open(edge.ca, "rb") as f:
        return f.read()


# ---- what is served ----

def the_ca_in_both_forms():
    with with_http() as edge:
        pem = ca_bytes(edge)
        status, fields, body = get(edge, "/ca.pem")
        equal((status, body), (200, pem))
        equal(fields["content-type"], "application/x-pem-file")
        equal(fields["content-length"], str(len(pem)))
        equal(fields["connection"], "close")
        status, fields, body = get(edge, "/ca.der")
        equal((status, fields["content-type"]), (200,
                                                 "application/pkix-cert"))
        equal(ssl.DER_cert_to_PEM_cert(body), pem.decode())


def public_roots_by_name():
    with tempfile.TemporaryDirectory() as folder:
        pki = Pki(folder, "example.test", "Test Root X1")
        with with_http(settings=["roots_file=" + pki.ca]) as edge:
            status, _, body = get(edge, "/roots/test-root-x1.der")
            with open(pki.ca) as f:
                equal((status, ssl.DER_cert_to_PEM_cert(body)),
                      (200, f.read()))
            equal(get(edge, "/roots/test-root-x2.pem")[0], 404)
    # Let's Encrypt's, out of the system's.
    with with_http() as edge:
        status, _, body = get(edge, "/roots/isrg-root-x1.pem")
        equal(status, 200)
        contains(body.decode(), "BEGIN CERTIFICATE")


def several_roots_in_one_file():
    """For phones that hold no other CA than those of the one file."""
    with tempfile.TemporaryDirectory() as folder:
        pki = Pki(folder, "example.test", "Test Root X1")
        with with_http(settings=["roots_file=" + pki.ca]) as edge:
            both = "/roots/ca+test-root-x1.pem"
            status, _, body = get(edge, both, source="127.0.0.8")
            with open(pki.ca, "rb") as f:
                equal((status, body), (200, ca_bytes(edge) + f.read()))
            edge.wait_line(r'ca-fetched peer=127.0.0.8:\d+ file=\S+ '
                           r'root="siptrust CA example.test \+ Test Root X1"')
            for path in ("/roots/ca+none.pem", "/roots/ca+test-root-x1.der",
                         "/roots/" + "+".join(["ca"] * 5) + ".pem"):
                equal(get(edge, path)[0], 404, path)


def what_a_client_has_is_not_sent_again():
    with with_http() as edge:
        _, fields, _ = get(edge, "/ca.pem")
        tag, day = fields["etag"], fields["last-modified"]
        for field in ("If-None-Match: " + tag, "If-None-Match: W/" + tag,
                      'If-None-Match: "x", ' + tag,
                      "If-Modified-Since: " + day.title().replace(
                          "Gmt", "GMT")):
            status, fields, body = get(edge, "/ca.pem", field)
            equal((status, body, fields["etag"]), (304, b"", tag), field)
        for field in ('If-None-Match: "x"',
                      "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
                      "If-Modified-Since: rubbish"):
            equal(get(edge, "/ca.pem", field)[0], 200, field)
        status, fields, body = get(edge, "/ca.pem", method="HEAD")
        equal((status, body, fields["content-length"]),
              (200, b"", str(len(ca_bytes(edge)))))


def clients_old_and_odd():
    requests = (
        b"GET /ca.pem HTTP/1.0\r\n\r\n",
        b"GET /ca.pem HTTP/1.0\n\n",
        b"GET /ca.pem HTTP/1.1\r\nHost: x\r\nUser-Agent:\r\n\r\n",
        b"GET /ca.pem HTTP/1.1\r\nUser-Agent: \xff\xfe\"\\\r\n\r\n",
        b"\r\n\r\nGET /ca.pem http/1.1\r\n\r\n",
        b"GET http://pbx.example.test:80/ca.pem HTTP/1.1\r\nHost: y\r\n\r\n",
        b"GET //ca.pem?mac=000e08aabbcc HTTP/1.1\r\n\r\n",
        b"GET /%63a.pem HTTP/1.1\r\n\r\n",
        b"GET /ca.pem HTTP/1.1\r\nX: y\r\n\tfolded: z\r\n\r\n",
        b"GET /ca.pem HTTP/1.1\r\nX: %s\r\n\r\n" % (b"y" * 7000),
        b"GET /ca.pem HTTP/1.1\r\n\r\nGET /ca.der HTTP/1.1\r\n\r\n",
    )
    with with_http() as edge:
        pem = ca_bytes(edge)
        for request in requests:
            status, _, body = ask(edge, request)
            equal((status, body), (200, pem), repr(request[:60]))
        # One byte at a time.
        with link(edge) as sock:
            for byte in requests[0]:
                sock.sendall(bytes([byte]))
            contains(read_all(sock), pem)
        url = "http://127.0.0.1:%d/ca.pem" % edge.http
        for client in (["curl", "-sf"], ["curl", "-sf", "-0"],
                       ["wget", "-qO-"]):
            equal(subprocess.run(client + [url], check=True,
                                 stdout=subprocess.PIPE).stdout, pem,
                  client)


def settings_for_each_kind_of_phone():
    with with_http() as edge:
        pem = ca_bytes(edge).decode().strip()
        host = "Host: pbx.example.test:8080"
        status, fields, body = get(edge, "/d/000E08AABBCC/polycom-vvx-ca.cfg",
                                   host, source="127.0.0.20")
        equal((status, fields["content-type"]), (200, "text/xml"))
        contains(body.decode(), pem.replace("\n", "&#10;"))
        edge.wait_line(r"ca-fetched id=000e08aabbcc peer=127.0.0.20.* root=")
        contains(get(edge, "/grandstream-gxp-ca.xml")[2].decode(),
                 "<P8433>%s</P8433>" % pem)
        # The URL in it is that of the host the phone knows, and names it.
        body = get(edge, "/d/000E08AABBCC/snom-ca.xml", host,
                   source="127.0.0.21")[2]
        contains(body.decode(), 'url="http://pbx.example.test:8080/d/'
                 '000e08aabbcc/ca.der"')
        edge.wait_line(r"settings-fetched id=000e08aabbcc peer=127.0.0.21")
        for odd in ("Host: x\"><a", "Host: " + "y" * 300, "X: y"):
            contains(get(edge, "/snom-ca.xml", odd)[2].decode(),
                     'url="http://127.0.0.1:%d/ca.der"' % edge.http, odd)
        for path in ("/nobody-ca.cfg", "/unify-ca.cfg", "/spa502g-ca.xml"):
            equal(get(edge, path)[0], 404, path)


# ---- what is not ----

def nothing_else_is_there():
    with with_http() as edge:
        for path in ("/", "/ca-key.pem", "/server-key.pem", "/siptrust.db",
                     "/../data/ca-key.pem", "/d/../ca-key.pem", "/d/",
                     "/%2e%2e/%2e%2e/etc/passwd", "/ca.pem/", "/roots/",
                     "/roots/../ca.pem", "/ticket-secret", "/ca.pem%00"):
            status, _, body = get(edge, path)
            equal((status, body), (404, b"404 Not Found\n"), path)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "get"):
            status, fields, _ = get(edge, "/ca.pem", method=method)
            equal((status, fields["allow"]), (405, "get, head"), method)
        equal(ask(edge, b"POST /ca.pem HTTP/1.1\r\nContent-Length: 60000"
                  b"\r\n\r\n" + b"x" * 60000)[0], 405)
        equal(get(edge, "/" + "a" * 600)[0], 414)
        equal(get(edge, "/" + "a" * 20000)[0], 414)
        equal(get(edge, "/ca.pem", "X: " + "y" * 9000)[0], 431)
        equal(get(edge, "/ca.pem", *["X: y"] * 100)[0], 431)


def what_is_no_http():
    with with_http() as edge:
        for status, data in ((400, b"GET /ca.pem\r\n"),
                             (400, hello.client_hello()),
                             (400, b"REGISTER sip:x SIP/2.0\r\n\r\n"),
                             (400, b"GET /ca.pem HTTP/1.1\r\n \x00\r\n\r\n"),
                             (400, b"\x00" * 9000),
                             (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")):
            equal(ask(edge, data)[0], status, data[:20])
        equal(get(edge, "/ca.pem")[0], 200)


def idle_and_slow_ones_keep_no_phone_out():
    raise_file_limit(10300)
    with with_http() as edge:
        pem = ca_bytes(edge)
        idle = []
        try:
            for i in range(10000):
                idle.append(link(edge, "127.0.0.%d" % (2 + i % 200)))
                if i % 3 == 0:
                    idle[-1].sendall(b"GET /ca.p")
        except OSError:
            # A limit of this machine; it is far above the edge's bound.
            while len(idle) > 1000 and len(idle) % 50:
                idle.pop().close()
        # It takes the file and does not read it.
        slow = link(edge)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        slow.sendall(b"GET /ca.pem HTTP/1.0\r\n\r\n")
        for _ in range(10):
            equal(get(edge, "/ca.pem", source="127.0.0.250")[2], pem)
        files = len(os.listdir("/proc/%d/fd" % edge.process.pid))
        if files > 700:
            raise AssertionError("%d descriptors for %d idle connections" %
                                 (files, len(idle)))
        for sock in idle + [slow]:
            sock.close()


# ---- who fetched what ----

def a_fetch_names_the_device():
    with with_http() as edge:
        edge.add_user("100")
        phone = Phone(edge, "100", source="127.0.0.9")
        phone.device = "Cisco/SPA502G-7.6.2"
        until("known", lambda: phone.register().status == 200)
        get(edge, "/ca.pem", "User-Agent: " + SPA, source="127.0.0.9")
        found = edge.wait_line(r"info (ca-fetched .* peer=127.0.0.9:.*)$")
        equal(re.sub(r":\d+ ", ":PORT ", found.group(1)),
              "ca-fetched device=Cisco/SPA502G-7.6.2 id=000e08aabbcc "
              'peer=127.0.0.9:PORT file=/ca.pem root="siptrust CA '
              'example.test" user_agent="%s"' % SPA)
        # A User-Agent that says nothing: the URL does.
        for number, name, known in (("10", "00-0E-08-AA-BB-CD",
                                     "000e08aabbcd"), ("11", "100", "100")):
            source = "127.0.0." + number
            get(edge, "/d/%s/ca.der" % name, source=source)
            edge.wait_line(r"ca-fetched id=%s peer=%s:\d+ file=/d/%s/ca.der "
                           % (known, re.escape(source), name))


def a_phone_that_fetched_the_ca_is_shown_its_chain():
    with tempfile.TemporaryDirectory() as folder:
        pki = Pki(folder, "example.test", "Test Root X1")
        certificate, key = pki.issue("server")
        with with_http(config='own_chain = true\nchain public {\n'
                       ' certificate = "%s"\n key = "%s"\n}\n' %
                       (certificate, key)) as edge:
            edge.add_user("100")
            source = "127.0.0.9"
            other = Pki(folder, "example.test", "Unheard-of").ca
            # It holds neither root, and is shown both chains.
            for chain in ("public", "own"):
                try:
                    tls(edge.tls, ca=other, source=source).close()
                    raise AssertionError("accepted")
                except ssl.SSLError:
                    edge.wait_line(r"tls-refused peer=%s:\d+ chain=%s " %
                                   (re.escape(source), chain))
            with open(os.path.join(folder, "fetched.pem"), "wb") as f:
                f.write(get(edge, "/ca.pem", source=source)[2])
            # It has the file a moment before the edge knows.
            edge.wait_line(r"ca-fetched peer=%s:\d+ " % re.escape(source))
            # Else it would be the other's turn.
            phone = Phone(edge, "100", transport="TLS", source=source,
                          ca=f.name)
            until("known", lambda: phone.register().status == 200)
            edge.wait_line(r'ca-worked peer=%s:\d+ chain=own root="siptrust '
                           'CA example.test"' % re.escape(source))
            phone.close()


def what_is_no_fetch_is_not_told_as_one():
    with with_http() as edge:
        get(edge, "/ca.pem", method="HEAD", source="127.0.0.9")
        get(edge, "/ca.pen", "User-Agent: " + SPA, source="127.0.0.10")
        edge.wait_line(r'ca-not-there device="Cisco/SPA502G.* file=/ca.pen')
        # It goes away before it has asked, and in the middle of asking.
        link(edge, "127.0.0.11").close()
        with link(edge, "127.0.0.12") as sock:
            sock.sendall(b"GET /ca.pem HTTP/1.1\r\n")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
        _, fields, _ = get(edge, "/ca.pem", source="127.0.0.13")
        get(edge, "/ca.pem", "If-None-Match: " + fields["etag"],
            source="127.0.0.14")
        edge.wait_line(r"ca-fetched peer=127.0.0.14:.* unchanged=yes$")
        edge.wait_line(r"ca-fetched peer=127.0.0.13:")
        equal(edge.count(r"ca-fetched"), 2)


def many_wrong_urls_are_counted():
    with with_http() as edge:
        for i in range(40):
            get(edge, "/%d" % i)
        equal(edge.count(r"ca-not-there"), 20)


# ---- the remedy ----

def refuse(edge, peer):
    with hello.connect(edge.tls, peer) as sock:
        sock.sendall(hello.client_hello())
        hello.read_server_flight(sock)
        sock.sendall(hello.alert(48))
    return edge.wait_line(r"tls-refused peer=%s:.* remedy=\"(.*?)\" evid" %
                          re.escape(peer)).group(1)


def the_remedy_names_the_url():
    with with_http() as edge:
        equal(refuse(edge, "127.0.0.9"),
              "install http://127.0.0.1:%d/ca.pem on the phone as its custom "
              "CA" % edge.http)
    # On every address: the one by which the phone reached us.
    with Edge(settings=["http=0.0.0.0:0"]) as edge:
        contains(refuse(edge, "127.0.0.9"), "http://127.0.0.1:%d/ca.pem" %
                 edge.http)


def the_remedy_names_the_url_of_a_public_root():
    with tempfile.TemporaryDirectory() as folder:
        pki = Pki(folder, "example.test", "Test Root X1")
        certificate, key = pki.issue("server")
        with with_http(config='chain public {\n certificate = "%s"\n'
                       ' key = "%s"\n}\n' % (certificate, key),
                       settings=["roots_file=" + pki.ca]) as edge:
            contains(refuse(edge, "127.0.0.9"),
                     "install Test Root X1 (http://127.0.0.1:%d/roots/"
                     "test-root-x1.pem) on the phone" % edge.http)


# ---- settings ----

def bad_files_are_told():
    with tempfile.TemporaryDirectory() as folder:
        def path(name, content=None):
            at = os.path.join(folder, name)
            if content is not None:
                with open(at, "wb") as f:
                    f.write(content)
            return at
        pki = Pki(folder, "example.test")
        leaf = pki.issue("leaf")[0]
        with open(pki.ca) as f:
            der = path("ca.der", ssl.PEM_cert_to_DER_cert(f.read()))
        for setting, part in (
                ("ca_file=" + path("none.pem"), "ca_file: %s: cannot open: "
                 "No such file" % path("none.pem")),
                ("ca_file=" + leaf, 'leaf.pem: "example.test" is no CA'),
                ("ca_file=" + der, "ca.der: is binary (DER"),
                ("ca_file=" + path("big", b"x" * 10000000),
                 "big: is longer than 65536 bytes"),
                ("ca_file=" + path("html", b"<html>404</html>"),
                 "html: holds no certificate"),
                ("ca_file=" + path("empty", b""), "empty: is empty"),
                ("roots_file=" + path("none.pem"), "roots_file: %s: cannot "
                 "open" % path("none.pem")),
                ("roots_file=" + leaf, "roots_file: %s: certificate 1" %
                 leaf),
                ("http=here", "http: found \"here\", expected ADDRESS:PORT")):
            p = subprocess.run(
                [SIPTRUST, "edge", "--data", path("data"), "--sip",
                 "127.0.0.1:0", "--tls", "127.0.0.1:0", "--http",
                 "127.0.0.1:0", "--set", setting], text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                timeout=DEADLINE_S)
            equal(p.returncode, 3, setting)
            contains(p.stdout, part, setting)


def a_reload_changes_what_is_served():
    with tempfile.TemporaryDirectory() as folder:
        pki = Pki(folder, "example.test", "Other Root")
        with Edge(config='http = { "127.0.0.1:0" }\n') as edge:
            port = edge.http
            own = ca_bytes(edge)
            equal(get(edge, "/ca.pem")[2], own)
            edge.write_config('http = { "127.0.0.1:0" }\nca_file = "%s"\n' %
                              pki.path("none"))
            edge.send_signal(signal.SIGHUP)
            edge.wait_line(r"reload-failed reason=.*none: cannot open.*kept")
            equal(get(edge, "/ca.pem")[2], own)
            edge.write_config('http = { "127.0.0.1:0" }\nca_file = "%s"\n' %
                              pki.ca)
            edge.send_signal(signal.SIGHUP)
            edge.wait_line(r" reloaded ")
            with open(pki.ca, "rb") as f:
                equal(get(edge, "/ca.pem")[2], f.read())
            edge.write_config("log_level = \"debug\"\n")
            edge.send_signal(signal.SIGHUP)
            wait_until_refused(port)


def wait_until_refused(port):
    def refused():
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
            return False
        except ConnectionRefusedError:
            return True
    until("the port is closed", refused)


def a_port_that_is_taken_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with tempfile.TemporaryDirectory() as folder:
            port = taken.getsockname()[1]
            p = subprocess.run(
                [SIPTRUST, "edge", "--data", folder + "/data", "--sip",
                 "127.0.0.1:0", "--tls", "127.0.0.1:0", "--http",
                 "127.0.0.1:%d" % port], text=True, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=DEADLINE_S)
            equal(p.returncode, 3)
            contains(p.stdout, "http: cannot listen on 127.0.0.1:%d: the address "
                     "is in use: does another HTTP server run here?" % port)


if __name__ == "__main__":
    tap.main([the_ca_in_both_forms,
              public_roots_by_name,
              several_roots_in_one_file,
              what_a_client_has_is_not_sent_again,
              clients_old_and_odd,
              settings_for_each_kind_of_phone,
              nothing_else_is_there,
              what_is_no_http,
              idle_and_slow_ones_keep_no_phone_out,
              a_fetch_names_the_device,
              a_phone_that_fetched_the_ca_is_shown_its_chain,
              what_is_no_fetch_is_not_told_as_one,
              many_wrong_urls_are_counted,
              the_remedy_names_the_url,
              the_remedy_names_the_url_of_a_public_root,
              bad_files_are_told,
              a_reload_changes_what_is_served,
              a_port_that_is_taken_is_told])
