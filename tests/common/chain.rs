//! Chain cases: a signing certificate, a trusted set, a policy, a time, and the verdict.

use std::collections::BTreeMap;
use std::time::Duration;

use longhand::pki_types::UnixTime;
use longhand::{
    Certificate, CertificateValidator, ChainCertificate, ChainPolicy, ErrorCode, KeyManager,
    MemoryKeyManager, RevocationList, StoredCertificate, TrustStore, UnknownRevocation, VerifiedChain,
    VerifierOptions,
};

use super::{CertificateSource, Source, verify};

/// One case of a chain file; `test-vectors/README.md` describes the format.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct ChainCase {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) image: Option<Source>,
    #[serde(default)]
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) certificates: BTreeMap<String, CertificateSource>,
    pub(crate) leaf: String,
    pub(crate) trusted: Vec<String>,
    pub(crate) policy: String,
    pub(crate) at: String,
    #[serde(default)]
    pub(crate) enforce: BTreeMap<String, bool>,
    pub(crate) expect: String,
    #[serde(default)]
    pub(crate) why: String,
}

pub(crate) struct ChainFile {
    file: super::CaseFile,
    pub(crate) cases: Vec<ChainCase>,
}

impl ChainFile {
    pub(crate) fn read(folder: &str, name: &str) -> Self {
        let file = super::CaseFile::without_cases(folder);
        let cases = std::fs::read_to_string(super::vectors().join(folder).join(name)).unwrap();
        let cases = cases.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Self { file, cases }
    }

    /// Judges the chain, then, if the case has an image, its signature. What cannot be read is skipped in the trusted set
    /// and an error in the signing certificate.
    pub(crate) fn judge(&self, case: &ChainCase) -> Result<VerifiedChain, ErrorCode> {
        let chain = self.validate(case)?;
        if let Some(image) = &case.image {
            let image = self.file.octets(image);
            let _verified =
                verify(&case.properties, &self.key_manager(case), &image, VerifierOptions::new())?;
        }
        Ok(chain)
    }

    pub(crate) fn validate(&self, case: &ChainCase) -> Result<VerifiedChain, ErrorCode> {
        let key_manager = Recorded(self, case);
        let signer = key_manager.certificate(&case.leaf).map_err(|error| error.code())?.certificate;
        let builder =
            CertificateValidator::builder().policy(policy(&case.policy, &case.enforce)).at(time(&case.at));
        let builder = match case.trusted.as_slice() {
            [] => builder,
            trusted => builder
                .trusted(TrustStore::from_key_manager(&key_manager, trusted).map_err(|error| error.code())?),
        };
        let signer = ChainCertificate::new(signer, Some(&case.leaf));
        builder.build().validate_stored(&signer, &[]).map_err(|error| error.code())
    }

    fn key_manager(&self, case: &ChainCase) -> MemoryKeyManager {
        let readable = case.certificates.keys().filter_map(|name| {
            let (id, _ending) = name.rsplit_once('.')?;
            Some((id, Recorded(self, case).certificate(id).ok()?))
        });
        readable.collect()
    }
}

/// A key manager over the certificates of a case, each read when it is asked for.
struct Recorded<'a>(&'a ChainFile, &'a ChainCase);

impl std::fmt::Debug for Recorded<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.1.id)
    }
}

impl KeyManager for Recorded<'_> {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, longhand::KeyManagerError> {
        let named = |(name, _): &(&String, &CertificateSource)| name.rsplit_once('.').unwrap().0 == id;
        let (_, source) =
            self.1.certificates.iter().find(named).ok_or_else(|| longhand::KeyManagerError::not_found(id))?;
        StoredCertificate::from_managed_object(id, "X.509", &self.0.file.certificate_octets(source))
    }
}

/// A generated case: files, three policies, and what the real Cursive says.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct GeneratedCase {
    pub(crate) id: String,
    pub(crate) leaf: String,
    pub(crate) trusted: Vec<String>,
    #[serde(default)]
    pub(crate) intermediates: Vec<String>,
    #[serde(default)]
    pub(crate) pins: Vec<String>,
    #[serde(default)]
    pub(crate) purposes: Vec<String>,
    #[serde(default)]
    pub(crate) partial_chain: bool,
    #[serde(default)]
    pub(crate) enforce: BTreeMap<String, bool>,
    pub(crate) at: String,
    pub(crate) expect: BTreeMap<String, String>,
    pub(crate) why: String,
    #[serde(default)]
    pub(crate) row: String,
    pub(crate) real_cursive: String,
    #[serde(default)]
    pub(crate) openssl: Option<String>,
}

impl GeneratedCase {
    pub(crate) fn all() -> Vec<Self> {
        let text = std::fs::read_to_string(folder().join("cases.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Judges the case with one of the three policies.
    pub(crate) fn validate(&self, policy_name: &str) -> Result<VerifiedChain, ErrorCode> {
        let mut policy = policy(policy_name, &self.enforce).partial_chain(self.partial_chain);
        for purpose in &self.purposes {
            policy = policy.purpose(purpose);
        }
        let signer = Certificate::from_bytes(&octets(&self.leaf)).map_err(|error| error.code())?;
        let mut builder = CertificateValidator::builder()
            .policy(policy)
            .at(time(&self.at))
            .intermediates(self.intermediates.iter().map(|name| certificate(name)))
            .pin(self.pins.iter().map(|name| certificate(name)));
        if !self.trusted.is_empty() {
            builder = builder.trusted(TrustStore::from_key_manager(&Folder, &self.trusted).unwrap());
        }
        let signer = ChainCertificate::new(signer, Some(&self.leaf));
        builder.build().validate_stored(&signer, &[]).map_err(|error| error.code())
    }
}

/// A case with revocation lists.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct RevocationCase {
    pub(crate) id: String,
    pub(crate) leaf: String,
    pub(crate) trusted: Vec<String>,
    pub(crate) lists: Vec<String>,
    pub(crate) at: String,
    pub(crate) unknown: String,
    #[serde(default)]
    pub(crate) policy: Option<String>,
    pub(crate) expect: String,
    pub(crate) why: String,
}

impl RevocationCase {
    pub(crate) fn all() -> Vec<Self> {
        let text = std::fs::read_to_string(folder().join("revocation/cases.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn validate(&self) -> Result<VerifiedChain, ErrorCode> {
        let choice = match self.unknown.as_str() {
            "refuse" => UnknownRevocation::Refuse,
            "allow" => UnknownRevocation::Allow,
            other => panic!("{other}"),
        };
        let policy =
            policy(self.policy.as_deref().unwrap_or("default"), &BTreeMap::new()).unknown_revocation(choice);
        let path = |name: &str| format!("revocation/{name}");
        let lists: Result<Vec<_>, _> =
            self.lists.iter().map(|name| RevocationList::from_bytes(&octets(&path(name)))).collect();
        let trusted: Vec<_> = self.trusted.iter().map(|name| path(name)).collect();
        let validator = CertificateValidator::builder()
            .policy(policy)
            .at(time(&self.at))
            .trusted(TrustStore::from_key_manager(&Folder, &trusted).unwrap())
            .revocation_lists(lists.map_err(|error| error.code())?)
            .build();
        validator.validate(certificate(&path(&self.leaf)).certificate()).map_err(|error| error.code())
    }
}

/// The folder of the generated cases as a key manager: an id is a file's path.
#[derive(Debug)]
struct Folder;

impl KeyManager for Folder {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, longhand::KeyManagerError> {
        StoredCertificate::from_managed_object(id, "X.509", &octets(id))
    }
}

fn folder() -> std::path::PathBuf {
    super::vectors().join("chains")
}

pub(crate) fn octets(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) fn certificate(name: &str) -> ChainCertificate {
    ChainCertificate::new(Certificate::from_bytes(&octets(name)).unwrap(), Some(name))
}

pub(crate) fn policy(name: &str, enforce: &BTreeMap<String, bool>) -> ChainPolicy {
    let policy = match name {
        "cursive" => ChainPolicy::cursive(),
        "default" => ChainPolicy::default(),
        "rfc5280" => ChainPolicy::rfc5280(),
        other => panic!("{other}"),
    };
    enforce.iter().fold(policy, |policy, (name, &enforce)| match name.as_str() {
        "enforce_valid_dates" => policy.enforce_valid_dates(enforce),
        "enforce_signing_extensions" => policy.enforce_signing_extensions(enforce),
        "enforce_path_length" => policy.enforce_path_length(enforce),
        other => panic!("{other}"),
    })
}

/// `YYYY-MM-DDTHH:MM:SSZ`.
pub(crate) fn time(text: &str) -> UnixTime {
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    assert!(text.ends_with('Z') && text.len() == 20, "{text}");
    // Fliegel and Van Flandern, days since 1970.
    let a = (month - 14) / 12;
    let days = (1461 * (year + 4800 + a)) / 4 + (367 * (month - 2 - 12 * a)) / 12
        - (3 * ((year + 4900 + a) / 100)) / 4
        + day
        - 32075
        - 2_440_588;
    let seconds = days * 86_400 + number(11..13) * 3600 + number(14..16) * 60 + number(17..19);
    UnixTime::since_unix_epoch(Duration::from_secs(seconds.try_into().unwrap()))
}
