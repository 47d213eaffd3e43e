//! The keys of a channel that sends mail.

use super::top::{FALLBACK, FALLBACK_AFTER, NAME};
use super::{Kind, Place, SECOND, key, seconds};
use crate::channel::email::Security;

const ADDRESSES: Kind = Kind::Either(&[Kind::List(&Kind::Word), Kind::Word]);

/// A channel of kind `email`.
pub(super) static EMAIL: Place = Place {
    title: "an e-mail channel",
    keys: &[
        NAME,
        key("kind", Kind::OneOf(&["email"]), "", "`email`."),
        key(
            "host",
            Kind::Word,
            "",
            "Name or address of the mail server that takes what OES sends.",
        ),
        key(
            "port",
            Kind::Integer(1, 65_535),
            "587; implicit 465; none 25",
            "Its port.",
        ),
        key(
            "tls",
            Kind::OneOf(&Security::NAMES),
            "starttls",
            "How the connection is encrypted: `starttls` (nothing is sent if the server does not agree), `implicit` (from the first byte on), `none`.",
        ),
        key(
            "username",
            Kind::Text,
            "",
            "The account that logs in; without it there is no login.",
        ),
        key("password", Kind::Text, "", "Its password."),
        key(
            "from",
            Kind::Word,
            "",
            "The sender: `oes@example.io` or `OES <oes@example.io>`.",
        ),
        key(
            "to",
            ADDRESSES,
            "",
            "Who is told: an address or a list of them.",
        ),
        key("cc", ADDRESSES, "", "Who is told as well."),
        key("reply_to", Kind::Word, "from", "Where answers go."),
        key(
            "ca",
            Kind::File,
            "",
            "PEM file of authorities to trust besides the system's.",
        ),
        key(
            "timeout",
            seconds(SECOND, 15 * SECOND),
            "15s",
            "The deadline of one try.",
        ),
        key(
            "headers",
            Kind::Map(&Kind::Word),
            "",
            "Headers besides those that OES writes.",
        ),
        FALLBACK,
        FALLBACK_AFTER,
    ],
    required: &["name", "kind", "host", "from", "to"],
    open: false,
};
