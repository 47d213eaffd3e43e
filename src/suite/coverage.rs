//! Which lines of scripts their tests run.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::{by_script, play_groups};
use crate::config::suite::Case;
use crate::script::coverage::{Coverage, Line};
use crate::script::source::Source;

/// What the tests of one script run of it.
#[derive(Debug)]
pub struct Covered {
    /// The script.
    pub script: Arc<Source>,
    /// The lines on which statements begin, by their numbers from 1.
    pub lines: BTreeMap<usize, Line>,
}

impl Covered {
    /// Returns how many lines are run, every statement on them.
    pub fn run(&self) -> usize {
        self.lines.values().filter(|line| line.is_covered()).count()
    }

    /// Returns the runs of lines that are not, as first and last; a line of which a part is run stands alone.
    pub fn missing(&self) -> Vec<(usize, usize)> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        let mut joins = false;
        for (number, line) in &self.lines {
            let not_at_all = line.ran == 0;
            match runs.last_mut() {
                _ if line.is_covered() => {}
                Some((_, last)) if joins && not_at_all => *last = *number,
                _ => runs.push((*number, *number)),
            }
            joins = not_at_all;
        }
        runs
    }
}

/// Runs tests once more on threads that note what runs, and returns that of each script that they test. Tests of services
/// are left out.
///
/// # Errors
/// The script threads cannot be started.
pub async fn cover(tests: &[Case]) -> io::Result<Vec<Covered>> {
    let coverage = Arc::new(Coverage::default());
    let of_scripts = tests.iter().filter(|test| test.script().is_some());
    let groups = of_scripts.map(|test| vec![test.clone()]).collect();
    play_groups(groups, Some(&coverage)).await?;
    let scripts = by_script(tests).into_iter();
    Ok(scripts
        .map(|(script, _)| Covered {
            lines: coverage.lines(&script),
            script,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::ProcessEnvironment;
    use crate::config::suite;
    use crate::suite::run;

    #[tokio::test]
    async fn marks_change_nothing_that_a_script_says() {
        let mut tests = Vec::new();
        for folder in ["scripts/matchers", "scripts/channels"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.to_string_lossy().ends_with(suite::SUFFIX) {
                    tests.extend(suite::load(&path, &ProcessEnvironment).unwrap().0.tests);
                }
            }
        }
        assert!(tests.len() > 80);
        let coverage = Arc::new(Coverage::default());
        let groups = tests.iter().map(|test| vec![test.clone()]).collect();
        let marked = play_groups(groups, Some(&coverage)).await.unwrap();
        let plain = run(tests.clone()).await.unwrap();
        for ((test, plain), marked) in tests.iter().zip(&plain).zip(marked.iter().flatten()) {
            assert!(marked.passes(), "{}: {:?}", test.name(), marked.failures);
            assert_eq!(
                format!("{plain:?}"),
                format!("{marked:?}"),
                "{}",
                test.name()
            );
        }
    }
}
