//! What a probe saw at a turn of an incident.

use super::moment::Moment;
use super::phases::{Part, Phases};
use crate::model::duration::Shown;
use crate::model::evidence::{self, Evidence, SeenExchange};
use crate::model::judgement::HttpCall;

/// What a probe saw at a turn of an incident.
pub(super) struct Shot {
    pub(super) words: &'static str,
    pub(super) at: Moment,
    pub(super) outcome: &'static str,
    pub(super) phases: Phases,
    pub(super) findings: Vec<String>,
    pub(super) calls: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) memory: Vec<String>,
    /// Texts to read as they are, each with its name.
    pub(super) texts: Vec<(&'static str, String)>,
}

impl Shot {
    pub(super) fn of(evidence: &Evidence) -> Self {
        let words = match evidence.moment {
            evidence::Moment::Opened => "When it opened",
            evidence::Moment::Finding => "When the finding changed",
            evidence::Moment::Closed => "When it was over",
        };
        let exchange = evidence.exchange.as_ref();
        let memory = &evidence.memory;
        let set = memory
            .set
            .iter()
            .map(|(key, entry)| format!("{key} = {}", entry.value));
        let removed = memory.removed.iter().map(|key| format!("{key} removed"));
        Self {
            words,
            at: Moment(evidence.at),
            outcome: evidence.outcome.as_str(),
            phases: exchange.map(phases).unwrap_or_default(),
            findings: evidence.findings.iter().map(ToString::to_string).collect(),
            calls: evidence.calls.iter().map(told).collect(),
            notes: evidence.notes.clone(),
            memory: set.chain(removed).collect(),
            texts: exchange.map(texts).unwrap_or_default(),
        }
    }
}

impl Shot {
    /// Returns what scripts did.
    pub(super) fn lists(&self) -> Vec<(&'static str, &[String])> {
        let lists = [
            ("Requests of scripts", self.calls.as_slice()),
            ("Notes of scripts", &self.notes),
            ("Changed in memory", &self.memory),
        ];
        lists
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .collect()
    }

    /// Tells whether a text is shown without a click.
    pub(super) fn is_open(&self, name: &str) -> bool {
        matches!(name, "Body" | "Failure") && !self.texts.is_empty()
    }
}

/// Returns one request of a script in a line.
pub(super) fn told(call: &HttpCall) -> String {
    let status = call.status.map(|status| status.to_string());
    let end = status.or_else(|| call.error.clone()).unwrap_or_default();
    format!(
        "{} {} → {end} in {} ms",
        call.method, call.url, call.elapsed_ms
    )
}

fn phases(exchange: &SeenExchange) -> Phases {
    let part = |(phase, us): &(crate::model::exchange::Phase, u64)| Part {
        name: phase.as_str(),
        number: *phase as usize,
        spent: std::time::Duration::from_micros(*us),
    };
    Phases(exchange.phases_us.iter().map(part).collect())
}

/// Returns what was asked and answered, to read as it is, each text with its name.
pub(super) fn texts(exchange: &SeenExchange) -> Vec<(&'static str, String)> {
    let headers = |headers: &[(String, String)]| -> String {
        let lines = headers.iter();
        lines.fold(String::new(), |text, (name, value)| {
            format!(
                "{text}
{name}: {value}"
            )
        })
    };
    let mut request = format!("{} {}", exchange.method, exchange.url);
    request += &headers(&exchange.request_headers);
    if exchange.request_bytes > 0 {
        let bytes = exchange.request_bytes;
        request = format!(
            "{request}

{bytes} bytes of body"
        );
    }
    let mut texts = vec![("Request", request)];
    if let Some(response) = &exchange.response {
        let took = Shown(std::time::Duration::from_micros(exchange.elapsed_us));
        let reason = http::StatusCode::from_u16(response.status).ok();
        let reason = reason.and_then(|status| status.canonical_reason());
        let reason = reason
            .map(|reason| format!(" {reason}"))
            .unwrap_or_default();
        let head = format!("{} {}{reason} in {took}", response.version, response.status);
        texts.push(("Response", format!("{head}{}", headers(&response.headers))));
        let cut = if response.is_cut {
            format!("\n… cut; {} bytes in all", response.body_bytes)
        } else {
            String::new()
        };
        texts.push(("Body", format!("{}{cut}", response.body)));
    }
    if let Some(failure) = &exchange.failure {
        texts.push(("Failure", format!("{}: {}", failure.kind, failure.message)));
    }
    texts
}
