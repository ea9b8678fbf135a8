# SPDX-License-Identifier: BSD-2-Clause
"""Each stack against an edge with more chains than the one that it cannot
take: refused once at most, registered on its next attempt, and from then on
at once; and then the edge knows for certain why."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import lab  # noqa: E402
import stacks  # noqa: E402
import tap  # noqa: E402
from chains import Chains  # noqa: E402
from table import Table, fields  # noqa: E402

JOBS = 4
REFUSED = r"^\S+ warn tls-refused .*\bpeer=%s:.*$"
SERVED = r"^\S+ info tls-served .*\bpeer=%s:.*$"


def about(edge, pattern, host):
    """The fields of the line that the edge writes about this phone."""
    return fields(edge.wait_line(pattern % host.address).group(0))


def told(edge, pattern, host):
    """How often the edge has told it, at the end with all repeats."""
    count = 0
    for line in edge.lines:
        if fields(line).get("peer", "").startswith(host.address + ":") and \
                pattern in line:
            count += 1 + int(fields(line).get("repeat", 0))
    return count


def until_registered(stack, case, phone, edge, host, row):
    """Up to two attempts; the row gets what happened."""
    row.update(stack=stack.name, case=case)
    try:
        row["first"] = phone.attempt()
        if row["first"] == "refused":
            row.update(about(edge, REFUSED, host))
            row["second"] = phone.attempt()
            if row["second"] == "registered":
                served = about(edge, SERVED, host)
                row["said"] = row["cause"]
                row.update((k, served.get(k)) for k in
                           ("cause", "confidence", "next_best", "refused"))
    finally:
        TABLE.add(**row)


def refused_once(stack, case, chains, store, proves=None, more="", subnet=1,
                 **options):
    """Refuses the first of chains, takes the second; that proves the cause."""
    with LAB.edge(chains, more) as edge:
        host = LAB.host(subnet)
        phone = stack.phone(host, edge, store, **options)
        row = {}
        try:
            until_registered(stack, case, phone, edge, host, row)
            tap.equal(row["first"], "refused", phone.told)
            tap.equal(row["chain"], chains[0][0], "refused chain")
            tap.equal(row["second"], "registered", phone.told)
            phone.restart()
            tap.equal(phone.attempt(), "registered", "from then on")
        finally:
            phone.close()
        edge.stop()
        tap.equal(told(edge, " tls-refused ", host), 1, "refusals")
        tap.equal(row["refused"], chains[0][0])
        if proves:
            tap.equal([row["cause"], row["confidence"]], [proves, "certain"])
        return row


def proof(stack):
    # One silence may be a cable: it is told as such.
    return None if "mute" in stack.is_a else "untrusted_root"


def holds_only_root_b(stack):
    row = refused_once(stack, "roots", [A, B], CHAINS.store("b"), proof(stack))
    tap.equal(row["root"], "Lab Root A")
    tap.equal(row["said"], "closed_silently" if "mute" in stack.is_a else
              "untrusted_root")


def holds_only_root_b_and_speaks_1_0(stack):
    refused_once(stack, "roots, 1.0", [A, B], CHAINS.store("b"), proof(stack),
                 'old_tls = { "10.77.2.0/24" }\n', 2, options=["tls1.0"])


def is_spared_the_ecdsa_chain(stack):
    """The hello says what it can use: not one refusal."""
    with LAB.edge([AEC, A]) as edge:
        host = LAB.host()
        phone = stack.phone(host, edge, CHAINS.store("a"), options=["rsa"])
        row = {}
        until_registered(stack, "ecdsa", phone, edge, host, row)
        tap.equal(row["first"], "registered", phone.told)


def is_let_in_with_1_0_in_its_subnet_alone(stack):
    with LAB.edge([A], 'old_tls = { "10.77.2.0/24" }\n') as edge:
        for subnet, case, outcome in ((1, "1.0 forbidden", "refused"),
                                      (2, "1.0 allowed", "registered")):
            host = LAB.host(subnet)
            phone = stack.phone(host, edge, CHAINS.store("a"),
                                options=["tls1.0"])
            row = {"stack": stack.name, "case": case,
                   "first": phone.attempt()}
            if row["first"] == "refused":
                row.update(about(edge, REFUSED, host))
            TABLE.add(**row)
            tap.equal(row["first"], outcome, phone.told)
            if outcome == "refused":
                tap.equal([row["cause"], row["confidence"]],
                          ["protocol_version", "certain"])
                tap.contains(row["remedy"], "old_tls")


def takes_the_cross_signed_chain(stack):
    """A path to the root that it holds is there: not one refusal."""
    with LAB.edge([CROSS]) as edge:
        phone = stack.phone(LAB.host(), edge, CHAINS.store("x"))
        try:
            row = {"stack": stack.name, "case": "cross",
                   "first": phone.attempt()}
            TABLE.add(**row)
            tap.equal(row["first"], "registered", phone.told)
        finally:
            phone.close()


def takes_the_short_path_where_the_crossed_one_has_expired(stack):
    """What was sent is followed to its end: to a root that has expired."""
    row = refused_once(stack, "expired", [CROSS], CHAINS.store("xe"))
    tap.equal(row["said"], "certificate_expired")


def takes_the_short_path_where_the_crossed_one_is_too_long(stack):
    refused_once(stack, "depth", [CROSS], CHAINS.store("xe"),
                 options=["depth=0"])


LAB = lab.Lab()
CHAINS = Chains(LAB, "abxe")
A, B, AEC = (CHAINS.chain(name) for name in ("a", "b", "aec"))
CROSS = (*CHAINS.cross(), "short = 1")
TABLE = Table()
if __name__ == "__main__":
    tap.main(stacks.tests((
        ("", holds_only_root_b),
        ("new-paths", takes_the_cross_signed_chain),
        ("old-paths",
         takes_the_short_path_where_the_crossed_one_has_expired),
        ("old-paths",
         takes_the_short_path_where_the_crossed_one_is_too_long),
        ("rsa", is_spared_the_ecdsa_chain),
        ("tls1.0", is_let_in_with_1_0_in_its_subnet_alone),
        ("tls1.0", holds_only_root_b_and_speaks_1_0))), JOBS, TABLE.show)
