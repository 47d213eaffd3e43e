//! The keys of a service.

use super::connection::{AUTH, TLS};
use super::notify::OWN_MAINTENANCE;
use super::top::LIMITS;
use super::{
    ANNOUNCED_AGAIN, CONFIRM, DAY, ERROR_THRESHOLD, INTERVAL, Key, Kind, MINUTE, Place, SECOND,
    WINDOW, key, seconds,
};
use crate::config::values::Unit;

const TEXTS: Kind = Kind::Map(&Kind::Text);
const WORDS: Kind = Kind::List(&Kind::Word);
const PATHS: Kind = Kind::List(&Kind::JsonPath);
/// Keys of everything that is watched, whether it is asked or reports.
pub(super) const WAS: Key = key(
    "was",
    Kind::Either(&[Kind::Word, WORDS]),
    "",
    "What the service was called before, one name or several: its history, window, memory and open incidents come along.",
);
pub(super) const CHANNELS: Key = key("channels", WORDS, "all", "Channels that are told.");
pub(super) const COOL_DOWN: Key = key(
    "cool_down",
    ANNOUNCED_AGAIN,
    "5m",
    "Least time before the same violation is announced again.",
);
pub(super) const SEVERITY: Key = key(
    "severity",
    Kind::OneOf(&["info", "warning", "critical"]),
    "critical",
    "How bad a violation is.",
);
pub(super) const GROUP: Key = key("group", Kind::Word, "", "The group it is shown in.");
pub(super) const TAGS: Key = key("tags", WORDS, "", "Free words.");
pub(super) const RUNBOOK: Key = key(
    "runbook",
    Kind::Url,
    "",
    "A link for the person who is woken.",
);
pub(super) const DEPENDS_ON: Key = key(
    "depends_on",
    WORDS,
    "",
    "Names of services whose outage explains this one's.",
);
pub(super) const PUBLIC: Key = key(
    "public",
    Kind::Boolean,
    "false",
    "Whether a public page may show it.",
);
pub(super) const OWN: Key = key(
    "maintenance",
    OWN_MAINTENANCES,
    "",
    "Planned times in which its messages are muted; probing goes on.",
);

const SERVICE_KEYS: &[Key] = &[
    key(
        "name",
        Kind::Word,
        "METHOD url",
        "The name of the service: its key in the state file, in messages and metrics.",
    ),
    key(
        "kind",
        Kind::OneOf(&["http", "heartbeat"]),
        "http",
        "What it is: OES asks it, or (`heartbeat`, with keys of its own) it reports to OES.",
    ),
    WAS,
    key("url", Kind::Url, "", "What to ask."),
    key("http_method", Kind::Method, "GET", "The request method."),
    key("method", Kind::Method, "GET", "Short for `http_method`."),
    key(
        "response_matcher",
        Kind::Word,
        "status_code",
        "What judges the response: `status_code`, `types`, `exact`, `non_empty`, or the name of a script.",
    ),
    key(
        "response",
        Kind::Any,
        "",
        "The sample that `types` and `exact` compare with; scripts see it as `expected`.",
    ),
    key(
        "match",
        MATCH,
        "",
        "Several matchers; their findings add up. In place of `response_matcher`.",
    ),
    key(
        "params",
        Kind::Map(&Kind::Any),
        "",
        "Parameters of the script in `response_matcher`.",
    ),
    key(
        "status",
        Kind::Status,
        "2xx",
        "The statuses that `response_matcher` accepts, and those of `match` that say nothing else.",
    ),
    key(
        "payload",
        Kind::Any,
        "",
        "Sent as a JSON body; scripts see it as `payload`.",
    ),
    key("body", Kind::Text, "", "Sent as it is."),
    key(
        "form",
        Kind::Map(&FORM),
        "",
        "Sent as a form (`application/x-www-form-urlencoded`).",
    ),
    key(
        "headers",
        Kind::Map(&Kind::Either(&[Kind::Text, Kind::Only(false)])),
        "",
        "Request headers; those of `defaults` are kept unless named again, and `false` takes one off.",
    ),
    key(
        "timeout",
        seconds(1, 10 * MINUTE),
        "10s",
        "The deadline of one probe, redirects included.",
    ),
    key("interval", INTERVAL, "5m", "Time between two probes."),
    key("latency", LATENCY_KIND, "", "How slow is too slow."),
    ERROR_THRESHOLD,
    WINDOW,
    CONFIRM,
    key(
        "unknown_after",
        seconds(SECOND, 30 * DAY),
        "30m",
        "How long a service may be unjudgeable before that is a violation.",
    ),
    key(
        "limits",
        Kind::Table(&LIMITS),
        "",
        "What one run of its scripts is allowed, over the top level's `limits`.",
    ),
    key(
        "redirects",
        Kind::Integer(0, 10),
        "5",
        "How many redirects are followed.",
    ),
    key("tls", Kind::Table(&TLS), "", "Certificates and names."),
    key(
        "http",
        Kind::OneOf(&["auto", "1.1", "2"]),
        "auto",
        "HTTP version: `auto` takes HTTP/2 where TLS agrees on it.",
    ),
    key(
        "family",
        Kind::OneOf(&["any", "ipv4", "ipv6"]),
        "any",
        "Which addresses are tried.",
    ),
    key(
        "resolve",
        Kind::Map(&Kind::Word),
        "",
        "Addresses for hosts, instead of looking them up.",
    ),
    key(
        "auth",
        Kind::Table(&AUTH),
        "",
        "How the probe says who it is.",
    ),
    key("proxy", Kind::Url, "", "An HTTP proxy for this service."),
    key(
        "body_limit",
        Kind::Size(0, 1 << 30),
        "4MiB",
        "How much of a body is read, after decompression; a compressed body may have 64 KiB more.",
    ),
    key(
        "body_overflow",
        Kind::OneOf(&["fail", "cut"]),
        "fail",
        "What a larger body is: a failure, or cut and judged.",
    ),
    key(
        "hosts",
        WORDS,
        "",
        "Other hosts that scripts of this service may ask, and redirects may reach in a private network: `host` or `host:port`.",
    ),
    key(
        "secrets",
        TEXTS,
        "",
        "Secrets that scripts of this service may send, by name.",
    ),
    CHANNELS,
    COOL_DOWN,
    SEVERITY,
    GROUP,
    TAGS,
    RUNBOOK,
    DEPENDS_ON,
    PUBLIC,
    key(
        "record",
        RECORD_KIND,
        "false",
        "Whether what its probes see is kept for `oes backtest`: `true`, or how much.",
    ),
    OWN,
];

/// A service.
pub(in crate::config) static SERVICE: Place = Place {
    title: "a service",
    keys: SERVICE_KEYS,
    required: &["url"],
    open: false,
};

/// What services take where they say nothing themselves.
pub(in crate::config) static DEFAULTS: Place = Place {
    title: "`defaults`",
    keys: SERVICE_KEYS,
    required: &[],
    open: false,
};

const FORM: Kind = Kind::Either(&[Kind::Text, Kind::Number(f64::MIN, f64::MAX), Kind::Boolean]);
const MATCH: Kind = Kind::List(&Kind::Either(&[Kind::Word, Kind::Table(&MATCHER)]));
const LIMIT: Kind = Kind::Duration(Unit::Milliseconds, 1, 30 * DAY);
const OWN_MAINTENANCES: Kind = Kind::List(&Kind::Table(&OWN_MAINTENANCE));
const RECORD_KIND: Kind = Kind::Either(&[Kind::Boolean, Kind::Table(&RECORD)]);
pub(super) const LATENCY_KIND: Kind = Kind::Either(&[LIMIT, Kind::Table(&LATENCY)]);

/// One matcher of `match`.
pub(in crate::config) static MATCHER: Place = Place {
    title: "a matcher",
    keys: &[
        key(
            "status_code",
            Kind::Either(&[Kind::Only(true), Kind::Status]),
            "",
            "Looks at the status alone: `true`, or the statuses to accept.",
        ),
        key(
            "types",
            Kind::Any,
            "",
            "A sample with the shape of the body.",
        ),
        key("exact", Kind::Any, "", "What the body must equal."),
        key(
            "non_empty",
            Kind::Either(&[Kind::Only(true), Kind::Table(&NON_EMPTY)]),
            "",
            "The body holds something: `true`, or `{ paths, min }`.",
        ),
        key("script", Kind::Word, "", "The name of a matcher script."),
        key(
            "params",
            Kind::Map(&Kind::Any),
            "",
            "Parameters of the script.",
        ),
        key("status", Kind::Status, "2xx", "The statuses to accept."),
        key(
            "extra",
            Kind::OneOf(&["allow", "warn", "deny"]),
            "allow; deny for exact",
            "What an extra key in the body is.",
        ),
        key(
            "ignore",
            PATHS,
            "",
            "Places that are not looked at (`types`, `exact`).",
        ),
        key(
            "numbers",
            Kind::OneOf(&["loose", "strict"]),
            "loose",
            "`strict`: a whole number in the sample demands a whole number (`types`).",
        ),
        key(
            "unordered",
            PATHS,
            "",
            "Arrays compared without order (`exact`).",
        ),
        key(
            "tolerance",
            Kind::Map(&Kind::Either(&[Kind::Number(0.0, f64::MAX), Kind::Word])),
            "",
            "By how much numbers may differ, by path: `2` or `\"1%\"` (`exact`).",
        ),
        key(
            "null_is_missing",
            Kind::Boolean,
            "false",
            "Whether null and a missing key are the same (`exact`).",
        ),
        key(
            "sha256",
            Kind::Word,
            "",
            "SHA-256 of the body, 64 hexadecimal digits; with `exact` or alone.",
        ),
    ],
    required: &[],
    open: false,
};

/// Options that go with each matcher, besides `status`.
pub(in crate::config) const TYPES_OPTIONS: &[&str] = &["extra", "ignore", "numbers"];
pub(in crate::config) const EXACT_OPTIONS: &[&str] = &[
    "extra",
    "ignore",
    "unordered",
    "tolerance",
    "null_is_missing",
    "sha256",
];
pub(in crate::config) const NON_EMPTY_OPTIONS: &[&str] = &[];
pub(in crate::config) const SCRIPT_OPTIONS: &[&str] = &["params"];

pub(super) static RECORD: Place = Place {
    title: "`record`",
    keys: &[
        key(
            "keep",
            seconds(MINUTE, 400 * DAY),
            "7d",
            "How long: what is older goes.",
        ),
        key(
            "size",
            Kind::Size(64 << 10, 1 << 40),
            "100MB",
            "How much of the disk, compressed: the oldest go first.",
        ),
    ],
    required: &[],
    open: false,
};

static NON_EMPTY: Place = Place {
    title: "`non_empty`",
    keys: &[
        key(
            "paths",
            PATHS,
            "",
            "Places that must hold something; the whole body if absent.",
        ),
        key(
            "min",
            Kind::Integer(0, i64::MAX),
            "1",
            "How many elements there must be.",
        ),
    ],
    required: &[],
    open: false,
};

pub(super) static LATENCY: Place = Place {
    title: "`latency`",
    keys: &[
        key("limit", LIMIT, "", "The limit."),
        key(
            "trigger",
            Kind::OneOf(&["mean", "median", "k_of_n", "percentile"]),
            "mean",
            "How the window is held against the limit.",
        ),
        key(
            "k",
            Kind::Integer(1, 1000),
            "",
            "How many of the window must be slower (`k_of_n`).",
        ),
        key(
            "percentile",
            Kind::Integer(1, 100),
            "",
            "Which percentile (`percentile`).",
        ),
        WINDOW,
    ],
    required: &["limit"],
    open: false,
};
