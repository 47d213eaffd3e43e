//! Time: the clock of the run, instants and durations. There is no other clock.

use jiff::Timestamp;
use rhai::{Dynamic, Engine};

use super::data::float;
use crate::script::guard::{Fallible, Fault};
use crate::script::run;
use crate::script::value::{kind_name, mistyped, problem, rendered};

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("now", || Ok::<_, Fault>(run::now()?.as_second()))
        .register_fn("parse_time", |value: Dynamic| {
            Ok::<_, Fault>(seconds(unix(&value)?))
        })
        .register_fn("time_unix", |value: Dynamic| {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "an instant was parsed: far inside the range of i64"
            )]
            Ok::<_, Fault>(unix(&value)?.floor() as i64)
        })
        .register_fn("age", |value: Dynamic| {
            let now = run::now()?.as_millisecond();
            #[expect(
                clippy::cast_precision_loss,
                reason = "milliseconds of this age are exact in f64"
            )]
            let now = now as f64 / 1000.0;
            Ok::<_, Fault>(seconds(now - unix(&value)?))
        })
        .register_fn("duration", |value: Dynamic| {
            duration_seconds(&value).map(seconds)
        })
        .register_fn("human", |value: Dynamic| float(&value).map(human));
    for name in ["timestamp", "sleep"] {
        let refuse = move || -> Fallible<Dynamic> {
            Err(problem(format!(
                "`{name}` is not available: use now(), age(), track() and http timeouts"
            )))
        };
        engine.register_fn(name, refuse);
        engine.register_fn(name, move |_: Dynamic| refuse());
    }
}

/// Returns whole seconds as an integer, others as a float of milliseconds.
pub(in crate::script) fn seconds(value: f64) -> Dynamic {
    let rounded = (value * 1000.0).round() / 1000.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and below 2^53, so that the cast is exact"
    )]
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 {
        (rounded as i64).into()
    } else {
        rounded.into()
    }
}

/// Tells whether a text is a time.
pub(in crate::script) fn is_time(text: &str) -> bool {
    let text = text.trim();
    text.parse::<f64>().is_ok() || text.parse::<Timestamp>().is_ok()
}

/// Returns an instant in seconds since 1970: from RFC 3339 text, or a number of s, ms, µs or ns by its size.
fn unix(value: &Dynamic) -> Fallible<f64> {
    let refused = |what: &str| {
        mistyped(format!(
            "{what} is no time; give RFC 3339 with a zone, or seconds since 1970"
        ))
    };
    let number = match value.as_immutable_string_ref() {
        Ok(text) => {
            if let Ok(number) = text.trim().parse::<f64>() {
                number
            } else {
                let time: Timestamp = text
                    .trim()
                    .parse()
                    .map_err(|_| refused(&rendered(value, 60)))?;
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "milliseconds of any date are exact in f64"
                )]
                return Ok(time.as_millisecond() as f64 / 1000.0);
            }
        }
        Err(_) => float(value).map_err(|_| refused(kind_name(value)))?,
    };
    let scale = match number.abs() {
        size if size < 1e11 => 1.0,
        size if size < 1e14 => 1e3,
        size if size < 1e17 => 1e6,
        size if size < 1e20 => 1e9,
        _ => return Err(refused(&rendered(value, 60))),
    };
    Ok(number / scale)
}

/// Returns a duration in seconds: a number of them, or text such as `"1h30m"`.
///
/// # Errors
/// The value is neither.
pub(in crate::script) fn duration_seconds(value: &Dynamic) -> Fallible<f64> {
    match value.as_immutable_string_ref() {
        Ok(text) => parse_duration(&text).ok_or_else(|| {
            mistyped(format!(
                "{} is no duration; write 30s, 15m or 1h30m",
                rendered(value, 60)
            ))
        }),
        Err(_) => float(value),
    }
}

/// Returns the seconds that `1h30m`, `45s`, `500ms` or `2d` last, absent if the text is no duration.
pub(in crate::script) fn parse_duration(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let scale = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * scale;
        rest = after.trim_start();
    }
    Some(total)
}

/// Writes seconds as a person would: `2h 5m`, `45s`, `3d 4h`.
pub(in crate::script) fn human(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "unknown".to_owned();
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let seconds = seconds.abs();
    if seconds < 1.0 {
        return format!("{sign}{:.0}ms", seconds * 1000.0);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and what is beyond u64 may stop there"
    )]
    let whole = seconds.round() as u64;
    let units = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];
    let mut left = whole;
    let parts: Vec<String> = units
        .into_iter()
        .map(|(unit, size)| {
            let count = left / size;
            left %= size;
            (count, unit)
        })
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    format!("{sign}{}", parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::{human, parse_duration};

    #[test]
    fn durations_read_as_written() {
        for (text, expected) in [
            ("30s", Some(30.0)),
            ("1h30m", Some(5400.0)),
            ("1h 30m", Some(5400.0)),
            ("500ms", Some(0.5)),
            ("1.5h", Some(5400.0)),
            ("2d", Some(172_800.0)),
            ("", None),
            ("15", None),
            ("m", None),
            ("15 parsecs", None),
        ] {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn durations_are_written_in_two_units() {
        for (seconds, expected) in [
            (0.25, "250ms"),
            (1.0, "1s"),
            (75.0, "1m 15s"),
            (900.0, "15m"),
            (7500.0, "2h 5m"),
            (360_000.0, "4d 4h"),
            (-60.0, "-1m"),
        ] {
            assert_eq!(human(seconds), expected);
        }
    }
}
