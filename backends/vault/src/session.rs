//! The token of a login: how long it holds, and when it is time for another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use longhand_http::SecretString;

use crate::error::VaultError;
use crate::limits::REFUSAL_BELIEVED;
use crate::login::Grant;

/// A token in use.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) value: Arc<SecretString>,
    /// When it was granted; `None` for one that was given to us, which nobody can replace.
    pub(crate) granted: Option<Granted>,
}

/// Which of all logins granted a token, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Granted {
    number: u64,
    at: Instant,
}

/// What all clones of a [`Vault`](crate::Vault) know of its token. It decides; asking is left to its caller.
#[derive(Debug, Default)]
pub(crate) struct Session {
    held: Option<Held>,
    logins: u64,
    /// How often a login failed, and how it did last.
    pub(crate) failures: u64,
    pub(crate) failure: Option<VaultError>,
    /// Until when a refusal is taken to be about the secret and not about the token.
    believed_until: Option<Instant>,
}

#[derive(Debug)]
struct Held {
    token: Token,
    /// What the login granted, for ever is `None`.
    lease: Option<Lease>,
    is_renewable: bool,
    is_counted: bool,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    /// What the login granted; renewals may grant less.
    first: Duration,
    due: Instant,
    end: Instant,
}

impl Lease {
    /// A lease is prolonged when two thirds of it are over, as Vault's own agent does.
    fn new(first: Duration, length: Duration, asked_at: Instant) -> Option<Self> {
        let due = asked_at.checked_add(length.saturating_mul(2).checked_div(3)?)?;
        let end = asked_at.checked_add(length)?;
        Some(Self { first, due, end })
    }
}

/// What to do before a request.
#[derive(Debug)]
pub(crate) enum Next {
    /// Use this token.
    Use(Token),
    /// Ask for a longer lease of this token, which holds until then.
    Renew(Token),
    /// Log in again, though this token still holds.
    Replace(Token),
    /// Log in.
    LogIn,
}

impl Session {
    /// What to do at this time.
    pub(crate) fn next(&self, now: Instant) -> Next {
        let Some(held) = &self.held else { return Next::LogIn };
        let token = held.token.clone();
        match held.lease {
            Some(lease) if now >= lease.end => Next::LogIn,
            Some(lease) if now >= lease.due && held.is_renewable => Next::Renew(token),
            Some(lease) if now >= lease.due => Next::Replace(token),
            _ => Next::Use(token),
        }
    }

    /// Takes what a login granted that was asked for at one time and answered at another.
    pub(crate) fn log_in(&mut self, grant: Grant, asked_at: Instant, now: Instant) -> Token {
        self.logins = self.logins.saturating_add(1);
        self.failure = None;
        let granted = Granted { number: self.logins, at: now };
        let token = Token { value: Arc::new(grant.token), granted: Some(granted) };
        self.held = Some(Held {
            token: token.clone(),
            lease: grant.lease.and_then(|length| Lease::new(length, length, asked_at)),
            is_renewable: grant.is_renewable,
            is_counted: grant.is_counted,
        });
        token
    }

    /// Takes what a renewal granted. One that grants less than half of the first lease is the last: a lease has a longest
    /// time, near which renewals become shorter and shorter.
    pub(crate) fn renew(&mut self, grant: &Grant, asked_at: Instant) {
        let Some(held) = &mut self.held else { return };
        let first = held.lease.map(|lease| lease.first);
        held.lease = grant.lease.and_then(|length| Lease::new(first.unwrap_or(length), length, asked_at));
        let is_short =
            held.lease.zip(grant.lease).is_some_and(|(lease, length)| length.saturating_mul(2) < lease.first);
        held.is_renewable = grant.is_renewable && !is_short;
    }

    /// Remembers that a token cannot be prolonged.
    pub(crate) fn renewed_for_the_last_time(&mut self) {
        if let Some(held) = &mut self.held {
            held.is_renewable = false;
        }
    }

    /// Leaves a token that still holds alone for half of the time that it has left.
    pub(crate) fn postpone(&mut self, now: Instant) {
        let lease = self.held.as_mut().and_then(|held| held.lease.as_mut());
        if let Some(lease) = lease {
            let half = lease.end.saturating_duration_since(now).checked_div(2).unwrap_or_default();
            lease.due = now.checked_add(half).unwrap_or(lease.end).max(lease.due);
        }
    }

    /// Remembers a login that failed.
    pub(crate) fn fail(&mut self, error: VaultError) {
        self.failures = self.failures.saturating_add(1);
        self.failure = Some(error);
    }

    /// What to do about a refusal that a request with this token met, which began then.
    pub(crate) fn after_refusal(&self, refused: &Token, began: Instant, now: Instant) -> AfterRefusal {
        let Some(refused) = refused.granted else { return AfterRefusal::Believe };
        let Some((held, granted)) = self.held.as_ref().and_then(|held| Some((held, held.token.granted?)))
        else {
            return AfterRefusal::LogIn;
        };
        if granted.number != refused.number {
            return AfterRefusal::Retry(held.token.clone());
        }
        let is_believed = !held.is_counted && self.believed_until.is_some_and(|until| now < until);
        if granted.at >= began || is_believed { AfterRefusal::Believe } else { AfterRefusal::LogIn }
    }

    /// Remembers that a new token was refused as well: it was not the token.
    pub(crate) fn believe(&mut self, now: Instant) {
        self.believed_until = now.checked_add(REFUSAL_BELIEVED);
    }
}

/// What to do when a token was refused.
#[derive(Debug)]
pub(crate) enum AfterRefusal {
    /// It is about the secret: the refusal stands.
    Believe,
    /// There is a newer token already.
    Retry(Token),
    /// The token may have been revoked, or used up.
    LogIn,
}
