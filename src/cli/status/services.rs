//! The services and their open incidents, one a line.

use jiff::Timestamp;

use super::Known;
use super::beside::Beside;
use super::standing::Standing;
use crate::cli::table::{self, Cell};
use crate::model::incident::Incident;

/// Prints a row for each open incident, and for each service of which something is to be said.
pub(super) fn print(known: &Known, open: &[&Incident], all: bool, now: Timestamp) {
    let rows = known.beside(now, |beside| rows(known, open, (all, now), beside));
    table::print(&rows);
}

fn rows(
    known: &Known,
    open: &[&Incident],
    (all, now): (bool, Timestamp),
    beside: &Beside<'_>,
) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for (service, standing) in known.services() {
        let of_service = |incident: &&&Incident| incident.service == service.name;
        rows.extend(
            open.iter()
                .filter(of_service)
                .map(|one| known.incident_row(one, beside, now)),
        );
        let beats = known.beats(service);
        let of_job = beats.and_then(|beats| beats.words(standing, now));
        let more = beside.of_service(&service.name);
        if let Some((sign, style, words)) = standing.cells(of_job)
            && (all || standing != Standing::Fine || !more.is_empty())
        {
            let words = Cell::new(style, format_args!("{words}{more}"));
            rows.push(vec![sign, Cell::plain(&service.name), words]);
        }
    }
    let listed = |incident: &&&Incident| {
        !known
            .snapshot
            .services
            .iter()
            .any(|service| service.name == incident.service)
    };
    for incident in open.iter().filter(listed) {
        rows.push(known.incident_row(incident, beside, now));
    }
    rows
}
