//! Why something is muted, as a closed set.

/// Why something is muted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A person has made a silence.
    Silence,
    /// The config plans it.
    Maintenance,
    /// OES has lost its own network.
    Network,
    /// What the service depends on is down.
    Dependency,
    /// The service changes too often.
    Flapping,
    /// It was muted when OES started, and nobody has seen the service since.
    Start,
}

impl Cause {
    /// Returns its word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Maintenance => "maintenance",
            Self::Network => "network",
            Self::Dependency => "dependency",
            Self::Flapping => "flapping",
            Self::Start => "start",
        }
    }
}
