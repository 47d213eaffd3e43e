//! What the scripts of a service remember.

use super::{Function, Group};

pub(super) const GROUP: Group = Group {
    title: "Memory",
    functions: &[
        Function {
            forms: &["memory.get(key: string, default?: any) -> any"],
            about: "what is remembered under the key; nothing is the default, else `()`",
            example: "let last = memory.get(\"last\", 0);",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["memory.set(key: string, value: any, ttl?: duration) -> nothing"],
            about: "remembers a value, with `ttl` for so long",
            example: "memory.set(\"token\", \"t1\", \"50m\");",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["memory.del(key: string) -> nothing"],
            about: "forgets a value",
            example: "memory.del(\"token\");",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["memory.push(key: string, value: any, keep: integer) -> array"],
            about: "appends to a list, keeps the last `keep` of it and returns them",
            example: "let recent = memory.push(\"recent\", num(body, \"$.price\"), 12);",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["memory.record(key: string, value: any, keep?: duration) -> nothing"],
            about: "keeps values of the last 24 hours, or so long, about 256 of them",
            example: "memory.record(\"price\", num(body, \"$.price\"), \"7d\");",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["memory.at(key: string, ago: duration, default?: any) -> any"],
            about: "the recorded value nearest to that time ago, at most a tenth of it off; nothing is the default, else `()`",
            example: "let yesterday = memory.at(\"price\", \"24h\");",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["memory.shared(name: string) -> shared_memory"],
            about: "what the scripts of all services remember together under that name, which is written out",
            example: "let prices = memory.shared(\"prices\"); note(prices.get(\"btc\", 0));",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["shared_memory.get(key: string, default?: any) -> any"],
            about: "what is remembered together under the key; nothing is the default, else `()`",
            example: "let btc = memory.shared(\"prices\").get(\"btc\", 0);",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["shared_memory.set(key: string, value: any, ttl?: duration) -> nothing"],
            about: "remembers a value for all services, with `ttl` for so long",
            example: "memory.shared(\"prices\").set(\"btc\", num(body, \"$.price\"), \"10m\");",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["shared_memory.del(key: string) -> nothing"],
            about: "forgets a value for all services",
            example: "memory.shared(\"prices\").del(\"btc\");",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["shared_memory.push(key: string, value: any, keep: integer) -> array"],
            about: "appends to a list, keeps the last `keep` of it and returns them; of two runs at once one counts",
            example: "let recent = memory.shared(\"prices\").push(\"recent\", num(body, \"$.price\"), 12);",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["track(key: string, value: any, options?: map) -> map"],
            about: "since when a value is what it is: `changed first unchanged_for since previous changes samples gap value`; options `ignore`, `tolerance`",
            example: "let chart = track(\"chart\", body);",
            requests: false,
            channels: false,
        },
        Function {
            forms: &[
                "stale(key: string, value: any, longer_than: duration, options?: map) -> bool",
            ],
            about: "whether a value is the same for so long and was seen at least twice; options `ignore`, `tolerance`, `gap`",
            example: "expect(!stale(\"chart\", body, \"15m\"), \"the chart is frozen\");",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["monotonic(key: string, number: number, forget_after?: duration) -> bool"],
            about: "`false` while a number is below the highest seen, which is forgotten after so long below it",
            example: "expect(monotonic(\"height\", num(body, \"$.height\")), \"the height went back\");",
            requests: false,
            channels: false,
        },
    ],
};
