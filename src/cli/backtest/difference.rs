//! Where two sets of rules differ.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::incident::Incident;
use crate::suite::replay::{Alarm, Judged, Played};

/// Where two sets of rules differ.
pub(super) struct Difference {
    /// Probes that come to something else: by the first and by the second, absent where one could not judge.
    pub(super) probes: Vec<(Timestamp, Option<Judged>, Option<Judged>)>,
    /// Incidents that only the first opens.
    pub(super) only_first: Vec<Alarm>,
    /// Incidents that only the second opens.
    pub(super) only_second: Vec<Alarm>,
    /// Incidents that both open, at other times.
    pub(super) moved: Vec<(Alarm, Alarm)>,
}

impl Difference {
    /// Returns where they differ.
    pub(super) fn of(first: &Played, second: &Played) -> Self {
        let mut difference = Self {
            probes: probes(first, second),
            only_first: Vec::new(),
            only_second: Vec::new(),
            moved: Vec::new(),
        };
        let mut others: Vec<&Alarm> = second.incidents.iter().collect();
        for one in &first.incidents {
            let same = others.iter().position(|other| is_same(one, other));
            match same.map(|index| others.remove(index)) {
                None => difference.only_first.push(one.clone()),
                Some(other) if times(one) != times(other) => {
                    difference.moved.push((one.clone(), other.clone()));
                }
                Some(_) => {}
            }
        }
        difference.only_second = others.into_iter().cloned().collect();
        difference
    }

    /// Tells whether they say the same of every probe and open the same.
    pub(super) fn is_none(&self) -> bool {
        self.probes.is_empty()
            && self.only_first.is_empty()
            && self.only_second.is_empty()
            && self.moved.is_empty()
    }
}

type Pair<'a> = (Option<&'a Judged>, Option<&'a Judged>);

fn probes(first: &Played, second: &Played) -> Vec<(Timestamp, Option<Judged>, Option<Judged>)> {
    let mut pairs: BTreeMap<Timestamp, Pair<'_>> = BTreeMap::new();
    for probe in &first.probes {
        pairs.entry(probe.at).or_default().0 = Some(probe);
    }
    for probe in &second.probes {
        pairs.entry(probe.at).or_default().1 = Some(probe);
    }
    let verdict = |probe: &Judged| {
        let code = probe
            .finding
            .as_ref()
            .map(|finding| Arc::clone(&finding.code));
        (probe.outcome, code)
    };
    pairs
        .into_iter()
        .filter(|(_, (one, other))| one.map(verdict) != other.map(verdict))
        .map(|(at, (one, other))| (at, one.cloned(), other.cloned()))
        .collect()
}

/// Two incidents are the same if the same rule is broken and both are open at one time.
fn is_same(one: &Alarm, other: &Alarm) -> bool {
    let (one, other) = (&one.incident, &other.incident);
    let before = |a: &Incident, b: &Incident| a.closed_at.is_some_and(|end| end < b.opened_at);
    one.violation == other.violation && !before(one, other) && !before(other, one)
}

fn times(alarm: &Alarm) -> (Timestamp, Option<Timestamp>) {
    (alarm.seen_at, alarm.incident.closed_at)
}
