#!/usr/bin/env python3
"""Asks OpenStack Cursive for its verdict on every case and compares it with what the case records.

    pip install cursive==0.3.1 cryptography==46.0.7
    check_cursive.py [--record] [CASES.jsonl ...]      without files: openssl/, cavp/ and cursive/

`--record` writes the verdicts into the cases. Cursive gets each certificate as DER, as a key manager stores it.
46 is the last cryptography with the curves over binary fields; Cursive's salt rule is that of cryptography 42
and later (any length), so options are not passed on.
"""
import collections
import json
import pathlib
import sys
import warnings
from unittest import mock

warnings.simplefilter("ignore")
from castellan.common.objects import x_509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cursive import exception, signature_utils

import check_openssl


def verdict(case, folder, files):
    """good, bad, or unsigned: Cursive would not begin."""
    properties = case["properties"]
    if not signature_utils.should_create_verifier(properties):
        return "unsigned"
    certificates = {name.rpartition(".")[0]: check_openssl.octets(ref, folder, files) for name, ref in case["certificates"].items()}

    def get(context, id):
        if id not in certificates:
            raise exception.SignatureVerificationError(reason=f"Certificate not found with ID: {id}")
        data = certificates[id]
        if b"-----BEGIN" in data:
            data = x509.load_pem_x509_certificates(data)[0].public_bytes(Encoding.DER)
        return x_509.X509(data)

    manager = mock.Mock()
    manager.get = get
    with mock.patch.object(signature_utils.key_manager, "API", return_value=manager):
        try:
            verifier = signature_utils.get_verifier(
                None, properties["img_signature_certificate_uuid"], properties["img_signature_hash_method"],
                properties["img_signature"], properties["img_signature_key_type"])
            verifier.update(check_openssl.octets(case["image"], folder, files))
            verifier.verify()
            return "good"
        except Exception:  # not only SignatureVerificationError and InvalidSignature come out of it
            return "bad"


def main():
    record, failed = "--record" in sys.argv, False
    paths = [pathlib.Path(p) for p in sys.argv[1:] if p != "--record"]
    for path in paths or [check_openssl.HERE / s / "cases.jsonl" for s in ("openssl", "cavp", "cursive")]:
        cases, folder, files = check_openssl.load(path)
        counts = collections.Counter()
        for case in cases:
            seen = verdict(case, folder, files)
            counts[f"{case['expect']} here, {seen} by Cursive"] += 1
            if record:
                case["cursive"] = seen
            elif case.get("cursive") != seen:
                failed = True
                print(f"{path}: {case['id']}: recorded {case.get('cursive')}, now {seen}", file=sys.stderr)
        if record:
            path.write_text("".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) + "\n" for c in cases))
        print(f"{path.parent.name}: {len(cases)} cases: " + ", ".join(f"{n} {what}" for what, n in sorted(counts.items())))
    sys.exit(failed)


if __name__ == "__main__":
    main()
