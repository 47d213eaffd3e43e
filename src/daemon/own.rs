//! What OES says of itself: incidents of a service of its own name, told on the way of all others.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tracing::warn;

use super::new_incident_id;
use crate::model::incident::{Incident, Ledger, Reason};
use crate::model::service::{ChannelName, ServiceName};
use crate::model::violation::Violation;
use crate::policy::watch::Opened;
use crate::policy::{ledger, mute, owed};

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
    Violation::Named(format!("channel {channel}").into())
}

/// Tells whether a violation of OES itself can still end while these are the channels.
pub(super) fn watches(violation: &Violation, channels: &BTreeSet<ChannelName>) -> bool {
    *violation == bad_config()
        || *violation == network()
        || channels.iter().any(|name| *violation == disabled(name))
}

/// Returns whom an incident of OES itself is told to: every channel but the one that it is about.
pub(super) fn told(incident: &Incident, channels: &BTreeSet<ChannelName>) -> Vec<ChannelName> {
    others(&incident.violation, channels)
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
    ledger::close(ledger, &name, violation, Vec::new(), now).is_some()
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
