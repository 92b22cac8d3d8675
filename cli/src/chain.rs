//! `longhand chain`: one certificate, judged alone.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use longhand::limits::MAX_CERTIFICATE_INPUT;
use longhand::{
    Certificate, CertificateValidator, ChainCertificate, DirectoryKeyManager, ImageFacts, KeyManager,
    Requirement, SignatureState, StoredCertificate, TrustStore, VerificationPolicy,
};

use crate::arguments::ChainArguments;
use crate::fault::Fault;
use crate::problem::Problem;
use crate::report::{CertificateFacts, ChainFacts, CheckName, Report};
use crate::trust::{self, TrustOptions};

/// Judges the certificate; the report says what was found.
pub(crate) fn chain(arguments: &ChainArguments, report: &mut Report) -> Result<(), Problem> {
    let options = TrustOptions::new(&arguments.trust, |name| std::env::var_os(name), false)?;
    if !options.is_given() {
        return Err(Problem::usage(
            "nothing to trust is given: give --trusted-image-certificate-id, --trusted or --pin",
        ));
    }
    let directory = arguments.certs.as_ref().map(DirectoryKeyManager::new);
    let key_manager: Option<&dyn KeyManager> = match &directory {
        Some(directory) => Some(directory),
        None => None,
    };

    let read = read_certificate(&arguments.certificate, key_manager).map_err(Problem::about_certificate);
    let stored = report.checks.judge(CheckName::Certificate, read)?;
    let id = arguments.certificate.to_string_lossy();
    let facts = CertificateFacts::new(&id, stored.certificate.clone(), arguments.at());
    report.checks.pass(CheckName::Certificate, facts.shown());
    report.certificate = Some(facts);

    let validator = validator(arguments, &options, key_manager, report).map_err(Problem::about_certificate);
    let validator = report.checks.judge(CheckName::Chain, validator)?;
    let signer = ChainCertificate::new(stored.certificate, Some(&id));
    let judged = validator.validate_stored(&signer, &stored.intermediates);
    let problem = judged.as_ref().err().cloned().map(Problem::from);
    let facts = ChainFacts::new(options.policy().name(), !arguments.trust.crl.is_empty(), judged);
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
) -> Result<CertificateValidator, Problem> {
    let trust = options.read(key_manager)?;
    report.remarks.extend(trust.remarks());
    let store = match options.ids() {
        Some(ids) => fetch_trusted(ids, key_manager)?,
        None => trust.store,
    };
    Ok(CertificateValidator::builder()
        .trusted(store)
        .pin(trust.pins)
        .intermediates(trust.intermediates)
        .revocation_lists(trust.lists)
        .policy(options.policy().clone())
        .at(arguments.at())
        .build())
}

/// The trusted certificates by their ids, which have to be such as `verify` takes.
fn fetch_trusted(ids: &[String], key_manager: Option<&dyn KeyManager>) -> Result<TrustStore, Problem> {
    let facts = ImageFacts::new(SignatureState::Complete).trusted_ids(ids);
    let _judged: Requirement = VerificationPolicy::trusted().decide(&facts)?;
    let Some(key_manager) = key_manager else {
        return Err(Problem::usage(
            "trusted ids are looked up in the directory of --certs, which is not given",
        ));
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
        (Some(key_manager), Some(id)) => Ok(key_manager.certificate(id)?),
        _ => Err(Problem::usage(format!(
            "there is no file {name}, and an id is looked up in the directory of --certs"
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
