//! Where the time of an exchange went, as one bar of stacked parts.

use std::fmt;
use std::time::Duration;

use askama::filters::HtmlSafe;

use crate::model::duration::Shown;
use crate::model::exchange::Timings;

/// Less than the tenth of a millisecond that is shown is nothing.
pub(super) const LEAST: Duration = Duration::from_micros(100);

/// One part of the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Its name: a phase, or `other`.
    pub name: &'static str,
    /// Its place among all phases, for its colour.
    pub number: usize,
    /// How long it took.
    pub spent: Duration,
}

impl Part {
    /// Returns how long it took, in words.
    pub(super) fn words(&self) -> String {
        Shown(self.spent).to_string()
    }
}

/// Where the time went, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Phases(pub Vec<Part>);

impl From<&Timings> for Phases {
    fn from(timings: &Timings) -> Self {
        let part = |(name, number, spent)| Part {
            name,
            number,
            spent,
        };
        let present = timings.present();
        let mut parts: Vec<Part> = present
            .map(|(phase, spent)| part((phase.as_str(), phase as usize, spent)))
            .collect();
        let other = timings.other();
        if other * 50 > timings.total && other >= LEAST {
            parts.push(part(("other", 6, other)));
        }
        Self(parts)
    }
}

impl Phases {
    /// Returns the whole time.
    pub(super) fn total(&self) -> Duration {
        self.0.iter().map(|part| part.spent).sum()
    }

    /// Returns the whole time in words.
    pub(super) fn total_words(&self) -> String {
        Shown(self.total()).to_string()
    }

    /// Returns all parts in one sentence.
    pub(super) fn summary(&self) -> String {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|part| format!("{} {}", part.name, part.words()))
            .collect();
        parts.join(", ")
    }
}

impl HtmlSafe for Phases {}

impl fmt::Display for Phases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total().as_secs_f64().max(1e-9);
        write!(
            f,
            r#"<svg class="phases" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="{}">"#,
            self.summary()
        )?;
        let mut x = 0.0;
        for part in &self.0 {
            let width = part.spent.as_secs_f64() / total * 1000.0;
            write!(
                f,
                r#"<rect class="f{}" x="{x:.1}" y="0" width="{width:.1}" height="10"><title>{} {}</title></rect>"#,
                part.number,
                part.name,
                part.words()
            )?;
            x += width;
        }
        f.write_str("</svg>")
    }
}
