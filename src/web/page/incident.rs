//! One incident: what happened, why, what was seen, and who was told.

use std::time::Duration;

use askama::Template;
use jiff::Timestamp;

use super::evidence::Shot;
use super::frame::{Frame, Here};
use super::links::Links;
use super::moment::{self, Moment};
use super::present::{Audience, Present};
use super::state::{State, of_incident};
use super::why::Why;
use super::{tries, words};
use crate::model::duration::since;
use crate::model::event::{Event, EventKind};
use crate::model::incident::{Announced, Ending, Incident};
use crate::policy::planned::On;
use crate::policy::story::{Story, Told};

/// The page.
#[derive(Template)]
#[template(path = "incident.html")]
pub struct Page {
    frame: Frame,
    id: String,
    state: State,
    service: String,
    service_href: Option<String>,
    title: String,
    word: Option<String>,
    summary: &'static str,
    /// Who is on it, what is planned, what holds messages back.
    besides: Vec<String>,
    opened: Moment,
    closed: Option<Moment>,
    lasted: String,
    why: Option<Why>,
    lines: Vec<Line>,
    is_unreadable: bool,
    told: Vec<Fate>,
    shots: Vec<Shot>,
    form: Option<Form>,
}

/// What a form to take an incident on brings along.
#[derive(Debug, Clone)]
pub struct Form {
    /// What shows that the form is of this page; see [`Caller::csrf`](crate::web::auth::Caller::csrf).
    pub csrf: String,
    /// Who is likely to take it on.
    pub by: String,
}

/// One thing that happened.
struct Line {
    kind: &'static str,
    at: Moment,
    words: String,
    channel: Option<String>,
    text: String,
}

/// What became of the messages of one channel.
struct Fate {
    channel: String,
    words: String,
    /// How it is drawn: `good`, `warned`, `bad`.
    class: &'static str,
    detail: String,
}

impl Page {
    /// Returns the page of an incident; absent if this audience may not see it.
    pub fn new(
        present: &Present,
        audience: Audience,
        title: &str,
        links: Links,
        (story, form): (&Story, Option<Form>),
    ) -> Option<Self> {
        let incident = &story.incident;
        let service = present
            .services
            .iter()
            .find(|one| one.name == incident.service);
        let is_seen =
            service.is_some_and(|service| audience.sees(service)) || audience.is_private();
        if !is_seen || !words::is_shown(incident, audience) {
            return None;
        }
        let private = audience.is_private();
        let on = present.planned().get(&incident.id).copied();
        let verdict = present.verdict(audience);
        let called = words::title(&incident.violation, audience);
        let events = story
            .events
            .iter()
            .filter(|event| private || is_public(event.kind));
        let mut told: Vec<Line> = events.map(|event| line(event, private)).collect();
        if told.is_empty() {
            told = bare(incident);
        }
        Some(Self {
            service_href: service.map(|service| links.service(&service.name)),
            frame: Frame {
                title: title.to_owned(),
                heading: format!("{} · {called} · {title}", incident.service),
                here: Here::Incidents,
                links,
                audience,
                state: verdict.state,
                at: present.at,
            },
            form: form.filter(|_| incident.is_open() && incident.ack.is_none()),
            id: incident.id.to_string(),
            state: state(incident, on, present),
            service: incident.service.to_string(),
            title: called,
            word: words::word(&incident.violation, audience),
            summary: word(incident),
            besides: besides(incident, on, (present, audience)),
            opened: Moment(incident.opened_at),
            closed: incident.closed_at.map(Moment),
            lasted: words::age(lasted(incident, present.at)),
            why: private.then(|| Why::of(incident, on, present.glance(&incident.service))),
            lines: told,
            is_unreadable: story.unreadable.is_some(),
            told: story
                .channels
                .iter()
                .filter(|_| private)
                .map(|told| fate(told, incident, present))
                .collect(),
            shots: story
                .evidence
                .iter()
                .filter(|_| private)
                .map(Shot::of)
                .collect(),
        })
    }
}

/// Returns how an incident is drawn: as what it is, or was, green once it is over; as planned where its service is in
/// maintenance.
pub(super) fn state(incident: &Incident, planned: Option<On<'_>>, present: &Present) -> State {
    match incident.ending {
        Some(Ending::Recovered) => State::Operational,
        Some(Ending::Unwatched) => State::NoData,
        None if planned.is_some() => State::Maintenance,
        None => of_incident(incident, present.glance(&incident.service)),
    }
}

/// Returns how long it lasted, or has so far.
pub(super) fn lasted(incident: &Incident, now: Timestamp) -> Duration {
    since(incident.opened_at, incident.closed_at.unwrap_or(now))
}

/// Returns what it has come to, in words.
pub(super) fn summary(incident: &Incident) -> String {
    let word = word(incident);
    match incident.ack.as_ref().filter(|_| incident.is_open()) {
        Some(_) => format!("{word}, somebody is on it"),
        None => word.to_owned(),
    }
}

fn word(incident: &Incident) -> &'static str {
    match incident.ending {
        Some(Ending::Recovered) => "Over",
        Some(Ending::Unwatched) => "No longer watched",
        None => "Open",
    }
}

/// Returns what else is to be said of an open incident: who is on it and since when, what is planned, what holds its
/// messages back.
fn besides(
    incident: &Incident,
    planned: Option<On<'_>>,
    (present, audience): (&Present, Audience),
) -> Vec<String> {
    if !incident.is_open() {
        return Vec::new();
    }
    let ack = incident.ack.as_ref().map(|ack| {
        let since = words::age(since(ack.at, present.at));
        match audience {
            Audience::Private => format!("taken on by {} {since} ago", ack.by),
            Audience::Public => format!("somebody has been on it for {since}"),
        }
    });
    let planned = planned.map(|on| words::in_maintenance(on, audience));
    let mute = || present.muting(|muting| muting.of(incident));
    let mute = audience.is_private().then(mute).flatten();
    let mute = mute.map(|mute| mute.to_string());
    [ack, planned, mute].into_iter().flatten().collect()
}

fn is_public(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Opened | EventKind::Acked | EventKind::Closed
    )
}

fn line(event: &Event, private: bool) -> Line {
    let words = match event.kind {
        EventKind::Opened => "Opened",
        EventKind::Finding => "Another finding",
        EventKind::Reminder => "Reminder due",
        EventKind::Acked if private => "Taken on",
        EventKind::Acked => "Somebody is on it",
        EventKind::Closed => "Over",
        EventKind::Intended => "Message on its way",
        EventKind::Taken => "Message taken",
        EventKind::Refused => "Message not taken",
        EventKind::GivenUp => "Message given up",
        EventKind::OwedAgain => "Message owed again",
        EventKind::Muted => "Held back",
        EventKind::Unmuted => "No longer held back",
        EventKind::Untold => "Will not be told",
        EventKind::Fallback => "Told instead of another",
    };
    Line {
        kind: event.kind.as_str(),
        at: Moment(event.at),
        words: words.to_owned(),
        channel: event
            .channel
            .as_ref()
            .filter(|_| private)
            .map(ToString::to_string),
        text: if private {
            event.text.clone()
        } else {
            String::new()
        },
    }
}

/// Returns what is known of an incident of which nothing was written down.
fn bare(incident: &Incident) -> Vec<Line> {
    let line = |kind, at, words: &str| Line {
        kind,
        at: Moment(at),
        words: words.to_owned(),
        channel: None,
        text: String::new(),
    };
    let opened = line("opened", incident.opened_at, "Opened");
    let closed = incident.closed_at.map(|at| line("closed", at, "Over"));
    std::iter::once(opened).chain(closed).collect()
}

fn fate(told: &Told, incident: &Incident, present: &Present) -> Fate {
    let delivery = &told.delivery;
    let knows_all = delivery.acked_generation >= incident.generation;
    let muted = delivery.muted.as_ref().filter(|muted| muted.is_on);
    let state = present.ledger.channels.get(&told.channel);
    let trouble = state.map(|state| tries::told(state, present.at));
    let mut trouble = trouble.unwrap_or_default();
    let (words, class) = match (delivery.given_up, muted, delivery.announced) {
        (Some(_), ..) => ("given up", "bad"),
        (None, Some(_), _) => ("held back", "warned"),
        _ if knows_all => ("knows it", "good"),
        (None, None, Announced::Possibly) => ("sent, not confirmed", "warned"),
        _ if delivery.attempts > 0 || !trouble.is_empty() => ("owed, tries fail", "warned"),
        _ => ("owed", "warned"),
    };
    let is_owed = !knows_all && delivery.given_up.is_none() && muted.is_none();
    if !is_owed || trouble.is_empty() {
        // What became of it is its own affair, not that of the channel now.
        trouble.clear();
        trouble.extend((delivery.attempts > 0).then(|| tries::failed(delivery.attempts)));
        trouble.extend(delivery.last_error.clone().filter(|_| !knows_all));
    }
    let mut detail: Vec<String> = Vec::new();
    detail.extend(muted.map(|muted| muted.why.clone()));
    detail.extend(
        delivery
            .taken_at
            .map(|at| format!("first taken {}", at.strftime(moment::SECOND))),
    );
    detail.extend(Some(trouble.join(", ")).filter(|text| !text.is_empty()));
    detail.extend(
        delivery
            .instead
            .as_ref()
            .map(|other| format!("instead of {}: {}", other.of, other.why)),
    );
    Fate {
        channel: told.channel.to_string(),
        words: words.to_owned(),
        class,
        detail: detail.join("; "),
    }
}
