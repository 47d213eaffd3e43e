//! The keys that say how a service is reached and who asks.

use super::{Kind, Place, key};

const WORDS: Kind = Kind::List(&Kind::Word);

pub(super) static TLS: Place = Place {
    title: "`tls`",
    keys: &[
        key(
            "verify",
            Kind::Boolean,
            "true",
            "Whether the certificate is verified.",
        ),
        key(
            "ca",
            Kind::File,
            "",
            "PEM file of authorities to trust besides the system's.",
        ),
        key(
            "cert",
            Kind::File,
            "",
            "PEM file of the client certificate and its chain.",
        ),
        key(
            "key",
            Kind::File,
            "",
            "PEM file of the client certificate's key (PKCS #8).",
        ),
        key(
            "server_name",
            Kind::Word,
            "",
            "Name to ask for and to verify, instead of the URL's host.",
        ),
    ],
    required: &[],
    open: false,
};

pub(super) static AUTH: Place = Place {
    title: "`auth`",
    keys: &[
        key("basic", Kind::Table(&BASIC), "", "`{ user, password }`"),
        key(
            "bearer",
            Kind::Text,
            "",
            "A token for `Authorization: Bearer`.",
        ),
        key(
            "oauth2",
            Kind::Table(&OAUTH2),
            "",
            "`{ token_url, client_id, client_secret, scopes }`: client credentials.",
        ),
    ],
    required: &[],
    open: false,
};

static BASIC: Place = Place {
    title: "`basic`",
    keys: &[
        key("user", Kind::Text, "", "User name."),
        key("password", Kind::Text, "", "Password."),
    ],
    required: &["user", "password"],
    open: false,
};

static OAUTH2: Place = Place {
    title: "`oauth2`",
    keys: &[
        key("token_url", Kind::Url, "", "Token endpoint."),
        key("client_id", Kind::Text, "", "Client identifier."),
        key("client_secret", Kind::Text, "", "Client secret."),
        key("scopes", WORDS, "", "Scopes to ask for."),
    ],
    required: &["token_url", "client_id", "client_secret"],
    open: false,
};
