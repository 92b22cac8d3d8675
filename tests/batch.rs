//! Many images at once: every verdict is the one that the image gets alone, whatever becomes of the others.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use base64::Engine as _;
use common::{CaseFile, Walkthrough};
use longhand::{
    BatchVerifier, Decision, DirectoryKeyManager, ErrorCode, HashMethod, ImageRecord, ImageRequest,
    ImageVerification, ImageVerifier, KeyManager as _, KeyTypes, PssSaltLength, RegisteredKey, SchemeError,
    SignatureProperties, SignatureScheme, SignatureVerifier, StreamError, StreamingDigest,
    VerificationPolicy, VerifierOptions, limits,
};
use proptest::prelude::*;

/// As much as is read at once.
const BLOCK: usize = 1024 * 1024;

type Image = (SignatureVerifier, Box<dyn Read + Send>);

/// Says yes to images whose digest begins with the one octet of the signature, so that any image can be signed here, and
/// keeps what each answer was given on. An octet and one more behind it make it panic.
#[derive(Clone, Debug, Default)]
struct FirstOctet(Arc<Mutex<Vec<ThreadId>>>);

impl SignatureScheme for FirstOctet {
    fn prepare(&self, _: &[u8]) -> Result<Box<dyn RegisteredKey>, SchemeError> {
        Ok(Box::new(self.clone()))
    }
}

impl RegisteredKey for FirstOctet {
    fn verify_digest(&self, _: HashMethod, digest: &[u8], signature: &[u8]) -> Result<(), SchemeError> {
        self.0.lock().unwrap().push(thread::current().id());
        assert_eq!(signature.len(), 1, "as the test wants it");
        if digest[0] == signature[0] { Ok(()) } else { Err("no".into()) }
    }
}

impl FirstOctet {
    fn verifier(&self, hash_method: HashMethod, signature: &[u8]) -> SignatureVerifier {
        let mut key_types = KeyTypes::new();
        key_types.register("FIRST-OCTET", self.clone()).unwrap();
        let properties = [
            ("img_signature", base64::engine::general_purpose::STANDARD.encode(signature)),
            ("img_signature_hash_method", hash_method.to_string()),
            ("img_signature_key_type", "FIRST-OCTET".to_owned()),
            ("img_signature_certificate_uuid", "x".to_owned()),
        ];
        let properties = SignatureProperties::from_properties_with(properties, &key_types).unwrap().unwrap();
        SignatureVerifier::new(&properties, &Walkthrough::glance().certificate()).unwrap()
    }

    /// A verifier that says yes to this image, or no to every one.
    fn of(&self, hash_method: HashMethod, image: &[u8], good: bool) -> SignatureVerifier {
        let mut digest = StreamingDigest::new(hash_method);
        digest.update(image);
        self.verifier(hash_method, &[digest.finish().as_bytes()[0] ^ u8::from(!good)])
    }
}

fn good(image: &[u8]) -> SignatureVerifier {
    FirstOctet::default().of(HashMethod::Sha256, image, true)
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

/// Gives its bytes in pieces of these lengths, over and over; 0 stands for an interruption.
struct Pieces {
    bytes: io::Cursor<Vec<u8>>,
    lengths: Vec<usize>,
    next: usize,
}

fn pieces(bytes: Vec<u8>, lengths: Vec<usize>) -> Pieces {
    Pieces { bytes: io::Cursor::new(bytes), lengths, next: 0 }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.lengths[self.next % self.lengths.len()].min(buffer.len());
        self.next += 1;
        if length == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.bytes.read(&mut buffer[..length])
    }
}

/// Gives nothing until it is let go, then ends.
struct Stuck(Receiver<()>);

impl Read for Stuck {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Ok(0)
    }
}

fn codes<T>(verdicts: impl IntoIterator<Item = Result<T, StreamError>>) -> Vec<Result<(), ErrorCode>> {
    verdicts.into_iter().map(|verdict| verdict.map(|_| ()).map_err(|error| error.code())).collect()
}

#[test]
fn every_vector_has_the_verdict_in_a_batch_that_it_has_alone() {
    let (mut images, mut alone): (Vec<Image>, Vec<_>) = Default::default();
    for folder in ["openssl", "cursive"] {
        let file = CaseFile::read(folder);
        for (number, case) in file.cases.iter().enumerate() {
            let verifier = || {
                let properties = SignatureProperties::from_properties(&case.properties).ok()??;
                let key_manager = file.key_manager(case).ok()?;
                let stored = key_manager.certificate(properties.certificate_id()).ok()?;
                let salt_length = match case.options.get("pss_salt").map(String::as_str) {
                    Some("max") => PssSaltLength::Max,
                    _ => PssSaltLength::Auto,
                };
                let options = VerifierOptions::new().pss_salt_length(salt_length);
                SignatureVerifier::with_options(&properties, &stored.certificate, options).ok()
            };
            let (Some(mut verifier), Some(batched)) = (verifier(), verifier()) else { continue };
            let image = file.image(case);
            verifier.update(&image);
            alone.push(verifier.verify().map(|_| ()).map_err(|error| error.code()));
            images.push((batched, Box::new(pieces(image, vec![1 + number % 90, 0, 7]))));
        }
    }
    let yes = alone.iter().filter(|verdict| verdict.is_ok()).count();
    assert!(yes > 200 && alone.len() - yes > 80, "{yes} of {}", alone.len());
    let verdicts = codes(BatchVerifier::new(2).streams_per_thread(7).verify(images));
    assert_eq!(verdicts, alone);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn length_hash_method_and_pieces_do_not_matter(
        images in proptest::collection::vec(
            (
                0..4_usize,
                prop_oneof![0..300_usize, BLOCK - 2..BLOCK + 3, 0..3 * BLOCK],
                proptest::collection::vec(0..2 * BLOCK, 0..4),
                any::<bool>(),
            ),
            0..14,
        ),
        threads in 0..4_usize,
        streams in 0..6_usize,
    ) {
        let scheme = FirstOctet::default();
        let expected = images.iter().map(|(_, length, _, good)| (*length, *good)).collect::<Vec<_>>();
        let images = images.into_iter().map(|(method, length, mut lengths, good)| {
            lengths.push(100_000);
            let image = bytes(length);
            (scheme.of(HashMethod::ALL[method], &image, good), pieces(image, lengths))
        });
        let verdicts = BatchVerifier::new(threads).streams_per_thread(streams).verify(images);
        prop_assert_eq!(verdicts.len(), expected.len());
        for (verdict, (length, good)) in verdicts.into_iter().zip(expected) {
            match verdict {
                Ok(verified) => prop_assert_eq!((verified.bytes_read(), true), (length as u64, good)),
                Err(error) => prop_assert_eq!((error.code(), false), (ErrorCode::RegisteredSignatureRefused, good)),
            }
        }
    }
}

/// Gives so many bytes, then does this.
struct Then<F>(usize, F);

impl<F: FnMut(usize) -> io::Result<usize>> Read for Then<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.0.min(buffer.len());
        if length == 0 {
            return (self.1)(buffer.len());
        }
        self.0 -= length;
        buffer[..length].fill(7);
        Ok(length)
    }
}

#[test]
fn so_much_is_read_at_once() {
    let (tell, told) = channel();
    let source = Then(0, move |room| {
        tell.send(room).map_err(io::Error::other)?;
        Ok(0)
    });
    assert!(BatchVerifier::new(1).verify([(good(&[]), source)])[0].is_ok());
    assert_eq!(told.recv(), Ok(BLOCK), "the lengths and places of these tests stand around its edges");
}

#[test]
fn a_source_that_fails_wherever_it_does_spoils_its_own_verdict_alone() {
    let places = [0, 1, 64, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 5 * BLOCK + 9];
    let (mut images, mut expected): (Vec<Image>, Vec<_>) = Default::default();
    for (number, place) in places.into_iter().enumerate() {
        // Each is signed as far as it comes: were the failure taken for an end, the verdict would be yes.
        let cut = vec![7; place];
        let fail = |kind: io::ErrorKind| Then(place, move |_| Err(kind.into()));
        let ways: [(Box<dyn Read + Send>, io::ErrorKind); 5] = [
            (Box::new(fail(io::ErrorKind::TimedOut)), io::ErrorKind::TimedOut),
            (Box::new(fail(io::ErrorKind::WouldBlock)), io::ErrorKind::WouldBlock),
            (Box::new(fail(io::ErrorKind::UnexpectedEof)), io::ErrorKind::UnexpectedEof),
            (Box::new(Then(place, |_| panic!("as the test wants it"))), io::ErrorKind::Other),
            (Box::new(Then(place, |room| Ok(room + 1))), io::ErrorKind::InvalidData),
        ];
        for (source, kind) in ways {
            images.push((good(&cut), source));
            expected.push(Err(kind));
        }
        let image = bytes(number * BLOCK / 3);
        images.push((good(&image), Box::new(io::Cursor::new(image))));
        expected.push(Ok(()));
    }
    let verdicts = BatchVerifier::new(2).verify(images);
    let found = verdicts.into_iter().map(|verdict| match verdict {
        Ok(_) => Ok(()),
        Err(StreamError::Source(error)) => Err(error.kind()),
        Err(error) => panic!("{error:?}"),
    });
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

/// Panics when it is dropped, after its end.
struct Sore(io::Cursor<Vec<u8>>);

impl Read for Sore {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Drop for Sore {
    fn drop(&mut self) {
        panic!("as the test wants it");
    }
}

#[test]
fn a_source_that_has_ended_has_ended() {
    let images = (0..40).map(|number| {
        let image = bytes(number * 1000);
        (good(&image), Sore(io::Cursor::new(image)))
    });
    assert!(BatchVerifier::new(1).verify(images).iter().all(Result::is_ok));
}

#[test]
fn a_stuck_source_holds_up_nobody() {
    let (let_go, stuck) = channel();
    let mut images: Vec<Image> = vec![(good(&[]), Box::new(Stuck(stuck)))];
    for number in 0..9 {
        let image = bytes(number * 300_000);
        images.push((good(&image), Box::new(io::Cursor::new(image))));
    }
    // One thread, which has the stuck source all the time.
    let mut verdicts = BatchVerifier::new(1).streams_per_thread(2).verdicts(images);
    let mut places: Vec<_> =
        verdicts.by_ref().take(9).map(|(place, verdict)| (place, verdict.is_ok())).collect();
    places.sort_unstable();
    assert_eq!(places, (1..10).map(|place| (place, true)).collect::<Vec<_>>());
    drop(let_go);
    assert!(matches!(verdicts.next(), Some((0, Ok(_)))));
    assert!(verdicts.next().is_none());
    assert!(verdicts.next().is_none());
}

/// Has no end, and says when it is dropped.
struct Endless(Sender<()>);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(buffer.len())
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[test]
fn who_gives_up_waits_for_nobody_and_leaves_no_thread_reading() {
    let (let_go, stuck) = channel();
    let (dropped, ends) = channel();
    let image = bytes(10);
    let mut images: Vec<Image> = vec![(good(&[]), Box::new(Stuck(stuck)))];
    for _ in 0..5 {
        images.push((good(&[]), Box::new(Endless(dropped.clone()))));
    }
    images.push((good(&image), Box::new(io::Cursor::new(image))));
    drop(dropped);
    let mut verdicts = BatchVerifier::new(2).verdicts(images);
    assert!(matches!(verdicts.next(), Some((6, Ok(_)))));
    drop(verdicts);
    for _ in 0..5 {
        ends.recv_timeout(Duration::from_secs(60)).unwrap();
    }
    drop(let_go);
}

#[test]
fn images_are_taken_when_there_is_room_and_shared_out_evenly() {
    let taken = Arc::new(AtomicUsize::new(0));
    let scheme = FirstOctet::default();
    let (mut locks, mut images): (Vec<_>, Vec<_>) = Default::default();
    for _ in 0..10 {
        let (let_go, stuck) = channel();
        locks.push(let_go);
        images.push((scheme.of(HashMethod::Sha256, &[], true), Stuck(stuck)));
    }
    let count = taken.clone();
    let images = images.into_iter().inspect(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let mut verdicts = BatchVerifier::new(2).streams_per_thread(3).verdicts(images);
    for place in 0..10 {
        drop(locks.remove(0));
        assert!(matches!(verdicts.next(), Some((found, Ok(_))) if found == place));
        assert_eq!(taken.load(Ordering::Relaxed), 10.min(6 + place), "six at a time");
    }
    assert!(verdicts.next().is_none());

    // Fewer than one thread has room for: both have some.
    let scheme = FirstOctet::default();
    let images = (0..4).map(|_| (scheme.of(HashMethod::Sha256, &[], true), io::empty()));
    assert_eq!(BatchVerifier::new(2).verify(images).len(), 4);
    let mut threads = HashMap::<_, usize>::new();
    scheme.0.lock().unwrap().iter().for_each(|thread| *threads.entry(*thread).or_default() += 1);
    assert_eq!(threads.values().collect::<Vec<_>>(), [&2, &2]);
}

#[test]
fn past_the_bounds_there_are_no_more_threads_and_streams() {
    let most = limits::MAX_BATCH_THREADS * limits::MAX_BATCH_STREAMS;
    for (threads, streams, room) in [
        (0, 0, 1),
        (1, limits::MAX_BATCH_STREAMS, limits::MAX_BATCH_STREAMS),
        (1, usize::MAX, limits::MAX_BATCH_STREAMS),
        (limits::MAX_BATCH_THREADS, 1, limits::MAX_BATCH_THREADS),
        (usize::MAX, 1, limits::MAX_BATCH_THREADS),
    ] {
        let taken = Arc::new(AtomicUsize::new(0));
        let (count, (let_go, stuck)) = (taken.clone(), channel::<()>());
        let stuck = Arc::new(Mutex::new(stuck));
        let verifier = good(&[]);
        let mut verifier = Some(verifier);
        // The first ends at once, the others when it is over.
        let images = (0..2 * most).map(move |number| {
            count.fetch_add(1, Ordering::Relaxed);
            let stuck = stuck.clone();
            let source: Box<dyn Read + Send> = match number {
                0 => Box::new(io::empty()),
                _ => Box::new(Then(0, move |_| {
                    let _ = stuck.lock().unwrap().recv();
                    Ok(0)
                })),
            };
            (verifier.take().unwrap_or_else(|| good(&[])), source)
        });
        let mut verdicts = BatchVerifier::new(threads).streams_per_thread(streams).verdicts(images);
        assert!(matches!(verdicts.next(), Some((0, Ok(_)))));
        assert_eq!(taken.load(Ordering::Relaxed), room, "{threads} {streams}");
        drop(verdicts);
        drop(let_go);
    }
}

#[test]
fn a_registered_key_that_panics_refuses_its_own_image_alone() {
    let scheme = FirstOctet::default();
    let mut images = Vec::new();
    for number in 0..9 {
        let image = bytes(number * 100_000);
        let verifier = match number % 3 {
            0 => scheme.verifier(HashMethod::Sha256, b"ab"),
            _ => scheme.of(HashMethod::Sha256, &image, true),
        };
        images.push((verifier, io::Cursor::new(image)));
    }
    let verdicts = codes(BatchVerifier::new(1).verify(images));
    for (number, verdict) in verdicts.into_iter().enumerate() {
        let expected = if number % 3 == 0 { Err(ErrorCode::RegisteredSignatureRefused) } else { Ok(()) };
        assert_eq!(verdict, expected, "{number}");
    }
}

/// Panics when it is dropped.
#[derive(Debug)]
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("as told");
    }
}

impl RegisteredKey for Grenade {
    fn verify_digest(&self, _: HashMethod, _: &[u8], _: &[u8]) -> Result<(), SchemeError> {
        Ok(())
    }
}

/// Panics with something that panics again.
#[derive(Debug)]
struct Thrower;

impl RegisteredKey for Thrower {
    fn verify_digest(&self, _: HashMethod, _: &[u8], _: &[u8]) -> Result<(), SchemeError> {
        std::panic::panic_any(Grenade)
    }
}

#[derive(Debug)]
struct Scheme(fn() -> Box<dyn RegisteredKey>);

impl SignatureScheme for Scheme {
    fn prepare(&self, _: &[u8]) -> Result<Box<dyn RegisteredKey>, SchemeError> {
        Ok((self.0)())
    }
}

fn with_key(key: fn() -> Box<dyn RegisteredKey>) -> SignatureVerifier {
    let mut key_types = KeyTypes::new();
    key_types.register("OWN", Scheme(key)).unwrap();
    let properties = [
        ("img_signature", "QUJD"),
        ("img_signature_hash_method", "SHA-256"),
        ("img_signature_key_type", "OWN"),
        ("img_signature_certificate_uuid", "x"),
    ];
    let properties = SignatureProperties::from_properties_with(properties, &key_types).unwrap().unwrap();
    SignatureVerifier::new(&properties, &Walkthrough::glance().certificate()).unwrap()
}

#[test]
fn a_key_that_panics_when_it_is_dropped_refuses_its_own_image_alone() {
    let mut images: Vec<Image> = Vec::new();
    for number in 0..12_usize {
        let image = bytes(number * 1000);
        images.push(match number {
            3 => (with_key(|| Box::new(Thrower)), Box::new(io::Cursor::new(image))),
            // Never judged: the key is dropped with the verifier.
            5 => {
                (with_key(|| Box::new(Grenade)), Box::new(Then(10, |_| Err(io::ErrorKind::TimedOut.into()))))
            }
            _ => (good(&image), Box::new(io::Cursor::new(image))),
        });
    }
    let verdicts = codes(BatchVerifier::new(1).verify(images));
    for (number, verdict) in verdicts.into_iter().enumerate() {
        let expected = match number {
            3 => Err(ErrorCode::RegisteredSignatureRefused),
            5 => Err(ErrorCode::StreamSourceFailed),
            _ => Ok(()),
        };
        assert_eq!(verdict, expected, "{number}");
    }
}

#[test]
fn nothing_makes_no_verdicts() {
    assert!(BatchVerifier::new(2).verify(Vec::<Image>::new()).is_empty());
}

/// The image of Nova's walkthrough, held against this record as well.
fn verification(record: ImageRecord) -> Box<ImageVerification> {
    let folder = common::vectors().join("walkthrough/nova");
    let text = std::fs::read(folder.join("properties.json")).unwrap();
    let properties: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let texts = properties["properties"].as_object().unwrap().iter();
    let properties = texts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    let images = ImageVerifier::builder().policy(VerificationPolicy::required()).build();
    let request = ImageRequest::new("x", properties).record(record);
    match images.begin(&DirectoryKeyManager::new(folder.join("certs")), request).unwrap() {
        Decision::Verify(verification) => verification,
        other => panic!("{other}"),
    }
}

#[test]
fn record_checks_hash_beside_the_signature() {
    let image = std::fs::read(common::vectors().join("walkthrough/nova/image.qcow2")).unwrap();
    let sha512 = |image: &[u8]| {
        let mut digest = StreamingDigest::new(HashMethod::Sha512);
        digest.update(image);
        digest.finish().to_string()
    };
    let md5 = "0123456789abcdef0123456789abcdef";
    let records = [
        ImageRecord::new(),
        ImageRecord::new().os_hash("sha512", &sha512(&image)).unwrap().size(image.len() as u64),
        ImageRecord::new().os_hash("sha512", &sha512(b"another")).unwrap(),
        ImageRecord::new().checksum(md5).unwrap(),
        ImageRecord::new().size(7),
        ImageRecord::new().os_hash("sha512", &sha512(&image)).unwrap(),
    ];
    let images = records.map(|record| (verification(record), io::Cursor::new(image.clone())));
    let verdicts = BatchVerifier::new(1).streams_per_thread(6).verify(images);
    let checks = verdicts[1].as_ref().unwrap().record_checks().len();
    assert_eq!(checks, 2);
    assert_eq!(
        codes(verdicts),
        [
            Ok(()),
            Ok(()),
            Err(ErrorCode::RecordOsHash),
            Err(ErrorCode::RecordChecksum),
            Err(ErrorCode::RecordSize),
            Ok(())
        ]
    );
}
