//! The prober: what probes share.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::net::NetError;
use http::HeaderValue;
use jiff::Timestamp;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::Prober;
use super::attempt::Attempt;
use super::certificate::CertificateFacts;
use super::plan::{Plan, PlanError, RequestParts, Shared, TokenSource};
use super::progress::Progress;
use super::resolve::{Resolver, ResolverSource};
use super::target::Target;
use super::tls::Connectors;
use super::token::{self, Token, Tokens};
use crate::model::duration::Shown;
use crate::model::exchange::{Exchange, Phase};
use crate::model::failure::{Failure, FailureKind};
use crate::model::service::{Auth, Service};

/// How the prober works, for all services.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The `User-Agent` of requests that set none.
    pub user_agent: String,
    /// Probes that are under way at once; [`in_flight_for`](super::in_flight_for) tells a good number.
    pub in_flight_max: usize,
    /// Probes that are under way at once to one host and port.
    pub per_host_max: usize,
    /// Who is asked for addresses.
    pub resolver: ResolverSource,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            user_agent: concat!("oes/", env!("CARGO_PKG_VERSION")).to_owned(),
            in_flight_max: 384,
            per_host_max: 64,
            resolver: ResolverSource::System,
        }
    }
}

/// Why a prober cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ProberError {
    /// The user agent cannot be sent.
    #[error("the user agent holds a character that HTTP does not allow")]
    UserAgent,
    /// The resolver's settings do not work.
    #[error("the resolver could not be set up")]
    Resolver(#[source] NetError),
}

/// Makes exchanges over HTTP. Clones share everything.
#[derive(Clone)]
pub struct HttpProber {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    user_agent: HeaderValue,
    in_flight: Semaphore,
    per_host_max: usize,
    host_permits: Mutex<HashMap<String, Arc<Semaphore>>>,
    tokens: Tokens,
    pub(super) connectors: Connectors,
    pub(super) facts: CertificateFacts,
    pub(super) resolver: Resolver,
}

impl std::fmt::Debug for HttpProber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpProber")
    }
}

impl HttpProber {
    /// Returns a prober. Call it inside a tokio runtime, whose sockets its resolver uses.
    ///
    /// # Errors
    /// [`ProberError`] if the settings cannot work. A machine without name servers is not an error.
    pub fn new(settings: Settings) -> Result<Self, ProberError> {
        let inner = Inner {
            user_agent: HeaderValue::try_from(settings.user_agent)
                .map_err(|_| ProberError::UserAgent)?,
            in_flight: Semaphore::new(settings.in_flight_max.clamp(1, Semaphore::MAX_PERMITS)),
            per_host_max: settings.per_host_max.clamp(1, Semaphore::MAX_PERMITS),
            host_permits: Mutex::default(),
            tokens: Tokens::default(),
            connectors: Connectors::default(),
            facts: CertificateFacts::default(),
            resolver: Resolver::new(&settings.resolver).map_err(ProberError::Resolver)?,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// Prepares the request of a service, once for all its probes.
    ///
    /// The first plan of a TLS profile takes 100–200 ms, since it loads the system's certificate authorities.
    ///
    /// # Errors
    /// [`PlanError`] if the request or its TLS settings cannot work.
    pub fn plan(&self, service: &Service) -> Result<Plan, PlanError> {
        self.plan_for(RequestParts::from(service))
    }

    /// Prepares any request, as of a script or a channel.
    ///
    /// # Errors
    /// [`PlanError`] if the request or its TLS settings cannot work.
    pub fn plan_for(&self, parts: RequestParts) -> Result<Plan, PlanError> {
        let inner = &self.inner;
        let target = Target::new(&parts.request.url).map_err(PlanError::Url)?;
        let connector = inner
            .connectors
            .of(&parts.transport.tls, parts.transport.http);
        let tls = &parts.transport.tls;
        // A plain http service needs TLS only if it is redirected to; a mistake in its settings still shows at once.
        if target.is_https || tls.ca_pem.is_some() || tls.client.is_some() {
            connector.build().map_err(|reason| PlanError::Tls {
                reason: reason.to_owned(),
            })?;
        }
        let token = match &parts.request.auth {
            Auth::ClientCredentials {
                token_url,
                client_id,
                client_secret,
                scopes,
            } => {
                let (request, key) = token::request(
                    token_url,
                    (client_id, client_secret),
                    scopes,
                    &parts.transport,
                    parts.timeout,
                );
                let plan = Box::new(self.plan_for(request)?);
                Some(TokenSource { plan, key })
            }
            Auth::None | Auth::Basic { .. } | Auth::Bearer(_) => None,
        };
        let shared = Shared {
            connector,
            host_permits: inner.host_permits(&target.host_and_port()),
            token,
        };
        Plan::new(parts, target, shared, &inner.user_agent)
    }
}

impl Prober for HttpProber {
    fn probe<'a>(
        &'a self,
        plan: &'a Plan,
        due: Instant,
        now: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Exchange> + Send + 'a>> {
        self.inner.probe(plan, due, now)
    }
}

impl Inner {
    fn host_permits(&self, host_and_port: &str) -> Arc<Semaphore> {
        let mut hosts = self
            .host_permits
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = hosts.get(host_and_port) {
            return Arc::clone(known);
        }
        if hosts.len() == hosts.capacity() {
            // Before the map grows: forget the hosts that no plan refers to.
            hosts.retain(|_, permits| Arc::strong_count(permits) > 1);
        }
        let permits = Arc::new(Semaphore::new(self.per_host_max));
        hosts.insert(host_and_port.to_owned(), Arc::clone(&permits));
        permits
    }

    /// Makes one exchange, boxed: the request for a token is an exchange within an exchange.
    fn probe<'a>(
        &'a self,
        plan: &'a Plan,
        due: Instant,
        now: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Exchange> + Send + 'a>> {
        Box::pin(self.exchange(plan, due, now))
    }

    async fn exchange(&self, plan: &Plan, due: Instant, now: Timestamp) -> Exchange {
        let deadline = Instant::now() + plan.timeout;
        let mut progress = Progress::new(&plan.target.host);
        let ready = self.ready(plan, deadline, now).await;
        let begun = Instant::now();
        progress.timings.lag = begun.saturating_duration_since(due);
        let outcome = match ready {
            Err(failure) => Ok(Err(failure)),
            Ok((_permits, bearer)) => {
                let mut attempt = Attempt {
                    prober: self,
                    plan,
                    deadline,
                    now,
                    progress: &mut progress,
                };
                timeout_at(deadline, attempt.run(bearer)).await
            }
        };
        let ended = progress.ended_at.unwrap_or_else(Instant::now);
        let has_head = progress.is_head_complete();
        let phase = progress.end_at(ended);
        progress.timings.total = ended.saturating_duration_since(begun);
        let late = ended.saturating_duration_since(deadline);
        let result = match outcome {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(_)) | Err(_) if late > STANDSTILL_MIN => Err(stood_still(phase, late)),
            Ok(Err(failure)) => Err(Failure {
                phase: failure.phase.or(phase),
                ..failure
            }),
            Err(_) => Err(cut_off(plan, phase, has_head, &progress)),
        };
        Exchange {
            started_at: now,
            sent: Arc::clone(&plan.sent),
            timings: progress.timings,
            bearer: progress.bearer.as_ref().and_then(token::secret),
            hops: progress.hops,
            peer: progress.peer,
            certificate: progress.certificate,
            tls: progress.tls,
            result,
        }
    }

    /// Waits for what a probe needs before it begins: places, and a token where one is used.
    async fn ready<'a>(
        &'a self,
        plan: &'a Plan,
        deadline: Instant,
        now: Timestamp,
    ) -> Result<(Permits<'a>, Option<HeaderValue>), Failure> {
        let bearer = self.bearer(plan, deadline, now).await?;
        Ok((self.permits(plan, deadline).await?, bearer))
    }

    /// Waits for a place among all probes and among those of the host. Its time is ours, no phase of the target.
    pub(super) async fn permits<'a>(
        &'a self,
        plan: &'a Plan,
        deadline: Instant,
    ) -> Result<Permits<'a>, Failure> {
        // The host's place comes first: whoever waits for a slow host must not hold up the others.
        if let Ok(host) = plan.host_permits.try_acquire()
            && let Ok(any) = self.in_flight.try_acquire()
        {
            return Ok((host, any));
        }
        let both = async {
            let host = plan.host_permits.acquire().await?;
            Ok::<_, AcquireError>((host, self.in_flight.acquire().await?))
        };
        match timeout_at(deadline, both).await {
            Ok(Ok(permits)) => Ok(permits),
            Ok(Err(_)) | Err(_) => Err(Failure {
                kind: FailureKind::Internal,
                phase: None,
                message: format!(
                    "no place was free for this probe within {}: too many others are under way",
                    Shown(plan.timeout)
                ),
            }),
        }
    }

    async fn bearer(
        &self,
        plan: &Plan,
        deadline: Instant,
        now: Timestamp,
    ) -> Result<Option<HeaderValue>, Failure> {
        match &plan.token {
            None => Ok(None),
            Some(source) => match timeout_at(deadline, self.token(source, None, now)).await {
                Ok(token) => token.map(Some),
                Err(_) => Err(Failure {
                    kind: FailureKind::Internal,
                    phase: None,
                    message: format!(
                        "no token from {} within {}",
                        source.plan.sent.url,
                        Shown(plan.timeout)
                    ),
                }),
            },
        }
    }

    /// Returns the token, fetching it if it is missing, expired, or the one that was `refused`.
    pub(super) async fn token(
        &self,
        source: &TokenSource,
        refused: Option<&HeaderValue>,
        now: Timestamp,
    ) -> Result<HeaderValue, Failure> {
        let cell = self.tokens.cell(&source.key);
        let mut kept = cell.lock().await;
        let is_good =
            |token: &&Token| token.until > Instant::now() && Some(&token.authorization) != refused;
        if let Some(token) = kept.as_ref().filter(is_good) {
            return Ok(token.authorization.clone());
        }
        let due = Instant::now();
        let token = token::read(&self.probe(&source.plan, due, now).await)?;
        let authorization = token.authorization.clone();
        *kept = Some(token);
        Ok(authorization)
    }
}

/// A place among the probes of the host and one among all probes.
type Permits<'a> = (SemaphorePermit<'a>, SemaphorePermit<'a>);

/// A deadline that is noticed so much too late is no fault of the service.
const STANDSTILL_MIN: Duration = Duration::from_secs(1);

/// Returns the failure of a probe that ended so long after its deadline: nobody looked when it passed.
fn stood_still(phase: Option<Phase>, late: Duration) -> Failure {
    Failure {
        kind: FailureKind::LocalStandstill,
        phase,
        message: format!(
            "OES itself stood still, for {} at least: the machine slept, or had no time for it",
            Shown(late)
        ),
    }
}

/// Returns the failure of a probe that its deadline cut off.
fn cut_off(plan: &Plan, phase: Option<Phase>, has_head: bool, progress: &Progress) -> Failure {
    let host = &progress.host;
    let who = match progress.peer {
        Some(peer) => peer.to_string(),
        None => host.as_ref().to_owned(),
    };
    let (kind, what) = match phase {
        Some(Phase::Resolve) => (
            FailureKind::TimeoutResolve,
            format!("the look-up of {host} was not answered"),
        ),
        Some(Phase::Connect) => (
            FailureKind::TimeoutConnect,
            format!("{host} did not take the connection"),
        ),
        Some(Phase::Tls) => (
            FailureKind::TimeoutTls,
            format!("the TLS handshake with {who} was not finished"),
        ),
        Some(Phase::Send) => (
            FailureKind::TimeoutSend,
            format!("{who} did not take the whole request"),
        ),
        Some(Phase::Wait) => (
            FailureKind::TimeoutWait,
            format!("{who} did not begin to answer"),
        ),
        Some(Phase::Transfer) if has_head => (
            FailureKind::TimeoutTransfer,
            format!("{who} did not finish the body"),
        ),
        Some(Phase::Transfer) => (
            FailureKind::TimeoutTransfer,
            format!("{who} did not finish the response head"),
        ),
        None => (
            FailureKind::Internal,
            "the probe was not finished".to_owned(),
        ),
    };
    Failure {
        kind,
        phase,
        message: format!("{what} within {}", Shown(plan.timeout)),
    }
}
