//! What operators see: lines in the words and at the levels of the services, spans that follow tasks, and nothing that a
//! stranger put there or that is secret.

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

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use common::chain::time;
use longhand::{
    AsyncKeyManager, BoxFuture, CinderSettings, Decision, Delivery, DirectoryKeyManager, ImageError,
    ImageRecord, ImageRequest, ImageVerifier, KeyManager, KeyManagerError, MemoryKeyManager, NovaSettings,
    Receipt, StoredCertificate, TrustStore, VerificationPolicy, VerifiedImage,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata, Subscriber};

/// Keeps what one thread sees.
#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Captured>>);

#[derive(Default)]
struct Captured {
    spans: Vec<Span>,
    entered: Vec<usize>,
    lines: Vec<Line>,
}

#[derive(Clone)]
struct Span {
    name: &'static str,
    fields: Fields,
    parent: Option<usize>,
}

#[derive(Clone)]
struct Line {
    level: Level,
    fields: Fields,
    /// The spans around it, the outermost first.
    within: Vec<String>,
}

#[derive(Clone, Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Captured {
    fn shown(&self, span: usize) -> String {
        let Span { name, fields, .. } = &self.spans[span];
        let mut shown = (*name).to_owned();
        for (name, value) in &fields.0 {
            write!(shown, " {name}={value}").unwrap();
        }
        shown
    }
}

impl Subscriber for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "longhand" || metadata.target() == "test"
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut captured = self.0.lock().unwrap();
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let name = attributes.metadata().name();
        let parent = captured.entered.last().copied();
        assert!(attributes.is_contextual() && *attributes.metadata().level() == Level::INFO);
        captured.spans.push(Span { name, fields, parent });
        Id::from_u64(captured.spans.len().try_into().unwrap())
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut captured = self.0.lock().unwrap();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let within = captured.entered.iter().map(|&span| captured.shown(span)).collect();
        captured.lines.push(Line { level: *event.metadata().level(), fields, within });
    }

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().entered.push(index(span));
    }

    fn exit(&self, span: &Id) {
        let left = self.0.lock().unwrap().entered.pop();
        assert_eq!(
            left,
            Some(index(span)),
            "spans are left in the order opposite to the one they are entered in"
        );
    }
}

fn index(span: &Id) -> usize {
    usize::try_from(span.into_u64()).unwrap() - 1
}

impl Capture {
    fn of<T>(work: impl FnOnce(&Self) -> T) -> (T, Captured) {
        let capture = Self::default();
        let outcome = tracing::subscriber::with_default(capture.clone(), || work(&capture));
        let captured = std::mem::take(&mut *capture.0.lock().unwrap());
        assert!(captured.entered.is_empty());
        (outcome, captured)
    }

    fn is_outside(&self) -> bool {
        self.0.lock().unwrap().entered.is_empty()
    }
}

impl Line {
    fn text(&self) -> &str {
        &self.fields.0["message"]
    }
}

const IMAGE: &str = "image-1";
const SIGNER: &str = "125e6199-2de4-46e3-b091-8e2401ef0d63";
const TRUSTED: [&str; 3] = [
    "0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8",
    "674736e3-f25c-405c-8362-bbf991e0ce0a",
    "8fbcce5d-d646-4295-ba8a-269fc9451eeb",
];

/// Nova's walkthrough, and what is changed in it.
#[derive(Clone)]
struct Walkthrough {
    properties: BTreeMap<String, String>,
    image: Vec<u8>,
    record: ImageRecord,
    delivery: Delivery,
    is_reachable: bool,
    receipt: Option<Receipt>,
}

impl Walkthrough {
    fn new() -> Self {
        let folder = common::vectors().join("walkthrough/nova");
        let record: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.join("properties.json")).unwrap()).unwrap();
        let texts = record["properties"].as_object().unwrap().iter();
        let properties = texts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        Self {
            properties: properties.filter(|(name, _)| name.starts_with("img_signature")).collect(),
            image: std::fs::read(folder.join("image.qcow2")).unwrap(),
            record: ImageRecord::new(),
            delivery: Delivery::Downloaded,
            is_reachable: true,
            receipt: None,
        }
    }

    /// In a cache, with the receipt of an earlier verification that trusted all.
    fn cached_with_receipt(self) -> Self {
        let request = self.request().trusted_ids(TRUSTED);
        let verified = self.verify(VerificationPolicy::trusted(), request).unwrap().unwrap();
        Self { delivery: Delivery::Cached, receipt: Some(verified.receipt()), ..self }
    }

    fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.insert(name.to_owned(), value.to_owned());
        self
    }

    fn request(&self) -> ImageRequest {
        let request = ImageRequest::new(IMAGE, &self.properties)
            .at(time("2030-01-01T00:00:00Z"))
            .record(self.record.clone())
            .delivery(self.delivery);
        self.receipt.iter().cloned().fold(request, ImageRequest::receipt)
    }

    /// `None` for an image that is neither verified nor refused.
    fn verify(
        &self,
        policy: VerificationPolicy,
        request: ImageRequest,
    ) -> Option<Result<VerifiedImage, ImageError>> {
        let images = ImageVerifier::builder().policy(policy).build();
        let decision = match self.is_reachable {
            true => images.begin(&certificates(), request),
            false => images.begin(&Unreachable, request),
        };
        match decision {
            Ok(Decision::Verify(mut verification)) => {
                verification.write_all(&self.image).unwrap();
                Some(verification.verify())
            }
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

fn certificates() -> DirectoryKeyManager {
    DirectoryKeyManager::new(common::vectors().join("walkthrough/nova/certs"))
}

/// Says a secret, on several lines and at length.
#[derive(Debug)]
struct Unreachable;

impl KeyManager for Unreachable {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        let said = format!("no route\r\nERROR forged\u{1b}[2J{}", "x".repeat(1_000_000));
        Err(KeyManagerError::unavailable(id, std::io::Error::other(said)))
    }
}

fn policy(name: &str) -> VerificationPolicy {
    match name {
        "trusted" => VerificationPolicy::trusted(),
        "required" => VerificationPolicy::required(),
        "nova" => VerificationPolicy::nova(NovaSettings::new().verify_glance_signatures(true)),
        "nova with chains" => VerificationPolicy::nova(
            NovaSettings::new().verify_glance_signatures(true).enable_certificate_validation(true),
        ),
        "glance" => VerificationPolicy::glance(),
        "cinder" => VerificationPolicy::cinder(CinderSettings::new()),
        other => panic!("{other}"),
    }
}

/// An outcome by its name: the image, and the trusted ids of the request.
fn outcome(name: &str) -> (Walkthrough, Option<Vec<&'static str>>) {
    let signed = Walkthrough::new();
    let all = Some(TRUSTED.to_vec());
    match name {
        "good" => (signed, None),
        "good, with trust" => (signed, all),
        "good, with an id too many" => (signed, Some([&TRUSTED[..], &["absent", "a\nb"]].concat())),
        "no root" => (signed, Some(TRUSTED[..2].to_vec())),
        "an empty list" => (signed, Some(Vec::new())),
        "changed" | "changed, with trust" => {
            let mut changed = signed;
            changed.image[6000] ^= 1;
            (changed, all.filter(|_| name != "changed"))
        }
        "another size" => (Walkthrough { record: ImageRecord::new().size(1), ..signed }, None),
        "signed in part" => {
            let mut part = signed;
            part.properties.remove("img_signature");
            (part, None)
        }
        "not signed" => (Walkthrough { properties: BTreeMap::new(), ..signed }, None),
        "no base64" => (signed.property("img_signature", "?"), None),
        "no signature" => (signed.property("img_signature", "QQ=="), None),
        "no certificate" => (signed.property("img_signature_certificate_uuid", "absent"), None),
        "no key manager" => (Walkthrough { is_reachable: false, ..signed }, None),
        "cloned" => (Walkthrough { delivery: Delivery::ClonedInStore, ..signed }, None),
        "cloned, with trust" => (Walkthrough { delivery: Delivery::ClonedInStore, ..signed }, all),
        "a receipt, with trust" => (signed.cached_with_receipt(), all),
        "a receipt, no root" => (signed.cached_with_receipt(), Some(TRUSTED[..2].to_vec())),
        "a receipt, another size" => {
            (Walkthrough { record: ImageRecord::new().size(1), ..signed.cached_with_receipt() }, all)
        }
        other => panic!("{other}"),
    }
}

const SET_UP: &str = "ERROR Image signature verification failed for image: image-1";
const DATA: &str = "ERROR Image signature verification failed for image image-1";
const GOOD: &str = "INFO Image signature verification succeeded for image image-1";
const CHAIN: &str = "DEBUG Image signature certificate validation succeeded for certificate: 125e6199-2de4-46e3-b091-8e2401ef0d63";
const NO_CHAIN: &str = "WARN Image signature certificate validation failed for certificate: 125e6199-2de4-46e3-b091-8e2401ef0d63";
const NOT_ASKED: &str = "DEBUG Certificate validation was not performed. A list of trusted image certificate IDs must be \
    provided in order to validate an image certificate.";
const NOTHING_TO_TRUST: &str = "WARN Image signature certificate validation enabled, but no trusted certificate IDs were \
    provided. Unable to validate the certificate used to verify the image signature.";
const GLANCE: &str = "ERROR Signature verification failed for image image-1: E";
const GLANCE_GOOD: &str = "INFO Successfully verified signature for image image-1";
const CINDER_SET_UP: &str = "ERROR Failed to get verifier for image: image-1";
const CINDER_DATA: &str = "ERROR Image signature verification failed for image: image-1";
const CINDER_GOOD: &str = "INFO Image signature verification succeeded for image: image-1";
const CINDER_PART: &str = "ERROR Image signature metadata for image image-1 is incomplete.";

/// Policy, outcome, lines. `E` is the error's text.
const LINES: &[(&str, &str, &[&str])] = &[
    ("trusted", "good, with trust", &[CHAIN, GOOD]),
    ("trusted", "changed, with trust", &[CHAIN, DATA]),
    ("trusted", "no root", &[NO_CHAIN]),
    ("trusted", "good", &[NOTHING_TO_TRUST]),
    ("trusted", "an empty list", &[SET_UP]),
    ("trusted", "not signed", &[SET_UP]),
    ("trusted", "cloned, with trust", &[SET_UP]),
    ("trusted", "a receipt, with trust", &[CHAIN]),
    ("trusted", "a receipt, no root", &[NO_CHAIN]),
    ("trusted", "a receipt, another size", &[SET_UP]),
    (
        "trusted",
        "good, with an id too many",
        &[
            "WARN Skipping trusted certificate: absent",
            r#"WARN Skipping trusted certificate: "a\nb""#,
            CHAIN,
            GOOD,
        ],
    ),
    ("required", "good", &[NOT_ASKED, GOOD]),
    ("required", "changed", &[NOT_ASKED, DATA]),
    ("required", "good, with trust", &[CHAIN, GOOD]),
    ("required", "no root", &[NO_CHAIN]),
    ("required", "not signed", &[SET_UP]),
    ("required", "cloned", &[]),
    ("nova", "good", &[NOT_ASKED, GOOD]),
    ("nova", "good, with trust", &[CHAIN, GOOD]),
    ("nova", "changed", &[NOT_ASKED, DATA]),
    ("nova", "another size", &[NOT_ASKED, DATA]),
    ("nova", "no root", &[NO_CHAIN]),
    ("nova", "signed in part", &[SET_UP]),
    ("nova", "not signed", &[SET_UP]),
    ("nova", "no base64", &[SET_UP]),
    ("nova", "no signature", &[SET_UP]),
    ("nova", "no certificate", &[SET_UP]),
    ("nova", "no key manager", &[SET_UP]),
    ("nova with chains", "a receipt, no root", &[NO_CHAIN]),
    ("nova with chains", "good", &[NOTHING_TO_TRUST]),
    ("nova with chains", "not signed", &[SET_UP]),
    ("glance", "good", &[GLANCE_GOOD]),
    ("glance", "changed", &[GLANCE]),
    ("glance", "another size", &[GLANCE]),
    ("glance", "no base64", &[GLANCE]),
    ("glance", "no certificate", &[GLANCE]),
    ("glance", "no root", &[GLANCE]),
    ("glance", "signed in part", &[]),
    ("glance", "not signed", &[]),
    ("cinder", "good", &[CINDER_GOOD]),
    ("cinder", "changed", &[CINDER_DATA]),
    ("cinder", "another size", &[CINDER_DATA]),
    ("cinder", "signed in part", &[CINDER_PART]),
    ("cinder", "no base64", &[CINDER_SET_UP]),
    ("cinder", "no certificate", &[CINDER_SET_UP]),
    ("cinder", "no root", &[CINDER_SET_UP]),
    ("cinder", "not signed", &[]),
    ("cinder", "cloned", &[]),
];

#[test]
fn each_outcome_is_logged_in_the_words_of_the_policys_service() {
    for (name, what, expected) in LINES {
        let (image, ids) = outcome(what);
        let request = ids.iter().fold(image.request(), ImageRequest::trusted_ids);
        let (verdict, captured) = Capture::of(|_| image.verify(policy(name), request));
        let error = verdict.as_ref().and_then(|verdict| verdict.as_ref().err());
        let text = error.map(ToString::to_string).unwrap_or_default();
        let expected: Vec<_> =
            expected.iter().map(|line| line.replace(": E", &format!(": {text}"))).collect();
        let lines: Vec<_> =
            captured.lines.iter().map(|line| format!("{} {}", line.level, line.text())).collect();
        assert_eq!(lines, expected, "{name}, {what}");
        // A refusal is one line, and says which.
        if let (Some(error), Some(line)) = (error, captured.lines.last()) {
            assert_eq!(line.fields.0["code"], error.code().name(), "{name}, {what}");
        }
    }
}

#[test]
fn a_refusals_reason_is_beside_its_line() {
    let (image, ids) = outcome("no root");
    let (verdict, captured) =
        Capture::of(|_| image.verify(policy("trusted"), image.request().trusted_ids(ids.unwrap())));
    let error = verdict.unwrap().unwrap_err().to_string();
    assert!(error.starts_with("Certificate chain building failed"), "{error}");
    assert_eq!(captured.lines[0].fields.0["error"], error);
}

/// A plan, for drivers of their own, is the same, and a service that streams asks `verify()` through the stream.
#[test]
fn every_way_to_a_verdict_is_logged() {
    let nova = Walkthrough::new();
    let images = ImageVerifier::builder().policy(policy("required")).build();
    let ((), captured) = Capture::of(|_| {
        let plan = images.plan(nova.request()).unwrap();
        let Decision::Verify(verification) =
            plan.begin([(SIGNER.to_owned(), certificates().certificate(SIGNER))]).unwrap()
        else {
            panic!("not to be verified")
        };
        let mut stream = longhand::VerifyingReader::new(*verification, nova.image.as_slice());
        std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
    });
    let texts: Vec<_> = captured.lines.iter().map(|line| format!("{} {}", line.level, line.text())).collect();
    assert_eq!(texts, [NOT_ASKED, GOOD]);
}

#[test]
fn fetch_and_chain_lie_in_begin_and_lines_in_their_span() {
    let nova = Walkthrough::new();
    let (verdict, captured) =
        Capture::of(|_| nova.verify(policy("trusted"), nova.request().trusted_ids(TRUSTED)));
    assert!(verdict.unwrap().is_ok());
    let spans: Vec<_> = (0..captured.spans.len()).map(|span| captured.shown(span)).collect();
    let fetch = |id: &str| format!("fetch id={id}");
    let begin = "begin image=image-1 policy=trusted".to_owned();
    let verify = "verify image=image-1 policy=trusted".to_owned();
    let [a, b, c] = TRUSTED.map(fetch);
    assert_eq!(
        spans,
        [begin.clone(), fetch(SIGNER), a, b, c, format!("chain certificate={SIGNER}"), verify.clone()]
    );
    let parents: Vec<_> = captured.spans.iter().map(|span| span.parent).collect();
    assert_eq!(parents, [None, Some(0), Some(0), Some(0), Some(0), Some(0), None]);
    let within: Vec<_> = captured.lines.iter().map(|line| line.within.clone()).collect();
    assert_eq!(within, [vec![begin], vec![verify]]);
}

/// Says to whoever listens that it is polled, each time, and answers at the last of them.
#[derive(Debug)]
struct Slow(MemoryKeyManager);

/// How often one id is polled: not as often as another.
fn polls(id: &str) -> usize {
    2 + usize::from(id.as_bytes()[0] % 3)
}

impl AsyncKeyManager for Slow {
    fn certificate<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<StoredCertificate, KeyManagerError>> {
        let mut left = polls(id);
        Box::pin(std::future::poll_fn(move |_| {
            tracing::info!(target: "test", "{id}");
            left -= 1;
            if left == 0 { Poll::Ready(self.0.certificate(id)) } else { Poll::Pending }
        }))
    }
}

#[test]
fn two_requests_that_one_thread_polls_in_turn_keep_their_spans_apart() {
    let nova = Walkthrough::new();
    let stored = |id: &str| (id.to_owned(), certificates().certificate(id).unwrap());
    let ids = [SIGNER, TRUSTED[0], TRUSTED[1], TRUSTED[2]];
    let key_manager = Slow(ids.map(stored).into_iter().collect());
    let images = ImageVerifier::builder().policy(policy("trusted")).build();
    let request = |image_id| {
        ImageRequest::new(image_id, &nova.properties).trusted_ids(TRUSTED).at(time("2030-01-01T00:00:00Z"))
    };
    let ((), captured) = Capture::of(|capture| {
        let mut tasks = ["one", "two"]
            .map(|image_id| Some(Box::pin(images.begin_async(&key_manager, request(image_id)))));
        while tasks.iter().any(Option::is_some) {
            for task in &mut tasks {
                let context = &mut Context::from_waker(Waker::noop());
                if task.as_mut().is_some_and(|task| task.as_mut().poll(context).is_ready()) {
                    *task = None;
                }
                assert!(capture.is_outside());
            }
        }
    });
    let mut seen = BTreeMap::new();
    for line in captured.lines.iter().filter(|line| line.fields.0.len() == 1 && line.level == Level::INFO) {
        let [begin, fetch] = line.within.as_slice() else { panic!("{:?}", line.within) };
        assert_eq!(*fetch, format!("fetch id={}", line.text()));
        *seen.entry((begin.clone(), line.text().to_owned())).or_insert(0) += 1;
    }
    for image in ["one", "two"] {
        for id in ids {
            let key = (format!("begin image={image} policy=trusted"), id.to_owned());
            assert_eq!(seen.get(&key), Some(&polls(id)), "{key:?} in {seen:?}");
        }
    }
    assert_eq!(captured.lines.iter().filter(|line| line.level == Level::DEBUG).count(), 2);
}

/// A future that is dropped half-way leaves no span entered, and what is polled next is not in it.
#[test]
fn a_request_that_is_given_up_leaves_its_spans() {
    let key_manager = Slow(MemoryKeyManager::default());
    let nova = Walkthrough::new();
    let images = ImageVerifier::builder().policy(policy("required")).build();
    let ((), captured) = Capture::of(|capture| {
        let mut given_up = Box::pin(images.begin_async(&key_manager, nova.request()));
        assert!(given_up.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(capture.is_outside());
        drop(given_up);
        assert!(capture.is_outside());
        tracing::info!(target: "test", "after");
    });
    assert_eq!(captured.lines.last().unwrap().text(), "after");
    assert!(captured.lines.last().unwrap().within.is_empty());
}

#[test]
fn a_trust_store_fetches_in_spans_too() {
    let ids = [TRUSTED[0], "absent"];
    let (_, captured) = Capture::of(|_| TrustStore::from_key_manager(&certificates(), &ids).unwrap());
    let spans: Vec<_> = (0..captured.spans.len()).map(|span| captured.shown(span)).collect();
    assert_eq!(spans, ids.map(|id| format!("fetch id={id}")));
}

/// All texts that a subscriber was given.
fn texts(captured: &Captured) -> Vec<String> {
    let fields =
        captured.spans.iter().map(|span| &span.fields).chain(captured.lines.iter().map(|line| &line.fields));
    fields.flat_map(|fields| fields.0.values().cloned()).collect()
}

#[test]
fn no_id_and_no_error_can_forge_a_line() {
    let hostile = [
        "x\nERROR Image signature verification succeeded for image 1",
        "x\r\n",
        "\u{1b}[2J",
        "\u{9b}2J",
        "a\u{202e}b",
        "a\u{2028}b",
        "\0",
        "a b=\"c\"",
        &"long".repeat(10_000),
    ];
    for policy_name in ["trusted", "required", "nova", "glance", "cinder"] {
        for hostile in hostile {
            let nova = Walkthrough::new();
            let good = ImageRequest::new(hostile, &nova.properties).at(time("2030-01-01T00:00:00Z"));
            let trusting = nova.request().trusted_ids([hostile, TRUSTED[0]]);
            let naming = nova.clone().property("img_signature_certificate_uuid", hostile).request();
            let worded = nova.clone().property("img_signature_hash_method", hostile).request();
            let ((), captured) = Capture::of(|_| {
                for request in [good, trusting, naming, worded] {
                    let _ = nova.verify(policy(policy_name), request.clone());
                    let _ = Walkthrough { is_reachable: false, ..nova.clone() }
                        .verify(policy(policy_name), request);
                }
            });
            assert!(captured.lines.len() >= 4);
            for text in texts(&captured) {
                let acts = |c: char| c.is_control() || ['\u{202e}', '\u{2028}'].contains(&c);
                assert!(!text.contains(acts), "{text:?}");
                assert!(text.len() < 20_000, "{}", text.len());
                assert!(!text.contains("a b=\"c\""), "{text}");
            }
        }
    }
}

#[test]
fn no_signature_key_or_byte_of_an_image_is_logged() {
    let nova = Walkthrough::new();
    let signature = nova.properties["img_signature"].clone();
    let cases = LINES.iter().map(|(name, what, _)| {
        let (image, ids) = outcome(what);
        let request = ids.iter().fold(image.request(), ImageRequest::trusted_ids);
        Capture::of(|_| image.verify(policy(name), request)).1
    });
    for text in cases.flat_map(|captured| texts(&captured)) {
        // 24 characters of base64 anywhere in it would be 18 octets of the signature, or of a certificate's key.
        for window in signature.as_bytes().windows(24) {
            assert!(!text.contains(std::str::from_utf8(window).unwrap()), "{text}");
        }
        assert!(!text.contains("BEGIN"), "{text}");
        let longest = text.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max();
        assert!(longest.unwrap_or_default() < 32, "{text}");
    }
}
