//! Hold-back writers, synchronous or not: released after a yes, discarded after everything else.

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

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};

use common::any_image::{image, verifier};
use longhand::limits::MAX_HASHED_IN_PLACE;
use longhand::{
    AsyncDestination, Destination, ErrorCode, HoldBackAsyncWriter, HoldBackWriter, MemoryDestination,
    StreamError, Verified,
};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// What became of a destination.
#[derive(Clone, Debug, Default, PartialEq)]
struct Fate {
    kept: Vec<u8>,
    flushed: usize,
    released: bool,
    discarded: bool,
}

/// How a destination behaves.
#[derive(Clone, Copy, Debug)]
struct Manner {
    /// Fails at this byte.
    full_at: usize,
    panics_at: usize,
    /// Takes so many bytes at once.
    piece: usize,
    /// Is pending every second time.
    hesitates: bool,
    flush_fails: bool,
    release_fails: bool,
    release_panics: bool,
    /// Says that it has taken more than it was given.
    lies: bool,
}

const WELL: Manner = Manner {
    full_at: usize::MAX,
    panics_at: usize::MAX,
    piece: usize::MAX,
    hesitates: false,
    flush_fails: false,
    release_fails: false,
    release_panics: false,
    lies: false,
};

/// Notes its fate.
struct Noting {
    fate: Arc<Mutex<Fate>>,
    manner: Manner,
    asked: usize,
}

impl Noting {
    fn new(manner: Manner) -> (Self, Arc<Mutex<Fate>>) {
        let fate = Arc::new(Mutex::new(Fate::default()));
        (Self { fate: fate.clone(), manner, asked: 0 }, fate)
    }

    fn hesitate(&mut self, context: &Context<'_>) -> Poll<()> {
        self.asked += 1;
        if self.manner.hesitates && self.asked % 2 == 1 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    fn keep(&mut self, data: &[u8]) -> io::Result<usize> {
        let mut fate = self.fate.lock().unwrap();
        let data = &data[..data.len().min(self.manner.piece)];
        if fate.kept.len() + data.len() > self.manner.full_at {
            return Err(io::ErrorKind::StorageFull.into());
        }
        fate.kept.extend_from_slice(data);
        let length = fate.kept.len();
        drop(fate);
        assert!(length < self.manner.panics_at, "the destination's own bug");
        Ok(data.len() + usize::from(self.manner.lies))
    }

    fn let_out(&mut self) -> io::Result<usize> {
        assert!(!self.manner.release_panics, "the destination's own bug");
        if self.manner.release_fails {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut fate = self.fate.lock().unwrap();
        fate.released = true;
        Ok(fate.kept.len())
    }
}

impl Destination for Noting {
    type Released = usize;

    fn write(&mut self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            data = &data[self.keep(data)?..];
        }
        Ok(())
    }

    fn release(mut self) -> io::Result<usize> {
        self.let_out()
    }

    fn discard(self) {
        self.fate.lock().unwrap().discarded = true;
    }
}

impl AsyncWrite for Noting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.hesitate(context));
        Poll::Ready(self.keep(data))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.hesitate(context));
        self.fate.lock().unwrap().flushed += 1;
        Poll::Ready(if self.manner.flush_fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) })
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        panic!("shut down before the verdict")
    }
}

impl AsyncDestination for Noting {
    type Staging = Self;
    type Released = usize;

    fn staging(&mut self) -> &mut Self {
        self
    }

    async fn release(&mut self) -> io::Result<usize> {
        std::future::poll_fn(|context| self.hesitate(context)).await;
        self.let_out()
    }

    fn discard(self) {
        Destination::discard(self);
    }
}

/// Polls until it is ready.
fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

/// A hold-back writer, as this table sees it.
trait HoldsBack: Sized {
    fn new(image: &[u8], good: bool, destination: Noting) -> Self;
    fn write_all(&mut self, data: &[u8]) -> io::Result<()>;
    fn flush(&mut self) -> io::Result<()>;
    fn finish(self) -> Result<(Verified, usize), StreamError>;
    fn bytes_written(&self) -> u64;
    fn discard(self);
}

impl HoldsBack for HoldBackWriter<Noting> {
    fn new(image: &[u8], good: bool, destination: Noting) -> Self {
        Self::new(verifier(image, good), destination)
    }

    fn write_all(&mut self, data: &[u8]) -> io::Result<()> {
        io::Write::write_all(self, data)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::Write::flush(self)
    }

    fn finish(self) -> Result<(Verified, usize), StreamError> {
        self.finish()
    }

    fn bytes_written(&self) -> u64 {
        self.bytes_written()
    }

    fn discard(self) {
        self.discard();
    }
}

impl HoldsBack for HoldBackAsyncWriter<Noting> {
    fn new(image: &[u8], good: bool, destination: Noting) -> Self {
        Self::new(verifier(image, good), destination)
    }

    fn write_all(&mut self, data: &[u8]) -> io::Result<()> {
        wait(AsyncWriteExt::write_all(self, data))
    }

    fn flush(&mut self) -> io::Result<()> {
        wait(AsyncWriteExt::flush(self))
    }

    fn finish(self) -> Result<(Verified, usize), StreamError> {
        wait(self.finish())
    }

    fn bytes_written(&self) -> u64 {
        self.bytes_written()
    }

    fn discard(self) {
        self.discard();
    }
}

macro_rules! for_each_writer {
    ($test:ident) => {
        $test::<HoldBackWriter<Noting>>();
        $test::<HoldBackAsyncWriter<Noting>>();
    };
}

const MANNERS: [Manner; 4] = [
    WELL,
    Manner { hesitates: true, ..WELL },
    Manner { piece: 1000, ..WELL },
    Manner { piece: 777, hesitates: true, ..WELL },
];

#[test]
fn a_good_image_is_released_once_and_whole() {
    fn is_released<W: HoldsBack>() {
        for manner in MANNERS {
            for (length, chunk) in [(0, 1), (1, 1), (5000, 10), (700_000, 300_000), (700_000, 700_000)] {
                let image = image(length);
                let (destination, fate) = Noting::new(manner);
                let mut writer = W::new(&image, true, destination);
                image.chunks(chunk).for_each(|chunk| writer.write_all(chunk).unwrap());
                writer.flush().unwrap();
                assert_eq!(writer.bytes_written(), length as u64);
                assert!(!fate.lock().unwrap().released, "nothing is released before the verdict");
                let (verified, released) = writer.finish().unwrap();
                assert_eq!((verified.bytes_read(), released), (length as u64, length), "{manner:?}");
                let fate = fate.lock().unwrap();
                assert!(fate.kept == image && fate.released && !fate.discarded);
            }
        }
    }
    for_each_writer!(is_released);
}

#[test]
fn everything_else_discards() {
    fn discards<W: HoldsBack>() {
        for manner in MANNERS {
            let begun = |good, data: &[u8]| {
                let (destination, fate) = Noting::new(manner);
                let mut writer = W::new(b"image", good, destination);
                writer.write_all(data).unwrap();
                (writer, fate)
            };
            let discarded = |fate: &Mutex<Fate>| {
                let fate = fate.lock().unwrap();
                fate.discarded && !fate.released
            };

            let (writer, fate) = begun(false, b"image");
            assert!(matches!(writer.finish(), Err(StreamError::Verification(_))));
            assert!(discarded(&fate), "a bad signature");

            for other in [&b"imagf"[..], b"imag", b"image ", b""] {
                let (writer, fate) = begun(true, other);
                assert!(writer.finish().is_err());
                assert!(discarded(&fate), "another image");
            }

            let (writer, fate) = begun(true, b"image");
            drop(writer);
            assert!(discarded(&fate), "dropped");

            let (writer, fate) = begun(true, b"image");
            writer.discard();
            assert!(discarded(&fate), "discarded");
        }
    }
    for_each_writer!(discards);
}

#[test]
fn a_destination_that_fails_fails_the_writer_for_good_and_at_once() {
    fn fails<W: HoldsBack>() {
        for manner in MANNERS {
            let (destination, fate) = Noting::new(Manner { full_at: 10, ..manner });
            let mut writer = W::new(b"image", true, destination);
            writer.write_all(b"image").unwrap();
            assert_eq!(writer.write_all(b"is longer").unwrap_err().kind(), io::ErrorKind::StorageFull);
            assert!(fate.lock().unwrap().discarded, "discarded at once");
            for _ in 0..2 {
                assert_eq!(writer.write_all(b"x").unwrap_err().kind(), io::ErrorKind::StorageFull);
            }
            assert_eq!(writer.finish().unwrap_err().code(), ErrorCode::StreamDestinationFailed);
            assert!(!fate.lock().unwrap().released);
        }
    }
    for_each_writer!(fails);
}

#[test]
fn a_destination_that_panics_fails_the_writer_for_good() {
    fn fails<W: HoldsBack>() {
        let (destination, fate) = Noting::new(Manner { panics_at: 8, ..WELL });
        let mut writer = W::new(b"image", true, destination);
        writer.write_all(b"image").unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| writer.write_all(b"image"))).is_err());
        assert!(fate.lock().unwrap().discarded);
        assert!(writer.write_all(b"x").is_err());
        assert!(matches!(writer.finish(), Err(StreamError::Unfinished { bytes_read: 5 })));
    }
    for_each_writer!(fails);
}

#[test]
fn a_release_that_fails_is_no_yes() {
    fn is_no_yes<W: HoldsBack>() {
        let (destination, fate) = Noting::new(Manner { release_fails: true, ..WELL });
        let mut writer = W::new(b"image", true, destination);
        writer.write_all(b"image").unwrap();
        assert_eq!(writer.finish().unwrap_err().code(), ErrorCode::StreamDestinationFailed);
        assert!(!fate.lock().unwrap().released);
    }
    for_each_writer!(is_no_yes);
}

fn begun(manner: Manner) -> (HoldBackAsyncWriter<Noting>, Arc<Mutex<Fate>>) {
    let (destination, fate) = Noting::new(manner);
    let mut writer = HoldBackAsyncWriter::new(verifier(b"image", true), destination);
    HoldsBack::write_all(&mut writer, b"image").unwrap();
    (writer, fate)
}

#[test]
fn an_asynchronous_release_that_fails_or_panics_discards() {
    for manner in [
        Manner { release_fails: true, ..WELL },
        Manner { flush_fails: true, ..WELL },
        Manner { release_panics: true, ..WELL },
    ] {
        let (writer, fate) = begun(manner);
        let finished = catch_unwind(AssertUnwindSafe(|| wait(writer.finish())));
        assert!(!matches!(finished, Ok(Ok(_))));
        let fate = fate.lock().unwrap();
        assert!(fate.discarded && !fate.released, "{manner:?}");
    }
}

#[test]
fn a_finish_that_is_dropped_on_its_way_discards() {
    for polls in 0..5 {
        let (writer, fate) = begun(Manner { hesitates: true, ..WELL });
        let mut finish = Box::pin(writer.finish());
        let finished =
            (0..polls).any(|_| finish.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        drop(finish);
        let fate = fate.lock().unwrap();
        assert_eq!((fate.released, fate.discarded), (finished, !finished), "after {polls} polls");
        if finished {
            assert_eq!(fate.flushed, 1, "flushed before the release");
            return;
        }
    }
    panic!("never finished");
}

#[test]
fn a_write_that_is_dropped_has_taken_nothing() {
    let image = image(50_000);
    let (destination, fate) = Noting::new(Manner { hesitates: true, piece: 777, ..WELL });
    let mut writer = HoldBackAsyncWriter::new(verifier(&image, true), destination);
    let (mut left, mut dropped) = (&image[..], 0);
    while !left.is_empty() {
        match pin!(writer.write(left)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(taken) => left = &left[taken.unwrap()..],
            Poll::Pending => dropped += 1,
        }
    }
    assert_eq!(dropped, 50_000_usize.div_ceil(777));
    assert!(wait(writer.finish()).is_ok() && fate.lock().unwrap().kept == image);
}

#[test]
fn a_flush_that_fails_fails_the_writer_for_good() {
    let (mut writer, fate) = begun(Manner { flush_fails: true, ..WELL });
    assert_eq!(HoldsBack::flush(&mut writer).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert!(fate.lock().unwrap().discarded);
    assert!(wait(writer.write(b"x")).is_err());
    assert_eq!(wait(writer.finish()).unwrap_err().code(), ErrorCode::StreamDestinationFailed);
}

#[test]
fn shutting_down_is_no_verdict() {
    let (mut writer, fate) = begun(WELL);
    wait(writer.shutdown()).unwrap();
    let then = fate.lock().unwrap().clone();
    assert_eq!((then.flushed, then.released, then.discarded), (1, false, false));
    drop(writer);
    assert!(fate.lock().unwrap().discarded);
}

#[test]
fn a_destination_that_takes_more_than_there_is_fails_the_writer() {
    let (destination, fate) = Noting::new(Manner { lies: true, ..WELL });
    let mut writer = HoldBackAsyncWriter::new(verifier(b"image", true), destination);
    assert_eq!(wait(writer.write(b"image")).unwrap_err().kind(), io::ErrorKind::InvalidData);
    assert!(fate.lock().unwrap().discarded);
}

#[test]
fn one_write_takes_and_hashes_a_bounded_piece() {
    for (length, taken) in
        [(MAX_HASHED_IN_PLACE, MAX_HASHED_IN_PLACE), (MAX_HASHED_IN_PLACE + 1, MAX_HASHED_IN_PLACE)]
    {
        let (destination, _) = Noting::new(WELL);
        let mut writer = HoldBackAsyncWriter::new(verifier(b"image", true), destination);
        assert_eq!(wait(writer.write(&image(length))).unwrap(), taken);
        assert_eq!(writer.bytes_written(), taken as u64);
    }
}

#[test]
fn memory_keeps_no_more_than_its_limit() {
    for (limit, fits) in [(5, true), (4, false), (0, false)] {
        let mut writer = HoldBackAsyncWriter::new(verifier(b"image", true), MemoryDestination::new(limit));
        assert_eq!(wait(writer.write_all(b"image")).is_ok(), fits);
        assert_eq!(wait(writer.finish()).is_ok_and(|(_, bytes)| bytes == b"image"), fits);
    }
}

#[test]
fn writers_and_their_futures_travel_between_threads() {
    fn assert_travels<T: Send + Sync + 'static>() {}
    fn assert_sent<T: Send>(_: T) {}
    assert_travels::<HoldBackAsyncWriter<MemoryDestination>>();
    assert_sent(begun(WELL).0.finish());
}
