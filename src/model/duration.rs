//! Spans of time as people read them.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// Returns the time from `earlier` to `later`, zero if the clock was set back between them.
pub fn since(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or(Duration::ZERO)
}

/// Returns `at` plus `delay`, the end of time if that is past it.
pub fn after(at: Timestamp, delay: Duration) -> Timestamp {
    at.checked_add(delay).unwrap_or(Timestamp::MAX)
}

/// Returns `at` less `span`, the beginning of time if that is before it.
pub fn before(at: Timestamp, span: Duration) -> Timestamp {
    at.checked_sub(span).unwrap_or(Timestamp::MIN)
}

/// Displays a duration for people: `0.8 ms`, `214 ms`, `4.55 s`, `12.3 s`, `3 min 20 s`, `25 h 1 min`, `3 d 4 h`.
#[derive(Debug, Clone, Copy)]
pub struct Shown(pub Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (millis, seconds) = (self.0.as_millis(), self.0.as_secs());
        match millis {
            0..10 => {
                let tenths = self.0.as_micros() / 100;
                write_decimal(f, tenths, 1, "ms")
            }
            10..1000 => write!(f, "{millis} ms"),
            1000..10_000 => write_decimal(f, millis / 10, 2, "s"),
            10_000..100_000 => write_decimal(f, millis / 100, 1, "s"),
            _ if seconds < 7200 => write_parts(f, seconds / 60, "min", seconds % 60, "s"),
            _ if seconds < 172_800 => write_parts(f, seconds / 3600, "h", seconds / 60 % 60, "min"),
            _ => write_parts(f, seconds / 86_400, "d", seconds / 3600 % 24, "h"),
        }
    }
}

/// Writes a number of which the last `places` digits are decimals, without trailing zeros.
fn write_decimal(f: &mut fmt::Formatter<'_>, number: u128, places: u32, unit: &str) -> fmt::Result {
    let scale = 10_u128.pow(places);
    let (whole, mut decimals, mut width) = (number / scale, number % scale, places as usize);
    while width > 0 && decimals % 10 == 0 {
        decimals /= 10;
        width -= 1;
    }
    if width == 0 {
        write!(f, "{whole} {unit}")
    } else {
        write!(f, "{whole}.{decimals:0width$} {unit}")
    }
}

fn write_parts(
    f: &mut fmt::Formatter<'_>,
    large: u64,
    large_unit: &str,
    small: u64,
    small_unit: &str,
) -> fmt::Result {
    write!(f, "{large} {large_unit}")?;
    if small > 0 {
        write!(f, " {small} {small_unit}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_durations_as_people_say_them() {
        let rows = [
            (800, "0.8 ms"),
            (5_000, "5 ms"),
            (214_900, "214 ms"),
            (4_557_000, "4.55 s"),
            (4_007_000, "4 s"),
            (12_340_000, "12.3 s"),
            (200_000_000, "3 min 20 s"),
            (7_200_000_000, "2 h"),
            (90_060_000_000, "25 h 1 min"),
            (273_600_000_000, "3 d 4 h"),
        ];
        for (micros, expected) in rows {
            assert_eq!(Shown(Duration::from_micros(micros)).to_string(), expected);
        }
    }
}
