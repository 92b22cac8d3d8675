#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that fails may panic"))]

mod block_on;
mod client;
mod deadline;
mod endpoint;
mod error;
pub mod limits;
mod request;
mod response;
mod tls;
mod trace;
mod transport;

pub use block_on::block_on;
pub use client::{Client, Patience};
pub use deadline::Deadline;
pub use endpoint::{Endpoint, EndpointError};
pub use error::HttpError;
pub use request::Request;
pub use response::{Refusal, Response};
pub use secrecy::{ExposeSecret, SecretString};
pub use tls::Tls;
#[cfg(feature = "tokio")]
pub use transport::TokioTransport;
pub use transport::{AnswersAtOnce, Awaited, BoxFuture, Transport};
#[cfg(feature = "blocking")]
pub use transport::{BlockingTransport, Download};
pub use url::Url;
