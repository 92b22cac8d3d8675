//! The cloud that `--os-cloud` or the `OS_*` variables name: nothing is sent before it is asked for something.

use std::error::Error;
use std::ffi::OsString;

use longhand_barbican::ServiceError;
use longhand_barbican::clouds::{Cloud, CloudError, Connection, Environment, SearchPath};
use longhand_barbican::http::{BlockingTransport, Client, HttpError, Tls};

use crate::fault::Fault;
use crate::problem::Problem;

pub(crate) type CloudConnection = Connection<BlockingTransport>;

/// Finds the cloud; `own` settings, by their names in `clouds.yaml`, go before its file's and the environment's.
pub(crate) fn connect(
    name: Option<&str>,
    environment: &Environment,
    own: impl IntoIterator<Item = (&'static str, String)>,
) -> Result<CloudConnection, Problem> {
    let path = SearchPath::of_openstacksdk(".", environment);
    let cloud = Cloud::find_with(name, environment, &path, own).map_err(|error| problem(&error))?;
    let tls = cloud.tls().map_err(|error| misconfigured(&error))?;
    cloud.connect(client(&tls)).map_err(|error| problem(&error))
}

pub(crate) fn client(tls: &Tls) -> Client<BlockingTransport> {
    Client::new(BlockingTransport::new(tls))
}

/// The environment as far as it is text: what is not is no setting of a cloud's.
pub(crate) fn environment(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Environment {
    let text =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    variables.into_iter().filter_map(text).collect()
}

/// A cloud that cannot be connected to, whatever is sent.
pub(crate) fn problem(error: &CloudError) -> Problem {
    let problem = misconfigured(error);
    match error {
        CloudError::NotNamed => {
            problem.hint("name a cloud of clouds.yaml with --os-cloud, or set the OS_* variables")
        }
        CloudError::Missing { .. } => problem.hint(
            "a user is OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME, or what --os-cloud names; a token \
             alone is OS_TOKEN or --os-token",
        ),
        _ => problem,
    }
}

/// A setting that cannot be used.
pub(crate) fn misconfigured(error: &dyn Error) -> Problem {
    Problem::caused(Fault::CloudMisconfigured, error.to_string(), error)
}

/// A service that gave no answer.
pub(crate) fn no_answer(what: &str, error: &ServiceError) -> Problem {
    let fault = if error.is_misconfiguration() {
        Fault::CloudMisconfigured
    } else if error.is_refusal() {
        Fault::CloudForbidden
    } else {
        Fault::CloudUnavailable
    };
    Problem::caused(fault, format!("{what}: {error}"), error)
}

/// The same of a client that has no session behind it.
pub(crate) fn broken(what: &str, error: &HttpError) -> Problem {
    let fault = if error.is_misconfiguration() { Fault::CloudMisconfigured } else { Fault::CloudUnavailable };
    Problem::caused(fault, format!("{what}: {error}"), error)
}
