//! Which changes of a good response the matchers of a service do not notice.
//!
//! A response is changed in one place after the other and judged as the daemon judges the next probe. What scripts ask
//! is asked once, of the response as it is; from then on they get the same answers.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;

use crate::daemon::observe::{Past, Watched, as_prev, hiding, remember};
use crate::daemon::once::Once;
use crate::model::duration::after;
use crate::model::exchange::{Body, Exchange, Response};
use crate::model::judgement::{Judgement, Outcome};
use crate::model::observation::Observation;
use crate::model::redaction::Redaction;
use crate::policy::faults::{Fault, faults};
use crate::script::host::{Ask, Host, HostReply, HostRequest};
use crate::script::recorded::Replay;
use crate::script::tape::Tape;

/// How long a response stays the same to be called frozen.
pub const FROZEN: Duration = Duration::from_hours(24);
/// The shortest time from one look at a frozen response to the next.
const FROZEN_STEP_MIN: Duration = Duration::from_mins(5);
/// Statuses that are tried.
const STATUSES: [StatusCode; 2] = [StatusCode::NOT_FOUND, StatusCode::INTERNAL_SERVER_ERROR];
/// What a proxy or a provider answers in the service's place.
const PAGE: &str = "<!DOCTYPE html><html><head><title>Sorry</title></head><body>We will be back soon.</body></html>";

/// What is changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Altered {
    /// A place of the body.
    Place(Fault),
    /// The status.
    Status(StatusCode),
    /// There is no body.
    NoBody,
    /// The body is a page of HTML.
    Page,
    /// The body ends in its middle.
    Cut,
    /// Nothing: the response stays the same for [`FROZEN`].
    Frozen,
}

/// What became of one change.
#[derive(Debug)]
pub struct Scanned {
    /// The change.
    pub altered: Altered,
    /// What the matchers make of it; absent if a script then asked what nobody had answered.
    pub outcome: Option<Outcome>,
}

/// What became of all changes.
#[derive(Debug)]
pub struct Scan {
    /// What the matchers make of the response as it is; only if that is good is anything changed.
    pub whole: Observation,
    /// The changes, in the order of the body.
    pub scanned: Vec<Scanned>,
    /// Whether there were more places than are changed.
    pub cut: bool,
    /// What must not be seen of the response.
    pub hidden: Arc<Redaction>,
}

impl Scan {
    /// Tells whether the matchers do not notice a change: they say no more of it than of the response as it is.
    pub fn passes(&self, one: &Scanned) -> bool {
        one.outcome
            .is_some_and(|outcome| outcome <= self.whole.judgement.outcome)
    }
}

/// Changes a response in one place after the other and judges it.
pub async fn scan(
    once: &Once,
    host: &Rehearsed,
    watched: &Watched,
    exchange: Arc<Exchange>,
    now: Timestamp,
) -> Scan {
    let hidden = hiding(watched, exchange.bearer.as_ref());
    let past = Past::default();
    let whole = once.judge(watched, Arc::clone(&exchange), &past, now).await;
    host.replay(&hidden);
    let mut scan = Scan {
        whole,
        scanned: Vec::new(),
        cut: false,
        hidden,
    };
    let Ok(response) = &exchange.result else {
        return scan;
    };
    if !scan.whole.judgement.outcome.is_good() {
        return scan;
    }
    let mut judge = Judge {
        once,
        host,
        watched,
        past: Past {
            prev: as_prev(&scan.whole),
            ..past
        },
        step: watched.config.service.interval,
        now,
    };
    judge.remember(&scan.whole.judgement);
    let altered;
    (altered, scan.cut) = alterations(response);
    for altered in altered {
        let exchange = Arc::new(with(&exchange, response, &altered));
        let outcome = judge.outcome(exchange).await;
        scan.scanned.push(Scanned { altered, outcome });
    }
    // Where nothing else could pass either, staying the same is what is asked for.
    if scan.scanned.iter().any(|one| scan.passes(one)) {
        let outcome = judge.frozen(&exchange, scan.whole.judgement.outcome).await;
        scan.scanned.push(Scanned {
            altered: Altered::Frozen,
            outcome,
        });
    }
    scan
}

/// Judges what comes after the response as it was.
struct Judge<'a> {
    once: &'a Once,
    host: &'a Rehearsed,
    watched: &'a Watched,
    past: Past,
    /// How long after it.
    step: Duration,
    now: Timestamp,
}

impl Judge<'_> {
    async fn outcome(&self, exchange: Arc<Exchange>) -> Option<Outcome> {
        Some(self.judgement(exchange).await?.outcome)
    }

    async fn judgement(&self, exchange: Arc<Exchange>) -> Option<Judgement> {
        self.host.0.replay.rewind();
        let now = after(self.now, self.step);
        let judging = self.once.judge(self.watched, exchange, &self.past, now);
        let judgement = judging.await.judgement;
        self.host.0.replay.missing().is_none().then_some(judgement)
    }

    fn remember(&mut self, judgement: &Judgement) {
        for run in &judgement.runs {
            remember(&mut self.past.memory, run);
        }
    }

    /// Judges the same response again and again until it is noticed.
    async fn frozen(&mut self, exchange: &Arc<Exchange>, whole: Outcome) -> Option<Outcome> {
        let end = after(self.now, FROZEN);
        self.step = self.step.max(FROZEN_STEP_MIN);
        let mut outcome = whole;
        while self.now < end && outcome <= whole {
            let judgement = self.judgement(Arc::clone(exchange)).await?;
            self.remember(&judgement);
            self.now = after(self.now, self.step);
            outcome = judgement.outcome;
        }
        Some(outcome)
    }
}

/// Returns the changes of a response, and whether there are more.
fn alterations(response: &Response) -> (Vec<Altered>, bool) {
    let mut altered: Vec<Altered> = STATUSES
        .into_iter()
        .filter(|status| *status != response.status)
        .map(Altered::Status)
        .collect();
    if !response.body.bytes.is_empty() {
        altered.push(Altered::NoBody);
    }
    altered.push(Altered::Page);
    let Ok(document) = response.body.json() else {
        return (altered, false);
    };
    altered.push(Altered::Cut);
    let (faults, cut) = faults(&document.root);
    altered.extend(faults.into_iter().map(Altered::Place));
    (altered, cut)
}

/// Returns the exchange with a change.
fn with(exchange: &Exchange, response: &Response, altered: &Altered) -> Exchange {
    let mut headers = response.headers.clone();
    let bytes = &response.body.bytes;
    let body = match altered {
        Altered::Status(_) | Altered::Frozen => bytes.clone(),
        Altered::NoBody => Bytes::new(),
        Altered::Cut => bytes.slice(..bytes.len() / 2),
        Altered::Page => {
            let html = HeaderValue::from_static("text/html");
            headers.insert(header::CONTENT_TYPE, html);
            Bytes::from_static(PAGE.as_bytes())
        }
        Altered::Place(fault) => match response.body.json() {
            Ok(document) => Bytes::from(fault.apply(&document.root).to_string()),
            Err(_) => bytes.clone(),
        },
    };
    Exchange {
        started_at: exchange.started_at,
        sent: Arc::clone(&exchange.sent),
        timings: exchange.timings,
        bearer: exchange.bearer.clone(),
        hops: exchange.hops.clone(),
        peer: exchange.peer,
        certificate: exchange.certificate.clone(),
        tls: exchange.tls,
        result: Ok(Response {
            status: match altered {
                Altered::Status(status) => *status,
                _ => response.status,
            },
            version: response.version,
            headers,
            body: Body::new(body),
        }),
    }
}

/// A host that makes the requests of scripts once, and answers them from then on. Clones share.
#[derive(Clone)]
pub struct Rehearsed(Arc<Rehearsal>);

struct Rehearsal {
    tape: Tape,
    replay: Replay,
    is_replaying: AtomicBool,
    hidden: Mutex<Redaction>,
}

impl Rehearsed {
    /// Returns a host that makes requests through `live`.
    pub fn new(live: Arc<dyn Host>) -> Self {
        Self(Arc::new(Rehearsal {
            tape: Tape::new(live),
            replay: Replay::default(),
            is_replaying: AtomicBool::new(false),
            hidden: Mutex::default(),
        }))
    }

    /// Makes no more requests.
    fn replay(&self, hidden: &Redaction) {
        let taken = self.0.tape.take();
        let hidden = taken.hiding(hidden);
        self.0.replay.begin(taken.recorded(&hidden));
        *self.0.hidden.lock().unwrap_or_else(PoisonError::into_inner) = hidden;
        self.0.is_replaying.store(true, Ordering::Release);
    }

    fn answer(
        &self,
        request: HostRequest,
        make: impl FnOnce(&Tape, HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>>,
    ) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        if !self.0.is_replaying.load(Ordering::Acquire) {
            return make(&self.0.tape, request);
        }
        let hidden = self.0.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        let reply = self.0.replay.answer(&request, &hidden);
        Box::pin(std::future::ready(reply))
    }
}

impl Host for Rehearsed {
    fn http(&self, request: HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        self.answer(request, |tape, request| tape.http(request))
    }

    fn ask(
        &self,
        what: Ask,
        request: HostRequest,
    ) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        self.answer(request, |tape, request| tape.ask(what, request))
    }
}
