//! The rules that a service is held against.

use std::time::Duration;

use crate::model::service::{ErrorRule, LatencyRule, Service};
use crate::model::violation::Violation;

/// The rules of one service.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// When failed probes become `error`.
    pub error: ErrorRule,
    /// When slowness becomes `latency`.
    pub latency: Option<LatencyRule>,
    /// How long unjudgeable before `unknown`.
    pub unknown_after: Duration,
    /// When to look again.
    pub confirm: Vec<Duration>,
    /// Time between two regular probes.
    pub interval: Duration,
    /// The deadline of one probe.
    pub timeout: Duration,
    /// Whether the service is not probed but reports: `heartbeat` is judged then, and `error` is not.
    pub heartbeat: bool,
}

impl From<&Service> for Rules {
    fn from(service: &Service) -> Self {
        Self {
            error: service.error,
            latency: service.latency,
            unknown_after: service.unknown_after,
            confirm: service.confirm.clone(),
            interval: service.interval,
            timeout: service.timeout,
            heartbeat: service.heartbeat.is_some(),
        }
    }
}

impl Rules {
    /// Tells whether a violation can still be judged by these rules; an open one that cannot is no longer watched.
    pub fn watches(&self, violation: &Violation) -> bool {
        match violation {
            Violation::Latency => self.latency.is_some(),
            Violation::Heartbeat => self.heartbeat,
            Violation::Error => !self.heartbeat,
            _ => true,
        }
    }

    /// Returns how many samples the rules look at.
    pub fn samples(&self) -> usize {
        let latency = self.latency.map_or(0, |rule| rule.window);
        self.error.window.max(latency)
    }
}
