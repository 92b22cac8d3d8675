//! `longhand verify`: properties, policy, certificate, chain, key, image, in that order. What can be judged before the
//! image is read is judged before.

use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::Path;

use longhand::{
    DateCheck, Decision, Digest, ErrorCode, HoldBackWriter, ImageError, ImageFacts, ImageRequest,
    ImageVerification, ImageVerifier, KeyManager, PolicyError, RecordCheck, RecordError, Requirement,
    SignatureProperties, SignatureState, StreamError, StreamVerifier as _, VerificationPolicy, VerifiedImage,
    VerifierError, VerifierOptions,
};

use crate::advice::chain::Situation;
use crate::arguments::policy::PolicyName;
use crate::arguments::{ImageSource, VerifyArguments, is_output_stream};
use crate::fault::Fault;
use crate::glance::Glance;
use crate::image::{Image, is_standard_input};
use crate::key_manager::{self, Source};
use crate::output::{OutputFile, Placed};
use crate::policy::{self, ChosenPolicy};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::properties_file::{self, Properties};
use crate::recorder::Recorder;
use crate::report::{Asked, CertificateFacts, ChainFacts, CheckName, OutputFacts, Report};
use crate::trust::{TrustOptions, TrustedSet};

/// Verifies the image. The report says how far it came, and with what; the output, if one was asked for, is for the
/// caller to keep once the verdict is out.
pub(crate) fn verify(arguments: &VerifyArguments, report: &mut Report) -> Result<Option<Placed>, Problem> {
    report.image.name = Some(image_name(arguments));
    check_usage(arguments)?;
    let chosen = policy::read(&arguments.policy)?;
    report.policy = Some(chosen.policy.name());
    report.remarks.extend(chosen.remark.clone());
    let variable = |name: &str| std::env::var_os(name);
    let trust = TrustOptions::new(&arguments.trust, variable, chosen.default_ids.clone())?;
    judge(arguments, chosen, &trust, report).map_err(|problem| trust.with_origin(problem))
}

fn judge(
    arguments: &VerifyArguments,
    chosen: ChosenPolicy,
    trust: &TrustOptions<'_>,
    report: &mut Report,
) -> Result<Option<Placed>, Problem> {
    let needs_cloud = arguments.image_id.is_some();
    let source =
        match key_manager::open(&arguments.source, arguments.policy.nova_conf.as_deref(), needs_cloud) {
            Err(_) if !needs_cloud && is_switched_off(&chosen.policy, trust) => Source::unneeded(),
            source => source?,
        };
    judge_with(&source, arguments, chosen, trust, report).map_err(|problem| source.advise(problem))
}

/// Whether not even a signed image is verified: such a service asks no key manager, however that is set up.
fn is_switched_off(policy: &VerificationPolicy, trust: &TrustOptions<'_>) -> bool {
    let facts = ImageFacts::new(SignatureState::Complete);
    let facts = match trust.ids() {
        Some(ids) => facts.trusted_ids(ids),
        None => facts,
    };
    matches!(policy.decide(&facts), Ok(Requirement::NotRequired(_)))
}

fn judge_with(
    source: &Source,
    arguments: &VerifyArguments,
    chosen: ChosenPolicy,
    trust: &TrustOptions<'_>,
    report: &mut Report,
) -> Result<Option<Placed>, Problem> {
    let Some(key_manager) = source.key_manager() else {
        return Err(Problem::usage(
            "nothing says where the certificates lie: give --certs, --barbican, --os-cloud or --vault",
        ));
    };
    let glance = source.cloud().filter(|_| arguments.image_id.is_some()).map(Glance::of).transpose()?;
    let properties =
        report.checks.judge(CheckName::Properties, read_properties(arguments, glance.as_ref()))?;
    let request = request(arguments, trust, &properties, report)?;
    let (verifier, trusted) = image_verifier(arguments, chosen.policy.clone(), trust, key_manager, report)?;
    let recorder = Recorder::new(key_manager);
    let decision = verifier.begin(&recorder, request.request);
    let signer = request.certificate_id.and_then(|id| Some((recorder.given(&id)?, id)));
    if let Some((certificate, id)) = signer {
        let facts = CertificateFacts::new(&id, certificate, arguments.at());
        report.checks.pass(CheckName::Certificate, facts.shown());
        report.certificate = Some(facts);
    }
    let verification =
        Taking { arguments, chosen: &chosen, trust, trusted: &trusted }.take(decision, report)?;
    let size = properties.record.bytes();
    read_image(arguments, glance.as_ref(), verification, size, report).map_err(|problem| {
        match (size, report.image.bytes) {
            (Some(named), Some(read))
                if problem.code() == Some(ErrorCode::SignatureMismatch) && named != read =>
            {
                problem.hint(format!("the record names {named} bytes, and the image has {read}"))
            }
            _ => problem,
        }
    })
}

fn check_usage(arguments: &VerifyArguments) -> Result<(), Problem> {
    let streams = arguments.properties.iter().chain(&arguments.file);
    if streams.filter(|path| is_standard_input(path)).count() > 1 {
        return Err(Problem::usage("standard input cannot hold both the properties and the image"));
    }
    if let Some(path) = arguments.output.as_deref().filter(|path| is_output_stream(path)) {
        return Err(Problem::usage(format!(
            "--output {}: the image's bytes would be seen there before the verdict; it has to name a file",
            path.display()
        )));
    }
    let source = &arguments.source;
    if arguments.policy.policy == Some(PolicyName::Glance)
        && arguments.policy.nova_conf.is_some()
        && (source.certs.is_some() || source.barbican.is_some() || source.vault.is_some())
    {
        return Err(Problem::usage(
            "with --policy glance --nova-conf names the key manager, and another option names it already",
        ));
    }
    if arguments.require_valid_dates && arguments.trust.no_enforce_valid_dates {
        return Err(Problem::usage(
            "--require-valid-dates and --no-enforce-valid-dates contradict each other",
        ));
    }
    Ok(())
}

/// The properties of the command line and of the file, as one list: what is given in both is given twice.
fn read_properties(arguments: &VerifyArguments, glance: Option<&Glance>) -> Result<Properties, Problem> {
    if let (ImageSource::Glance(id), Some(glance)) = (arguments.image(), glance) {
        return glance.properties(id);
    }
    let mut properties =
        arguments.properties.as_deref().map(properties_file::read).transpose()?.unwrap_or_default();
    properties.signature.extend(arguments.property.iter().cloned());
    Ok(properties)
}

fn request(
    arguments: &VerifyArguments,
    trust: &TrustOptions<'_>,
    properties: &Properties,
    report: &mut Report,
) -> Result<Request, Problem> {
    let pairs = || properties.signature.iter().map(|(name, value)| (name, value));
    // For the report: the verifier reads them itself.
    let signature = SignatureProperties::from_properties(pairs()).ok().flatten();
    if let Some(signature) = &signature {
        report.image.hash_method = Some(signature.hash_method());
        report.image.key_type = Some(signature.key_type().clone());
        let asked = format!("{} with {}", signature.key_type(), signature.hash_method());
        report.checks.pass(CheckName::Properties, asked);
    }
    let record = properties.record.image_record(&mut report.checks)?;
    let name = image_name(arguments);
    let mut request = ImageRequest::new(name, pairs()).at(arguments.at()).record(record);
    if let Some(ids) = trust.ids() {
        request = request.trusted_ids(ids);
    }
    Ok(Request { request, certificate_id: signature.map(|signature| signature.certificate_id().to_owned()) })
}

/// What the library is asked, and the id of the signing certificate, if the properties can be read.
struct Request {
    request: ImageRequest,
    certificate_id: Option<String>,
}

fn image_verifier(
    arguments: &VerifyArguments,
    policy: VerificationPolicy,
    options: &TrustOptions<'_>,
    key_manager: &dyn KeyManager,
    report: &mut Report,
) -> Result<(ImageVerifier, TrustedSet), Problem> {
    let trust = report.checks.judge(CheckName::Chain, options.read(Some(key_manager)))?;
    report.remarks.extend(trust.remarks());
    let at = arguments.at();
    let dates = if arguments.require_valid_dates { DateCheck::Require(at) } else { DateCheck::Report(at) };
    let verifier_options = VerifierOptions::new()
        .pss_salt_length(arguments.pss_salt)
        .any_curve(arguments.any_curve)
        .dates(dates);
    let trusted = options.trusted(&trust);
    let mut builder = ImageVerifier::builder().policy(policy).chain_policy(options.policy().clone());
    if let Some(store) = trust.store {
        builder = builder.trust_store(store);
    }
    if let Some(pins) = trust.pins {
        builder = builder.pin(pins);
    }
    let verifier = builder
        .intermediates(trust.intermediates)
        .revocation_lists(trust.lists)
        .verifier_options(verifier_options)
        .build();
    Ok((verifier, trusted))
}

/// What it takes to report on the library's decision.
struct Taking<'a> {
    arguments: &'a VerifyArguments,
    chosen: &'a ChosenPolicy,
    trust: &'a TrustOptions<'a>,
    trusted: &'a TrustedSet,
}

impl Taking<'_> {
    /// What is to be done by the library's decision, and the report on all that needs no image.
    fn take(
        &self,
        decision: Result<Decision, ImageError>,
        report: &mut Report,
    ) -> Result<ImageVerification, Problem> {
        let policy = self.chosen.in_words();
        match decision {
            Ok(Decision::Verify(verification)) => {
                report.checks.pass(CheckName::Policy, format!("{policy}: the image has to be verified"));
                match verification.chain() {
                    Some(chain) => {
                        let facts = ChainFacts::new(self.trust.rules(), Ok(chain.clone()));
                        report.checks.pass(CheckName::Chain, facts.summary());
                        report.chain = Some(facts);
                    }
                    None => report.checks.skip(CheckName::Chain, NOTHING_TRUSTED),
                }
                pass_key_and_dates(self.arguments, report);
                Ok(*verification)
            }
            Ok(Decision::NotRequired(why)) => {
                report.checks.pass(CheckName::Policy, format!("{policy}: {why}"));
                Err(Problem::not_required(&policy, why).advised(self.to_have_it_verified()))
            }
            Ok(Decision::CannotVerify(why)) => {
                let problem =
                    Problem::fault(Fault::NotVerifiable, format!("the image cannot be verified: {why}"));
                report.checks.judge(CheckName::Policy, Err(problem))
            }
            Ok(_) => {
                let problem = Problem::fault(Fault::NotVerifiable, "the image's bytes are not asked for");
                report.checks.judge(CheckName::Policy, Err(problem))
            }
            Err(error) => {
                let failed = failed_check(&error);
                pass_before(failed, &policy, self.trust, self.arguments, report);
                let problem = self.refusal(error, report);
                report.checks.judge(failed, Err(problem))
            }
        }
    }

    fn refusal(&self, error: ImageError, report: &mut Report) -> Problem {
        let is_nova = self.chosen.policy.name() == "nova";
        match error {
            ImageError::Chain(error) => {
                let situation = Situation {
                    asked: Asked::Image,
                    trusted: self.trusted,
                    has_directory: self.arguments.source.certs.is_some(),
                    is_stricter_than_nova: is_nova && self.trust.policy().name() == "default",
                };
                let problem = self.trust.chain_problem(&error, &situation);
                report.chain = Some(ChainFacts::new(self.trust.rules(), Err(error)));
                problem
            }
            error if is_nova && error.code() == ErrorCode::TrustMissing => Problem::from(error).hint(
                "a Nova host takes the ids from the user, else from default_trusted_certificate_ids in its nova.conf",
            ),
            error => Problem::from(error),
        }
    }

    /// How to have an image verified that need not be.
    fn to_have_it_verified(&self) -> Option<String> {
        let given = match (self.arguments.policy.policy, &self.arguments.policy.nova_conf) {
            (_, None) => return None,
            (None, Some(_)) => "--nova-conf",
            (Some(_), Some(_)) => "--policy and --nova-conf",
        };
        Some(format!(
            "to have it verified all the same, leave {given} out, or give --policy required or trusted alone"
        ))
    }
}

const NOTHING_TRUSTED: &str = "nothing to trust is given";

/// Which check it is that was not passed before the image was read.
fn failed_check(error: &ImageError) -> CheckName {
    match error {
        ImageError::Policy(PolicyError::Properties { .. } | PolicyError::NotSigned) => CheckName::Properties,
        ImageError::KeyManager(_) => CheckName::Certificate,
        ImageError::Trust(_) | ImageError::Chain(_) => CheckName::Chain,
        // A key that is restricted to another hash does not fit, whatever the signature.
        ImageError::Verifier(error) if error.code() == ErrorCode::KeyRestricted => CheckName::Key,
        ImageError::Verifier(VerifierError::Signature(_)) => CheckName::Signature,
        ImageError::Verifier(VerifierError::OutsideValidity { .. }) => CheckName::Dates,
        ImageError::Verifier(_) => CheckName::Key,
        _ => CheckName::Policy,
    }
}

/// The checks that the library makes before the one that failed were passed.
fn pass_before(
    failed: CheckName,
    policy: &str,
    trust: &TrustOptions<'_>,
    arguments: &VerifyArguments,
    report: &mut Report,
) {
    if !matches!(failed, CheckName::Properties | CheckName::Policy) {
        report.checks.pass(CheckName::Policy, format!("{policy}: the image has to be verified"));
    }
    if matches!(failed, CheckName::Key | CheckName::Dates | CheckName::Signature) {
        if trust.is_given() {
            report.checks.pass(CheckName::Chain, format!("it holds; {}", trust.rules().in_words()));
        } else {
            report.checks.skip(CheckName::Chain, NOTHING_TRUSTED);
        }
    }
    if matches!(failed, CheckName::Dates | CheckName::Signature) {
        pass_key_and_dates(arguments, report);
    }
}

fn pass_key_and_dates(arguments: &VerifyArguments, report: &mut Report) {
    let Some(facts) = &report.certificate else { return };
    if let Some(key) = facts.key() {
        report.checks.pass(CheckName::Key, key);
    }
    report.checks.look_at_dates(facts, arguments.require_valid_dates);
}

/// What the image is called in the report.
fn image_name(arguments: &VerifyArguments) -> String {
    match arguments.image() {
        ImageSource::File(path) => path.to_string_lossy().into_owned(),
        ImageSource::Glance(id) => id.to_owned(),
    }
}

fn read_image(
    arguments: &VerifyArguments,
    glance: Option<&Glance>,
    verification: ImageVerification,
    size: Option<u64>,
    report: &mut Report,
) -> Result<Option<Placed>, Problem> {
    let name = report.image.shown().to_owned();
    let unreadable =
        |error| Problem::caused(Fault::ImageUnreadable, format!("{name} cannot be read"), &error);
    let image = match (arguments.image(), glance) {
        (ImageSource::Glance(id), Some(glance)) => glance.image(id)?,
        (ImageSource::Glance(id), None) => {
            return Err(Problem::usage(format!("{id}: no image service is named")));
        }
        (ImageSource::File(path), _) => Image::open(path).map_err(unreadable)?,
    };
    let longest = longest(&name, glance.is_some(), size.or(image.length()))?;
    let mut taker = Taker::new(verification, arguments.output.as_deref())?;
    let mut progress = Progress::new(image.length(), !arguments.quiet && !arguments.json);
    let read = image.read(|bytes| {
        progress.advance(bytes.len());
        taker.take(bytes)?;
        if taker.bytes() > longest { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    drop(progress);
    report.image.bytes = Some(taker.bytes());
    read.map_err(unreadable)?;
    report.image.digest = Some(taker.digest());

    let (verified, placed) = match (taker.finish(), arguments.output.as_deref()) {
        (Err(StreamError::Destination(error)), Some(path)) => return Err(output_unwritable(path, &error)),
        (Err(StreamError::Record(error)), _) => return refuse_record(error, report),
        (finished, _) => report.checks.judge(CheckName::Signature, finished.map_err(Problem::from))?,
    };
    if let Some(path) = &arguments.output {
        let path = path.to_string_lossy().into_owned();
        report.output = Some(OutputFacts { path, bytes: verified.signature().bytes_read() });
    }
    let found = match verified.signature().salt_length() {
        Some(length) => format!("it holds for all bytes; its salt has {length} octets"),
        None => "it holds for all bytes".to_owned(),
    };
    report.checks.pass(CheckName::Signature, found);
    for check in verified.record_checks() {
        report_record_check(check, report);
    }
    Ok(placed)
}

/// How many bytes are read. More than its record names is no good image, and a service that sends without end would fill the
/// disk; a file or a pipe is the caller's own.
fn longest(name: &str, is_sent: bool, size: Option<u64>) -> Result<u64, Problem> {
    match size {
        _ if !is_sent => Ok(u64::MAX),
        Some(size) => Ok(size),
        None => Err(Problem::fault(
            Fault::ImageUnreadable,
            format!(
                "the image {name} cannot be downloaded: neither its record nor the answer says how long it is"
            ),
        )),
    }
}

fn report_record_check(check: &RecordCheck, report: &mut Report) {
    let name = match check {
        RecordCheck::Size => CheckName::Size,
        RecordCheck::WeakChecksum => CheckName::Checksum,
        _ => CheckName::OsHash,
    };
    match check {
        RecordCheck::OsHashNotKnown { .. } => report.checks.skip(name, &check.to_string()),
        _ => report.checks.pass(name, check.to_string()),
    }
}

/// The signature is judged before the record, and the record's fields one after the other: those before the one that
/// failed were passed, if the record names them.
fn refuse_record<T>(error: RecordError, report: &mut Report) -> Result<T, Problem> {
    report.checks.pass(CheckName::Signature, "it holds for all bytes".to_owned());
    let failed = match error {
        RecordError::OsHash => CheckName::OsHash,
        RecordError::Checksum => CheckName::Checksum,
        _ => CheckName::Size,
    };
    for name in [CheckName::Size, CheckName::OsHash].into_iter().take_while(|name| *name != failed) {
        if report.checks.is_open(name) {
            report.checks.pass(name, "it agrees".to_owned());
        }
    }
    report.checks.judge(failed, Err(Problem::from(StreamError::Record(error))))
}

/// What takes the image's bytes: the verifier alone, or a writer that holds back what is not verified.
enum Taker {
    Verifier(Box<ImageVerification>),
    Writer(Box<HoldBackWriter<OutputFile, ImageVerification>>),
}

impl Taker {
    fn new(verifier: ImageVerification, output: Option<&Path>) -> Result<Self, Problem> {
        let Some(path) = output else { return Ok(Self::Verifier(Box::new(verifier))) };
        let file = OutputFile::create(path).map_err(|error| output_unwritable(path, &error))?;
        Ok(Self::Writer(Box::new(HoldBackWriter::new(verifier, file))))
    }

    /// Takes a block; breaks off where that failed, which `finish` then explains.
    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        let taken = match self {
            Self::Verifier(verifier) => verifier.write_all(bytes),
            Self::Writer(writer) => writer.write_all(bytes),
        };
        if taken.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Verifier(verifier) => verifier.bytes_read(),
            Self::Writer(writer) => writer.bytes_written(),
        }
    }

    /// The digest so far.
    fn digest(&self) -> Digest {
        match self {
            Self::Verifier(verifier) => verifier.digest(),
            Self::Writer(writer) => writer.digest(),
        }
    }

    /// The verdict; on yes the output is in its place.
    fn finish(self) -> Result<(VerifiedImage, Option<Placed>), StreamError> {
        Ok(match self {
            Self::Verifier(verifier) => (verifier.into_verdict()?, None),
            Self::Writer(writer) => {
                let (verified, placed) = writer.finish()?;
                (verified, Some(placed))
            }
        })
    }
}

fn output_unwritable(path: &Path, error: &io::Error) -> Problem {
    Problem::caused(Fault::OutputUnwritable, format!("{} cannot be written", path.to_string_lossy()), error)
}
