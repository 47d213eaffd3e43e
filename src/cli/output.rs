//! What every command prints with: results to standard output, notes to standard error, colours where they are wanted.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;
use thiserror::Error;
use tokio::sync::Notify;

use super::{Exit, fit};
use crate::channel::delivery::Console;
use crate::channel::message::Colour as MessageColour;
use crate::model::causes::Causes;
use crate::model::judgement::Outcome;

/// When colours are used.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Colour {
    pub(super) fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// Whether standard error takes colours.
pub(super) fn colours_on_stderr() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

/// Why the result did not arrive; commands go on writing and are told apart at their end.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// Whoever read standard output has closed it.
static GONE: Notify = Notify::const_new();
/// Whether that is so, for those who do not wait.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Why a result did not arrive.
#[derive(Debug, Error)]
#[error("could not write the result to standard output")]
struct LostError(#[source] io::Error);

/// Writes a line of the result for a person: on a narrow terminal it goes on below.
pub(super) fn result(line: impl Display) {
    match fit::columns(&io::stdout()) {
        Some(columns) => verbatim(fit::fitted(&line.to_string(), columns)),
        None => verbatim(line),
    }
}

/// Clears the terminal, so that what is written next stands at its top.
pub(super) fn from_the_top() {
    if io::stdout().is_terminal() {
        keep(write!(anstream::stdout(), "\x1b[H\x1b[2J"));
    }
}

/// Tells whether nobody reads the result any more, or it cannot be written.
pub(super) fn is_lost() -> bool {
    let lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
    CLOSED.load(Ordering::Relaxed) || lost.is_some()
}

/// Writes a line of the result as it is: for what is read by programs, or copied.
pub(super) fn verbatim(line: impl Display) {
    keep(writeln!(anstream::stdout(), "{line}"));
}

/// Writes a result that is bytes already.
pub(super) fn bytes(bytes: &[u8]) {
    keep(io::stdout().write_all(bytes));
}

/// Writes a note to standard error.
pub(super) fn note(line: impl Display) {
    let mut line = line.to_string();
    if let Some(columns) = fit::columns(&io::stderr()) {
        line = fit::fitted(&line, columns);
    }
    // Where standard error is gone there is nobody left to tell.
    writeln!(anstream::stderr(), "{line}").unwrap_or_default();
}

/// Keeps the first trouble with standard output. A closed pipe (`oes … | head`) is none.
pub(super) fn keep(written: io::Result<()>) {
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            CLOSED.store(true, Ordering::Relaxed);
            GONE.notify_one();
        }
        Err(error) => {
            let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
            lost.get_or_insert(error);
        }
    }
}

/// Waits until something was written to a closed pipe: nobody reads the result any more.
pub(super) async fn reader_gone() {
    GONE.notified().await;
}

/// Returns how a command ended: as it says, unless its result did not arrive.
pub(super) fn finish(exit: Exit) -> Exit {
    keep(io::stdout().flush());
    let lost = LOST.lock().unwrap_or_else(PoisonError::into_inner).take();
    lost.map_or(exit, |error| usage_error(&LostError(error)))
}

/// Writes an error with its causes to standard error and returns the exit code for wrong usage.
pub(super) fn usage_error(error: &dyn std::error::Error) -> Exit {
    refuse_as(None, Exit::Usage, error)
}

/// The JSON schema of a command, where its result is wanted as JSON.
pub(super) type Schema = Option<&'static str>;

/// Says why a command cannot do its work, as JSON on standard output where that is wanted, and returns the exit code for
/// wrong usage.
pub(super) fn refuse(schema: Schema, error: &dyn std::error::Error) -> Exit {
    refuse_as(schema, Exit::Usage, error)
}

/// Does the same with another exit code.
pub(super) fn refuse_as(schema: Schema, exit: Exit, error: &dyn std::error::Error) -> Exit {
    let text = Causes(error).to_string();
    match schema {
        Some(schema) => refuse_as_json(schema, exit, &text, None),
        None => note(format_args!("{} {text}", styled(ERROR, "error:"))),
    }
    exit
}

/// Says as JSON what is wrong with what a command was given, where that stands in no file.
pub(super) fn refuse_as_json(schema: &str, exit: Exit, message: &str, help: Option<&str>) {
    let mut mistake = serde_json::json!({ "severity": "error", "message": message });
    if let (Some(help), Some(members)) = (help, mistake.as_object_mut()) {
        members.insert("help".to_owned(), help.into());
    }
    json(&serde_json::json!({
        "schema": schema,
        "exit": exit as u8,
        "error": message,
        "mistakes": [mistake],
    }));
}

/// Returns the template of a progress bar that counts these, as wide as the terminal lets it be.
pub(super) fn bar(what: &str) -> String {
    let room = fit::columns(&io::stderr()).map_or(BAR, |columns| columns.saturating_sub(COUNTS));
    format!("{{bar:{}}} {{pos}} of {{len}} {what}", room.clamp(1, BAR))
}

/// Columns of a progress bar, and of what stands behind it.
const BAR: usize = 30;
const COUNTS: usize = 28;

/// Writes a value as one line of JSON to standard output.
pub(super) fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(line) => verbatim(line),
        Err(error) => note(format_args!("error: the result is not JSON: {error}")),
    }
}

pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const BOLD: Style = Style::new().bold();

/// Returns the style, the sign and the word of an outcome; never a colour alone.
pub(super) fn outcome_look(outcome: Outcome) -> (Style, &'static str) {
    match outcome {
        Outcome::Pass => (GOOD, "✓"),
        Outcome::Warn => (WARNING, "!"),
        Outcome::Unknown => (WARNING, "?"),
        Outcome::Fail | Outcome::Error => (ERROR, "✗"),
    }
}

/// A text in a style.
pub(super) fn styled(style: Style, text: impl Display) -> String {
    format!("{}{text}{}", style.render(), style.render_reset())
}

/// Returns the exit code for the heaviest of these outcomes; `warn` passes.
pub(super) fn exit_of(outcomes: impl IntoIterator<Item = Outcome>) -> Exit {
    match outcomes.into_iter().max().unwrap_or_default() {
        Outcome::Pass | Outcome::Warn => Exit::Pass,
        Outcome::Unknown => Exit::Unknown,
        Outcome::Fail => Exit::Fail,
        Outcome::Error => Exit::ScriptError,
    }
}

/// Writes a file, making its folder where it is missing.
pub(super) fn save_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create(path)?.write_all(bytes)
}

/// Returns where messages for the console go: standard output.
pub(super) fn console() -> Console {
    let plain = anstream::AutoStream::choice(&io::stdout()) == anstream::ColorChoice::Never;
    Console {
        write: Box::new(|text| result(text)),
        colour: if plain {
            MessageColour::Plain
        } else {
            MessageColour::Ansi
        },
    }
}
