//! What the daemon would make of the probes of a service: when it looks again, what is open, what it tells.
//!
//! By the daemon's own rules on simulated time. Each message is taken at once.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Told;
use crate::channel::message::{Colour, IncidentMessage, Sending, Subject};
use crate::config::suite::{Pipeline, Test};
use crate::model::duration::{after, since};
use crate::model::incident::{IncidentId, Ledger};
use crate::model::observation::Observation;
use crate::model::service::Service;
use crate::model::violation::Violation;
use crate::policy::owed::{Batch, Manner, Plan, Settings, owed};
use crate::policy::watch::{Restored, Rules, Watch};
use crate::policy::{delivery, ledger};

/// The daemon's part in one test.
pub(super) struct Daybook<'a> {
    gather: Duration,
    zone: TimeZone,
    service: &'a Service,
    start: Timestamp,
    watch: Watch,
    pub(super) ledger: Ledger,
    incidents: u64,
    /// The next moment of the service's grid.
    regular: Timestamp,
    /// The messages so far, as one of the service's channels gets them.
    pub(super) told: Vec<Told>,
}

impl<'a> Daybook<'a> {
    /// Returns the part of the daemon in a test, absent in a test of a script.
    pub(super) fn of(test: &'a Test) -> Option<Self> {
        let Pipeline { gather, zone, .. } = test.pipeline.as_ref()?;
        let service = &test.service.service;
        Some(Self::new(service, *gather, zone.clone(), test.start))
    }

    /// Returns the part of the daemon for a service, from its first probe on.
    pub(super) fn new(
        service: &'a Service,
        gather: Duration,
        zone: TimeZone,
        start: Timestamp,
    ) -> Self {
        Self {
            gather,
            zone,
            service,
            start,
            watch: Watch::new(Rules::from(service), Restored::default()),
            ledger: Ledger::default(),
            incidents: 0,
            regular: start,
            told: Vec::new(),
        }
    }

    /// Takes a probe in, and returns what is open after it, as letters.
    pub(super) fn take(&mut self, observation: &Observation) -> String {
        let sample = observation.sample();
        let judgement = &observation.judgement;
        let changes = self.watch.observe(&sample, judgement, observation);
        let incidents = &mut self.incidents;
        let mut new_id = || {
            *incidents += 1;
            IncidentId(format!("{incidents:016}").into())
        };
        let now = observation.at;
        ledger::apply(
            &mut self.ledger,
            (self.service, &[]),
            changes,
            &mut new_id,
            now,
        );
        let open = |wanted: fn(&Violation) -> bool| self.watch.open().any(wanted);
        let letters = [
            ('e', open(|one| *one == Violation::Error)),
            ('l', open(|one| *one == Violation::Latency)),
            ('m', open(|one| *one == Violation::Matcher)),
            ('u', open(|one| *one == Violation::Unknown)),
            ('f', open(|one| *one == Violation::Flapping)),
            ('n', open(|one| matches!(one, Violation::Named(_)))),
        ];
        letters
            .into_iter()
            .filter_map(|(letter, open)| open.then_some(letter))
            .collect()
    }

    /// Returns when the daemon looks next: soon if the outcome disagrees with the present state, else at the next
    /// moment of the service's grid.
    pub(super) fn next(&mut self, now: Timestamp) -> Timestamp {
        // A service without an interval is not possible; one that had none would be looked at for ever at once.
        let interval = self.service.interval.max(Duration::from_millis(1));
        while self.regular <= now {
            self.regular = after(self.regular, interval);
        }
        let confirm = self.watch.next_confirm().map(|delay| after(now, delay));
        confirm.map_or(self.regular, |confirm| confirm.min(self.regular))
    }

    /// Sends what is due from `now` until `then`; absent for all that is owed.
    pub(super) fn send(&mut self, mut now: Timestamp, then: Option<Timestamp>) {
        let Some(channel) = self.service.channels.first() else {
            return;
        };
        let cool_down = self.service.notify_cool_down;
        loop {
            let settings = Settings {
                gather: self.gather,
                cool_down: &|_| cool_down,
                mute: &|_| None,
                digest: None,
                // What a test expects of a service is a line each, however many come at once.
                manner: Manner {
                    storms: false,
                    ..Manner::default()
                },
            };
            match owed(&self.ledger, channel, &settings, now) {
                Plan::Send(batch) => {
                    self.told.extend(self.messages(&batch, now));
                    let taken = delivery::intend(&mut self.ledger, channel, &batch, now)
                        && delivery::confirm(&mut self.ledger, channel, &batch, None, now);
                    if !taken {
                        return;
                    }
                }
                Plan::WaitUntil(until) if then.is_none_or(|then| until <= then) => now = until,
                Plan::WaitUntil(_) | Plan::Idle | Plan::Disabled => return,
            }
        }
    }

    fn messages(&self, batch: &Batch, now: Timestamp) -> Vec<Told> {
        let messages = batch.told.iter().filter_map(|told| {
            let incident = self.ledger.incidents.get(&told.incident)?.clone();
            let violation = incident.violation.clone();
            let message = IncidentMessage {
                telling: told.telling,
                incident,
                subject: Subject::from(self.service),
                dependents: Vec::new(),
                sending: Sending {
                    possible_repeat: told.possible_repeat,
                    zone: self.zone.clone(),
                    ..Sending::new(batch.message_id.clone(), now)
                },
            };
            Some(Told {
                at: since(self.start, now),
                kind: message.kind(),
                violation,
                text: message.to_text(Colour::Plain),
            })
        });
        messages.collect()
    }
}
