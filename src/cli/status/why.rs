//! An open incident in one line: its rule as of the newest probe, and what was found when that was new.

use jiff::Timestamp;

use super::Known;
use crate::cli::output::{BOLD, ERROR};
use crate::cli::table::Cell;
use crate::model::duration::{Shown, since};
use crate::model::incident::Incident;

impl Known {
    /// Returns the line of an open incident.
    pub(super) fn incident_row(&self, incident: &Incident, now: Timestamp) -> Vec<Cell> {
        let taken = incident.ack.as_ref();
        let taken = taken.map_or_else(String::new, |ack| format!("taken on by {}: ", ack.by));
        let lasted = Shown(since(incident.opened_at, now));
        let why = self.why(incident, now);
        vec![
            Cell::new(ERROR, "✗"),
            Cell::new(BOLD, &incident.service),
            Cell::new(ERROR, &incident.violation),
            Cell::plain(format_args!("for {lasted}")),
            Cell::plain(format_args!("{taken}{why}")),
        ]
    }

    fn why(&self, incident: &Incident, now: Timestamp) -> String {
        let reason = &incident.reason;
        let service = self.watched.get(&incident.service);
        let held = service.and_then(|service| self.past.held(service, incident));
        let rule = held.and_then(|held| held.rule);
        let first = match (&reason.finding, &rule) {
            (Some(finding), _) => finding,
            (None, Some(_)) => "",
            (None, None) => &reason.rule,
        };
        let first = first.lines().next().unwrap_or_default();
        let at = incident.seen_at().unwrap_or(incident.opened_at);
        let first = format!("seen {} ago: {first}", Shown(since(at, now)));
        match rule {
            Some(rule) if reason.finding.is_none() => rule,
            Some(rule) => format!("{rule}; {first}"),
            None => first,
        }
    }
}
