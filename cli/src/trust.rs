//! From the options about trust to trusted certificates, lists and rules. Options that contradict each other, or that
//! would change nothing, are refused: whoever gives one relies on it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use longhand::limits::MAX_BUNDLE;
use longhand::pki_types::CertificateRevocationListDer;
use longhand::pki_types::pem::PemObject as _;
use longhand::{
    ChainCertificate, ChainPolicy, KeyManager, RevocationList, SkippedCertificate, TrustStore,
    UnknownRevocation,
};

use crate::arguments::trust::{ChainPolicyName, TrustArguments};
use crate::fault::Fault;
use crate::problem::Problem;

/// The environment variable of OpenStack's own command with the ids of trusted certificates.
pub(crate) const TRUSTED_IDS: &str = "OS_TRUSTED_IMAGE_CERTIFICATE_IDS";

/// What the options ask for, before a file is read: the ids are known, and nothing contradicts.
#[derive(Debug)]
pub(crate) struct TrustOptions<'a> {
    arguments: &'a TrustArguments,
    ids: Option<Vec<String>>,
    policy: ChainPolicy,
    /// The operator's default ids stand in where the user names none.
    has_default_ids: bool,
}

impl<'a> TrustOptions<'a> {
    /// Judges the options and the environment. The operator may have set default ids, which `--policy nova` reads.
    pub(crate) fn new(
        arguments: &'a TrustArguments,
        variable: impl Fn(&str) -> Option<OsString>,
        has_default_ids: bool,
    ) -> Result<Self, Problem> {
        let ids = trusted_ids(arguments, variable)?;
        let options = Self { arguments, ids, policy: chain_policy(arguments)?, has_default_ids };
        options.judge_sources()?;
        options.judge_use()?;
        Ok(options)
    }

    /// The ids that the user gives.
    pub(crate) fn ids(&self) -> Option<&[String]> {
        self.ids.as_deref()
    }

    pub(crate) fn policy(&self) -> &ChainPolicy {
        &self.policy
    }

    /// Whether anything is given that a chain can end in.
    pub(crate) fn is_given(&self) -> bool {
        self.ids.is_some() || self.names_files() || self.has_default_ids
    }

    fn names_files(&self) -> bool {
        !self.arguments.trusted.is_empty() || !self.arguments.pin.is_empty()
    }

    /// Ids go before files, and are merged with nothing.
    fn judge_sources(&self) -> Result<(), Problem> {
        if !self.names_files() {
            return Ok(());
        }
        let first = match (&self.ids, self.arguments.trusted_image_certificate_id.is_empty()) {
            (Some(_), false) => "the ids of --trusted-image-certificate-id".to_owned(),
            (Some(_), true) => format!("the ids of the environment variable {TRUSTED_IDS}"),
            (None, _) if self.has_default_ids => {
                "the default_trusted_certificate_ids of --nova-conf".to_owned()
            }
            (None, _) => return Ok(()),
        };
        Err(Problem::usage(format!(
            "{first} go before --trusted and --pin, which would not be looked at: give one or the other"
        )))
    }

    /// Whether every option can change something.
    fn judge_use(&self) -> Result<(), Problem> {
        let arguments = self.arguments;
        if let Some(option) = first_given(arguments)
            && !self.is_given()
        {
            return Err(Problem::usage(format!(
                "{option} is of no use where nothing is trusted: give --trusted-image-certificate-id, --trusted or --pin"
            )));
        }
        if arguments.allow_unknown_revocation && arguments.crl.is_empty() {
            return Err(Problem::usage(
                "--allow-unknown-revocation is of no use without --crl: nothing is looked up",
            ));
        }
        Ok(())
    }

    /// Reads what the options name. Ids are looked up in the key manager, if there is one.
    pub(crate) fn read(&self, key_manager: Option<&dyn KeyManager>) -> Result<Trust, Problem> {
        let mut store = TrustStore::default();
        for path in &self.arguments.trusted {
            store = store.merged(TrustStore::from_path(path)?)?;
        }
        let pins = self.arguments.pin.iter().map(|pin| read_pin(pin, key_manager));
        let pins = pins.collect::<Result<_, _>>()?;
        let mut intermediates = TrustStore::default();
        for named in &self.arguments.intermediates {
            intermediates = intermediates.merged(read_intermediates(named, key_manager)?)?;
        }
        let mut lists = Vec::new();
        for path in &self.arguments.crl {
            lists.append(&mut read_lists(path)?);
        }
        Ok(Trust {
            store,
            pins,
            intermediates: intermediates.certificates().to_vec(),
            skipped_intermediates: intermediates.skipped().to_vec(),
            lists,
        })
    }
}

/// What was read from the files and by the ids of the options.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) store: TrustStore,
    pub(crate) pins: Vec<ChainCertificate>,
    pub(crate) intermediates: Vec<ChainCertificate>,
    /// Members of `--intermediates` that could not be read.
    pub(crate) skipped_intermediates: Vec<SkippedCertificate>,
    pub(crate) lists: Vec<RevocationList>,
}

impl Trust {
    /// What a user should know of files that were read only in part.
    pub(crate) fn remarks(&self) -> impl Iterator<Item = String> {
        let skipped = self.skipped_intermediates.iter();
        skipped.map(|skipped| format!("of --intermediates, {} is skipped: {}", skipped.id, skipped.reason))
    }
}

/// The ids of the option, else those of the environment. Whether they are good ids is for the library to say.
fn trusted_ids(
    arguments: &TrustArguments,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Vec<String>>, Problem> {
    let given = &arguments.trusted_image_certificate_id;
    if !given.is_empty() {
        return Ok(Some(given.iter().flat_map(|ids| split(ids)).collect()));
    }
    let Some(ids) = variable(TRUSTED_IDS).filter(|ids| !ids.is_empty()) else { return Ok(None) };
    match ids.to_str() {
        Some(ids) => Ok(Some(split(ids).collect())),
        None => Err(Problem::usage(format!("the environment variable {TRUSTED_IDS} is not UTF-8"))),
    }
}

fn split(ids: &str) -> impl Iterator<Item = String> {
    ids.split(',').map(|id| id.trim().to_owned())
}

/// The rules, if the switches are ones that they have.
fn chain_policy(arguments: &TrustArguments) -> Result<ChainPolicy, Problem> {
    let refuse = |option: &str, name: &str, why: &str| {
        Err(Problem::usage(format!("{option} is of no use with --chain-policy {name}, which {why}")))
    };
    let policy = match arguments.chain_policy.unwrap_or(ChainPolicyName::Default) {
        ChainPolicyName::Rfc5280 => {
            if let Some(switch) = first_switch(arguments) {
                return refuse(switch, "rfc5280", "enforces all three always");
            }
            ChainPolicy::rfc5280()
        }
        ChainPolicyName::Cursive => {
            if !arguments.crl.is_empty() {
                return refuse("--crl", "cursive", "looks at no revocation lists");
            }
            if !arguments.purpose.is_empty() {
                return refuse("--purpose", "cursive", "looks at no extKeyUsage");
            }
            ChainPolicy::cursive()
        }
        ChainPolicyName::Default => ChainPolicy::default(),
    };
    let policy = policy
        .enforce_valid_dates(!arguments.no_enforce_valid_dates)
        .enforce_signing_extensions(!arguments.no_enforce_signing_extensions)
        .enforce_path_length(!arguments.no_enforce_path_length)
        .partial_chain(arguments.partial_chain)
        .unknown_revocation(if arguments.allow_unknown_revocation {
            UnknownRevocation::Allow
        } else {
            UnknownRevocation::Refuse
        });
    Ok(arguments.purpose.iter().fold(policy, ChainPolicy::purpose))
}

fn first_switch(arguments: &TrustArguments) -> Option<&'static str> {
    let switches = [
        (arguments.no_enforce_valid_dates, "--no-enforce-valid-dates"),
        (arguments.no_enforce_signing_extensions, "--no-enforce-signing-extensions"),
        (arguments.no_enforce_path_length, "--no-enforce-path-length"),
    ];
    switches.into_iter().find_map(|(given, name)| given.then_some(name))
}

/// The first option that is given and says only how a chain is judged.
fn first_given(arguments: &TrustArguments) -> Option<&'static str> {
    let others = [
        (!arguments.intermediates.is_empty(), "--intermediates"),
        (!arguments.crl.is_empty(), "--crl"),
        (arguments.allow_unknown_revocation, "--allow-unknown-revocation"),
        (arguments.chain_policy.is_some(), "--chain-policy"),
        (arguments.partial_chain, "--partial-chain"),
        (!arguments.purpose.is_empty(), "--purpose"),
    ];
    let given = others.into_iter().find_map(|(given, name)| given.then_some(name));
    given.or_else(|| first_switch(arguments))
}

fn read_intermediates(named: &Path, key_manager: Option<&dyn KeyManager>) -> Result<TrustStore, Problem> {
    if exists(named) {
        return Ok(TrustStore::from_path(named)?);
    }
    let certificate = by_id("--intermediates", named, key_manager)?;
    let id = named.to_string_lossy();
    Ok(TrustStore::from_certificates([(id, certificate.certificate().clone())]))
}

fn read_pin(named: &PathBuf, key_manager: Option<&dyn KeyManager>) -> Result<ChainCertificate, Problem> {
    if !exists(named) {
        return by_id("--pin", named, key_manager);
    }
    let name = named.to_string_lossy();
    if named.is_dir() {
        return Err(Problem::usage(format!(
            "--pin {name}: it is a directory; each pin is a file of its own"
        )));
    }
    let store = TrustStore::from_path(named)?;
    match (store.certificates(), store.skipped()) {
        ([certificate], []) => Ok(certificate.clone()),
        ([], [skipped]) => Err(match &skipped.reason {
            longhand::SkipReason::Certificate(error) => Problem::certificate(&name, error),
            reason => Problem::fault(Fault::CertificateUnreadable, format!("{name}: {reason}")),
        }),
        _ => Err(Problem::usage(format!(
            "--pin {name}: it holds several certificates; each pin is a file of its own, so that none is pinned unseen"
        ))),
    }
}

/// Whether there is something under a path, a link that leads nowhere included.
pub(crate) fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn by_id(
    option: &str,
    named: &Path,
    key_manager: Option<&dyn KeyManager>,
) -> Result<ChainCertificate, Problem> {
    let shown = named.to_string_lossy();
    let Some(key_manager) = key_manager else {
        return Err(Problem::usage(format!(
            "{option} {shown}: there is no such file, and an id is looked up in the directory of --certs"
        )));
    };
    let Some(id) = named.to_str() else {
        return Err(Problem::usage(format!("{option} {shown}: there is no such file, and it is no id")));
    };
    Ok(ChainCertificate::new(key_manager.certificate(id)?.certificate, Some(id)))
}

/// Every list of a file: one in DER, or all that stand in its PEM, so that none is passed over.
fn read_lists(path: &Path) -> Result<Vec<RevocationList>, Problem> {
    let name = path.to_string_lossy();
    let bytes = read_bounded(path).map_err(|error| {
        let message = format!("the revocation lists in {name} cannot be read");
        Problem::caused(Fault::RevocationListUnreadable, message, &error)
    })?;
    let unusable = |error| Problem::revocation_list(&name, &error);
    if matches!(bytes.as_slice(), [0x30, 0x80..=0xff, ..]) || bytes.len() > MAX_BUNDLE {
        return Ok(vec![RevocationList::from_bytes(&bytes).map_err(unusable)?]);
    }
    let mut lists = Vec::new();
    for section in CertificateRevocationListDer::pem_slice_iter(&bytes) {
        let read = match &section {
            Ok(der) => RevocationList::from_bytes(der),
            // It says what is wrong in its own words, as far as the first list is concerned.
            Err(_) => RevocationList::from_bytes(&bytes),
        };
        if section.is_err() && read.is_ok() {
            let message = format!("{name}: the PEM is broken behind its first revocation list");
            return Err(Problem::fault(Fault::RevocationListUnreadable, message));
        }
        lists.push(read.map_err(unusable)?);
    }
    if lists.is_empty() {
        lists.push(RevocationList::from_bytes(&bytes).map_err(unusable)?);
    }
    Ok(lists)
}

/// Reads one byte past the bound at most.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(MAX_BUNDLE).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
