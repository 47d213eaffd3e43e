//! What is recorded of a probe so that it can be judged again, and how it is kept.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::observe::{Watched, hiding};
use crate::history::recordings::{Kept, News, Recorder};
use crate::model::exchange::Exchange;
use crate::model::judgement::Outcome;
use crate::model::observation::Observation;
use crate::model::recorded::RecordedExchange;
use crate::model::redaction::Redaction;
use crate::script::recorded::RecordedCall;
use crate::script::tape::Taken;

/// A probe as it was recorded, without secrets.
#[derive(Debug)]
pub struct Recording {
    /// When it began: the clock of the scripts.
    pub at: Timestamp,
    /// What it came to then; absent where nobody knows.
    pub outcome: Option<Outcome>,
    /// What it saw; absent if the scripts make their own requests.
    pub exchange: Option<Arc<Exchange>>,
    /// What the scripts asked and were answered.
    pub calls: Vec<RecordedCall>,
}

/// A recording without its bodies.
#[derive(Serialize, Deserialize)]
struct Head {
    outcome: Option<Outcome>,
    exchange: Option<RecordedExchange>,
    calls: Vec<RecordedCall>,
}

impl Recording {
    /// Returns the recording as it is kept: bodies apart, that of the exchange first.
    pub fn into_kept(mut self) -> Option<Kept> {
        let mut bodies = Vec::new();
        if let Some(Ok(response)) = self.exchange.as_ref().map(|exchange| &exchange.result) {
            bodies.push(response.body.bytes.clone());
        }
        bodies.extend(self.calls.iter_mut().filter_map(RecordedCall::take_body));
        let exchange = self.exchange.as_ref();
        let head = Head {
            outcome: self.outcome,
            exchange: exchange.map(|exchange| RecordedExchange::of(exchange, self.at)),
            calls: self.calls,
        };
        Some(Kept {
            at: self.at,
            head: serde_json::to_vec(&head).ok()?,
            bodies,
        })
    }

    /// Returns what was kept as the recording that it was; absent if a newer version wrote it otherwise.
    pub fn of(kept: Kept) -> Option<Self> {
        let Head {
            outcome,
            exchange,
            mut calls,
        } = serde_json::from_slice(&kept.head).ok()?;
        let mut bodies = kept.bodies.into_iter();
        let exchange = match exchange {
            Some(exchange) => {
                let body = if exchange.has_body() {
                    bodies.next()?
                } else {
                    Bytes::new()
                };
                Some(Arc::new(exchange.exchange(body)))
            }
            None => None,
        };
        for call in calls.iter_mut().filter(|call| call.has_body()) {
            call.put_body(&bodies.next()?);
        }
        Some(Self {
            at: kept.at,
            outcome,
            exchange,
            calls,
        })
    }
}

/// Hands a probe to the recorder, if its service is recorded. Secrets are taken out on the recorder's own thread, before
/// anything is written.
pub(super) fn record(recorder: &Recorder, watched: &Watched, observation: &Observation) {
    let (Some(rule), Some(tape)) = (watched.config.record, &watched.tape) else {
        return;
    };
    let taken = tape.take();
    let exchange = observation.exchange.clone();
    let bearer = exchange.as_ref().and_then(|one| one.bearer.as_ref());
    let hidden = hiding(watched, bearer);
    let response = exchange.as_ref().and_then(|one| one.result.as_ref().ok());
    let bytes = response.map_or(0, |response| response.body.bytes.len()) + taken.bytes() + 1024;
    let (at, outcome) = (observation.at, Some(observation.judgement.outcome));
    let make = move || shown(at, outcome, exchange, &taken, &hidden).into_kept();
    recorder.record(&watched.config.service.name, rule, bytes, Box::new(make));
    tell(recorder);
}

fn shown(
    at: Timestamp,
    outcome: Option<Outcome>,
    exchange: Option<Arc<Exchange>>,
    taken: &Taken,
    hidden: &Redaction,
) -> Recording {
    let hidden = taken.hiding(hidden);
    Recording {
        at,
        outcome,
        exchange: exchange.map(|exchange| hidden.applied_exchange(&exchange)),
        calls: taken.recorded(&hidden),
    }
}

/// Logs what became of the recorder since the last probe.
fn tell(recorder: &Recorder) {
    for news in recorder.news() {
        match news {
            News::Failed(why) => {
                warn!(
                    why,
                    "probes are not recorded; monitoring goes on, a backtest will not see them"
                );
            }
            News::Recovered => info!("probes are recorded again"),
            News::SetAside { path, why } => {
                warn!(why, path = %path.display(), "the recordings were damaged; new ones were begun");
            }
            News::Gone => warn!("the file of the recordings was removed; a new one was begun"),
        }
    }
}
