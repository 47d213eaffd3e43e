//! Moments as a page shows them: in UTC, and for machines, so that a browser may add its own zone.

use std::fmt;

use askama::filters::HtmlSafe;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The form of a moment to the second.
pub(super) const SECOND: &str = "%-d %b %Y, %H:%M:%S UTC";

/// A moment to the second: `12 Nov 2026, 14:03:20 UTC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(pub Timestamp);

/// A moment to the minute: `12 Nov, 14:03`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Minute(pub Timestamp);

/// From one moment to another, the date once where it is the same: `12 Nov 2026, 14:03 to 15:00 UTC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Between(pub Timestamp, pub Timestamp);

/// When a page was made: `14:03:20 UTC` of one that is of now, with its date of a copy, which will be read later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AsOf {
    /// Now.
    Today(Timestamp),
    /// Some day.
    Dated(Moment),
}

impl AsOf {
    /// Returns the moment of a page, which may be one of a copy.
    pub(super) fn of(at: Timestamp, is_copy: bool) -> Self {
        if is_copy {
            Self::Dated(Moment(at))
        } else {
            Self::Today(at)
        }
    }
}

impl HtmlSafe for Moment {}
impl HtmlSafe for Minute {}
impl HtmlSafe for AsOf {}

fn write(f: &mut fmt::Formatter<'_>, at: Timestamp, form: &str) -> fmt::Result {
    let machine = at.strftime("%Y-%m-%dT%H:%M:%SZ");
    write!(
        f,
        r#"<time datetime="{machine}">{}</time>"#,
        at.strftime(form)
    )
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0, SECOND)
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0, "%-d %b %Y, %H:%M UTC")
    }
}

impl fmt::Display for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(from, until) = *self;
        let date = |at: Timestamp| at.to_zoned_datetime(TimeZone::UTC).date();
        if date(from) != date(until) {
            return write!(f, "{} to {}", Minute(from), Minute(until));
        }
        write(f, from, "%-d %b %Y, %H:%M")?;
        f.write_str(" to ")?;
        write(f, until, "%H:%M UTC")
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Today(at) => write(f, *at, "%H:%M:%S UTC"),
            Self::Dated(moment) => write!(f, "{moment}"),
        }
    }
}
