//! Which columns of the list there is room for. Where it is narrow the name of a service comes first: the trail goes,
//! then the latency, then the age, then the reason.

use std::array;

use ratatui::layout::Constraint;
use ratatui::text::Line;

/// The columns of the list, from left to right.
pub(super) const COLUMNS: usize = 6;

/// The places of the columns.
const NAME: usize = 1;
const LATENCY: usize = 2;
const TRAIL: usize = 3;
const AGE: usize = 4;
const REASON: usize = 5;

/// The sign before the name.
const SIGN_WIDTH: u16 = 1;
/// A latency, or an age.
const TIME_WIDTH: u16 = 9;
/// A reason in less room says nothing.
const REASON_MIN: u16 = 16;
/// In at least so many columns a name leaves room for the rest.
const WIDE: u16 = 80;
/// A name may have so much of them.
const NAME_MAX: u16 = 32;

/// Which columns are shown, and how wide each is.
pub(super) struct Columns {
    widths: [Option<Constraint>; COLUMNS],
}

/// What there is to show.
pub(super) struct Wanted {
    /// Columns of the whole list.
    pub(super) room: u16,
    /// The longest name.
    pub(super) name: u16,
    /// The longest trail.
    pub(super) trail: u16,
    /// Whether anything is wrong.
    pub(super) reasons: bool,
}

impl Columns {
    /// Returns the columns that there is room for.
    pub(super) fn of(wanted: &Wanted) -> Self {
        let name = if wanted.room < WIDE {
            wanted.name
        } else {
            wanted.name.min(NAME_MAX.max(wanted.room / 5 * 2))
        };
        let reason = if wanted.reasons { REASON_MIN } else { 0 };
        let mut least: [Option<u16>; COLUMNS] = [
            Some(SIGN_WIDTH),
            Some(name),
            Some(TIME_WIDTH),
            Some(wanted.trail).filter(|width| *width > 0),
            Some(TIME_WIDTH),
            Some(reason),
        ];
        let needed = |least: &[Option<u16>; COLUMNS]| {
            let shown = least.iter().flatten();
            shown.fold(0_u16, |sum, width| {
                sum.saturating_add(*width).saturating_add(1)
            })
        };
        for goes in [TRAIL, LATENCY, AGE, REASON] {
            // The last column has no space after it.
            if needed(&least) <= wanted.room.saturating_add(1) {
                break;
            }
            if let Some(width) = least.get_mut(goes) {
                *width = None;
            }
        }
        let has_reason = least.get(REASON).is_some_and(Option::is_some);
        let widths = array::from_fn(|place| {
            let width = least.get(place).copied().flatten()?;
            Some(match place {
                REASON => Constraint::Fill(1),
                NAME if !has_reason => Constraint::Fill(1),
                _ => Constraint::Length(width),
            })
        });
        Self { widths }
    }

    /// Returns what stands in the columns that are shown.
    pub(super) fn keep<T>(&self, all: [T; COLUMNS]) -> Vec<T> {
        let kept = all.into_iter().zip(&self.widths);
        kept.filter_map(|(one, width)| width.map(|_| one)).collect()
    }

    /// Returns their widths.
    pub(super) fn widths(&self) -> Vec<Constraint> {
        self.widths.iter().flatten().copied().collect()
    }
}

/// Returns how many columns a text takes.
pub(super) fn columns_of(text: &str) -> u16 {
    u16::try_from(Line::from(text).width()).unwrap_or(u16::MAX)
}
