//! What happened in a demo.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::json;

use crate::cli::Exit;
use crate::cli::output::{BOLD, GOOD, WARNING, styled};
use crate::model::counted::counted;
use crate::model::duration::{Shown, since};
use crate::model::incident::{Incident, Ledger};
use crate::model::judgement::Outcome;

/// What happened, in numbers and incidents. Displays as text for a person.
pub(super) struct Summary {
    /// How many probes ended how.
    probes: BTreeMap<Outcome, u64>,
    /// In the order in which they opened.
    incidents: Vec<Incident>,
    messages: usize,
}

impl Summary {
    pub(super) fn new(ledger: &Ledger, probes: BTreeMap<Outcome, u64>, messages: usize) -> Self {
        let mut incidents: Vec<_> = ledger.incidents.values().cloned().collect();
        incidents.sort_by_key(|incident| incident.opened_at);
        Self {
            probes,
            incidents,
            messages,
        }
    }

    pub(super) fn to_json(&self, schema: &str, exit: Exit) -> serde_json::Value {
        json!({
            "schema": schema,
            "exit": exit as u8,
            "probes": self.probes,
            "incidents": self.incidents,
            "messages": self.messages,
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}", styled(BOLD, "Summary"))?;
        let total: u64 = self.probes.values().sum();
        let outcomes: Vec<String> = self
            .probes
            .iter()
            .map(|(outcome, count)| format!("{count} {outcome}"))
            .collect();
        writeln!(f, "  {total} probes: {}", outcomes.join(", "))?;
        for incident in &self.incidents {
            let (sign, state) = match incident.closed_at {
                Some(closed) => {
                    let lasted = Shown(since(incident.opened_at, closed));
                    (styled(GOOD, "✓"), format!("open for {lasted}"))
                }
                None => (styled(WARNING, "!"), "still open".to_owned()),
            };
            let finding = incident.why();
            let (service, violation) = (&incident.service, &incident.violation);
            writeln!(f, "  {sign} {service} · {violation} {state}: {finding}")?;
        }
        write!(
            f,
            "  {}, {}; nothing was left behind\n\n\
             Next: `oes init`, then edit oes.toml. The demo's config: `oes demo --config`.",
            counted(self.incidents.len(), "incident"),
            counted(self.messages, "message")
        )
    }
}
