//! Keystone: who the caller is, what services there are, and tokens that are renewed.

mod catalogue;
mod login;
mod session;

pub use catalogue::{CatalogueError, Interface, Names, ServiceFilter};
pub use login::{ApplicationCredential, Domain, Login, Project, Scope, User};
pub use session::{Grant, KeystoneError, KeystoneSession};
