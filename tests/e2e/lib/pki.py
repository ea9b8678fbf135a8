# SPDX-License-Identifier: BSD-2-Clause
"""A CA and certificates of its own for a test, made by the openssl command."""
import os
import subprocess
import tempfile

CONFIG = """
[ca]
default_ca = own
[own]
dir = .
new_certs_dir = .
database = index.txt
rand_serial = yes
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[leaf]
basicConstraints = CA:false
subjectAltName = DNS:%s
extendedKeyUsage = serverAuth
[req]
distinguished_name = any
"""
RSA = "rsa:2048",
ECDSA = "ec", "-pkeyopt", "ec_paramgen_curve:P-256"


class Pki:
    """Its folder holds ca.pem, and NAME.pem and NAME.key for each issue()."""

    def __init__(self, folder, host, ca_name="Test Root", also=""):
        """also: more subjectAltNames, as ",IP:192.0.2.1"."""
        self.folder = tempfile.mkdtemp(dir=folder)
        self.host = host
        with open(self.path("openssl.cnf"), "w") as f:
            f.write(CONFIG % (host + also))
        open(self.path("index.txt"), "w").close()
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes",
                     "-keyout", "ca.key", "-out", "ca.pem", "-days", "30",
                     "-subj", "/CN=" + ca_name)
        self.ca = self.path("ca.pem")

    def path(self, name):
        return os.path.join(self.folder, name)

    def openssl(self, *argv):
        p = subprocess.run(["openssl", argv[0], "-config", "openssl.cnf",
                            *argv[1:]], cwd=self.folder, text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
        if p.returncode != 0:
            raise AssertionError("openssl %s: %s" % (argv[0], p.stdout))

    def issue(self, name, begin="20200101000000Z", end="20491231235959Z",
              key_type=RSA):
        """The files of a certificate and its key."""
        certificate, key = name + ".pem", name + ".key"
        self.openssl("req", "-newkey", *key_type, "-nodes", "-keyout", key,
                     "-out", name + ".csr", "-subj", "/CN=" + self.host)
        self.openssl("ca", "-batch", "-notext", "-in", name + ".csr", "-out",
                     certificate, "-startdate", begin, "-enddate", end,
                     "-extensions", "leaf")
        return self.path(certificate), self.path(key)
