//! Badges: a state or a number as a small picture, or as JSON for services that draw their own.

use askama::Template;
use serde_json::json;

use super::state::State;
use crate::model::tally::{Share, Tally};

/// A badge.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "badge.svg")]
pub(super) struct Badge {
    label: String,
    value: String,
    colour: &'static str,
}

const GREEN: &str = "#1f7a4a";
const GREY: &str = "#5a6068";

impl Badge {
    /// Returns the badge of a state.
    pub(super) fn of_state(label: &str, state: State) -> Self {
        let colour = match state {
            State::Operational => GREEN,
            State::Maintenance => "#2758b5",
            State::NoData => GREY,
            State::Degraded => "#875400",
            State::PartialOutage => "#a84300",
            State::MajorOutage => "#b3170f",
        };
        Self::new(label, &state.words().to_lowercase(), colour)
    }

    /// Returns the badge of an uptime.
    pub(super) fn of_uptime(label: &str, span: &str, tally: &Tally) -> Self {
        let share = tally.uptime();
        let colour = match share.map(Share::millionths) {
            None => GREY,
            Some(999_000..) => GREEN,
            Some(990_000..) => "#875400",
            Some(_) => "#b3170f",
        };
        let value = share.map_or_else(|| "no data".to_owned(), |share| share.to_string());
        Self::new(&format!("{label} uptime {span}"), &value, colour)
    }

    /// Returns the badge of a latency.
    pub(super) fn of_latency(
        label: &str,
        what: &str,
        latency: Option<String>,
        is_high: bool,
    ) -> Self {
        let colour = match (&latency, is_high) {
            (None, _) => GREY,
            (_, true) => "#875400",
            (_, false) => GREEN,
        };
        Self::new(
            &format!("{label} {what}"),
            &latency.unwrap_or_else(|| "no data".to_owned()),
            colour,
        )
    }

    /// Returns the badge of a number that only a history has which cannot be read.
    pub(super) fn unreadable(label: &str, what: &str) -> Self {
        Self::new(&format!("{label} {what}"), "cannot be read", GREY)
    }

    /// Returns the badge that says why there is no other.
    pub(super) fn of_mistake(label: &str, words: &str) -> Self {
        Self::new(label, words, GREY)
    }

    fn new(label: &str, value: &str, colour: &'static str) -> Self {
        let label: String = label
            .chars()
            .filter(|letter| !letter.is_control())
            .take(60)
            .collect();
        Self {
            label,
            value: value.to_owned(),
            colour,
        }
    }

    /// Returns it as the endpoint badge of shields.io asks for.
    pub(super) fn to_json(&self) -> String {
        let badge = json!({
            "schemaVersion": 1,
            "label": self.label,
            "message": self.value,
            "color": self.colour.trim_start_matches('#'),
        });
        badge.to_string()
    }

    fn label_width(&self) -> usize {
        width(&self.label) + 12
    }

    fn value_width(&self) -> usize {
        width(&self.value) + 12
    }

    fn width(&self) -> usize {
        self.label_width() + self.value_width()
    }

    fn value_at(&self) -> usize {
        self.label_width() + 6
    }

    fn label_room(&self) -> usize {
        width(&self.label)
    }

    fn value_room(&self) -> usize {
        width(&self.value)
    }
}

/// Returns about how many pixels a text has in 11 px Verdana; the picture makes it fit.
fn width(text: &str) -> usize {
    let of = |letter: char| match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '|' | '\'' | '!' => 4,
        ' ' | 'f' | 'r' | 't' | '/' | '(' | ')' | '[' | ']' | '-' => 5,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 11,
        letter if letter.is_ascii_lowercase() || letter.is_ascii_digit() => 7,
        letter if letter.is_ascii() => 8,
        _ => 11,
    };
    text.chars().map(of).sum()
}
