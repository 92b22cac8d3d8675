//! Good cases of the vectors, spoilt: signature, image, public key, certificate.

use longhand::{Certificate, HashMethod, SignatureVerifier};
use longhand_peers::Good;
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::ec::{Asn1Flag, EcGroup, EcKey, PointConversionForm};
use openssl::pkey::{Id, PKey, Public};
use openssl::x509::X509;

use crate::case::Case;
use crate::der::{self, Length, Node};
use crate::random::Random;

/// A good case, taken apart.
pub struct Seed {
    pub case: Case,
    pub tree: Vec<Node>,
    pub key: PKey<Public>,
    /// The RSA modulus, DSA's q, or the order of the curve.
    pub order: BigNum,
}

impl Seed {
    /// `None` where this version of `longhand` has no arithmetic for the key.
    pub fn new(good: Good) -> Option<Self> {
        let certificate = Certificate::from_der(&good.certificate).unwrap();
        let mut verifier = SignatureVerifier::new(&good.properties, &certificate).ok()?;
        verifier.update(&good.image);
        let salt_length = verifier.verify().expect("the case is good").salt_length();
        let key = X509::from_der(&good.certificate).unwrap().public_key().unwrap();
        let order = match key.id() {
            Id::DSA => copy(key.dsa().unwrap().q()),
            Id::EC => order(key.ec_key().unwrap().group()),
            _ => copy(key.rsa().unwrap().n()),
        };
        let case = Case {
            origin: good.id,
            change: "none",
            key_type: good.properties.key_type().to_string(),
            hash_method: good.properties.hash_method(),
            signature: good.properties.signature().to_vec(),
            salt_length: salt_length.map(|length| length as i32),
            certificate: good.certificate,
            image: good.image,
        };
        Some(Self { tree: der::read(&case.certificate).unwrap(), case, key, order })
    }

    /// The case with something changed; `family` says what kind of thing.
    pub fn spoil(&self, random: &mut Random, family: Family) -> Case {
        let mut case = self.case.clone();
        match family {
            Family::Signature => case.change = signature(random, &mut case.signature, &self.order),
            Family::Image => case.change = image(random, &mut case),
            Family::Key if random.percent(20) => {
                let spki = der::spki(&mut self.tree.clone()).write();
                let place = case.certificate.windows(spki.len()).position(|window| window == spki).unwrap();
                random.flip_bit(&mut case.certificate[place..place + spki.len()]);
                case.change = "bit of the SubjectPublicKeyInfo";
            }
            Family::Key => {
                let mut tree = self.tree.clone();
                case.change = self.key(random, &mut tree);
                case.certificate = der::write(&tree);
            }
            Family::Certificate => {
                let mut tree = self.tree.clone();
                case.change = certificate(random, &mut tree, &mut case.certificate);
            }
        }
        case
    }

    fn key(&self, random: &mut Random, tree: &mut [Node]) -> &'static str {
        if random.percent(20) {
            let mut spki = vec![der::spki(tree).clone()];
            element(random, &mut spki);
            der::replace_spki(tree, spki);
            return "element of the SubjectPublicKeyInfo";
        }
        match self.key.id() {
            Id::DSA => self.dsa(random, tree),
            Id::EC => self.ec(random, tree),
            _ => rsa(random, tree),
        }
    }

    fn dsa(&self, random: &mut Random, tree: &mut [Node]) -> &'static str {
        let spki = der::spki(tree);
        let p = number_of(&spki.children[0].children[1].children[0]);
        if random.percent(5) {
            spki.children[0].children.truncate(1);
            return "DSA parameters left out";
        }
        let (place, bound) = (random.below(4), if random.percent(50) { &p } else { &self.order });
        let node = match place {
            3 => &mut spki.children[1].children[0],
            _ => &mut spki.children[0].children[1].children[place],
        };
        node.octets = number(random, &number_of(node), bound);
        ["DSA p", "DSA q", "DSA g", "DSA y"][place]
    }

    fn ec(&self, random: &mut Random, tree: &mut [Node]) -> &'static str {
        let key = self.key.ec_key().unwrap();
        let group = EcGroup::from_curve_name(key.group().curve_name().unwrap()).unwrap();
        let mut context = BigNumContext::new().unwrap();
        let mut written = |form| key.public_key().to_bytes(&group, form, &mut context).unwrap();
        let spki = der::spki(tree);
        let point = &mut spki.children[1];
        let (change, new) = match random.below(8) {
            0 => ("EC point compressed", written(PointConversionForm::COMPRESSED)),
            1 => ("EC point uncompressed", written(PointConversionForm::UNCOMPRESSED)),
            2 => ("EC point hybrid", written(PointConversionForm::HYBRID)),
            3 => {
                let mut octets = written(
                    *random.pick(&[PointConversionForm::COMPRESSED, PointConversionForm::UNCOMPRESSED]),
                );
                octets[0] = *random.pick(&[0, 1, 2, 3, 4, 5, 6, 7, 0x84]);
                ("EC point's first octet", octets)
            }
            4 => {
                let mut octets = point.octets[1..].to_vec();
                match random.below(3) {
                    0 => drop(octets.pop()),
                    1 => octets.push(0),
                    _ => octets.truncate(random.below(3)),
                }
                ("EC point's length", octets)
            }
            5 => {
                let mut octets = point.octets[1..].to_vec();
                random.flip_bit(&mut octets);
                ("EC point's bit", octets)
            }
            6 => {
                let mut explicit = group;
                explicit.set_asn1_flag(Asn1Flag::EXPLICIT_CURVE);
                let explicit = EcKey::from_public_key(&explicit, key.public_key()).unwrap();
                let spki = PKey::from_ec_key(explicit).unwrap().public_key_to_der().unwrap();
                der::replace_spki(tree, der::read(&spki).unwrap());
                return "EC parameters explicit";
            }
            _ => {
                // secp256r1, secp384r1, secp521r1, sect409k1, sect571r1, brainpoolP384r1
                let curves: [&[u8]; 6] = [
                    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
                    &[0x2b, 0x81, 4, 0, 34],
                    &[0x2b, 0x81, 4, 0, 35],
                    &[0x2b, 0x81, 4, 0, 36],
                    &[0x2b, 0x81, 4, 0, 39],
                    &[0x2b, 0x24, 3, 3, 2, 8, 1, 1, 11],
                ];
                let parameters = &mut spki.children[0].children[1];
                *parameters = if random.percent(15) {
                    Node::new(5, &[])
                } else {
                    Node::new(6, random.pick::<&[u8]>(&curves))
                };
                return "EC parameters";
            }
        };
        point.octets = [&[0], new.as_slice()].concat();
        point.children.clear();
        change
    }
}

/// What of a case is spoilt.
#[derive(Clone, Copy, Debug)]
pub enum Family {
    Signature,
    Image,
    Key,
    Certificate,
}

/// RSAPublicKey in a certificate.
fn rsa_key(tree: &mut [Node]) -> &mut Node {
    &mut der::spki(tree).children[1].children[0]
}

fn rsa(random: &mut Random, tree: &mut [Node]) -> &'static str {
    /// The object identifiers of SHA-1 and, from 2.16.840.1.101.3.4.2 on, of SHA-256, 384, 512, 224.
    fn hash(random: &mut Random) -> Node {
        let hash = match random.below(6) {
            0 => Node::new(6, &[0x2b, 0x0e, 3, 2, 26]),
            place => Node::new(6, &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, [1, 1, 2, 3, 4][place - 1]]),
        };
        Node::sequence(if random.percent(50) { vec![hash] } else { vec![hash, Node::new(5, &[])] })
    }
    let key = rsa_key(tree);
    let (modulus, exponent) = (number_of(&key.children[0]), number_of(&key.children[1]));
    match random.below(10) {
        0..3 => {
            key.children[0].octets = number(random, &modulus, &exponent);
            "RSA modulus"
        }
        3..5 => {
            let powers = [1, 3, 5, 16, 17, 31, 32, 33, 63, 64, 65, 128].map(|bits: usize| {
                let mut power = BigNum::new().unwrap();
                power.set_bit(bits as i32).unwrap();
                power
            });
            let near = &(random.pick(&powers) + &small(random.below(4) as u32)) - &small(2);
            key.children[1].octets = integer(&near);
            "RSA exponent"
        }
        5 => {
            key.children[1].octets = number(random, &exponent, &modulus);
            "RSA exponent"
        }
        6 => {
            key.children.swap(0, 1);
            "RSA modulus and exponent swapped"
        }
        7 => {
            let algorithm = &mut der::spki(tree).children[0].children;
            algorithm.truncate(1);
            let parameters =
                [Node::new(5, &[]), Node::sequence(vec![]), Node::new(5, &[0]), Node::new(2, &[1])];
            if random.percent(80) {
                algorithm.push(random.pick(&parameters).clone());
            }
            "RSA parameters"
        }
        _ => {
            let mgf1 = Node::new(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8]);
            let mut parameters = vec![
                Node::of(0xa0, vec![hash(random)]),
                Node::of(0xa1, vec![Node::sequence(vec![mgf1, hash(random)])]),
                Node::of(
                    0xa2,
                    vec![Node::new(
                        2,
                        &integer(&small(*random.pick(&[0, 1, 17, 20, 28, 32, 33, 48, 94, 200, 500]))),
                    )],
                ),
                Node::of(0xa3, vec![Node::new(2, &[*random.pick(&[1, 1, 1, 2])])]),
            ];
            if random.percent(60) {
                // The hashes agree, as a key's maker means them to.
                let agreed = parameters[0].children[0].clone();
                parameters[1].children[0].children[1] = agreed;
            }
            parameters.retain(|_| !random.percent(10));
            let mut algorithm = vec![Node::new(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10])];
            if random.percent(90) {
                algorithm.push(Node::sequence(parameters));
            }
            der::spki(tree).children[0].children = algorithm;
            "RSASSA-PSS parameters"
        }
    }
}

/// Spoils a signature; `order` is the number that its numbers stay below.
pub fn signature(random: &mut Random, signature: &mut Vec<u8>, order: &BigNum) -> &'static str {
    match random.below(14) {
        0 => random.flip_bit(signature),
        1 => (0..2 + random.below(8)).for_each(|_| random.flip_bit(signature)),
        2 => signature.truncate(random.below(signature.len())),
        3 => signature.extend({
            let length = 1 + random.below(3);
            random.octets(length)
        }),
        4 => drop(signature.remove(0)),
        5 => signature.insert(0, 0),
        6 => *signature = random.octets(signature.len()),
        choice => match der::read(signature) {
            Some(tree) if tree.len() == 1 && tree[0].children.len() == 2 => {
                return two_integers(random, choice, tree, signature, order);
            }
            _ => {
                let number = number(random, &BigNum::from_slice(signature).unwrap(), order);
                let magnitude: Vec<u8> = number.iter().copied().skip_while(|&octet| octet == 0).collect();
                // As long as the modulus if it can be, sometimes without its leading zeros.
                let zeros = (order.num_bytes() as usize).saturating_sub(magnitude.len());
                let zeros = if random.percent(90) { zeros } else { 0 };
                *signature = [vec![0; zeros], magnitude].concat();
                return "RSA signature's number";
            }
        },
    }
    "signature's octets"
}

fn two_integers(
    random: &mut Random,
    choice: usize,
    mut tree: Vec<Node>,
    signature: &mut Vec<u8>,
    order: &BigNum,
) -> &'static str {
    let change = match choice {
        7..11 => {
            let place = random.below(2);
            let node = &mut tree[0].children[place];
            node.octets = number(random, &number_of(node), order);
            ["r", "s"][place]
        }
        11 => {
            // A second signature over the same image, on a curve.
            let s = &mut tree[0].children[1];
            s.octets = integer(&(order - &number_of(s)));
            "order less s"
        }
        12 => {
            tree[0].children.swap(0, 1);
            "r and s swapped"
        }
        _ => {
            element(random, &mut tree);
            "element of the signature"
        }
    };
    *signature = der::write(&tree);
    change
}

fn image(random: &mut Random, case: &mut Case) -> &'static str {
    match random.below(5) {
        0 | 1 => random.flip_bit(&mut case.image),
        2 => case.image.truncate(random.below(case.image.len())),
        3 => case.image.push(random.next() as u8),
        _ => {
            case.hash_method = *random.pick(&HashMethod::ALL);
            return "hash method";
        }
    }
    "image's octets"
}

fn certificate(random: &mut Random, tree: &mut Vec<Node>, octets: &mut Vec<u8>) -> &'static str {
    match random.below(10) {
        0..3 => {
            random.flip_bit(octets);
            return "bit of the certificate";
        }
        3 => {
            octets.truncate(random.below(octets.len()));
            return "certificate cut";
        }
        4 => {
            octets.extend(random.octets(1));
            return "octet behind the certificate";
        }
        _ => element(random, tree),
    }
    *octets = der::write(tree);
    "element of the certificate"
}

/// Changes one element, anywhere in the tree.
fn element(random: &mut Random, tree: &mut Vec<Node>) {
    let index = random.below(der::count(tree));
    der::change(tree, index, &mut |nodes, place| {
        let node = &mut nodes[place];
        match random.below(13) {
            0 => node.tag ^= 1 << random.below(8),
            1 => {
                node.tag = *random
                    .pick(&[1, 2, 3, 4, 5, 6, 0x0c, 0x13, 0x17, 0x18, 0x1e, 0x30, 0x31, 0x80, 0xa0, 0xa3])
            }
            2 => node.length = Length::Padded(random.below(3)),
            3 => node.length = Length::Indefinite,
            4 => drop(nodes.remove(place)),
            5 => {
                let twin = node.clone();
                nodes.insert(place, twin);
            }
            6 => nodes.insert(
                place + random.below(2),
                random.pick(&[Node::new(5, &[]), Node::new(2, &[0])]).clone(),
            ),
            7 => node.children.push(Node::new(5, &[])),
            8 => node.children.clear(),
            9 => node.octets.insert(0, *random.pick(&[0, 1, 0x80, 0xff])),
            10 => drop(node.octets.pop()),
            11 if node.tag == 2 => node.octets = number(random, &number_of(node), &small(256)),
            11 => node.octets = random.octets(node.octets.len()),
            _ => random.flip_bit(&mut node.octets),
        }
    });
}

/// The contents of an INTEGER that has something to do with `number`: near it, around a bound, or not well written.
fn number(random: &mut Random, number: &BigNum, bound: &BigNum) -> Vec<u8> {
    let one = small(1);
    let new = match random.below(20) {
        0 => number + &one,
        1 => number - &one,
        2 => number + &small(2),
        3 => number + bound,
        4 => number - bound,
        5 => bound - number,
        6 => number + number,
        7 => small(0),
        8 => small(1),
        9 => small(2),
        10 => copy(bound),
        11 => bound - &one,
        12 => bound + &one,
        13 => &small(0) - number,
        14 => random.number(number.num_bits().max(1)),
        15 => random.number(1 + number.num_bits() / 2),
        16 => {
            let mut octets = number.to_vec();
            random.flip_bit(&mut octets);
            BigNum::from_slice(&octets).unwrap()
        }
        17 => return [&[0], integer(number).as_slice()].concat(),
        // A leading zero octet left out may make it negative.
        18 => return number.to_vec(),
        _ => return Vec::new(),
    };
    integer(&new)
}

pub fn copy(number: &BigNumRef) -> BigNum {
    number.to_owned().unwrap()
}

pub fn small(number: u32) -> BigNum {
    BigNum::from_u32(number).unwrap()
}

/// The contents of an INTEGER: two's complement in the fewest octets.
pub fn integer(number: &BigNum) -> Vec<u8> {
    let mut octets = if number.is_negative() {
        let mut power = BigNum::new().unwrap();
        power.set_bit(number.num_bytes() * 8 + 8).unwrap();
        (&power + number).to_vec()
    } else {
        [&[0], number.to_vec().as_slice()].concat()
    };
    while let [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] = *octets {
        octets.remove(0);
    }
    octets
}

/// The magnitude of an INTEGER.
pub fn number_of(node: &Node) -> BigNum {
    BigNum::from_slice(&node.octets).unwrap()
}

pub fn order(group: &openssl::ec::EcGroupRef) -> BigNum {
    let (mut order, mut context) = (BigNum::new().unwrap(), BigNumContext::new().unwrap());
    group.order(&mut order, &mut context).unwrap();
    order
}
