//! Keeps secrets away from scripts and out of everything that is kept.
//!
//! A script sees a token where an option is secret. The token means something in one call only and nothing outside; the
//! real text takes its place just before bytes leave, and `***` takes the place of both in whatever is kept.

use std::sync::Arc;

use rand::RngExt as _;
use url::Url;

use super::settings::{ChannelKind, Settings};
use crate::model::json::{Json, Object};
use crate::model::judgement::Finding;
use crate::model::redaction::Redaction;
use crate::model::secret::Secret;

/// The secrets of one channel during one call.
pub(super) struct Veil {
    /// Token and what it stands for.
    tokens: Vec<(String, Arc<str>)>,
    /// What must not be seen.
    hidden: Redaction,
}

impl Veil {
    /// Returns the veil over a channel's secrets, and the channel as its script sees it: `name`, every option, and the
    /// defaults of options that the config leaves out.
    pub(super) fn over(settings: &Settings) -> (Self, Json) {
        let mut veil = Self {
            tokens: Vec::new(),
            hidden: Redaction::default(),
        };
        let mut seen: Vec<(Arc<str>, Json)> =
            vec![(Arc::from("name"), Json::string(settings.name.as_str()))];
        for (key, option) in &settings.options {
            veil.note(option);
            let value = if option.is_secret() {
                let token = format!("oes-secret-{:032x}-", rand::rng().random::<u128>());
                veil.tokens
                    .push((token.clone(), Arc::from(option.expose())));
                Json::from(token)
            } else {
                Json::string(option.expose())
            };
            seen.push((Arc::clone(key), value));
        }
        if let ChannelKind::Script(source) = &settings.kind {
            let params = source.header.params.iter();
            let left_out = params.filter(|param| !settings.options.contains_key(&param.name));
            seen.extend(left_out.filter_map(|param| {
                let default = param.default.clone()?;
                Some((Arc::clone(&param.name), default))
            }));
        }
        (veil, Json::Object(Arc::new(Object::new(seen))))
    }

    /// Notes what must not be seen of an option. A URL of a webhook is a credential even where the config does not say
    /// so: all after its host is hidden.
    fn note(&mut self, option: &Secret) {
        let value = option.expose();
        if let Ok(url) = Url::parse(value)
            && url.has_host()
        {
            let after_host = url.as_str().get(url[..url::Position::BeforePath].len()..);
            self.hidden.add_word(after_host.unwrap_or_default());
            self.hidden.add_word(url.path().trim_start_matches('/'));
            url.path_segments()
                .into_iter()
                .flatten()
                .for_each(|segment| self.hidden.add_word(segment));
            url.query_pairs()
                .for_each(|(_, value)| self.hidden.add_word(&value));
            self.hidden.add_text(url.password().unwrap_or_default());
        }
        self.hidden.add(option);
    }

    /// Returns the text with every token replaced by what it stands for: only for what is sent.
    pub(super) fn reveal(&self, text: &str) -> String {
        self.tokens
            .iter()
            .fold(text.to_owned(), |text, (token, value)| {
                text.replace(token.as_str(), value)
            })
    }

    /// Returns the value with every token in its strings and keys replaced by what it stands for.
    pub(super) fn reveal_all(&self, value: &Json) -> Json {
        match value {
            Json::String(text) => Json::from(self.reveal(text)),
            Json::Array(elements) => elements.iter().map(|one| self.reveal_all(one)).collect(),
            Json::Object(members) => Json::object(
                members
                    .iter()
                    .map(|(key, one)| (self.reveal(key), self.reveal_all(one))),
            ),
            other => other.clone(),
        }
    }

    /// Returns the text with `***` for every token and every secret: for all that is kept or shown.
    pub(super) fn hide(&self, text: &str) -> String {
        let shown = self
            .tokens
            .iter()
            .fold(text.to_owned(), |text, (token, _)| {
                text.replace(token.as_str(), "***")
            });
        self.hidden.applied(&shown).into_owned()
    }

    /// Returns what a script broke over, without tokens and secrets.
    pub(super) fn hidden_in(&self, finding: Option<Box<Finding>>) -> Option<Box<Finding>> {
        let mut finding = finding?;
        let mut hidden = self.hidden.clone();
        for (token, _) in &self.tokens {
            hidden.add_text(token);
        }
        hidden.apply_finding(&mut finding);
        Some(finding)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::model::service::ChannelName;

    fn veil(options: &[(&str, Secret)]) -> (Veil, Json) {
        let options: BTreeMap<Arc<str>, Secret> = options
            .iter()
            .map(|(key, value)| (Arc::from(*key), value.clone()))
            .collect();
        Veil::over(&Settings {
            name: ChannelName::new("ops"),
            kind: ChannelKind::Console,
            fallback: None,
            options,
        })
    }

    #[test]
    fn a_script_sees_tokens_and_the_wire_sees_secrets() {
        let (veil, channel) = veil(&[
            ("token", Secret::hidden("hunter2")),
            ("username", Secret::plain("OES")),
        ]);
        let token = channel.get("token").unwrap().as_str().unwrap();
        assert!(!channel.to_string().contains("hunter2"));
        assert_eq!(channel.get("username").unwrap().as_str(), Some("OES"));
        assert_eq!(channel.get("name").unwrap().as_str(), Some("ops"));
        assert_eq!(veil.reveal(&format!("Bearer {token}")), "Bearer hunter2");
        assert_eq!(veil.hide(&format!("{token} hunter2")), "*** ***");
        let body = Json::object([("k", Json::string(token)), (token, Json::Null)]);
        assert_eq!(
            veil.reveal_all(&body).to_string(),
            r#"{"k":"hunter2","hunter2":null}"#
        );
    }

    #[test]
    fn a_token_is_new_in_every_call() {
        let options = [("token", Secret::hidden("x"))];
        assert_ne!(veil(&options).1, veil(&options).1);
    }

    #[test]
    fn hides_the_forms_that_a_secret_takes_on_its_way() {
        let url = "https://discord.com/api/webhooks/123456/aBcDeFgHiJkLmNoP";
        let key = "whsec_aaaaaaaaaaaaaaaa whsec_bbbbbbbbbbbbbbbb";
        let (veil, _) = veil(&[
            ("url", Secret::plain(url)),
            (
                "auth",
                Secret::partly("Bearer p@ss \"word\" 1", "Bearer ***"),
            ),
            ("keys", Secret::hidden(key)),
        ]);
        for (text, expected) in [
            (url, "https://discord.com***"),
            ("POST /api/webhooks/123456/aBcDeFgHiJkLmNoP", "POST ***"),
            ("token aBcDeFgHiJkLmNoP is bad", "token *** is bad"),
            ("Bearer p@ss \"word\" 1", "***"),
            ("got p@ss \"word\" 1!", "got ***!"),
            (r#"{"a":"p@ss \"word\" 1"}"#, r#"{"a":"***"}"#),
            ("a=p%40ss+%22word%22+1", "a=***"),
            ("no whsec_bbbbbbbbbbbbbbbb", "no ***"),
        ] {
            assert_eq!(veil.hide(text), expected, "{text}");
        }
    }

    proptest! {
        /// Whatever the secret and the text around it: nothing kept holds the secret.
        #[test]
        fn nothing_kept_holds_a_secret(secret in "[a-zA-Z0-9!-/ü]{8,40}", before in ".{0,20}", after in ".{0,20}") {
            let (veil, _) = veil(&[("token", Secret::hidden(secret.clone()))]);
            let kept = veil.hide(&format!("{before}{secret}{after}"));
            prop_assert!(!kept.contains(&secret), "{kept}");
        }
    }
}
