//! The days of a service as a strip of bars: shape and colour say how long it was down, and each bar has its words.

use std::fmt;
use std::time::Duration;

use askama::filters::HtmlSafe;
use jiff::civil::Date;

use crate::model::duration::Shown;
use crate::model::tally::{Share, Tally};

/// Days that a strip shows.
pub(super) const DAYS: u32 = 90;
/// Units from one bar to the next, and the width of one.
const PITCH: usize = 4;
const WIDTH: usize = 3;
const HEIGHT: usize = 28;
/// Less unknown time than this in a day is not worth a word.
const GAP_MIN: Duration = Duration::from_mins(10);

/// One day of a service, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The day.
    pub date: Date,
    /// How long the service was what; of today, so far.
    pub tally: Tally,
    /// Whether a maintenance was planned in it.
    pub maintenance: bool,
}

/// How a day is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shade {
    NoData,
    Up,
    /// 1 for minutes to 4 for hours.
    Down(u8),
}

impl Day {
    /// Returns the share of the day in which it was well, of what is known.
    pub fn uptime(&self) -> Option<Share> {
        self.tally.uptime()
    }

    fn down(&self) -> Duration {
        self.tally.down
    }

    fn is_blank(&self) -> bool {
        self.uptime().is_none()
    }

    fn shade(&self) -> Shade {
        let minutes = self.down().as_secs() / 60;
        match minutes {
            _ if self.is_blank() => Shade::NoData,
            _ if self.down().is_zero() => Shade::Up,
            0..5 => Shade::Down(1),
            5..30 => Shade::Down(2),
            30..120 => Shade::Down(3),
            _ => Shade::Down(4),
        }
    }

    /// Returns the day in words: `12 Nov 2026: down for 41 min, no data for 3 h`.
    pub fn words(&self) -> String {
        let mut words = format!("{}: ", self.date.strftime("%-d %b %Y"));
        words += &self.told();
        words
    }

    /// Returns what is said of the day.
    pub fn told(&self) -> String {
        let mut parts = Vec::new();
        if self.is_blank() {
            parts.push("no data".to_owned());
        } else if self.down().is_zero() {
            parts.push("no downtime".to_owned());
        } else {
            parts.push(format!("down for {}", Shown(self.down())));
        }
        let unknown = self.tally.no_data + self.tally.unknown + self.tally.error;
        if !self.is_blank() && unknown >= GAP_MIN {
            parts.push(format!("no data for {}", Shown(rounded(unknown))));
        }
        if self.maintenance {
            parts.push("maintenance".to_owned());
        }
        parts.join(", ")
    }
}

/// Returns a span in whole minutes.
fn rounded(span: Duration) -> Duration {
    Duration::from_mins(span.as_secs() / 60)
}

/// The days of a service, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strip(pub Vec<Day>);

impl Strip {
    /// Returns all days in one sentence, for those who do not see them.
    pub fn summary(&self) -> String {
        let days = self.0.len();
        let bad: Vec<&Day> = self.0.iter().filter(|day| !day.down().is_zero()).collect();
        let blank = self.0.iter().filter(|day| day.is_blank()).count();
        let told = match bad.as_slice() {
            _ if blank == days => "no data".to_owned(),
            [] => "no downtime".to_owned(),
            [day] => format!(
                "down for {} on {}",
                Shown(day.down()),
                day.date.strftime("%-d %b")
            ),
            bad => {
                let all: Duration = bad.iter().map(|day| day.down()).sum();
                format!("down on {} days, {} in all", bad.len(), Shown(all))
            }
        };
        if blank > 0 && blank < days {
            format!("{days} days: {told}; no data on {blank}")
        } else {
            format!("{days} days: {told}")
        }
    }
}

impl HtmlSafe for Strip {}

/// Writes the strip as SVG.
impl fmt::Display for Strip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.len() * PITCH - usize::from(!self.0.is_empty());
        write!(
            f,
            r#"<svg class="strip" viewBox="0 0 {width} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{}">"#,
            self.summary()
        )?;
        let mut feet = String::new();
        for (index, day) in self.0.iter().enumerate() {
            let x = index * PITCH;
            let (class, top, height) = match day.shade() {
                Shade::NoData => ("n", HEIGHT / 2 - 2, 4),
                Shade::Up => ("u", 0, HEIGHT),
                Shade::Down(level) => {
                    let class = ["d1", "d2", "d3", "d4"];
                    let class = class.get(usize::from(level) - 1).copied().unwrap_or("d4");
                    let top = usize::from(level) * 3;
                    (class, top, HEIGHT - top)
                }
            };
            write!(
                f,
                r#"<rect class="{class}" x="{x}" y="{top}" width="{WIDTH}" height="{height}"><title>{}</title></rect>"#,
                day.words()
            )?;
            if day.maintenance {
                feet = format!("{feet}M{x} {}h{WIDTH}v8h-{WIDTH}z", HEIGHT - 8);
            }
        }
        if !feet.is_empty() {
            write!(f, r#"<path class="m" d="{feet}"/>"#)?;
        }
        f.write_str("</svg>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(down_s: u64, known_h: u64) -> Day {
        let (down, known) = (Duration::from_secs(down_s), Duration::from_hours(known_h));
        Day {
            date: Date::constant(2026, 11, 12),
            tally: Tally {
                up: known.saturating_sub(down),
                down,
                no_data: Duration::from_hours(24).saturating_sub(known),
                ..Tally::default()
            },
            maintenance: false,
        }
    }

    #[test]
    fn a_day_has_its_words() {
        for (day, words) in [
            (day(0, 24), "12 Nov 2026: no downtime"),
            (day(2460, 24), "12 Nov 2026: down for 41 min"),
            (day(0, 0), "12 Nov 2026: no data"),
            (day(60, 21), "12 Nov 2026: down for 60 s, no data for 3 h"),
            (
                Day {
                    maintenance: true,
                    ..day(0, 24)
                },
                "12 Nov 2026: no downtime, maintenance",
            ),
        ] {
            assert_eq!(day.words(), words);
        }
    }

    #[test]
    fn no_data_is_never_drawn_as_up() {
        let strip = Strip(vec![day(0, 0), day(0, 24), day(9000, 24)]);
        assert_eq!(
            strip.summary(),
            "3 days: down for 2 h 30 min on 12 Nov; no data on 1"
        );
        let svg = strip.to_string();
        assert_eq!(svg.matches(r#"class="u""#).count(), 1);
        assert!(svg.contains(r#"<rect class="n" x="0" y="12""#), "{svg}");
        assert!(svg.contains(r#"class="d4""#), "{svg}");
    }
}
