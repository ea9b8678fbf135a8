# SPDX-License-Identifier: BSD-2-Clause
"""Several chains on one port: what is loaded, renewed, pinned, complained of.
Which of them a device is shown is for the tests of the chooser."""
import os
import shutil
import signal
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import SIPTRUST, Edge  # noqa: E402
from pki import Pki  # noqa: E402
from sip import tls  # noqa: E402
from tap import contains, equal  # noqa: E402

HOST = "example.test"


def section(name, certificate, key, more=""):
    return 'chain %s {\n\tcertificate = "%s"\n\tkey = "%s"\n%s}\n' % (
        name, certificate, key, more)


PINS = 'pin = { "127.0.0.2=a", "127.0.0.3=b" }\n'
SHOWN_A, SHOWN_B = "127.0.0.2", "127.0.0.3"


def verifies(edge, ca, source="127.0.0.1"):
    """Pinned, so that no refusal of before has a say in what is shown."""
    try:
        tls(edge.tls, ca=ca, source=source).close()
        return True
    except ssl.SSLError:
        return False


def replace(source, target):
    shutil.copy(source, target + ".new")
    os.rename(target + ".new", target)


def two_chains_reload_and_renew():
    with Edge(start=False, config="") as edge:
        one, two = (Pki(edge.folder, HOST, "Root " + n) for n in "AB")
        files = one.issue("leaf"), two.issue("leaf")
        text = PINS + section("a", *files[0], '\troot = "%s"\n' % one.ca) + \
            section("b", *files[1], '\troot = "%s"\n' % two.ca)
        edge.write_config(text)
        edge.start()
        edge.stop()
        edge.start()  # with the ports it had: a reload would take others
        edge.wait_line(r" edge-ready .* chain=a,b ca=- ")
        assert verifies(edge, one.ca, SHOWN_A)
        assert verifies(edge, two.ca, SHOWN_B)
        assert not verifies(edge, two.ca, SHOWN_A)
        # The other way round, and the edge's own CA behind them: it has none
        # yet, and a running edge makes none.
        edge.write_config("own_chain = true\n" + text)
        edge.send_signal(signal.SIGHUP)
        edge.wait_line(r" err reload-failed .*restart it to have it make a CA")
        first, second = text.split("chain b")
        edge.write_config(PINS + "chain b" + second +
                          first[len(PINS):])
        edge.send_signal(signal.SIGHUP)
        edge.wait_line(r" info reloaded chain=b,a root=\"Root B\"")
        assert verifies(edge, one.ca, SHOWN_A)
        assert verifies(edge, two.ca, SHOWN_B)
        # The second chain's files are renewed.
        new = one.issue("next")
        for source, target in zip(new, files[0]):
            replace(source, target)
        edge.wait_line(r" info certificate-renewed chain=a root=\"Root A\"")
        equal(edge.count(r"certificate-renewed chain=b "), 0)
        # One is damaged, the other renewed: that is not held up.
        with open(files[0][0], "w") as f:
            f.write("nonsense\n")
        new = two.issue("next")
        for source, target in zip(new, files[1]):
            replace(source, target)
        edge.wait_line(r" err certificate-not-loaded reason=\"\S+conf:\d+: "
                       r"chain a: .*leaf\.pem.* kept=yes")
        edge.wait_line(r" info certificate-renewed chain=b ")


def with_the_edges_own_behind():
    with Edge(start=False, config="") as edge:
        one = Pki(edge.folder, HOST, "Root A")
        edge.write_config("own_chain = true\npin = { \"127.0.0.7=own\" }\n" +
                          section("a", *one.issue("leaf"),
                                  '\troot = "%s"\n' % one.ca))
        edge.start()
        edge.wait_line(r" edge-ready .* chain=a,own ca=\S+ca\.pem ")
        assert verifies(edge, one.ca)


def chains_of_the_command_line():
    with Edge(start=False, config="") as edge:
        one = Pki(edge.folder, HOST, "Root A")
        files = one.issue("leaf")
        edge.write_config(section("file", "/nowhere.pem", "/nowhere.key"))
        edge.extra = ["--chain", "x=%s,%s" % files]
        edge.start()
        edge.wait_line(r" edge-ready .* chain=x ")
        # Its root is known to nobody here, which is said.
        edge.wait_line(r" warn chain-warning reason=\"chain x: .*leads to "
                       r".*Root A.*, which is no root known here")
        assert verifies(edge, one.ca)


def complaint(edge, text, *argv):
    edge.write_config(text)
    p = subprocess.run([SIPTRUST, "edge", "-c", edge.config, "--data",
                        edge.data, "--domain", HOST, "--sip", "127.0.0.1:0",
                        "--tls", "127.0.0.1:0", *argv], text=True, timeout=30,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    equal(p.returncode, 3, p.stdout)
    return p.stdout


def what_is_wrong_is_named_with_its_line():
    with Edge(start=False, config="") as edge:
        one, two = (Pki(edge.folder, HOST, "Root " + n) for n in "AB")
        right, other = one.issue("leaf"), two.issue("leaf")
        past = one.issue("past", end="20210101000000Z")
        good = section("a", *right)
        for text, place, words in (
                (good + section("b", right[0], other[1]), ":6: chain b: ",
                 "this key does not belong to the certificate"),
                (good + section("b", *past), ":6: chain b: ",
                 "expired on 2021-01-01 00:00 UTC: renew it"),
                (section("b", *right, '\troot = "%s"\n' % two.ca),
                 ":2: chain b: ", 'leads to "Root A", but root = '),
                (good + "pin = { \"10.0.0.0/8=c\" }\n", ":5: pin: ",
                 "there is no chain c, expected one of: a"),
                (good + "old_tls = { \"10.0.0.1/8\" }\n", ":5: old_tls: ",
                 "expected a subnet or address"),
                (good + good, ":5: ", "found a second chain \"a\"")):
            said = complaint(edge, text)
            contains(said, edge.config + place, text)
            contains(said, words, text)
        said = complaint(edge, "", "--chain", "a=only-one")
        contains(said, "command line: chain: ")


if __name__ == "__main__":
    tap.main([two_chains_reload_and_renew,
              with_the_edges_own_behind,
              chains_of_the_command_line,
              what_is_wrong_is_named_with_its_line])
