//! Key managers that are awaited: the same verdicts as with those that block, in whatever order answers come, and
//! nothing left behind by whoever goes.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod blocking;
mod cache;
#[path = "../common/mod.rs"]
mod common;
mod fetching;
mod scripted;
