# SPDX-License-Identifier: BSD-2-Clause
"""Network namespaces in which an edge and its phones have addresses of their
own, and programs run in them."""
import atexit
import glob
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e/lib"))
import tap  # noqa: E402
from edge import BUILD, DOMAIN, Edge  # noqa: E402

ADDRESS = "10.77.0.1"  # of the edge; phones have 10.77.SUBNET.n
CACHE = os.environ.get("SIPTRUST_CACHE", os.path.join(ROOT, "var"))
OLD_ROOT = os.path.join(CACHE, "roots/bullseye")
USER = "100"
# A machine that is busy with other tests is no phone that went silent.
PATIENT = "handshake_timeout=60", "first_message_timeout=60"

# $1: hosts file, $2: the lab's folder, $3: an older Debian to run in, or "".
# The mounts are those of this process alone: "ip netns exec" has left ours.
ENTER = """
set -e
hosts=$1 folder=$2 root=$3
shift 3
if [ -z "$root" ]; then
	mount --bind "$hosts" /etc/hosts
	exec "$@"
fi
mount --bind "$hosts" "$root/etc/hosts"
mount --bind "$folder" "$root/mnt"
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"
exec chroot "$root" "$@"
"""


def ip(*argv):
    p = subprocess.run(["ip", *argv], text=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if p.returncode != 0:
        raise AssertionError("ip %s: %s" % (" ".join(argv), p.stdout))
    return p.stdout


class Host:
    """A namespace with one address on the lab's bridge."""

    def __init__(self, lab, number, address):
        self.lab, self.address = lab, address
        self.ns = "%s-%d" % (lab.prefix, number)

    def argv(self, argv, root=None):
        return ["ip", "netns", "exec", self.ns, "sh", "-c", ENTER, "enter",
                self.lab.hosts, self.lab.folder, root or "", *argv]


class Lab:
    count = itertools.count(1)  # one process may have several

    def __init__(self):
        if os.geteuid() != 0 or not shutil.which("ip"):
            print("1..1\nok 1 - lab # SKIP namespaces need root and iproute2")
            sys.exit(0)
        sweep()
        self.prefix = "siptrust-%d-%d" % (os.getpid(), next(self.count))
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()
        self.folder = tempfile.mkdtemp(prefix="siptrust-stacks-")
        os.chmod(self.folder, 0o755)
        self.hosts = os.path.join(self.folder, "hosts")
        with open(self.hosts, "w") as f:
            f.write("127.0.0.1 localhost\n%s %s\n" % (ADDRESS, DOMAIN))
        atexit.register(self.remove)
        self.edge_host = Host(self, 0, ADDRESS)
        ns = self.edge_host.ns
        ip("netns", "add", ns)
        ip("-n", ns, "link", "set", "lo", "up")
        # An address of its own: else it takes the lowest of its ports', which
        # changes with each that comes, and who knew the old one is not heard.
        ip("-n", ns, "link", "add", "br0", "address", "02:00:0a:4d:00:01",
           "type", "bridge")
        ip("-n", ns, "addr", "add", ADDRESS + "/16", "dev", "br0")
        ip("-n", ns, "link", "set", "br0", "up")

    def host(self, subnet=1):
        """Another phone's place, in 10.77.SUBNET.0/24."""
        with self.lock:
            number = next(self.numbers)
        host = Host(self, number, "10.77.%d.%d" % (subnet, number))
        edge, port = self.edge_host.ns, "v%d" % number
        ip("netns", "add", host.ns)
        ip("-n", edge, "link", "add", port, "type", "veth", "peer", "name",
           "eth0", "netns", host.ns)
        ip("-n", edge, "link", "set", port, "master", "br0", "up")
        ip("-n", host.ns, "addr", "add", host.address + "/16", "dev", "eth0")
        ip("-n", host.ns, "link", "set", "lo", "up")
        ip("-n", host.ns, "link", "set", "eth0", "up")
        return host

    def edge(self, chains, more="", **options):
        """A running edge that presents chains, (name, certificate, key, further
        lines), in this order; more: further lines of its configuration."""
        config = more + "".join(
            'chain %s {\n certificate = "%s"\n key = "%s"\n%s\n}\n' %
            (*chain, "")[:4] for chain in chains)
        return Edge(config=config, host=ADDRESS, users=[USER],
                    prefix=["ip", "netns", "exec", self.edge_host.ns],
                    settings=PATIENT, **options)

    def path(self, name):
        """A new folder in the lab's."""
        return tempfile.mkdtemp(prefix=name + "-", dir=self.folder)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.remove()

    def remove(self):
        remove(self.prefix)
        shutil.rmtree(self.folder, ignore_errors=True)


def remove(prefix):
    """The namespaces of one lab, with what still runs in them."""
    for path in glob.glob("/run/netns/%s-*" % prefix):
        ns = os.path.basename(path)
        for pid in subprocess.run(["ip", "netns", "pids", ns], text=True,
                                  stdout=subprocess.PIPE).stdout.split():
            try:
                os.kill(int(pid), 9)
            except ProcessLookupError:
                pass
        subprocess.run(["ip", "netns", "del", ns])


def sweep():
    """What labs left behind that were killed."""
    for path in glob.glob("/run/netns/siptrust-*-0"):
        pid = re.search(r"siptrust-(\d+)-", path).group(1)
        if not os.path.exists("/proc/" + pid):
            remove("siptrust-" + pid)


def client(name):
    """The program of tests/stacks/clients/NAME.c."""
    folder = os.path.join(ROOT, BUILD, "stacks")
    if not os.path.exists(os.path.join(folder, name)):
        raise tap.Skip("no client of %s; tests/stacks/build-clients.sh "
                       "says why" % name)
    return os.path.join(folder, name)
