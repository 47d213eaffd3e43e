//! What probes and judges, made ready before anything runs.

use std::io;
use std::sync::Arc;

use tracing::warn;

use super::canaries::Network;
use super::observe::Tools;
use super::{StartError, host};
use crate::clock::Clock;
use crate::probe::{self, HttpProber, Prober};
use crate::script::host::Host;
use crate::script::pool::{Pool, PoolSettings, Sandbox};

/// Returns what probes and judges once scripts can run; with another prober, if there is one.
pub(super) async fn ready(
    clock: Clock,
    sandbox: Sandbox,
    prober: Option<Arc<dyn Prober>>,
) -> Result<Tools, StartError> {
    let mut tools = tools(clock, sandbox)?;
    see_to_workers(&tools.pool).await?;
    if let Some(prober) = prober {
        tools.prober = prober;
    }
    Ok(tools)
}

/// Returns what probes and judges.
fn tools(clock: Clock, sandbox: Sandbox) -> Result<Tools, StartError> {
    let descriptors = probe::raise_descriptor_limit().unwrap_or(1024);
    let settings = probe::Settings {
        in_flight_max: probe::in_flight_for(descriptors),
        ..probe::Settings::default()
    };
    let prober = Arc::new(HttpProber::new(settings)?);
    let host: Arc<dyn Host> = Arc::new(host::ScriptHost::new(Arc::clone(&prober), clock));
    let settings = PoolSettings {
        sandbox,
        ..PoolSettings::default()
    };
    let pool = Pool::start(settings, Arc::clone(&host)).map_err(StartError::Scripts)?;
    Ok(Tools {
        prober: Arc::clone(&prober) as Arc<_>,
        plans: prober,
        pool: Arc::new(pool),
        host,
        network: Network::default(),
    })
}

/// Waits until scripts can run, and says what holds them less than it should.
async fn see_to_workers(pool: &Pool) -> Result<(), StartError> {
    let ready = pool.ready().await;
    let unconfined = ready.map_err(|error| StartError::Scripts(io::Error::other(error)))?;
    if let Some(why) = unconfined {
        warn!(%why, "worker processes of scripts keep rights that they do not need");
    }
    Ok(())
}
