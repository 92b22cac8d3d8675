//! From the options about trust to trusted certificates, lists and rules. Options that contradict each other, or that
//! would change nothing, are refused: whoever gives one relies on it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use longhand::limits::MAX_BUNDLE;
use longhand::{
    Certificate, ChainCertificate, ChainError, ChainPolicy, KeyManager, RevocationList, SkippedCertificate,
    TrustStore, UnknownRevocation,
};

use crate::advice::{self, chain::Situation};
use crate::arguments::trust::{ChainPolicyName, TrustArguments};
use crate::fault::Fault;
use crate::problem::Problem;
use crate::report::{Relaxed, Rules};

/// The environment variable of OpenStack's own command with the ids of trusted certificates.
pub(crate) const TRUSTED_IDS: &str = "OS_TRUSTED_IMAGE_CERTIFICATE_IDS";

/// What the options ask for, before a file is read: the ids are known, and nothing contradicts.
#[derive(Debug)]
pub(crate) struct TrustOptions<'a> {
    arguments: &'a TrustArguments,
    ids: Option<Vec<String>>,
    ids_are_of_environment: bool,
    policy: ChainPolicy,
    /// The operator's default ids, which stand in where the user names none.
    default_ids: Option<Vec<String>>,
}

impl<'a> TrustOptions<'a> {
    /// Judges the options and the environment. The operator may have set default ids, which `--policy nova` reads.
    pub(crate) fn new(
        arguments: &'a TrustArguments,
        variable: impl Fn(&str) -> Option<OsString>,
        default_ids: Option<Vec<String>>,
    ) -> Result<Self, Problem> {
        let ids = trusted_ids(arguments, variable)?;
        let ids_are_of_environment = ids.is_some() && arguments.trusted_image_certificate_id.is_empty();
        let policy = chain_policy(arguments)?;
        let options = Self { arguments, ids, ids_are_of_environment, policy, default_ids };
        options.judge_sources().map_err(|problem| options.say_origin(problem))?;
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

    /// By which rules the chain is judged, for the report.
    pub(crate) fn rules(&self) -> Rules {
        let arguments = self.arguments;
        let switches = [
            (arguments.no_enforce_valid_dates, Relaxed::ValidDates),
            (arguments.no_enforce_path_length, Relaxed::PathLength),
            (arguments.no_enforce_signing_extensions, Relaxed::SigningExtensions),
        ];
        Rules {
            policy: self.policy.name(),
            relaxed: switches.into_iter().filter_map(|(off, rule)| off.then_some(rule)).collect(),
            lists_given: !arguments.crl.is_empty(),
            ids_from: self.ids_are_of_environment.then_some(TRUSTED_IDS),
        }
    }

    /// The problem, with where the trusted ids come from if it may come of them and nobody gave them on the command line.
    pub(crate) fn with_origin(&self, problem: Problem) -> Problem {
        if problem.may_be_of_ids() { self.say_origin(problem) } else { problem }
    }

    /// The same of a problem that is known to come of the ids.
    pub(crate) fn say_origin(&self, problem: Problem) -> Problem {
        if !self.ids_are_of_environment {
            return problem;
        }
        problem.hint(format!(
            "the trusted ids are those of the environment variable {TRUSTED_IDS}; `env -u {TRUSTED_IDS} longhand …` leaves \
             them out"
        ))
    }

    /// A refused chain with its next step, and the operator's paths in full.
    pub(crate) fn chain_problem(&self, error: &ChainError, situation: &Situation<'_>) -> Problem {
        let links = match error {
            ChainError::Untrusted { signer, broken, .. } => vec![signer, &broken.certificate],
            ChainError::SigningCertificate { certificate, .. }
            | ChainError::BudgetSpent { certificate, .. } => vec![certificate],
            _ => Vec::new(),
        };
        let names = links.into_iter().filter_map(ChainCertificate::id).filter(|id| self.is_path(id));
        Problem::from(error.clone()).naming(names).advised(advice::chain::for_chain(error, situation))
    }

    /// Whether a certificate's name is a path that the operator gave, or lies below one. Ids may be anybody's.
    fn is_path(&self, id: &str) -> bool {
        let arguments = self.arguments;
        let given = arguments.trusted.iter().chain(&arguments.pin).chain(&arguments.intermediates);
        given.map(|path| path.to_string_lossy()).any(|path| id.starts_with(path.as_ref()))
    }

    /// Whether anything is given that a chain can end in.
    pub(crate) fn is_given(&self) -> bool {
        self.ids.is_some() || self.names_files() || self.default_ids.is_some()
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
            (None, _) if self.default_ids.is_some() => {
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

    /// What is trusted: the ids, or where there are none the certificates of the files.
    pub(crate) fn trusted(&self, trust: &Trust) -> TrustedSet {
        let ids = self.ids.clone().or_else(|| self.default_ids.clone()).unwrap_or_default();
        let certificates = trust.store.iter().flat_map(TrustStore::certificates);
        let certificates = certificates.map(|link| link.certificate().clone());
        TrustedSet { ids, certificates: certificates.collect() }
    }

    /// Reads what the options name. Ids are looked up in the key manager, if there is one.
    pub(crate) fn read(&self, key_manager: Option<&dyn KeyManager>) -> Result<Trust, Problem> {
        let mut store = None;
        for path in &self.arguments.trusted {
            store = Some(store.unwrap_or_else(TrustStore::default).merged(from_path(path)?)?);
        }
        let pins = self.arguments.pin.iter().map(|pin| read_pin(pin, key_manager));
        let pins: Vec<_> = pins.collect::<Result<_, _>>()?;
        let pins = (!pins.is_empty()).then_some(pins);
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

/// The certificates that a chain may end in, as far as their names or files tell.
#[derive(Debug, Default)]
pub(crate) struct TrustedSet {
    ids: Vec<String>,
    certificates: Vec<Certificate>,
}

impl TrustedSet {
    pub(crate) fn has(&self, link: &ChainCertificate) -> bool {
        link.id().is_some_and(|id| self.ids.iter().any(|known| known == id))
            || self.certificates.contains(link.certificate())
    }

    /// Whether ids say what is trusted.
    pub(crate) fn is_of_ids(&self) -> bool {
        !self.ids.is_empty()
    }
}

/// What was read from the files and by the ids of the options.
#[derive(Debug)]
pub(crate) struct Trust {
    /// `None` where no option asks for one: an empty store asks for trust and gives none.
    pub(crate) store: Option<TrustStore>,
    pub(crate) pins: Option<Vec<ChainCertificate>>,
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
        return from_path(named);
    }
    let certificate = by_id("--intermediates", named, key_manager)?;
    let id = named.to_string_lossy();
    Ok(TrustStore::from_certificates([(id, certificate.certificate().clone())]))
}

fn read_pin(named: &Path, key_manager: Option<&dyn KeyManager>) -> Result<ChainCertificate, Problem> {
    if !exists(named) {
        return by_id("--pin", named, key_manager);
    }
    let name = named.to_string_lossy();
    if named.is_dir() {
        return Err(Problem::usage(format!(
            "--pin {name}: it is a directory; each pin is a file of its own"
        )));
    }
    let store = from_path(named)?;
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
            "{option} {shown}: there is no such file, and an id is looked up in the key manager"
        )));
    };
    let Some(id) = named.to_str() else {
        return Err(Problem::usage(format!("{option} {shown}: there is no such file, and it is no id")));
    };
    let stored = key_manager.certificate(id).map_err(|error| {
        let problem = Problem::from(error).about_certificate().of_file(&format!("{option} {shown}"));
        problem.hint("there is no file of that name either")
    })?;
    Ok(ChainCertificate::new(stored.certificate, Some(id)))
}

fn from_path(path: &Path) -> Result<TrustStore, Problem> {
    let name = path.to_string_lossy();
    TrustStore::from_path(path).map_err(|error| Problem::from(error).naming([name.as_ref()]))
}

/// Every list of a file: one in DER, or all that stand in its PEM, so that none is passed over.
fn read_lists(path: &Path) -> Result<Vec<RevocationList>, Problem> {
    let name = path.to_string_lossy();
    let bytes = read_bounded(path).map_err(|error| {
        let message = format!("the revocation lists in {name} cannot be read");
        Problem::caused(Fault::RevocationListUnreadable, message, &error)
    })?;
    RevocationList::from_bundle(&bytes).map_err(|error| Problem::revocation_list(&name, &error))
}

/// Reads one byte past the bound at most.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(MAX_BUNDLE).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
