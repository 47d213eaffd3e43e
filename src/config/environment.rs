//! Where `${env:NAME}` is looked up, and what stands for a secret that is not there.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::channel::settings::Settings;
use crate::model::redaction::Redaction;
use crate::model::secret::Secret;
use crate::model::service::Service;

/// What `${env:NAME}` reads.
pub trait Environment {
    /// Returns the value of a variable, absent if it is not set or not UTF-8.
    fn var(&self, name: &str) -> Option<String>;

    /// Returns what stands for the secret `${marker}` that is not there; absent if it must be there.
    fn stand_in(&self, _marker: &str) -> Option<String> {
        None
    }
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

impl Environment for BTreeMap<String, String> {
    fn var(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}

/// The environment of a person who sends nothing: the secrets of the daemon need not be there.
///
/// Each secret that is missing has a stand-in of its own: a text and a URL at once, of a domain that nobody can own
/// (RFC 2606).
#[derive(Debug, Default)]
pub struct StandIns {
    required: Vec<String>,
    missing: RefCell<Vec<String>>,
}

impl StandIns {
    /// Returns the same for a person who sends these secrets, named as [`StandIns::missing`] does.
    pub fn but_for(required: Vec<String>) -> Self {
        Self {
            required,
            ..Self::default()
        }
    }

    /// Returns the secrets that something stood for, as `env:NAME` or `file:PATH`, in the order of the config.
    pub fn missing(&self) -> Vec<String> {
        self.missing.borrow().clone()
    }

    /// Returns those that a service has, for its own request, its scripts or its proxy.
    pub fn of_service(&self, service: &Service) -> Vec<String> {
        let mut hidden = service.redaction();
        if let Some(proxy) = &service.transport.proxy {
            hidden.add_text(proxy.as_str());
        }
        self.within(&hidden)
    }

    /// Returns those that the scripts of a service may send.
    pub fn of_scripts(&self, service: &Service) -> Vec<String> {
        self.within(&hiding(service.grants.secrets.values()))
    }

    /// Returns those that a channel has.
    pub fn of_channel(&self, channel: &Settings) -> Vec<String> {
        self.within(&hiding(channel.options.values()))
    }

    fn within(&self, hidden: &Redaction) -> Vec<String> {
        let missing = self.missing.borrow();
        let hides = |text: &str| hidden.applied(text) != text;
        let within = missing.iter().enumerate();
        within
            .filter(|(index, _)| hides(&stand_in(*index)))
            .map(|(_, marker)| marker.clone())
            .collect()
    }
}

fn hiding<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Redaction {
    let mut hidden = Redaction::default();
    secrets.for_each(|secret| hidden.add(secret));
    hidden
}

fn stand_in(index: usize) -> String {
    format!("http://secret-{}.invalid/", index + 1)
}

impl Environment for StandIns {
    fn var(&self, name: &str) -> Option<String> {
        ProcessEnvironment.var(name)
    }

    fn stand_in(&self, marker: &str) -> Option<String> {
        if self.required.iter().any(|required| required == marker) {
            return None;
        }
        let mut missing = self.missing.borrow_mut();
        let known = missing.iter().position(|known| known == marker);
        let index = known.unwrap_or_else(|| {
            missing.push(marker.to_owned());
            missing.len() - 1
        });
        Some(stand_in(index))
    }
}
