//! Time, of which there is one in a run.

use super::{Function, Group};

pub(super) const GROUP: Group = Group {
    title: "Time",
    functions: &[
        Function {
            forms: &["now() -> integer"],
            about: "seconds since 1970; the time of the run",
            example: "let today = now() / 86400;",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["age(time: time) -> number"],
            about: "seconds since a time: RFC 3339 text with a zone, or a number of s, ms, µs or ns by its size",
            example: "let old = age(\"2026-01-01T00:00:00Z\");",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["parse_time(time: time) -> number"],
            about: "the time in seconds since 1970",
            example: "let at = parse_time(\"2026-01-01T00:00:00Z\");",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["time_unix(time: time) -> integer"],
            about: "the time in whole seconds since 1970",
            example: "let at = time_unix(\"2026-01-01T00:00:00Z\");",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["duration(text: duration) -> number"],
            about: "the seconds of `\"1h30m\"`; a number stays what it is",
            example: "let limit = duration(\"1h30m\");",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["human(seconds: number) -> string"],
            about: "`1h 30m` of seconds, two units at most",
            example: "let words = human(5400);",
            requests: false,
            channels: true,
        },
    ],
};
