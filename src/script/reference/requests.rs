//! Requests of a script's own.

use super::{Function, Group};

pub(super) const HTTP: Group = Group {
    title: "Requests",
    functions: &[
        Function {
            forms: &[
                "http.get(url: string, options?: map) -> map",
                "http.delete(url: string, options?: map) -> map",
                "http.delete(url: string, json: any, options: map) -> map",
            ],
            about: "`ok status headers json text error elapsed_ms` of the answer; no answer throws. Options: `headers query bearer timeout tls json body`",
            example: "let answer = http.get(service.url, #{ timeout: \"5s\" });",
            requests: true,
            channels: false,
        },
        Function {
            forms: &[
                "http.post(url: string, json: any, options?: map) -> map",
                "http.put(url: string, json: any, options?: map) -> map",
                "http.patch(url: string, json: any, options?: map) -> map",
            ],
            about: "sends JSON; the answer as of `http.get`",
            example: "let answer = http.post(service.url, #{ id: 1 });",
            requests: true,
            channels: false,
        },
        Function {
            forms: &["http.request(method: string, url: string, options?: map) -> map"],
            about: "sends what the options say with any method; the answer as of `http.get`",
            example: "let answer = http.request(\"OPTIONS\", service.url);",
            requests: true,
            channels: false,
        },
        Function {
            forms: &["http.get_json(url: string, options?: map) -> any"],
            about: "the JSON of the answer; no answer, another status than 2xx or no JSON is `unknown` (of the service's own origin `fail`) unless caught",
            example: "let reference = num(http.get_json(service.url), \"$.price\");",
            requests: true,
            channels: false,
        },
        Function {
            forms: &[
                "http.jsonrpc(url: string, method: string, params: any, options?: map) -> any",
            ],
            about: "the result of a JSON-RPC call; failures as of `http.get_json`",
            example: "let height = hex(http.jsonrpc(service.url, \"eth_blockNumber\", []));",
            requests: true,
            channels: false,
        },
        Function {
            forms: &[
                "http.graphql(url: string, query: string, variables?: any, options?: map) -> any",
            ],
            about: "the data of a GraphQL answer; failures as of `http.get_json`, `errors` too",
            example: "let data = http.graphql(service.url, \"{ orders { id } }\");",
            requests: true,
            channels: false,
        },
        Function {
            forms: &[
                "http.pages(url: string, items: string, next: string, options?: map) -> array",
            ],
            about: "the items of all pages: paths to the items of a page and to what leads to the next one; failures as of `http.get_json`",
            example: "let orders = http.pages(service.url, \"$.items\", \"$.next\");",
            requests: true,
            channels: false,
        },
        Function {
            forms: &["secret(name: string) -> string"],
            about: "a stand-in that becomes the secret inside a request only and prints `***`",
            example: "let answer = http.get(service.url, #{ bearer: secret(\"KEY\") });",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["auth.oauth2(name: string) -> string"],
            about: "a stand-in for a token by client credentials, from where the header's `[oauth2.NAME]` says; kept until it expires",
            example: "let answer = http.get(service.url, #{ bearer: auth.oauth2(\"shop\") });",
            requests: true,
            channels: false,
        },
    ],
};

pub(super) const OTHERS: Group = Group {
    title: "Other protocols",
    functions: &[
        Function {
            forms: &["tcp.exchange(host: string, port: integer, send: any, options?: map) -> map"],
            about: "`ok text hex error elapsed_ms` of what comes back for a text or an array of bytes; no answer throws. Options: `end timeout`",
            example: "let answer = tcp.exchange(parse_url(service.url).host, 6379, \"PING\\r\\n\", #{ end: \"\\r\\n\" });",
            requests: true,
            channels: false,
        },
        Function {
            forms: &["dns.lookup(name: string, kind?: string) -> array"],
            about: "the records as texts, addresses (`A`) where no kind is given; kinds: `A AAAA CAA CNAME MX NS PTR SOA SRV TXT`",
            example: "let exchangers = dns.lookup(parse_url(service.url).host, \"MX\");",
            requests: true,
            channels: false,
        },
        Function {
            forms: &["tls.certificate(host: string, port?: integer) -> map"],
            about: "`days_left subject issuer names not_before not_after self_signed` of the certificate that is shown, valid or not",
            example: "expect(tls.certificate(parse_url(service.url).host).days_left > 14, \"it expires soon\");",
            requests: true,
            channels: false,
        },
    ],
};
