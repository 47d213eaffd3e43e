//! What is known of the beats of a service from before a start: what its samples tell, and what is remembered beside them,
//! in the place where scripts of others remember things.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Begun, Heard, Pulse};
use crate::model::code::FindingCode;
use crate::model::heartbeat::RunId;
use crate::model::json::Json;
use crate::model::judgement::{Memory, MemoryDiff, MemoryEntry};
use crate::model::violation::Sample;
use crate::policy::watch::Watch;

/// All of it begins with this.
const OURS: &str = "heartbeat: ";
/// When a run began that has no name.
const BEGUN: &str = "heartbeat: a run began";
/// When a run began, followed by its name.
const BEGUN_NAMED: &str = "heartbeat: a run began: ";
/// Since when a first beat is expected.
const SINCE: &str = "heartbeat: expected since";
/// Until when beats are heard, while silence counts.
const HEARD: &str = "heartbeat: heard until";
/// Until when what was due may come, followed by when it was due.
const PUT_OFF: &str = "heartbeat: put off: ";

/// What is known of the beats of one service from before a start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// The last beat: when it last reported the end of a run, good or bad.
    pub last: Option<Timestamp>,
    /// What was seen last: a beat, or that one was missing.
    pub newest: Option<Sample>,
    /// Since when a first beat is expected.
    pub since: Option<Timestamp>,
    /// When the runs under way began.
    pub begun: Begun,
    /// When beats were heard.
    pub heard: Heard,
}

impl Known {
    /// Returns what samples and memory of a service tell.
    pub fn of(watch: &Watch, memory: &Memory) -> Self {
        let named = prefixed(memory, BEGUN_NAMED);
        let named = named.filter_map(|(name, at)| Some((Some(RunId::new(name)?), at)));
        let mut begun: Begun = named.collect();
        begun.extend(moment(memory, BEGUN).map(|at| (None, at)));
        let put_off = prefixed(memory, PUT_OFF);
        Self {
            last: last_beat(watch),
            newest: watch.window().counted().next_back().cloned(),
            since: moment(memory, SINCE),
            begun,
            heard: Heard {
                until: moment(memory, HEARD),
                put_off: put_off
                    .filter_map(|(due, at)| Some((due.parse().ok()?, at)))
                    .collect(),
            },
        }
    }
}

impl Pulse {
    /// Returns what is to be remembered that no sample tells, as far as that is news.
    pub fn news(&self, memory: &Memory) -> MemoryDiff {
        let now = self.remembered();
        let before = memory.keys().filter(|key| key.starts_with(OURS));
        let gone = before.filter(|key| !now.contains_key(&***key));
        let mut news = MemoryDiff {
            removed: gone.cloned().collect(),
            ..MemoryDiff::default()
        };
        for (key, at) in now {
            if moment(memory, &key) != Some(at) {
                let entry = MemoryEntry {
                    value: Json::string(at.to_string()),
                    expires_at: None,
                };
                news.set.insert(key.into(), entry);
            }
        }
        news
    }

    fn remembered(&self) -> BTreeMap<String, Timestamp> {
        let runs = self.runs.begun().iter().map(|(id, at)| {
            let key = |id: &RunId| format!("{BEGUN_NAMED}{}", id.as_str());
            (id.as_ref().map_or(BEGUN.to_owned(), key), *at)
        });
        let put_off = self.heard.put_off.iter();
        let put_off = put_off.map(|(due, at)| (format!("{PUT_OFF}{due}"), *at));
        let since = self.last.is_none().then_some(self.known_since);
        let single = [(SINCE, since), (HEARD, self.heard.until)].into_iter();
        let single = single.filter_map(|(key, at)| Some((key.to_owned(), at?)));
        runs.chain(put_off).chain(single).collect()
    }
}

fn prefixed<'a>(memory: &'a Memory, prefix: &'a str) -> impl Iterator<Item = (&'a str, Timestamp)> {
    let all = memory.keys();
    let named = all.filter_map(move |key| Some((key, key.strip_prefix(prefix)?)));
    named.filter_map(|(key, rest)| Some((rest, moment(memory, key)?)))
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
