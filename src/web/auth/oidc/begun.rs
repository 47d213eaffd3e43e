//! Logins that browsers have begun and not ended.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use openidconnect::{Nonce, PkceCodeVerifier};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

/// A login takes at most this.
pub(super) const LIFETIME: Duration = Duration::from_mins(10);
/// So many at once; with more the oldest makes room. How often one may be begun keeps them fewer.
const LOGINS_MAX: usize = 1024;

/// A login that was begun.
#[derive(Debug)]
pub(super) struct Login {
    /// What the token must say.
    pub(super) nonce: Nonce,
    /// What proves that the code was meant for this login.
    pub(super) verifier: PkceCodeVerifier,
    /// Where the visitor wants to be after it.
    pub(super) next: String,
    /// When it was begun.
    pub(super) at: Instant,
}

/// All logins that were begun, by the digest of their state.
#[derive(Debug, Default)]
pub(super) struct Begun(Mutex<HashMap<[u8; 32], Login>>);

impl Begun {
    /// Remembers a login by its state.
    pub(super) fn remember(&self, state: &str, login: Login) {
        let now = login.at;
        let mut logins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        logins.retain(|_, login| now.duration_since(login.at) < LIFETIME);
        if logins.len() >= LOGINS_MAX {
            let oldest = logins.iter().min_by_key(|(_, login)| login.at);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                logins.remove(&oldest);
            }
        }
        logins.insert(Sha256::digest(state).into(), login);
    }

    /// Returns the login of a state, once.
    pub(super) fn take(&self, state: &str, now: Instant) -> Option<Login> {
        let mut logins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key: [u8; 32] = Sha256::digest(state).into();
        let login = logins.remove(&key)?;
        (now.duration_since(login.at) < LIFETIME).then_some(login)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(at: Instant) -> Login {
        Login {
            nonce: Nonce::new("n".to_owned()),
            verifier: PkceCodeVerifier::new("v".repeat(43)),
            next: String::new(),
            at,
        }
    }

    #[test]
    fn a_login_ends_once_and_in_time() {
        let (begun, now) = (Begun::default(), Instant::now());
        begun.remember("a", login(now));
        begun.remember("b", login(now));
        assert!(begun.take("c", now).is_none());
        assert!(begun.take("a", now).is_some());
        assert!(begun.take("a", now).is_none());
        assert!(begun.take("b", now + LIFETIME).is_none());
    }

    #[test]
    fn the_oldest_makes_room() {
        let (begun, now) = (Begun::default(), Instant::now());
        begun.remember("first", login(now));
        for number in 0..LOGINS_MAX {
            let at = now + Duration::from_millis(1);
            begun.remember(&number.to_string(), login(at));
        }
        assert!(begun.take("first", now).is_none());
        assert!(begun.take("0", now).is_some());
    }
}
