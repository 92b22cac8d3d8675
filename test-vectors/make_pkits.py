#!/usr/bin/env python3
"""Makes pkits/cases.jsonl and pkits/files.jsonl again from the selection of NIST PKITS that they were taken from.

    make_pkits.py [--check] [--suite FOLDER|FILE.whl] FOLDER

FOLDER holds `pkits_public.jsonl` and `pkits_public.files.jsonl`: the certification paths of PKITS 1.0.1, without the
tests that need revocation lists or policy inputs, and for each an image signed with the end entity's key of the suite
(a PSS signature is random, so these cannot be made again from NIST's files). With `--check` nothing is written: what
would be written is compared with what is there, byte for byte. With `--suite`, the PyPI package `cryptography_vectors`
(50.0.2) or its folder, every certificate must also be one of NIST's own files, octet for octet.
"""
import argparse
import base64
import collections
import hashlib
import json
import pathlib
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent

# The suite's certificates are valid from 2010 to 2030; those that are not are the tests of section 4.2.
AT = "2026-01-01T00:00:00Z"
NOTES = {
    "policies": "certificate policies decide (RFC 5280, 6.1): the inputs are any-policy, no policy required, mapping and anyPolicy allowed",
    "dsa-inherited-params": "the key takes its DSA parameters from its issuer (RFC 3279, 2.3.2); readers that do not follow that refuse",
}


def converted(case):
    image = case["kind"] == "verify"
    out = {"id": case["id"], "kind": "image" if image else "chain"}
    if image:
        out |= {"image": case["image"], "properties": case["props"]}
    out |= {"certificates": case["certs"], "trusted": case["trusted"]}
    out |= {"leaf": case["props"]["img_signature_certificate_uuid"] if image else case["leaf"]}
    out |= {"policy": case["opts"]["profile"], "at": AT, "expect": case["expect"]}
    if "policy" in case:
        out["note"] = NOTES[case["policy"]]
    out |= {"why": case["why"], "source": case["src"]}
    if "cursive" in case:
        out["cursive"] = case["cursive"]["verdict"]
        if case["cursive"].get("detail"):
            out["cursive_detail"] = case["cursive"]["detail"]
    assert set(case["opts"]) == {"profile"} and out["leaf"] not in out["trusted"]
    return out


def lines(items):
    return "".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n" for item in items)


def suite(path):
    """Every file of the package's PKITS folder."""
    with tempfile.TemporaryDirectory() as temporary:
        if path.suffix == ".whl":
            zipfile.ZipFile(path).extractall(temporary)
            path = pathlib.Path(temporary)
        return {file.read_bytes() for file in path.glob("**/PKITS_data/**/*") if file.is_file()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("original", type=pathlib.Path)
    parser.add_argument("--suite", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    cases = [converted(json.loads(line)) for line in (arguments.original / "pkits_public.jsonl").open()]
    files = [json.loads(line) for line in (arguments.original / "pkits_public.files.jsonl").open()]
    octets = {key: base64.b64decode(text) for key, text in files}
    assert {key for case in cases for key in case["certificates"].values()} == set(octets), "files and cases do not fit"
    assert all(hashlib.sha256(data).hexdigest()[:16] == key for key, data in octets.items())
    counts = collections.Counter(f"{case['policy']} {case['expect']}" for case in cases)
    summary = f"{len(cases)} cases ({', '.join(f'{n} {what}' for what, n in sorted(counts.items()))}), {len(files)} certificates"
    if arguments.suite:
        known = suite(arguments.suite)
        missing = [key for key, data in octets.items() if data not in known]
        if missing:
            sys.exit(f"pkits: not in the suite: {', '.join(missing)}")
        summary += ", all of them NIST's"
    out = {"cases.jsonl": lines(cases), "files.jsonl": lines(files)}
    if arguments.check:
        wrong = [name for name, text in out.items() if (HERE / "pkits" / name).read_text() != text]
        if wrong:
            sys.exit(f"pkits: differs from what the original gives: {', '.join(wrong)}")
        print(f"pkits: the same byte for byte: {summary}")
    else:
        (HERE / "pkits").mkdir(exist_ok=True)
        for name, text in out.items():
            (HERE / "pkits" / name).write_text(text)
        print(f"pkits: written: {summary}")


if __name__ == "__main__":
    main()
