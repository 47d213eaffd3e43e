//! What keeps `--coverage` and `--mutate` from being as good as `--min` wants, or from saying anything.

use serde_json::{Value, json};

use super::{MeasureArguments, Measured, Tests};
use crate::cli::output::{self, ERROR, WARNING, styled};

/// What is measured of a script.
#[derive(Clone, Copy)]
pub(super) enum Measure {
    Coverage,
    Mutants,
}

impl Measure {
    fn key(self) -> &'static str {
        match self {
            Self::Coverage => "coverage",
            Self::Mutants => "mutants",
        }
    }

    fn option(self) -> &'static str {
        match self {
            Self::Coverage => "--coverage",
            Self::Mutants => "--mutate",
        }
    }

    fn counts(self) -> &'static str {
        match self {
            Self::Coverage => "of its lines are run",
            Self::Mutants => "of its changes are caught",
        }
    }
}

/// A measure by which the command fails.
pub(super) struct Short {
    measure: Measure,
    /// The script, or where nothing was measured a file of tests.
    pub(super) file: String,
    pub(super) message: String,
}

/// What the measures come to.
#[derive(Default)]
pub(super) struct Gate {
    /// Why nothing that was asked for was measured.
    unmeasured: Vec<String>,
    /// What is less than `--min`.
    pub(super) short: Vec<Short>,
}

impl Gate {
    /// Returns what the measures come to; `unsound` says why none was taken.
    pub(super) fn of(
        arguments: &MeasureArguments,
        tests: &Tests,
        measured: &Measured,
        unsound: Option<&str>,
    ) -> Self {
        let mut gate = Self::default();
        let covered = measured.covered.iter();
        let covered = covered.map(|one| (&*one.script.file, one.run(), one.lines.len()));
        let mutated = measured.mutated.iter();
        let mutated = mutated.map(|one| (&*one.script.file, one.caught(), one.mutants));
        if arguments.coverage {
            gate.take(
                Measure::Coverage,
                covered.collect(),
                arguments.min,
                tests,
                unsound,
            );
        }
        if arguments.mutate {
            gate.take(
                Measure::Mutants,
                mutated.collect(),
                arguments.min,
                tests,
                unsound,
            );
        }
        gate
    }

    fn take(
        &mut self,
        measure: Measure,
        scripts: Vec<(&str, usize, usize)>,
        min: Option<u8>,
        tests: &Tests,
        unsound: Option<&str>,
    ) {
        let option = measure.option();
        if let Some(why) = unsound {
            self.unmeasured
                .push(format!("{option}: not measured: {why}"));
            return;
        }
        if scripts.is_empty() {
            let message = format!(
                "{option}: nothing was measured: no test is of a script by itself (`script = …` or `channel = …`)"
            );
            match (min, tests.suites.first()) {
                (Some(_), Some(suite)) => self.short.push(Short {
                    measure,
                    file: suite.file.to_string(),
                    message,
                }),
                _ => self.unmeasured.push(message),
            }
            return;
        }
        let Some(min) = min else { return };
        let short = scripts
            .into_iter()
            .filter(|(_, good, all)| !reaches(*good, *all, min));
        self.short.extend(short.map(|(file, good, all)| Short {
            measure,
            file: file.to_owned(),
            message: format!(
                "{file}: {} % {}, at least {min} % are wanted",
                percent(good, all),
                measure.counts()
            ),
        }));
    }

    /// Prints it below the measures.
    pub(super) fn print(&self) {
        if !self.unmeasured.is_empty() || !self.short.is_empty() {
            output::result("");
        }
        for message in &self.unmeasured {
            output::result(format_args!("{} {message}", styled(WARNING, "!")));
        }
        for short in &self.short {
            output::result(styled(ERROR, format_args!("✗ {}", short.message)));
        }
    }

    /// Returns its parts of `oes.test/1`.
    pub(super) fn json(&self) -> [(&'static str, Value); 2] {
        let short = |short: &Short| {
            json!({
                "measure": short.measure.key(),
                "file": short.file,
                "message": short.message,
            })
        };
        [
            ("unmeasured", json!(self.unmeasured)),
            ("short", self.short.iter().map(short).collect()),
        ]
    }
}

/// Tells whether so many of all are as many percent.
pub(super) fn reaches(good: usize, all: usize, min: u8) -> bool {
    good * 100 >= all * usize::from(min)
}

/// Returns how many percent so many of all are.
pub(super) fn percent(good: usize, all: usize) -> usize {
    (good * 100).checked_div(all).unwrap_or(100)
}
