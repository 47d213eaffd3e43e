//! What is kept of a probe that opened an incident, changed its main finding or closed it: what was asked and answered,
//! what was found, what scripts remember of it. Secrets are taken out on the history's own thread, before anything is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::observe::{Watched, hiding};
use crate::history::Store;
use crate::model::evidence::{
    BODY_BYTES_MAX, BYTES_MAX, Evidence, Moment, SeenExchange, SeenFailure, SeenResponse,
};
use crate::model::exchange::{Body, Exchange, Response};
use crate::model::incident::{Incident, IncidentId, Ledger};
use crate::model::json::Json;
use crate::model::judgement::{Judgement, MemoryDiff};
use crate::model::observation::Observation;
use crate::model::recorded::{carries_credentials, shown_request_headers, shown_response_headers};
use crate::model::redaction::Redaction;
use crate::model::service::ServiceName;
use crate::policy::chronicle::is_other_finding;

/// A longer body is not read as JSON for this, and only its beginning is looked at.
const READ_BYTES_MAX: usize = 256 * 1024;
/// What a piece weighs besides its body, about.
const HEAD_BYTES: usize = 4 * 1024;

/// A probe of which evidence may be kept.
#[derive(Clone)]
pub(super) struct Probe {
    history: Arc<Store>,
    service: ServiceName,
    at: jiff::Timestamp,
    exchange: Option<Arc<Exchange>>,
    judgement: Judgement,
    hidden: Arc<Redaction>,
}

/// The incidents of a service before a change.
pub(super) type Standing = BTreeMap<IncidentId, Incident>;

/// Returns the open incidents of a service.
pub(super) fn standing(ledger: &Ledger, service: &ServiceName) -> Standing {
    let incidents = ledger.incidents.values();
    let open = incidents.filter(|one| one.is_open() && one.service == *service);
    open.map(|one| (one.id.clone(), one.clone())).collect()
}

impl Probe {
    pub(super) fn new(history: &Arc<Store>, watched: &Watched, observation: &Observation) -> Self {
        let exchange = observation.exchange.clone();
        let bearer = exchange.as_ref().and_then(|one| one.bearer.as_ref());
        Self {
            history: Arc::clone(history),
            service: watched.config.service.name.clone(),
            at: observation.at,
            hidden: hiding(watched, bearer),
            judgement: observation.judgement.clone(),
            exchange,
        }
    }

    /// Keeps what the probe saw with every incident of its service that it has turned.
    pub(super) fn keep(&self, before: &Standing, ledger: &Ledger) {
        for incident in ledger
            .incidents
            .values()
            .filter(|one| one.service == self.service)
        {
            let moment = match before.get(&incident.id) {
                None if incident.is_open() => Moment::Opened,
                Some(_) if !incident.is_open() => Moment::Closed,
                Some(known) if is_other_finding(known, incident) => Moment::Finding,
                _ => continue,
            };
            self.write(incident.id.clone(), moment);
        }
    }

    fn write(&self, incident: IncidentId, moment: Moment) {
        let probe = self.clone();
        let response = self
            .exchange
            .as_ref()
            .and_then(|one| one.result.as_ref().ok());
        let body = response.map_or(0, |response| response.body.bytes.len());
        self.history
            .write_evidence(body + HEAD_BYTES, move || probe.evidence(incident, moment));
    }

    fn evidence(self, incident: IncidentId, moment: Moment) -> Evidence {
        let Self {
            judgement, hidden, ..
        } = self;
        let mut evidence = Evidence {
            incident,
            service: self.service,
            moment,
            at: self.at,
            outcome: judgement.outcome,
            exchange: self.exchange.map(|exchange| seen(&exchange, &hidden)),
            findings: judgement.findings,
            notes: Vec::new(),
            calls: Vec::new(),
            memory: MemoryDiff::default(),
        };
        for run in judgement.runs {
            evidence.notes.extend(run.notes);
            evidence.calls.extend(run.http);
            let own = shown_memory(&run.memory, &hidden);
            evidence.memory.set.extend(own.set);
            evidence.memory.removed.extend(own.removed);
        }
        fit(&mut evidence);
        evidence
    }
}

fn seen(exchange: &Exchange, hidden: &Redaction) -> SeenExchange {
    let us = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let phases = exchange.timings.present();
    SeenExchange {
        method: exchange.sent.method.clone(),
        url: hidden.applied(&exchange.sent.url).into_owned(),
        request_headers: shown_request_headers(&exchange.sent),
        request_bytes: exchange.sent.body_bytes,
        peer: exchange.peer.map(|peer| peer.to_string()),
        elapsed_us: us(exchange.timings.total),
        phases_us: phases.map(|(phase, spent)| (phase, us(spent))).collect(),
        certificate: exchange.certificate.clone(),
        response: exchange
            .result
            .as_ref()
            .ok()
            .map(|response| shown(response, hidden)),
        failure: exchange.result.as_ref().err().map(|failure| SeenFailure {
            kind: failure.kind,
            phase: failure.phase,
            message: hidden.applied(&failure.message).into_owned(),
        }),
    }
}

fn shown(response: &Response, hidden: &Redaction) -> SeenResponse {
    let mut headers = shown_response_headers(&response.headers);
    for (_, value) in &mut headers {
        hidden.apply(value);
    }
    let (body, is_cut) = excerpt(&response.body, hidden);
    SeenResponse {
        status: response.status.as_u16(),
        version: format!("{:?}", response.version),
        headers,
        body,
        body_bytes: response.body.bytes.len() as u64,
        is_cut: is_cut || response.body.truncated,
    }
}

/// Returns the beginning of a body without secrets, and whether there is more of it.
fn excerpt(body: &Body, hidden: &Redaction) -> (String, bool) {
    let bytes = &body.bytes;
    let is_whole = bytes.len() <= READ_BYTES_MAX;
    let json = if is_whole { body.json().ok() } else { None };
    let mut text = match json {
        Some(document) if names_credentials(&document.root) => {
            let mut root = without_credentials(&document.root);
            hidden.apply_json(&mut root);
            root.to_string()
        }
        _ => {
            let read = bytes.slice(..bytes.len().min(READ_BYTES_MAX));
            String::from_utf8_lossy(&hidden.applied_bytes(&read)).into_owned()
        }
    };
    if !is_whole {
        // A secret that goes on where the reading ends was not seen.
        let seen = text.len().saturating_sub(hidden.reach());
        cut(&mut text, seen);
    }
    let is_cut = cut(&mut text, BODY_BYTES_MAX);
    (text, is_cut || !is_whole)
}

/// Cuts a text to so many bytes at most; tells whether it was longer.
fn cut(text: &mut String, bytes: usize) -> bool {
    let is_longer = text.len() > bytes;
    if is_longer {
        text.truncate(text.floor_char_boundary(bytes));
    }
    is_longer
}

fn names_credentials(json: &Json) -> bool {
    match json {
        Json::Array(items) => items.iter().any(names_credentials),
        Json::Object(members) => members
            .iter()
            .any(|(key, item)| carries_credentials(key) || names_credentials(item)),
        _ => false,
    }
}

/// Returns a value with `***` in place of what its name says to be a credential: one that a service has just given out is in
/// no config.
fn without_credentials(json: &Json) -> Json {
    match json {
        Json::Array(items) => items.iter().map(without_credentials).collect(),
        Json::Object(members) => Json::object(members.iter().map(|(key, item)| {
            let shown = if carries_credentials(key) {
                Json::from("***")
            } else {
                without_credentials(item)
            };
            (key.to_string(), shown)
        })),
        other => other.clone(),
    }
}

fn shown_memory(memory: &MemoryDiff, hidden: &Redaction) -> MemoryDiff {
    let key = |key: &Arc<str>| Arc::from(&*hidden.applied(key));
    let set = memory.set.iter().map(|(name, entry)| {
        let mut entry = entry.clone();
        entry.value = if carries_credentials(name) {
            Json::from("***")
        } else {
            without_credentials(&entry.value)
        };
        hidden.apply_json(&mut entry.value);
        (key(name), entry)
    });
    MemoryDiff {
        set: set.collect(),
        removed: memory.removed.iter().map(key).collect(),
    }
}

/// Leaves out what matters least until the rest is short enough.
fn fit(evidence: &mut Evidence) {
    let cuts: [fn(&mut Evidence); 6] = [
        |evidence| evidence.memory = MemoryDiff::default(),
        |evidence| evidence.calls.truncate(20),
        |evidence| {
            evidence.notes.truncate(20);
            for note in &mut evidence.notes {
                cut(note, 200);
            }
        },
        |evidence| evidence.findings.truncate(10),
        |evidence| {
            for finding in &mut evidence.findings {
                (finding.expected, finding.actual) = (None, None);
                finding.evidence.clear();
                cut(&mut finding.message, 1_000);
            }
        },
        |evidence| {
            if let Some(exchange) = &mut evidence.exchange
                && let Some(response) = &mut exchange.response
            {
                response.headers.truncate(50);
            }
        },
    ];
    let is_long =
        |evidence: &Evidence| serde_json::to_vec(evidence).is_ok_and(|text| text.len() > BYTES_MAX);
    for cut in cuts {
        if !is_long(evidence) {
            break;
        }
        cut(evidence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::json;
    use crate::model::judgement::{Finding, MemoryEntry};
    use crate::model::secret::Secret;

    fn hiding_hunter() -> Redaction {
        let mut hidden = Redaction::default();
        hidden.add(&Secret::hidden("hunter2hunter2"));
        hidden
    }

    #[test]
    fn a_body_shows_no_secret_however_long_it_is() {
        let mut hidden = hiding_hunter();
        let token = "0123456789abcdef-".repeat(30);
        hidden.add(&Secret::hidden(token.clone()));
        let tokens = token.repeat(READ_BYTES_MAX / 400);
        let long = "x".repeat(READ_BYTES_MAX - 7) + "hunter2hunter2";
        let only = "hunter2hunter2".repeat(READ_BYTES_MAX / 10);
        let json = r#"{"a":"hunter2hunter2","access_token":"fresh","n":[{"password":1}],"b":2}"#;
        for body in ["hunter2hunter2", &long, &only, &tokens, json] {
            let (shown, _) = excerpt(&Body::new(body.to_owned()), &hidden);
            for secret in ["hunter", "fresh", ":1", "0123"] {
                assert!(!shown.contains(secret), "{shown}");
            }
            assert!(shown.len() <= BODY_BYTES_MAX);
        }
        let (shown, is_cut) = excerpt(&Body::new(json.to_owned()), &hidden);
        let expected = r#"{"a":"***","access_token":"***","n":[{"password":"***"}],"b":2}"#;
        assert_eq!((&*shown, is_cut), (expected, false));
    }

    #[test]
    fn memory_shows_no_secret() {
        let value = json::parse(br#"{"x":"hunter2hunter2","token":"t"}"#)
            .unwrap()
            .root;
        let entry = MemoryEntry {
            value,
            expires_at: None,
        };
        let mut memory = MemoryDiff::default();
        memory.set.insert("kept".into(), entry.clone());
        memory.set.insert("session_token".into(), entry);
        let shown = shown_memory(&memory, &hiding_hunter());
        assert_eq!(
            shown.set["kept"].value.to_string(),
            r#"{"x":"***","token":"***"}"#
        );
        assert_eq!(shown.set["session_token"].value.to_string(), r#""***""#);
    }

    #[test]
    fn evidence_has_a_size() {
        let mut finding = Finding::error("a", "b".repeat(9_000));
        finding.actual = Some(Json::from("c".repeat(50_000)));
        let mut evidence = Evidence {
            incident: IncidentId("1".into()),
            service: ServiceName::new("s"),
            moment: Moment::Opened,
            at: jiff::Timestamp::UNIX_EPOCH,
            outcome: crate::model::judgement::Outcome::Fail,
            exchange: None,
            findings: vec![finding; 100],
            notes: vec!["d".repeat(3_000); 100],
            calls: Vec::new(),
            memory: MemoryDiff::default(),
        };
        fit(&mut evidence);
        assert!(serde_json::to_vec(&evidence).unwrap().len() <= BYTES_MAX);
        assert!(!evidence.findings.is_empty());
    }
}
