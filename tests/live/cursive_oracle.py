"""Asks the real Cursive, over the real Castellan, for its verdict.

Reads a JSON object a line, writes one a line:

    {"configuration": {"key_manager": {"backend": "barbican"}, "barbican": {"barbican_endpoint": "http://..."}},
     "token": "...", "keystone": {"url": ..., "project_id": ...},       neither for Vault
     "store": HEX}                                                      or
     "certificate": ID}                                                 or
     "properties": {...}, "image": PATH, "trusted": [ID, ...]}
    {"verdict": "verified"}, {"verdict": "certificate", "der": HEX}, {"verdict": "stored", "id": ID} or
    {"verdict": "refused", "raised": "SignatureVerificationError", "message": "..."}
"""
import json
import logging
import sys
import warnings

warnings.simplefilter("ignore")
from castellan import key_manager
from castellan.common.objects import x_509
from castellan.key_manager import barbican_key_manager, vault_key_manager
from cryptography.hazmat.primitives.serialization import Encoding
from cursive import certificate_utils, signature_utils
from keystoneauth1 import token_endpoint
from oslo_config import cfg
from oslo_context import context

logging.disable(logging.CRITICAL)  # the causes that Cursive's errors leave out, and a traceback for each
CONF = cfg.CONF
CONF([])
CONF.register_opts(key_manager.key_manager_opts, group="key_manager")
CONF.register_opts(barbican_key_manager._barbican_opts, group="barbican")
CONF.register_opts(vault_key_manager._vault_opts, group="vault")


class WithPlugin(context.RequestContext):
    """A request's context with an auth plugin of its own, as nova's: the token is used as it is."""

    def get_auth_plugin(self):
        return token_endpoint.Token(CONF.barbican.barbican_endpoint, self.auth_token)


def configure(configuration):
    CONF.clear_override("backend", group="key_manager")
    for group in ("barbican", "vault"):
        for option in CONF[group]:
            CONF.clear_override(option, group=group)
    for group, options in configuration.items():
        for option, value in options.items():
            CONF.set_override(option, value, group=group)


def request_context(question):
    if "token" not in question:
        return None
    keystone = question.get("keystone")
    if not keystone:
        return WithPlugin(auth_token=question["token"])
    return context.RequestContext(auth_token=question["token"], project_id=keystone["project_id"])


def verify(request, properties, image, trusted):
    """What Nova does with an image: the signature, and with trusted ids the chain."""
    prefix = "img_signature"
    verifier = signature_utils.get_verifier(
        request, *(properties.get(prefix + name) for name in ("_certificate_uuid", "_hash_method", "", "_key_type")))
    if trusted is not None:
        certificate_utils.verify_certificate(request, properties[prefix + "_certificate_uuid"], trusted)
    with open(image, "rb") as data:
        while block := data.read(65536):
            verifier.update(block)
    verifier.verify()


def answer(question):
    try:
        configure(question["configuration"])
        request = request_context(question)
        if "store" in question:
            managed = x_509.X509(bytes.fromhex(question["store"]))
            return {"verdict": "stored", "id": key_manager.API().store(request, managed)}
        if "certificate" in question:
            certificate = signature_utils.get_certificate(request, question["certificate"])
            return {"verdict": "certificate", "der": certificate.public_bytes(Encoding.DER).hex()}
        verify(request, question["properties"], question["image"], question.get("trusted"))
        return {"verdict": "verified"}
    except Exception as error:  # also those that it should have wrapped
        return {"verdict": "refused", "raised": type(error).__name__, "message": str(error)}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
