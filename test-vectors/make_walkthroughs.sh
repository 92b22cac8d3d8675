#!/usr/bin/env bash
# Makes walkthrough/glance/, redhat/ and nova/ again: the guides' commands as they stand there, but for the
# deviations listed in walkthrough/README.md (marked "deviation" here). New keys and signatures each time.
# Needs openssl 3.0 (its default PSS salt is the longest, as when the guides were written) and qemu-img.
#
#   make_walkthroughs.sh [glance] [redhat] [nova]      without arguments: all three
set -euo pipefail
cd "$(dirname "$0")/walkthrough"
out=$PWD
guides=("$@")
[ ${#guides[@]} -gt 0 ] || guides=(glance redhat nova)
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

# $1 guide, $2 private key, $3 public key, $4 length of the longest salt: signs myimage, with the default salt (the
# longest, in this openssl) and with one of the digest's length
sign() {
    openssl dgst -sha256 -sign "$2" -sigopt rsa_padding_mode:pss -out myimage.signature myimage
    openssl dgst -sha256 -sign "$2" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest \
        -out digest-salt.signature myimage                                                                    # deviation: added
    local length name salt
    for salt in "$4 myimage" "32 digest-salt"; do
        read -r length name <<<"$salt"
        openssl dgst -sha256 -verify "$3" -sigopt rsa_padding_mode:pss -sigopt "rsa_pss_saltlen:$length" \
            -signature "$name.signature" myimage >/dev/null ||
            { echo "$1: $name.signature has no salt of $length octets: is this openssl 3.0?" >&2; exit 1; }
    done
    cp myimage "$out/$1/image.qcow2"
}

# $1 folder, $2 subject, $3 name of the certificate's file, $4 id of the certificate
walk() {
    mkdir "$work/$1"; cd "$work/$1"
    cp ../image.qcow2 myimage                                                                                 # deviation: image
    openssl genrsa -out private_key.pem 1024
    openssl rsa -pubout -in private_key.pem -out public_key.pem
    openssl req -new -key private_key.pem -out cert_request.csr -subj "$2"                                    # deviation: -subj
    openssl x509 -req -days 36500 -in cert_request.csr -signkey private_key.pem -out "$3"                     # deviation: -days
    rm -rf "${out:?}/$1"; mkdir -p "$out/$1/certs"; cp "$3" "$out/$1/certs/$4.crt"                            # deviation: no Barbican
    sign "$1" private_key.pem public_key.pem 94
    base64 -w 0 myimage.signature > myimage.signature.b64
}

# The ids are those of the guide.
nova_ca=8fbcce5d-d646-4295-ba8a-269fc9451eeb
nova_a=0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8
nova_b=674736e3-f25c-405c-8362-bbf991e0ce0a
nova_client=125e6199-2de4-46e3-b091-8e2401ef0d63

# $1 bits of the root's key, $2 folder for the certificates
nova_root() {
    # deviation: the request is signed by `openssl ca`, because `openssl req -x509` of openssl 3.0 takes no dates
    openssl req -new -nodes -newkey "rsa:$1" -config ca.conf -keyout key_ca.pem -out cert_ca.csr
    openssl ca -config ca.conf -extensions ca_cert_extensions -selfsign -keyfile key_ca.pem -out cert_ca.pem \
        -rand_serial "${dates[@]}" -infiles cert_ca.csr
    openssl ca -config ca.conf -extensions intermediate_cert_extensions -cert cert_ca.pem -keyfile key_ca.pem \
        -out cert_intermediate_a.pem "${dates[@]}" -infiles cert_intermediate_a.csr
    rm -rf "${out:?}/nova/$2"; mkdir -p "$out/nova/$2"
    cp cert_ca.pem "$out/nova/$2/$nova_ca.crt"                                                                # deviation: no Barbican
    cp cert_intermediate_a.pem "$out/nova/$2/$nova_a.crt"
}

nova() {
    mkdir "$work/nova"; cd "$work/nova"
    cp ../image.qcow2 myimage                                                                                 # deviation: image
    dates=(-batch -startdate 20200101000000Z -enddate 20491231235959Z)                                        # deviation: dates
    touch index.txt
    echo '01' > serial.txt
    cat > ca.conf <<'CONF'
[ req ]
prompt             = no
distinguished_name = dn-param
x509_extensions    = ca_cert_extensions

[ ca ]
default_ca = ca_default

[ dn-param ]
C  = US
CN = Root CA

[ ca_cert_extensions ]
keyUsage         = keyCertSign, digitalSignature
basicConstraints = CA:TRUE, pathlen:2

[ ca_default ]
new_certs_dir = .              # Location for new certs after signing
database      = ./index.txt    # Database index file
serial        = ./serial.txt   # The current serial number

default_days  = 1000
default_md    = sha256

policy        = signing_policy
email_in_dn   = no

[ intermediate_cert_extensions ]
keyUsage         = keyCertSign, digitalSignature
basicConstraints = CA:TRUE, pathlen:1

[client_cert_extensions]
keyUsage         = keyCertSign, digitalSignature
basicConstraints = CA:FALSE

[ signing_policy ]
countryName            = optional
stateOrProvinceName    = optional
localityName           = optional
organizationName       = optional
organizationalUnitName = optional
commonName             = supplied
emailAddress           = optional
CONF
    openssl req -nodes -newkey rsa:2048 -subj '/CN=First Intermediate Certificate' -keyout key_intermediate_a.pem -out cert_intermediate_a.csr
    openssl req -nodes -newkey rsa:2048 -subj '/CN=Second Intermediate Certificate' -keyout key_intermediate_b.pem -out cert_intermediate_b.csr
    openssl req -nodes -newkey rsa:2048 -subj '/CN=Client Certificate' -keyout key_client.pem -out cert_client.csr
    nova_root 2048 certs                                                                                      # deviation: 2048 bits
    openssl ca -config ca.conf -extensions intermediate_cert_extensions -cert cert_intermediate_a.pem -keyfile key_intermediate_a.pem \
        -out cert_intermediate_b.pem "${dates[@]}" -infiles cert_intermediate_b.csr
    openssl ca -config ca.conf -extensions client_cert_extensions -cert cert_intermediate_b.pem -keyfile key_intermediate_b.pem \
        -out cert_client.pem "${dates[@]}" -infiles cert_client.csr
    : > index.txt # so that the same names can be certified again
    nova_root 1024 certs-rsa1024-root                                                                         # as the guide has it
    for folder in certs certs-rsa1024-root; do
        cp cert_intermediate_b.pem "$out/nova/$folder/$nova_b.crt"
        cp cert_client.pem "$out/nova/$folder/$nova_client.crt"
        (cd "$out/nova/$folder" && cat "$nova_ca.crt" "$nova_a.crt" "$nova_b.crt") > trusted.pem
        openssl verify -auth_level 0 -attime 1893456000 -no-CApath -no-CAstore -CAfile trusted.pem cert_client.pem >/dev/null
    done
    openssl x509 -in cert_client.pem -noout -pubkey > public_key_client.pem
    sign nova key_client.pem public_key_client.pem 222
    base64_signature=$(base64 -w 0 myimage.signature)
}

glance_id=cd7cc675-e573-419c-8fff-33a72734a243 # the one in the guide
redhat_id=$(python3 -c 'import uuid; print(uuid.uuid5(uuid.NAMESPACE_URL, "longhand:walkthrough/redhat"))')
for guide in "${guides[@]}"; do
    case $guide in
    glance) (walk glance "/C=AU/ST=Some-State/O=Internet Widgits Pty Ltd" new_cert.crt "$glance_id") ;;
    redhat) (walk redhat "/C=US/ST=NC/L=Raleigh/O=Red Hat/CN=overcloud.example.com" x509_signing_cert.crt "$redhat_id") ;;
    nova) (nova) ;;
    *) echo "no such guide: $guide" >&2; exit 1 ;;
    esac >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
done

# ---- what the clients print of the image that `image create` of the guides makes ----
python3 - "$work" "$out" "$glance_id" "$redhat_id" "$nova_client" "${guides[@]}" <<'PYTHON'
import base64, hashlib, json, pathlib, sys, uuid
work, out = map(pathlib.Path, sys.argv[1:3])
glance_id, redhat_id, nova_id, *guides = sys.argv[3:]
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
if "glance" in guides:
    for path, signature, encode in (("properties", "myimage", one_line), ("properties-digest-salt", "digest-salt", one_line),
                                    ("properties-wrapped", "myimage", wrapped)):
        properties = signing("glance", signature, glance_id, encode)
        # python-openstackclient 4.0 (Train) and later: properties as an object, Glance's own new fields among them
        shown = fields("mySignedImage", "shared", 1 << 20)
        write(f"glance/{path}.json", shown | {"properties": hashes | properties})
        if path == "properties":  # the Images API itself, GET /v2/images/ID: everything side by side
            write("glance/properties-api.json", shown | hashes | properties | {"self": f"/v2/images/{shown['id']}"})
# python-openstackclient up to 3.19 (Stein): properties and tags as text
as_text = lambda properties: {"properties": ", ".join(f"{name}='{value}'" for name, value in sorted(properties.items())), "tags": ""}
if "redhat" in guides:
    for path, signature in (("properties", "myimage"), ("properties-digest-salt", "digest-salt")):
        # 3.14 (Queens, Red Hat OpenStack Platform 13)
        properties = signing("redhat", signature, redhat_id, one_line)
        write(f"redhat/{path}.json", fields("cirros_0_4_0_signed", "shared", None) | as_text(properties))
if "nova" in guides:
    for path, signature in (("properties", "myimage"), ("properties-digest-salt", "digest-salt")):
        properties = hashes | signing("nova", signature, nova_id, one_line)
        shown = fields("cirros_client_signedImage", "public", 1 << 20)
        write(f"nova/{path}.json", shown | {"properties": properties})
        if path == "properties":  # as the guide prints it (February 2019): os_hash_* and os_hidden within the text
            write("nova/properties-text.json", shown | {"virtual_size": None} | as_text(properties))
print(f"walkthrough: {', '.join(guides)}: image of {len(data)} octets")
PYTHON
