//! Moments as people type them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// Reads `2026-11-27T22:00:00Z`, `2026-11-27 22:00`, `2026-11-27`, or `22:00` for the next time that clocks say so.
///
/// # Errors
/// What is wrong with it.
pub(in crate::cli) fn read(
    text: &str,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let in_zone = |at: DateTime| zone.to_timestamp(at).map_err(|error| error.to_string());
    if let Some(time) = time(text) {
        let today = now.to_zoned_datetime(zone.clone()).date();
        let at = in_zone(today.to_datetime(time))?;
        if at > now {
            return Ok(at);
        }
        let tomorrow = today.tomorrow().map_err(|error| error.to_string())?;
        return in_zone(tomorrow.to_datetime(time));
    }
    if let Ok(at) = text.parse::<DateTime>() {
        return in_zone(at);
    }
    if let Ok(day) = text.parse::<Date>() {
        return in_zone(day.to_datetime(Time::midnight()));
    }
    Err(format!(
        "`{text}` is no moment; write 2026-11-27T22:00:00Z, \"2026-11-27 22:00\" or 22:00"
    ))
}

/// Reads `22:00`.
fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_in_the_zone_of_the_config() {
        let now: Timestamp = "2026-11-27T21:30:00Z".parse().unwrap();
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (text, utc, local) in [
            ("2026-11-28T01:00:00Z", "01:00", "01:00"),
            (
                "2026-11-28T01:00:00+02:00",
                "2026-11-27T23:00",
                "2026-11-27T23:00",
            ),
            ("2026-11-28 01:00", "01:00", "00:00"),
            ("2026-11-28T01:00", "01:00", "00:00"),
            ("2026-11-28", "00:00", "2026-11-27T23:00"),
            ("23:00", "2026-11-27T23:00", "2026-11-27T22:00"),
            ("21:00", "21:00", "20:00"),
        ] {
            for (zone, expected) in [(&TimeZone::UTC, utc), (&berlin, local)] {
                let day = if expected.len() == 5 {
                    "2026-11-28T"
                } else {
                    ""
                };
                let expected: Timestamp = format!("{day}{expected}:00Z").parse().unwrap();
                assert_eq!(read(text, zone, now), Ok(expected), "{text} {zone:?}");
            }
        }
        assert!(
            read("soon", &berlin, now)
                .unwrap_err()
                .contains("no moment")
        );
        assert!(read("25:00", &berlin, now).is_err());
    }
}
