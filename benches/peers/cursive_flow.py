"""Verifies an image with Cursive as a service does, and prints the seconds from get_verifier to the verdict.

    cursive_flow.py PROPERTIES.json CERTIFICATE.der IMAGE
"""
import json
import sys
import time
import warnings
from unittest import mock

warnings.simplefilter("ignore")
from castellan.common.objects import x_509
from cursive import signature_utils

properties_path, certificate_path, image_path = sys.argv[1:]
with open(properties_path) as file:
    properties = json.load(file)
with open(certificate_path, "rb") as file:
    certificate = x_509.X509(file.read())

# The key manager is memory: none of its time is Cursive's.
manager = mock.Mock()
manager.get = lambda context, id: certificate
with mock.patch.object(signature_utils.key_manager, "API", return_value=manager):
    begun = time.perf_counter()
    verifier = signature_utils.get_verifier(
        None, properties["img_signature_certificate_uuid"], properties["img_signature_hash_method"],
        properties["img_signature"], properties["img_signature_key_type"])
    with open(image_path, "rb", buffering=0) as image:
        while block := image.read(65536):
            verifier.update(block)
    verifier.verify()  # raises if the signature does not hold
    print(time.perf_counter() - begun)
