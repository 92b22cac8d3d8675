#!/usr/bin/env bash
# Makes liberty/ again, with the `openssl` command: images signed under the scheme of OpenStack Liberty, over the text of
# their MD5 (glance 11.0.0, glance/common/signature_utils.py). New keys and signatures each time.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
cd "$(dirname "$0")"
keys=$(mktemp -d); trap 'rm -rf "$keys"' EXIT
id=6f1f0c2a-1c1e-5b0a-9a55-3f4f5a1b7c11
rm -rf liberty; mkdir -p liberty/certs

python3 -c 'import hashlib, sys; sys.stdout.buffer.write(b"".join(hashlib.sha256(b"liberty%d" % i).digest() for i in range(100)))' >liberty/image.bin
openssl genrsa -out "$keys/key.pem" 2048 2>/dev/null
openssl req -x509 -new -key "$keys/key.pem" -subj '/O=longhand test vectors/CN=liberty' -days 36500 -out "liberty/certs/$id.pem" 2>/dev/null

checksum=$(openssl dgst -md5 -r liberty/image.bin | cut -c1-32)
printf %s "$checksum" >"$keys/hex"
printf '%s\n' "$checksum" >"$keys/hex-newline"
printf %s "${checksum^^}" >"$keys/hex-upper"
openssl dgst -md5 -binary liberty/image.bin >"$keys/raw"
cp liberty/image.bin "$keys/image"

sign() { # HASH SALT WHAT
    openssl dgst "-$1" -sign "$keys/key.pem" -sigopt rsa_padding_mode:pss -sigopt "rsa_pss_saltlen:$2" "$keys/$3" | base64 -w 0
}
case_() { # ID EXPECT CODE HASH SIGNATURE WHY [NAME=VALUE ...]: a VALUE of - leaves the property out
    python3 - "$@" <<'PYTHON'
import json, sys
name, expect, code, hash_method, signature, why, *changes = sys.argv[1:]
id = "6f1f0c2a-1c1e-5b0a-9a55-3f4f5a1b7c11"
properties = {"signature": signature, "signature_hash_method": hash_method, "signature_key_type": "RSA-PSS",
              "signature_certificate_uuid": id} | dict(change.split("=", 1) for change in changes)
case = {"id": f"liberty/{name}", "image": {"file": "image.bin"},
        "properties": {name: value for name, value in properties.items() if value != "-"},
        "certificates": {f"{id}.pem": {"file": f"certs/{id}.pem"}}, "expect": expect}
case |= {"code": code} if code else {}
print(json.dumps(case | {"why": why, "source": "openssl"}))
PYTHON
}
{
    for hash in 224 256 384 512; do
        case_ "SHA-$hash" good "" "SHA-$hash" "$(sign sha$hash max hex)" "longest salt, over the 32 characters"
    done
    case_ salt-32 good "" SHA-256 "$(sign sha256 32 hex)" "salt 32, as pss_salt_length says" pss_salt_length=32 mask_gen_algorithm=MGF1
    case_ salt-32-unsaid bad pss_salt_length SHA-256 "$(sign sha256 32 hex)" "salt 32, but without pss_salt_length the longest is demanded"
    case_ salt-max-but-32 bad pss_salt_length SHA-256 "$(sign sha256 max hex)" "longest salt, but pss_salt_length says 32" pss_salt_length=32
    for what in hex-newline hex-upper raw image; do
        case_ "$what" bad signature_mismatch SHA-256 "$(sign sha256 max "$what")" "signed is the $what, not the 32 lower-case characters"
    done
    good=$(sign sha256 max hex)
    case_ salt-x bad legacy_option_invalid SHA-256 "$good" "pss_salt_length is no number" pss_salt_length=x
    case_ salt-negative bad legacy_option_invalid SHA-256 "$good" "pss_salt_length is negative" pss_salt_length=-1
    case_ salt-plus bad legacy_option_invalid SHA-256 "$good" "pss_salt_length has a sign" pss_salt_length=+222
    case_ salt-huge bad legacy_option_invalid SHA-256 "$good" "pss_salt_length is past every number" pss_salt_length=99999999999999999999999
    case_ mgf2 bad legacy_option_invalid SHA-256 "$good" "mask_gen_algorithm is not MGF1" mask_gen_algorithm=MGF2
    case_ dsa bad legacy_option_invalid SHA-256 "$good" "the scheme knows RSA-PSS alone" signature_key_type=DSA
    case_ unknown-key-type bad key_type_unknown SHA-256 "$good" "no key type" signature_key_type=RSA
    case_ md5 bad hash_method_unknown MD5 "$good" "no hash method"
    case_ not-base64 bad signature_not_base64 SHA-256 "!$good" "no base64"
    case_ partly bad properties_incomplete SHA-256 "$good" "one of the four is missing" signature_hash_method=-
} >liberty/cases.jsonl
printf 'liberty: %d cases\n' "$(wc -l <liberty/cases.jsonl)"
