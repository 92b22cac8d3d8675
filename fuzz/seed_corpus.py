#!/usr/bin/env python3
"""Writes fuzz/corpus/ from test-vectors/: one folder of seeds for each target, and what the vectors know to be good.

Run with Python 3.11 and its standard library. Seeds have the names of their contents, so that a second run adds nothing.
"""
import base64
import hashlib
import json
import pathlib
import re
import sys

FUZZ = pathlib.Path(__file__).resolve().parent
VECTORS = FUZZ.parent / "test-vectors"
CORPUS = FUZZ / "corpus"
sys.path.insert(0, str(VECTORS))
sys.dont_write_bytecode = True
import der  # noqa: E402

NAMES = ["img_signature", "img_signature_hash_method", "img_signature_key_type", "img_signature_certificate_uuid"]
HASHES = ["SHA-224", "SHA-256", "SHA-384", "SHA-512"]
RSA_KEYS = [der.oid("1.2.840.113549.1.1.1"), der.oid("1.2.840.113549.1.1.10")]
# Not the signature is bad in these, but what the key's parameters or the options say of it. Mutations take both away.
BY_RESTRICTION = ["pss_salt_length", "key_restricted"]
# One of so many of NIST's cases becomes a seed: they are alike, and every run begins with all seeds.
CAVP_STEP = 12


def write(target, seed):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


def fields(*parts):
    """The form that fuzz/src/fields.rs reads."""
    return b"".join(len(part).to_bytes(2, "big") for part in parts[:-1]) + b"".join(parts)


def certificate_der(certificate):
    pem = re.search(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", certificate, re.S)
    return base64.b64decode(pem[1]) if pem else certificate


def key_of(spki):
    """An RSA key without its parameters, any other key whole: what fuzz_targets/verifier.rs takes for the key."""
    algorithm, key = der.children(der.read(spki)[1])
    return der.read(key)[1][1:] if der.children(der.read(algorithm)[1])[0] in RSA_KEYS else spki


def octets_of(folder, image):
    return bytes.fromhex(image["hex"]) if "hex" in image else (folder / image["file"]).read_bytes()


def cases(folder):
    files = {}
    if (folder / "files.jsonl").exists():
        files = dict(json.loads(line) for line in (folder / "files.jsonl").read_text().splitlines())
    for line in (folder / "cases.jsonl").read_text().splitlines():
        case = json.loads(line)
        image, signed = (octets_of(folder, which) for which in (case["image"], case.get("signed_image", case["image"])))
        named = {}
        for name, source in case["certificates"].items():
            octets = (folder / source["file"]).read_bytes() if isinstance(source, dict) else base64.b64decode(files[source])
            named[name.rsplit(".", 1)[0]] = octets
        yield case, image, signed, named.get(case["properties"].get(NAMES[3]))


def seed(case, image, signed, certificate, known, wanted):
    """Writes the case's seeds, and adds to `known` what verifies of it: `signed` is the image that was signed."""
    properties = case["properties"]
    if wanted:
        write("properties", "\x1e".join(f"{k}\x1f{v}" for k, v in properties.items()).encode())
    if certificate is None or set(properties) != set(NAMES):
        return
    salt = b"\x40" if case.get("options", {}).get("pss_salt") == "max" else b"\0"
    if wanted:
        write("certificate", certificate)
        texts = [properties[name].encode() for name in NAMES]
        # The longest images only keep the fuzzer busy with hashing.
        if len(image) < 20000:
            write("verifier", fields(b"\0" + salt, *texts, certificate, b"\1\x40\xff\0\x7f", image))
    hash_method = properties[NAMES[1]]
    try:
        signature = base64.b64decode(properties[NAMES[0]])
        certificate = certificate_der(certificate)
        spki = der.subject_public_key_info(certificate)
        digest, signed = (hashlib.new(hash_method.replace("-", ""), octets).digest() for octets in (image, signed))
        key = key_of(spki)
    except (ValueError, IndexError, AssertionError):
        return  # spoilt on purpose
    if wanted:
        write("certificate", certificate)
        question = fields(bytes([HASHES.index(hash_method)]) + salt if hash_method in HASHES else b"", spki, digest, signature)
        write("public_key", question)
        write("libcrypto", question)
    verifies = case["expect"] == "good" or case.get("openssl") == "good" or case.get("code") in BY_RESTRICTION
    if verifies or "signed_image" in case:
        whole = " ".join([hash_method, signed.hex(), signature.hex(), key.hex()])
        known.add(hashlib.sha256(whole.encode()).hexdigest())


def extensions(certificate):
    """What stands in the SEQUENCE OF Extension, if the certificate has one."""
    tbs = der.children(der.read(der.children(der.read(certificate)[1])[0])[1])
    return der.read(der.read(tbs[-1])[1])[1] if tbs[-1][0] == 0xA3 else b""


def subject(certificate):
    tbs = der.children(der.read(der.children(der.read(certificate)[1])[0])[1])
    return tbs[5 if tbs[0][0] == 0xA0 else 4]


def chains():
    """Seeds of the targets that are about chains."""
    for file in VECTORS.glob("chains/revocation/lists/*"):
        write("revocation_list", file.read_bytes())
    authority = extensions((VECTORS / "chains/certificates/root.der").read_bytes())
    signer = (VECTORS / "chains/certificates/leaf-below-root.der").read_bytes()
    for file in sorted(VECTORS.glob("chains/certificates/*.der")):
        try:
            found = extensions(file.read_bytes())
        except (IndexError, AssertionError):
            continue  # no certificate, on purpose
        if 0 < len(found) < 3000:
            name = subject(signer)
            write("extensions", fields(name, found, authority, extensions(signer)))
            write("extensions", fields(name, authority, found, extensions(signer)))
            write("extensions", fields(subject(file.read_bytes()), authority, authority, found))
    # Subject, issuer, key and signer's key in two bits each; leaf, intermediate, root.
    leaf, intermediate, root = [0b01_00_01_00, 0x30, 0xC0, 0], [0b10_01_10_01, 0, 0, 1], [0b10_10_10_10, 0, 0, 2]
    crossed = [0b01_10_01_10, 0, 0, 3]
    for nodes in [[leaf, intermediate, root], [leaf, intermediate], [leaf, root, intermediate, crossed], [root]]:
        for policy in range(3):
            write("chain", bytes([policy, 0]) + b"".join(map(bytes, nodes)))


def key_managers():
    """Seeds of the targets that are about key managers: what the services answer, a status and a choice of headers before it."""
    guide = VECTORS / "walkthrough/nova/certs"
    pem = [file.read_bytes() for file in sorted(guide.glob("*.crt"))]
    der = certificate_der(pem[0])
    uuid, other = "125e6199-2de4-46e3-b091-8e2401ef0d63", "674736e3-f25c-405c-8362-bbf991e0ce0a"
    text = lambda value: json.dumps(value).encode()
    ok, created, unauthorized, forbidden, missing, failed = (bytes([status]) for status in (0, 64, 68, 69, 70, 73))
    plain, granted, later = b"\0", b"\1", b"\2"
    payload = [ok + plain + pem[0], ok + plain + der]
    not_found = missing + plain + text({"code": 404, "title": "Not Found", "description": "Secret not found."})
    refused = unauthorized + plain + text({"error": {"code": 401, "title": "Unauthorized", "message": "no gAAAAABtoken-of-the-service-0123456789"}})
    names = [{"name": name, "secret_ref": f"https://h/v1/secrets/{other}"} for name in ("certificate", "intermediates", "private_key")]
    container = ok + plain + text({"type": "certificate", "name": "c", "secret_refs": names})
    endpoint = {"id": "e", "interface": "public", "region_id": "One", "region": "One", "url": "https://barbican.example/v1"}
    token = {"issued_at": "2026-11-22T15:39:19.000000Z", "expires_at": "2026-11-22T16:39:19.000000Z",
             "catalog": [{"type": "key-manager", "name": "barbican", "endpoints": [endpoint]}]}
    login = created + granted + text({"token": token})
    busy = failed + later + b"busy"
    record = {"type": "certificate", "value": der.hex(), "algorithm": None, "bit_length": None, "name": None, "created": 1}
    approle = ok + plain + text({"auth": {"client_token": "hvs.granted", "lease_duration": 60, "renewable": True}})
    vault = [ok + plain + text({"data": data}) for data in (record, {"certificate": pem[0].decode()}, {"data": record, "metadata": {}})]
    denied = forbidden + plain + text({"errors": ["permission denied"]})
    flows = {
        0: [[payload[0]], [payload[1]], [busy, payload[0]], [not_found, container, *payload], [not_found, not_found], [refused]],
        1: [[login, payload[0]], [login, refused, login, payload[1]], [refused], [busy, login, payload[0]]],
        2: [[login, payload[0]], [login, not_found, container, *payload], [created + plain + text({"token": token})]],
        3: [[vault[0]], [vault[1]], [denied], [missing + plain + text({"errors": []})]],
        4: [[vault[2]], [denied], [ok + plain + text({"data": {"data": None, "metadata": {}}})]],
        5: [[approle, vault[2]], [approle, denied, approle, vault[2]], [denied], [busy, approle, vault[2]]],
    }
    for flow, conversations in flows.items():
        for answers in conversations:
            for id in (uuid, f"https://elsewhere.example/v1/secrets/{uuid}", f"https://h/v1/containers/{uuid}",
                       f"https://h/v1/secrets/../{uuid}", "../../sys/mounts", "..", ".x", "a%2fb?c#d"):
                padded = answers + [b""] * (6 - len(answers))
                for choice in {flow, 6 * 11 + flow}:  # the latter has the bit that makes a service user of the session
                    write("key_managers", fields(bytes([choice]), id.encode(), *padded))
    for clouds, secure in CLOUDS:
        write("clouds", fields(clouds.encode(), secure.encode()))


CLOUDS = [(
    """clouds:
  mine:
    profile: vendor
    auth: &auth
      auth_url: https://keystone.example/v3
      username: nova
      project_name: service
      user_domain_name: Default
      project_domain_id: default
    region_name: One
    interface: internal
    verify: true
  other: {auth: {<<: *auth, username: glance}, auth_type: v3password}
""", """clouds:
  mine:
    auth: {password: "correct horse"}
"""), (
    """clouds: {mine: {auth_type: v3applicationcredential, auth: {auth_url: "http://k", application_credential_id: 1, application_credential_secret: 's'}}}""",
    "",
), (
    """a: &a [1, ~, "x", 'y', !!str 2]
b: &b {<<: [*a], c: *a}
clouds:
  mine:
    auth_type: none
    key_manager_endpoint_override: https://barbican.example
    image_endpoint_override: >-
      https://glance.example
    cacert: |
      /etc/ca
    verify: no
""", "clouds: {mine: {}}",
), (
    """clouds: {mine: {auth_type: token, auth: {auth_url: https://k, token: gAAAAAB, project_id: p, system_scope: all}}}""", "{}",
), (
    "deep: " + "[" * 3000 + "]" * 3000 + "\nclouds: {mine: {}}", "",
), (
    "n0: &n0 {" + ", ".join(f"k{i}: {i}" for i in range(64)) + "}\n"
    + "".join(f"n{i}: &n{i} [{', '.join([f'*n{i - 1}'] * 16)}]\n" for i in range(1, 12))
    + "".join(f"m{i}: &m{i} {{<<: [{', '.join(['*n0'] * 64)}], k: *n{i % 12}}}\n" for i in range(64))
    + "clouds: {mine: {<<: [" + ", ".join(f"*m{i}" for i in range(64)) + "]}}", "",
)]


def main():
    known = set()
    for name in ["openssl", "cursive", "cavp"]:
        for number, (case, image, signed, certificate) in enumerate(cases(VECTORS / name)):
            seed(case, image, signed, certificate, known, name != "cavp" or number % CAVP_STEP == 0)
    for record in VECTORS.glob("walkthrough/*/properties*.json"):
        properties = json.loads(record.read_text())
        properties = properties.get("properties", properties)
        if isinstance(properties, str):  # an older client
            properties = dict(re.findall(r"(\w+)='([^']*)'", properties))
        properties = {name: properties[name] for name in NAMES}
        certificate, = record.parent.glob(f"certs/{properties[NAMES[3]]}.*")
        case = {"properties": properties, "expect": "good"}
        image = (record.parent / "image.qcow2").read_bytes()
        seed(case, image, image, certificate.read_bytes(), known, True)
    for line in (VECTORS / "binary_curves" / "cases.jsonl").read_text().splitlines():
        case = json.loads(line)
        if case["openssl"] is None or len(case["digest"]) not in (56, 64, 96, 128):
            continue
        arc = 36 + ["sect409k1", "sect409r1", "sect571k1", "sect571r1"].index(case["curve"])
        algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid(f"1.3.132.0.{arc}"))
        spki = der.sequence(algorithm, der.bit_string(bytes.fromhex(case["point"])))
        digest, signature = bytes.fromhex(case["digest"]), bytes.fromhex(case["signature"])
        question = fields(bytes([[28, 32, 48, 64].index(len(digest)), 0]), spki, digest, signature)
        write("public_key", question)
        write("libcrypto", question)
    for curve in range(4):
        for byte in (0, 1, 0x55, 0xAA, 0xFF):
            write("binary_field", bytes([curve]) + bytes([byte]) * 216)
            for spoil in range(8):
                write("binary_curve", fields(bytes([curve, spoil, byte, 0]), bytes([byte]) * 52, bytes([7]) * 51, bytes([byte]) * 64))
    for size in (8, 20, 32, 64, 65, 72, 128, 192, 256, 257, 264):
        for octet in (0x00, 0x01, 0x80, 0xAA, 0xFF):
            modulus = bytes([max(octet, 1)]) + bytes([octet]) * (size - 2) + b"\1"
            less_one = modulus[:-1] + b"\0"
            for exponent in (b"\3", b"\1\0\1", b"\1\xff\xff\xff\xff"):
                write("rsa", fields(modulus, exponent, less_one, bytes([octet]) * size, bytes([0xFF]) * 20, bytes([octet]) * 32))
    for digests in [(1, 5), (2, 3, 6, 7, 10), range(12), (3, 7, 11, 3, 7, 11)]:
        plan = b"".join(bytes([digest, 4, 17 * digest]) for digest in digests)
        write("many_digests", bytes([len(digests)]) + plan + bytes(i * 7 % 256 for i in range(2000)))
    for certificate in VECTORS.glob("cursive/certificates/*"):
        write("certificate", certificate.read_bytes())
        write("certificate", certificate_der(certificate.read_bytes()))
    chains()
    key_managers()
    (CORPUS / "known_good.txt").write_text("".join(f"{line}\n" for line in sorted(known)))
    counts = {folder.name: sum(1 for _ in folder.iterdir()) for folder in sorted(CORPUS.iterdir()) if folder.is_dir()}
    print(", ".join(f"{name} {count}" for name, count in counts.items()), f"seeds; {len(known)} known to be good")


main()
