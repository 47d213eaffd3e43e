//! How each channel is doing, what it is owed, and the messages that nobody will get.

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::output::{self, BOLD, ERROR, FAINT, GOOD, WARNING, styled};
use crate::cli::table::{self, Cell};
use crate::model::counted::counted;
use crate::model::duration::{Shown, since};
use crate::model::incident::{ChannelState, DeadLetter, Ledger};
use crate::model::service::ChannelName;
use crate::model::shell;
use crate::policy::doing::Doing;
use crate::policy::owed;

/// How many dead letters are shown; the state file has all.
const LETTERS_SHOWN: usize = 5;

/// A channel with what it is owed.
#[derive(Serialize)]
pub(super) struct Channel<'a> {
    name: &'a ChannelName,
    doing: Doing,
    owed: usize,
    owed_since: Option<Timestamp>,
    #[serde(flatten)]
    state: &'a ChannelState,
}

/// Returns every channel that the daemon knows.
pub(super) fn of(ledger: &Ledger, now: Timestamp) -> Vec<Channel<'_>> {
    let channel = |(name, state)| {
        let (owed, owed_since) = owed::backlog(ledger, name);
        let doing = Doing::of(state, now);
        Channel {
            name,
            doing,
            owed,
            owed_since,
            state,
        }
    };
    ledger.channels.iter().map(channel).collect()
}

/// Returns the newest dead letters, the newest first.
pub(super) fn newest_letters(ledger: &Ledger) -> Vec<&DeadLetter> {
    let newest = ledger.dead_letters.iter().rev();
    newest.take(LETTERS_SHOWN).collect()
}

impl Channel<'_> {
    fn cells(&self, now: Timestamp) -> Vec<Cell> {
        let owed = match (self.owed, self.owed_since) {
            (0, _) | (_, None) => Cell::new(FAINT, "nothing owed"),
            (1, Some(at)) => Cell::plain(format_args!("1 owed for {}", Shown(since(at, now)))),
            (owed, Some(at)) => {
                let oldest = Shown(since(at, now));
                Cell::plain(format_args!("{owed} owed, the oldest for {oldest}"))
            }
        };
        let last = self.state.last_success.map_or_else(
            || "nothing sent yet".to_owned(),
            |at| format!("last message {} ago", Shown(since(at, now))),
        );
        vec![
            Cell::new(FAINT, "channel"),
            Cell::plain(self.name),
            self.doing_cell(now),
            owed,
            Cell::new(FAINT, last),
        ]
    }

    fn doing_cell(&self, now: Timestamp) -> Cell {
        let next = self.state.paused_until.filter(|until| *until > now);
        match self.doing {
            Doing::Fine => Cell::new(GOOD, "fine"),
            Doing::Paused => {
                let until = next.map_or_else(String::new, clock_time);
                Cell::new(
                    WARNING,
                    format_args!("paused until {until} (asked to wait)"),
                )
            }
            Doing::Failing => {
                let tries = counted(self.state.failures as usize, "try");
                let next = match next.filter(|_| self.owed > 0) {
                    Some(next) => format!(", next about {}", clock_time(next)),
                    None => String::new(),
                };
                Cell::new(WARNING, format_args!("failing, {tries}{next}"))
            }
            Doing::Disabled => Cell::new(ERROR, "disabled"),
        }
    }

    /// Returns what a person should know of a channel that takes nothing.
    fn trouble(&self) -> Option<String> {
        let why = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        match self.doing {
            Doing::Fine => None,
            Doing::Paused | Doing::Failing => why(&self.state.last_error),
            Doing::Disabled => {
                let why = why(&self.state.disabled).unwrap_or_default();
                let name = shell::quoted(self.name.as_str());
                Some(format!("{why}; for a new try: oes channel resume {name}"))
            }
        }
    }
}

/// Returns the time of day; no pause is longer than an hour.
fn clock_time(at: Timestamp) -> String {
    at.strftime("%H:%M:%S UTC").to_string()
}

/// Prints the channels, and below each that takes nothing why.
pub(super) fn print(channels: &[Channel<'_>], now: Timestamp) {
    let rows: Vec<_> = channels.iter().map(|channel| channel.cells(now)).collect();
    for (line, channel) in table::shown(&rows).into_iter().zip(channels) {
        output::result(line);
        if let Some(trouble) = channel.trouble() {
            let trouble = format!("  {}", one_line(&trouble));
            table::print(&[vec![Cell::new(FAINT, trouble)]]);
        }
    }
}

/// Prints the newest dead letters and how many more there are.
pub(super) fn print_letters(ledger: &Ledger, now: Timestamp) {
    let count = ledger.dead_letters.len();
    if count == 0 {
        return;
    }
    output::result(styled(
        ERROR,
        format_args!("{} could not be delivered", counted(count, "message")),
    ));
    let rows: Vec<_> = newest_letters(ledger)
        .into_iter()
        .map(|letter| letter_row(letter, now))
        .collect();
    table::print(&rows);
    let hidden = count.saturating_sub(LETTERS_SHOWN);
    if hidden > 0 {
        output::result(styled(FAINT, format_args!("  and {hidden} older")));
    }
}

fn letter_row(letter: &DeadLetter, now: Timestamp) -> Vec<Cell> {
    vec![
        Cell::new(ERROR, "  ✗"),
        Cell::new(
            BOLD,
            format_args!("{} · {}", letter.service, letter.violation),
        ),
        Cell::plain(format_args!("on {}", letter.channel)),
        Cell::new(FAINT, format_args!("{} ago", Shown(since(letter.at, now)))),
        Cell::plain(one_line(&letter.error)),
    ]
}

fn one_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
