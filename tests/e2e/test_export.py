# SPDX-License-Identifier: BSD-2-Clause
"""siptrust ca export --for each profile, read as that phone reads it: out of
what is printed comes, by the form that its maker documents, a file of the
edge's or the certificate itself, and it is the CA.  What each maker documents
stands here by itself: it is not taken from data/devices."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import tap  # noqa: E402
from edge import DEADLINE_S, ROOT, SIPTRUST, Edge  # noqa: E402
from tap import contains, equal  # noqa: E402


# ---- how a phone reads its configuration ----

def xml_of(text):
    """As any XML parser: an attribute's line breaks become blanks."""
    return xml.etree.ElementTree.fromstring(text)


def flat_profile(tag):
    """Cisco: <flat-profile> with an element for each parameter."""
    def read(text):
        root = xml_of(text)
        equal(root.tag, "flat-profile")
        return root.findtext(tag)
    return read


def provision(root_tag, number, **others):
    """Grandstream: P values in <gs_provision><config>."""
    def read(text):
        root = xml_of(text)
        equal((root.tag, root[0].tag), (root_tag, "config"))
        for name, value in others.items():
            equal(root.findtext("config/" + name), value)
        return root.findtext("config/" + number)
    return read


def polycom(text):
    """Attributes of one element; what device.set announces is taken."""
    a = xml_of(text).attrib
    for name in ("device.set", "device.sec.TLS.customCaCert1.set",
                 "device.sec.TLS.profile.caCertList1.set"):
        equal(a[name], "1", name)
    equal(a["sec.TLS.profileSelection.SIP"], "PlatformProfile1")
    equal(a["device.sec.TLS.profile.caCertList1"], "Platform1")
    return a["device.sec.TLS.customCaCert1"]


def snom(text):
    root = xml_of(text)
    equal(root.tag, "settings")
    return root.find("certificates/certificate").attrib["url"]


def pairs(between, key, **others):
    """A line "KEY between VALUE" for each parameter."""
    def read(text):
        found = dict(line.split(between, 1) for line in text.splitlines()
                     if between in line)
        for name, value in others.items():
            equal(found[name.replace("__", ".")], value)
        return found[key].strip('"')
    return read


def avaya_j100(text):
    """46xxsettings.txt: SET NAME VALUE."""
    found = dict(re.findall(r"^SET (\S+) (\S+)$", text, re.M))
    equal(found["ENABLE_PUBLIC_CA_CERTS"], "1")
    return found["TRUSTCERTS"]


URL, BESIDE, INLINE, UPLOAD, NONE = "url file inline upload none".split()
STATIC = pairs(" = ", "static.trusted_certificates.url",
               static__security__trust_certificates="1",
               static__security__ca_cert="2")

# profile: the way, the form of the file, how the phone reads what is printed
MAKERS = {
    "aastra-mitel": (URL, "pem", pairs(": ", "sips trusted certificates")),
    "avaya-11xx": (BESIDE, "pem", pairs(" ", "FILENAME", PROTOCOL="HTTP",
                                        DOWNLOAD_MODE="AUTO")),
    "avaya-j100": (BESIDE, "pem", avaya_j100),
    "baresip": (BESIDE, "pem", pairs(" ", "sip_cafile")),
    "cisco-ata19x": (URL, "pem", flat_profile("Custom_CA_URL")),
    "cisco-enterprise": (NONE, None, None),
    "cisco-mpp": (URL, "pem", flat_profile("Custom_CA_Rule")),
    "cisco-spa1xx": (URL, "pem", flat_profile("Custom_CA_URL")),
    "cisco-spa50x": (URL, "pem", flat_profile("Custom_CA_RULE")),
    "cisco-spa525g": (URL, "pem", flat_profile("Custom_CA_URL")),
    "fanvil": (UPLOAD, "pem", None),
    "gigaset": (UPLOAD, "pem", None),
    "grandstream-gxp": (INLINE, "pem", provision("gs_provision", "P8433",
                                                 P2367="1")),
    "grandstream-ht": (INLINE, "pem", provision("gs_provision", "P2386")),
    "htek": (UPLOAD, "pem", None),
    "linksys-sipura": (NONE, None, None),
    "linphone": (BESIDE, "pem", pairs("=", "root_ca")),
    "obihai": (NONE, None, None),
    "panasonic": (URL, "pem", pairs("=", "CFG_ROOT_CERTIFICATE_PATH")),
    "pjsip": (NONE, None, None),
    "poly-edge": (INLINE, "pem", polycom),
    "polycom-soundpoint": (INLINE, "pem", polycom),
    "polycom-vvx": (INLINE, "pem", polycom),
    "sangoma-d": (NONE, None, None),
    "snom": (URL, "der", snom),
    "unify": (UPLOAD, "pem", None),
    "yealink-t5": (URL, "pem", STATIC),
    "yealink-v73": (URL, "pem", pairs(" = ", "trusted_certificates.url",
                                      security__trust_certificates="1")),
    "yealink-v80": (URL, "pem", STATIC),
}


def export(edge, *argv, code=0):
    p = subprocess.run([SIPTRUST, "ca", "export", "--data", edge.data,
                        "--domain", edge.domain, *argv], text=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=DEADLINE_S)
    equal(p.returncode, code, "%s: %s" % (argv, p.stderr))
    return p.stdout if code == 0 else p.stderr


def is_the_ca(edge, form, data, name):
    """OpenSSL takes it in this form, and it is our CA."""
    shown = subprocess.run(["openssl", "x509", "-inform", form, "-noout",
                            "-fingerprint", "-sha256"], input=data,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    equal(shown.returncode, 0, "%s: %r" % (name, data[:80]))
    with open(edge.ca, "rb") as f:
        ours = subprocess.run(["openssl", "x509", "-noout", "-fingerprint",
                               "-sha256"], stdin=f, check=True,
                              stdout=subprocess.PIPE).stdout
    equal(shown.stdout, ours, name)


def fetch(url):
    with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:
        return answer.read()


def read_back(edge, name, folder):
    way, form, read = MAKERS[name]
    base = "http://127.0.0.1:%d" % edge.http
    if way == NONE:
        contains(export(edge, "--for", name, "--url", base, code=1),
                 "no way is known")
        return
    kit = json.loads(export(edge, "--for", name, "--url", base, "--json"))
    equal((kit["way"], kit["form"]), (way, form), name)
    if way == URL:
        url = read(kit["settings"])
        equal(url, kit["url"], name)
        is_the_ca(edge, form, fetch(url), name)
        return
    if way == INLINE:
        is_the_ca(edge, form, read(kit["settings"]).encode(), name)
        # What the edge serves to be included is the same.
        equal(fetch("%s/%s-ca.xml" % (base, name)).decode(),
              kit["settings"], name)
        return
    export(edge, "--for", name, "--out", folder)  # no URL is needed
    file = read(kit["settings"]) if way == BESIDE else "ca." + form
    with open(os.path.join(folder, file), "rb") as f:
        is_the_ca(edge, form, f.read(), name)


def each_phone_gets_the_ca_in_its_makers_form():
    listed = json.loads(subprocess.run(
        [SIPTRUST, "device", "list", "--json"], check=True,
        stdout=subprocess.PIPE).stdout)
    equal(sorted(p["name"] for p in listed), sorted(MAKERS))
    with Edge(settings=["http=127.0.0.1:0"]) as edge:
        for name in sorted(MAKERS):
            folder = tempfile.mkdtemp(dir=edge.folder)
            read_back(edge, name, folder)


def the_url_is_that_of_the_configuration():
    with tempfile.TemporaryDirectory() as folder:
        conf = os.path.join(folder, "siptrust.conf")
        subprocess.run([SIPTRUST, "ca", "init", "--data", folder + "/data",
                        "--domain", "pbx.example.test"], check=True,
                       stdout=subprocess.DEVNULL)
        for http, url in (("0.0.0.0:8080", "http://pbx.example.test:8080"),
                          ("192.0.2.5:80", "http://192.0.2.5"),
                          ("[2001:db8::5]:81", "http://[2001:db8::5]:81")):
            with open(conf, "w") as f:
                f.write('domain = "pbx.example.test"\ndata = "%s/data"\n'
                        'http = { "%s" }\n' % (folder, http))
            p = subprocess.run([SIPTRUST, "ca", "export", "-c", conf,
                                "--for", "SPA502G"], text=True, check=True,
                               stdout=subprocess.PIPE)
            contains(p.stdout, "<Custom_CA_RULE>%s/ca.pem<" % url)


def several_roots_in_one_file():
    with Edge(settings=["http=127.0.0.1:0"]) as edge:
        base = "http://127.0.0.1:%d" % edge.http
        both = ("--root", "ca+isrg-root-x1")
        kit = json.loads(export(edge, *both, "--for", "aastra-mitel",
                                "--url", base, "--json"))
        url = MAKERS["aastra-mitel"][2](kit["settings"])
        equal(url, base + "/roots/ca+isrg-root-x1.pem")
        equal(fetch(url).decode(), export(edge, *both))
        equal(fetch(url).decode().count("BEGIN CERTIFICATE"), 2)
        for name, says in (("snom", "one certificate a file"),
                           ("polycom-vvx", "one certificate a file")):
            contains(export(edge, *both, "--for", name, "--url", base,
                            code=2), says)
        contains(export(edge, *both, "--der", code=2), "no DER form")
        contains(export(edge, "--root", "ca+none", code=1),
                 '"none": no root of this name')


def what_cannot_be():
    with Edge() as edge:
        for url in ("192.0.2.5:8080", "http:", "://h", "no url"):
            contains(export(edge, "--for", "snom", "--url", url, code=2),
                     "--url %s: expected an address" % url)
        contains(export(edge, "--for", "snom", code=2), "--url BASE is")
        contains(export(edge, "--root", "GlobalSign", code=1),
                 "several roots are called GlobalSign: ")
        p = subprocess.run([SIPTRUST, "ca", "export", "--data", edge.data,
                            "--root", "isrg-root-x2", "--for", "SPA502G",
                            "--url", "http://h"], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        equal(p.returncode, 0)
        contains(p.stderr, "isrg-root-x2 has an elliptic key")


def the_pages_of_the_phones_show_it():
    """The command on each page prints what the page shows below it."""
    with Edge(settings=["http=127.0.0.1:0"], domain="EDGE.test") as edge:
        with open(edge.ca) as f:
            body = f.read().split("\n")[1:-2]
        shown = 0
        for name in sorted(MAKERS):
            with open(os.path.join(ROOT, "docs/devices", name + ".md")) as f:
                page = f.read()
            found = re.search(r"^    siptrust ca export (.*)$\n\nprints .*\n"
                              r"\n((?:    .*\n)+)", page, re.M)
            equal(found is not None, MAKERS[name][2] is not None, name)
            if not found:
                continue
            printed = json.loads(export(
                edge, "--json", *found.group(1).split()))["settings"]
            for piece in ("\n".join(body), "&#10;".join(body)):
                printed = printed.replace(piece, "...")
            equal(re.sub(r"^    ", "", found.group(2), flags=re.M), printed,
                  name)
            shown += 1
        equal(shown > 15, True)


if __name__ == "__main__":
    if not shutil.which("openssl"):
        raise SystemExit("openssl is missing")
    tap.main([each_phone_gets_the_ca_in_its_makers_form,
              the_url_is_that_of_the_configuration,
              several_roots_in_one_file,
              what_cannot_be,
              the_pages_of_the_phones_show_it])
