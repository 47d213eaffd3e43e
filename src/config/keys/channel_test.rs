//! The keys of a test of a channel script.

use super::suite::{BODY, BODY_FILE, CODE, HEADERS, JSON};
use super::{DAY, Key, Kind, Place, key, seconds};

/// A text, or one that would be long to write.
const LONG: Kind = Kind::Either(&[Kind::Text, Kind::Table(&REPEATED)]);

/// What a test says of a message. What it leaves out is as in an example.
pub(in crate::config) static MESSAGE: Place = Place {
    title: "a message",
    keys: &[
        key(
            "kind",
            Kind::OneOf(&[
                "opened",
                "reminder",
                "acked",
                "resolved",
                "outage",
                "unwatched",
                "storm",
                "digest",
            ]),
            "opened",
            "What it tells.",
        ),
        key(
            "unheard",
            Kind::OneOf(&["cool_down", "unreachable", "brief"]),
            "brief",
            "Of an `outage`: why the channel was not told before.",
        ),
        key("service", Kind::Table(&SUBJECT), "", "The service."),
        key("violation", Kind::Word, "error", "The rule that is broken."),
        key("rule", LONG, "", "The rule and its numbers."),
        key("exchange", LONG, "", "What was asked and answered."),
        key(
            "finding",
            Kind::Either(&[Kind::Table(&FINDING), Kind::Only(false)]),
            "",
            "What was found; `false` for nothing.",
        ),
        key(
            "open_for",
            seconds(0, 3650 * DAY),
            "0s while open, else 28m",
            "How long it has been open, or was.",
        ),
        key(
            "last_good",
            Kind::Either(&[seconds(0, 3650 * DAY), Kind::Only(false)]),
            "2m",
            "How long before its opening the last probe passed; `false` for never.",
        ),
        key(
            "probes",
            Kind::Text,
            "PPFF",
            "The probes that the rule saw, a letter each as in `expect`, a minute apart.",
        ),
        key(
            "ms",
            Kind::List(&Kind::Integer(0, 600_000)),
            "",
            "How long they took, in milliseconds, the first ones first; of the others nothing was measured.",
        ),
        key(
            "possible_repeat",
            Kind::Boolean,
            "false",
            "Whether an earlier try may have arrived.",
        ),
        key(
            "durable",
            Kind::Boolean,
            "true",
            "Whether the try is on disk.",
        ),
        key(
            "remote_ref",
            LONG,
            "",
            "What the provider calls the message about the incident before it.",
        ),
        key("muted", LONG, "", "What held the opening back before."),
        key(
            "open",
            Kind::Integer(0, 100_000),
            "4 in a `storm`, else 0",
            "Of a `storm` or `digest`: how many incidents are open, all like this one but for their services.",
        ),
        key(
            "over",
            Kind::Integer(0, 100_000),
            "0",
            "Of a `storm` or `digest`: how many incidents are over.",
        ),
        key(
            "services",
            Kind::Integer(1, 1_000_000),
            "40",
            "Of a `storm` or `digest`: how many services are watched.",
        ),
        key(
            "edit",
            Kind::Word,
            "",
            "Of a `storm`: what the provider calls the message that is to be edited.",
        ),
        key(
            "first",
            Kind::Boolean,
            "true while something is open and nothing is edited",
            "Of a `storm`: whether the channel hears of it for the first time.",
        ),
        key(
            "reminders",
            Kind::Integer(0, 1000),
            "1 in a reminder, else 0",
            "How many reminders there were.",
        ),
        key(
            "ack",
            Kind::Table(&ACK),
            "",
            "Of `acked`: who has taken it on.",
        ),
        key("link", LONG, "", "A page about the incident."),
        key("message_id", LONG, "msg_example", "Its id."),
        key("attempt", Kind::Integer(1, 1000), "1", "Which try it is."),
        key(
            "plain",
            Kind::Boolean,
            "false",
            "Whether a try with everything in it was refused as `plainer`.",
        ),
    ],
    required: &[],
    open: false,
};

/// The service of a message.
pub(in crate::config) static SUBJECT: Place = Place {
    title: "a service",
    keys: &[
        key("name", LONG, "example", "Its name."),
        key("method", Kind::Word, "", "Method of its request."),
        key("url", LONG, "", "URL of its request."),
        key(
            "severity",
            Kind::OneOf(&["info", "warning", "critical"]),
            "critical",
            "How bad a violation of it is.",
        ),
        key("group", LONG, "", "Its group."),
        key("tags", Kind::List(&LONG), "", "Its tags."),
        key("runbook", LONG, "", "Link to instructions."),
    ],
    required: &[],
    open: false,
};

/// Who has taken an incident on.
pub(in crate::config) static ACK: Place = Place {
    title: "an acknowledgement",
    keys: &[
        key("by", LONG, "", "Who."),
        key("reason", LONG, "", "Why, or what comes next."),
    ],
    required: &["by"],
    open: false,
};

/// The finding of a message.
pub(in crate::config) static FINDING: Place = Place {
    title: "a finding",
    keys: &[
        key("code", LONG, "", "Its code."),
        key("path", LONG, "", "Where it is in the body."),
        key("problem", LONG, "", "What is wrong, without the path."),
        key("expected", Kind::Any, "", "What should be there."),
        key("actual", Kind::Any, "", "What is there."),
        key("place", LONG, "", "The place in the script."),
        key(
            "more",
            Kind::Integer(0, 1000),
            "0",
            "How many more findings there were.",
        ),
    ],
    required: &["problem"],
    open: false,
};

/// A text that says the same many times.
pub(in crate::config) static REPEATED: Place = Place {
    title: "a long text",
    keys: &[
        key("repeat", Kind::Text, "", "What it says."),
        key("times", Kind::Integer(1, 100_000), "", "How many times."),
    ],
    required: &["repeat", "times"],
    open: false,
};

/// A request that must be made.
pub(in crate::config) static REQUEST: Place = Place {
    title: "a request",
    keys: &[
        key("method", Kind::Method, "POST", "Its method."),
        key("url", Kind::Text, "", "Where to, secrets as `***`."),
        key(
            "headers",
            Kind::Map(&Kind::Text),
            "",
            "All its headers but those that OES sets: `Host`, `User-Agent`, and `Content-Type` of JSON and of plain text.",
        ),
        key("json", Kind::Any, "", "Its body as JSON."),
        key("body", Kind::Text, "", "Its body as text."),
        key(
            "match_json",
            Kind::Any,
            "",
            "What its body holds at least, instead of `json`; markers as in `exact`.",
        ),
    ],
    required: &["url"],
    open: false,
};

/// The requests of a message.
pub(in crate::config) const REQUESTS: Kind = Kind::List(&Kind::Table(&REQUEST));

/// An answer to a request, and what the script reads in it.
pub(in crate::config) static REPLY: Place = Place {
    title: "an answer",
    keys: REPLY_KEYS,
    required: &["status", "reads"],
    open: false,
};

static REPLY_KEYS: &[Key] = &[
    key("status", CODE, "", "The status."),
    key("headers", HEADERS, "", "Response headers."),
    JSON,
    BODY,
    BODY_FILE,
    key(
        "index",
        Kind::Integer(0, 9),
        "0",
        "To which request it is the answer.",
    ),
    key(
        "reads",
        Kind::Word,
        "",
        "What the script reads: `taken`, `taken as ID`, `retry`, `retry after 30s`, `rate_limited after 5s`, `rate_limited after 5s, global`, `reject`, `reject, plainer`, `disable`, `edit_gone`, `unknown`.",
    ),
    key(
        "reason",
        Kind::Text,
        "any",
        "The reason that the script gives.",
    ),
];
