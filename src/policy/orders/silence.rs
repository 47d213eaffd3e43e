//! What may be silenced.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Done, Refusal, text};
use crate::model::duration::{after, since};
use crate::model::incident::Ledger;
use crate::model::mute::{Selector, Silence, SilenceId};
use crate::model::service::ServiceSeverity;
use crate::policy::ledger::crockford;

/// At most so many silences at once.
pub const SILENCES_MAX: usize = 1000;
/// A silence for so long from now that is asked for again after at most this is the same.
const AGAIN: Duration = Duration::from_mins(1);
/// At most so many names in one list of a selector.
const NAMES_MAX: usize = 100;
/// No silence is longer: one that is meant to stay belongs into the ops config.
const SILENCE_MAX: Duration = Duration::from_hours(24 * 366);

/// A silence as it is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSilence {
    /// What it concerns; an empty selector is everything.
    pub of: Selector,
    /// When it begins; absent for now.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// When it ends, unless it says how long it lasts.
    pub until: Timestamp,
    /// How long it lasts from its beginning, where that was asked for instead of its end.
    #[serde(skip)]
    pub lasts: Option<Duration>,
    /// Who wants it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Makes a silence; the bytes become its name.
pub(super) fn make(
    ledger: &mut Ledger,
    wanted: NewSilence,
    random: [u8; 5],
    now: Timestamp,
) -> Result<Done, Refusal> {
    let from = wanted.from.unwrap_or(now);
    let silence = Silence {
        id: SilenceId(Arc::from(crockford(random))),
        of: wanted.of,
        from,
        until: wanted
            .lasts
            .map_or(wanted.until, |lasts| after(from, lasts)),
        by: text("by", wanted.by)?,
        reason: text("reason", wanted.reason)?,
        made_at: now,
    };
    check_selector(&silence.of)?;
    let begun = wanted.from.is_none();
    let again = begun && wanted.lasts.is_some();
    if let Some(same) = same(ledger, &silence, begun, again) {
        let silence = same.clone();
        return Ok(Done::Silenced {
            silence,
            existed: true,
        });
    }
    if silence.until <= silence.from {
        return Err(Refusal::invalid("a silence ends after it begins"));
    }
    if silence.until <= now {
        return Err(Refusal::invalid(format!(
            "the silence would have ended already, at {}",
            silence.until
        )));
    }
    if since(now, silence.until) > SILENCE_MAX {
        return Err(Refusal::invalid(
            "a silence ends within a year; what is to stay belongs into the ops config",
        ));
    }
    if ledger.silences.len() >= SILENCES_MAX {
        return Err(Refusal::conflict(format!(
            "there are {SILENCES_MAX} silences already; end some"
        )));
    }
    if ledger.silences.contains_key(&silence.id) {
        return Err(Refusal::conflict("this name is taken; try again"));
    }
    ledger.silences.insert(silence.id.clone(), silence.clone());
    Ok(Done::Silenced {
        silence,
        existed: false,
    })
}

/// Returns the silence that is there already if it is asked for again: it concerns the same, ends at the same time, and
/// is wanted by the same person for the same reason. It begins at the same time too, or has `begun` where now is asked
/// for. Where it was asked for so long from now, it is the same for a while if it lasts as long: somebody has not heard the
/// answer and asks `again`.
fn same<'a>(ledger: &'a Ledger, wanted: &Silence, begun: bool, again: bool) -> Option<&'a Silence> {
    ledger.silences.values().find(|one| {
        let begins = one.from == wanted.from || begun && one.from <= wanted.from;
        let at_the_same_time = begins && one.until == wanted.until;
        let just_now = again
            && one.from == one.made_at
            && since(one.made_at, wanted.made_at) <= AGAIN
            && since(one.from, one.until) == since(wanted.from, wanted.until);
        (at_the_same_time || just_now)
            && one.of == wanted.of
            && one.by == wanted.by
            && one.reason == wanted.reason
    })
}

fn check_selector(of: &Selector) -> Result<(), Refusal> {
    let lists = [
        &of.services,
        &of.tags,
        &of.groups,
        &of.severities,
        &of.violations,
    ];
    for name in lists.iter().copied().flatten() {
        text("name", name.clone())?;
    }
    if lists.iter().any(|list| list.len() > NAMES_MAX) {
        return Err(Refusal::invalid("a list has at most 100 names"));
    }
    let severities = ServiceSeverity::ALL.map(ServiceSeverity::as_str);
    match of
        .severities
        .iter()
        .find(|name| !severities.contains(&name.as_str()))
    {
        Some(name) => Err(Refusal::invalid(format!(
            "there is no severity `{name}`: there are {}",
            severities.join(", ")
        ))),
        None => Ok(()),
    }
}
