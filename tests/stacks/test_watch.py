# SPDX-License-Identifier: BSD-2-Clause
"""siptrust watch beside real PBXs and the edge: for each cause that the wire
can show, TLS 1.0 to 1.3, the verdict; and the edge's is the same."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import lab  # noqa: E402
import stacks  # noqa: E402
import tap  # noqa: E402
from chains import Chains  # noqa: E402
from edge import DOMAIN, Edge  # noqa: E402
from servers import Asterisk, Kamailio, Port, Watch, raw  # noqa: E402
from table import Table, fields  # noqa: E402

JOBS = 4
EDGE_PORT = 5061
REFUSAL = r"^\S+ warn tls-refused .*\bpeer=(%s:\d+) .*$"
ALL = "1.0", "1.1", "1.2", "1.3"
REGISTER = (b"REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/TCP a;branch="
            b"z9hG4bKa\r\n\r\n")

# name; chain; the client's roots; its versions; further options of it; cause,
# and where the wire shows less at TLS 1.3, what is named first then, the cause
# as the next best.
CASES = [
    ("root", "a", "b", ALL, [], "untrusted_root", None),
    ("expired", "old", "a", ALL, [], "certificate_expired", None),
    ("issuer-missing", "short", "a", ALL, [], "missing_intermediate",
     "untrusted_root"),
    ("name", "name", "a", ALL, [], "name_mismatch", "untrusted_root"),
    ("version", "strict", "a", ("1.0", "1.1"), [], "protocol_version", None),
    ("suites", "a", "a", ("1.2",), ["-cipher", "ECDHE-ECDSA-AES128-SHA"],
     "no_shared_cipher", None),
    ("client-certificate", "wants", "a", ("1.2",), [],
     "client_certificate_missing", None),
]


def beside(server, case, version):
    name, port, roots, _, options, cause, at_13 = case
    host = LAB.host()
    argv = ["openssl", "s_client", "-connect", "%s:%d" % (
        lab.ADDRESS, server.at[port]), "-servername", DOMAIN,
        "-verify_hostname", DOMAIN, "-CAfile", CHAINS.store(roots),
        "-no-CApath", "-verify_return_error", "-tls1" +
        {"1.0": "", "1.1": "_1", "1.2": "_2", "1.3": "_3"}[version]]
    if version < "1.2":
        argv += ["-cipher", "ALL:@SECLEVEL=0"]
    p = subprocess.run(host.argv(argv + options), stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=60)
    hidden = at_13 is not None and version == "1.3"
    v = judge(server.name, "%s %s" % (name, version), host.address + ":",
              at_13 if hidden else cause, p.stdout[-500:])
    if hidden:
        tap.equal(v["next_best"], cause)


def judge(stack, case, client, cause, told=""):
    found = WATCH.handshake(client)
    v = found["verdict"] or {}
    TABLE.add(stack=stack, case=case, first=found["outcome"], **v)
    tap.equal((found["outcome"], v.get("cause")), ("refused", cause), told)
    return v


def in_the_clear(server, case, data, cause):
    host = LAB.host()
    raw(host, server.at["a"], data)
    tap.equal(judge(server.name, case, host.address + ":",
                    cause)["confidence"], "certain")


def same_as_the_edge(stack):
    """Both see the same handshake."""
    stack.check()
    host = LAB.host()
    phone = stack.phone(host, EDGE, CHAINS.store("b"))
    try:
        tap.equal(phone.attempt(), "refused", phone.told)
        line = EDGE.wait_line(REFUSAL % host.address)
    finally:
        phone.close()
    said = fields(line.group(0))
    judge("edge", stack.name, line.group(1), said["cause"], phone.told)


def raw_as_the_edge(case, data):
    host = LAB.host()
    raw(host, EDGE_PORT, data)
    line = EDGE.wait_line(REFUSAL % host.address)
    judge("edge", case, line.group(1), fields(line.group(0))["cause"])


def named(function, name, *argv):
    def test():
        function(*argv)
    test.__name__ = name
    return test


def edit(pki, old, new):
    """Certificates that are issued from now on."""
    path = pki.path("openssl.cnf")
    with open(path) as f:
        text = f.read()
    assert old in text
    with open(path, "w") as f:
        f.write(text.replace(old, new))


def chains():
    """By the name of the port that presents it."""
    a, sub = CHAINS.roots["a"], CHAINS.roots["c"]
    a.sign(sub.request(), "sub.pem", "20200101000000Z", "20491231235959Z",
           kind="sub")
    # Where the issuer is to be had: so it is no root that is missing.
    edit(sub, "[leaf]", "[leaf]\nauthorityInfoAccess = "
         "caIssuers;URI:http://ca.test/c.der")
    made = {"a": CHAINS.chain("a"),
            "old": ("old", *a.issue("old", "20200101000000Z",
                                    "20210101000000Z")),
            "short": ("short", *sub.issue("leaf"))}
    edit(a, "DNS:" + DOMAIN, "DNS:other.test")
    a.host = "other.test"
    made["name"] = ("name", *a.issue("name"))
    return made


def ports(first):
    made = chains_made
    return {name: Port(first + i, made.get(name, made["a"]),
                       "1.2" if name == "strict" else "1.0", name == "wants")
            for i, name in enumerate((*made, "strict", "wants"))}


def begin(kind, first):
    try:
        kind.check()
    except tap.Skip as why:
        return str(why)
    all_ = ports(first)
    server = kind(LAB, list(all_.values()))
    server.at = {name: p.number for name, p in all_.items()}
    return server


def beside_tests(kind, server):
    if isinstance(server, str):
        def test():
            raise tap.Skip(server)
        test.__name__ = "beside " + kind.name
        yield test
        return
    for case in CASES:
        for version in case[3]:
            yield named(beside, "%s %s %s" % (kind.name, case[0], version),
                        server, case, version)
    yield named(in_the_clear, kind.name + " plain SIP", server, "plain SIP",
                REGISTER, "plain_sip_on_tls_port")
    yield named(in_the_clear, kind.name + " HTTP", server, "HTTP",
                b"GET / HTTP/1.1\r\n\r\n", "http_on_tls_port")


def edge_tests():
    for stack in stacks.STACKS:
        yield named(same_as_the_edge, "edge " + stack.name, stack)
    for case, data in (("plain SIP", REGISTER), ("HTTP", b"GET / HTTP/1.1\r\n"
                                                 b"\r\n"),
                       ("noise", b"\x00\x01\x02\x03" * 8)):
        yield named(raw_as_the_edge, "edge " + case, case, data)


LAB = lab.Lab()
CHAINS = Chains(LAB, "abc")
TABLE = Table()
chains_made = chains()


def main():
    global EDGE, WATCH
    servers = [(Kamailio, begin(Kamailio, 5100)),
               (Asterisk, begin(Asterisk, 5200))]
    WATCH = Watch(LAB, [s.at["a"] for _, s in servers
                        if not isinstance(s, str)])
    EDGE = Edge(config='chain a {\n certificate = "%s"\n key = "%s"\n}\n' %
                chains_made["a"][1:], host=lab.ADDRESS, users=[lab.USER],
                prefix=["ip", "netns", "exec", LAB.edge_host.ns],
                settings=lab.PATIENT, start=False)
    EDGE.tls = EDGE_PORT
    os.makedirs(EDGE.data, 0o700)
    EDGE.add_users([lab.USER])
    EDGE.start()
    tests = [t for kind, s in servers for t in beside_tests(kind, s)]
    tests += edge_tests()
    tests = [t for t in tests if all(w in t.__name__ for w in sys.argv[1:])]

    def finish():
        EDGE.stop()
        WATCH.end()
        for _, s in servers:
            if not isinstance(s, str):
                s.end()
        TABLE.show()
    tap.main(tests, JOBS, finish)


if __name__ == "__main__":
    main()
