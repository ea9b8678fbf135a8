# SPDX-License-Identifier: BSD-2-Clause
"""siptrust preflight: devices that an edge has served and refused, and the
script of docs/how-to/renewal.md with a real renewal of files."""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import PASSWORD, ROOT, SIPTRUST, Edge  # noqa: E402
from pki import ECDSA, Pki  # noqa: E402
from tap import contains, equal  # noqa: E402

NAME = "pbx.example.test"
HOW_TO = os.path.join(ROOT, "docs/how-to/renewal.md")


def preflight(chain, *words, data, code=None):
    p = subprocess.run([SIPTRUST, "preflight", chain, "--data", data, *words],
                       timeout=60, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       universal_newlines=True)
    if code is not None and p.returncode != code:
        raise AssertionError("exit %d, expected %d:\n%s%s" % (
            p.returncode, code, p.stdout, p.stderr))
    return p.stdout, p.stderr


def answers(chain, *words, data, code=None):
    report = json.loads(preflight(chain, "--json", *words, data=data,
                                  code=code)[0])
    return {d["name"].split("@")[0]: (d["says"], d["why"], d["dark"])
            for d in report["devices"]}, report


def register(edge, user, model, transport, address, roots):
    """One attempt of one phone."""
    port = edge.tls if transport == "tls" else edge.sip
    subprocess.run(
        [SIPTRUST, "phone", "--as", model, "--transport", transport, "--once",
         "--password-stdin", "--from", address, "--roots", roots, "--server",
         "127.0.0.1:%d" % port, "sip:%s@%s" % (user, NAME)],
        input=PASSWORD + "\n", timeout=60, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, universal_newlines=True)


class Fleet:
    """Four phones at one edge with two chains, ISRG Root X1 before our own:
    100 holds both roots, 101 our own alone, 102 came over UDP."""

    def __init__(self, folder):
        self.pki = Pki(folder, NAME, ca_name="ISRG Root X1")
        self.other = Pki(folder, NAME, ca_name="Another Root")
        self.folder = folder
        self.chain = os.path.join(folder, "public")
        self.place(*self.pki.issue("first"))
        self.edge = Edge(domain=NAME, start=False, config=CONFIG % (
            self.chain, self.chain))
        os.makedirs(self.edge.data, 0o700)
        self.edge.add_users(["100", "101", "102"])

    def place(self, certificate, key):
        shutil.copy(certificate, self.chain + ".pem")
        shutil.copy(key, self.chain + ".key")

    def both(self):
        path = os.path.join(self.folder, "both.pem")
        with open(path, "w") as out:
            for ca in self.pki.ca, self.edge.ca:
                with open(ca) as f:
                    out.write(f.read())
        return path

    def phone(self, *what):
        register(self.edge, *what)

    def __enter__(self):
        self.edge.__enter__()
        self.edge.start()
        self.phone("100", "yealink-v80", "tls", "127.0.0.11", self.both())
        self.phone("101", "polycom-vvx", "tls", "127.0.0.12", self.edge.ca)
        self.edge.wait_line(r" tls-refused .*peer=127\.0\.0\.12")
        self.phone("101", "polycom-vvx", "tls", "127.0.0.12", self.edge.ca)
        self.phone("102", "snom", "udp", "127.0.0.13", self.edge.ca)
        for user in "100", "101", "102":
            self.edge.wait_line(r" registered aor=%s@" % user)
        return self

    def __exit__(self, *exc):
        self.edge.__exit__(*exc)

    def down(self):
        """The devices are in their file for good."""
        self.edge.stop()
        return self.edge.data


TWO = """chain trial {
certificate = "%s"
key = "%s"
}
chain public {
certificate = "%s"
key = "%s"
}
"""
CONFIG = """chain public {
certificate = "%s.pem"
key = "%s.key"
}
own_chain = true
"""


def each_device_is_told_by_what_it_did():
    with tempfile.TemporaryDirectory() as folder, Fleet(folder) as fleet:
        data = fleet.down()
        renewed = fleet.pki.issue("renewed")[0]
        got, report = answers(renewed, data=data, code=1)
        equal(got, {"100": ("accepts", "accepted_root", False),
                    "101": ("refuses", "refused_root", True),
                    "102": ("untouched", "no_tls", False)})
        equal([report[k] for k in ("accept", "refuse", "unknown",
                                   "untouched", "dark")], [1, 1, 0, 1, 1])
        out, err = preflight(renewed, data=data, code=1)
        contains(out, ": for %s, rsa2048, 1 certificate, valid 2020-01-01 to "
                      "2049-12-31\n  leads to \"ISRG Root X1\", in no public "
                      "store\n" % NAME)
        contains(out, "will refuse it: 1\n  1 x ")
        contains(out, "(polycom-vvx), 1 GO DARK: it refused a chain to this "
                      "root, because it does not hold it\n      101@%s GOES "
                      "DARK: refused chain public, last on 20" % NAME)
        contains(out, "(untrusted_root, certain)\n")
        contains(out, "will accept it: 1\n  1 x ")
        contains(out, "never came over TLS: 1\n")
        contains(out, "calendar\n")
        contains(out, "3 devices: 1 accept, 1 refuse, 0 unknown, 1 never over "
                      "TLS; 1 goes dark\n")
        # It keeps the chain that it accepts: nobody goes dark.
        got, report = answers(renewed, "--instead", "public", data=data,
                              code=0)
        equal(got["101"], ("refuses", "refused_root", False))
        # Roots that nobody was shown, another kind of key, a fault.
        got, report = answers(fleet.other.issue("other")[0], data=data,
                              code=0)
        equal(got["100"][:2], ("unknown", "never_shown"))
        preflight(fleet.other.path("other.pem"), "--strict", data=data,
                  code=1)
        got, report = answers(fleet.pki.issue("ec", key_type=ECDSA)[0],
                              data=data)
        equal(got["100"][:2], ("unknown", "other_key"))
        got, report = answers(fleet.pki.issue(
            "old", end="20230101000000Z")[0], data=data)
        equal(got["100"][:2], ("unknown", "new_fault"))
        equal(report["chain"]["faults"], ["expired"])
        got, report = answers(renewed, "--name", "sip.example.test",
                              data=data)
        equal(report["chain"]["faults"], ["name"])
        # The calendar says whom the end of a root hits.
        got, report = answers(renewed, data=data)
        hit = [d for d in report["calendar"] if d["day"] == "2030-06-04"]
        equal([(d["in_use"], d["devices"], d["about"]) for d in hit],
              [(True, 1, "ISRG Root X1")])


def who_only_looks_is_no_device():
    with tempfile.TemporaryDirectory() as folder, Fleet(folder) as fleet:
        checked = subprocess.run(
            [SIPTRUST, "check", "127.0.0.1:%d" % fleet.edge.tls, "--timeout",
             "30", "--name", NAME, "--as", "yealink-v80"], timeout=60,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        equal(checked.returncode, 1, checked.stderr)
        data = fleet.down()
        status = json.loads(subprocess.run(
            [SIPTRUST, "status", "--json", "--data", data], timeout=60,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout)
        assert len(status["devices"]) > 3, "it left its traces"
        got, report = answers(fleet.pki.issue("renewed")[0], data=data)
        equal(set(got), {"100", "101", "102"})


# ISRG Root X1 as issuer, by name and key identifier.
UNDER_A_PUBLIC_ROOT = """
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 \\
    -config cnf -subj "/C=US/O=Internet Security Research Group/CN=ISRG Root X1"
openssl req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -config cnf \\
    -subj "/CN=$1"
openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial \\
    -days 20 -extfile cnf -extensions leaf -out leaf.pem
"""
UNDER_CNF = """[req]
distinguished_name = any
x509_extensions = ca
string_mask = nombstr
[any]
[ca]
basicConstraints = critical,CA:true
subjectKeyIdentifier = 79B459E67BB6E5E40173800888C81A58F6E99B6E
[leaf]
subjectAltName = DNS:%s
authorityKeyIdentifier = keyid
"""
ISRG_ROOT_X1 = ("96bcec06264976f37460779acf28c5a7"
                "cfe8a3c0aae11a8ffcee05c0bddf08c6")


def under_a_public_root(folder):
    with open(os.path.join(folder, "cnf"), "w") as f:
        f.write(UNDER_CNF % NAME)
    p = subprocess.run(["sh", "-ec", UNDER_A_PUBLIC_ROOT, "sh", NAME],
                       cwd=folder, stdin=subprocess.DEVNULL, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    equal(p.returncode, 0, p.stdout)
    return os.path.join(folder, "leaf.pem")


def what_a_device_was_asked_counts():
    with tempfile.TemporaryDirectory() as folder, Edge(
            domain=NAME, users=["100"]) as edge:
        chain = under_a_public_root(folder)
        register(edge, "100", "polycom-vvx", "tls", "127.0.0.11", edge.ca)
        edge.wait_line(r" registered aor=100@")
        edge.stop()
        for holding, confidence, says in (
                (None, None, ("unknown", "never_shown", False)),
                ("holds", "certain", ("accepts", "asked_holds", False)),
                ("lacks", "likely", ("refuses", "asked_lacks", True)),
                ("lacks", "possible", ("unknown", "never_shown", False)),
                ("cannot_tell", "certain",
                 ("unknown", "never_shown", False))):
            with sqlite3.connect(edge.data + "/devices.db") as db:
                db.execute("DELETE FROM probe_holding")
                if holding:
                    db.execute(
                        "INSERT INTO probe_holding SELECT id, ?, 'ISRG Root "
                        "X1', ?, ?, 'spoofed_root', '', 1 FROM device",
                        (ISRG_ROOT_X1, holding, confidence))
            got, report = answers(chain, data=edge.data)
            equal(report["chain"]["faults"], [])
            equal(got, {"100": says}, holding)


def what_is_in_use_expires_too():
    with tempfile.TemporaryDirectory() as folder, Fleet(folder) as fleet:
        renewed = fleet.pki.issue("renewed")[0]
        fleet.place(*fleet.pki.issue("last", end="20391231235959Z"))
        data = fleet.down()
        got, report = answers(renewed, "-c", fleet.edge.config, data=data)
        hit = [d for d in report["calendar"] if d["day"] == "2039-12-31"]
        equal([(d["what"], d["about"], d["in_use"], d["devices"])
               for d in hit],
              [("the certificate of chain public expires", NAME, True, 1)])
        os.remove(fleet.chain + ".pem")
        contains(preflight(renewed, "-c", fleet.edge.config, data=data,
                           code=3)[1], fleet.chain + ".pem")
        contains(preflight(renewed, "-c", folder + "/none", data=data,
                           code=3)[1], folder + "/none")


def what_cannot_be_read_is_told():
    with tempfile.TemporaryDirectory() as folder:
        pki = Pki(folder, NAME)
        sub = Pki(folder, NAME, ca_name="Sub")
        pki.sign(sub.request(), sub.path("sub.pem"), "20200101000000Z",
                 "20491231235959Z", kind="sub")
        leaf, key = sub.issue("leaf")
        second = sub.issue("second")[0]
        empty = os.path.join(folder, "empty")
        os.mkdir(empty)

        def pem(*parts):
            number = len(os.listdir(folder))
            path = os.path.join(folder, "chain-%d.pem" % number)
            with open(path, "w") as out:
                for part in parts:
                    with open(part) as f:
                        out.write(f.read())
            return path

        for chain, told in (
                (pem(leaf, pki.ca, sub.path("sub.pem")), "out of order: "
                 "certificate 2 (Test Root) does not certify certificate 1"),
                (pem(sub.path("sub.pem"), leaf), "out of order"),
                (pem(leaf, second), "there are two leaves"),
                (key, "certificate"), (os.path.join(folder, "none"), "none"),
                (pem(leaf, sub.path("sub.pem"), pki.ca),
                 "devices.db")):
            out, err = preflight(chain, data=empty, code=3)
            equal(out, "")
            contains(err, told)
        with Edge(domain=NAME) as edge:
            edge.stop()
            out, err = preflight(pem(leaf, key, sub.path("sub.pem"), pki.ca),
                                 data=edge.data, code=0)
            contains(out, "note: the file holds a private key as well")
            contains(out, "no device is known yet")
            out, err = preflight(leaf, "--instead", "nobody", data=edge.data,
                                 code=3)
            contains(err, "no device was shown a chain \"nobody\"")
        for words in ((), ("a", "b"), ("a", "--what")):
            p = subprocess.run([SIPTRUST, "preflight", *words], timeout=60,
                               stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
            equal((p.returncode, p.stdout), (2, b""))


# ---- the how-to ----

def scripts(folder):
    """Those of the how-to, with their files' names, as it has them."""
    with open(HOW_TO, encoding="utf-8") as f:
        text = f.read()
    out = []
    for name, body in re.findall(
            r"`/[^`]*?([^`/]*)`, mode 0755.*?```sh\n(.*?)```", text, re.S):
        path = os.path.join(folder, name)
        with open(path, "w") as f:
            f.write(body.replace("/usr/local/sbin/", folder + "/"))
        os.chmod(path, 0o755)
        out.append(path)
    return out


def a_renewal_is_deployed_only_if_nobody_goes_dark():
    """One phone, that holds the root of chain public and refused the one of
    chain trial: a renewal that leads to the latter's root is not deployed."""
    with tempfile.TemporaryDirectory() as folder:
        deploy, hook = scripts(folder)
        equal([os.path.basename(p) for p in (deploy, hook)],
              ["siptrust-deploy", "siptrust"])
        pki = Pki(folder, NAME, ca_name="ISRG Root X1")
        other = Pki(folder, NAME, ca_name="Another Root")
        chain, lineage, program = (os.path.join(folder, n) for n in
                                   ("public", "live", "bin"))
        os.mkdir(lineage)
        os.mkdir(program)
        os.symlink(SIPTRUST, os.path.join(program, "siptrust"))

        def renew(files, data):
            """As certbot does it; the hook's exit code and what it said."""
            shutil.copy(files[0], lineage + "/fullchain.pem")
            shutil.copy(files[1], lineage + "/privkey.pem")
            p = subprocess.run(
                [hook], timeout=60, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                universal_newlines=True,
                env=dict(os.environ, RENEWED_LINEAGE=lineage,
                         SIPTRUST_CHAIN=chain, SIPTRUST_DATA=data,
                         PATH=program + ":" + os.environ["PATH"]))
            return p.returncode, p.stdout

        def contents(files):
            return [open(f).read() for f in files]

        in_use = chain + ".pem", chain + ".key"
        # The first takes nobody's place.
        first = pki.issue("first")
        equal(renew(first, folder), (0, ""))
        equal(contents(in_use), contents(first))
        equal([os.stat(f).st_mode & 0o777 for f in in_use], [0o600] * 2)
        with Edge(domain=NAME, users=("100",), config=TWO % (
                other.issue("trial") + in_use)) as edge:
            for event in r" tls-refused .*chain=trial", r" registered aor=100":
                register(edge, "100", "yealink-v80", "tls", "127.0.0.11",
                         pki.ca)
                edge.wait_line(event)
            edge.stop()
            edge.start()  # what it knew is in its file
            same = pki.issue("same")
            code, said = renew(same, edge.data)
            equal(code, 0, said)
            contains(said, "will accept it: 1\n")
            equal(contents(in_use), contents(same))
            edge.wait_line(r" info certificate-renewed chain=public ")
            bad = other.issue("bad")
            code, said = renew(bad, edge.data)
            equal(code, 1, said)
            contains(said, "100@%s GOES DARK: refused chain trial" % NAME)
            contains(said, "siptrust-deploy: not deployed (exit 1)")
            equal(contents(in_use), contents(same))
            # What is no chain is not deployed either.
            code, said = renew((bad[1], bad[1]), edge.data)
            equal(code, 1, said)
            contains(said, "not deployed (exit 3)")
            equal(contents(in_use), contents(same))


if __name__ == "__main__":
    tap.main([each_device_is_told_by_what_it_did,
              what_a_device_was_asked_counts,
              who_only_looks_is_no_device,
              what_is_in_use_expires_too,
              what_cannot_be_read_is_told,
              a_renewal_is_deployed_only_if_nobody_goes_dark], jobs=3)
