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
authorityKeyIdentifier = keyid
[client]
basicConstraints = CA:false
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
[sub]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[req]
distinguished_name = any
x509_extensions = sub
"""
RSA = "rsa:2048",
ECDSA = "ec", "-pkeyopt", "ec_paramgen_curve:P-256"


class Pki:
    """Its folder holds ca.pem, and NAME.pem and NAME.key for each issue()."""

    def __init__(self, folder, host, ca_name="Test Root", also=""):
        """also: more subjectAltNames, as ",IP:192.0.2.1"."""
        self.folder = tempfile.mkdtemp(dir=folder)
        self.host, self.ca_name = host, ca_name
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
              key_type=RSA, kind="leaf"):
        """The files of a certificate and its key; kind: or "client"."""
        certificate, key = name + ".pem", name + ".key"
        self.openssl("req", "-newkey", *key_type, "-nodes", "-keyout", key,
                     "-out", name + ".csr", "-subj", "/CN=" + self.host)
        self.sign(name + ".csr", certificate, begin, end, kind=kind)
        return self.path(certificate), self.path(key)

    def sign(self, request, certificate, begin, end, *options, kind="leaf"):
        self.openssl("ca", "-batch", "-notext", "-in", request, "-out",
                     certificate, "-startdate", begin, "-enddate", end,
                     "-extensions", kind, *options)

    def request(self):
        """A request to have the CA's own key signed by another CA."""
        self.openssl("req", "-new", "-key", "ca.key", "-out", "ca.csr",
                     "-subj", "/CN=" + self.ca_name)
        return self.path("ca.csr")

    def expire(self):
        """From now on the CA's own certificate is of the past."""
        self.request()
        self.sign("ca.csr", "old.pem", "20000101000000Z", "20210930000000Z",
                  "-selfsign", kind="sub")
        os.replace(self.path("old.pem"), self.ca)
