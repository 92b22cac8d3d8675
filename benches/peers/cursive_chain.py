"""Validates a chain with Cursive as a service does, and prints the microseconds a call, from DER to the verdict.

    cursive_chain.py FOLDER        reads a number of calls from each line of its input
"""
import pathlib
import sys
import time
import warnings

warnings.simplefilter("ignore")
from cryptography import x509
from cursive import certificate_utils, exception

folder = pathlib.Path(sys.argv[1])
trusted = [(path.name, path.read_bytes()) for path in sorted(folder.glob("trusted-*.der"))]


def validate(signer):
    context = certificate_utils.CertificateVerificationContext(
        [(name, x509.load_der_x509_certificate(der)) for name, der in trusted])
    context.update(x509.load_der_x509_certificate(signer))
    context.verify()  # raises if there is no chain


signer = (folder / "signer.der").read_bytes()
try:
    validate((folder / "spoilt.der").read_bytes())
    sys.exit("Cursive takes a wrong signature")
except exception.SignatureVerificationError:
    pass
for line in sys.stdin:
    calls = int(line)
    begun = time.thread_time()
    for _ in range(calls):
        validate(signer)
    print((time.thread_time() - begun) * 1e6 / calls, flush=True)
