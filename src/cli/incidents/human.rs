//! The story of an incident on a terminal.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::evidence;
use super::lines::{self, Line};
use crate::channel::message::moment;
use crate::cli::output::{self, BOLD, ERROR, FAINT, GOOD, styled};
use crate::cli::table::{self, Cell};
use crate::model::duration::{Shown, since};
use crate::policy::story::Story;

/// Prints a story.
pub(super) fn print(story: &Story, zone: &TimeZone, now: Timestamp) {
    let incident = &story.incident;
    let (style, sign, state) = if incident.is_open() {
        let span = Shown(since(incident.opened_at, now));
        (ERROR, "✗", format!("open for {span}"))
    } else {
        (GOOD, "✓", lines::ending(incident))
    };
    let title = format!("{} · {}", incident.service, incident.violation);
    table::print(&[vec![
        Cell::new(style, sign),
        Cell::new(BOLD, title),
        Cell::plain(&incident.id),
        Cell::plain(state),
    ]]);
    let reason = &incident.reason;
    let facts = [
        ("rule", Some(&reason.rule)),
        ("finding", reason.finding.as_ref()),
        ("exchange", Some(&reason.exchange)),
    ];
    let facts = facts.into_iter().filter_map(|(name, value)| {
        let value = value.filter(|value| !value.is_empty())?;
        Some(vec![
            Cell::new(FAINT, format_args!("  {name}")),
            Cell::plain(value),
        ])
    });
    table::print(&facts.collect::<Vec<_>>());
    output::result("");
    let rows: Vec<_> = lines::timeline(story)
        .iter()
        .map(|line| row(line, zone))
        .collect();
    table::print(&rows);
    if !story.channels.is_empty() {
        output::result(format_args!("\n{}", styled(FAINT, "who knows of it")));
        let rows = story.channels.iter().map(|told| {
            let fate = lines::fate(told, incident);
            vec![
                Cell::plain(format_args!("  {}", told.channel)),
                Cell::plain(fate),
            ]
        });
        table::print(&rows.collect::<Vec<_>>());
    }
    for piece in &story.evidence {
        let at = styled(FAINT, moment(piece.at, zone));
        let title = styled(BOLD, evidence::title(piece));
        output::result(format_args!("\n{at}  {title}"));
        for line in evidence::lines(piece) {
            // What came from outside may hold what moves the cursor.
            let line: String = line
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
            output::result(format_args!("  {line}"));
        }
    }
}

fn row(line: &Line, zone: &TimeZone) -> Vec<Cell> {
    let text = if line.is_fact {
        Cell::new(BOLD, line)
    } else {
        Cell::plain(line)
    };
    vec![Cell::new(FAINT, moment(line.at, zone)), text]
}
