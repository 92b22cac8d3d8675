#!/usr/bin/env python3
"""Writes binary_curves/cases.jsonl: keys and signatures on the four binary curves at the places where an implementation
can go wrong, made on purpose with the arithmetic below, and what the `openssl` command says to each.

    make_binary_curves.py [--check]        --check: compares instead of writing

Needs Python 3.11 with its standard library and OpenSSL 3.0. Made byte for byte the same each time.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import der

OUT = pathlib.Path(__file__).resolve().parent / "binary_curves" / "cases.jsonl"
DEGREES = {409: (409, 87, 0), 571: (571, 10, 5, 2, 0)}
OIDS = {"sect409k1": "1.3.132.0.36", "sect409r1": "1.3.132.0.37", "sect571k1": "1.3.132.0.38", "sect571r1": "1.3.132.0.39"}


class Curve:
    """y^2 + x y = x^3 + a x^2 + b over GF(2^m); elements are integers, points are pairs, infinity is None."""

    def __init__(self, name):
        self.name, self.m, self.a = name, int(name[4:7]), int(name[7] == "r")
        command = ["openssl", "ecparam", "-name", name, "-param_enc", "explicit", "-text", "-noout"]
        text = re.sub(r"\s", "", subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        number = lambda before, after: int(re.search(before + "([0-9a-f:]+)" + after, text)[1].replace(":", ""), 16)
        self.b = number("B:", "Generator") if self.a else 1
        self.n, self.h = number("Order:", "Cofactor"), 2 if self.a else 4
        coordinates = number(r"uncompressed\):04:", "Order")
        self.octets = (self.m + 7) // 8
        self.g = divmod(coordinates, 1 << 8 * self.octets)

    def reduce(self, c):
        while (high := c >> self.m):
            c &= (1 << self.m) - 1
            for power in DEGREES[self.m][1:]:
                c ^= high << power
        return c

    def mul(self, a, b):
        table = [0, b, b << 1, b << 1 ^ b]
        table += [t ^ b << 2 for t in table]
        table += [t ^ b << 3 for t in table]
        c = 0
        for digit in f"{a:x}":
            c = c << 4 ^ table[int(digit, 16)]
        return self.reduce(c)

    def power(self, a, times):
        for _ in range(times):
            a = self.reduce(int(f"{a:b}", 4))  # a zero between every two coefficients
        return a

    def inv(self, a):
        u, v, g, h = a, sum(1 << power for power in DEGREES[self.m]), 1, 0
        while u != 1:
            if (j := u.bit_length() - v.bit_length()) < 0:
                u, v, g, h, j = v, u, h, g, -j
            u, g = u ^ v << j, g ^ h << j
        return self.reduce(g)

    def trace(self, a):
        total = 0
        for _ in range(self.m):
            total, a = total ^ a, self.power(a, 1)
        return total

    def half_trace(self, a):
        total = a
        for _ in range(self.m // 2):
            total = self.power(total, 2) ^ a
        return total

    def neg(self, p):
        return p and (p[0], p[0] ^ p[1])

    def add(self, p, q):
        if p is None or q is None:
            return q if p is None else p
        (x1, y1), (x2, y2) = p, q
        if x1 == x2:
            if y1 != y2 or x1 == 0:
                return None
            slope = x1 ^ self.mul(y1, self.inv(x1))
            x = self.power(slope, 1) ^ slope ^ self.a
            return x, self.power(x1, 1) ^ self.mul(slope ^ 1, x)
        slope = self.mul(y1 ^ y2, self.inv(x1 ^ x2))
        x = self.power(slope, 1) ^ slope ^ x1 ^ x2 ^ self.a
        return x, self.mul(slope, x1 ^ x) ^ x ^ y1

    def times(self, k, p):
        total = None
        for bit in f"{k:b}":
            total = self.add(total, total)
            if bit == "1":
                total = self.add(total, p)
        return total

    def small_order(self):
        """Every point of order 2 and 4."""
        points = {"order-2": (0, self.power(self.b, self.m - 1))}
        if not self.a:
            points |= {"order-4": (1, 0), "order-4-opposite": (1, 1)}
        return points

    def encode(self, p, form=4):
        x, y = p
        if form in (2, 3, 6, 7):
            form = form & 6 | (self.mul(y, self.inv(x)) & 1 if x else 0)
        octets = lambda value: value.to_bytes(self.octets, "big")
        return bytes([form]) + octets(x) + (b"" if form in (2, 3) else octets(y))

    def spki(self, point):
        return der.sequence(der.sequence(der.oid("1.2.840.10045.2.1"), der.oid(OIDS[self.name])), der.bit_string(point))


def signature(r, s):
    return der.sequence(der.integer(r), der.integer(s))


def stream(label, bits):
    """An integer that looks random and is always the same."""
    return int.from_bytes(b"".join(hashlib.sha512(f"{label} {i}".encode()).digest() for i in range(2)), "big") >> 1024 - bits


class Maker:
    def __init__(self, name):
        self.curve, self.cases = Curve(name), []
        self.digest = hashlib.sha512(name.encode()).digest()

    def z(self, digest):
        value, excess = int.from_bytes(digest, "big"), len(digest) * 8 - self.curve.n.bit_length()
        return value >> max(excess, 0)

    def digest_of(self, z):
        """A SHA-512 digest whose leftmost bits are z."""
        return (z << 512 - self.curve.n.bit_length()).to_bytes(64, "big")

    def sign(self, d, digest, k):
        r = self.curve.times(k, self.curve.g)[0] % self.curve.n
        return r, pow(k, -1, self.curve.n) * (self.z(digest) + r * d) % self.curve.n

    def put(self, name, why, key, digest, rs, code=None):
        """A case; it is bad if it has a code. `key` is a point or the octets of one."""
        self.cases.append({
            "id": f"binary_curves/{self.curve.name}/{name}", "curve": self.curve.name,
            "point": (key if isinstance(key, bytes) else self.curve.encode(key)).hex(),
            "digest": digest.hex(), "signature": (rs if isinstance(rs, bytes) else signature(*rs)).hex(),
            "expect": "bad" if code else "good", **({"code": code} if code else {}), "why": why,
        })

    def make(self):
        curve = self.curve
        self.n, self.d = curve.n, stream(f"{curve.name} key", curve.n.bit_length() - 1)
        self.q = curve.times(self.d, curve.g)
        self.rs = self.sign(self.d, self.digest, stream(f"{curve.name} nonce", curve.n.bit_length() - 1))
        self.ranges()
        self.wrapped()
        self.coinciding()
        self.multiples_of_g()
        self.digests()
        self.encodings()
        self.outside()
        return self.cases

    def ranges(self):
        n, (r, s), put = self.n, self.rs, lambda *args: self.put(args[0], args[1], self.q, self.digest, *args[2:])
        put("good", "a signature", self.rs)
        put("n-minus-s", "n - s signs as s does: the x of a point and of its opposite are the same", (r, n - s))
        past, off = "signature_out_of_range", "signature_mismatch"
        for name, value, code in [("zero", 0, past), ("one", 1, off), ("order-minus-one", n - 1, off), ("order", n, past),
                                  ("order-plus-one", n + 1, past), ("all-ones", (1 << n.bit_length()) - 1, past if (1 << n.bit_length()) - 1 >= n else off),
                                  ("2-to-the-m", 1 << self.curve.m, past), ("2-to-the-640", 1 << 640, past)]:
            put(f"r-{name}", f"r is {name}", (value, s), code)
            put(f"s-{name}", f"s is {name}", (r, value), code)
        put("r-plus-order", "r + n is r modulo n, but not below n", (r + n, s), past)
        put("s-plus-order", "s + n is s modulo n, but not below n", (r, s + n), past)
        put("r-negative", "r is -1", der.sequence(b"\x02\x01\xff", der.integer(s)), "signature_encoding")
        put("r-padded", "r begins with a zero octet too many", der.sequence(der.tlv(2, b"\0" + der.read(der.integer(r))[1]), der.integer(s)),
            "signature_encoding")
        put("trailing", "an octet behind the signature", signature(r, s) + b"\0", "signature_encoding")
        put("swapped", "s and r", (s, r), off)
        put("other-r", "another r", (r ^ 2, s), off)

    def wrapped(self):
        """x of R is r + i n for every i that the field has room for."""
        curve, seen, k = self.curve, set(), 1
        while len(seen) < min(curve.h, -(-(1 << curve.m) // curve.n)) and k < 200:
            k, x = k + 1, curve.times(k + 1, curve.g)[0]
            if (i := x // self.n) not in seen:
                seen.add(i)
                rs = self.sign(self.d, self.digest, k)
                self.put(f"x-past-{i}n", f"x of u1 G + u2 Q is r + {i} n", self.q, self.digest, rs)
                if i:
                    self.put(f"r-is-x-past-{i}n", "r is x of u1 G + u2 Q, not reduced modulo n", self.q, self.digest, (x, rs[1]),
                             "signature_out_of_range")

    def coinciding(self):
        curve, n, z = self.curve, self.n, self.z(self.digest)
        k = stream(f"{curve.name} coinciding", curve.n.bit_length() - 1)
        r = curve.times(k, curve.g)[0] % n
        # u1 G = u2 Q if z = r d; the sum is 2 u1 G = k G if s = 2 z / k.
        d = z * pow(r, -1, n) % n
        self.put("sum-is-doubling", "u1 G = u2 Q", curve.times(d, curve.g), self.digest, (r, 2 * z * pow(k, -1, n) % n))
        infinity = curve.neg(curve.times(d, curve.g))
        self.put("sum-is-infinity", "u1 G = -u2 Q: the sum is infinity, which has no x", infinity, self.digest, (r, 12345), "signature_mismatch")
        self.put("sum-is-infinity-2", "the same with another s", infinity, self.digest, (r, n - 1), "signature_mismatch")

    def multiples_of_g(self):
        curve, n = self.curve, self.n
        for name, d in [("g", 1), ("minus-g", n - 1), ("2g", 2), ("minus-2g", n - 2), ("half-g", (n + 1) // 2), ("1023g", 1023), ("1024g", 1024)]:
            q, k = curve.times(d, curve.g), stream(f"{curve.name} {name}", n.bit_length() - 1)
            rs = self.sign(d, self.digest, k)
            self.put(f"key-{name}", f"the key is {d if d < n // 2 else d - n} G", q, self.digest, rs)
            self.put(f"key-{name}-other-digest", "the same over another digest", q, self.digest[::-1], rs, "signature_mismatch")
        if curve.m == 409:  # z is as long as r
            for name, d, u1, u2 in [("g", 1, 1, 1), ("minus-g", n - 1, 2, 1), ("2g", 2, 2, 1), ("2g-doubled", 2, 4, 2), ("minus-2g", n - 2, 3, 1)]:
                r = curve.times((u1 + u2 * d) % n, curve.g)[0] % n
                s = r * pow(u2, -1, n) % n
                digest = self.digest_of(u1 * s % n)
                self.put(f"small-scalars-{name}", f"u1 = {u1}, u2 = {u2}, Q = {d if d < n // 2 else d - n} G", curve.times(d, curve.g), digest, (r, s))
            for name, d in [("g", n - 1), ("minus-g", 1)]:
                r = curve.times(5, curve.g)[0] % n
                key = curve.times(d, curve.g)
                self.put(f"small-scalars-infinity-{name}", "u1 G = -u2 Q, u1 = u2 or -u2", key, self.digest_of(r if d != 1 else n - r), (r, r), "signature_mismatch")

    def digests(self):
        n, bits = self.n, self.n.bit_length()
        k = stream(f"{self.curve.name} digests", bits - 1)
        digests = {"zero": bytes(64), "all-ones": b"\xff" * 64, "one": (1).to_bytes(64, "big")}
        if bits < 512:
            digests |= {f"order{name}": self.digest_of(n + add) for name, add in [("", 0), ("-minus-one", -1), ("-plus-one", 1)]}
        for length in (28, 32, 48, 64):
            digests[f"{length}-octets"] = hashlib.shake_256(self.curve.name.encode()).digest(length)
        for name, digest in digests.items():
            self.put(f"digest-{name}", f"the digest is {name}" + (": u1 = 0" if self.z(digest) % n == 0 else ""), self.q, digest, self.sign(self.d, digest, k))
        if bits < 512:
            rs, value = self.sign(self.d, self.digest, k), int.from_bytes(self.digest, "big")
            changed = lambda bit: (value ^ 1 << 512 - bits + bit).to_bytes(64, "big")
            self.put("digest-first-bit-cut-off", f"bit {bits + 1} of the digest is changed, the first that is cut off", self.q, changed(-1), rs)
            self.put("digest-last-bit-kept", f"bit {bits} of the digest is changed, the last that is kept", self.q, changed(0), rs, "signature_mismatch")

    def encodings(self):
        curve, (x, y) = self.curve, self.q
        put = lambda name, why, point, code=None: self.put(f"point-{name}", why, point, self.digest, self.rs, code)
        even, odd = sorted([self.q, curve.neg(self.q)], key=lambda p: curve.encode(p, 2)[0])
        compressed = curve.encode(self.q, 2)
        put("compressed", "the key in compressed form", compressed)
        put("compressed-opposite", "the compressed form of the opposite key", curve.encode(curve.neg(self.q), 2), "signature_mismatch")
        for p, d in ((even, self.d), (odd, self.d)):
            d = d if p == self.q else self.n - d
            form = curve.encode(p, 2)
            self.put(f"point-form-{form[0]:02x}", f"a key whose compressed form begins with {form[0]:02x}", form, self.digest,
                     self.sign(d, self.digest, 77777))
        put("hybrid", "the key in hybrid form", curve.encode(self.q, 6))
        hybrid = curve.encode(self.q, 6)
        put("hybrid-wrong-bit", "the hybrid form with the other bit", bytes([hybrid[0] ^ 1]) + hybrid[1:], "point_encoding")
        whole = curve.encode(self.q)
        for name, octets in [("nothing", b""), ("infinity", b"\0"), ("infinity-long", b"\0" + whole[1:]), ("cut", whole[:-1]), ("longer", whole + b"\0"),
                             ("half", whole[: 1 + curve.octets]), ("compressed-long", compressed[:1] + whole[1:]), ("form-05", b"\5" + compressed[1:]),
                             ("form-01", b"\1" + compressed[1:])]:
            put(name, f"octets that are no point: {name}", octets, "point_encoding")
        encode = lambda x, y: b"\4" + x.to_bytes(curve.octets, "big") + y.to_bytes(curve.octets, "big")
        modulus = sum(1 << power for power in DEGREES[curve.m])
        for name, octets in [("x-not-reduced", encode(x ^ modulus, y)), ("y-not-reduced", encode(x, y ^ modulus)), ("y-changed", encode(x, y ^ 1)),
                             ("coordinates-swapped", encode(y, x)), ("zero-zero", encode(0, 0)), ("compressed-not-reduced", compressed[:1] + encode(x ^ modulus, 0)[1 : 1 + curve.octets])]:
            put(name, f"coordinates of no point: {name}", octets, "point_not_on_curve")
        small = 2
        while curve.trace(self.beta(small)) == 0:
            small += 1
        put("compressed-no-point", "no point of the curve has this x", b"\2" + small.to_bytes(curve.octets, "big"), "point_not_on_curve")
        # On the other curve of the same field: its equation differs in a or b.
        other = Curve({"k": f"sect{curve.m}r1", "r": f"sect{curve.m}k1"}[curve.name[7]])
        put("other-curve", f"the generator of {other.name}", curve.encode(other.g), "point_not_on_curve")

    def beta(self, x):
        curve = self.curve
        return x ^ curve.a ^ curve.mul(curve.b, curve.power(curve.inv(x), 1))

    def outside(self):
        """Keys outside the subgroup, each with a signature that holds for whoever does not look: u2 is a multiple of 4."""
        curve, n, z, code = self.curve, self.n, self.z(self.digest), "point_outside_subgroup"
        for name, t in curve.small_order().items():
            # Anybody can sign: u1 = a, R = a G, s = z / a, and u2 Q is infinity.
            a = 2
            while (r := curve.times(a, curve.g)[0] % n) * pow(z, -1, n) * a % n % 4:
                a += 1
            self.put(f"key-of-{name}", "the key is a point of small order, the signature is anybody's", t, self.digest, (r, z * pow(a, -1, n) % n), code)
            if t[0]:
                self.put(f"key-of-{name}-compressed", "the same in compressed form", curve.encode(t, 2), self.digest, (r, z * pow(a, -1, n) % n), code)
            else:
                for form in (2, 3):
                    self.put(f"key-of-{name}-form-{form:02x}", "the same in compressed form", bytes([form]) + bytes(curve.octets), self.digest,
                             (r, z * pow(a, -1, n) % n), code)
            for base, d in (("q", self.d), ("g", 1)):
                k = 2
                while True:
                    rs = self.sign(d, self.digest, k)
                    if rs[0] * pow(rs[1], -1, n) % n % 4 == 0:
                        break
                    k += 1
                point = curve.add(curve.times(d, curve.g), t)
                self.put(f"key-{base}-plus-{name}", "a good key plus a point of small order; the signature is by the good key", point, self.digest, rs, code)
                self.put(f"key-{base}-plus-{name}-compressed", "the same in compressed form", curve.encode(point, 2), self.digest, rs, code)
                self.put(f"key-{base}-without-{name}", "the good key itself", curve.times(d, curve.g), self.digest, rs)


def openssl(case):
    """(verdict on the signature, verdict on the key) of the command; None for a key that it does not read."""
    curve = CURVES[case["curve"]]
    with tempfile.TemporaryDirectory() as folder:
        files = {"key": curve.spki(bytes.fromhex(case["point"])), "sig": bytes.fromhex(case["signature"]), "dig": bytes.fromhex(case["digest"])}
        for name, content in files.items():
            pathlib.Path(folder, name).write_bytes(content)
        run = lambda *command: subprocess.run(["openssl", *command], cwd=folder, capture_output=True).returncode == 0
        if not run("pkey", "-pubin", "-inform", "DER", "-in", "key", "-noout"):
            return None, None
        verdict = run("pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key", "-sigfile", "sig", "-in", "dig")
        checked = run("pkey", "-pubin", "-inform", "DER", "-in", "key", "-noout", "-pubcheck")
        return "good" if verdict else "bad", "good" if checked else "bad"


def foreseen(case):
    """What openssl has to say. It reads infinity, and verifies with keys outside the subgroup unless it
    is asked to check them; all else is as it is here."""
    code, name = case.get("code"), case["id"].rpartition("/")[2]
    if name == "point-infinity":
        return "bad", "bad"
    if code == "point_outside_subgroup":
        return "good", "bad"
    if code in ("point_encoding", "point_not_on_curve"):
        return None, None
    return case["expect"], "good"


CURVES = {name: Curve(name) for name in OIDS}


def make(name):
    return Maker(name).make()


def main():
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        cases = [case for made in pool.map(make, OIDS) for case in made]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = list(pool.map(openssl, cases))
    failed = False
    for case, verdict in zip(cases, verdicts):
        case["openssl"], case["openssl_key"] = verdict
        if verdict != foreseen(case):
            print(f"{case['id']}: openssl says {verdict}, foreseen {foreseen(case)}", file=sys.stderr)
            failed = True
    text = "".join(json.dumps(case) + "\n" for case in cases)
    if "--check" in sys.argv:
        failed |= text != OUT.read_text()
    elif not failed:
        OUT.parent.mkdir(exist_ok=True)
        OUT.write_text(text)
    print(f"{len(cases)} cases, {sum(case['expect'] == 'good' for case in cases)} good", "FAILED" if failed else "")
    sys.exit(failed)


if __name__ == "__main__":
    main()
