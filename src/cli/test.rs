//! Runs the tests of scripts, with nothing asked of anybody and nobody told.

mod discover;
mod failed;
mod human;
mod junit;
mod letters;
mod mutation;
mod report;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use regex::Regex;
use thiserror::Error;

use super::output::{self, Schema};
use super::{Exit, load, runtime};
use crate::config::ProcessEnvironment;
use crate::config::report::Report;
use crate::config::suite::{self, Suite, Test};
use crate::suite::{Ran, mutate, run as run_all};

/// Name of the JSON that this command prints.
const SCHEMA: &str = "oes.test/1";

/// Run the tests of scripts and of services
///
/// Reads NAME.test.toml files, gives each script or service the responses that they list, on a simulated clock and without
/// a network, and compares what it says with what they expect. Exit code 0 if all tests pass, 1 if one fails, 2 if a file
/// cannot be used or there is no test.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Files of tests, or folders that hold them at any depth
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Run only tests whose `FILE: NAME` matches
    #[arg(long, value_name = "REGEX")]
    filter: Option<Regex>,

    /// Name the tests instead of running them
    #[arg(long)]
    list: bool,

    /// Print one JSON object (`oes.test/1`)
    #[arg(long)]
    json: bool,

    /// Write a report in the format of `JUnit` as well
    #[arg(long, value_name = "FILE", conflicts_with = "list")]
    junit: Option<PathBuf>,

    /// Change each script in many small ways, and name the changes that no test fails for
    #[arg(long, conflicts_with = "list")]
    mutate: bool,

    /// Fail if less than so many percent of the changes are caught
    #[arg(long, value_name = "PERCENT", requires = "mutate", value_parser = clap::value_parser!(u8).range(1..=100))]
    min: Option<u8>,
}

/// Why no test is run.
#[derive(Debug, Error)]
enum TestError {
    #[error("{path}")]
    Unreadable {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("there is no file *.test.toml in {0}")]
    NoFiles(String),
    #[error("no test matches --filter {0}")]
    NothingMatches(Regex),
    #[error("could not start the script threads")]
    Threads(#[source] std::io::Error),
    #[error("could not write {path}")]
    Junit {
        path: String,
        #[source]
        source: std::io::Error,
    },
}

/// The tests to run and what is wrong with their files.
struct Tests {
    /// Files that can be used, with the tests that were asked for; none is without one.
    suites: Vec<Suite>,
    /// What is wrong with files and scripts.
    report: Report,
    /// Files that were found.
    files: usize,
}

impl Tests {
    fn iter(&self) -> impl Iterator<Item = (&Suite, &Arc<Test>)> {
        self.suites
            .iter()
            .flat_map(|suite| suite.tests.iter().map(move |test| (suite, test)))
    }
}

/// The tests with what became of them, in order.
type Results<'a> = Vec<(&'a Suite, &'a Test, &'a Ran)>;

pub(super) fn run(arguments: &Arguments) -> Exit {
    match pass(arguments) {
        Ok(exit) => exit,
        Err(error) => output::refuse(arguments.schema(), &error),
    }
}

impl Arguments {
    fn schema(&self) -> Schema {
        self.json.then_some(SCHEMA)
    }
}

fn pass(arguments: &Arguments) -> Result<Exit, TestError> {
    let tests = find(arguments)?;
    if !arguments.json {
        load::show(&tests.report);
    }
    let broken = tests.report.has_errors();
    if tests.suites.is_empty() && !broken {
        return Err(nothing(arguments));
    }
    if arguments.list {
        list(arguments, &tests);
        return Ok(if broken { Exit::Usage } else { Exit::Pass });
    }
    let runtime = runtime().map_err(TestError::Threads)?;
    let wanted: Vec<Arc<Test>> = tests.iter().map(|(_, test)| Arc::clone(test)).collect();
    let ran = runtime.block_on(run_all(wanted.clone()));
    let ran = ran.map_err(TestError::Threads)?;
    // Where tests fail for the script itself, what they say of its changes means nothing.
    let sound = ran.iter().all(Ran::passes) && !broken;
    let mutated = if arguments.mutate && sound {
        runtime
            .block_on(mutate(&wanted))
            .map_err(TestError::Threads)?
    } else {
        Vec::new()
    };
    runtime.shutdown_timeout(Duration::from_millis(100));
    let results: Results<'_> = tests
        .iter()
        .zip(&ran)
        .map(|((suite, test), ran)| (suite, &**test, ran))
        .collect();
    let enough = mutation::enough(&mutated, arguments.min);
    let exit = match (broken, sound && enough) {
        (true, _) => Exit::Usage,
        (false, true) => Exit::Pass,
        (false, false) => Exit::Fail,
    };
    if arguments.json {
        let mutants = arguments.mutate.then(|| mutation::json(&mutated));
        output::json(&report::json(&results, &tests.report, exit, mutants));
    } else {
        human::print(&results, &tests);
        mutation::print(&mutated, arguments.min);
    }
    if let Some(path) = &arguments.junit {
        let text = junit::report(&results, &tests.report);
        output::save_file(path, text.as_bytes()).map_err(|source| TestError::Junit {
            path: path.display().to_string(),
            source,
        })?;
    }
    Ok(exit)
}

fn nothing(arguments: &Arguments) -> TestError {
    match &arguments.filter {
        Some(filter) => TestError::NothingMatches(filter.clone()),
        None => TestError::NoFiles(discover::shown(&arguments.paths)),
    }
}

/// Finds and reads the tests that the arguments mean.
fn find(arguments: &Arguments) -> Result<Tests, TestError> {
    let paths = discover::files(&arguments.paths)?;
    if paths.is_empty() {
        return Err(TestError::NoFiles(discover::shown(&arguments.paths)));
    }
    let mut tests = Tests {
        suites: Vec::new(),
        report: Report::default(),
        files: paths.len(),
    };
    let mut reported = BTreeSet::new();
    for path in paths {
        let report = match suite::load(&path, &ProcessEnvironment) {
            Ok((mut suite, report)) => {
                if let Some(filter) = &arguments.filter {
                    let file = Arc::clone(&suite.file);
                    suite
                        .tests
                        .retain(|test| filter.is_match(&format!("{file}: {}", test.name)));
                }
                if !suite.tests.is_empty() {
                    tests.suites.push(suite);
                }
                report
            }
            Err(report) => report,
        };
        // A script that several files test has its mistakes once.
        for file in report.files {
            if reported.insert(Arc::clone(&file.name)) {
                tests.report.files.push(file);
            }
        }
        tests.report.unlisted += report.unlisted;
    }
    Ok(tests)
}

fn list(arguments: &Arguments, tests: &Tests) {
    if arguments.json {
        return output::json(&report::list(tests));
    }
    for (suite, test) in tests.iter() {
        output::result(format_args!("{}:{}: {}", suite.file, test.line, test.name));
    }
}
