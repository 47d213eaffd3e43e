//! What a backtest found, as `oes.backtest/1`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::difference::Difference;
use super::labels::Score;
use super::{Found, SCHEMA, Side};
use crate::config::labels::Outage;
use crate::model::judgement::Outcome;
use crate::suite::replay::{Alarm, Judged};

/// Returns what was found.
pub(super) fn json(result: &Found) -> Value {
    json!({
        "schema": SCHEMA,
        "exit": result.exit as u8,
        "service": result.service,
        "first": result.span.0,
        "last": result.span.1,
        "damaged": result.damaged,
        "stand_ins": result.stand_ins,
        "rules": result.sides.iter().map(side).collect::<Vec<_>>(),
        "fail_if": result.fail_if.iter().map(|(condition, value, holds)| json!({
            "condition": condition.text,
            "value": value,
            "holds": holds,
        })).collect::<Vec<_>>(),
        "difference": result.difference.as_ref().map(difference),
    })
}

fn side(side: &Side) -> Value {
    let played = &side.played;
    let count = |outcome| {
        let probes = played.probes.iter();
        probes.filter(|probe| probe.outcome == outcome).count()
    };
    let outcomes: serde_json::Map<String, Value> = Outcome::ALL
        .into_iter()
        .map(|outcome| (outcome.as_str().to_owned(), count(outcome).into()))
        .collect();
    json!({
        "title": side.title,
        "probes": played.probes.len(),
        "outcomes": outcomes,
        "unjudged": played.unjudged.iter().map(|(at, why)| json!({ "at": at, "why": why })).collect::<Vec<_>>(),
        "incidents": played.incidents.iter().map(incident).collect::<Vec<_>>(),
        "messages": played.told.iter().map(|sent| json!({
            "at": sent.at,
            "kind": sent.told.kind,
            "violation": sent.told.violation,
            "text": sent.told.text,
        })).collect::<Vec<_>>(),
        "labels": side.score.as_ref().map(score),
    })
}

fn incident(alarm: &Alarm) -> Value {
    let incident = &alarm.incident;
    json!({
        "violation": incident.violation,
        "opened_at": incident.opened_at,
        "seen_at": alarm.seen_at,
        "closed_at": incident.closed_at,
        "rule": alarm.opening.rule,
        "code": alarm.opening.code,
        "finding": alarm.opening.finding,
    })
}

fn difference(difference: &Difference) -> Value {
    let all = |incidents: &[Alarm]| incidents.iter().map(incident).collect::<Vec<_>>();
    json!({
        "probes": difference.probes.iter().map(|(at, one, other)| json!({
            "at": at,
            "verdicts": [one.as_ref().map(verdict), other.as_ref().map(verdict)],
        })).collect::<Vec<_>>(),
        "only_in_first": all(&difference.only_first),
        "only_in_second": all(&difference.only_second),
        "moved": difference.moved.iter().map(|(one, other)| json!([incident(one), incident(other)])).collect::<Vec<_>>(),
    })
}

fn verdict(judged: &Judged) -> Value {
    let finding = judged.finding.as_ref();
    json!({
        "outcome": judged.outcome,
        "code": finding.map(|finding| &finding.code),
        "message": finding.map(|finding| &finding.message),
    })
}

fn score(score: &Score) -> Value {
    let named =
        |outage: &Outage| json!({ "name": outage.name, "from": outage.from, "to": outage.to });
    let caught = score.caught.iter().map(|(outage, delay)| {
        json!({ "name": outage.name, "from": outage.from, "to": outage.to, "after_s": delay.as_secs_f64() })
    });
    let false_alarm =
        |(violation, at): &(_, Timestamp)| json!({ "violation": violation, "seen_at": at });
    let delays = score.delays();
    json!({
        "caught": caught.collect::<Vec<_>>(),
        "missed": score.missed.iter().map(named).collect::<Vec<_>>(),
        "not_recorded": score.outside.iter().map(named).collect::<Vec<_>>(),
        "false_alarms": score.false_alarms.iter().map(false_alarm).collect::<Vec<_>>(),
        "precision": score.precision(),
        "recall": score.recall(),
        "mean_detection_s": delays.map(|(mean, _)| mean.as_secs_f64()),
        "max_detection_s": delays.map(|(_, max)| max.as_secs_f64()),
    })
}
