//! Carries out what people order over the API.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;
use tokio::sync::{oneshot, watch};
use tracing::{info, warn};

use super::book::Book;
use super::keeper::Keeper;
use super::watching;
use crate::channel::answer::Answer;
use crate::channel::delivery::{Attempt, Delivery};
use crate::channel::message::{IncidentMessage, Message};
use crate::clock::Clock;
use crate::history::{self, Store, incidents};
use crate::model::causes::Causes;
use crate::model::incident::Ledger;
use crate::model::maintenance::Maintenance;
use crate::model::service::ChannelName;
use crate::policy::orders::{self, Order, Refusal};
use crate::policy::owed::Telling;
use crate::policy::story::Story;
use crate::web::Pending;
use crate::web::api::{Carried, Control, Tested};

/// A story waits for the database so long to have written the newest events.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the API acts on.
pub(super) struct Controller {
    keeper: Keeper,
    book: watch::Receiver<Arc<Book>>,
    delivery: Arc<Delivery>,
    history: Arc<Store>,
    database: PathBuf,
    clock: Clock,
    tokens: Tokens,
}

impl Controller {
    pub(super) fn new(
        shared: &watching::Parts,
        delivery: Arc<Delivery>,
        data: &std::path::Path,
        tokens: Tokens,
    ) -> Self {
        Self {
            keeper: shared.keeper.clone(),
            book: shared.books.subscribe(),
            delivery,
            history: Arc::clone(&shared.history),
            database: data.join(history::FILE),
            clock: shared.clock,
            tokens,
        }
    }

    async fn order(&self, order: Order) -> Result<Carried, Refusal> {
        let (tell, told) = oneshot::channel();
        let durable = self
            .keeper
            .commit(move |ledger, now| {
                let done = orders::carry_out(ledger, order, now);
                let changed = done.is_ok();
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
        Ok(Carried { done, durable })
    }

    async fn story_of(&self, name: String) -> Result<Story, Refusal> {
        let (history, database) = (Arc::clone(&self.history), self.database.clone());
        let ledger = self.ledger();
        let read = tokio::task::spawn_blocking(move || {
            // A database that is late or broken holds nothing back that the ledger knows.
            drop(history.flush(PATIENCE));
            tell_story(&ledger, &name, &database)
        });
        let broken = |_| Refusal::conflict("the story cannot be read");
        let (story, unreadable) = read.await.map_err(broken)??;
        if let Some(error) = unreadable {
            warn!(error = %Causes(&error), "the events of an incident cannot be read");
        }
        Ok(story)
    }

    async fn send_test(&self, name: ChannelName, over: bool) -> Result<Tested, Refusal> {
        let settings = self.book.borrow().settings.get(&name).cloned();
        let Some(settings) = settings else {
            let book = self.book.borrow();
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
            let past = incidents::read_all(database).unwrap_or_else(|error| {
                note(error);
                Vec::new()
            });
            orders::named(past.iter().map(|incident| &incident.id), name)?
        }
        Err(refusal) => return Err(refusal),
    };
    let chapter = incidents::read(database, &id).unwrap_or_else(|error| {
        note(error);
        None
    });
    let story = match (ledger.incidents.get(&id), chapter) {
        (Some(incident), chapter) => {
            let events = chapter.map(|chapter| chapter.events).unwrap_or_default();
            Story::of(ledger, incident, events)
        }
        (None, Some(chapter)) => Story::from(chapter),
        (None, None) => {
            return Err(Refusal::not_found(format!("there is no incident `{name}`")));
        }
    };
    Ok((story, unreadable))
}

impl Control for Controller {
    fn knows(&self, token: &str) -> bool {
        self.tokens.know(token)
    }

    fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.keeper.snapshots().borrow().ledger)
    }

    fn maintenance(&self) -> Vec<Maintenance> {
        self.book.borrow().maintenance.clone()
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

    fn test(&self, channel: ChannelName, over: bool) -> Pending<'_, Result<Tested, Refusal>> {
        Box::pin(self.send_test(channel, over))
    }
}

/// The tokens that the API knows, as tags under a random key: how long a comparison takes says nothing about them.
pub(super) struct Tokens {
    key: [u8; 32],
    tags: Vec<Hmac<Sha256>>,
}

impl Tokens {
    /// Returns what knows these tokens.
    pub(super) fn new<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Self {
        let key: [u8; 32] = rand::random();
        let tags = tokens.into_iter().filter_map(|token| tag(&key, token));
        Self {
            tags: tags.collect(),
            key,
        }
    }

    fn know(&self, token: &str) -> bool {
        let Some(shown) = tag(&self.key, token) else {
            return false;
        };
        let shown = shown.finalize().into_bytes();
        let equal = |known: &Hmac<Sha256>| known.clone().verify(&shown).is_ok();
        // Each is compared, whichever fits.
        self.tags.iter().filter(|known| equal(known)).count() > 0
    }
}

/// Returns the tag of a token.
fn tag(key: &[u8], token: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(token.as_bytes());
    Some(mac)
}

/// Returns a token for one run of the daemon.
pub(super) fn new_token() -> String {
    let random: [u8; 32] = rand::random();
    let digits = random.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tokens_themselves_are_known() {
        let token = new_token();
        assert_eq!(token.len(), 64);
        assert_ne!(token, new_token());
        let tokens = Tokens::new([token.as_str(), "of-the-config-12"]);
        for (shown, known) in [
            (token.as_str(), true),
            ("of-the-config-12", true),
            ("of-the-config-1", false),
            ("", false),
        ] {
            assert_eq!(tokens.know(shown), known, "{shown}");
        }
    }
}
