//! What happened, in words.

use std::collections::HashMap;
use std::fmt;

use jiff::Timestamp;

use crate::model::duration::{Shown, since};
use crate::model::event::{Event, EventKind};
use crate::model::incident::{Announced, Delivery, Ending, Incident};
use crate::model::service::ChannelName;
use crate::policy::story::{Story, Told};

/// One line of the timeline.
pub(super) struct Line {
    pub(super) at: Timestamp,
    /// Whether the incident itself changed, and not only who knows of it.
    pub(super) is_fact: bool,
    text: String,
    /// How often it happened in a row.
    times: u32,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match self.times {
            1 => Ok(()),
            times => write!(f, " ({times} times)"),
        }
    }
}

/// Returns the timeline, oldest first. Where nothing was written down it is what the incident itself knows.
pub(super) fn timeline(story: &Story) -> Vec<Line> {
    let incident = &story.incident;
    let known = |kind| story.events.iter().any(|event| event.kind == kind);
    let mut lines = lines(&story.events);
    let mut fact = |at, text: String| {
        lines.push(Line {
            at,
            is_fact: true,
            text,
            times: 1,
        });
    };
    if let Some(at) = incident.last_good {
        fact(at, "the last probe that passed".to_owned());
    }
    if !known(EventKind::Opened) {
        fact(
            incident.opened_at,
            format!("opened: {}", incident.reason.rule),
        );
    }
    if let Some(ack) = &incident.ack
        && !known(EventKind::Acked)
    {
        fact(ack.at, format!("taken on by {}", ack.by));
    }
    if let Some(at) = incident.closed_at
        && !known(EventKind::Closed)
    {
        fact(at, ending(incident));
    }
    lines.sort_by_key(|line| line.at);
    lines
}

/// Returns the lines of events: of a message what became of it, and of tries that failed alike how many there were.
fn lines(events: &[Event]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut refused: HashMap<&ChannelName, (&Event, usize, u32)> = HashMap::new();
    for (position, event) in events.iter().enumerate() {
        let Some(channel) = &event.channel else {
            lines.push(line(event));
            continue;
        };
        let rest = events.get(position + 1..).unwrap_or_default();
        if event.kind == EventKind::Intended && has_ended(rest, channel) {
            continue;
        }
        let before = refused.get_mut(channel);
        if let Some((known, place, count)) = before
            && known.kind == event.kind
            && known.text == event.text
        {
            *count += 1;
            if let Some(first) = lines.get_mut(*place) {
                first.times = *count;
            }
            continue;
        }
        refused.remove(channel);
        if event.kind == EventKind::Refused {
            refused.insert(channel, (event, lines.len(), 1));
        }
        lines.push(line(event));
    }
    lines
}

/// Tells whether what became of a message is known.
fn has_ended(rest: &[Event], channel: &ChannelName) -> bool {
    let mut next = rest
        .iter()
        .filter(|event| event.channel.as_ref() == Some(channel));
    let of_message = [EventKind::Intended, EventKind::Taken, EventKind::Refused];
    let end = next.find(|event| of_message.contains(&event.kind));
    end.is_some_and(|event| event.kind != EventKind::Intended)
}

fn line(event: &Event) -> Line {
    let text = &event.text;
    let channel = event
        .channel
        .as_ref()
        .map_or("", |channel| channel.as_str());
    let is_fact = event.channel.is_none();
    let text = match event.kind {
        EventKind::Opened => format!("opened: {text}"),
        EventKind::Finding => format!("another finding: {text}"),
        EventKind::Reminder => format!("a reminder is due: {text}"),
        EventKind::Acked => format!("taken on {text}"),
        EventKind::Closed => text.clone(),
        EventKind::Intended => format!("{channel} is sent {text}"),
        EventKind::Taken => format!("{channel} took {text}"),
        EventKind::Refused => format!("{channel} did not take {text}"),
        EventKind::GivenUp => format!("given up on {channel} {text}"),
        EventKind::OwedAgain => format!("owed to {channel} again"),
        EventKind::Muted => format!("held back from {channel} by {text}"),
        EventKind::Unmuted => format!("no longer held back from {channel} by {text}"),
        EventKind::Untold => format!("not told to {channel}: {text}"),
        EventKind::Fallback => format!("{channel} is told {text}"),
    };
    Line {
        at: event.at,
        is_fact,
        text,
        times: 1,
    }
}

/// Returns how an incident ended, and after how long.
pub(super) fn ending(incident: &Incident) -> String {
    let Some(closed) = incident.closed_at else {
        return "still open".to_owned();
    };
    let span = Shown(since(incident.opened_at, closed));
    match incident.ending {
        Some(Ending::Unwatched) => format!("no longer watched after {span}"),
        _ => format!("recovered after {span}"),
    }
}

/// Returns how far a channel knows of an incident.
pub(super) fn fate(told: &Told, incident: &Incident) -> String {
    let delivery: &Delivery = &told.delivery;
    let error = || delivery.last_error.as_deref().unwrap_or("not tried yet");
    if delivery.acked_generation >= incident.generation {
        return match delivery.announced {
            Announced::No => "not told, and need not be".to_owned(),
            _ => "knows all".to_owned(),
        };
    }
    if let Some(muted) = delivery.muted.as_ref().filter(|muted| muted.is_on) {
        return format!("held back by {}", muted.why);
    }
    if delivery.given_up.is_some() {
        return format!("given up: {}", error());
    }
    let knows = match delivery.announced {
        Announced::No => "knows nothing",
        Announced::Possibly => "may know of the opening",
        Announced::Yes => "knows of the opening",
    };
    format!("{knows}; owed the newest: {}", error())
}
