//! Encodings and digests of texts that may hold stand-ins of secrets.
//!
//! What an encoding makes of a stand-in is a stand-in again, which becomes the encoded secret where it is sent. A digest
//! of a secret is a plain text, since it is compared and cut, but it is shown nowhere.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::secrets::{DERIVED_BYTES_MAX, MARK};
use super::{Broker, Errands, refused};

/// What is made of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::script) enum Digested {
    Base64,
    Hex,
    Sha256Hex,
    /// Of a key and a text.
    HmacSha256Hex,
    /// Of a key and a text.
    HmacSha256Base64,
}

impl Digested {
    /// Returns what is made of the texts; absent if there are not as many as it takes.
    pub(in crate::script) fn of(self, texts: &[String]) -> Option<String> {
        let hmac = || -> Option<_> {
            let [key, text] = texts else { return None };
            let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
            mac.update(text.as_bytes());
            Some(mac.finalize().into_bytes())
        };
        let first = texts.first();
        match self {
            Self::Base64 => first.map(|text| BASE64_STANDARD.encode(text)),
            Self::Hex => first.map(|text| digits(text.as_bytes())),
            Self::Sha256Hex => first.map(|text| digits(&Sha256::digest(text.as_bytes()))),
            Self::HmacSha256Hex => hmac().map(|bytes| digits(&bytes)),
            Self::HmacSha256Base64 => hmac().map(|bytes| BASE64_STANDARD.encode(bytes)),
        }
    }

    /// Tells whether the texts can be had back from what is made of them.
    fn is_reversible(self) -> bool {
        matches!(self, Self::Base64 | Self::Hex)
    }
}

/// Returns bytes as hexadecimal digits.
pub(in crate::script) fn digits(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

impl Broker {
    pub(super) fn digest(&mut self, how: Digested, texts: &[String]) -> Errands<String> {
        let long = texts
            .iter()
            .any(|text| text.len() > DERIVED_BYTES_MAX && text.contains(MARK));
        if long {
            let most = DERIVED_BYTES_MAX >> 10;
            return Err(refused(format!(
                "a text with a secret in it may have {most} KiB to be encoded or digested"
            )));
        }
        self.secrets.count()?;
        let mut room = self.limits.heap_bytes;
        let filled: Vec<String> = texts
            .iter()
            .map(|text| self.secrets.fill(text, &mut room))
            .collect::<Errands<_>>()?;
        let digest = how
            .of(&filled)
            .ok_or_else(|| refused("a digest needs a key and a text"))?;
        if filled == texts {
            return Ok(digest);
        }
        if how.is_reversible() {
            let name = format!("{how:?} {}", texts.join(" "));
            return Ok(self.secrets.derived(&name, digest));
        }
        self.secrets.hide_digest(&digest);
        Ok(digest)
    }
}
