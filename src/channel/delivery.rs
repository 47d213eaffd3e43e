//! One try to deliver one message to one channel.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;
use tokio::time::Instant;

use super::answer::Answer;
use super::asked::{Asked, shown};
use super::http::Client;
use super::job::Job;
use super::message::{Colour, Message};
use super::rehearsal::{Rehearsal, Rehearsed};
use super::request::{Context, origins};
use super::settings::{ChannelKind, Settings};
use super::veil::Veil;
use crate::model::json::Json;
use crate::script::limits::Limits;
use crate::script::pool::Pool;
use crate::script::source::Source;

/// The deadline of one try: scripts, connections and answers together.
pub const DEADLINE: Duration = Duration::from_secs(15);

/// Where messages for the console go. Only `cli` knows a terminal.
pub struct Console {
    /// Takes the lines of one message.
    pub write: Box<dyn Fn(&str) + Send + Sync>,
    /// Whether they have colours.
    pub colour: Colour,
}

/// Which try it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When it is made.
    pub at: Timestamp,
}

/// Delivers messages. Keeps nothing from one try to the next; tries of different channels do not wait for each other.
pub struct Delivery {
    pool: Arc<Pool>,
    limits: RwLock<Limits>,
    client: Client,
    console: Console,
    deadline: Duration,
}

/// Why messages cannot be delivered at all.
#[derive(Debug, Error)]
#[error("TLS cannot be set up for channels")]
pub struct DeliveryError(#[source] native_tls::Error);

impl Delivery {
    /// Returns a delivery that runs scripts in the pool within the limits, and trusts the system's certificate
    /// authorities.
    ///
    /// # Errors
    /// [`DeliveryError`] if the system has none that can be read.
    pub fn new(pool: Arc<Pool>, limits: Limits, console: Console) -> Result<Self, DeliveryError> {
        let tls = native_tls::TlsConnector::new().map_err(DeliveryError)?;
        Ok(Self {
            pool,
            limits: RwLock::new(limits),
            client: Client::new(tls),
            console,
            deadline: DEADLINE,
        })
    }

    /// Returns the delivery with other TLS settings.
    #[must_use]
    pub fn trusting(mut self, tls: native_tls::TlsConnector) -> Self {
        self.client = Client::new(tls);
        self
    }

    /// Runs scripts within other limits from the next try on.
    pub fn limit(&self, limits: &Limits) {
        let mut held = self.limits.write().unwrap_or_else(PoisonError::into_inner);
        held.clone_from(limits);
    }

    /// Returns the delivery with another deadline than [`DEADLINE`].
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Makes one try, and says how it went; the answer holds no secret.
    ///
    /// A script that breaks never loses the message: before anything was sent the answer is `Retry`, after that it is
    /// `Unknown`. Dropping the future gives the try up; the provider may have the message then.
    pub async fn send(&self, channel: &Settings, message: &Message, attempt: Attempt) -> Answer {
        let source = match &channel.kind {
            ChannelKind::Console => {
                (self.console.write)(&message.to_text(self.console.colour));
                return Answer::Taken { remote_ref: None };
            }
            ChannelKind::Email(email) => {
                let deadline = self.deadline;
                return email.send(&channel.name, message, attempt, deadline).await;
            }
            ChannelKind::Script(source) => source,
        };
        let (veil, seen) = Veil::over(channel);
        let origins = origins(channel);
        let context = Context::of(&veil, &origins, message, attempt);
        let mut job = self.job(source, context, seen, shown(message, attempt, false));
        let mut pass = job.run().await;
        if pass.plainer {
            job.asked.message = shown(message, attempt, true);
            pass = job.run().await;
        }
        pass.answer.cleaned(|text| veil.hide(text))
    }

    /// Returns what [`Delivery::send`] would send, in order, without sending it; nothing for the console, and the mail
    /// for e-mail.
    ///
    /// This finds what `send` would find before its first byte: a script that breaks, a URL that is none, a host that
    /// is not the channel's, a bad signing secret.
    ///
    /// # Errors
    /// What `send` would answer.
    pub async fn rehearse(
        &self,
        channel: &Settings,
        message: &Message,
        attempt: Attempt,
    ) -> Result<Vec<Rehearsed>, Answer> {
        let rehearsal = Rehearsal {
            pool: &self.pool,
            limits: self.limits(),
            channel,
            message,
            attempt,
            plain: false,
        };
        let requests = rehearsal.requests().await;
        requests.map_err(|unsent| unsent.answer)
    }

    fn limits(&self) -> Limits {
        let held = self.limits.read().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }

    fn job<'a>(
        &'a self,
        source: &'a Arc<Source>,
        context: Context<'a>,
        channel: Json,
        message: Json,
    ) -> Job<'a> {
        Job {
            asked: Asked {
                pool: &self.pool,
                limits: self.limits(),
                source,
                context,
                channel,
                message,
                deadline: Instant::now() + self.deadline,
            },
            client: &self.client,
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
