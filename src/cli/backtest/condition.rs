//! What a backtest fails for, where that is said: `violations > 1`.

use super::Side;
use super::difference::Difference;
use crate::model::judgement::Outcome;
use crate::model::span::did_you_mean;

/// A number of a backtest that is held against another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    /// As it was written.
    pub(super) text: String,
    name: &'static str,
    compare: Compare,
    bound: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Above,
    AtLeast,
    Below,
    AtMost,
    Equal,
    Unequal,
}

/// Signs with what they mean; longer ones first.
const COMPARES: [(&str, Compare); 6] = [
    (">=", Compare::AtLeast),
    ("<=", Compare::AtMost),
    ("==", Compare::Equal),
    ("!=", Compare::Unequal),
    (">", Compare::Above),
    ("<", Compare::Below),
];

/// Numbers that every backtest has.
const ALWAYS: [&str; 8] = [
    "violations",
    "messages",
    "unjudged",
    "pass",
    "warn",
    "unknown",
    "fail",
    "error",
];
/// Those of a comparison.
const COMPARED: [&str; 3] = ["new_violations", "gone_violations", "judged_otherwise"];
/// Those of known outages.
const LABELLED: [&str; 2] = ["missed", "false_alarms"];

impl Condition {
    /// Reads `NAME > NUMBER`; what needs `--compare` or `--labels` is refused without.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(text: &str, compares: bool, labels: bool) -> Result<Self, String> {
        let split = COMPARES.iter().find_map(|(sign, compare)| {
            let (name, bound) = text.split_once(sign)?;
            Some((name.trim(), *compare, bound.trim().parse::<usize>().ok()?))
        });
        let Some((written, compare, bound)) = split else {
            return Err(format!(
                "`{text}` is no condition; write violations > 0, with one of > >= < <= == != and a whole number"
            ));
        };
        let mut names = ALWAYS.into_iter().chain(COMPARED).chain(LABELLED);
        let Some(name) = names.find(|name| *name == written) else {
            let names = || ALWAYS.into_iter().chain(COMPARED).chain(LABELLED);
            let help = did_you_mean(written, names()).map_or_else(
                || format!("there are {}", names().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(format!("nothing is called `{written}`; {help}"));
        };
        let lacks = match name {
            name if COMPARED.contains(&name) && !compares => Some("--compare"),
            name if LABELLED.contains(&name) && !labels => Some("--labels"),
            _ => None,
        };
        if let Some(lacks) = lacks {
            return Err(format!("`{name}` is known with {lacks} only"));
        }
        Ok(Self {
            text: text.trim().to_owned(),
            name,
            compare,
            bound,
        })
    }

    /// Returns the number of the first rules that it is about.
    pub(super) fn value(&self, side: &Side, difference: Option<&Difference>) -> usize {
        let played = &side.played;
        let of = |wanted: Outcome| {
            let probes = played.probes.iter();
            probes.filter(|probe| probe.outcome == wanted).count()
        };
        let differ = |count: fn(&Difference) -> usize| difference.map_or(0, count);
        let score = side.score.as_ref();
        match self.name {
            "violations" => played.incidents.len(),
            "messages" => played.told.len(),
            "unjudged" => played.unjudged.len(),
            "new_violations" => differ(|difference| difference.only_first.len()),
            "gone_violations" => differ(|difference| difference.only_second.len()),
            "judged_otherwise" => differ(|difference| difference.probes.len()),
            "missed" => score.map_or(0, |score| score.missed.len()),
            "false_alarms" => score.map_or(0, |score| score.false_alarms.len()),
            name => {
                let outcome = Outcome::ALL.into_iter().find(|one| one.as_str() == name);
                outcome.map_or(0, of)
            }
        }
    }

    /// Tells whether it holds of a number.
    pub(super) fn holds(&self, value: usize) -> bool {
        match self.compare {
            Compare::Above => value > self.bound,
            Compare::AtLeast => value >= self.bound,
            Compare::Below => value < self.bound,
            Compare::AtMost => value <= self.bound,
            Compare::Equal => value == self.bound,
            Compare::Unequal => value != self.bound,
        }
    }
}
