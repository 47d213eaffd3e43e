//! Messages that tell of nothing, for checks of channels.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Message, Sending, Subject};
use crate::model::duration::before;
use crate::model::incident::{Ending, Incident, IncidentId, Reason};
use crate::model::judgement::Outcome;
use crate::model::service::ServiceName;
use crate::model::violation::{Sample, Violation};
use crate::policy::owed::{Telling, Unheard};

/// How long an incident that is over was open.
const OPEN_FOR: Duration = Duration::from_mins(28);

/// The outcomes of the probes that the rule saw, with milliseconds.
const PROBES: [(Outcome, u64); 4] = [
    (Outcome::Pass, 180),
    (Outcome::Pass, 190),
    (Outcome::Fail, 214),
    (Outcome::Fail, 880),
];

impl Message {
    /// Everything that a message can tell.
    pub const TELLINGS: [Telling; 4] = [
        Telling::Fire,
        Telling::Resolve,
        Telling::Outage(Unheard::Brief),
        Telling::Unwatched,
    ];

    /// Returns a message that says of itself that it is an example: to see what a channel would send, or to send it
    /// once and see it arrive.
    pub fn example(now: Timestamp) -> Self {
        Self::example_of(Telling::Fire, now)
    }

    /// Returns an example that tells this.
    pub fn example_of(telling: Telling, now: Timestamp) -> Self {
        let name = ServiceName::new("example");
        let over = telling != Telling::Fire;
        let opened_at = if over { before(now, OPEN_FOR) } else { now };
        let minute = Duration::from_mins(1);
        let samples = PROBES.into_iter().rev().zip(0..);
        let mut samples: Vec<Sample> = samples
            .map(|((outcome, latency_ms), ago)| Sample {
                at: before(opened_at, minute * ago),
                outcome,
                latency: Some(Duration::from_millis(latency_ms)),
                code: (outcome == Outcome::Fail).then(|| "example".into()),
            })
            .collect();
        samples.reverse();
        let ending = match telling {
            Telling::Fire => None,
            Telling::Unwatched => Some(Ending::Unwatched),
            Telling::Resolve | Telling::Outage(_) => Some(Ending::Recovered),
        };
        Self {
            telling,
            incident: Incident {
                id: IncidentId("0000000000000000".into()),
                service: name.clone(),
                violation: Violation::Error,
                generation: if over { 2 } else { 1 },
                opened_at,
                closed_at: over.then_some(now),
                ending,
                last_good: Some(before(opened_at, minute * 2)),
                announced_before: None,
                reason: Reason {
                    rule: "this is an example: nothing is wrong".to_owned(),
                    code: Some("example".into()),
                    finding: Some("$.path: what was found would stand here".to_owned()),
                    path: Some("$.path".to_owned()),
                    exchange: "GET https://example.invalid/ → 200 in 1 ms".to_owned(),
                    samples,
                    ..Reason::default()
                },
            },
            subject: Subject::gone(name),
            sending: Sending {
                message_id: "msg_example".to_owned(),
                possible_repeat: false,
                durable: true,
                link: None,
                remote_ref: None,
                now,
                zone: TimeZone::UTC,
            },
        }
    }
}
