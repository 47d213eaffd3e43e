//! The channels of the config.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::channel::settings::{ChannelKind, Settings};
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
    if nodes.is_empty() {
        let name = ChannelName::new("console");
        channels.names.push(name.clone());
        channels.settings.push(Settings {
            name,
            kind: ChannelKind::Console,
            options: BTreeMap::new(),
        });
    }
    channels
}

fn name(node: &Node) -> Option<&str> {
    node.get("name")?.text().map(|text| &**text)
}

/// Returns a channel of this name; absent if what is wrong with it was reported.
pub(super) fn channel(loader: &mut Loader<'_>, node: &Node, name: ChannelName) -> Option<Settings> {
    let mut options = BTreeMap::new();
    let given = || {
        node.members()
            .iter()
            .filter(|member| !matches!(&*member.key, "name" | "kind"))
    };
    for member in given() {
        if let Some(value) = option(loader, member) {
            options.insert(Arc::clone(&member.key), value);
        }
    }
    let kind = node.get("kind")?;
    let kind_name = kind.text()?;
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
        "email" => {
            let message = "this release of OES sends no e-mail";
            let mistake = Mistake::error(Code::UnknownName, kind.span.clone(), message);
            loader.report(mistake.help("use a channel script such as `webhook`"));
            return None;
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
        options,
    })
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
    let given = |member: &&Member| !matches!(&*member.key, "name" | "kind");
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
