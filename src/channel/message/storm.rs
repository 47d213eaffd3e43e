//! A message about many incidents at once.

use std::collections::{BTreeMap, BTreeSet};

use super::summary::{Counts, Named, Summary, SummaryKind};
use super::{Sending, Subject, words};
use crate::model::counted::counted;
use crate::model::duration::since;
use crate::model::incident::Incident;
use crate::model::service::{ServiceName, ServiceSeverity};
use crate::model::storm::StormId;

/// Lines that a message has at most; channels with less room show fewer.
const LINES_MAX: usize = 200;
/// Causes that are named.
const CAUSES_MAX: usize = 4;

/// One incident of a storm.
#[derive(Debug, Clone)]
pub struct Member<'a> {
    /// The incident.
    pub incident: &'a Incident,
    /// Its service.
    pub subject: Subject,
    /// What held its opening back before, for people.
    pub muted: Option<String>,
}

/// What a message about a storm is made from.
#[derive(Debug, Clone)]
pub struct Storm<'a> {
    /// Its name.
    pub id: StormId,
    /// Every incident that is told with it.
    pub members: Vec<Member<'a>>,
    /// How many services are watched.
    pub services: usize,
    /// Whether the channel hears for the first time of something that is open.
    pub first: bool,
    /// What the provider calls the message that is to be edited.
    pub edit: Option<String>,
    /// What they have in common, most important first.
    pub causes: Vec<String>,
    /// Whether the channel has left the ops config and is told no more.
    pub leaves: bool,
    /// Services that depend on those that are down, and are not announced themselves meanwhile.
    pub dependents: Vec<String>,
    /// Its sending.
    pub sending: Sending,
}

impl From<Storm<'_>> for Summary {
    fn from(mut storm: Storm<'_>) -> Self {
        // Open ones first, bad ones first, then the oldest.
        storm.members.sort_by_key(|member| {
            let (incident, severity) = (member.incident, member.subject.severity);
            let order = (incident.opened_at, incident.service.clone());
            (!incident.is_open(), std::cmp::Reverse(severity), order)
        });
        let counts = Counts {
            open: storm.count(Incident::is_open),
            over: storm.count(|incident| !incident.is_open()),
            services: storm.services,
        };
        let incidents = storm.members.iter().map(|member| member.incident);
        let ended_at =
            (counts.open == 0).then(|| incidents.clone().filter_map(|one| one.closed_at).max());
        Self {
            kind: SummaryKind::Storm,
            id: storm.id.to_string(),
            generation: incidents.clone().map(|one| u64::from(one.generation)).sum(),
            subject: storm.subject(),
            headline: headline(counts, storm.leaves),
            rule: storm.rule(),
            note: storm.note(counts),
            began_at: incidents
                .clone()
                .map(|one| one.opened_at)
                .min()
                .unwrap_or(storm.sending.now),
            ended_at: ended_at.flatten(),
            lines: storm.lines(),
            counts,
            incidents: incidents.map(Named::from).collect(),
            first: storm.first,
            edit: storm.edit,
            sending: storm.sending,
        }
    }
}

impl Member<'_> {
    /// Returns what people did about it, and what held it back, in front of what was found.
    fn said(&self) -> String {
        let ack = self.incident.ack.as_ref();
        let acked = ack.map(|ack| format!("taken on by {} · ", ack.by));
        let muted = self.muted.as_ref();
        let muted = muted.map(|why| format!("held back by {why} · "));
        acked.into_iter().chain(muted).collect()
    }
}

impl Storm<'_> {
    fn count(&self, wanted: impl Fn(&Incident) -> bool) -> usize {
        self.members
            .iter()
            .filter(|member| wanted(member.incident))
            .count()
    }

    fn affected(&self, wanted: impl Fn(&Incident) -> bool) -> usize {
        let services: BTreeSet<&ServiceName> = self
            .members
            .iter()
            .filter(|member| wanted(member.incident))
            .map(|member| &member.incident.service)
            .collect();
        services.len()
    }

    /// Returns what stands where another message has its service: how many there are, and the worst severity.
    fn subject(&self) -> Subject {
        let open = self.affected(Incident::is_open);
        let all = self.affected(|_| true);
        let named = if open > 0 { open } else { all };
        let name = if self.services > named {
            format!("{named} of {}", counted(self.services, "service"))
        } else {
            counted(named, "service")
        };
        let members = || self.members.iter();
        let worst = members()
            .filter(|member| open == 0 || member.incident.is_open())
            .map(|member| member.subject.severity);
        Subject {
            severity: worst.max().unwrap_or(ServiceSeverity::Info),
            ..Subject::gone(ServiceName::new(name))
        }
    }

    /// Returns the causes that most incidents share: `812 × connect_refused, 68 × status 503`.
    fn rule(&self) -> String {
        let mut codes: BTreeMap<String, usize> = BTreeMap::new();
        for member in &self.members {
            *codes.entry(member.incident.cause()).or_default() += 1;
        }
        let mut codes: Vec<(String, usize)> = codes.into_iter().collect();
        codes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let more = codes.len().saturating_sub(CAUSES_MAX);
        let mut words: Vec<String> = codes
            .iter()
            .take(CAUSES_MAX)
            .map(|(code, count)| format!("{count} × {code}"))
            .collect();
        if more > 0 {
            words.push(format!("{} more", counted(more, "kind")));
        }
        words.join(", ")
    }

    fn note(&self, counts: Counts) -> Option<String> {
        if counts.open == 0 {
            return None;
        }
        let common =
            (!self.causes.is_empty()).then(|| format!("In common: {}.", self.causes.join(", ")));
        let dependents = words::named(&self.dependents)
            .map(|named| format!("Depending on them, and not announced meanwhile: {named}."));
        let leaves = self.leaves.then(|| {
            "This channel left the ops config. They go on; what becomes of them is not told here.".to_owned()
        });
        let notes = leaves.into_iter().chain(common).chain(dependents);
        let notes: Vec<String> = notes.collect();
        (!notes.is_empty()).then(|| notes.join(" "))
    }

    /// Returns a line for each incident, and one that counts those for which there is no room.
    fn lines(&self) -> Vec<String> {
        let line = |member: &Member<'_>| {
            let incident = member.incident;
            let found = incident.why();
            match incident.closed_at {
                None => format!(
                    "✗ {} · {} · {}{found}",
                    incident.service,
                    incident.violation,
                    member.said()
                ),
                Some(closed) => format!(
                    "✓ {} · {} · over after {}",
                    incident.service,
                    incident.violation,
                    words::span(since(incident.opened_at, closed))
                ),
            }
        };
        let shown = self.members.iter().take(LINES_MAX).map(line);
        let more = self.members.len().saturating_sub(LINES_MAX);
        let more = (more > 0).then(|| format!("+ {more} more"));
        shown.chain(more).collect()
    }
}

fn headline(counts: Counts, leaves: bool) -> String {
    match (counts.open, counts.over) {
        (open, _) if leaves && open > 0 => {
            format!("{} no longer told here", counted(open, "incident"))
        }
        (0, over) => format!("all {} over", counted(over, "incident")),
        (open, 0) => format!("{} open", counted(open, "incident")),
        (open, over) => format!("{} open, {over} over", counted(open, "incident")),
    }
}
