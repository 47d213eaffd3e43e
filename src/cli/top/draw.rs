//! Draws the screen.

mod columns;
mod one;

use std::time::Duration;

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table, TableState, Wrap};

use self::columns::{COLUMNS, Columns, Wanted, columns_of};
use super::feed::Service;
use super::screen::Screen;
use crate::model::counted::counted;
use crate::model::duration::{Shown, since};
use crate::model::judgement::Outcome;
use crate::model::sparkline::sparkline;

/// The title of the column of names.
const NAME: &str = "service";
/// Width of a line of latencies.
const TRAIL_WIDTH: u16 = 16;
/// Rows of what is shown of one service.
const ONE_ROWS: u16 = 11;

pub(super) fn draw(frame: &mut Frame<'_>, screen: &mut Screen, now: Timestamp) {
    let one = if screen.is_open { ONE_ROWS } else { 0 };
    let [head, list, service, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Length(one),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(verdict(screen, now), head);
    services(frame, list, screen, now);
    if screen.is_open {
        frame.render_widget(one::details(screen, now), service);
    }
    frame.render_widget(keys(screen), foot);
}

fn verdict(screen: &Screen, now: Timestamp) -> Line<'static> {
    let all = screen.all();
    let broken = all.iter().filter(|one| one.is_broken()).count();
    let is_unclear = |one: &&Service| {
        let outcome = one.last.as_ref().map(|last| last.outcome);
        one.violations.is_empty()
            && matches!(outcome, None | Some(Outcome::Unknown | Outcome::Error))
    };
    let unclear = all.iter().filter(is_unclear).count();
    let (words, colour) = match (broken, unclear) {
        (0, 0) => ("all well".to_owned(), Color::Green),
        (0, unclear) => (format!("{unclear} not judged"), Color::Yellow),
        (broken, _) => (format!("{broken} not well"), Color::Red),
    };
    let time = now
        .to_zoned_datetime(screen.zone.clone())
        .strftime("%H:%M:%S %Z")
        .to_string();
    Line::from(vec![
        Span::styled(
            format!(" {words} "),
            Style::new()
                .fg(colour)
                .add_modifier(Modifier::REVERSED | Modifier::BOLD),
        ),
        Span::raw(format!(
            "  {} · {} · {time}",
            counted(all.len(), "service"),
            screen.order().words()
        )),
    ])
}

fn services(frame: &mut Frame<'_>, area: Rect, screen: &mut Screen, now: Timestamp) {
    screen.room = usize::from(area.height.saturating_sub(1)).max(1);
    let listed = screen.listed();
    let position = screen.position(&listed);
    let first = screen
        .first
        .min(position)
        .max((position + 1).saturating_sub(screen.room));
    let columns = Columns::of(&Wanted {
        room: area.width,
        name: longest(&listed, |one| columns_of(&one.name)).max(columns_of(NAME)),
        trail: longest(&listed, |one| columns_of(&trail(screen, one))),
        reasons: listed.iter().any(|one| !wrong(one, now).is_empty()),
    });
    let rows: Vec<Row<'_>> = listed
        .iter()
        .skip(first)
        .take(screen.room)
        .map(|one| Row::new(columns.keep(row(screen, one, now))))
        .collect();
    let titles = ["", NAME, "latency", "", "seen", "what is wrong"];
    let table = Table::new(rows, columns.widths())
        .header(Row::new(columns.keep(titles)).style(Style::new().add_modifier(Modifier::DIM)))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut state = TableState::new();
    if !listed.is_empty() {
        state.select(Some(position - first));
    }
    let found = !listed.is_empty();
    screen.first = first;
    frame.render_stateful_widget(table, area, &mut state);
    if !found && !screen.search().is_empty() {
        let words = format!(
            "no service or group has \"{}\" in its name",
            screen.search()
        );
        let [_, below] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
        frame.render_widget(
            Paragraph::new(words).wrap(Wrap { trim: false }).yellow(),
            below,
        );
    }
}

fn longest(services: &[&Service], width: impl Fn(&Service) -> u16) -> u16 {
    let widths = services.iter().map(|service| width(service));
    widths.max().unwrap_or_default()
}

fn row<'a>(screen: &Screen, service: &Service, now: Timestamp) -> [Cell<'a>; COLUMNS] {
    let (sign, colour) = sign(service);
    let last = service.last.as_ref();
    let latency = last.and_then(|last| last.latency_us);
    let latency = latency.map_or_else(String::new, |us| {
        Shown(Duration::from_micros(us)).to_string()
    });
    let seen = match &service.heartbeat {
        Some(beats) => beats.last_report_at,
        None => last.map(|last| last.at),
    };
    let ago = seen.map_or_else(String::new, |at| whole_seconds(since(at, now)));
    [
        Cell::from(sign).fg(colour),
        Cell::from(service.name.clone()),
        Cell::from(latency),
        Cell::from(trail(screen, service)).dim(),
        Cell::from(ago).dim(),
        Cell::from(wrong(service, now)),
    ]
}

/// Returns a sign that says how a service is also without colours.
fn sign(service: &Service) -> (&'static str, Color) {
    let outcome = service.last.as_ref().map(|last| last.outcome);
    match outcome {
        _ if service.maintenance.is_some() => ("~", Color::Blue),
        _ if service.is_broken() => ("✗", Color::Red),
        Some(Outcome::Pass) => ("✓", Color::Green),
        Some(Outcome::Warn | Outcome::Fail) => ("!", Color::Yellow),
        Some(Outcome::Unknown | Outcome::Error) => ("?", Color::Yellow),
        None => ("…", Color::Reset),
    }
}

fn wrong(service: &Service, now: Timestamp) -> String {
    let planned = service.maintenance.as_ref();
    let planned = planned.map(|name| format!("in maintenance: {name}"));
    let found = found(service, now);
    let said = planned.into_iter().chain(found);
    said.collect::<Vec<_>>().join("; ")
}

/// Returns what is wrong with a service, planned or not.
fn found(service: &Service, now: Timestamp) -> Option<String> {
    let finding = service.last.as_ref().and_then(|last| last.finding.clone());
    let Some(worst) = service.violations.iter().min_by_key(|open| open.since) else {
        return finding;
    };
    let names: Vec<&str> = service
        .violations
        .iter()
        .map(|open| open.violation.as_str())
        .collect();
    let why = finding.unwrap_or_else(|| worst.rule.clone());
    Some(format!(
        "{} for {}: {why}",
        names.join(", "),
        whole_seconds(since(worst.since, now))
    ))
}

fn keys(screen: &Screen) -> Line<'static> {
    if screen.is_searching() {
        return Line::from(format!(
            "/{}▏  Enter: keep   Esc: all services",
            screen.search()
        ));
    }
    if let Some(words) = &screen.words {
        return Line::from(words.clone()).yellow();
    }
    let found = if screen.search().is_empty() {
        String::new()
    } else {
        format!("/{}  (Esc: all)   ", screen.search())
    };
    Line::from(format!(
        "{found}q end   ↑↓ move   Enter one service   / search   s sort   p probe now"
    ))
    .dim()
}

/// Returns as much of the trail as there is room for, the newest last.
fn trail(screen: &Screen, service: &Service) -> String {
    let all: Vec<Option<Duration>> = screen
        .trail(service)
        .map(|us| us.map(Duration::from_micros))
        .collect();
    let surplus = all.len().saturating_sub(usize::from(TRAIL_WIDTH));
    sparkline(all.get(surplus..).unwrap_or_default())
}

/// Ages move every second: parts of one would flicker.
fn whole_seconds(age: Duration) -> String {
    match age.as_secs() {
        0..60 => format!("{} s", age.as_secs()),
        seconds => Shown(Duration::from_secs(seconds)).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use jiff::tz::TimeZone;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::feed::{Beats, News};
    use super::super::screen::Move;
    use super::super::screen::tests::service;
    use super::*;

    /// Returns a job as the daemon tells of it.
    fn job() -> Service {
        let at = |seconds| Some(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds));
        Service {
            method: None,
            url: None,
            heartbeat: Some(Beats {
                rhythm: "every 24 h".to_owned(),
                last_report_at: at(0),
                running_since: at(70),
                expected_at: at(90),
            }),
            ..service("backup", Outcome::Pass, 21_300)
        }
    }

    fn drawn(screen: &mut Screen, width: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, 18)).unwrap();
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(75);
        terminal.draw(|frame| draw(frame, screen, now)).unwrap();
        let text = terminal.backend().to_string();
        let lines = text.lines().map(|line| line.trim_matches('"').trim_end());
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_worst_stands_first_with_why() {
        let mut screen = Screen::new(TimeZone::UTC);
        let mut broken = service("price", Outcome::Fail, 412_000);
        if let Some(last) = &mut broken.last {
            last.finding = Some("$.price: expected number, got text".to_owned());
        }
        screen.take(News::Services(vec![
            service("balances", Outcome::Pass, 21_300),
            broken,
        ]));
        screen.turn(Move::Open);
        insta::assert_snapshot!(drawn(&mut screen, 100), @r"
         1 not well   2 services · worst first · 00:01:15 UTC
          service  latency     seen      what is wrong
        ✗ price    412 ms    █ 75 s      error for 75 s: $.price: expected number, got text
        ✓ balances 21 ms     █ 75 s


         price ─────────────────────────────────────────────────────────────────────────────────────────────
        GET http://price.example/
        last probe 75 s ago: fail, status 200
        $.price: expected number, got text
        error for 75 s: 4 of the last 7 probes failed (incident x)






        q end   ↑↓ move   Enter one service   / search   s sort   p probe now
        ");
        assert_eq!(
            drawn(&mut screen, 80).lines().nth(2),
            Some(
                "✗ price    412 ms    █ 75 s      error for 75 s: $.price: expected number, got t"
            )
        );
        screen.take(News::Services(vec![job()]));
        let seen = drawn(&mut screen, 100);
        for words in [
            "reports by itself, every 24 h",
            "last beat 75 s ago, running for 5 s: pass",
            "next beat expected in 15 s",
        ] {
            assert!(seen.contains(words), "no {words} in {seen}");
        }
        for made_up in ["GET", "example", "probe in"] {
            assert!(!seen.contains(made_up), "{seen}");
        }
        // No size of a terminal breaks it.
        for width in [1, 7, 40, 300] {
            drawn(&mut screen, width);
        }
    }

    #[test]
    fn where_it_is_narrow_the_name_comes_first() {
        let mut screen = Screen::new(TimeZone::UTC);
        let mut broken = service("orders of the shop", Outcome::Fail, 412_000);
        if let Some(last) = &mut broken.last {
            last.finding = Some("expected status 200, got 503".to_owned());
        }
        screen.take(News::Services(vec![broken]));
        let mut row = |width| drawn(&mut screen, width).lines().nth(2).unwrap().to_owned();
        assert_eq!(
            row(80),
            "✗ orders of the shop 412 ms    █ 75 s      error for 75 s: expected status 200,"
        );
        assert_eq!(
            row(50),
            "✗ orders of the shop 75 s      error for 75 s: exp"
        );
        assert_eq!(row(40), "✗ orders of the shop error for 75 s: exp");
        assert_eq!(row(30), "✗ orders of the shop");
    }

    #[test]
    fn a_search_without_a_hit_says_so() {
        let mut screen = Screen::new(TimeZone::UTC);
        screen.take(News::Services(vec![service("price", Outcome::Pass, 1)]));
        screen.turn(Move::Search);
        screen.turn(Move::Type('z'));
        let seen = drawn(&mut screen, 80);
        assert!(
            seen.contains("no service or group has \"z\" in its name"),
            "{seen}"
        );
        screen.turn(Move::Back);
        assert!(!drawn(&mut screen, 80).contains("no service"));
    }
}
