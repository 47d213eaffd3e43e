//! The keys of who is told when: routes, maintenance.

use super::{ANNOUNCED_AGAIN, DAY, Key, Kind, MINUTE, Place, key, seconds};

const WORDS: Kind = Kind::List(&Kind::Word);
const SERVICES: Key = key(
    "services",
    WORDS,
    "all",
    "Names of services; `*` stands for any text.",
);
const TAGS: Key = key("tags", WORDS, "all", "Tags, one of which a service has.");
const GROUPS: Key = key("groups", WORDS, "all", "Groups.");
const SEVERITIES: Key = key(
    "severities",
    Kind::List(&Kind::OneOf(&["info", "warning", "critical"])),
    "all",
    "Severities.",
);
const VIOLATIONS: Key = key(
    "violations",
    WORDS,
    "all",
    "Violations: `error`, `latency`, `matcher`, `unknown`, `flapping`, `heartbeat`, or a name that a script gives.",
);

/// Keys of a planned time.
const FROM: Key = key(
    "from",
    Kind::Word,
    "",
    "Its beginning: `2026-12-01T02:00`, in `time_zone`, or with an offset.",
);
const UNTIL: Key = key("until", Kind::Word, "", "Its end, in the same form.");
const CRON: Key = key(
    "cron",
    Kind::Word,
    "",
    "Instead of `from` and `until`: when it begins, again and again, as minute, hour, day of month, month, day of week.",
);
const LASTS: Key = key(
    "lasts",
    seconds(MINUTE, 30 * DAY),
    "",
    "With `cron`: how long it lasts.",
);
const ZONE: Key = key(
    "time_zone",
    Kind::Word,
    "that of `notify`",
    "The time zone in which its times are meant.",
);

/// How messages are sent.
pub(super) static NOTIFY: Place = Place {
    title: "`notify`",
    keys: &[
        key(
            "cool_down",
            ANNOUNCED_AGAIN,
            "cool_down",
            "Least time before the same violation of the same service is announced again.",
        ),
        key(
            "gather",
            seconds(0, 10 * MINUTE),
            "2s",
            "How long an opening waits for others.",
        ),
        key(
            "singles",
            Kind::Integer(0, 1000),
            "3",
            "So many openings within a minute have a message of their own on a channel; more become one, which is brought up to date.",
        ),
        key(
            "reminders",
            Kind::Either(&[Kind::List(&seconds(MINUTE, 30 * DAY)), Kind::Only(false)]),
            "1h, 4h, 12h",
            "When people are reminded of an open incident, from its announcement on; daily after the last. `false` for never.",
        ),
        key(
            "routes",
            Kind::List(&Kind::Table(&ROUTE)),
            "",
            "Who is told of what, in order; where none is for an incident, the channels of its service are told.",
        ),
        key(
            "heartbeat_url",
            Kind::Url,
            "",
            "A URL to ask regularly, so that somebody notices when OES is gone.",
        ),
        key(
            "time_zone",
            Kind::Word,
            "UTC",
            "Time zone of the times in messages, such as `Europe/Berlin`.",
        ),
        key(
            "digest_at",
            Kind::Word,
            "",
            "When a daily digest is sent, such as `09:00` in `time_zone`: what is open, what was, what is about to expire. It is a proof of life where all is well.",
        ),
        key(
            "digest_channels",
            WORDS,
            "all",
            "The channels that get the digest.",
        ),
    ],
    required: &[],
    open: false,
};

/// A rule of who is told.
pub(in crate::config) static ROUTE: Place = Place {
    title: "a route",
    keys: &[
        SERVICES,
        TAGS,
        GROUPS,
        SEVERITIES,
        VIOLATIONS,
        key(
            "hours",
            Kind::Word,
            "all day",
            "Hours of the day in which an incident opens, such as `22:00-06:00`, in `notify.time_zone`.",
        ),
        key(
            "days",
            Kind::List(&Kind::OneOf(&[
                "mon", "tue", "wed", "thu", "fri", "sat", "sun",
            ])),
            "all",
            "Days of the week; hours past midnight belong to the day before.",
        ),
        key("channels", WORDS, "", "The channels that are told."),
        key(
            "continue",
            Kind::Boolean,
            "false",
            "Whether the routes after it may add their channels.",
        ),
    ],
    required: &["channels"],
    open: false,
};

/// A planned muting of messages.
pub(in crate::config) static MAINTENANCE: Place = Place {
    title: "a maintenance",
    keys: &[
        key("name", Kind::Word, "", "What people call it."),
        SERVICES,
        TAGS,
        GROUPS,
        SEVERITIES,
        VIOLATIONS,
        FROM,
        UNTIL,
        CRON,
        LASTS,
        ZONE,
    ],
    required: &["name"],
    open: false,
};

/// A planned muting of the messages of one service.
pub(super) static OWN_MAINTENANCE: Place = Place {
    title: "a maintenance",
    keys: &[
        key("name", Kind::Word, "the service's", "What people call it."),
        FROM,
        UNTIL,
        CRON,
        LASTS,
        ZONE,
    ],
    required: &[],
    open: false,
};
