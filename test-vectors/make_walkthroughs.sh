#!/usr/bin/env bash
# Makes walkthrough/glance/ and walkthrough/redhat/ again: the two guides' commands as they stand there, but for the
# deviations listed in walkthrough/README.md (marked "deviation" here). New keys and signatures each time.
# Needs openssl 3.0 (its default PSS salt is the longest, as when the guides were written) and qemu-img.
set -euo pipefail
cd "$(dirname "$0")/walkthrough"
out=$PWD
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

# ---- a disk image whose boot sector prints "longhand" and halts ----
python3 - "$work/disk.raw" <<'PYTHON'
import pathlib, sys
code = bytes.fromhex(
    "31c0"    # xor ax, ax
    "8ed8"    # mov ds, ax
    "fc"      # cld
    "be1a7c"  # mov si, 7c1a      the text, behind the code
    "ac"      # lodsb             <- next character
    "84c0"    # test al, al
    "7409"    # jz halt
    "b40e"    # mov ah, 0e        teletype output
    "bb0700"  # mov bx, 7         page 0, grey
    "cd10"    # int 10
    "ebf2"    # jmp next character
    "fa"      # cli               <- halt
    "f4"      # hlt
    "ebfd")   # jmp hlt
sector = (code + b"longhand\r\n\0").ljust(510, b"\0") + b"\x55\xaa"
pathlib.Path(sys.argv[1]).write_bytes(sector.ljust(1 << 20, b"\0"))
PYTHON
qemu-img convert -f raw -O qcow2 -o cluster_size=512 "$work/disk.raw" "$work/image.qcow2"

# $1 folder, $2 subject, $3 name of the certificate's file, $4 id of the certificate
walk() {
    mkdir "$work/$1"; cd "$work/$1"
    cp ../image.qcow2 myimage                                                                                 # deviation: image
    openssl genrsa -out private_key.pem 1024
    openssl rsa -pubout -in private_key.pem -out public_key.pem
    openssl req -new -key private_key.pem -out cert_request.csr -subj "$2"                                    # deviation: -subj
    openssl x509 -req -days 36500 -in cert_request.csr -signkey private_key.pem -out "$3"                     # deviation: -days
    rm -rf "${out:?}/$1"; mkdir -p "$out/$1/certs"; cp "$3" "$out/$1/certs/$4.crt"                            # deviation: no Barbican
    openssl dgst -sha256 -sign private_key.pem -sigopt rsa_padding_mode:pss -out myimage.signature myimage
    base64 -w 0 myimage.signature > myimage.signature.b64
    openssl dgst -sha256 -sign private_key.pem -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest \
        -out digest-salt.signature myimage                                                                    # deviation: added
    for salt in "94 myimage" "32 digest-salt"; do
        read -r length name <<<"$salt"
        openssl dgst -sha256 -verify public_key.pem -sigopt rsa_padding_mode:pss -sigopt "rsa_pss_saltlen:$length" \
            -signature "$name.signature" myimage >/dev/null ||
            { echo "$1: $name.signature has no salt of $length octets: is this openssl 3.0?" >&2; exit 1; }
    done
    cp myimage "$out/$1/image.qcow2"
}
glance_id=cd7cc675-e573-419c-8fff-33a72734a243 # the one in the guide
redhat_id=$(python3 -c 'import uuid; print(uuid.uuid5(uuid.NAMESPACE_URL, "longhand:walkthrough/redhat"))')
(walk glance "/C=AU/ST=Some-State/O=Internet Widgits Pty Ltd" new_cert.crt "$glance_id") 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
(walk redhat "/C=US/ST=NC/L=Raleigh/O=Red Hat/CN=overcloud.example.com" x509_signing_cert.crt "$redhat_id") 2>"$work/log" || { cat "$work/log" >&2; exit 1; }

# ---- what the clients print of the image that `image create` of the guides makes ----
python3 - "$work" "$out" "$glance_id" "$redhat_id" <<'PYTHON'
import base64, hashlib, json, pathlib, sys, uuid
work, out = map(pathlib.Path, sys.argv[1:3])
data = (work / "image.qcow2").read_bytes()

def signing(guide, signature, id, encode):
    return {
        "img_signature": encode((work / guide / f"{signature}.signature").read_bytes()),
        "img_signature_hash_method": "SHA-256",
        "img_signature_key_type": "RSA-PSS",
        "img_signature_certificate_uuid": id,
    }

def fields(name, visibility, virtual_size):
    id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"longhand:walkthrough/{name}"))
    return {
        "checksum": hashlib.md5(data).hexdigest(), "container_format": "bare", "created_at": "2026-11-20T09:00:00Z",
        "disk_format": "qcow2", "file": f"/v2/images/{id}/file", "id": id, "min_disk": 0, "min_ram": 0, "name": name,
        "owner": uuid.uuid5(uuid.NAMESPACE_URL, "longhand:walkthrough/project").hex, "protected": False,
        "schema": "/v2/schemas/image", "size": len(data), "status": "active", "tags": [],
        "updated_at": "2026-11-20T09:00:01Z", "virtual_size": virtual_size, "visibility": visibility,
    }

def write(path, shown):
    (out / path).write_text(json.dumps(dict(sorted(shown.items())), indent=2) + "\n")

def one_line(signature):
    return base64.b64encode(signature).decode()

def wrapped(signature):  # "$(base64 FILE)"
    return base64.encodebytes(signature).decode().rstrip("\n")

hashes = {"os_hidden": False, "os_hash_algo": "sha512", "os_hash_value": hashlib.sha512(data).hexdigest()}
for path, signature, encode in (("properties", "myimage", one_line), ("properties-digest-salt", "digest-salt", one_line),
                                ("properties-wrapped", "myimage", wrapped)):
    properties = signing("glance", signature, sys.argv[3], encode)
    # python-openstackclient 4.0 (Train) and later: properties as an object, Glance's own new fields among them
    shown = fields("mySignedImage", "shared", 1 << 20)
    write(f"glance/{path}.json", shown | {"properties": hashes | properties})
    if path == "properties":  # the Images API itself, GET /v2/images/ID: everything side by side
        write("glance/properties-api.json", shown | hashes | properties | {"self": f"/v2/images/{shown['id']}"})
for path, signature in (("properties", "myimage"), ("properties-digest-salt", "digest-salt")):
    properties = signing("redhat", signature, sys.argv[4], one_line)
    # python-openstackclient 3.14 (Queens, Red Hat OpenStack Platform 13): properties and tags as text
    text = ", ".join(f"{name}='{value}'" for name, value in sorted(properties.items()))
    write(f"redhat/{path}.json", fields("cirros_0_4_0_signed", "shared", None) | {"properties": text, "tags": ""})
print(f"walkthrough: image of {len(data)} octets, 2 certificates, 6 property files")
PYTHON
