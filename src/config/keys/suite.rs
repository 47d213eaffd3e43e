//! The keys of a file of tests.

use super::channel_test::{MESSAGE, REPLY, REQUESTS};
use super::{DAY, Key, Kind, MINUTE, Place, key, seconds};
use crate::config::values::Unit;

const ANY_TABLE: Kind = Kind::Map(&Kind::Any);
const WORDS: Kind = Kind::List(&Kind::Word);
const ELAPSED: Kind = Kind::Duration(Unit::Milliseconds, 0, 10 * MINUTE);
pub(super) const CODE: Kind = Kind::Integer(100, 599);
pub(super) const HEADERS: Kind = Kind::Map(&Kind::Word);
pub(super) const JSON: Key = key("json", Kind::Any, "", "The body, sent as JSON.");
pub(super) const BODY: Key = key("body", Kind::Text, "", "The body as text.");
pub(super) const BODY_FILE: Key = key(
    "body_file",
    Kind::File,
    "",
    "A file that holds the body, from the folder of this one.",
);

const EVERY: Key = key(
    "every",
    seconds(1, 365 * DAY),
    "5m; of a config as the daemon probes",
    "How far the clock moves from one probe to the next.",
);
const START: Key = key(
    "start",
    Kind::Word,
    "2026-01-01T00:00:00Z",
    "The time of the first probe.",
);

/// A file of tests.
pub(in crate::config) static SUITE: Place = Place {
    title: "a file of tests",
    keys: &[
        key(
            "script",
            Kind::Word,
            "",
            "The script: a path that ends in `.rhai`, from the folder of this file, or the name of one.",
        ),
        key(
            "channel",
            Kind::Word,
            "",
            "Instead of `script`: a channel script, named in the same way.",
        ),
        key(
            "config",
            Kind::File,
            "",
            "Instead of `script`: an ops config, from the folder of this file, of which one service is tested as the daemon watches it.",
        ),
        key("service", Kind::Word, "", "The name of that service."),
        key(
            "env",
            Kind::Map(&Kind::Word),
            "",
            "Environment variables for `${env:NAME}`, before those that there are.",
        ),
        EVERY,
        START,
        key(
            "defaults",
            Kind::Table(&TEST_DEFAULTS),
            "",
            "Any keys of a test, for tests that do not say otherwise.",
        ),
        key("test", Kind::List(&Kind::Table(&TEST)), "", "The tests."),
    ],
    required: &[],
    open: false,
};

/// One test.
pub(in crate::config) static TEST: Place = Place {
    title: "a test",
    keys: TEST_KEYS,
    required: &["name"],
    open: false,
};

/// What tests have in common.
pub(in crate::config) static TEST_DEFAULTS: Place = Place {
    title: "`defaults`",
    keys: TEST_KEYS,
    required: &[],
    open: false,
};

static TEST_KEYS: &[Key] = &[
    key("name", Kind::Word, "", "What the test shows, a sentence."),
    key(
        "probe",
        Kind::List(&Kind::Table(&PROBE)),
        "",
        "The responses, one after the other.",
    ),
    key(
        "expect",
        Kind::Word,
        "",
        "The outcomes, a letter a probe: P pass, W warn, F fail, U unknown, E error, `.` any; spaces are free.",
    ),
    key(
        "codes",
        WORDS,
        "",
        "The codes of all findings of all probes; `[]` for none.",
    ),
    key(
        "metrics",
        Kind::Map(&Kind::Number(f64::MIN, f64::MAX)),
        "",
        "What the scripts say by `metric` at the last probe, all of it; `{}` for nothing.",
    ),
    key(
        "violations",
        Kind::Word,
        "",
        "Of a config: what is open after each probe, with spaces between: `-` nothing, e error, l latency, m matcher, u unknown, n named by a script, `.` any.",
    ),
    key(
        "notify",
        Kind::List(&Kind::Table(&NOTICE)),
        "",
        "Of a config: the messages, all of them, in order; `[]` for none.",
    ),
    key("params", ANY_TABLE, "", "Parameters of the script."),
    key(
        "http",
        Kind::List(&Kind::Table(&MOCK)),
        "",
        "The answers to the script's own requests.",
    ),
    EVERY,
    START,
    key(
        "expected",
        Kind::Any,
        "",
        "The sample that the script sees as `expected`.",
    ),
    key(
        "url",
        Kind::Url,
        "http://service.test/",
        "The URL of the service.",
    ),
    key("method", Kind::Method, "GET", "The method of its request."),
    key("payload", Kind::Any, "", "The payload of its request."),
    key("tags", WORDS, "", "Its tags."),
    key(
        "status",
        Kind::Status,
        "2xx, or as the script says",
        "The statuses that are accepted before the script runs.",
    ),
    key(
        "secrets",
        Kind::Map(&Kind::Text),
        "",
        "Secrets that the script may use, or secret options of a channel; invent them.",
    ),
    key(
        "hosts",
        WORDS,
        "",
        "Other hosts that the script may ask: `host` or `host:port`.",
    ),
    key(
        "options",
        Kind::Map(&Kind::Either(&[
            Kind::Text,
            Kind::Number(f64::MIN, f64::MAX),
            Kind::Boolean,
        ])),
        "",
        "Of a channel: its options as an ops config writes them. Those under `secrets` are options too, and show as `***`, as does what follows the host of a URL.",
    ),
    key(
        "message",
        Kind::Table(&MESSAGE),
        "",
        "Of a channel: the message.",
    ),
    key(
        "requests",
        Kind::Either(&[REQUESTS, Kind::Text]),
        "",
        "Of a channel: the requests that it makes of the message, all of them, in order; as tables, or as a text that holds them as JSON.",
    ),
    key(
        "answers",
        Kind::List(&Kind::Table(&REPLY)),
        "",
        "Of a channel: answers to its request, each by itself, and what it reads in them.",
    ),
];

/// One probe, or several alike.
pub(in crate::config) static PROBE: Place = Place {
    title: "a probe",
    keys: &[
        JSON,
        BODY,
        BODY_FILE,
        key("status", CODE, "200", "The status."),
        key("headers", HEADERS, "", "Response headers."),
        key(
            "ms",
            ELAPSED,
            "100",
            "How long it took: milliseconds, or \"2s\".",
        ),
        key(
            "error",
            Kind::Word,
            "",
            "Why there is no response: `timeout`, or any name of a failure such as `connect_refused`.",
        ),
        key(
            "repeat",
            Kind::Integer(1, 1_000_000),
            "1",
            "How many probes in a row are like this.",
        ),
        key(
            "then_wait",
            seconds(1, 3650 * DAY),
            "every",
            "How far the clock moves after the last of them.",
        ),
        key(
            "memory",
            ANY_TABLE,
            "",
            "What the script remembers before the first of them, instead of what it remembered.",
        ),
    ],
    required: &[],
    open: false,
};

/// An answer to requests of the script.
pub(in crate::config) static MOCK: Place = Place {
    title: "a mock",
    keys: &[
        key(
            "url",
            Kind::Text,
            "",
            "The URL asked for, query included; one that begins with `/` is of the service's own origin.",
        ),
        key("method", Kind::Method, "any", "The method asked with."),
        key(
            "match_json",
            Kind::Any,
            "",
            "What the request's body holds at least; markers as in `exact`.",
        ),
        key(
            "match_bearer",
            Kind::Text,
            "",
            "The token that the request carries.",
        ),
        key("status", CODE, "200", "The status of the answer."),
        key("headers", HEADERS, "", "Its headers."),
        key("json", Kind::Any, "", "Its body, sent as JSON."),
        key("body", Kind::Text, "", "Its body as text."),
        BODY_FILE,
        key("ms", ELAPSED, "10", "How long it took."),
        key(
            "error",
            Kind::Word,
            "",
            "Why there is no answer, as of a probe.",
        ),
        key(
            "times",
            Kind::Integer(0, 1_000_000),
            "at least once",
            "How many requests it answers, no more and no fewer; the next mock that fits answers those after. 0: it must not be asked.",
        ),
        key(
            "optional",
            Kind::Boolean,
            "false",
            "Whether it is no failure if it is never asked.",
        ),
    ],
    required: &["url"],
    open: false,
};

/// A message that must be sent.
pub(in crate::config) static NOTICE: Place = Place {
    title: "a message",
    keys: &[
        key(
            "at",
            seconds(0, 36_500 * DAY),
            "",
            "When, from the first probe on; it may leave later by `notify.gather` of the config.",
        ),
        key(
            "kind",
            Kind::OneOf(&["opened", "firing", "resolved", "outage"]),
            "",
            "What it tells; `firing` is another word for `opened`.",
        ),
        key(
            "violation",
            Kind::Word,
            "any",
            "Of which violation: error, latency, matcher, unknown, or a name.",
        ),
        key(
            "contains",
            Kind::Text,
            "",
            "A text that it holds, as the console shows it.",
        ),
    ],
    required: &["at", "kind"],
    open: false,
};
