//! A dead man's switch: a URL is asked once a minute while everything works, so that somebody else notices the silence.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::warn;
use url::Url;

use super::health::Page;
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

/// Beats until `stop`.
pub(super) async fn run(shared: Shared, page: Arc<Page>, stop: CancellationToken) {
    let mut wait = FIRST_AFTER;
    while stop.run_until_cancelled(sleep(wait)).await.is_some() {
        wait = EVERY;
        let url = shared.books.borrow().heartbeat_url.clone();
        let ready = page
            .health()
            .parts
            .iter()
            .all(|part| part.alive && part.ready);
        let Some(url) = url.filter(|_| ready) else {
            continue;
        };
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
