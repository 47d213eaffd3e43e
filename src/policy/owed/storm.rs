//! Many incidents at once: one message instead of one each.
//!
//! Up to three openings within a minute are told one by one. More become a **storm**: one message that names them all.
//! Openings of the next minute join it. Where the provider can edit a message, the same one is brought up to date, at
//! most every five seconds; elsewhere a second message follows once nothing has changed for fifteen seconds. The ends of
//! its incidents are told in the same way; who takes one on is told in a message of its own. After an hour what is left of a storm is told like anything else.
//!
//! Ends and reminders of incidents that were announced one by one become one message as well where more than three are
//! due together.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::{Batch, Entry, Part, Settings, Telling, message_id, single_id};
use crate::model::duration::{after, since};
use crate::model::incident::ChannelState;
use crate::model::service::ChannelName;
use crate::model::storm::{Storm, StormId};

/// So many openings within [`SINGLES_WITHIN`] have a message of their own where the config says nothing.
pub const SINGLES: usize = 3;
/// The time in which they are counted.
pub(in crate::policy) const SINGLES_WITHIN: Duration = Duration::from_mins(1);
/// For so long after its last new member a storm takes further openings in.
const GROWS: Duration = Duration::from_mins(1);
/// For so long a storm is told in one message.
const LIVES: Duration = Duration::from_hours(1);
/// The least time between two edits.
const EDIT_EVERY: Duration = Duration::from_secs(5);
/// A storm whose message cannot be edited is told again once it was quiet for so long …
const QUIET: Duration = Duration::from_secs(15);
/// … or after this at the latest.
const TOLD_EVERY: Duration = Duration::from_mins(5);

/// Returns until when a storm is told in one message; absent once it is no more.
pub(in crate::policy) fn lives_until(storm: &Storm, now: Timestamp) -> Option<Timestamp> {
    Some(after(storm.began_at, LIVES)).filter(|until| *until > now)
}

/// How a channel is told of many incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// Whether it gets one message for many; else one each, for providers that group by themselves.
    pub storms: bool,
    /// Whether a message can be edited.
    pub edits: bool,
    /// So many openings within a minute have a message of their own, and so many ends or reminders at once.
    pub singles: usize,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            storms: true,
            edits: false,
            singles: SINGLES,
        }
    }
}

/// The message that is next, and from when on.
pub(super) struct Next {
    pub(super) due: Timestamp,
    since: Timestamp,
    pub(super) batch: Batch,
}

/// Returns the message that is next of all that are owed: of several that are due, the one that was owed first.
pub(super) fn next(
    entries: Vec<Entry<'_>>,
    channel: &ChannelName,
    state: &ChannelState,
    settings: &Settings<'_>,
    now: Timestamp,
) -> Option<Next> {
    let manner = settings.manner;
    let (again, entries) = resent(entries, channel, state, manner, now);
    let sorted = Sorted::of(entries, state, manner, now);
    let storms = sorted
        .storms
        .into_values()
        .map(|(storm, members)| of_storm(channel, storm, &members, manner, now));
    let loose = [
        of_openings(channel, &sorted.openings, state, manner, now),
        of_many(channel, &sorted.others, manner, now),
    ];
    let alone = sorted.alone.iter().map(|one| of_one(channel, one));
    again
        .into_iter()
        .chain(storms)
        .chain(loose.into_iter().flatten())
        .chain(alone)
        .min_by_key(|next| (next.due, next.since))
}

/// Returns the messages about many whose outcome is not known and that still say the truth, to be sent again as they
/// were, and what is owed besides.
fn resent<'a>(
    entries: Vec<Entry<'a>>,
    channel: &ChannelName,
    state: &ChannelState,
    manner: Manner,
    now: Timestamp,
) -> (Vec<Next>, Vec<Entry<'a>>) {
    let mut sent: BTreeMap<&str, Vec<Entry<'a>>> = BTreeMap::new();
    let mut others = Vec::new();
    for entry in entries {
        let intent = entry.delivery.intent.as_ref();
        let told = entry.told.generation;
        match intent.filter(|intent| intent.generation == told) {
            Some(intent)
                if entry.delivery.storm.is_some() && entry.told.telling != Telling::Acked =>
            {
                sent.entry(&intent.message_id).or_default().push(entry);
            }
            _ => others.push(entry),
        }
    }
    let mut again = Vec::new();
    for (id, members) in sent {
        let storm = members.iter().find_map(|one| one.delivery.storm.clone());
        let held = members.iter().map(|one| one.free).max().unwrap_or(now);
        let next = storm.map(|id| {
            let edit = state.storm(&id).and_then(|storm| storm.remote_ref.clone());
            let edit = edit.filter(|_| manner.edits);
            together(channel, &members, Some((id, edit)), held)
        });
        match next.filter(|next| next.batch.message_id == id) {
            Some(next) => again.push(Next { due: held, ..next }),
            None => others.extend(members),
        }
    }
    (again, others)
}

/// What is owed, by how it is told.
#[derive(Default)]
struct Sorted<'s, 'a> {
    /// Members of storms.
    storms: BTreeMap<StormId, (&'s Storm, Vec<Entry<'a>>)>,
    /// First words about incidents.
    openings: Vec<Entry<'a>>,
    /// Further words about incidents.
    others: Vec<Entry<'a>>,
    /// Told alone: who has taken one on, and what was sent alone with an unknown outcome, so that a repeat has the same
    /// id.
    alone: Vec<Entry<'a>>,
}

impl<'s, 'a> Sorted<'s, 'a> {
    fn of(
        entries: Vec<Entry<'a>>,
        state: &'s ChannelState,
        manner: Manner,
        now: Timestamp,
    ) -> Self {
        let live = |storm: &&Storm| manner.storms && lives_until(storm, now).is_some();
        let grows = |storm: &&Storm| since(storm.grown_at, now) < GROWS;
        let growing = state
            .storms
            .iter()
            .rev()
            .find(|one| live(one) && grows(one));
        let acked = |entry: &Entry<'_>| entry.told.telling == Telling::Acked;
        // Who has taken an incident on is said aloud; an edit says nothing to anybody.
        let aloud = entries.iter().filter(|entry| acked(entry)).count() <= manner.singles;
        let mut sorted = Self::default();
        for entry in entries {
            if aloud && acked(&entry) {
                sorted.alone.push(entry);
                continue;
            }
            let member = entry.delivery.storm.as_ref();
            let storm = member.and_then(|id| state.storm(id));
            let announces = entry.told.telling.announces();
            let pending = entry.delivery.intent.is_some();
            let storm = match storm.filter(live) {
                None if announces && !pending => growing,
                of => of,
            };
            if let Some(storm) = storm {
                let group = sorted.storms.entry(storm.id.clone());
                group.or_insert_with(|| (storm, Vec::new())).1.push(entry);
            } else if pending || !manner.storms {
                sorted.alone.push(entry);
            } else if announces {
                sorted.openings.push(entry);
            } else {
                sorted.others.push(entry);
            }
        }
        sorted
    }
}

/// Returns the next message about a storm that has begun.
fn of_storm(
    channel: &ChannelName,
    storm: &Storm,
    members: &[Entry<'_>],
    manner: Manner,
    now: Timestamp,
) -> Next {
    let edit = storm.remote_ref.clone().filter(|_| manner.edits);
    let newest = members.iter().map(|one| one.since).max().unwrap_or(now);
    let rest = match storm.told_at {
        None => now,
        Some(told_at) if edit.is_some() => after(told_at, EDIT_EVERY),
        Some(told_at) => {
            let quiet = after(newest.max(told_at), QUIET);
            quiet.min(after(told_at, TOLD_EVERY))
        }
    };
    let mut next = together(channel, members, Some((storm.id.clone(), edit)), now);
    next.due = next.due.max(rest);
    next
}

/// Returns the next message of first words: one about one incident, or the first about a storm.
fn of_openings(
    channel: &ChannelName,
    openings: &[Entry<'_>],
    state: &ChannelState,
    manner: Manner,
    now: Timestamp,
) -> Option<Next> {
    let recent = |at: &&Timestamp| **at <= now && since(**at, now) < SINGLES_WITHIN;
    let recent = state.singles.iter().filter(recent).count();
    let ready = openings.iter().filter(|one| one.free <= now).count();
    if manner.storms && ready > 1 && ready + recent > manner.singles {
        return Some(together(channel, openings, None, now));
    }
    let first = openings.iter().min_by_key(|one| (one.due(), one.since))?;
    let mut next = of_one(channel, first);
    if manner.storms && recent >= manner.singles {
        next.due = next.due.max(after(first.since, QUIET));
    }
    Some(next)
}

/// Returns the next message of further words: one about one incident, or one about many.
fn of_many(
    channel: &ChannelName,
    others: &[Entry<'_>],
    manner: Manner,
    now: Timestamp,
) -> Option<Next> {
    let ready = others.iter().filter(|one| one.free <= now).count();
    if manner.storms && ready > manner.singles {
        return Some(together(channel, others, None, now));
    }
    let first = others.iter().min_by_key(|one| (one.due(), one.since))?;
    Some(of_one(channel, first))
}

/// Returns the message about one incident.
fn of_one(channel: &ChannelName, one: &Entry<'_>) -> Next {
    // What is sent again has the id that it had: the channel may have another name since.
    let intent = one.delivery.intent.as_ref();
    let again = intent
        .filter(|intent| intent.generation == one.told.generation && one.delivery.storm.is_none());
    let id = || single_id(channel, &one.told.incident, one.told.stamp());
    Next {
        due: one.due(),
        since: one.since,
        batch: Batch {
            message_id: again.map_or_else(id, |intent| intent.message_id.clone()),
            told: vec![one.told.clone()],
            storm: None,
            digest: None,
        },
    }
}

/// Returns the name of a storm after its first message: short enough to be told by a person.
fn named(message_id: &str) -> StormId {
    StormId(message_id.get(..12).unwrap_or(message_id).into())
}

/// Returns the message about all of these that nothing holds now, of a storm that begins or has begun.
fn together(
    channel: &ChannelName,
    entries: &[Entry<'_>],
    storm: Option<(StormId, Option<String>)>,
    now: Timestamp,
) -> Next {
    let ready = || entries.iter().filter(|one| one.free <= now);
    let due = ready().map(Entry::due).min();
    let later = || entries.iter().map(Entry::due).min();
    let members = ready().map(|one| (&one.told.incident, one.told.stamp()));
    let message_id = message_id(channel, members.collect());
    let (id, edit) = storm.unwrap_or_else(|| (named(&message_id), None));
    Next {
        due: due.or_else(later).unwrap_or(now),
        since: ready().map(|one| one.since).min().unwrap_or(now),
        batch: Batch {
            message_id,
            told: ready().map(|one| one.told.clone()).collect(),
            storm: Some(Part { id, edit }),
            digest: None,
        },
    }
}
