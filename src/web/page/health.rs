//! How OES itself is doing: its parts, its channels, what they are owed and what nobody will get.

use askama::Template;

use super::frame::{Frame, Here};
use super::links::Links;
use super::moment::Moment;
use super::overview;
use super::present::{Audience, Present};
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
        let message = |one: &Entry| message(one, &links);
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
                .map(|(name, state)| channel(ledger, name, state, now))
                .collect(),
            owed: owed.iter().take(MESSAGES_MAX).map(message).collect(),
            dead: dead.iter().rev().take(MESSAGES_MAX).map(message).collect(),
            silences: active
                .map(|silence| Silence {
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
                state: overview::verdict(&present.standings(Audience::Private)).state,
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
    name: &ChannelName,
    state: &ChannelState,
    now: jiff::Timestamp,
) -> Channel {
    let doing = Doing::of(state, now);
    let (owed, since_when) = owed::backlog(ledger, name);
    let owed = match since_when {
        Some(at) if owed > 0 => format!(
            "{}, for {}",
            counted(owed, "message"),
            Shown(since(at, now))
        ),
        _ => "nothing".to_owned(),
    };
    let why = match doing {
        Doing::Fine => None,
        Doing::Paused | Doing::Failing => state.last_error.clone(),
        Doing::Disabled => state.disabled.clone(),
    };
    let tries = (state.failures > 0).then(|| format!("{} failed tries", state.failures));
    let detail: Vec<String> = [tries, why].into_iter().flatten().collect();
    Channel {
        name: name.to_string(),
        doing: doing.as_str(),
        is_well: doing == Doing::Fine,
        owed,
        last: state.last_success.map(Moment),
        detail: detail.join("; "),
    }
}

fn message(entry: &Entry, links: &Links) -> Message {
    let tries = (entry.attempts > 0).then(|| format!("{} failed tries", entry.attempts));
    let detail: Vec<String> = [entry.held.clone(), tries, entry.error.clone()]
        .into_iter()
        .flatten()
        .collect();
    Message {
        since: Moment(entry.since),
        channel: entry.channel.to_string(),
        what: format!("{} · {}", entry.service, entry.violation),
        href: links.incident(&entry.incident),
        detail: detail.join("; "),
    }
}
