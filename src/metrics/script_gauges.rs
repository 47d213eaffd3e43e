//! Gauges whose names scripts choose.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::model::service::ServiceName;

/// Different names that are kept; a script that invents more is not heard.
const NAMES_MAX: usize = 1_000;

/// Names that families of OES's own have, and their samples.
const OWN: [&str; 10] = [
    "runs",
    "cpu_seconds",
    "wall_seconds",
    "requests",
    "broken",
    "workers",
    "workers_resident_bytes",
    "workers_started",
    "workers_ended",
    "round_trips",
];

/// The newest value of each gauge by name and service.
#[derive(Debug, Default)]
pub(super) struct ScriptGauges {
    values: Mutex<BTreeMap<String, BTreeMap<ServiceName, f64>>>,
}

impl ScriptGauges {
    pub(super) fn set(&self, name: &str, service: &ServiceName, value: f64) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let name = metric_name(name);
        if values.len() < NAMES_MAX || values.contains_key(&name) {
            values
                .entry(name)
                .or_default()
                .insert(service.clone(), value);
        }
    }

    /// Forgets the gauges of services of which this does not hold.
    pub(super) fn keep(&self, is_watched: impl Fn(&ServiceName) -> bool) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        for by_service in values.values_mut() {
            by_service.retain(|service, _| is_watched(service));
        }
        values.retain(|_, by_service| !by_service.is_empty());
    }
}

/// Returns the name with everything that a metric name may not hold replaced by `_`; one that is taken has a `_` more.
fn metric_name(name: &str) -> String {
    let clean = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    let clean: String = clean.collect();
    let family = clean.strip_suffix("_total").unwrap_or(&clean);
    let is_taken = OWN.contains(&family) || family.starts_with("round_trips_seconds");
    format!("script_{clean}{}", if is_taken { "_" } else { "" })
}

impl Collector for ScriptGauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        // Copied, so that no probe waits for the text.
        let values = self
            .values
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for (name, by_service) in &values {
            let help = "Reported by a matcher script";
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (service, value) in by_service {
                let labels = [("service", service.as_str())];
                ConstGauge::new(*value).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
