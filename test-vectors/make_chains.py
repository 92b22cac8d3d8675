#!/usr/bin/env python3
"""Makes chains/cases.jsonl and chains/certificates/ again.

    make_chains.py KEYS       then: check_chains.py --record

KEYS is a folder for the private keys, used if there and made if not; never commit it. The same keys give the same
certificates but for the random parts of ECDSA, DSA and PSS signatures; other keys give other octets everywhere. Names,
times, serial numbers, case ids and verdicts are always the same. Needs cryptography 46 (for the binary curves).
"""
import hashlib
import itertools
import json
import pathlib
import shutil
import sys
import warnings

warnings.simplefilter("ignore")
import der
import x509_der as x
from x509_der import authority, dn, signing

OUT = pathlib.Path(__file__).resolve().parent / "chains"
AT = "2030-01-01T00:00:00Z"
WORD = {"g": "good", "b": "bad"}
made, cases = {}, []


def file(certificate):
    """The path of a certificate's file; octets that are none come as (name, octets)."""
    name, octets = (certificate.name, certificate.der) if isinstance(certificate, x.Certificate) else certificate
    path = f"certificates/{name}.der"
    assert made.setdefault(path, octets) == octets, f"two certificates named {name}"
    return path


def case(id, leaf, trusted, expect, why, row=None, at=AT, intermediates=(), pins=(), lone=False, **more):
    """`expect`: cursive, default, rfc5280, each g or b."""
    out = {"id": f"chains/{id}", "leaf": file(leaf), "trusted": [file(c) for c in trusted]}
    if intermediates:
        out["intermediates"] = [file(c) for c in intermediates]
    if pins:
        out["pins"] = [file(c) for c in pins]
    out |= {"at": at} | more
    out["expect"] = dict(zip(("cursive", "default", "rfc5280"), (WORD[e] for e in expect)))
    out["why"] = why
    if row:
        out["row"] = row
    cases.append(out)


def orders(id, leaf, trusted, expect, why, row=None, all_orders=True, **more):
    """The same case for every order of the trusted set, or for that order and its reverse."""
    numbered = list(enumerate(trusted, 1))
    for order in itertools.permutations(numbered) if all_orders else (numbered, numbered[::-1]):
        label = "-".join(str(n) for n, _ in order) if all_orders else ("forward", "reverse")[order != numbered]
        case(f"{id}/{label}", leaf, [c for _, c in order], expect, why, row, **more)


def flipped(octets):
    return octets[:-1] + bytes([octets[-1] ^ 1])


# ---- the certificates that most cases share: authorities on P-256, signers on P-384 ----
def common():
    global root, inter, second, leaf, below_inter, below_second
    root = authority("root", "Root", "p256-root")
    inter = authority("intermediate", "Intermediate", "p256-intermediate", root)
    second = authority("second-intermediate", "Second intermediate", "p256-second", inter)
    leaf = signing("leaf-below-root", root)
    below_inter = signing("leaf-below-intermediate", inter)
    below_second = signing("leaf-below-second", second)


def shape():
    row = "leaf ← root; leaf ← inter ← root; 4 levels; any order of ids"
    case("one-level", leaf, [root], "ggg", "a root and what it signed", row)
    orders("two-levels", below_inter, [root, inter], "ggg", "any order", row)
    orders("three-levels", below_second, [root, inter, second], "ggg", "any order", row)
    rsa_root = authority("rsa-root", "RSA root", "rsa2048-root")
    rsa_inter = authority("rsa-intermediate", "RSA intermediate", "rsa2048-intermediate", rsa_root)
    rsa_leaf = signing("rsa-leaf", rsa_inter, "rsa2048-leaf")
    orders("rsa", rsa_leaf, [rsa_root, rsa_inter], "ggg", "RSA-2048 throughout", row)
    case("empty-set", leaf, [], "bbb", "nothing is trusted: an input error", "[] trusted")
    case("no-root", below_inter, [inter], "bbb", "the intermediate's issuer is missing", "trusted intermediate without its root")
    case("no-root/partial-chain", below_inter, [inter], "ggg", "with partial_chain a trusted certificate ends the path; Cursive has no such thing (design: partial_chain)",
         "trusted intermediate without its root", partial_chain=True)
    case("no-intermediate", below_inter, [root], "bbb", "the leaf's issuer is missing", "trusted root, intermediate not in the list")
    case("no-intermediate/partial-chain", below_inter, [root], "bbb", "partial_chain does not bridge a gap", "trusted root, intermediate not in the list", partial_chain=True)
    case("untrusted-intermediate", below_inter, [root], "ggg", "the intermediate comes untrusted beside the leaf; Cursive knows only the trusted list (design: intermediates)",
         "trusted root, intermediate not in the list", intermediates=[inter])
    case("untrusted-root", below_inter, [inter], "bbb", "a root that came untrusted ends no path", intermediates=[root])
    case("untrusted-root/nothing-trusted", leaf, [], "bbb", "a root that came untrusted ends no path", intermediates=[root])
    orders("leaf-in-set", below_inter, [below_inter, root, inter], "ggg", "the leaf in the set changes nothing", "signing certificate also in the list with the full chain")
    case("leaf-only", below_inter, [below_inter], "bbb", "an issued certificate is no root; for that there is pin", "signing certificate itself is the only trusted id (issued by a CA)")
    case("duplicates", below_inter, [inter, root, inter, root], "ggg", "an id twice is fetched once and counts once", "duplicated ids")
    case("pinned", below_inter, [], "ggg", "the signing certificate itself is pinned; Cursive cannot (design: pin)",
         "signing certificate itself is the only trusted id (issued by a CA)", pins=[below_inter])
    case("pinned/other", below_inter, [], "bbb", "another certificate is pinned", pins=[leaf])
    case("pinned/issuer", below_inter, [root], "bbb", "a pinned authority is no anchor: pin is for signing certificates", pins=[inter])
    case("pinned/expired", below_inter, [], "bbb", "pinned, but past its dates: they are those of every certificate", at="2060-01-01T00:00:00Z", pins=[below_inter])
    case("stranger", leaf, [authority("other-root", "Other root", "p256-other")], "bbb", "a root that has nothing to do with it")
    case("wrong-key", leaf, [authority("root-name-other-key", "Root", "p256-other")], "bbb", "the right name over another key")
    orders("wrong-key-beside-right", leaf, [authority("root-name-other-key", "Root", "p256-other"), root], "ggg", "one of two of the name is right",
           "two roots, same subject, different key (EC, or EC and RSA), either order")
    case("signature/leaf", signing("leaf-signature-broken", root, edit=flipped), [root], "bbb", "a bit of the leaf's signature is changed")
    broken_inter = authority("intermediate-signature-broken", "Intermediate", "p256-intermediate", root, edit=flipped)
    case("signature/intermediate", below_inter, [root, broken_inter], "bbb", "a bit of the intermediate's signature is changed")
    case("signature/root", leaf, [authority("root-signature-broken", "Root", "p256-root", edit=flipped)], "bbb", "named as its own issuer, but not signed with its own key: not self-signed")
    case("algorithms-differ", signing("leaf-algorithms-differ", root, outer=der.sequence(der.oid(x.ECDSA_OIDS["sha384"]))), [root], "bbb",
         "the unsigned algorithm is not the signed one (RFC 5280, 4.1.1.2)")


def self_signed():
    row_no, row_yes = ("self-signed signing certificate, CA:FALSE or no extensions, trusted by its own id",
                       "self-signed signing certificate with CA:TRUE + keyCertSign, trusted by its own id")
    rfc = " (in RFC 5280 the anchor is no part of the path, so there is no path)"
    plain = signing("self-signed", None, cn="Self-signed signer")
    bare = x.certificate("self-signed-no-extensions", dn("Self-signed signer"), "p384-leaf")
    v1 = x.certificate("self-signed-v1", dn("Self-signed signer"), "p384-leaf", version=1)
    usage = x.key_usage("digitalSignature", "keyCertSign")
    ca = authority("self-signed-authority", "Self-signed signer", "p384-leaf", ext={"ku": usage})
    only = authority("self-signed-authority-no-signature", "Self-signed signer", "p384-leaf", ext={"ku": x.key_usage("keyCertSign")})
    for name, certificate in (("ca-false", plain), ("no-extensions", bare), ("v1", v1)):
        case(f"self-signed/{name}", certificate, [certificate], "bbb", "its own issuer, but no authority", row_no)
        case(f"self-signed/{name}/untrusted", certificate, [root], "bbb", "self-signed and not trusted", "same, not trusted")
        case(f"self-signed/{name}/pinned", certificate, [], "ggg", "pinned; Cursive cannot (design: pin)", row_no, pins=[certificate])
    case("self-signed/authority", ca, [ca], "ggb", "an authority that signs images itself" + rfc, row_yes)
    case("self-signed/authority/untrusted", ca, [root], "bbb", "self-signed and not trusted", "same, not trusted")
    case("self-signed/authority/nothing-trusted", ca, [], "bbb", "nothing is trusted", "same, not trusted")
    case("self-signed/authority/no-digital-signature", only, [only], "gbb", "keyUsage has no digitalSignature, which Cursive does not ask for", row_yes)
    namesake = authority("self-signed-authority-namesake", "Self-signed signer", "p384-other", ext={"ku": usage})
    case("self-signed/authority/namesake", ca, [namesake], "bbb", "another certificate of the same name is trusted", "same, not trusted")
    ca_leaf = signing("leaf-is-authority", root, ext={"bc": x.basic_constraints(True), "ku": usage})
    case("leaf-is-authority", ca_leaf, [root], "ggg", "an authority below the root signs the image itself; webpki is not asked")


def two_of_a_name():
    row = "two roots, same subject, different key (EC, or EC and RSA), either order"
    roots = {kind: authority(f"twin-{kind}", "Twin", kind) for kind in ("rsa2048-root", "rsa2048-other", "p256-root", "p256-other", "ed25519")}
    for kind in ("rsa2048-root", "p256-root"):
        below = signing(f"leaf-below-twin-{kind}", roots[kind])
        below_noid = signing(f"leaf-below-twin-{kind}-no-aki", roots[kind], ext={"aki": None})
        for other in roots:
            if other != kind:
                asked = "same subject, **Ed25519** root listed first" if other == "ed25519" else row
                why = "Cursive falls over an Ed25519 key if it comes first: skipped here (design: one odd certificate)" if other == "ed25519" else "the right key of two"
                orders(f"twins/{kind}-and-{other}", below, [roots[kind], roots[other]], "ggg", why, asked)
        orders(f"twins/{kind}-without-key-identifier", below_noid, list(roots.values()), "ggg", "five keys of a name and no authorityKeyIdentifier to choose by", row, all_orders=False)


def search():
    # Two intermediates with one name and key; one leads nowhere.
    stray = authority("intermediate-of-absent-root", "Intermediate", "p256-intermediate", authority("absent-root", "Absent root", "p256-other"))
    orders("dead-end", below_inter, [stray, inter, root], "ggg", "one of two with the same name and key has an absent issuer: Cursive does not go back (design: backtracking)",
           "two intermediates with the same name and key, one issued by an absent root, **that one first**")
    same = [authority(f"root-path-length-{n}", "Same", "p256-root", path_length=length) for n, length in (("0", 0), ("absent", None))]
    same_inter = authority("intermediate-below-same", "Below same", "p256-intermediate", same[0])
    orders("same-key-roots", signing("leaf-below-same", same_inter), [*same, same_inter], "ggg", "two roots of one name and key, one with pathlen 0: Cursive does not go back (design: backtracking)",
           "two same-key roots, pathlen 0 first, unlimited second")
    orders("same-key-roots/only-short", signing("leaf-below-same", same_inter), [same[0], same_inter], "bbb", "the root with pathlen 0 alone",
           "root pathlen 0 with one intermediate")

    # Renewed roots.
    usage = x.key_usage("digitalSignature", "keyCertSign", "cRLSign")
    old = authority("root-old", "Renewed", "p256-root", ext={"ku": usage}, until="2034-12-31T23:59:59Z")
    new = authority("root-new", "Renewed", "p256-root", ext={"ku": usage}, since="2028-01-01T00:00:00Z")
    row = "renewed root (same name and key), both trusted; old root validated against new"
    renewed = signing("leaf-below-renewed", old)
    orders("renewed", renewed, [old, new], "ggg", "two roots of one name and key", row)
    orders("renewed/old-expired", renewed, [old, new], "ggg", "the old one has expired", row, at="2040-01-01T00:00:00Z")
    orders("renewed/new-not-yet", renewed, [old, new], "ggg", "the new one is not yet valid", row, at="2025-01-01T00:00:00Z")
    case("renewed/old-against-new", old, [new], "ggg", "the old root's signature holds under the new one's key", row)
    orders("renewed/old-against-both", old, [old, new], "ggg", "both trusted, the old one judged", row)

    # Authorities that certify each other.
    key = {n: f"p256-{n}" for n in ("a", "b", "c")}
    self_of = {n: authority(f"cross-{n}-self", f"Cross {n}", key[n]) for n in key}
    by = lambda n, m: authority(f"cross-{n}-by-{m}", f"Cross {n}", key[n], self_of[m])
    below_a = signing("leaf-below-cross-a", self_of["a"])
    a_b, b_a = by("a", "b"), by("b", "a")
    row = "**cross-signed pair A↔B, no self-signed**"
    orders("cross-pair", below_a, [a_b, b_a], "bbb", "no self-signed certificate; Cursive never ends (design: visited set)", row)
    orders("cross-pair/partial-chain", below_a, [a_b, b_a], "ggg", "with partial_chain the first trusted one ends the path; Cursive never ends", row, partial_chain=True)
    orders("cross-pair-and-self", below_a, [self_of["a"], a_b, b_a], "ggg", "self-signed A anywhere; Cursive ends only if it comes before A by B (design: order never matters)",
           "cross-signed pair + self-signed A listed last")
    orders("cross-pair-and-other-self", below_a, [self_of["b"], a_b, b_a], "ggg", "self-signed B anywhere; Cursive ends only if it comes before B by A (design: order never matters)",
           "cross-signed pair + self-signed A listed last")
    orders("three-cycle", below_a, [a_b, by("b", "c"), by("c", "a")], "bbb", "A by B by C by A; Cursive never ends (design: visited set)", "3-cycle")
    orders("three-cycle-and-self", below_a, [a_b, by("b", "c"), by("c", "a"), self_of["c"]], "ggg", "the cycle and self-signed C", "3-cycle", all_orders=False)
    orders("bridge", below_a, [a_b, b_a, self_of["a"], self_of["b"]], "ggg", "two roots and both cross-certificates; Cursive ends only if the self-signed come first (design: order never matters)",
           "ordinary bridge: roots R1, R2 and both cross-certificates, cross-certificates listed first")
    orders("one-cross", below_a, [a_b, self_of["b"]], "ggg", "one cross-certificate and the other root", "one cross-certificate + the other root")
    hub = authority("bridge-hub-by-a", "Bridge", "p256-other", self_of["a"])
    hub_b = authority("bridge-hub-by-b", "Bridge", "p256-other", self_of["b"])
    a_hub = authority("cross-a-by-bridge", "Cross a", key["a"], hub)
    b_hub = authority("cross-b-by-bridge", "Cross b", key["b"], hub)
    orders("bridge-authority", below_a, [a_hub, b_hub, hub, hub_b, self_of["b"]], "ggg", "a bridge authority between A and B, of the roots B alone", all_orders=False)
    orders("bridge-authority/no-root", below_a, [a_hub, b_hub, hub, hub_b], "bbb", "a bridge authority between A and B, no root; Cursive may never end (design: visited set)", all_orders=False)

    # Every layer twice, with one name and key: paths double with each layer.
    layers, above = [], [root]
    for n in range(20):
        keyed = f"p256-{'abc'[n % 3]}"
        pair = [authority(f"ladder-{n:02}-{side}", f"Ladder {n:02}", keyed, above[-1]) for side in "lr"]
        layers += pair
        above = pair
    ladder = signing("leaf-below-ladder", above[-1])
    orders("ladder/no-root", ladder, layers, "bbb", "20 layers of two certificates with one name and key each, the root missing: a million paths, 40 certificates (design: each certificate and issuer key once)", all_orders=False)
    orders("ladder", ladder, [*layers, root], "ggg", "the same with the root", all_orders=False)
    mesh_keys = {n: f"p256-mesh{n}" for n in range(5)}
    mesh_self = {n: authority(f"mesh-{n}-self", f"Mesh {n}", k) for n, k in mesh_keys.items()}
    mesh = [authority(f"mesh-{n}-by-{m}", f"Mesh {n}", mesh_keys[n], mesh_self[m]) for n in mesh_keys for m in mesh_keys if n != m]
    below_mesh = signing("leaf-below-mesh", mesh_self[0])
    orders("mesh/no-root", below_mesh, mesh, "bbb", "five authorities, each certified by each of the others, no root; Cursive never ends (design: visited set)", all_orders=False)
    orders("mesh", below_mesh, [*mesh, mesh_self[3]], "ggg", "the same with the fourth one's root; Cursive may never end (design: visited set)", all_orders=False)


def path_length():
    row = "root pathlen 0 with one intermediate"
    roots = {n: authority(f"root-pathlen-{n}", f"Root pathlen {n}", "p256-root", path_length=n) for n in (0, 1, 2, 300)}
    huge = authority("root-pathlen-huge", "Root pathlen huge", "p256-root", path_length=1 << 70)
    negative = authority("root-pathlen-negative", "Root pathlen negative", "p256-root", path_length=-1)
    inter_below = lambda above, name, length=None: authority(f"{name}-below-{above.name}", f"{name} below {above.name}", "p256-intermediate", above, path_length=length)
    case("path-length/0-none", signing("leaf-below-root-pathlen-0", roots[0]), [roots[0]], "ggg", "pathlen 0 and no intermediate")
    one = {n: inter_below(above, "intermediate") for n, above in roots.items()}
    orders("path-length/0-one", signing("leaf-below-i0", one[0]), [roots[0], one[0]], "bbb", "pathlen 0 and an intermediate", row)
    orders("path-length/1-one", signing("leaf-below-i1", one[1]), [roots[1], one[1]], "ggg", "pathlen 1 and an intermediate")
    two = {n: authority(f"second-below-{n}", "Second below", "p256-second", one[n]) for n in (1, 2)}
    orders("path-length/1-two", signing("leaf-below-s1", two[1]), [roots[1], one[1], two[1]], "bbb", "pathlen 1 and two intermediates", row, all_orders=False)
    orders("path-length/2-two", signing("leaf-below-s2", two[2]), [roots[2], one[2], two[2]], "ggg", "pathlen 2 and two intermediates", all_orders=False)
    closed = inter_below(root, "intermediate-pathlen-0", 0)
    beyond = authority("beyond-pathlen-0", "Beyond", "p256-second", closed)
    case("path-length/intermediate-0", signing("leaf-below-closed", closed), [root, closed], "ggg", "an intermediate with pathlen 0 that signs the leaf")
    case("path-length/intermediate-0-one", signing("leaf-beyond", beyond), [root, closed, beyond], "bbb", "an intermediate with pathlen 0 above another", row)
    for flag in (True, False):
        case(f"path-length/0-one/enforced-{'yes' if flag else 'no'}", signing("leaf-below-i0", one[0]), [roots[0], one[0]], "bbb" if flag else "ggb",
             "enforce_path_length; rfc5280 always enforces", row, enforce={"enforce_path_length": flag})
    case("path-length/300", signing("leaf-below-i300", one[300]), [roots[300], one[300]], "ggg", "pathlen 300; webpki, which reads one octet, is not asked")
    case("path-length/2^70", signing("leaf-below-huge", huge), [huge], "ggg", "pathlen 2^70: INTEGER (0..MAX), RFC 5280, 4.2.1.9")
    case("path-length/negative", signing("leaf-below-negative", negative), [negative], "bbb", "pathlen -1: malformed, so the root is skipped (Cursive crashes)", "malformed extension (e.g. SAN) on a trusted certificate")
    row = "CA without pathlen, any chain, 0.3.1"
    case("path-length/absent", below_second, [root, inter, second], "ggg", "absent is unlimited", row)
    # RFC 5280, 4.2.1.9: self-issued certificates do not count.
    old = authority("rollover-old", "Rollover", "p256-root", path_length=0)
    new_by_old = authority("rollover-new-by-old", "Rollover", "p256-other", old, path_length=0)
    after = signing("leaf-after-rollover", new_by_old)
    orders("rollover/pathlen-0", after, [old, new_by_old], "bgg", "a self-issued certificate between: not counted but by Cursive (RFC 5280, 4.2.1.9)",
           "root pathlen 0 + self-issued key-rollover certificate (RFC 5280 does not count it)")
    case("rollover/pathlen-0/not-enforced", after, [old, new_by_old], "ggg", "the same without enforce_path_length", enforce={"enforce_path_length": False})
    free = authority("rollover-free-old", "Rollover free", "p256-root")
    free_new = authority("rollover-free-new", "Rollover free", "p256-other", free)
    orders("rollover/no-pathlen", signing("leaf-after-free-rollover", free_new), [free, free_new], "ggg", "the same without pathlen")


def versions():
    v1 = x.certificate("root-v1", dn("Root v1"), "p256-root", version=1)
    rsa_v1 = x.certificate("root-v1-rsa", dn("Root v1"), "rsa2048-root", version=1)
    row = "v1 root (no extensions) as trust anchor"
    case("v1/root", signing("leaf-below-root-v1", v1), [v1], "bbb", "a v1 root says nowhere that it is an authority", row)
    case("v1/root-rsa", signing("leaf-below-root-v1-rsa", rsa_v1), [rsa_v1], "bbb", "a v1 root says nowhere that it is an authority", row)
    v1_inter = x.certificate("intermediate-v1", dn("Intermediate v1"), "p256-intermediate", root, version=1)
    case("v1/intermediate", signing("leaf-below-intermediate-v1", v1_inter), [root, v1_inter], "bbb", "a v1 intermediate", row)
    case("v1/leaf", x.certificate("leaf-v1", dn("Image signer"), "p384-leaf", root, version=1), [root], "ggg", "a v1 leaf below a v3 root; webpki is not asked", "v1 leaf, v3 root")
    case("no-extensions/leaf", x.certificate("leaf-no-extensions", dn("Image signer"), "p384-leaf", root), [root], "ggg", "a v3 leaf without extensions")


def algorithms():
    row_pss = "certificate signed with **RSA-PSS**, or root with id-RSASSA-PSS key"
    row_ed = "certificate signed with **Ed25519 or ML-DSA**"
    row_dsa = "DSA root: SHA-256"
    row_ec = "ECDSA P-256/384/521/secp256k1 with SHA-2 or SHA-3; RSA with SHA-3"
    row_weak = "**SHA-1 or MD5 signed certificates; RSA-512/768 CA**"

    def signed(id, key, expect, why, how=None, row=None, info=None, leaf_key="p384-leaf"):
        name = id.replace("/", "-").replace(":", "-")
        # The root's own signature is made as the leaf's is.
        above = authority(f"root-{name}", f"Root {name}", key, how=how, info=info)
        case(f"algorithm/{id}", signing(f"leaf-signed-{name}", above, leaf_key, how=how), [above], expect, why, row)

    for how in ("sha224", "sha256", "sha384", "sha512"):
        signed(f"rsa-{how}", "rsa2048-root", "ggg", f"RSA PKCS#1 v1.5 with {how}", how)
    for how in ("pss:sha256:32", "pss:sha384:48", "pss:sha512:64", "pss:sha256:20", "pss:sha256:222", "pss:sha224:28", "pss:sha256:0"):
        signed(how.replace(":", "-"), "rsa2048-root", "ggg", "RSASSA-PSS: supported here, Cursive always tries PKCS#1 v1.5 (design: signatures)", how, row_pss)
    signed("pss-sha1-20", "rsa2048-root", "bbb", "RSASSA-PSS with its default parameters, which are SHA-1's: PSS is supported with SHA-2 alone, Cursive does not know it at all", "pss:sha1:20", row_pss)
    signed("pss-key", "rsa2048-root", "ggg", "id-RSASSA-PSS key without parameters", "pss:sha256:32", row_pss, info=x.pss_key("rsa2048-root"))
    restricted = x.pss_key("rsa2048-root", x.pss_parameters("sha256", 32))
    signed("pss-key-restricted", "rsa2048-root", "ggg", "id-RSASSA-PSS key restricted to SHA-256 with a salt of 32, and so signed", "pss:sha256:32", row_pss, info=restricted)
    signed("pss-key-restricted-other-hash", "rsa2048-root", "bbb", "the key's parameters allow no SHA-384 (RFC 4055, 3.3)", "pss:sha384:48", row_pss, info=restricted)
    signed("pss-key-restricted-short-salt", "rsa2048-root", "bbb", "the key's parameters demand a salt of at least 32 octets (RFC 4055, 3.3)", "pss:sha256:20", row_pss, info=restricted)
    signed("pss-key-pkcs1", "rsa2048-root", "bbb", "an id-RSASSA-PSS key makes no PKCS#1 v1.5 signatures (RFC 4055, 1.2); Cursive takes it for a plain RSA key", "sha256", row_pss, info=x.pss_key("rsa2048-root"))
    signed("ed25519", "ed25519", "ggg", "Ed25519: supported here, Cursive crashes (design: signatures)", row=row_ed)
    signed("ed448", "ed448", "bbb", "Ed448 is not supported: the root is skipped (Cursive crashes)", row=row_ed)
    for curve in ("p256", "p384", "p521", "sect409k1", "sect409r1", "sect571k1", "sect571r1"):
        signed(f"ecdsa-{curve}", f"{curve}-root", "ggg", f"ECDSA on {curve} with {x.usual_hash(curve)}", row=row_ec)
    for curve, how in (("p256", "sha384"), ("p256", "sha512"), ("p384", "sha256"), ("p521", "sha256"), ("p384", "sha512"), ("p521", "sha384"), ("p256", "sha224")):
        signed(f"ecdsa-{curve}-{how}", f"{curve}-root", "ggg", f"ECDSA on {curve} with {how}", how, row_ec)
    only = "a curve that is not among ours: skipped; Cursive knows it (design: signatures)"
    for curve in ("secp256k1", "brainpool"):
        signed(f"ecdsa-{curve}", f"{curve}-root", "bbb", only, row=row_ec)
    for key in ("rsa2048-root", "p256-root"):
        signed(f"{key.partition('-')[0]}-sha3-256", key, "bbb", "SHA-3 is not among our hashes; Cursive knows it (design: SHA-2)", "sha3-256", row_ec)
    signed("dsa2048-256-sha256", "dsa2048", "ggg", "DSA with p of 2048 and q of 256 bits, SHA-256; webpki is not asked", "sha256", row_dsa)
    signed("dsa2048-256-sha512", "dsa2048", "ggg", "DSA with SHA-512: Cursive crashes at its object identifier (design: signatures)", "sha512", row_dsa)
    signed("dsa2048-256-sha1", "dsa2048", "gbb", "DSA with SHA-1", "sha1", row_dsa)
    signed("dsa1024-160-sha256", "dsa1024", "gbb", "an authority's DSA key below 2048 bits", "sha256", row_dsa)
    for key in ("rsa2048-root", "p256-root"):
        kind = key.partition("-")[0]
        signed(f"{kind}-sha1", key, "gbb", "SHA-1", "sha1", row_weak)
    signed("rsa2048-md5", "rsa2048-root", "bbb", "MD5, which no policy takes; Cursive does (design: SHA-2 and SHA-1)", "md5", row_weak)

    # Where in the chain.
    rsa_root = authority("rsa-root", "RSA root", "rsa2048-root")
    sha1_inter = authority("intermediate-sha1", "Intermediate SHA-1", "p256-intermediate", rsa_root, how="sha1")
    case("sha1/intermediate", signing("leaf-below-sha1", sha1_inter), [rsa_root, sha1_inter], "gbb", "only the intermediate is signed with SHA-1", row_weak)
    sha1_root = authority("root-self-signed-sha1", "Root SHA-1", "rsa2048-root", how="sha1")
    case("sha1/root-only", signing("leaf-below-sha1-root", sha1_root, how="sha256"), [sha1_root], "ggg",
         "only the root's own signature is with SHA-1: it is trusted by being in the set, that signature proves nothing (RFC 5280, 6.1: the anchor is no part of the path)", row_weak)

    # Sizes of keys.
    for bits, expect in ((512, "bbb"), (768, "bbb"), (1024, "gbb"), (2048, "ggg"), (3072, "ggg")):
        small = authority(f"root-rsa{bits}", f"Root RSA-{bits}", f"rsa{bits}-root")
        why = "an authority's key below 1024 bits; Cursive has no floor (design: CA keys)" if bits < 1024 else "an authority's key of less than 2048 bits" if bits < 2048 else f"an authority's key of {bits} bits"
        case(f"ca-key/rsa{bits}", signing(f"leaf-below-rsa{bits}", small), [small], expect, why, row_weak)
        if bits < 2048:
            big = authority(f"intermediate-below-rsa{bits}", f"Intermediate below RSA-{bits}", "p256-intermediate", small)
            case(f"ca-key/rsa{bits}-root-of-two", signing(f"leaf-two-below-rsa{bits}", big), [small, big], expect, why + ", at the root", row_weak)
    small_inter = authority("intermediate-rsa1024", "Intermediate RSA-1024", "rsa1024-root", rsa_root)
    case("ca-key/rsa1024-intermediate", signing("leaf-below-rsa1024-intermediate", small_inter), [rsa_root, small_inter], "gbb", "an intermediate's key of 1024 bits", row_weak)
    case("leaf-key/rsa1024", signing("leaf-rsa1024", root, "rsa1024-leaf"), [root], "ggg", "the signing certificate's own key may have 1024 bits: the guides use it")
    case("leaf-key/rsa768", signing("leaf-rsa768", root, "rsa768-root"), [root], "bbb", "the signing certificate's own key has 768 bits; Cursive has no floor (design: RSA-1024)")
    case("leaf-key/rsa2048", signing("leaf-rsa2048", root, "rsa2048-leaf"), [root], "ggg", "RSA-2048")
    case("leaf-key/pss", signing("leaf-own-pss-key", root, "rsa2048-leaf", info=x.pss_key("rsa2048-leaf")), [root], "ggg", "id-RSASSA-PSS")
    case("leaf-key/dsa1024", signing("leaf-dsa1024", root, "dsa1024"), [root], "ggg", "DSA-1024: the floor of 2048 is for authorities")
    case("leaf-key/sect571r1", signing("leaf-sect571r1", root, "sect571r1-root"), [root], "ggg", "a binary curve")
    case("leaf-key/ed25519", signing("leaf-own-ed25519", root, "ed25519-leaf"), [root], "ggg", "the chain holds; no image can be verified with the key", "leaf key Ed25519, EC root")


def members():
    """One odd certificate beside a right chain; and the odd one alone."""
    subject = dn("Root")
    post_quantum = der.sequence(der.sequence(der.oid("2.16.840.1.101.3.4.3.17")), der.bit_string(hashlib.shake_256(b"ml-dsa-44 key").digest(1312)))
    ml_dsa = der.sequence(der.oid("2.16.840.1.101.3.4.3.17"))
    repl = lambda old, spki: x.certificate(old, subject, "p256-other", info=spki, extensions=usual)
    usual = [x.basic_constraints(True), x.key_usage("keyCertSign", "cRLSign")]
    unknown_curve = der.sequence(der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.3.6.1.4.1.99999.1")), der.bit_string(b"\4" + bytes(range(96))))
    not_on_curve = der.sequence(der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7")), der.bit_string(b"\4" + bytes(range(1, 65))))
    big = int.from_bytes(hashlib.shake_256(b"rsa-16384 modulus").digest(2048), "big") | 1 << 16383 | 1
    rsa_info = lambda n, e=65537: der.sequence(der.sequence(der.oid(x.RSA), x.NULL), der.bit_string(der.sequence(der.integer(n), der.integer(e))))
    bad_names = x.extension("2.5.29.17", der.sequence(der.tlv(0x82, b"\xff\xfe")))
    broken_names = x.extension("2.5.29.17", der.tlv(0x04, b"no names"))
    twice = [*usual, x.subject_key(b"one"), x.subject_key(b"two")]
    bad_constraints = [x.extension("2.5.29.19", der.sequence(der.tlv(0x04, b"yes")), True), usual[1]]
    own = lambda name, ext, **more: x.certificate(name, subject, "p256-root", extensions=ext, **more)
    ed448 = authority("member-ed448", subject, "ed448")
    whole = authority("member-whole", subject, "p256-other")
    odd = {
        "garbage": ("member-garbage", hashlib.shake_256(b"garbage").digest(300)),
        "empty": ("member-empty", b""),
        "text": ("member-text", b"not a certificate\n"),
        "cut": ("member-cut", whole.der[:-1]),
        "trailing-octet": ("member-trailing", whole.der + b"\0"),
        "ed448": ed448,
        "ed25519": authority("member-ed25519", subject, "ed25519"),
        "ml-dsa-key": repl("member-ml-dsa-key", post_quantum),
        "ml-dsa": x.certificate("member-ml-dsa", subject, "p256-other", info=post_quantum, extensions=usual),
        "secp256k1": authority("member-secp256k1", subject, "secp256k1-root"),
        "brainpool": authority("member-brainpool", subject, "brainpool-root"),
        "unknown-curve": repl("member-unknown-curve", unknown_curve),
        "point-off-curve": repl("member-point-off-curve", not_on_curve),
        "rsa16384": repl("member-rsa16384", rsa_info(big)),
        "rsa-even-modulus": repl("member-rsa-even", rsa_info(1 << 2047)),
        "rsa-exponent-1": repl("member-rsa-exponent-1", rsa_info(big >> 14336 | 1, 1)),
        "malformed-san": own("member-malformed-san", [*usual, bad_names]),
        "san-not-a-list": own("member-san-not-a-list", [*usual, broken_names]),
        "duplicate-extension": own("member-duplicate-extension", twice),
        "malformed-basic-constraints": own("member-malformed-bc", bad_constraints),
        "v1": own("member-v1", [], version=1),
        "negative-serial": own("member-negative-serial", usual, serial=-5),
        "long-serial": own("member-long-serial", usual, serial=1 << 200),
        "no-extensions": own("member-no-extensions", []),
        "unknown-critical": own("member-unknown-critical", [*usual, x.extension("1.3.6.1.4.1.99999.2", x.NULL, True)]),
    }
    # What ML-DSA signs cannot be made here: the algorithm is put into a certificate by hand, the signature is a dummy.
    tbs, _, _ = der.children(der.read(odd["ml-dsa"].der)[1])
    fields = der.children(der.read(tbs)[1])
    fields[2] = ml_dsa
    signed = der.sequence(der.sequence(*fields), ml_dsa, der.bit_string(hashlib.shake_256(b"ml-dsa-44 signature").digest(2420)))
    odd["ml-dsa"] = x.Certificate("member-ml-dsa", subject, "p256-other", post_quantum, signed)
    rows = {"ed25519": "same subject, **Ed25519** root listed first", "malformed-san": "malformed extension (e.g. SAN) on a trusted certificate",
            "san-not-a-list": "malformed extension (e.g. SAN) on a trusted certificate", "garbage": "trusted id → `ValueError` (non-UUID id with Barbican; garbage DER)",
            "v1": "v1 root (no extensions) as trust anchor"}
    for name, certificate in odd.items():
        orders(f"member/{name}", leaf, [certificate, root], "ggg", "an odd certificate of the root's name beside it is skipped and reported, whatever Cursive does (design: one odd certificate)", rows.get(name))
    # Those that carry the root's own name and key would be the anchor if they were taken.
    # The leaf is the one below root, so a verdict of good would be theirs.
    alone = {"malformed-san": "bbb", "san-not-a-list": "bbb", "duplicate-extension": "bbb", "malformed-basic-constraints": "bbb", "v1": "bbb", "negative-serial": "ggg",
             "long-serial": "bbb", "no-extensions": "bbb", "unknown-critical": "gbb", "garbage": "bbb", "ed448": "bbb", "ml-dsa": "bbb"}
    for name, expect in alone.items():
        case(f"member/{name}/alone", leaf, [odd[name]], expect, "the odd one alone" + (": Cursive ignores the extension" if expect == "gbb" else ""), rows.get(name))
    case("member/all-odd", leaf, list(odd.values()), "ggg", "nothing but odd ones; the one with a negative serial number (RFC 5280 section 4.1.2.2: to be handled gracefully) is the root, the rest is skipped where Cursive crashes")
    case("member/all-odd-and-root", leaf, [*odd.values(), root], "ggg", "all odd ones, then the root")
    # The signing certificate's own defects.
    row = "malformed extension (e.g. SAN) on a trusted certificate"
    case("leaf/malformed-san", signing("leaf-malformed-san", root, ext={"san": bad_names}), [root], "gbb", "a dNSName that is no IA5String; Cursive reads no extension of the leaf", row)
    case("leaf/san-not-a-list", signing("leaf-san-not-a-list", root, ext={"san": broken_names}), [root], "gbb", "subjectAltName that is no SEQUENCE; Cursive reads no extension of the leaf", row)
    case("leaf/duplicate-extension", signing("leaf-duplicate-extension", root, ext={"again": x.subject_key(b"two")}), [root], "gbb", "an extension twice (RFC 5280, 4.2)", row)
    case("leaf/malformed-basic-constraints", signing("leaf-malformed-bc", root, ext={"bc": bad_constraints[0]}), [root], "gbb", "malformed basicConstraints", row)
    case("leaf/malformed-key-usage", signing("leaf-malformed-ku", root, ext={"ku": x.extension("2.5.29.15", der.tlv(0x04, b"\x80"), True)}), [root], "gbb", "malformed keyUsage", row)
    for name, octets in (("garbage", odd["garbage"]), ("empty", odd["empty"]), ("cut", odd["cut"])):
        case(f"leaf/{name}", octets, [root], "bbb", "the signing certificate cannot be read: an error, not a skip")


def extensions():
    crit = lambda critical: x.extension("1.3.6.1.4.1.99999.2", x.NULL, critical)
    row = "unknown **critical** extension on intermediate or leaf"
    case("unknown-extension/leaf-critical", signing("leaf-unknown-critical", root, ext={"new": crit(True)}), [root], "gbb", "RFC 5280, 4.2: refused", row)
    case("unknown-extension/leaf", signing("leaf-unknown", root, ext={"new": crit(False)}), [root], "ggg", "not critical: ignored", row)
    for critical in (True, False):
        name = "intermediate-unknown-" + ("critical" if critical else "plain")
        middle = authority(name, f"Unknown {critical}", "p256-intermediate", root, ext={"new": crit(critical)})
        case(f"unknown-extension/{name}", signing(f"leaf-below-{name}", middle), [root, middle], "gbb" if critical else "ggg", "an intermediate's extension that nobody knows", row)

    # keyUsage and basicConstraints of issuers.
    middle = lambda name, ext: authority(f"intermediate-{name}", f"Intermediate {name}", "p256-intermediate", root, ext=ext)
    for name, ext, expect, why in (
        ("no-key-usage", {"ku": None}, "bbg", "no keyUsage: RFC 5280, 6.1.4 (n) asks for keyCertSign only if it is there"),
        ("crl-sign-only", {"ku": x.key_usage("cRLSign")}, "bbb", "keyUsage without keyCertSign"),
        ("ca-false", {"bc": x.basic_constraints(False)}, "bbb", "CA:FALSE"),
        ("no-basic-constraints", {"bc": None}, "bbb", "no basicConstraints"),
        ("not-critical", {"bc": x.basic_constraints(True, critical=False), "ku": x.key_usage("keyCertSign", critical=False)}, "ggg", "basicConstraints and keyUsage need not be critical"),
    ):
        between = middle(name, ext)
        below = signing(f"leaf-below-{name}", between)
        case(f"issuer/{name}", below, [root, between], expect, why)
        loose = {"enforce_signing_extensions": False}
        lax = "b" if name == "no-basic-constraints" else "g"
        case(f"issuer/{name}/not-enforced", below, [root, between], {"no-key-usage": "ggg", "not-critical": "ggg", "no-basic-constraints": "bgb"}.get(name, lax + "gb"),
             "without enforce_signing_extensions; rfc5280 always enforces" + ("; Cursive's check of path lengths still wants basicConstraints" if lax == "b" else ""), "enforce_signing_extensions=False", enforce=loose)
        if lax == "b":
            case(f"issuer/{name}/nothing-enforced", below, [root, between], "ggb", "without enforce_signing_extensions and enforce_path_length", enforce=loose | {"enforce_path_length": False})
    lone = authority("root-no-key-usage", "Root no key usage", "p256-root", ext={"ku": None})
    case("issuer/root-no-key-usage", signing("leaf-below-root-no-key-usage", lone), [lone], "bbg", "a root without keyUsage")

    # keyUsage, extendedKeyUsage of the leaf; key identifiers.
    row = "EKU of CA or leaf; leaf keyUsage without digitalSignature; AKI/SKI mismatch"
    for name, usages, expect in (("no-digital-signature", ["keyEncipherment"], "gbb"), ("non-repudiation", ["nonRepudiation"], "ggg"), ("both", ["digitalSignature", "nonRepudiation"], "ggg"),
                                 ("cert-sign-only", ["keyCertSign"], "gbb"), ("cert-sign", ["digitalSignature", "keyCertSign"], "ggg"), ("none", [], "gbb")):
        why = {"cert-sign": "keyCertSign without CA, as on the client of Nova's guide: let through and said"}.get(name, f"keyUsage {', '.join(usages) or 'without a bit'}")
        case(f"leaf-usage/{name}", signing(f"leaf-usage-{name}", root, ext={"ku": x.key_usage(*usages)}), [root], expect, why, row)
    case("leaf-usage/absent", signing("leaf-usage-absent", root, ext={"ku": None}), [root], "ggg", "no keyUsage, no restriction", row)
    server, code, any_purpose = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.3", "2.5.29.37.0"
    for name, oids, with_code in (("server", [server], "gbb"), ("code", [code], "ggg"), ("any", [any_purpose], "ggg"), ("none", None, "ggg")):
        for critical in (False, True) if oids else (False,):
            eku = x.extended_key_usage(*oids, critical=critical) if oids else None
            label = f"{name}{'-critical' if critical else ''}"
            certificate = signing(f"leaf-eku-{label}", root, ext={"eku": eku})
            case(f"purpose/{label}/not-asked", certificate, [root], "ggg", "no purpose is asked for", row)
            case(f"purpose/{label}/code-signing", certificate, [root], with_code, "codeSigning is asked for" + ("; an absent extension restricts nothing" if not oids else ""), row, purposes=[code])
    eku_ca = authority("intermediate-eku-server", "Intermediate EKU", "p256-intermediate", root, ext={"eku": x.extended_key_usage(server)})
    case("purpose/authority/not-asked", signing("leaf-below-eku-server", eku_ca), [root, eku_ca], "ggg", "an authority's extendedKeyUsage, no purpose asked for", row)
    case("key-identifier/mismatch", signing("leaf-aki-mismatch", root, ext={"aki": x.authority_key(b"another key's")}), [root], "ggg", "identifiers order candidates, they decide nothing; openssl holds it against the issuer", row)
    case("key-identifier/absent", signing("leaf-aki-absent", root, ext={"aki": None}), [root], "ggg", "no authorityKeyIdentifier", row)
    decoy = authority("root-decoy-identifier", "Root", "p256-other", ext={"ski": x.subject_key(root.identifier)})
    orders("key-identifier/decoy", leaf, [decoy, root], "ggg", "another key under the root's name and identifier", row)

    # Certificate policies.
    row = "name constraints that exclude the leaf; policyConstraints"
    require = x.extension("2.5.29.36", der.sequence(der.tlv(0x80, b"\0")), True)
    policies = x.extension("2.5.29.32", der.sequence(der.sequence(der.oid("1.3.6.1.4.1.99999.3"))))
    strict = authority("intermediate-requires-policy", "Intermediate policy", "p256-intermediate", root, ext={"pc": require})
    case("policy/required-absent", signing("leaf-without-policy", strict), [root, strict], "gbb", "requireExplicitPolicy 0 and no policy below (RFC 5280, 6.1.5 (g))", row)
    case("policy/named", signing("leaf-with-policy", root, ext={"cp": policies}), [root], "ggg", "a policy that nobody asked for")


def name_constraints():
    row = "name constraints that exclude the leaf; policyConstraints"
    ours, theirs = der.sequence(*der.children(der.read(dn())[1])), dn(o="elsewhere")
    forms = {
        "permitted-directory": (dict(permitted=[x.directory_name(ours)]), {}, "ggg", "the subject lies in the permitted subtree"),
        "outside-permitted-directory": (dict(permitted=[x.directory_name(theirs)]), {}, "gbb", "the subject lies outside the permitted subtree"),
        "excluded-directory": (dict(excluded=[x.directory_name(ours)]), {}, "gbb", "the subject lies in the excluded subtree"),
        "other-excluded-directory": (dict(excluded=[x.directory_name(theirs)]), {}, "ggg", "another subtree is excluded"),
        "excluded-directory-other-case": (dict(excluded=[x.directory_name(dn(o="LONGHAND  CHAINS"))]), {}, "gbb", "the excluded subtree is written in another case and spacing (RFC 5280, 7.1)"),
        "permitted-directory-printable": (dict(permitted=[x.directory_name(dn(text=x.PRINTABLE))]), {}, "ggg", "the permitted subtree is written in another string type (RFC 5280, 7.1)"),
        "permitted-dns": (dict(permitted=[x.dns_name("example.com")]), {"san": x.alternative_names(x.dns_name("images.example.com"))}, "ggg", "a dNSName in the permitted domain"),
        "outside-permitted-dns": (dict(permitted=[x.dns_name("example.com")]), {"san": x.alternative_names(x.dns_name("badexample.com"))}, "gbb", "a dNSName outside the permitted domain"),
        "excluded-dns": (dict(excluded=[x.dns_name("example.com")]), {"san": x.alternative_names(x.dns_name("Images.Example.COM"))}, "gbb", "a dNSName in the excluded domain, in another case"),
        "dns-without-names": (dict(permitted=[x.dns_name("example.com")]), {}, "ggg", "no dNSName, so nothing to restrict"),
        "excluded-email": (dict(excluded=[x.email_name("example.com")]), {"san": x.alternative_names(x.email_name("images@example.com"))}, "gbb", "an rfc822Name of the excluded host"),
        "permitted-email": (dict(permitted=[x.email_name(".example.com")]), {"san": x.alternative_names(x.email_name("images@a.example.com"))}, "ggg", "an rfc822Name in the permitted domain"),
        "excluded-ip": (dict(excluded=[x.ip_address(bytes([10, 0, 0, 0, 255, 0, 0, 0]))]), {"san": x.alternative_names(x.ip_address(bytes([10, 1, 2, 3])))}, "gbb", "an iPAddress in the excluded network"),
        "excluded-san-directory": (dict(excluded=[x.directory_name(theirs)]), {"san": x.alternative_names(x.directory_name(dn("Image signer", o="elsewhere")))}, "gbb", "a directoryName in subjectAltName lies in the excluded subtree"),
    }
    for name, (constraints, ext, expect, why) in forms.items():
        between = authority(f"nc-{name}", f"Constrained {name}", "p256-intermediate", root, ext={"nc": x.name_constraints(**constraints)})
        case(f"name-constraints/{name}", signing(f"leaf-nc-{name}", between, ext=ext), [root, between], expect, why, row)
    email = authority("nc-email-in-subject", "Constrained email", "p256-intermediate", root, ext={"nc": x.name_constraints(excluded=[x.email_name("example.com")])})
    case("name-constraints/email-in-subject", signing("leaf-nc-email-in-subject", email, cn=dn("Image signer", email="images@example.com")), [root, email], "gbb",
         "emailAddress in the subject, without subjectAltName, is judged as an rfc822Name (RFC 5280, 4.2.1.10)", row)
    for critical in (True, False):
        top = authority(f"root-nc-{'critical' if critical else 'plain'}", f"Constrained root {critical}", "p256-root", ext={"nc": x.name_constraints(excluded=[x.directory_name(ours)], critical=critical)})
        case(f"name-constraints/root-{'critical' if critical else 'plain'}", signing(f"leaf-below-{top.name}", top), [top], "gbb", "the root's own constraints hold for the path", row)
    # 6.1.3 (b): a self-issued certificate is not judged by the constraints above it, unless it is the last one.
    apex = authority("nc-self-issued-1", dn("Constrained rollover", o="elsewhere"), "p256-intermediate", root, ext={"nc": x.name_constraints(permitted=[x.directory_name(ours)])})
    again = authority("nc-self-issued-2", dn("Constrained rollover", o="elsewhere"), "p256-other", apex)
    case("name-constraints/self-issued", signing("leaf-nc-self-issued", again), [root, apex, again], "ggg", "a self-issued certificate in between is not judged (RFC 5280, 6.1.3 (b))", row)


def names():
    row = "issuer PrintableString vs subject UTF8String"
    named = lambda id, name, expect, why, subject=None: case(
        f"name/{id}", x.certificate(f"leaf-name-{id}", dn("Image signer"), "p384-leaf", root_of(subject), issuer=name,
                                    extensions=[x.basic_constraints(False), x.key_usage("digitalSignature")]), [root_of(subject)], expect, why, row)
    tops = {}

    def root_of(subject):
        if subject is None:
            return root
        if subject not in tops:
            tops[subject] = authority(f"root-name-{len(tops)}", subject, "p256-root")
        return tops[subject]

    named("printable", dn("Root", text=x.PRINTABLE), "ggg", "the issuer is a PrintableString, the root's subject a UTF8String; webpki is not asked")
    named("case", dn("ROOT"), "bgg", "another case: equal in RFC 5280, 7.1, not to Cursive")
    named("spaces", dn(" Root "), "bgg", "white space around: equal in RFC 5280, 7.1, not to Cursive")
    named("inner-spaces", dn("A  root"), "bgg", "two spaces for one: equal in RFC 5280, 7.1, not to Cursive", dn("A root"))
    named("spaces-missing", dn("Aroot"), "bbb", "a space that is not there", dn("A root"))
    named("utf8-case", dn("WURZELÄMTER"), "bgg", "another case beyond ASCII: equal in RFC 5280, 7.1 (stringprep, B.2), not to Cursive", dn("Wurzelämter"))
    named("shorter", dn(), "bbb", "the issuer is one attribute short")
    named("longer", der.sequence(*der.children(der.read(dn("Root"))[1]), *der.children(der.read(dn("Root", o=None))[1])), "bbb", "the issuer has an attribute more")
    named("other-order", der.sequence(*reversed(der.children(der.read(dn("Root"))[1]))), "bbb", "the same attributes in another order")
    named("both-empty", der.sequence(), "ggg", "both names are empty: equal; RFC 5280, 4.1.2.4 binds the authority", der.sequence())


def dates():
    span = dict(since="2025-01-01T00:00:00Z", until="2034-12-31T23:59:59Z")
    short_leaf = signing("leaf-2025-2034", root, **span)
    short_inter = authority("intermediate-2025-2034", "Short intermediate", "p256-intermediate", root, **span)
    below = signing("leaf-below-short-intermediate", short_inter)
    short_root = authority("root-2025-2034", "Short root", "p256-root", **span)
    under = signing("leaf-below-short-root", short_root)
    for place, certificate, trusted, row in (("leaf", short_leaf, [root], "expired or future leaf"), ("intermediate", below, [root, short_inter], "expired intermediate"),
                                             ("root", under, [short_root], "expired root")):
        for name, at, expect in (("second-before", "2024-12-31T23:59:59Z", "bbb"), ("not-before", "2025-01-01T00:00:00Z", "ggg"), ("within", AT, "ggg"),
                                 ("not-after", "2034-12-31T23:59:59Z", "ggg"), ("second-past", "2035-01-01T00:00:00Z", "bbb")):
            case(f"dates/{place}/{name}", certificate, trusted, expect, f"the {place} is valid from 2025-01-01T00:00:00Z to 2034-12-31T23:59:59Z, both inclusive", row, at=at)
            if expect == "bbb":
                case(f"dates/{place}/{name}/not-enforced", certificate, trusted, "ggb", "without enforce_valid_dates; rfc5280 always enforces", "enforce_valid_dates=False", at=at, enforce={"enforce_valid_dates": False})
    ages = dict(since="1970-01-01T00:00:00Z", until="9999-12-31T23:59:59Z")
    ageless_root = authority("root-ageless", "Ageless root", "p256-root", **ages)
    ageless = signing("leaf-ageless", ageless_root, **ages)
    for at in ("1970-01-01T00:00:00Z", "2049-12-31T23:59:59Z", "2050-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        case(f"dates/ageless/{at[:10]}", ageless, [ageless_root], "ggg", "from 1970 to 99991231235959Z, which says that no end is known (RFC 5280, 4.1.2.5)", at=at)


def namesakes():
    """What a test needs to build any number of certificates of one name; see README.md."""
    top = authority("namesake-root", "Namesake root", "rsa2048-root")
    right = authority("namesake-right", "Namesake", "rsa2048-intermediate", top)
    decoy = authority("namesake-decoy", "Namesake", "rsa2048-other", top, edit=lambda s: b"Z" * len(s))
    marked = authority("namesake-decoy-same-identifier", "Namesake", "rsa2048-other", top, edit=lambda s: b"Z" * len(s), ext={"ski": x.subject_key(right.identifier)})
    below = signing("namesake-leaf", right, "rsa2048-leaf")
    blind = signing("namesake-leaf-no-identifier", right, "rsa2048-leaf", ext={"aki": None})
    for name, certificate in (("", below), ("/no-identifier", blind)):
        orders(f"namesakes/present{name}", certificate, [decoy, right, top], "ggg", "one decoy and the right one of a name")
        orders(f"namesakes/present-marked{name}", certificate, [marked, right, top], "ggg", "a decoy that also claims the right key identifier")
        orders(f"namesakes/absent{name}", certificate, [decoy, marked, top], "bbb", "decoys of the right name alone")


def main():
    x.keys_folder(sys.argv[1])
    for part in (common, shape, self_signed, two_of_a_name, search, path_length, versions, algorithms, members, extensions, name_constraints, names, dates, namesakes):
        part()
    assert len({c["id"] for c in cases}) == len(cases), "two cases with one id"
    shutil.rmtree(OUT / "certificates", ignore_errors=True)
    (OUT / "certificates").mkdir(parents=True)
    for path, octets in made.items():
        (OUT / path).write_bytes(octets)
    (OUT / "cases.jsonl").write_text("".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) + "\n" for c in cases))
    print(f"chains: {len(cases)} cases, {len(made)} certificates, {sum(map(len, made.values()))} octets")


if __name__ == "__main__":
    main()
