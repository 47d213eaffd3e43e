//! Every service on one screen that moves: a view of a running daemon, through its API.

mod draw;
mod feed;
mod screen;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use clap::Args;
use jiff::tz::TimeZone;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use thiserror::Error;

use super::{Exit, load, output, watched};
use crate::clock::Clock;
use crate::config;
use feed::{Feed, News};
use screen::{Move, Screen};

/// Watch every service on one screen, the worst first: outcome, latency, what is wrong
///
/// Shows what the daemon of this ops config knows, through its API. Keys: q ends, the arrows move, Enter shows one service,
/// `/` searches, s sorts by state, name or latency, p probes the service at once.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ops config, JSON or TOML [default: the oes.toml or oes.json here]
    config: Option<PathBuf>,
}

/// How long a key is waited for before the screen is drawn anew: ages go on.
const DRAW_EVERY: Duration = Duration::from_millis(250);

/// Why there is nothing to see.
#[derive(Debug, Error)]
enum TopError {
    #[error("this needs a terminal; `oes status --watch` goes on without one")]
    NoTerminal,
    #[error("the terminal cannot be used")]
    Terminal(#[source] io::Error),
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let config = match load::named(arguments.config.as_deref()) {
        Ok(config) => config,
        Err(error) => return output::refuse(None, &error),
    };
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return output::refuse(None, &TopError::NoTerminal);
    }
    let zone = watched::zone(&config);
    let (feed, news) = match Feed::start(config::data_folder(&config)) {
        Ok(started) => started,
        Err(error) => return error.tell(None),
    };
    let shown = ratatui::try_init().and_then(|mut terminal| {
        let ended = show(&mut terminal, &feed, &news, zone);
        ratatui::try_restore()?;
        ended
    });
    match shown {
        Ok(()) => Exit::Pass,
        Err(error) => {
            ratatui::restore();
            output::refuse(None, &TopError::Terminal(error))
        }
    }
}

fn show(
    terminal: &mut DefaultTerminal,
    feed: &Feed,
    news: &Receiver<News>,
    zone: TimeZone,
) -> io::Result<()> {
    let mut screen = Screen::new(zone);
    loop {
        for news in news.try_iter() {
            screen.take(news);
        }
        terminal.draw(|frame| draw::draw(frame, &mut screen, Clock::System.now()))?;
        if !event::poll(DRAW_EVERY)? {
            continue;
        }
        let Event::Key(key) = event::read()? else {
            continue;
        };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match pressed(&screen, key) {
            Pressed::End => return Ok(()),
            Pressed::Moves(moves) => screen.turn(moves),
            Pressed::Probes => {
                if let Some(service) = screen.selected() {
                    feed.probe(service.name.clone());
                }
            }
            Pressed::Nothing => {}
        }
    }
}

/// What a key means.
enum Pressed {
    End,
    Moves(Move),
    Probes,
    Nothing,
}

fn pressed(screen: &Screen, key: KeyEvent) -> Pressed {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    if control && matches!(key.code, KeyCode::Char('c' | 'd')) {
        return Pressed::End;
    }
    if screen.is_searching() {
        return match key.code {
            KeyCode::Char(letter) => Pressed::Moves(Move::Type(letter)),
            KeyCode::Backspace => Pressed::Moves(Move::Erase),
            KeyCode::Enter => Pressed::Moves(Move::Found),
            KeyCode::Esc => Pressed::Moves(Move::Back),
            _ => Pressed::Nothing,
        };
    }
    Pressed::Moves(match key.code {
        KeyCode::Char('q') => return Pressed::End,
        KeyCode::Char('p') => return Pressed::Probes,
        KeyCode::Up | KeyCode::Char('k') => Move::By(-1),
        KeyCode::Down | KeyCode::Char('j') => Move::By(1),
        KeyCode::PageUp => Move::ByPages(-1),
        KeyCode::PageDown | KeyCode::Char(' ') => Move::ByPages(1),
        KeyCode::Home | KeyCode::Char('g') => Move::By(isize::MIN),
        KeyCode::End | KeyCode::Char('G') => Move::By(isize::MAX),
        KeyCode::Enter => Move::Open,
        KeyCode::Esc => Move::Back,
        KeyCode::Char('/') => Move::Search,
        KeyCode::Char('s') => Move::Sort,
        _ => return Pressed::Nothing,
    })
}
