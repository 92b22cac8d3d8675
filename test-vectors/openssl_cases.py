#!/usr/bin/env python3
"""Writes the images and cases of openssl/; called by make_openssl.sh, which has made keys and certificates.

Every verdict of openssl is asked for and recorded; the script fails if one is not the one foreseen here.
"""
import base64
import collections
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import uuid

import check_openssl
import der

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "openssl"
KEYS = pathlib.Path(sys.argv[1])
VERSION = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout.split()[1]
HASHES = ["SHA-224", "SHA-256", "SHA-384", "SHA-512"]
CURVES = ["secp384r1", "secp521r1", "sect409k1", "sect409r1", "sect571k1", "sect571r1"]
cases, foreseen = [], {}

# The error code of a bad case, by its name: what the library must refuse it for.
CODES = [(re.compile(f"(?:{pattern})$"), code) for pattern, code in (
    ("rsa2048/only-max/.*|pss-restricted/salt-.*", "pss_salt_length"),
    ("pss-restricted/SHA-512|pss-sha1/.*|pss-mgf1-sha1/.*", "key_restricted"),
    (".*/(empty|base64-empty|base64-white-space)|words/(hash-empty|empty-certificate-id)", "property_empty"),
    (".*/base64-.*", "signature_not_base64"),
    ("words/hash-.*", "hash_method_unknown"),
    ("words/missing-.*", "properties_incomplete"),
    ("words/other-certificate-id", "certificate_not_found"),
    ("words/.*", "key_type_unknown"),
    ("mismatch/secp256k1-.*", "curve_unsupported"),
    ("mismatch/(se|prime)[^-]*-as-ECC_.*", "curve_mismatch"),
    ("mismatch/ed25519-.*", "key_type_mismatch"),
    ("mismatch/.*", "key_type_mismatch"),
    ("rsa(512|1023)/.*", "rsa_modulus"),
    ("dsa512-160/.*", "dsa_size"),
    ("secp384r1-explicit/.*", "curve_explicit"),
    ("secp384r1-hybrid/.*", "point_encoding"),
    ("certificate/trailing", "certificate_malformed"),
    ("certificate/public-key", "certificate_not_pem"),
    (".*/(r|s)-(zero|order|order-plus-one|plus-order)|.*/both-zero", "signature_out_of_range"),
    ("rsa.*/(cut|cut-in-front|longer|longer-in-front)", "signature_length"),
    ("rsa.*/(n|all-ones|plus-n)", "signature_not_below_modulus"),
    (".*/(image-.*|signed-empty|octet-changed|swapped|r-one|q-minus-s)", "signature_mismatch"),
    ("(dsa|sec).*/other-(hash|key)", "signature_mismatch"),
    ("(dsa|sec).*", "signature_encoding"),
    ("rsa.*|pss.*|certificate/second", "pss_encoding"),
)]


# ---- images ----
def stream(label, size):
    """Octets that look random and are always the same: SHA-256 of a label and a counter."""
    blocks = (hashlib.sha256(label + i.to_bytes(8, "big")).digest() for i in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def flipped(data, at):
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


BIG, SMALL = stream(b"longhand image", 100_003), stream(b"longhand small image", 1_000)
IMAGES = {
    "image.bin": BIG,
    "image-last-octet-changed.bin": flipped(BIG, -1),
    "small.bin": SMALL,
    "small-changed.bin": flipped(SMALL, 500),
    "small-cut.bin": SMALL[:-1],
    "small-extended.bin": SMALL + b"\0",
}
IMAGE, EMPTY, ONE = {"file": "image.bin"}, {"hex": ""}, {"hex": "6c"}
SMALL_IMAGE = {"file": "small.bin"}


# ---- openssl ----
def openssl(*arguments, data=b""):
    run = subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True)
    if run.returncode:
        sys.exit(f"openssl {' '.join(map(str, arguments))}: {run.stderr.decode()}")
    return run.stdout


def content(image):
    return IMAGES[image["file"]] if "file" in image else bytes.fromhex(image["hex"])


def sign(key, hash_method, image=IMAGE, salt=None, mgf1=None, padding="pss"):
    """`openssl dgst -sign`; `salt` as openssl names it (max, digest, a number), for RSA keys only."""
    path = key if isinstance(key, pathlib.Path) else KEYS / f"{key}.pem"
    options = []
    if salt is not None:
        options += ["-sigopt", f"rsa_padding_mode:{padding}"]
        options += ["-sigopt", f"rsa_pss_saltlen:{salt}"] if padding == "pss" else []
        options += ["-sigopt", f"rsa_mgf1_md:{mgf1}"] if mgf1 else []
    return openssl("dgst", f"-{check_openssl.HASHES[hash_method]}", "-sign", path, *options, data=content(image))


def raw_rsa(key, em):
    """em^d mod n, as long as n (RSA without padding: decryption is signing)."""
    n, _ = rsa_public(key)
    octets = (n.bit_length() + 7) // 8
    return openssl("pkeyutl", "-decrypt", "-inkey", KEYS / f"{key}.pem", "-pkeyopt", "rsa_padding_mode:none",
                   data=em.rjust(octets, b"\0"))


def spki(key):
    return openssl("pkey", "-in", KEYS / f"{key}.pem", "-pubout", "-outform", "DER")


def rsa_public(key):
    bits = der.children(der.read(spki(key))[1])[1]
    n, e = der.children(der.read(der.read(bits)[1][1:])[1])
    return (int.from_bytes(der.read(x)[1], "big") for x in (n, e))


def group_order(key):
    """q of a DSA key, n of a curve."""
    if key.startswith("dsa"):
        parameters = der.children(der.read(der.children(der.read(spki(key))[1])[0])[1])[1]
        return int.from_bytes(der.read(der.children(der.read(parameters)[1])[1])[1], "big")
    text = openssl("ecparam", "-name", key, "-param_enc", "explicit", "-text", "-noout").decode()
    return int(re.sub(r"[\s:]", "", re.search(r"Order:([0-9a-f:\s]+)", text)[1]), 16)


def pss_encoded(message, hash_method, em_bits, salt=b"", separator=1, padding=0, trailer=0xBC, top=0):
    """EMSA-PSS (RFC 8017, 9.1.1) with the parts that can be got wrong as arguments."""
    new = lambda data: hashlib.new(hash_method.replace("-", ""), data).digest()
    h = new(bytes(8) + new(message) + salt)
    size = (em_bits + 7) // 8 - len(h) - 1
    db = bytearray(bytes([padding]) * (size - len(salt) - 1) + bytes([separator]) + salt)
    mask = b"".join(new(h + i.to_bytes(4, "big")) for i in range(size // len(h) + 1))[:size]
    masked = bytearray(a ^ b for a, b in zip(db, mask))
    masked[0] &= 0xFF >> (-em_bits % 8)
    masked[0] |= top
    return bytes(masked) + h + bytes([trailer])


# ---- cases ----
def certificate(name):
    """{file name: reference} of a certificate, by its name in make_openssl.sh."""
    id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"longhand:openssl/{name}"))
    path = next((OUT / "certs").glob(f"{id}.*"))
    return id, {path.name: {"file": f"certs/{path.name}"}}


def key_type(key):
    if key.startswith(("rsa", "pss")):
        return "RSA-PSS"
    return "DSA" if key.startswith("dsa") else f"ECC_{key.split('-')[0].upper()}"


def add(name, key, hash_method, signature, expect, why, image=IMAGE, openssl=None, text=None, type=None, cert=None,
        options=None, signed_image=None, **changes):
    """One case. `openssl`: its verdict where it is not `expect` ("" = not asked); `text`: the property instead of
    single-line base64; `signed_image`: what was signed where it is not `image`; `changes`: other properties, None leaves one out."""
    id, certificates = certificate(cert or key)
    properties = {
        "img_signature": base64.b64encode(signature).decode() if text is None else text,
        "img_signature_hash_method": hash_method,
        "img_signature_key_type": type or key_type(key),
        "img_signature_certificate_uuid": id,
    } | {f"img_signature{name}": value for name, value in changes.items()}
    case = {
        "id": f"openssl/{name}",
        "image": image,
        **({"signed_image": signed_image} if signed_image else {}),
        "properties": {k: v for k, v in properties.items() if v is not None},
        "certificates": certificates,
    }
    if options:
        case["options"] = options
    code = {} if expect == "good" else {"code": next(code for pattern, code in CODES if pattern.match(name))}
    case |= {"expect": expect, **code, "why": why, "source": f"OpenSSL {VERSION}"}
    foreseen[case["id"]] = expect if openssl is None else openssl or None
    cases.append(case)


def rsa_good():
    everything = [(h, s) for h in HASHES for s in ("max", "digest", 0, 17)]
    one_hash = [(h, "max") for h in HASHES] + [("SHA-256", s) for s in ("digest", 0, 17)]
    few = [(h, "max") for h in ("SHA-256", "SHA-512")] + [("SHA-256", s) for s in ("digest", 0, 17)]
    sets = {"rsa1024": everything, "rsa2048": everything, "rsa2049": everything, "rsa2048-e3": one_hash, "pss": everything,
            "rsa3072": one_hash, "rsa4096": one_hash, "rsa8192": few, "rsa16384": few}
    for key, wanted in sets.items():
        for hash_method, salt in wanted:
            if (key, hash_method, salt) == ("rsa1024", "SHA-512", "digest"):
                continue  # 64 octets of salt do not fit: 128 - 64 - 2 = 62
            add(f"{key}/{hash_method}/salt-{salt}", key, hash_method, sign(key, hash_method, salt=salt), "good", f"salt {salt}")
    for salt, expect in (("max", "good"), ("digest", "bad"), (0, "bad")):
        add(f"rsa2048/only-max/salt-{salt}", "rsa2048", "SHA-256", sign("rsa2048", "SHA-256", salt=salt), expect,
            f"salt {salt} where only the longest salt is allowed", options={"pss_salt": "max"})
    add("rsa2049/only-max/salt-max", "rsa2049", "SHA-256", sign("rsa2049", "SHA-256", salt="max"), "good",
        "the longest salt of a key of 8k+1 bits is counted from 256 octets, not 257", options={"pss_salt": "max"})


def pss_restricted():
    """A key restricted to SHA-256, MGF1-SHA-256 and a salt of 32 or more, and its twin without restrictions."""
    twins = {}
    for key in ("pss-restricted", "pss-sha1", "pss-mgf1-sha1"):
        pkcs8 = openssl("pkey", "-in", KEYS / f"{key}.pem", "-outform", "DER")
        pkcs1 = der.read(der.children(der.read(pkcs8)[1])[2])[1]
        twins[key] = KEYS / f"{key}-twin.pem"
        twins[key].write_bytes(openssl("rsa", "-inform", "DER", data=pkcs1))
    key, twin = "pss-restricted", twins["pss-restricted"]
    for salt in (32, 33, "max"):
        add(f"{key}/salt-{salt}", key, "SHA-256", sign(key, "SHA-256", salt=salt), "good", f"salt {salt}, the key asks for 32 or more")
    made = "; made with the same key without its parameters, openssl does not sign so with them"
    add(f"{key}/salt-20", key, "SHA-256", sign(twin, "SHA-256", salt=20), "bad", "salt 20, the key asks for 32 or more" + made)
    add(f"{key}/salt-31", key, "SHA-256", sign(twin, "SHA-256", salt=31), "bad", "salt 31, the key asks for 32 or more" + made)
    add(f"{key}/SHA-512", key, "SHA-512", sign(twin, "SHA-512", salt=64), "bad", "the key is for SHA-256 only" + made)
    add(f"{key}/mgf1-sha1", key, "SHA-256", sign(twin, "SHA-256", salt=32, mgf1="sha1"), "bad", "MGF1-SHA-1, the key is for MGF1-SHA-256 only" + made)
    add("pss-sha1/SHA-256", "pss-sha1", "SHA-256", sign(twins["pss-sha1"], "SHA-256", salt=32), "bad",
        "the key is for SHA-1 only (parameters all default), which no image signature may use" + made)
    key = "pss-mgf1-sha1"
    add(f"{key}/mgf1-sha1", key, "SHA-256", sign(key, "SHA-256", salt=32), "bad",
        "as the key's parameters ask, but image signatures use MGF1 with the message's hash; openssl takes MGF1's hash from the key",
        openssl="good")
    add(f"{key}/mgf1-sha256", key, "SHA-256", sign(twins[key], "SHA-256", salt=32), "bad", "MGF1-SHA-256, the key is for MGF1-SHA-1" + made)


def rsa_spoilt():
    for key in ("rsa2048", "rsa2049"):
        n, _ = rsa_public(key)
        size = (n.bit_length() + 7) // 8
        good = b"\1"
        while good[0]:  # one that begins with a zero octet, for those cut in front and those with n added
            good = sign(key, "SHA-256", SMALL_IMAGE, salt="max")
        spoilt = lambda name, signature, why, **more: add(
            f"{key}/{name}", key, "SHA-256", signature, "bad", why, SMALL_IMAGE, **more)
        add(f"{key}/small", key, "SHA-256", good, "good", "the signature the spoilt ones below start from", SMALL_IMAGE)
        whole = 0 if key == "rsa2048" else 1  # of 2049 bits the first octet is one bit, which would make it n or more
        spoilt("first-octet-changed", flipped(good, whole), "first whole octet changed")
        spoilt("middle-octet-changed", flipped(good, size // 2), "an octet in the middle changed")
        spoilt("last-octet-changed", flipped(good, -1), "last octet changed")
        spoilt("cut", good[:-1], "last octet missing")
        spoilt("cut-in-front", good[1:], "the zero octet in front missing: the same number, but shorter than the modulus "
               "(RFC 8017, 8.1.2 step 1); openssl does not mind", openssl="good")
        spoilt("longer-in-front", b"\0" + good, "a zero octet in front: longer than the modulus")
        spoilt("longer", good + b"\0", "an octet behind: longer than the modulus")
        spoilt("empty", b"", "empty signature", openssl="")
        spoilt("zero", bytes(size), "all zero")
        spoilt("one", (1).to_bytes(size, "big"), "the number 1")
        spoilt("n-minus-one", (n - 1).to_bytes(size, "big"), "n - 1")
        spoilt("n", n.to_bytes(size, "big"), "n itself: out of range")
        spoilt("all-ones", b"\xff" * size, "every bit set: n or more, out of range")
        spoilt("plus-n", (int.from_bytes(good, "big") + n).to_bytes(size, "big"),
               "a good signature plus n: the same number modulo n, but out of range")
        spoilt("pkcs1", sign(key, "SHA-256", SMALL_IMAGE, salt=0, padding="pkcs1"), "PKCS #1 v1.5 and not PSS")
        for mgf1 in ("sha1", "sha512"):
            spoilt(f"mgf1-{mgf1}", sign(key, "SHA-256", SMALL_IMAGE, salt="digest", mgf1=mgf1), f"MGF1 with {mgf1}, the message's hash is SHA-256")

        encoded = lambda **parts: pss_encoded(SMALL, "SHA-256", n.bit_length() - 1, **parts)
        salted = lambda **parts: encoded(salt=stream(b"salt", 32), **parts)
        add(f"{key}/built", key, "SHA-256", raw_rsa(key, salted()), "good", "encoded message built by hand, as those below", SMALL_IMAGE)
        spoilt("trailer", raw_rsa(key, salted(trailer=0xCC)), "encoded message ends in CC and not in BC")
        spoilt("separator", raw_rsa(key, salted(separator=2)), "02 in front of the salt and not 01")
        spoilt("no-separator", raw_rsa(key, encoded(separator=0)), "zeros to the end: no 01 and no salt")
        spoilt("padding", raw_rsa(key, salted(padding=0x80)), "padding in front of the salt is not zero")
        counter = 0
        while True:  # leftmost bits that must be zero: search for a salt whose encoded message stays below n with one set
            counter += 1
            salt = stream(b"salt %d" % counter, 32)
            if key == "rsa2048":
                number = int.from_bytes(encoded(salt=salt, top=0x80), "big")
            else:
                number = int.from_bytes(b"\1" + encoded(salt=salt), "big")
            if number < n:
                break
        where = "of the encoded message" if key == "rsa2048" else "in front of the encoded message, in the modulus's first octet"
        spoilt("top-bit", raw_rsa(key, number.to_bytes(size, "big")), f"the bit {where} that must be zero is set")


def pair(signature):
    return [int.from_bytes(der.read(x)[1], "big") for x in der.children(der.read(signature)[1])]


def dsa_spoilt():
    for key, hash_method in (("secp384r1", "SHA-384"), ("secp521r1", "SHA-512"), ("sect571r1", "SHA-512"), ("dsa2048-256", "SHA-256")):
        order = group_order(key)
        name = "q" if key.startswith("dsa") else "n"
        octets = (order.bit_length() + 7) // 8
        encode = lambda r, s: der.sequence(der.integer(r), der.integer(s))
        while True:  # where the order's length allows it, an r whose INTEGER has a zero octet in front
            good = sign(key, hash_method, SMALL_IMAGE)
            r, s = pair(good)
            if order.bit_length() % 8 or r.bit_length() % 8 == 0:
                break
        spoilt = lambda what, signature, why, **more: add(
            f"{key}/{what}", key, hash_method, signature, "bad", why, SMALL_IMAGE, **more)
        add(f"{key}/small", key, hash_method, good, "good", "the signature the spoilt ones below start from", SMALL_IMAGE)
        if name == "n":
            add(f"{key}/n-minus-s", key, hash_method, encode(r, order - s), "good", "n - s is as good as s (both forms are allowed)", SMALL_IMAGE)
        else:
            spoilt("q-minus-s", encode(r, order - s), "q - s is no other form of s in DSA")
        spoilt("r-zero", encode(0, s), "r = 0")
        spoilt("s-zero", encode(r, 0), "s = 0")
        spoilt("both-zero", encode(0, 0), "r = s = 0")
        spoilt("r-order", encode(order, s), f"r = {name}")
        spoilt("r-order-plus-one", encode(order + 1, s), f"r = {name} + 1")
        spoilt("s-order", encode(r, order), f"s = {name}")
        spoilt("r-plus-order", encode(r + order, s), f"r + {name}: the same modulo {name}, but out of range")
        spoilt("s-plus-order", encode(r, s + order), f"s + {name}: the same modulo {name}, but out of range")
        spoilt("r-one", encode(1, 1), "r = s = 1")
        spoilt("swapped", encode(s, r), "r and s swapped")
        spoilt("raw", r.to_bytes(octets, "big") + s.to_bytes(octets, "big"), "r and s side by side, no DER")
        spoilt("octet-changed", flipped(good, -1), "last octet changed")
        spoilt("cut", good[:-1], "last octet missing")
        spoilt("empty", b"", "empty signature", openssl="")
        # DER
        first, second = der.integer(r), der.integer(s)
        inside = first + second
        spoilt("trailing-outside", good + b"\0", "an octet behind the SEQUENCE")
        spoilt("trailing-inside", der.sequence(inside, b"\0"), "an octet behind s inside the SEQUENCE")
        spoilt("third-integer", der.sequence(inside, der.integer(1)), "a third INTEGER")
        spoilt("one-integer", der.sequence(first), "r alone")
        spoilt("empty-sequence", der.sequence(), "an empty SEQUENCE")
        spoilt("set", der.tlv(0x31, inside), "a SET and not a SEQUENCE")
        spoilt("octet-strings", der.sequence(*(der.tlv(0x04, der.read(x)[1]) for x in (first, second))), "OCTET STRINGs and not INTEGERs")
        spoilt("non-minimal-integer", der.sequence(der.tlv(0x02, b"\0" + der.read(first)[1]), second), "INTEGER r with one zero octet too many")
        spoilt("negative", der.sequence(der.integer(-r), second), "INTEGER -r")
        if order.bit_length() % 8 == 0:
            spoilt("negative-by-encoding", der.sequence(der.tlv(0x02, der.read(first)[1][1:]), second),
                   "r without the zero octet in front that keeps it positive")
        spoilt("negative-r-minus-order", der.sequence(der.integer(r - order), second), f"INTEGER r - {name}, negative: the same modulo {name}")
        length = len(inside)
        longer = b"\x81" + bytes([length]) if length < 128 else b"\x82" + length.to_bytes(2, "big")
        spoilt("long-length", b"\x30" + longer + inside, "the SEQUENCE's length in more octets than it needs")
        spoilt("long-integer-length", der.sequence(b"\x02\x81" + first[1:2] + der.read(first)[1], second), "r's length in more octets than it needs")
        spoilt("indefinite-length", b"\x30\x80" + inside + b"\0\0", "indefinite length")
        spoilt("empty-integer", der.sequence(b"\x02\0", second), "INTEGER r without content")


def all_kinds():
    """The same few spoilings for each kind of key."""
    sample = {"rsa2048": "SHA-256", "pss": "SHA-256", "dsa2048-256": "SHA-256", "secp384r1": "SHA-384", "secp521r1": "SHA-512", "sect571r1": "SHA-512"}
    others = {"rsa2048": "rsa2048-other", "pss": "rsa2048-other", "dsa2048-256": "dsa3072-256", "secp384r1": "secp384r1-compressed"}
    for key, hash_method in sample.items():
        salt = "max" if key in ("rsa2048", "pss") else None
        good = sign(key, hash_method, SMALL_IMAGE, salt)
        while key.startswith("dsa") and max(pair(good)) >> 255:  # in range for the other key's q, too
            good = sign(key, hash_method, SMALL_IMAGE)
        for what, why in (("changed", "one bit of the image changed"), ("cut", "the image without its last octet"), ("extended", "the image with one octet more")):
            add(f"{key}/image-{what}", key, hash_method, good, "bad", why, {"file": f"small-{what}.bin"}, signed_image=SMALL_IMAGE)
        add(f"{key}/image-last-octet-changed", key, hash_method, sign(key, hash_method, IMAGE, salt), "bad",
            "one bit of the last octet of a larger image changed", {"file": "image-last-octet-changed.bin"}, signed_image=IMAGE)
        add(f"{key}/image-missing", key, hash_method, good, "bad", "an empty image and not the signed one", EMPTY, signed_image=SMALL_IMAGE)
        other_hash = "SHA-512" if hash_method != "SHA-512" else "SHA-256"
        add(f"{key}/other-hash", key, other_hash, good, "bad", f"signed with {hash_method}, the property says {other_hash}", SMALL_IMAGE)
        if key in others:
            add(f"{key}/other-key", key, hash_method, good, "bad", "another key's certificate of the same kind", SMALL_IMAGE, cert=others[key])
        for image, what in ((EMPTY, "empty"), (ONE, "one-octet")):
            signature = sign(key, hash_method, image, salt)
            add(f"{key}/{what}-image", key, hash_method, signature, "good", f"{what.replace('-', ' ')} image".replace("empty", "an empty").replace("one octet", "a one-octet"), image)
        add(f"{key}/signed-empty", key, hash_method, sign(key, hash_method, EMPTY, salt), "bad", "signature of the empty image", ONE, signed_image=EMPTY)


def base64_forms():
    for key, hash_method, salt in (("rsa2048", "SHA-256", "max"), ("dsa2048-256", "SHA-256", None), ("secp521r1", "SHA-512", None)):
        while True:  # a signature whose base64 has "+" or "/" and padding
            signature = sign(key, hash_method, SMALL_IMAGE, salt)
            one_line = base64.b64encode(signature).decode()
            if set("+/") & set(one_line) and (one_line.endswith("=") or salt == "max"):
                break
        wrapped = "\n".join(one_line[i : i + 76] for i in range(0, len(one_line), 76))
        form = lambda what, text, expect, why, openssl=None: add(
            f"{key}/base64-{what}", key, hash_method, signature, expect, why, SMALL_IMAGE, openssl, text)
        form("one-line", one_line, "good", "base64 on one line (base64 -w 0)")
        form("wrapped", wrapped, "good", "lines of 76, as $(base64 FILE) gives: no newline at the end")
        form("wrapped-newline", wrapped + "\n", "good", "lines of 76 with a newline at the end (base64 FILE, Python's encodebytes)")
        form("crlf", wrapped.replace("\n", "\r\n") + "\r\n", "good", "lines of 76 with CRLF")
        form("64-columns", "\n".join(one_line[i : i + 64] for i in range(0, len(one_line), 64)) + "\n", "good", "lines of 64 (openssl base64)")
        form("spaces", wrapped.replace("\n", " "), "good", "spaces for newlines, as an unquoted shell variable gives")
        assert base64.encodebytes(signature).decode() == wrapped + "\n"
        if key == "rsa2048":
            url = one_line.replace("+", "-").replace("/", "_")
            form("url-alphabet", url, "bad", "the alphabet for URLs", openssl="")
            form("outside", one_line[:10] + "!" + one_line[10:], "bad", "a character outside the alphabet", openssl="")
            form("non-ascii", one_line[:10] + "\u00a0" + one_line[10:], "bad", "a no-break space: no ASCII white space", openssl="")
            form("quoted", f"'{one_line}'", "bad", "in quotes", openssl="")
            form("backslash-n", wrapped.replace("\n", "\\n"), "bad", "backslash and n, no newline", openssl="")
            form("no-padding", one_line.rstrip("="), "bad", "padding missing", openssl="")
            form("cut", one_line[:-5], "bad", "cut in the middle of a group of four", openssl="")
            form("data-after-padding", one_line + "AAAA", "bad", "data after the padding", openssl="")
            last = one_line.rstrip("=")[-1]
            odd = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
            odd = odd[odd.index(last) + 1]
            form("trailing-bits", one_line.replace(last + "=", odd + "=", 1), "bad", "a bit set in the last letter that belongs to no octet", openssl="good")
            form("padding-twice", one_line + "====", "bad", "four more = after the padding", openssl="")
            form("empty", "", "bad", "nothing", openssl="")
            form("white-space", " \n", "bad", "white space and nothing else", openssl="")


def property_words():
    signature = sign("secp384r1", "SHA-384", SMALL_IMAGE)
    wrong = lambda what, why, openssl=None, **changes: add(
        f"words/{what}", "secp384r1", "SHA-384", signature, "bad", why, SMALL_IMAGE, openssl, **changes)
    wrong("no-ecc-prefix", "SECP384R1, as the guides write it: the word is ECC_SECP384R1", "good", type="SECP384R1")
    wrong("lower-case-key-type", "ecc_secp384r1 in lower case", "good", type="ecc_secp384r1")
    wrong("ecdsa", "ECDSA is no key type", "good", type="ECDSA")
    for word in ("SHA384", "sha-384", "SHA-1", "MD5", "SHA-384 ", ""):
        wrong(f"hash-{word.strip() or 'empty'}{'-space' if word.endswith(' ') else ''}", f"hash method {word!r}", "", _hash_method=word)
    for name in ("", "_hash_method", "_key_type", "_certificate_uuid"):
        wrong(f"missing-img_signature{name}", f"img_signature{name} missing", "", **{name: None})
    wrong("other-certificate-id", "no certificate with this id", "", _certificate_uuid="00000000-0000-4000-8000-000000000000")
    wrong("empty-certificate-id", "empty certificate id", "", _certificate_uuid="")


def key_against_type():
    refuse = lambda key, hash_method, type, why, salt=None, verdict="good": add(
        f"mismatch/{key}-as-{type}", key, hash_method, sign(key, hash_method, SMALL_IMAGE, salt), "bad", why, SMALL_IMAGE, verdict, type=type)
    other_curve = "the signature is good, but the key's curve is not the one the key type names"
    for key, type in (("prime256v1", "ECC_SECP384R1"), ("secp256k1", "ECC_SECP384R1"), ("secp521r1", "ECC_SECP384R1"),
                      ("secp384r1", "ECC_SECP521R1"), ("secp384r1", "ECC_SECT409R1"), ("sect409k1", "ECC_SECT409R1"),
                      ("sect571r1", "ECC_SECT571K1"), ("sect571k1", "ECC_SECP521R1")):
        refuse(key, "SHA-384", type, other_curve)
    other_kind = "the signature is good, but the key is not of the kind the key type names"
    for key, type, salt in (("rsa2048", "DSA", "max"), ("rsa2048", "ECC_SECP384R1", "max"), ("pss", "DSA", "max"), ("dsa2048-256", "RSA-PSS", None),
                            ("dsa2048-256", "ECC_SECP521R1", None), ("secp384r1", "RSA-PSS", None), ("secp384r1", "DSA", None)):
        refuse(key, "SHA-384", type, other_kind, salt)
    ed25519 = openssl("pkeyutl", "-sign", "-rawin", "-inkey", KEYS / "ed25519.pem", "-in", OUT / "small.bin")
    for type in ("RSA-PSS", "DSA", "ECC_SECP384R1"):
        add(f"mismatch/ed25519-as-{type}", "ed25519", "SHA-512", ed25519, "bad", "Ed25519 belongs to no key type", SMALL_IMAGE, "good", type=type)


def refused_keys():
    floor = "the signature is good, but the key is below the floor of 1024 bits"
    add("rsa1023/SHA-256", "rsa1023", "SHA-256", sign("rsa1023", "SHA-256", salt="max"), "bad", floor, openssl="good")
    add("rsa512/SHA-256", "rsa512", "SHA-256", sign("rsa512", "SHA-256", salt="max"), "bad", floor, openssl="good")
    add("dsa512-160/SHA-256", "dsa512-160", "SHA-256", sign("dsa512-160", "SHA-256"), "bad", floor, openssl="good")
    for form, why in (("explicit", "the curve is spelled out and not named (RFC 5480, 2.1.1)"), ("hybrid", "the point is in hybrid form (RFC 5480, 2.2)")):
        key = f"secp384r1-{form}"
        add(f"{key}/SHA-384", key, "SHA-384", sign(key, "SHA-384"), "bad", f"the signature is good, but {why}", openssl="good")


def certificate_forms():
    signature = sign("rsa2048", "SHA-256", SMALL_IMAGE, "max")
    form = lambda name, expect, why, verdict=None: add(
        f"certificate/{name}", "rsa2048", "SHA-256", signature, expect, why, SMALL_IMAGE, verdict, cert=f"rsa2048-{name}")
    form("pem", "good", "PEM")
    form("text", "good", "PEM behind a text dump (openssl x509 -text)")
    form("crlf", "good", "PEM with CRLF")
    form("first", "good", "PEM of two certificates, the signing one first")
    form("second", "bad", "PEM of two certificates, the signing one second: the first counts")
    form("expired", "good", "expired: dates are not looked at without a chain")
    form("not-yet-valid", "good", "not yet valid: dates are not looked at without a chain")
    form("v1", "good", "version 1, as `openssl x509 -req` of the guides makes it")
    form("trailing", "bad", "an octet behind the DER certificate, which openssl does not mind", "good")
    form("public-key", "bad", "a bare public key and no certificate", "")


def other_keys_good():
    for key in ("dsa1024-160", "dsa2048-160", "dsa2048-224", "dsa2048-256", "dsa3072-256", "dsa4096-256", *CURVES,
                "secp384r1-compressed", "sect409k1-compressed"):
        for hash_method in HASHES:
            why = "point in compressed form" if key.endswith("compressed") else "good"
            add(f"{key}/{hash_method}", key, hash_method, sign(key, hash_method), "good", why)


def main():
    for name, data in IMAGES.items():
        (OUT / name).write_bytes(data)
    for part in (rsa_good, pss_restricted, other_keys_good, rsa_spoilt, dsa_spoilt, all_kinds, base64_forms, property_words,
                 key_against_type, refused_keys, certificate_forms):
        part()
    assert len({case["id"] for case in cases}) == len(cases), "two cases with one id"
    surprises = 0
    for case, seen in zip(cases, check_openssl.observe_all(cases, OUT, {})):
        if seen != foreseen[case["id"]]:
            surprises += 1
            print(f"{case['id']}: openssl says {seen}, foreseen was {foreseen[case['id']]}", file=sys.stderr)
        if seen is not None:
            case["openssl"] = seen
    (OUT / "cases.jsonl").write_text("".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) + "\n" for c in cases))
    counts = collections.Counter(case["expect"] for case in cases)
    differ = sum("openssl" in case and case["openssl"] != case["expect"] for case in cases)
    print(f"openssl: {len(cases)} cases ({counts['good']} good, {counts['bad']} bad; openssl's verdict differs in {differ}), "
          f"{len(list((OUT / 'certs').iterdir()))} certificates")
    sys.exit(f"{surprises} verdicts of openssl not as foreseen" if surprises else 0)


if __name__ == "__main__":
    main()
