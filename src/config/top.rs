//! The keys of the top level to a whole config.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::config::channels;
use crate::config::check;
use crate::config::heartbeat;
use crate::config::keys::{Kind, TOP};
use crate::config::layers;
use crate::config::limits;
use crate::config::loader::Loader;
use crate::config::maintenance;
use crate::config::names;
use crate::config::notify;
use crate::config::otlp;
use crate::config::report::{line_of, line_starts};
use crate::config::request;
use crate::config::server;
use crate::config::service::{self, Ground};
use crate::config::tree::{Node, Value};
use crate::config::was;
use crate::config::{Config, Sandbox, ServiceConfig};
use crate::history::Retention;
use crate::model::code::Code;
use crate::model::maintenance::Maintenance;
use crate::model::service::{LatencyTrigger, ServiceName};
use crate::model::span::Mistake;
use crate::script::limits::Limits;

/// The predecessor's `cool_down`.
const COOL_DOWN: Duration = Duration::from_mins(5);
/// The predecessor's `error_threshold`.
const ERROR_THRESHOLD: f64 = 0.5;
/// The default of `confirm`.
const CONFIRM: [Duration; 3] = [
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(40),
];

/// Reads a whole config. It may be used if nothing was reported but warnings.
pub(super) fn read(loader: &mut Loader<'_>, root: &Node) -> Config {
    let mut mistakes = Vec::new();
    check::check(root, &Kind::Table(&TOP), "an ops config", &mut mistakes);
    for mistake in mistakes {
        loader.report(mistake);
    }
    let scripts = root.get("scripts").map(layers::words).unwrap_or_default();
    for node in root.get("scripts").map_or(&[][..], Node::items) {
        if let Some(path) = node.text().map(|text| loader.path(text))
            && !path.is_dir()
        {
            let message = format!("there is no folder {}", path.display());
            let mistake = Mistake::error(Code::File, node.span.clone(), message);
            loader.report(mistake.help("paths start at the folder of the config"));
        }
    }
    loader.limits = limits::over(&Limits::default(), root.get("limits"));
    let limits = Arc::new(loader.limits.clone());
    loader.script_path = scripts.iter().map(|folder| loader.path(folder)).collect();
    let channels = channels::read(loader, root.get("channels"));
    let duration = |key: &str| root.get(key).and_then(layers::seconds);
    let cool_down = duration("cool_down");
    let notify = notify::read(loader, root.get("notify"), cool_down, &channels.names);
    let mut maintenance = maintenance::read(loader, root.get("maintenance"), &notify.time_zone);
    let ground = Ground {
        defaults: root.get("defaults"),
        interval: duration("interval").or(cool_down).unwrap_or(COOL_DOWN),
        confirm: root
            .get("confirm")
            .map_or_else(|| CONFIRM.to_vec(), layers::confirm),
        error_threshold: root
            .get("error_threshold")
            .and_then(|node| Some(node.number()?.as_f64()))
            .unwrap_or(ERROR_THRESHOLD),
        cool_down: notify.cool_down,
        channels: channels.names,
        limits: Arc::clone(&limits),
        zone: notify.time_zone.clone(),
    };
    let (services, own) = services(loader, root, &ground);
    maintenance.extend(own);
    if !loader.has_errors() {
        loader.notes.extend(mean_note(&services));
    }
    Config {
        services,
        channels: channels.settings,
        notify,
        maintenance,
        canaries: canaries(loader, root),
        server: server::read(loader, root.get("server")),
        otlp: otlp::read(loader, root.get("otlp")),
        history: history(root),
        data: loader.path(data(Some(root))),
        script_path: loader.script_path.clone(),
        sandbox: match root.get("sandbox").and_then(Node::text).map(|text| &**text) {
            Some("thread") => Sandbox::Thread,
            _ => Sandbox::Process,
        },
        limits,
        files: Vec::new(),
    }
}

/// Returns the data folder as it is written; the default where nothing could be read that names one.
pub(super) fn data(root: Option<&Node>) -> &str {
    let written = root.and_then(|root| root.get("data")?.text());
    written.map_or("oes-data", |text| text)
}

fn canaries(loader: &mut Loader<'_>, root: &Node) -> Vec<Url> {
    let nodes = root.get("canaries").map_or(&[][..], Node::items);
    let urls = nodes.iter().filter_map(|node| request::url(loader, node));
    urls.map(|(url, _)| url).collect()
}

/// Returns the tables of the services.
fn listed<'a>(loader: &mut Loader<'_>, root: &'a Node) -> Vec<&'a Node> {
    let lists = ["services", "service"].map(|key| root.member(key));
    if let [Some(_), Some(second)] = lists {
        let mistake = Mistake::error(
            Code::Conflict,
            second.key_span.clone(),
            "`service` beside `services`",
        );
        loader.report(mistake.help("they mean the same: use one of them"));
    }
    let empty = |node: &Node| matches!(&node.value, Value::List(items) if items.is_empty());
    let nothing = lists.iter().flatten().all(|list| empty(&list.node));
    // Where a statement could not be read, it may have been the one that names them.
    if nothing && !loader.has_errors() && matches!(root.value, Value::Table(_)) {
        let span = lists
            .iter()
            .flatten()
            .next()
            .map_or(0..0, |list| list.key_span.clone());
        let mistake = Mistake::warning(
            Code::Useless,
            span,
            "no services: there is nothing to watch",
        );
        loader.report(mistake.help(
            "add one: [[services]] and below it url = \"https://…\", in JSON \"services\": [ { \"url\": \"https://…\" } ]",
        ));
    }
    let items = lists
        .into_iter()
        .flatten()
        .flat_map(|list| list.node.items());
    items
        .filter(|node| matches!(node.value, Value::Table(_)))
        .collect()
}

/// Returns the services, and the planned mutes that they bring themselves.
fn services(
    loader: &mut Loader<'_>,
    root: &Node,
    ground: &Ground<'_>,
) -> (Vec<Arc<ServiceConfig>>, Vec<Maintenance>) {
    let nodes = listed(loader, root);
    if let Some(defaults) = ground.defaults {
        check_defaults(loader, defaults, ground);
    }
    let names = names::of(loader, &nodes, ground.defaults);
    let former = was::of(loader, &nodes, &names);
    names::check_dependencies(loader, &nodes, ground.defaults, &names);
    let starts = line_starts(loader.text);
    let (mut services, mut mutes, mut heartbeats) = (Vec::new(), Vec::new(), Vec::new());
    let mut by_default = BTreeSet::new();
    for ((node, name), was) in nodes.into_iter().zip(&names).zip(former) {
        let line = line_of(&starts, node.span.start);
        // A service whose name cannot be used is read all the same, for the other mistakes in it.
        let called = name.as_deref().unwrap_or("?");
        let service = service::read(loader, node, ground, called, line);
        if let Some(heartbeat) = service
            .as_ref()
            .and_then(|one| one.service.heartbeat.clone())
        {
            heartbeats.push((node, heartbeat));
        }
        let service = name.as_ref().and(service);
        services.extend(service.map(|service| Arc::new(ServiceConfig { was, ..service })));
        let own = name.as_deref().map(ServiceName::new);
        match node.get("maintenance") {
            Some(list) => {
                let of = (called, own.into_iter().collect());
                mutes.extend(maintenance::of_services(
                    loader,
                    Some(list),
                    of,
                    &ground.zone,
                ));
            }
            None => by_default.extend(own),
        }
    }
    // Of all services that say nothing themselves it is one, and so are the mistakes in it.
    let default = ground.defaults.and_then(|table| table.get("maintenance"));
    let of = ("the defaults", by_default);
    mutes.extend(maintenance::of_services(loader, default, of, &ground.zone));
    heartbeat::check_tokens(loader, &heartbeats);
    (services, mutes)
}

/// Returns what to know of the default trigger where it is used: one slow answer moves a mean for a whole window.
fn mean_note(services: &[Arc<ServiceConfig>]) -> Option<String> {
    let by_mean = |config: &&Arc<ServiceConfig>| {
        let rule = config.service.latency.as_ref();
        rule.is_some_and(|rule| rule.trigger == LatencyTrigger::Mean && rule.window > 1)
    };
    let count = services.iter().filter(by_mean).count();
    (count > 0).then(|| {
        format!(
            "the mean judges the latency of {count} {}: one very slow answer can lift it over the limit for a whole \
             window; trigger = \"median\" is calmer and as quick",
            if count == 1 { "service" } else { "services" }
        )
    })
}

/// Reads the defaults as if they were a service, so that mistakes in them are found even where every service overrides
/// them; and refuses keys that only one service can have.
fn check_defaults(loader: &mut Loader<'_>, defaults: &Node, ground: &Ground<'_>) {
    for key in ["name", "was", "url", "kind"] {
        if let Some(member) = defaults.member(key) {
            let message = format!("`{key}` cannot be a default");
            let mistake = Mistake::error(Code::Conflict, member.key_span.clone(), message);
            loader.report(mistake.help("every service has its own"));
        }
    }
    let alone = Ground {
        defaults: None,
        interval: ground.interval,
        confirm: Vec::new(),
        error_threshold: ground.error_threshold,
        cool_down: ground.cool_down,
        channels: ground.channels.clone(),
        limits: Arc::clone(&ground.limits),
        zone: ground.zone.clone(),
    };
    // A default matcher may take its sample from each service.
    if defaults.get("response").is_some() || defaults.get("response_matcher").is_none() {
        service::read(loader, defaults, &alone, "defaults", 1);
    }
}

/// Returns how long the past is kept.
fn history(root: &Node) -> Retention {
    let kept = |key: &str, default| {
        let node = root.get("history").and_then(|table| table.get(key));
        node.and_then(layers::seconds).unwrap_or(default)
    };
    let usual = Retention::default();
    Retention {
        samples: kept("samples", usual.samples),
        five_minutes: kept("five_minutes", usual.five_minutes),
        hours: kept("hours", usual.hours),
        days: kept("days", usual.days),
    }
}
