//! Canaries: independent targets that tell whether OES itself has lost the network.
//!
//! All are asked every ten seconds; any answer will do. Once none of them answers twice in a row, the network is lost:
//! that is one incident of OES, failures of services that the network explains are `unknown`, and openings wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Method;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

use super::own;
use super::watching::Shared;
use crate::model::counted::counted;
use crate::model::incident::Reason;
use crate::probe::{Plan, RequestParts};

/// Time between two rounds.
const EVERY: Duration = Duration::from_secs(10);
/// After a round that nobody answered, the next comes this soon.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// A canary has so long to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Whether OES has lost its network. Clones share.
#[derive(Debug, Clone, Default)]
pub struct Network(Arc<AtomicBool>);

impl Network {
    /// Tells whether it is lost; never where there are no canaries.
    pub fn is_lost(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set_lost(&self, lost: bool) -> bool {
        self.0.swap(lost, Ordering::Relaxed)
    }
}

/// Asks the canaries of the present config until `stop`.
pub(super) async fn run(shared: Shared, stop: CancellationToken) {
    let mut unanswered = 0_u32;
    let mut wait = Duration::ZERO;
    let mut books = shared.books.reader();
    let mut ready = Ready::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            changed = books.changed() => if changed.is_err() { break },
            () = sleep(wait) => {}
        }
        wait = EVERY;
        let canaries = books.see().canaries.clone();
        ready.keep_up(&shared, canaries).await;
        if ready.plans.is_empty() {
            unanswered = 0;
            back(&shared).await;
            wait = Duration::from_hours(1);
            continue;
        }
        let Some(answered) = stop
            .run_until_cancelled(any_answers(&shared, &ready.plans))
            .await
        else {
            break;
        };
        if answered {
            unanswered = 0;
            back(&shared).await;
            continue;
        }
        unanswered += 1;
        if unanswered == 1 {
            wait = AGAIN_AFTER;
        } else {
            lost(&shared, ready.plans.len()).await;
        }
    }
}

/// The canaries of a config, made ready to be asked.
#[derive(Default)]
struct Ready {
    canaries: Vec<Url>,
    plans: Vec<Arc<Plan>>,
}

impl Ready {
    /// Makes canaries ready that are not yet; one that cannot be asked says nothing of the network and is left out.
    async fn keep_up(&mut self, shared: &Shared, canaries: Vec<Url>) {
        if self.canaries == canaries {
            return;
        }
        self.canaries.clone_from(&canaries);
        let tools = shared.tools.clone();
        // The first plan of a TLS profile loads the certificate authorities.
        let plans = tokio::task::spawn_blocking(move || -> Vec<Arc<Plan>> {
            let plan = |url| {
                let parts = RequestParts {
                    timeout: TIMEOUT,
                    ..RequestParts::new(Method::HEAD, url)
                };
                tools.plans.plan_for(parts).ok().map(Arc::new)
            };
            canaries.into_iter().filter_map(plan).collect()
        });
        self.plans = plans.await.unwrap_or_default();
        if self.plans.len() < self.canaries.len() {
            let left_out = self.canaries.len() - self.plans.len();
            warn!(left_out, "canaries that cannot be asked");
        }
    }
}

/// Tells whether any canary answers at all.
async fn any_answers(shared: &Shared, canaries: &[Arc<Plan>]) -> bool {
    let mut asked = JoinSet::new();
    for plan in canaries.iter().map(Arc::clone) {
        let (prober, now) = (Arc::clone(&shared.tools.prober), shared.clock.now());
        asked.spawn(async move { prober.probe(&plan, Instant::now(), now).await });
    }
    while let Some(exchange) = asked.join_next().await {
        if exchange.is_ok_and(|exchange| match exchange.result {
            Ok(_) => true,
            // Whoever refuses a certificate or talks nonsense is there.
            Err(failure) => !failure.kind.is_of_network(),
        }) {
            return true;
        }
    }
    false
}

async fn lost(shared: &Shared, canaries: usize) {
    if shared.tools.network.set_lost(true) {
        return;
    }
    warn!(canaries, "no canary answers: OES has lost its network");
    let reason = Reason {
        rule: format!(
            "none of {} answers: OES has lost its own network. Services cannot be judged; what opened since is held \
             until a canary answers",
            counted(canaries, "canary")
        ),
        ..Reason::default()
    };
    let book = shared.books.newest();
    shared
        .keeper
        .commit(move |ledger, now| own::open(ledger, own::network(), reason, &book.channels, now))
        .await;
}

async fn back(shared: &Shared) {
    let was_lost = shared.tools.network.set_lost(false);
    let open = || {
        let snapshots = shared.keeper.snapshots();
        let ledger = snapshots.ledger();
        own::is_open(&ledger, &own::network())
    };
    // The incident may be from before a restart.
    if !was_lost && !open() {
        return;
    }
    info!("a canary answers: the network is back");
    shared
        .keeper
        .commit(|ledger, now| own::close(ledger, &own::network(), now))
        .await;
    shared.sweeps.look_at_all();
}
