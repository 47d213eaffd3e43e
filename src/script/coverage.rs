//! Which statements of scripts ran: for tests of scripts only, which run on threads of their own.
//!
//! The interpreter tells nobody where it is; its own hook for debuggers costs every run of every script, and stack that
//! the sandbox has not. So a thread that covers puts a mark before every statement of a compiled script. Places, scopes
//! and values stay what they were; only operations and processor time grow, and with them their limits.

mod marks;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::Position;

use super::limits::Limits;
use super::source::Source;
pub(super) use marks::Marker;

/// How many times the operations and the time of a script its marks may take.
const COST: u32 = 8;

/// The statements of scripts, and whether they ran.
#[derive(Debug, Default)]
pub struct Coverage(Mutex<Vec<Script>>);

#[derive(Debug)]
struct Script {
    version: Arc<str>,
    /// Whether the statement ran that begins at this line and column.
    statements: BTreeMap<(usize, usize), bool>,
}

/// A line on which statements begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Line {
    /// How many.
    pub statements: usize,
    /// How many of them ran.
    pub ran: usize,
}

impl Line {
    /// Tells whether all of them ran.
    pub fn is_covered(self) -> bool {
        self.ran == self.statements
    }
}

impl Coverage {
    /// Returns the lines of a script on which statements begin, by their numbers from 1; none if it was never run.
    pub fn lines(&self, source: &Source) -> BTreeMap<usize, Line> {
        let mut lines: BTreeMap<usize, Line> = BTreeMap::new();
        let scripts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |script: &&Script| script.version == source.version;
        for ((line, _), ran) in scripts.iter().filter(of).flat_map(|one| &one.statements) {
            let line = lines.entry(*line).or_default();
            line.statements += 1;
            line.ran += usize::from(*ran);
        }
        lines
    }

    /// Returns the number of a version of a script.
    fn number(&self, version: &Arc<str>) -> usize {
        let mut scripts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = scripts.iter().position(|one| one.version == *version);
        known.unwrap_or_else(|| {
            scripts.push(Script {
                version: Arc::clone(version),
                statements: BTreeMap::new(),
            });
            scripts.len() - 1
        })
    }

    /// Notes a statement of a script, or that it ran.
    fn note(&self, script: usize, at: Position, ran: bool) {
        let mut scripts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(script), Some(line)) = (scripts.get_mut(script), at.line()) {
            let place = (line, at.position().unwrap_or_default());
            *script.statements.entry(place).or_default() |= ran;
        }
    }
}

/// Returns limits with room for marks.
pub(super) fn with_room(limits: &Limits) -> Limits {
    Limits {
        operations: limits.operations.saturating_mul(u64::from(COST)),
        cpu: limits.cpu.saturating_mul(COST),
        ..limits.clone()
    }
}
