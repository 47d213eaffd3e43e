//! Secrets: a script holds a stand-in, which becomes the secret only in a request on its way out.
//!
//! Whatever a script does with a stand-in (join it, cut it, print it) it never holds the secret itself.

use rhai::Engine;

use crate::model::json::Json;
use crate::model::judgement::Judgement;
use crate::model::redaction::Redaction;
use crate::model::secret::Secret;
use crate::script::guard::{self, Fallible};
use crate::script::run;
use crate::script::value::problem;

/// The stand-ins given out in one run, and what must not be seen of it.
#[derive(Debug)]
pub(in crate::script) struct Secrets {
    given: Vec<(String, String, Secret)>,
    hidden: Redaction,
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
    /// Returns the secrets of a run that is to show none of `hidden`.
    pub(in crate::script) fn new(hidden: &Redaction) -> Self {
        Self {
            given: Vec::new(),
            hidden: hidden.clone(),
        }
    }

    fn stand_in(&mut self, name: &str, secret: Secret) -> String {
        if let Some((_, token, _)) = self.given.iter().find(|(known, _, _)| known == name) {
            return token.clone();
        }
        let token = format!("oes-secret-{:032x}", rand::random::<u128>());
        self.hidden.add_text(&token);
        self.hidden.add(&secret);
        self.given.push((name.to_owned(), token.clone(), secret));
        token
    }

    /// Returns the text with every stand-in replaced by its secret, for the one place that sends it.
    ///
    /// # Errors
    /// The run may not hold the text.
    pub(super) fn fill(&self, text: &str) -> Fallible<String> {
        self.given
            .iter()
            .try_fold(text.to_owned(), |text, (_, token, secret)| {
                let found = text.matches(token.as_str()).count();
                guard::reserve(text.len() + found.saturating_mul(secret.expose().len()))?;
                Ok(text.replace(token.as_str(), secret.expose()))
            })
    }

    /// Takes stand-ins and secrets out of a value that is to be remembered.
    pub(super) fn hide_in(&self, json: &mut Json) {
        self.hidden.apply_json(json);
    }

    /// Takes stand-ins and secrets out of everything that leaves a run.
    pub(in crate::script) fn hide(&self, judgement: &mut Judgement) {
        self.hidden.apply_judgement(judgement);
    }
}
