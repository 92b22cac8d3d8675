//! `longhand verify`: properties, certificate, key, image, in that order. What can be judged before the image is read
//! is judged before.

use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::Path;

use longhand::pki_types::UnixTime;
use longhand::{
    Certificate, DateCheck, Digest, DirectoryKeyManager, ErrorCode, HoldBackWriter, KeyManager as _,
    PropertyName, SignatureProperties, SignatureVerifier, StreamError, Verified, VerifierError,
    VerifierOptions,
};

use crate::arguments::{VerifyArguments, is_output_stream};
use crate::fault::Fault;
use crate::image::{Image, is_standard_input};
use crate::not_yet;
use crate::output::{OutputFile, Placed};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::properties_file;
use crate::report::{CertificateFacts, CheckName, OutputFacts, Report};

/// Verifies the image. The report says how far it came, and with what; the output, if one was asked for, is for the
/// caller to keep once the verdict is out.
pub(crate) fn verify(arguments: &VerifyArguments, report: &mut Report) -> Result<Option<Placed>, Problem> {
    report.image.name = Some(arguments.image.to_string_lossy().into_owned());
    check_usage(arguments)?;

    let properties = report.checks.judge(CheckName::Properties, signature_properties(arguments))?;
    report.image.hash_method = Some(properties.hash_method());
    report.image.key_type = Some(properties.key_type().clone());
    let asked = format!("{} with {}", properties.key_type(), properties.hash_method());
    report.checks.pass(CheckName::Properties, asked);

    let key_manager = DirectoryKeyManager::new(&arguments.certs);
    let stored = key_manager.certificate(properties.certificate_id()).map_err(Problem::from);
    let certificate = report.checks.judge(CheckName::Certificate, stored)?.certificate;
    let at = arguments.at();
    let facts = CertificateFacts::new(properties.certificate_id(), certificate.clone(), at);
    report.checks.pass(CheckName::Certificate, facts.shown());
    report.certificate = Some(facts);

    let verifier = set_up(arguments, &properties, &certificate, at, report)?;

    let name = report.image.shown().to_owned();
    let unreadable =
        |error| Problem::caused(Fault::ImageUnreadable, format!("{name} cannot be read"), &error);
    let image = Image::open(&arguments.image).map_err(unreadable)?;
    let mut taker = Taker::new(verifier, arguments.output.as_deref())?;
    let mut progress = Progress::new(image.length(), !arguments.quiet && !arguments.json);
    let read = image.read(|bytes| {
        progress.advance(bytes.len());
        taker.take(bytes)
    });
    drop(progress);
    report.image.bytes = Some(taker.bytes());
    read.map_err(unreadable)?;
    report.image.digest = Some(taker.digest());

    let finished = match (taker.finish(), arguments.output.as_deref()) {
        (Err(StreamError::Destination(error)), Some(path)) => return Err(output_unwritable(path, &error)),
        (finished, _) => finished.map_err(Problem::from),
    };
    let (verified, placed) = report.checks.judge(CheckName::Signature, finished)?;
    report.image.digest = Some(verified.digest());
    if let Some(path) = &arguments.output {
        let path = path.to_string_lossy().into_owned();
        report.output = Some(OutputFacts { path, bytes: verified.bytes_read() });
    }
    let found = match verified.salt_length() {
        Some(length) => format!("it holds for all bytes; its salt has {length} octets"),
        None => "it holds for all bytes".to_owned(),
    };
    report.checks.pass(CheckName::Signature, found);
    Ok(placed)
}

/// What takes the image's bytes: the verifier alone, or a writer that holds back what is not verified.
enum Taker {
    Verifier(SignatureVerifier),
    Writer(HoldBackWriter<OutputFile>),
}

impl Taker {
    fn new(verifier: SignatureVerifier, output: Option<&Path>) -> Result<Self, Problem> {
        let Some(path) = output else { return Ok(Self::Verifier(verifier)) };
        let file = OutputFile::create(path).map_err(|error| output_unwritable(path, &error))?;
        Ok(Self::Writer(HoldBackWriter::new(verifier, file)))
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
    fn finish(self) -> Result<(Verified, Option<Placed>), StreamError> {
        Ok(match self {
            Self::Verifier(verifier) => (verifier.verify()?, None),
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

fn check_usage(arguments: &VerifyArguments) -> Result<(), Problem> {
    not_yet::refuse_policy(arguments.policy.as_deref())?;
    not_yet::refuse_environment(|name| std::env::var_os(name))?;
    let streams = arguments.properties.iter().chain([&arguments.image]);
    if streams.filter(|path| is_standard_input(path)).count() > 1 {
        return Err(Problem::usage("standard input cannot hold both the properties and the image"));
    }
    if let Some(path) = arguments.output.as_deref().filter(|path| is_output_stream(path)) {
        return Err(Problem::usage(format!(
            "--output {}: the image's bytes would be seen there before the verdict; it has to name a file",
            path.display()
        )));
    }
    Ok(())
}

/// The properties of the command line and of the file, as one list: what is given in both is given twice.
fn signature_properties(arguments: &VerifyArguments) -> Result<SignatureProperties, Problem> {
    let file = arguments.properties.as_deref().map(properties_file::read).transpose()?.unwrap_or_default();
    let file = file.iter().map(|(property, value)| (property.as_str(), value.as_str()));
    let given = arguments.property.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    SignatureProperties::from_properties(given.chain(file))?.ok_or_else(|| {
        let names = PropertyName::ALL.map(PropertyName::as_str).join(", ");
        Problem::fault(Fault::NotSigned, format!("the image is not signed: none of {names} is there"))
    })
}

/// The verifier, and the report on the checks that need no image.
fn set_up(
    arguments: &VerifyArguments,
    properties: &SignatureProperties,
    certificate: &Certificate,
    at: UnixTime,
    report: &mut Report,
) -> Result<SignatureVerifier, Problem> {
    let dates = if arguments.require_valid_dates { DateCheck::Require(at) } else { DateCheck::Report(at) };
    let options = VerifierOptions::new()
        .pss_salt_length(arguments.pss_salt)
        .any_curve(arguments.any_curve)
        .dates(dates);
    let verifier = SignatureVerifier::with_options(properties, certificate, options);
    let failed = verifier.as_ref().err().map(failed_check);
    if failed != Some(CheckName::Key) {
        if let Ok(key) = certificate.public_key() {
            report.checks.pass(CheckName::Key, format!("{}, {} bits", key.kind(), key.bits()));
        }
        if let Some(facts) = &report.certificate {
            report.checks.look_at_dates(facts, arguments.require_valid_dates);
        }
    }
    let verifier = verifier.map_err(Problem::from);
    report.checks.judge(failed.unwrap_or(CheckName::Key), verifier)
}

/// Which check it is that a verifier could not be set up for.
fn failed_check(error: &VerifierError) -> CheckName {
    match (error, error.code()) {
        // A key that is restricted to another hash does not fit, whatever the signature.
        (_, ErrorCode::KeyRestricted) => CheckName::Key,
        (VerifierError::Signature(_), _) => CheckName::Signature,
        (VerifierError::OutsideValidity { .. }, _) => CheckName::Dates,
        _ => CheckName::Key,
    }
}
