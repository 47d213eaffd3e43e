//! Carries out what people order over the API.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::books::BookReader;
use super::keeper::Keeper;
use super::own;
use super::playground::Playground;
use super::reload::Reloads;
use super::seen::Seen;
use super::supervisor::Supervisor;
use super::sweep::Sweeps;
use super::watching;
use crate::channel::answer::Answer;
use crate::channel::delivery::{Attempt, Delivery};
use crate::channel::message::{IncidentMessage, Message};
use crate::clock::Clock;
use crate::history::reader::Reader;
use crate::history::series::RawSample;
use crate::history::{self, Store, incidents};
use crate::model::causes::Causes;
use crate::model::duration::Shown;
use crate::model::glance::Glance;
use crate::model::incident::Ledger;
use crate::model::maintenance::Maintenance;
use crate::model::service::{ChannelName, Service, ServiceName};
use crate::policy::heartbeat::Awaited;
use crate::policy::orders::{self, Order, Refusal};
use crate::policy::owed::Telling;
use crate::policy::story::{Story, UNREADABLE};
use crate::web::Pending;
use crate::web::api::{Carried, Checked, Control, Reloaded, Tested, Tried};

/// What a probe may take besides the timeout of its service.
const PROBE_MARGIN: Duration = Duration::from_secs(5);
/// A story waits for the database so long to have written the newest events.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the API acts on.
pub(super) struct Controller {
    playground: Playground,
    keeper: Keeper,
    book: BookReader,
    delivery: Arc<Delivery>,
    history: Arc<Store>,
    database: PathBuf,
    clock: Clock,
    seen: Seen,
    sweeps: Sweeps,
    reloads: Option<Reloads>,
}

impl Controller {
    pub(super) fn new(
        shared: &watching::Parts,
        delivery: Arc<Delivery>,
        data: &std::path::Path,
        reloads: Option<Reloads>,
        workers: Supervisor,
    ) -> Self {
        Self {
            playground: Playground::new(shared, workers),
            keeper: shared.keeper.clone(),
            book: shared.books.reader(),
            delivery,
            history: Arc::clone(&shared.history),
            database: data.join(history::FILE),
            clock: shared.clock,
            seen: shared.seen.clone(),
            sweeps: shared.sweeps.clone(),
            reloads,
        }
    }

    /// Has a service probed by its own loop, and waits until that is dealt with.
    async fn probe_now(&self, name: ServiceName) -> Result<(), Refusal> {
        let service = self.book.newest().services.get(&name).cloned();
        let unknown = || Refusal::not_found(format!("there is no service `{name}`"));
        let service = service.ok_or_else(unknown)?;
        if service.heartbeat.is_some() {
            let words = format!("`{name}` is a heartbeat: it reports by itself and is never asked");
            return Err(Refusal::conflict(words));
        }
        // A probe that runs already ends first.
        let patience = 2 * service.timeout + PROBE_MARGIN;
        let asked = self.clock.now();
        self.sweeps.look_at([name.clone()]);
        let dealt_with = async {
            loop {
                let next = self.seen.dealt_with();
                if self.seen.of(&name).is_some_and(|glance| glance.at >= asked) {
                    break;
                }
                next.await;
            }
        };
        let late = |_| {
            let words = format!(
                "`{name}` was not probed within {}: it may have just been removed",
                Shown(patience)
            );
            Refusal::conflict(words)
        };
        tokio::time::timeout(patience, dealt_with)
            .await
            .map_err(late)
    }

    async fn reload_now(&self) -> Result<Reloaded, Refusal> {
        let fixed = || Refusal::conflict("this daemon runs a config that never changes");
        let reloads = self.reloads.as_ref().ok_or_else(fixed)?;
        let (tell, told) = oneshot::channel();
        let stopping = || Refusal::conflict("the daemon is stopping: nothing was done");
        reloads.send(tell).await.map_err(|_| stopping())?;
        told.await.map_err(|_| stopping())
    }

    async fn read_samples(
        &self,
        service: ServiceName,
        span: Range<Timestamp>,
        limit: usize,
    ) -> Result<Vec<RawSample>, Refusal> {
        if !self.book.newest().services.contains_key(&service) {
            return Err(Refusal::not_found(format!(
                "there is no service `{service}`"
            )));
        }
        let (history, database) = (Arc::clone(&self.history), self.database.clone());
        let read = tokio::task::spawn_blocking(move || {
            // What is still queued comes with the next question, if the database is late.
            drop(history.flush(PATIENCE));
            let read = Reader::open(&database);
            let read = read.and_then(|reader| reader.samples(&service, span, limit));
            read.inspect_err(|error| history.suspect(error, &[service]))
        });
        let unreadable = || Refusal::conflict(UNREADABLE);
        read.await.map_err(|_| unreadable())?.map_err(|error| {
            warn!(error = %Causes(&error), "the samples of a service cannot be read");
            unreadable()
        })
    }

    async fn order(&self, order: Order) -> Result<Carried, Refusal> {
        let (tell, told) = oneshot::channel();
        let book = self.book.newest();
        let warnings = orders::check(&order, &book.sorted, &self.ledger())?;
        let channels = book.channels.clone();
        let durable = self
            .keeper
            .commit(move |ledger, now| {
                let done = orders::carry_out(ledger, order, now);
                let changed = done.is_ok();
                own::follow_lost(ledger, &channels, now);
                // Whoever asked may be gone.
                tell.send(done).unwrap_or_default();
                changed
            })
            .await;
        let stopping = |_| Refusal::conflict("the daemon is stopping: nothing was done");
        let done = told.await.map_err(stopping)??;
        let words = done.to_string().replace('\n', "; ");
        if durable {
            info!(order = words, "ordered");
        } else {
            warn!(
                order = words,
                "ordered; not durable, since the state file cannot be written"
            );
        }
        Ok(Carried {
            done,
            durable,
            warnings,
        })
    }

    async fn story_of(&self, name: String) -> Result<Story, Refusal> {
        let (history, database) = (Arc::clone(&self.history), self.database.clone());
        let ledger = self.ledger();
        let read = tokio::task::spawn_blocking(move || {
            // A database that is late or broken holds nothing back that the ledger knows.
            drop(history.flush(PATIENCE));
            let told = tell_story(&ledger, &name, &database);
            if let Ok((story, Some(error))) = &told {
                history.suspect(error, std::slice::from_ref(&story.incident.service));
            }
            told
        });
        let broken = |_| Refusal::conflict("the story cannot be read");
        let (story, unreadable) = read.await.map_err(broken)??;
        if let Some(error) = unreadable {
            warn!(error = %Causes(&error), "the events of an incident cannot be read");
        }
        Ok(story)
    }

    async fn look_at_history(&self, services: Vec<ServiceName>) -> Result<Checked, Refusal> {
        let (history, database) = (Arc::clone(&self.history), self.database.clone());
        let read = tokio::task::spawn_blocking(move || {
            let read = history::read_through(&database, &services);
            read.inspect_err(|error| history.suspect(error, &services))
        });
        let unreadable = |_| Refusal::conflict(UNREADABLE);
        let why = read.await.map_err(unreadable)?.err();
        Ok(Checked {
            is_whole: why.is_none(),
            why: why.map(|error| Causes(&error).to_string()),
        })
    }

    async fn send_test(&self, name: ChannelName, over: bool) -> Result<Tested, Refusal> {
        let settings = self.book.newest().settings.get(&name).cloned();
        let Some(settings) = settings else {
            let book = self.book.newest();
            let known: Vec<&str> = book.channels.iter().map(ChannelName::as_str).collect();
            return Err(Refusal::not_found(format!(
                "there is no channel `{name}`; there are {}",
                known.join(", ")
            )));
        };
        let at = self.clock.now();
        let message = test_message(over, at);
        let attempt = Attempt { number: 1, at };
        let answer = self.delivery.send(&settings, &message, attempt).await;
        info!(channel.name = %name, answer = answer.as_str(), reason = answer.reason(), "test message sent");
        Ok(tested(name, &answer))
    }
}

/// Returns a message that says of itself that it is a test; `over` tells the end of what the other opened.
pub fn test_message(over: bool, now: Timestamp) -> Message {
    let telling = if over {
        Telling::Resolve
    } else {
        Telling::Fire
    };
    let mut message = IncidentMessage::example_of(telling, now);
    "this is a test of the channel: nothing is wrong".clone_into(&mut message.incident.reason.rule);
    // A receiver that drops repeats must not take the second test for one.
    message.sending.message_id = format!("test_{:016x}", rand::random::<u64>());
    message.into()
}

/// Returns what a channel answered to a test.
pub fn tested(channel: ChannelName, answer: &Answer) -> Tested {
    Tested {
        channel,
        taken: matches!(answer, Answer::Taken { .. }),
        answer: answer.as_str().to_owned(),
        reason: answer.reason().map(str::to_owned),
    }
}

/// Returns all that is known of an incident by the ledger and the database, and why the latter could not be read.
///
/// # Errors
/// [`Refusal`] if there is no such incident.
pub fn tell_story(
    ledger: &Ledger,
    name: &str,
    database: &std::path::Path,
) -> Result<(Story, Option<history::ReadError>), Refusal> {
    let mut unreadable = None;
    let mut note = |error| unreadable = Some(error);
    let id = match orders::named(ledger.incidents.keys(), name) {
        Ok(id) => id,
        Err(refusal) if refusal.kind == orders::RefusalKind::NotFound => {
            let past = incidents::read_all(database);
            let is_unreadable = past.is_err() && database.exists();
            let past = past.unwrap_or_else(|error| {
                note(error);
                Vec::new()
            });
            let named = orders::named(past.iter().map(|incident| &incident.id), name);
            named.map_err(|refusal| unread(refusal, name, is_unreadable))?
        }
        Err(refusal) => return Err(refusal),
    };
    let chapter = incidents::read(database, &id).unwrap_or_else(|error| {
        note(error);
        None
    });
    let mut story = match (ledger.incidents.get(&id), chapter) {
        (Some(incident), chapter) => {
            let events = chapter.map(|chapter| chapter.events).unwrap_or_default();
            Story::of(ledger, incident, events)
        }
        (None, Some(chapter)) => Story::from(chapter),
        (None, None) => {
            return Err(Refusal::not_found(format!("there is no incident `{name}`")));
        }
    };
    let evidence = Reader::open(database).and_then(|reader| reader.evidence_of(&id));
    story.evidence = evidence.unwrap_or_else(|error| {
        note(error);
        Vec::new()
    });
    story.unreadable = unreadable
        .as_ref()
        .filter(|_| database.exists())
        .map(|error| {
            let why = Causes(error);
            format!("{UNREADABLE}: {why}")
        });
    Ok((story, unreadable))
}

/// Returns why an incident is not shown that may be in a history that cannot be read.
fn unread(refusal: Refusal, name: &str, is_unreadable: bool) -> Refusal {
    if !is_unreadable {
        return refusal;
    }
    Refusal::conflict(format!(
        "{UNREADABLE}, and the state file has no incident `{name}`"
    ))
}

impl Control for Controller {
    fn ledger(&self) -> Arc<Ledger> {
        self.keeper.snapshots().ledger()
    }

    fn maintenance(&self) -> Vec<Maintenance> {
        self.book.newest().maintenance.clone()
    }

    fn services(&self) -> Arc<[Arc<Service>]> {
        Arc::clone(&self.book.newest().sorted)
    }

    fn service(&self, name: &str) -> Option<Arc<Service>> {
        let book = self.book.newest();
        book.services.get(&ServiceName::new(name)).cloned()
    }

    fn glance(&self, service: &ServiceName) -> Option<Arc<Glance>> {
        self.seen.of(service)
    }

    fn next_probe(&self, service: &ServiceName) -> Option<Timestamp> {
        self.seen.next(service)
    }

    fn awaited(&self, service: &ServiceName) -> Option<Awaited> {
        self.seen.awaited(service)
    }

    fn samples(
        &self,
        service: ServiceName,
        span: Range<Timestamp>,
        limit: usize,
    ) -> Pending<'_, Result<Vec<RawSample>, Refusal>> {
        Box::pin(self.read_samples(service, span, limit))
    }

    fn probe(&self, service: ServiceName) -> Pending<'_, Result<(), Refusal>> {
        Box::pin(self.probe_now(service))
    }

    fn script(&self, service: &ServiceName) -> Option<Arc<str>> {
        self.playground.script(service)
    }

    fn dry_run(&self, service: ServiceName, script: String) -> Pending<'_, Result<Tried, Refusal>> {
        Box::pin(self.playground.dry_run(service, script))
    }

    fn reload(&self) -> Pending<'_, Result<Reloaded, Refusal>> {
        Box::pin(self.reload_now())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn random(&self) -> [u8; 5] {
        rand::random()
    }

    fn carry_out(&self, order: Order) -> Pending<'_, Result<Carried, Refusal>> {
        Box::pin(self.order(order))
    }

    fn story(&self, incident: String) -> Pending<'_, Result<Story, Refusal>> {
        Box::pin(self.story_of(incident))
    }

    fn check_history(&self, services: Vec<ServiceName>) -> Pending<'_, Result<Checked, Refusal>> {
        Box::pin(self.look_at_history(services))
    }

    fn test(&self, channel: ChannelName, over: bool) -> Pending<'_, Result<Tested, Refusal>> {
        Box::pin(self.send_test(channel, over))
    }
}
