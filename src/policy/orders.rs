//! What people order: silences, acknowledgements, what becomes of messages that are owed or were given up.
//!
//! The daemon and a command that works while none runs carry an order out with the same function.

mod meant;
mod messages;
mod silence;
#[cfg(test)]
mod tests;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use super::ledger::acknowledge;
use super::outbox::Entry;
use crate::model::counted::counted;
use crate::model::duration::{Shown, since};
use crate::model::incident::{IncidentId, Ledger};
use crate::model::mute::{Ack, Silence, SilenceId};
use crate::model::service::{ChannelName, ServiceName};
use crate::model::violation::Violation;
pub use meant::check;
pub use silence::{NewSilence, SILENCES_MAX};

/// Texts of people are at most so many characters.
const TEXT_CHARS_MAX: usize = 1000;
/// An incident may be named by so many of its first characters.
const BEGINNING_MIN: usize = 4;

/// What a person wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Mute messages; the bytes become its name.
    Silence(NewSilence, [u8; 5]),
    /// End a silence before its time.
    EndSilence(SilenceId),
    /// Take an incident on, named whole or by its beginning.
    Acknowledge {
        /// The incident.
        incident: String,
        /// Who.
        by: String,
        /// What they say, may be empty.
        reason: String,
    },
    /// Send a message that was given up after all, or one that is owed at once.
    Retry(String),
    /// Never send a message.
    Drop(String),
    /// Give a channel that is disabled a new try.
    Resume(ChannelName),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "done")]
pub enum Done {
    /// A silence was made.
    Silenced {
        /// The silence.
        silence: Silence,
        /// Whether it was there already: somebody asked twice.
        #[serde(default)]
        existed: bool,
    },
    /// A silence is over.
    SilenceEnded {
        /// The silence as it was.
        silence: Silence,
    },
    /// An incident was taken on.
    Acknowledged {
        /// The incident.
        incident: IncidentId,
        /// Its service.
        service: ServiceName,
        /// Its violation.
        violation: Violation,
        /// By whom.
        ack: Ack,
    },
    /// A message is owed again, or due at once.
    OwedAgain {
        /// What is owed.
        entries: Vec<Entry>,
    },
    /// A message is not sent.
    Dropped {
        /// What is not told.
        entries: Vec<Entry>,
    },
    /// A channel has a new try.
    Resumed {
        /// The channel.
        channel: ChannelName,
        /// Why it was disabled; absent if it was not.
        was_disabled: Option<String>,
        /// How many messages it is owed.
        owed: usize,
    },
}

/// Why an order is not carried out. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct Refusal {
    /// What kind of refusal it is.
    pub kind: RefusalKind,
    text: String,
}

/// What kind of refusal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// There is nothing of that name.
    NotFound,
    /// It makes no sense as things are now.
    Conflict,
    /// It never makes sense.
    Invalid,
    /// Others are being served: it can be asked again.
    Busy,
}

impl Refusal {
    /// Returns a refusal for something that is not there.
    pub fn not_found(text: impl Into<String>) -> Self {
        Self::new(RefusalKind::NotFound, text)
    }

    /// Returns a refusal for something that makes no sense.
    pub fn invalid(text: impl Into<String>) -> Self {
        Self::new(RefusalKind::Invalid, text)
    }

    /// Returns a refusal for something that makes no sense as things are now.
    pub fn conflict(text: impl Into<String>) -> Self {
        Self::new(RefusalKind::Conflict, text)
    }

    /// Returns a refusal for something that is not done now, since others are being served.
    pub fn busy(text: impl Into<String>) -> Self {
        Self::new(RefusalKind::Busy, text)
    }

    fn new(kind: RefusalKind, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { kind, text }
    }
}

/// Carries an order out.
///
/// # Errors
/// [`Refusal`]; the ledger is unchanged then.
pub fn carry_out(ledger: &mut Ledger, order: Order, now: Timestamp) -> Result<Done, Refusal> {
    match order {
        Order::Silence(wanted, random) => silence::make(ledger, wanted, random, now),
        Order::EndSilence(id) => match ledger.silences.remove(&id) {
            Some(silence) => Ok(Done::SilenceEnded { silence }),
            None => Err(Refusal::not_found(format!("there is no silence `{id}`"))),
        },
        Order::Acknowledge {
            incident,
            by,
            reason,
        } => ack(ledger, &incident, by, reason, now),
        Order::Retry(message) => messages::retry(ledger, &message, now),
        Order::Drop(message) => messages::drop(ledger, &message, now),
        Order::Resume(channel) => messages::resume(ledger, channel, now),
    }
}

/// Returns what a person wrote, which must be something.
fn text(what: &str, text: String) -> Result<String, Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::invalid(format!("`{what}` is empty")));
    }
    short(what, text)
}

fn short(what: &str, text: String) -> Result<String, Refusal> {
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(Refusal::invalid(format!(
            "`{what}` is longer than 1,000 characters"
        )));
    }
    // It is shown in logs, on terminals and in messages.
    if text.chars().any(char::is_control) {
        return Err(Refusal::invalid(format!("`{what}` is more than one line")));
    }
    Ok(text)
}

/// Returns the incident that is meant by its name or by the beginning of it.
///
/// # Errors
/// [`Refusal`] if it is none, or more than one.
pub fn named<'a>(
    ids: impl IntoIterator<Item = &'a IncidentId>,
    name: &str,
) -> Result<IncidentId, Refusal> {
    let meant = name.to_ascii_lowercase();
    let enough = meant.len() >= BEGINNING_MIN;
    let fits = |id: &&IncidentId| *id.0 == meant || enough && id.0.starts_with(&meant);
    let mut found = ids.into_iter().filter(fits);
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id.clone()),
        (None, _) => Err(Refusal::not_found(format!("there is no incident `{name}`"))),
        (Some(one), Some(other)) => Err(Refusal::conflict(format!(
            "`{name}` may be {one} or {other}: write more of it"
        ))),
    }
}

fn ack(
    ledger: &mut Ledger,
    name: &str,
    by: String,
    reason: String,
    now: Timestamp,
) -> Result<Done, Refusal> {
    let id = named(ledger.incidents.keys(), name)?;
    let ack = Ack {
        at: now,
        by: text("by", by)?,
        reason: short("reason", reason)?,
    };
    let known = ledger.incidents.get(&id).cloned();
    if let Some(incident) = known.as_ref().filter(|incident| incident.is_open())
        && let Some(before) = incident
            .ack
            .as_ref()
            .filter(|before| says_no_more(&ack, before))
    {
        return Ok(Done::Acknowledged {
            incident: id,
            service: incident.service.clone(),
            violation: incident.violation.clone(),
            ack: before.clone(),
        });
    }
    let (Some(incident), true) = (known, acknowledge(ledger, &id, ack.clone())) else {
        let over = ledger.incidents.get(&id).and_then(|one| one.closed_at);
        let ago = over.map(|at| format!(" for {}", Shown(since(at, now))));
        return Err(Refusal::conflict(format!(
            "incident {id} has been over{}",
            ago.unwrap_or_default()
        )));
    };
    Ok(Done::Acknowledged {
        incident: id,
        service: incident.service,
        violation: incident.violation,
        ack,
    })
}

/// Tells whether a person who has taken an incident on says nothing new by doing so again.
fn says_no_more(again: &Ack, before: &Ack) -> bool {
    again.by == before.by && (again.reason.is_empty() || again.reason == before.reason)
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silenced { silence, .. } => write!(
                f,
                "silence {} of {} until {} by {}: {}",
                silence.id,
                silence.of,
                silence.until.strftime("%Y-%m-%d %H:%M:%S UTC"),
                silence.by,
                silence.reason
            ),
            Self::SilenceEnded { silence } => {
                write!(f, "silence {} of {} is over", silence.id, silence.of)
            }
            Self::Acknowledged {
                incident,
                service,
                violation,
                ack,
            } => write!(
                f,
                "incident {incident} ({service} · {violation}) is taken on by {}",
                ack.by
            ),
            Self::OwedAgain { entries } => each(f, "due now", entries),
            Self::Dropped { entries } => each(f, "dropped", entries),
            Self::Resumed {
                channel,
                was_disabled,
                owed,
            } => match (was_disabled, owed) {
                (Some(why), owed) => write!(
                    f,
                    "channel {channel} is tried now; it was disabled: {why}; {owed} owed"
                ),
                (None, 0) => write!(
                    f,
                    "channel {channel} was not disabled and nothing is owed to it: there is nothing to try"
                ),
                (None, owed) => write!(
                    f,
                    "channel {channel} was not disabled; what it is owed, {}, is tried now without waiting any longer",
                    counted(*owed, "message")
                ),
            },
        }
    }
}

fn each(f: &mut fmt::Formatter<'_>, what: &str, entries: &[Entry]) -> fmt::Result {
    for (number, entry) in entries.iter().enumerate() {
        let between = if number > 0 { "\n" } else { "" };
        write!(
            f,
            "{between}{what}: {} · {} (incident {}) on {}",
            entry.service, entry.violation, entry.incident, entry.channel
        )?;
        if let Some(held) = &entry.held {
            write!(f, "; but {held}")?;
        }
    }
    Ok(())
}
