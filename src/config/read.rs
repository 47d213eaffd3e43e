//! Bytes to text: what keeps a file from being text at all is said in words.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::model::code::Code;
use crate::model::span::Mistake;

/// The largest ops config: 8 MiB, about 40,000 services.
pub const CONFIG_BYTES_MAX: u64 = 8 << 20;

/// How deep brackets may nest.
const DEPTH_MAX: usize = 128;

/// Returns the bytes of a file of at most `bytes_max`.
///
/// # Errors
/// In words, without the file's name.
pub(super) fn bytes(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let words = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "no permission to read this file".to_owned(),
        std::io::ErrorKind::IsADirectory => "this is a folder, not a file".to_owned(),
        _ => format!("cannot read this file: {error}"),
    };
    // Opening a pipe would wait for somebody to write to it, and a device may never end.
    let kind = std::fs::metadata(path).map_err(words)?;
    if !kind.is_file() && !kind.is_dir() {
        return Err("this is no regular file, such as a pipe or a device".to_owned());
    }
    let file = File::open(path).map_err(words)?;
    let too_large = |size: String| {
        format!(
            "this file has {size}, the limit is {}",
            size_text(bytes_max)
        )
    };
    let known = file.metadata().map_or(0, |metadata| metadata.len());
    if known > bytes_max {
        return Err(too_large(size_text(known)));
    }
    let mut bytes = Vec::new();
    let read = file
        .take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(words)?;
    if read as u64 > bytes_max {
        return Err(too_large(format!("more than {}", size_text(bytes_max))));
    }
    Ok(bytes)
}

fn size_text(bytes: u64) -> String {
    match bytes {
        _ if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        _ if bytes >= 1 << 10 => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

/// Returns the bytes as text without a byte order mark.
///
/// # Errors
/// What is wrong, with as much of the text as can be shown.
pub(super) fn text(bytes: Vec<u8>) -> Result<String, Box<(String, Mistake)>> {
    if let Some(encoding) = other_encoding(&bytes) {
        let message = format!("this file is {encoding}, an ops config is UTF-8");
        let help = format!(
            "save it as UTF-8 without other encodings, or run `iconv -f {} -t UTF-8`",
            encoding.split(' ').next().unwrap_or_default()
        );
        return Err(Box::new((
            String::new(),
            Mistake::error(Code::File, 0..0, message).help(help),
        )));
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let byte = bytes.get(at).copied().unwrap_or_default();
        let shown = String::from_utf8_lossy(bytes).into_owned();
        let message = format!("the byte 0x{byte:02X} here is not UTF-8");
        let help = format!(
            "save the file as UTF-8; in Windows-1252 or Latin-1 this byte is `{}`",
            char::from(byte).escape_debug()
        );
        Box::new((
            shown,
            Mistake::error(Code::File, at..at + '\u{FFFD}'.len_utf8(), message).help(help),
        ))
    })?;
    if text.starts_with('\u{FEFF}') {
        text.drain(..'\u{FEFF}'.len_utf8());
    }
    if let Some(at) = text.find('\0') {
        let mistake = Mistake::error(Code::File, at..at + 1, "a NUL byte, which no text file has")
            .help("the file may be damaged or binary; write it anew");
        return Err(Box::new((text, mistake)));
    }
    if text.trim().is_empty() {
        let mistake = Mistake::error(Code::File, 0..0, "this file is empty").help(
            "the smallest ops config is { \"services\": [ { \"url\": \"https://…\" } ] }, or as TOML: [[services]] \
             and below it url = \"https://…\"",
        );
        return Err(Box::new((text, mistake)));
    }
    Ok(text)
}

/// Names the encoding of bytes that are text, but not UTF-8.
fn other_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xFF, 0xFE, 0, 0, ..] => return Some("UTF-32LE with a byte order mark"),
        [0xFF, 0xFE, ..] => return Some("UTF-16LE with a byte order mark"),
        [0xFE, 0xFF, ..] => return Some("UTF-16BE with a byte order mark"),
        _ => {}
    }
    let zeros = |odd: usize| {
        let looked_at = bytes.iter().take(64).skip(odd).step_by(2);
        (looked_at.clone().count() > 0) && looked_at.copied().all(|byte| byte == 0)
    };
    match (zeros(0), zeros(1)) {
        (false, true) => Some("UTF-16LE"),
        (true, false) => Some("UTF-16BE"),
        _ => None,
    }
}

/// Returns the first place where brackets nest too deep. Done before parsing, since parsers recurse.
pub(super) fn too_deep(text: &str) -> Option<Mistake> {
    let mut depth = 0_usize;
    let mut string: Option<u8> = None;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match (string, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(b'"'), b'\\') => escaped = true,
            (Some(_), b'\n') => string = None,
            (Some(quote), _) if byte == quote => string = None,
            (None, b'"' | b'\'') => string = Some(byte),
            (None, b'{' | b'[') => {
                depth += 1;
                if depth > DEPTH_MAX {
                    let message = format!("brackets nest more than {DEPTH_MAX} deep here");
                    return Some(
                        Mistake::error(Code::Syntax, at..at + 1, message)
                            .help("an ops config needs a few levels only; is this the right file?"),
                    );
                }
            }
            (None, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}
