//! What the pages call things.

use super::present::Audience;
use std::time::Duration;

use crate::model::duration::Shown;
use crate::model::incident::Incident;
use crate::model::tally::Tally;
use crate::model::violation::Violation;

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

/// Tells whether an audience is shown an incident: what OES itself cannot do is nothing for the public.
pub(super) fn is_shown(incident: &Incident, audience: Audience) -> bool {
    let own = matches!(incident.violation, Violation::Matcher | Violation::Unknown);
    audience.is_private() || !own
}

/// Returns what is said of time without data.
pub(super) fn gap(percent: u32) -> String {
    format!("here that is up to {percent} % of 90 days")
}

/// Returns what is said of a span beside its uptime.
pub(super) fn told(tally: &Tally) -> String {
    let known = tally.up + tally.degraded + tally.down;
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
        share => format!("{down}, no data {share} %"),
    }
}
