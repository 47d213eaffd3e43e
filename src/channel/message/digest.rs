//! The daily digest: what is open, what was, what will be, and that OES is there.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::summary::{Counts, Named, Summary, SummaryKind};
use super::{Sending, Subject, words};
use crate::model::counted::counted;
use crate::model::duration::{before, since};
use crate::model::glance::CERTIFICATE_SOON;
use crate::model::incident::{DeadLetter, Incident, Ledger};
use crate::model::service::{ServiceName, ServiceSeverity};

/// The time that a digest looks back on.
const DAY: Duration = Duration::from_hours(24);
/// The time that it looks back on for what is noisy.
const WEEK: Duration = Duration::from_hours(7 * 24);
/// Certificates that expire within this are named.
const EXPIRES_WITHIN: Duration = CERTIFICATE_SOON;
/// A silence that has gone on for this long may have been forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(24);
/// Lines of each kind.
const LINES_MAX: usize = 20;
/// A rule that opened so often in a week is noisy.
const NOISY: usize = 5;

/// What a digest is made from.
#[derive(Debug, Clone)]
pub struct Digest<'a> {
    /// What is known of incidents, silences and channels.
    pub ledger: &'a Ledger,
    /// How many services are watched.
    pub services: usize,
    /// When certificates expire, the next first.
    pub expiries: Vec<(ServiceName, Timestamp)>,
    /// The maintenance that is on now, by name.
    pub maintenance: Vec<String>,
    /// Its sending.
    pub sending: Sending,
}

impl From<Digest<'_>> for Summary {
    fn from(digest: Digest<'_>) -> Self {
        let now = digest.sending.now;
        let incidents = || digest.ledger.incidents.values();
        let over_lately = |one: &&Incident| {
            one.closed_at
                .is_some_and(|closed| since(closed, now) <= DAY)
        };
        let mut open: Vec<&Incident> = incidents().filter(|one| one.is_open()).collect();
        let mut over: Vec<&Incident> = incidents().filter(over_lately).collect();
        open.sort_by_key(|one| one.opened_at);
        over.sort_by_key(|one| std::cmp::Reverse(one.closed_at));
        let counts = Counts {
            open: open.len(),
            over: over.len(),
            services: digest.services,
        };
        let mut lines = Vec::new();
        section(&mut lines, open.iter().map(|one| digest.of_open(one)));
        section(&mut lines, over.iter().map(|one| of_over(one)));
        section(&mut lines, digest.expiring());
        section(&mut lines, digest.muted());
        section(&mut lines, digest.noisy());
        section(&mut lines, digest.channels());
        let headline = match (counts.open, counts.over, lines.is_empty()) {
            (0, 0, true) => "all clear".to_owned(),
            (0, 0, false) => "no incident, but something to look at".to_owned(),
            (0, over, _) => format!("nothing open, {} over", counted(over, "incident")),
            (open, _, _) => format!("{} open", counted(open, "incident")),
        };
        let severity = if counts.open > 0 {
            ServiceSeverity::Warning
        } else {
            ServiceSeverity::Info
        };
        Self {
            kind: SummaryKind::Digest,
            id: format!("digest-{}", now.strftime("%Y-%m-%d")),
            generation: 1,
            subject: Subject {
                severity,
                ..Subject::gone(ServiceName::new(counted(digest.services, "service")))
            },
            headline,
            rule: format!(
                "in the last day: {} opened or went on, {} over",
                counted(counts.open + counts.over, "incident"),
                counts.over
            ),
            note: None,
            began_at: before(now, DAY),
            ended_at: Some(now),
            lines,
            counts,
            incidents: open.into_iter().chain(over).map(Named::from).collect(),
            first: false,
            edit: None,
            sending: digest.sending,
        }
    }
}

impl Digest<'_> {
    fn of_open(&self, incident: &Incident) -> String {
        let lasts = words::span(since(incident.opened_at, self.sending.now));
        let acked = incident.ack.as_ref();
        let acked = acked.map_or_else(String::new, |ack| format!(", taken on by {}", ack.by));
        format!(
            "✗ {} · {} · open for {lasts}{acked}",
            incident.service, incident.violation
        )
    }

    fn expiring(&self) -> impl Iterator<Item = String> {
        let now = self.sending.now;
        let soon = self
            .expiries
            .iter()
            .filter(move |(_, at)| since(now, *at) <= EXPIRES_WITHIN);
        soon.map(move |(service, at)| {
            let left = since(now, *at);
            if left.is_zero() {
                format!("! {service} · its certificate has expired")
            } else {
                format!(
                    "! {service} · its certificate expires in {}",
                    words::span(left)
                )
            }
        })
    }

    fn muted(&self) -> impl Iterator<Item = String> {
        let now = self.sending.now;
        let silences = self.ledger.silences.values();
        let forgotten = silences
            .filter(move |silence| {
                silence.is_active(now) && since(silence.from, now) >= FORGOTTEN_AFTER
            })
            .map(move |silence| {
                let goes_on = words::span(since(silence.from, now));
                format!(
                    "! silence {} of {} by {} has gone on for {goes_on}: {}",
                    silence.id, silence.of, silence.by, silence.reason
                )
            });
        let planned = self.maintenance.iter();
        forgotten.chain(planned.map(|name| format!("· maintenance {name} is on")))
    }

    fn noisy(&self) -> impl Iterator<Item = String> {
        let now = self.sending.now;
        let mut often: BTreeMap<(&ServiceName, &str), usize> = BTreeMap::new();
        for incident in self.ledger.incidents.values() {
            if since(incident.opened_at, now) <= WEEK {
                let rule = (&incident.service, incident.violation.as_str());
                *often.entry(rule).or_default() += 1;
            }
        }
        let mut often: Vec<_> = often
            .into_iter()
            .filter(|(_, count)| *count >= NOISY)
            .collect();
        often.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        often.into_iter().map(|((service, violation), count)| {
            format!("! {service} · {violation} opened {count} times in a week")
        })
    }

    fn channels(&self) -> impl Iterator<Item = String> {
        let now = self.sending.now;
        let disabled = self.ledger.channels.iter().filter_map(|(name, state)| {
            let why = state.disabled.as_ref()?;
            Some(format!("✗ channel {name} is disabled: {why}"))
        });
        let lately = |letter: &&DeadLetter| since(letter.at, now) <= DAY;
        let given_up = self.ledger.dead_letters.iter().filter(lately).count();
        let given_up = (given_up > 0).then(|| {
            format!(
                "✗ {} given up in the last day",
                counted(given_up, "message")
            )
        });
        disabled.chain(given_up)
    }
}

fn of_over(incident: &Incident) -> String {
    let closed = incident.closed_at.unwrap_or(incident.opened_at);
    let lasted = words::span(since(incident.opened_at, closed));
    format!(
        "✓ {} · {} · over after {lasted}",
        incident.service, incident.violation
    )
}

/// Adds lines of one kind, the last of which counts those for which there is no room.
fn section(lines: &mut Vec<String>, of: impl Iterator<Item = String>) {
    let mut more = 0;
    for (number, line) in of.enumerate() {
        if number < LINES_MAX {
            lines.push(line);
        } else {
            more += 1;
        }
    }
    if more > 0 {
        lines.push(format!("  + {more} more"));
    }
}
