# SPDX-License-Identifier: BSD-2-Clause
"""siptrust device: what it prints, where its faults go, its exit codes."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import SIPTRUST  # noqa: E402
from tap import contains, equal  # noqa: E402

OWN = """name = our-phone
vendor = We
title = Our phone
user_agent = OurPhone/(*) <*> ; unverified
"""


def device(*words, folder=None):
    env = dict(os.environ)
    env.pop("SIPTRUST_DEVICES", None)
    if folder:
        env["SIPTRUST_DEVICES"] = folder
    p = subprocess.run([SIPTRUST, "device", *words], env=env, timeout=60,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, universal_newlines=True)
    return p.returncode, p.stdout, p.stderr


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def all_are_listed():
    code, out, err = device("list")
    equal((code, err), (0, ""))
    contains(out, "cisco-spa50x         by address            Cisco SPA300")
    code, out, err = device("list", "--json")
    names = [p["name"] for p in json.loads(out)]
    equal(names, sorted(names))
    assert "polycom-vvx" in names


def one_is_shown_by_its_models_name():
    code, out, err = device("show", "spa502g")
    equal((code, err), (0, ""))
    contains(out, "cisco-spa50x: Cisco SPA300 and SPA500 desk phones\n")
    contains(out, "ca_parameter     Custom_CA_RULE\n"
                  "                   [fusionpbx]\n")
    contains(out, "ca_format        pem\n"
                  "                   unverified: no text of Cisco names")
    contains(out, "\n[recog] https://github.com/rapid7/recog")
    code, out, err = device("show", "cisco-spa50x", "--json")
    facts = {f["key"]: f for f in json.loads(out)["facts"]}
    equal(facts["retry_s"]["value"], "30")
    equal(facts["retry_s"]["unverified"], True)
    equal(facts["ca_parameter"]["sources"], ["fusionpbx"])


def a_user_agent_is_matched():
    code, out, err = device("match",
                            "Cisco/SPA502G-7.6.2 (000E08AABBCC)(CBT1)")
    equal((code, err), (0, ""))
    equal(out, "cisco-spa50x: Cisco SPA300 and SPA500 desk phones\n"
               "by http_user_agent, score 90 of 100\nmodel SPA502G\n"
               "firmware 7.6.2\nMAC address 000e08aabbcc\n")
    code, out, err = device("match", "friendly-scanner")
    equal((code, out), (1, "none\n"))
    code, out, err = device("match", "friendly-scanner", "--json")
    equal((code, json.loads(out)), (1, {"profile": None, "score": 0}))
    code, out, err = device(
        "match", "x", "--json", "--ja4",
        "t12d800700_ee0b5a6c69b8_cdbdbcd6f742")
    equal((code, json.loads(out)["profile"]), (0, "linphone"))
    equal(device("match", "\xff\xfe", "--json")[0], 1)


def profiles_of_ones_own():
    with tempfile.TemporaryDirectory() as folder:
        write(folder, "our-phone.device", OWN)
        code, out, err = device("match", "OurPhone/X1 2.0", folder=folder)
        equal((code, out.split("\n")[0]), (0, "our-phone: Our phone"))
        code, out, err = device("match", "OurPhone/X1 2.0", "--devices",
                                folder)
        equal(code, 0)
        bad = write(folder, "bad.device", OWN + "sni = perhaps\n")
        code, out, err = device("list", folder=folder)
        equal((code, out), (3, ""))
        contains(err, bad + ":5: sni: expected where it is from")
    code, out, err = device("list", folder=folder)
    equal((code, out), (3, ""))
    contains(err, folder + ": No such file or directory: expected a folder")


def lint_names_each_fault():
    with tempfile.TemporaryDirectory() as folder:
        good = write(folder, "our-phone.device", OWN)
        equal(device("lint", good),
              (0, good + ": 1 facts, 1 of them unverified\n", ""))
        bad = write(folder, "x.device", OWN + "colour = grey ; unverified\n")
        code, out, err = device("lint", good, bad)
        equal(code, 1)
        contains(out, good)
        equal(err, bad + ':5: "colour": not a key; siptrust-device(5) has '
              "them all\n")
        code, out, err = device("lint", folder + "/none.device")
        equal((code, out), (3, ""))
        contains(err, "none.device")


def an_edge_with_wrong_profiles_does_not_start():
    for setting, value, expected in (
            ("devices_dir", '"/no/such/folder"',
             "/no/such/folder: No such file or directory: expected a folder"),
            ("old_tls", '{ "profile:no-such" }',
             'old_tls: "profile:no-such": expected a profile that siptrust '
             "device list has")):
        with tempfile.TemporaryDirectory() as folder:
            conf = write(folder, "c.conf", 'domain = "x.test"\n'
                         'sip = { "127.0.0.1:0" }\n'
                         'tls = { "127.0.0.1:0" }\n%s = %s\n' %
                         (setting, value))
            p = subprocess.run([SIPTRUST, "edge", "-c", conf, "--data",
                                os.path.join(folder, "d")], timeout=60,
                               stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT,
                               universal_newlines=True)
            equal(p.returncode, 3)
            contains(p.stdout, expected)


def wrong_usage():
    for words in ((), ("paint",), ("show",), ("show", "a", "b"), ("match",),
                  ("lint",), ("list", "x"), ("list", "--colour")):
        code, out, err = device(*words)
        equal((code, out), (2, ""), words)
        assert err, words
    code, out, err = device("show", "no-such-phone")
    equal((code, out), (1, ""))
    contains(err, 'no profile is called "no-such-phone"')
    code, out, err = device("--help")
    equal((code, err), (0, ""))
    contains(out, "usage: siptrust device list")


if __name__ == "__main__":
    tap.main([all_are_listed,
              one_is_shown_by_its_models_name,
              a_user_agent_is_matched,
              profiles_of_ones_own,
              lint_names_each_fault,
              an_edge_with_wrong_profiles_does_not_start,
              wrong_usage])
