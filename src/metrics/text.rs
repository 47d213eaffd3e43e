//! The two texts in which metrics are told: OpenMetrics, and the older one that every Prometheus reads.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::time::Duration;

use jiff::Timestamp;

use crate::model::duration::since;

/// The text that a reader wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// OpenMetrics 1.0.
    #[default]
    OpenMetrics,
    /// The text format of Prometheus, 0.0.4.
    Prometheus,
}

/// How often a unit of an `Accept` header is wanted, in thousandths.
type Weight = u32;

impl Format {
    /// Returns the text that an `Accept` header asks for: OpenMetrics only where it is named, as Prometheus does.
    pub fn accepted(accept: &str) -> Self {
        let weight = |of: &str| -> Weight {
            let wanted = accept
                .split(',')
                .filter_map(|one| one.trim().split_once(of));
            let weights = wanted.map(|(_, parameters)| weight(parameters));
            weights.max().unwrap_or_default()
        };
        let open = weight("application/openmetrics-text");
        if open > 0 && open >= weight("text/plain") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// Returns the `Content-Type` of the text.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Reads the `q` of what follows a media type; 1 where there is none.
fn weight(parameters: &str) -> Weight {
    let mut parameters = parameters.split(';').map(str::trim);
    let quality = parameters.find_map(|one| one.strip_prefix("q="));
    let quality = quality.map_or(Some(1.0), |quality| quality.parse::<f64>().ok());
    let quality = quality.unwrap_or_default().clamp(0.0, 1.0) * 1000.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0 to 1000"
    )]
    let thousandths = quality as Weight;
    thousandths
}

/// What kind of numbers a family has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows; its samples end in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts of what is at most each bound.
    Histogram,
}

impl Kind {
    /// Returns the kind of this word.
    pub(super) fn of(word: &str) -> Option<Self> {
        let all = [Self::Counter, Self::Gauge, Self::Histogram];
        all.into_iter().find(|kind| kind.as_str() == word)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The value of one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    Whole(u64),
    Float(f64),
    Seconds(Duration),
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Whole(number as u64)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Whole(flag.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<Duration> for Value {
    fn from(time: Duration) -> Self {
        Self::Seconds(time)
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Seconds(since(Timestamp::UNIX_EPOCH, at))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::Seconds(time) => write!(f, "{}.{:06}", time.as_secs(), time.subsec_micros()),
        }
    }
}

/// Takes a piece of a text; tells whether more is wanted.
pub type Give<'a> = &'a mut dyn FnMut(String) -> bool;

/// Bytes after which a piece is given away: the whole text of many services is never in memory.
const PIECE_BYTES: usize = 256 << 10;

/// A text under way.
pub(super) struct Text<'a> {
    format: Format,
    piece: String,
    give: Give<'a>,
    is_wanted: bool,
}

impl<'a> Text<'a> {
    /// Returns an empty text, whose pieces are given away as they become full.
    pub(super) fn new(format: Format, give: Give<'a>) -> Self {
        Self {
            format,
            piece: String::new(),
            give,
            is_wanted: true,
        }
    }

    /// Adds what the registry says, which speaks OpenMetrics only.
    pub(super) fn registry(&mut self, open: &str) {
        match self.format {
            Format::OpenMetrics => self.piece += open.trim_end_matches("# EOF\n"),
            Format::Prometheus => self.piece += &classic(open),
        }
    }

    /// Begins a family; `name` is without `_total`.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let total = match (kind, self.format) {
            (Kind::Counter, Format::Prometheus) => "_total",
            _ => "",
        };
        self.write(format_args!(
            "# HELP {name}{total} {help}.\n# TYPE {name}{total} {}\n",
            kind.as_str()
        ));
    }

    /// Writes one sample. `labels` is what stands between the braces, `more` follows it; either may be empty.
    pub(super) fn sample(&mut self, name: &str, labels: &str, more: &str, value: Value) {
        self.piece.push_str(name);
        if !labels.is_empty() || !more.is_empty() {
            let comma = if labels.is_empty() || more.is_empty() {
                ""
            } else {
                ","
            };
            for part in ["{", labels, comma, more, "}"] {
                self.piece.push_str(part);
            }
        }
        self.write(format_args!(" {value}\n"));
        if self.piece.len() >= PIECE_BYTES {
            self.give();
        }
    }

    /// Tells whether the reader is still there.
    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// Ends the text; tells whether all of it was taken.
    pub(super) fn end(mut self) -> bool {
        if self.format == Format::OpenMetrics {
            self.piece.push_str("# EOF\n");
        }
        self.give();
        self.is_wanted
    }

    fn give(&mut self) {
        let room = String::with_capacity(self.piece.len());
        let piece = std::mem::replace(&mut self.piece, room);
        self.is_wanted = self.is_wanted && (self.give)(piece);
    }

    fn write(&mut self, words: fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        self.piece.write_fmt(words).unwrap_or_default();
    }
}

/// Returns the whole of what `write` writes.
pub(super) fn whole(format: Format, write: impl FnOnce(&mut Text<'_>)) -> String {
    let mut text = String::new();
    let mut give = |piece: String| {
        text += &piece;
        true
    };
    let mut writing = Text::new(format, &mut give);
    write(&mut writing);
    writing.end();
    text
}

/// Returns a label as it stands between the braces.
pub(super) fn label(name: &str, value: &str) -> String {
    format!("{name}=\"{}\"", escaped(value))
}

fn escaped(value: &str) -> Cow<'_, str> {
    if value.contains(['\\', '"', '\n']) {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        Cow::Owned(escaped.replace('\n', "\\n"))
    } else {
        Cow::Borrowed(value)
    }
}

/// Returns OpenMetrics text in the format of Prometheus: the same samples under other heads.
fn classic(open: &str) -> String {
    let mut text = String::with_capacity(open.len());
    let mut help = None;
    for line in open.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, "untyped"));
            let total = if kind == "counter" { "_total" } else { "" };
            if let Some((_, help)) = help.take() {
                text.extend(["# HELP ", name, total, " ", help, "\n"]);
            }
            text.extend(["# TYPE ", name, total, " ", kind, "\n"]);
        } else if !line.starts_with('#') {
            text.extend([line, "\n"]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_told_to_those_who_ask_for_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let rows = [
            (prometheus, Format::OpenMetrics),
            ("", Format::Prometheus),
            ("*/*", Format::Prometheus),
            ("text/html,*/*;q=0.8", Format::Prometheus),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text;q=0", Format::Prometheus),
            (
                "text/plain, application/openmetrics-text;q=0.5",
                Format::Prometheus,
            ),
        ];
        for (accept, expected) in rows {
            assert_eq!(Format::accepted(accept), expected, "{accept}");
        }
    }

    #[test]
    fn counters_have_their_full_name_in_the_text_of_prometheus() {
        let open = "# HELP oes_x X.\n# TYPE oes_x counter\noes_x_total{a=\"# b\"} 1\n# HELP oes_s S.\n# TYPE oes_s gauge\n# UNIT oes_s seconds\noes_s 2\n# EOF\n";
        assert_eq!(
            whole(Format::Prometheus, |text| text.registry(open)),
            "# HELP oes_x_total X.\n# TYPE oes_x_total counter\noes_x_total{a=\"# b\"} 1\n# HELP oes_s S.\n# TYPE oes_s gauge\noes_s 2\n"
        );
        assert_eq!(whole(Format::OpenMetrics, |text| text.registry(open)), open);
    }

    #[test]
    fn writes_samples() {
        let labels = label("service", "a \"b\"\\\n");
        let written = whole(Format::OpenMetrics, |text| {
            text.family("a", Kind::Counter, "What it counts");
            text.sample("a_total", &labels, "x=\"y\"", 3_u64.into());
            text.sample("a_total", "", "", Duration::from_micros(1_000_020).into());
            text.sample("a_total", "", "x=\"y\"", 0.5.into());
        });
        assert_eq!(
            written,
            "# HELP a What it counts.\n# TYPE a counter\na_total{service=\"a \\\"b\\\"\\\\\\n\",x=\"y\"} 3\na_total 1.000020\na_total{x=\"y\"} 0.5\n# EOF\n"
        );
    }

    #[test]
    fn a_reader_that_goes_away_is_given_no_more() {
        let mut pieces = 0;
        let mut give = |piece: String| {
            pieces += 1;
            assert!(piece.len() <= PIECE_BYTES + 100);
            pieces < 2
        };
        let mut text = Text::new(Format::OpenMetrics, &mut give);
        for number in 0..100_000_u64 {
            text.sample("a_family_of_many_samples", "", "", number.into());
        }
        assert!(!text.is_wanted());
        assert!(!text.end());
        assert_eq!(pieces, 2);
    }
}
