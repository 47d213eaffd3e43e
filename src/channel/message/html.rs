//! A message as HTML for mail: styles stand at each element, since many programs drop all others, and no colour depends
//! on the background, which may be light or dark.

use std::fmt::{self, Write as _};

use anstyle::AnsiColor;
use url::Url;

use super::text::Page;
use super::words::harmless;

/// A grey that can be read on white and on black.
const FAINT: &str = "#767676";

/// Returns what is written. Writing to a string does not fail; if it did, the title would still have to be seen.
pub(super) fn written(write: impl FnOnce(&mut Html) -> fmt::Result, title: &str) -> String {
    let mut page = Html::default();
    match write(&mut page) {
        Ok(()) => page.text,
        Err(_) => Escaped(title).to_string(),
    }
}

/// A text that stands in HTML as what it is, on one line.
pub(in crate::channel) struct Escaped<'a>(pub(in crate::channel) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in harmless(self.0).chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// A piece of HTML that grows.
#[derive(Default)]
pub(super) struct Html {
    text: String,
    /// Whether a gap comes before what is written next.
    gap: bool,
}

impl Html {
    /// Returns the space above the next line.
    fn above(&mut self) -> &'static str {
        if std::mem::take(&mut self.gap) {
            "16px"
        } else {
            "4px"
        }
    }
}

impl Page for Html {
    fn head(&mut self, word: &str, colour: AnsiColor, title: &str) -> fmt::Result {
        let (word, title, colour) = (Escaped(word), Escaped(title), hex(colour));
        writeln!(
            self.text,
            "<div style=\"margin:0 0 8px\"><span style=\"background:{colour};color:#ffffff;border-radius:4px;padding:2px 8px;\
             font-weight:bold;white-space:nowrap\">{word}</span></div>\n\
             <div style=\"font-size:20px;line-height:1.3;font-weight:bold\">{title}</div>"
        )
    }

    fn line(&mut self, line: &str) -> fmt::Result {
        if line.is_empty() {
            return Ok(());
        }
        let above = self.above();
        let line = Escaped(line);
        writeln!(self.text, "<div style=\"margin-top:{above}\">{line}</div>")
    }

    fn row(&mut self, label: &str, value: &str) -> fmt::Result {
        if value.is_empty() {
            return Ok(());
        }
        let above = self.above();
        let label = Escaped(label);
        write!(
            self.text,
            "<div style=\"margin-top:{above}\"><span style=\"color:{FAINT};font-size:14px\">{label}</span>&nbsp; "
        )?;
        match link(value) {
            Some(link) => writeln!(
                self.text,
                "<a href=\"{}\" style=\"color:inherit\">{}</a></div>",
                Escaped(link.as_str()),
                Escaped(value)
            ),
            None => writeln!(self.text, "{}</div>", Escaped(value)),
        }
    }

    fn blank(&mut self) -> fmt::Result {
        self.gap = true;
        Ok(())
    }
}

/// Returns a value that is an address of the web and nothing else.
fn link(value: &str) -> Option<Url> {
    let url = Url::parse(value).ok()?;
    (matches!(url.scheme(), "http" | "https") && !value.contains(char::is_whitespace))
        .then_some(url)
}

/// Returns a colour on which white can be read.
fn hex(colour: AnsiColor) -> &'static str {
    match colour {
        AnsiColor::Red => "#c0271d",
        AnsiColor::Yellow => "#9a6700",
        AnsiColor::Green => "#1a7f37",
        AnsiColor::Blue => "#0a63c9",
        AnsiColor::Magenta => "#8a3fb5",
        AnsiColor::Cyan => "#0b7285",
        _ => "#57606a",
    }
}
