#!/usr/bin/env python3
"""Makes cavp/cases.jsonl and cavp/files.jsonl again from their public origin.

The origin is the PyPI package `cryptography_vectors`, which carries NIST's CAVP files and OpenSSL's RFC 6979 file.

    make_cavp.py [--check] [FILE.whl | FOLDER of the package]

Without a path the package is fetched with `pip download`. With `--check` nothing is written: what would be
written is compared with what is there, byte for byte.
"""
import argparse
import base64
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

import der

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = "cryptography_vectors==50.0.2"
CERTIFICATE_ID = "98fbaf3b-8207-59d7-9fbb-da58b652eebb"

HASHES = ["SHA-224", "SHA-256", "SHA-384", "SHA-512"]
CURVES = {  # CAVP's name: (key type, object identifier, octets of a field element)
    "P-384": ("ECC_SECP384R1", "1.3.132.0.34", 48),
    "P-521": ("ECC_SECP521R1", "1.3.132.0.35", 66),
    "K-409": ("ECC_SECT409K1", "1.3.132.0.36", 52),
    "K-571": ("ECC_SECT571K1", "1.3.132.0.38", 72),
    "B-409": ("ECC_SECT409R1", "1.3.132.0.37", 52),
    "B-571": ("ECC_SECT571R1", "1.3.132.0.39", 72),
}


def rsa_key(n, e):
    algorithm = der.sequence(der.oid("1.2.840.113549.1.1.1"), der.tlv(0x05, b""))
    return der.sequence(algorithm, der.bit_string(der.sequence(der.integer(n), der.integer(e))))


def dsa_key(p, q, g, y):
    algorithm = der.sequence(der.oid("1.2.840.10040.4.1"), der.sequence(*map(der.integer, (p, q, g))))
    return der.sequence(algorithm, der.bit_string(der.integer(y)))


def ec_key(curve, x, y):
    _, object_identifier, octets = CURVES[curve]
    algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid(object_identifier))
    return der.sequence(algorithm, der.bit_string(b"\4" + x.to_bytes(octets, "big") + y.to_bytes(octets, "big")))


def certificate(spki):
    """A certificate around a bare public key; its own signature is a dummy, which image verification never looks at."""
    sha256_with_rsa = der.sequence(der.oid("1.2.840.113549.1.1.11"), der.tlv(0x05, b""))
    name = der.sequence(der.tlv(0x31, der.sequence(der.oid("2.5.4.3"), der.tlv(0x0C, b"longhand CAVP"))))
    validity = der.sequence(der.tlv(0x17, b"200101000000Z"), der.tlv(0x18, b"20991231235959Z"))
    version = der.tlv(0xA0, der.integer(2))
    tbs = der.sequence(version, der.integer(1), sha256_with_rsa, name, validity, name, spki)
    return der.sequence(tbs, sha256_with_rsa, der.bit_string(b"Z" * 64))


def records(text, first, last):
    """Yields (section, values) at each line `last = ...`; a line `first = ...` begins a new record."""
    section, values = "", {}
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            section, values = line.strip("[]"), {}
        elif "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            name, value = name.strip(), value.strip()
            if name == first:
                values = {k: v for k, v in values.items() if k in ("n", "P", "Q", "G", "e")}
            values[name] = value
            if name == last:
                yield section, values


def number(text):
    return int(text, 16)


def every_second(items, group):
    """Every second record of each group: half of the suite keeps the files small."""
    counters = {}
    for item in items:
        key = group(item)
        index = counters[key] = counters.get(key, -1) + 1
        if index % 2 == 0:
            yield key, index, item


def hash_name(name):
    return name if "-" in name else name.replace("SHA", "SHA-")


class Set:
    def __init__(self):
        self.cases, self.files = [], {}

    def add(self, id, message, signature, hash_method, key_type, spki, expect, why, source, cursive=None, options=None):
        whole = certificate(spki)
        key = hashlib.sha256(whole).hexdigest()[:16]
        self.files.setdefault(key, whole)
        case = {
            "id": id,
            "image": {"hex": message.hex()},
            "properties": {
                "img_signature": base64.b64encode(signature).decode(),
                "img_signature_hash_method": hash_method,
                "img_signature_key_type": key_type,
                "img_signature_certificate_uuid": CERTIFICATE_ID,
            },
            "certificates": {f"{CERTIFICATE_ID}.der": key},
        }
        if options:
            case["options"] = options
        case |= {"expect": expect, "why": why, "source": source, "cursive": cursive or expect}
        self.cases.append(case)

    def ecdsa(self, text, kind, source):
        last = "Result" if kind == "sigver" else "S"
        wanted = (r for r in records(text, "Msg", last) if r[0].split(",")[0] in CURVES and r[0].split(",")[1] in HASHES)
        for section, index, (_, v) in every_second(wanted, lambda r: r[0]):
            curve, hash_method = section.split(",")
            result = v.get("Result", "SigGen answer")
            self.add(
                f"cavp-ecdsa-{kind}/{section}/{index}", bytes.fromhex(v["Msg"]),
                der.sequence(der.integer(number(v["R"])), der.integer(number(v["S"]))),
                hash_method, CURVES[curve][0], ec_key(curve, number(v["Qx"]), number(v["Qy"])),
                "bad" if result.startswith("F") else "good", result, source)

    def dsa(self, text, kind, source):
        last = "Result" if kind == "sigver" else "S"
        wanted = (r for r in records(text, "Msg", last) if r[0].split(", ")[2] in HASHES)
        for section, index, (_, v) in every_second(wanted, lambda r: r[0].removeprefix("mod = ").replace(", ", ",")):
            result = v.get("Result", "SigGen answer")
            self.add(
                f"cavp-dsa-{kind}/{section}/{index}", bytes.fromhex(v["Msg"]),
                der.sequence(der.integer(number(v["R"])), der.integer(number(v["S"]))),
                section.split(",")[2], "DSA", dsa_key(*(number(v[k]) for k in "PQGY")),
                "bad" if result.startswith("F") else "good", result, source)

    def pss(self, text, kind, source, salt=None):
        """Each record once with any salt length; each good one again where only the longest salt is allowed."""
        last = "Result" if kind == "sigver" else "S"
        wanted = (r for r in records(text, "SHAAlg", last) if hash_name(r[1]["SHAAlg"]) in HASHES)
        group = lambda r: (r[0].replace(" ", ""), hash_name(r[1]["SHAAlg"]))
        for (modulus, hash_method), index, (_, v) in every_second(wanted, group):
            result = v.get("Result", "SigGen answer")
            expect = "bad" if result.startswith("F") else "good"
            id = f"cavp-pss-{kind}/{modulus}{hash_method}/{index}"
            parts = (bytes.fromhex(v["Msg"]), bytes.fromhex(v["S"]), hash_method, "RSA-PSS",
                     rsa_key(number(v["n"]), number(v["e"])))
            self.add(f"{id}#auto", *parts, expect, result, source)
            if expect == "good":
                octets = salt if salt is not None else len(v["SaltVal"]) // 2
                why = (f"same vector, but its salt is {octets} octets and not the longest one that fits: "
                       "refused where only the longest salt is allowed")
                self.add(f"{id}#max", *parts, "bad", why, source, cursive="good", options={"pss_salt": "max"})

    def rfc6979(self, text, source):
        """The DigestVerify records: for each hash and message one good signature and one with a changed s; of
        those the first pair ("sample")."""
        names = {object_identifier: curve for curve, (_, object_identifier, _) in CURVES.items()}
        keys, counters = {}, {}
        for block in text.split("\n\n"):
            if found := re.search(r"^PublicKey=(\S+)\n-+BEGIN PUBLIC KEY-+\n(.*?)-+END", block, re.M | re.S):
                keys[found[1]] = base64.b64decode(found[2])
                continue
            v = dict(re.findall(r"^(\w+) = (.*)$", block, re.M))
            if "DigestVerify" not in v or hash_name(v["DigestVerify"]) not in HASHES:
                continue
            spki, hash_method = keys[v["Key"]], hash_name(v["DigestVerify"])
            curve = next((c for o, c in names.items() if der.oid(o) in spki), None)
            if curve is None:
                continue
            key_type = CURVES[curve][0]
            group = f"{key_type.removeprefix('ECC_')}{hash_method}"
            index = counters[group] = counters.get(group, -1) + 1
            if index < 2:
                changed = "Result" in v
                self.add(f"rfc6979/{group}/{index}", v["Input"].strip('"').encode(), bytes.fromhex(v["Output"]),
                         hash_method, key_type, spki, "bad" if changed else "good",
                         "RFC 6979 A.2" + (" with a changed s" if changed else ""), source)


def build(folder):
    made = Set()
    text = lambda path: (folder / "asymmetric" / path).read_text(encoding="ascii")
    made.ecdsa(text("ECDSA/FIPS_186-3/SigVer.rsp"), "sigver", "CAVP 186-3 SigVer.rsp")
    made.ecdsa(text("ECDSA/FIPS_186-3/SigGen.txt"), "siggen", "CAVP 186-3 SigGen.txt")
    made.dsa(text("DSA/FIPS_186-3/SigVer.rsp"), "sigver", "CAVP 186-3 SigVer.rsp")
    made.dsa(text("DSA/FIPS_186-3/SigGen.txt"), "siggen", "CAVP 186-3 SigGen.txt")
    made.pss(text("RSA/FIPS_186-2/SigVerPSS_186-3.rsp"), "sigver", "CAVP 186-3 SigVerPSS_186-3.rsp")
    made.pss(text("RSA/FIPS_186-2/SigGenPSS_186-3.rsp"), "siggenpss_186-3", "CAVP SigGenPSS_186-3.rsp", salt=0)
    made.pss(text("RSA/FIPS_186-2/SigGenPSS_186-2.rsp"), "siggenpss_186-2", "CAVP SigGenPSS_186-2.rsp", salt=20)
    made.rfc6979(text("ECDSA/RFC6979/evppkey_ecdsa_rfc6979.txt"), "OpenSSL evppkey_ecdsa_rfc6979.txt")
    return made


def lines(items):
    return "".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n" for item in items)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", nargs="?", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.package
        if folder is None:
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", temporary, PACKAGE],
                           check=True)
            folder = next(pathlib.Path(temporary).glob("*.whl"))
        if folder.suffix == ".whl":
            zipfile.ZipFile(folder).extractall(temporary)
            folder = pathlib.Path(temporary) / "cryptography_vectors"
        made = build(folder)
    out = {
        "cases.jsonl": lines(made.cases),
        "files.jsonl": lines([key, base64.b64encode(data).decode()] for key, data in made.files.items()),
    }
    good = sum(case["expect"] == "good" for case in made.cases)
    summary = f"{len(made.cases)} cases ({good} good, {len(made.cases) - good} bad), {len(made.files)} certificates"
    if arguments.check:
        wrong = [name for name, text in out.items() if (HERE / "cavp" / name).read_text() != text]
        if wrong:
            sys.exit(f"cavp: differs from what the package gives: {', '.join(wrong)}")
        print(f"cavp: the same byte for byte: {summary}")
    else:
        (HERE / "cavp").mkdir(exist_ok=True)
        for name, text in out.items():
            (HERE / "cavp" / name).write_text(text)
        print(f"cavp: written: {summary}")


if __name__ == "__main__":
    main()
