//! What can be done about a chain that is refused: the certificate that has to be replaced, added or pinned, by its name.

use longhand::{ChainCertificate, ChainError, ErrorCode, RuleViolation};

use super::for_code;
use crate::report::{Asked, shown_link};
use crate::trust::TrustedSet;

/// What the advice depends on beside the error.
#[derive(Debug)]
pub(crate) struct Situation<'a> {
    pub(crate) asked: Asked,
    pub(crate) trusted: &'a TrustedSet,
    /// Whether there is a directory of --certs.
    pub(crate) has_directory: bool,
    /// Whether `--policy nova` meets chain rules that a Nova host does not have.
    pub(crate) is_stricter_than_nova: bool,
}

const DRAWN: &str = "`longhand chain` draws what was found";

const STRICTER_THAN_NOVA: &str = "`--policy nova` decides whether and with whose trust an image is verified, and leaves \
                                  the chain to the rules of --chain-policy default; a Nova host applies those of \
                                  --chain-policy cursive";

/// The next steps, the certificate that they are about in them.
pub(crate) fn for_chain(error: &ChainError, situation: &Situation<'_>) -> Vec<String> {
    steps(error, situation).unwrap_or_default()
}

fn steps(error: &ChainError, situation: &Situation<'_>) -> Option<Vec<String>> {
    let (mut steps, is_about_links) = match broken(error) {
        Some(broken) => broken.advice(situation)?,
        None => (vec![for_code(error.code())?.to_owned()], false),
    };
    if is_about_links && situation.asked == Asked::Image {
        steps.push(DRAWN.to_owned());
    }
    if situation.is_stricter_than_nova {
        steps.push(STRICTER_THAN_NOVA.to_owned());
    }
    Some(steps)
}

/// The certificate that breaks a rule, and how the search came to it.
struct Broken<'a> {
    certificate: &'a ChainCertificate,
    signer: &'a ChainCertificate,
    way: &'a [ChainCertificate],
    violation: &'a RuleViolation,
}

fn broken(error: &ChainError) -> Option<Broken<'_>> {
    match error {
        ChainError::SigningCertificate { certificate, violation } => {
            Some(Broken { certificate, signer: certificate, way: &[], violation })
        }
        ChainError::Untrusted { signer, broken, .. } => Some(Broken {
            certificate: &broken.certificate,
            signer,
            way: &broken.way,
            violation: &broken.violation,
        }),
        _ => None,
    }
}

impl Broken<'_> {
    /// The advice, and whether a drawing of the links helps to follow it.
    fn advice(&self, situation: &Situation<'_>) -> Option<(Vec<String>, bool)> {
        let code = self.violation.code();
        let is_about_links = matches!(
            code,
            ErrorCode::ChainIssuerMissing
                | ErrorCode::ChainRootNotTrusted
                | ErrorCode::ChainNotAnAuthority
                | ErrorCode::ChainNoKeyCertSign
                | ErrorCode::ChainPathLength
                | ErrorCode::ChainNameConstraints
                | ErrorCode::ChainCertificatePolicies
        );
        if self.can_be_pinned(situation)
            && matches!(
                code,
                ErrorCode::ChainIssuerMissing
                    | ErrorCode::ChainNotAnAuthority
                    | ErrorCode::ChainNoKeyCertSign
                    | ErrorCode::ChainRootNotTrusted
                    | ErrorCode::ChainAnchorAsSigner
            )
        {
            return Some((vec![self.pin(code, situation)], false));
        }
        let mut steps = vec![self.replacement(code).or_else(|| for_code(code).map(str::to_owned))?];
        if code == ErrorCode::ChainIssuerMissing && situation.has_directory {
            steps.push("it may lie in the directory of --certs: add --intermediates DIR".to_owned());
        }
        if let Some(end) = self.trusted_below(code, situation) {
            let end = shown_link(end);
            steps.push(format!("{end} is trusted itself: --partial-chain lets the chain end there"));
        }
        Some((steps, is_about_links))
    }

    /// Which certificate has to be replaced, if one has.
    fn replacement(&self, code: ErrorCode) -> Option<String> {
        let name = shown_link(self.certificate);
        Some(match code {
            ErrorCode::ChainExpired | ErrorCode::ChainNotYetValid => {
                format!("have {name} issued again, or give the time that counts with --at")
            }
            ErrorCode::ChainSignatureWeak | ErrorCode::ChainSignatureUnsupported => format!(
                "have {name} issued again, signed with SHA-2; --chain-policy cursive lets pass what Cursive does"
            ),
            ErrorCode::ChainKeyWeak if self.certificate != self.signer => format!(
                "replace {name} by an authority of RSA-2048, DSA-2048 or an EC curve, and have issued again what it \
                 issued; --chain-policy cursive lets pass what Cursive does"
            ),
            _ => return None,
        })
    }

    /// The trusted intermediate that the search went past for want of a root.
    fn trusted_below(&self, code: ErrorCode, situation: &Situation<'_>) -> Option<&ChainCertificate> {
        match code {
            ErrorCode::ChainIssuerMissing => {
                Some(self.certificate).filter(|link| situation.trusted.has(link))
            }
            ErrorCode::ChainRootNotTrusted => self.way.iter().find(|link| situation.trusted.has(link)),
            _ => None,
        }
    }

    /// Whether it is the signing certificate itself that is trusted or has no other issuer.
    fn can_be_pinned(&self, situation: &Situation<'_>) -> bool {
        let certificate = self.signer.certificate();
        let is_its_own_issuer = certificate.subject().to_string() == certificate.issuer().to_string();
        self.certificate.certificate() == certificate
            && (is_its_own_issuer || situation.trusted.has(self.signer))
    }

    fn pin(&self, code: ErrorCode, situation: &Situation<'_>) -> String {
        let instead = if situation.trusted.is_of_ids() { ", in the place of the trusted ids" } else { "" };
        let other =
            if code == ErrorCode::ChainAnchorAsSigner { ", or choose another --chain-policy" } else { "" };
        format!(
            "{} is the signing certificate itself, for which no issuer vouches: if you do, name it with --pin{instead}{other}",
            shown_link(self.signer)
        )
    }
}
