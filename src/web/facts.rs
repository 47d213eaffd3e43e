//! What the pages about OES itself show.

use serde::Serialize;

use super::probe::{Asked, Probed, Refused};
use super::site::Pending;
use crate::metrics::{Format, Give};

/// What the pages about OES itself show; asked anew for each request.
pub trait Facts: Send + Sync {
    /// Gives the metrics away piece by piece; tells whether all were taken. May take a while: it is called where nobody
    /// waits.
    fn metrics(&self, format: Format, give: Give<'_>) -> bool;

    /// Looks at a service now, or tells what was seen of it just before.
    fn probe(&self, asked: Asked) -> Pending<'_, Result<Probed, Refused>>;

    /// Returns how the parts of the daemon are doing.
    fn health(&self) -> Health;
}

/// How the parts of the daemon are doing.
#[derive(Debug, Clone, Serialize)]
pub struct Health {
    /// The parts, in a fixed order.
    pub parts: Vec<Part>,
}

/// How one part of the daemon is doing.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// Its name: `scheduler`, `state`, `notifier`, `config`, `history`, with canaries `network`, and with a collector `otlp`.
    pub name: &'static str,
    /// Whether the daemon cannot do its work without a restart.
    pub alive: bool,
    /// Whether it does its work now.
    pub ready: bool,
    /// What is so, for a person.
    pub detail: String,
}
