//! A histogram of durations that can be added to another without losing anything, in a few dozen bytes.
//!
//! A duration counts in whole microseconds `v`. Its cell is `v` itself below 16; else, with `e = floor(log2 v)`, it is
//! `16·(e − 4) + floor(v / 2^(e − 4))`: sixteen cells of equal width to each doubling. Cells below 32 hold one value each;
//! any other is at most a sixteenth as wide as what it begins with, so that its middle is at most 1/32 = 3.2 % from
//! whatever was counted in it. Every histogram has the same cells, which is why adding them is exact.

use std::time::Duration;

use super::varint;

/// The cells to each doubling are two to the power of this.
const BITS: u32 = 4;
/// Cells to each doubling.
const STEPS: u64 = 1 << BITS;
/// Cells that 64 bits of microseconds can fall into.
const CELLS: u64 = (64 - BITS as u64) * STEPS + STEPS;

/// How often durations of each size were seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Histogram {
    /// Cells that are not empty with their counts, ascending.
    cells: Vec<(u16, u64)>,
}

impl Histogram {
    /// Counts a duration.
    pub fn record(&mut self, duration: Duration) {
        self.count_in(cell(micros(duration)), 1);
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Self) {
        if self.cells.is_empty() {
            self.cells.clone_from(&other.cells);
            return;
        }
        let mut merged = Vec::with_capacity(self.cells.len().max(other.cells.len()));
        let (mut mine, mut theirs) = (self.cells.iter().peekable(), other.cells.iter().peekable());
        loop {
            let next = match (mine.peek(), theirs.peek()) {
                (Some((cell, count)), Some((same, more))) if cell == same => {
                    let sum = (*cell, count.saturating_add(*more));
                    mine.next();
                    theirs.next();
                    sum
                }
                (Some(left), Some(right)) if right.0 < left.0 => {
                    let next = **right;
                    theirs.next();
                    next
                }
                (Some(left), _) => {
                    let next = **left;
                    mine.next();
                    next
                }
                (None, Some(right)) => {
                    let next = **right;
                    theirs.next();
                    next
                }
                (None, None) => break,
            };
            merged.push(next);
        }
        self.cells = merged;
    }

    /// Returns the duration that a share of all are not longer than, within 3.2 % (1 µs below 32 µs); absent if nothing
    /// was counted. A share below 0 is that of the shortest, one above 1 that of the longest.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        let rank = rank(share, count);
        let mut below = 0_u64;
        for (cell, in_cell) in &self.cells {
            below = below.saturating_add(*in_cell);
            if below >= rank {
                return Some(Duration::from_micros(middle(*cell)));
            }
        }
        None
    }

    /// Returns how many were counted.
    pub fn count(&self) -> u64 {
        let counts = self.cells.iter().map(|(_, count)| *count);
        counts.fold(0, u64::saturating_add)
    }

    /// Tells whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Returns the cells that are not empty, ascending: the shortest duration of each, the first that is longer than any
    /// in it, and how many are in it.
    pub fn cells(&self) -> impl Iterator<Item = (Duration, Duration, u64)> + '_ {
        self.cells.iter().map(|(cell, count)| {
            let (first, width) = span(*cell);
            let end = first.saturating_add(width);
            (
                Duration::from_micros(first),
                Duration::from_micros(end),
                *count,
            )
        })
    }

    /// Appends the histogram: how many cells are not empty, then of each the distance to the one before and the count.
    pub fn encode(&self, out: &mut Vec<u8>) {
        varint::put(out, self.cells.len() as u64);
        let mut before = 0;
        for (cell, count) in &self.cells {
            varint::put(out, u64::from(cell - before));
            varint::put(out, *count);
            before = *cell;
        }
    }

    /// Takes a histogram off the front; absent if it is none.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let length = varint::take(bytes).filter(|length| *length <= CELLS)?;
        let mut cells = Vec::with_capacity(usize::try_from(length).ok()?);
        let mut cell = 0_u64;
        for position in 0..length {
            let distance = varint::take(bytes)?;
            cell = cell.checked_add(distance).filter(|cell| *cell < CELLS)?;
            let count = varint::take(bytes).filter(|count| *count > 0)?;
            if position > 0 && distance == 0 {
                return None;
            }
            cells.push((u16::try_from(cell).ok()?, count));
        }
        Some(Self { cells })
    }

    fn count_in(&mut self, cell: u16, count: u64) {
        match self.cells.binary_search_by_key(&cell, |(cell, _)| *cell) {
            Ok(place) => {
                if let Some((_, known)) = self.cells.get_mut(place) {
                    *known = known.saturating_add(count);
                }
            }
            Err(place) => self.cells.insert(place, (cell, count)),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Returns the cell of a number of microseconds.
fn cell(micros: u64) -> u16 {
    if micros < STEPS {
        return u16::try_from(micros).unwrap_or_default();
    }
    let above = micros.ilog2() - BITS;
    let cell = u64::from(above) * STEPS + (micros >> above);
    u16::try_from(cell).unwrap_or(u16::MAX)
}

/// Returns the shortest of a cell and how many values it holds, in microseconds.
fn span(cell: u16) -> (u64, u64) {
    let cell = u64::from(cell);
    if cell < 2 * STEPS {
        return (cell, 1);
    }
    let above = cell / STEPS - 1;
    (((cell % STEPS) + STEPS) << above, 1 << above)
}

fn middle(cell: u16) -> u64 {
    let (first, width) = span(cell);
    first.saturating_add((width - 1) / 2)
}

/// Returns which one of so many, from 1, is at a share of them.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts stay far below 2^53, and what is past the ends is brought back to them"
)]
fn rank(share: f64, count: u64) -> u64 {
    let rank = (share.clamp(0.0, 1.0) * count as f64).ceil() as u64;
    rank.clamp(1, count.max(1))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn of(micros: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for one in micros {
            histogram.record(Duration::from_micros(*one));
        }
        histogram
    }

    fn merged(a: &Histogram, b: &Histogram) -> Histogram {
        let mut sum = a.clone();
        sum.merge(b);
        sum
    }

    /// Durations of every size, small ones as often as large ones.
    fn durations() -> impl Strategy<Value = u64> {
        (0_u32..64, any::<u64>()).prop_map(|(shift, bits)| bits >> shift)
    }

    #[test]
    fn cells_follow_one_another_without_a_gap() {
        let mut next = 0_u64;
        for number in 0..u16::try_from(CELLS).unwrap() {
            let (first, width) = span(number);
            assert_eq!(first, next, "cell {number}");
            assert_eq!((cell(first), cell(first + (width - 1))), (number, number));
            next = first.wrapping_add(width);
        }
        assert_eq!(next, 0, "the last cell ends where 64 bits do");
    }

    #[test]
    fn an_empty_one_has_no_quantile() {
        assert_eq!(Histogram::default().quantile(0.5), None);
        assert!(Histogram::default().is_empty());
        let one = of(&[7]);
        for share in [-1.0, 0.0, 0.5, 1.0, 2.0, f64::NAN] {
            assert_eq!(
                one.quantile(share),
                Some(Duration::from_micros(7)),
                "{share}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_histogram() {
        for bytes in [
            &[][..],
            &[1],
            &[1, 5],
            &[1, 5, 0],
            &[2, 5, 1, 0, 1],
            &[1, 0xff, 0x7f, 1],
        ] {
            assert_eq!(Histogram::decode(&mut &*bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn adding_does_not_know_of_order(
            a in vec(durations(), 0..40), b in vec(durations(), 0..40), c in vec(durations(), 0..40)
        ) {
            let all: Vec<u64> = a.iter().chain(&b).chain(&c).copied().collect();
            let (a, b, c) = (of(&a), of(&b), of(&c));
            prop_assert_eq!(merged(&a, &b), merged(&b, &a));
            prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
            prop_assert_eq!(merged(&merged(&a, &b), &c), of(&all));
        }

        #[test]
        fn a_quantile_is_at_most_five_percent_off(mut all in vec(durations(), 1..200), share in 0.0..=1.0) {
            let found = of(&all).quantile(share).unwrap().as_micros();
            all.sort_unstable();
            let exact = u128::from(all[usize::try_from(rank(share, all.len() as u64)).unwrap() - 1]);
            prop_assert!(found.abs_diff(exact) * 31 <= exact, "{found} for {exact}");
        }

        #[test]
        fn comes_back_as_it_was(all in vec(durations(), 0..200)) {
            let histogram = of(&all);
            let mut bytes = Vec::new();
            histogram.encode(&mut bytes);
            bytes.push(42);
            let mut rest = &*bytes;
            prop_assert_eq!(Histogram::decode(&mut rest), Some(histogram));
            prop_assert_eq!(rest, [42]);
        }
    }
}
