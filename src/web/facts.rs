//! What the pages about OES itself show.

use serde::Serialize;

/// What the pages about OES itself show; asked anew for each request.
pub trait Facts: Send + Sync {
    /// Returns the metrics in the OpenMetrics text format.
    fn metrics(&self) -> String;

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
    /// Its name: `scheduler`, `state`, `notifier`, `config`, and with canaries `network`.
    pub name: &'static str,
    /// Whether the daemon cannot do its work without a restart.
    pub alive: bool,
    /// Whether it does its work now.
    pub ready: bool,
    /// What is so, for a person.
    pub detail: String,
}
