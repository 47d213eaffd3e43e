//! All that is known of one incident: how it is, what each channel was told of it, and what happened.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::event::{Chapter, Event};
use crate::model::evidence::Evidence;
use crate::model::incident::{Delivery, Incident, Ledger};
use crate::model::service::ChannelName;

/// What is said where the history should say something, and cannot be read.
pub const UNREADABLE: &str = "the history cannot be read";

/// All that is known of one incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Story {
    /// The incident as it is, or as it last was.
    pub incident: Incident,
    /// What each channel must know of it; empty once the state file has forgotten it.
    pub channels: Vec<Told>,
    /// What happened, oldest first, as far as it was written down.
    pub events: Vec<Event>,
    /// What probes saw at its turns, oldest first.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// Why what happened and what probes saw is not known; absent where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// What one channel must know of an incident and is known to have taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Told {
    /// The channel.
    pub channel: ChannelName,
    /// How far it is.
    #[serde(flatten)]
    pub delivery: Delivery,
}

impl Story {
    /// Returns the story of an incident that the ledger has.
    pub fn of(ledger: &Ledger, incident: &Incident, events: Vec<Event>) -> Self {
        let deliveries = ledger.deliveries.iter();
        let channels = deliveries.filter(|((_, id), _)| *id == incident.id);
        Self {
            incident: incident.clone(),
            channels: channels
                .map(|((channel, _), delivery)| Told {
                    channel: channel.clone(),
                    delivery: delivery.clone(),
                })
                .collect(),
            events,
            evidence: Vec::new(),
            unreadable: None,
        }
    }
}

impl From<Chapter> for Story {
    fn from(chapter: Chapter) -> Self {
        Self {
            incident: chapter.incident,
            channels: Vec::new(),
            events: chapter.events,
            evidence: Vec::new(),
            unreadable: None,
        }
    }
}
