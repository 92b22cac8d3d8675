//! What an id names: a secret or a container, and nothing on any other host.

use std::fmt;

use longhand::KeyManagerError;

use crate::limits::MAX_ID;

/// A UUID as Barbican wants it: lower case, with hyphens. It is safe in a path as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Uuid(String);

impl Uuid {
    /// Reads 32 hexadecimal digits in any case, with the hyphens of RFC 9562 section 4 or without any: Barbican
    /// answers 404 to all but its own form, so Castellan's client normalises too.
    fn parse(text: &str) -> Option<Self> {
        const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
        let digits: String = if text.contains('-') {
            let groups: Vec<&str> = text.split('-').collect();
            if !groups.iter().map(|group| group.len()).eq(GROUPS) {
                return None;
            }
            groups.concat()
        } else {
            text.to_owned()
        };
        if digits.len() != 32 || !digits.bytes().all(|octet| octet.is_ascii_hexdigit()) {
            return None;
        }
        let mut canonical = String::with_capacity(36);
        for (index, digit) in digits.chars().enumerate() {
            if [8, 12, 16, 20].contains(&index) {
                canonical.push('-');
            }
            canonical.push(digit.to_ascii_lowercase());
        }
        Some(Self(canonical))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an id names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// A UUID alone: of a secret, as everybody writes it, or else of a container.
    Either(Uuid),
    Secret(Uuid),
    Container(Uuid),
}

impl Reference {
    /// Reads an id. Of a href only the end counts: the path is built anew from the UUID, on the configured endpoint.
    pub(crate) fn parse(id: &str) -> Result<Self, KeyManagerError> {
        if id.len() > MAX_ID {
            return Err(KeyManagerError::invalid_id(id, "it is longer than any href of Barbican's"));
        }
        if let Some(uuid) = Uuid::parse(id) {
            return Ok(Self::Either(uuid));
        }
        of_href(id).ok_or_else(|| {
            KeyManagerError::invalid_id(
                id,
                "it must be a UUID or a href that ends in /secrets/UUID or /containers/UUID",
            )
        })
    }
}

fn of_href(href: &str) -> Option<Reference> {
    let rest = href.strip_prefix("https://").or_else(|| href.strip_prefix("http://"))?;
    // What the characters of a path do not include (RFC 3986 section 3.3): such a href ends elsewhere than it seems to.
    if !rest.bytes().all(|octet| octet.is_ascii_graphic() && !b"?#\\\"<>^`{|}".contains(&octet)) {
        return None;
    }
    let mut segments = rest.strip_suffix('/').unwrap_or(rest).rsplit('/');
    let uuid = Uuid::parse(segments.next()?)?;
    match segments.next()? {
        "secrets" => segments.next().map(|_| Reference::Secret(uuid)),
        "containers" => segments.next().map(|_| Reference::Container(uuid)),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test that fails may panic")]
mod tests {
    use super::*;

    const UUID: &str = "5b25a0c2-0d11-4e0a-8a9c-0f8a4b7d2c10";

    fn uuid() -> Uuid {
        Uuid(UUID.to_owned())
    }

    #[test]
    fn an_id_is_a_uuid_or_a_href_that_ends_in_one() {
        let plain = UUID.replace('-', "");
        for (id, expected) in [
            (UUID.to_owned(), Reference::Either(uuid())),
            (UUID.to_uppercase(), Reference::Either(uuid())),
            (plain.clone(), Reference::Either(uuid())),
            (plain.to_uppercase(), Reference::Either(uuid())),
            (format!("https://barbican.example:9311/v1/secrets/{UUID}"), Reference::Secret(uuid())),
            (format!("http://h/key-manager/v1/secrets/{UUID}/"), Reference::Secret(uuid())),
            (format!("http://[::1]:9311/secrets/{plain}"), Reference::Secret(uuid())),
            (format!("http://h/%7euser/secrets/{UUID}"), Reference::Secret(uuid())),
            (format!("https://h/v1/containers/{UUID}"), Reference::Container(uuid())),
        ] {
            assert_eq!(Reference::parse(&id).unwrap(), expected, "{id}");
        }
    }

    #[test]
    fn whatever_else_an_id_is_no_request_comes_of_it() {
        for id in [
            String::new(),
            "abc".to_owned(),
            "../../sys/mounts".to_owned(),
            format!("{UUID}/../{UUID}"),
            format!("{UUID}/payload"),
            format!("{UUID}?x=1"),
            format!("{UUID}\r\nX-Header: 1"),
            format!(" {UUID}"),
            format!("{{{UUID}}}"),
            format!("urn:uuid:{UUID}"),
            UUID.replacen('-', "", 1),
            format!("-{}", UUID.replace('-', "")),
            UUID.replace('5', "\u{ff15}"),
            UUID.replace('5', "g"),
            format!("/v1/secrets/{UUID}"),
            format!("ftp://h/v1/secrets/{UUID}"),
            format!("https://h/v1/secrets/{UUID}/payload"),
            format!("https://h/v1/secrets/{UUID}//"),
            format!("https://h/v1/orders/{UUID}"),
            format!("https://h/?next=/secrets/{UUID}"),
            format!("https://h/#/secrets/{UUID}"),
            format!("https://h\\secrets/secrets/{UUID}"),
            format!("https://h/v1/secrets /secrets/{UUID}"),
            format!("https://secrets/{UUID}"),
            format!("https:///{UUID}"),
        ] {
            let error = Reference::parse(&id).unwrap_err();
            assert_eq!(error.code().name(), "key_manager_id_invalid", "{id:?}");
        }
    }

    #[test]
    fn an_id_is_read_up_to_its_bound() {
        let tail = format!("/secrets/{UUID}");
        let href =
            |length: usize| format!("https://{}{tail}", "h".repeat(length - tail.len() - "https://".len()));
        assert_eq!(href(MAX_ID).len(), MAX_ID);
        assert_eq!(Reference::parse(&href(MAX_ID)).unwrap(), Reference::Secret(uuid()));
        assert!(Reference::parse(&href(MAX_ID + 1)).is_err());
    }
}
