//! What is counted of exports to a collector.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// How an export ends.
const RESULTS: [&str; 4] = ["taken", "partial", "refused", "unanswered"];

/// What is counted of exports to a collector.
#[derive(Debug, Clone, Default)]
pub struct ExportMetrics {
    exports: Family<ResultLabels, Counter>,
    rejected: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

impl ExportMetrics {
    /// Counts one export, by how it ended, and the points that the collector did not want.
    pub fn exported(&self, result: &'static str, rejected: u64) {
        self.exports.get_or_create(&ResultLabels { result }).inc();
        self.rejected.inc_by(rejected);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        for result in RESULTS {
            drop(self.exports.get_or_create(&ResultLabels { result }));
        }
        registry.register(
            "otlp_exports",
            "Exports of all metrics over OTLP, by how they ended: taken, partial, refused, unanswered",
            self.exports.clone(),
        );
        registry.register(
            "otlp_rejected_points",
            "Points of exports over OTLP that the collector took the rest without",
            self.rejected.clone(),
        );
    }
}
