//! Every stream that withholds the end of an image, synchronous or not, through one table of sources.

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

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use common::any_image::{image, verifier};
use futures_core::{FusedStream, Stream};
use http_body::{Body, Frame, SizeHint};
use longhand::limits::{MAX_HASHED_IN_PLACE, MAX_READS_A_POLL, MAX_WITHHELD, MIN_KEPT_CHUNK, MIN_WITHHELD};
use longhand::{
    ErrorCode, SignatureVerifier, StreamError, Verified, VerifyingAsyncRead, VerifyingBody, VerifyingReader,
    VerifyingStream,
};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::runtime::{Builder, Runtime};

/// What a source does when it is asked.
#[derive(Clone, Debug)]
enum Step {
    Give(Bytes),
    Pending,
    Fail(io::ErrorKind),
    Panic,
}

/// Does its steps, then ends, and must not be asked again after its end or an error.
struct Source {
    steps: VecDeque<Step>,
    over: bool,
    passage: Arc<Passage>,
}

/// How many bytes have gone in and out, and how many were inside at the most when the source was asked.
#[derive(Default)]
struct Passage {
    taken: AtomicUsize,
    given: AtomicUsize,
    most_inside: AtomicUsize,
}

impl Source {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), over: false, passage: Arc::default() }
    }

    fn next(&mut self, room: usize, context: &Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        assert!(!self.over, "asked again after its end");
        let Passage { taken, given, most_inside } = &*self.passage;
        most_inside
            .fetch_max(taken.load(Ordering::Relaxed) - given.load(Ordering::Relaxed), Ordering::Relaxed);
        Poll::Ready(match self.steps.pop_front() {
            Some(Step::Give(mut bytes)) => {
                if bytes.len() > room {
                    self.steps.push_front(Step::Give(bytes.split_off(room)));
                }
                self.passage.taken.fetch_add(bytes.len(), Ordering::Relaxed);
                Some(Ok(bytes))
            }
            Some(Step::Pending) => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Step::Fail(kind)) => {
                self.over = true;
                Some(Err(kind.into()))
            }
            Some(Step::Panic) => panic!("the source's own bug"),
            None => {
                self.over = true;
                None
            }
        })
    }
}

fn no_context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while matches!(self.steps.front(), Some(Step::Give(bytes)) if bytes.is_empty()) {
            self.steps.pop_front(); // what would be the end
        }
        match self.next(buffer.len(), &no_context()) {
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            Poll::Ready(None) => Ok(0),
            Poll::Ready(Some(bytes)) => Read::read(&mut bytes?.as_ref(), buffer),
        }
    }
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while matches!(self.steps.front(), Some(Step::Give(bytes)) if bytes.is_empty()) {
            self.steps.pop_front();
        }
        self.next(buffer.remaining(), context).map(|bytes| {
            buffer.put_slice(&bytes.transpose()?.unwrap_or_default());
            Ok(())
        })
    }
}

impl Stream for Source {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.next(usize::MAX, context)
    }
}

impl Body for Source {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.next(usize::MAX, context).map(|next| next.map(|bytes| bytes.map(Frame::data)))
    }
}

/// A stream that withholds, as this table sees it.
trait Withholds: Sized {
    fn new(verifier: SignatureVerifier, source: Source) -> Self;

    /// The next bytes, none at the end, or the error's code and kind.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Vec<u8>>, ErrorCode>>;

    fn into_verified(self) -> Result<Verified, StreamError>;
}

fn code_of(error: &io::Error) -> ErrorCode {
    error.get_ref().unwrap().downcast_ref::<StreamError>().unwrap().code()
}

/// Longer than what is hashed in place, so that the buffer is no bound.
const BUFFER: usize = 300_000;

impl Withholds for VerifyingReader<Source> {
    fn new(verifier: SignatureVerifier, source: Source) -> Self {
        Self::new(verifier, source)
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<Result<Option<Vec<u8>>, ErrorCode>> {
        let mut buffer = vec![0; BUFFER];
        Poll::Ready(match self.read(&mut buffer) {
            Ok(0) => Ok(None),
            Ok(length) => Ok(Some(buffer[..length].to_vec())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) => Err(code_of(&error)),
        })
    }

    fn into_verified(self) -> Result<Verified, StreamError> {
        self.into_verified()
    }
}

impl Withholds for VerifyingAsyncRead<Source> {
    fn new(verifier: SignatureVerifier, source: Source) -> Self {
        Self::new(verifier, source)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Vec<u8>>, ErrorCode>> {
        let mut buffer = vec![0; BUFFER];
        let mut buffer = ReadBuf::new(&mut buffer);
        Pin::new(self).poll_read(context, &mut buffer).map(|read| match read {
            Ok(()) if buffer.filled().is_empty() => Ok(None),
            Ok(()) => Ok(Some(buffer.filled().to_vec())),
            Err(error) => Err(code_of(&error)),
        })
    }

    fn into_verified(self) -> Result<Verified, StreamError> {
        self.into_verified()
    }
}

impl Withholds for VerifyingStream<Source> {
    fn new(verifier: SignatureVerifier, source: Source) -> Self {
        Self::new(verifier, source)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Vec<u8>>, ErrorCode>> {
        assert_eq!(Stream::size_hint(self).0, 0);
        Pin::new(&mut *self).poll_next(context).map(|next| {
            assert_eq!(self.is_terminated(), !matches!(next, Some(Ok(_))));
            match next.transpose() {
                Ok(bytes) => Ok(bytes.map(Vec::from)),
                Err(error) => Err(error.code()),
            }
        })
    }

    fn into_verified(self) -> Result<Verified, StreamError> {
        self.into_verified()
    }
}

impl Withholds for VerifyingBody<Source> {
    fn new(verifier: SignatureVerifier, source: Source) -> Self {
        Self::new(verifier, source)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Vec<u8>>, ErrorCode>> {
        let said_to_end = self.is_end_stream();
        Pin::new(&mut *self).poll_frame(context).map(|next| {
            assert!(!said_to_end || next.is_none(), "bytes behind the end");
            match next.transpose() {
                Ok(frame) => Ok(frame.map(|frame| frame.into_data().unwrap().into())),
                Err(error) => Err(error.code()),
            }
        })
    }

    fn into_verified(self) -> Result<Verified, StreamError> {
        self.into_verified()
    }
}

/// Runs one test over every stream.
macro_rules! for_each_stream {
    ($test:ident $(, $argument:expr)*) => {
        $test::<VerifyingReader<Source>>($($argument),*);
        $test::<VerifyingAsyncRead<Source>>($($argument),*);
        $test::<VerifyingStream<Source>>($($argument),*);
        $test::<VerifyingBody<Source>>($($argument),*);
    };
}

/// What came out of a stream that was polled to its end, and on.
struct Outcome {
    bytes: Vec<u8>,
    /// The most that was withheld when the source was asked for more.
    withheld: usize,
    pending: usize,
    end: Result<(), ErrorCode>,
    verified: Result<Verified, StreamError>,
}

fn run<W: Withholds>(verifier: SignatureVerifier, source: Source) -> Outcome {
    let passage = source.passage.clone();
    let mut stream = W::new(verifier, source);
    let (mut bytes, mut pending) = (Vec::new(), 0);
    let end = loop {
        match stream.poll(&mut no_context()) {
            Poll::Ready(Ok(Some(more))) => {
                assert!(!more.is_empty(), "an empty piece");
                passage.given.fetch_add(more.len(), Ordering::Relaxed);
                bytes.extend(more);
            }
            Poll::Ready(Ok(None)) => break Ok(()),
            Poll::Ready(Err(code)) => break Err(code),
            Poll::Pending => {
                pending += 1;
                std::thread::yield_now(); // hashed elsewhere, perhaps
            }
        }
    };
    for _ in 0..3 {
        let again = stream.poll(&mut no_context());
        assert!(matches!((again, end), (Poll::Ready(Ok(None)), Ok(())) | (Poll::Ready(Err(_)), Err(_))));
    }
    let withheld = passage.most_inside.load(Ordering::Relaxed);
    Outcome { bytes, withheld, pending, end, verified: stream.into_verified() }
}

const LENGTHS: [usize; 15] = [
    0,
    1,
    MIN_KEPT_CHUNK - 1,
    MIN_KEPT_CHUNK,
    MIN_WITHHELD - 1,
    MIN_WITHHELD,
    MIN_WITHHELD + 1,
    2 * MIN_WITHHELD - 1,
    2 * MIN_WITHHELD,
    2 * MIN_WITHHELD + 1,
    MAX_WITHHELD,
    MAX_WITHHELD + 1,
    MAX_HASHED_IN_PLACE,
    MAX_HASHED_IN_PLACE + 1,
    700_000,
];

/// How an image is cut: over and over into pieces of these lengths, 0 standing for one of each: pending, and an empty chunk.
const SHAPES: [&[usize]; 11] = [
    &[usize::MAX],
    &[0, usize::MAX, 0],
    &[977],
    &[MIN_KEPT_CHUNK - 1],
    &[MIN_KEPT_CHUNK],
    &[10, 5000, 0],
    &[16 * 1024, 0, 3],
    &[MIN_WITHHELD],
    &[2 * MIN_WITHHELD + 1, 0],
    &[MAX_HASHED_IN_PLACE + 1],
    &[1, MAX_HASHED_IN_PLACE, 0, 100_000],
];

fn cut(image: &[u8], shape: &[usize]) -> Vec<Step> {
    let (mut left, mut steps) = (Bytes::copy_from_slice(image), Vec::new());
    for length in shape.iter().cycle() {
        if *length == 0 {
            steps.extend([Step::Pending, Step::Give(Bytes::new()), Step::Pending]);
        } else {
            steps.push(Step::Give(left.split_to(left.len().min(*length))));
        }
        if left.is_empty() {
            break;
        }
    }
    steps
}

fn gives_all_of_a_good_image_and_never_the_end_of_a_bad_one<W: Withholds>() {
    for (length, shape) in LENGTHS.into_iter().flat_map(|length| SHAPES.map(|shape| (length, shape))) {
        let image = image(length);
        let case = format!("{} with {length} bytes in {shape:?}", std::any::type_name::<W>());

        let good = run::<W>(verifier(&image, true), Source::new(cut(&image, shape)));
        assert_eq!(good.end, Ok(()), "{case}");
        assert!(good.bytes == image, "{case}");
        assert_eq!(good.verified.unwrap().bytes_read(), length as u64, "{case}");
        assert!(good.withheld <= MAX_WITHHELD, "{case}: {}", good.withheld);

        let bad = run::<W>(verifier(&image, false), Source::new(cut(&image, shape)));
        assert_eq!(bad.end, Err(ErrorCode::RegisteredSignatureRefused), "{case}");
        assert!(image.starts_with(&bad.bytes), "{case}");
        assert!(bad.bytes.len() <= length.saturating_sub(MIN_WITHHELD.min(length)), "{case}: too much");
        assert!(matches!(bad.verified, Err(StreamError::Verification(_))), "{case}");
    }
}

#[test]
fn every_stream_gives_all_of_a_good_image_and_never_the_end_of_a_bad_one() {
    for_each_stream!(gives_all_of_a_good_image_and_never_the_end_of_a_bad_one);
}

#[test]
fn a_runtime_changes_no_verdict() {
    for runtime in [current_thread(), two_threads()] {
        let _entered = runtime.enter();
        for_each_stream!(gives_all_of_a_good_image_and_never_the_end_of_a_bad_one);
    }
}

#[test]
fn the_last_byte_counts() {
    fn counts<W: Withholds>() {
        let image = image(200_000);
        let mut changed = image.clone();
        *changed.last_mut().unwrap() ^= 1;
        let outcome = run::<W>(verifier(&image, true), Source::new(cut(&changed, &[16_384])));
        assert_eq!(outcome.end, Err(ErrorCode::RegisteredSignatureRefused));
        let outcome = run::<W>(verifier(&image, true), Source::new(cut(&image[..199_999], &[16_384])));
        assert_eq!(outcome.end, Err(ErrorCode::RegisteredSignatureRefused));
    }
    for_each_stream!(counts);
}

#[test]
fn a_source_may_be_pending_before_each_piece_and_before_its_end() {
    fn may_be_pending<W: Withholds>() {
        let image = image(300_000);
        let mut steps: Vec<_> =
            cut(&image, &[10_000]).into_iter().flat_map(|step| [Step::Pending, step]).collect();
        steps.push(Step::Pending);
        let outcome = run::<W>(verifier(&image, true), Source::new(steps));
        assert_eq!((outcome.pending, outcome.end), (31, Ok(())));
        assert!(outcome.bytes == image);
    }
    for_each_stream!(may_be_pending);
}

#[test]
fn a_failing_source_fails_the_stream_for_good() {
    fn fails<W: Withholds>() {
        let image = image(300_000);
        for before in [0, 1, 15, 30] {
            let mut steps = cut(&image, &[10_000]);
            steps.insert(before, Step::Fail(io::ErrorKind::ConnectionReset));
            let outcome = run::<W>(verifier(&image, true), Source::new(steps));
            assert_eq!(outcome.end, Err(ErrorCode::StreamSourceFailed));
            assert!(outcome.bytes.len() <= (before * 10_000).saturating_sub(MIN_WITHHELD), "too much");
            let Err(StreamError::Source(error)) = outcome.verified else { panic!("another error") };
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "the kind stays");
        }
    }
    for_each_stream!(fails);
}

#[test]
fn a_source_that_panics_fails_the_stream_for_good() {
    fn fails<W: Withholds>() {
        let image = image(300_000);
        for before in [0, 15, 30] {
            let mut steps = cut(&image, &[10_000]);
            steps.insert(before, Step::Panic);
            let mut stream = W::new(verifier(&image, true), Source::new(steps));
            let poll = |stream: &mut W| {
                while !matches!(stream.poll(&mut no_context()), Poll::Ready(Ok(None) | Err(_))) {}
            };
            assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut stream))).is_err());
            for _ in 0..2 {
                let again = stream.poll(&mut no_context());
                assert_eq!(again, Poll::Ready(Err(ErrorCode::StreamUnfinished)));
            }
            assert!(stream.into_verified().is_err());
        }
    }
    for_each_stream!(fails);
}

#[test]
fn nobody_has_a_verdict_before_the_last_byte() {
    fn has_none<W: Withholds>() {
        for length in [1, 100_000, 400_000] {
            let image = image(length);
            let given = Arc::new(AtomicUsize::new(0));
            // So often polled, and then asked.
            for polls in 0.. {
                let mut stream = W::new(verifier(&image, true), Source::new(cut(&image, &[50_000])));
                given.store(0, Ordering::Relaxed);
                for _ in 0..polls {
                    if let Poll::Ready(Ok(Some(more))) = stream.poll(&mut no_context()) {
                        given.fetch_add(more.len(), Ordering::Relaxed);
                    }
                }
                let all = given.load(Ordering::Relaxed) == length;
                match stream.into_verified() {
                    Ok(_) => assert!(all, "{length} {polls}"),
                    Err(error) => {
                        assert!(!all, "{length} {polls}");
                        assert_eq!(error.code(), ErrorCode::StreamUnfinished);
                    }
                }
                if all {
                    break;
                }
            }
        }
    }
    for_each_stream!(has_none);
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_source_that_always_has_a_little_lets_others_run() {
    fn lets_others_run<W: Withholds>() {
        for (reads, in_one_poll) in [(MAX_READS_A_POLL, true), (MAX_READS_A_POLL + 1, false)] {
            let woken = Arc::new(Woken::default());
            let waker = Waker::from(woken.clone());
            let image = image(reads as usize - 1); // the last read finds the end
            let mut stream = W::new(verifier(&image, true), Source::new(cut(&image, &[1])));
            let polled = stream.poll(&mut Context::from_waker(&waker));
            assert_eq!(polled.is_ready(), in_one_poll);
            assert_eq!(woken.0.load(Ordering::Relaxed), usize::from(!in_one_poll), "polled again at once");
        }
    }
    lets_others_run::<VerifyingAsyncRead<Source>>();
    lets_others_run::<VerifyingStream<Source>>();
    lets_others_run::<VerifyingBody<Source>>();
}

#[test]
fn an_empty_buffer_is_no_end() {
    let mut reader = VerifyingAsyncRead::new(verifier(b"abc", false), &b"abc"[..]);
    let read = Pin::new(&mut reader).poll_read(&mut no_context(), &mut ReadBuf::new(&mut []));
    assert!(matches!(read, Poll::Ready(Ok(()))));
    assert!(matches!(reader.into_verified(), Err(StreamError::Unfinished { bytes_read: 0 })));
}

#[test]
fn a_read_that_is_dropped_has_taken_nothing() {
    let image = image(300_000);
    let steps = cut(&image, &[5000]).into_iter().flat_map(|step| [step, Step::Pending]);
    let mut reader = VerifyingAsyncRead::new(verifier(&image, true), Source::new(steps));
    let (mut taken, mut dropped) = (Vec::new(), 0);
    loop {
        let mut buffer = [0; 1000];
        let read = std::pin::pin!(reader.read(&mut buffer)).poll(&mut no_context()); // dropped after one poll
        match read {
            Poll::Pending => dropped += 1,
            Poll::Ready(Ok(0)) => break,
            Poll::Ready(Ok(length)) => taken.extend_from_slice(&buffer[..length]),
            Poll::Ready(Err(error)) => panic!("{error}"),
        }
    }
    assert_eq!(dropped, 60);
    assert!(taken == image && reader.into_verified().is_ok());
}

#[test]
fn chunks_go_on_without_a_copy_where_memory_stays_bounded() {
    for (length, copied) in [
        (MIN_KEPT_CHUNK - 1, true),
        (MIN_KEPT_CHUNK, false),
        (2 * MIN_WITHHELD, false),
        (2 * MIN_WITHHELD + 1, true),
    ] {
        let image = Bytes::from(image(length));
        let source = Source::new([Step::Give(image.clone())]);
        let mut stream = VerifyingStream::new(verifier(&image, true), source);
        let mut last = None;
        while let Poll::Ready(Some(bytes)) = Pin::new(&mut stream).poll_next(&mut no_context()) {
            last = Some(bytes.unwrap());
        }
        let inside = image.as_ptr_range().contains(&last.unwrap().as_ptr());
        assert_eq!(inside, !copied, "{length}");
    }
}

#[test]
fn a_long_chunk_does_not_keep_its_memory_once_it_has_gone_on() {
    let image = Bytes::from(image(10 * MAX_WITHHELD));
    let steps = [Step::Give(Bytes::from(image.to_vec())), Step::Pending];
    let mut stream = VerifyingStream::new(verifier(&image, true), Source::new(steps));
    let Poll::Ready(Some(Ok(first))) = Pin::new(&mut stream).poll_next(&mut no_context()) else {
        panic!("nothing")
    };
    assert_eq!(first.len(), image.len() - MIN_WITHHELD);
    assert!(first.is_unique(), "the end is a copy");
}

#[test]
fn a_stream_that_has_failed_keeps_no_bytes() {
    let image = Bytes::from(image(MIN_WITHHELD));
    let steps = [Step::Give(image.clone()), Step::Fail(io::ErrorKind::ConnectionReset)];
    let mut stream = VerifyingStream::new(verifier(&image, true), Source::new(steps));
    let polled = Pin::new(&mut stream).poll_next(&mut no_context());
    assert!(matches!(polled, Poll::Ready(Some(Err(_)))) && image.is_unique());
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().max_blocking_threads(1).build().unwrap()
}

fn two_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

/// A stream whose source has one chunk of this length ready, and the chunk.
fn of_one_chunk(length: usize) -> (VerifyingStream<Source>, Vec<u8>) {
    let image = image(length);
    let source = Source::new([Step::Give(Bytes::from(image.clone()))]);
    (VerifyingStream::new(verifier(&image, true), source), image)
}

#[test]
fn a_long_chunk_is_hashed_away_from_the_runtime_and_others_in_place() {
    for (length, in_a_runtime, away) in [
        (MAX_HASHED_IN_PLACE, true, false),
        (MAX_HASHED_IN_PLACE + 1, true, true),
        (MAX_HASHED_IN_PLACE + 1, false, false),
    ] {
        let runtime = current_thread();
        let _entered = in_a_runtime.then(|| runtime.enter());
        let (mut stream, _) = of_one_chunk(length);
        let first = Pin::new(&mut stream).poll_next(&mut no_context());
        assert_eq!(first.is_pending(), away, "{length}");
        let error = stream.into_verified().unwrap_err(); // dropped, wherever it hashes
        assert_eq!(error.code(), ErrorCode::StreamUnfinished);
    }
}

#[test]
fn what_is_hashed_away_wakes_the_task_and_comes_back() {
    for runtime in [current_thread(), two_threads()] {
        let (mut stream, image) = of_one_chunk(MAX_HASHED_IN_PLACE + 1);
        let bytes = runtime.block_on(async {
            let mut bytes = Vec::new();
            while let Some(chunk) = tokio_stream::StreamExt::next(&mut stream).await {
                bytes.extend_from_slice(&chunk.unwrap());
            }
            bytes
        });
        assert!(bytes == image && stream.into_verified().is_ok());
    }
}

#[test]
fn a_stream_whose_runtime_has_ended_is_an_error_and_no_hang() {
    let runtime = current_thread();
    let handle = runtime.handle().clone();
    let _entered = handle.enter();
    runtime.shutdown_background();
    let (mut stream, _) = of_one_chunk(MAX_HASHED_IN_PLACE + 1);
    let end = Pin::new(&mut stream).poll_next(&mut no_context());
    let Poll::Ready(Some(Err(error))) = end else { panic!("no error") };
    assert_eq!(error.code(), ErrorCode::StreamUnfinished);
    assert!(stream.into_verified().is_err());
}

/// A body that says how long it is, and has trailers.
struct Promising {
    data: Source,
    hint: SizeHint,
    trailers: Option<http::HeaderMap>,
}

impl Body for Promising {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.data.steps.is_empty()
            && let Some(trailers) = self.trailers.take()
        {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        Pin::new(&mut self.data).poll_frame(context)
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

fn promising(image: &[u8], promised: Option<usize>, trailers: bool) -> Promising {
    let hint = promised.map_or_else(SizeHint::new, |length| SizeHint::with_exact(length as u64));
    let trailers = trailers.then(|| http::HeaderMap::from_iter([(http::header::ETAG, "x".parse().unwrap())]));
    Promising { data: Source::new(cut(image, &[10_000])), hint, trailers }
}

#[test]
fn trailers_come_after_a_yes_alone() {
    for (length, good) in [(0, true), (0, false), (200_000, true), (200_000, false)] {
        let image = image(length);
        let mut body = VerifyingBody::new(verifier(&image, good), promising(&image, None, true));
        let (mut data, mut trailers, mut failed) = (0, 0, false);
        while let Poll::Ready(Some(frame)) = Pin::new(&mut body).poll_frame(&mut no_context()) {
            assert_eq!(trailers, 0, "nothing comes after them");
            assert!(!body.is_end_stream() || frame.as_ref().is_ok_and(Frame::is_trailers));
            match frame {
                Ok(frame) if frame.is_trailers() => trailers += 1,
                Ok(frame) => data += frame.into_data().unwrap().len(),
                Err(_) => {
                    failed = true;
                    break;
                }
            }
        }
        assert_eq!((trailers, failed), (usize::from(good), !good), "{length}");
        assert_eq!(data == length && !failed, good);
        assert_eq!(body.is_end_stream(), good);
    }
}

#[test]
fn a_body_is_exactly_as_long_as_its_source_says_or_fails_before_so_much_has_gone_on() {
    for (length, promised, code) in [
        (200_000, None, None),
        (200_000, Some(200_000), None),
        (200_000, Some(199_999), Some(ErrorCode::StreamSourceFailed)),
        (200_000, Some(100_000), Some(ErrorCode::StreamSourceFailed)),
        (200_000, Some(200_001), Some(ErrorCode::StreamSourceFailed)),
        (1, Some(0), Some(ErrorCode::StreamSourceFailed)),
        (0, Some(0), None),
        (0, None, None),
    ] {
        let image = image(length);
        let mut body = VerifyingBody::new(verifier(&image, true), promising(&image, promised, false));
        assert!(!body.is_end_stream(), "not before the verdict, of no bytes either");
        let mut given = 0;
        let end = loop {
            let left = promised.filter(|promised| *promised > 0).map(|promised| (promised - given) as u64);
            if given < length && !matches!((body.size_hint().exact(), left), (exact, left) if exact == left) {
                // After the verdict it is exact whatever was promised.
                assert_eq!(body.size_hint().exact(), Some((length - given) as u64));
            }
            if length == 0 {
                assert_eq!(body.size_hint().exact(), None, "a server would not poll");
            }
            match Pin::new(&mut body).poll_frame(&mut no_context()) {
                Poll::Ready(None) => break None,
                Poll::Ready(Some(Ok(frame))) => given += frame.into_data().unwrap().len(),
                Poll::Ready(Some(Err(error))) => break Some(error.code()),
                Poll::Pending => panic!("pending"),
            }
        };
        assert_eq!(end, code, "{length} {promised:?}");
        match code {
            None => {
                assert_eq!(given, length);
                assert_eq!(body.size_hint().exact(), Some(0));
                assert!(body.is_end_stream());
            }
            Some(_) => assert!(promised.is_none_or(|promised| given < promised.max(1))),
        }
    }
}

/// What a client reads off the wire from a real server that answers with this body.
fn served(
    request: &'static str,
    body: impl Fn() -> VerifyingBody<Promising> + Send + Sync + 'static,
) -> String {
    use tokio::io::AsyncWriteExt;
    current_thread().block_on(async move {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        let service = hyper::service::service_fn(move |_| {
            let response = http::Response::new(body());
            async move { Ok::<_, Infallible>(response) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(hyper_util::rt::TokioIo::new(server), service);
        client.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        let connection = tokio::spawn(connection);
        client.read_to_end(&mut response).await.unwrap();
        let served = connection.await.unwrap();
        let response = String::from_utf8_lossy(&response).into_owned();
        if served.is_err() { format!("{response} [broken off]") } else { response }
    })
}

#[test]
fn no_client_of_a_server_takes_a_bad_image_for_whole() {
    const REQUEST: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (length, promised) in [(0, None), (0, Some(0)), (5, None), (5, Some(5)), (200_000, Some(200_000))] {
        for good in [true, false] {
            let response = served(REQUEST, move || {
                let image = image(length);
                VerifyingBody::new(verifier(&image, good), promising(&image, promised, false))
            });
            let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
            let whole = match head.to_lowercase().split_once("content-length: ") {
                Some((_, rest)) => {
                    let length: usize =
                        rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
                    image(length).len() == body.len() || String::from_utf8_lossy(&image(length)) == body
                }
                None => head.to_lowercase().contains("chunked") && body.ends_with("0\r\n\r\n"),
            };
            assert_eq!(whole, good, "{length} {promised:?}: {head}");
            assert_eq!(response.ends_with("[broken off]"), !good, "{length} {promised:?}: {head}");
        }
    }
}

#[test]
fn streams_travel_between_threads() {
    fn assert_travels<T: Send + Sync + 'static>() {}
    assert_travels::<VerifyingAsyncRead<tokio::fs::File>>();
    assert_travels::<VerifyingStream<Source>>();
    assert_travels::<VerifyingBody<Source>>();
}
