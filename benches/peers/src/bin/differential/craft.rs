//! Keys and signatures made to be strange: no private key is needed where the key may be chosen after the signature.

use longhand::HashMethod;
use longhand_peers::message_digest;
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::ec::{EcGroup, EcPoint};
use openssl::hash::hash;
use openssl::nid::Nid;
use openssl::pkey::Id;

use crate::case::Case;
use crate::der::{self, Node};
use crate::mutate::{Seed, copy, integer, order, signature, small};
use crate::random::Random;

/// What is made once: primes to serve as RSA moduli, curves, the groups of the DSA seeds.
pub struct Workshop {
    primes: Vec<BigNum>,
    curves: Vec<(Curve, EcGroup)>,
    groups: Vec<[BigNum; 3]>,
    /// p, q and g of a group whose q is 3 times something, and whose g has order 3.
    weak_group: [BigNum; 3],
    template: Vec<Node>,
}

struct Curve {
    key_type: &'static str,
    oid: [u8; 5],
    octets: usize,
}

impl Workshop {
    pub fn new(seed: u64, seeds: &[Seed]) -> Self {
        let mut random = Random::new(seed, u64::MAX);
        let mut context = BigNumContext::new().unwrap();
        let mut prime = |bits| {
            let mut number = random.number(bits);
            number.set_bit(0).unwrap();
            while !number.is_prime_fasttest(20, &mut context, true).unwrap() {
                number.add_word(2).unwrap();
            }
            number
        };
        let curve = |key_type, last, octets| Curve { key_type, oid: [0x2b, 0x81, 4, 0, last], octets };
        let mut groups: Vec<[BigNum; 3]> = Vec::new();
        for seed in seeds.iter().filter(|seed| seed.key.id() == Id::DSA) {
            let key = seed.key.dsa().unwrap();
            if groups.iter().all(|[p, ..]| p != key.p()) {
                groups.push([key.p(), key.q(), key.g()].map(copy));
            }
        }
        let weak_group = weak_group(&mut Random::new(seed, u64::MAX - 1));
        Self {
            weak_group,
            primes: [1016, 1023, 1024, 1025, 1026, 1032, 1033, 1536, 2048, 3080].map(&mut prime).into(),
            curves: vec![
                (curve("ECC_SECP384R1", 34, 48), EcGroup::from_curve_name(Nid::SECP384R1).unwrap()),
                (curve("ECC_SECP521R1", 35, 66), EcGroup::from_curve_name(Nid::SECP521R1).unwrap()),
            ],
            groups,
            template: seeds[0].tree.clone(),
        }
    }

    pub fn make(&self, random: &mut Random) -> Case {
        let hash_method = *random.pick(&HashMethod::ALL);
        let image = {
            let length = random.below(200);
            random.octets(length)
        };
        let digest = hash(message_digest(hash_method), &image).unwrap().to_vec();
        let (change, key_type, spki, mut octets, below, salt_length) = match random.below(10) {
            0..5 => self.rsa(random, hash_method, &digest),
            5..7 => self.dsa(random, &digest),
            _ => self.ec(random, &digest),
        };
        let mut tree = self.template.clone();
        der::replace_spki(&mut tree, vec![spki]);
        if random.percent(15) {
            signature(random, &mut octets, &below);
        }
        Case {
            origin: "made".into(),
            change,
            certificate: der::write(&tree),
            key_type: key_type.into(),
            hash_method,
            signature: octets,
            image,
            salt_length,
        }
    }

    /// An RSA key for an encoding: `n = s^e - m` has `m` as the e-th power of `s`; and where `n` is prime, every `m` has
    /// a root for almost every odd `e`. So the encoding can be right, or wrong in one place alone.
    fn rsa(&self, random: &mut Random, hash_method: HashMethod, digest: &[u8]) -> Made {
        let prime = random.pick(&self.primes);
        let bits = if random.percent(50) {
            prime.num_bits()
        } else {
            *random.pick(&[1000, 1023, 1024, 1025, 1026, 1027, 1031, 1032, 1033, 1040, 2048, 2049, 4096])
        };
        let use_prime = bits == prime.num_bits();
        let (change, encoded, salt_length) = pss(random, hash_method, digest, bits - 1);
        let m = BigNum::from_slice(&encoded).unwrap();
        let mut context = BigNumContext::new().unwrap();
        let (n, e, s) = loop {
            if use_prime {
                let exponent_bits = *random.pick(&[2, 3, 5, 17, 24, 32, 33, 34, 40, 63, 64, 65]);
                let mut e = random.number(exponent_bits);
                e.set_bit(0).unwrap();
                let (mut d, mut s, less) =
                    (BigNum::new().unwrap(), BigNum::new().unwrap(), &**prime - &*small(1));
                if d.mod_inverse(&e, &less, &mut context).is_err() {
                    continue;
                }
                s.mod_exp(&m, &d, prime, &mut context).unwrap();
                break (copy(prime), e, s);
            }
            let e = *random.pick(&[1, 2, 3, 3, 3, 4, 5, 5, 7, 9, 15, 17, 33]);
            if e == 1 {
                let mut n = random.number(bits);
                n.set_bit(0).unwrap();
                break (n, small(1), m);
            }
            let target = &random.number(bits) + &m;
            let s = root(&target, e);
            let s = [0, 1].map(|more| &s + &small(more)).into_iter().find_map(|s| {
                let n = &power(&s, e) - &m;
                // OpenSSL computes with odd moduli alone; a few even ones must be refused too.
                (n.num_bits() == bits && (n.is_bit_set(0) || random.percent(5))).then_some((n, s))
            });
            if let Some((n, s)) = s {
                break (n, small(e), s);
            }
        };
        let key = Node::sequence(vec![Node::new(2, &integer(&n)), Node::new(2, &integer(&e))]);
        let oid = Node::new(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]);
        let algorithm = Node::sequence(vec![oid, Node::new(5, &[])]);
        let signature = s.to_vec_padded(n.num_bytes()).unwrap_or_default();
        (
            change,
            "RSA-PSS",
            Node::sequence(vec![algorithm, Node::bits(vec![key])]),
            signature,
            n,
            Some(salt_length),
        )
    }

    /// DSA with a private key of our own, and with g and y outside the subgroup where a signature then still holds.
    fn dsa(&self, random: &mut Random, digest: &[u8]) -> Made {
        let strange = random.below(12);
        let [p, q, g] = if strange == 6 { &self.weak_group } else { random.pick(&self.groups) };
        let one = small(1);
        let z = truncated(digest, q);
        let x = match random.below(8) {
            0 => small(0),
            1 => small(1),
            2 => &**q - &*one,
            _ => random.residue(q),
        };
        let y = modular_power(g, &x, p);
        let (mut r, mut s);
        if strange == 6 {
            // With g and y of order 3 nobody needs x: one in a few signatures is right.
            let tries = (0..50).map(|_| {
                let r = &modular_power(g, &small(random.below(3) as u32), p) % &**q;
                (r, random.residue(q))
            });
            let holds = |r: &BigNum, s: &BigNum| {
                let w = invertible(s, q)?;
                let v = modular_power(g, &(&(&z * &w) + &(r * &w)), p);
                (&(&v % &**q) == r).then_some(())
            };
            let found = tries.into_iter().find(|(r, s)| holds(r, s).is_some());
            let (r, s) = found.unwrap_or((small(1), small(1)));
            return dsa_made("DSA q not prime", [p, q, g, g], &r, &s);
        }
        loop {
            let k = if random.percent(5) { small(1 + random.below(3) as u32) } else { random.residue(q) };
            r = &modular_power(g, &k, p) % q;
            s = &(&inverse(&k, q) * &(&z + &(&x * &r))) % q;
            if s.num_bits() == 0 {
                continue;
            }
            let w = inverse(&s, q);
            let (u1, u2) = (&(&z * &w) % q, &(&r * &w) % q);
            // p - g and p - y are g and y times an element of order 2, which an even power takes away.
            if (strange != 0 || !u1.is_bit_set(0)) && (strange != 1 || !u2.is_bit_set(0)) {
                break;
            }
        }
        let (change, g, y) = match strange {
            0 => ("DSA g times -1", &**p - &**g, y),
            1 => ("DSA y times -1", copy(g), &**p - &*y),
            2 => ("DSA g past p", &**g + &**p, y),
            3 => ("DSA y past p", copy(g), &*y + &**p),
            4 => {
                (r, s) = (small(1), random.residue(q));
                ("DSA g and y 1", small(1), small(1))
            }
            5 => {
                (r, s) = (small(1), random.residue(q));
                ("DSA g and y p + 1", &**p + &*one, &**p + &*one)
            }
            _ => ("DSA key of our own", copy(g), y),
        };
        dsa_made(change, [p, q, &g, &y], &r, &s)
    }

    /// ECDSA with a private key of our own: the places where point addition needs its special cases, and the forms of a point.
    fn ec(&self, random: &mut Random, digest: &[u8]) -> Made {
        let (curve, group) = random.pick(&self.curves);
        let n = order(group);
        let times = |scalar: &BigNumRef| {
            let mut point = EcPoint::new(group).unwrap();
            point.mul_generator2(group, scalar, &mut BigNumContext::new().unwrap()).unwrap();
            point
        };
        let coordinates = |point: &EcPoint| {
            let (mut x, mut y) = (BigNum::new().unwrap(), BigNum::new().unwrap());
            point.affine_coordinates(group, &mut x, &mut y, &mut BigNumContext::new().unwrap()).unwrap();
            (x, y)
        };
        let z = &truncated(digest, &n) % &n;
        let k = if random.percent(20) { small(1 + random.below(3) as u32) } else { random.residue(&n) };
        let r = &coordinates(&times(&k)).0 % &n;
        let z_over_r = &(&z * &inverse(&r, &n)) % &n;
        let (change, d) = match random.below(8) {
            0 => ("EC Q = G", small(1)),
            1 => ("EC Q = -G", &n - &small(1)),
            2 => ("EC Q = 2G", small(2)),
            3 => ("EC u1 G = u2 Q", z_over_r),
            4 => ("EC u1 G = -u2 Q", &n - &z_over_r),
            _ => ("EC key of our own", random.residue(&n)),
        };
        let s = match &(&inverse(&k, &n) * &(&z + &(&r * &d))) % &n {
            // u1 G + u2 Q is the point at infinity, whatever s: never a yes.
            s if s.num_bits() == 0 => random.residue(&n),
            s if random.percent(20) => &n - &s,
            s => s,
        };
        let (x, y) = coordinates(&times(&d));
        let odd = u8::from(y.is_bit_set(0));
        let (mut x, y) =
            (x.to_vec_padded(curve.octets as i32).unwrap(), y.to_vec_padded(curve.octets as i32).unwrap());
        let (form, point) = match random.below(20) {
            0..6 => (change, [&[4], x.as_slice(), &y].concat()),
            6..12 => (change, [&[2 + odd], x.as_slice()].concat()),
            12..14 => ("EC hybrid", [&[6 + odd], x.as_slice(), &y].concat()),
            14 => ("EC hybrid with the wrong bit", [&[7 - odd], x.as_slice(), &y].concat()),
            15 => ("EC point at infinity", vec![0]),
            16 => ("EC x alone", x),
            17 => ("EC coordinates swapped", [&[4], y.as_slice(), &x].concat()),
            _ => {
                // The same point, its x written as x + p: for P-521 there is room.
                let (mut p, mut a, mut b) =
                    (BigNum::new().unwrap(), BigNum::new().unwrap(), BigNum::new().unwrap());
                group.components_gfp(&mut p, &mut a, &mut b, &mut BigNumContext::new().unwrap()).unwrap();
                let past = &BigNum::from_slice(&x).unwrap() + &p;
                x = past.to_vec_padded(curve.octets as i32).unwrap_or(x);
                ("EC x past the field", [&[4], x.as_slice(), &y].concat())
            }
        };
        let oids = [Node::new(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), Node::new(6, &curve.oid)];
        let key = Node::new(3, &[&[0], point.as_slice()].concat());
        let signature = Node::sequence(vec![Node::new(2, &integer(&r)), Node::new(2, &integer(&s))]).write();
        (form, curve.key_type, Node::sequence(vec![Node::sequence(oids.into()), key]), signature, n, None)
    }
}

/// What was made, the key type, the key, the signature, the number that its numbers stay below, the salt's length.
type Made = (&'static str, &'static str, Node, Vec<u8>, BigNum, Option<i32>);

fn dsa_made(change: &'static str, [p, q, g, y]: [&BigNum; 4], r: &BigNum, s: &BigNum) -> Made {
    let number = |number: &BigNum| Node::new(2, &integer(number));
    let oid = Node::new(6, &[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1]);
    let algorithm = Node::sequence(vec![oid, Node::sequence(vec![number(p), number(q), number(g)])]);
    let spki = Node::sequence(vec![algorithm, Node::bits(vec![number(y)])]);
    let signature = Node::sequence(vec![number(r), number(s)]).write();
    (change, "DSA", spki, signature, copy(q), None)
}

fn weak_group(random: &mut Random) -> [BigNum; 3] {
    let mut context = BigNumContext::new().unwrap();
    let q = loop {
        let q = &random.number(254) * &small(3);
        if q.num_bits() == 256 && q.is_bit_set(0) {
            break q;
        }
    };
    let p = loop {
        let p = &(&(&random.number(767) * &q) + &(&random.number(767) * &q)) + &small(1);
        if p.num_bits() == 1024 && p.is_prime_fasttest(20, &mut context, true).unwrap() {
            break p;
        }
    };
    let third = &(&p - &small(1)) / &small(3);
    let g = (2..).map(|base| modular_power(&small(base), &third, &p)).find(|g| *g != small(1)).unwrap();
    [p, q, g]
}

/// EMSA-PSS (RFC 8017 section 9.1.1) of `bits` bits, with any salt length; or with one thing wrong.
fn pss(
    random: &mut Random,
    hash_method: HashMethod,
    digest: &[u8],
    bits: i32,
) -> (&'static str, Vec<u8>, i32) {
    let sha = |parts: &[&[u8]]| hash(message_digest(hash_method), &parts.concat()).unwrap().to_vec();
    let octets = (bits as usize).div_ceil(8);
    let block = octets - digest.len() - 1;
    let salt_length = match random.below(4) {
        0 => block - 1,
        1 => 0,
        2 => digest.len().min(block - 1),
        _ => random.below(block),
    };
    let salt = random.octets(salt_length);
    let wrong = random.below(16);
    let mut h = sha(&[&[0; 8], digest, &salt]);
    let mut data = [vec![0; block - salt_length - 1], vec![1], salt].concat();
    let zeros = block - salt_length - 1;
    let change = match wrong {
        0 => {
            data[zeros] = *random.pick(&[0, 2, 0x80, 0x81, 3]);
            "PSS padding's one"
        }
        1 if zeros > 0 => {
            let place = random.below(zeros);
            data[place] = *random.pick(&[1, 2, 0x80]);
            "PSS padding's zeros"
        }
        2 if salt_length > 0 => {
            random.flip_bit(&mut data[zeros + 1..]);
            "PSS salt"
        }
        3 => {
            random.flip_bit(&mut h);
            "PSS hash"
        }
        4 => {
            // No one at all, and so no salt.
            data.fill(0);
            "PSS padding of zeros alone"
        }
        _ => "PSS key of our own",
    };
    let mask: Vec<u8> =
        (0..=block as u32 / h.len() as u32).flat_map(|counter| sha(&[&h, &counter.to_be_bytes()])).collect();
    data.iter_mut().zip(mask).for_each(|(octet, mask)| *octet ^= mask);
    let unused = octets * 8 - bits as usize;
    data[0] &= 0xff >> unused;
    let change = match wrong {
        5 if unused > 0 => {
            data[0] |= 0x80 >> random.below(unused);
            "PSS bits above the encoding"
        }
        _ => change,
    };
    let trailer = if wrong == 6 { *random.pick(&[0xcc, 0xbd, 0x00]) } else { 0xbc };
    let change = if wrong == 6 { "PSS trailer" } else { change };
    (change, [data, h, vec![trailer]].concat(), salt_length as i32)
}

/// The leftmost bits of a digest, as many as `order` has.
fn truncated(digest: &[u8], order: &BigNum) -> BigNum {
    let length = digest.len().min((order.num_bits() as usize).div_ceil(8));
    BigNum::from_slice(&digest[..length]).unwrap()
}

fn inverse(number: &BigNumRef, modulus: &BigNumRef) -> BigNum {
    invertible(number, modulus).unwrap()
}

fn invertible(number: &BigNumRef, modulus: &BigNumRef) -> Option<BigNum> {
    let mut inverse = BigNum::new().unwrap();
    inverse.mod_inverse(number, modulus, &mut BigNumContext::new().unwrap()).is_ok().then_some(inverse)
}

fn modular_power(base: &BigNumRef, exponent: &BigNumRef, modulus: &BigNumRef) -> BigNum {
    let mut power = BigNum::new().unwrap();
    power.mod_exp(base, exponent, modulus, &mut BigNumContext::new().unwrap()).unwrap();
    power
}

fn power(base: &BigNum, exponent: u32) -> BigNum {
    let mut power = BigNum::new().unwrap();
    power.exp(base, &small(exponent), &mut BigNumContext::new().unwrap()).unwrap();
    power
}

/// The largest number whose power is not past `target`.
fn root(target: &BigNum, exponent: u32) -> BigNum {
    let mut root = small(0);
    for bit in (0..=target.num_bits() / exponent as i32).rev() {
        root.set_bit(bit).unwrap();
        if power(&root, exponent) > *target {
            root.clear_bit(bit).unwrap();
        }
    }
    root
}
