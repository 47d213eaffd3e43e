//! Changes of one service that somebody tries without writing them into the config.

use std::ops::Range;
use std::path::Path;

use super::report::{Report, line_of, line_starts};
use super::toml;
use super::tree::{Member, Node, Value};
use super::{Environment, Loaded, read_text, text_of};

/// One change of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Another value for a key: `error_threshold`, `latency.trigger`.
    Key {
        /// The key, with dots into tables.
        key: String,
        /// The value as TOML writes it; anything else is a text.
        value: String,
    },
    /// Another script in place of the one that judges, or of everything that does if there is not one.
    Script(String),
    /// Another value for a parameter of the script.
    Param {
        /// The parameter.
        name: String,
        /// The value, likewise.
        value: String,
    },
}

/// Reads the ops config at `path` as [`load`](super::load) does, with changes of the service that begins on a line.
///
/// # Errors
/// Everything that is wrong with it then.
pub fn load_changed(
    path: &Path,
    environment: &dyn Environment,
    line: u32,
    changes: &[Change],
) -> Result<Loaded, Report> {
    let name = path.display().to_string();
    let text = text_of(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let starts = line_starts(&text);
    read_text(&name, &text, folder, environment, |root| {
        let defaults = root.get("defaults").cloned();
        let Value::Table(members) = &mut root.value else {
            return;
        };
        let lists = members
            .iter_mut()
            .filter(|member| matches!(&*member.key, "services" | "service"));
        for list in lists {
            let Value::List(services) = &mut list.node.value else {
                continue;
            };
            let meant = services
                .iter_mut()
                .filter(|service| line_of(&starts, service.span.start) == line);
            for service in meant {
                for change in changes {
                    change.apply(service, defaults.as_ref());
                }
            }
        }
    })
}

impl Change {
    fn apply(&self, service: &mut Node, defaults: Option<&Node>) {
        let at = service.span.clone();
        match self {
            Self::Key { key, value } => {
                let keys: Vec<&str> = key.split('.').collect();
                set(service, defaults, &keys, given(value, &at));
            }
            Self::Script(name) => {
                let script = table(&at, [("script", text(&at, name))]);
                if let Some(element) = the_script(service, defaults) {
                    *element = script;
                } else {
                    let list = node(&at, Value::List(vec![script]));
                    put(service, "match", list);
                }
                remove(service, &["response_matcher", "params"]);
            }
            Self::Param { name, value } => {
                let value = given(value, &at);
                match the_script(service, defaults) {
                    Some(element) => {
                        if matches!(element.value, Value::Text(_)) {
                            *element = table(&at, [("script", element.clone())]);
                        }
                        set(element, None, &["params", name], value);
                    }
                    None => set(service, defaults, &["params", name], value),
                }
            }
        }
    }
}

const BUILT_IN: [&str; 4] = ["status_code", "types", "exact", "non_empty"];

/// Returns the only element of a service's `match` that is a script; absent if there is not exactly one.
fn the_script<'a>(service: &'a mut Node, defaults: Option<&Node>) -> Option<&'a mut Node> {
    if service.get("response_matcher").is_none() && service.get("match").is_none() {
        let list = defaults?.get("match")?.clone();
        put(service, "match", list);
    }
    let list = member_mut(service, "match")?;
    let Value::List(elements) = &mut list.node.value else {
        return None;
    };
    let is_script = |element: &&mut Node| match &element.value {
        Value::Text(name) => !BUILT_IN.contains(&&**name),
        _ => element.get("script").is_some(),
    };
    let mut scripts = elements.iter_mut().filter(is_script);
    let first = scripts.next()?;
    scripts.next().is_none().then_some(first)
}

/// Sets what the keys lead to, on the way making tables where there are none.
fn set(table: &mut Node, defaults: Option<&Node>, keys: &[&str], value: Node) {
    let [key, rest @ ..] = keys else { return };
    if rest.is_empty() {
        return put(table, key, value);
    }
    if table.get(key).is_none() {
        let default = defaults.and_then(|defaults| defaults.get(key)).cloned();
        let at = table.span.clone();
        put(
            table,
            key,
            default.unwrap_or_else(|| node(&at, Value::Table(Vec::new()))),
        );
    }
    let Some(member) = member_mut(table, key) else {
        return;
    };
    let inner = &mut member.node;
    if !matches!(inner.value, Value::Table(_)) {
        // A latency that is only a limit says the same as a table.
        let old = std::mem::replace(&mut inner.value, Value::Table(Vec::new()));
        if *key == "latency" {
            let limit = node(&inner.span.clone(), old);
            put(inner, "limit", limit);
        }
    }
    set(inner, None, rest, value);
}

fn put(table: &mut Node, key: &str, value: Node) {
    if let Some(member) = member_mut(table, key) {
        member.node = value;
        return;
    }
    let span = table.span.clone();
    if let Value::Table(members) = &mut table.value {
        members.push(member(&span, key, value));
    }
}

fn remove(table: &mut Node, keys: &[&str]) {
    if let Value::Table(members) = &mut table.value {
        members.retain(|member| !keys.contains(&&*member.key));
    }
}

fn member_mut<'a>(table: &'a mut Node, key: &str) -> Option<&'a mut Member> {
    let Value::Table(members) = &mut table.value else {
        return None;
    };
    members.iter_mut().find(|member| *member.key == *key)
}

/// Returns the value as it is given on a command line.
fn given(value: &str, at: &Range<usize>) -> Node {
    let (root, mistakes) = toml::parse(&format!("value = {value}"));
    let read = root.filter(|_| mistakes.is_empty());
    let read = read.and_then(|root| root.get("value").cloned());
    let mut read = read.unwrap_or_else(|| text(at, value));
    place(&mut read, at);
    read
}

/// Says of a value and of all within it that it is there.
fn place(value: &mut Node, at: &Range<usize>) {
    value.span.clone_from(at);
    match &mut value.value {
        Value::List(items) => items.iter_mut().for_each(|item| place(item, at)),
        Value::Table(members) => {
            for member in members {
                member.key_span.clone_from(at);
                place(&mut member.node, at);
            }
        }
        _ => {}
    }
}

fn text(at: &Range<usize>, text: &str) -> Node {
    node(at, Value::Text(text.into()))
}

fn table<const N: usize>(at: &Range<usize>, members: [(&str, Node); N]) -> Node {
    let members = members.map(|(key, value)| member(at, key, value));
    node(at, Value::Table(members.into()))
}

fn node(at: &Range<usize>, value: Value) -> Node {
    Node {
        span: at.clone(),
        value,
    }
}

fn member(at: &Range<usize>, key: &str, node: Node) -> Member {
    Member {
        key: key.into(),
        key_span: at.clone(),
        node,
    }
}
