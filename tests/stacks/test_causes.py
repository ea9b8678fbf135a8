# SPDX-License-Identifier: BSD-2-Clause
"""Each stack against one chain that it cannot take: the line says why, and
where no more can be told, says no more."""
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
REFUSAL = r"^\S+ warn tls-refused .*\bpeer=%s:.*$"


def refused(stack, case, chain, store, causes, **options):
    """Refused; the line names the first of causes, and as the next best the
    second where one is given."""
    with LAB.edge([chain]) as edge:
        host = LAB.host()
        phone = stack.phone(host, edge, CHAINS.store(store), **options)
        row = {"stack": stack.name, "case": case}
        try:
            row["first"] = phone.attempt()
            if row["first"] == "refused":
                row.update(fields(edge.wait_line(
                    REFUSAL % host.address).group(0)))
        finally:
            phone.close()
            TABLE.add(**row)
        tap.equal(row["first"], "refused", phone.told)
        causes = causes.split()
        tap.equal([row["cause"], row.get("next_best")][:len(causes)], causes,
                  phone.told)
        return row


def registers_with_the_root(stack):
    with LAB.edge([A]) as edge:
        phone = stack.phone(LAB.host(), edge, CHAINS.store("a"))
        try:
            tap.equal(phone.attempt(), "registered", phone.told)
        finally:
            phone.close()
        edge.stop()
        tap.equal(edge.count(" tls-refused "), 0)


def lacks_the_root(stack):
    row = refused(stack, "root", A, "b", "closed_silently"
                  if "mute" in stack.is_a else "untrusted_root")
    tap.equal(row["root"], "Lab Root A")
    # One handshake proves nothing: another cause could stand behind it.
    assert row["confidence"] != "certain", row


def believes_it_is_2009(stack):
    causes = "not_yet_valid"
    if "mute" in stack.is_a:
        causes = "closed_silently"
    elif "blunt" in stack.is_a:
        causes = "untrusted_root not_yet_valid"
    row = refused(stack, "clock", A, "a", causes, clock=stacks.PAST)
    assert row["confidence"] != "certain", row


def can_only_use_rsa(stack):
    refused(stack, "ecdsa", AEC, "a", "key_type_unsupported", options=["rsa"])


def speaks_only_1_0(stack):
    row = refused(stack, "tls1.0", A, "a", "protocol_version",
                  options=["tls1.0"])
    tap.equal(row["confidence"], "certain")


LAB = lab.Lab()
CHAINS = Chains(LAB)
A, AEC = CHAINS.chain("a"), CHAINS.chain("aec")
TABLE = Table()
if __name__ == "__main__":
    tap.main(stacks.tests((
        ("", registers_with_the_root),
        ("", lacks_the_root),
        ("clock", believes_it_is_2009),
        ("rsa", can_only_use_rsa),
        ("tls1.0", speaks_only_1_0))), JOBS, TABLE.show)
