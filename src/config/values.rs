//! The small languages inside values: durations, sizes, methods, status rules.

use std::ops::Range;
use std::time::Duration;

use crate::config::tree::{Node, Value};
use crate::matcher::spec::StatusRule;
use crate::model::json::Number;
use crate::model::span::did_you_mean;

/// What is wrong with a value, and how to write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bad {
    pub(super) message: String,
    pub(super) help: String,
}

fn bad<T>(message: impl Into<String>, help: impl Into<String>) -> Result<T, Bad> {
    Err(Bad {
        message: message.into(),
        help: help.into(),
    })
}

/// The unit of a duration written as a bare number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
}

const DURATION_HELP: &str = "write \"500ms\", \"30s\", \"5m\", \"1h30m\" or \"2d\"";

/// Reads a duration: a number in `unit`, or text such as `1h30m`.
pub(super) fn duration(node: &Node, unit: Unit) -> Result<Duration, Bad> {
    match &node.value {
        Value::Number(number) => {
            let seconds = match unit {
                Unit::Seconds => number.as_f64(),
                Unit::Milliseconds => number.as_f64() / 1000.0,
            };
            // Rounded to microseconds, so that 0.1 is not 0.100000001.
            Duration::try_from_secs_f64((seconds * 1e6).round() / 1e6)
                .or_else(|_| bad(format!("{number} is no duration"), DURATION_HELP))
        }
        Value::Text(text) => duration_text(text),
        _ => bad("this is no duration", DURATION_HELP),
    }
}

/// Reads a duration such as `1h30m`. Units: ms, s, m, h, d, w.
pub(super) fn duration_text(text: &str) -> Result<Duration, Bad> {
    let whole = text.trim();
    let no = |problem: String| bad(problem, DURATION_HELP);
    let mut rest = whole;
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return no("an empty duration".to_owned());
    }
    while !rest.is_empty() {
        let digits_end = rest
            .find(|character: char| !character.is_ascii_digit() && character != '.')
            .unwrap_or(rest.len());
        let (digits, tail) = rest.split_at_checked(digits_end).unwrap_or((rest, ""));
        let tail = tail.trim_start();
        let unit_end = tail
            .find(|character: char| !character.is_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end).unwrap_or((tail, ""));
        let Ok(amount) = digits.parse::<f64>() else {
            return no(format!("`{}` is no duration", shorten(whole)));
        };
        let seconds = match unit {
            "ms" => 0.001,
            "s" | "sec" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            "" => return no(format!("the duration `{}` has no unit", shorten(whole))),
            _ => return no(format!("`{}` is no unit of time", shorten(unit))),
        };
        let part = Duration::try_from_secs_f64((amount * seconds * 1e6).round() / 1e6).ok();
        let Some(sum) = part.and_then(|part| total.checked_add(part)) else {
            return no(format!("`{}` is too long", shorten(whole)));
        };
        total = sum;
        rest = tail.trim_start();
    }
    Ok(total)
}

/// Writes a duration as a config would: `1h30m`, `500ms`.
pub(super) fn duration_words(duration: Duration) -> String {
    let mut left = duration.as_millis();
    if left == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, size) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ] {
        if left >= size {
            text.push_str(&(left / size).to_string());
            text.push_str(unit);
            left %= size;
        }
    }
    text
}

const SIZE_HELP: &str = "write a number of bytes, or \"64KiB\", \"16MiB\", \"1MB\"";

/// Reads a size in bytes: a number, or text such as `16MiB`.
pub(super) fn size(node: &Node) -> Result<u64, Bad> {
    let whole = |number: Number| number.as_i64().and_then(|bytes| u64::try_from(bytes).ok());
    match &node.value {
        Value::Number(number) => {
            whole(*number).map_or_else(|| bad(format!("{number} is no size"), SIZE_HELP), Ok)
        }
        Value::Text(text) => {
            let trimmed = text.trim();
            let end = trimmed
                .find(|character: char| !character.is_ascii_digit())
                .unwrap_or(trimmed.len());
            let (digits, unit) = trimmed.split_at_checked(end).unwrap_or((trimmed, ""));
            let factor = match unit.trim() {
                "" | "B" => Some(1),
                "KiB" | "K" | "k" => Some(1 << 10),
                "MiB" | "M" => Some(1 << 20),
                "GiB" | "G" => Some(1 << 30),
                "kB" | "KB" => Some(1000),
                "MB" => Some(1_000_000),
                "GB" => Some(1_000_000_000),
                _ => None,
            };
            let amount = digits.parse::<u64>().ok();
            let bytes = amount
                .zip(factor)
                .and_then(|(amount, factor)| amount.checked_mul(factor));
            bytes.map_or_else(
                || bad(format!("`{}` is no size", shorten(trimmed)), SIZE_HELP),
                Ok,
            )
        }
        _ => bad("this is no size", SIZE_HELP),
    }
}

/// The methods of a request.
pub(super) const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// Reads a request method, in any case.
pub(super) fn method(node: &Node) -> Result<http::Method, Bad> {
    let help = format!("one of {}", METHODS.join(", "));
    let Some(text) = node.text() else {
        return bad("this is no method", help);
    };
    let upper = text.to_ascii_uppercase();
    METHODS
        .contains(&upper.as_str())
        .then(|| http::Method::from_bytes(upper.as_bytes()).ok())
        .flatten()
        .map_or_else(
            || {
                bad(
                    format!("`{}` is no method that OES sends", shorten(text)),
                    help,
                )
            },
            Ok,
        )
}

const STATUS_HELP: &str = "write 204, \"2xx\", \"200-204\", [200, 429] or \"any\"";

/// Reads a status rule: a number, text, or a list of both.
pub(super) fn status(node: &Node) -> Result<StatusRule, Bad> {
    let mut ranges = Vec::new();
    let mut any = false;
    let single = std::slice::from_ref(node);
    let parts = if let Value::List(items) = &node.value {
        items
    } else {
        single
    };
    for part in parts {
        match &part.value {
            Value::Number(number) => ranges.push(code(&number.to_string())?),
            Value::Text(text) => match status_text(text)? {
                StatusRule::Any => any = true,
                StatusRule::In(more) => ranges.extend(more),
            },
            _ => return bad("this is no status", STATUS_HELP),
        }
    }
    match (any, ranges.is_empty()) {
        (true, _) => Ok(StatusRule::Any),
        (false, true) => bad("an empty list accepts no status at all", STATUS_HELP),
        (false, false) => Ok(StatusRule::In(ranges)),
    }
}

/// Reads a status rule as text: `2xx`, `204`, `200-204`, `any`, or several with commas.
pub(super) fn status_text(text: &str) -> Result<StatusRule, Bad> {
    let mut ranges = Vec::new();
    for part in text.split(',').map(str::trim) {
        if part == "any" {
            return Ok(StatusRule::Any);
        }
        let class = part
            .strip_suffix("xx")
            .or_else(|| part.strip_suffix("XX"))
            .and_then(|digit| digit.parse::<u16>().ok())
            .filter(|digit| (1..=5).contains(digit));
        if let Some(digit) = class {
            ranges.push((digit * 100, digit * 100 + 99));
        } else if let Some((from, to)) = part.split_once('-') {
            let (from, to) = (code(from.trim())?.0, code(to.trim())?.0);
            if from > to {
                return bad(format!("`{part}` is the wrong way round"), STATUS_HELP);
            }
            ranges.push((from, to));
        } else {
            ranges.push(code(part)?);
        }
    }
    Ok(StatusRule::In(ranges))
}

fn code(text: &str) -> Result<(u16, u16), Bad> {
    text.parse::<u16>()
        .ok()
        .filter(|code| (100..=599).contains(code))
        .map_or_else(
            || {
                bad(
                    format!("`{}` is no HTTP status", shorten(text)),
                    STATUS_HELP,
                )
            },
            |code| Ok((code, code)),
        )
}

/// Returns the candidate that `word` is a slip of the finger from. Words of one or two characters are near everything,
/// so nothing is offered for them.
pub(super) fn near<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.chars().count() < 3 {
        return None;
    }
    did_you_mean(word, candidates)
}

/// Returns the place of the first secret in a value.
pub(super) fn secret_in(node: &Node) -> Option<Range<usize>> {
    match &node.value {
        Value::Text(text) => text
            .match_indices("${")
            .any(|(at, _)| !text.get(..at).is_some_and(|before| before.ends_with('$')))
            .then(|| node.span.clone()),
        Value::List(items) => items.iter().find_map(secret_in),
        Value::Table(members) => members.iter().find_map(|member| secret_in(&member.node)),
        _ => None,
    }
}

/// Cuts text for a message.
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
