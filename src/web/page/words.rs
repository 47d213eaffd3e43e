//! What the pages call things.

use super::present::Audience;
use std::time::Duration;

use crate::model::duration::Shown;
use crate::model::incident::Incident;
use crate::model::json::Json;
use crate::model::tally::Tally;
use crate::model::violation::Violation;
use crate::policy::planned::On;

/// Returns what an incident is called. The public is not told names that scripts give.
pub(super) fn title(violation: &Violation, audience: Audience) -> String {
    let words = match violation {
        Violation::Error => "Failing",
        Violation::Latency => "Slow",
        Violation::Flapping => "Unsteady",
        Violation::Heartbeat => "Does not report, or fails",
        Violation::Matcher => "Cannot be judged: what judges it is broken",
        Violation::Unknown => "Cannot be judged",
        Violation::Named(name) if audience.is_private() => return name.to_string(),
        Violation::Named(_) => "Degraded",
    };
    words.to_owned()
}

/// Returns what the config, the API and the command line call it; absent for the public, and where its title is that.
pub(super) fn word(violation: &Violation, audience: Audience) -> Option<String> {
    let is_named = matches!(violation, Violation::Named(_));
    (audience.is_private() && !is_named).then(|| violation.as_str().to_owned())
}

/// Returns what is said of an incident of a service in maintenance. The public is not told which.
pub(super) fn in_maintenance(on: On<'_>, audience: Audience) -> String {
    match audience {
        Audience::Private => format!("in maintenance: {on}"),
        Audience::Public => "in maintenance".to_owned(),
    }
}

/// Tells whether an audience is shown an incident: what OES itself cannot do is nothing for the public.
pub(super) fn is_shown(incident: &Incident, audience: Audience) -> bool {
    let own = matches!(incident.violation, Violation::Matcher | Violation::Unknown);
    audience.is_private() || !own
}

/// Returns what stands where the history should say something, and cannot be read.
pub(super) fn unreadable() -> &'static str {
    "The history cannot be read."
}

/// Returns what is said of time without data.
pub(super) fn gap(percent: u32) -> String {
    format!("here that is up to {percent} % of 90 days")
}

/// Returns how much of a span is known, where that is so little that its uptime says little of it: `of 12 min`.
pub(super) fn of_little(tally: &Tally) -> Option<String> {
    let is_little = tally.is_mostly_unknown() && !tally.known().is_zero();
    is_little.then(|| format!("of {}", whole(tally.known())))
}

/// Returns a time without the smaller of its parts: `12 min`, `5 h`, `3 d`.
fn whole(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Returns what should be there: a sentence of a matcher as it is, a value as JSON, cut where it is longer.
pub(super) fn expected(value: &Json, max: usize) -> String {
    let sentence = value.as_str().filter(|text| text.contains([' ', '"']));
    let sentence = sentence.filter(|text| text.len() <= max);
    sentence.map_or_else(|| value.summary(max), str::to_owned)
}

/// Returns how long something is so already, or will be until it is: in whole seconds, since it does not stand still.
pub(super) fn age(time: Duration) -> String {
    match time.as_secs() {
        0 => "less than 1 s".to_owned(),
        seconds => Shown(Duration::from_secs(seconds)).to_string(),
    }
}

/// Returns what is said of a span beside its uptime.
pub(super) fn told(tally: &Tally) -> String {
    let known = tally.known();
    let blind = tally.no_data + tally.unknown + tally.error;
    let down = match tally.down {
        Duration::ZERO => "no downtime".to_owned(),
        down => format!("down for {}", Shown(down)),
    };
    if known.is_zero() {
        return "no data".to_owned();
    }
    let share = blind.as_millis() * 100 / tally.total().as_millis().max(1);
    match share {
        0 => down,
        share if tally.is_mostly_unknown() => {
            format!("{down} in {}, no data {share} %", Shown(known))
        }
        share => format!("{down}, no data {share} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uptime_of_a_few_minutes_says_so() {
        let tally = |up: u64, of: u64| Tally {
            up: Duration::from_mins(up),
            no_data: Duration::from_mins(of - up),
            ..Tally::default()
        };
        let day = 24 * 60;
        assert_eq!(of_little(&tally(12, day)).as_deref(), Some("of 12 min"));
        assert_eq!(
            told(&tally(12, 7 * day)),
            "no downtime in 12 min, no data 99 %"
        );
        let (down, known) = (Duration::from_secs(192), Duration::from_secs(193));
        let tally_down = Tally {
            up: known.saturating_sub(down),
            down,
            no_data: Duration::from_mins(day),
            ..Tally::default()
        };
        assert_eq!(
            told(&tally_down),
            "down for 3 min 12 s in 3 min 13 s, no data 99 %"
        );
        assert_eq!(of_little(&tally(day, 30 * day)).as_deref(), Some("of 1 d"));
        assert_eq!(of_little(&tally(day / 2, day)), None);
        assert_eq!(of_little(&tally(0, day)), None);
        assert_eq!(told(&tally(day - 60, day)), "no downtime, no data 4 %");
    }
}
