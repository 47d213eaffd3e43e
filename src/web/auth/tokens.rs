//! Tokens: of each only the SHA-256 is known, which is enough for a long random text.

use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::Scope;

/// What somebody may who shows a text with this digest.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is called.
    pub name: Arc<str>,
    /// What it allows.
    pub scope: Scope,
    digest: [u8; 32],
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token({}: {})", self.name, self.scope.as_str())
    }
}

impl Token {
    /// Returns the token of this text.
    pub fn new(name: impl Into<Arc<str>>, scope: Scope, text: &str) -> Self {
        Self::of_digest(name, scope, Sha256::digest(text).into())
    }

    /// Returns the token of which this is the SHA-256.
    pub fn of_digest(name: impl Into<Arc<str>>, scope: Scope, digest: [u8; 32]) -> Self {
        Self {
            name: name.into(),
            scope,
            digest,
        }
    }

    /// Returns the SHA-256 of its text in hexadecimal.
    pub fn digest_hex(&self) -> String {
        hex(&self.digest)
    }
}

/// The tokens that are known, as tags under a random key: how long a comparison takes says nothing about them.
#[derive(Debug)]
pub(super) struct Tokens {
    key: [u8; 32],
    known: Vec<(Token, Hmac<Sha256>)>,
}

impl Tokens {
    /// Returns what knows these tokens.
    pub(super) fn new(tokens: impl IntoIterator<Item = Token>) -> Self {
        let key: [u8; 32] = rand::random();
        let known = tokens.into_iter().filter_map(|token| {
            let tag = tag(&key, &token.digest)?;
            Some((token, tag))
        });
        Self {
            known: known.collect(),
            key,
        }
    }

    /// Returns the token with this text. Takes the same time for every wrong one.
    pub(super) fn find(&self, text: &str) -> Option<&Token> {
        let shown = tag(&self.key, &Sha256::digest(text))?
            .finalize()
            .into_bytes();
        let mut found = None;
        // Each is compared, whichever fits.
        for (token, tag) in &self.known {
            if tag.clone().verify(&shown).is_ok() {
                found = Some(token);
            }
        }
        found
    }
}

/// Returns the tag of something secret under a key: how long two tags take to compare says nothing about it.
pub fn tag(key: &[u8], secret: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(secret);
    Some(mac)
}

/// Returns the text of a new token: `oes_`, for those who look for secrets, and 256 random bits in hexadecimal.
pub fn new_token() -> String {
    format!("oes_{}", hex(&rand::random::<[u8; 32]>()))
}

/// Returns bytes in hexadecimal.
pub(in crate::web) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tokens_themselves_are_known() {
        let text = new_token();
        assert_eq!(text.len(), 68);
        assert_ne!(text, new_token());
        let tokens = Tokens::new([
            Token::new("start", Scope::Admin, &text),
            Token::new("ci", Scope::Read, "of-the-config-12"),
        ]);
        for (shown, known) in [
            (text.as_str(), Some("start")),
            ("of-the-config-12", Some("ci")),
            ("of-the-config-1", None),
            ("", None),
        ] {
            let found = tokens.find(shown).map(|token| &*token.name);
            assert_eq!(found, known, "{shown}");
        }
    }
}
