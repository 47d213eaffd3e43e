//! What is known of a service at this moment, one fact a line.

use jiff::Timestamp;

use super::beat;
use crate::model::counted::counted;
use crate::model::duration::{Shown, since};
use crate::model::glance::{Glance, WindowNumbers};
use crate::model::service::{LatencyTrigger, Service};
use crate::web::page::present::{Audience, Stood};
use crate::web::page::words;

/// One fact.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) more: String,
}

/// Returns where it is said what to do about a service.
pub(super) fn runbook(service: &Service) -> Option<String> {
    service.runbook.as_ref().map(ToString::to_string)
}

/// Returns how it is known how a service is.
pub(super) fn request(service: &Service) -> String {
    match (&service.heartbeat, &service.request) {
        (Some(job), _) => format!("reports by itself, {}", job.rhythm),
        (None, asked) => format!("{} {}", asked.method, asked.shown_url),
    }
}

/// Returns what is known of a service at this moment.
pub(super) fn of(stood: &Stood<'_>, audience: Audience, now: Timestamp) -> Vec<Fact> {
    let newest = stood.glance.map(|glance| match &stood.service.heartbeat {
        Some(rule) => Fact {
            name: "Last good beat",
            value: beat::last_good(stood).map_or_else(
                || "none is known".to_owned(),
                |at| format!("{} ago", words::age(since(at, now))),
            ),
            more: format!("expected {}", rule.rhythm),
        },
        None => Fact {
            name: "Last look",
            value: format!("{} ago", words::age(since(glance.at, now))),
            more: format!("every {}", Shown(stood.service.interval)),
        },
    });
    let run = beat::run(stood, now).filter(|_| audience.is_private());
    let mut facts: Vec<Fact> = newest.into_iter().chain(run).collect();
    facts.extend(stood.awaited.iter().flat_map(|one| beat::awaited(one, now)));
    let Some(glance) = stood.glance else {
        return facts;
    };
    if let Some(latency) = glance.latency {
        facts.push(Fact {
            name: beat::latency(stood.service),
            value: Shown(latency).to_string(),
            more: limit(stood.service),
        });
    }
    if !audience.is_private() {
        return facts;
    }
    facts.extend(answer(glance));
    if let Some(ends) = glance.certificate_expires {
        let days = since(now, ends).as_secs() / 86_400;
        let day = ends.strftime("%-d %b %Y");
        let (value, more) = match days {
            0 if ends <= now => ("expired".to_owned(), format!("on {day}")),
            days if glance.certificate_left(now).is_some() => {
                (counted_days(days), format!("until {day}: renew it soon"))
            }
            days => (counted_days(days), format!("until {day}")),
        };
        facts.push(Fact {
            name: "Certificate",
            value,
            more,
        });
    }
    if let Some(peer) = glance.peer {
        let hops = match glance.redirects {
            0 => String::new(),
            count => counted(count, "redirect"),
        };
        facts.push(Fact {
            name: "Address",
            value: peer.to_string(),
            more: hops,
        });
    }
    facts
}

fn counted_days(days: u64) -> String {
    counted(usize::try_from(days).unwrap_or(usize::MAX), "day")
}

fn answer(glance: &Glance) -> Option<Fact> {
    if let Some(failure) = glance.failure {
        return Some(Fact {
            name: "Answer",
            value: "none".to_owned(),
            more: failure.as_str().to_owned(),
        });
    }
    let answer = glance.answer?;
    let reason = answer.status.canonical_reason().unwrap_or_default();
    Some(Fact {
        name: "Answer",
        value: format!("{} {reason}", answer.status.as_u16()),
        more: format!("{:?}, {} bytes", answer.version, answer.body_bytes),
    })
}

fn limit(service: &Service) -> String {
    service
        .latency
        .as_ref()
        .map(|rule| format!("limit {}", Shown(rule.limit)))
        .unwrap_or_default()
}

/// Returns the rules of a service with the numbers that they look at now.
pub(super) fn rules(stood: &Stood<'_>, audience: Audience) -> Vec<String> {
    if !audience.is_private() {
        return Vec::new();
    }
    let service = stood.service;
    if let Some(rule) = &service.heartbeat {
        return beat::rules(stood, rule);
    }
    let mut rules = Vec::new();
    let window = stood.glance.map(|glance| glance.window).unwrap_or_default();
    let accepted = service.error.threshold * 100.0;
    rules.push(format!(
        "Failing: {} of the last {} failed; opens above {accepted:.0} % of {}",
        window.failed,
        counted(window.counted, "probe"),
        service.error.window
    ));
    rules.extend(slow(service, window));
    rules.push(format!(
        "Cannot be judged: opens after {} without a verdict",
        Shown(service.unknown_after)
    ));
    rules
}

/// Returns the rule of latency with what it reads now; absent without one.
pub(super) fn slow(service: &Service, window: WindowNumbers) -> Option<String> {
    service.latency.as_ref().map(|rule| {
        let what = match rule.trigger {
            LatencyTrigger::Mean => "mean".to_owned(),
            LatencyTrigger::Median => "median".to_owned(),
            LatencyTrigger::KOfN { k } => format!("the {k}th slowest"),
            LatencyTrigger::Percentile { percentile } => format!("percentile {percentile}"),
        };
        let is = window
            .latency
            .map_or_else(|| "not yet known".to_owned(), |at| Shown(at).to_string());
        format!(
            "Slow: {what} of the last {} is {is}; opens above {}",
            counted(rule.window, "latency"),
            Shown(rule.limit)
        )
    })
}
