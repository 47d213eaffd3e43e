//! Services over the API: how they are, probes at once, reloads; and how lists are answered.

use std::time::Duration;

use serde_json::{Value, json};

use super::caller::{Answer, Caller, silence};
use super::rig::{Rig, eventually};

const GRACE: Duration = Duration::from_secs(2);

/// Returns the config of a rig with an interval that no test waits for.
fn slow(rig: &Rig, services: &[&str]) -> String {
    let config = rig.config(services);
    config.replace("interval = \"100ms\"", "interval = \"1h\"")
}

fn quoted(name: &str) -> String {
    let mut url = url::Url::parse("http://a.example/").unwrap();
    url.path_segments_mut().unwrap().push(name);
    url.path().trim_start_matches('/').to_owned()
}

/// A name with all that a path must quote.
const NAME: &str = "GET http://shop/a%20b?c=1#d";

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_shown_as_its_newest_probe_left_it() {
    let rig = Rig::new();
    let address = rig.api.address;
    let mut config = slow(&rig, &["price"]);
    let shop = format!(
        "[[services]]\nname = \"{NAME}\"\nurl = \"http://{address}/a/b%20c?key=${{file:key}}\"\ngroup = \"shop\"\ntags = [\"edge\"]\n"
    );
    config += &shop;
    rig.write("key", "hunter2");
    rig.write("oes.toml", &config);
    rig.api.answers("/price", 500, "{}");
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    for name in ["price", NAME] {
        let path = format!("/services/{}/probe", quoted(name));
        let probed = caller.asks("POST", &path, None).await;
        assert_eq!(probed.status, 200, "{probed:?}");
    }
    let all = caller.gets("/services").await;
    let shop = &all["services"][0];
    assert_eq!(shop["name"], NAME);
    assert_eq!(
        shop["url"],
        format!("http://{address}/a/b%20c?key=***").as_str()
    );
    assert_eq!(shop["group"], "shop");
    assert_eq!(shop["last"]["outcome"], "pass");
    assert_eq!(shop["last"]["status"], 200);
    assert!(shop["last"]["latency_us"].as_u64() > Some(0), "{shop}");
    assert!(shop["next_probe_at"].is_string(), "{shop}");
    assert_eq!(shop["violations"], json!([]));
    let price = eventually_violated(&caller).await;
    assert_eq!(price["last"]["outcome"], "fail");
    assert_eq!(price["violations"][0]["violation"], "error");
    for (query, count) in [
        ("group=shop", 1),
        ("tag=edge", 1),
        ("outcome=fail", 1),
        ("violated=true", 1),
        ("violated=false&tag=none", 0),
    ] {
        let found = caller.gets(&format!("/services?{query}")).await;
        let found = found["services"].as_array().unwrap().len();
        assert_eq!(found, count, "{query}");
    }
    let none = caller.asks("GET", "/services/GET%20x%2Fy", None).await;
    assert_eq!(
        (none.status, none.body["detail"].as_str()),
        (404, Some("there is no service `GET x/y`"))
    );
    let broken = caller.asks("GET", "/services/%ff", None).await;
    assert_eq!(broken.status, 400, "{broken:?}");
    assert_eq!(broken.kind, "application/problem+json");
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uptime_is_told_for_each_span_and_of_the_services_of_the_page_alone() {
    let rig = Rig::new();
    rig.write("oes.toml", &slow(&rig, &["down", "up"]));
    rig.api.answers("/down", 500, "{}");
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    for name in ["down", "up"] {
        let path = format!("/services/{name}");
        caller.asks("POST", &format!("{path}/probe"), None).await;
        // Here the samples are waited for; what is told of the past is ten seconds old at most.
        caller.gets(&format!("{path}/samples")).await;
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    let up = loop {
        let up = caller.gets("/services/up").await;
        if up["uptime"][0]["share"].is_number() {
            break up;
        }
        assert!(tokio::time::Instant::now() < deadline, "{up}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(
        (&up["kind"], &up["heartbeat"]),
        (&json!("http"), &json!(null))
    );
    let spans = up["uptime"].as_array().unwrap();
    let days: Vec<_> = spans
        .iter()
        .map(|one| one["days"].as_u64().unwrap())
        .collect();
    assert_eq!(days, [1, 7, 30, 90, 365]);
    for span in spans {
        assert_eq!(span["share"], 1.0, "{span}");
        let no_data = span["no_data"].as_f64().unwrap();
        assert!((0.0..1.0).contains(&no_data), "{span}");
    }
    let page = caller.gets("/services?limit=1").await;
    let down = &page["services"][0];
    assert_eq!(down["name"], "down");
    assert_eq!(down["uptime"].as_array().unwrap().len(), 5);
    let down = loop {
        let down = caller.gets("/services/down").await;
        if down["uptime"][0]["share"].is_number() {
            break down;
        }
        assert!(tokio::time::Instant::now() < deadline, "{down}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(down["uptime"][0]["share"], 0.0, "{down}");
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_has_a_page_for_itself() {
    let rig = Rig::new();
    rig.write("oes.toml", &slow(&rig, &[]));
    let daemon = rig.start().await;
    let document = Caller::of(&rig).gets("/openapi.json").await;
    let own = &document["paths"]["/openapi.json"]["get"];
    assert_eq!(own["security"][0]["token"], json!(["read"]));
    let evidence = &document["components"]["schemas"]["Story"]["properties"]["evidence"];
    assert_eq!(
        evidence["items"]["$ref"], "#/components/schemas/Evidence",
        "{evidence}"
    );
    assert!(document["components"]["schemas"]["Evidence"].is_object());
    daemon.stop(GRACE).await;
}

/// Returns the service `price` once an incident of it is open.
async fn eventually_violated(caller: &Caller) -> Value {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        let price = caller.gets("/services/price").await;
        if price["violations"][0].is_object() {
            return price;
        }
        assert!(tokio::time::Instant::now() < deadline, "{price}");
    }
}

/// Every wish is one probe, of its own loop, however many come at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_probe_at_once_is_a_probe_like_every_other() {
    let rig = Rig::new();
    let names = ["a", "b", "c", "d"];
    rig.write("oes.toml", &slow(&rig, &names));
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    let paths = names.map(|name| format!("/services/{name}/probe"));
    let [a, b, c, d] = &paths;
    let probe = |path| caller.asks("POST", path, None);
    let answers = tokio::join!(probe(a), probe(b), probe(c), probe(d));
    for answer in [answers.0, answers.1, answers.2, answers.3] {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body["last"]["outcome"], "pass");
    }
    for name in names {
        let hits = rig.api.hits(&format!("/{name}"));
        assert!((1..=2).contains(&hits), "{name}: {hits}");
    }
    let counted = super::rig::page(&daemon, "/metrics").await;
    assert!(counted.contains("service=\"a\""), "{counted}");
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_is_answered_with_what_came_of_it() {
    let rig = Rig::new();
    let config = slow(&rig, &["price"]);
    rig.write("oes.toml", &config);
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    let unchanged = caller.asks("POST", "/reload", None).await;
    assert_eq!(unchanged.body, json!({ "result": "unchanged" }));
    // Beside the watch of the file, which may be quicker.
    rig.write("other.toml", "");
    rig.write("oes.toml", &slow(&rig, &["price", "orders"]));
    let applied = caller.asks("POST", "/reload", None).await;
    assert_eq!(applied.status, 200, "{applied:?}");
    let count = eventually("the new service", || Ok(rig.api.hits("/orders"))).await;
    assert!(count < 100);
    assert_eq!(
        caller.gets("/services").await["services"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    rig.write("oes.toml", &format!("{config}intervall = 3\n"));
    let refused = caller.asks("POST", "/reload", None).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(refused.kind, "application/problem+json");
    let mistake = refused.body["mistakes"][0].as_str().unwrap();
    assert!(mistake.contains("`intervall`"), "{mistake}");
    assert_eq!(
        caller.gets("/services").await["services"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    daemon.stop(GRACE).await;
}

/// Queries that cannot be read, with what is said of each.
const BAD_QUERIES: &[(&str, &str)] = &[
    (
        "/services?limt=3",
        "`limt` is not asked here; there are cursor, group",
    ),
    ("/services?limit=0", "`limit` is a number from 1 to 1000"),
    (
        "/services?limit=many",
        "`limit` is to be a whole number that is not below 0",
    ),
    (
        "/services/service-1/samples?from=2030-01-01T00:00:00+01:00",
        "`+` is written %2B",
    ),
    ("/services?cursor=x", "`cursor` is not one of this list"),
    (
        "/services?limit=1&limit=2",
        "`limit` stands there more than once",
    ),
    (
        "/services?violated=maybe",
        "`violated` is to be true or false",
    ),
    (
        "/services?outcome=bad",
        "`bad` as `outcome` is not known here; known are pass",
    ),
    (
        "/services/service-1/samples?from=soon",
        "`from`: `soon` is no moment: write one as 2026-11-01T12:00:00Z",
    ),
    (
        "/services/service-1/samples?from=2030-01-02T00:00:00Z&until=2030-01-01T00:00:00Z",
        "`from`, 2030-01-02T00:00:00Z, is to be before `until`",
    ),
    ("/services/service-1?limit=1", "this page takes no query"),
];

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_pages_and_what_is_known_does_not_come_again() {
    let rig = Rig::new();
    let names: Vec<String> = (0..7).map(|number| format!("service-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    rig.write("oes.toml", &slow(&rig, &names));
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = caller.gets(&format!("/services?limit=3{cursor}")).await;
        let services = page["services"].as_array().unwrap();
        seen.extend(
            services
                .iter()
                .map(|one| one["name"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, names);
    for (path, words) in BAD_QUERIES {
        let answer = caller.asks("GET", path, None).await;
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        assert!(detail.contains(words), "{path}: {detail}");
        assert!(!detail.contains("deserialize"), "{path}: {detail}");
    }
    let first = caller.asks("GET", "/silences", None).await;
    let name = first.header("etag").unwrap().to_owned();
    for (known, status) in [(name.as_str(), 304), ("\"other\"", 200), ("\"a\", *", 304)] {
        let lines = format!("if-none-match: {known}\r\n");
        let again = caller.asks_with("GET", "/silences", &lines, None).await;
        assert_eq!(
            (again.status, again.header("etag")),
            (status, Some(name.as_str())),
            "{known}"
        );
        let head = caller.asks_with("HEAD", "/silences", &lines, None).await;
        assert_eq!(head.status, status, "{known}");
        assert_eq!(headers(&head), headers(&again), "{known}");
        assert_eq!(head.body, Value::Null, "{known}");
        let length = first.header("content-length");
        assert_eq!(head.header("content-length"), length, "{known}");
    }
    caller
        .asks("POST", "/silences", Some(&silence("service-1", 60)))
        .await;
    let lines = format!("if-none-match: {name}\r\n");
    let changed = caller.asks_with("GET", "/silences", &lines, None).await;
    assert_eq!(changed.status, 200);
    daemon.stop(GRACE).await;
}

/// Returns the headers of an answer but for the time of day, and its length: an answer to GET without a body has none.
fn headers(answer: &Answer) -> Vec<&str> {
    let lines = answer.head.lines().skip(1);
    let other = |line: &&str| !line.starts_with("date") && !line.starts_with("content-length");
    lines.filter(other).collect()
}

/// A mistyped list would silence everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_selector_with_an_unknown_list_is_refused() {
    let rig = Rig::new();
    rig.write("oes.toml", &slow(&rig, &["price"]));
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    let mut wrong = silence("price", 60);
    wrong["of"] = json!({ "service": ["price"] });
    let answer = caller.asks("POST", "/silences", Some(&wrong)).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("`of.service` is not known here; known are services,"),
        "{detail}"
    );
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_come_one_by_one_the_newest_first() {
    let rig = Rig::new();
    rig.write("oes.toml", &slow(&rig, &["price"]));
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    let probe = || caller.asks("POST", "/services/price/probe", None);
    for status in [200, 500, 200] {
        rig.api.answers("/price", status, "{}");
        assert_eq!(probe().await.status, 200);
    }
    let outcomes = |page: &Value| -> Vec<String> {
        let samples = page["samples"].as_array().unwrap().iter();
        samples
            .map(|one| one["outcome"].as_str().unwrap().to_owned())
            .collect()
    };
    let newest = caller.gets("/services/price/samples?limit=2").await;
    assert_eq!(outcomes(&newest), ["pass", "fail"], "{newest}");
    assert!(newest["samples"][0]["latency_us"].is_u64(), "{newest}");
    assert!(
        newest["samples"][0]["phases_us"]["connect"].is_u64(),
        "{newest}"
    );
    let next = newest["next"].as_str().unwrap();
    let rest = caller
        .gets(&format!("/services/price/samples?limit=1000&cursor={next}"))
        .await;
    assert_eq!(outcomes(&rest).last().unwrap(), "pass", "{rest}");
    assert!(rest["next"].is_null(), "{rest}");
    let failed = newest["samples"][1]["at"].as_str().unwrap();
    let before = caller
        .gets(&format!("/services/price/samples?until={failed}"))
        .await;
    assert_eq!(before["samples"], rest["samples"]);
    let none = caller.asks("GET", "/services/none/samples", None).await;
    assert_eq!(none.status, 404, "{none:?}");
    daemon.stop(GRACE).await;
}
