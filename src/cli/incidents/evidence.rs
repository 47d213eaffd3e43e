//! What a probe saw, as lines like those that went over the wire.

use std::time::Duration;

use crate::model::counted::counted;
use crate::model::duration::Shown;
use crate::model::evidence::{Evidence, Moment, SeenExchange};

/// Returns what turn it was, and what the probe came to.
pub(super) fn title(evidence: &Evidence) -> String {
    let turn = match evidence.moment {
        Moment::Opened => "what opened it",
        Moment::Finding => "another finding",
        Moment::Closed => "what closed it",
    };
    format!("{turn}: {}", evidence.outcome)
}

/// Returns what was asked and answered, what was found and what scripts remember of it.
pub(super) fn lines(evidence: &Evidence) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(exchange) = &evidence.exchange {
        of_exchange(exchange, &mut lines);
    }
    let calls = evidence.calls.iter().map(|call| {
        let answer = match (call.status, &call.error) {
            (Some(status), _) => status.to_string(),
            (None, error) => error.clone().unwrap_or_else(|| "no answer".to_owned()),
        };
        let time = Shown(Duration::from_millis(call.elapsed_ms));
        format!(
            "asked by a script: {} {} → {answer} in {time}",
            call.method, call.url
        )
    });
    lines.extend(calls);
    lines.extend(
        evidence
            .findings
            .iter()
            .map(|finding| format!("found: {}", finding.told())),
    );
    lines.extend(evidence.notes.iter().map(|note| format!("note: {note}")));
    let memory = &evidence.memory;
    let set = memory
        .set
        .iter()
        .map(|(key, entry)| format!("remembered: {key} = {}", entry.value));
    lines.extend(set);
    lines.extend(memory.removed.iter().map(|key| format!("forgotten: {key}")));
    lines
}

fn of_exchange(exchange: &SeenExchange, lines: &mut Vec<String>) {
    let header = |(name, value): &(String, String)| format!("{name}: {value}");
    lines.push(format!("> {} {}", exchange.method, exchange.url));
    lines.extend(
        exchange
            .request_headers
            .iter()
            .map(|pair| format!("> {}", header(pair))),
    );
    if exchange.request_bytes > 0 {
        lines.push(format!(
            "> {} of body",
            counted(exchange.request_bytes, "byte")
        ));
    }
    let us = |us: u64| Shown(Duration::from_micros(us));
    if let Some(response) = &exchange.response {
        lines.push(format!("< {} {}", response.version, response.status));
        lines.extend(
            response
                .headers
                .iter()
                .map(|pair| format!("< {}", header(pair))),
        );
        lines.extend(response.body.lines().map(|line| format!("< {line}")));
        if response.is_cut {
            let bytes = usize::try_from(response.body_bytes).unwrap_or(usize::MAX);
            lines.push(format!("… of {}", counted(bytes, "byte")));
        }
    }
    if let Some(failure) = &exchange.failure {
        lines.push(format!("! {} ({})", failure.message, failure.kind));
    }
    let phases = exchange
        .phases_us
        .iter()
        .map(|(phase, spent)| format!("{phase} {}", us(*spent)));
    let phases: Vec<String> = phases.collect();
    let peer = exchange
        .peer
        .as_deref()
        .map_or_else(String::new, |peer| format!(" from {peer}"));
    let took = us(exchange.elapsed_us);
    lines.push(format!("took {took}{peer}: {}", phases.join(", ")));
}
