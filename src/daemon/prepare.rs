//! Makes services ready to be probed: everything about a config that can fail before anything is touched.

use std::sync::Arc;

use thiserror::Error;

use super::observe::{Tools, Watched, facts};
use crate::config::{Config, ServiceConfig};
use crate::model::json::Json;
use crate::model::service::ServiceName;
use crate::probe::PlanError;
use crate::script::tape::Tape;

/// Why a service cannot be probed.
#[derive(Debug, Error)]
#[error("service {service} cannot be probed")]
pub struct PrepareError {
    /// The service.
    pub service: ServiceName,
    /// Why.
    #[source]
    pub source: PlanError,
}

/// Makes every service of a config ready, off the runtime: a TLS connector takes a tenth of a second.
///
/// # Errors
/// [`PrepareError`] for the first service that cannot be.
pub(super) async fn prepare_all(
    tools: &Tools,
    config: &Config,
) -> Result<Vec<Arc<Watched>>, PrepareError> {
    let (tools, services) = (tools.clone(), config.services.clone());
    let prepared = tokio::task::spawn_blocking(move || {
        services
            .iter()
            .map(|service| prepare(&tools, service).map(Arc::new))
            .collect()
    });
    match prepared.await {
        Ok(prepared) => prepared,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// Makes one service ready.
///
/// # Errors
/// [`PrepareError`] if its TLS files or its proxy cannot be used.
pub(super) fn prepare(tools: &Tools, config: &Arc<ServiceConfig>) -> Result<Watched, PrepareError> {
    let plan = if config.sends_request() {
        let failed = |source| PrepareError {
            service: config.service.name.clone(),
            source,
        };
        Some(tools.plans.plan(&config.service).map_err(failed)?)
    } else {
        None
    };
    Ok(Watched {
        config: Arc::clone(config),
        plan,
        facts: if config
            .matchers
            .iter()
            .any(|matcher| matcher.as_script().is_some())
        {
            facts(config)
        } else {
            Json::Null
        },
        redaction: Arc::new(config.service.redaction()),
        tape: config
            .record
            .is_some()
            .then(|| Tape::new(Arc::clone(&tools.host))),
    })
}
