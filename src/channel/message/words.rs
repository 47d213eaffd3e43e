//! Times, spans and foreign texts as people read them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::duration::Shown;

/// Returns a span: `45 s`, `65 min`, `2 d 3 h`. From a second on it is of whole seconds, rounded down.
pub(super) fn span(span: Duration) -> String {
    let shown = if span.as_secs() > 0 {
        Duration::from_secs(span.as_secs())
    } else {
        span
    };
    Shown(shown).to_string()
}

/// Names that a note has at most; the rest is counted.
const NAMED_MAX: usize = 10;

/// Returns names with commas between them: `a, b and 3 more`; absent without any.
pub(super) fn named(names: &[String]) -> Option<String> {
    let shown = names.get(..NAMED_MAX).unwrap_or(names).join(", ");
    let more = names.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    (!names.is_empty()).then(|| format!("{shown}{more}"))
}

/// Returns a moment in a zone: `2026-01-01 03:13:07 CET`, with the offset where the zone has no letters.
pub fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S %Z")
        .to_string()
}

/// Returns a text on one line, without anything that moves a cursor or turns writing around.
pub(in crate::channel) fn harmless(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\t' | '\r' => ' ',
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                '\u{fffd}'
            }
            other if other.is_control() => '\u{fffd}',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_spans_in_whole_seconds() {
        for (millis, expected) in [
            (0, "0 ms"),
            (300, "300 ms"),
            (1_030, "1 s"),
            (59_900, "59 s"),
            (95_999, "95 s"),
            (725_000, "12 min 5 s"),
            (3_900_000, "65 min"),
            (183_600_000, "2 d 3 h"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn says_moments() {
        let at = Timestamp::from_second(1_767_233_587).unwrap();
        for (zone, expected) in [
            ("UTC", "2026-01-01 02:13:07 UTC"),
            ("Europe/Berlin", "2026-01-01 03:13:07 CET"),
            ("America/Sao_Paulo", "2025-12-31 23:13:07 -03"),
        ] {
            assert_eq!(moment(at, &TimeZone::get(zone).unwrap()), expected);
        }
    }
}
