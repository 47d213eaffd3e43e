//! Every recipe of docs/cookbook.md as it stands there, against recorded answers: one that passes and one that fails.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where its set-up is wrong"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use oes::config;
use oes::daemon::observe::{Past, remember};
use oes::daemon::once::Once;
use oes::model::exchange::{Certificate, Exchange};
use oes::script::host::Host;

use super::bench::{exchange, fake, lines, now, reply};

/// One recipe: its number, the service's config and the scripts by name.
struct Recipe {
    number: u32,
    config: String,
    scripts: BTreeMap<String, String>,
}

/// Reads the recipes out of the page.
fn recipes() -> Vec<Recipe> {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cookbook.md")).unwrap();
    let sections = page.split("\n## ").skip(1);
    sections.map(recipe).collect()
}

fn recipe(section: &str) -> Recipe {
    let (number, _) = section.split_once(". ").unwrap();
    let mut recipe = Recipe {
        number: number.parse().unwrap(),
        config: String::new(),
        scripts: BTreeMap::new(),
    };
    let mut name = None;
    let mut rest = section;
    while let Some((before, after)) = rest.split_once("\n```") {
        let file = before
            .rsplit_once("`scripts/matchers/")
            .map(|(_, file)| file);
        name = file
            .and_then(|file| Some(file.split_once(".rhai`")?.0.to_owned()))
            .or(name);
        let (kind, after) = after.split_once('\n').unwrap();
        let (code, after) = after.split_once("```").unwrap();
        match kind {
            "toml" => recipe.config.push_str(code),
            "rhai" => drop(recipe.scripts.insert(name.take().unwrap(), code.to_owned())),
            other => panic!("recipe {number} has a block of `{other}`"),
        }
        rest = after;
    }
    recipe
}

/// What happens at one probe: minutes since the first, the service's answer, and what its script's requests are answered.
struct Probe {
    minute: i64,
    body: &'static str,
    headers: &'static [(&'static str, &'static str)],
    days_left: i64,
    answers: &'static [(&'static str, u16, &'static str)],
}

const PROBE: Probe = Probe {
    minute: 0,
    body: "{}",
    headers: &[],
    days_left: 90,
    answers: &[],
};

fn body(body: &'static str) -> Probe {
    Probe { body, ..PROBE }
}

fn at(minute: i64, body: &'static str) -> Probe {
    Probe {
        minute,
        body,
        ..PROBE
    }
}

fn answers(body: &'static str, answers: &'static [(&'static str, u16, &'static str)]) -> Probe {
    Probe {
        body,
        answers,
        ..PROBE
    }
}

fn headers(headers: &'static [(&'static str, &'static str)]) -> Probe {
    Probe { headers, ..PROBE }
}

fn certificate(days_left: i64) -> Probe {
    Probe { days_left, ..PROBE }
}

impl Probe {
    fn exchange(&self) -> Exchange {
        let mut exchange = Arc::into_inner(exchange(200, self.body)).unwrap();
        if let Ok(response) = &mut exchange.result {
            for (name, value) in self.headers {
                response.headers.insert(*name, value.parse().unwrap());
            }
        }
        exchange.certificate = Some(Certificate {
            subject: "CN=api.example.io".into(),
            issuer: "CN=Example CA".into(),
            names: vec!["api.example.io".into()],
            not_before: now(),
            not_after: now() + SignedDuration::from_hours(24 * self.days_left + 1),
            self_signed: false,
        });
        exchange
    }
}

/// Returns what every recipe finds in the last of some probes: first in those that are fine, then in those that are not.
fn cases() -> Vec<(u32, Vec<Probe>, Vec<Probe>, &'static [&'static str])> {
    vec![
        (
            1,
            vec![body("{}")],
            vec![body("<html>")],
            &[
                "fail not_json: expected JSON, got application/json, 6 bytes starting \"<html>\": expected value at line 1 column 1",
            ],
        ),
        (
            2,
            vec![body(r#"{"status":"fine","items":[{"id":7}]}"#)],
            vec![body(r#"{"status":1,"items":[{"id":"x"}]}"#)],
            &[
                "fail type: expected string (like \"ok\"), got number 1",
                "fail type: expected number (like 1), got string \"x\"",
            ],
        ),
        (
            3,
            vec![
                at(0, r#"{"c":[1],"served_at":1}"#),
                at(10, r#"{"c":[2],"served_at":2}"#),
                at(20, r#"{"c":[2],"served_at":3}"#),
            ],
            vec![
                at(0, r#"{"c":[1],"served_at":1}"#),
                at(20, r#"{"c":[1],"served_at":2}"#),
            ],
            &[
                "fail the-chart-has-not-changed-for-15-minutes: the chart has not changed for 15 minutes",
            ],
        ),
        (
            4,
            vec![body(r#"{"updated":"2026-03-01T11:57:00Z"}"#)],
            vec![body(r#"{"updated":"2026-03-01T11:00:00Z"}"#)],
            &["fail the-data-is-older-than-5-minutes: the data is older than 5 minutes"],
        ),
        (
            5,
            vec![body(r#"{"price":1.5}"#)],
            vec![body(r#"{"price":150}"#)],
            &["fail range: expected number 0.01..100, got number 150"],
        ),
        (
            6,
            vec![at(0, r#"{"price":1.0}"#), at(1, r#"{"price":1.1}"#)],
            vec![
                at(0, r#"{"price":1.0}"#),
                at(1, r#"{"price":1.0}"#),
                at(2, r#"{"price":2.0}"#),
            ],
            &["fail the-price-jumped: the price jumped"],
        ),
        (
            7,
            vec![answers(
                r#"{"price":1.0}"#,
                &[("GET /price", 200, r#"{"usd":1.01}"#)],
            )],
            vec![answers(
                r#"{"price":1.0}"#,
                &[("GET /price", 200, r#"{"usd":2}"#)],
            )],
            &["fail the-price-is-off-the-reference: the price is off the reference"],
        ),
        (
            8,
            vec![body(r#"{"items":[1,2,3]}"#)],
            vec![body(r#"{"items":[1,2]}"#)],
            &["fail length: expected at least 3 items, got 2"],
        ),
        (
            9,
            vec![
                at(0, r#"{"height":5}"#),
                at(1, r#"{"height":5}"#),
                at(2, r#"{"height":6}"#),
            ],
            vec![at(0, r#"{"height":5}"#), at(1, r#"{"height":4}"#)],
            &["fail the-height-went-back: the height went back"],
        ),
        (
            10,
            vec![answers(
                r#"{"height":14}"#,
                &[("POST /", 200, r#"{"result":"0x10"}"#)],
            )],
            vec![answers(
                r#"{"height":10}"#,
                &[("POST /", 200, r#"{"result":"0x10"}"#)],
            )],
            &["fail the-node-lags-behind: the node lags behind"],
        ),
        (
            11,
            vec![body(r#"{"data":{"orders":[{"id":1}]}}"#)],
            vec![body(r#"{"data":{"orders":[{"id":1}]},"errors":[]}"#)],
            &["fail unexpected_key: unexpected key, got an empty array"],
        ),
        (
            12,
            vec![answers("", &[("POST /rpc", 200, r#"{"result":"1"}"#)])],
            vec![answers(
                "",
                &[("POST /rpc", 200, r#"{"error":{"code":-32601}}"#)],
            )],
            &["fail dependency: net_version failed: {\"code\":-32601}"],
        ),
        (
            13,
            vec![answers(
                "",
                &[
                    ("POST /token", 200, r#"{"access_token":"t-o-k-e-n"}"#),
                    ("GET /orders", 200, r#"{"items":[1]}"#),
                ],
            )],
            vec![answers(
                "",
                &[
                    ("POST /token", 200, r#"{"access_token":"t-o-k-e-n"}"#),
                    ("GET /orders", 200, r#"{"items":[]}"#),
                ],
            )],
            &["fail no-orders: no orders"],
        ),
        (
            14,
            vec![answers(
                "",
                &[
                    ("POST /notes", 201, r#"{"id":7}"#),
                    ("GET /notes/7", 200, r#"{"text":"hello"}"#),
                    ("DELETE /notes/7", 200, "{}"),
                ],
            )],
            vec![answers(
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
        (
            15,
            vec![answers(
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
            vec![answers(
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
        (
            16,
            vec![answers(
                r#"{"a":1}"#,
                &[("GET /items", 200, r#"{"a":1.0}"#)],
            )],
            vec![answers(r#"{"a":1}"#, &[("GET /items", 200, r#"{"a":2}"#)])],
            &["fail mirror: was 1, is 2"],
        ),
        (
            17,
            vec![body(r#"{"items":[{"id":1,"price":2}]}"#)],
            vec![body(r#"{"items":[{"id":1,"price":0}]}"#)],
            &["fail range: expected number > 0, got number 0"],
        ),
        (
            18,
            vec![body(
                r#"{"accounts":[{"balance":1.5},{"balance":2}],"total":3.5}"#,
            )],
            vec![body(
                r#"{"accounts":[{"balance":1.5},{"balance":2}],"total":4}"#,
            )],
            &[
                "fail the-balances-do-not-add-up-to-the-total: the balances do not add up to the total",
            ],
        ),
        (
            19,
            vec![headers(&[
                ("age", "5"),
                ("strict-transport-security", "max-age=1"),
            ])],
            vec![headers(&[("age", "90")])],
            &[
                "fail the-cache-is-too-old: the cache is too old",
                "fail hsts-is-missing: HSTS is missing",
            ],
        ),
        (
            20,
            vec![certificate(14)],
            vec![certificate(13)],
            &["fail the-certificate-ends-soon: the certificate ends soon"],
        ),
        (
            21,
            vec![body(r#"{"items":[{"id":1}]}"#)],
            vec![body(r#"{"items":[{}]}"#)],
            &["fail schema: \"id\" is a required property"],
        ),
        (
            22,
            vec![body(r#"{"version":"2.4.1"}"#)],
            vec![body(r#"{"version":"2.4.0"}"#)],
            &["fail another-version-is-deployed: another version is deployed"],
        ),
        (
            23,
            vec![body(r#"{"checks":[{"name":"db","status":"UP"}]}"#)],
            vec![body(
                r#"{"checks":[{"name":"db","status":"DOWN"},{"name":"mq","status":"UP"}]}"#,
            )],
            &["fail part.db: db is DOWN"],
        ),
        (
            24,
            vec![answers(
                "",
                &[("POST /tx", 200, r#"{"inputs":[1],"fee":5}"#)],
            )],
            vec![answers(
                "",
                &[("POST /tx", 200, r#"{"inputs":[],"fee":5}"#)],
            )],
            &["fail tx: expected array of 1.. items, got 0 items"],
        ),
        (
            25,
            vec![at(0, r#"{"orders":100}"#), at(24 * 60, r#"{"orders":120}"#)],
            vec![at(0, r#"{"orders":100}"#), at(24 * 60, r#"{"orders":20}"#)],
            &["fail orders-yesterday-at-this-time: 20 orders, 100 yesterday at this time"],
        ),
    ]
}

/// Returns the findings of the last of some probes.
async fn found(recipe: &Recipe, probes: &[Probe]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let scripts = folder.path().join("scripts/matchers");
    fs::create_dir_all(&scripts).unwrap();
    for (name, text) in &recipe.scripts {
        fs::write(scripts.join(format!("{name}.rhai")), text).unwrap();
    }
    let path = folder.path().join("oes.toml");
    fs::write(
        &path,
        format!("{}\n[limits]\ncpu = \"2s\"\n", recipe.config),
    )
    .unwrap();
    let loaded = config::load(&path, &BTreeMap::<String, String>::new());
    let loaded = loaded.unwrap_or_else(|report| panic!("recipe {}: {report:?}", recipe.number));
    let config = loaded.config;
    let mut memory = Arc::default();
    let mut last = Vec::new();
    for probe in probes {
        let given = probe.answers;
        let host = fake(move |request| {
            let asked = format!("{} {}", request.method, request.url.path());
            match given.iter().find(|(wanted, ..)| *wanted == asked) {
                Some((_, status, body)) => reply(*status, body),
                None => panic!("nobody answers {asked}"),
            }
        });
        let once = Once::with_host(&config, |_| host as Arc<dyn Host>).unwrap();
        let watched = once.prepare(&config.services[0]).unwrap();
        let past = Past {
            memory: Arc::clone(&memory),
            prev: None,
        };
        let at = now() + SignedDuration::from_mins(probe.minute);
        let observation = once
            .judge(&watched, Arc::new(probe.exchange()), &past, at)
            .await;
        for run in &observation.judgement.runs {
            remember(&mut memory, run);
        }
        last = lines(&observation.judgement);
    }
    last
}

#[tokio::test]
async fn every_recipe_passes_what_is_fine_and_finds_what_is_not() {
    let recipes = recipes();
    let cases = cases();
    let numbers: Vec<u32> = recipes.iter().map(|recipe| recipe.number).collect();
    assert_eq!(numbers, (1..=25).collect::<Vec<_>>());
    assert_eq!(
        cases.iter().map(|(number, ..)| *number).collect::<Vec<_>>(),
        numbers
    );
    let mut wrong = Vec::new();
    for (recipe, (number, fine, bad, expected)) in recipes.iter().zip(&cases) {
        let of_fine = found(recipe, fine).await;
        let of_bad = found(recipe, bad).await;
        if !of_fine.is_empty() || of_bad != *expected {
            wrong.push(format!(
                "{number}: fine {of_fine:?}\n    bad      {of_bad:?}\n    expected {expected:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn recipes_have_the_lines_that_they_are_meant_to_have() {
    for recipe in recipes() {
        let lines = |text: &String| {
            text.lines()
                .filter(|line| !line.starts_with("//!") && !line.trim().is_empty())
                .count()
        };
        let count: usize = recipe.scripts.values().map(lines).sum();
        let most = if recipe.number == 14 { 6 } else { 3 };
        assert!(count <= most, "recipe {} has {count} lines", recipe.number);
    }
}
