//! The header `Retry-After`.

use std::time::Duration;

use http::HeaderValue;
use jiff::Timestamp;

use super::duration::since;

/// Returns how long a `Retry-After` asks to wait: a number of seconds, also one with a fraction, or a date; absent if it
/// is neither.
pub fn retry_after(value: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()?;
    Some(since(now, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_seconds_and_dates() {
        let now = Timestamp::UNIX_EPOCH;
        let rows = [
            ("120", Some(Duration::from_mins(2))),
            (" 0.5 ", Some(Duration::from_millis(500))),
            (
                "Thu, 01 Jan 1970 00:01:00 GMT",
                Some(Duration::from_mins(1)),
            ),
            ("Wed, 31 Dec 1969 00:00:00 GMT", None),
            ("-1", None),
            ("NaN", None),
            ("soon", None),
        ];
        for (text, expected) in rows {
            let value = HeaderValue::from_str(text).unwrap();
            assert_eq!(retry_after(&value, now), expected, "{text}");
        }
        let later = Timestamp::from_second(90).unwrap();
        let past = HeaderValue::from_static("Thu, 01 Jan 1970 00:01:00 GMT");
        assert_eq!(retry_after(&past, later), Some(Duration::ZERO));
    }
}
