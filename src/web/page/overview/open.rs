//! The open incidents above the services, and what they have in common.

use std::collections::HashMap;

use super::Frame;
use crate::model::counted::counted;
use crate::model::duration::since;
use crate::model::incident::Incident;
use crate::model::service::{Service, ServiceName};
use crate::policy::causes;
use crate::web::page::present::{Stood, taken_on};
use crate::web::page::state::{State, first_line, of_incident};
use crate::web::page::words;

/// Open incidents that are listed.
const OPEN_MAX: usize = 20;

/// An open incident in one line.
pub(super) struct OpenLine {
    pub(super) href: String,
    pub(super) state: State,
    pub(super) service: String,
    pub(super) title: String,
    pub(super) why: String,
    pub(super) since: String,
    /// Who is on it, and what is planned for now.
    pub(super) more: Vec<String>,
}

/// The open incidents that are listed.
pub(super) struct OpenList {
    /// The heaviest first, of those the oldest.
    pub(super) open: Vec<OpenLine>,
    /// What they are as a whole.
    pub(super) open_words: String,
    /// How many more there are.
    pub(super) open_more: usize,
    /// What most of all have in common, where not all are listed; empty for the public.
    pub(super) open_common: String,
}

/// Returns the open incidents.
pub(super) fn open(stood: &[Stood<'_>], frame: &Frame) -> OpenList {
    let all = stood
        .iter()
        .flat_map(|one| one.open.iter().map(move |incident| (one, *incident)));
    let mut all: Vec<(&Stood<'_>, &Incident)> = all
        .filter(|(_, incident)| words::is_shown(incident, frame.audience))
        .collect();
    all.sort_by_key(|(one, incident)| {
        (std::cmp::Reverse(weight(one, incident)), incident.opened_at)
    });
    let open_words = counted(all.len(), "open incident");
    let open_more = all.len().saturating_sub(OPEN_MAX);
    let open_common = if open_more > 0 && frame.audience.is_private() {
        common(&all)
    } else {
        String::new()
    };
    let lines = all.into_iter().take(OPEN_MAX);
    let lines = lines.map(|(one, incident)| open_line(one, incident, frame));
    OpenList {
        open: lines.collect(),
        open_words,
        open_more,
        open_common,
    }
}

/// Returns what most open incidents have in common.
fn common(all: &[(&Stood<'_>, &Incident)]) -> String {
    let services: HashMap<&ServiceName, &Service> = all
        .iter()
        .map(|(one, _)| (&one.service.name, &**one.service))
        .collect();
    let incidents: Vec<&Incident> = all.iter().map(|(_, incident)| *incident).collect();
    let of = |incident: &Incident| services.get(&incident.service).copied();
    causes::common(&incidents, &of).join(", ")
}

/// Returns how an open incident is drawn: as planned while its service is in maintenance.
fn weight(one: &Stood<'_>, incident: &Incident) -> State {
    match one.planned {
        Some(_) => State::Maintenance,
        None => of_incident(incident, one.glance),
    }
}

fn open_line(one: &Stood<'_>, incident: &Incident, frame: &Frame) -> OpenLine {
    let private = frame.audience.is_private();
    let for_all = |known: String, others: &str| {
        if private { known } else { others.to_owned() }
    };
    let ack = taken_on(incident).map(|known| for_all(known, "somebody is on it"));
    let planned = one
        .planned
        .map(|on| words::in_maintenance(on, frame.audience));
    let lasted = words::age(since(incident.opened_at, frame.at));
    OpenLine {
        href: frame.links.incident(&incident.id),
        state: weight(one, incident),
        service: one.service.name.to_string(),
        title: words::title(&incident.violation, frame.audience),
        why: if private {
            first_line(incident, one.glance)
        } else {
            String::new()
        },
        since: format!("for {lasted}"),
        more: ack.into_iter().chain(planned).collect(),
    }
}
