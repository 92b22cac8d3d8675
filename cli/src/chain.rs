//! `longhand chain`: one certificate, judged alone.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use longhand::limits::MAX_CERTIFICATE_INPUT;
use longhand::{
    Certificate, CertificateValidator, ChainCertificate, ErrorCode, ImageFacts, KeyManager, Requirement,
    SignatureState, StoredCertificate, TrustStore, VerificationPolicy,
};

use crate::advice::chain::Situation;
use crate::arguments::ChainArguments;
use crate::fault::Fault;
use crate::key_manager;
use crate::problem::Problem;
use crate::report::{Asked, CertificateFacts, ChainFacts, CheckName, Report};
use crate::trust::{self, TrustOptions, TrustedSet};

/// Judges the certificate; the report says what was found.
pub(crate) fn chain(arguments: &ChainArguments, report: &mut Report) -> Result<(), Problem> {
    let options = TrustOptions::new(&arguments.trust, |name| std::env::var_os(name), None)?;
    judge(arguments, &options, report).map_err(|problem| options.with_origin(problem))
}

fn judge(arguments: &ChainArguments, options: &TrustOptions<'_>, report: &mut Report) -> Result<(), Problem> {
    if !options.is_given() {
        return Err(Problem::usage(
            "nothing to trust is given: give --trusted-image-certificate-id, --trusted or --pin",
        ));
    }
    let source = key_manager::open(&arguments.source, None, false)?;
    judge_with(source.key_manager(), arguments, options, report).map_err(|problem| source.advise(problem))
}

fn judge_with(
    key_manager: Option<&dyn KeyManager>,
    arguments: &ChainArguments,
    options: &TrustOptions<'_>,
    report: &mut Report,
) -> Result<(), Problem> {
    let read = read_certificate(&arguments.certificate, key_manager).map_err(Problem::about_certificate);
    let stored = report.checks.judge(CheckName::Certificate, read)?;
    let id = arguments.certificate.to_string_lossy();
    let facts = CertificateFacts::new(&id, stored.certificate.clone(), arguments.at());
    report.checks.pass(CheckName::Certificate, facts.shown());
    report.certificate = Some(facts);

    let validator = validator(arguments, options, key_manager, report).map_err(Problem::about_certificate);
    let (validator, trusted) = report.checks.judge(CheckName::Chain, validator)?;
    let signer = ChainCertificate::new(stored.certificate, Some(&id));
    let judged = validator.validate_stored(&signer, &stored.intermediates);
    let situation = Situation {
        asked: Asked::Certificate,
        trusted: &trusted,
        has_directory: arguments.source.certs.is_some(),
        is_stricter_than_nova: false,
    };
    let problem =
        judged.as_ref().err().map(|error| options.chain_problem(error, &situation).naming([id.as_ref()]));
    let facts = ChainFacts::new(options.rules(), judged);
    let summary = facts.summary();
    report.chain = Some(facts);
    match problem {
        Some(problem) => report.checks.judge(CheckName::Chain, Err(problem)),
        None => {
            report.checks.pass(CheckName::Chain, summary);
            Ok(())
        }
    }
}

fn validator(
    arguments: &ChainArguments,
    options: &TrustOptions<'_>,
    key_manager: Option<&dyn KeyManager>,
    report: &mut Report,
) -> Result<(CertificateValidator, TrustedSet), Problem> {
    let trust = options.read(key_manager)?;
    report.remarks.extend(trust.remarks());
    let trusted = options.trusted(&trust);
    let store = match options.ids() {
        Some(ids) => fetch_trusted(options, ids, key_manager)?,
        None => trust.store.unwrap_or_default(),
    };
    let validator = CertificateValidator::builder()
        .trusted(store)
        .pin(trust.pins.unwrap_or_default())
        .intermediates(trust.intermediates)
        .revocation_lists(trust.lists)
        .policy(options.policy().clone())
        .at(arguments.at())
        .build();
    Ok((validator, trusted))
}

/// The trusted certificates by their ids, which have to be such as `verify` takes.
fn fetch_trusted(
    options: &TrustOptions<'_>,
    ids: &[String],
    key_manager: Option<&dyn KeyManager>,
) -> Result<TrustStore, Problem> {
    let facts = ImageFacts::new(SignatureState::Complete).trusted_ids(ids);
    let _judged: Requirement = VerificationPolicy::trusted().decide(&facts)?;
    let Some(key_manager) = key_manager else {
        let problem = Problem::usage(
            "trusted ids are looked up in the key manager, and none is given: --certs, --barbican, --os-cloud or --vault",
        );
        return Err(options.say_origin(problem));
    };
    Ok(TrustStore::from_key_manager(key_manager, ids)?)
}

/// A file if there is one under that path, otherwise an id.
fn read_certificate(
    named: &Path,
    key_manager: Option<&dyn KeyManager>,
) -> Result<StoredCertificate, Problem> {
    let name = named.to_string_lossy();
    if trust::exists(named) {
        let bytes = read_bounded(named).map_err(|error| {
            let message = format!("the certificate in {name} cannot be read");
            Problem::caused(Fault::CertificateUnreadable, message, &error)
        })?;
        let certificate = Certificate::from_bytes(&bytes);
        return Ok(certificate.map_err(|error| Problem::certificate(&name, &error))?.into());
    }
    match (key_manager, named.to_str()) {
        (Some(key_manager), Some(id)) => key_manager.certificate(id).map_err(|error| {
            let problem = Problem::from(error);
            match problem.code() {
                Some(ErrorCode::KeyManagerIdInvalid) => {
                    problem.about_certificate().of_file(&format!("there is no file {name}, and it is no id"))
                }
                Some(ErrorCode::CertificateNotFound) => problem.hint("there is no file of that name either"),
                _ => problem,
            }
        }),
        _ => Err(Problem::usage(format!(
            "there is no file {name}, and an id is looked up in the key manager: --certs, --barbican, --os-cloud or --vault"
        ))),
    }
}

/// Reads one byte past the bound at most.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(MAX_CERTIFICATE_INPUT).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
