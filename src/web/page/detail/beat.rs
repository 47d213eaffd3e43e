//! What is said of a job that reports, where a service that is asked has its probes.

use jiff::Timestamp;

use super::facts::{Fact, slow};
use crate::model::duration::{Shown, since};
use crate::model::heartbeat::Heartbeat;
use crate::model::service::Service;
use crate::model::violation::Violation;
use crate::policy::heartbeat::Awaited;
use crate::web::page::present::Stood;
use crate::web::page::{moment, words};

/// Returns when a run was last reported to have ended well; absent where none is known.
pub(super) fn last_good(stood: &Stood<'_>) -> Option<Timestamp> {
    let open = stood.open.iter();
    let mut open = open.filter(|incident| incident.violation == Violation::Heartbeat);
    let before = || open.next()?.last_good;
    stood.glance?.last_good.or_else(before)
}

/// Returns since when a run is under way; absent where none is, or nobody has said that it began.
pub(super) fn run(stood: &Stood<'_>, now: Timestamp) -> Option<Fact> {
    let begun = stood.awaited?.running_since?;
    let run_max = stood.service.heartbeat.as_ref()?.run_max;
    Some(Fact {
        name: "Run under way",
        value: format!("for {}", Shown(since(begun, now))),
        more: run_max.map_or_else(String::new, |max| format!("may take {}", Shown(max))),
    })
}

/// Returns when the next beat is expected, and when its absence is a violation.
pub(super) fn awaited(awaited: &Awaited, now: Timestamp) -> [Fact; 2] {
    let fact = |name, at: Timestamp| {
        let left = since(now, at);
        let passed = since(at, now);
        Fact {
            name,
            value: if at >= now {
                format!("in {}", words::age(left))
            } else {
                format!("{} ago", words::age(passed))
            },
            more: at.strftime(moment::SECOND).to_string(),
        }
    };
    [
        fact("Next expected", awaited.expected_at),
        fact("Late at", awaited.late_at),
    ]
}

/// Returns what its latency is called.
pub(super) fn latency(service: &Service) -> &'static str {
    if service.heartbeat.is_some() {
        "Last run took"
    } else {
        "Latency"
    }
}

/// Returns what a job is held against, with the numbers of now.
pub(super) fn rules(stood: &Stood<'_>, rule: &Heartbeat) -> Vec<String> {
    let window = stood.glance.map(|glance| glance.window).unwrap_or_default();
    let (rhythm, grace) = (&rule.rhythm, Shown(rule.grace));
    let mut rules = vec![format!(
        "A beat is expected {rhythm} and may be {grace} late; one that is missing or says that the job failed opens at \
         once. {} of the last {} were missing or failed.",
        window.failed, window.counted
    )];
    if let Some(run_max) = rule.run_max {
        rules.push(format!("A run may take {}", Shown(run_max)));
    }
    rules.extend(slow(stood.service, window));
    rules
}
