//! A message for a terminal, or wherever there are letters only.

use std::fmt::{self, Write as _};

use anstyle::{AnsiColor, Style};

use super::text::Page;
use super::words::harmless;
use super::{IncidentMessage, Summary};

/// Whether a text has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// It has none.
    #[default]
    Plain,
    /// It has ANSI escape sequences.
    Ansi,
}

impl IncidentMessage {
    /// Returns the message as lines for a terminal, each ended. Data cannot bring escape sequences of its own.
    pub fn to_text(&self, colour: Colour) -> String {
        Terminal::written(colour, |page| self.write(page))
            .unwrap_or_else(|| format!("{}  {}\n", self.word(), harmless(&self.title())))
    }
}

impl Summary {
    /// Returns the message as lines for a terminal, each ended. Data cannot bring escape sequences of its own.
    pub fn to_text(&self, colour: Colour) -> String {
        Terminal::written(colour, |page| self.write(page))
            .unwrap_or_else(|| format!("{}  {}\n", self.word(), harmless(&self.title())))
    }
}

struct Terminal {
    text: String,
    colour: Colour,
}

impl Terminal {
    /// Returns what is written. Writing to a string does not fail; if it did, the title would still have to be seen.
    fn written(colour: Colour, write: impl FnOnce(&mut Self) -> fmt::Result) -> Option<String> {
        let mut page = Self {
            text: String::new(),
            colour,
        };
        write(&mut page).ok()?;
        Some(page.text)
    }
}

impl Page for Terminal {
    fn head(&mut self, word: &str, colour: AnsiColor, title: &str) -> fmt::Result {
        let title = harmless(title);
        match self.colour {
            Colour::Plain => writeln!(self.text, "{word}  {title}"),
            Colour::Ansi => {
                let style = colour.on_default().bold();
                let bold = Style::new().bold();
                writeln!(self.text, "{style}{word}{style:#}  {bold}{title}{bold:#}")
            }
        }
    }

    fn line(&mut self, line: &str) -> fmt::Result {
        if line.is_empty() {
            return Ok(());
        }
        writeln!(self.text, "  {}", harmless(line))
    }

    fn row(&mut self, label: &str, value: &str) -> fmt::Result {
        if value.is_empty() {
            return Ok(());
        }
        let value = harmless(value);
        match self.colour {
            Colour::Plain => writeln!(self.text, "  {label:<10}{value}"),
            Colour::Ansi => {
                let dim = Style::new().dimmed();
                writeln!(self.text, "  {dim}{label:<10}{dim:#}{value}")
            }
        }
    }

    fn blank(&mut self) -> fmt::Result {
        self.text.write_char('\n')
    }
}
