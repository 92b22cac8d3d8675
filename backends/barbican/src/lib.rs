#![doc = include_str!("../README.md")]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")
)]

mod barbican;
#[cfg(feature = "clouds")]
pub mod clouds;
mod credentials;
mod id;
pub mod keystone;
pub mod limits;
mod service;

pub use barbican::Barbican;
pub use credentials::{Credentials, Token, UncheckedIdentity};
pub use service::{Service, ServiceError};

/// The client over HTTP that this package is built on: its types are in this package's signatures.
pub use longhand_http as http;
