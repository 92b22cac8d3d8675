//! The command as its users meet it: words in, an exit code, text or JSON out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail so"
)]

mod chain;
mod cloud;
mod dates;
mod exits;
mod json;
#[cfg(unix)]
mod output;
mod policy;
mod properties;
mod record;
mod signed;
mod streams;
mod text;
mod trust;
