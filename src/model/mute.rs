//! What people say about incidents: silences and acknowledgements.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wildmatch::WildMatchPattern;

use super::service::{Service, ServiceName, ServiceSeverity};
use super::violation::Violation;

/// The name of a silence.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct SilenceId(pub Arc<str>);

impl fmt::Display for SilenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An ad-hoc muting of messages, never of probing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Silence {
    /// Its name.
    pub id: SilenceId,
    /// What it concerns.
    pub of: Selector,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// Who made it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was made.
    pub made_at: Timestamp,
}

impl Silence {
    /// Tells whether it mutes at this moment.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}

/// Somebody has taken an incident on: no more reminders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ack {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What they say.
    pub reason: String,
}

/// Which incidents are meant: those that every list names; an empty list names all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Selector {
    /// Names of services; a `*` stands for any text.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub services: BTreeSet<String>,
    /// Tags, of which a service has at least one.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Groups.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// Severities.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub severities: BTreeSet<String>,
    /// Violations.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub violations: BTreeSet<String>,
}

impl Selector {
    /// Tells whether it names nothing, and so means everything.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Tells whether a violation of a service is meant. Of a service that is not in the config only the name is known.
    pub fn selects(
        &self,
        name: &ServiceName,
        violation: &Violation,
        service: Option<&Service>,
    ) -> bool {
        let severity = service.map(|service| service.severity).unwrap_or_default();
        let tags = service.map_or(&[][..], |service| &service.tags);
        let group = service.and_then(|service| service.group.as_deref());
        self.names(name.as_str())
            && any(&self.violations, &[violation.as_str()])
            && any(&self.severities, &[severity.as_str()])
            && any(&self.groups, group.as_slice())
            && any(&self.tags, tags)
    }

    /// Tells whether the incidents of a service are meant, whatever its violations.
    pub fn covers(&self, service: &Service) -> bool {
        self.names(service.name.as_str())
            && any(&self.severities, &[service.severity.as_str()])
            && any(&self.groups, service.group.as_slice())
            && any(&self.tags, &service.tags)
    }

    /// Tells whether every incident of a service is meant: no list names some violations alone.
    pub fn covers_all(&self, service: &Service) -> bool {
        self.violations.is_empty() && self.covers(service)
    }

    fn names(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.iter().any(|pattern| fits(pattern, service))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = [
            ("service", &self.services),
            ("tag", &self.tags),
            ("group", &self.groups),
            ("severity", &self.severities),
            ("violation", &self.violations),
        ]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(word, names)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("{word} {}", names.join(" or "))
        })
        .collect();
        if parts.is_empty() {
            return f.write_str("everything");
        }
        f.write_str(&parts.join(", "))
    }
}

impl ServiceSeverity {
    /// Returns its name in configs, messages and selectors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

fn any<T: AsRef<str>>(wanted: &BTreeSet<String>, had: &[T]) -> bool {
    wanted.is_empty() || had.iter().any(|one| wanted.contains(one.as_ref()))
}

/// Tells whether a text fits a pattern in which only `*` is special: it stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    WildMatchPattern::<'*', '\0'>::new(pattern).matches(text)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("price", "price", true),
            ("price", "prices", false),
            ("*", "", true),
            ("db-*", "db-1", true),
            ("db-*", "xdb-1", false),
            ("*-1", "db-1", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("", "", true),
            ("", "x", false),
            ("a?b*", "a?b c", true),
            ("a?b", "axb", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
