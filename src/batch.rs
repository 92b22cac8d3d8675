//! Many images at once: what one stream's hash leaves idle, another's uses.

use std::fmt;
use std::io::{self, Read};
use std::iter::{Enumerate, Fuse};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::limits::{MAX_BATCH_STREAMS, MAX_BATCH_THREADS};
use crate::read_ahead::{self, Filled};
use crate::verifier::{StreamError, StreamVerifier};

mod worker;

use worker::{Answer, Message, Pending, Stream};

/// Verifies many images together, each as it would be verified alone, in less time: a processor core hashes two streams by
/// SHA-224 or SHA-256, or four by SHA-384 or SHA-512, nearly twice as fast as one after the other.
///
/// Each image is a verifier, a [`SignatureVerifier`](crate::SignatureVerifier) or an
/// [`ImageVerification`](crate::ImageVerification), and a source of its bytes. They may differ in hash method and length.
/// [`Decision::Verify`](crate::Decision::Verify) boxes its verifier, and is taken as it is. A batch has one type of verifier
/// and one of source: `Box<dyn Read + Send>` mixes files and downloads.
///
/// Each source is read on a thread of its own. One that fails, that panics or that breaks off spoils its own verdict alone,
/// which is then [`StreamError::Source`]. A slow one holds up none that is being read, but keeps its place: while all places
/// are taken by sources that wait, no other image begins, and there is no time limit. Give sources limits of their own.
/// Memory does not grow with the images: up to 2 MiB for each that is being read.
///
/// ```
/// use std::fs::File;
/// use longhand::{BatchVerifier, SignatureVerifier};
/// # use longhand::{DirectoryKeyManager, KeyManager, SignatureProperties};
/// # let record: serde_json::Value =
/// #     serde_json::from_slice(&std::fs::read("test-vectors/walkthrough/glance/properties.json")?)?;
/// # let texts = record["properties"].as_object().unwrap().iter();
/// # let properties = SignatureProperties::from_properties(texts.filter_map(|(k, v)| Some((k, v.as_str()?))))?.unwrap();
/// # let key_manager = DirectoryKeyManager::new("test-vectors/walkthrough/glance/certs");
/// # let certificate = key_manager.certificate(properties.certificate_id())?.certificate;
///
/// let mut images = Vec::new();
/// for name in ["image.qcow2", "properties.json"] {
///     let verifier = SignatureVerifier::new(&properties, &certificate)?;
///     images.push((verifier, File::open(format!("test-vectors/walkthrough/glance/{name}"))?));
/// }
/// let verdicts = BatchVerifier::new(2).verify(images);
/// assert!(verdicts[0].is_ok());
/// assert!(verdicts[1].is_err()); // signed is the image, not the file with its properties
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct BatchVerifier {
    threads: usize,
    streams_per_thread: usize,
}

impl BatchVerifier {
    /// Verifies with so many threads that hash, each with four images at a time: for a machine's whole speed as many
    /// threads as [`available_parallelism`](std::thread::available_parallelism) says. At least one, and at most
    /// [`MAX_BATCH_THREADS`].
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self { threads: threads.clamp(1, MAX_BATCH_THREADS), streams_per_thread: 4 }
    }

    /// How many images each thread has at a time, four unless said: more serve slow sources, and mixed hash methods. At least
    /// one, and at most [`MAX_BATCH_STREAMS`].
    #[must_use]
    pub fn streams_per_thread(mut self, streams: usize) -> Self {
        self.streams_per_thread = streams.clamp(1, MAX_BATCH_STREAMS);
        self
    }

    /// The verdict on each image, in the order of the images.
    ///
    /// An image is taken from `images` when there is room for it: an iterator may open its files one by one. A source that
    /// never ends keeps all verdicts back; [`verdicts`](Self::verdicts) gives the others meanwhile.
    pub fn verify<V, R>(
        &self,
        images: impl IntoIterator<Item = (V, R)>,
    ) -> Vec<Result<V::Verdict, StreamError>>
    where
        V: StreamVerifier<Verdict: Send> + Send + 'static,
        R: Read + Send + 'static,
    {
        let mut verdicts: Vec<_> = self.verdicts(images).collect();
        verdicts.sort_unstable_by_key(|(place, _)| *place);
        verdicts.into_iter().map(|(_, verdict)| verdict).collect()
    }

    /// The verdict on each image with the image's place among them, as soon as it falls: for whoever has many, or cannot
    /// wait for a source that may never end.
    ///
    /// Images are taken in `next`, on the caller's thread: a slow iterator, or a pause between two calls, delays those that
    /// are not begun. An image that cannot be begun, because its file cannot be opened, has no place here.
    pub fn verdicts<I, V, R>(&self, images: I) -> Verdicts<I::IntoIter, V>
    where
        I: IntoIterator<Item = (V, R)>,
        V: StreamVerifier<Verdict: Send> + Send + 'static,
        R: Read + Send + 'static,
    {
        let (workers, failure) = start_workers(self.threads);
        let (answer, answers) = channel();
        Verdicts {
            images: images.into_iter().enumerate().fuse(),
            workers,
            failure,
            streams_per_worker: self.streams_per_thread,
            answer,
            answers,
        }
    }
}

/// As many threads as the system gives, and what it said when it gave no more.
fn start_workers<V>(threads: usize) -> (Vec<Worker<V>>, Option<io::Error>)
where
    V: StreamVerifier<Verdict: Send> + Send + 'static,
{
    let mut workers = Vec::new();
    for _ in 0..threads {
        let (messages, inbox) = channel();
        let work = move || worker::run(&inbox);
        match thread::Builder::new().name("longhand-hash".to_owned()).spawn(work) {
            Ok(_) => workers.push(Worker { messages, streams: 0 }),
            Err(error) => return (workers, Some(error)),
        }
    }
    (workers, None)
}

/// The verdicts of [`BatchVerifier::verdicts`]. Images that have none yet when this is dropped are given up: nobody waits
/// for their sources.
#[must_use = "nothing is read unless verdicts are asked for"]
pub struct Verdicts<I, V: StreamVerifier> {
    images: Fuse<Enumerate<I>>,
    workers: Vec<Worker<V>>,
    /// Why there are not as many workers as were asked for.
    failure: Option<io::Error>,
    streams_per_worker: usize,
    answer: Sender<Answer<V>>,
    answers: Receiver<Answer<V>>,
}

/// A thread that hashes, seen from here.
struct Worker<V: StreamVerifier> {
    messages: Sender<Message<V>>,
    /// How many streams it has.
    streams: usize,
}

impl<I, V, R> Iterator for Verdicts<I, V>
where
    I: Iterator<Item = (V, R)>,
    V: StreamVerifier<Verdict: Send> + Send + 'static,
    R: Read + Send + 'static,
{
    type Item = (usize, Result<V::Verdict, StreamError>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.workers.is_empty() {
            let (place, _) = self.images.next()?;
            return Some((place, Err(StreamError::Source(no_thread(self.failure.as_ref()).into()))));
        }
        self.hand_out();
        if self.workers.iter().all(|worker| worker.streams == 0) {
            return None;
        }
        let answer = self.answers.recv().ok()?;
        if let Some(worker) = self.workers.get_mut(answer.worker) {
            worker.streams = worker.streams.saturating_sub(1);
        }
        Some((answer.place, answer.verdict))
    }
}

impl<I, V, R> Verdicts<I, V>
where
    I: Iterator<Item = (V, R)>,
    V: StreamVerifier<Verdict: Send> + Send + 'static,
    R: Read + Send + 'static,
{
    /// Gives images to the workers that have the fewest, while one has room and there are images.
    fn hand_out(&mut self) {
        while let Some((number, worker)) = self.workers.iter_mut().enumerate().min_by_key(|(_, w)| w.streams)
            && worker.streams < self.streams_per_worker
            && let Some((place, (verifier, source))) = self.images.next()
        {
            worker.streams = worker.streams.saturating_add(1);
            worker.begin(Pending::new(place, number, self.answer.clone()), verifier, source);
        }
    }
}

impl<V: StreamVerifier<Verdict: Send> + Send + 'static> Worker<V> {
    fn begin(&self, pending: Pending<V>, verifier: V, source: impl Read + Send + 'static) {
        let place = pending.place();
        let (empty, from_worker) = channel();
        // If the worker is gone, the message is dropped, and so answered: see `Pending`.
        let _ = self.messages.send(Message::Begin(Box::new(Stream::new(pending, verifier, empty))));
        let messages = self.messages.clone();
        let tell = move |filled| messages.send(Message::Filled(place, filled)).is_ok();
        if let Err(error) = read_ahead::spawn(source, from_worker, tell) {
            let _ = self.messages.send(Message::Filled(place, Filled::Failed(error)));
        }
    }
}

impl<I, V: StreamVerifier> Drop for Verdicts<I, V> {
    fn drop(&mut self) {
        for worker in &self.workers {
            let _ = worker.messages.send(Message::Stop);
        }
    }
}

impl<I, V: StreamVerifier> fmt::Debug for Verdicts<I, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let active = self.workers.iter().fold(0, |sum: usize, worker| sum.saturating_add(worker.streams));
        f.debug_struct("Verdicts").field("active", &active).finish_non_exhaustive()
    }
}

fn no_thread(failure: Option<&io::Error>) -> io::Error {
    failure.map_or_else(
        || io::Error::other("there is no thread to hash with"),
        |error| io::Error::new(error.kind(), format!("there is no thread to hash with: {error}")),
    )
}
