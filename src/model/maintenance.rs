//! Planned times in which messages are muted, never probing.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use cronexpr::{Crontab, MakeTimestamp};
use jiff::Timestamp;

use super::counted::counted;
use super::duration::{Shown, after, before};
use super::mute::Selector;
use super::service::{Service, ServiceName};
use super::violation::Violation;

/// A planned muting of messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Maintenance {
    /// What people call it.
    pub name: String,
    /// What it concerns.
    pub of: Selector,
    /// The services that it is of where they plan it themselves: these names and no others, whatever is in them.
    pub own: Option<BTreeSet<ServiceName>>,
    /// When.
    pub when: When,
}

/// When a maintenance is.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// Once.
    Once {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// Again and again.
    Cron {
        /// When it begins.
        begins: Cron,
        /// How long it lasts.
        lasts: Duration,
    },
}

/// How many fields an expression has.
const FIELDS: usize = 5;
/// What other programs write for some of them.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A cron expression in a time zone.
#[derive(Clone)]
pub struct Cron {
    text: String,
    times: Crontab,
}

impl Cron {
    /// Reads `minute hour day-of-month month day-of-week` in a zone of the IANA database.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(expression: &str, zone: &str) -> Result<Self, String> {
        let expression = expression.trim();
        let fields = expression.split_whitespace().count();
        if let Some((_, meant)) = NICKNAMES.iter().find(|(name, _)| *name == expression) {
            return Err(format!("write `{meant}`"));
        }
        if fields != FIELDS {
            return Err(format!("it has {}, not {FIELDS}", counted(fields, "field")));
        }
        let text = format!("{expression} {zone}");
        let times = cronexpr::parse_crontab(&text).map_err(|error| {
            // Before that the text is quoted, with a zone that nobody wrote there.
            let error = error.to_string();
            let reason = error.rsplit_once("^ ").map(|(_, reason)| reason.to_owned());
            reason.unwrap_or(error)
        })?;
        let cron = Self { text, times };
        match cron.next(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(cron),
            None => Err("no day is ever like that".to_owned()),
        }
    }

    /// Returns the next moment after one, absent if there is none.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let start = MakeTimestamp::from_second(after.as_second()).ok()?;
        let next = self.times.find_next(start).ok()?;
        Timestamp::from_second(next.timestamp().as_second()).ok()
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cron({:?})", self.text)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// So many beginnings of a cron expression are looked at within one maintenance: one a minute of a day.
const BEGINNINGS_MAX: usize = 24 * 60;

impl Maintenance {
    /// Tells whether a violation of a service is meant. Of a service that is not in the config only the name is known.
    pub fn selects(
        &self,
        name: &ServiceName,
        violation: &Violation,
        service: Option<&Service>,
    ) -> bool {
        self.owns(name) && self.of.selects(name, violation, service)
    }

    /// Tells whether the incidents of a service are meant, whatever its violations.
    pub fn covers(&self, service: &Service) -> bool {
        self.owns(&service.name) && self.of.covers(service)
    }

    /// Tells whether every incident of a service is meant.
    pub fn covers_all(&self, service: &Service) -> bool {
        self.owns(&service.name) && self.of.covers_all(service)
    }

    fn owns(&self, name: &ServiceName) -> bool {
        self.own.as_ref().is_none_or(|own| own.contains(name))
    }

    /// Returns when it ends, if it is on at this moment.
    pub fn is_on(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.when {
            When::Once { from, until } => (*from <= now && now < *until).then_some(*until),
            When::Cron { begins, lasts } => {
                let mut at = before(now, *lasts);
                let mut until = None;
                for _ in 0..BEGINNINGS_MAX {
                    let Some(next) = begins.next(at).filter(|next| *next <= now) else {
                        break;
                    };
                    at = next;
                    until = Some(after(next, *lasts));
                }
                until.filter(|until| now < *until)
            }
        }
    }

    /// Returns when it begins next, absent if never.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.when {
            When::Once { from, .. } => Some(*from).filter(|from| *from > now),
            When::Cron { begins, .. } => begins.next(now),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once { from, until } => write!(f, "{from} to {until}"),
            Self::Cron { begins, lasts } => write!(f, "{begins} for {}", Shown(*lasts)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn weekly(zone: &str) -> Maintenance {
        Maintenance {
            name: "weekly".into(),
            of: Selector::default(),
            own: None,
            when: When::Cron {
                begins: Cron::parse("0 2 * * SUN", zone).unwrap(),
                lasts: Duration::from_hours(2),
            },
        }
    }

    #[test]
    fn is_on_from_each_beginning_for_as_long_as_it_lasts() {
        // 2026-03-29 is a Sunday, and the night in which Berlin's clocks go from 2 to 3.
        let utc = weekly("UTC");
        for (now, until) in [
            ("2026-03-29T01:59:59Z", None),
            ("2026-03-29T02:00:00Z", Some("2026-03-29T04:00:00Z")),
            ("2026-03-29T03:59:59Z", Some("2026-03-29T04:00:00Z")),
            ("2026-03-29T04:00:00Z", None),
            ("2026-03-30T02:30:00Z", None),
        ] {
            assert_eq!(utc.is_on(at(now)), until.map(at), "{now}");
        }
        assert_eq!(
            utc.next(at("2026-03-29T02:00:00Z")),
            Some(at("2026-04-05T02:00:00Z"))
        );
        let berlin = weekly("Europe/Berlin");
        assert_eq!(
            berlin.is_on(at("2026-07-05T00:30:00Z")),
            Some(at("2026-07-05T02:00:00Z"))
        );
        assert_eq!(berlin.is_on(at("2026-07-05T02:30:00Z")), None);
    }

    #[test]
    fn says_what_is_wrong_with_an_expression() {
        for (expression, said) in [
            ("61 2 * * SUN", "value must be in range 0..=59; found 61"),
            ("0 2 * *", "it has 4 fields, not 5"),
            ("*/30 * * * * *", "it has 6 fields, not 5"),
            ("@daily", "write `0 0 * * *`"),
            ("0 0 31 2 *", "no day is ever like that"),
            ("a b c d e", "malformed expression"),
        ] {
            let error = Cron::parse(expression, "Europe/Berlin").unwrap_err();
            assert_eq!(error, said, "{expression}");
        }
        assert!(Cron::parse("0 0 29 2 *", "Europe/Berlin").is_ok());
        for (nickname, meant) in NICKNAMES {
            assert!(Cron::parse(meant, "UTC").is_ok(), "{nickname}");
        }
    }
}
