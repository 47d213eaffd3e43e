//! What a reload changes.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Config, ServiceConfig};

/// What a new config changes, service by service and in the order of the files.
#[derive(Debug, Default)]
pub struct Diff {
    /// Only in the new one.
    pub added: Vec<Arc<ServiceConfig>>,
    /// In both, with different fingerprints; as in the new one.
    pub changed: Vec<Arc<ServiceConfig>>,
    /// Only in the old one.
    pub removed: Vec<Arc<ServiceConfig>>,
    /// In both, alike; as in the new one.
    pub unchanged: Vec<Arc<ServiceConfig>>,
}

/// Compares two configs by the names and fingerprints of their services.
pub fn diff(old: &Config, new: &Config) -> Diff {
    let mut before: HashMap<&str, &Arc<ServiceConfig>> = old
        .services
        .iter()
        .map(|config| (config.service.name.as_str(), config))
        .collect();
    let mut diff = Diff::default();
    for config in &new.services {
        let list = match before.remove(config.service.name.as_str()) {
            None => &mut diff.added,
            Some(old) if old.fingerprint == config.fingerprint => &mut diff.unchanged,
            Some(_) => &mut diff.changed,
        };
        list.push(Arc::clone(config));
    }
    let removed = old
        .services
        .iter()
        .filter(|config| before.contains_key(config.service.name.as_str()));
    diff.removed = removed.map(Arc::clone).collect();
    diff
}
