//! Reads mails as a program for mail does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Mail;

impl Mail {
    /// Returns the lines of the headers as they came, folded ones joined.
    fn header_lines(&self) -> Vec<String> {
        let (head, _) = self.raw.split_once("\r\n\r\n").unwrap();
        let joined = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        joined.split("\r\n").map(str::to_owned).collect()
    }

    /// Returns the names of the headers, in their order.
    pub(crate) fn header_names(&self) -> Vec<String> {
        let lines = self.header_lines().into_iter();
        lines
            .map(|line| line.split(':').next().unwrap().to_owned())
            .collect()
    }

    /// Returns a header, decoded; empty without it.
    pub(crate) fn header(&self, name: &str) -> String {
        let lines = self.header_lines();
        let prefix = format!("{name}: ");
        let line = lines.iter().find_map(|line| line.strip_prefix(&prefix));
        words(line.unwrap_or_default())
    }

    /// Returns the text of a part, decoded.
    pub(crate) fn part(&self, kind: &str) -> String {
        let kind = format!("Content-Type: {kind}");
        let boundary = self.header("Content-Type");
        let (_, boundary) = boundary.split_once("boundary=\"").unwrap();
        let boundary = format!("--{}", boundary.trim_end_matches('"'));
        let part = self
            .raw
            .split(&boundary)
            .find(|part| part.contains(&kind))
            .unwrap();
        let (head, body) = part.split_once("\r\n\r\n").unwrap();
        let bytes = if head.contains("quoted-printable") {
            quoted(body, false)
        } else if head.contains("base64") {
            STANDARD.decode(body.replace("\r\n", "")).unwrap()
        } else {
            body.as_bytes().to_vec()
        };
        String::from_utf8(bytes)
            .unwrap()
            .replace("\r\n", "\n")
            .trim_end()
            .to_owned()
    }
}

/// Returns a header's value with its encoded words decoded (RFC 2047).
fn words(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("=?utf-8?") {
        // White space between encoded words is none.
        if !(bytes.is_empty() || before.trim().is_empty()) || !before.trim().is_empty() {
            bytes.extend(before.as_bytes());
        }
        let (form, after) = after.split_once('?').unwrap();
        let (text, after) = after.split_once("?=").unwrap();
        bytes.extend(match form {
            "b" => STANDARD.decode(text).unwrap(),
            _ => quoted(text, true),
        });
        rest = after;
    }
    bytes.extend(rest.as_bytes());
    String::from_utf8(bytes).unwrap()
}

fn quoted(text: &str, underscores: bool) -> Vec<u8> {
    let text = text.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'=' => {
                let digits = std::str::from_utf8(&rest[..2]).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &rest[2..];
            }
            b'_' if underscores => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    bytes
}
