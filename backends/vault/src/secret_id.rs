//! Which ids can name a secret.

use longhand::KeyManagerError;

use crate::limits::MAX_ID;

/// The id of a secret: one segment of a path that means nothing but itself.
///
/// Ids come from image properties and from tenants. What Castellan does with `../../sys/mounts` (it asks Vault for its
/// mounts, with the service's token) cannot be said with this alphabet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SecretId<'a>(&'a str);

/// The rule, as errors show it.
const ALPHABET: &str =
    "it must be a name of letters, digits, '-', '_' and '.', which does not begin with '.'";
const LENGTH: &str = "it must have 1 to 255 characters";

impl<'a> SecretId<'a> {
    /// An id that a tenant named.
    pub(crate) fn new(id: &'a str) -> Result<Self, KeyManagerError> {
        if id.is_empty() || id.len() > MAX_ID {
            return Err(KeyManagerError::invalid_id(id, LENGTH));
        }
        let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
        if id.starts_with('.') || !id.bytes().all(is_plain) {
            return Err(KeyManagerError::invalid_id(id, ALPHABET));
        }
        Ok(Self(id))
    }

    /// The id as it is sent.
    pub(crate) const fn as_str(self) -> &'a str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_plain_segment_as_it_is() {
        for id in [
            "735e8f4a008a4d3991a7e27359483f09",
            "0B5D2C72-12CC-4BA6-A8D7-3FF5CC1D8CB8",
            "image-signing_2026.1",
            "a",
            "a..b",
            "metadata",
        ] {
            assert_eq!(SecretId::new(id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn an_id_that_could_mean_anything_else_is_refused() {
        for id in [
            "",
            ".",
            "..",
            "../x",
            "../../sys/mounts",
            "..%2f..%2fsys%2fmounts",
            "%2e%2e",
            "%2E%2E",
            ".hidden",
            "a/b",
            "/a",
            "a/",
            "a\\b",
            "..\\x",
            "a?b",
            "a?version=1",
            "a#b",
            "a%00",
            "a\0",
            "a\n",
            "a\r\nX-Vault-Token: b",
            "a b",
            " a",
            "a\t",
            "a;b",
            "a:b",
            "a@b",
            "a,b",
            "{a}",
            "ä",
            "．．",
            "a\u{2044}b",
            "\u{202e}a",
            "~",
            "https://barbican.example:9311/v1/secrets/0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8",
        ] {
            let error = SecretId::new(id).unwrap_err();
            assert!(matches!(error, KeyManagerError::InvalidId { .. }), "{id:?}: {error}");
        }
    }
}
