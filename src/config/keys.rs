//! Every key of an ops config, once: what is written here is what is checked, what the schema says and what the key
//! reference in docs/configuration.md lists.

mod channel_test;
mod connection;
mod email;
mod heartbeat;
mod history;
mod labels;
mod notify;
mod otlp;
mod server;
mod service;
mod suite;
mod top;

pub(super) use channel_test::REQUESTS;
pub(super) use labels::LABELS;
pub(super) use service::{
    DEFAULTS, EXACT_OPTIONS, MATCHER, NON_EMPTY_OPTIONS, SCRIPT_OPTIONS, SERVICE, TYPES_OPTIONS,
};
pub(super) use suite::SUITE;
pub(super) use top::TOP;

use crate::config::tree::Node;
use crate::config::values::Unit;

/// The keys of one kind of table.
pub(super) struct Place {
    /// What the table is called in messages: `a service`.
    pub(super) title: &'static str,
    /// Its keys, in the order of the documentation.
    pub(super) keys: &'static [Key],
    /// Keys without which it means nothing.
    pub(super) required: &'static [&'static str],
    /// Whether other keys are allowed; they take strings, numbers and booleans.
    pub(super) open: bool,
}

/// One key.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What it does: one line for the schema and the documentation.
    pub(super) doc: &'static str,
    /// Its default in words; empty for none.
    pub(super) default: &'static str,
}

/// What a value may be.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A string that may hold secrets.
    Text,
    /// A string without secrets.
    Word,
    /// An `http` or `https` URL that may hold secrets.
    Url,
    /// A path of a file or folder.
    File,
    /// A duration from the first to the second number of milliseconds.
    Duration(Unit, u64, u64),
    /// A number of bytes between two.
    Size(u64, u64),
    /// A whole number between two.
    Integer(i64, i64),
    /// A number between two.
    Number(f64, f64),
    Boolean,
    /// Nothing but this boolean.
    Only(bool),
    /// Any value.
    Any,
    /// One of these words.
    OneOf(&'static [&'static str]),
    Method,
    Status,
    /// A path into JSON.
    JsonPath,
    List(&'static Kind),
    /// A table with free keys.
    Map(&'static Kind),
    Table(&'static Place),
    /// A table whose keys depend on one of its texts.
    Cases(&'static Cases),
    Either(&'static [Kind]),
}

/// A table whose keys depend on one of its texts.
pub(super) struct Cases {
    /// The key of that text.
    pub(super) key: &'static str,
    /// Texts that have keys of their own.
    pub(super) own: &'static [(&'static str, &'static Place)],
    /// The keys for every other text, and for none.
    pub(super) other: &'static Place,
}

impl Cases {
    /// Returns the keys that a table has.
    pub(super) fn place(&self, table: &Node) -> &'static Place {
        let text = table.get(self.key).and_then(Node::text);
        let of = |case: &&(&str, &'static Place)| text.is_some_and(|text| **text == *case.0);
        self.own
            .iter()
            .find(of)
            .map_or(self.other, |(_, place)| *place)
    }
}

const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        doc,
        default,
    }
}

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const DAY: u64 = 24 * 60 * MINUTE;

/// Seconds as a number, from `min` to `max` milliseconds.
const fn seconds(min: u64, max: u64) -> Kind {
    Kind::Duration(Unit::Seconds, min, max)
}

/// Keys that stand at several places and mean the same there.
const INTERVAL: Kind = seconds(100, 30 * DAY);
const ANNOUNCED_AGAIN: Kind = seconds(0, 30 * DAY);
const ERROR_THRESHOLD: Key = key(
    "error_threshold",
    Kind::Number(0.0, 1.0),
    "0.5",
    "Share of failed probes that is still accepted.",
);
const CONFIRM: Key = key(
    "confirm",
    Kind::Either(&[Kind::List(&seconds(100, DAY)), Kind::Only(false)]),
    "10s, 20s, 40s",
    "When to look again after a surprise; `false` turns it off.",
);
const WINDOW: Key = key(
    "window",
    Kind::Integer(1, 1000),
    "7",
    "How many probes are looked at.",
);

impl Kind {
    /// Returns what is expected, with its article.
    pub(super) fn wanted(&self) -> String {
        match self {
            Self::Text | Self::Word => "a string".to_owned(),
            Self::Url => "a URL".to_owned(),
            Self::File => "a path".to_owned(),
            Self::Duration(..) => "a duration".to_owned(),
            Self::Size(..) => "a size".to_owned(),
            Self::Integer(..) => "a whole number".to_owned(),
            Self::Number(..) => "a number".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Only(value) => value.to_string(),
            Self::Any => "a value".to_owned(),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::Method => "a request method".to_owned(),
            Self::Status => "a status rule".to_owned(),
            Self::JsonPath => "a path such as $.items[0].id".to_owned(),
            Self::List(of) => match of {
                Self::Table(_) | Self::Cases(_) => "a list of tables".to_owned(),
                _ => "a list".to_owned(),
            },
            Self::Map(_) | Self::Table(_) | Self::Cases(_) => "a table".to_owned(),
            Self::Either(kinds) => {
                let mut words: Vec<String> = kinds.iter().map(Self::wanted).collect();
                words.dedup();
                words.join(" or ")
            }
        }
    }

    /// Returns the kind as the documentation names it.
    pub(super) fn documented(&self) -> String {
        match self {
            Self::Text | Self::Word => "text".to_owned(),
            Self::Url => "URL".to_owned(),
            Self::File => "path".to_owned(),
            Self::Duration(Unit::Seconds, ..) => "duration".to_owned(),
            Self::Duration(Unit::Milliseconds, ..) => {
                "duration, a number is milliseconds".to_owned()
            }
            Self::Size(..) => "size".to_owned(),
            Self::Integer(min, max) if *max == i64::MAX => format!("whole number from {min}"),
            Self::Integer(min, max) => format!("whole number, {min} to {max}"),
            Self::Number(min, max) if *min <= f64::MIN && *max >= f64::MAX => "number".to_owned(),
            Self::Number(min, max) if *max >= f64::MAX => format!("number from {min}"),
            Self::Number(min, max) => format!("number, {min} to {max}"),
            Self::Boolean => "true, false".to_owned(),
            Self::Only(value) => value.to_string(),
            Self::Any => "any value".to_owned(),
            Self::OneOf(words) => words.join(", "),
            Self::Method => "method".to_owned(),
            Self::Status => "status rule".to_owned(),
            Self::JsonPath => "JSON path".to_owned(),
            Self::List(of) => format!("list of {}", of.documented()),
            Self::Map(of) => format!("table of {}", of.documented()),
            Self::Table(_) | Self::Cases(_) => "table".to_owned(),
            Self::Either(kinds) => {
                let mut words: Vec<String> = kinds.iter().map(Self::documented).collect();
                words.dedup();
                words.join("; or ")
            }
        }
    }
}

/// Returns the key reference of an ops config in Markdown.
pub(super) fn markdown() -> String {
    use notify::NOTIFY;
    tables(&[
        ("Top level", &TOP),
        ("Service", &SERVICE),
        ("Service of kind `heartbeat`", &heartbeat::HEARTBEAT),
        ("Matcher (an element of `match`)", &MATCHER),
        ("`latency` as a table", &service::LATENCY),
        ("`record` as a table", &service::RECORD),
        ("`tls`", &connection::TLS),
        ("`auth`", &connection::AUTH),
        ("Channel", &top::CHANNEL),
        ("Channel of kind `email`", &email::EMAIL),
        ("`notify`", &NOTIFY),
        ("Route (an element of `notify.routes`)", &notify::ROUTE),
        ("Maintenance", &notify::MAINTENANCE),
        ("`server`", &server::SERVER),
        ("`server.tls`", &server::TLS),
        ("Token (an element of `server.tokens`)", &server::TOKEN),
        ("`server.oidc`", &server::OIDC),
        ("Rule (an element of `server.oidc.allow`)", &server::ALLOW),
        ("`otlp`", &otlp::OTLP),
        ("`history`", &history::HISTORY),
        ("`limits`", &top::LIMITS),
    ])
}

/// Returns the key reference of a file of tests in Markdown.
pub(super) fn suite_markdown() -> String {
    use channel_test::{ACK, FINDING, MESSAGE, REPEATED, REPLY, REQUEST, SUBJECT};
    use suite::{MOCK, NOTICE, PROBE, TEST};
    tables(&[
        ("File", &SUITE),
        ("Test (an element of `test`)", &TEST),
        ("Probe (an element of `probe`)", &PROBE),
        ("Mock (an element of `http`)", &MOCK),
        ("Message (an element of `notify`)", &NOTICE),
        ("Message of a channel (`message`)", &MESSAGE),
        ("`service` of a message", &SUBJECT),
        ("`ack` of a message", &ACK),
        ("`finding` of a message", &FINDING),
        ("Long text", &REPEATED),
        ("Request of a channel (an element of `requests`)", &REQUEST),
        ("Answer to a channel (an element of `answers`)", &REPLY),
    ])
}

/// Returns one table a place.
fn tables(places: &[(&str, &Place)]) -> String {
    let mut text = String::new();
    for (title, place) in places {
        text.push_str("### ");
        text.push_str(title);
        text.push_str("\n\n| key | value | default | what it does |\n| --- | --- | --- | --- |\n");
        for key in place.keys {
            let default = match (place.required.contains(&key.name), key.default) {
                (true, _) => "required".to_owned(),
                (false, "") => String::new(),
                (false, default) => format!("`{default}`"),
            };
            let row = [
                format!("`{}`", key.name),
                key.kind.documented(),
                default,
                key.doc.to_owned(),
            ]
            .map(|cell| cell.replace('|', "\\|"));
            text.push_str("| ");
            text.push_str(&row.join(" | "));
            text.push_str(" |\n");
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}
