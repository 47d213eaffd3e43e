//! What every recipe of the cookbook is given, and what it must find.

/// What happens at one probe: minutes since the first, the service's answer, and what its script's requests are answered.
pub(super) struct Probe {
    pub(super) minute: i64,
    pub(super) body: &'static str,
    pub(super) headers: &'static [(&'static str, &'static str)],
    pub(super) days_left: i64,
    pub(super) answers: &'static [(&'static str, u16, &'static str)],
}

const PROBE: Probe = Probe {
    minute: 0,
    body: "{}",
    headers: &[],
    days_left: 90,
    answers: &[],
};

const fn body(body: &'static str) -> Probe {
    Probe { body, ..PROBE }
}

const fn at(minute: i64, body: &'static str) -> Probe {
    Probe {
        minute,
        body,
        ..PROBE
    }
}

const fn answers(
    body: &'static str,
    answers: &'static [(&'static str, u16, &'static str)],
) -> Probe {
    Probe {
        body,
        answers,
        ..PROBE
    }
}

const fn headers(headers: &'static [(&'static str, &'static str)]) -> Probe {
    Probe { headers, ..PROBE }
}

const fn certificate(days_left: i64) -> Probe {
    Probe { days_left, ..PROBE }
}

/// A recipe with probes that are fine, probes that are not, and what it finds in the last of these.
pub(super) struct Case {
    pub(super) number: u32,
    pub(super) fine: &'static [Probe],
    pub(super) bad: &'static [Probe],
    pub(super) found: &'static [&'static str],
}

const fn case(
    number: u32,
    fine: &'static [Probe],
    bad: &'static [Probe],
    found: &'static [&'static str],
) -> Case {
    Case {
        number,
        fine,
        bad,
        found,
    }
}

/// One case for each recipe, in order.
pub(super) const CASES: &[Case] = &[
    case(
        1,
        &[body("{}")],
        &[body("<html>")],
        &[
            "fail not_json: expected JSON, got application/json, 6 bytes starting \"<html>\": expected value at line 1 column 1",
        ],
    ),
    case(
        2,
        &[body(r#"{"status":"fine","items":[{"id":7}]}"#)],
        &[body(r#"{"status":1,"items":[{"id":"x"}]}"#)],
        &[
            "fail type: expected string (like \"ok\"), got number 1",
            "fail type: expected number (like 1), got string \"x\"",
        ],
    ),
    case(
        3,
        &[
            at(0, r#"{"c":[1],"served_at":1}"#),
            at(10, r#"{"c":[2],"served_at":2}"#),
            at(20, r#"{"c":[2],"served_at":3}"#),
        ],
        &[
            at(0, r#"{"c":[1],"served_at":1}"#),
            at(20, r#"{"c":[1],"served_at":2}"#),
        ],
        &[
            "fail the-chart-has-not-changed-for-15-minutes: the chart has not changed for 15 minutes",
        ],
    ),
    case(
        4,
        &[body(r#"{"updated":"2026-03-01T11:57:00Z"}"#)],
        &[body(r#"{"updated":"2026-03-01T11:00:00Z"}"#)],
        &["fail the-data-is-older-than-5-minutes: the data is older than 5 minutes"],
    ),
    case(
        5,
        &[body(r#"{"price":1.5}"#)],
        &[body(r#"{"price":150}"#)],
        &["fail range: expected number 0.01..100, got number 150"],
    ),
    case(
        6,
        &[at(0, r#"{"price":1.0}"#), at(1, r#"{"price":1.1}"#)],
        &[
            at(0, r#"{"price":1.0}"#),
            at(1, r#"{"price":1.0}"#),
            at(2, r#"{"price":2.0}"#),
        ],
        &["fail the-price-jumped: the price jumped"],
    ),
    case(
        7,
        &[answers(
            r#"{"price":1.0}"#,
            &[("GET /price", 200, r#"{"usd":1.01}"#)],
        )],
        &[answers(
            r#"{"price":1.0}"#,
            &[("GET /price", 200, r#"{"usd":2}"#)],
        )],
        &["fail the-price-is-off-the-reference: the price is off the reference"],
    ),
    case(
        8,
        &[body(r#"{"items":[1,2,3]}"#)],
        &[body(r#"{"items":[1,2]}"#)],
        &["fail length: expected at least 3 items, got 2"],
    ),
    case(
        9,
        &[
            at(0, r#"{"height":5}"#),
            at(1, r#"{"height":5}"#),
            at(2, r#"{"height":6}"#),
        ],
        &[at(0, r#"{"height":5}"#), at(1, r#"{"height":4}"#)],
        &["fail the-height-went-back: the height went back"],
    ),
    case(
        10,
        &[answers(
            r#"{"height":14}"#,
            &[("POST /", 200, r#"{"result":"0x10"}"#)],
        )],
        &[answers(
            r#"{"height":10}"#,
            &[("POST /", 200, r#"{"result":"0x10"}"#)],
        )],
        &["fail the-node-lags-behind: the node lags behind"],
    ),
    case(
        11,
        &[body(r#"{"data":{"orders":[{"id":1}]}}"#)],
        &[body(r#"{"data":{"orders":[{"id":1}]},"errors":[]}"#)],
        &["fail unexpected_key: unexpected key, got an empty array"],
    ),
    case(
        12,
        &[answers("", &[("POST /rpc", 200, r#"{"result":"1"}"#)])],
        &[answers(
            "",
            &[("POST /rpc", 200, r#"{"error":{"code":-32601}}"#)],
        )],
        &["fail dependency: net_version failed: {\"code\":-32601}"],
    ),
    case(
        13,
        &[answers(
            "",
            &[
                ("POST /token", 200, r#"{"access_token":"t-o-k-e-n"}"#),
                ("GET /orders", 200, r#"{"items":[1]}"#),
            ],
        )],
        &[answers(
            "",
            &[
                ("POST /token", 200, r#"{"access_token":"t-o-k-e-n"}"#),
                ("GET /orders", 200, r#"{"items":[]}"#),
            ],
        )],
        &["fail no-orders: no orders"],
    ),
    case(
        14,
        &[answers(
            "",
            &[
                ("POST /notes", 201, r#"{"id":7}"#),
                ("GET /notes/7", 200, r#"{"text":"hello"}"#),
                ("DELETE /notes/7", 200, "{}"),
            ],
        )],
        &[answers(
            "",
            &[
                ("POST /notes", 201, r#"{"id":7}"#),
                ("GET /notes/7", 404, "{}"),
                ("DELETE /notes/7", 500, "{}"),
            ],
        )],
        &[
            "fail cannot-delete-the-note: cannot delete the note",
            "fail dependency: api.example.io answered with status 404",
        ],
    ),
    case(
        15,
        &[answers(
            r#"{"total":2}"#,
            &[
                (
                    "GET /orders",
                    200,
                    r#"{"items":[{"id":1}],"next":"/orders/2"}"#,
                ),
                ("GET /orders/2", 200, r#"{"items":[{"id":2}]}"#),
            ],
        )],
        &[answers(
            r#"{"total":3}"#,
            &[
                (
                    "GET /orders",
                    200,
                    r#"{"items":[{"id":1}],"next":"/orders/2"}"#,
                ),
                ("GET /orders/2", 200, r#"{"items":[{"id":1}]}"#),
            ],
        )],
        &[
            "fail the-pages-do-not-add-up: the pages do not add up",
            "fail an-order-comes-twice: an order comes twice",
        ],
    ),
    case(
        16,
        &[answers(
            r#"{"a":1}"#,
            &[("GET /items", 200, r#"{"a":1.0}"#)],
        )],
        &[answers(r#"{"a":1}"#, &[("GET /items", 200, r#"{"a":2}"#)])],
        &["fail mirror: was 1, is 2"],
    ),
    case(
        17,
        &[body(r#"{"items":[{"id":1,"price":2}]}"#)],
        &[body(r#"{"items":[{"id":1,"price":0}]}"#)],
        &["fail range: expected number > 0, got number 0"],
    ),
    case(
        18,
        &[body(
            r#"{"accounts":[{"balance":1.5},{"balance":2}],"total":3.5}"#,
        )],
        &[body(
            r#"{"accounts":[{"balance":1.5},{"balance":2}],"total":4}"#,
        )],
        &["fail the-balances-do-not-add-up-to-the-total: the balances do not add up to the total"],
    ),
    case(
        19,
        &[headers(&[
            ("age", "5"),
            ("strict-transport-security", "max-age=1"),
        ])],
        &[headers(&[("age", "90")])],
        &[
            "fail the-cache-is-too-old: the cache is too old",
            "fail hsts-is-missing: HSTS is missing",
        ],
    ),
    case(
        20,
        &[certificate(14)],
        &[certificate(13)],
        &["fail the-certificate-ends-soon: the certificate ends soon"],
    ),
    case(
        21,
        &[body(r#"{"items":[{"id":1}]}"#)],
        &[body(r#"{"items":[{}]}"#)],
        &["fail schema: \"id\" is a required property"],
    ),
    case(
        22,
        &[body(r#"{"version":"2.4.1"}"#)],
        &[body(r#"{"version":"2.4.0"}"#)],
        &["fail another-version-is-deployed: another version is deployed"],
    ),
    case(
        23,
        &[body(r#"{"checks":[{"name":"db","status":"UP"}]}"#)],
        &[body(
            r#"{"checks":[{"name":"db","status":"DOWN"},{"name":"mq","status":"UP"}]}"#,
        )],
        &["fail part.db: db is DOWN"],
    ),
    case(
        24,
        &[answers(
            "",
            &[("POST /tx", 200, r#"{"inputs":[1],"fee":5}"#)],
        )],
        &[answers(
            "",
            &[("POST /tx", 200, r#"{"inputs":[],"fee":5}"#)],
        )],
        &["fail tx: expected array of 1.. items, got 0 items"],
    ),
    case(
        25,
        &[at(0, r#"{"orders":100}"#), at(24 * 60, r#"{"orders":120}"#)],
        &[at(0, r#"{"orders":100}"#), at(24 * 60, r#"{"orders":20}"#)],
        &["fail orders-yesterday-at-this-time: 20 orders, 100 yesterday at this time"],
    ),
];
