//! Which channels are told of an incident.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

use super::mute::Selector;
use super::service::{ChannelName, Service};
use super::violation::Violation;

/// One rule of who is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The incidents that it is for.
    pub of: Selector,
    /// The times that it is for, absent for any.
    pub hours: Option<Hours>,
    /// The channels.
    pub channels: Vec<ChannelName>,
    /// Whether the routes after it may add theirs.
    pub goes_on: bool,
}

/// Hours of some days of the week.
#[derive(Debug, Clone, PartialEq)]
pub struct Hours {
    /// The days, empty for all. Hours past midnight belong to the day before.
    pub days: Vec<Weekday>,
    /// Their beginning.
    pub from: Time,
    /// Their end; up to the next day if it is not after the beginning.
    pub to: Time,
    /// The zone in which they are meant.
    pub zone: TimeZone,
}

impl Hours {
    /// Tells whether a moment is within them.
    pub fn cover(&self, at: Timestamp) -> bool {
        let local = at.to_zoned_datetime(self.zone.clone());
        let (day, time) = (local.weekday(), local.time());
        let on = |day: Weekday| self.days.is_empty() || self.days.contains(&day);
        if self.from < self.to {
            return on(day) && self.from <= time && time < self.to;
        }
        (on(day) && self.from <= time) || (on(day.previous()) && time < self.to)
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.days.iter().map(|day| short(*day).to_owned());
        let hours = (self.from != self.to).then(|| {
            let clock = |time: Time| time.strftime("%H:%M").to_string();
            format!("{} to {}", clock(self.from), clock(self.to))
        });
        let parts: Vec<String> = days.chain(hours).collect();
        f.write_str(&parts.join(" "))
    }
}

/// The names of the days, Monday first.
pub const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

fn short(day: Weekday) -> &'static str {
    DAYS.iter()
        .find(|(_, known)| *known == day)
        .map_or("", |(name, _)| name)
}

/// Who is told, and by which routes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routed {
    /// The channels, each once.
    pub channels: Vec<ChannelName>,
    /// The routes that said so, from 0; empty where the service's own channels are told.
    pub routes: Vec<usize>,
}

/// Returns who is told of a violation of a service that opens at this moment: those that the routes say, in order; the
/// service's own channels where no route is for it.
pub fn route(routes: &[Route], service: &Service, violation: &Violation, at: Timestamp) -> Routed {
    let mut told = Routed::default();
    for (number, route) in routes.iter().enumerate() {
        let in_time = route.hours.as_ref().is_none_or(|hours| hours.cover(at));
        if !in_time || !route.of.selects(&service.name, violation, Some(service)) {
            continue;
        }
        told.routes.push(number);
        for channel in &route.channels {
            if !told.channels.contains(channel) {
                told.channels.push(channel.clone());
            }
        }
        if !route.goes_on {
            break;
        }
    }
    if told.routes.is_empty() {
        told.channels.clone_from(&service.channels);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::time;

    #[test]
    fn hours_past_midnight_belong_to_the_day_before() {
        let nights = Hours {
            days: vec![Weekday::Friday],
            from: time(22, 0, 0, 0),
            to: time(6, 0, 0, 0),
            zone: TimeZone::UTC,
        };
        // 2026-11-27 is a Friday.
        for (at, covered) in [
            ("2026-11-27T21:59:59Z", false),
            ("2026-11-27T22:00:00Z", true),
            ("2026-11-28T05:59:59Z", true),
            ("2026-11-28T06:00:00Z", false),
            ("2026-11-27T05:00:00Z", false),
            ("2026-11-28T23:00:00Z", false),
        ] {
            assert_eq!(nights.cover(at.parse().unwrap()), covered, "{at}");
        }
        assert_eq!(nights.to_string(), "fri 22:00 to 06:00");
    }
}
