//! Many incidents that a channel is told of in one message.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The name of a storm on one channel, the same in every message about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct StormId(pub Arc<str>);

impl fmt::Display for StormId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Many incidents that a channel is told of in one message. Its members are the deliveries that name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storm {
    /// Its name.
    pub id: StormId,
    /// When its first message was decided.
    pub began_at: Timestamp,
    /// When it last got a new member.
    pub grown_at: Timestamp,
    /// When the channel last took a message about it.
    pub told_at: Option<Timestamp>,
    /// What the provider calls its message, to edit it.
    pub remote_ref: Option<String>,
}
