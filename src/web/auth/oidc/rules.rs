//! Who is let in, and what they may: pure.

use std::fmt;
use std::sync::Arc;

use crate::web::auth::Scope;

/// Who somebody is by the word of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The provider.
    pub issuer: Arc<str>,
    /// What the provider knows them by, and never gives to another.
    pub subject: Arc<str>,
    /// Their address, if the provider tells it.
    pub email: Option<Arc<str>>,
    /// Whether the provider says that the address is theirs.
    pub is_verified: bool,
    /// Their groups; absent if the provider tells none.
    pub groups: Option<Vec<Arc<str>>>,
}

impl Person {
    /// Returns what logs and pages call them.
    pub fn name(&self) -> &Arc<str> {
        self.verified().unwrap_or(&self.subject)
    }

    fn verified(&self) -> Option<&Arc<str>> {
        self.email.as_ref().filter(|_| self.is_verified)
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.email, self.is_verified) {
            (Some(email), true) => write!(f, "{email}")?,
            (Some(email), false) => write!(f, "{email}, an address that is not verified")?,
            (None, _) => f.write_str("somebody without an e-mail address")?,
        }
        write!(f, ", of the subject {}", self.subject)?;
        match self.groups.as_deref() {
            None => f.write_str(", no groups told"),
            Some([]) => f.write_str(", in no group"),
            Some(groups) => write!(f, ", in the groups {}", groups.join(", ")),
        }
    }
}

/// Lets people in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Whom.
    pub whom: Whom,
    /// What they may.
    pub scope: Scope,
}

/// Whom a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// Who has this address, if it is verified.
    Email(Arc<str>),
    /// Who has an address of this domain, if it is verified.
    Domain(Arc<str>),
    /// Who is this subject.
    Subject(Arc<str>),
    /// Who is in this group.
    Group(Arc<str>),
}

impl Whom {
    fn is(&self, person: &Person) -> bool {
        match self {
            Self::Email(email) => person
                .verified()
                .is_some_and(|own| own.eq_ignore_ascii_case(email)),
            Self::Domain(domain) => person
                .verified()
                .and_then(|own| own.rsplit_once('@'))
                .is_some_and(|(_, own)| own.eq_ignore_ascii_case(domain)),
            Self::Subject(subject) => person.subject == *subject,
            Self::Group(group) => person
                .groups
                .as_ref()
                .is_some_and(|own| own.contains(group)),
        }
    }

    /// Tells whether a provider has not said what this is about.
    pub(super) fn is_untold(&self, person: &Person) -> bool {
        match self {
            Self::Email(_) | Self::Domain(_) => person.email.is_none(),
            Self::Subject(_) => false,
            Self::Group(_) => person.groups.is_none(),
        }
    }
}

/// Returns what somebody may: the most that a rule gives; absent if none lets them in.
pub(super) fn scope_of(rules: &[Rule], person: &Person) -> Option<Scope> {
    let fits = rules.iter().filter(|rule| rule.whom.is(person));
    fits.map(|rule| rule.scope).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(email: Option<&str>, is_verified: bool, groups: &[&str]) -> Person {
        Person {
            issuer: "https://login.example.org".into(),
            subject: "7".into(),
            email: email.map(Arc::from),
            is_verified,
            groups: Some(groups.iter().copied().map(Arc::from).collect()),
        }
    }

    #[test]
    fn only_whom_a_rule_names_is_let_in_and_the_most_counts() {
        let rule = |whom, scope| Rule { whom, scope };
        let rules = [
            rule(Whom::Domain("example.org".into()), Scope::Read),
            rule(Whom::Email("ada@example.org".into()), Scope::Admin),
            rule(Whom::Group("ops".into()), Scope::Operate),
        ];
        for (email, verified, groups, expected) in [
            (Some("bob@example.org"), true, &[][..], Some(Scope::Read)),
            (Some("Ada@Example.ORG"), true, &["ops"], Some(Scope::Admin)),
            (
                Some("bob@example.org"),
                true,
                &["ops"],
                Some(Scope::Operate),
            ),
            (Some("bob@example.org"), false, &[], None),
            (Some("bob@sub.example.org"), true, &[], None),
            (Some("bob@notexample.org"), true, &[], None),
            (Some("example.org"), true, &[], None),
            (Some("bob@example.org@evil.example"), true, &[], None),
            (None, true, &["dev", "ops"], Some(Scope::Operate)),
            (None, false, &["Ops", "ops2"], None),
        ] {
            let person = person(email, verified, groups);
            assert_eq!(scope_of(&rules, &person), expected, "{person}");
        }
        let subject = [rule(Whom::Subject("7".into()), Scope::Read)];
        let anybody = person(None, false, &[]);
        assert_eq!(scope_of(&subject, &anybody), Some(Scope::Read));
        assert_eq!(scope_of(&[], &anybody), None);
    }

    #[test]
    fn who_is_not_let_in_reads_who_they_are() {
        assert_eq!(
            person(Some("bob@example.org"), false, &[]).to_string(),
            "bob@example.org, an address that is not verified, of the subject 7, in no group"
        );
        assert_eq!(&**person(Some("bob@example.org"), false, &[]).name(), "7");
    }
}
