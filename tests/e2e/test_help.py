# SPDX-License-Identifier: BSD-2-Clause
"""--help and the man page of each command name the same options."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import ROOT, SIPTRUST  # noqa: E402
from tap import equal  # noqa: E402


def told(*words):
    p = subprocess.run([SIPTRUST, *words, "--help"], timeout=60,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, universal_newlines=True)
    equal((p.returncode, p.stderr), (0, ""), " ".join(words))
    return p.stdout


def listed(text):
    """The words that a list of commands or verbs begins its lines with."""
    return re.findall(r"^  ([a-z]+)  +\S", text, re.M)


def page(command):
    for section in "18":
        path = "%s/man/siptrust-%s.%s" % (ROOT, command, section)
        if os.path.exists(path):
            with open(path) as f:
                return f.read()
    raise AssertionError("no man page of siptrust %s" % command)


def options_of(command):
    """Those that --help has rows for, its own and its verbs'."""
    words = [(command,)]
    if command == "roots":
        words = [("roots", v) for v in listed(told("roots"))]
    return {o for w in words for o in re.findall(
        r"^  (?:-\w, |    )--([a-z0-9-]+)", told(*w), re.M)}


def commands():
    found = listed(told())
    equal(len(found) >= 12, True, "commands: %s" % found)
    return found


def the_pages_name_the_options_of_help():
    for command in commands():
        documented = set(re.findall(r"Fl -([a-z0-9-]+)", page(command)))
        missing = options_of(command) - documented - {"help"}
        equal(missing, set(), "not in siptrust-%s's page" % command)


def the_pages_name_no_other_options():
    for command in commands():
        text = page(command)
        there = options_of(command) | {"help"}
        rows = set(re.findall(r"^\.It (?:Fl \w , )?Fl -([a-z0-9-]+)", text,
                              re.M))
        equal(rows - there, set(), "in siptrust-%s's page alone" % command)
        equal(len(there) > 1, True, command)


if __name__ == "__main__":
    tap.main([the_pages_name_the_options_of_help,
              the_pages_name_no_other_options])
