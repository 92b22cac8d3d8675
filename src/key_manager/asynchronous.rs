//! A key manager whose answers are awaited.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::{KeyManagerError, StoredCertificate};

/// A future on the heap, which threads may pass on: what a method of a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A key manager, as one request sees it, whose answers are awaited: [`KeyManager`](crate::KeyManager) for services that
/// are async. Feature `async`.
///
/// A value is cheap, lives for one request and holds that request's credentials. It is the runtime's affair what a future
/// waits for; nothing here needs one. What blocks becomes one of these with [`Blocking`](crate::Blocking).
///
/// ```
/// use longhand::{AsyncKeyManager, BoxFuture, KeyManagerError, StoredCertificate};
///
/// #[derive(Debug)]
/// struct MySecrets { token: String }
///
/// impl AsyncKeyManager for MySecrets {
///     fn certificate<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<StoredCertificate, KeyManagerError>> {
///         Box::pin(async move {
///             if !id.bytes().all(|octet| octet.is_ascii_hexdigit() || octet == b'-') {
///                 return Err(KeyManagerError::invalid_id(id, "it must be a UUID"));
///             }
///             match self.fetch(id).await {
///                 Some(bytes) => StoredCertificate::from_bytes(id, &bytes),
///                 None => Err(KeyManagerError::not_found(id)),
///             }
///         })
///     }
/// }
/// # impl MySecrets { async fn fetch(&self, _: &str) -> Option<Vec<u8>> { let _ = &self.token; None } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let secrets = MySecrets { token: String::new() };
/// # assert_eq!(secrets.certificate("a").await.unwrap_err().code().name(), "certificate_not_found");
/// assert_eq!(secrets.certificate("../x").await.unwrap_err().code().name(), "key_manager_id_invalid");
/// # }
/// ```
pub trait AsyncKeyManager: fmt::Debug + Send + Sync {
    /// The certificate that is stored under `id`.
    ///
    /// The id comes from an image property or from a tenant's request: a hostile text. An implementation that builds
    /// a path or an address from it checks it first. A future that is dropped asks for nothing more.
    ///
    /// # Errors
    /// [`KeyManagerError`], whose kinds callers tell apart: not found is final, unavailable may be tried again,
    /// forbidden is for an operator.
    fn certificate<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<StoredCertificate, KeyManagerError>>;
}

impl<K: AsyncKeyManager + ?Sized> AsyncKeyManager for &K {
    fn certificate<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<StoredCertificate, KeyManagerError>> {
        (**self).certificate(id)
    }
}

impl<K: AsyncKeyManager + ?Sized> AsyncKeyManager for Box<K> {
    fn certificate<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<StoredCertificate, KeyManagerError>> {
        (**self).certificate(id)
    }
}

impl<K: AsyncKeyManager + ?Sized> AsyncKeyManager for Arc<K> {
    fn certificate<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<StoredCertificate, KeyManagerError>> {
        (**self).certificate(id)
    }
}
