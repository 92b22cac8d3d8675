//! What went wrong between us and Vault.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use longhand::KeyManagerError;
use longhand_http::{HttpError, Refusal};

/// What went wrong between us and Vault: the [`source`](std::error::Error::source) of the [`KeyManagerError`]s that
/// [`Vault`](crate::Vault) gives.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// There is no answer that could be used.
    #[error("Vault could not be asked to {operation}: {source}")]
    NoAnswer {
        /// What was to be done.
        operation: Operation,
        /// What went wrong.
        source: HttpError,
    },
    /// Vault said no.
    #[error("Vault refused to {operation}: {refusal}")]
    Refused {
        /// What was to be done.
        operation: Operation,
        /// The status, and what Vault said.
        refusal: Refusal,
    },
    /// The answer is not one that Vault gives.
    #[error("Vault was asked to {operation}, and its answer {what}")]
    Unexpected {
        /// What was to be done.
        operation: Operation,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The file with the token for the login cannot be read.
    #[error("the token file {file:?} cannot be used: {source}")]
    TokenFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: Arc<io::Error>,
    },
}

/// What Vault is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// To read a secret.
    Read,
    /// To give a token for a credential.
    Login,
    /// To prolong a token.
    Renewal,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read the secret",
            Self::Login => "log in",
            Self::Renewal => "renew the token",
        })
    }
}

impl VaultError {
    /// The error for the certificate `id` that could not be had because of this one.
    pub(crate) fn into_key_manager_error(self, id: &str) -> KeyManagerError {
        match self.kind() {
            Kind::Forbidden => KeyManagerError::forbidden(id, self),
            Kind::Misconfigured => KeyManagerError::misconfigured(id, self),
            Kind::Unavailable => KeyManagerError::unavailable(id, self),
        }
    }

    /// Whether Vault said no, and will say so again: not that it is too busy (429), behind (412), a standby node (472, 473)
    /// or out of order.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. }) && !matches!(self.kind(), Kind::Unavailable)
    }

    fn kind(&self) -> Kind {
        match self {
            Self::TokenFile { .. } => Kind::Misconfigured,
            Self::NoAnswer { source, .. } if source.is_misconfiguration() => Kind::Misconfigured,
            Self::Refused { operation, refusal } => match refusal.status {
                // A login that is not taken is no affair of the id's: no trusted one is to be skipped for it.
                401 | 403 if *operation == Operation::Login => Kind::Misconfigured,
                401 | 403 => Kind::Forbidden,
                // A mount, a namespace or a login method that is not there; a role that does not exist; a request that is
                // none. The id of the secret has been checked, so what is wrong is a setting. A secret that is not there
                // does not get here.
                400 | 404 | 405 => Kind::Misconfigured,
                _ => Kind::Unavailable,
            },
            Self::NoAnswer { .. } | Self::Unexpected { .. } => Kind::Unavailable,
        }
    }
}

enum Kind {
    Forbidden,
    Misconfigured,
    Unavailable,
}
