//! Why a stream that verifies gives no verdict, or a bad one.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::code::{Disposition, ErrorCode, SIGNATURE_FAILED};
use crate::public_key::VerificationError;
use crate::record::RecordError;

/// Why a [`VerifyingReader`](crate::VerifyingReader), a [`HoldBackWriter`](crate::HoldBackWriter), one of their
/// asynchronous relatives or an image of a [`BatchVerifier`](crate::BatchVerifier) did not come to a yes.
///
/// Inside the `io::Error` that readers and writers give, it can be found with `get_ref()` and `downcast_ref()`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StreamError {
    /// The image was read to its end, and the signature does not hold.
    Verification(VerificationError),
    /// The image was read to its end, the signature holds, and the image is not what its record says.
    Record(RecordError),
    /// The source of the bytes failed.
    Source(Arc<io::Error>),
    /// The destination could not keep, or not release, the bytes.
    Destination(Arc<io::Error>),
    /// The verdict was asked for before the source had ended.
    Unfinished {
        /// How many bytes were read until then.
        bytes_read: u64,
    },
}

impl StreamError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Verification(error) => error.code(),
            Self::Record(error) => error.code(),
            Self::Source(_) => ErrorCode::StreamSourceFailed,
            Self::Destination(_) => ErrorCode::StreamDestinationFailed,
            Self::Unfinished { .. } => ErrorCode::StreamUnfinished,
        }
    }

    /// What a service should do about this error.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }

    fn io_kind(&self) -> io::ErrorKind {
        match self {
            Self::Verification(_) | Self::Record(_) => io::ErrorKind::InvalidData,
            Self::Source(error) | Self::Destination(error) => lasting(error.kind()),
            Self::Unfinished { .. } => io::ErrorKind::UnexpectedEof,
        }
    }
}

/// The kind of an error that lasts. For good is for good: two kinds would have the caller try again for ever.
pub(crate) const fn lasting(kind: io::ErrorKind) -> io::ErrorKind {
    match kind {
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock => io::ErrorKind::Other,
        kind => kind,
    }
}

/// Of the kind of the one inside, or `InvalidData` for a bad signature.
impl From<StreamError> for io::Error {
    fn from(error: StreamError) -> Self {
        Self::new(error.io_kind(), error)
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verification(error) => error.fmt(f),
            Self::Record(error) => write!(f, "{SIGNATURE_FAILED}: {error}"),
            Self::Source(error) => write!(f, "{SIGNATURE_FAILED}: the image cannot be read: {error}"),
            Self::Destination(error) => write!(f, "{SIGNATURE_FAILED}: the image cannot be stored: {error}"),
            Self::Unfinished { bytes_read } => {
                write!(f, "{SIGNATURE_FAILED}: the image was not read to its end, but to byte {bytes_read}")
            }
        }
    }
}

impl std::error::Error for StreamError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Verification(error) => error.source(),
            Self::Source(error) | Self::Destination(error) => Some(error),
            Self::Record(_) | Self::Unfinished { .. } => None,
        }
    }
}

impl From<VerificationError> for StreamError {
    fn from(error: VerificationError) -> Self {
        Self::Verification(error)
    }
}

impl From<RecordError> for StreamError {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}
