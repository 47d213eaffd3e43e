//! The names of services: those that people give and those that OES makes.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::config::loader::{Expanded, Loader};
use crate::config::tree::Node;
use crate::config::values;
use crate::model::code::Code;
use crate::model::span::Mistake;
use crate::policy::mute::OES;

/// Characters of a name at most.
const NAME_MAX: usize = 200;

/// Returns the name of every service, in their order and all different; `None` where a given one cannot be used, which
/// was reported.
pub(super) fn of(
    loader: &mut Loader<'_>,
    services: &[&Node],
    defaults: Option<&Node>,
) -> Vec<Option<String>> {
    let given: Vec<Option<String>> = services
        .iter()
        .map(|service| given(loader, service))
        .collect();
    report_equal(loader, services, &given);
    let mut taken: HashSet<String> = given.iter().flatten().cloned().collect();
    let mut next: HashMap<String, usize> = HashMap::new();
    let mut equal: Vec<(Range<usize>, String)> = Vec::new();
    let mut shown: Vec<Range<usize>> = Vec::new();
    let mut names = Vec::with_capacity(services.len());
    for (service, given) in services.iter().zip(given) {
        if service.get("name").is_some() {
            names.push(given);
            continue;
        }
        let Some(base) = made(loader, service, defaults) else {
            names.push(None);
            continue;
        };
        let count = next.entry(base.clone()).or_insert(0);
        let name = loop {
            *count += 1;
            let name = if *count == 1 {
                base.clone()
            } else {
                format!("{base} #{count}")
            };
            if taken.insert(name.clone()) {
                break name;
            }
        };
        let url = service
            .member("url")
            .map_or_else(|| service.span.clone(), |url| url.node.span.clone());
        if is_public(service, defaults) {
            shown.push(url.clone());
        }
        if *count > 1 {
            equal.push((url, name.clone()));
        }
        names.push(Some(name));
    }
    if let Some((span, name)) = equal.first() {
        let message = format!(
            "another service asks the same: this one is called `{}`{}",
            values::shorten(name),
            more(equal.len())
        );
        let help = "give both a `name`: without one their order tells them apart, and a service put between takes over the history of the next";
        loader.report(Mistake::warning(Code::Duplicate, span.clone(), message).help(help));
    }
    if let Some(span) = shown.first() {
        let message = format!(
            "this service is `public` and has no `name`: everybody would see its URL{}",
            more(shown.len())
        );
        let help =
            "give it a `name`: the status page calls a service without one by its method and URL";
        loader.report(Mistake::warning(Code::Missing, span.clone(), message).help(help));
    }
    names
}

/// Returns how many more than one there are.
fn more(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        _ => format!(", and {} more like it", count - 1),
    }
}

/// Tells whether the public may see a service.
fn is_public(service: &Node, defaults: Option<&Node>) -> bool {
    let own = service.get("public");
    own.or_else(|| defaults?.get("public"))
        .and_then(Node::boolean)
        .unwrap_or(false)
}

fn given(loader: &mut Loader<'_>, service: &Node) -> Option<String> {
    let node = service.get("name")?;
    let name = node.text()?;
    let line = "a name is one short line";
    let (problem, help) = if name.is_empty() {
        // It is reported by the check of kinds.
        return None;
    } else if name.trim().is_empty() {
        ("is only white space", line)
    } else if name.chars().count() > NAME_MAX {
        ("has more than 200 characters", line)
    } else if name.chars().any(char::is_control) {
        ("has control characters", line)
    } else if name.chars().any(is_invisible) {
        let help = "nobody sees them, so two names could look the same; leave them out";
        ("has invisible characters", help)
    } else if &**name == OES {
        (
            "is that of OES itself",
            "what is wrong with OES is told under it",
        )
    } else if matches!(&**name, "." | "..") {
        (
            "means a folder",
            "the address of its page would lead elsewhere",
        )
    } else {
        return Some(name.to_string());
    };
    let message = format!("the name {problem}");
    loader.report(Mistake::error(Code::Value, node.span.clone(), message).help(help));
    None
}

/// Tells whether a character is shown as nothing or turns the text around it. The joiners, which scripts and emoji need, are
/// none of these.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

fn report_equal(loader: &mut Loader<'_>, services: &[&Node], given: &[Option<String>]) {
    let mut places: HashMap<&str, Vec<&Node>> = HashMap::new();
    for (service, name) in services.iter().zip(given) {
        if let Some(name) = name {
            places.entry(name).or_default().push(service);
        }
    }
    for (name, services) in places.iter().filter(|(_, services)| services.len() > 1) {
        for service in services {
            if let Some(node) = service.get("name") {
                let message = format!(
                    "{} services are called `{}`",
                    services.len(),
                    values::shorten(name)
                );
                let help = "a name is the key of a service in the state file and in messages: give each its own";
                loader
                    .report(Mistake::error(Code::Duplicate, node.span.clone(), message).help(help));
            }
        }
    }
}

/// Makes a name of method and URL, absent without a URL. A secret in the URL is `***` here as everywhere.
fn made(loader: &mut Loader<'_>, service: &Node, defaults: Option<&Node>) -> Option<String> {
    let method = service
        .get("http_method")
        .or_else(|| service.get("method"))
        .or_else(|| defaults?.get("http_method"))
        .or_else(|| defaults?.get("method"))
        .and_then(|node| values::method(node).ok())
        .unwrap_or(http::Method::GET);
    let node = service.get("url")?;
    let Expanded::Text(url) = loader.expand(node.text()?, &node.span) else {
        return None;
    };
    let name = format!("{method} {}", url.shown());
    // Room for ` #12345`.
    let mut short: String = name
        .chars()
        .filter(|character| !character.is_control())
        .take(NAME_MAX - 10)
        .collect();
    if short.len() < name.len() {
        short.push('…');
    }
    Some(short)
}

/// Reports services that depend on nothing that exists, or on themselves.
pub(super) fn check_dependencies(
    loader: &mut Loader<'_>,
    services: &[&Node],
    defaults: Option<&Node>,
    names: &[Option<String>],
) {
    let known: HashSet<&str> = names.iter().flatten().map(String::as_str).collect();
    let lists = services
        .iter()
        .zip(names)
        .map(|(service, name)| (service.get("depends_on"), name.as_deref()))
        .chain(std::iter::once((
            defaults.and_then(|defaults| defaults.get("depends_on")),
            None,
        )));
    for (list, own) in lists {
        for item in list.map_or(&[][..], Node::items) {
            let Some(text) = item.text() else { continue };
            if Some(&**text) == own {
                let mistake = Mistake::error(
                    Code::Conflict,
                    item.span.clone(),
                    "a service that depends on itself",
                );
                loader.report(mistake.help("leave it out"));
            } else if !known.contains(&**text) {
                let mistake = Mistake::error(
                    Code::UnknownName,
                    item.span.clone(),
                    format!("there is no service `{}`", values::shorten(text)),
                );
                loader.report(match values::near(text, known.iter().copied().take(2000)) {
                    Some(near) => mistake.help(format!("did you mean `{near}`?")),
                    None => mistake.help("write the `name` of another service of this config"),
                });
            }
        }
    }
}
