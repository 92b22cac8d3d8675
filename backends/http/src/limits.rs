//! Every bound on what a server may make us do, with its reason.

use std::time::Duration;

/// An answer's body, in bytes, unless a request says otherwise. Barbican stores at most 20 000 bytes under a secret, and a
/// Keystone catalogue with a hundred services stays below this.
pub const MAX_BODY: usize = 256 * 1024;

/// An answer's header lines.
pub const MAX_HEADERS: usize = 100;

/// An answer's head, in bytes: status line and header lines. An interim answer before it (1xx) has a head of its own, bounded
/// alike and not kept; how many of them there are is bounded by time alone. Keystone's tokens, the longest header there is
/// here, have about 200.
pub const MAX_HEAD: usize = 16 * 1024;

/// How often one request is sent. Castellan tries 60 times, a second apart; by then whoever waits for an instance has gone.
pub const ATTEMPTS: u32 = 4;

/// The pause before the second attempt; each later one is twice as long.
pub const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest pause between two attempts, unless the server asks for a longer one.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long one attempt may take, to the last byte of the answer.
pub const ATTEMPT_TIME: Duration = Duration::from_secs(10);

/// How long a transport of tasks may take to connect, over all addresses of a family that a name has: half of an attempt,
/// so that an address that is silent leaves time for the next, and for its answer. With two of them there is time in each
/// part for a second SYN, which is sent after 1 s (RFC 6298 section 2). In an attempt that is to take less than this the
/// second may not have its turn. A blocking transport parts what is left of the attempt.
pub const CONNECT_TIME: Duration = Duration::from_secs(5);

/// How long all of it may take: logins, attempts and pauses for one certificate.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The most characters of a path that a span shows. A path with an id in it is shorter.
#[cfg(feature = "tracing")]
pub const MAX_LOGGED_PATH: usize = 1024;

/// How much an error shows of what broke a connection, in characters: the longest sentence of rustls that repeats nothing
/// of the server's certificate has half of it.
pub const MAX_SHOWN: usize = 256;

/// Connections that are kept for the next request to the same host: as many as a verifier fetches certificates at once.
pub const MAX_IDLE: usize = 16;

/// How long a connection is kept that nobody uses; a blocking transport looks at its next request. Proxies before OpenStack's services close theirs after 5 to 60 s.
pub const MAX_IDLE_AGE: Duration = Duration::from_secs(30);

/// Names that are looked up at once by blocking transports. The system's resolver cannot be interrupted: one that does not
/// answer holds a thread for as long as its own patience lasts, usually 10 to 30 s.
pub const MAX_LOOKUPS: usize = 64;
