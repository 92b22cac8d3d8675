#!/usr/bin/env python3
"""Asks the `openssl` command for its verdict on every case and compares it with what the case records.

    check_openssl.py [CASES.jsonl ...]        without arguments: openssl/, cavp/ and cursive/

openssl knows image, signature, key and hash; it knows nothing of property names, key types or the strength
asked for. So its verdict may differ from `expect`; where it does, the case's `why` says why.
"""
import base64
import collections
import concurrent.futures
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import der

HERE = pathlib.Path(__file__).resolve().parent
HASHES = {"SHA-224": "sha224", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
PROPERTIES = ["img_signature", "img_signature_hash_method", "img_signature_key_type", "img_signature_certificate_uuid"]
RSA, RSASSA_PSS, ED25519 = map(der.oid, ("1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.3.101.112"))
SALTS = [32, 33, "max", 0, 17, 20, 31, 48, 64]  # those of the cases whose keys carry parameters


@functools.cache
def public_key(certificate):
    """The key of the first certificate in these octets as PEM, or None."""
    run = subprocess.run(["openssl", "x509", "-pubkey", "-noout"], input=certificate, capture_output=True)
    return run.stdout if run.returncode == 0 and run.stdout else None


def key_algorithm(pem):
    """(object identifier, has it parameters) of a public key."""
    spki = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
    algorithm = der.children(der.read(der.children(der.read(spki)[1])[0])[1])
    return algorithm[0], len(algorithm) > 1


def verdict(image, signature, hash_method, pem, salt="auto"):
    """good or bad: what `openssl pkeyutl -verify` says. (`openssl dgst -verify` reads no more of a signature than
    the key's length and so does not see octets behind it.)"""
    algorithm, parameters = key_algorithm(pem)
    # For keys with parameters openssl cannot detect the salt length, it has to be told: good if one of SALTS is.
    salts = {RSA: [salt], RSASSA_PSS: SALTS if parameters and salt == "auto" else [salt]}.get(algorithm, [None])
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (("key", pem), ("signature", signature), ("image", image)):
            pathlib.Path(folder, name).write_bytes(content)
        for salt in salts:
            command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key", "-sigfile", "signature", "-in", "image"]
            if algorithm != ED25519:
                command += ["-digest", HASHES[hash_method]]
            if salt is not None:
                command += ["-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", f"rsa_pss_saltlen:{salt}"]
            if subprocess.run(command, cwd=folder, capture_output=True).returncode == 0:
                return "good"
    return "bad"


def octets(reference, folder, files):
    if isinstance(reference, str):
        return files[reference]
    return bytes.fromhex(reference["hex"]) if "hex" in reference else (folder / reference["file"]).read_bytes()


def observe(case, folder, files):
    """openssl's verdict on a case, or None where there is nothing to ask it."""
    properties = case["properties"]
    if not all(isinstance(properties.get(name), str) for name in PROPERTIES):
        return None
    text = re.sub(r"[ \t\r\n]", "", properties["img_signature"])
    if len(text) % 4 or not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", text):
        return None
    if properties["img_signature_hash_method"] not in HASHES:
        return None
    stem = lambda name: name.rpartition(".")[0]
    named = [ref for name, ref in case["certificates"].items() if stem(name) == properties["img_signature_certificate_uuid"]]
    pem = public_key(octets(named[0], folder, files)) if named else None
    if pem is None:
        return None
    return verdict(octets(case["image"], folder, files), base64.b64decode(text), properties["img_signature_hash_method"],
                   pem, case.get("options", {}).get("pss_salt", "auto"))


def load(path):
    folder = path.parent
    table = folder / "files.jsonl"
    files = {k: base64.b64decode(v) for k, v in map(json.loads, table.open())} if table.exists() else {}
    return [json.loads(line) for line in path.open()], folder, files


def observe_all(cases, folder, files):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda case: observe(case, folder, files), cases))


def main():
    failed = False
    for path in [pathlib.Path(p) for p in sys.argv[1:]] or [HERE / s / "cases.jsonl" for s in ("openssl", "cavp", "cursive")]:
        cases, folder, files = load(path)
        counts = collections.Counter()
        for case, seen in zip(cases, observe_all(cases, folder, files)):
            counts["not asked" if seen is None else f"{case['expect']} here, {seen} by openssl"] += 1
            if case.get("openssl", seen) != seen:
                failed = True
                print(f"{path}: {case['id']}: recorded {case['openssl']}, now {seen}", file=sys.stderr)
        print(f"{path.parent.name}: {len(cases)} cases: " + ", ".join(f"{n} {what}" for what, n in sorted(counts.items())))
    sys.exit(failed)


if __name__ == "__main__":
    main()
