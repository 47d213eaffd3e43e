//! Signatures of requests as Standard Webhooks 1.0.0 defines them: HMAC-SHA256 over id, time and the exact body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;
use thiserror::Error;

/// What a signing secret begins with.
const PREFIX: &str = "whsec_";

/// How many bytes a secret may hold.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What is wrong with a signing secret. Shows nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SecretError {
    /// There is none.
    #[error("the signing secret is empty; write `whsec_` and 24 to 64 random bytes in base64")]
    Empty,
    /// Not base64.
    #[error("the signing secret is not `whsec_` followed by base64")]
    Base64,
    /// Too short or too long.
    #[error("the signing secret holds {0} bytes; 24 to 64 are allowed")]
    Length(usize),
}

/// Keys that sign one request: several while a receiver changes from one to the next.
pub struct Keys(Vec<Vec<u8>>);

impl Keys {
    /// Reads one or more secrets `whsec_…` with spaces between them.
    ///
    /// # Errors
    /// [`SecretError`] of the first one that is none.
    pub fn parse(secrets: &str) -> Result<Self, SecretError> {
        let keys: Vec<Vec<u8>> = secrets
            .split_ascii_whitespace()
            .map(|secret| {
                let key = STANDARD
                    .decode(secret.strip_prefix(PREFIX).unwrap_or(secret))
                    .map_err(|_| SecretError::Base64)?;
                if SECRET_BYTES.contains(&key.len()) {
                    Ok(key)
                } else {
                    Err(SecretError::Length(key.len()))
                }
            })
            .collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(SecretError::Empty);
        }
        Ok(Self(keys))
    }

    /// Returns the three headers of a request with this id and body that is sent at `at`.
    ///
    /// A point in the id, which would end it early for the receiver, becomes `-`.
    pub fn headers(&self, id: &str, at: Timestamp, body: &[u8]) -> [(&'static str, String); 3] {
        let id = id.replace('.', "-");
        let seconds = at.as_second().to_string();
        let signatures: Vec<String> = self
            .0
            .iter()
            .map(|key| {
                format!(
                    "v1,{}",
                    STANDARD.encode(mac(
                        key,
                        &[id.as_bytes(), b".", seconds.as_bytes(), b".", body]
                    ))
                )
            })
            .collect();
        [
            ("webhook-id", id),
            ("webhook-timestamp", seconds),
            ("webhook-signature", signatures.join(" ")),
        ]
    }
}

/// Returns the HMAC-SHA256 of the parts, one after another.
pub(super) fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of every length; the error exists for other constructions only.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn signature(secrets: &str, id: &str) -> String {
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let [_, _, (_, signature)] =
            Keys::parse(secrets)
                .unwrap()
                .headers(id, at, br#"{"test": 2432232314}"#);
        signature
    }

    /// The example that the reference implementations of Standard Webhooks share. By hand:
    /// `python3 -c 'import hmac,base64; print(base64.b64encode(hmac.digest(base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    /// b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}", "sha256")))'`
    #[test]
    fn signs_as_the_reference_implementations_do() {
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        assert_eq!(signature(SECRET, id), expected);
        assert_eq!(signature(&SECRET.replace("whsec_", ""), id), expected);
    }

    #[test]
    fn signs_once_for_each_secret() {
        let other = format!("whsec_{}", STANDARD.encode([7; 32]));
        let both = signature(&format!("{SECRET}  {other}"), "m");
        assert_eq!(
            both,
            format!("{} {}", signature(SECRET, "m"), signature(&other, "m"))
        );
    }

    #[test]
    fn an_id_holds_no_point() {
        let keys = Keys::parse(SECRET).unwrap();
        let [(_, id), ..] = keys.headers("a.b", Timestamp::UNIX_EPOCH, b"");
        assert_eq!(id, "a-b");
    }

    #[test]
    fn refuses_what_is_no_secret_without_showing_it() {
        for (secret, expected) in [
            ("", SecretError::Empty),
            ("  ", SecretError::Empty),
            ("whsec_hunter2!", SecretError::Base64),
            ("whsec_aHVudGVyMg==", SecretError::Length(7)),
        ] {
            let error = Keys::parse(secret).err();
            assert_eq!(error, Some(expected), "{secret}");
            assert!(!expected.to_string().contains("hunter2"));
        }
    }
}
