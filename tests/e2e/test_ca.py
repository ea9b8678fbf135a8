# SPDX-License-Identifier: BSD-2-Clause
"""siptrust ca: made, issued, shown, exported; renewed by a running edge."""
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import DEADLINE_S, SIPTRUST, Edge, until  # noqa: E402
from pki import Pki  # noqa: E402
from sip import Phone, tls  # noqa: E402
from tap import contains, equal  # noqa: E402

DAY_S = 86400


class Folder:
    """A data folder, and siptrust ca in it."""

    def __init__(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.path = self.temporary.name
        self.data = os.path.join(self.path, "data")

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.temporary.cleanup()

    def at(self, *names):
        return os.path.join(self.path, *names)

    def ca(self, *argv, code=0):
        """What it says; on stderr when it fails."""
        p = subprocess.run([SIPTRUST, "ca", *argv, "--data", self.data,
                            "--domain", "example.test"], cwd=self.path,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=DEADLINE_S)
        if p.returncode != code or b"Sanitizer" in p.stderr:
            raise AssertionError("ca %s: exit %d\n%s%s" % (
                argv, p.returncode, p.stdout.decode("utf-8", "replace"),
                p.stderr.decode()))
        return p.stdout if code == 0 else p.stderr.decode()

    def shown(self, *argv):
        return json.loads(self.ca("show", "--json", *argv))


def openssl(*argv, **options):
    return subprocess.run(["openssl", *argv], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          **options).stdout.decode()


def a_ca_is_made_once():
    with Folder() as f:
        contains(f.ca("init").decode(), "ca.pem")
        equal(os.stat(f.at("data", "ca-key.pem")).st_mode & 0o777, 0o600)
        ca, = f.shown()
        equal((ca["subject"], ca["ca"], ca["key"], ca["confined_to"]),
              ("CN=siptrust CA example.test", True, "RSA 2048", []))
        if ca["not_after"] < time.time() + 20 * 365 * DAY_S - DAY_S:
            raise AssertionError("ends at %d" % ca["not_after"])
        contains(f.ca("init", code=1), "ca.pem: is there already")
        equal(f.shown()[0]["sha256"], ca["sha256"])
        contains(openssl("x509", "-in", f.at("data", "ca.pem"), "-noout",
                         "-fingerprint", "-sha256"), ca["sha256"])


def the_edge_takes_the_ca_that_is_there():
    with Folder() as f:
        f.ca("init", "--constrain", "example.test", "--years", "5")
        print_ = f.shown()[0]["sha256"]
        with Edge(data=f.data) as edge:
            contains(edge.log(), print_)
            tls(edge.tls, ca=edge.ca).close()
        equal([c["ca"] for c in f.shown()], [True, False])
        contains(f.ca("show").decode(), "confined to  example.test")


def what_is_not_confined_is_said():
    """RFC 5280 4.2.1.10: names confine names, networks confine addresses."""
    for argv, any_name, any_address in (
            (("example.test",), False, True),
            (("192.0.2.0/24",), True, False),
            (("example.test", "192.0.2.0/24"), False, False), ((), False,
                                                               False)):
        with Folder() as f:
            said = f.ca("init", *[x for a in argv for x in
                                  ("--constrain", a)]).decode()
            ca, = f.shown()
            equal((ca["any_name"], ca["any_address"]), (any_name,
                                                        any_address), argv)
            for text in (said, f.ca("show").decode()):
                equal("any name:" in text, any_name, argv)
                equal("any address:" in text, any_address, argv)


def root_makes_them_for_a_service():
    """The edge runs as another user, whose the folder is; root's ca init,
    issue and renew leave it files that it can read."""
    if os.geteuid() != 0:
        print("# not root: nothing to try")
        return
    uid = 65534
    with Folder() as f:
        os.chmod(f.path, 0o711)
        os.mkdir(f.data, 0o700)
        os.chown(f.data, uid, uid)
        f.ca("init")
        f.ca("renew")
        for name in ("ca.pem", "ca-key.pem", "server.pem",
                     "server-key.pem"):
            equal(os.stat(os.path.join(f.data, name)).st_uid, uid, name)
        f.ca("issue", "--out", "pbx.pem")
        equal(os.stat(f.at("pbx-key.pem")).st_uid, 0)
        os.chown(f.at("data", "ca-key.pem"), uid + 1, uid + 1)
        contains(f.ca("issue", "--out", "no", code=3),
                 "belongs to user 65535, must belong to user 0")


def certificates_for_other_servers():
    with Folder() as f:
        f.ca("init", "--constrain", "example.test", "--constrain",
             "192.0.2.0/24")
        f.ca("issue", "--host", "pbx.example.test", "--ip", "192.0.2.7",
             "--days", "90", "--out", "pbx.pem")
        one, = f.shown(f.at("pbx.pem"))
        equal(one["names"], ["example.test", "pbx.example.test",
                             "192.0.2.7"])
        equal(os.stat(f.at("pbx-key.pem")).st_mode & 0o777, 0o600)
        contains(openssl("verify", "-CAfile", f.at("data", "ca.pem"),
                         "-x509_strict", "-purpose", "sslserver",
                         "-verify_hostname", "pbx.example.test",
                         f.at("pbx.pem")), "OK")
        contains(f.ca("issue", "--out", "pbx.pem", code=1),
                 "pbx.pem: is there already")
        f.ca("issue", "--out", "pbx.pem", "--replace", "--key", "p256")
        equal(f.shown(f.at("pbx.pem"))[0]["key"], "RSA 2048")
        f.ca("issue", "--key", "p256", "--out", "ec")
        equal(f.shown(f.at("ec.pem"))[0]["key"], "EC P-256")
        for argv in (("--host", "pbx.example.org"), ("--ip", "198.51.100.1")):
            contains(f.ca("issue", "--out", "no", *argv, code=1),
                     "may not issue")
        # Nothing half-written.
        equal([n for n in os.listdir(f.path) if n.startswith("no")], [])


def wrong_usage_is_told():
    with Folder() as f:
        for argv, part in (
                ((), "expected init, issue"),
                (("bake",), '"bake" is not init'),
                (("init", "x"), '"x" is too much'),
                (("issue", "--ip", "2001:db8::7"),
                 "carries no IPv6 address"),
                (("issue", "--ip", "pbx"), "expected an IPv4 address"),
                (("issue", "--host", "*.example.test"), "no wildcard"),
                (("issue", "--days", "900"), "days, 1 to 824"),
                (("init", "--years", "0"), "years, 1 to 50"),
                (("issue", "--key", "dsa"), "expected rsa or p256")):
            contains(f.ca(*argv, code=2), part, argv)
        contains(f.ca("export", code=3), "siptrust ca init makes one")
        contains(f.ca("issue", code=3), "data: cannot open this folder: No "
                 "such file or directory (siptrust ca init makes a CA;")
        equal(os.path.exists(f.data), False)
        contains(f.ca("init", "--constrain", "a b", code=3), "confined")
        equal(os.path.exists(f.at("data", "ca-key.pem")), False)


def bad_files_are_told():
    with Folder() as f:
        pki = Pki(f.path, "example.test")
        leaf = pki.issue("leaf")[0]
        f.ca("init")
        key = f.at("data", "ca-key.pem")
        os.chmod(key, 0o644)
        contains(f.ca("issue", code=3), "chmod 600")
        os.chmod(key, 0o600)
        with open(key, "wb") as out:
            out.write(b"x" * 10000000)
        contains(f.ca("issue", code=3), "ca-key.pem: is longer than")
        contains(f.ca("export", "--root", "x", "--roots-file", leaf, code=3),
                 '"example.test", is no CA')
        contains(f.ca("export", "--root", "x", "--roots-file",
                      f.at("none"), code=3), "none: cannot open")
        contains(f.ca("export", "--root", "no-such-root", code=1),
                 "has no root of the name no-such-root")
        contains(f.ca("show", f.at("none"), code=3), "none: cannot open")
        os.rename(leaf, f.at("data", "ca.pem"))
        contains(f.ca("export", code=3), '"example.test" is no CA')


def an_expired_ca_is_told():
    with Folder() as f:
        os.mkdir(f.data, 0o700)
        at = f.at("data", "ca")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout",
                at + "-key.pem", "-out", at + ".csr", "-subj", "/CN=Old CA")
        pki = Pki(f.path, "example.test")
        with open(pki.path("openssl.cnf"), "a") as out:
            out.write("[old]\nbasicConstraints = CA:true\n")
        pki.openssl("ca", "-batch", "-notext", "-selfsign", "-in",
                    at + ".csr", "-keyfile", at + "-key.pem", "-out",
                    at + ".pem", "-startdate", "20200101000000Z",
                    "-enddate", "20210101000000Z", "-extensions", "old")
        contains(f.ca("export", code=3), '"Old CA" expired on 2021-01-01')
        contains(f.ca("issue", code=1), "the CA has expired")
        p = subprocess.run([SIPTRUST, "ca", "show", "--data", f.data],
                           stdout=subprocess.PIPE)
        equal(p.returncode, 1)
        contains(p.stdout.decode(), ", expired")


def expired_ca(f):
    """In the folder, with a server certificate that ended with it."""
    os.mkdir(f.data, 0o700)
    pki = Pki(f.path, "example.test")
    with open(pki.path("openssl.cnf"), "a") as out:
        out.write("[old]\nbasicConstraints = CA:true\n"
                  "[leaf]\nsubjectAltName = DNS:example.test\n")
    for name, cn, sign in (
            ("ca", "Old CA", ("-selfsign", "-keyfile", "ca-key.pem",
                              "-extensions", "old")),
            ("server", "example.test", ("-cert", "ca.pem", "-keyfile",
                                        "ca-key.pem", "-extensions",
                                        "leaf"))):
        at = f.at("data", name)
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout",
                at + "-key.pem", "-out", at + ".csr", "-subj", "/CN=" + cn)
        os.chmod(at + "-key.pem", 0o600)
        pki.openssl("ca", "-batch", "-notext", *[
            f.at("data", x) if x.endswith(".pem") else x for x in sign],
            "-in", at + ".csr", "-out", at + ".pem", "-startdate",
            "20200101000000Z", "-enddate", "20210101000000Z")
        os.remove(at + ".csr")


def an_edge_whose_ca_has_expired_serves_the_others():
    with Folder() as f:
        expired_ca(f)
        with Edge(data=f.data, settings=["http=127.0.0.1:0"]) as edge:
            edge.wait_line(r"err ca-expires ca=\S+/ca.pem days=-\d+ hint=")
            edge.wait_line(r'err ca-not-served reason=".*\"Old CA\\?" '
                           "expired on 2021-01-01")
            edge.add_user("100")
            phone = Phone(edge, "100", transport="TCP")
            until("known", lambda: phone.register().status == 200)
            phone.close()
            # Who does not look at dates is served over TLS as well.
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            with socket.create_connection(("127.0.0.1", edge.tls)) as sock:
                context.wrap_socket(sock).close()
            equal(edge.count(r"certificate-not-renewed"), 0)


def the_end_of_the_ca_is_told_long_before():
    with Folder() as f:
        os.mkdir(f.data, 0o700)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                f.at("data", "ca-key.pem"), "-out", f.at("data", "ca.pem"),
                "-subj", "/CN=Short CA", "-days", "100")
        os.chmod(f.at("data", "ca-key.pem"), 0o600)
        with Edge(data=f.data) as edge:
            edge.wait_line(r"warn ca-expires ca=\S+/ca.pem days=99 ")
            ca, server = f.shown()
            # It ends with its CA, and nothing tries to renew it all day.
            equal(abs(ca["not_after"] - server["not_after"]) <= DAY_S, True)
            contains(f.ca("renew", code=1), "the CA itself ends on ")
            equal(f.shown()[1]["serial"], server["serial"])
            tls(edge.tls, ca=edge.ca).close()
            equal(edge.count(r"certificate-(not-)?renewed"), 0)


def exported_as_pem_and_der():
    with Folder() as f:
        f.ca("init")
        with open(f.at("data", "ca.pem")) as pem:
            pem = pem.read()
        equal(f.ca("export").decode(), pem)
        equal(ssl.DER_cert_to_PEM_cert(f.ca("export", "--der")), pem)
        os.mkdir(f.at("out"))
        f.ca("export", "--out", f.at("out"))
        equal(sorted(os.listdir(f.at("out"))), ["ca.der", "ca.pem"])
        contains(openssl("x509", "-noout", "-subject",
                         input=f.ca("export", "--root", "ISRG Root X1")
                         ), "ISRG Root X1")


def settings_of(f, profile, *argv):
    return json.loads(f.ca("export", "--for", profile, "--json", "--url",
                           "http://192.0.2.5:8080", *argv))


def exported_as_each_phone_takes_it():
    with Folder() as f:
        f.ca("init")
        with open(f.at("data", "ca.pem")) as pem:
            pem = pem.read()
        spa = settings_of(f, "SPA502G")
        equal((spa["profile"], spa["form"], spa["url"]),
              ("cisco-spa50x", "pem", "http://192.0.2.5:8080/ca.pem"))
        contains(spa["settings"], "<Custom_CA_RULE>http://192.0.2.5:8080/"
                 "ca.pem</Custom_CA_RULE>")
        contains(spa["tls_settings"], "example.test:5061")
        equal(settings_of(f, "snom")["url"], "http://192.0.2.5:8080/ca.der")
        # In the attribute of an XML element a line feed is &#10;.
        vvx = settings_of(f, "polycom-vvx")
        contains(vvx["settings"], '"%s"' % pem.strip().replace("\n", "&#10;"))
        equal("url" in vvx, False)
        contains(settings_of(f, "grandstream-gxp")["settings"],
                 "<P8433>%s</P8433>" % pem.strip())
        contains(settings_of(f, "yealink-v80", "--root",
                             "isrg-root-x1")["settings"],
                 "= http://192.0.2.5:8080/roots/isrg-root-x1.pem\n")
        contains(f.ca("export", "--for", "snom", "--url",
                      "http://h").decode(), "or in its own pages:")
        contains(f.ca("export", "--for", "snom", code=2), "--url BASE is")
        contains(f.ca("export", "--for", "x", "--url", "http://h", code=1),
                 "no profile has this name")
        os.mkdir(f.at("out"))
        f.ca("export", "--for", "snom", "--url", "http://h", "--out", "out")
        equal(sorted(os.listdir(f.at("out"))),
              ["ca.der", "snom-ca.xml", "snom-tls.xml"])


# ---- renewal by the edge ----

def shorten(edge, days):
    """Put a certificate for so many days in the place of the edge's own."""
    at = edge.data
    csr = os.path.join(edge.folder, "csr")
    ext = os.path.join(edge.folder, "ext")
    new = os.path.join(edge.folder, "new.pem")
    with open(ext, "w") as f:
        f.write("subjectAltName=DNS:example.test,IP:127.0.0.1\n")
    openssl("req", "-new", "-key", at + "/server-key.pem", "-subj",
            "/CN=example.test", "-out", csr)
    openssl("x509", "-req", "-in", csr, "-CA", at + "/ca.pem", "-CAkey",
            at + "/ca-key.pem", "-CAserial", csr + ".srl",
            "-CAcreateserial", "-days", str(days), "-extfile", ext, "-out",
            new)
    os.rename(new, at + "/server.pem")


def days_left(edge):
    link = tls(edge.tls, ca=edge.ca)
    end = link.sock.getpeercert()["notAfter"]
    link.close()
    return (ssl.cert_time_to_seconds(end) - time.time()) / DAY_S


def a_certificate_near_its_end_is_renewed():
    with Edge() as edge:
        edge.add_user("100")
        phone = Phone(edge, "100", transport="TLS")
        until("known", lambda: phone.register().status == 200)
        shorten(edge, 100)  # of 398: less than a third
        until("renewed", lambda: edge.count(r" certificate-renewed ") == 2)
        if days_left(edge) < 390:
            raise AssertionError("%d days left" % days_left(edge))
        equal(phone.register().status, 200, "the old connection")
        equal(edge.count(r"certificate-not-renewed"), 0)
        phone.close()


def a_renewal_that_fails_is_told():
    with Edge() as edge:
        shorten(edge, 100)
        os.rename(edge.data + "/ca-key.pem", edge.folder + "/kept")
        found = edge.wait_line(r"certificate-not-renewed chain=own (.*)$")
        contains(found.group(1), "ca-key.pem")
        contains(found.group(1), "put it back")
        contains(found.group(1), "kept=yes")
        if not 98 < days_left(edge) < 101:
            raise AssertionError("%d days left" % days_left(edge))


def nothing_is_renewed_too_early():
    with Folder() as f:
        f.ca("init")
        contains(f.ca("renew").decode(), "server.pem issued anew")
        before = f.shown()[1]["serial"]
        contains(f.ca("renew").decode(), "is good for longer")
        equal(f.shown()[1]["serial"], before)
        # A shorter life is wanted from now on: it is due when it is.
        contains(f.ca("renew", "--days", "30").decode(), "good for longer")


if __name__ == "__main__":
    tap.main([a_ca_is_made_once,
              the_edge_takes_the_ca_that_is_there,
              what_is_not_confined_is_said,
              root_makes_them_for_a_service,
              certificates_for_other_servers,
              wrong_usage_is_told,
              bad_files_are_told,
              an_expired_ca_is_told,
              an_edge_whose_ca_has_expired_serves_the_others,
              the_end_of_the_ca_is_told_long_before,
              exported_as_pem_and_der,
              exported_as_each_phone_takes_it,
              a_certificate_near_its_end_is_renewed,
              a_renewal_that_fails_is_told,
              nothing_is_renewed_too_early])
