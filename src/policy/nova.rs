//! Nova's policy: three settings, the ids kept with an instance, and the ids in force on a compute host.

use super::{
    CannotVerifyReason, Delivery, ImageFacts, NotRequiredReason, PolicyError, Requirement, TrustChoice,
    check_ids, kept_from,
};

/// Nova's settings in the section `[glance]`, under Nova's names for them, each with Nova's default.
///
/// What they do together, as Nova 34 does it; "ids" are those in force (see [`ids_in_force`](Self::ids_in_force)):
///
/// | `verify_glance_signatures` | `enable_certificate_validation` | ids | an image is |
/// |---|---|---|---|
/// | off | any | none | not verified |
/// | on | off | none | verified, without its chain |
/// | on | on | none | refused |
/// | any | any | some | verified, and its chain |
///
/// Nova knows no trust stores. One that is configured here stands in wherever a signature is verified and no ids are in
/// force: in the second row the chain is then validated, in the third the image is not refused for want of trust.
///
/// The settings must be the same at the API and on the compute hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NovaSettings {
    verify_glance_signatures: bool,
    enable_certificate_validation: bool,
    default_trusted_certificate_ids: Vec<String>,
    user_ids_allowed: bool,
    reading: NovaReading,
}

/// Which of two answers is given where Nova's code and Nova's documents differ.
///
/// They do in one case: `enable_certificate_validation` is on, `verify_glance_signatures` is off, there are default ids
/// and the user gave none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NovaReading {
    /// The code of Nova 34: a compute host verifies the image and validates its chain against the default ids, which
    /// the API did not keep with the instance.
    #[default]
    Code,
    /// The option's help text, the user guide and the specification, by which the defaults have no effect unless
    /// `verify_glance_signatures` is on: the image is not verified.
    Documents,
}

/// What a rebuild says about the ids kept with the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RebuildIds {
    /// The request does not speak of them.
    Keep,
    /// The request sets them to `null`: back to what a new instance would get.
    Reset,
    /// The request gives others.
    Give(Vec<String>),
}

impl NovaSettings {
    /// Nova's defaults: nothing is verified unless the user gives ids.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            verify_glance_signatures: false,
            enable_certificate_validation: false,
            default_trusted_certificate_ids: Vec::new(),
            user_ids_allowed: true,
            reading: NovaReading::Code,
        }
    }

    /// `[glance] verify_glance_signatures`.
    #[must_use]
    pub const fn verify_glance_signatures(mut self, on: bool) -> Self {
        self.verify_glance_signatures = on;
        self
    }

    /// `[glance] enable_certificate_validation`, which Nova has called deprecated since 16.0.0.
    #[must_use]
    pub const fn enable_certificate_validation(mut self, on: bool) -> Self {
        self.enable_certificate_validation = on;
        self
    }

    /// `[glance] default_trusted_certificate_ids`: taken as they are; one that names no certificate is passed over when
    /// the trusted certificates are fetched.
    #[must_use]
    pub fn default_trusted_certificate_ids<I>(mut self, ids: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.default_trusted_certificate_ids = ids.into_iter().map(|id| id.as_ref().to_owned()).collect();
        self
    }

    /// Whether the user may give ids, and reset those of an instance: the rules
    /// `os_compute_api:servers:create:trusted_certs` and `os_compute_api:servers:rebuild:trusted_certs`.
    #[must_use]
    pub const fn user_ids_allowed(mut self, allowed: bool) -> Self {
        self.user_ids_allowed = allowed;
        self
    }

    /// Which answer is given where code and documents differ.
    #[must_use]
    pub const fn reading(mut self, reading: NovaReading) -> Self {
        self.reading = reading;
        self
    }

    /// The ids that the API keeps with a new instance: the user's, else the defaults if both switches are on, else none.
    ///
    /// Of the deliveries only [`Delivery::FromVolume`] matters: the others are not known yet.
    ///
    /// # Errors
    /// [`PolicyError`] when the user's ids break a rule or are forbidden, and when an instance that boots from a volume
    /// would get ids (`Image certificate validation is not supported when booting from volume`).
    pub fn ids_at_create(
        &self,
        given: Option<&[String]>,
        delivery: Delivery,
    ) -> Result<Option<Vec<String>>, PolicyError> {
        self.judge_given(given)?;
        checkable(given.or_else(|| self.defaults_to_keep()).map(<[String]>::to_vec), delivery)
    }

    /// The ids that the API keeps with an instance that is rebuilt, of which these were `kept`.
    ///
    /// # Errors
    /// As [`ids_at_create`](Self::ids_at_create); to reset is forbidden where to give is.
    pub fn ids_at_rebuild(
        &self,
        kept: Option<&[String]>,
        change: &RebuildIds,
        delivery: Delivery,
    ) -> Result<Option<Vec<String>>, PolicyError> {
        match change {
            RebuildIds::Keep => checkable(kept.map(<[String]>::to_vec), delivery),
            RebuildIds::Reset if !self.user_ids_allowed => Err(PolicyError::TrustedIdsForbidden),
            RebuildIds::Reset => self.ids_at_create(None, delivery),
            RebuildIds::Give(ids) => self.ids_at_create(Some(ids), delivery),
        }
    }

    /// The ids that a compute host validates against: those kept with the instance, else the defaults if certificate
    /// validation is on (by [`NovaReading::Documents`]: if both switches are), else none.
    #[must_use]
    pub fn ids_in_force<'a>(&'a self, kept: Option<&'a [String]>) -> Option<&'a [String]> {
        kept.filter(|ids| !ids.is_empty()).or_else(|| self.defaults_in_force())
    }

    fn judge_given(&self, given: Option<&[String]>) -> Result<(), PolicyError> {
        let Some(ids) = given else { return Ok(()) };
        check_ids(ids)?;
        if self.user_ids_allowed { Ok(()) } else { Err(PolicyError::TrustedIdsForbidden) }
    }

    /// `nova.compute.api.API._retrieve_trusted_certs_object` asks for both switches.
    fn defaults_to_keep(&self) -> Option<&[String]> {
        let on = self.verify_glance_signatures && self.enable_certificate_validation;
        self.defaults().filter(|_| on)
    }

    /// `nova.image.glance.GlanceImageServiceV2._get_verifier` does not ask for `verify_glance_signatures`.
    fn defaults_in_force(&self) -> Option<&[String]> {
        match self.reading {
            NovaReading::Code => self.defaults().filter(|_| self.enable_certificate_validation),
            NovaReading::Documents => self.defaults_to_keep(),
        }
    }

    fn defaults(&self) -> Option<&[String]> {
        Some(self.default_trusted_certificate_ids.as_slice()).filter(|ids| !ids.is_empty())
    }

    /// How the bytes arrive is looked at before the properties: a server that boots from a volume need have no image.
    pub(super) fn decide(&self, facts: &ImageFacts) -> Result<Requirement, PolicyError> {
        self.judge_given(facts.trusted_ids.as_deref())?;
        let ids =
            facts.ids().or_else(|| self.defaults_in_force().map(|ids| TrustChoice::DefaultIds(ids.to_vec())));
        if ids.is_none() && !self.verify_glance_signatures {
            return Ok(Requirement::NotRequired(NotRequiredReason::SwitchedOff));
        }
        let trust = ids.or_else(|| facts.store());
        let chain = trust.is_some() || self.enable_certificate_validation;
        if let Some(reason) = facts.obstacle(chain) {
            return kept_from(reason, chain);
        }
        // Nova sets the signature up before it looks for something to validate against.
        facts.signature.complete()?;
        if chain && trust.is_none() {
            return Err(PolicyError::TrustMissing { policy: "nova" });
        }
        Ok(Requirement::Verify { chain: trust })
    }
}

impl Default for NovaSettings {
    fn default() -> Self {
        Self::new()
    }
}

/// Ids are not kept with an instance that boots from a volume.
fn checkable(ids: Option<Vec<String>>, delivery: Delivery) -> Result<Option<Vec<String>>, PolicyError> {
    match (ids, delivery) {
        (Some(_), Delivery::FromVolume) => {
            Err(PolicyError::TrustNotCheckable { reason: CannotVerifyReason::FromVolume })
        }
        (ids, _) => Ok(ids),
    }
}
