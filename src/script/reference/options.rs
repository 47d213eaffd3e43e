//! The options that functions take in a map.

/// Names with the kinds of their values.
pub(in crate::script) type Options = &'static [(&'static str, &'static str)];

const REQUEST: Options = &[
    ("headers", "map"),
    ("query", "map"),
    ("bearer", "string"),
    ("timeout", "duration"),
    ("tls", "map"),
    ("json", "any"),
    ("body", "any"),
];
const PAGES: Options = &[
    ("headers", "map"),
    ("query", "map"),
    ("bearer", "string"),
    ("timeout", "duration"),
    ("tls", "map"),
    ("json", "any"),
    ("body", "any"),
    ("cursor", "string"),
];
const EXCHANGE: Options = &[("end", "string"), ("timeout", "duration")];
const TABLE: Options = &[("headers", "bool"), ("delimiter", "string")];
const TRACK: Options = &[("ignore", "array"), ("tolerance", "number")];
const STALE: Options = &[
    ("ignore", "array"),
    ("tolerance", "number"),
    ("gap", "duration"),
];

/// Returns the options of a function, with its handle before it; absent if nothing says what they are.
pub(in crate::script) fn options(function: &str) -> Option<Options> {
    match function {
        "track" => Some(TRACK),
        "stale" => Some(STALE),
        "csv" => Some(TABLE),
        "tcp.exchange" => Some(EXCHANGE),
        "http.pages" => Some(PAGES),
        http if http.starts_with("http.") => Some(REQUEST),
        _ => None,
    }
}
