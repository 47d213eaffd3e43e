//! Which service is meant by a target as `blackbox_exporter` is given it: a name, a URL, a host.

use std::sync::Arc;

use http::Method;
use url::Url;

use crate::model::service::Service;

/// Modules that stand for «as the config says», besides the tags of the service.
const MODULES: [&str; 3] = ["http_2xx", "http", "oes"];
/// The module of `blackbox_exporter` that sends a POST.
const POST: &str = "http_post_2xx";
/// Modules that `blackbox_exporter` comes with and that ask otherwise than over HTTP, by the beginnings of their names.
const OTHERWISE: [&str; 9] = [
    "tcp", "icmp", "dns", "grpc", "ssh", "irc", "pop3s", "tls", "unix",
];
/// Services that a refusal names.
const NAMED_MAX: usize = 5;
/// How alike a name is that may have been meant.
const ALIKE: f64 = 0.8;

/// The service that is meant, and what it was found by: `name`, `URL`, `host`.
pub type Found = (Arc<Service>, &'static str);

/// Finds the one service that a target means. The first of these that fits counts: its name, its URL as it may be shown,
/// and for a target without a scheme its host, with port and path where the target has them. Of several on one host the
/// one at `/` is meant.
///
/// # Errors
/// What to write instead, where there is none, or more than one.
pub fn find<'a>(
    target: &str,
    services: impl Iterator<Item = &'a Arc<Service>> + Clone,
) -> Result<Found, String> {
    let target = target.trim();
    let found = |service: &Arc<Service>, how| Ok((Arc::clone(service), how));
    if let Some(named) = services.clone().find(|one| one.name.as_str() == target) {
        return found(named, "name");
    }
    let is_url = target.contains("://");
    let (candidates, how): (Vec<&Arc<Service>>, _) = if is_url {
        let url = Url::parse(target).ok();
        let fits = |one: &&Arc<Service>| has_url(one, target, url.as_ref());
        (services.clone().filter(fits).collect(), "URL")
    } else {
        let at = Place::of(target);
        let fits = |one: &&Arc<Service>| at.as_ref().is_some_and(|at| at.has(one));
        (services.clone().filter(fits).collect(), "host")
    };
    let mut at_root = candidates
        .iter()
        .filter(|one| how == "host" && one.request.url.path() == "/");
    match (candidates.as_slice(), at_root.next(), at_root.next()) {
        ([one], ..) | (_, Some(one), None) => found(one, how),
        ([], ..) => Err(unknown(target, services)),
        (several, ..) => Err(format!(
            "{} are at \"{target}\": write one of these names as target",
            listed(several.iter().map(|one| one.name.as_str()))
        )),
    }
}

/// Tells whether a service has this URL. Of one with secrets only what is shown of it counts: a target that is tried must
/// not tell whether a guess was right.
fn has_url(service: &Service, target: &str, url: Option<&Url>) -> bool {
    let request = &service.request;
    let is_open = *request.shown_url == *request.url.as_str();
    *request.shown_url == *target || is_open && url == Some(&request.url)
}

/// What a target without a scheme names.
struct Place {
    url: Url,
    port: Option<u16>,
    has_path: bool,
}

impl Place {
    fn of(target: &str) -> Option<Self> {
        let authority = target.split(['/', '?']).next()?;
        let port = authority.rsplit_once(':').map(|(_, port)| port.parse());
        Some(Self {
            url: Url::parse(&format!("http://{target}")).ok()?,
            port: port.and_then(Result::ok),
            has_path: !matches!(target.strip_prefix(authority), None | Some("" | "/")),
        })
    }

    fn has(&self, service: &Service) -> bool {
        let request = &service.request;
        let url = &request.url;
        let is_port = self.port.is_none() || self.port == url.port_or_known_default();
        let is_open = *request.shown_url == *url.as_str();
        let is_path = is_open && (url.path(), url.query()) == (self.url.path(), self.url.query());
        url.host() == self.url.host() && is_port && (!self.has_path || is_path)
    }
}

fn unknown<'a>(target: &str, services: impl Iterator<Item = &'a Arc<Service>>) -> String {
    let mut alike: Vec<(f64, &str)> = services
        .map(|one| {
            let host = one.request.url.host_str().unwrap_or_default();
            let likeness = |text| strsim::jaro_winkler(target, text);
            let likeness = likeness(one.name.as_str()).max(likeness(host));
            (likeness, one.name.as_str())
        })
        .filter(|(likeness, _)| *likeness > ALIKE)
        .collect();
    alike.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let meant = if alike.is_empty() {
        String::new()
    } else {
        let names = listed(alike.iter().map(|(_, name)| *name));
        format!(" (is {names} meant?)")
    };
    format!(
        "no service has the name, the URL or the host \"{target}\"{meant}. OES asks only what its config names: a target \
         is the name of a service, its whole URL, or its host"
    )
}

/// Returns names as a person reads them, the first few.
fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(NAMED_MAX);
    let names: Vec<String> = names
        .take(NAMED_MAX)
        .map(|name| format!("\"{name}\""))
        .collect();
    match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// Tells whether a service may be asked for with this module: it is judged as the config says in any case.
///
/// # Errors
/// What to write instead.
pub fn accepts(service: &Service, module: Option<&str>) -> Result<(), String> {
    let Some(module) = module else { return Ok(()) };
    let is_tag = service.tags.iter().any(|tag| tag == module);
    if MODULES.contains(&module) || is_tag {
        return Ok(());
    }
    let (name, method) = (&service.name, &service.request.method);
    if module == POST {
        if *method == Method::POST {
            return Ok(());
        }
        return Err(format!(
            "\"{name}\" is asked with {method}, and \"{module}\" wants a POST: write `method = \"POST\"` for it in the config, or \
             leave `module` out"
        ));
    }
    let (protocol, _) = module.split_once('_').unwrap_or((module, ""));
    if OTHERWISE.contains(&protocol) {
        return Err(format!(
            "OES asks over HTTP alone, so there is no module \"{module}\". \"{name}\" is asked over HTTP as the config says: \
             leave `module` out, or write http_2xx; its phases tell of look-up, connection and TLS. What does not speak HTTP \
             can be looked at by a job that reports (`kind = \"heartbeat\"`), or by blackbox_exporter as before"
        ));
    }
    Err(format!(
        "there is no module \"{module}\": the config says how \"{name}\" is judged. Leave `module` out, write http_2xx, or \
         give the service the tag \"{module}\""
    ))
}
