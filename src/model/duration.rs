//! Spans of time as people write and read them.

use std::time::Duration;

use jiff::Timestamp;

/// Returns the time from `earlier` to `later`, zero if the clock was set back between them.
pub fn since(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or(Duration::ZERO)
}

/// Returns a short text for a person: `214 ms`, `1.3 s`, `35 min`, `2 h 5 min`, `3 d 4 h`. Rounds down.
pub fn human(span: Duration) -> String {
    let seconds = span.as_secs();
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match seconds {
        0 => format!("{} ms", span.subsec_millis()),
        1..10 => format!("{seconds}.{} s", span.subsec_millis() / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds / 60 % 60, "min"),
        _ => two(seconds / 86_400, "d", seconds / 3600 % 24, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn human_reads_well() {
        for (ms, text) in [
            (0, "0 ms"),
            (214, "214 ms"),
            (1_399, "1.3 s"),
            (59_000, "59 s"),
            (60_000, "1 min"),
            (95_000, "1 min 35 s"),
            (7_500_000, "2 h 5 min"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(human(Duration::from_millis(ms)), text);
        }
    }
}
