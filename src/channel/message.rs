//! Everything that a message shows, built from facts alone: the same facts give the same message.

mod digest;
mod example;
mod html;
mod incident;
mod json;
mod samples;
mod storm;
mod summary;
mod terminal;
mod text;
mod words;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::incident::Instead;
use crate::model::json::Json;
use crate::model::service::{Service, ServiceName, ServiceSeverity};

pub use digest::Digest;
pub use incident::IncidentMessage;
pub use storm::{Member, Storm};
pub use summary::{Counts, Named, Summary, SummaryKind};
pub use terminal::Colour;
pub use words::moment;

pub(super) use html::Escaped;
pub(super) use words::harmless;

/// What a message says of the service itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its key.
    pub name: ServiceName,
    /// Request method, absent if the service is no longer in the ops config, or is not asked but reports.
    pub method: Option<String>,
    /// URL as it may be shown, absent like the method.
    pub url: Option<Arc<str>>,
    /// How bad a violation of it is.
    pub severity: ServiceSeverity,
    /// The group it is shown in.
    pub group: Option<String>,
    /// Free words.
    pub tags: Vec<String>,
    /// Link to instructions for the person who is woken.
    pub runbook: Option<String>,
}

impl Subject {
    /// Returns what is known of a service that is no longer in the ops config.
    pub fn gone(name: ServiceName) -> Self {
        Self {
            name,
            method: None,
            url: None,
            severity: ServiceSeverity::default(),
            group: None,
            tags: Vec::new(),
            runbook: None,
        }
    }
}

impl From<&Service> for Subject {
    fn from(service: &Service) -> Self {
        let request = service.asked();
        Self {
            name: service.name.clone(),
            method: request.map(|request| request.method.to_string()),
            url: request.map(|request| Arc::clone(&request.shown_url)),
            severity: service.severity,
            group: service.group.clone(),
            tags: service.tags.clone(),
            runbook: service.runbook.as_ref().map(ToString::to_string),
        }
    }
}

/// What a message says of its own sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// The same for every try of this message.
    pub message_id: String,
    /// Whether an earlier try may have arrived.
    pub possible_repeat: bool,
    /// Whether the try is on disk. Where it is not, a restart may send the message once more, and the message says so.
    pub durable: bool,
    /// A page about the incident.
    pub link: Option<Arc<str>>,
    /// When the message is made.
    pub now: Timestamp,
    /// The zone in which people read its times.
    pub zone: TimeZone,
    /// What the provider calls the message that told this channel of it first, to answer it or to edit it.
    pub remote_ref: Option<String>,
    /// What held the opening back before.
    pub muted: Option<String>,
    /// The channel that should have been told, and why this one is.
    pub instead: Option<Instead>,
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// About one incident.
    Incident(Box<IncidentMessage>),
    /// About many things at once.
    Summary(Box<Summary>),
}

impl From<IncidentMessage> for Message {
    fn from(message: IncidentMessage) -> Self {
        Self::Incident(Box::new(message))
    }
}

impl From<Summary> for Message {
    fn from(message: Summary) -> Self {
        Self::Summary(Box::new(message))
    }
}

impl Message {
    /// Returns the stable name of what it tells, which channel scripts and webhook receivers see.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Incident(message) => message.kind(),
            Self::Summary(message) => message.kind.as_str(),
        }
    }

    /// Returns the first line.
    pub fn title(&self) -> String {
        match self {
            Self::Incident(message) => message.title(),
            Self::Summary(message) => message.title(),
        }
    }

    /// Returns what it says of its own sending.
    pub fn sending(&self) -> &Sending {
        match self {
            Self::Incident(message) => &message.sending,
            Self::Summary(message) => &message.sending,
        }
    }

    /// Returns the message as a channel script sees it. Every key is always there; what is not known is `null`.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Incident(message) => message.to_json(),
            Self::Summary(message) => message.to_json(),
        }
    }

    /// Returns the message as lines for a terminal, each ended. Data cannot bring escape sequences of its own.
    pub fn to_text(&self, colour: Colour) -> String {
        match self {
            Self::Incident(message) => message.to_text(colour),
            Self::Summary(message) => message.to_text(colour),
        }
    }

    /// Returns the message as a piece of HTML that says the same. Data cannot bring markup of its own.
    pub fn to_html(&self) -> String {
        match self {
            Self::Incident(message) => html::written(|page| message.write(page), &self.title()),
            Self::Summary(message) => html::written(|page| message.write(page), &self.title()),
        }
    }
}

impl Sending {
    /// Returns the sending of a message in UTC that nothing else is to be said of.
    pub fn new(message_id: impl Into<String>, now: Timestamp) -> Self {
        Self {
            message_id: message_id.into(),
            possible_repeat: false,
            durable: true,
            link: None,
            now,
            zone: TimeZone::UTC,
            remote_ref: None,
            muted: None,
            instead: None,
        }
    }

    /// Returns what the reader should know of the sending.
    fn footnotes(&self) -> Vec<&'static str> {
        let mut notes = Vec::new();
        if self.possible_repeat {
            notes.push("possible repeat");
        }
        if !self.durable {
            notes.push("delivery records not durable");
        }
        notes
    }

    /// Returns a moment as people read it, in the zone of the message.
    fn moment(&self, at: Timestamp) -> String {
        moment(at, &self.zone)
    }
}

#[cfg(test)]
pub(super) mod tests;
