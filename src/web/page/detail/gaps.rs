//! The times in which nobody looked, in words.

use jiff::Timestamp;

use crate::history::gaps::Gap;
use crate::model::counted::counted;
use crate::model::duration::Shown;

/// Gaps that are named; of more the longest.
const GAPS_MAX: usize = 5;

/// Returns what is said of the times without data, the oldest first.
pub(super) fn told(gaps: &[Gap]) -> Vec<String> {
    let mut longest: Vec<&Gap> = gaps.iter().collect();
    longest.sort_by_key(|gap| std::cmp::Reverse(gap.length));
    longest.truncate(GAPS_MAX);
    longest.sort_by_key(|gap| gap.from);
    let mut told: Vec<String> = longest.iter().map(|gap| one(gap)).collect();
    let more = gaps.len().saturating_sub(longest.len());
    if more > 0 {
        told.push(format!("And {}", counted(more, "shorter gap")));
    }
    told
}

fn one(gap: &Gap) -> String {
    let moment = |at: Timestamp| at.strftime("%-d %b, %H:%M UTC");
    format!(
        "No data for {} between {} and {}",
        Shown(gap.length),
        moment(gap.from),
        moment(gap.until)
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_longest_gaps_are_named_in_their_order() {
        let gap = |number: i64| Gap {
            from: Timestamp::from_second(number * 3600).unwrap(),
            until: Timestamp::from_second(number * 3600 + 600).unwrap(),
            length: Duration::from_secs(171 + number.unsigned_abs()),
        };
        let gaps: Vec<Gap> = (0..7).map(gap).collect();
        let told = told(&gaps);
        assert_eq!(told.len(), 6);
        assert_eq!(
            told[0],
            "No data for 2 min 53 s between 1 Jan, 02:00 UTC and 1 Jan, 02:10 UTC"
        );
        assert_eq!(told[5], "And 2 shorter gaps");
    }
}
