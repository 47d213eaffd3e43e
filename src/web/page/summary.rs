//! How everything stands, for programs: JSON and plain text.

use jiff::Timestamp;
use serde::Serialize;

use super::calendar::planned;
use super::present::{Audience, Present};
use super::state::{State, first_line};
use super::verdict::Verdict;
use super::words;

/// Name of the JSON.
pub const SCHEMA: &str = "oes.page/1";

#[derive(Serialize)]
struct Summary<'a> {
    schema: &'static str,
    as_of: Option<Timestamp>,
    state: State,
    verdict: &'a str,
    services: Vec<One<'a>>,
    incidents: Vec<Open<'a>>,
    maintenance: Vec<Planned>,
}

#[derive(Serialize)]
struct One<'a> {
    name: &'a str,
    group: Option<&'a str>,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

#[derive(Serialize)]
struct Open<'a> {
    id: &'a str,
    service: &'a str,
    title: String,
    opened_at: Timestamp,
    /// Whether its service is in maintenance, so that it is expected.
    planned: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Serialize)]
struct Planned {
    name: String,
    from: Timestamp,
    until: Timestamp,
    is_on: bool,
}

/// Returns everything as JSON, and what of it is the same until something changes.
pub fn to_json(present: &Present, audience: Audience) -> (String, String) {
    let private = audience.is_private();
    let stood = present.standings(audience);
    let verdict = Verdict::of(&stood, present.ended);
    let open = stood
        .iter()
        .flat_map(|one| one.open.iter().map(move |incident| (one, *incident)));
    let open = open.filter(|(_, incident)| words::is_shown(incident, audience));
    let mut summary = Summary {
        schema: SCHEMA,
        as_of: None,
        state: verdict.state,
        verdict: &verdict.sentence,
        services: stood
            .iter()
            .map(|one| One {
                name: one.service.name.as_str(),
                group: one.service.group.as_deref(),
                state: one.state(),
                note: Some(one.standing.note.as_str()).filter(|note| private && !note.is_empty()),
            })
            .collect(),
        incidents: open
            .map(|(one, incident)| Open {
                id: &incident.id.0,
                service: incident.service.as_str(),
                title: words::title(&incident.violation, audience),
                opened_at: incident.opened_at,
                planned: one.planned.is_some(),
                why: private.then(|| first_line(incident, one.glance)),
            })
            .collect(),
        maintenance: planned(present, audience)
            .into_iter()
            .map(|one| Planned {
                name: one.name,
                from: one.begins,
                until: one.ends,
                is_on: one.is_on,
            })
            .collect(),
    };
    let same = written(&summary);
    summary.as_of = Some(present.at);
    (written(&summary), same)
}

fn written(summary: &Summary<'_>) -> String {
    serde_json::to_string(summary).unwrap_or_default()
}

/// Returns everything as plain text: the verdict, then a line for each service that is not operational.
pub fn to_text(present: &Present, audience: Audience) -> String {
    let stood = present.standings(audience);
    let verdict = Verdict::of(&stood, present.ended);
    let as_of = present.at.strftime("%Y-%m-%d %H:%M:%S UTC");
    let mut text = format!(
        "{}\n{} {}\nas of {as_of}\n",
        verdict.state.as_str(),
        verdict.state.sign(),
        verdict.sentence
    );
    for one in stood.iter().filter(|one| one.state() != State::Operational) {
        let state = one.state();
        let (sign, name) = (state.sign(), &one.service.name);
        let words = state.words().to_lowercase();
        text = format!(
            "{text}
{sign} {name} · {words}"
        );
        if audience.is_private() && !one.standing.note.is_empty() {
            text = format!("{text}: {}", one.standing.note);
        }
    }
    text.trim_end().to_owned() + "\n"
}
