//! What services were called before: `was`.

use std::collections::{BTreeMap, HashSet};

use crate::config::loader::Loader;
use crate::config::tree::Node;
use crate::config::values;
use crate::model::code::Code;
use crate::model::service::ServiceName;
use crate::model::span::Mistake;

/// Returns the former names of each service, in the order of the file; reports those that cannot be.
pub(super) fn of(
    loader: &mut Loader<'_>,
    services: &[&Node],
    names: &[Option<String>],
) -> Vec<Vec<ServiceName>> {
    let present: HashSet<&str> = names.iter().flatten().map(String::as_str).collect();
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    let mut all = Vec::with_capacity(services.len());
    for (service, name) in services.iter().zip(names) {
        let name = name.as_deref().unwrap_or("?");
        let mut former = Vec::new();
        for node in service.get("was").map(listed).unwrap_or_default() {
            let Some(text) = node.text() else { continue };
            let shown = values::shorten(text);
            let wrong = if **text == *name {
                Some((
                    format!("this service is called `{shown}` now"),
                    "leave it out",
                ))
            } else if present.contains(&**text) {
                let help = "a name has one past: if that service is another one, it keeps its own";
                Some((format!("another service is called `{shown}`"), help))
            } else if let Some(other) = taken.insert(text.to_string(), name) {
                let help = "one history goes to one service: leave it out in the other";
                let other = values::shorten(other);
                Some((
                    format!("`{shown}` is said to have become `{other}` as well"),
                    help,
                ))
            } else {
                None
            };
            match wrong {
                None => former.push(ServiceName::new(text.to_string())),
                Some((message, help)) => {
                    let mistake = Mistake::error(Code::Conflict, node.span.clone(), message);
                    loader.report(mistake.help(help));
                }
            }
        }
        all.push(former);
    }
    all
}

/// Returns one or many as a list.
fn listed(node: &Node) -> Vec<&Node> {
    match node.items() {
        [] => vec![node],
        items => items.iter().collect(),
    }
}
