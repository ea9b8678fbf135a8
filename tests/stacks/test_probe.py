# SPDX-License-Identifier: BSD-2-Clause
"""siptrust roots probe against real stacks whose store is known: it finds
exactly what is in it where the stack tells, and says "cannot tell" where it
does not."""
import hashlib
import json
import os
import random
import re
import shutil
import ssl
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import lab  # noqa: E402
import stacks  # noqa: E402
import tap  # noqa: E402
from chains import Chains  # noqa: E402
from edge import SIPTRUST, until  # noqa: E402

JOBS = 4
SYSTEM = "/etc/ssl/certs/ca-certificates.crt"
PUBLIC = 112        # of the system's roots, some of which have expired
MADE = 16           # roots of a hierarchy of our own, with leaves to show
SLOW = 6            # for a phone that takes seconds for a connection
PEM = re.compile(r"-----BEGIN.*?-----END CERTIFICATE-----\n", re.S)
HEAD = ("stack", "asked for", "roots", "held", "method", "holds", "lacks",
        "untold", "wrong", "asked", "certain")


def openssl(*argv, **options):
    subprocess.run(["openssl", *argv], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   **options)


def one_of_each_name():
    """The system's roots; two of one name and key cannot be told apart."""
    with open(SYSTEM) as f:
        found = PEM.findall(f.read())
    bundle = subprocess.run(["openssl", "crl2pkcs7", "-nocrl", "-certfile",
                             SYSTEM], check=True, stdout=subprocess.PIPE)
    said = subprocess.run(["openssl", "pkcs7", "-print_certs", "-noout"],
                          check=True, input=bundle.stdout,
                          stdout=subprocess.PIPE).stdout.decode()
    names = re.findall(r"^subject=.*$", said, re.M)
    tap.equal(len(names), len(found), "names")
    return list(dict(zip(names, found)).values())


class World:
    """One edge's chain, roots to ask for, and a hierarchy of our own."""

    def __init__(self, of):
        self.chains = Chains(of, "a")
        self.chain = self.chains.chain("a")  # once: the tests are parallel
        self.own = self.chains.roots["a"].ca
        self.public = one_of_each_name()[:PUBLIC]
        self.folder = of.path("public")
        os.chmod(self.folder, 0o755)
        self.made, self.leaf, self.foreign = [], [], []
        openssl("genrsa", "-out", self.path("root.key"), "2048")
        openssl("genrsa", "-out", self.path("leaf.key"), "2048")
        for name in lab.DOMAIN, "www.example.net":
            with open(self.path(name), "w") as f:
                f.write("subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth\n"
                        "basicConstraints=CA:false\n"
                        "authorityKeyIdentifier=keyid\n" % name)
            openssl("req", "-new", "-key", self.path("leaf.key"), "-subj",
                    "/CN=" + name, "-out", self.path(name + ".csr"))
        for n in range(MADE):
            self.make(n)

    def path(self, name):
        return os.path.join(self.folder, name)

    def make(self, n):
        """A root, a certificate of it for us, and one for somebody else."""
        root = self.path("root-%d.pem" % n)
        openssl("req", "-x509", "-key", self.path("root.key"), "-days", "300",
                "-subj", "/O=Public CA/CN=Public Root %d" % n, "-out", root)
        with open(root) as f:
            self.made.append(f.read())
        for name, to in (lab.DOMAIN, self.leaf), ("www.example.net",
                                                  self.foreign):
            out = self.path("%s-%d.pem" % (name, n))
            openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA",
                    root, "-CAkey", self.path("root.key"), "-set_serial",
                    str(1000 + n), "-days", "90", "-extfile",
                    self.path(name), "-out", out)
            with open(out) as f:
                to.append(f.read())

    def store(self, of, roots):
        """The chain's root, and a random half of these: file, and names."""
        held = random.sample(roots, len(roots) // 2)
        path = os.path.join(of.path("store"), "store.pem")
        os.chmod(os.path.dirname(path), 0o755)
        with open(self.own) as own, open(path, "w") as f:
            f.write(own.read() + "".join(held))
        os.chmod(path, 0o644)
        return path, held


class QuickPhone(stacks.PipePhone):
    """Hundreds of connections: into the network namespace alone, and where it
    runs in an older Debian with its store copied in there."""

    def __init__(self, stack, host, edge, store):
        super().__init__(stack, host, edge, store)
        self.copy = None
        if stack.root:
            self.copy = "%s/tmp/%s.pem" % (stack.root, host.ns)
            shutil.copy(store, self.copy)

    def argv(self):
        net = ["nsenter", "--net=/run/netns/" + self.host.ns]
        if not self.copy:
            return net + self.stack.argv(str(self.edge.tls), self.store, [])
        return net + ["chroot", self.stack.root] + self.stack.argv(
            str(self.edge.tls), self.copy[len(self.stack.root):], [])

    def close(self):
        if self.copy:
            os.unlink(self.copy)


def write(path, parts):
    with open(path, "w") as f:
        f.write("".join(parts))
    return path


def sha256(pem):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


class Table:
    rows, lock = [], threading.Lock()

    @classmethod
    def add(cls, *row):
        with cls.lock:
            cls.rows.append([str(v) for v in row])

    @classmethod
    def show(cls):
        rows = [list(HEAD)] + sorted(cls.rows)
        widths = [max(len(r[i]) for r in rows) for i in range(len(HEAD))]
        for row in rows:
            print("# | " + "  ".join(
                v.ljust(w) for v, w in zip(row, widths)).rstrip())


def probe(edge, *argv):
    p = subprocess.run([SIPTRUST, "roots", "probe", *argv, "--data",
                        edge.data], text=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return p.stdout + p.stderr


def shown(edge, device):
    return json.loads(probe(edge, device, "--show", "--json"))


def ask(stack, what, roots, *argv, own=True):
    """A whole run; what each root came to, and what is in the store."""
    world = WORLD
    store, held = world.store(LAB, roots)
    with LAB.edge([world.chain]) as edge:
        host = LAB.host()
        quick = stack.phone_class is stacks.PipePhone
        phone = (QuickPhone if quick else stack.phone_class)(
            stack, host, edge, store)
        try:
            tap.equal(phone.attempt(), "registered", phone.told)
            until("it is in the file", lambda: "no device" not in
                  probe(edge, host.address, "--dry-run"))
            told = write(os.path.join(LAB.path("ask"), "roots.pem"),
                         roots + ([open(world.own).read()] if own else []))
            said = probe(edge, host.address, "--force", "--no-wait",
                         "--candidates", told, *argv)
            tap.equal(said, "", "the order")
            edge.wait_line(" probe-begin ")
            while not edge.find(" probe-end "):
                if not quick:
                    phone.restart()
                phone.attempt()
        finally:
            phone.close()
        until("the end is in the file", lambda: shown(
            edge, host.address)["state"] != "running")
        result = shown(edge, host.address)
    return check(stack, what, result, roots, held)


def check(stack, what, result, roots, held):
    truth = {sha256(pem): pem in held for pem in roots}
    came = [r for r in result["roots"] if r["sha256"] in truth]
    wrong = [r["root"] for r in came if r["belief"] != "cannot_tell" and
             (r["belief"] == "holds") != truth[r["sha256"]]]
    count = {b: sum(r["belief"] == b for r in came)
             for b in ("holds", "lacks", "cannot_tell")}
    methods = sorted({r["method"] or "-" for r in came})
    Table.add(stack.name, what, len(came), sum(truth.values()),
              ",".join(methods), count["holds"], count["lacks"],
              count["cannot_tell"], len(wrong), result["asked"],
              sum(r["confidence"] == "certain" for r in came))
    tap.equal(result["state"], "done", json.dumps(result["state"]))
    tap.equal(wrong, [], "told wrong")
    return result, count, len(came)


# ---- the tests ----

def finds_the_store_by_spoofed_roots(stack):
    result, count, n = ask(stack, "public roots", WORLD.public)
    tap.equal(count["cannot_tell"], 0, "not told")
    # One handshake for each root, and few for the controls.
    if result["asked"] > n + 1 + 2 * (n // 25 + 3):
        raise AssertionError("%d questions for %d roots" %
                             (result["asked"], n))


def finds_the_store_by_genuine_chains(stack):
    leaves = write(WORLD.path("leaves-%s.pem" % stack.name), WORLD.leaf)
    few = stack.phone_class is not stacks.PipePhone
    roots = WORLD.made[:SLOW] if few else WORLD.made
    result, count, n = ask(stack, "our own hierarchy", roots, "--genuine",
                           leaves, "--method", "genuine_chain")
    tap.equal(count["cannot_tell"], 0, "not told")


def cannot_tell_by_spoofed_roots(stack):
    result, count, n = ask(stack, "our own hierarchy", WORLD.made,
                           "--method", "spoofed_root")
    tap.equal(count["cannot_tell"], n, "told")
    # Given up at the positive control: nobody is asked in vain.
    if result["asked"] > 5:
        raise AssertionError("%d questions" % result["asked"])


def cannot_tell_by_a_foreign_name(stack):
    foreign = write(WORLD.path("foreign-%s.pem" % stack.name), WORLD.foreign)
    result, count, n = ask(stack, "a foreign name", WORLD.made[:8],
                           "--genuine", foreign, "--method", "genuine_chain",
                           own=False)
    tap.equal(count["cannot_tell"], n, "told")


ROWS = (
    (finds_the_store_by_spoofed_roots,
     "openssl-3.0 openssl-1.1.1 wolfssl nss"),
    (finds_the_store_by_genuine_chains,
     "mbedtls gnutls linphone"),
    (cannot_tell_by_spoofed_roots, "mbedtls gnutls pjsip-like silent node"),
    (cannot_tell_by_a_foreign_name, "mbedtls"),
)


def tests():
    for function, names in ROWS:
        for stack in stacks.STACKS:
            if stack.name not in names.split():
                continue

            def test(stack=stack, function=function):
                stack.check()
                function(stack)
            test.__name__ = "%s %s" % (stack.name, function.__name__)
            if all(word in test.__name__ for word in sys.argv[1:]):
                yield test


if __name__ == "__main__":
    with lab.Lab() as LAB:
        WORLD = World(LAB)
        tap.main(list(tests()), JOBS, Table.show)
