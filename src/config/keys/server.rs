//! The keys of where OES answers and who may ask.

use super::{Kind, Place, key};

pub(super) static SERVER: Place = Place {
    title: "`server`",
    keys: &[
        key("listen", Kind::Word, "127.0.0.1:9115", "Address and port."),
        key(
            "public",
            Kind::Boolean,
            "false",
            "Whether whoever reaches `listen` from other machines may look without a token.",
        ),
        key("base_path", Kind::NotYet("a base path"), "", ""),
        key(
            "token",
            Kind::Text,
            "one made at each start",
            "A secret of at least 16 characters; whoever shows it may everything (docs/api.md).",
        ),
        key(
            "tokens",
            Kind::List(&Kind::Table(&TOKEN)),
            "",
            "Tokens of which only a digest is written here; `oes token new` makes one.",
        ),
    ],
    required: &[],
    open: false,
};

pub(super) static TOKEN: Place = Place {
    title: "a token",
    keys: &[
        key("name", Kind::Word, "", "What logs call it."),
        key(
            "hash",
            Kind::Word,
            "",
            "`sha256:` and the SHA-256 of the token in hexadecimal.",
        ),
        key(
            "scope",
            Kind::OneOf(&["read", "operate", "admin"]),
            "read",
            "What it allows: to see everything; to act on incidents, messages and probes as well; everything.",
        ),
    ],
    required: &["name", "hash"],
    open: false,
};
