# SPDX-License-Identifier: BSD-2-Clause
"""The documents: every command in them is one that the program takes, and
every link leads somewhere."""
import os
import re
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import ROOT, SIPTRUST  # noqa: E402
from tap import equal  # noqa: E402

# What stands behind a command and is not of it.
BEHIND = ("|", "||", "&&", ">", ">>", "<", ";", "#", "2>&1")


def pages():
    yield "README.md"
    for folder in ("docs", "docs/how-to", "docs/devices"):
        for name in sorted(os.listdir(os.path.join(ROOT, folder))):
            if name.endswith(".md"):
                yield os.path.join(folder, name)


def manuals():
    for name in sorted(os.listdir(os.path.join(ROOT, "man"))):
        if name.startswith("siptrust"):
            yield os.path.join("man", name)


def text_of(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as f:
        return f.read()


def commands_of(page):
    text = text_of(page)
    if page.startswith("man/"):
        for line in re.findall(r"^\.D[l1] (.*)$", text, re.M):
            yield line.replace(r"\&", "").replace(r"\-", "-")
        return
    joined = re.sub(r"\\\n\s*", " ", text)
    yield from re.findall(r"^ {4,}(?:[$#] )?(siptrust .*)$", joined, re.M)
    yield from re.findall(r"`(siptrust [^`]*)`", re.sub(r"\s+", " ", text))


def words_of(command):
    """Its arguments, or None: words about a command, no command."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    for i, word in enumerate(words):
        if word in BEHIND or word.startswith((">", "2>")):
            words = words[:i]
            break
    if not words or words[0] != "siptrust" or len(words) < 2 or \
            not re.match(r"[a-z]+$", words[1]):
        return None
    return [w for w in words[1:] if w != "..."]


def every_command_is_one():
    seen = set()
    for page in list(pages()) + list(manuals()):
        for command in commands_of(page):
            words = words_of(command)
            if words is None or tuple(words) in seen:
                continue
            seen.add(tuple(words))
            # With --help at its end it is read whole, and not run.
            p = subprocess.run([SIPTRUST] + words + ["--help"], text=True,
                               stdin=subprocess.DEVNULL, timeout=60,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
            equal((p.returncode, p.stderr), (0, ""), "%s: %s" % (page,
                                                               command))
    print("# %d commands" % len(seen))
    equal(len(seen) > 60, True)


def every_link_leads_somewhere():
    number = 0
    for page in pages():
        for target in re.findall(r"\]\(([\w-]*[./][\w./-]*)(?:#[^)\s]*)?\)",
                                 text_of(page)):
            number += 1
            path = os.path.normpath(os.path.join(
                ROOT, os.path.dirname(page), target))
            equal(os.path.exists(path), True, "%s: %s" % (page, target))
    equal(number > 40, True)


if __name__ == "__main__":
    tap.main([every_command_is_one, every_link_leads_somewhere])
