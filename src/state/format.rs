//! The bytes of the state file.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::ServiceLine;
use crate::model::incident::{ChannelState, DeadLetter, Delivery, Incident, IncidentId, Ledger};
use crate::model::mute::Silence;
use crate::model::service::{ChannelName, ServiceName};
use crate::model::violation::Violation;

/// Version of the public part, as in the predecessor.
const VERSION: &str = "1.0";
/// Version of what is under `oes`. It grows when an older OES could not read it.
pub(super) const FORMAT: u32 = 1;
/// No wait that is on disk counts for more.
const WAIT_MAX: Duration = Duration::from_hours(1);
/// What stands where the hash will be, while it is computed.
const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// What comes before the hash. Inside a JSON string its quotes would be escaped, and only strings come before it.
const HASH_KEY: &[u8] = b"\"sha256\":\"";

/// What a state file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Number of the commit that wrote it.
    pub seq: u64,
    /// The run of the daemon that wrote it.
    pub boot: String,
    /// When it was written.
    pub saved_at: Timestamp,
    /// The services in the order of the config.
    pub services: Vec<ServiceLine>,
    /// Incidents and deliveries.
    pub ledger: Ledger,
}

/// In which way a state file is not what OES wrote.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// Its hash is missing or another one.
    #[error("its content does not match its sha256: it was cut, or edited by hand")]
    Hash,
    /// It is no JSON of the right shape.
    #[error("it is not the JSON that OES writes")]
    Shape(#[from] serde_json::Error),
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// A newer OES wrote it.
    #[error("it has format {found}, this version reads up to {FORMAT}: a newer oes wrote it")]
    Newer {
        /// Its format.
        found: u32,
    },
}

/// What stands first under `oes`.
#[derive(Serialize, Deserialize)]
struct Header<'a> {
    format: u32,
    seq: u64,
    boot: &'a str,
    saved_at: Timestamp,
}

#[derive(Deserialize)]
struct File {
    services: Vec<ServiceLine>,
    oes: Machinery,
}

#[derive(Deserialize)]
struct Machinery {
    format: u32,
    seq: u64,
    boot: String,
    saved_at: Timestamp,
    incidents: Vec<Incident>,
    deliveries: Vec<DeliveryLine<Delivery>>,
    channels: Vec<ChannelLine<ChannelState>>,
    dead_letters: Vec<DeadLetter>,
    announced: Vec<AnnouncedLine>,
    #[serde(default)]
    silences: Vec<Silence>,
}

/// The wait is there twice: as a time for people, and as what is left of it for a clock that has jumped.
#[derive(Serialize, Deserialize)]
struct DeliveryLine<D> {
    channel: ChannelName,
    incident: IncidentId,
    next_in_ms: Option<u64>,
    #[serde(flatten)]
    delivery: D,
}

#[derive(Serialize, Deserialize)]
struct ChannelLine<C> {
    name: ChannelName,
    paused_for_ms: Option<u64>,
    #[serde(flatten)]
    state: C,
}

#[derive(Serialize, Deserialize)]
struct AnnouncedLine {
    service: ServiceName,
    violation: Violation,
    at: Timestamp,
}

/// What a commit writes.
pub(super) struct Contents<'a> {
    pub(super) seq: u64,
    pub(super) boot: &'a str,
    pub(super) now: Timestamp,
    pub(super) services: &'a [ServiceLine],
    pub(super) ledger: &'a Ledger,
}

/// Returns the bytes of a state file: one service, incident or delivery a line, the hash in its place.
pub(super) fn encode(contents: &Contents<'_>) -> serde_json::Result<Vec<u8>> {
    let Contents { ledger, now, .. } = *contents;
    let mut out = Vec::with_capacity(4096);
    out.extend_from_slice(format!("{{\"version\":\"{VERSION}\",\n\"services\":").as_bytes());
    lines(&mut out, contents.services.iter())?;
    out.extend_from_slice(b",\n\"oes\":{\"sha256\":\"");
    let place = out.len()..out.len() + NO_HASH.len();
    out.extend_from_slice(NO_HASH.as_bytes());
    out.extend_from_slice(b"\",\n");
    let header = Header {
        format: FORMAT,
        seq: contents.seq,
        boot: contents.boot,
        saved_at: now,
    };
    let header = serde_json::to_vec(&header)?;
    out.extend_from_slice(
        header
            .get(1..header.len().saturating_sub(1))
            .unwrap_or_default(),
    );
    out.extend_from_slice(b",\n\"incidents\":");
    lines(&mut out, ledger.incidents.values())?;
    out.extend_from_slice(b",\n\"deliveries\":");
    let deliveries = ledger
        .deliveries
        .iter()
        .map(|((channel, incident), delivery)| DeliveryLine {
            channel: channel.clone(),
            incident: incident.clone(),
            next_in_ms: left(delivery.next_at, now),
            delivery,
        });
    lines(&mut out, deliveries)?;
    out.extend_from_slice(b",\n\"channels\":");
    let channels = ledger.channels.iter().map(|(name, state)| ChannelLine {
        name: name.clone(),
        paused_for_ms: left(state.paused_until, now),
        state,
    });
    lines(&mut out, channels)?;
    out.extend_from_slice(b",\n\"dead_letters\":");
    lines(&mut out, ledger.dead_letters.iter())?;
    out.extend_from_slice(b",\n\"announced\":");
    let announced = ledger
        .announced
        .iter()
        .map(|((service, violation), at)| AnnouncedLine {
            service: service.clone(),
            violation: violation.clone(),
            at: *at,
        });
    lines(&mut out, announced)?;
    out.extend_from_slice(b",\n\"silences\":");
    lines(&mut out, ledger.silences.values())?;
    out.extend_from_slice(b"}}\n");
    let hash = hash(&out);
    if let Some(place) = out.get_mut(place) {
        place.copy_from_slice(hash.as_bytes());
    }
    Ok(out)
}

/// Reads the bytes of a state file.
pub(super) fn decode(bytes: &[u8]) -> Result<Snapshot, Damage> {
    let place = hash_place(bytes).ok_or(Damage::Hash)?;
    let mut unhashed = bytes.to_vec();
    let found = unhashed.get_mut(place).ok_or(Damage::Hash)?;
    let stated = found.to_vec();
    found.copy_from_slice(NO_HASH.as_bytes());
    if hash(&unhashed).as_bytes() != stated {
        return Err(Damage::Hash);
    }
    let head: Head = serde_json::from_slice(bytes)?;
    if head.oes.format > FORMAT {
        return Err(Damage::Newer {
            found: head.oes.format,
        });
    }
    let file: File = serde_json::from_slice(bytes)?;
    Ok(snapshot(file))
}

/// Enough of the file to tell whether the rest can be read.
#[derive(Deserialize)]
struct Head {
    oes: HeadMachinery,
}

#[derive(Deserialize)]
struct HeadMachinery {
    format: u32,
}

fn snapshot(file: File) -> Snapshot {
    let File { services, oes } = file;
    debug_assert!(oes.format <= FORMAT, "the caller has looked");
    let now = oes.saved_at;
    let until = |ms: Option<u64>| Some(super::load::later(now, Duration::from_millis(ms?)));
    let mut ledger = Ledger {
        dead_letters: oes.dead_letters,
        ..Ledger::default()
    };
    for incident in oes.incidents {
        ledger.incidents.insert(incident.id.clone(), incident);
    }
    for line in oes.deliveries {
        let mut delivery = line.delivery;
        delivery.next_at = delivery.next_at.and(until(line.next_in_ms));
        ledger
            .deliveries
            .insert((line.channel, line.incident), delivery);
    }
    for line in oes.channels {
        let mut state = line.state;
        state.paused_until = state.paused_until.and(until(line.paused_for_ms));
        ledger.channels.insert(line.name, state);
    }
    let announced = oes.announced.into_iter();
    ledger.announced = announced
        .map(|line| ((line.service, line.violation), line.at))
        .collect::<BTreeMap<_, _>>();
    let silences = oes.silences.into_iter();
    ledger.silences = silences.map(|one| (one.id.clone(), one)).collect();
    Snapshot {
        seq: oes.seq,
        boot: oes.boot,
        saved_at: now,
        services,
        ledger,
    }
}

fn lines<T: Serialize>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = T>,
) -> serde_json::Result<()> {
    let mut before: &[u8] = b"[\n";
    let mut any = false;
    for item in items {
        out.extend_from_slice(before);
        serde_json::to_writer(&mut *out, &item)?;
        before = b",\n";
        any = true;
    }
    out.extend_from_slice(if any { b"]" } else { b"[]" });
    Ok(())
}

/// Returns how much is left of a wait, in milliseconds.
fn left(until: Option<Timestamp>, now: Timestamp) -> Option<u64> {
    let left = Duration::try_from(until?.duration_since(now)).unwrap_or_default();
    u64::try_from(left.min(WAIT_MAX).as_millis()).ok()
}

fn hash_place(bytes: &[u8]) -> Option<std::ops::Range<usize>> {
    let key = bytes
        .windows(HASH_KEY.len())
        .position(|window| window == HASH_KEY)?;
    let start = key + HASH_KEY.len();
    let end = start + NO_HASH.len();
    (end <= bytes.len()).then_some(start..end)
}

pub(super) fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}
