//! What a config says of one channel.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::email::Email;
use crate::model::secret::Secret;
use crate::model::service::ChannelName;
use crate::script::source::Source;

/// One channel as a config writes it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its key.
    pub name: ChannelName,
    /// What makes its requests.
    pub kind: ChannelKind,
    /// The channel that is told instead if this one could not be told of an opening for so long.
    pub fallback: Option<(ChannelName, Duration)>,
    /// Every other key of a script's table: `url`, `secret`, `username`, …
    pub options: BTreeMap<Arc<str>, Secret>,
}

/// What makes a channel's requests.
#[derive(Debug, Clone)]
pub enum ChannelKind {
    /// Writes to the terminal.
    Console,
    /// Sends mail.
    Email(Arc<Email>),
    /// A channel script.
    Script(Arc<Source>),
}

impl ChannelKind {
    /// Returns its name in the config.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Console => "console",
            Self::Email(_) => "email",
            Self::Script(source) => &source.name,
        }
    }
}
