//! How much of the past a service was up.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::tally::{Share, Tally};
use crate::policy::story::UNREADABLE;
use crate::web::page::record::{Record, SPANS};

/// How much of a span of time, up to now, a service was up.
#[derive(Serialize, ToSchema)]
pub(super) struct Uptime {
    /// Days of the span: 1, 7, 30, 90, 365. It is shorter where the service was not watched from the beginning.
    days: u32,
    /// The share of the time in which it is known to have been up, of that in which it is known to have been up or down:
    /// 0 to 1, cut off after the sixth decimal. Absent if nothing is known.
    share: Option<f64>,
    /// The share of the span in which nobody looked, cut off likewise.
    no_data: f64,
}

impl Uptime {
    /// Returns why nothing is told of the past; absent where it is.
    pub(super) fn error(record: Option<&Record>) -> Option<&'static str> {
        record?.is_unreadable.then_some(UNREADABLE)
    }

    /// Returns the uptime of each span, the shortest first; none where the history cannot be read.
    pub(super) fn all(record: Option<&Record>) -> Vec<Self> {
        if Self::error(record).is_some() {
            return Vec::new();
        }
        let tally = |name: &str| {
            let mut known = record.into_iter().flat_map(|record| &record.uptimes);
            known
                .find(|(span, _)| *span == name)
                .map(|(_, tally)| *tally)
        };
        SPANS
            .iter()
            .map(|(name, days)| Self::of(*days, &tally(name).unwrap_or_default()))
            .collect()
    }

    fn of(days: u32, tally: &Tally) -> Self {
        let no_data = Share::of(tally.no_data, tally.total());
        Self {
            days,
            share: tally.uptime().map(Share::as_f64),
            // Of no time at all nothing is known.
            no_data: no_data.map_or(1.0, Share::as_f64),
        }
    }
}
