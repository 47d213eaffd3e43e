//! Messages that tell of nothing, for checks of channels.

use std::time::Duration;

use jiff::Timestamp;

use super::{Counts, Digest, IncidentMessage, Member, Message, Sending, Storm, Subject, Summary};
use crate::model::duration::before;
use crate::model::incident::{Ending, Incident, IncidentId, Ledger, News, Reason};
use crate::model::judgement::Outcome;
use crate::model::mute::Ack;
use crate::model::service::ServiceName;
use crate::model::storm::StormId;
use crate::model::violation::{Sample, Violation};
use crate::policy::owed::{Telling, Unheard};

/// How long an incident that is over was open.
const OPEN_FOR: Duration = Duration::from_mins(28);
/// The time between two of its probes.
const MINUTE: Duration = Duration::from_mins(1);

/// The outcomes of the probes that the rule saw, with milliseconds.
const PROBES: [(Outcome, u64); 4] = [
    (Outcome::Pass, 180),
    (Outcome::Pass, 190),
    (Outcome::Fail, 214),
    (Outcome::Fail, 880),
];

impl Message {
    /// Returns a message that says of itself that it is an example: to see what a channel would send, or to send it
    /// once and see it arrive.
    pub fn example(now: Timestamp) -> Self {
        IncidentMessage::example_of(Telling::Fire, now).into()
    }

    /// Returns an example of each kind.
    pub fn examples(now: Timestamp) -> Vec<Self> {
        let told = IncidentMessage::TELLINGS
            .map(|telling| IncidentMessage::example_of(telling, now).into());
        let fire = IncidentMessage::example_of(Telling::Fire, now);
        let storm = fire.clone().as_storm(STORM, None).into();
        let digest = fire.as_digest(DIGEST);
        told.into_iter().chain([storm, digest.into()]).collect()
    }
}

/// What an example of a digest counts: all is well.
const DIGEST: Counts = Counts {
    open: 0,
    over: 0,
    services: 40,
};
/// What an example of a storm counts.
const STORM: Counts = Counts {
    open: 4,
    over: 1,
    services: 40,
};

impl IncidentMessage {
    /// Everything that a message about one incident can tell.
    pub const TELLINGS: [Telling; 6] = [
        Telling::Fire,
        Telling::Reminder,
        Telling::Acked,
        Telling::Resolve,
        Telling::Outage(Unheard::Brief),
        Telling::Unwatched,
    ];

    /// Returns an example that tells this.
    pub fn example_of(telling: Telling, now: Timestamp) -> Self {
        let name = ServiceName::new("example");
        let (over, generation) = match telling {
            Telling::Fire => (false, 1),
            Telling::Reminder | Telling::Acked | Telling::Left => (false, 2),
            Telling::Resolve | Telling::Outage(_) | Telling::Unwatched => (true, 2),
        };
        let opened_at = if generation > 1 {
            before(now, OPEN_FOR)
        } else {
            now
        };
        let ack = (telling == Telling::Acked).then(|| Ack {
            at: now,
            by: "somebody".to_owned(),
            reason: "on it".to_owned(),
        });
        let samples = samples(opened_at);
        let ending = match telling {
            Telling::Fire | Telling::Reminder | Telling::Acked | Telling::Left => None,
            Telling::Unwatched => Some(Ending::Unwatched),
            Telling::Resolve | Telling::Outage(_) => Some(Ending::Recovered),
        };
        Self {
            telling,
            incident: Incident {
                id: IncidentId("0000000000000000".into()),
                service: name.clone(),
                violation: Violation::Error,
                generation,
                opened_at,
                closed_at: over.then_some(now),
                ending,
                last_good: Some(before(opened_at, MINUTE * 2)),
                announced_before: None,
                news: News::Opened,
                reminders: u32::from(telling == Telling::Reminder),
                ack,
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
            dependents: Vec::new(),
            sending: Sending::new("msg_example", now),
        }
    }

    /// Returns a message about a storm of incidents like this one.
    pub fn as_storm(self, counts: Counts, edit: Option<String>) -> Summary {
        let incidents = self.many(counts);
        let member = |incident| Member {
            incident,
            subject: self.subject.clone(),
            muted: None,
        };
        Summary::from(Storm {
            leaves: false,
            id: StormId("storm_example".into()),
            members: incidents.iter().map(member).collect(),
            services: counts.services,
            first: edit.is_none() && counts.open > 0,
            edit,
            causes: Vec::new(),
            dependents: Vec::new(),
            sending: self.sending.clone(),
        })
    }

    /// Returns a daily digest of incidents like this one.
    pub fn as_digest(self, counts: Counts) -> Summary {
        let incidents = self.many(counts).into_iter();
        let ledger = Ledger {
            incidents: incidents.map(|one| (one.id.clone(), one)).collect(),
            ..Ledger::default()
        };
        Summary::from(Digest {
            ledger: &ledger,
            services: counts.services,
            expiries: Vec::new(),
            maintenance: Vec::new(),
            sending: self.sending,
        })
    }

    /// Returns incidents like this one, of services of their own.
    fn many(&self, counts: Counts) -> Vec<Incident> {
        let one = |number: usize| {
            let over = number > counts.open;
            let service = ServiceName::new(format!("{} {number}", self.incident.service));
            Incident {
                id: IncidentId(format!("{number:016}").into()),
                service,
                generation: if over { 2 } else { 1 },
                closed_at: over.then_some(self.sending.now),
                ending: over.then_some(Ending::Recovered),
                ..self.incident.clone()
            }
        };
        (1..=counts.open + counts.over).map(one).collect()
    }
}

/// Returns the samples that the rule of an example saw, the last one at its opening.
fn samples(opened_at: Timestamp) -> Vec<Sample> {
    let newest_first = PROBES.into_iter().rev().zip(0..);
    let mut samples: Vec<Sample> = newest_first
        .map(|((outcome, latency_ms), ago)| Sample {
            at: before(opened_at, MINUTE * ago),
            outcome,
            latency: Some(Duration::from_millis(latency_ms)),
            code: (outcome == Outcome::Fail).then(|| "example".into()),
        })
        .collect();
    samples.reverse();
    samples
}
