//! How OES itself is doing: its parts, its channels, what they are owed and what nobody will get.

use askama::Template;

use super::frame::{Frame, Here};
use super::links::Links;
use super::moment::Moment;
use super::present::{Audience, Present};
use super::tries;
use crate::model::counted::counted;
use crate::model::duration::{Shown, since};
use crate::model::incident::{ChannelState, Ledger};
use crate::model::service::ChannelName;
use crate::policy::doing::Doing;
use crate::policy::outbox::{self, Entry, State as Fate};
use crate::policy::owed;

/// Messages that are listed.
const MESSAGES_MAX: usize = 100;

/// The page.
#[derive(Template)]
#[template(path = "health.html")]
pub(super) struct Page {
    frame: Frame,
    parts: Vec<Part>,
    channels: Vec<Channel>,
    owed: Vec<Message>,
    dead: Vec<Message>,
    silences: Vec<Silence>,
}

struct Part {
    name: &'static str,
    is_well: bool,
    detail: String,
}

struct Channel {
    name: String,
    doing: &'static str,
    is_well: bool,
    owed: String,
    last: Option<Moment>,
    detail: String,
}

struct Message {
    since: Moment,
    channel: String,
    what: String,
    href: String,
    detail: String,
}

struct Silence {
    id: String,
    of: String,
    until: Moment,
    by: String,
    reason: String,
}

impl Page {
    /// Returns the page, which only those see who run the services.
    pub(super) fn new(present: &Present, title: &str, links: Links) -> Self {
        let (ledger, now) = (&*present.ledger, present.at);
        let parts = present.health.iter().flat_map(|health| &health.parts);
        let (owed, dead): (Vec<Entry>, Vec<Entry>) = outbox::entries(ledger, now)
            .into_iter()
            .partition(|one| one.state == Fate::Owed);
        let message = |one: &Entry| message(one, &links, present);
        let active = ledger
            .silences
            .values()
            .filter(|silence| silence.is_active(now));
        Self {
            parts: parts
                .map(|part| Part {
                    name: part.name,
                    is_well: part.alive && part.ready,
                    detail: part.detail.clone(),
                })
                .collect(),
            channels: ledger
                .channels
                .iter()
                .map(|(name, state)| channel(ledger, (name, state), &owed, now))
                .collect(),
            owed: owed.iter().take(MESSAGES_MAX).map(message).collect(),
            dead: dead.iter().rev().take(MESSAGES_MAX).map(message).collect(),
            silences: active
                .map(|silence| Silence {
                    id: silence.id.to_string(),
                    of: silence.of.to_string(),
                    until: Moment(silence.until),
                    by: silence.by.clone(),
                    reason: silence.reason.clone(),
                })
                .collect(),
            frame: Frame {
                title: title.to_owned(),
                heading: format!("Health · {title}"),
                here: Here::Health,
                links,
                audience: Audience::Private,
                state: present.verdict(Audience::Private).state,
                at: now,
            },
        }
    }
}

impl Page {
    fn messages(&self) -> Vec<(&'static str, &'static str, &[Message])> {
        let all = [
            ("Messages owed", "owed-h", self.owed.as_slice()),
            ("Given up", "dead-h", &self.dead),
        ];
        all.into_iter()
            .filter(|(.., list)| !list.is_empty())
            .collect()
    }
}

fn channel(
    ledger: &Ledger,
    (name, state): (&ChannelName, &ChannelState),
    entries: &[Entry],
    now: jiff::Timestamp,
) -> Channel {
    let doing = Doing::of(state, now);
    let (owed, since_when) = owed::backlog(ledger, name);
    let all = entries.iter().filter(|one| one.channel == *name).count();
    let held = all.saturating_sub(owed);
    let words = match since_when {
        Some(at) if owed > 0 => format!(
            "{}, for {}",
            counted(owed, "message"),
            Shown(since(at, now))
        ),
        _ if held > 0 => format!("{} held back", counted(held, "message")),
        _ => "nothing".to_owned(),
    };
    let owed = match held {
        0 => words,
        held if owed > 0 => format!("{words}; {held} held back"),
        _ => words,
    };
    let detail = tries::told(state, now);
    Channel {
        name: name.to_string(),
        doing: doing.as_str(),
        is_well: doing == Doing::Fine,
        owed,
        last: state.last_success.map(Moment),
        detail: detail.join(", "),
    }
}

fn message(entry: &Entry, links: &Links, present: &Present) -> Message {
    let mut detail: Vec<String> = Vec::new();
    let is_owed = entry.state == Fate::Owed;
    detail.extend(entry.held.as_ref().map(|why| format!("held back: {why}")));
    detail.extend((entry.attempts > 0).then(|| tries::failed(entry.attempts)));
    detail.extend(entry.error.clone());
    let state = present.ledger.channels.get(&entry.channel);
    // What was not tried by itself waits for the channel.
    if let Some(state) = state.filter(|_| is_owed && detail.is_empty()) {
        detail = tries::told(state, present.at);
    }
    Message {
        since: Moment(entry.since),
        channel: entry.channel.to_string(),
        what: format!("{} · {}", entry.service, entry.violation),
        href: links.incident(&entry.incident),
        detail: detail.join(", "),
    }
}
