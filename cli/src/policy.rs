//! From the options about the policy, and a service's configuration, to the library's policy.

use longhand::{CinderSettings, NovaReading, NovaSettings, VerificationPolicy};

use crate::arguments::policy::{PolicyArguments, PolicyName, ReadingName};
use crate::nova_conf;
use crate::problem::Problem;

/// The policy, and what the command has to know of its settings.
#[derive(Debug)]
pub(crate) struct ChosenPolicy {
    pub(crate) policy: VerificationPolicy,
    /// The operator's default ids, if they are in force where the user names none.
    pub(crate) default_ids: Option<Vec<String>>,
    /// What a user should know of the settings.
    pub(crate) remark: Option<String>,
    /// Whose defaults count, if the policy has settings and none are given.
    defaults_of: Option<&'static str>,
}

impl ChosenPolicy {
    fn new(policy: VerificationPolicy) -> Self {
        Self { policy, default_ids: None, remark: None, defaults_of: None }
    }

    /// The policy's name, and where its settings come from if nobody gave them.
    pub(crate) fn in_words(&self) -> String {
        let name = self.policy.name();
        match self.defaults_of {
            Some(service) => format!("{name} ({service}'s defaults: no --nova-conf given)"),
            None => name.to_owned(),
        }
    }
}

/// Reads the settings, where the policy has some.
pub(crate) fn read(arguments: &PolicyArguments) -> Result<ChosenPolicy, Problem> {
    let path = arguments.nova_conf.as_deref();
    let implied = if path.is_some() { PolicyName::Nova } else { PolicyName::Required };
    let name = arguments.policy.unwrap_or(implied);
    if arguments.nova_reading.is_some() && name != PolicyName::Nova {
        return Err(Problem::usage("--nova-reading is of no use without --policy nova or --nova-conf"));
    }
    let policy = match name {
        PolicyName::Nova => {
            let settings = path.map(nova_conf::read_nova).transpose()?.unwrap_or_else(NovaSettings::new);
            let settings = settings.reading(match arguments.nova_reading {
                Some(ReadingName::Documents) => NovaReading::Documents,
                Some(ReadingName::Code) | None => NovaReading::Code,
            });
            let default_ids = settings.ids_in_force(None).map(<[String]>::to_vec);
            let defaults_of = path.is_none().then_some("Nova");
            let policy = VerificationPolicy::nova(settings);
            return Ok(ChosenPolicy { policy, default_ids, remark: None, defaults_of });
        }
        PolicyName::Cinder => {
            let Some(path) = path else {
                let chosen = ChosenPolicy::new(VerificationPolicy::cinder(CinderSettings::new()));
                return Ok(ChosenPolicy { defaults_of: Some("Cinder"), ..chosen });
            };
            let (settings, is_set) = nova_conf::read_cinder(path)?;
            let remark = (!is_set).then(|| {
                let name = path.to_string_lossy();
                format!("{name} has no verify_glance_signatures in [DEFAULT]: Cinder's default counts")
            });
            return Ok(ChosenPolicy { remark, ..ChosenPolicy::new(VerificationPolicy::cinder(settings)) });
        }
        PolicyName::Trusted | PolicyName::Required if path.is_some() => {
            return Err(Problem::usage("--nova-conf is of no use but with --policy nova, cinder or glance"));
        }
        PolicyName::Trusted => VerificationPolicy::trusted(),
        PolicyName::Required => VerificationPolicy::required(),
        PolicyName::Glance => VerificationPolicy::glance(),
    };
    Ok(ChosenPolicy::new(policy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn arguments(
        policy: Option<PolicyName>,
        conf: Option<&Path>,
        reading: Option<ReadingName>,
    ) -> PolicyArguments {
        PolicyArguments { policy, nova_conf: conf.map(Path::to_owned), nova_reading: reading }
    }

    #[test]
    fn settings_go_to_the_policy_that_has_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nova.conf");
        let text = "[DEFAULT]\nverify_glance_signatures = disabled\n[glance]\nenable_certificate_validation = true\n\
                    default_trusted_certificate_ids = a\n";
        fs::write(&path, text).unwrap();
        let settings =
            NovaSettings::new().enable_certificate_validation(true).default_trusted_certificate_ids(["a"]);
        let documents = settings.clone().reading(NovaReading::Documents);
        let disabled = CinderSettings::new().verify_glance_signatures(false);
        let (conf, nova) = (Some(path.as_path()), Some(PolicyName::Nova));
        let reading = Some(ReadingName::Documents);
        for (arguments, policy, has_default_ids) in [
            (arguments(None, None, None), VerificationPolicy::required(), false),
            (arguments(nova, None, None), VerificationPolicy::nova(NovaSettings::new()), false),
            (arguments(nova, conf, None), VerificationPolicy::nova(settings.clone()), true),
            (arguments(None, conf, Some(ReadingName::Code)), VerificationPolicy::nova(settings), true),
            (arguments(None, conf, reading), VerificationPolicy::nova(documents), false),
            (
                arguments(Some(PolicyName::Cinder), None, None),
                VerificationPolicy::cinder(CinderSettings::new()),
                false,
            ),
            (arguments(Some(PolicyName::Cinder), conf, None), VerificationPolicy::cinder(disabled), false),
            (arguments(Some(PolicyName::Glance), None, None), VerificationPolicy::glance(), false),
            (arguments(Some(PolicyName::Glance), conf, None), VerificationPolicy::glance(), false),
            (arguments(Some(PolicyName::Trusted), None, None), VerificationPolicy::trusted(), false),
        ] {
            let chosen = read(&arguments).unwrap();
            let found = (chosen.policy, chosen.default_ids.is_some());
            assert_eq!(found, (policy, has_default_ids), "{arguments:?}");
        }
        for (name, conf, reading) in [
            (Some(PolicyName::Required), conf, None),
            (Some(PolicyName::Trusted), conf, None),
            (Some(PolicyName::Cinder), conf, reading),
            (Some(PolicyName::Glance), conf, reading),
            (None, None, reading),
        ] {
            let problem = read(&arguments(name, conf, reading)).unwrap_err();
            assert_eq!((problem.name(), problem.exit().number()), ("usage", 2), "{name:?}");
        }
    }
}
