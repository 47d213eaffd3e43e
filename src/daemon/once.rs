//! Probe and judge without a daemon: nothing is saved, nothing is sent.

use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;
use tokio::time::Instant;

use super::canaries::Network;
use super::host::ScriptHost;
use super::observe::{Past, Tools, Watched, ask, judge, observe};
use super::prepare::{PrepareError, prepare};
use crate::channel::delivery::{Console, Delivery, DeliveryError};
use crate::clock::Clock;
use crate::config::ServiceConfig;
use crate::model::exchange::Exchange;
use crate::model::observation::Observation;
use crate::probe::{self, HttpProber};
use crate::script::host::Host;
use crate::script::limits::Limits;
use crate::script::pool::{Pool, PoolSettings, Sandbox};

/// Probes and judges services of a config, one call at a time or many at once. Clones share.
#[derive(Clone)]
pub struct Once {
    tools: Tools,
    clock: Clock,
}

/// Why nothing can be probed.
#[derive(Debug, Error)]
pub enum OnceError {
    /// The prober cannot work.
    #[error(transparent)]
    Prober(#[from] probe::ProberError),
    /// Scripts cannot run.
    #[error("could not start what runs the scripts")]
    Scripts(#[from] std::io::Error),
}

impl Once {
    /// Returns what probes services; scripts make their requests through the prober.
    ///
    /// # Errors
    /// [`OnceError`] if the parts cannot be built.
    pub fn new(sandbox: Sandbox) -> Result<Self, OnceError> {
        let prober = Arc::new(HttpProber::new(probe::Settings::default())?);
        let host = Arc::new(ScriptHost::new(Arc::clone(&prober), Clock::System));
        Self::with(prober, host, sandbox)
    }

    /// Returns the same with another host for the scripts' requests, made around the live one.
    ///
    /// # Errors
    /// [`OnceError`] if the parts cannot be built.
    pub fn with_host(
        sandbox: Sandbox,
        around: impl FnOnce(Arc<dyn Host>) -> Arc<dyn Host>,
    ) -> Result<Self, OnceError> {
        let prober = Arc::new(HttpProber::new(probe::Settings::default())?);
        let live = Arc::new(ScriptHost::new(Arc::clone(&prober), Clock::System));
        Self::with(prober, around(live), sandbox)
    }

    fn with(
        prober: Arc<HttpProber>,
        host: Arc<dyn Host>,
        sandbox: Sandbox,
    ) -> Result<Self, OnceError> {
        let settings = PoolSettings {
            sandbox,
            ..PoolSettings::default()
        };
        let pool = Arc::new(Pool::start(settings, Arc::clone(&host))?);
        let tools = Tools {
            network: Network::default(),
            prober: Arc::clone(&prober) as Arc<_>,
            plans: prober,
            pool,
            host,
        };
        Ok(Self {
            tools,
            clock: Clock::System,
        })
    }

    /// Makes a service ready.
    ///
    /// # Errors
    /// [`PrepareError`] if its TLS files or its proxy cannot be used.
    pub fn prepare(&self, service: &Arc<ServiceConfig>) -> Result<Watched, PrepareError> {
        prepare(&self.tools, service)
    }

    /// Returns what sends messages, with scripts within these limits.
    ///
    /// # Errors
    /// [`DeliveryError`] if the system has no certificate authorities that can be read.
    pub fn delivery(&self, limits: Limits, console: Console) -> Result<Delivery, DeliveryError> {
        Delivery::new(Arc::clone(&self.tools.pool), limits, console)
    }

    /// Probes a service once with nothing remembered.
    ///
    /// # Errors
    /// [`PrepareError`] if the service cannot be made ready.
    pub async fn probe(&self, service: &Arc<ServiceConfig>) -> Result<Observation, PrepareError> {
        let (once, service) = (self.clone(), Arc::clone(service));
        let prepared = tokio::task::spawn_blocking(move || once.prepare(&service)).await;
        let watched = match prepared {
            Ok(watched) => watched?,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        Ok(self
            .observe(&watched, &Past::default(), self.clock.now())
            .await)
    }

    /// Probes a prepared service; its scripts see `past`, and `now` as the time.
    pub async fn observe(&self, watched: &Watched, past: &Past, now: Timestamp) -> Observation {
        observe(&self.tools, watched, past, Instant::now(), now).await
    }

    /// Asks a prepared service without judging it; absent if its scripts make all requests themselves.
    pub async fn ask(&self, watched: &Watched, now: Timestamp) -> Option<Arc<Exchange>> {
        ask(&self.tools, watched, Instant::now(), now).await
    }

    /// Judges an exchange that was not made here.
    pub async fn judge(
        &self,
        watched: &Watched,
        exchange: Arc<Exchange>,
        past: &Past,
        now: Timestamp,
    ) -> Observation {
        let judgement = judge(&self.tools.pool, watched, Some(&exchange), past, now).await;
        Observation {
            at: now,
            exchange: Some(exchange),
            beat: None,
            judgement,
        }
    }
}
