#![doc = include_str!("../README.md")]

mod error;
pub mod limits;
mod login;
mod record;
mod secret_id;
mod session;
mod settings;
mod vault;

pub use error::{Operation, VaultError};
pub use settings::{Credentials, KvVersion, Login, SettingsError, VaultSettings};
pub use vault::Vault;
