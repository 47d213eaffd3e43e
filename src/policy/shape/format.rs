//! String formats of markers.

use jiff::civil::Date;
use url::Url;

/// What a string may have to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// 8-4-4-4-12 hexadecimal digits, any version.
    Uuid,
    /// RFC 3339 date and time with zone.
    DateTime,
    /// `2024-02-29`
    Date,
    /// An absolute URL with a host.
    Url,
    /// Hexadecimal digits, with or without `0x`.
    Hex,
    /// A decimal number.
    Numeric,
}

impl Format {
    /// Returns what a person calls it.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Uuid => "UUID",
            Self::DateTime => "RFC 3339 date and time with zone",
            Self::Date => "date (YYYY-MM-DD)",
            Self::Url => "absolute URL",
            Self::Hex => "hexadecimal digits",
            Self::Numeric => "string with a number",
        }
    }

    /// Tells whether the text looks like it.
    pub(super) fn holds(self, text: &str) -> bool {
        match self {
            Self::Uuid => is_uuid(text.as_bytes()),
            Self::DateTime => is_datetime(text),
            Self::Date => is_date(text),
            Self::Url => is_url(text),
            Self::Hex => {
                let digits = text
                    .strip_prefix("0x")
                    .or_else(|| text.strip_prefix("0X"))
                    .unwrap_or(text);
                !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
            }
            Self::Numeric => is_numeric(text),
        }
    }
}

fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_url(text: &str) -> bool {
    // The parser of the web forgives white space around and inside; a field that holds a URL should not need that.
    !text.contains(|c: char| c.is_whitespace() || c.is_control())
        && Url::parse(text).is_ok_and(|url| url.has_host())
}

/// Reads digits off the front of a text.
fn digits(text: &str, count: usize) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((digits.parse().ok()?, rest))
}

fn date(text: &str) -> Option<&str> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let year = i16::try_from(year).ok()?;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    Some(rest)
}

fn is_date(text: &str) -> bool {
    date(text) == Some("")
}

fn is_datetime(text: &str) -> bool {
    let after = || {
        let rest = date(text)?.strip_prefix(['T', 't', ' '])?;
        let (hour, rest) = digits(rest, 2)?;
        let (minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
        // 60 is a leap second.
        let (second, rest) = digits(rest.strip_prefix(':')?, 2)?;
        let rest = match rest.strip_prefix('.') {
            None => rest,
            Some(fraction) => {
                let after = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
                if after.len() == fraction.len() {
                    return None;
                }
                after
            }
        };
        let zoned = matches!(rest, "Z" | "z") || {
            let (hours, rest) = digits(rest.strip_prefix(['+', '-'])?, 2)?;
            let (minutes, rest) = digits(rest.strip_prefix(':')?, 2)?;
            hours < 24 && minutes < 60 && rest.is_empty()
        };
        Some(zoned && hour < 24 && minute < 60 && second <= 60)
    };
    after().unwrap_or(false)
}

fn is_numeric(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = unsigned
        .split_once(['e', 'E'])
        .map_or((unsigned, None), |(mantissa, exponent)| {
            (mantissa, Some(exponent))
        });
    let (whole, fraction) = mantissa
        .split_once('.')
        .map_or((mantissa, None), |(whole, fraction)| {
            (whole, Some(fraction))
        });
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && fraction.is_none_or(digits)
        && exponent
            .is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: Format, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(format.holds(text), "{format:?} holds {text:?}");
        }
        for text in bad {
            assert!(!format.holds(text), "{format:?} does not hold {text:?}");
        }
    }

    #[test]
    fn formats_hold_what_they_should() {
        check(
            Format::Uuid,
            &[
                "123e4567-e89b-12d3-a456-426614174000",
                "00000000-0000-0000-0000-000000000000",
            ],
            &[
                "",
                "123e4567e89b12d3a456426614174000",
                "123e4567-e89b-12d3-a456-42661417400g",
                "{123e4567-e89b-12d3-a456-42661417400}",
            ],
        );
        check(
            Format::DateTime,
            &[
                "2024-02-29T23:59:60Z",
                "2024-01-01t00:00:00.123456789z",
                "2024-01-01 00:00:00+02:00",
                "2024-01-01T00:00:00-00:00",
            ],
            &[
                "2023-02-29T00:00:00Z",
                "2024-01-01T00:00:00",
                "2024-01-01T24:00:00Z",
                "2024-01-01T00:00Z",
                "2024-01-01T00:00:00.Z",
                "2024-01-01T00:00:00+0200",
                "20240101T000000Z",
                "2024-01-01",
                "",
                "2024-01-01T00:00:00Zx",
                "２０24-01-01T00:00:00Z",
            ],
        );
    }

    #[test]
    fn more_formats_hold_what_they_should() {
        check(
            Format::Date,
            &["2024-02-29"],
            &[
                "2023-02-29",
                "2024-2-29",
                "2024-02-29T00:00:00Z",
                "",
                "2024-13-01",
            ],
        );
        check(
            Format::Url,
            &["https://example.io", "http://[::1]:8080/x?y=z", "ws://h/x"],
            &[
                "",
                "example.io",
                "/path",
                "mailto:a@b",
                "https://",
                " https://example.io",
                "https://exa mple.io",
            ],
        );
        check(
            Format::Hex,
            &["0x1b4", "DEADbeef", "0"],
            &["", "0x", "xyz", "12 34", "0x0x1"],
        );
        check(
            Format::Numeric,
            &[
                "12.5",
                "-0",
                "+1",
                "007",
                "1e10",
                "1.5E-3",
                "18446744073709551616",
            ],
            &[
                "", "1.", ".5", "NaN", "inf", "1e", "1,5", " 1", "0x10", "1_000",
            ],
        );
    }
}
