//! Times and spans as people read them.

use std::time::Duration;

use jiff::Timestamp;

/// Returns a span in its two largest units: `45 s`, `12 min`, `1 h 5 min`, `2 d 3 h`. Rounds down.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let two = |large: u64, unit: &str, small: u64, small_unit: &str| {
        if small == 0 {
            format!("{large} {unit}")
        } else {
            format!("{large} {unit} {small} {small_unit}")
        }
    };
    if days > 0 {
        two(days, "d", hours % 24, "h")
    } else if hours > 0 {
        two(hours, "h", minutes % 60, "min")
    } else if minutes >= 10 {
        format!("{minutes} min")
    } else if minutes > 0 {
        two(minutes, "min", seconds % 60, "s")
    } else {
        format!("{seconds} s")
    }
}

/// Returns a latency: `214 ms`, `1.24 s`.
pub(super) fn latency(latency: Duration) -> String {
    if latency < Duration::from_secs(1) {
        format!("{} ms", latency.as_millis())
    } else {
        format!("{:.2} s", latency.as_secs_f64())
    }
}

/// Returns a moment: `2026-01-01 02:13:07 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_spans_in_two_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (95, "1 min 35 s"),
            (725, "12 min"),
            (3_600, "1 h"),
            (3_900, "1 h 5 min"),
            (86_400, "1 d"),
            (183_600, "2 d 3 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn says_latencies_and_moments() {
        assert_eq!(latency(Duration::from_micros(214_900)), "214 ms");
        assert_eq!(latency(Duration::from_millis(1_240)), "1.24 s");
        let at = Timestamp::from_second(1_767_233_587).unwrap();
        assert_eq!(moment(at), "2026-01-01 02:13:07 UTC");
    }
}
