# SPDX-License-Identifier: BSD-2-Clause
"""Tests as functions; results as TAP."""
import concurrent.futures
import sys
import traceback


class Skip(Exception):
    """Raised by a test that cannot run here; says why."""


def run(test):
    """Its state and, where it did not pass, why."""
    try:
        test()
        return "ok", ""
    except Skip as why:
        return "skip", str(why)
    except Exception:
        return "not ok", traceback.format_exc()


def main(tests, jobs=1, finish=None):
    """Run each function of tests, jobs at a time; finish is called after the
    last.  Exit 1 when one failed."""
    failed = 0
    print("1..%d" % len(tests))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = pool.map(run, tests) if jobs > 1 else map(run, tests)
        for number, (test, (state, why)) in enumerate(zip(tests, results), 1):
            failed += state == "not ok"
            line = "%d - %s" % (number, test.__name__)
            if state == "skip":
                print("ok %s # SKIP %s" % (line, why))
            else:
                print(state, line)
                for text in why.splitlines():
                    print("# " + text)
            sys.stdout.flush()
    if finish:
        finish()
    sys.exit(1 if failed else 0)


def equal(got, want, what=""):
    if got != want:
        raise AssertionError("%s: got %r, expected %r" % (what, got, want))


def contains(text, part, what=""):
    if part not in text:
        raise AssertionError("%s: %r is not in:\n%s" % (what, part, text))
