#!/usr/bin/env bash
# Makes openssl/ again: keys, certificates, images and cases, with the `openssl` command alone (3.0 or later).
#
#   make_openssl.sh            private keys live in a temporary folder and are removed
#   KEYS=FOLDER make_openssl.sh   keeps them there and uses those it finds (never commit them)
#
# New keys and new random signatures each time; certificate ids, images and case ids stay the same.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
cd "$(dirname "$0")"

if [ -n "${KEYS:-}" ]; then keys=$KEYS; mkdir -p "$keys"; else keys=$(mktemp -d); trap 'rm -rf "$keys"' EXIT; fi
work=$(mktemp -d "$keys/work.XXXXXX")
rm -rf openssl; mkdir -p openssl/certs

# ---- keys ----
key() { # NAME, then the command that prints the key
    local name=$1; shift
    [ ! -s "$keys/$name.pem" ] || return 0
    "$@" >"$keys/$name.pem.new" 2>"$work/$name.log" || { cat "$work/$name.log" >&2; exit 1; }
    mv "$keys/$name.pem.new" "$keys/$name.pem"
}
rsa() { openssl genrsa "$@"; }
pss() { openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 "$@"; }
dsa() { # BITS_OF_P BITS_OF_Q
    openssl genpkey -genparam -algorithm DSA -pkeyopt "dsa_paramgen_bits:$1" -pkeyopt "dsa_paramgen_q_bits:$2" -out "$work/dsa-$1-$2.params"
    openssl genpkey -paramfile "$work/dsa-$1-$2.params"
}
dsa_by_hand() { # a key from parameters that openssl makes and signs with, but generates no key from
    openssl genpkey -genparam -algorithm DSA -pkeyopt "dsa_paramgen_bits:$1" -pkeyopt "dsa_paramgen_q_bits:$2" |
        openssl asn1parse -noout -out "$work/parameters"
    PYTHONPATH=. python3 - "$work/parameters" <<'PYTHON'
import base64, pathlib, secrets, sys
import der
numbers = der.children(der.read(pathlib.Path(sys.argv[1]).read_bytes())[1])
p, q, g = (int.from_bytes(der.read(number)[1], "big") for number in numbers)
x = secrets.randbelow(q - 1) + 1
key = der.sequence(*map(der.integer, (0, p, q, g, pow(g, x, p), x)))
print(f"-----BEGIN DSA PRIVATE KEY-----\n{base64.encodebytes(key).decode()}-----END DSA PRIVATE KEY-----")
PYTHON
}
ec_form() { # CURVE FORM: genpkey's own point-format does not reach the certificate
    openssl ecparam -name "$1" -genkey -noout | openssl ec -conv_form "$2"
}
ec() { openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$1" "${@:2}"; }

key rsa16384 rsa 16384 & # a minute or more: in the background
key rsa8192 rsa 8192 &
for bits in 512 1023 1024 2048 3072 4096; do key "rsa$bits" rsa "$bits"; done
key rsa2048-other rsa 2048
key rsa2049 rsa -primes 3 2049 # with two primes OpenSSL 3 makes 2048 bits of it
key rsa2048-e3 rsa -3 2048
key pss pss
key pss-restricted pss -pkeyopt rsa_pss_keygen_md:sha256 -pkeyopt rsa_pss_keygen_mgf1_md:sha256 -pkeyopt rsa_pss_keygen_saltlen:32
key pss-sha1 pss -pkeyopt rsa_pss_keygen_md:sha1 -pkeyopt rsa_pss_keygen_mgf1_md:sha1 -pkeyopt rsa_pss_keygen_saltlen:20
key pss-mgf1-sha1 pss -pkeyopt rsa_pss_keygen_md:sha256 -pkeyopt rsa_pss_keygen_mgf1_md:sha1 -pkeyopt rsa_pss_keygen_saltlen:32
key dsa512-160 dsa_by_hand 512 160
for bits in "1024 160" "2048 160" "2048 224" "2048 256" "3072 256" "4096 256"; do
    read -r p q <<<"$bits"; key "dsa$p-$q" dsa "$p" "$q"
done
for curve in secp384r1 secp521r1 sect409k1 sect409r1 sect571k1 sect571r1 prime256v1 secp256k1; do key "$curve" ec "$curve"; done
for curve in secp384r1 sect409k1; do key "$curve-compressed" ec_form "$curve" compressed; done
key secp384r1-hybrid ec_form secp384r1 hybrid
key secp384r1-explicit ec secp384r1 -pkeyopt ec_param_enc:explicit
key ed25519 openssl genpkey -algorithm ED25519
wait

# ---- certificates, each under the UUID of its name ----
id() { python3 -c 'import sys, uuid; print(uuid.uuid5(uuid.NAMESPACE_URL, "longhand:openssl/" + sys.argv[1]))' "$1"; }
self_signed() { # KEY NAME: PEM on standard output
    openssl req -x509 -new -key "$keys/$1.pem" -subj "/O=longhand test vectors/CN=$2" -days 36500 "${@:3}" 2>/dev/null
}
certificate() { # NAME, PEM or DER on standard input, .pem .der or .crt
    cat >"openssl/certs/$(id "$1").$2"
}
dated() { # NAME FROM TO: a certificate of rsa2048 with these dates
    : >"$work/index.txt"; mkdir -p "$work/new"
    cat >"$work/ca.cnf" <<CONF
[ca]
default_ca = here
[here]
database = $work/index.txt
new_certs_dir = $work/new
rand_serial = yes
default_md = sha256
policy = any
[any]
organizationName = optional
commonName = supplied
CONF
    openssl req -new -key "$keys/rsa2048.pem" -subj "/O=longhand test vectors/CN=$1" -out "$work/$1.csr"
    openssl ca -batch -config "$work/ca.cnf" -selfsign -keyfile "$keys/rsa2048.pem" -in "$work/$1.csr" -notext \
        -startdate "$2" -enddate "$3" 2>/dev/null
}

for name in rsa512 rsa1023 rsa1024 rsa8192 rsa16384 rsa2048-e3 rsa2048-other pss pss-restricted pss-sha1 pss-mgf1-sha1 \
    dsa512-160 dsa1024-160 dsa2048-160 dsa2048-224 dsa2048-256 dsa3072-256 dsa4096-256 \
    secp384r1-compressed secp384r1-hybrid secp384r1-explicit sect409k1 sect409k1-compressed sect409r1 sect571k1 sect571r1 \
    prime256v1 secp256k1 ed25519; do
    self_signed "$name" "$name" | certificate "$name" pem
done
self_signed rsa2048 rsa2048 -outform DER | certificate rsa2048 der
self_signed secp384r1 secp384r1 -outform DER | certificate secp384r1 der
for name in rsa2049 secp521r1; do self_signed "$name" "$name" | certificate "$name" crt; done
self_signed rsa3072 rsa3072 | openssl x509 -text | certificate rsa3072 pem
self_signed rsa4096 rsa4096 | sed 's/$/\r/' | certificate rsa4096 pem

self_signed rsa2048 rsa2048-pem | certificate rsa2048-pem pem
self_signed rsa2048 rsa2048-text | openssl x509 -text | certificate rsa2048-text pem
self_signed rsa2048 rsa2048-crlf | sed 's/$/\r/' | certificate rsa2048-crlf crt
self_signed rsa2048-other rsa2048-other >"$work/other.pem"
(self_signed rsa2048 rsa2048-first; cat "$work/other.pem") | certificate rsa2048-first pem
(cat "$work/other.pem"; self_signed rsa2048 rsa2048-second) | certificate rsa2048-second pem
dated rsa2048-expired 20100101000000Z 20110101000000Z | certificate rsa2048-expired pem
dated rsa2048-not-yet-valid 20900101000000Z 20910101000000Z | certificate rsa2048-not-yet-valid pem
openssl req -new -key "$keys/rsa2048.pem" -subj "/O=longhand test vectors/CN=rsa2048-v1" |
    openssl x509 -req -days 36500 -signkey "$keys/rsa2048.pem" 2>/dev/null | certificate rsa2048-v1 crt
openssl x509 -in "openssl/certs/$(id rsa2048-v1).crt" -noout -text | grep -q "Version: 1" ||
    { echo "this openssl makes no version 1 certificate with x509 -req (3.2 and later do not)" >&2; exit 1; }
(self_signed rsa2048 rsa2048-trailing -outform DER; printf '\0') | certificate rsa2048-trailing der
openssl pkey -in "$keys/rsa2048.pem" -pubout | certificate rsa2048-public-key pem
rm -rf "$work"

# ---- images, signatures, cases ----
python3 openssl_cases.py "$keys"
