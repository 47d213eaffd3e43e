//! Scripts as matchers: what they are given, and what they need.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Judges, Places};
use crate::config::layers::Layers;
use crate::config::loader::Loader;
use crate::config::scripts::{self, Role};
use crate::config::tree::Node;
use crate::config::values;
use crate::matcher::spec::{SpecKind, StatusRule};
use crate::model::code::Code;
use crate::model::json::Json;
use crate::model::span::{Lack, Mistake};
use crate::script::source::{ParamKind, Source};

impl Judges {
    /// Adds a script; reports what it needs and does not get.
    pub(super) fn script(
        &mut self,
        loader: &mut Loader<'_>,
        layers: &Layers<'_>,
        name: &str,
        rule: Option<StatusRule>,
        places: &Places<'_>,
    ) {
        if let Some(params) = places.params {
            no_secrets(loader, params);
        }
        let Some(source) = scripts::find(loader, Role::Matcher, name, &places.whole) else {
            return;
        };
        let params: BTreeMap<Arc<str>, Json> = places
            .params
            .map_or(&[][..], Node::members)
            .iter()
            .map(|member| (Arc::clone(&member.key), member.node.json()))
            .collect();
        let mistakes = source.check_params(&params);
        for mistake in &mistakes {
            let member = places.params.and_then(|node| node.member(&mistake.name));
            let span = match member {
                Some(member) if is_unknown(&source, &mistake.name) => member.key_span.clone(),
                Some(member) => member.node.span.clone(),
                None => places.whole.clone(),
            };
            let mut report = Mistake::error(Code::Param, span, mistake.message.clone());
            report.help.clone_from(&mistake.help);
            if member.is_none() {
                report = report.lacking(Lack::Param(mistake.name.to_string()));
            }
            loader.report(report);
        }
        if !source.header.sends_request
            && let Some(payload) = layers.get("payload")
            && let Some(span) = values::secret_in(payload)
        {
            let message = format!(
                "a secret in the `payload` of the script {}, which would see `***`",
                source.name
            );
            let help = "name it in `secrets` and let the script ask for it with secret(\"NAME\")";
            loader.report(Mistake::error(Code::Secret, span, message).help(help));
        }
        needs_payload(loader, layers, &source, places);
        let rule = rule
            .or_else(|| header_status(loader, &source, places))
            .unwrap_or_default();
        self.hosts.extend(url_hosts(&source, &params));
        self.scripts.push(Arc::clone(&source));
        let kind = SpecKind::Script {
            expected: layers.get("response").map(Node::json),
            source,
            params,
        };
        if mistakes.is_empty() {
            self.compile(loader, kind, rule, places);
        }
    }
}

fn is_unknown(source: &Source, param: &str) -> bool {
    !source
        .header
        .params
        .iter()
        .any(|known| *known.name == *param)
}

fn header_status(
    loader: &mut Loader<'_>,
    source: &Source,
    places: &Places<'_>,
) -> Option<StatusRule> {
    let written = source.header.status.as_deref()?;
    match values::status_text(written) {
        Ok(rule) => Some(rule),
        Err(bad) => {
            let message = format!(
                "the status rule of the script {}: {}",
                source.name, bad.message
            );
            loader
                .report(Mistake::error(Code::Value, places.whole.clone(), message).help(bad.help));
            None
        }
    }
}

/// Reports keys of the payload that a script's header asks for and the service does not have.
fn needs_payload(
    loader: &mut Loader<'_>,
    layers: &Layers<'_>,
    source: &Source,
    places: &Places<'_>,
) {
    let payload = layers.get("payload");
    for key in &source.header.payload {
        if payload.is_some_and(|payload| payload.get(key).is_some()) {
            continue;
        }
        let message = format!("the script {} needs `{key}` in the payload", source.name);
        let span = payload.map_or_else(|| places.whole.clone(), |payload| payload.span.clone());
        let help = match payload {
            Some(_) => format!("add the key `{key}` to it"),
            None => format!("add payload = {{ {key} = … }} to the service"),
        };
        loader.report(Mistake::error(Code::Param, span, message).help(help));
    }
}

/// Returns the hosts, with their ports where written, of parameters that are URLs.
fn url_hosts(source: &Source, params: &BTreeMap<Arc<str>, Json>) -> Vec<String> {
    source
        .header
        .params
        .iter()
        .filter(|param| param.kind == ParamKind::Url)
        .filter_map(|param| params.get(&param.name).or(param.default.as_ref()))
        .filter_map(|value| url::Url::parse(value.as_str()?).ok())
        .filter_map(|url| {
            let host = url.host_str()?;
            Some(
                url.port()
                    .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            )
        })
        .collect()
}

fn no_secrets(loader: &mut Loader<'_>, params: &Node) {
    if let Some(span) = values::secret_in(params) {
        let mistake = Mistake::error(
            Code::Secret,
            span,
            "a secret in `params`, which a script could show",
        );
        loader.report(mistake.help(
            "write secrets = { NAME = \"${env:NAME}\" } beside the matcher; the script asks for it with secret(\"NAME\")",
        ));
    }
}
