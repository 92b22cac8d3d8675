#!/usr/bin/env python3
"""Asks OpenStack Cursive and `openssl verify` for their verdicts on chains/cases.jsonl and compares them with what is recorded.

    pip install cursive==0.3.1 cryptography==46.0.7
    check_chains.py [--record] [--limit SECONDS]

`real_cursive` is what CertificateVerificationContext says of `leaf`, `trusted`, `at` and `enforce`, which is all that Cursive knows of:
good; bad (SignatureVerificationError); crash (any other exception, also when a trusted certificate cannot be loaded); hang (no answer in
10 seconds, at which the process is ended). `openssl` is what `openssl verify -auth_level 0` says (absent where it cannot be asked: no
trusted certificates, some that it cannot read, pins, a set that repeats names in ways its store merges).
Every case in which Cursive and `expect.cursive` differ must be one of DIFFERENCES.
"""
import collections
import concurrent.futures
import datetime
import json
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings
from unittest import mock

warnings.simplefilter("ignore")
import logging
logging.disable(logging.CRITICAL)
from cryptography import x509
from cursive import certificate_utils, exception

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE / "chains"

# (real, expected) and the cases, by id, in which the two may differ so; the reasons are those of the design.
DIFFERENCES = [
    ("hang", ".*", "(cross-pair|three-cycle|bridge|mesh).*", "Cursive has no visited set; here every search ends"),
    ("crash", "good", "(twins|member)/.*|path-length/2.70", "Cursive fails as a whole over one certificate; here it is skipped, or read"),
    ("crash", "bad", "(member|leaf)/.*|path-length/negative|algorithm/ed448", "an exception that is no verdict; here it is one"),
    ("crash", "good", "algorithm/(ed25519|dsa2048-256-sha512)", "Cursive does not know the scheme; it is in our table"),
    ("bad", "good", "algorithm/pss-.*", "Cursive does not know the scheme (PKCS#1 v1.5 alone); it is in our table"),
    ("good", "bad", "algorithm/(pss-key-pkcs1|.*-sha3-256|.*-md5|ecdsa-(secp256k1|brainpool))", "Cursive knows the scheme; it is not in our table"),
    ("bad", "good", "no-root/partial-chain|untrusted-intermediate|(.*/)?pinned", "Cursive has no partial chains, untrusted intermediates, pins"),
    ("bad", "good", "(dead-end|same-key-roots)/.*", "Cursive does not go back; here the order of the set means nothing"),
    ("good", "bad", "ca-key/rsa(512|768).*|leaf-key/rsa768", "no policy takes RSA below 1024 bits"),
    ("good", "bad", "member/long-serial/alone", "what cannot be read strictly is no certificate"),
]


def load(path):
    data = (FOLDER / path).read_bytes()
    return x509.load_pem_x509_certificate(data) if data.startswith(b"-----") else x509.load_der_x509_certificate(data)


def ask_cursive(case, answer):
    now = datetime.datetime.fromisoformat(case["at"].replace("Z", "+00:00"))
    with mock.patch.object(certificate_utils.timeutils, "utcnow", lambda with_timezone=False: now):
        try:
            trusted = [(f"t{n}", load(path)) for n, path in enumerate(case["trusted"])]
            context = certificate_utils.CertificateVerificationContext(trusted, **case.get("enforce", {}))
            context.update(load(case["leaf"]))
            context.verify()
            answer.send(("good", None))
        except exception.SignatureVerificationError as error:
            answer.send(("bad", str(error)))
        except Exception as error:  # whatever comes out of it
            answer.send(("crash", re.sub(r"0x[0-9a-f]+", "0x…", f"{type(error).__name__}: {error}")[:160]))


def cursive(case, limit):
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=ask_cursive, args=(case, theirs))
    process.start()
    said = ours.recv() if ours.poll(limit) else ("hang", None)
    process.kill()
    process.join()
    return said


def pem(path):
    run = subprocess.run(["openssl", "x509", "-inform", "DER", "-in", FOLDER / path], capture_output=True)
    return run.stdout if run.returncode == 0 else None


def openssl(case):
    files = {path: pem(path) for path in {case["leaf"], *case["trusted"], *case.get("intermediates", [])}}
    if not case["trusted"] or "pins" in case or "enforce" in case or "purposes" in case or None in files.values():
        return None
    with tempfile.TemporaryDirectory() as folder:
        write = lambda name, paths: pathlib.Path(folder, name).write_bytes(b"".join(files[p] for p in paths))
        write("leaf", [case["leaf"]])
        write("trusted", case["trusted"])
        at = int(datetime.datetime.fromisoformat(case["at"].replace("Z", "+00:00")).timestamp())
        command = ["openssl", "verify", "-no-CApath", "-no-CAstore", "-auth_level", "0", "-attime", str(at), "-CAfile", "trusted"]
        if case.get("partial_chain"):
            command.append("-partial_chain")
        if case.get("intermediates"):
            write("untrusted", case["intermediates"])
            command += ["-untrusted", "untrusted"]
        return "good" if subprocess.run([*command, "leaf"], cwd=folder, capture_output=True).returncode == 0 else "bad"


def main():
    record = "--record" in sys.argv
    limit = float(sys.argv[sys.argv.index("--limit") + 1]) if "--limit" in sys.argv else 10
    path = FOLDER / "cases.jsonl"
    cases = [json.loads(line) for line in path.open()]
    with concurrent.futures.ThreadPoolExecutor(4 * os.cpu_count()) as pool:  # those that hang take a processor each
        real = list(pool.map(lambda case: cursive(case, limit), cases))
        witness = list(pool.map(openssl, cases))
    failed, counts, apart = False, collections.Counter(), collections.Counter()
    for case, (seen, detail), other in zip(cases, real, witness):
        expected = case["expect"]["cursive"]
        counts[f"{seen} by Cursive, {expected} here under cursive"] += 1
        if other:
            apart[f"{other} by openssl, {case['expect']['rfc5280']} here under rfc5280"] += 1
        if seen != expected and not any(re.fullmatch(a, seen) and re.fullmatch(b, expected) and re.fullmatch(f"chains/({ids})", case["id"]) for a, b, ids, _ in DIFFERENCES):
            failed = True
            print(f"{case['id']}: Cursive says {seen} ({detail}), expected is {expected}, and no difference of the list covers it", file=sys.stderr)
        if record:
            for name, value in (("real_cursive", seen), ("real_cursive_detail", detail), ("openssl", other)):
                case.pop(name, None)
                if value is not None:
                    case[name] = value
        elif case.get("real_cursive") != seen or case.get("openssl") != other:
            failed = True
            print(f"{case['id']}: recorded {case.get('real_cursive')}, {case.get('openssl')}; now {seen}, {other}", file=sys.stderr)
    if record:
        path.write_text("".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) + "\n" for c in cases))
    print(f"chains: {len(cases)} cases: " + "; ".join(f"{n} {what}" for what, n in sorted([*counts.items(), *apart.items()])))
    sys.exit(failed)


if __name__ == "__main__":
    main()
