//! The keys of where OES answers and who may ask.

use super::{Kind, Place, key};

pub(super) static SERVER: Place = Place {
    title: "`server`",
    keys: &[
        key(
            "listen",
            Kind::Word,
            "127.0.0.1:9115",
            "Address and port, or `unix:` and the path of a socket.",
        ),
        key(
            "public",
            Kind::Boolean,
            "false",
            "Whether whoever reaches `listen` from other machines sees the public view of the status page without a token.",
        ),
        key(
            "url",
            Kind::Url,
            "",
            "Where people find the status page: messages link to it, and it shows the public view to whoever has no token.",
        ),
        key(
            "title",
            Kind::Word,
            "Status",
            "What the status page is called.",
        ),
        key(
            "base_path",
            Kind::Word,
            "/",
            "What the path of every page begins with, such as `/oes`, for a proxy that serves other things as well.",
        ),
        key("tls", Kind::Table(&TLS), "", "Encrypts every connection."),
        key(
            "proxies",
            Kind::List(&Kind::Word),
            "",
            "Addresses and networks of proxies that are believed when they say who calls, and how: `X-Forwarded-For`, `X-Forwarded-Proto`.",
        ),
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

pub(super) static TLS: Place = Place {
    title: "`server.tls`",
    keys: &[
        key(
            "cert",
            Kind::File,
            "",
            "PEM file with the certificate and those of its issuers; a new one is shown from the next connection on.",
        ),
        key("key", Kind::File, "", "PEM file with its key (PKCS #8)."),
    ],
    required: &["cert", "key"],
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
