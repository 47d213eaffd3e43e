//! The channels of the config.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::channel::settings::{ChannelKind, Settings};
use crate::config::email;
use crate::config::layers;
use crate::config::loader::Loader;
use crate::config::request;
use crate::config::scripts::{self, Role};
use crate::config::tree::{Member, Node, Value};
use crate::config::values;
use crate::model::code::Code;
use crate::model::json::Json;
use crate::model::secret::Secret;
use crate::model::service::ChannelName;
use crate::model::span::{Lack, Mistake};
use crate::script::source::Source;

/// The keys of a channel that are OES's and no options of its script.
const OWN: [&str; 4] = ["name", "kind", "fallback", "fallback_after"];
/// For so long a channel is tried before its fallback is told.
const FALLBACK_AFTER: Duration = Duration::from_mins(5);

/// What reading the channels gave.
pub(super) struct Channels {
    /// The channels that can be used.
    pub(super) settings: Vec<Settings>,
    /// The names of all, so that a broken channel does not break every reference to it.
    pub(super) names: Vec<ChannelName>,
}

/// Reads the channels: the console if there are none.
pub(super) fn read(loader: &mut Loader<'_>, list: Option<&Node>) -> Channels {
    let nodes = list.map_or(&[][..], Node::items);
    let mut channels = Channels {
        settings: Vec::new(),
        names: Vec::new(),
    };
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for node in nodes {
        if let Some(name) = name(node) {
            *seen.entry(name).or_default() += 1;
        }
    }
    for node in nodes {
        let Some(name) = name(node) else { continue };
        if seen.get(name).is_some_and(|count| *count > 1)
            && let Some(at) = node.get("name")
        {
            let message = format!("two channels are called `{}`", values::shorten(name));
            loader.report(
                Mistake::error(Code::Duplicate, at.span.clone(), message)
                    .help("give each its own name"),
            );
        }
        let name = ChannelName::new(name);
        if !channels.names.contains(&name) {
            channels.names.push(name.clone());
        }
        channels.settings.extend(channel(loader, node, name));
    }
    let names = channels.names.clone();
    for settings in &mut channels.settings {
        let of = |node: &&Node| name(node) == Some(settings.name.as_str());
        let node = nodes.iter().find(of);
        settings.fallback = node.and_then(|node| fallback(loader, node, &names));
    }
    if nodes.is_empty() {
        let name = ChannelName::new("console");
        channels.names.push(name.clone());
        channels.settings.push(Settings {
            name,
            kind: ChannelKind::Console,
            fallback: None,
            options: BTreeMap::new(),
        });
    }
    channels
}

/// Returns the channel that stands in for one, and after how long.
fn fallback(
    loader: &mut Loader<'_>,
    node: &Node,
    names: &[ChannelName],
) -> Option<(ChannelName, Duration)> {
    let written = node.get("fallback")?;
    let text = written.text()?;
    let patience = node.get("fallback_after").and_then(layers::seconds);
    if name(node) == Some(&**text) {
        let mistake = Mistake::error(
            Code::Conflict,
            written.span.clone(),
            "a channel that stands in for itself",
        );
        loader.report(mistake.help("name another channel"));
        return None;
    }
    let Some(other) = names.iter().find(|name| name.as_str() == &**text) else {
        unknown(loader, written, names);
        return None;
    };
    Some((other.clone(), patience.unwrap_or(FALLBACK_AFTER)))
}

/// Reports the name of a channel that there is none of.
fn unknown(loader: &mut Loader<'_>, node: &Node, channels: &[ChannelName]) {
    let text = node.text().map_or("", |text| text);
    let known = || channels.iter().map(ChannelName::as_str);
    let mistake = Mistake::error(
        Code::UnknownName,
        node.span.clone(),
        format!("there is no channel `{}`", values::shorten(text)),
    );
    let known_list = known().take(20).collect::<Vec<_>>().join(", ");
    loader.report(match values::near(text, known()) {
        Some(near) => mistake.help(format!("did you mean `{near}`?")),
        None => mistake.help(format!("the channels of this config: {known_list}")),
    });
}

fn name(node: &Node) -> Option<&str> {
    node.get("name")?.text().map(|text| &**text)
}

/// Returns a channel of this name; absent if what is wrong with it was reported.
pub(super) fn channel(loader: &mut Loader<'_>, node: &Node, name: ChannelName) -> Option<Settings> {
    let kind = node.get("kind")?;
    let kind_name = kind.text()?;
    if **kind_name == *"email" {
        return Some(Settings {
            name,
            kind: ChannelKind::Email(Arc::new(email::read(loader, node)?)),
            fallback: None,
            options: BTreeMap::new(),
        });
    }
    let mut options = BTreeMap::new();
    let given = || {
        node.members()
            .iter()
            .filter(|member| !OWN.contains(&&*member.key))
    };
    for member in given() {
        if let Some(value) = option(loader, member) {
            options.insert(Arc::clone(&member.key), value);
        }
    }
    let kind = match &**kind_name {
        "console" => {
            if let Some(member) = given().next() {
                let message = format!(
                    "the console has no option `{}`",
                    values::shorten(&member.key)
                );
                loader.report(
                    Mistake::error(Code::UnknownKey, member.key_span.clone(), message)
                        .help("leave it out"),
                );
            }
            ChannelKind::Console
        }
        script => {
            let source = scripts::find(loader, Role::Channel, script, &kind.span)?;
            check_options(loader, node, kind, &source, &options);
            ChannelKind::Script(source)
        }
    };
    Some(Settings {
        name,
        kind,
        fallback: None,
        options,
    })
}

/// Returns the channels that a list names; unknown ones are reported.
pub(super) fn named(
    loader: &mut Loader<'_>,
    node: &Node,
    channels: &[ChannelName],
) -> Vec<ChannelName> {
    if node.items().is_empty() && matches!(node.value, Value::List(_)) {
        let mistake = Mistake::error(
            Code::Useless,
            node.span.clone(),
            "an empty list of channels tells nobody",
        );
        loader.report(mistake.help("leave it out to tell all channels"));
    }
    let mut names: Vec<ChannelName> = Vec::new();
    for item in node.items() {
        let Some(text) = item.text() else { continue };
        if let Some(name) = channels.iter().find(|name| name.as_str() == &**text) {
            if !names.contains(name) {
                names.push(name.clone());
            }
            continue;
        }
        unknown(loader, item, channels);
    }
    names
}

/// Reports options that the script's header says otherwise of: unknown, missing, of the wrong kind.
fn check_options(
    loader: &mut Loader<'_>,
    node: &Node,
    kind: &Node,
    source: &Source,
    options: &BTreeMap<Arc<str>, Secret>,
) {
    if source.header.params.is_empty() {
        return;
    }
    let given = |member: &&Member| !OWN.contains(&&*member.key);
    let value = |member: &Member| match (&member.node.value, options.get(&member.key)) {
        (Value::Text(_), Some(secret)) => Json::string(secret.expose()),
        _ => member.node.json(),
    };
    let params: BTreeMap<Arc<str>, Json> = node
        .members()
        .iter()
        .filter(given)
        .map(|member| (Arc::clone(&member.key), value(member)))
        .collect();
    for mistake in source.check_params(&params) {
        let option = node.get(&mistake.name);
        // What was reported while the option was read is not reported again, and no message quotes a secret.
        let broken = option.is_some() && !options.contains_key(&mistake.name);
        let hidden = options.get(&mistake.name).is_some_and(Secret::is_secret);
        if broken {
            continue;
        }
        let span = option.map_or_else(|| kind.span.clone(), |option| option.span.clone());
        let mut report = Mistake::error(Code::Param, span, mistake.message);
        report.help = mistake.help;
        if option.is_none() {
            report = report.lacking(Lack::Param(mistake.name.to_string()));
        }
        if hidden
            && source
                .header
                .params
                .iter()
                .any(|param| param.name == mistake.name)
        {
            report.message = format!(
                "the secret value of `{}` is not of the kind that {} needs",
                mistake.name, source.name
            );
            report.help = None;
        }
        loader.report(report);
    }
}

fn option(loader: &mut Loader<'_>, member: &Member) -> Option<Secret> {
    match &member.node.value {
        Value::Text(_) if *member.key == *"url" => {
            request::url(loader, &member.node)?;
            // The URL of a webhook is its password: it is hidden even where it is written out.
            let secret = loader.secret(&member.node)?;
            Some(Secret::hidden(secret.expose()))
        }
        Value::Text(_) => loader.secret(&member.node),
        Value::Number(_) | Value::Boolean(_) => Some(Secret::plain(member.node.json().to_string())),
        _ => None,
    }
}
