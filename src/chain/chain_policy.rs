//! Which rules a chain is held to.

/// The rules that a chain is held to: one of three sets, with Cursive's three switches.
///
/// | | [`cursive`](Self::cursive) | [`default`](Self::default) | [`rfc5280`](Self::rfc5280) |
/// |---|---|---|---|
/// | dates, ends inclusive | switch | switch | always |
/// | issuers: CA:TRUE and keyCertSign | switch | switch | CA:TRUE; keyCertSign if there is a keyUsage |
/// | path length | switch; self-issued counted | switch; self-issued not counted | always; self-issued not counted |
/// | SHA-1 | allowed | refused | refused |
/// | keys of authorities | RSA-1024 | RSA-2048, DSA-2048/224 | the same |
/// | names | case counts, string type does not | RFC 5280 section 7.1 | the same |
/// | critical and malformed extensions, name constraints, certificate policies, keyUsage of the signer | ignored | enforced | enforced |
/// | a trusted root that signs images itself | yes | yes | no |
/// | second opinion of rustls-webpki | no | no | when in scope, it must agree |
///
/// ```
/// use longhand::ChainPolicy;
///
/// let as_nova_does = ChainPolicy::cursive();
/// let lenient_dates = ChainPolicy::default().enforce_valid_dates(false);
/// # let _ = (as_nova_does, lenient_dates);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainPolicy {
    pub(super) preset: Preset,
    pub(super) enforce_valid_dates: bool,
    pub(super) enforce_signing_extensions: bool,
    pub(super) enforce_path_length: bool,
    pub(super) partial_chain: bool,
    pub(super) purposes: Vec<String>,
    pub(super) unknown_revocation: UnknownRevocation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preset {
    Cursive,
    Default,
    Rfc5280,
}

/// What becomes of a certificate whose revocation status no usable list tells. It matters only when lists are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownRevocation {
    /// The chain is refused.
    #[default]
    Refuse,
    /// The chain is let through; the verdict says so.
    Allow,
}

impl Default for ChainPolicy {
    /// Cursive's promises, kept: what a service should use.
    fn default() -> Self {
        Self::preset(Preset::Default)
    }
}

impl ChainPolicy {
    const fn preset(preset: Preset) -> Self {
        Self {
            preset,
            enforce_valid_dates: true,
            enforce_signing_extensions: true,
            enforce_path_length: true,
            partial_chain: false,
            purposes: Vec::new(),
            unknown_revocation: UnknownRevocation::Refuse,
        }
    }

    /// What Cursive's `CertificateVerificationContext` looks at, no more.
    #[must_use]
    pub const fn cursive() -> Self {
        Self::preset(Preset::Cursive)
    }

    /// RFC 5280 section 6.1, with a second opinion by rustls-webpki. The three `enforce` switches change nothing here.
    #[must_use]
    pub const fn rfc5280() -> Self {
        Self::preset(Preset::Rfc5280)
    }

    /// Whether the dates of every certificate are looked at (Cursive's `enforce_valid_dates`).
    #[must_use]
    pub const fn enforce_valid_dates(mut self, enforce: bool) -> Self {
        self.enforce_valid_dates = enforce;
        self
    }

    /// Whether issuers need CA:TRUE and keyCertSign (Cursive's `enforce_signing_extensions`). Without it, whoever holds a
    /// certificate under a trusted root can sign images.
    #[must_use]
    pub const fn enforce_signing_extensions(mut self, enforce: bool) -> Self {
        self.enforce_signing_extensions = enforce;
        self
    }

    /// Whether pathLenConstraint is looked at (Cursive's `enforce_path_length`).
    #[must_use]
    pub const fn enforce_path_length(mut self, enforce: bool) -> Self {
        self.enforce_path_length = enforce;
        self
    }

    /// Whether a chain may end in any trusted issuer, rather than in a self-signed one.
    #[must_use]
    pub const fn partial_chain(mut self, partial_chain: bool) -> Self {
        self.partial_chain = partial_chain;
        self
    }

    /// Demands that the signing certificate's extKeyUsage, if it has one, allows this purpose: an object identifier in
    /// dotted decimals, such as `1.3.6.1.5.5.7.3.3` for code signing. May be called for several.
    #[must_use]
    pub fn purpose(mut self, purpose: impl Into<String>) -> Self {
        self.purposes.push(purpose.into());
        self
    }

    /// What becomes of a certificate whose revocation status no usable list tells.
    #[must_use]
    pub const fn unknown_revocation(mut self, choice: UnknownRevocation) -> Self {
        self.unknown_revocation = choice;
        self
    }

    /// The name of the set of rules: `cursive`, `default` or `rfc5280`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.preset {
            Preset::Cursive => "cursive",
            Preset::Default => "default",
            Preset::Rfc5280 => "rfc5280",
        }
    }
}
