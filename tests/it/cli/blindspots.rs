//! `oes blindspots`: which changes of a response pass unnoticed.

use insta::assert_snapshot;

use super::{Desk, json};
use crate::support::upstream::{Step, Upstream, ok, send};

const BODY: &str = r#"{"status":"ok","price":1.28,"at":"2026-01-01T00:00:00Z","items":[{"sku":"a","n":1},{"sku":"b","n":2}]}"#;

/// A desk with a service `price` that these matchers judge.
fn desk(matchers: &str, files: &[(&str, &str)]) -> Desk {
    let desk = Desk::new(files);
    let config = format!(
        "[[services]]\nname = \"price\"\nurl = \"http://127.0.0.1:1/\"\nmatch = {matchers}\n"
    );
    desk.write("oes.toml", &config);
    desk.write("body.json", BODY);
    desk
}

const GIVEN: [&str; 4] = ["blindspots", "price", "--response", "body.json"];

#[test]
fn what_the_matchers_do_not_look_at_passes() {
    let matchers =
        r##"[{ types = { status = "#enum ok", price = "#number > 0", items = [{ n = 1 }] } }]"##;
    let desk = desk(matchers, &[]);
    let seen = desk.seen(&GIVEN);
    assert_snapshot!(seen, @r"
    exit 1
    ── out
       place           passes if it is
    ✗  $.price         ten times as much, huge
    ✗  $.at            anything, or missing
    ✗  $.items         empty
    ✗  $.items[*].sku  anything, or missing
    ✗  $.items[*].n    0, negative, ten times as much, huge
    ✗  response        the same for 24 h

    ✗ price: 28 of 61 changes pass unnoticed
    ");
    assert_eq!(desk.seen(&GIVEN), seen);
}

#[test]
fn a_matcher_that_wants_this_body_has_no_blind_spot() {
    let matchers = r#"[{ exact = { status = "ok", price = 1.28, at = "2026-01-01T00:00:00Z", items = [{ sku = "a", n = 1 }, { sku = "b", n = 2 }] } }]"#;
    assert_snapshot!(desk(matchers, &[]).seen(&GIVEN), @r"
    exit 0
    ── out
    ✓ price: all of 60 changes are noticed
    ");
}

#[test]
fn planted_blind_spots_are_found_in_any_element() {
    let script = r#"for one in body.items { if one.sku != "b" { require(num(one, "$.n") == 1); } }
expect(body.price == 1.28 && body.status == "ok" && body.at == "2026-01-01T00:00:00Z" && body.items.len == 2);
expect(body.items[0].sku == "a" && body.items[1].sku == "b");
"#;
    let desk = desk(r#"[{ script = "planted" }]"#, &[("planted.rhai", script)]);
    assert_snapshot!(desk.seen(&GIVEN), @r"
    exit 1
    ── out
       place         passes if it is
    ✗  $.items[*].n  of another kind
    ✗  $.items[1].n  missing, null, 0, negative, ten times as much, huge
    ✗  response      the same for 24 h

    ✗ price: 9 of 61 changes pass unnoticed
    ");
}

#[test]
fn a_script_notices_what_it_remembers_and_a_response_that_stays() {
    let script = r#"let seen = track("price", num(body, "$.price"));
expect(seen.unchanged_for < duration("2h"), "frozen", "the price stays");
if seen.previous != () { expect(pct_diff(body.price, seen.previous) < 50.0, "jump", "the price jumps"); }
"#;
    let desk = desk(r#"[{ script = "fresh" }]"#, &[("fresh.rhai", script)]);
    let told = json(&desk.run(&[&GIVEN[..], &["--json"]].concat()));
    let outcome = |place: &str, change: &str| {
        let changes = told["changes"].as_array().unwrap();
        let mut changes = changes.iter();
        let one = changes.find(|one| one["place"] == place && one["change"] == change);
        one.unwrap()["outcome"].clone()
    };
    assert_eq!(outcome("$.price", "ten_times"), "fail");
    assert_eq!(outcome("response", "frozen"), "fail");
    assert_eq!(outcome("$.at", "missing"), "pass");
    assert_eq!(
        (&told["schema"], &told["exit"]),
        (&"oes.blindspots/1".into(), &1.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_scripts_ask_is_asked_once() {
    let answers = [BODY, r#"{"price":1.28}"#].map(|body| vec![Step::Request, send(ok(body))]);
    let upstream = Upstream::start(answers.to_vec()).await;
    let script = r#"let other = http.get_json(service.url + "/other?of=" + body.status);
expect(body.price == other.price, "the prices differ");
"#;
    let desk = Desk::new(&[("same.rhai", script)]);
    let config = format!(
        "[[services]]\nname = \"price\"\nurl = \"{}\"\nheaders = {{ X-Key = \"${{env:KEY}}\" }}\nmatch = [{{ script = \"same\" }}]\n",
        upstream.url("/price")
    );
    desk.write("my.toml", &config);
    let mut command = desk.command(&["blindspots", "my.toml", "price", "--json"]);
    // A secret that the service sends back.
    let output = command.env("KEY", "2026-01-01T00:00:00Z").output().unwrap();
    let told = json(&output);
    assert_eq!(upstream.requests().len(), 2, "{told}");
    assert!(told["unjudged"].as_u64().unwrap() > 0, "{told}");
    assert_eq!(told["outcome"], "pass", "{told}");
    assert!(!told.to_string().contains("2026-01-01T"), "{told}");
}

#[test]
fn a_response_that_does_not_pass_is_not_changed() {
    let desk = desk(r#"[{ types = { price = "x" } }]"#, &[]);
    assert_snapshot!(desk.seen(&GIVEN), @r#"
    exit 1
    ── out
    ✗ type $.price: expected string (like "x"), got number 1.28

    ? price: the response itself comes to fail, so nothing was changed
    "#);
    assert_snapshot!(desk.seen(&["blindspots", "price"]), @r#"
    exit 1
    ── out
    ✗ connect_refused connection refused by 127.0.0.1:PORT
            phase = "connect"

    ? price: the response itself comes to fail, so nothing was changed
    "#);
    assert_snapshot!(desk.seen(&["blindspots", "prices"]), @r"
    exit 2
    ── err
    error: oes.toml has no service `prices`; did you mean `price`?
    ");
    let alone = Desk::new(&[]);
    assert_snapshot!(alone.seen(&["blindspots", "price"]), @r"
    exit 2
    ── err
    error: there is no oes.toml or oes.json here; name the ops config
    ");
}
