# SPDX-License-Identifier: BSD-2-Clause
"""The story, replayed: every step's claim holds, and one that does not is
noticed."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import ROOT, SIPTRUST  # noqa: E402
from tap import contains, equal  # noqa: E402

SPA = "cisco-spa50x.device"
DEADLINE_S = 200  # of the whole demo: sanitizers on a busy machine


def demo(folder, *options, **variables):
    """Exit code and what it wrote; its temporary folder is in folder."""
    p = subprocess.run([SIPTRUST, "demo", *options], text=True,
                       env=dict(os.environ, TMPDIR=folder, **variables),
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=DEADLINE_S)
    return p.returncode, p.stdout, p.stderr


def steps_of(text):
    """For each step a dictionary: kind to its texts."""
    steps = {}
    for line in text.splitlines():
        said = json.loads(line)
        steps.setdefault(said["step"], {}).setdefault(
            said["kind"], []).append(said["text"])
    return steps


def every_claim_holds():
    with tempfile.TemporaryDirectory() as folder:
        status, out, err = demo(folder, "--json")
        steps = steps_of(out)
        for number, step in sorted(steps.items()):
            equal(step.get("broken"), None, "step %d" % number)
        equal((status, err, sorted(steps)), (0, "", [1, 2, 3, 4, 5, 6, 7]))
        equal(os.listdir(folder), [], "the folder is removed")
    for step in steps.values():
        equal(len(step["proved"]), 1)
    # (1) The PBX's two lines, and ours.
    contains(steps[1]["pbx"][0], "Problem setting up ssl connection with peer "
             "'127.0.0.5:")
    contains(steps[1]["pbx"][0], "Internal SSL error")
    contains(steps[1]["pbx"][1], "FILE * open failed from peer '127.0.0.5:")
    line = steps[1]["edge"][0]
    contains(line, ' tls-refused peer=127.0.0.5:')
    contains(line, 'root="ISRG Root X1 (demo)" cause=untrusted_root')
    contains(line, "/roots/isrg-root-x1-demo.pem")
    contains("\n".join(steps[1]["phone"]), 'does not hold the root "ISRG Root '
             'X1 (demo)"')
    # (2) to (7)
    contains(steps[2]["edge"][0], "transport=UDP")
    contains(steps[3]["edge"][0], "transport=TLS")
    contains(steps[3]["edge"][1], " tls-served peer=127.0.0.5:")
    contains(steps[3]["edge"][1], "refused=letsencrypt cause=untrusted_root")
    contains(steps[4]["edge"][0], "chain=own")
    contains(steps[4]["edge"][1], "ca-fetched device=")
    contains(steps[4]["edge"][3], "ca-worked device=Cisco/SPA502G-")
    equal(sum("registered over TLS" in t for t in steps[4]["phone"]), 2)
    contains(steps[5]["edge"][1], "chain=letsencrypt")
    contains("\n".join(steps[5]["phone"]), 'installed "ISRG Root X1 (demo)"')
    contains(steps[6]["edge"][0], "Yealink SIP-T46S")
    contains(steps[6]["edge"][1], "Linphone/")
    contains(steps[7]["edge"][0], "transport=TLS")
    contains(steps[7]["edge"][1], " call from=sip:102@pbx.demo "
             "to=sip:100@pbx.demo ")
    contains("\n".join(steps[7]["phone"]), "rings: 102@pbx.demo calls")
    contains("\n".join(steps[7]["caller"]),
             "call to 100@pbx.demo ended: hung up")


def for_people():
    with tempfile.TemporaryDirectory() as folder:
        status, out, err = demo(folder, "--keep")
        equal((status, err), (0, ""))
        contains(out, "7 of 7 claims held")
        kept = os.listdir(folder)
        equal(len(kept), 1)
        contains(out, "kept in " + os.path.join(folder, kept[0]))
        with open(os.path.join(folder, kept[0], "edge.log")) as f:
            contains(f.read(), " edge-ended ")
        equal("\033" in out, False, "colour is for terminals alone")
        equal([line for line in out.splitlines() if len(line) > 100], [])


def a_claim_that_does_not_hold():
    """An SPA502G that checks nothing: step 1 must not pass for proved."""
    with tempfile.TemporaryDirectory() as folder, \
            tempfile.TemporaryDirectory() as devices:
        with open(os.path.join(ROOT, "data/devices", SPA)) as f:
            text = f.read()
        with open(os.path.join(devices, SPA), "w") as f:
            f.write(re.sub(r"(?m)^checks_chain = yes", "checks_chain = no",
                           text))
        status, out, err = demo(folder, "--json", SIPTRUST_DEVICES=devices)
        steps = steps_of(out)
        equal(status, 1, out + err)
        contains(steps[1]["broken"][0],
                 "but the phone reports registered, not tls-refused")
        equal(sorted(n for n in steps if "broken" in steps[n]), [1, 3, 4])
        equal(os.listdir(folder), [])


def interrupted():
    with tempfile.TemporaryDirectory() as folder:
        p = subprocess.Popen([SIPTRUST, "demo", "--json"], text=True,
                             env=dict(os.environ, TMPDIR=folder),
                             stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for line in p.stdout:
            if json.loads(line)["kind"] == "phone":
                break
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=DEADLINE_S)
        equal(p.returncode, 3)
        contains(err, "interrupted")
        equal(os.listdir(folder), [])


def wrong_usage():
    with tempfile.TemporaryDirectory() as folder:
        equal(demo(folder, "--nothing")[0], 2)
        equal(demo(folder, "more")[0], 2)
        equal(demo(folder, "--help")[0], 0)
        status, _, err = demo(os.path.join(folder, "not-there"))
        equal(status, 3)
        contains(err, "no temporary folder")


if __name__ == "__main__":
    tap.main([
        every_claim_holds,
        for_people,
        a_claim_that_does_not_hold,
        interrupted,
        wrong_usage,
    ])
