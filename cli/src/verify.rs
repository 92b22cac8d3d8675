//! `longhand verify`: properties, certificate, key, image, in that order. What can be judged before the image is read
//! is judged before.

use longhand::pki_types::UnixTime;
use longhand::{
    Certificate, DateCheck, DirectoryKeyManager, ErrorCode, KeyManager as _, PropertyName,
    SignatureProperties, SignatureVerifier, VerifierError, VerifierOptions,
};

use crate::arguments::{VerifyArguments, is_stdin};
use crate::fault::Fault;
use crate::image::Image;
use crate::not_yet;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::properties_file;
use crate::report::{CertificateFacts, CheckName, Report};

/// Verifies the image. The report says how far it came, and with what.
pub(crate) fn verify(arguments: &VerifyArguments, report: &mut Report) -> Result<(), Problem> {
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

    let mut verifier = set_up(arguments, &properties, &certificate, at, report)?;

    let name = report.image.shown().to_owned();
    let unreadable =
        |error| Problem::caused(Fault::ImageUnreadable, format!("{name} cannot be read"), &error);
    let image = Image::open(&arguments.image).map_err(unreadable)?;
    let mut progress = Progress::new(image.length(), !arguments.quiet && !arguments.json);
    let read = image.read(|bytes| {
        verifier.update(bytes);
        progress.advance(bytes.len());
    });
    drop(progress);
    report.image.bytes = Some(verifier.bytes_read());
    read.map_err(unreadable)?;
    report.image.digest = Some(verifier.digest());

    let verified = report.checks.judge(CheckName::Signature, verifier.verify().map_err(Problem::from))?;
    let found = match verified.salt_length() {
        Some(length) => format!("it holds for all bytes; its salt has {length} octets"),
        None => "it holds for all bytes".to_owned(),
    };
    report.checks.pass(CheckName::Signature, found);
    Ok(())
}

fn check_usage(arguments: &VerifyArguments) -> Result<(), Problem> {
    not_yet::refuse_policy(arguments.policy.as_deref())?;
    not_yet::refuse_environment(|name| std::env::var_os(name))?;
    if arguments.properties.as_deref().is_some_and(is_stdin) && is_stdin(&arguments.image) {
        return Err(Problem::usage("standard input cannot hold both the properties and the image"));
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
