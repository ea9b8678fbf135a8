# SPDX-License-Identifier: BSD-2-Clause
"""The awkward calls of tests/e2e/test_awkward.py against Kamailio: what holds
for both is no invention of ours, and no fault of the test."""
import ctypes
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import place  # noqa: E402
import awkward  # noqa: E402
import tap  # noqa: E402
from edge import DOMAIN, PASSWORD  # noqa: E402
from pbxs import Kamailio  # noqa: E402

# Where Kamailio with this configuration does otherwise, and why.
NOT_HERE = {
    awkward.responses_to_nothing: "passes 2xx on, as before RFC 6026",
    awkward.route_elsewhere: "asks for no credentials within a dialog",
    awkward.route_by_us_elsewhere: "asks for no credentials within a dialog",
    awkward.strict_route_elsewhere: "asks for no credentials within a dialog",
    awkward.uri_by_us_elsewhere: "asks for no credentials within a dialog",
    awkward.huge_sdp: "takes 16 KB over TCP",
    awkward.cancel_for_nothing: "this configuration drops it",
    awkward.contact_that_points_at_us: "goes by the Contact, not by the flow",
}


class Alone:
    """This machine, in a network of this process's own."""
    address = "127.0.0.1"

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="siptrust-pbx-")

    def argv(self, argv, root=None):
        return argv

    def path(self, name):
        return tempfile.mkdtemp(prefix=name + "-", dir=self.folder)


class Reference(Kamailio):
    sip, tls, domain = 5060, None, DOMAIN

    def __init__(self):
        here = Alone()
        super().__init__(here, here, change=self.other_secrets)

    def other_secrets(self, path, text):
        for user in "100", "101", "102":
            text = text.replace(place.secret(user), PASSWORD)
        return text


def unshare():
    if os.geteuid() != 0:
        return False
    if ctypes.CDLL(None).unshare(place.CLONE_NEWNET) != 0:
        return False
    place.lab.ip("link", "set", "lo", "up")
    return True


def main():
    tests = []
    try:
        if not unshare():
            raise tap.Skip("a network of one's own needs root")
        server = Reference().start()
    except tap.Skip as why:
        print("1..1\nok 1 - reference # SKIP %s" % why)
        return
    for scenario in awkward.ALL:
        if scenario in NOT_HERE:
            print("# not %s: Kamailio %s" % (scenario.__name__,
                                             NOT_HERE[scenario]))
            continue

        def test(scenario=scenario):
            scenario(server)
        test.__name__ = scenario.__name__
        tests.append(test)
    try:
        tap.main(tests)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
