//! What is known of the beats of a service from before a start: what its samples tell, and what is remembered beside them.

use jiff::Timestamp;

use super::Pulse;
use crate::model::code::FindingCode;
use crate::model::json::Json;
use crate::model::judgement::{Memory, MemoryDiff, MemoryEntry};
use crate::model::violation::Sample;
use crate::policy::watch::Watch;

/// Where it is remembered when the run under way began …
const BEGUN: &str = "heartbeat: a run began";
/// … and since when a first beat is expected.
const SINCE: &str = "heartbeat: expected since";

/// What is known of the beats of one service from before a start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// The last beat: when it last reported the end of a run, good or bad.
    pub last: Option<Timestamp>,
    /// What was seen last: a beat, or that one was missing.
    pub newest: Option<Sample>,
    /// Since when a first beat is expected.
    pub since: Option<Timestamp>,
    /// When the run under way began.
    pub begun: Option<Timestamp>,
}

impl Known {
    /// Returns what samples and memory of a service tell.
    pub fn of(watch: &Watch, memory: &Memory) -> Self {
        Self {
            last: last_beat(watch),
            newest: watch.window().counted().next_back().cloned(),
            since: moment(memory, SINCE),
            begun: moment(memory, BEGUN),
        }
    }
}

impl Pulse {
    /// Returns what is to be remembered that no sample tells, as far as that is news.
    pub fn news(&self, memory: &Memory) -> MemoryDiff {
        let mut news = MemoryDiff::default();
        for (key, at) in [(BEGUN, self.begun), (SINCE, self.waits_since())] {
            match at {
                _ if at == moment(memory, key) => {}
                None => news.removed.push(key.into()),
                Some(at) => {
                    let entry = MemoryEntry {
                        value: Json::string(at.to_string()),
                        expires_at: None,
                    };
                    news.set.insert(key.into(), entry);
                }
            }
        }
        news
    }

    /// Returns since when a first beat is expected; absent if there was one.
    fn waits_since(&self) -> Option<Timestamp> {
        self.last.is_none().then_some(self.known_since)
    }
}

fn moment(memory: &Memory, key: &str) -> Option<Timestamp> {
    memory.get(key)?.value.as_str()?.parse().ok()
}

fn last_beat(watch: &Watch) -> Option<Timestamp> {
    let failed = FindingCode::HeartbeatFailed.as_str();
    let samples = watch.window().counted();
    let beats =
        samples.filter(|sample| sample.outcome.is_good() || sample.code.as_deref() == Some(failed));
    beats
        .map(|sample| sample.at)
        .next_back()
        .or(watch.last_good())
}
