//! What a message says, line by line, whatever it is written on.

use std::fmt;

use anstyle::AnsiColor;

use super::{IncidentMessage, Summary, SummaryKind, samples, words};
use crate::model::counted::counted;
use crate::model::duration::Shown;
use crate::model::service::ServiceSeverity;
use crate::policy::owed::Telling;

/// What a message is written on. It takes data as it is and makes it harmless.
pub(super) trait Page {
    /// Writes the first line: the word that a reader sees first, and the title.
    fn head(&mut self, word: &str, colour: AnsiColor, title: &str) -> fmt::Result;

    /// Writes a line, nothing for an empty one.
    fn line(&mut self, line: &str) -> fmt::Result;

    /// Writes a line with a label, nothing for an empty value.
    fn row(&mut self, label: &str, value: &str) -> fmt::Result;

    /// Writes a gap.
    fn blank(&mut self) -> fmt::Result;
}

/// Lines of a message about many things that are shown.
const SUMMARY_LINES_MAX: usize = 20;
/// Characters of one value that are shown.
const VALUE_CHARACTERS_MAX: usize = 300;

impl IncidentMessage {
    /// Writes all that it says.
    pub(super) fn write(&self, page: &mut impl Page) -> fmt::Result {
        let reason = &self.incident.reason;
        page.head(self.word(), self.colour(), &self.title())?;
        let resolved = self.telling == Telling::Resolve;
        if self.incident.is_open() {
            page.line(&reason.rule)?;
        } else {
            page.row("it was", &reason.rule)?;
            let kept = reason.kept.as_deref();
            page.row("now", kept.map_or("", |kept| &kept.rule))?;
        }
        if let Some(note) = self.note() {
            page.line(&note)?;
        }
        if let Some(finding) = &reason.finding {
            page.blank()?;
            page.line(finding)?;
            for (label, value) in [("expected", &reason.expected), ("actual", &reason.actual)] {
                let value = value
                    .as_ref()
                    .map(|value| value.summary(VALUE_CHARACTERS_MAX));
                if let Some(value) = value.filter(|value| !resolved && !says(finding, value)) {
                    page.row(label, &value)?;
                }
            }
            let code = reason.code.as_deref().map(|code| format!("[{code}]"));
            let found: Vec<String> = code.into_iter().chain(reason.place.clone()).collect();
            if !resolved {
                page.row("found by", &found.join(" "))?;
                match reason.more_findings {
                    0 => {}
                    more => page.row("and", &counted(more, "more finding"))?,
                }
            }
        }
        page.blank()?;
        if !resolved {
            page.row("exchange", &reason.exchange)?;
        }
        self.times(page)?;
        page.row("probes", &self.drawing())?;
        page.row(
            "runbook",
            self.subject.runbook.as_deref().unwrap_or_default(),
        )?;
        page.row("page", self.sending.link.as_deref().unwrap_or_default())?;
        page.row("service", &self.about())?;
        let footnotes = self.sending.footnotes();
        let notes = footnotes.iter().map(|note| format!(" · {note}"));
        page.row(
            "incident",
            &format!("{}{}", self.incident.id, notes.collect::<String>()),
        )
    }

    /// Returns the word that a reader sees first; colour is never the only sign.
    pub(super) fn word(&self) -> &'static str {
        match self.telling {
            Telling::Fire => "✗ OPEN",
            Telling::Resolve => "✓ RESOLVED",
            Telling::Outage(_) => "! WAS OPEN",
            Telling::Unwatched => "? UNWATCHED",
            Telling::Left => "? LEFT",
            Telling::Reminder => "✗ STILL OPEN",
            Telling::Acked => "· TAKEN ON",
        }
    }

    fn colour(&self) -> AnsiColor {
        match (self.telling, self.subject.severity) {
            (Telling::Fire | Telling::Reminder, severity) => alarm(severity),
            (Telling::Outage(_), _) => AnsiColor::Yellow,
            (Telling::Resolve, _) => AnsiColor::Green,
            (Telling::Unwatched | Telling::Left, _) => AnsiColor::Magenta,
            (Telling::Acked, _) => AnsiColor::Cyan,
        }
    }

    fn times(&self, page: &mut impl Page) -> fmt::Result {
        let incident = &self.incident;
        let opened = self.sending.moment(incident.opened_at);
        match incident.closed_at {
            Some(closed) => page.row(
                "open",
                &format!(
                    "{opened} to {} ({})",
                    self.sending.moment(closed),
                    words::span(self.duration())
                ),
            )?,
            None => page.row(
                "since",
                &format!("{opened} ({})", words::span(self.duration())),
            )?,
        }
        match incident.last_good {
            Some(good) if incident.is_open() => page.row("last good", &self.sending.moment(good)),
            _ => Ok(()),
        }
    }

    /// Returns marks and bars of the samples with their median, empty without samples.
    fn drawing(&self) -> String {
        let seen = self.incident.reason.seen();
        let median = samples::median(seen).map(|median| format!("p50 {}", Shown(median)));
        [
            samples::marks(seen),
            samples::sparkline(seen),
            median.unwrap_or_default(),
        ]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("  ")
    }

    fn about(&self) -> String {
        let subject = &self.subject;
        let request = subject
            .method
            .iter()
            .map(String::as_str)
            .chain(subject.url.as_deref());
        let mut parts = vec![request.collect::<Vec<_>>().join(" ")];
        parts.push(subject.severity.as_str().to_owned());
        parts.extend(subject.group.iter().map(|group| format!("group {group}")));
        if !subject.tags.is_empty() {
            parts.push(format!("tags {}", subject.tags.join(", ")));
        }
        parts.retain(|part| !part.is_empty());
        parts.join(" · ")
    }
}

impl Summary {
    /// Writes all that it says.
    pub(super) fn write(&self, page: &mut impl Page) -> fmt::Result {
        page.head(self.word(), self.colour(), &self.title())?;
        page.line(&self.rule)?;
        page.line(self.note.as_deref().unwrap_or_default())?;
        page.blank()?;
        for line in self.lines.iter().take(SUMMARY_LINES_MAX) {
            page.line(line)?;
        }
        let more = self.lines.len().saturating_sub(SUMMARY_LINES_MAX);
        if more > 0 {
            page.line(&format!("… {} more", counted(more, "line")))?;
        }
        page.blank()?;
        page.row("since", &self.sending.moment(self.began_at))?;
        page.row("page", self.sending.link.as_deref().unwrap_or_default())?;
        let notes = self.sending.footnotes();
        let notes = notes.iter().map(|note| format!(" · {note}"));
        page.row(
            self.kind.as_str(),
            &format!("{}{}", self.id, notes.collect::<String>()),
        )
    }

    /// Returns the word that a reader sees first; colour is never the only sign.
    pub(super) fn word(&self) -> &'static str {
        match (self.kind, self.counts.open) {
            (SummaryKind::Digest, _) => "· DIGEST",
            (SummaryKind::Storm, 0) => "✓ STORM OVER",
            (SummaryKind::Storm, _) => "✗ STORM",
        }
    }

    fn colour(&self) -> AnsiColor {
        match (self.kind, self.counts.open) {
            (SummaryKind::Digest, _) => AnsiColor::Cyan,
            (SummaryKind::Storm, 0) => AnsiColor::Green,
            (SummaryKind::Storm, _) => alarm(self.subject.severity),
        }
    }
}

fn alarm(severity: ServiceSeverity) -> AnsiColor {
    match severity {
        ServiceSeverity::Critical => AnsiColor::Red,
        ServiceSeverity::Warning => AnsiColor::Yellow,
        ServiceSeverity::Info => AnsiColor::Blue,
    }
}

/// Tells whether a finding's words hold a value already, so that a row for it would say it twice. Matchers describe
/// what they expected in words (`number > 0`), which are a text among the values but no text of the response.
fn says(finding: &str, value: &str) -> bool {
    let words = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    words.is_some_and(|words| !words.is_empty() && has_word(finding, words))
        || has_word(finding, value)
}

/// Tells whether `text` has `words` in it, not as a part of a longer word or number.
fn has_word(text: &str, words: &str) -> bool {
    let joined = |character: Option<char>| {
        character.is_some_and(|character| {
            character.is_alphanumeric() || matches!(character, '.' | '_' | '-')
        })
    };
    text.match_indices(words).any(|(at, _)| {
        let (before, rest) = text.split_at_checked(at).unwrap_or((text, ""));
        let after = rest.strip_prefix(words).unwrap_or_default();
        !joined(before.chars().next_back()) && !joined(after.chars().next())
    })
}
