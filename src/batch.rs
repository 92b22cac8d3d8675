//! Many images at once: what one stream's hash leaves idle, another's uses.

use std::fmt;
use std::io::{self, Read};
use std::iter::{Enumerate, Fuse};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::limits::{MAX_BATCH_STREAMS, MAX_BATCH_THREADS};
use crate::read_ahead;
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
/// are taken by sources that wait, no other image begins, and there is no time limit. Give sources limits of their own. Where
/// the system gives no more threads, images wait until others have left theirs.
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
        let (answer, answers) = channel();
        Verdicts {
            images: images.into_iter().enumerate().fuse(),
            held: None,
            workers: Vec::new(),
            threads: self.threads,
            streams_per_worker: self.streams_per_thread,
            answer,
            answers,
        }
    }
}

/// The verdicts of [`BatchVerifier::verdicts`]. Images that have none yet when this is dropped are given up: nobody waits
/// for their sources.
#[must_use = "nothing is read unless verdicts are asked for"]
pub struct Verdicts<I: Iterator, V: StreamVerifier> {
    images: Fuse<Enumerate<I>>,
    /// An image for which the system gave no thread: it waits until another image has its verdict.
    held: Option<(usize, I::Item)>,
    /// Started as they are needed.
    workers: Vec<Worker<V>>,
    threads: usize,
    streams_per_worker: usize,
    answer: Sender<Answer<V>>,
    answers: Receiver<Answer<V>>,
}

/// A thread that hashes, seen from here.
struct Worker<V: StreamVerifier> {
    messages: Sender<Message<V>>,
    is_alive: bool,
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
        if let Some((place, error)) = self.hand_out() {
            return Some((place, Err(StreamError::Source(no_thread(&error).into()))));
        }
        if !self.is_busy() {
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
    /// Gives images to the workers while there are images and room. Where the system gives no thread, the image waits for
    /// one that another leaves; if no other is being read, there will be none: that image, and why.
    fn hand_out(&mut self) -> Option<(usize, io::Error)> {
        while self.has_room() {
            let (place, (verifier, source)) = self.held.take().or_else(|| self.images.next())?;
            if let Err((error, image)) = self.begin(place, verifier, source) {
                if !self.is_busy() {
                    return Some((place, error));
                }
                self.held = Some((place, image));
                return None;
            }
        }
        None
    }

    fn begin(&mut self, place: usize, verifier: V, source: R) -> Result<(), (io::Error, (V, R))> {
        let answer = self.answer.clone();
        match self.worker() {
            Ok((number, worker)) => worker.begin(Pending::new(place, number, answer), verifier, source),
            Err(error) => Err((error, (verifier, source))),
        }
    }

    /// The worker for the next image: one that has none, a new one, or the one that has the fewest.
    fn worker(&mut self) -> io::Result<(usize, &mut Worker<V>)> {
        let alive = self.workers.iter().filter(|worker| worker.is_alive);
        let has_idle = alive.clone().any(|worker| worker.streams == 0);
        let mut failure = None;
        if !has_idle && alive.count() < self.threads {
            match Worker::start() {
                Ok(worker) => self.workers.push(worker),
                Err(error) => failure = Some(error),
            }
        }
        let room = self.streams_per_worker;
        let with_room = self.workers.iter_mut().enumerate().filter(|(_, worker)| worker.has_room(room));
        let found = with_room.min_by_key(|(_, worker)| worker.streams);
        found.ok_or_else(|| failure.unwrap_or_else(|| io::Error::other("no thread is left to hash with")))
    }

    fn has_room(&self) -> bool {
        self.workers.iter().filter(|worker| worker.is_alive).count() < self.threads
            || self.workers.iter().any(|worker| worker.has_room(self.streams_per_worker))
    }
}

impl<I: Iterator, V: StreamVerifier> Verdicts<I, V> {
    /// Whether an image is being read.
    fn is_busy(&self) -> bool {
        self.workers.iter().any(|worker| worker.streams > 0)
    }
}

impl<V: StreamVerifier<Verdict: Send> + Send + 'static> Worker<V> {
    fn has_room(&self, room: usize) -> bool {
        self.is_alive && self.streams < room
    }

    fn start() -> io::Result<Self> {
        let (messages, inbox) = channel();
        thread::Builder::new().name("longhand-hash".to_owned()).spawn(move || worker::run(&inbox))?;
        Ok(Self { messages, is_alive: true, streams: 0 })
    }

    /// Reads and hashes the image; gives it back where the system gives no thread to read with.
    fn begin<R: Read + Send + 'static>(
        &mut self,
        pending: Pending<V>,
        verifier: V,
        source: R,
    ) -> Result<(), (io::Error, (V, R))> {
        let place = pending.place();
        let (empty, from_worker) = channel();
        let messages = self.messages.clone();
        let tell = move |filled| messages.send(Message::Filled(place, filled)).is_ok();
        let hand_over = match read_ahead::spawn(from_worker, tell) {
            Ok(hand_over) => hand_over,
            Err(error) => {
                pending.forget();
                return Err((error, (verifier, source)));
            }
        };
        // If the worker is gone, the message is dropped, and so answered: see `Pending`.
        let begin = Message::Begin(Box::new(Stream::new(pending, verifier, empty)));
        self.is_alive = self.messages.send(begin).is_ok();
        self.streams = self.streams.saturating_add(1);
        let _ = hand_over.send(source);
        Ok(())
    }
}

impl<I: Iterator, V: StreamVerifier> Drop for Verdicts<I, V> {
    fn drop(&mut self) {
        for worker in &self.workers {
            let _ = worker.messages.send(Message::Stop);
        }
    }
}

impl<I: Iterator, V: StreamVerifier> fmt::Debug for Verdicts<I, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let active = self.workers.iter().fold(0, |sum: usize, worker| sum.saturating_add(worker.streams));
        f.debug_struct("Verdicts").field("active", &active).finish_non_exhaustive()
    }
}

fn no_thread(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("the system gives no thread: {error}"))
}
