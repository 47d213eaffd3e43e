//! What is waited for of a service that reports.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::control::Control;
use crate::model::service::Service;

/// How a service is watched.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// It is asked.
    Http,
    /// It reports by itself.
    Heartbeat,
}

impl Kind {
    pub(super) fn of(service: &Service) -> Self {
        match service.heartbeat {
            None => Self::Http,
            Some(_) => Self::Heartbeat,
        }
    }
}

/// What is waited for of a service that reports.
#[derive(Serialize, ToSchema)]
pub(super) struct Beats {
    /// When a beat is expected, for people: `every 24 h`, `at 0 3 * * *`.
    rhythm: String,
    /// Seconds that a beat may be late.
    grace_s: f64,
    /// Seconds that a run may take from its reported beginning; absent for any time.
    run_limit_s: Option<f64>,
    /// When it last reported the end of a run, good or bad; absent before the first.
    last_report_at: Option<Timestamp>,
    /// When the oldest run under way began, where that was reported.
    running_since: Option<Timestamp>,
    /// How many runs are under way whose beginning was reported.
    running: Option<usize>,
    /// When the next beat is expected.
    expected_at: Option<Timestamp>,
    /// When silence becomes a violation, or is said again.
    late_at: Option<Timestamp>,
}

impl Beats {
    /// Returns what is waited for; absent of a service that is asked.
    pub(super) fn of(control: &dyn Control, service: &Service) -> Option<Self> {
        let rule = service.heartbeat.as_ref()?;
        let awaited = control.awaited(&service.name);
        Some(Self {
            rhythm: rule.rhythm.to_string(),
            grace_s: rule.grace.as_secs_f64(),
            run_limit_s: rule.run_max.map(|limit| limit.as_secs_f64()),
            last_report_at: awaited.and_then(|awaited| awaited.last_report),
            running_since: awaited.and_then(|awaited| awaited.running_since),
            running: awaited.map(|awaited| awaited.running),
            expected_at: awaited.map(|awaited| awaited.expected_at),
            late_at: awaited.map(|awaited| awaited.late_at),
        })
    }
}
