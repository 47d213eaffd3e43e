//! The members of an object.

use std::sync::Arc;

use super::Json;

/// The members of an object in the order written; of equal keys the last one counts.
#[derive(Debug, Clone, Default)]
pub struct Object {
    members: Vec<(Arc<str>, Json)>,
    /// Positions in `members` ordered by key; empty for small objects, which are scanned.
    by_key: Vec<u32>,
}

/// Up to this many members are scanned.
pub(super) const SCAN_MAX: usize = 12;

impl Object {
    /// Returns an object of these members, whose keys must differ; see [`Object::dedup`].
    pub(super) fn of_unique(members: Vec<(Arc<str>, Json)>) -> Self {
        let by_key = if members.len() > SCAN_MAX {
            Self::sorted(&members)
        } else {
            Vec::new()
        };
        Self { members, by_key }
    }

    /// Returns an object of these members; of equal keys the last value takes the place of the first.
    pub fn new(mut members: Vec<(Arc<str>, Json)>) -> Self {
        Self::dedup(&mut members);
        Self::of_unique(members)
    }

    fn sorted(members: &[(Arc<str>, Json)]) -> Vec<u32> {
        let mut order: Vec<u32> = (0..u32::try_from(members.len()).unwrap_or(u32::MAX)).collect();
        order.sort_by(|a, b| Self::key(members, *a).cmp(Self::key(members, *b)));
        order
    }

    fn key(members: &[(Arc<str>, Json)], position: u32) -> &str {
        members.get(position as usize).map_or("", |(key, _)| key)
    }

    /// Keeps the last value of each key at the place of its first, and returns the keys that came more than once.
    pub(super) fn dedup(members: &mut Vec<(Arc<str>, Json)>) -> Vec<Arc<str>> {
        let order = Self::sorted(members);
        let mut repeated: Vec<Arc<str>> = Vec::new();
        let mut drop = vec![false; members.len()];
        let mut run_start = 0;
        while let Some(&first) = order.get(run_start) {
            let key = Self::key(members, first);
            let run = order
                .iter()
                .skip(run_start)
                .take_while(|position| Self::key(members, **position) == key)
                .count();
            if let (true, Some(&last)) = (run > 1, order.get(run_start + run - 1)) {
                repeated.push(Arc::from(key));
                for &position in order.iter().skip(run_start + 1).take(run - 1) {
                    if let Some(slot) = drop.get_mut(position as usize) {
                        *slot = true;
                    }
                }
                members.swap(first as usize, last as usize);
            }
            run_start += run;
        }
        if !repeated.is_empty() {
            let mut flags = drop.into_iter();
            members.retain(|_| !flags.next().unwrap_or(false));
        }
        repeated
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&Json> {
        if self.by_key.is_empty() {
            return self
                .members
                .iter()
                .find(|(name, _)| **name == *key)
                .map(|(_, value)| value);
        }
        let found = self
            .by_key
            .binary_search_by(|position| Self::key(&self.members, *position).cmp(key))
            .ok()?;
        self.members
            .get(*self.by_key.get(found)? as usize)
            .map(|(_, value)| value)
    }

    /// Tells whether the key is there.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Returns the members in the order written.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Json)> {
        self.members.iter().map(|(key, value)| (key, value))
    }

    /// Returns the keys in the order written.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.members.iter().map(|(key, _)| &**key)
    }

    /// Returns how many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Tells whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
