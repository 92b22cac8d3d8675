//! Where services are: Keystone's catalogue, as it comes with a token.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use longhand::Excerpt;
use longhand_http::{Endpoint, EndpointError};
use serde::Deserialize;

use crate::limits::{MAX_ENDPOINTS, MAX_LISTED};

/// For whom an endpoint is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interface {
    /// Everybody.
    #[default]
    Public,
    /// Other services of the cloud.
    Internal,
    /// Administrators.
    Admin,
}

impl Interface {
    /// Reads the word, also in the form of older settings: `internalURL`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word.strip_suffix("URL").unwrap_or(word) {
            "public" => Some(Self::Public),
            "internal" => Some(Self::Internal),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Which endpoint of a catalogue is meant.
///
/// ```
/// use longhand_barbican::keystone::{Interface, ServiceFilter};
///
/// let filter = ServiceFilter::new("image").interface(Interface::Internal).region("RegionOne");
/// assert_eq!(filter.to_string(), "the internal endpoint of image in the region \"RegionOne\"");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFilter {
    service: String,
    interface: Interface,
    region: Option<String>,
}

impl ServiceFilter {
    /// The public endpoint of a service, by its type in the service types authority: `key-manager`, `image`.
    #[must_use]
    pub fn new(service: impl Into<String>) -> Self {
        Self { service: service.into(), interface: Interface::default(), region: None }
    }

    /// The key manager: Barbican.
    #[must_use]
    pub fn key_manager() -> Self {
        Self::new("key-manager")
    }

    /// The image service: Glance.
    #[must_use]
    pub fn image() -> Self {
        Self::new("image")
    }

    /// The endpoint of this interface instead of the public one.
    #[must_use]
    pub fn interface(mut self, interface: Interface) -> Self {
        self.interface = interface;
        self
    }

    /// The endpoint of this region. Without it the service must be in one region only.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    fn names(&self, service_type: &str) -> bool {
        let aliases = ALIASES.iter().find(|(official, _)| *official == self.service);
        service_type == self.service || aliases.is_some_and(|(_, aliases)| aliases.contains(&service_type))
    }
}

/// Other types under which catalogues have these services. The service types authority knows no alias of either; these
/// are what deployments before it wrote.
const ALIASES: [(&str, &[&str]); 2] =
    [("key-manager", &["keymanager", "key_manager", "keystore"]), ("image", &["imagev2"])];

impl fmt::Display for ServiceFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} endpoint of {}", self.interface, self.service)?;
        match &self.region {
            Some(region) => write!(f, " in the region {}", Excerpt::new(region)),
            None => Ok(()),
        }
    }
}

/// Some of the names that a service or a file gave, sorted, each cut: for errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    listed: Vec<Excerpt>,
    more: usize,
}

impl Names {
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let names: BTreeSet<&str> = names.collect();
        let listed = names.iter().take(MAX_LISTED).map(|name| Excerpt::new(name)).collect();
        Self { listed, more: names.len().saturating_sub(MAX_LISTED) }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.listed.is_empty() {
            return f.write_str("none");
        }
        for (index, name) in self.listed.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{name}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Why a catalogue gives no endpoint: a matter for whoever sets the cloud or the caller up.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The token came without a catalogue.
    #[error("the token has no catalogue: it is not for a project")]
    NoCatalogue,
    /// More endpoints than are read.
    #[error("the catalogue has more than {MAX_ENDPOINTS} endpoints")]
    TooLarge,
    /// No service of this type.
    #[error("the catalogue has no service of the type {service}; it has: {present}")]
    NoService {
        /// The type asked for.
        service: String,
        /// The types that there are.
        present: Names,
    },
    /// The service has no endpoint of this interface, or none in this region.
    #[error("the catalogue does not have {filter}; of that service it has: {present}")]
    NoEndpoint {
        /// What was asked for.
        filter: ServiceFilter,
        /// Interface and region of what there is.
        present: Names,
    },
    /// Several regions have the service, and none was named.
    #[error("several regions have {filter}, and none was named: {regions}")]
    SeveralRegions {
        /// What was asked for.
        filter: ServiceFilter,
        /// The regions.
        regions: Names,
    },
    /// The endpoint is no address that requests are sent to.
    #[error("{filter} is no endpoint: {source}")]
    BadEndpoint {
        /// What was asked for.
        filter: ServiceFilter,
        /// What is wrong with it.
        source: EndpointError,
    },
}

/// The services of a cloud.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    endpoints: Vec<CatalogueEndpoint>,
}

#[derive(Debug)]
struct CatalogueEndpoint {
    service: Arc<str>,
    interface: String,
    region: String,
    url: String,
}

/// A service as Keystone writes it.
#[derive(Deserialize)]
pub(super) struct Entry {
    #[serde(rename = "type")]
    service: Option<String>,
    #[serde(default)]
    endpoints: Vec<EntryEndpoint>,
}

#[derive(Deserialize)]
struct EntryEndpoint {
    interface: Option<String>,
    /// What `region` is called since there are regions with ids.
    region_id: Option<String>,
    region: Option<String>,
    url: Option<String>,
}

impl Catalogue {
    /// Keeps what has a type, an interface and a URL.
    pub(super) fn new(entries: Vec<Entry>) -> Result<Self, CatalogueError> {
        let mut endpoints = Vec::new();
        for entry in entries {
            let Some(service) = entry.service.map(Arc::<str>::from) else { continue };
            for EntryEndpoint { interface, region_id, region, url } in entry.endpoints {
                let (Some(interface), Some(url)) = (interface, url) else { continue };
                if endpoints.len() >= MAX_ENDPOINTS {
                    return Err(CatalogueError::TooLarge);
                }
                let region = region_id.or(region).unwrap_or_default();
                endpoints.push(CatalogueEndpoint { service: service.clone(), interface, region, url });
            }
        }
        Ok(Self { endpoints })
    }

    /// The one endpoint that is meant.
    pub(super) fn endpoint(&self, filter: &ServiceFilter) -> Result<Endpoint, CatalogueError> {
        if self.endpoints.is_empty() {
            return Err(CatalogueError::NoCatalogue);
        }
        let of_service: Vec<_> = self.endpoints.iter().filter(|entry| filter.names(&entry.service)).collect();
        if of_service.is_empty() {
            let present = Names::new(self.endpoints.iter().map(|entry| &*entry.service));
            return Err(CatalogueError::NoService { service: filter.service.clone(), present });
        }
        let is_meant = |entry: &&&CatalogueEndpoint| {
            entry.interface == filter.interface.word()
                && filter.region.as_ref().is_none_or(|region| *region == entry.region)
        };
        let meant: Vec<_> = of_service.iter().filter(is_meant).collect();
        let Some(first) = meant.first() else {
            let shown: Vec<_> =
                of_service.iter().map(|entry| format!("{} in {}", entry.interface, entry.region)).collect();
            let present = Names::new(shown.iter().map(String::as_str));
            return Err(CatalogueError::NoEndpoint { filter: filter.clone(), present });
        };
        if meant.iter().any(|entry| entry.url != first.url && entry.region != first.region) {
            let regions = Names::new(meant.iter().map(|entry| &*entry.region));
            return Err(CatalogueError::SeveralRegions { filter: filter.clone(), regions });
        }
        Endpoint::parse(&first.url)
            .map_err(|source| CatalogueError::BadEndpoint { filter: filter.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn catalogue(value: Value) -> Catalogue {
        Catalogue::new(serde_json::from_value(value).unwrap()).unwrap()
    }

    fn endpoint(interface: &str, region: &str, url: &str) -> Value {
        json!({ "id": "x", "interface": interface, "region": region, "region_id": region, "url": url })
    }

    fn two_regions() -> Catalogue {
        catalogue(json!([
            { "type": "identity", "name": "keystone", "endpoints": [endpoint("public", "One", "https://k/v3")] },
            { "type": "key-manager", "name": "barbican", "endpoints": [
                endpoint("public", "One", "https://one.example:9311"),
                endpoint("internal", "One", "http://one.internal:9311/"),
                endpoint("public", "Two", "https://two.example/key-manager"),
            ]},
            { "type": "image", "endpoints": [endpoint("public", "One", "https://glance.example")] },
            { "type": "no endpoints" },
            { "name": "no type", "endpoints": [endpoint("public", "One", "https://x")] },
            { "type": "half", "endpoints": [{ "interface": "public" }, { "url": "https://x" }] },
        ]))
    }

    #[test]
    fn an_endpoint_is_found_by_service_interface_and_region() {
        let catalogue = two_regions();
        for (filter, url) in [
            (ServiceFilter::key_manager().region("One"), "https://one.example:9311"),
            (ServiceFilter::key_manager().region("Two"), "https://two.example/key-manager"),
            (ServiceFilter::key_manager().interface(Interface::Internal), "http://one.internal:9311"),
            (ServiceFilter::image(), "https://glance.example"),
            (ServiceFilter::new("identity"), "https://k/v3"),
        ] {
            let found = catalogue.endpoint(&filter).unwrap();
            assert_eq!(found.as_str().trim_end_matches('/'), url, "{filter}");
        }
    }

    #[test]
    fn a_service_is_found_by_its_older_names_too() {
        for alias in ["keymanager", "key_manager", "keystore"] {
            let catalogue =
                catalogue(json!([{ "type": alias, "endpoints": [endpoint("public", "", "https://b")] }]));
            assert!(catalogue.endpoint(&ServiceFilter::key_manager()).is_ok(), "{alias}");
            assert!(catalogue.endpoint(&ServiceFilter::image()).is_err(), "{alias}");
        }
    }

    #[test]
    fn an_error_lists_what_the_catalogue_has() {
        let regions = two_regions();
        for (filter, expected) in [
            (
                ServiceFilter::new("volume"),
                r#"no service of the type volume; it has: "identity", "image", "key-manager""#,
            ),
            (
                ServiceFilter::key_manager().interface(Interface::Admin),
                r#"it has: "internal in One", "public in One", "public in Two""#,
            ),
            (ServiceFilter::key_manager().region("Three"), r#"in the region "Three""#),
            (ServiceFilter::key_manager(), r#"none was named: "One", "Two""#),
        ] {
            let error = regions.endpoint(&filter).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let empty = Catalogue::default().endpoint(&ServiceFilter::image()).unwrap_err();
        assert!(matches!(empty, CatalogueError::NoCatalogue));
        let bad = catalogue(json!([{ "type": "image", "endpoints": [endpoint("public", "", "x:y")] }]));
        let error = bad.endpoint(&ServiceFilter::image()).unwrap_err();
        assert!(matches!(error, CatalogueError::BadEndpoint { .. }));
    }

    #[test]
    fn regions_that_share_an_endpoint_need_not_be_told_apart() {
        let shared = [endpoint("public", "One", "https://b"), endpoint("public", "Two", "https://b")];
        let catalogue = catalogue(json!([{ "type": "key-manager", "endpoints": shared }]));
        assert!(catalogue.endpoint(&ServiceFilter::key_manager()).is_ok());
    }

    #[test]
    fn a_catalogue_is_read_up_to_its_bound() {
        let entries = |count: usize| {
            let endpoints = vec![endpoint("public", "One", "https://b"); count];
            serde_json::from_value::<Vec<Entry>>(json!([{ "type": "image", "endpoints": endpoints }]))
                .unwrap()
        };
        assert!(Catalogue::new(entries(MAX_ENDPOINTS)).is_ok());
        let past = MAX_ENDPOINTS.saturating_add(1);
        assert!(matches!(Catalogue::new(entries(past)), Err(CatalogueError::TooLarge)));
    }

    #[test]
    fn an_error_lists_up_to_its_bound() {
        let names: Vec<String> = (0..MAX_LISTED).map(|index| format!("n{index:02}")).collect();
        let at = Names::new(names.iter().map(String::as_str)).to_string();
        assert!(at.ends_with(r#""n15""#), "{at}");
        let past = Names::new(names.iter().map(String::as_str).chain(["n99", "n98"])).to_string();
        assert!(past.ends_with(r#""n15" and 2 more"#), "{past}");
    }

    #[test]
    fn an_interface_is_read_in_both_spellings() {
        for (word, expected) in [
            ("public", Some(Interface::Public)),
            ("internalURL", Some(Interface::Internal)),
            ("admin", Some(Interface::Admin)),
            ("Public", None),
            ("", None),
        ] {
            assert_eq!(Interface::from_word(word), expected, "{word}");
        }
    }
}
