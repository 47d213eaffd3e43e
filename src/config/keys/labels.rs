//! The keys of a file of known outages.

use super::{Kind, Place, key};

/// A file of known outages.
pub(in crate::config) static LABELS: Place = Place {
    title: "a file of outages",
    keys: &[key(
        "outage",
        Kind::List(&Kind::Table(&OUTAGE)),
        "",
        "The outages, in any order.",
    )],
    required: &[],
    open: false,
};

/// A known outage.
pub(super) static OUTAGE: Place = Place {
    title: "an outage",
    keys: &[
        key(
            "from",
            Kind::Word,
            "",
            "When it began: `2026-01-01T00:00:00Z`.",
        ),
        key("to", Kind::Word, "", "When it ended."),
        key("name", Kind::Word, "", "What it is called in the result."),
    ],
    required: &["from", "to"],
    open: false,
};
