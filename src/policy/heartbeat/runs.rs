//! The runs of a job that are under way, told apart by what the job calls them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::duration::since;
use crate::model::heartbeat::RunId;

/// So many runs of one job are followed.
pub const RUNS_MAX: usize = 64;
/// A beginning so soon after the one before is the same one, said again since the first answer was lost.
const REPEATED: Duration = Duration::from_secs(30);

/// When each run that is under way began, by what the job calls it; a job that does not has one run at a time.
pub type Begun = BTreeMap<Option<RunId>, Timestamp>;

/// One run that began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) id: Option<RunId>,
    pub(super) begun: Timestamp,
}

/// What a beginning says of runs before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// Nothing.
    New,
    /// It was reported already.
    Repeated,
    /// The run before, of the same name, never ended.
    Instead(Run),
    /// There are too many: the oldest is followed no longer.
    TooMany(Run),
}

/// The runs under way.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Runs {
    begun: Begun,
    /// Whether one was let go since there are too many.
    overflowed: bool,
}

impl Runs {
    /// Returns those of before a start.
    pub(super) fn new(begun: &Begun) -> Self {
        let mut runs = Self {
            begun: begun.clone(),
            overflowed: false,
        };
        while runs.begun.len() > RUNS_MAX {
            runs.let_go();
        }
        runs
    }

    pub(super) fn begun(&self) -> &Begun {
        &self.begun
    }

    /// Tells whether there are more than can be followed.
    pub(super) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Returns the one that began first.
    pub(super) fn oldest(&self) -> Option<Run> {
        let (id, begun) = self.begun.iter().min_by_key(|(_, begun)| **begun)?;
        Some(Run {
            id: id.clone(),
            begun: *begun,
        })
    }

    /// Notes that a run began.
    pub(super) fn begin(&mut self, id: Option<&RunId>, now: Timestamp) -> Beginning {
        let id = id.cloned();
        if let Some(begun) = self.begun.get_mut(&id) {
            if since(*begun, now) < REPEATED {
                return Beginning::Repeated;
            }
            let begun = std::mem::replace(begun, now);
            return Beginning::Instead(Run { id, begun });
        }
        let surplus = (self.begun.len() >= RUNS_MAX).then(|| self.let_go());
        self.begun.insert(id, now);
        surplus.flatten().map_or(Beginning::New, Beginning::TooMany)
    }

    /// Notes that a run ended, and returns how long it took; absent if its beginning was not reported.
    pub(super) fn end(&mut self, id: Option<&RunId>, now: Timestamp) -> Option<Duration> {
        let begun = self.begun.remove(&id.cloned())?;
        self.overflowed = false;
        Some(since(begun, now))
    }

    fn let_go(&mut self) -> Option<Run> {
        let oldest = self.oldest()?;
        self.begun.remove(&oldest.id);
        self.overflowed = true;
        Some(oldest)
    }
}
