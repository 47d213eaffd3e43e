//! What tells a changed service from an unchanged one at a reload.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::model::secret::Secret;
use crate::model::service::{Auth, Service};

/// Returns the SHA-256, in hexadecimal, of everything that matters of a service: its settings with the secrets behind
/// them, and what its matchers say of themselves.
pub(super) fn of(service: &Service, matchers: &[Arc<str>]) -> String {
    let mut digest = Hasher(Sha256::new());
    // Writing to the hasher cannot fail.
    let _infallible = write!(digest, "{service:?}");
    for matcher in matchers {
        digest.part(matcher.as_bytes());
    }
    // Secrets and keys print as `***`: what is behind them is added here.
    for (_, value) in &service.request.headers {
        digest.secret(value);
    }
    match &service.request.auth {
        Auth::None => {}
        Auth::Basic { user, password } => {
            digest.secret(user);
            digest.secret(password);
        }
        Auth::Bearer(token) => digest.secret(token),
        Auth::ClientCredentials {
            client_id,
            client_secret,
            ..
        } => {
            digest.secret(client_id);
            digest.secret(client_secret);
        }
    }
    if let Some(heartbeat) = &service.heartbeat {
        digest.secret(&heartbeat.token);
    }
    for secret in service.grants.secrets.values() {
        digest.secret(secret);
    }
    if let Some(client) = &service.transport.tls.client {
        digest.part(&client.certificate_pem);
        digest.part(&client.key_pem);
    }
    let mut text = String::with_capacity(64);
    for byte in digest.0.finalize() {
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

struct Hasher(Sha256);

impl Hasher {
    /// Adds a part with its length, so that no two lists of parts read the same.
    fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn secret(&mut self, secret: &Secret) {
        self.part(secret.expose().as_bytes());
    }
}

impl fmt::Write for Hasher {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}
