//! Sends what `/metrics` tells to a collector, where the config names one: OTLP over HTTP.
//!
//! Every count is told since the start, so nothing is kept for a collector that does not take it: the next export says
//! all that the last one would have said.

mod answer;
mod exports;
mod instance;

use std::future;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderName, Method, header};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::health::Page;
use super::watching::Shared;
use crate::config::Otlp;
use crate::metrics::Format;
use crate::metrics::otlp::{About, Requests};
use crate::model::causes::Causes;
use crate::model::secret::Secret;
use crate::model::service::{Auth, BodyOverflow, Request, Transport};
use crate::probe::{AddressPolicy, Plan, Prober as _, RequestParts};
use crate::web::Facts as _;
pub(super) use answer::Ended;
pub(super) use exports::Exports;
pub(super) use instance::instance;

/// The first export comes this long after the start, when the first services were looked at.
const FIRST_AFTER: Duration = Duration::from_secs(2);
/// A collector is believed for so long that it wants nothing.
const PAUSE_MAX: Duration = Duration::from_hours(1);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What the exports work with.
pub(super) struct Exporter {
    pub(super) shared: Shared,
    pub(super) page: Arc<Page>,
    /// What tells this OES from all others.
    pub(super) instance: String,
}

impl Exporter {
    /// Exports as the config of the moment says, until `stop`.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut books = self.shared.books.reader();
        loop {
            let wanted = books.see().otlp.clone();
            self.page.exports().begin();
            let exporting = async {
                match &wanted {
                    Some(wanted) => self.export_for_ever(wanted).await,
                    None => future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                changed = books.wait_for(|book| book.otlp != wanted) => if changed.is_err() { break },
                () = exporting => {}
            }
        }
    }

    async fn export_for_ever(&self, wanted: &Otlp) {
        let first = Instant::now() + FIRST_AFTER.min(wanted.interval);
        let mut ticks = interval_at(first, wanted.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let ended = self.export(wanted).await;
            if let Some(pause) = ended.pause().filter(|pause| *pause > wanted.interval) {
                ticks.reset_after(pause.min(PAUSE_MAX));
            }
            let metrics = &self.shared.metrics.own.exports;
            self.page.exports().ended(&ended, wanted, metrics);
        }
    }

    /// Sends everything once; the first request that is not taken ends it.
    async fn export(&self, wanted: &Otlp) -> Ended {
        // One request is sent while the next is made.
        let (sender, mut plans) = mpsc::channel(1);
        let making = self.make(wanted, sender);
        let making = tokio::task::spawn_blocking(making);
        let mut so_far = Ended::Taken;
        while let Some(plan) = plans.recv().await {
            let ended = match plan {
                Ok(plan) => self.send(&plan, wanted).await,
                Err(why) => Ended::Unanswered { why },
            };
            match so_far.and(ended) {
                Ok(both) => so_far = both,
                Err(bad) => return bad,
            }
        }
        match making.await {
            Ok(()) => so_far,
            Err(panicked) => Ended::Unanswered {
                why: panicked.to_string(),
            },
        }
    }

    /// Returns what makes the requests of one export, on a thread where nobody waits.
    fn make(
        &self,
        wanted: &Otlp,
        sender: mpsc::Sender<Result<Plan, String>>,
    ) -> impl FnOnce() + Send + 'static {
        let about = self.about(wanted);
        let (wanted, page) = (wanted.clone(), Arc::clone(&self.page));
        let plans = Arc::clone(&self.shared.tools.plans);
        move || {
            let mut give = |request: Vec<u8>| {
                let parts = zipped(&request)
                    .map_err(|error| error.to_string())
                    .and_then(|body| parts(&wanted, body));
                let plan = parts.and_then(|parts| {
                    let plan = plans.plan_for(parts);
                    plan.map_err(|error| Causes(&error).to_string())
                });
                let is_good = plan.is_ok();
                sender.blocking_send(plan).is_ok() && is_good
            };
            let mut requests = Requests::new(&about, &mut give);
            if page.metrics(Format::OpenMetrics, &mut |piece| requests.take(&piece)) {
                requests.end();
            }
        }
    }

    fn about(&self, wanted: &Otlp) -> About {
        let own = [
            ("service.name", env!("CARGO_PKG_NAME")),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("service.instance.id", &self.instance),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let given = wanted.attributes.iter();
        let given = given.map(|(name, value)| (name.to_string(), value.to_string()));
        About {
            attributes: own.into_iter().chain(given).collect(),
            started: self.shared.seen.started_at(),
            now: self.shared.clock.now(),
        }
    }

    async fn send(&self, plan: &Plan, wanted: &Otlp) -> Ended {
        let (prober, now) = (&self.shared.tools.plans, self.shared.clock.now());
        let exchange = prober.probe(plan, Instant::now(), now).await;
        Ended::of(&exchange.result, &wanted.headers, self.shared.clock.now())
    }
}

/// Returns one request to the collector.
fn parts(wanted: &Otlp, body: Bytes) -> Result<RequestParts, String> {
    let own = |name: HeaderName, value: &'static str| (name, Secret::plain(value));
    let mut headers = vec![
        own(header::CONTENT_TYPE, "application/x-protobuf"),
        own(header::CONTENT_ENCODING, "gzip"),
    ];
    headers.extend(wanted.headers.iter().cloned());
    let url = Url::parse(wanted.endpoint.expose()).map_err(|error| error.to_string())?;
    Ok(RequestParts {
        request: Request {
            method: Method::POST,
            url,
            shown_url: wanted.endpoint.shown().into(),
            headers,
            body: Some(body),
            body_is_secret: false,
            secrets: Vec::new(),
            payload: None,
            auth: Auth::None,
        },
        transport: Transport {
            redirects_max: 0,
            body_limit_bytes: ANSWER_BYTES_MAX,
            body_overflow: BodyOverflow::Cut,
            ..wanted.transport.as_ref().clone()
        },
        timeout: wanted.timeout,
        addresses: AddressPolicy::default(),
    })
}

fn zipped(request: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(request)?;
    encoder.finish().map(Bytes::from)
}
