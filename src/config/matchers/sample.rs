//! The sample of a service, `response`, and whether anything reads it.

use crate::config::check;
use crate::config::layers::Layers;
use crate::config::loader::Loader;
use crate::config::tree::{Member, Node, Value};
use crate::model::code::Code;
use crate::model::span::Mistake;

/// Warns of a service's sample that no matcher reads, and of secrets in it.
pub(super) fn check(loader: &mut Loader<'_>, layers: &Layers<'_>, given: &[&Member]) {
    let Some(sample) = layers.service.member("response") else {
        return;
    };
    no_secrets(loader, &sample.node);
    // `types` and `exact` in `match` as mere names, and every script, read it.
    let reads = |node: &Node| match &node.value {
        Value::Text(name) => !matches!(&**name, "status_code" | "non_empty"),
        Value::Table(_) => node.get("script").is_some(),
        _ => true,
    };
    let is_read = given.iter().any(|member| match &member.node.value {
        Value::List(items) => items.iter().any(reads),
        _ => reads(&member.node),
    });
    if !is_read {
        let mistake = Mistake::warning(
            Code::Useless,
            sample.key_span.clone(),
            "nothing compares the body with this `response`",
        );
        loader.report(mistake.help(
            "add response_matcher = \"types\" for a body like this one, \"exact\" for this very body",
        ));
    }
}

/// Warns of a secret in a sample, where it stays as it is written.
pub(super) fn no_secrets(loader: &mut Loader<'_>, sample: &Node) {
    if let Some(mistake) = check::literal_secret(sample, "a sample") {
        loader.report(mistake);
    }
}
