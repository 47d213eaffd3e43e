//! Takes secrets out of what is shown or kept: what a service echoes of a secret it was sent must not be seen either.

mod spelling;

use std::borrow::Cow;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::HeaderValue;

use super::exchange::{Body, Exchange, Hop, Response};
use super::failure::Failure;
use super::json::{self, Json};
use super::judgement::{Finding, Judgement, ScriptRun};
use super::secret::Secret;
use spelling::spelled;

/// A secret shorter than this is not looked for: it would blot out ordinary words and numbers.
pub const SECRET_BYTES_MIN: usize = 4;
/// A word of a longer secret that is shorter than this is not looked for by itself.
const WORD_BYTES_MIN: usize = 8;

/// Texts that must not be seen, however they are written: as they are, in a URL, in JSON, in HTML, in base64.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Redaction {
    /// Longest first, so that no part of a text is left over when a shorter one was replaced in it.
    hidden: Vec<String>,
}

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redaction({})", self.hidden.len())
    }
}

impl Redaction {
    /// Tells whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.hidden.is_empty()
    }

    /// Returns how many bytes a secret takes at most, however it is written.
    pub fn reach(&self) -> usize {
        // Six bytes a character: `\u0041`, `&#x41;`.
        self.hidden.first().map_or(0, |longest| 6 * longest.len())
    }

    /// Hides a secret, the secret parts of it, and each long word of these. A text without a secret part hides nothing.
    pub fn add(&mut self, secret: &Secret) {
        if !secret.is_secret() {
            return;
        }
        let value = secret.expose();
        self.add_text(value);
        for part in secret.parts() {
            self.add_text(part);
            for word in part.split_whitespace() {
                self.add_word(word);
            }
        }
    }

    /// Hides a text that is long enough not to be an ordinary word.
    pub fn add_word(&mut self, text: &str) {
        if text.len() >= WORD_BYTES_MIN {
            self.add_text(text);
        }
    }

    /// Hides a text of at least [`SECRET_BYTES_MIN`] bytes.
    pub fn add_text(&mut self, text: &str) {
        if text.len() < SECRET_BYTES_MIN {
            return;
        }
        for form in [
            text.to_owned(),
            STANDARD.encode(text),
            URL_SAFE_NO_PAD.encode(text),
        ] {
            if !self.hidden.contains(&form) {
                self.hidden.push(form);
            }
        }
        self.hidden
            .sort_by_key(|text| std::cmp::Reverse(text.len()));
    }

    /// Returns the text with `***` in place of every secret.
    pub fn applied<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut shown = String::new();
        let mut rest = text;
        let mut kept = 0;
        let begins = self.beginnings();
        while let Some(character) = rest.get(kept..).and_then(|rest| rest.chars().next()) {
            if begins.get(character as usize).is_some_and(|begins| !begins) {
                kept += character.len_utf8();
                continue;
            }
            let here = rest.get(kept..).unwrap_or_default();
            let secrets = self.hidden.iter();
            let found = secrets.filter_map(|secret| spelled(here, secret)).max();
            if let Some(taken) = found {
                shown.push_str(rest.get(..kept).unwrap_or_default());
                shown.push_str("***");
                rest = rest.get(kept + taken..).unwrap_or_default();
                kept = 0;
            } else {
                kept += character.len_utf8();
            }
        }
        if shown.is_empty() {
            return Cow::Borrowed(text);
        }
        shown.push_str(rest);
        Cow::Owned(shown)
    }

    /// Returns for each ASCII character whether the spelling of a secret may begin with it.
    fn beginnings(&self) -> [bool; 128] {
        let mut begins = [false; 128];
        let firsts = self
            .hidden
            .iter()
            .filter_map(|secret| secret.chars().next());
        let ways = firsts.flat_map(|first| [first, if first == ' ' { '+' } else { first }]);
        for character in ways.chain(spelling::MARKS) {
            if let Some(begins) = begins.get_mut(character as usize) {
                *begins = true;
            }
        }
        begins
    }

    /// Returns bytes with `***` in place of every secret; JSON stays JSON, and what is no text is made one if it holds a
    /// secret.
    pub fn applied_bytes(&self, bytes: &Bytes) -> Bytes {
        let text = String::from_utf8_lossy(bytes);
        let Cow::Owned(shown) = self.applied(&text) else {
            return bytes.clone();
        };
        match json::parse(bytes) {
            Ok(document) => Bytes::from(self.without(&document.root).to_string()),
            Err(_) => Bytes::from(shown),
        }
    }

    /// Returns an exchange as it may be shown or recorded: without the secrets that came back with it.
    pub fn applied_exchange(&self, exchange: &Arc<Exchange>) -> Arc<Exchange> {
        if self.is_empty() {
            return Arc::clone(exchange);
        }
        let text = |text: &str| self.applied(text).into_owned();
        let result = match &exchange.result {
            Ok(response) => Ok(self.applied_response(response)),
            Err(failure) => Err(Failure {
                message: text(&failure.message),
                ..failure.clone()
            }),
        };
        let hops = exchange.hops.iter().map(|hop| Hop {
            url: text(&hop.url),
            ..hop.clone()
        });
        Arc::new(Exchange {
            started_at: exchange.started_at,
            sent: Arc::clone(&exchange.sent),
            timings: exchange.timings,
            bearer: None,
            hops: hops.collect(),
            peer: exchange.peer,
            certificate: exchange.certificate.clone(),
            tls: exchange.tls,
            result,
        })
    }

    fn applied_response(&self, response: &Response) -> Response {
        let mut body = Body::new(self.applied_bytes(&response.body.bytes));
        body.truncated = response.body.truncated;
        body.wire_bytes = response.body.wire_bytes;
        let mut headers = response.headers.clone();
        for value in headers.values_mut() {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            if let Cow::Owned(shown) = self.applied(&text) {
                *value = HeaderValue::from_str(&shown)
                    .unwrap_or_else(|_| HeaderValue::from_static("***"));
            }
        }
        Response {
            status: response.status,
            version: response.version,
            headers,
            body,
        }
    }

    /// Puts `***` in place of every secret.
    pub fn apply(&self, text: &mut String) {
        if let Cow::Owned(shown) = self.applied(text) {
            *text = shown;
        }
    }

    /// Puts `***` in place of every secret in keys and strings.
    pub fn apply_json(&self, json: &mut Json) {
        if !self.is_empty() && matches!(self.applied(&json.to_string()), Cow::Owned(_)) {
            *json = self.without(json);
        }
    }

    fn without(&self, json: &Json) -> Json {
        match json {
            Json::String(text) => Json::from(&*self.applied(text)),
            Json::Array(items) => items.iter().map(|item| self.without(item)).collect(),
            Json::Object(members) => Json::object(
                members
                    .iter()
                    .map(|(key, item)| (self.applied(key).into_owned(), self.without(item))),
            ),
            // A secret of digits may come back as a number.
            Json::Number(number) => match self.applied(&number.to_string()) {
                Cow::Owned(shown) => Json::from(shown),
                Cow::Borrowed(_) => json.clone(),
            },
            other => other.clone(),
        }
    }

    /// Takes the secrets out of everything that is shown of a judgement. What scripts remember is data, and stays.
    pub fn apply_judgement(&self, judgement: &mut Judgement) {
        if self.is_empty() {
            return;
        }
        for finding in &mut judgement.findings {
            self.apply_finding(finding);
        }
        for run in &mut judgement.runs {
            self.apply_run(run);
        }
    }

    /// Takes the secrets out of all that a finding says.
    pub fn apply_finding(&self, finding: &mut Finding) {
        self.apply(&mut finding.message);
        if let Cow::Owned(code) = self.applied(&finding.code) {
            finding.code = code.into();
        }
        let texts = [&mut finding.path, &mut finding.step, &mut finding.source];
        for text in texts.into_iter().flatten() {
            self.apply(text);
        }
        for call in &mut finding.stack {
            self.apply(&mut call.function);
        }
        for (name, value) in &mut finding.evidence {
            self.apply(name);
            self.apply_json(value);
        }
        let values = [&mut finding.expected, &mut finding.actual];
        for value in values.into_iter().flatten() {
            self.apply_json(value);
        }
    }

    fn apply_run(&self, run: &mut ScriptRun) {
        run.notes.iter_mut().for_each(|note| self.apply(note));
        for step in &mut run.steps {
            self.apply(&mut step.name);
        }
        for call in &mut run.http {
            self.apply(&mut call.url);
            call.error.iter_mut().for_each(|error| self.apply(error));
        }
        for violation in &mut run.violations {
            self.apply(&mut violation.message);
            if let Cow::Owned(name) = self.applied(&violation.name) {
                violation.name = name.replace("***", "hidden").into();
            }
        }
        let metrics = std::mem::take(&mut run.metrics);
        let shown = metrics.into_iter().map(|(name, value)| {
            let hidden = match self.applied(&name) {
                Cow::Owned(shown) => Some(shown.replace("***", "hidden")),
                Cow::Borrowed(_) => None,
            };
            (hidden.map_or(name, Into::into), value)
        });
        run.metrics = shown.collect();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hiding(secret: &Secret) -> Redaction {
        let mut redaction = Redaction::default();
        redaction.add(secret);
        redaction
    }

    #[test]
    fn hides_the_forms_that_a_secret_takes_on_its_way() {
        let redaction = hiding(&Secret::partly("Bearer p@ss \"word\" 1", "Bearer ***"));
        for (text, expected) in [
            ("Bearer p@ss \"word\" 1", "***"),
            ("got p@ss \"word\" 1!", "got ***!"),
            (r#"{"a":"p@ss \"word\" 1"}"#, r#"{"a":"***"}"#),
            ("a=p%40ss+%22word%22+1", "a=***"),
            ("/p%40ss%20%22word%22%201", "/***"),
            ("cEBzcyAid29yZCIgMQ==", "***"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(redaction.applied(text), expected, "{text}");
        }
    }

    #[test]
    fn a_judgement_shows_no_secret_anywhere() {
        let mut finding = Finding::error("got-hunter2", "got hunter2").at_path("$['hunter2']");
        finding.actual = Some(Json::object([("hunter2", Json::string("x hunter2"))]));
        finding.evidence = vec![("hunter2".to_owned(), Json::string("hunter2"))];
        let mut judgement = Judgement::of(vec![finding]);
        judgement.runs.push(ScriptRun {
            notes: vec!["note hunter2".to_owned()],
            ..ScriptRun::default()
        });
        hiding(&Secret::hidden("hunter2")).apply_judgement(&mut judgement);
        let everything = format!("{judgement:?}");
        assert!(!everything.contains("hunter2"), "{everything}");
    }

    #[test]
    fn what_is_no_secret_hides_nothing() {
        assert!(hiding(&Secret::plain("application/json")).is_empty());
        assert!(hiding(&Secret::hidden("abc")).is_empty());
    }

    proptest! {
        /// Whatever the secret and the text around it: nothing shown holds the secret.
        #[test]
        fn nothing_shown_holds_a_secret(secret in "[a-zA-Z0-9!-/ü]{4,40}", before in ".{0,20}", after in ".{0,20}") {
            let redaction = hiding(&Secret::hidden(secret.clone()));
            let text = format!("{before}{secret}{after}");
            let shown = redaction.applied(&text);
            prop_assert!(secret.contains("***") || !shown.contains(&secret), "{shown}");
        }
    }
}
