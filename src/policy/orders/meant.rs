//! Whether what an order names is there: a typing mistake must not mute nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Order, Refusal};
use crate::model::incident::Ledger;
use crate::model::mute::Selector;
use crate::model::service::{Service, ServiceName};
use crate::model::span::did_you_mean;
use crate::model::violation::Violation;
use crate::policy::mute::OES;

/// Names that a refusal lists.
const LISTED_MAX: usize = 20;

/// Checks that what an order names is watched, and returns of what a person should know all the same.
///
/// A name that nothing has is refused. A pattern may fit nothing yet, and names may have nothing in common now.
///
/// # Errors
/// [`Refusal`] with the name that was most likely meant.
pub fn check(
    order: &Order,
    services: &[Arc<Service>],
    ledger: &Ledger,
) -> Result<Vec<String>, Refusal> {
    let Order::Silence(wanted, _) = order else {
        return Ok(Vec::new());
    };
    let of = &wanted.of;
    let incidents = || ledger.incidents.values();
    // OES has incidents of its own, and a service that is gone may have some.
    let mut names: BTreeSet<&str> = incidents().map(|one| one.service.as_str()).collect();
    names.insert(OES);
    names.extend(services.iter().map(|one| one.name.as_str()));
    for name in of.services.iter().filter(|name| !name.contains('*')) {
        if !names.contains(name.as_str()) {
            return Err(no_service(name, &names));
        }
    }
    let tags = services.iter().flat_map(|one| &one.tags);
    among("tag", &of.tags, &tags.map(String::as_str).collect())?;
    let groups = services.iter().filter_map(|one| one.group.as_deref());
    among("group", &of.groups, &groups.collect())?;
    let is_meant = services.iter().any(|one| of.covers(one))
        || is_own(of)
        || incidents().any(|one| of.selects(&one.service, &one.violation, None));
    let nothing = (!is_meant).then(|| format!("no service is meant by {of} now"));
    Ok(nothing.into_iter().chain(violation(of)).collect())
}

/// Tells whether incidents of OES itself are meant.
fn is_own(of: &Selector) -> bool {
    let of = Selector {
        violations: BTreeSet::new(),
        ..of.clone()
    };
    of.selects(&ServiceName::new(OES), &Violation::Error, None)
}

fn no_service(name: &str, names: &BTreeSet<&str>) -> Refusal {
    let near = did_you_mean(name, names.iter().copied());
    let near = near.map(|near| format!("did you mean `{near}`? "));
    let near = near.unwrap_or_default();
    Refusal::invalid(format!(
        "no service is called `{name}`: {near}for one that is still to come write a pattern: `{name}*`"
    ))
}

/// Refuses a name that is not among those that there are.
fn among(what: &str, wanted: &BTreeSet<String>, known: &BTreeSet<&str>) -> Result<(), Refusal> {
    let unknown = wanted.iter().find(|name| !known.contains(name.as_str()));
    let Some(unknown) = unknown else {
        return Ok(());
    };
    let listed: Vec<&str> = known.iter().copied().take(LISTED_MAX).collect();
    let help = match did_you_mean(unknown, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if listed.is_empty() => "there are none".to_owned(),
        None => format!("there are {}", listed.join(", ")),
    };
    Err(Refusal::invalid(format!(
        "no service has the {what} `{unknown}`: {help}"
    )))
}

/// Says of a violation that it is most likely another one: scripts may call theirs as they like.
fn violation(of: &Selector) -> impl Iterator<Item = String> {
    of.violations.iter().filter_map(|name| {
        let near = did_you_mean(name, Violation::RESERVED).filter(|near| near != name)?;
        Some(format!(
            "only a script could call a violation `{name}`: did you mean `{near}`?"
        ))
    })
}
