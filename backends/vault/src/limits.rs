//! Every bound on what ids, a Vault and its token files may be, each with its reason.
//!
//! What every HTTP answer is held to stands in `longhand_http::limits`, what a certificate is held to in
//! [`longhand::limits`].

use std::time::Duration;

use longhand::limits::MAX_CERTIFICATE_INPUT;

/// The longest id, in octets. Castellan's have 32, a UUID 36, names that people give far fewer than this; Vault's own
/// storage allows no longer segment in a file backend.
pub const MAX_ID: usize = 255;

/// The longest answer that holds a certificate, in octets: the largest certificate that the library reads, in
/// hexadecimal, and as much again as a record's other fields and its metadata may need.
pub const MAX_RECORD: usize = MAX_CERTIFICATE_INPUT.saturating_mul(2).saturating_add(64 * 1024);

/// The longest file with a token for a login, in octets. Service account tokens of Kubernetes have one to two thousand.
pub const MAX_TOKEN_FILE: usize = 64 * 1024;

/// The longest time that a token is kept without asking again, whatever lease a server names: 32 days, Vault's own
/// default for the longest lease.
pub const MAX_LEASE: Duration = Duration::from_secs(32 * 24 * 3600);

/// How long a refusal is believed, after a new token has been refused like the old one before it: so often at most
/// can a tenant who names certificates that the service may not read make it log in.
pub const REFUSAL_BELIEVED: Duration = Duration::from_secs(10);
