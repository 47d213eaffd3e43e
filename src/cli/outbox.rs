//! What channels have not been told.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use super::output::{self, BOLD, ERROR, FAINT, WARNING};
use super::table::{self, Cell};
use super::{Exit, control, load, watched};
use crate::channel::message::moment;
use crate::clock::Clock;
use crate::model::duration::{Shown, since};
use crate::policy::orders::{Order, Refusal};
use crate::policy::outbox::{Entry, State, entries};

/// Show what channels have not been told yet or could not be told, and decide what becomes of it
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(ListArguments),
    Show(ShowArguments),
    Retry(RetryArguments),
    Drop(DropArguments),
}

/// List what is owed, and after it what was given up
#[derive(Debug, Args)]
struct ListArguments {
    /// The ops config, JSON or TOML [default: the oes.toml or oes.json here]
    config: Option<PathBuf>,

    /// Print one JSON object (`oes.outbox-list/1`)
    #[arg(long)]
    json: bool,
}

/// Show all that is known of a message
#[derive(Debug, Args)]
#[command(override_usage = "oes outbox show [OPTIONS] [CONFIG] <MESSAGE>")]
struct ShowArguments {
    /// The id of the message; before it the ops config, unless that is the oes.toml or oes.json here
    #[arg(required = true, num_args = 1..=2, value_name = "MESSAGE")]
    subject: Vec<String>,

    /// Print one JSON object (`oes.outbox-show/1`)
    #[arg(long)]
    json: bool,
}

/// Send a message that was given up after all, or one that is owed without waiting any longer
///
/// What is sent is the newest truth about the incident.
#[derive(Debug, Args)]
#[command(override_usage = "oes outbox retry [OPTIONS] [CONFIG] <MESSAGE>")]
struct RetryArguments {
    /// The id of the message; before it the ops config, unless that is the oes.toml or oes.json here
    #[arg(required = true, num_args = 1..=2, value_name = "MESSAGE")]
    subject: Vec<String>,

    /// Print one JSON object (`oes.outbox-retry/1`)
    #[arg(long)]
    json: bool,
}

/// Never send a message
///
/// What becomes of the incident after that is another message, and is sent.
#[derive(Debug, Args)]
#[command(override_usage = "oes outbox drop [OPTIONS] [CONFIG] <MESSAGE>")]
struct DropArguments {
    /// The id of the message; before it the ops config, unless that is the oes.toml or oes.json here
    #[arg(required = true, num_args = 1..=2, value_name = "MESSAGE")]
    subject: Vec<String>,

    /// Print one JSON object (`oes.outbox-drop/1`)
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listed {
    schema: &'static str,
    exit: u8,
    entries: Vec<Entry>,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match &arguments.command {
        Command::List(arguments) => list(arguments),
        Command::Show(arguments) => show(arguments),
        Command::Retry(arguments) => {
            let schema = arguments.json.then_some("oes.outbox-retry/1");
            act(&arguments.subject, Order::Retry, schema)
        }
        Command::Drop(arguments) => {
            let schema = arguments.json.then_some("oes.outbox-drop/1");
            act(&arguments.subject, Order::Drop, schema)
        }
    }
}

fn act(words: &[String], order: fn(String) -> Order, schema: output::Schema) -> Exit {
    match load::subject(words) {
        Ok((config, message)) => control::order(&config, order(message.clone()), schema),
        Err(error) => output::refuse(schema, &error),
    }
}

fn list(arguments: &ListArguments) -> Exit {
    let schema = arguments.json.then_some("oes.outbox-list/1");
    let snapshot = match watched::state(arguments.config.as_deref(), schema) {
        Ok((_, snapshot)) => snapshot,
        Err(exit) => return exit,
    };
    let now = Clock::System.now();
    let entries = entries(&snapshot.ledger, now);
    let exit = Exit::Pass;
    if let Some(schema) = schema {
        output::json(&Listed {
            schema,
            exit: exit as u8,
            entries,
        });
        return exit;
    }
    let rows: Vec<_> = entries.iter().map(|entry| row(entry, now)).collect();
    if rows.is_empty() {
        output::note("every channel has been told everything");
    }
    table::print(&rows);
    exit
}

fn row(entry: &Entry, now: Timestamp) -> Vec<Cell> {
    let span = Shown(since(entry.since, now));
    let state = match entry.state {
        State::Owed => Cell::new(WARNING, format_args!("owed for {span}")),
        State::Dead => Cell::new(ERROR, format_args!("given up {span} ago")),
    };
    let why = entry.held.as_ref().or(entry.error.as_ref());
    let why = why.and_then(|why| why.lines().next()).unwrap_or_default();
    vec![
        Cell::plain(&entry.message_id),
        state,
        Cell::plain(format_args!("on {}", entry.channel)),
        Cell::new(
            BOLD,
            format_args!("{} · {}", entry.service, entry.violation),
        ),
        Cell::plain(why),
    ]
}

fn show(arguments: &ShowArguments) -> Exit {
    let schema = arguments.json.then_some("oes.outbox-show/1");
    let (config, message) = match load::subject(&arguments.subject) {
        Ok(subject) => subject,
        Err(error) => return output::refuse(schema, &error),
    };
    let snapshot = match watched::state(Some(&config), schema) {
        Ok((_, snapshot)) => snapshot,
        Err(exit) => return exit,
    };
    let mut entries = entries(&snapshot.ledger, Clock::System.now());
    entries.retain(|entry| entry.message_id == *message);
    if entries.is_empty() {
        let text = format!("no message `{message}` is owed or was given up");
        return output::refuse_as(schema, Exit::Fail, &Refusal::not_found(text));
    }
    if let Some(schema) = schema {
        output::json(&Listed {
            schema,
            exit: Exit::Pass as u8,
            entries,
        });
        return Exit::Pass;
    }
    let zone = watched::zone(&config);
    for entry in &entries {
        let at = |at| moment(at, &zone);
        let state = match entry.state {
            State::Owed => format!("owed since {}", at(entry.since)),
            State::Dead => format!("given up {}", at(entry.since)),
        };
        let facts = [
            ("message", Some(entry.message_id.clone())),
            ("channel", Some(entry.channel.to_string())),
            ("state", Some(state)),
            (
                "about",
                Some(format!("{} · {}", entry.service, entry.violation)),
            ),
            ("incident", Some(entry.incident.to_string())),
            ("tries", Some(entry.attempts.to_string())),
            ("next try", entry.next_at.map(at)),
            ("held back", entry.held.clone()),
            ("error", entry.error.clone()),
        ];
        let rows = facts
            .into_iter()
            .filter_map(|(name, value)| Some(vec![Cell::new(FAINT, name), Cell::plain(value?)]));
        table::print(&rows.collect::<Vec<_>>());
    }
    Exit::Pass
}
