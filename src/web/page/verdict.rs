//! How everything stands, in one sentence.

use jiff::Timestamp;

use super::moment;
use super::present::Stood;
use super::state::State;
use crate::model::counted::counted;

/// How everything stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The heaviest state; services in maintenance or without data do not hide that others are well, and the sentence
    /// names them.
    pub state: State,
    /// The sentence.
    pub sentence: String,
}

impl Verdict {
    /// Returns the verdict over services, as a daemon knows it that may have ended.
    pub(super) fn of(stood: &[Stood<'_>], ended: Option<Timestamp>) -> Self {
        let states: Vec<State> = stood.iter().map(Stood::state).collect();
        let verdict = Self::over(&states);
        match ended {
            Some(at) => verdict.unwatched_since(at),
            None => verdict,
        }
    }

    /// Returns what is left of it where nobody has looked since a moment: nothing is known to be well.
    fn unwatched_since(self, at: Timestamp) -> Self {
        let at = at.strftime(moment::SECOND);
        Self {
            state: self.state.max(State::NoData),
            sentence: format!(
                "{}. The monitor does not run: its data end on {at}",
                self.sentence
            ),
        }
    }

    fn over(states: &[State]) -> Self {
        let count = |state: State| states.iter().filter(|one| **one == state).count();
        let all = states.len();
        let state = states.iter().max().copied().unwrap_or(State::NoData);
        let services = counted(all, "service");
        let quiet = [State::Maintenance, State::NoData].into_iter();
        let quiet = quiet.filter(|one| count(*one) > 0);
        let quiet = join(&quiet.map(|one| said(count(one), one)).collect::<Vec<_>>());
        let sentence = if all == 0 {
            "No services are shown here yet".to_owned()
        } else if count(state) == all {
            of_all(state, all)
        } else if state.is_trouble() {
            let kinds = State::ALL.into_iter().rev().filter(|one| one.is_trouble());
            let kinds = kinds.filter(|one| count(*one) > 0);
            let parts: Vec<String> = kinds.map(|one| said(count(one), one)).collect();
            let trouble = format!("{} of {services}", join(&parts));
            match quiet.as_str() {
                "" => trouble,
                quiet => format!("{trouble}, {quiet}"),
            }
        } else {
            let well = count(State::Operational);
            match well {
                0 => format!("Of {services}: {quiet}"),
                _ => format!("{well} of {services} operational, {quiet}"),
            }
        };
        Self { state, sentence }
    }
}

fn of_all(state: State, all: usize) -> String {
    let (every, is) = match all {
        1 => ("The service".to_owned(), "is"),
        2 => ("Both services".to_owned(), "are"),
        _ => (format!("All {all} services"), "are"),
    };
    match state {
        State::Operational => format!("{every} {is} operational"),
        State::Maintenance => format!("{every} {is} in maintenance"),
        State::NoData => format!("Nothing is known of {} now", every.to_lowercase()),
        State::Degraded => format!("{every} {is} degraded"),
        State::PartialOutage => format!("{every}: partial outage"),
        State::MajorOutage => format!("{every} {is} down"),
    }
}

fn said(count: usize, state: State) -> String {
    match state {
        State::Operational => format!("{count} operational"),
        State::Maintenance => format!("{count} in maintenance"),
        State::NoData => format!("{count} without data"),
        State::Degraded => format!("{count} degraded"),
        State::PartialOutage => format!("{count} in partial outage"),
        State::MajorOutage => format!("{count} down"),
    }
}

fn join(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sentence_says_it() {
        use State::{Degraded, Maintenance, MajorOutage, NoData, Operational, PartialOutage};
        let rows: [(&[State], State, &str); 9] = [
            (&[], NoData, "No services are shown here yet"),
            (&[Operational], Operational, "The service is operational"),
            (
                &[Operational; 3],
                Operational,
                "All 3 services are operational",
            ),
            (
                &[NoData; 2],
                NoData,
                "Nothing is known of both services now",
            ),
            (
                &[Operational, NoData, Operational],
                NoData,
                "2 of 3 services operational, 1 without data",
            ),
            (
                &[Operational, Maintenance],
                Maintenance,
                "1 of 2 services operational, 1 in maintenance",
            ),
            (
                &[Operational, MajorOutage, Degraded, Degraded, NoData],
                MajorOutage,
                "1 down and 2 degraded of 5 services, 1 without data",
            ),
            (
                &[PartialOutage, Operational],
                PartialOutage,
                "1 in partial outage of 2 services",
            ),
            (
                &[NoData, Maintenance],
                NoData,
                "Of 2 services: 1 in maintenance and 1 without data",
            ),
        ];
        for (states, state, sentence) in rows {
            let verdict = Verdict::over(states);
            assert_eq!(
                (verdict.state, verdict.sentence.as_str()),
                (state, sentence)
            );
        }
    }

    #[test]
    fn nothing_is_well_where_nobody_looks() {
        let at = "2026-11-26T13:39:50Z".parse().unwrap();
        let verdict = Verdict::over(&[State::Operational]).unwatched_since(at);
        assert_eq!(verdict.state, State::NoData);
        assert_eq!(
            verdict.sentence,
            "The service is operational. The monitor does not run: its data end on 26 Nov 2026, 13:39:50 UTC"
        );
    }
}
