//! What OES says of itself: incidents of a service of its own name, told on the way of all others.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tracing::warn;

use super::new_incident_id;
use crate::model::counted::counted;
use crate::model::incident::{Incident, Kept, Ledger, Reason};
use crate::model::service::{ChannelName, ServiceName};
use crate::model::violation::Violation;
use crate::policy::watch::Opened;
use crate::policy::{leaving, ledger, mute, owed};

/// The service under which OES speaks of itself.
pub(super) const NAME: &str = mute::OES;

/// Returns the violation of a config that cannot be used.
pub(super) fn bad_config() -> Violation {
    Violation::Named("config".into())
}

/// Returns the violation that OES has lost its network.
pub(super) fn network() -> Violation {
    Violation::Named(mute::NETWORK.into())
}

/// Tells whether an incident of OES itself is open.
pub(super) fn is_open(ledger: &Ledger, violation: &Violation) -> bool {
    ledger::find(ledger, &ServiceName::new(NAME), violation).is_some()
}

/// Returns the violation of a channel that is disabled.
fn disabled(channel: &ChannelName) -> Violation {
    Violation::Named(format!("channel {channel} disabled").into())
}

/// Returns the violation of a channel that left the ops config and still shows incidents as open.
fn lost(channel: &ChannelName) -> Violation {
    Violation::Named(format!("channel {channel} gone").into())
}

/// What OES itself can break while these are the channels, and these are gone with incidents that they show as open.
pub(super) fn watched(
    channels: &BTreeSet<ChannelName>,
    gone: &BTreeSet<ChannelName>,
) -> BTreeSet<Violation> {
    let channels = channels.iter().map(disabled);
    let always = [bad_config(), network()].into_iter();
    always
        .chain(channels)
        .chain(gone.iter().map(lost))
        .collect()
}

/// Returns whom an incident of OES itself is told to: every channel but the one that it is about.
pub(super) fn told(incident: &Incident, channels: &BTreeSet<ChannelName>) -> Vec<ChannelName> {
    others(&incident.violation, channels)
}

/// Tells whether an incident is that a channel is disabled: it is not told of that itself, not even instead of another.
pub(super) fn is_about(incident: &Incident, channel: &ChannelName) -> bool {
    incident.service.as_str() == NAME && incident.violation == disabled(channel)
}

fn others(violation: &Violation, channels: &BTreeSet<ChannelName>) -> Vec<ChannelName> {
    let others = channels.iter().filter(|name| *violation != disabled(name));
    others.cloned().collect()
}

/// Opens an incident of OES itself, or gives the one that is open a newer reason.
pub(super) fn open(
    ledger: &mut Ledger,
    violation: Violation,
    reason: Reason,
    channels: &BTreeSet<ChannelName>,
    now: Timestamp,
) -> bool {
    let name = ServiceName::new(NAME);
    if ledger::update(ledger, &name, &violation, reason.clone()) {
        return true;
    }
    let told = others(&violation, channels);
    let opened = Opened {
        violation,
        since: now,
        last_good: None,
        reason,
    };
    ledger::open(ledger, new_incident_id(), &name, opened, &told, now)
}

/// Closes an incident of OES itself; tells whether it was open.
pub(super) fn close(ledger: &mut Ledger, violation: &Violation, now: Timestamp) -> bool {
    let name = ServiceName::new(NAME);
    ledger::close(ledger, &name, violation, Kept::default(), now).is_some()
}

/// Brings the incidents about disabled channels in line with the channels: the others are told of a channel that is
/// disabled, and once it has taken a message again, or is enabled with nothing owed, of that.
pub(super) fn follow_channels(
    ledger: &mut Ledger,
    channels: &BTreeSet<ChannelName>,
    now: Timestamp,
) {
    for channel in channels {
        let Some(state) = ledger.channels.get(channel) else {
            continue;
        };
        let violation = disabled(channel);
        let known = ledger::find(ledger, &ServiceName::new(NAME), &violation);
        let known = known.and_then(|id| ledger.incidents.get(&id));
        match (&state.disabled, known) {
            (Some(why), None) => {
                let reason = Reason {
                    rule: format!("channel {channel} is disabled and takes no more messages"),
                    finding: Some(why.clone()),
                    ..Reason::default()
                };
                open(ledger, violation, reason, channels, now);
            }
            (None, Some(incident)) => {
                let works = state
                    .last_success
                    .is_some_and(|at| at >= incident.opened_at);
                if works || owed::backlog(ledger, channel).0 == 0 {
                    close(ledger, &violation, now);
                }
            }
            _ => {}
        }
    }
}

/// Brings the incidents about channels that have left in line with what they still show as open: the others are told of
/// it, and once nobody needs to see to it any more, of that.
pub(super) fn follow_lost(
    ledger: &mut Ledger,
    channels: &BTreeSet<ChannelName>,
    now: Timestamp,
) -> BTreeSet<ChannelName> {
    let gone = leaving::lost(ledger);
    for channel in &gone {
        let shown = leaving::shown_by(ledger, channel);
        let reason = Reason {
            rule: format!(
                "channel {channel} left the ops config and could not be told; it still shows {} as open",
                counted(shown.len(), "incident")
            ),
            finding: Some(format!(
                "give it back under this name, or close by hand what it shows and drop it from the outbox: {}",
                shown.join(", ")
            )),
            ..Reason::default()
        };
        open(ledger, lost(channel), reason, channels, now);
    }
    let open: Vec<Violation> = ledger
        .incidents
        .values()
        .filter(|one| one.is_open() && one.service.as_str() == NAME)
        .map(|one| one.violation.clone())
        .collect();
    let kept: BTreeSet<Violation> = gone.iter().map(lost).collect();
    let over = open
        .into_iter()
        .filter(|one| is_lost(one) && !kept.contains(one));
    for violation in over {
        close(ledger, &violation, now);
    }
    gone
}

/// Tells whether a violation is that of a channel that is gone.
fn is_lost(violation: &Violation) -> bool {
    let text = violation.as_str();
    text.starts_with("channel ") && text.ends_with(" gone")
}

/// Logs that a channel is disabled, if it is, and how much it is owed.
pub(super) fn warn_of_disabled(ledger: &Ledger, channel: &ChannelName) {
    let state = ledger.channels.get(channel);
    if let Some(reason) = state.and_then(|state| state.disabled.as_deref()) {
        let (owed, _) = owed::backlog(ledger, channel);
        warn!(
            channel.name = %channel,
            reason,
            owed,
            "channel is disabled; it is tried again when its settings change, after a SIGHUP, or by `oes channel resume`"
        );
    }
}

/// Logs the newest dead letters, as many as were just given up.
pub(super) fn warn_of_given_up(ledger: &Ledger, count: usize) {
    for letter in ledger.dead_letters.iter().rev().take(count) {
        warn!(
            channel.name = %letter.channel,
            service.name = %letter.service,
            violation = %letter.violation,
            incident = %letter.incident,
            message.id = letter.message_id,
            attempts = letter.attempts,
            reason = letter.error,
            "message given up"
        );
    }
}
