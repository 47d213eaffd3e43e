//! Secrets: a script holds a stand-in, which becomes the secret only in a request on its way out.
//!
//! Whatever a script does with a stand-in (join it, cut it, print it) it never holds the secret itself.

use super::{Errands, Limited, Refusal};
use crate::model::json::Json;
use crate::model::judgement::Judgement;
use crate::model::redaction::Redaction;
use crate::model::secret::Secret;

/// The stand-ins given out in one run, and what must not be seen of it.
#[derive(Debug)]
pub(super) struct Secrets {
    given: Vec<Given>,
    hidden: Redaction,
    /// Digests of secrets that were made.
    digests: usize,
}

/// One stand-in.
#[derive(Debug)]
struct Given {
    name: String,
    kind: Kind,
    stand_in: String,
    secret: Secret,
}

/// What every stand-in begins with.
pub(in crate::script) const MARK: &str = "oes-secret-";
/// Stand-ins and digests of secrets in one run.
const GIVEN_MAX: usize = 50;
/// Bytes of a text with a stand-in in it that is encoded or digested.
pub(super) const DERIVED_BYTES_MAX: usize = 16 << 10;

/// What a stand-in stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A secret that the config grants.
    Granted,
    /// Made of others by an encoding.
    Derived,
    /// A token of `auth.oauth2`, and whether it was fetched anew in this run.
    Token { is_renewed: bool },
}

/// A token that was not fetched anew.
const TOKEN: Kind = Kind::Token { is_renewed: false };

impl Secrets {
    /// Returns the secrets of a run that is to show none of `hidden`.
    pub(super) fn new(hidden: &Redaction) -> Self {
        Self {
            given: Vec::new(),
            hidden: hidden.clone(),
            digests: 0,
        }
    }

    /// Returns the stand-in for a secret of the service.
    pub(super) fn stand_in(&mut self, name: &str, secret: &Secret) -> String {
        self.give(name, Kind::Granted, secret)
    }

    /// Returns the stand-in for a token, which from now on is this one.
    pub(super) fn token(&mut self, name: &str, token: &Secret) -> String {
        self.give(name, TOKEN, token)
    }

    fn give(&mut self, name: &str, kind: Kind, secret: &Secret) -> String {
        self.hidden.add(secret);
        let alike = std::mem::discriminant(&kind);
        let known = self
            .given
            .iter_mut()
            .find(|one| one.name == name && std::mem::discriminant(&one.kind) == alike);
        if let Some(known) = known {
            known.secret = secret.clone();
            return known.stand_in.clone();
        }
        let stand_in = format!("{MARK}{:032x}", rand::random::<u128>());
        self.hidden.add_text(&stand_in);
        self.given.push(Given {
            name: name.to_owned(),
            kind,
            stand_in: stand_in.clone(),
            secret: secret.clone(),
        });
        stand_in
    }

    /// Returns the stand-in for what was made of others.
    pub(super) fn derived(&mut self, name: &str, made: String) -> String {
        self.give(name, Kind::Derived, &Secret::hidden(made))
    }

    /// Sees whether there may be one more stand-in or digest: whatever leaves the run is searched for all of them.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn count(&self) -> Errands<()> {
        if self.given.len() + self.digests < GIVEN_MAX {
            return Ok(());
        }
        Err(Refusal::Problem(format!(
            "a run may have {GIVEN_MAX} secrets, tokens, and encodings and digests of these"
        )))
    }

    /// Keeps a digest out of everything that leaves the run.
    pub(super) fn hide_digest(&mut self, text: &str) {
        self.digests += 1;
        self.hidden.add_text(text);
    }

    /// Returns the names of the tokens in these texts that may be fetched anew, each once in a run.
    pub(super) fn take_renewable<'a>(
        &mut self,
        texts: impl Iterator<Item = &'a str>,
    ) -> Vec<String> {
        let texts: Vec<&str> = texts.collect();
        let tokens = self.given.iter_mut().filter(|one| one.kind == TOKEN);
        tokens
            .filter(|one| texts.iter().any(|text| text.contains(&one.stand_in)))
            .map(|one| {
                one.kind = Kind::Token { is_renewed: true };
                one.name.clone()
            })
            .collect()
    }

    /// Tells whether any of these texts holds a stand-in.
    pub(super) fn are_in<'a>(&self, mut texts: impl Iterator<Item = &'a str>) -> bool {
        texts.any(|text| self.given.iter().any(|one| text.contains(&one.stand_in)))
    }

    /// Returns the text with every stand-in replaced by its secret, for the one place that sends it. `room` is what such
    /// texts may still take.
    ///
    /// # Errors
    /// There is not enough of it.
    pub(super) fn fill(&self, text: &str, room: &mut usize) -> Errands<String> {
        let mut filled = text.to_owned();
        for one in &self.given {
            let found = filled.matches(one.stand_in.as_str()).count();
            let more = found.saturating_mul(one.secret.expose().len());
            let wanted = filled.len().saturating_add(more);
            if wanted > *room {
                // Not how long: that would tell the length of the secret.
                let message = "wanted to send more than it may hold, with its secrets filled in";
                return Err(Refusal::Limit(Limited::HeapBytes, message.to_owned()));
            }
            if found > 0 {
                filled = filled.replace(one.stand_in.as_str(), one.secret.expose());
            }
        }
        *room = room.saturating_sub(filled.len());
        Ok(filled)
    }

    /// Takes stand-ins and secrets out of a value that is to be remembered.
    pub(super) fn hide_in(&self, json: &mut Json) {
        self.hidden.apply_json(json);
    }

    /// Returns what must not be seen.
    pub(super) fn hidden(&self) -> Redaction {
        self.hidden.clone()
    }

    /// Tells whether anything must not be seen.
    pub(super) fn hides_any(&self) -> bool {
        !self.hidden.is_empty()
    }

    /// Takes stand-ins and secrets out of everything that leaves a run.
    pub(super) fn hide(&self, judgement: &mut Judgement) {
        self.hidden.apply_judgement(judgement);
    }
}
