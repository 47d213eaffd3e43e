//! What many incidents have in common.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::incident::Incident;
use crate::model::service::{Service, ServiceName};

/// A cause is named if it is that of so many of a hundred services.
const SHARE_PERCENT: usize = 80;

/// What is the same of some incidents.
type Trait<'a> = &'a dyn Fn(&Incident) -> Option<String>;

/// Returns what most open incidents share, in words: a kind of failure, a host, an address, a group. Nothing for fewer
/// than three services.
pub fn common<'a>(
    incidents: &[&'a Incident],
    service: &dyn Fn(&Incident) -> Option<&'a Service>,
) -> Vec<String> {
    let open: Vec<&Incident> = incidents
        .iter()
        .copied()
        .filter(|one| one.is_open())
        .collect();
    let services: BTreeSet<&ServiceName> = open.iter().map(|one| &one.service).collect();
    if services.len() < 3 {
        return Vec::new();
    }
    let traits: [(&str, Trait<'_>); 4] = [
        ("failure", &|one| {
            one.reason.code.as_ref()?;
            Some(one.cause())
        }),
        ("address", &|one| one.reason.address.clone()),
        ("host", &|one| {
            let url = &service(one)?.request.url;
            let port = url.port().map(|port| format!(":{port}"));
            let host = format!("{}{}", url.host_str()?, port.unwrap_or_default());
            // A host that is an address was named with it.
            (one.reason.address.as_ref() != Some(&host)).then_some(host)
        }),
        ("group", &|one| service(one)?.group.clone()),
    ];
    traits
        .iter()
        .filter_map(|(words, of)| {
            let (value, count) = most(&open, of)?;
            let of = services.len();
            let share = (count < of).then(|| format!(" ({count} of {of})"));
            // A status says what it is.
            let words = match value.split_once(' ') {
                Some(("status", _)) => value,
                _ => format!("{words} {value}"),
            };
            Some(format!("{words}{}", share.unwrap_or_default()))
        })
        .collect()
}

/// Returns the value that most services share, and of how many it is; nothing if they are too few.
fn most(open: &[&Incident], of: Trait<'_>) -> Option<(String, usize)> {
    let mut values: BTreeMap<String, BTreeSet<&ServiceName>> = BTreeMap::new();
    let mut services: BTreeSet<&ServiceName> = BTreeSet::new();
    for incident in open {
        services.insert(&incident.service);
        if let Some(value) = of(incident) {
            values.entry(value).or_default().insert(&incident.service);
        }
    }
    let (value, names) = values.into_iter().max_by_key(|(_, names)| names.len())?;
    let enough = names.len() * 100 >= services.len() * SHARE_PERCENT;
    enough.then_some((value, names.len()))
}
