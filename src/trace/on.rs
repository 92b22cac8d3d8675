//! Spans and lines. The words and levels are those of Nova 34 (`nova/image/glance.py`), Glance 33 (`glance/location.py`,
//! `glance/api/v2/image_data.py`), Cinder 29 (`cinder/image/image_utils.py`) and Cursive 0.3.1 (`certificate_utils.py`).

use std::fmt::{self, Write as _};

use tracing::{debug, error, info, info_span, warn};

use super::About;
use crate::excerpt::Excerpt;
use crate::image::{Decision, ImageError};
use crate::limits::MAX_LOGGED_ERROR;
use crate::policy::PolicyError;
use crate::properties::PropertyError;
use crate::receipt::ReceiptError;
use crate::trust::SkippedCertificate;

/// Filters name it; the module's path would tie them to where this stands.
const TARGET: &str = "longhand";

/// Entered for a call or a poll, and left before a task can be set aside: there is no guard that an `.await` could hold.
#[derive(Clone, Debug)]
pub(crate) struct Span(tracing::Span);

impl Span {
    pub(crate) fn begin(about: About<'_>) -> Self {
        let (image, policy) = (Id(about.image_id), about.policy);
        Self(info_span!(target: TARGET, "begin", %image, policy))
    }

    pub(crate) fn fetch(id: &str) -> Self {
        Self(info_span!(target: TARGET, "fetch", id = %Id(id)))
    }

    pub(crate) fn chain(about: About<'_>) -> Self {
        Self(info_span!(target: TARGET, "chain", certificate = %about.certificate()))
    }

    pub(crate) fn verify(about: About<'_>) -> Self {
        let (image, policy) = (Id(about.image_id), about.policy);
        Self(info_span!(target: TARGET, "verify", %image, policy))
    }

    pub(crate) fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.in_scope(work)
    }

    /// The future, each of whose polls is in the span, and its end.
    #[cfg(feature = "async")]
    pub(crate) fn around<F: Future>(self, future: F) -> tracing::instrument::Instrumented<F> {
        tracing::Instrument::instrument(future, self.0)
    }
}

/// Whose words a policy's lines are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    Nova,
    Glance,
    Cinder,
}

impl<'a> About<'a> {
    fn words(&self) -> Words {
        match self.policy {
            "glance" => Words::Glance,
            "cinder" => Words::Cinder,
            _ => Words::Nova,
        }
    }

    fn image(&self) -> Id<'a> {
        Id(self.image_id)
    }

    fn certificate(&self) -> Id<'a> {
        Id(self.certificate_id.unwrap_or_default())
    }
}

/// What is decided before a byte is read.
pub(crate) fn begun(about: About<'_>, outcome: &Result<Decision, ImageError>) {
    let chain = match outcome {
        Ok(Decision::Verify(verification)) => verification.chain().is_some(),
        Ok(Decision::Rechecked(_)) => true,
        Ok(Decision::NotRequired(_) | Decision::CannotVerify(_)) => return,
        Err(error) => return refused(about, error),
    };
    match about.words() {
        Words::Nova if chain => debug!(
            target: TARGET,
            "Image signature certificate validation succeeded for certificate: {}",
            about.certificate()
        ),
        Words::Nova => debug!(
            target: TARGET,
            "Certificate validation was not performed. A list of trusted image certificate IDs must be provided in \
             order to validate an image certificate."
        ),
        Words::Glance | Words::Cinder => {}
    }
}

/// An image that is refused before a byte is read.
pub(crate) fn refused(about: About<'_>, error: &ImageError) {
    let (code, shown) = (error.code().name(), OneLine(error));
    let image = about.image();
    match (about.words(), error) {
        (Words::Nova, ImageError::Policy(PolicyError::TrustMissing { .. })) => warn!(
            target: TARGET,
            code,
            error = %shown,
            "Image signature certificate validation enabled, but no trusted certificate IDs were provided. Unable to \
             validate the certificate used to verify the image signature."
        ),
        (
            Words::Nova,
            ImageError::Chain(_) | ImageError::Trust(_) | ImageError::Receipt(ReceiptError::Chain(_)),
        ) => warn!(
            target: TARGET,
            code,
            error = %shown,
            "Image signature certificate validation failed for certificate: {}",
            about.certificate()
        ),
        (Words::Nova, _) => {
            error!(target: TARGET, code, error = %shown, "Image signature verification failed for image: {image}");
        }
        (Words::Glance, _) => {
            error!(target: TARGET, code, error = %shown, "Signature verification failed for image {image}: {shown}");
        }
        (
            Words::Cinder,
            ImageError::Policy(PolicyError::Properties { source: PropertyError::Incomplete { .. } }),
        ) => {
            error!(target: TARGET, code, error = %shown, "Image signature metadata for image {image} is incomplete.");
        }
        (Words::Cinder, _) => {
            error!(target: TARGET, code, error = %shown, "Failed to get verifier for image: {image}");
        }
    }
}

/// Trusted certificates that cannot be used. Only policies in Nova's words have any.
pub(crate) fn skipped(certificates: &[SkippedCertificate]) {
    for SkippedCertificate { id, reason } in certificates {
        let (code, shown) = (reason.code().name(), OneLine(reason));
        warn!(target: TARGET, code, error = %shown, "Skipping trusted certificate: {}", Id(id));
    }
}

/// The verdict on an image's bytes.
pub(crate) fn verified<T>(about: About<'_>, outcome: &Result<T, ImageError>) {
    let image = about.image();
    let Err(error) = outcome else {
        match about.words() {
            Words::Nova => info!(target: TARGET, "Image signature verification succeeded for image {image}"),
            Words::Glance => info!(target: TARGET, "Successfully verified signature for image {image}"),
            Words::Cinder => {
                info!(target: TARGET, "Image signature verification succeeded for image: {image}");
            }
        }
        return;
    };
    let (code, shown) = (error.code().name(), OneLine(error));
    match about.words() {
        Words::Nova => {
            error!(target: TARGET, code, error = %shown, "Image signature verification failed for image {image}");
        }
        Words::Glance => {
            error!(target: TARGET, code, error = %shown, "Signature verification failed for image {image}: {shown}");
        }
        Words::Cinder => {
            error!(target: TARGET, code, error = %shown, "Image signature verification failed for image: {image}");
        }
    }
}

/// An id as a log may show it: plainly where operators can search for it so and nobody can forge a line with it.
#[derive(Clone, Copy, Debug)]
struct Id<'a>(&'a str);

impl Id<'_> {
    fn is_plain(&self) -> bool {
        let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.:/".contains(&octet);
        (1..=128).contains(&self.0.len()) && self.0.bytes().all(plain)
    }
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_plain() { f.write_str(self.0) } else { Excerpt::new(self.0).fmt(f) }
    }
}

/// A text on one line, cut at [`MAX_LOGGED_ERROR`] characters, with nothing in it that acts on a terminal or a log. The
/// library's errors are so already; those that show a key manager's or an embedder's need not be.
#[derive(Clone, Copy, Debug)]
struct OneLine<T>(T);

impl<T: fmt::Display> fmt::Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut escaping = Escaping { to: f, left: MAX_LOGGED_ERROR, is_cut: false };
        let written = write!(escaping, "{}", self.0);
        if escaping.is_cut { Ok(()) } else { written }
    }
}

struct Escaping<'a, 'b> {
    to: &'a mut fmt::Formatter<'b>,
    /// How many more characters of the text are written.
    left: usize,
    is_cut: bool,
}

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            let Some(left) = self.left.checked_sub(1) else {
                self.is_cut = true;
                self.to.write_char('…')?;
                // Whoever writes need not go on.
                return Err(fmt::Error);
            };
            self.left = left;
            match character {
                // What is in quotes is escaped already.
                '"' | '\'' | '\\' => self.to.write_char(character)?,
                character => write!(self.to, "{}", character.escape_debug())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_plain_where_it_can_be_searched_for_and_escaped_elsewhere() {
        let longest = "a".repeat(128);
        for plain in ["7367373f-3235-5af9-9d0b-b3bec8a2cca4", "https://h:9311/v1/secrets/a_b.c", &longest] {
            assert_eq!(Id(plain).to_string(), plain);
        }
        let too_long = "a".repeat(129);
        for other in ["", "a b", "a\nb", "a=b", "a\"b", "é", "a\u{202e}b", "\u{1b}[2J", "a,b", &too_long] {
            assert_eq!(Id(other).to_string(), Excerpt::new(other).to_string());
        }
    }

    #[test]
    fn an_error_is_cut_at_the_bound() {
        let at = "é".repeat(MAX_LOGGED_ERROR);
        assert_eq!(OneLine(&at).to_string(), at);
        assert_eq!(OneLine(format!("{at}x")).to_string(), format!("{at}…"));
        assert_eq!(OneLine(format_args!("{at}{}{}", "x", "y")).to_string(), format!("{at}…"));
    }

    #[test]
    fn an_error_stays_on_its_line_and_is_not_escaped_twice() {
        let quoted = Excerpt::new("a\nb").to_string();
        assert_eq!(OneLine(&quoted).to_string(), r#""a\nb""#);
        assert_eq!(
            OneLine("it's\r\nERROR \u{1b}[2J\u{2028}\u{85}").to_string(),
            r"it's\r\nERROR \u{1b}[2J\u{2028}\u{85}"
        );
    }
}
