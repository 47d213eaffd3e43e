//! Draws one service in full.

use jiff::Timestamp;
use ratatui::style::Stylize as _;
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Paragraph, Wrap};

use super::super::feed::{Beats, Service};
use super::super::screen::Screen;
use super::whole_seconds;
use crate::model::duration::{Shown, since};

/// Returns all that is known of the service under the cursor.
pub(super) fn details(screen: &Screen, now: Timestamp) -> Paragraph<'static> {
    let block = Block::new().borders(Borders::TOP);
    let Some(service) = screen.selected() else {
        return Paragraph::new("").block(block);
    };
    let mut lines = match &service.heartbeat {
        Some(beats) => of_job(service, beats, now),
        None => of_asked(service, now),
    };
    if let Some(last) = &service.last {
        lines.extend(last.finding.clone().map(Line::from));
        if let Some(expires) = last.certificate_expires {
            let left = Shown(since(now, expires));
            let words = if expires > now {
                format!("certificate ends in {left}")
            } else {
                format!("certificate ended {} ago", Shown(since(expires, now)))
            };
            lines.push(Line::from(words));
        }
    }
    if let Some(name) = &service.maintenance {
        lines.push(Line::from(format!("in maintenance: {name}")).blue());
    }
    lines.extend(next(service, now).map(Line::from));
    for open in &service.violations {
        let taken = if open.acked { ", taken on" } else { "" };
        let age = whole_seconds(since(open.since, now));
        let words = format!(
            "{} for {age}{taken}: {} (incident {})",
            open.violation, open.rule, open.incident
        );
        lines.push(Line::from(words).red());
    }
    Paragraph::new(lines)
        .wrap(Wrap { trim: false })
        .block(block.title(format!(" {} ", service.name)))
}

/// Returns where a service is asked, and what came of it last.
fn of_asked(service: &Service, now: Timestamp) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let (Some(method), Some(url)) = (&service.method, &service.url) {
        lines.push(Line::from(format!("{method} {url}")).dim());
    }
    if let Some(last) = &service.last {
        let status = last
            .status
            .map_or_else(String::new, |status| format!(", status {status}"));
        let ago = whole_seconds(since(last.at, now));
        lines.push(Line::from(format!(
            "last probe {ago} ago: {}{status}",
            last.outcome
        )));
    }
    lines
}

/// Returns when a service reports, and what it reported last.
fn of_job(service: &Service, beats: &Beats, now: Timestamp) -> Vec<Line<'static>> {
    let ago = |at| whole_seconds(since(at, now));
    let mut said = vec![match beats.last_report_at {
        Some(at) => format!("last beat {} ago", ago(at)),
        None => "no beat yet".to_owned(),
    }];
    if let Some(at) = beats.running_since {
        said.push(format!("running for {}", ago(at)));
    }
    let mut said = said.join(", ");
    if let Some(last) = &service.last {
        said = format!("{said}: {}", last.outcome);
    }
    let rhythm = format!("reports by itself, {}", beats.rhythm);
    vec![Line::from(rhythm).dim(), Line::from(said)]
}

/// Returns when a service is looked at next, or reports next.
fn next(service: &Service, now: Timestamp) -> Option<String> {
    let Some(beats) = &service.heartbeat else {
        let next = service.next_probe_at?;
        return Some(format!("next probe in {}", whole_seconds(since(now, next))));
    };
    let expected = beats.expected_at?;
    Some(if expected > now {
        let left = whole_seconds(since(now, expected));
        format!("next beat expected in {left}")
    } else {
        let ago = whole_seconds(since(expected, now));
        format!("a beat was expected {ago} ago")
    })
}
