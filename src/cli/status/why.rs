//! An open incident in one line: its rule as of the newest probe, and what most of its probes found.

use jiff::Timestamp;

use super::Known;
use super::beside::Beside;
use crate::cli::output::{BOLD, ERROR, FAINT};
use crate::cli::table::Cell;
use crate::model::duration::{Shown, since};
use crate::model::incident::Incident;

impl Known {
    /// Returns the line of an open incident.
    pub(super) fn incident_row(
        &self,
        incident: &Incident,
        beside: &Beside<'_>,
        now: Timestamp,
    ) -> Vec<Cell> {
        let taken = incident.ack.as_ref();
        let taken = taken.map_or_else(String::new, |ack| format!("taken on by {}: ", ack.by));
        let lasted = Shown(since(incident.opened_at, now));
        let why = self.why(incident, now);
        let more = beside.of_incident(incident);
        let (style, sign) = if beside.is_planned(&incident.service) {
            (FAINT, "~")
        } else {
            (ERROR, "✗")
        };
        vec![
            Cell::new(style, sign),
            Cell::new(BOLD, &incident.service),
            Cell::new(style, &incident.violation),
            Cell::plain(format_args!("for {lasted}")),
            Cell::plain(format_args!("{taken}{why}{more}")),
        ]
    }

    fn why(&self, incident: &Incident, now: Timestamp) -> String {
        let service = self.watched.get(&incident.service);
        let held = service.and_then(|service| self.past.held(service, incident));
        let seen_at = held.as_ref().and_then(|held| held.seen_at);
        let (rule, found) = held.map_or((None, None), |held| (held.rule, held.finding));
        let is_rule = incident.why() == incident.reason.rule;
        let why = found.as_deref().unwrap_or_else(|| incident.why());
        let why = why.lines().next().unwrap_or_default();
        let at = seen_at.or(incident.seen_at());
        let ago = Shown(since(at.unwrap_or(incident.opened_at), now));
        match rule {
            Some(rule) if is_rule => rule,
            Some(rule) => format!("{rule}; seen {ago} ago: {why}"),
            None => format!("seen {ago} ago: {why}"),
        }
    }
}
