//! Streams that cannot mislead: nothing unverified is released, no reader ends before the verdict, errors stay.

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

use std::cell::RefCell;
use std::io::{self, Read, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use common::any_image::{image, verifier};
use longhand::{
    Destination, ErrorCode, HoldBackWriter, MemoryDestination, ReadAhead, StreamError, VerifyingReader,
};
use proptest::prelude::*;

/// Gives its bytes in pieces of these lengths, over and over; 0 stands for an interruption.
struct Pieces<'a> {
    bytes: &'a [u8],
    lengths: Vec<usize>,
    next: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.lengths[self.next % self.lengths.len()];
        self.next += 1;
        if length == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = length.min(self.bytes.len()).min(buffer.len());
        buffer[..length].copy_from_slice(&self.bytes[..length]);
        self.bytes = &self.bytes[length..];
        Ok(length)
    }
}

const BLOCK: usize = 64 * 1024;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_reader_gives_all_of_a_good_image_and_never_the_end_of_a_bad_one(
        length in prop_oneof![0..10_usize, BLOCK - 3..BLOCK + 3, 2 * BLOCK - 3..2 * BLOCK + 3, 0..400_000_usize],
        mut lengths in proptest::collection::vec(0..100_000_usize, 1..5),
        buffer in prop_oneof![1..5_usize, 1..200_000_usize],
        good: bool,
    ) {
        lengths.push(70_000);
        let image = image(length);
        let source = Pieces { bytes: &image, lengths, next: 0 };
        let mut reader = VerifyingReader::new(verifier(&image, good), source);
        let (mut taken, mut buffer) = (Vec::new(), vec![0; buffer.max(length / 5000 + 1)]);
        let end = loop {
            match reader.read(&mut buffer) {
                Ok(0) => break Ok(()),
                Ok(length) => taken.extend_from_slice(&buffer[..length]),
                Err(error) => break Err(error),
            }
        };
        prop_assert_eq!(&taken[..], &image[..taken.len()]);
        if good {
            prop_assert!(end.is_ok());
            prop_assert_eq!(taken.len(), length);
            prop_assert_eq!(reader.read(&mut buffer).unwrap(), 0);
            prop_assert_eq!(reader.into_verified().unwrap().bytes_read(), length as u64);
        } else {
            let error = end.unwrap_err();
            prop_assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            let inner = error.get_ref().unwrap().downcast_ref::<StreamError>().unwrap();
            prop_assert_eq!(inner.code(), ErrorCode::RegisteredSignatureRefused);
            prop_assert!(taken.len() <= length.saturating_sub(BLOCK.min(length)), "a block is withheld");
            for _ in 0..3 {
                prop_assert_eq!(reader.read(&mut buffer).unwrap_err().kind(), io::ErrorKind::InvalidData);
            }
            prop_assert!(matches!(reader.into_verified(), Err(StreamError::Verification(_))));
        }
    }
}

#[test]
fn a_reader_that_has_not_ended_has_no_verdict() {
    let image = image(300_000);
    let mut reader = VerifyingReader::new(verifier(&image, true), &image[..]);
    reader.read_exact(&mut vec![0; 100_000]).unwrap();
    let error = reader.into_verified().unwrap_err();
    assert!(matches!(error, StreamError::Unfinished { bytes_read: 100_000..300_000 }), "{error:?}");
    assert_eq!(error.code(), ErrorCode::StreamUnfinished);
}

#[test]
fn a_consumer_that_stops_before_the_last_byte_has_no_verdict() {
    for length in [2, 1000, 200_000] {
        let image = image(length);
        let mut reader = VerifyingReader::new(verifier(&image, true), &image[..]);
        reader.read_exact(&mut vec![0; length - 1]).unwrap();
        assert_eq!(reader.into_verified().unwrap_err().code(), ErrorCode::StreamUnfinished, "{length}");
    }
}

/// Panics once, after it has kept the bytes.
struct Panics(Vec<u8>, bool);

impl Destination for Panics {
    type Released = Vec<u8>;

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(data);
        assert!(std::mem::replace(&mut self.1, true), "the destination's own bug");
        Ok(())
    }

    fn release(self) -> io::Result<Vec<u8>> {
        Ok(self.0)
    }

    fn discard(self) {}
}

#[test]
fn a_destination_that_panics_fails_the_writer_for_good() {
    let mut writer = HoldBackWriter::new(verifier(b"image", true), Panics(Vec::new(), false));
    assert!(catch_unwind(AssertUnwindSafe(|| writer.write(b"image"))).is_err());
    assert!(writer.write(b"image").is_err(), "a second try would store the bytes twice and hash them once");
    assert!(writer.finish().is_err());
}

#[test]
fn an_empty_buffer_is_no_end() {
    let mut reader = VerifyingReader::new(verifier(b"abc", false), &b"abc"[..]);
    assert_eq!(reader.read(&mut []).unwrap(), 0);
    assert!(matches!(reader.into_verified(), Err(StreamError::Unfinished { bytes_read: 0 })));
}

/// Fails once with this kind of error, in the middle.
struct Failing {
    before: usize,
    kind: io::ErrorKind,
    failed: bool,
    after: usize,
}

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = if self.failed { &mut self.after } else { &mut self.before };
        if *left == 0 && !self.failed {
            self.failed = true;
            return Err(self.kind.into());
        }
        let length = (*left).min(buffer.len());
        *left -= length;
        buffer[..length].fill(7);
        Ok(length)
    }
}

#[test]
fn a_failing_source_fails_the_reader_for_good() {
    let source = Failing { before: 200_000, kind: io::ErrorKind::ConnectionReset, failed: false, after: 50 };
    let mut reader = VerifyingReader::new(verifier(&[7; 200_050], true), source);
    let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(reader.read(&mut [0; 10]).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(reader.into_verified().unwrap_err().code(), ErrorCode::StreamSourceFailed);
}

#[test]
fn a_source_that_would_block_can_be_asked_again() {
    for before in [0, 1, 65_535, 65_536, 65_537, 199_999] {
        let source =
            Failing { before, kind: io::ErrorKind::WouldBlock, failed: false, after: 200_050 - before };
        let mut reader = VerifyingReader::new(verifier(&[7; 200_050], true), source);
        let (mut image, mut blocked) = (Vec::new(), 0);
        loop {
            match reader.read_to_end(&mut image) {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => blocked += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!((image.len(), blocked), (200_050, 1));
        assert!(reader.into_verified().is_ok());
    }
}

/// A reading thread asks its source once.
#[test]
fn a_source_that_would_block_and_is_read_ahead_fails_the_reader_for_good() {
    let source = Failing { before: 200_000, kind: io::ErrorKind::WouldBlock, failed: false, after: 50 };
    let source = ReadAhead::new(source).unwrap();
    let mut reader = VerifyingReader::new(verifier(&[7; 200_050], true), source);
    for _ in 0..3 {
        let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Other);
    }
    assert_eq!(reader.into_verified().unwrap_err().code(), ErrorCode::StreamSourceFailed);
}

/// What became of a destination.
#[derive(Clone, Debug, Default, PartialEq)]
struct Fate {
    kept: usize,
    released: bool,
    discarded: bool,
}

/// Notes its fate; fails at this byte, or at the release.
struct Noting {
    fate: Rc<RefCell<Fate>>,
    full_at: usize,
    release_fails: bool,
}

impl Destination for Noting {
    type Released = usize;

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        let mut fate = self.fate.borrow_mut();
        fate.kept += data.len();
        if fate.kept > self.full_at { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn release(self) -> io::Result<usize> {
        if self.release_fails {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.fate.borrow_mut().released = true;
        Ok(self.fate.borrow().kept)
    }

    fn discard(self) {
        self.fate.borrow_mut().discarded = true;
    }
}

fn holding(good: bool) -> (HoldBackWriter<Noting>, Rc<RefCell<Fate>>) {
    let fate = Rc::new(RefCell::new(Fate::default()));
    let destination = Noting { fate: fate.clone(), full_at: 1000, release_fails: false };
    (HoldBackWriter::new(verifier(b"image", good), destination), fate)
}

#[test]
fn a_good_image_is_released_once() {
    let (mut writer, fate) = holding(true);
    writer.write_all(b"im").unwrap();
    writer.write_all(b"age").unwrap();
    writer.flush().unwrap();
    assert_eq!(writer.bytes_written(), 5);
    assert!(!fate.borrow().released, "nothing is released before the verdict");
    let (verified, released) = writer.finish().unwrap();
    assert_eq!((verified.bytes_read(), released), (5, 5));
    assert_eq!(*fate.borrow(), Fate { kept: 5, released: true, discarded: false });
}

#[test]
fn everything_else_discards() {
    let discarded = |fate: &RefCell<Fate>| fate.borrow().discarded && !fate.borrow().released;

    let (mut writer, fate) = holding(false);
    writer.write_all(b"image").unwrap();
    assert!(matches!(writer.finish(), Err(StreamError::Verification(_))));
    assert!(discarded(&fate), "a bad signature");

    let (writer, fate) = holding(true);
    assert!(writer.finish().is_err());
    assert!(discarded(&fate), "an image cut short");

    let (mut writer, fate) = holding(true);
    writer.write_all(b"image").unwrap();
    drop(writer);
    assert!(discarded(&fate), "dropped");

    let (mut writer, fate) = holding(true);
    writer.write_all(b"image").unwrap();
    writer.discard();
    assert!(discarded(&fate), "discarded");

    let (mut writer, fate) = holding(true);
    let panicked = catch_unwind(AssertUnwindSafe(move || {
        writer.write_all(b"image").unwrap();
        panic!("the service's own bug");
    }));
    assert!(panicked.is_err() && discarded(&fate), "a panic");
}

#[test]
fn a_full_destination_fails_the_writer_for_good_and_at_once() {
    let (mut writer, fate) = holding(true);
    let error = writer.write_all(&[0; 1001]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(fate.borrow().discarded, "discarded at once");
    for _ in 0..2 {
        assert_eq!(writer.write(b"x").unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
    assert_eq!(writer.finish().unwrap_err().code(), ErrorCode::StreamDestinationFailed);
}

#[test]
fn a_release_that_fails_is_no_yes() {
    let fate = Rc::new(RefCell::new(Fate::default()));
    let destination = Noting { fate: fate.clone(), full_at: 1000, release_fails: true };
    let mut writer = HoldBackWriter::new(verifier(b"image", true), destination);
    writer.write_all(b"image").unwrap();
    assert_eq!(writer.finish().unwrap_err().code(), ErrorCode::StreamDestinationFailed);
    assert!(!fate.borrow().released);
}

#[test]
fn memory_keeps_no_more_than_its_limit() {
    for (limit, fits) in [(5, true), (4, false), (0, false)] {
        let mut writer = HoldBackWriter::new(verifier(b"image", true), MemoryDestination::new(limit));
        assert_eq!(writer.write_all(b"image").is_ok(), fits);
        assert_eq!(writer.finish().is_ok_and(|(_, bytes)| bytes == b"image"), fits);
    }
}

#[test]
fn streams_travel_between_threads() {
    fn assert_travels<T: Send + Sync + 'static>() {}
    assert_travels::<VerifyingReader<std::fs::File>>();
    assert_travels::<HoldBackWriter<MemoryDestination>>();
    assert_travels::<StreamError>();
}
