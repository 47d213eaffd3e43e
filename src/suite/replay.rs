//! Plays what was recorded of a service again, under the rules of today or others: the daemon's judgement on the
//! recorded time, with nothing asked of anybody.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::pipeline::Daybook;
use crate::config::ServiceConfig;
use crate::daemon::observe::{Past, Watched, as_prev, judge, remember};
use crate::daemon::recording::Recording;
use crate::model::duration::after;
use crate::model::incident::{Incident, Reason};
use crate::model::judgement::{Finding, Outcome};
use crate::model::observation::Observation;
use crate::model::redaction::Redaction;
use crate::script::host::{Ask, Host, HostReply, HostRequest};
use crate::script::pool::{Pool, PoolSettings};
use crate::script::recorded::Replay;

/// A service whose recordings are judged, and how its messages are sent.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The service with the matchers and rules that are tried.
    pub service: Arc<ServiceConfig>,
    /// How long an opening waits before its message leaves.
    pub gather: Duration,
    /// Time zone of the times in messages.
    pub zone: TimeZone,
}

/// What became of the recordings under one trial.
#[derive(Debug, Default)]
pub struct Played {
    /// The probes that could be judged, in order.
    pub probes: Vec<Judged>,
    /// Those that could not, with why: something was asked that was not recorded.
    pub unjudged: Vec<(Timestamp, String)>,
    /// What would have opened, the first first.
    pub incidents: Vec<Alarm>,
    /// What people would have been told.
    pub told: Vec<Sent>,
}

/// An incident that would have been.
#[derive(Debug, Clone)]
pub struct Alarm {
    /// The incident; it is open since its violation began.
    pub incident: Incident,
    /// The probe after which it was seen.
    pub seen_at: Timestamp,
    /// Why it opened; the incident itself says why it was open last.
    pub opening: Reason,
}

/// A probe that was judged again.
#[derive(Debug, Clone)]
pub struct Judged {
    /// When it was.
    pub at: Timestamp,
    /// What it comes to.
    pub outcome: Outcome,
    /// What it came to when it was recorded; absent where nobody knows.
    pub before: Option<Outcome>,
    /// The first finding of the greatest weight.
    pub finding: Option<Finding>,
}

/// A message that would have been sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// When.
    pub at: Timestamp,
    /// What of: `opened`, `resolved`, …; the violation; the text.
    pub told: super::Told,
}

/// Plays recordings, the oldest first, under every trial. Memory is empty at first.
///
/// # Errors
/// The script threads cannot be started, or `next` cannot read a recording.
pub async fn replay<E>(
    trials: &[Trial],
    mut next: impl FnMut() -> Result<Option<Recording>, E>,
) -> Result<Vec<Played>, E>
where
    E: From<io::Error>,
{
    let host = Answers::default();
    let settings = PoolSettings {
        threads: 1,
        waiting_threads: 1,
        ..PoolSettings::default()
    };
    let pool = Pool::start(settings, Arc::new(host.clone()))?;
    let mut courses: Vec<Course<'_>> = trials.iter().map(Course::new).collect();
    while let Some(recording) = next()? {
        for course in &mut courses {
            course.play(&pool, &host, &recording).await;
        }
    }
    Ok(courses.into_iter().map(Course::end).collect())
}

/// One trial while it is played.
struct Course<'a> {
    trial: &'a Trial,
    watched: Watched,
    past: Past,
    /// The daemon's part, from the first probe on, which was then.
    daybook: Option<(Daybook<'a>, Timestamp)>,
    /// The last probe.
    now: Timestamp,
    /// When each incident was seen and why it opened, in the order of their names.
    openings: Vec<(Timestamp, Reason)>,
    played: Played,
}

impl<'a> Course<'a> {
    fn new(trial: &'a Trial) -> Self {
        Self {
            trial,
            watched: Watched::unasked(&trial.service),
            past: Past::default(),
            daybook: None,
            now: Timestamp::UNIX_EPOCH,
            openings: Vec::new(),
            played: Played::default(),
        }
    }

    async fn play(&mut self, pool: &Pool, host: &Answers, recording: &Recording) {
        let at = recording.at;
        let asks = self.trial.service.sends_request();
        if asks && recording.exchange.is_none() {
            let why = "no request of OES itself was recorded, which the matchers look at";
            self.played.unjudged.push((at, why.to_owned()));
            return;
        }
        let exchange = recording.exchange.as_ref().filter(|_| asks);
        host.begin(recording, &self.watched.redaction);
        let judgement = judge(pool, &self.watched, exchange, &self.past, at).await;
        if let Some(request) = host.replay.missing() {
            let why = format!("no answer to {request} was recorded");
            self.played.unjudged.push((at, why));
            return;
        }
        for run in &judgement.runs {
            remember(&mut self.past.memory, run);
        }
        self.played.probes.push(Judged {
            at,
            outcome: judgement.outcome,
            before: recording.outcome,
            finding: judgement.main_finding().cloned(),
        });
        self.take(&Observation {
            at,
            exchange: exchange.map(Arc::clone),
            beat: None,
            judgement,
        });
    }

    fn take(&mut self, observation: &Observation) {
        let (at, service) = (observation.at, &*self.trial.service.service);
        self.past.prev = as_prev(observation).or(self.past.prev.take());
        let (daybook, _) = self.daybook.get_or_insert_with(|| {
            let (gather, zone) = (self.trial.gather, self.trial.zone.clone());
            (Daybook::new(service, gather, zone, at), at)
        });
        daybook.send(self.now, Some(at));
        daybook.take(observation);
        let incidents = daybook.ledger.incidents.values();
        let opened = incidents.skip(self.openings.len());
        self.openings
            .extend(opened.map(|incident| (at, incident.reason.clone())));
        self.now = at;
    }

    fn end(self) -> Played {
        let mut played = self.played;
        let Some((mut daybook, start)) = self.daybook else {
            return played;
        };
        daybook.send(self.now, None);
        let incidents = daybook.ledger.incidents.into_values().zip(self.openings);
        played.incidents = incidents
            .map(|(incident, (seen_at, opening))| Alarm {
                incident,
                seen_at,
                opening,
            })
            .collect();
        played
            .incidents
            .sort_by_key(|alarm| alarm.incident.opened_at);
        let sent = |told: super::Told| Sent {
            at: after(start, told.at),
            told,
        };
        played.told = daybook.told.into_iter().map(sent).collect();
        played
    }
}

/// The host of a replay: it answers with what was recorded of the probe that is judged.
#[derive(Clone, Default)]
struct Answers {
    replay: Arc<Replay>,
    hidden: Arc<Mutex<Arc<Redaction>>>,
}

impl Answers {
    fn begin(&self, recording: &Recording, hidden: &Arc<Redaction>) {
        self.replay.begin(recording.calls.clone());
        *self.hidden.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(hidden);
    }

    fn answer(&self, request: &HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        let hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(std::future::ready(self.replay.answer(request, &hidden)))
    }
}

impl Host for Answers {
    fn http(&self, request: HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        self.answer(&request)
    }

    fn ask(
        &self,
        _what: Ask,
        request: HostRequest,
    ) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        self.answer(&request)
    }
}
