//! A script that was pasted, in the place of the one that judges a service.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use url::Url;

use crate::config::ServiceConfig;
use crate::config::report::{FileReport, Report};
use crate::matcher::spec::{Spec, SpecKind, SpecMistake, SpecPart};
use crate::matcher::{Matcher, StatusRule};
use crate::model::code::Code;
use crate::model::service::{Grants, Service};
use crate::model::span::{Line, Mistake};
use crate::script::source::{Found, ParamKind, Part, Source};

/// What the script and its file are called: nobody has given it a name yet.
const NAME: &str = "script";
const FILE: &str = "script.rhai";

/// A service with another script.
pub(super) struct Pasted {
    /// The service; nothing of it is recorded.
    pub(super) config: ServiceConfig,
    /// What a person should look at in the script.
    pub(super) warnings: Vec<Line>,
}

impl Pasted {
    /// Puts a script into the place of the first that judges a service, or after its matchers where none does. It finds
    /// beside it what those that are known have found.
    ///
    /// # Errors
    /// Every mistake that keeps it from being used, warnings included.
    pub(super) fn read(
        config: &ServiceConfig,
        known: &[&Source],
        text: &str,
    ) -> Result<Self, Report> {
        let (limits, mut beside) = (&config.limits, Found(known));
        let compiled =
            Source::compile_beside(Part::Script, (NAME, FILE), text, limits, &mut beside);
        let (source, mut mistakes) = compiled.map_err(|mistakes| report(text, mistakes))?;
        let ungranted = ungranted(&source, &config.service, text);
        mistakes.extend(ungranted);
        let place = config
            .matchers
            .iter()
            .position(|one| one.as_script().is_some());
        let before = place.and_then(|place| config.matchers.get(place));
        let spec = spec(source.granting_nothing(), before.map(|one| &**one));
        let matcher = match Matcher::compile(spec) {
            Ok((matcher, found)) => {
                mistakes.extend(found.into_iter().map(mistake));
                Arc::new(matcher)
            }
            Err(found) => {
                mistakes.extend(found.into_iter().map(mistake));
                return Err(report(text, mistakes));
            }
        };
        let mut matchers = config.matchers.clone();
        match place.and_then(|place| matchers.get_mut(place)) {
            Some(place) => *place = matcher,
            None => matchers.push(matcher),
        }
        Ok(Self {
            config: ServiceConfig {
                service: Arc::clone(&config.service),
                was: Vec::new(),
                matchers,
                limits: Arc::clone(&config.limits),
                record: None,
                line: config.line,
                fingerprint: String::new(),
            },
            warnings: report(text, mistakes).lines(),
        })
    }
}

fn report(text: &str, mistakes: Vec<Mistake>) -> Report {
    Report {
        files: vec![FileReport::new(FILE, text, mistakes)],
        ..Report::default()
    }
}

/// Returns the script with what the one before it was given.
fn spec(source: Source, before: Option<&Matcher>) -> Spec {
    let script = before.and_then(Matcher::as_script);
    Spec {
        status: status(&source, before),
        kind: SpecKind::Script {
            source: Arc::new(source),
            params: script.map_or_else(BTreeMap::new, |script| script.params.as_ref().clone()),
            expected: script.and_then(|script| script.expected.clone()),
        },
    }
}

/// Returns the status rule: that of the config where the one before has another than its header says, else the script's.
fn status(source: &Source, before: Option<&Matcher>) -> StatusRule {
    let of_header = |source: &Source| {
        let written = source.header.status.as_deref();
        let rule = written.and_then(|written| StatusRule::parse(written).ok());
        rule.unwrap_or_default()
    };
    let of_config = before.filter(|before| {
        let script = before.as_script();
        script.is_some_and(|script| *before.status() != of_header(&script.source))
    });
    of_config.map_or_else(|| of_header(source), |before| before.status().clone())
}

fn mistake(found: SpecMistake) -> Mistake {
    let code = match found.part {
        SpecPart::Param(_) => Code::Param,
        _ => Code::Value,
    };
    Mistake {
        code,
        message: found.message,
        help: found.help,
        span: 0..0,
        severity: found.severity,
        lack: None,
    }
}

/// Warns of hosts that the script asks, by its text or by its header, and that its service does not let it ask.
fn ungranted(source: &Source, service: &Service, text: &str) -> Vec<Mistake> {
    let (own, hosts) = (&service.request.url, &service.grants.hosts);
    let start_of = |line: usize| {
        text.split_inclusive('\n')
            .take(line - 1)
            .map(str::len)
            .sum()
    };
    let asks = source.asks.iter();
    let asks = asks.filter(|ask| !ask.is_granted(Some(own), hosts));
    let asks = asks.map(|ask| {
        let line = if ask.file == source.file { ask.line } else { 1 };
        (ask.host(), start_of(line))
    });
    let header = &source.header;
    let params = header.params.iter().filter_map(|param| {
        let url = Url::parse(param.default.as_ref()?.as_str()?).ok()?;
        let is_refused = param.kind == ParamKind::Url
            && url.origin() != own.origin()
            && !Grants::cover(hosts, &url, false);
        is_refused.then(|| {
            (
                url.host_str().unwrap_or_default().to_owned(),
                param.place.start,
            )
        })
    });
    let named = header.hosts.iter().filter(|host| !hosts.contains(host));
    let named = named.map(|host| (host.clone(), 0));
    let mut told = BTreeSet::new();
    asks.chain(params)
        .chain(named)
        .filter(|(host, _)| told.insert(host.clone()))
        .map(|(host, at)| {
            let message = format!("the script may not ask {host} here: its service does not grant it");
            let help = format!(
                "a header grants nothing where a script is tried: add hosts = [\"{host}\"] to the service"
            );
            Mistake::warning(Code::UndeclaredHost, at..at, message).help(help)
        })
        .collect()
}
