//! A dead man's switch: a URL is asked once a minute while everything works, so that somebody else notices the silence,
//! and systemd is told as long as the daemon lives (`WatchdogSec`).

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;
use url::Url;

use super::health::Page;
use super::service_manager;
use super::watching::Shared;
use crate::model::secret::Secret;
use crate::model::service::{Auth, Request, Transport};
use crate::probe::{AddressPolicy, Prober as _, RequestParts};
use crate::web::Facts as _;

/// Time between two beats.
const EVERY: Duration = Duration::from_mins(1);
/// The first beat comes this long after the start, when the first services were looked at.
const FIRST_AFTER: Duration = Duration::from_secs(2);
/// A beat may take this long.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The keeper may take this long to answer before it is held to be stuck.
const KEEPER_PATIENCE: Duration = Duration::from_secs(10);

/// How the daemon is, as a checker finds that asks every part.
#[derive(Clone, Copy)]
struct Vitals {
    /// Whether it can do its work without a restart.
    alive: bool,
    /// Whether it does all of its work.
    ready: bool,
}

async fn vitals(shared: &Shared, page: &Page) -> Vitals {
    let answers = shared.keeper.commit(|_, _| false);
    let answers = timeout(KEEPER_PATIENCE, answers).await.is_ok();
    let parts = page.health().parts;
    Vitals {
        alive: answers && parts.iter().all(|part| part.alive),
        ready: answers && parts.iter().all(|part| part.alive && part.ready),
    }
}

/// Tells systemd that the daemon lives, as often as it wants to hear that; does nothing where it does not.
pub(super) async fn watchdog(shared: Shared, page: Arc<Page>, stop: CancellationToken) {
    let Some(every) = service_manager::watchdog() else {
        return;
    };
    while stop.run_until_cancelled(sleep(every / 3)).await.is_some() {
        if vitals(&shared, &page).await.alive {
            service_manager::lives();
        } else {
            warn!("the daemon does not live as it should; systemd is not told that it does");
        }
    }
}

/// Beats until `stop`.
pub(super) async fn run(shared: Shared, page: Arc<Page>, stop: CancellationToken) {
    let mut wait = FIRST_AFTER;
    while stop.run_until_cancelled(sleep(wait)).await.is_some() {
        wait = EVERY;
        let url = shared.books.newest().heartbeat_url.clone();
        let Some(url) = url else {
            continue;
        };
        if !vitals(&shared, &page).await.ready {
            continue;
        }
        // The URL of a heartbeat is its password: only the kind of a failure is shown.
        if let Some(Err(kind)) = stop.run_until_cancelled(beat(&shared, &url)).await {
            warn!(kind, "the heartbeat was not taken");
        }
    }
}

async fn beat(shared: &Shared, url: &Secret) -> Result<(), String> {
    let url = Url::parse(url.expose()).map_err(|_| "bad_url".to_owned())?;
    let parts = RequestParts {
        request: Request {
            method: Method::GET,
            shown_url: "***".into(),
            url,
            headers: Vec::new(),
            body: None,
            body_is_secret: false,
            secrets: Vec::new(),
            payload: None,
            auth: Auth::None,
        },
        transport: Transport::default(),
        timeout: TIMEOUT,
        addresses: AddressPolicy::default(),
    };
    let tools = shared.tools.clone();
    // The first plan of a TLS profile loads the certificate authorities.
    let planned = tokio::task::spawn_blocking(move || tools.plans.plan_for(parts)).await;
    let plan = planned.ok().and_then(Result::ok).ok_or("bad_url")?;
    let exchange = shared
        .tools
        .plans
        .probe(&plan, Instant::now(), shared.clock.now())
        .await;
    match exchange.result {
        Ok(response) if response.status.is_success() => Ok(()),
        Ok(response) => Err(format!("status {}", response.status.as_u16())),
        Err(failure) => Err(failure.kind.as_str().to_owned()),
    }
}
