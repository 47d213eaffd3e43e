//! Looks that somebody asks for out of turn: judged as all others are, counted in no window.
//!
//! Of one service there is one such look at a time, which all who wait for it share, and none while the newest of any kind
//! is fresh: nobody turns asking into load.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::books::BookReader;
use super::observe::{Tools, observe};
use super::roster::{Look, Roster, Running};
use super::seen::Seen;
use super::supervisor::Supervisor;
use super::watching;
use crate::clock::Clock;
use crate::metrics::Late;
use crate::model::duration::since;
use crate::model::glance::Glance;
use crate::model::service::ServiceName;
use crate::policy::target::{self, Found};
use crate::web::probe::{Asked, Looked, Probed, Refused};

/// A regular look that began, and one that was asked for and ended, less than this ago is not made again.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// Makes looks out of turn.
pub(super) struct OnDemand {
    tools: Tools,
    book: BookReader,
    roster: Roster,
    seen: Seen,
    clock: Clock,
    workers: Supervisor,
}

impl OnDemand {
    pub(super) fn new(shared: &watching::Parts, workers: Supervisor) -> Self {
        Self {
            tools: shared.tools.clone(),
            book: shared.books.reader(),
            roster: shared.roster.clone(),
            seen: shared.seen.clone(),
            clock: shared.clock,
            workers,
        }
    }

    /// Finds the service that is asked for and looks at it.
    pub(super) async fn probe(&self, asked: &Asked) -> Result<Probed, Refused> {
        let (service, how) = self.find(asked)?;
        let gone = || Refused::Unknown("the service was just removed from the config".to_owned());
        let running = self.roster.get(&service.name).ok_or_else(gone)?;
        let looked = match timeout(asked.wait, self.look(&service.name, &running)).await {
            // Whoever waits less must not be told of it only because somebody else had it made.
            Ok(Some(look)) if look.took <= asked.wait => Looked::At(look.glance),
            Ok(None) => return Err(Refused::Broken),
            Ok(Some(_)) | Err(_) => Looked::Late(Late {
                waited: asked.wait,
                is_asked: running.watched().config.sends_request(),
                certificate_expires: self
                    .seen
                    .of(&service.name)
                    .and_then(|glance| glance.certificate_expires),
            }),
        };
        Ok(Probed {
            service,
            how,
            looked,
        })
    }

    fn find(&self, asked: &Asked) -> Result<Found, Refused> {
        let book = self.book.newest();
        let found = target::find(&asked.target, book.services.values());
        let found = found.map_err(Refused::Unknown)?;
        if found.0.heartbeat.is_some() {
            let name = &found.0.name;
            return Err(Refused::Unknown(format!(
                "`{name}` is a heartbeat: it reports by itself and is never asked; /metrics has how it is"
            )));
        }
        target::accepts(&found.0, asked.module.as_deref()).map_err(Refused::Unknown)?;
        Ok(found)
    }

    /// Returns the newest look at a service, which is made now unless there is a fresh one. It is made to its end, and
    /// kept, even if the one who asked goes away: coming and going does not make more looks. Absent if OES broke over it,
    /// or stops.
    async fn look(&self, name: &ServiceName, running: &Running) -> Option<Look> {
        let turn = Arc::clone(&running.asked);
        let mut newest = turn.lock_owned().await;
        let regular = self.seen.of(name);
        let asked = newest.as_ref();
        let asked = asked.filter(|(ended, _)| ended.elapsed() < FRESH_FOR);
        let asked = asked.map(|(_, look)| look.clone());
        let now = self.clock.now();
        // After the clock was set back nothing is fresh for longer than that.
        let is_fresh = |glance: &Glance| glance.at <= now && since(glance.at, now) < FRESH_FOR;
        let fresh = regular.clone().filter(|glance| is_fresh(glance));
        let fresh = fresh.map(|glance| Look {
            took: glance.duration().unwrap_or_default(),
            glance,
        });
        let newest_of = fresh.into_iter().chain(asked);
        if let Some(fresh) = newest_of.max_by_key(|look| look.glance.at) {
            return Some(fresh);
        }
        let (tools, watched, past) = (self.tools.clone(), running.watched(), running.past.now());
        let window = regular.as_ref().map(|regular| regular.window);
        let window = window.unwrap_or_default();
        let (tell, told) = oneshot::channel();
        let looking = async move {
            let due = Instant::now();
            let observation = Box::pin(observe(&tools, &watched, &past, due, now)).await;
            let look = Look {
                glance: Arc::new(Glance::of(&observation, window, regular.as_deref())),
                took: due.elapsed(),
            };
            *newest = Some((Instant::now(), look.clone()));
            // Whoever asked may be gone.
            tell.send(look).unwrap_or_default();
        };
        self.workers
            .start_one(format_args!("look at {name}"), looking);
        told.await.ok()
    }
}
