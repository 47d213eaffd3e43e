//! Text, formats and digests.

use super::{Function, Group};

pub(super) const GROUP: Group = Group {
    title: "Text",
    functions: &[
        Function {
            forms: &["cut(text: string, units: integer) -> string"],
            about: "at most so many UTF-16 units of the text, as chat services count; `…` is added",
            example: "let short = cut(\"a long text\", 5);",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["utf16_len(text: string) -> integer"],
            about: "how many UTF-16 units the text has",
            example: "let units = utf16_len(\"text\");",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["url_encode(text: string) -> string"],
            about: "the text as it stands in a URL",
            example: "let query = url_encode(\"a b\");",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["base64_encode(text: string) -> string"],
            about: "the text in base64; of a stand-in of a secret a stand-in again",
            example: "let encoded = base64_encode(\"user:password\");",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["base64_decode(text: string) -> string"],
            about: "the text that base64 in either alphabet holds",
            example: "let text = base64_decode(\"YQ==\");",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["hex_encode(text: string) -> string"],
            about: "the bytes of the text in hexadecimal digits",
            example: "let digits = hex_encode(\"a\");",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["sha256(text: string) -> string"],
            about: "the digest in hexadecimal digits",
            example: "let digest = sha256(\"a\");",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["hmac_sha256(key: string, text: string, encoding?: string) -> string"],
            about: "the digest with a key, in hexadecimal digits or as `\"base64\"`",
            example: "let digest = hmac_sha256(\"key\", \"text\", \"base64\");",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["matches(text: string, pattern: string) -> bool"],
            about: "whether a regular expression is found, in time linear in the text",
            example: "let fine = matches(\"v1.2\", \"^v[0-9]\");",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["captures(text: string, pattern: string) -> any"],
            about: "the match and its groups as an array, `()` without a match",
            example: "let parts = captures(\"v1.2\", \"v([0-9]+)\");",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["lines(text: string) -> array"],
            about: "the lines of the text",
            example: "for line in lines(\"a\\nb\") { print(line); }",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["csv(text: string, options?: map) -> array"],
            about: "the rows as maps by the names in the first, or with `headers: false` as arrays; option `delimiter`",
            example: "let rows = csv(\"a;b\\n1;2\", #{ delimiter: \";\" });",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["xml(text: string) -> map"],
            about: "the root element: `_text` is its own text, `@id` an attribute, every name of a child element an array",
            example: "let root = xml(\"<a><b>1</b></a>\");",
            requests: false,
            channels: true,
        },
        Function {
            forms: &["parse_url(text: string) -> map"],
            about: "`scheme host port path query fragment`, `query` a map",
            example: "let host = parse_url(\"https://api.example.io/a\").host;",
            requests: false,
            channels: true,
        },
    ],
};
