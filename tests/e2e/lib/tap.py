# SPDX-License-Identifier: BSD-2-Clause
"""Tests as functions; results as TAP."""
import sys
import traceback


class Skip(Exception):
    """Raised by a test that cannot run here; says why."""


def main(tests):
    """Run each function of tests; exit 1 when one failed."""
    failed = 0
    print("1..%d" % len(tests))
    for number, test in enumerate(tests, 1):
        name = test.__name__
        try:
            test()
            print("ok %d - %s" % (number, name))
        except Skip as why:
            print("ok %d - %s # SKIP %s" % (number, name, why))
        except Exception:
            failed += 1
            print("not ok %d - %s" % (number, name))
            for line in traceback.format_exc().splitlines():
                print("# " + line)
        sys.stdout.flush()
    sys.exit(1 if failed else 0)


def equal(got, want, what=""):
    if got != want:
        raise AssertionError("%s: got %r, expected %r" % (what, got, want))


def contains(text, part, what=""):
    if part not in text:
        raise AssertionError("%s: %r is not in:\n%s" % (what, part, text))
