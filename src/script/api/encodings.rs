//! Base64, hexadecimal digits and digests.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rhai::Engine;

use crate::script::broker::{Digested, Errand, STAND_IN};
use crate::script::guard::{self, Fallible};
use crate::script::run;
use crate::script::value::{cut, mistyped, problem};

/// Bytes that are hashed or encoded for one operation.
const BYTES_AN_OPERATION: u64 = 64;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("base64_encode", |text: &str| {
            made(Digested::Base64, &[text])
        })
        .register_fn("base64_decode", base64_decode)
        .register_fn("hex_encode", |text: &str| made(Digested::Hex, &[text]))
        .register_fn("sha256", |text: &str| made(Digested::Sha256Hex, &[text]))
        .register_fn("hmac_sha256", |key: &str, text: &str| {
            made(Digested::HmacSha256Hex, &[key, text])
        })
        .register_fn(
            "hmac_sha256",
            |key: &str, text: &str, form: &str| match form {
                "hex" => made(Digested::HmacSha256Hex, &[key, text]),
                "base64" => made(Digested::HmacSha256Base64, &[key, text]),
                other => Err(problem(format!(
                    "`{}` is no form of a digest; use \"hex\" or \"base64\"",
                    cut(other, 40)
                ))),
            },
        );
}

/// Encodes or digests texts. Only where a secret may be in them is the broker asked.
fn made(how: Digested, texts: &[&str]) -> Fallible<String> {
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    guard::charge(bytes as u64 / BYTES_AN_OPERATION)?;
    guard::reserve(bytes * 3)?;
    let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
    if texts.iter().any(|text| text.contains(STAND_IN)) && run::has_stand_ins()? {
        return run::errand(Errand::Digest(how, texts))?.text();
    }
    how.of(&texts)
        .ok_or_else(|| problem("a digest needs a key and a text"))
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
