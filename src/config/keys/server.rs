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
        key(
            "oidc",
            Kind::Table(&OIDC),
            "",
            "Lets people log in by OpenID Connect (docs/api.md).",
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

pub(super) static OIDC: Place = Place {
    title: "`server.oidc`",
    keys: &[
        key(
            "issuer",
            Kind::Url,
            "",
            "What the provider calls itself, to the last slash; https, but for one on this machine.",
        ),
        key("client_id", Kind::Word, "", "What OES is called there."),
        key(
            "client_secret",
            Kind::Text,
            "",
            "The secret that the provider has made for OES; a public client has none.",
        ),
        key(
            "name",
            Kind::Word,
            "the host of the issuer",
            "What people call the provider: the page says «Log in with …».",
        ),
        key(
            "scopes",
            Kind::List(&Kind::Word),
            "email",
            "What is asked for besides `openid`.",
        ),
        key(
            "groups_claim",
            Kind::Word,
            "groups",
            "The claim in which the provider lists groups.",
        ),
        key(
            "ca",
            Kind::File,
            "",
            "PEM file with certificate authorities to trust besides the system's.",
        ),
        key(
            "allow",
            Kind::List(&Kind::Table(&ALLOW)),
            "",
            "Who is let in; nobody else is.",
        ),
    ],
    required: &["issuer", "client_id", "allow"],
    open: false,
};

pub(super) static ALLOW: Place = Place {
    title: "a rule of logins",
    keys: &[
        key(
            "email",
            Kind::Word,
            "",
            "An e-mail address, or `@` and a domain for everybody there; the provider must say that it is verified.",
        ),
        key(
            "subject",
            Kind::Word,
            "",
            "What the provider knows one person by (`sub`).",
        ),
        key(
            "group",
            Kind::Word,
            "",
            "A group, as the provider writes it.",
        ),
        key(
            "scope",
            Kind::OneOf(&["read", "operate", "admin"]),
            "read",
            "What it allows, as of a token; whom several rules fit gets the most of them.",
        ),
    ],
    required: &[],
    open: false,
};
