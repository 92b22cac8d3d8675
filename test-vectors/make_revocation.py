#!/usr/bin/env python3
"""Makes chains/revocation/ again: certificates, revocation lists, cases, and what `openssl verify` says of them.

    make_revocation.py KEYS         KEYS as for make_chains.py
    make_revocation.py --check      asks openssl again and compares

RSA signatures are the same for the same keys, ECDSA's are not. The script fails if openssl's verdict differs from ours in
a case that is not in OPENSSL_DIFFERS.
"""
import collections
import datetime
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "chains" / "revocation"
AT, THIS, NEXT = "2030-06-01T00:00:00Z", "2030-05-01T00:00:00Z", "2030-07-01T00:00:00Z"
made, cases = {}, []

# By id; openssl (3.0.22, -crl_check_all) says the other thing, because ...
OPENSSL_DIFFERS = {
    "two-lists": "takes the first of two lists of an issuer that are equally new",
    "wrong-signer/beside-right": "takes the first of two lists of an issuer and does not try the other",
    "root-revoked": "asks for the root's status too",
    "times/next-update": "takes nextUpdate itself for too late",
    "sha1": "takes a list's SHA-1 at -auth_level 1, which it does not take in a certificate",
    "entry/certificate-issuer": "knows the extension",
    "delta/beside-complete": "leaves a delta list aside",
    "extension-twice|version-3|version-1/extensions": "reads these leniently",
    "trailing-octet": "`openssl crl` reads what comes first and writes that as PEM",
}


def build(keys):
    import warnings
    warnings.simplefilter("ignore")
    import der
    import x509_der as x
    from x509_der import authority, dn, extension, signing

    x.keys_folder(keys)
    crl_number = extension("2.5.29.20", der.integer(7))
    enumerated = lambda n: der.tlv(0x0A, bytes([n]))
    reason = lambda n: extension("2.5.29.21", enumerated(n))
    generalized = lambda text: der.tlv(0x18, re.sub(r"[-T:]", "", text).encode())

    def put(folder, name, octets, suffix):
        path = f"{folder}/{name}.{suffix}"
        assert made.setdefault(path, octets) == octets, f"two files named {name}"
        return path

    file = lambda certificate: put("certificates", certificate.name, certificate.der, "der")

    def entry(certificate_or_serial, *extensions, at="2030-04-01T00:00:00Z"):
        serial = certificate_or_serial if isinstance(certificate_or_serial, int) else certificate_or_serial.serial
        return der.sequence(der.integer(serial), x.time(at), *([der.sequence(*extensions)] if extensions else []))

    def crl(name, issuer, entries=(), extensions=(), this=THIS, next=NEXT, version=2, signer=None, how=None, usual=True, edit=None, outer=None,
            empty=False, tail=b""):
        """A list. `usual`: with authorityKeyIdentifier and cRLNumber in front of `extensions`. `empty`: an empty revokedCertificates."""
        identifier, sign = x.scheme(signer or issuer.key, how)
        fields = [der.integer(version - 1)] if version > 1 else []
        fields += [identifier, issuer.subject, x.time(this)] + ([x.time(next)] if next else [])
        if entries or empty:
            fields.append(der.sequence(*entries))
        extensions = ([x.authority_key(issuer.identifier), crl_number] if usual else []) + list(extensions)
        if extensions:
            fields.append(der.tlv(0xA0, der.sequence(*extensions)))
        signed = der.sequence(*fields)
        signature = sign(signed)
        octets = der.sequence(signed, outer or identifier, der.bit_string(edit(signature) if edit else signature)) + tail
        return put("lists", name, octets, "crl")

    def case(id, leaf, trusted, lists, expect, why, at=AT, unknown=None, **more):
        """`expect`: one verdict, or two: with unknown status refused, and allowed."""
        for choice, verdict in zip(("refuse", "allow"), expect if isinstance(expect, tuple) else (expect, expect)):
            if unknown in (None, choice):
                cases.append({"id": f"revocation/{id}/{choice}", "leaf": file(leaf), "trusted": [file(c) for c in trusted], "lists": lists, "at": at,
                              "unknown": choice} | more | {"expect": verdict, "why": why})

    undecided, refused = ("bad", "good"), "list_refused"
    uri = der.tlv(0x86, b"http://lists.example/one.crl")
    point = lambda *names: der.tlv(0xA0, der.tlv(0xA0, b"".join(names)))
    points = lambda *names: extension("2.5.29.31", der.sequence(der.sequence(point(*names))))

    root = authority("rsa-root", "Revocation root", "rsa2048-root")
    inter = authority("rsa-intermediate", "Revocation intermediate", "rsa2048-intermediate", root)
    leaf = signing("rsa-leaf", inter, "rsa2048-leaf")
    trusted = [root, inter]
    root_good = crl("root-good", root, [entry(0x1234)])
    inter_good = crl("intermediate-good", inter, [entry(0x1234), entry(0x5678)])
    with_root = lambda *lists: [*lists, root_good]

    case("good", leaf, trusted, [inter_good, root_good], "good", "both authorities' lists name others")
    case("good/other-order", leaf, trusted, [root_good, inter_good], "good", "the order of lists means nothing")
    case("empty-list", leaf, trusted, with_root(crl("intermediate-empty", inter)), "good", "no revoked certificates at all: the field is absent")
    revoked = crl("intermediate-revokes-leaf", inter, [entry(0x1234), entry(leaf), entry(0x5678)])
    case("leaf-revoked", leaf, trusted, with_root(revoked), "bad", "the leaf is on its issuer's list")
    root_revokes = crl("root-revokes-intermediate", root, [entry(inter)])
    case("intermediate-revoked", leaf, trusted, [inter_good, root_revokes], "bad", "the intermediate is on the root's list")
    case("intermediate-revoked/alone", leaf, trusted, [root_revokes], "bad", "the same; the leaf's list is missing")
    case("root-revoked", leaf, trusted, [inter_good, crl("root-revokes-itself", root, [entry(root)])], "good", "a root that revokes itself: nobody asks after an anchor (RFC 5280, 6.1)")
    case("serial-of-another-issuer", leaf, trusted, [inter_good, crl("root-revokes-leafs-serial", root, [entry(leaf)])], "good", "the leaf's serial number on the root's list means another certificate")
    both = with_root(inter_good, revoked)
    case("two-lists", leaf, trusted, both, "bad", "two lists of one issuer, the second revokes")
    case("two-lists/other-order", leaf, trusted, both[::-1], "bad", "two lists of one issuer, the first revokes")

    # What an entry can say.
    case("entry/reason", leaf, trusted, with_root(crl("entry-reason", inter, [entry(leaf, reason(1), extension("2.5.29.24", generalized("2030-03-01T00:00:00Z")))])), "bad", "keyCompromise, with invalidityDate")
    case("entry/hold", leaf, trusted, with_root(crl("entry-hold", inter, [entry(leaf, reason(6))])), "bad", "certificateHold is revoked while it lasts")
    case("entry/other-reason", leaf, trusted, with_root(crl("entry-other-reason", inter, [entry(0x1234, reason(4)), entry(0x5678, extension("2.5.29.24", generalized("2030-03-01T00:00:00Z")))])), "good", "others' entries with reasons and dates")
    case("entry/future", leaf, trusted, with_root(crl("entry-future", inter, [entry(leaf, at="2030-12-01T00:00:00Z")])), "bad", "revoked from a later day on: what is on the list is revoked (RFC 5280, 6.3.3 (i))")
    case("entry/unknown", leaf, trusted, with_root(crl("entry-unknown", inter, [entry(0x1234, extension("1.3.6.1.4.1.99999.5", der.tlv(0x05, b"")))])), "good", "an unknown entry extension that is not critical")
    case("entry/unknown-critical", leaf, trusted, with_root(crl("entry-unknown-critical", inter, [entry(0x1234, extension("1.3.6.1.4.1.99999.5", der.tlv(0x05, b""), True))])), refused, "an unknown critical entry extension (RFC 5280, 5.3)")
    case("entry/certificate-issuer", leaf, trusted, with_root(crl("entry-certificate-issuer", inter, [entry(0x1234, extension("2.5.29.29", der.sequence(x.directory_name(dn("Another"))), True))])), refused, "certificateIssuer belongs to indirect lists")
    high = signing("rsa-leaf-high-serial", inter, "rsa2048-leaf", serial=0x8F << 56 | 1)
    case("serial/high-bit", high, trusted, with_root(crl("revokes-high-serial", inter, [entry(high)])), "bad", "a serial number that needs a zero octet before it")
    case("serial/high-bit-missing", high, trusted, with_root(crl("revokes-serial-without-high", inter, [entry(0x0F << 56 | 1)])), "good", "the same without its first bit is another number")
    long = signing("rsa-leaf-long-serial", inter, "rsa2048-leaf", serial=(1 << 158) + 5)
    case("serial/20-octets", long, trusted, with_root(crl("revokes-long-serial", inter, [entry(0x1234), entry(long)])), "bad", "a serial number of 20 octets")

    # Lists that decide nothing: the status is unknown.
    case("missing/leaf", leaf, trusted, [root_good], undecided, "no list for the leaf")
    case("missing/intermediate", leaf, trusted, [inter_good], undecided, "no list for the intermediate")
    stranger = authority("other-root", "Other root", "rsa2048-other")
    case("missing/other-issuer", leaf, trusted, with_root(crl("of-another-issuer", stranger)), undecided, "a list of somebody else in place of the leaf's")
    case("expired", leaf, trusted, with_root(crl("expired", inter, next="2030-05-15T00:00:00Z")), undecided, "nextUpdate has passed")
    case("expired/revokes", leaf, trusted, with_root(crl("expired-revokes", inter, [entry(leaf)], next="2030-05-15T00:00:00Z")), "bad", "nextUpdate has passed, and it names the leaf", unknown="refuse")
    case("not-yet", leaf, trusted, with_root(crl("not-yet", inter, this="2030-06-15T00:00:00Z")), undecided, "thisUpdate is to come")
    for name, at, expect in (("this-update", THIS, "good"), ("before-this-update", "2030-04-30T23:59:59Z", undecided), ("next-update", NEXT, "good"), ("past-next-update", "2030-07-01T00:00:01Z", undecided)):
        case(f"times/{name}", leaf, trusted, [inter_good, root_good], expect, f"lists of {THIS} to {NEXT}, both inclusive", at=at)
    forged = crl("wrong-signer", inter, signer="rsa2048-other")
    case("wrong-signer", leaf, trusted, with_root(forged), undecided, "the issuer's name, another key")
    case("wrong-signer/revokes", leaf, trusted, with_root(crl("wrong-signer-revokes", inter, [entry(leaf)], signer="rsa2048-other")), undecided, "a stranger can revoke nothing")
    case("wrong-signer/beside-right", leaf, trusted, with_root(forged, inter_good), "good", "the right list is there too")
    case("wrong-signer/beside-revoking", leaf, trusted, with_root(forged, revoked), "bad", "the right list is there too, and revokes")
    case("signature-broken", leaf, trusted, with_root(crl("signature-broken", inter, edit=lambda s: s[:-1] + bytes([s[-1] ^ 1]))), undecided, "a bit of the signature is changed")
    case("sha1", leaf, trusted, with_root(crl("sha1", inter, how="sha1")), undecided, "signed with SHA-1, which counts for nothing outside cursive")
    plain = authority("rsa-intermediate-no-crl-sign", "No cRLSign", "rsa2048-intermediate", root, ext={"ku": x.key_usage("keyCertSign")})
    below_plain = signing("rsa-leaf-below-no-crl-sign", plain, "rsa2048-leaf")
    case("no-crl-sign", below_plain, [root, plain], with_root(crl("no-crl-sign", plain)), undecided, "keyUsage without cRLSign (RFC 5280, 6.3.3 (f)), as on the authorities of Nova's guide")
    case("no-crl-sign/revokes", below_plain, [root, plain], with_root(crl("no-crl-sign-revokes", plain, [entry(below_plain)])), undecided, "the same, and it names the leaf")
    free = authority("rsa-intermediate-no-key-usage", "No keyUsage", "rsa2048-intermediate", root, ext={"ku": None})
    below_free = signing("rsa-leaf-below-no-key-usage", free, "rsa2048-leaf")
    case("no-key-usage", below_free, [root, free], with_root(crl("no-key-usage", free)), "good", "an issuer without keyUsage may sign lists (RFC 5280, 6.3.3 (f)); its certificate passes rfc5280 alone", policy="rfc5280")
    case("no-key-usage/revokes", below_free, [root, free], with_root(crl("no-key-usage-revokes", free, [entry(below_free)])), "bad", "the same, and it names the leaf", policy="rfc5280")

    # Scope: the issuing distribution point.
    idp = lambda *fields: extension("2.5.29.28", der.sequence(*fields), True)
    flag = lambda number: der.tlv(0x80 | number, b"\xff")
    scoped = lambda name, issuer, *fields, entries=(): crl(f"idp-{name}", issuer, entries, [idp(*fields)])
    case("scope/user-for-leaf", leaf, trusted, with_root(scoped("user-only", inter, flag(1))), "good", "onlyContainsUserCerts covers the leaf")
    case("scope/user-for-leaf/revokes", leaf, trusted, with_root(scoped("user-only-revokes", inter, flag(1), entries=[entry(leaf)])), "bad", "onlyContainsUserCerts covers the leaf")
    case("scope/user-for-intermediate", leaf, trusted, [inter_good, scoped("root-user-only", root, flag(1))], undecided, "onlyContainsUserCerts does not cover the intermediate")
    case("scope/ca-for-intermediate", leaf, trusted, [inter_good, scoped("root-ca-only", root, flag(2))], "good", "onlyContainsCACerts covers the intermediate")
    case("scope/ca-for-leaf", leaf, trusted, with_root(scoped("ca-only", inter, flag(2))), undecided, "onlyContainsCACerts does not cover the leaf")
    case("scope/attribute", leaf, trusted, with_root(scoped("attribute-only", inter, flag(5))), refused, "onlyContainsAttributeCerts")
    case("scope/indirect", leaf, trusted, with_root(scoped("indirect", inter, flag(4))), refused, "an indirect list")
    case("scope/some-reasons", leaf, trusted, with_root(scoped("some-reasons", inter, der.tlv(0x83, bytes([6, 0x40])))), refused, "onlySomeReasons: keyCompromise alone")
    case("scope/user-and-ca", leaf, trusted, with_root(scoped("user-and-ca", inter, flag(1), flag(2))), refused, "two scopes at once (RFC 5280, 5.2.5)")
    pointed = signing("rsa-leaf-with-point", inter, "rsa2048-leaf", ext={"dp": points(uri)})
    other = signing("rsa-leaf-with-other-point", inter, "rsa2048-leaf", ext={"dp": points(der.tlv(0x86, b"http://lists.example/two.crl"))})
    one_point = scoped("point", inter, point(uri))
    case("scope/point", pointed, trusted, with_root(one_point), "good", "the distribution point that the leaf names")
    case("scope/point/revokes", pointed, trusted, with_root(scoped("point-revokes", inter, point(uri), entries=[entry(pointed)])), "bad", "the distribution point that the leaf names")
    case("scope/other-point", other, trusted, with_root(one_point), undecided, "another distribution point than the leaf names (RFC 5280, 6.3.3 (b) (2))")
    case("scope/point-not-named", leaf, trusted, with_root(one_point), undecided, "the leaf names no distribution point (RFC 5280, 6.3.3 (b) (2))")
    case("scope/no-point-in-list", pointed, trusted, with_root(inter_good), "good", "the leaf names a distribution point, the list none: it covers everything")

    # Lists that are refused as they are.
    delta = extension("2.5.29.27", der.integer(6), True)
    case("delta", leaf, trusted, with_root(crl("delta", inter, extensions=[delta])), refused, "a delta list")
    case("delta/beside-complete", leaf, trusted, with_root(crl("delta", inter, extensions=[delta]), inter_good), refused, "a delta list beside the complete one")
    case("unknown-critical", leaf, trusted, with_root(crl("unknown-critical", inter, extensions=[extension("1.3.6.1.4.1.99999.6", der.tlv(0x05, b""), True)])), refused, "an unknown critical extension (RFC 5280, 5.2)")
    case("unknown-extension", leaf, trusted, with_root(crl("unknown-extension", inter, extensions=[extension("1.3.6.1.4.1.99999.6", der.tlv(0x05, b""))])), "good", "an unknown extension that is not critical")
    case("freshest", leaf, trusted, with_root(crl("freshest", inter, extensions=[extension("2.5.29.46", der.sequence(der.sequence(point(uri))))])), "good", "freshestCRL says where delta lists are; nobody must use them")
    case("extension-twice", leaf, trusted, with_root(crl("extension-twice", inter, extensions=[extension("2.5.29.20", der.integer(8))])), refused, "cRLNumber twice")
    case("algorithms-differ", leaf, trusted, with_root(crl("algorithms-differ", inter, outer=x.scheme(inter.key, "sha384")[0])), refused, "the unsigned algorithm is not the signed one (RFC 5280, 5.1.1.2)")
    case("trailing-octet", leaf, trusted, with_root(crl("trailing-octet", inter, tail=b"\0")), refused, "an octet behind the list")
    case("version-3", leaf, trusted, with_root(crl("version-3", inter, version=3)), refused, "there is no version 3")
    case("version-1/extensions", leaf, trusted, with_root(crl("version-1-extensions", inter, version=1)), refused, "version 1 with extensions (RFC 5280, 5.1.2.1)")
    case("version-1", leaf, trusted, with_root(crl("version-1", inter, version=1, usual=False)), "good", "version 1 (RFC 5280, 5: required to be processed)")
    case("version-1/revokes", leaf, trusted, with_root(crl("version-1-revokes", inter, [entry(leaf)], version=1, usual=False)), "bad", "version 1, and it names the leaf")
    case("garbage", leaf, trusted, with_root(put("lists", "garbage", b"no list\n", "crl")), refused, "no list at all")
    case("certificate", leaf, trusted, with_root(put("lists", "certificate", inter.der, "crl")), refused, "a certificate in place of a list")
    octets = made[inter_good]
    case("cut", leaf, trusted, with_root(put("lists", "cut", octets[:-1], "crl")), refused, "the last octet is missing")
    pem = subprocess.run(["openssl", "crl", "-inform", "DER"], input=octets, capture_output=True, check=True).stdout
    case("pem", leaf, trusted, with_root(put("lists", "intermediate-good", pem, "pem")), "good", "PEM")

    # ECDSA, and PSS.
    ec_root = authority("p384-root", "Revocation root P-384", "p384-root")
    ec_inter = authority("p384-intermediate", "Revocation intermediate P-384", "p384-other", ec_root)
    ec_leaf = signing("p384-leaf", ec_inter)
    ec_root_good = crl("p384-root-good", ec_root)
    ec_good = crl("p384-good", ec_inter, [entry(0x1234)])
    case("p384/good", ec_leaf, [ec_root, ec_inter], [ec_root_good, ec_good], "good", "P-384 throughout")
    case("p384/leaf-revoked", ec_leaf, [ec_root, ec_inter], [ec_root_good, crl("p384-revokes-leaf", ec_inter, [entry(ec_leaf)])], "bad", "P-384 throughout, the leaf is revoked")
    case("p384/intermediate-revoked", ec_leaf, [ec_root, ec_inter], [crl("p384-root-revokes", ec_root, [entry(ec_inter)]), ec_good], "bad", "P-384 throughout, the intermediate is revoked")
    case("p384/wrong-signer", ec_leaf, [ec_root, ec_inter], [ec_root_good, crl("p384-wrong-signer", ec_inter, signer="p384-root")], undecided, "the intermediate's list, signed with the root's key")
    case("pss", leaf, trusted, with_root(crl("pss", inter, how="pss:sha256:32")), "good", "a list signed with RSASSA-PSS")
    case("pss/revokes", leaf, trusted, with_root(crl("pss-revokes", inter, [entry(leaf)], how="pss:sha256:32")), "bad", "a list signed with RSASSA-PSS, and it names the leaf")

    assert len({c["id"] for c in cases}) == len(cases), "two cases with one id"
    for folder in ("certificates", "lists"):
        shutil.rmtree(OUT / folder, ignore_errors=True)
        (OUT / folder).mkdir(parents=True)
    for path, octets in made.items():
        (OUT / path).write_bytes(octets)


def as_pem(kind, path):
    if path.endswith(".pem"):
        return (OUT / path).read_bytes()
    run = subprocess.run(["openssl", kind, "-inform", "DER", "-in", OUT / path], capture_output=True)
    return run.stdout if run.returncode == 0 else None


def openssl(case):
    """What `openssl verify -crl_check_all` says; it refuses unknown status always, so the other choice is not asked."""
    if case["unknown"] != "refuse":
        return None
    lists = [as_pem("crl", path) for path in case["lists"]]
    if None in lists:
        return "bad"
    with tempfile.TemporaryDirectory() as folder:
        write = lambda name, parts: pathlib.Path(folder, name).write_bytes(b"".join(parts))
        write("leaf", [as_pem("x509", case["leaf"])])
        write("trusted", [as_pem("x509", path) for path in case["trusted"]])
        write("lists", lists)
        at = int(datetime.datetime.fromisoformat(case["at"].replace("Z", "+00:00")).timestamp())
        command = ["openssl", "verify", "-no-CApath", "-no-CAstore", "-auth_level", "1", "-attime", str(at), "-CAfile", "trusted", "-CRLfile", "lists", "-crl_check_all", "leaf"]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if "--verbose" in sys.argv and run.returncode:
            print(case["id"], re.findall(r"error \d+ at.*", run.stderr))
        return "good" if run.returncode == 0 else "bad"


def main():
    global cases
    check = "--check" in sys.argv
    if check:
        cases = [json.loads(line) for line in (OUT / "cases.jsonl").open()]
    else:
        build(sys.argv[1])
    failed, counts = False, collections.Counter(case["expect"] for case in cases)
    for case in cases:
        seen = openssl(case)
        if check and case.get("openssl") != seen:
            failed = True
            print(f"{case['id']}: recorded {case.get('openssl')}, now {seen}", file=sys.stderr)
        if seen is None:
            continue
        counts[f"asked of openssl"] += 1
        ours = "good" if case["expect"] == "good" else "bad"
        known = any(re.fullmatch(f"revocation/({ids})/refuse", case["id"]) for ids in OPENSSL_DIFFERS)
        if (seen != ours) != known:
            failed = True
            print(f"{case['id']}: openssl says {seen}, expected is {case['expect']}, {'as' if known else 'not'} listed as a difference", file=sys.stderr)
        case["openssl"] = seen
    if not check:
        (OUT / "cases.jsonl").write_text("".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) + "\n" for c in cases))
    print(f"revocation: {len(cases)} cases: {dict(counts)}, {sum(1 for p in OUT.rglob('*') if p.is_file())} files")
    sys.exit(failed)


if __name__ == "__main__":
    main()
