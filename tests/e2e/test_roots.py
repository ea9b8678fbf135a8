# SPDX-License-Identifier: BSD-2-Clause
"""siptrust roots: what is published, what devices have shown, exit codes."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import PASSWORD, SIPTRUST, Edge  # noqa: E402
from pki import Pki  # noqa: E402
from tap import contains, equal  # noqa: E402


def roots(*words, data="/nonexistent"):
    p = subprocess.run([SIPTRUST, "roots", *words] +
                       (["--data", data] if data else []), timeout=60,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, universal_newlines=True)
    return p.returncode, p.stdout, p.stderr


def all_roots_are_listed():
    code, out, err = roots("list")
    equal((code, err), (0, ""))
    contains(out, "isrg-root-x1" + " " * 49 + "rsa4096  2015-06-04 "
                  "2035-06-04\n")
    contains(out, "dst-root-ca-x3" + " " * 47 + "rsa2048  2000-09-30 "
                  "2021-09-30 expired\n")
    code, out, err = roots("list", "--json", "--valid")
    equal(code, 0)
    names = [r["name"] for r in json.loads(out)]
    equal(names, sorted(names))
    assert "isrg-root-x1" in names and "dst-root-ca-x3" not in names


def a_profiles_words_are_explained():
    code, out, err = roots("list", "--profile", "SPA502G")
    equal((code, err), (0, ""))
    contains(out, "  Cisco Small Business CA: the maker's own CA; ")
    contains(out, "  CyberTrust CA: one or several of these; ")
    contains(out, "    baltimore-cybertrust-root\n")
    contains(out, "the list is not complete")
    contains(out, "learned: no device has shown anything yet")
    code, out, err = roots("list", "--profile", "unify", "--json")
    equal(json.loads(out), {"profile": "unify", "published": [],
                            "complete": True, "learned": []})


def one_root_is_shown():
    code, out, err = roots("show", "GlobalSign Root CA")
    equal((code, err), (0, ""))
    contains(out, "globalsign-root-ca: GlobalSign Root CA\n")
    contains(out, "seen in    android:2010..2024-06 ")
    contains(out, "  linphone             maybe, as \"those of its own")
    contains(out, "  unify                no\n")
    contains(out, "  2028-01-28 the root expires: Google Trust Services")
    contains(out, "learned: no devices.db to read")
    code, out, err = roots("show", "96:bc:ec:06:26", "--json")
    equal(json.loads(out)["name"], "isrg-root-x1")


def phone(edge, user, address, ca):
    """One attempt to register, as a Yealink that holds one root."""
    subprocess.run(
        [SIPTRUST, "phone", "--as", "yealink-v80", "--transport", "tls",
         "--once", "--password-stdin", "--from", address, "--roots", ca,
         "--server", "127.0.0.1:%d" % edge.tls,
         "sip:%s@%s" % (user, edge.domain)], input=PASSWORD + "\n",
        timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        universal_newlines=True)


def what_devices_have_shown_is_in_it():
    """Two devices at two addresses: one holds the root, one lacks it and is
    then served with our own chain."""
    with tempfile.TemporaryDirectory() as folder, \
            Edge(start=False, settings=("own_chain=true",)) as edge:
        pki = Pki(folder, edge.domain, ca_name="ISRG Root X1")
        edge.extra = ["--chain", "public=%s,%s" % pki.issue("public")]
        os.makedirs(edge.data, 0o700)
        edge.add_users(["100", "101"])
        edge.start()
        phone(edge, "100", "127.0.0.11", pki.ca)
        phone(edge, "101", "127.0.0.12", edge.ca)
        edge.wait_line(r" tls-refused .*peer=127\.0\.0\.12")
        phone(edge, "101", "127.0.0.12", edge.ca)
        edge.wait_line(r" registered aor=101@")
        edge.stop()
        code, out, err = roots("show", "isrg-root-x1", data=edge.data)
        equal((code, err), (0, ""))
        contains(out, "learned\n")
        contains(out, "  100@%s accepts: accepted chain public, last today; "
                      "it may not check\n" % edge.domain)
        contains(out, "  101@%s lacks: refused chain public, last today "
                      "(untrusted_root, certain): \"alert unknown_ca(48)" %
                 edge.domain)
        code, out, err = roots("list", "--device", "101", data=edge.data)
        equal((code, err), (0, ""))
        contains(out, "yealink-v80: ")
        contains(out, "  101@%s holds \"siptrust CA %s\": accepted chain own, "
                      "last today; refused another for its root\n" %
                 (edge.domain, edge.domain))
        code, out, err = roots("list", "--profile", "yealink-v80", "--json",
                               data=edge.data)
        equal(sorted((r["name"], r["belief"])
                     for r in json.loads(out)["learned"]),
              [("100@" + edge.domain, "accepts"),
               ("101@" + edge.domain, "holds"),
               ("101@" + edge.domain, "lacks")])
        # Neither chain serves both, together they do.
        code, out, err = roots("advise", data=edge.data)
        equal((code, err), (0, ""))
        contains(out, "2 devices come over TLS\n")
        contains(out, "  \"Let's Encrypt\": 1 accept, 1 refuse, 0 nobody can "
                      "tell; until 2030-06-04\n      leads to isrg-root-x1\n")
        contains(out, "  \"siptrust CA %s\": 1 accept, 0 refuse, 1 nobody can "
                      "tell; until you end it\n      1 more are of models "
                      "that can be given its CA" % edge.domain)
        contains(out, ": 2 of 2 devices accept one, until 2030-06-04\n")
        code, out, err = roots("advise", "--json", data=edge.data)
        report = json.loads(out)
        equal([report[k] for k in ("over_tls", "served", "until", "left")],
              [2, 2, "2030-06-04", []])
        equal(sorted(o["name"] for o in report["options"] if o["chosen"]),
              ["Let's Encrypt", "siptrust CA " + edge.domain])


def bad_input_has_clear_answers():
    for words, code, text in (
            (("show", "no such root"), 1, "no public root"),
            (("show",), 2, "expected one NAME"),
            (("list", "more"), 2, "\"more\" is too much"),
            (("list", "--profile", "no-phone"), 1, "no profile is called"),
            (("list", "--profile", "a", "--device", "b"), 2, "not both"),
            (("list", "--device", "100"), 3, "devices.db"),
            (("advise",), 3, "devices.db"),
            (("advise", "now"), 2, "is too much"),
            (("dig",), 2, "no verb \"dig\"")):
        got, out, err = roots(*words)
        equal((got, out), (code, ""), " ".join(words))
        contains(err, text, " ".join(words))
    equal(roots(data=None)[0], 2)
    code, out, err = roots("--help", data=None)
    equal((code, err), (0, ""))
    contains(out, "usage: siptrust roots list")


if __name__ == "__main__":
    tap.main([all_roots_are_listed, a_profiles_words_are_explained,
              one_root_is_shown, what_devices_have_shown_is_in_it,
              bad_input_has_clear_answers])
