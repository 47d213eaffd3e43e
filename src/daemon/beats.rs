//! Beats on their way from the pages to the loops of the services that send them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hmac::Mac as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::heart::{Heard, Sent};
use crate::history::Store;
use crate::model::heartbeat::Report;
use crate::model::secret::Secret;
use crate::model::service::ServiceName;
use crate::web::Pending;
use crate::web::auth::tag;
use crate::web::beat::{Listener, Refused, Taken};

/// Reports of one service that wait for its loop.
const QUEUE_MAX: usize = 16;
/// A loop takes a report in within this time, or the job is asked to say it again.
const PATIENCE: Duration = Duration::from_secs(5);
/// The database may take so long to have a beat on disk.
const WRITE_PATIENCE: Duration = Duration::from_secs(2);

/// What stands for a token.
type Tag = [u8; 32];

/// Who listens to which token. Clones share.
#[derive(Clone)]
pub(super) struct Beats(Arc<Listeners>);

struct Listeners {
    /// Tokens are kept as tags under it: how long a look-up takes says nothing about them.
    key: [u8; 32],
    by_token: RwLock<HashMap<Tag, Loop>>,
}

struct Loop {
    service: ServiceName,
    sender: mpsc::Sender<Sent>,
}

impl Default for Beats {
    fn default() -> Self {
        Self(Arc::new(Listeners {
            key: rand::random(),
            by_token: RwLock::default(),
        }))
    }
}

impl Beats {
    /// Returns what brings the beats of a service to its loop, until it is dropped or asked for again.
    pub(super) fn listen(&self, service: &ServiceName, token: &Secret) -> mpsc::Receiver<Sent> {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let mut by_token = self
            .0
            .by_token
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        by_token.retain(|_, one| !one.sender.is_closed() && one.service != *service);
        let service = service.clone();
        if let Some(tag) = self.tag(token.expose()) {
            by_token.insert(tag, Loop { service, sender });
        }
        receiver
    }

    fn tag(&self, token: &str) -> Option<Tag> {
        let tag = tag(&self.0.key, token.as_bytes())?;
        Some(tag.finalize().into_bytes().into())
    }

    fn sender(&self, token: &str) -> Option<mpsc::Sender<Sent>> {
        let tag = self.tag(token)?;
        let by_token = self
            .0
            .by_token
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let one = by_token.get(&tag)?;
        (!one.sender.is_closed()).then(|| one.sender.clone())
    }

    async fn tell(&self, token: &str, report: Report) -> Result<Heard, Refused> {
        let sender = self.sender(token).ok_or(Refused::Unknown)?;
        let (heard, hearing) = oneshot::channel();
        let sent = sender.try_send(Sent { report, heard });
        sent.map_err(|_| Refused::Busy)?;
        match timeout(PATIENCE, hearing).await {
            Ok(Ok(heard)) => Ok(heard),
            // The loop may have ended meanwhile: nobody knows whether it took the report in.
            Ok(Err(_)) | Err(_) => Err(Refused::Busy),
        }
    }
}

/// What hears beats, and answers once they are on disk.
pub(super) struct Ear {
    beats: Beats,
    history: Arc<Store>,
}

impl Ear {
    pub(super) fn new(beats: Beats, history: Arc<Store>) -> Self {
        Self { beats, history }
    }

    async fn hear(&self, token: String, report: Report) -> Result<Taken, Refused> {
        let Heard { service, late_at } = self.beats.tell(&token, report).await?;
        let history = Arc::clone(&self.history);
        let written = tokio::task::spawn_blocking(move || history.flush(WRITE_PATIENCE)).await;
        Ok(Taken {
            service,
            late_at,
            durable: matches!(written, Ok(Ok(()))),
        })
    }
}

impl Listener for Ear {
    fn hear(&self, token: String, report: Report) -> Pending<'_, Result<Taken, Refused>> {
        Box::pin(self.hear(token, report))
    }
}
