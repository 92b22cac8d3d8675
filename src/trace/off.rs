//! The same interface where nothing is to be seen: it costs nothing.

use super::About;
use crate::image::{Decision, ImageError};
use crate::trust::SkippedCertificate;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Span;

impl Span {
    pub(crate) fn begin(_: About<'_>) -> Self {
        Self
    }

    pub(crate) fn fetch(_: &str) -> Self {
        Self
    }

    pub(crate) fn chain(_: About<'_>) -> Self {
        Self
    }

    pub(crate) fn verify(_: About<'_>) -> Self {
        Self
    }

    pub(crate) fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }

    #[cfg(feature = "async")]
    pub(crate) fn around<F: Future>(self, future: F) -> F {
        future
    }
}

pub(crate) fn begun(_: About<'_>, _: &Result<Decision, ImageError>) {}

pub(crate) fn refused(_: About<'_>, _: &ImageError) {}

pub(crate) fn skipped(_: &[SkippedCertificate]) {}

pub(crate) fn verified<T>(_: About<'_>, _: &Result<T, ImageError>) {}
