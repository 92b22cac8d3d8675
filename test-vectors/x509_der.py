"""Certificates and revocation lists written field by field, so that they can be wrong where a test wants them wrong.

For make_chains.py and make_revocation.py. Needs `cryptography` for keys and signatures; the DER is our own.
"""
import hashlib
import pathlib
import re
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa

import der

KEYS = pathlib.Path()  # set by the scripts: the folder of the private keys

RSA, RSASSA_PSS, MGF1 = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.8"
HASHES = {
    "md5": (hashes.MD5(), "1.2.840.113549.2.5"), "sha1": (hashes.SHA1(), "1.3.14.3.2.26"),
    "sha224": (hashes.SHA224(), "2.16.840.1.101.3.4.2.4"), "sha256": (hashes.SHA256(), "2.16.840.1.101.3.4.2.1"),
    "sha384": (hashes.SHA384(), "2.16.840.1.101.3.4.2.2"), "sha512": (hashes.SHA512(), "2.16.840.1.101.3.4.2.3"),
    "sha3-256": (hashes.SHA3_256(), "2.16.840.1.101.3.4.2.8"),
}
PKCS1_OIDS = {"md5": "1.2.840.113549.1.1.4", "sha1": "1.2.840.113549.1.1.5", "sha224": "1.2.840.113549.1.1.14",
              "sha256": "1.2.840.113549.1.1.11", "sha384": "1.2.840.113549.1.1.12", "sha512": "1.2.840.113549.1.1.13",
              "sha3-256": "2.16.840.1.101.3.4.3.14"}
ECDSA_OIDS = {"sha1": "1.2.840.10045.4.1", "sha224": "1.2.840.10045.4.3.1", "sha256": "1.2.840.10045.4.3.2",
              "sha384": "1.2.840.10045.4.3.3", "sha512": "1.2.840.10045.4.3.4", "sha3-256": "2.16.840.1.101.3.4.3.10"}
DSA_OIDS = {"sha1": "1.2.840.10040.4.3", "sha224": "2.16.840.1.101.3.4.3.1", "sha256": "2.16.840.1.101.3.4.3.2",
            "sha384": "2.16.840.1.101.3.4.3.3", "sha512": "2.16.840.1.101.3.4.3.4"}
CURVES = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1, "secp256k1": ec.SECP256K1,
          "brainpool": ec.BrainpoolP384R1, "sect409k1": ec.SECT409K1, "sect409r1": ec.SECT409R1,
          "sect571k1": ec.SECT571K1, "sect571r1": ec.SECT571R1}
NULL = der.tlv(0x05, b"")


# ---- keys: the name says the kind, `-WORD` behind it tells keys of one kind apart ----
def key(name):
    path = KEYS / f"{name}.pem"
    if not path.exists():
        kind = name.partition("-")[0]
        if kind in CURVES:
            made = ec.generate_private_key(CURVES[kind]())
        elif kind.startswith("rsa"):
            made = rsa.generate_private_key(65537, int(kind[3:])) if int(kind[3:]) >= 1024 else small_rsa(int(kind[3:]))
        elif kind.startswith("dsa"):
            made = dsa.generate_private_key(int(kind[3:]))
        else:
            made = {"ed25519": ed25519.Ed25519PrivateKey, "ed448": ed448.Ed448PrivateKey}[kind].generate()
        path.write_bytes(made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                            serialization.NoEncryption()))
    return serialization.load_pem_private_key(path.read_bytes(), None, unsafe_skip_rsa_key_validation=True)


def small_rsa(bits):
    """A key below 1024 bits, which `cryptography` does not make."""
    import subprocess
    pem = subprocess.run(["openssl", "genrsa", str(bits)], capture_output=True, check=True).stdout
    return serialization.load_pem_private_key(pem, None)


def spki(name):
    return key(name).public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_identifier(info):
    """RFC 5280, 4.2.1.2, method (1)."""
    return hashlib.sha1(der.read(der.children(der.read(info)[1])[1])[1][1:]).digest()


# ---- signatures ----
def pss_parameters(hash_name, salt, mgf1=None):
    """RSASSA-PSS-params (RFC 4055, 3.1); SHA-1 and 20 are defaults and not written."""
    algorithm = lambda name: der.sequence(der.oid(HASHES[name][1]), NULL)
    parts = []
    if hash_name != "sha1":
        parts.append(der.tlv(0xA0, algorithm(hash_name)))
    if (mgf1 or hash_name) != "sha1":
        parts.append(der.tlv(0xA1, der.sequence(der.oid(MGF1), algorithm(mgf1 or hash_name))))
    if salt != 20:
        parts.append(der.tlv(0xA2, der.integer(salt)))
    return der.sequence(*parts)


def pss_key(name, parameters=None):
    """The SubjectPublicKeyInfo of an RSA key under id-RSASSA-PSS."""
    bits = der.children(der.read(spki(name))[1])[1]
    return der.sequence(der.sequence(der.oid(RSASSA_PSS), *([parameters] if parameters else [])), bits)


def usual_hash(name):
    return {"p384": "sha384", "p521": "sha512", "sect571k1": "sha512", "sect571r1": "sha512", "sect409k1": "sha384",
            "sect409r1": "sha384"}.get(name.partition("-")[0], "sha256")


def scheme(name, how=None):
    """(AlgorithmIdentifier, function that signs). `how`: a hash, or pss:HASH:SALT[:MGF1 HASH]."""
    private = key(name)
    if isinstance(private, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)):
        oid = "1.3.101.112" if isinstance(private, ed25519.Ed25519PrivateKey) else "1.3.101.113"
        return der.sequence(der.oid(oid)), private.sign
    how = how or usual_hash(name)
    if how.startswith("pss:"):
        _, hash_name, salt, *mgf1 = how.split(":")
        mgf1 = mgf1[0] if mgf1 else hash_name
        pad = padding.PSS(padding.MGF1(HASHES[mgf1][0]), int(salt))
        identifier = der.sequence(der.oid(RSASSA_PSS), pss_parameters(hash_name, int(salt), mgf1))
        return identifier, lambda data: private.sign(data, pad, HASHES[hash_name][0])
    algorithm = HASHES[how][0]
    if isinstance(private, rsa.RSAPrivateKey):
        return der.sequence(der.oid(PKCS1_OIDS[how]), NULL), lambda data: private.sign(data, padding.PKCS1v15(), algorithm)
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return der.sequence(der.oid(ECDSA_OIDS[how])), lambda data: private.sign(data, ec.ECDSA(algorithm))
    return der.sequence(der.oid(DSA_OIDS[how])), lambda data: private.sign(data, algorithm)


# ---- names and times ----
UTF8, PRINTABLE, IA5 = 0x0C, 0x13, 0x16
ATTRIBUTES = {"C": "2.5.4.6", "O": "2.5.4.10", "OU": "2.5.4.11", "CN": "2.5.4.3", "emailAddress": "1.2.840.113549.1.9.1"}


def dn(cn=None, o="longhand chains", text=UTF8, email=None):
    parts = [("O", text, o)] if o else []
    parts += [("CN", text, cn)] if cn else []
    parts += [("emailAddress", IA5, email)] if email else []
    return der.sequence(*(der.tlv(0x31, der.sequence(der.oid(ATTRIBUTES[a]), der.tlv(tag, v.encode()))) for a, tag, v in parts))


def time(text):
    """A Time of RFC 5280, 4.1.2.5, from 2020-01-01T00:00:00Z."""
    digits = re.sub(r"[-T:]", "", text).encode()
    return der.tlv(0x17, digits[2:]) if 1950 <= int(text[:4]) < 2050 else der.tlv(0x18, digits)


def boolean(value):
    return der.tlv(0x01, b"\xff" if value else b"\0")


# ---- extensions: (object identifier, critical, octets of the value) ----
def extension(oid, value, critical=False):
    return der.sequence(der.oid(oid), *([boolean(True)] if critical else []), der.tlv(0x04, value))


def basic_constraints(ca, path_length=None, critical=True):
    parts = [boolean(True)] if ca else []
    parts += [der.integer(path_length)] if path_length is not None else []
    return extension("2.5.29.19", der.sequence(*parts), critical)


USAGES = ["digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign"]


def named_bits(numbers):
    """A BIT STRING of named bits: no trailing zero bits (X.690, 11.2.2)."""
    if not numbers:
        return der.tlv(0x03, b"\0")
    last = max(numbers)
    octets = bytearray(last // 8 + 1)
    for bit in numbers:
        octets[bit // 8] |= 0x80 >> bit % 8
    return der.tlv(0x03, bytes([7 - last % 8]) + bytes(octets))


def key_usage(*usages, critical=True):
    return extension("2.5.29.15", named_bits([USAGES.index(u) for u in usages]), critical)


def subject_key(identifier):
    return extension("2.5.29.14", der.tlv(0x04, identifier))


def authority_key(identifier):
    return extension("2.5.29.35", der.sequence(der.tlv(0x80, identifier)))


def extended_key_usage(*oids, critical=False):
    return extension("2.5.29.37", der.sequence(*map(der.oid, oids)), critical)


def directory_name(name):
    return der.tlv(0xA4, name)


def dns_name(text):
    return der.tlv(0x82, text.encode())


def email_name(text):
    return der.tlv(0x81, text.encode())


def ip_address(octets):
    return der.tlv(0x87, octets)


def alternative_names(*names, critical=False):
    return extension("2.5.29.17", der.sequence(*names), critical)


def name_constraints(permitted=(), excluded=(), critical=True):
    trees = lambda tag, names: [der.tlv(tag, b"".join(map(der.sequence, names)))] if names else []
    return extension("2.5.29.30", der.sequence(*trees(0xA0, permitted), *trees(0xA1, excluded)), critical)


# ---- certificates ----
class Certificate:
    def __init__(self, name, subject, key, info, octets):
        self.name, self.subject, self.key, self.info, self.der = name, subject, key, info, octets
        self.identifier = key_identifier(info)
        tbs = der.children(der.read(der.children(der.read(octets)[1])[0])[1])
        self.serial = int.from_bytes(der.read(tbs[1 if tbs[0][0] == 0xA0 else 0])[1], "big")


known = {}
SINCE, UNTIL = "2020-01-01T00:00:00Z", "2049-12-31T23:59:59Z"


def serial_number(name):
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") | 1 << 62


def certificate(name, subject, key_name, by=None, extensions=(), how=None, since=SINCE, until=UNTIL, version=3, serial=None, info=None,
                issuer=None, signer=None, edit=None, outer=None):
    """A certificate. `by`: the issuer, itself if None. `info`: another SubjectPublicKeyInfo. `issuer`, `signer`: another name, the name of
    another key than the issuer's. `edit`: a function over the signature's octets. `outer`: another unsigned AlgorithmIdentifier."""
    info = info or spki(key_name)
    identifier, sign = scheme(signer or (by.key if by else key_name), how)
    tbs = [der.tlv(0xA0, der.integer(version - 1))] if version > 1 else []
    tbs += [der.integer(serial_number(name) if serial is None else serial), identifier, issuer or (by.subject if by else subject)]
    tbs += [der.sequence(time(since), time(until)), subject, info]
    if extensions:
        tbs.append(der.tlv(0xA3, der.sequence(*extensions)))
    tbs = der.sequence(*tbs)
    if name in known:  # asked for a second time
        assert known[name][0] == tbs, f"two certificates named {name}"
        return known[name][1]
    signature = sign(tbs)
    octets = der.sequence(tbs, outer or identifier, der.bit_string(edit(signature) if edit else signature))
    known[name] = tbs, Certificate(name, subject, key_name, info, octets)
    return known[name][1]


def profile(defaults, changes):
    """The extensions of `defaults` with `changes`: NAME=None takes one away, NAME=octets replaces it or adds one behind."""
    return [value for value in (defaults | changes).values() if value is not None]


def authority(name, cn, key_name, by=None, path_length=None, ext=None, **more):
    info = more.get("info") or spki(key_name)
    defaults = {"bc": basic_constraints(True, path_length), "ku": key_usage("keyCertSign", "cRLSign"), "ski": subject_key(key_identifier(info))}
    if by:
        defaults["aki"] = authority_key(by.identifier)
    subject = cn if isinstance(cn, bytes) else dn(cn)
    return certificate(name, subject, key_name, by, profile(defaults, ext or {}), **more)


def signing(name, by, key_name="p384-leaf", cn=None, ext=None, **more):
    info = more.get("info") or spki(key_name)
    defaults = {"bc": basic_constraints(False), "ku": key_usage("digitalSignature"), "ski": subject_key(key_identifier(info))}
    if by:
        defaults["aki"] = authority_key(by.identifier)
    subject = cn if isinstance(cn, bytes) else dn(cn or "Image signer")
    return certificate(name, subject, key_name, by, profile(defaults, ext or {}), **more)


def keys_folder(argument):
    global KEYS
    KEYS = pathlib.Path(argument)
    KEYS.mkdir(parents=True, exist_ok=True)
    if pathlib.Path(__file__).resolve().parent in KEYS.resolve().parents:
        sys.exit("the private keys must not be kept in this folder")
