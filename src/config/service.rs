//! One service of the config to one validated service.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use url::Url;

use crate::config::ServiceConfig;
use crate::config::channels;
use crate::config::fingerprint;
use crate::config::heartbeat;
use crate::config::layers::{self, Layers};
use crate::config::limits;
use crate::config::loader::Loader;
use crate::config::matchers;
use crate::config::request;
use crate::config::transport;
use crate::config::tree::{Node, Value};
use crate::config::values::{self, Unit};
use crate::model::code::Code;
use crate::model::heartbeat::{Heartbeat, Rhythm};
use crate::model::service::{
    ChannelName, ErrorRule, Grants, LatencyRule, LatencyTrigger, RecordRule, Request, Service,
    ServiceName, ServiceSeverity, Transport, WINDOW,
};
use crate::model::span::{Lack, Mistake};
use crate::script::limits::Limits;
use crate::script::source::Source;

/// The default deadline of a probe.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Two beats by a cron expression are hardly ever further apart.
const CRON_GAP: Duration = Duration::from_hours(31 * 24);
/// The default of `unknown_after`.
const UNKNOWN_AFTER: Duration = Duration::from_mins(30);

/// What the top level gives to every service.
pub(super) struct Ground<'a> {
    pub(super) defaults: Option<&'a Node>,
    pub(super) interval: Duration,
    pub(super) confirm: Vec<Duration>,
    pub(super) error_threshold: f64,
    pub(super) cool_down: Duration,
    pub(super) channels: Vec<ChannelName>,
    pub(super) limits: Arc<Limits>,
    pub(super) zone: TimeZone,
}

/// Reads a service; absent without a usable URL. What is wrong is reported either way. `name` and `line` were found
/// before, over all services.
pub(super) fn read(
    loader: &mut Loader<'_>,
    node: &Node,
    ground: &Ground<'_>,
    name: &str,
    line: u32,
) -> Option<ServiceConfig> {
    let layers = Layers {
        service: node,
        defaults: ground.defaults,
    };
    let means = if heartbeat::is_one(node) {
        Means::waiting(loader, node, ground, name)
    } else {
        Means::asking(loader, &layers, ground)
    };
    let channels = channels(loader, &layers, ground);
    let runbook = layers
        .get("runbook")
        .and_then(|node| request::url(loader, node));
    let means = means?;
    let service = Service {
        name: ServiceName::new(name),
        request: means.request,
        transport: means.transport,
        timeout: means.timeout,
        interval: means.interval,
        confirm: means.confirm,
        error: means.error,
        latency: means.latency,
        unknown_after: layers.duration("unknown_after").unwrap_or(UNKNOWN_AFTER),
        grants: Arc::new(means.grants),
        channels,
        notify_cool_down: layers.duration("cool_down").unwrap_or(ground.cool_down),
        tags: layers.get("tags").map(layers::words).unwrap_or_default(),
        group: layers.word("group").map(str::to_owned),
        severity: match layers.word("severity") {
            Some("info") => ServiceSeverity::Info,
            Some("warning") => ServiceSeverity::Warning,
            _ => ServiceSeverity::Critical,
        },
        runbook: runbook.map(|(url, _)| url),
        depends_on: layers
            .get("depends_on")
            .map(layers::words)
            .unwrap_or_default()
            .into_iter()
            .map(ServiceName::new)
            .collect(),
        public: layers
            .get("public")
            .and_then(Node::boolean)
            .unwrap_or(false),
        heartbeat: means.heartbeat.map(Arc::new),
    };
    Some(ServiceConfig {
        limits: means.limits,
        fingerprint: fingerprint::of(&service, &means.judges.prints),
        service: Arc::new(service),
        was: Vec::new(),
        matchers: means.judges.matchers,
        record: means.record,
        line,
    })
}

/// How OES learns of a service: it asks, or it waits for what is reported.
struct Means {
    request: Request,
    transport: Arc<Transport>,
    judges: matchers::Judges,
    grants: Grants,
    timeout: Duration,
    interval: Duration,
    confirm: Vec<Duration>,
    error: ErrorRule,
    latency: Option<LatencyRule>,
    limits: Arc<Limits>,
    record: Option<RecordRule>,
    heartbeat: Option<Heartbeat>,
}

impl Means {
    /// Reads how a service is asked; absent without a usable URL.
    fn asking(loader: &mut Loader<'_>, layers: &Layers<'_>, ground: &Ground<'_>) -> Option<Self> {
        let request = request::read(loader, layers);
        let transport = transport::read(loader, layers);
        let judges = matchers::read(loader, layers);
        let grants = grants(loader, layers, &judges);
        let error = ErrorRule {
            threshold: layers
                .get("error_threshold")
                .and_then(|node| Some(node.number()?.as_f64()))
                .unwrap_or(ground.error_threshold),
            window: layers.integer("window").unwrap_or(WINDOW),
        };
        let timeout = layers.duration("timeout").unwrap_or(TIMEOUT);
        let latency = latency(loader, layers, error.window, timeout);
        let limits = limits::of_service(loader, layers, &ground.limits);
        Some(Self {
            request: request?,
            transport,
            judges,
            grants,
            timeout,
            interval: layers.duration("interval").unwrap_or(ground.interval),
            confirm: layers
                .get("confirm")
                .map_or_else(|| ground.confirm.clone(), layers::confirm),
            error,
            latency,
            limits: if limits == *ground.limits {
                Arc::clone(&ground.limits)
            } else {
                Arc::new(limits)
            },
            record: record(layers),
            heartbeat: None,
        })
    }

    /// Reads what a service reports; absent without a token or a rhythm. What `defaults` say of how services are asked
    /// does not concern it.
    fn waiting(
        loader: &mut Loader<'_>,
        service: &Node,
        ground: &Ground<'_>,
        name: &str,
    ) -> Option<Self> {
        let own = Layers {
            service,
            defaults: None,
        };
        let latency = latency(loader, &own, WINDOW, Duration::MAX);
        let heartbeat = heartbeat::read(loader, service, ground)?;
        Some(Self {
            request: Request::of_heartbeat(name).ok()?,
            transport: Arc::default(),
            judges: matchers::Judges::default(),
            grants: Grants::default(),
            timeout: heartbeat.grace,
            interval: match heartbeat.rhythm {
                Rhythm::Every(period) => period,
                // What is shown of it is the expression; only that it is no gap matters.
                Rhythm::Cron(_) => CRON_GAP,
            },
            confirm: Vec::new(),
            error: ErrorRule::default(),
            latency,
            limits: Arc::clone(&ground.limits),
            record: None,
            heartbeat: Some(heartbeat),
        })
    }
}

fn record(layers: &Layers<'_>) -> Option<RecordRule> {
    let node = layers.get("record")?;
    if node.boolean() == Some(false) {
        return None;
    }
    let mut rule = RecordRule::default();
    if let Some(keep) = node.get("keep").and_then(layers::seconds) {
        rule.keep = keep;
    }
    if let Some(bytes) = node.get("size").and_then(|node| values::size(node).ok()) {
        rule.bytes = bytes;
    }
    Some(rule)
}

fn latency(
    loader: &mut Loader<'_>,
    layers: &Layers<'_>,
    window: usize,
    timeout: Duration,
) -> Option<LatencyRule> {
    let node = layers.get("latency")?;
    let table = matches!(node.value, Value::Table(_)).then_some(node);
    let limit_node = table.map_or(Some(node), |table| table.get("limit"))?;
    let limit = values::duration(limit_node, Unit::Milliseconds).ok()?;
    if limit >= timeout {
        let message = format!(
            "the limit {} is not below the timeout {}",
            values::duration_words(limit),
            values::duration_words(timeout)
        );
        let mistake = Mistake::warning(Code::Useless, limit_node.span.clone(), message);
        loader.report(
            mistake.help("a probe that slow fails before it counts as slow: raise `timeout`"),
        );
    }
    let mut rule = LatencyRule {
        limit,
        trigger: LatencyTrigger::Mean,
        window,
    };
    let Some(table) = table else {
        return Some(rule);
    };
    if let Some(window) = table.get("window").and_then(layers::integer) {
        rule.window = window;
    }
    let trigger = table
        .get("trigger")
        .and_then(|node| node.text())
        .map_or("mean", |text| &**text);
    for (key, of) in [("k", "k_of_n"), ("percentile", "percentile")] {
        match table.member(key) {
            Some(member) if trigger != of => {
                let message = format!("`{key}` is for the trigger `{of}`");
                let mistake = Mistake::error(Code::Conflict, member.key_span.clone(), message);
                loader
                    .report(mistake.help(format!("add trigger = \"{of}\", or leave `{key}` out")));
            }
            None if trigger == of => {
                let message = format!("the trigger `{of}` needs `{key}`");
                let span = table
                    .get("trigger")
                    .map_or_else(|| table.span.clone(), |node| node.span.clone());
                loader.report(
                    Mistake::error(Code::Missing, span, message)
                        .help(format!("add the key `{key}`")),
                );
            }
            _ => {}
        }
    }
    rule.trigger = match trigger {
        "median" => LatencyTrigger::Median,
        "k_of_n" => {
            let node = table.get("k")?;
            let k: usize = layers::integer(node)?;
            if k > rule.window {
                let message = format!("{k} of a window of {} can never be", rule.window);
                let mistake = Mistake::error(Code::Value, node.span.clone(), message);
                loader
                    .report(mistake.help(format!("at most {}, or a larger `window`", rule.window)));
            }
            LatencyTrigger::KOfN { k }
        }
        "percentile" => LatencyTrigger::Percentile {
            percentile: layers::integer(table.get("percentile")?)?,
        },
        _ => LatencyTrigger::Mean,
    };
    Some(rule)
}

fn grants(loader: &mut Loader<'_>, layers: &Layers<'_>, judges: &matchers::Judges) -> Grants {
    let mut grants = Grants::default();
    let mut hosts = BTreeSet::new();
    for node in layers.get("hosts").map_or(&[][..], Node::items) {
        let Some(host) = node.text() else { continue };
        if let Err(help) = Grants::check_host(host) {
            let message = format!("`{}` is no host", values::shorten(host));
            loader.report(Mistake::error(Code::Value, node.span.clone(), message).help(help));
            continue;
        }
        hosts.insert(host.to_string());
    }
    grants.named = hosts.iter().cloned().collect();
    hosts.extend(judges.hosts.iter().cloned());
    hosts.extend(
        judges
            .scripts
            .iter()
            .flat_map(|script| script.header.hosts.iter().cloned()),
    );
    grants.hosts = hosts.into_iter().collect();
    for member in layers.merged("secrets", |a, b| a == b) {
        if let Some(secret) = loader.secret(&member.node) {
            // A text without a marker is a secret all the same: it stands in `secrets`.
            let hidden = crate::model::secret::Secret::hidden(secret.expose());
            grants.secrets.insert(member.key.to_string(), hidden);
        }
    }
    let given: BTreeSet<&str> = layers
        .merged("secrets", |a, b| a == b)
        .iter()
        .map(|member| &*member.key)
        .collect();
    for script in &judges.scripts {
        asks_only_granted(loader, layers, script, &grants.hosts);
        for secret in &script.header.secrets {
            if !given.contains(secret.as_str()) {
                let span = matcher_place(layers);
                let message = format!("the script {} needs the secret {secret}", script.name);
                let help = format!("add secrets = {{ {secret} = \"${{env:{secret}}}\" }}");
                let lack = Lack::Secret(secret.clone());
                loader.report(
                    Mistake::error(Code::Secret, span, message)
                        .help(help)
                        .lacking(lack),
                );
            }
        }
    }
    grants
}

/// Returns where a service names its matchers, else where it stands.
fn matcher_place(layers: &Layers<'_>) -> Range<usize> {
    layers.first(&["match", "response_matcher"]).map_or_else(
        || layers.service.span.clone(),
        |member| member.key_span.clone(),
    )
}

/// Warns of hosts that a script asks by name and nothing lets it ask.
fn asks_only_granted(
    loader: &mut Loader<'_>,
    layers: &Layers<'_>,
    script: &Source,
    hosts: &[String],
) {
    let own = layers
        .get("url")
        .and_then(|node| Url::parse(node.text()?).ok());
    for ask in &script.asks {
        if ask.is_granted(own.as_ref(), hosts) {
            continue;
        }
        let host = ask.host();
        let line = if ask.file == script.file {
            format!("line {}", ask.line)
        } else {
            format!("{}:{}", ask.file, ask.line)
        };
        let message = format!(
            "the script {} asks {host} ({line}), which nothing lets it ask",
            script.name
        );
        let help = format!(
            "add hosts = [\"{host}\"] to the script's header, or to this service if only this one may ask it"
        );
        let mistake = Mistake::warning(Code::UndeclaredHost, matcher_place(layers), message);
        loader.report(mistake.help(help));
    }
}

fn channels(loader: &mut Loader<'_>, layers: &Layers<'_>, ground: &Ground<'_>) -> Vec<ChannelName> {
    match layers.get("channels") {
        Some(list) => channels::named(loader, list, &ground.channels),
        None => ground.channels.clone(),
    }
}
