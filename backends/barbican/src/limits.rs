//! Every bound on what is read from ids, services and files, each with its reason.

use std::time::Duration;

/// Octets of an id: what the library allows an image property that is no signature. A href takes some hundred.
pub const MAX_ID: usize = longhand::limits::MAX_PROPERTY_TEXT;

/// Octets of a secret's payload: what the library reads as a certificate. Barbican itself takes 20 000 unless told
/// otherwise (`max_allowed_secret_in_bytes`).
pub const MAX_PAYLOAD: usize = longhand::limits::MAX_CERTIFICATE_INPUT;

/// Octets of the description of a container. It lists the container's consumers, some 200 octets each, and whoever may
/// read the container may add to them.
pub const MAX_CONTAINER: usize = 256 * 1024;

/// Certificates among the intermediates of a container. Real chains have one to three; each is offered to the search
/// for a chain, which has its own bound.
pub const MAX_INTERMEDIATES: usize = 16;

/// Octets of what Keystone answers to a login. An endpoint takes some 150, and a cloud with thirty services, three
/// interfaces and ten regions has 900 of them.
pub const MAX_LOGIN: usize = 1024 * 1024;

/// Endpoints in a catalogue, over all services.
pub const MAX_ENDPOINTS: usize = 4096;

/// Names that an error lists: services, interfaces and regions of a catalogue, clouds of a file.
pub const MAX_LISTED: usize = 16;

/// How long before its end a token is no longer used, so that it does not end on the way: keystoneauth takes as much.
/// At most half of the token's life.
pub const TOKEN_MARGIN: Duration = Duration::from_secs(30);

/// How long after a login that a 401 made necessary the next 401 makes none: a token that young is refused for another
/// reason, and asking for the next would double the requests of all who come after.
pub const RENEWAL_PAUSE: Duration = Duration::from_secs(30);

/// How long a refused login is remembered. Fifty ids with a wrong password must not be fifty wrong passwords: Keystone
/// locks accounts (`[security_compliance] lockout_failure_attempts`).
pub const REFUSAL_KEPT: Duration = Duration::from_secs(10);

/// Octets of `clouds.yaml` and of `secure.yaml`. A cloud takes some 500.
#[cfg(feature = "clouds")]
pub const MAX_CLOUDS_FILE: u64 = 256 * 1024;

/// Nodes of `clouds.yaml`, what its merge keys (`<<`) bring along included: aliases share what they stand for, but a
/// merged mapping is as large as both.
#[cfg(feature = "clouds")]
pub const MAX_YAML_NODES: usize = 32 * 1024;

/// How deep `clouds.yaml` may nest; six is what it has.
#[cfg(feature = "clouds")]
pub const MAX_YAML_DEPTH: usize = 32;
