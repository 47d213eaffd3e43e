//! Secrets: a script holds a stand-in, which becomes the secret only in a request on its way out.
//!
//! Whatever a script does with a stand-in (join it, cut it, print it) it never holds the secret itself.

use rhai::Engine;

use crate::model::json::Json;
use crate::model::judgement::{Finding, ScriptRun};
use crate::model::secret::Secret;
use crate::script::guard::Fallible;
use crate::script::run;
use crate::script::value::problem;

/// Shorter secrets are not looked for in answers: they would turn up everywhere.
const ECHO_MIN: usize = 6;

/// The stand-ins given out in one run.
#[derive(Debug, Default)]
pub(in crate::script) struct Secrets {
    given: Vec<(String, String, Secret)>,
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_fn("secret", |name: &str| -> Fallible<String> {
        run::matcher(|matcher, _| {
            let Some(secret) = matcher.input.grants.secrets.get(name) else {
                return Err(problem(format!(
                    "no secret `{name}` is granted to this service; name it in the service's `secrets`"
                )));
            };
            Ok(matcher.secrets.stand_in(name, secret.clone()))
        })
    });
}

impl Secrets {
    fn stand_in(&mut self, name: &str, secret: Secret) -> String {
        if let Some((_, token, _)) = self.given.iter().find(|(known, _, _)| known == name) {
            return token.clone();
        }
        let token = format!("oes-secret-{:032x}", rand::random::<u128>());
        self.given.push((name.to_owned(), token.clone(), secret));
        token
    }

    /// Returns the text with every stand-in replaced by its secret, for the one place that sends it.
    pub(super) fn fill(&self, text: &str) -> String {
        self.given
            .iter()
            .fold(text.to_owned(), |text, (_, token, secret)| {
                text.replace(token.as_str(), secret.expose())
            })
    }

    /// Returns the text with every stand-in and every secret that a service echoed replaced by `***`.
    fn hidden(&self, text: &str) -> Option<String> {
        let mut hidden = text.to_owned();
        for (_, token, secret) in &self.given {
            hidden = hidden.replace(token.as_str(), "***");
            if secret.expose().len() >= ECHO_MIN {
                hidden = hidden.replace(secret.expose(), "***");
            }
        }
        (hidden != text).then_some(hidden)
    }

    fn hide_text(&self, text: &mut String) {
        if let Some(hidden) = self.hidden(text) {
            *text = hidden;
        }
    }

    fn hide_json(&self, json: &mut Json) {
        let text = json.to_string();
        if self.hidden(&text).is_some() {
            *json = self.without(json);
        }
    }

    fn without(&self, json: &Json) -> Json {
        let shown = |text: &str| self.hidden(text).unwrap_or_else(|| text.to_owned());
        match json {
            Json::String(text) => Json::from(shown(text)),
            Json::Array(items) => items.iter().map(|item| self.without(item)).collect(),
            Json::Object(members) => Json::object(
                members
                    .iter()
                    .map(|(key, item)| (shown(key), self.without(item))),
            ),
            other => other.clone(),
        }
    }

    /// Takes the secrets out of everything that leaves a run.
    pub(in crate::script) fn hide(&self, findings: &mut [Finding], out: &mut ScriptRun) {
        if self.given.is_empty() {
            return;
        }
        for finding in findings {
            self.hide_text(&mut finding.message);
            if let Some(code) = self.hidden(&finding.code) {
                finding.code = code.into();
            }
            for text in [&mut finding.path, &mut finding.step, &mut finding.source]
                .into_iter()
                .flatten()
            {
                self.hide_text(text);
            }
            let values = finding.evidence.iter_mut().map(|(name, value)| {
                self.hide_text(name);
                value
            });
            for value in values
                .chain(finding.expected.iter_mut())
                .chain(finding.actual.iter_mut())
            {
                self.hide_json(value);
            }
        }
        out.notes.iter_mut().for_each(|note| self.hide_text(note));
        for step in &mut out.steps {
            self.hide_text(&mut step.name);
        }
        for call in &mut out.http {
            self.hide_text(&mut call.url);
            call.error
                .iter_mut()
                .for_each(|error| self.hide_text(error));
        }
        for violation in &mut out.violations {
            self.hide_text(&mut violation.message);
        }
        for entry in out.memory.set.values_mut() {
            self.hide_json(&mut entry.value);
        }
    }
}
