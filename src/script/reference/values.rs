//! The values that are there everywhere, and the parameters.

use super::{Function, Group, Property, Value};

pub(super) const VALUES: &[Value] = &[
    Value {
        name: "response",
        kind: "response",
        about: "the response that is judged",
        properties: RESPONSE,
    },
    Value {
        name: "body",
        kind: "any",
        about: "the parsed body, `response.json`: read only, `.copy()` gives one that can be changed",
        properties: &[],
    },
    Value {
        name: "request",
        kind: "map",
        about: "what was asked, secrets as `***`",
        properties: &[
            Property("method", "string", "the method"),
            Property("url", "string", "the URL"),
            Property("headers", "map", "the headers, names in lower case"),
        ],
    },
    Value {
        name: "service",
        kind: "map",
        about: "what the config says of the service",
        properties: &[
            Property("name", "string", "its name"),
            Property("url", "string", "its URL"),
            Property("method", "string", "the method of its request"),
            Property("payload", "any", "the `payload` of its request, or `()`"),
            Property("tags", "array", "its tags"),
            Property("group", "any", "its group, or `()`"),
            Property("interval", "number", "seconds between two probes"),
            Property("timeout", "number", "seconds that a probe may take"),
            Property(
                "latency_ms",
                "any",
                "the limit of its `latency` rule in milliseconds, or `()`",
            ),
        ],
    },
    Value {
        name: "params",
        kind: "map",
        about: "the parameters, defaults of the header included",
        properties: &[],
    },
    Value {
        name: "expected",
        kind: "any",
        about: "the config's `response` sample, or `()`",
        properties: &[],
    },
    Value {
        name: "prev",
        kind: "response",
        about: "the last response that had a body, or `()`; has what `response` has, and besides:",
        properties: PREV,
    },
    Value {
        name: "memory",
        kind: "memory",
        about: "what the scripts of the service remember",
        properties: &[],
    },
    Value {
        name: "http",
        kind: "http",
        about: "requests",
        properties: &[],
    },
    Value {
        name: "auth",
        kind: "auth",
        about: "tokens",
        properties: &[],
    },
    Value {
        name: "tcp",
        kind: "tcp",
        about: "plain connections",
        properties: &[],
    },
    Value {
        name: "dns",
        kind: "dns",
        about: "the resolver",
        properties: &[],
    },
    Value {
        name: "tls",
        kind: "tls",
        about: "certificates",
        properties: &[],
    },
];

const RESPONSE: &[Property] = &[
    Property("status", "integer", "the status code"),
    Property("ok", "bool", "whether the status is 2xx"),
    Property("headers", "map", "the headers, names in lower case"),
    Property("json", "any", "the parsed body"),
    Property("text", "string", "the body as text"),
    Property("size", "integer", "bytes of the body"),
    Property("elapsed_ms", "number", "how long the exchange took"),
    Property("error", "any", "why no response came, or `()`"),
    Property("url", "string", "the URL that answered, after redirects"),
    Property(
        "timing",
        "map",
        "milliseconds of each phase and `total`, `()` where a phase did not happen",
    ),
    Property(
        "tls",
        "any",
        "`days_left issuer subject` of the certificate, or `()`",
    ),
];

const PREV: &[Property] = &[
    Property("at", "any", "when it came, seconds since 1970"),
    Property("age", "any", "how long ago it came, in seconds"),
];

pub(super) const PARAMETERS: Group = Group {
    title: "Parameters",
    functions: &[
        Function {
            forms: &["param(name: string, default?: any) -> any"],
            about: "the parameter of the config, else the header's default, else `default`; none of them is an error of the config",
            example: "let limit = param(\"limit\", 5);",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["copy(value: any) -> any"],
            about: "a copy of a part of the response that can be changed: `body.copy()`",
            example: "let mine = body.copy();",
            requests: false,
            channels: false,
        },
    ],
};
