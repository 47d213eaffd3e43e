//! Base64, hexadecimal digits and digests.
//!
//! A stand-in of a secret may be encoded: what comes out is a stand-in again, which becomes the encoded secret where it
//! is sent. A digest of a secret is a plain text, since it is compared and cut, but it is shown nowhere.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rhai::Engine;
use sha2::{Digest as _, Sha256};

use crate::script::guard::{self, Fallible};
use crate::script::run;
use crate::script::value::{cut, mistyped, problem};

/// Bytes that are hashed or encoded for one operation.
const BYTES_AN_OPERATION: u64 = 64;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("base64_encode", |text: &str| {
            encoded("base64", text, |bytes| BASE64_STANDARD.encode(bytes))
        })
        .register_fn("base64_decode", base64_decode)
        .register_fn("hex_encode", |text: &str| encoded("hex", text, digits))
        .register_fn("sha256", |text: &str| {
            digest(&[text], |texts| {
                Ok(digits(&Sha256::digest(texts.concat().as_bytes())))
            })
        })
        .register_fn("hmac_sha256", |key: &str, text: &str| {
            hmac(key, text, digits)
        })
        .register_fn(
            "hmac_sha256",
            |key: &str, text: &str, form: &str| match form {
                "hex" => hmac(key, text, digits),
                "base64" => hmac(key, text, |bytes| BASE64_STANDARD.encode(bytes)),
                other => Err(problem(format!(
                    "`{}` is no form of a digest; use \"hex\" or \"base64\"",
                    cut(other, 40)
                ))),
            },
        );
}

pub(super) fn digits(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

/// Encodes a text; of one that holds stand-ins the result is a stand-in itself.
fn encoded(how: &str, text: &str, encode: fn(&[u8]) -> String) -> Fallible<String> {
    guard::charge(text.len() as u64 / BYTES_AN_OPERATION)?;
    guard::reserve(text.len() * 2)?;
    run::with(|run| match &mut run.matcher {
        Some(matcher) => matcher
            .secrets
            .derived(how, text, |text| encode(text.as_bytes())),
        None => Ok(encode(text.as_bytes())),
    })
}

fn base64_decode(text: &str) -> Fallible<String> {
    guard::charge(text.len() as u64 / BYTES_AN_OPERATION)?;
    guard::reserve(text.len())?;
    let alphabet = if text.contains(['-', '_']) {
        &URL_SAFE
    } else {
        &STANDARD
    };
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(alphabet, config)
        .decode(text.trim())
        .map_err(|error| mistyped(format!("`{}` is no base64: {error}", cut(text, 60))))?;
    String::from_utf8(bytes).map_err(|_| {
        mistyped("the base64 holds bytes that are no text; scripts have texts only".to_owned())
    })
}

/// Digests texts with their secrets filled in; a digest of a secret is hidden wherever it would be shown.
fn digest(texts: &[&str], digest: impl FnOnce(&[String]) -> Fallible<String>) -> Fallible<String> {
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    guard::charge(bytes as u64 / BYTES_AN_OPERATION)?;
    guard::reserve(bytes)?;
    run::with(|run| {
        let Some(matcher) = &mut run.matcher else {
            return digest(
                &texts
                    .iter()
                    .map(|&text| text.to_owned())
                    .collect::<Vec<_>>(),
            );
        };
        let filled: Vec<String> = texts
            .iter()
            .map(|text| matcher.secrets.fill(text))
            .collect::<Fallible<_>>()?;
        let result = digest(&filled)?;
        if filled
            .iter()
            .zip(texts)
            .any(|(filled, text)| filled != text)
        {
            matcher.secrets.hide_text(&result);
        }
        Ok(result)
    })
}

fn hmac(key: &str, text: &str, form: fn(&[u8]) -> String) -> Fallible<String> {
    digest(&[key, text], |texts| {
        let [key, text] = texts else {
            return Err(problem("a digest needs a key and a text"));
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())
            .map_err(|_| problem("this is no key"))?;
        mac.update(text.as_bytes());
        Ok(form(&mac.finalize().into_bytes()))
    })
}
