//! Runs the tests of scripts, with nothing asked of anybody and nobody told.

mod coverage;
mod discover;
mod failed;
mod gate;
mod github;
mod human;
mod junit;
mod letters;
mod mutation;
mod report;
mod update;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgGroup, Args};
use regex::Regex;
use thiserror::Error;

use super::output::{self, Schema};
use super::{Exit, load, runtime, watch};
use crate::config::StandIns;
use crate::config::report::Report;
use crate::config::suite::{self, Case, Suite};
use crate::suite::{Covered, Mutated, Ran, cover, mutate, run as run_all};
use gate::Gate;
use update::Update;

/// Name of the JSON that this command prints.
const SCHEMA: &str = "oes.test/1";

/// Run the tests of scripts and of services
///
/// Reads NAME.test.toml files, gives each script or service the responses that they list, and each channel the messages,
/// on a simulated clock and without a network, and compares what it says with what they expect. Exit code 0 if all tests
/// pass, 1 if one fails, 2 if a file cannot be used or there is no test.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Files of tests, or folders that hold them at any depth
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Run only tests whose `FILE: NAME` matches
    #[arg(long, value_name = "REGEX")]
    filter: Option<Regex>,

    /// Run again when a script, a test or a fixture changes, until Ctrl-C
    #[arg(long, conflicts_with_all = ["list", "update"])]
    watch: bool,

    #[command(flatten)]
    measure: MeasureArguments,

    #[command(flatten)]
    change: ChangeArguments,

    #[command(flatten)]
    output: OutputArguments,
}

/// What tests are worth.
#[derive(Debug, Args)]
#[command(next_help_heading = "Measure", group(ArgGroup::new("measured").multiple(true)))]
struct MeasureArguments {
    /// Name the lines of each script that no test runs
    #[arg(long, conflicts_with = "list", group = "measured")]
    coverage: bool,

    /// Change each script in many small ways, and name the changes that no test fails for
    #[arg(long, conflicts_with = "list", group = "measured")]
    mutate: bool,

    /// Fail if less than so many percent of the lines are run, or of the changes caught
    #[arg(long, value_name = "PERCENT", requires = "measured", value_parser = clap::value_parser!(u8).range(1..=100))]
    min: Option<u8>,
}

/// What is written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Update")]
struct ChangeArguments {
    /// Take what comes out of tests that fail for what must: shows what would change in their files, and asks
    #[arg(long, conflicts_with_all = ["list", "json", "github", "junit", "measured"])]
    update: bool,

    /// Do not ask
    #[arg(long, requires = "update")]
    yes: bool,
}

/// What is shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
struct OutputArguments {
    /// Name the tests instead of running them
    #[arg(long)]
    list: bool,

    /// Print one JSON object (`oes.test/1`)
    #[arg(long)]
    json: bool,

    /// Print an annotation for each failure as well, as workflows of GitHub read them
    #[arg(long, conflicts_with_all = ["list", "json"])]
    github: bool,

    /// Write a report in the format of `JUnit` as well
    #[arg(long, value_name = "FILE", conflicts_with = "list")]
    junit: Option<PathBuf>,
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
    #[error("could not write what came out")]
    Update(#[source] std::io::Error),
}

/// The tests to run and what is wrong with their files.
struct Tests {
    /// Files that can be used, with the tests that were asked for; none is without one.
    suites: Vec<Suite>,
    /// What is wrong with files and scripts.
    report: Report,
    /// Files that were found.
    files: usize,
    /// Every file that was read.
    read: BTreeSet<PathBuf>,
    /// Secrets that are not there: nothing is sent, and something stands for them.
    stand_ins: Vec<String>,
}

impl Tests {
    fn iter(&self) -> impl Iterator<Item = (&Suite, &Case)> {
        self.suites
            .iter()
            .flat_map(|suite| suite.tests.iter().map(move |test| (suite, test)))
    }
}

/// The tests with what became of them, in order.
type Results<'a> = Vec<(&'a Suite, &'a Case, &'a Ran)>;

/// What the tests say of the scripts besides passing.
#[derive(Default)]
struct Measured {
    covered: Vec<Covered>,
    mutated: Vec<Mutated>,
    gate: Gate,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let (exit, files) = once(arguments);
    if arguments.watch && !files.is_empty() {
        watch::watch(files, || once(arguments).1)
    }
    exit
}

/// Runs the tests once; returns the files on which that depends as well.
fn once(arguments: &Arguments) -> (Exit, Vec<PathBuf>) {
    let refuse = |error: TestError| output::refuse(arguments.schema(), &error);
    let tests = match find(arguments) {
        Ok(tests) => tests,
        Err(error) => return (refuse(error), Vec::new()),
    };
    // A folder changes when a file comes or goes.
    let folders = tests.read.iter().filter_map(|path| path.parent());
    let folders = folders.filter(|folder| !folder.as_os_str().is_empty());
    let folders = folders.map(PathBuf::from).collect::<BTreeSet<_>>();
    let read = tests.read.iter().cloned();
    let files = read.chain(folders).chain(arguments.paths.iter().cloned());
    let files = files.collect();
    (pass(arguments, &tests).unwrap_or_else(refuse), files)
}

impl Arguments {
    fn schema(&self) -> Schema {
        self.output.json.then_some(SCHEMA)
    }
}

fn pass(arguments: &Arguments, tests: &Tests) -> Result<Exit, TestError> {
    let broken = tests.report.has_errors();
    if tests.suites.is_empty() && !broken {
        return Err(nothing(arguments));
    }
    if arguments.output.list {
        if !arguments.output.json {
            load::show(&tests.report);
        }
        list(arguments, tests);
        return Ok(if broken { Exit::Usage } else { Exit::Pass });
    }
    let runtime = runtime().map_err(TestError::Threads)?;
    let wanted: Vec<Case> = tests.iter().map(|(_, test)| test.clone()).collect();
    let ran = runtime.block_on(run_all(wanted.clone()));
    let ran = ran.map_err(TestError::Threads)?;
    let results: Results<'_> = tests
        .iter()
        .zip(&ran)
        .map(|((suite, test), ran)| (suite, test, ran))
        .collect();
    if !arguments.output.json {
        load::show(&report::interesting(&tests.report, &results));
        load::say_stand_ins(&tests.stand_ins);
    }
    // Where tests fail for the script itself, what else they say of it means nothing.
    let sound = ran.iter().all(Ran::passes) && !broken;
    let mut measured = Measured::default();
    if sound && arguments.measure.coverage {
        let covered = runtime.block_on(cover(&wanted));
        measured.covered = covered.map_err(TestError::Threads)?;
    }
    if sound && arguments.measure.mutate {
        let mutated = runtime.block_on(mutate(&wanted));
        measured.mutated = mutated.map_err(TestError::Threads)?;
    }
    runtime.shutdown_timeout(Duration::from_millis(100));
    if arguments.change.update {
        return update(arguments, tests, &results);
    }
    let unsound = match (broken, sound) {
        (true, _) => Some("files have mistakes"),
        (false, false) => Some("tests fail"),
        (false, true) => None,
    };
    measured.gate = Gate::of(&arguments.measure, tests, &measured, unsound);
    let exit = match (broken, sound && measured.gate.short.is_empty()) {
        (true, _) => Exit::Usage,
        (false, true) => Exit::Pass,
        (false, false) => Exit::Fail,
    };
    show(arguments, tests, &results, &measured, exit)?;
    Ok(exit)
}

fn show(
    arguments: &Arguments,
    tests: &Tests,
    results: &Results<'_>,
    measured: &Measured,
    exit: Exit,
) -> Result<(), TestError> {
    if arguments.output.json {
        let coverage = arguments
            .measure
            .coverage
            .then(|| coverage::json(&measured.covered));
        let mutants = arguments
            .measure
            .mutate
            .then(|| mutation::json(&measured.mutated));
        let parts = [("coverage", coverage), ("mutants", mutants)];
        let parts = parts.into_iter();
        let mut parts: Vec<_> = parts.filter_map(|(key, part)| Some((key, part?))).collect();
        if !parts.is_empty() {
            parts.extend(measured.gate.json());
        }
        output::json(&report::json(results, tests, exit, parts));
    } else {
        human::print(results, tests);
        coverage::print(&measured.covered, arguments.measure.min);
        mutation::print(&measured.mutated, arguments.measure.min);
        measured.gate.print();
    }
    if arguments.output.github {
        github::print(results, &tests.report, &measured.gate);
    }
    let Some(path) = &arguments.output.junit else {
        return Ok(());
    };
    let text = junit::report(results, &tests.report, &measured.gate);
    output::save_file(path, text.as_bytes()).map_err(|source| TestError::Junit {
        path: path.display().to_string(),
        source,
    })
}

/// Rewrites what the tests that fail say of what must come out.
fn update(arguments: &Arguments, tests: &Tests, results: &Results<'_>) -> Result<Exit, TestError> {
    human::print_files(results, tests);
    let update = Update::of(results);
    let passes = update
        .perform(arguments.change.yes)
        .map_err(TestError::Update)?;
    Ok(match (tests.report.has_errors(), passes) {
        (true, _) => Exit::Usage,
        (false, true) => Exit::Pass,
        (false, false) => Exit::Fail,
    })
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
        read: BTreeSet::new(),
        stand_ins: Vec::new(),
    };
    let environment = StandIns::default();
    let mut reported = BTreeSet::new();
    for path in paths {
        let report = match suite::load(&path, &environment) {
            Ok((mut suite, report)) => {
                if let Some(filter) = &arguments.filter {
                    let file = Arc::clone(&suite.file);
                    suite
                        .tests
                        .retain(|test| filter.is_match(&format!("{file}: {}", test.name())));
                }
                if !suite.tests.is_empty() {
                    tests.suites.push(suite);
                }
                report
            }
            Err(report) => report,
        };
        tests.read.extend(report.read);
        // A script that several files test has its mistakes once.
        for file in report.files {
            if reported.insert(Arc::clone(&file.name)) {
                tests.report.files.push(file);
            }
        }
        tests.report.unlisted += report.unlisted;
    }
    tests.stand_ins = environment.missing();
    Ok(tests)
}

fn list(arguments: &Arguments, tests: &Tests) {
    if arguments.output.json {
        return output::json(&report::list(tests));
    }
    for (suite, test) in tests.iter() {
        output::result(format_args!(
            "{}:{}: {}",
            suite.file,
            test.line(),
            test.name()
        ));
    }
}
