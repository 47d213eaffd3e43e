//! What a backtest found, for a person.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::difference::Difference;
use super::labels::Score;
use super::strip;
use super::{Found, Side};
use crate::channel::message::moment;
use crate::cli::output::{BOLD, ERROR, FAINT, GOOD, WARNING, outcome_look, result, styled};
use crate::config::labels::Outage;
use crate::model::counted::counted;
use crate::model::duration::{Shown, since};
use crate::model::judgement::Outcome;
use crate::suite::replay::{Alarm, Judged, Trial};

/// Lines of one list that are shown; JSON has all.
const SHOWN_MAX: usize = 20;

/// What is printed, in the time zone of the config.
struct Page {
    zone: TimeZone,
    /// The first probe that was recorded.
    first: Timestamp,
    messages: bool,
}

/// Prints what was found.
pub(super) fn print(found: &Found, trials: &[Trial], messages: bool) {
    let zone = trials.first().map(|trial| trial.zone.clone());
    let page = Page {
        zone: zone.unwrap_or(TimeZone::UTC),
        first: found.span.0,
        messages,
    };
    let (first, last) = found.span;
    result(format_args!(
        "{}: recorded for {}, {} to {}",
        styled(BOLD, &found.service),
        Shown(since(first, last)),
        page.time(first),
        page.time(last)
    ));
    if found.damaged > 0 {
        let damaged = usize::try_from(found.damaged).unwrap_or(usize::MAX);
        let damaged = counted(damaged, "recording");
        let text = format!("{damaged} damaged or written by a newer oes, passed over");
        result(styled(WARNING, text));
    }
    for side in &found.sides {
        page.side(side, found.last_probe(), found.sides.len() > 1);
    }
    if let (Some(difference), [one, other]) = (&found.difference, &found.sides[..]) {
        page.difference(difference, [&one.title, &other.title]);
    }
    if !found.fail_if.is_empty() {
        result("");
    }
    for (condition, value, holds) in &found.fail_if {
        let sign = if *holds {
            styled(ERROR, "✗")
        } else {
            styled(GOOD, "✓")
        };
        let verdict = if *holds { "holds" } else { "does not hold" };
        result(format_args!("{sign} {} {verdict}: {value}", condition.text));
    }
}

impl Found {
    fn last_probe(&self) -> Timestamp {
        self.span.1
    }
}

impl Page {
    fn time(&self, at: Timestamp) -> String {
        moment(at, &self.zone)
    }

    fn side(&self, side: &Side, end: Timestamp, named: bool) {
        let played = &side.played;
        result("");
        if named || side.title != "current" {
            result(styled(BOLD, &side.title));
        }
        let count = |outcome| {
            let probes = played.probes.iter();
            probes.filter(|probe| probe.outcome == outcome).count()
        };
        let outcomes = Outcome::ALL.map(|outcome| (outcome, count(outcome)));
        let outcomes: Vec<String> = outcomes
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(outcome, count)| styled(outcome_look(outcome).0, format!("{count} {outcome}")))
            .collect();
        let probes = counted(played.probes.len(), "probe");
        let parts = [vec![probes], outcomes].concat();
        result(parts.join(" · "));
        let otherwise = |one: &&Judged| one.before.is_some_and(|before| before != one.outcome);
        let otherwise = played.probes.iter().filter(otherwise).count();
        if otherwise > 0 {
            let text = format!("{otherwise} came to something else when they were recorded");
            result(styled(FAINT, text));
        }
        if let Some((_, why)) = played.unjudged.first() {
            let probes = counted(played.unjudged.len(), "probe");
            let text = format!("{probes} could not be judged and are not counted: {why}");
            result(styled(WARNING, text));
        }
        if played.probes.is_empty() {
            return result(styled(WARNING, "? nothing could be judged"));
        }
        let rows = strip::rows(&played.probes, self.first);
        for row in rows.iter().take(SHOWN_MAX) {
            result(styled(FAINT, row));
        }
        more(rows.len());
        self.incidents(&played.incidents, end);
        if self.messages {
            for sent in &played.told {
                result(format_args!("\n{}", styled(FAINT, self.time(sent.at))));
                result(sent.told.text.trim_end());
            }
        } else if !played.told.is_empty() {
            let text = format!("{} to people", counted(played.told.len(), "message"));
            result(format_args!(
                "{text} {}",
                styled(FAINT, "(--messages shows them)")
            ));
        }
        if let Some(score) = &side.score {
            self.score(score);
        }
    }

    fn incidents(&self, alarms: &[Alarm], end: Timestamp) {
        if alarms.is_empty() {
            let text = "no violation would have opened";
            return result(format_args!("{} {text}", styled(GOOD, "✓")));
        }
        let count = counted(alarms.len(), "violation");
        result(format_args!(
            "{} {count} would have opened",
            styled(ERROR, "✗")
        ));
        for alarm in alarms.iter().take(SHOWN_MAX) {
            let reason = &alarm.opening;
            result(format_args!("  {}", self.incident(alarm, end)));
            result(format_args!("    {}", reason.rule));
            if let Some(finding) = &reason.finding {
                let code = reason.code.as_deref();
                let code = code.map_or_else(String::new, |code| format!(" [{code}]"));
                result(format_args!("    {finding}{}", styled(FAINT, code)));
            }
        }
        more(alarms.len());
    }

    fn incident(&self, alarm: &Alarm, end: Timestamp) -> String {
        let incident = &alarm.incident;
        let (from, to) = (incident.opened_at, incident.closed_at);
        let lasted = Shown(since(from, to.unwrap_or(end)));
        let until = match to {
            Some(closed) => format!("to {} ({lasted})", self.time(closed)),
            None => format!("and still open at the last probe ({lasted})"),
        };
        let violation = styled(BOLD, &incident.violation);
        let seen = match since(from, alarm.seen_at) {
            Duration::ZERO => "seen at once".to_owned(),
            late => format!("seen after {}", Shown(late)),
        };
        format!("{violation}  {} {until}, {seen}", self.time(from))
    }

    fn score(&self, score: &Score) {
        let outages = score.caught.len() + score.missed.len();
        let sign = if score.is_perfect() {
            styled(GOOD, "✓")
        } else {
            styled(ERROR, "✗")
        };
        result(format_args!(
            "{sign} {} of {} caught, {} missed, {}",
            score.caught.len(),
            counted(outages, "outage"),
            score.missed.len(),
            counted(score.false_alarms.len(), "false alarm")
        ));
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        let mut numbers = Vec::new();
        numbers.extend(
            score
                .precision()
                .map(|share| format!("precision {}", percent(share))),
        );
        numbers.extend(
            score
                .recall()
                .map(|share| format!("recall {}", percent(share))),
        );
        numbers.extend(score.delays().map(|(mean, max)| {
            format!(
                "seen after {} on average, {} at most",
                Shown(mean),
                Shown(max)
            )
        }));
        if !numbers.is_empty() {
            result(format_args!("  {}", numbers.join(" · ")));
        }
        for (outage, delay) in score.caught.iter().take(SHOWN_MAX) {
            result(format_args!(
                "  caught  {} after {}",
                self.outage(outage),
                Shown(*delay)
            ));
        }
        for outage in score.missed.iter().take(SHOWN_MAX) {
            result(format_args!(
                "  {}  {}",
                styled(ERROR, "missed"),
                self.outage(outage)
            ));
        }
        for (violation, at) in score.false_alarms.iter().take(SHOWN_MAX) {
            let word = styled(ERROR, "false alarm");
            result(format_args!("  {word}  {violation} {}", self.time(*at)));
        }
        for outage in score.outside.iter().take(SHOWN_MAX) {
            let word = styled(FAINT, "not recorded");
            result(format_args!("  {word}  {}", self.outage(outage)));
        }
    }

    fn outage(&self, outage: &Outage) -> String {
        let name = outage
            .name
            .as_deref()
            .map_or_else(String::new, |name| format!("{name}, "));
        format!(
            "{name}{} to {}",
            self.time(outage.from),
            self.time(outage.to)
        )
    }

    fn difference(&self, difference: &Difference, titles: [&str; 2]) {
        result("");
        if difference.is_none() {
            let text = "both find the same";
            return result(format_args!("{} {text}", styled(GOOD, "✓")));
        }
        let [first, second] = titles;
        let head = match difference.probes.len() {
            0 => "every probe comes to the same, the violations differ".to_owned(),
            probes => format!("{} judged otherwise", counted(probes, "probe")),
        };
        let sign = styled(ERROR, "≠");
        result(format_args!("{sign} {head}: {first} → {second}"));
        for (at, one, other) in difference.probes.iter().take(SHOWN_MAX) {
            let verdicts = format!("{} → {}", verdict(one.as_ref()), verdict(other.as_ref()));
            result(format_args!("  {}  {verdicts}", self.time(*at)));
        }
        more(difference.probes.len());
        for (incidents, title) in [
            (&difference.only_first, first),
            (&difference.only_second, second),
        ] {
            for alarm in incidents.iter().take(SHOWN_MAX) {
                let (violation, at) = (&alarm.incident.violation, self.time(alarm.seen_at));
                result(format_args!("  only {title}: {violation}, seen {at}"));
            }
            more(incidents.len());
        }
        for (one, other) in difference.moved.iter().take(SHOWN_MAX) {
            result(format_args!("  moved: {}", self.moved(one, other)));
        }
        more(difference.moved.len());
    }

    fn moved(&self, one: &Alarm, other: &Alarm) -> String {
        let end = |alarm: &Alarm| match alarm.incident.closed_at {
            Some(closed) => format!("closed {}", self.time(closed)),
            None => "open to the end".to_owned(),
        };
        format!(
            "{}, seen {} → {}, {} → {}",
            one.incident.violation,
            self.time(one.seen_at),
            self.time(other.seen_at),
            end(one),
            end(other)
        )
    }
}

fn verdict(judged: Option<&Judged>) -> String {
    let Some(judged) = judged else {
        return "not judged".to_owned();
    };
    let code = judged.finding.as_ref();
    let code = code.map_or_else(String::new, |finding| format!(" [{}]", finding.code));
    styled(
        outcome_look(judged.outcome).0,
        format!("{}{code}", judged.outcome),
    )
}

fn more(count: usize) {
    if let Some(more) = count.checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        result(styled(FAINT, format!("  and {more} more; --json has all")));
    }
}
