//! The story of an incident as Markdown, to begin a post-mortem with.

use std::fmt::{self, Write as _};

use jiff::tz::TimeZone;

use super::{evidence, lines};
use crate::channel::message::moment;
use crate::model::incident::Incident;
use crate::policy::story::Story;

/// Returns a story.
pub(super) fn text(story: &Story, zone: &TimeZone) -> String {
    let mut out = String::new();
    // Nothing refuses to be written into a string.
    write(&mut out, story, zone).unwrap_or_default();
    out
}

fn write(out: &mut String, story: &Story, zone: &TimeZone) -> fmt::Result {
    let incident = &story.incident;
    writeln!(
        out,
        "# {} · {}\n",
        plain(incident.service.as_str()),
        plain(incident.violation.as_str())
    )?;
    for (name, value) in facts(incident, zone) {
        writeln!(out, "- {name}: {value}")?;
    }
    writeln!(out, "\n## Timeline\n\n| when | what |\n| --- | --- |")?;
    for line in lines::timeline(story) {
        let text = plain(&line.to_string());
        let text = if line.is_fact {
            format!("**{text}**")
        } else {
            text
        };
        writeln!(out, "| {} | {text} |", moment(line.at, zone))?;
    }
    if !story.channels.is_empty() {
        writeln!(out, "\n## Who knows of it\n\n| channel | |\n| --- | --- |")?;
        for told in &story.channels {
            let fate = plain(&lines::fate(told, incident));
            writeln!(out, "| {} | {fate} |", plain(told.channel.as_str()))?;
        }
    }
    if !story.evidence.is_empty() {
        writeln!(out, "\n## Evidence")?;
    }
    for piece in &story.evidence {
        let title = plain(&evidence::title(piece));
        writeln!(out, "\n{} {title}\n", moment(piece.at, zone))?;
        for line in evidence::lines(piece) {
            // Indented by four, nothing in it is markup.
            let line: String = line.chars().filter(|c| !c.is_control()).collect();
            writeln!(out, "    {line}")?;
        }
    }
    writeln!(out, "\n## Why\n\n\n## What we change\n\n")
}

fn facts(incident: &Incident, zone: &TimeZone) -> Vec<(&'static str, String)> {
    let reason = &incident.reason;
    let shown = |value: &crate::model::json::Json| code(&value.to_string());
    let facts = [
        ("incident", Some(code(&incident.id.0))),
        ("began", Some(moment(incident.opened_at, zone))),
        ("ended", incident.closed_at.map(|at| moment(at, zone))),
        ("state", Some(lines::ending(incident))),
        ("rule", Some(plain(&reason.rule))),
        ("finding", reason.finding.as_deref().map(plain)),
        ("expected", reason.expected.as_ref().map(shown)),
        ("actual", reason.actual.as_ref().map(shown)),
        ("found by", reason.place.as_deref().map(code)),
        (
            "exchange",
            Some(plain(&reason.exchange)).filter(|text| !text.is_empty()),
        ),
    ];
    facts
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Returns a text on one line, with nothing in it that Markdown reads.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if c.is_control() => {}
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '&' | '!' | '@' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Returns a text as code on one line.
fn code(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_brings_no_markup() {
        assert_eq!(plain("a|b\n*c*"), "a\\|b \\*c\\*");
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a``b"), "``` a``b ```");
    }
}
