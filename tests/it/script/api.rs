//! Every function that a script sees.

use std::sync::Arc;

use super::bench::*;
use oes::model::judgement::Outcome;
use oes::script::job::CallJob;

#[tokio::test]
async fn a_function_is_called_with_plain_values() {
    let pool = pool(&silent());
    let script = source(
        r"fn request(message, channel) {
            #{ url: channel.url, body: json(#{ content: cut(message.text, 5), n: message.items.map(|i| i.n).len() }) }
        }",
    );
    assert!(script.has_function("request", 2) && !script.has_function("request", 1));
    let job = CallJob {
        source: script,
        function: "request".into(),
        arguments: vec![
            parse(r#"{"text":"a long text","items":[{"n":1},{"n":2}]}"#),
            parse(r#"{"url":"https://x.example"}"#),
        ],
        now: now(),
        limits: limits(),
    };
    let value = pool.call(job).await.unwrap();
    assert_eq!(
        value.get("body").unwrap().as_str().unwrap(),
        r#"{"content":"a lo…","n":2}"#
    );
}

#[tokio::test]
async fn a_mismatch_is_told_and_kept_by_its_path_code_and_message() {
    let script = r#"let t = types(#{ p: 1 }, #{ p: "1" }); note(t); note(json(t)); note(`${t[0]}`); note(http);
expect(t == [], "e"); fail("ev", "m", #{ t: t });"#;
    let judgement = judge(&pool(&silent()), script, input("{}")).await;
    let object =
        r#"[{"path":"$.p","code":"type","message":"expected string (like \"1\"), got number 1"}]"#;
    assert_eq!(
        judgement.runs[0].notes,
        [
            "[$.p type expected string (like \"1\"), got number 1]",
            object,
            "$.p type expected string (like \"1\"), got number 1",
            "(a handle of OES)"
        ]
    );
    for finding in &judgement.findings {
        assert_eq!(finding.evidence[0].1.to_string(), object);
    }
}

#[tokio::test]
async fn operands_are_named_as_they_are_written() {
    for operand in [
        "body.items[0].price",
        "body.rows[0][1]",
        "body.rows[0][1].x",
        "body.rows[body.zero][1].x",
    ] {
        let script = format!("expect({operand} == \"2\", \"kind\");");
        let input = input(r#"{"items":[{"price":2}],"rows":[[0,{"x":1}]],"zero":0}"#);
        let judgement = judge(&pool(&silent()), &script, input).await;
        assert_eq!(judgement.findings[0].evidence[0].0, operand);
    }
}

#[tokio::test]
async fn what_is_too_much_to_remember_is_a_limit_of_its_own() {
    for (script, code) in [
        (
            "for i in 0..2000 { memory.set(`${i}`, 1); }",
            "limit.memory_keys",
        ),
        (
            "let s = \"x\"; s.pad(70000, \"x\"); memory.set(\"s\", s);",
            "limit.memory_value_bytes",
        ),
        (
            "let s = \"x\"; s.pad(60000, \"x\"); for i in 0..20 { memory.set(`${i}`, s); }",
            "limit.memory_bytes",
        ),
    ] {
        let judgement = judge(&pool(&silent()), script, input("{}")).await;
        assert_eq!(judgement.outcome, Outcome::Error, "{script}");
        assert_eq!(&*judgement.findings[0].code, code, "{script}");
        assert!(judgement.runs[0].memory.is_empty());
    }
}

#[tokio::test]
async fn expect_shows_its_operands() {
    let pool = pool(&silent());
    let judgement = judge(
        &pool,
        "let spread = num(body, \"$.ask\") - num(body, \"$.bid\");\n  expect(spread >= 0.0 && spread / num(body, \"$.bid\") < 0.02);",
        input(r#"{"ask":1.5,"bid":1.0}"#),
    )
    .await;
    assert_eq!(judgement.outcome, Outcome::Fail, "{judgement:#?}");
    let finding = &judgement.findings[0];
    assert_eq!(
        finding.at.as_ref().unwrap().to_string(),
        "scripts/test.rhai:2:3"
    );
    let shown: Vec<String> = finding
        .evidence
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    assert_eq!(shown, ["spread = 0.5", "num(body, \"$.bid\") = 1.0"]);
    assert_eq!(&*finding.code, "spread-0-0-spread-num-body-bid-0-02");
}

/// The body that the rows below are about.
const BODY: &str = r#"{"price":1.5,"name":"ergo","n":null,"big":18446744073709551615,"text":"0x1f",
    "items":[{"id":"a","n":1},{"id":"b","n":2}],"deep":{"x":{"y":[1,2,3]}}}"#;

/// Conditions that hold: a body cannot be told from a map, and each function does what it says.
const HOLDS: &[&str] = &[
    "body.price == 1.5 && body[\"price\"] == 1.5 && response.json.price == 1.5",
    "\"price\" in body && !(\"prize\" in body)",
    "type_of(body) == \"map\" && type_of(body.items) == \"array\" && type_of(body.price) == \"f64\"",
    "body.n == () && body.get(\"missing\") == ()",
    "body.big == 18446744073709551615.0",
    "body.items.len() == 2 && body.items.len == 2 && body.len() == 7",
    "body.items[0].id == \"a\" && body.items[-1].id == \"b\"",
    "body.keys().contains(\"deep\") && body.values().len() == 7",
    "body.deep == #{ x: #{ y: [1, 2, 3] } } && #{ x: #{ y: [1, 2.0, 3] } } == body.deep",
    "body.deep.x.y == [1, 2, 3] && [1, 2, 3] == body.deep.x.y && body.deep.x.y != [1, 2]",
    "2 in body.deep.x.y && !(9 in body.deep.x.y)",
    "body.items.filter(|i| i.n > 1).len() == 1 && body.items.map(|i| i.n) == [1, 2]",
    "body.items.some(|i| i.n == 2) && body.items.all(|i| i.n > 0) && body.items.find(|i| i.n == 2).id == \"b\"",
    "body.deep.x.y.reduce(|sum, v| sum + v, 0) == 6",
    "body.deep.x.y.index_of(3) == 2 && body.deep.x.y.contains(3)",
    "`${body.deep}` == `{\"x\":{\"y\":[1,2,3]}}`",
    "body.deep.x.y + [4] == [1, 2, 3, 4]",
    "body.copy().deep.x.y.len() == 3",
    "at(body, \"$.deep.x.y[1]\") == 2 && at(body, \"$.no\", 7) == 7",
    "jp(body, \"$.items[*].id\") == [\"a\", \"b\"]",
    "has(body, \"$.deep.x\") && !has(body, \"$.deep.z\")",
    "count(body, \"$.items\") == 2 && count(body, \"$.items[*].n\") == 2",
    "num(body, \"$.price\") == 1.5 && num(body, \"$.text\") == 31 && num(\"12.5\") == 12.5",
    "str(body, \"$.name\") == \"ergo\"",
    "types(body, #{ price: 1, name: \"x\", items: [#{ id: \"x\" }] }).is_empty()",
    "types(body, #{ price: \"x\" }).len() == 1 && types(body, #{ price: \"x\" })[0].path == \"$.price\"",
    "exact(body.deep, #{ x: #{ y: [1, 2, 3] } }).is_empty() && exact(body.deep, #{ x: 1 }).len() == 1",
    "diff(body.deep, #{ x: #{ y: [1, 9, 3] } }).len() == 1 && diff(body, body).is_empty()",
    "pct_diff(110, 100) == 10.0 && pct_diff(0, 0) == 0.0 && approx(1.0, 1.05, 0.1)",
    "median([3, 1, 2]) == 2.0 && median([1, 2, 3, 4]) == 2.5 && median(body.deep.x.y) == 2.0",
    "hex(\"0x10\") == 16 && hex(\"ff\") == 255",
    "now() == 1772366400 && age(\"2026-03-01T11:59:00Z\") == 60 && age(1772366340000) == 60",
    "parse_time(\"2026-03-01T12:00:00.5Z\") == 1772366400.5 && time_unix(\"2026-03-01T13:00:00+01:00\") == now()",
    "duration(\"1h30m\") == 5400 && duration(90) == 90.0 && human(5400) == \"1h 30m\"",
    "cut(\"abcdef\", 3) == \"ab…\" && utf16_len(\"🙂\") == 2 && url_encode(\"a b&c\") == \"a%20b%26c\"",
    "json(#{ a: [1, ()] }) == `{\"a\":[1,null]}` && parse_json(\"[1,{}]\").len() == 2",
    "response.status == 200 && response.ok && response.elapsed_ms == 42 && response.error == ()",
    "response.headers[\"content-type\"] == \"application/json\" && response.text.contains(\"ergo\")",
    "service.name == \"price\" && params.limit == 3 && param(\"limit\") == 3 && param(\"other\", 4) == 4",
    "expected == () && prev == () && request.method == \"GET\"",
    "memory.get(\"none\") == () && memory.get(\"none\", 1) == 1",
    "[3, 1, 2].order() == [1, 2, 3] && [1, 1, 2].contains(2)",
    "\"a,b,c\".split(\",\") == [\"a\", \"b\", \"c\"]",
];

#[tokio::test]
async fn every_function_does_what_it_says() {
    let pool = pool(&silent());
    let mut wrong = Vec::new();
    for condition in HOLDS {
        let mut input = input(BODY);
        Arc::make_mut(&mut input.params).insert("limit".into(), 3_i64.into());
        let judgement = judge(&pool, &format!("expect({condition});"), input).await;
        if judgement.outcome != Outcome::Pass {
            let evidence = &judgement.findings[0].evidence;
            wrong.push(format!("{condition}: {:?} {evidence:?}", lines(&judgement)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Scripts and the findings they end with.
const FINDS: &[(&str, &[&str])] = &[
    // The traps of the language: what it would silently call false, or let pass.
    (
        "let none = (); if none > 100 { fail(\"x\"); }",
        &["error script: cannot compare null with a number: null > 100"],
    ),
    (
        "let text = \"250\"; text > 100",
        &["error script: cannot compare a string with a number: \"250\" > 100"],
    ),
    (
        "body.items > 1",
        &[
            "fail shape: the response is not as the script expects: cannot compare an array with a number: [{\"id\":\"a\",\"n\":1},{\"id\":\"b\",\"n\":2}] > 1",
        ],
    ),
    ("expect(1 in [\"1\", 1])", &[]),
    ("fn f() { body.price } expect(f() == 1.5);", &[]),
    ("fn f(body) { body } expect(f(3) == 3);", &[]),
    (
        "try { require(false, \"a\", \"b\"); } catch { } fail(\"c\", \"went on\");",
        &["fail a: b"],
    ),
    (
        "let m = #{}; m.missing",
        &["error script: there is no key `missing`"],
    ),
    (
        "let mine = body; mine.price = 2;",
        &["error script: a response is read only; take `.copy()` of it first"],
    ),
    // Who is to blame.
    (
        "num(body, \"$.missing\")",
        &["fail shape: $ has no key `missing` (keys: price, name, n, big, text, items, deep)"],
    ),
    (
        "body.missing",
        &[
            "fail shape: the response has no key `missing` (keys: price, name, n, big, text, items, deep)",
        ],
    ),
    (
        "try { body.missing } catch (e) { fail(\"caught\", e.message.sub_string(0, 12)); }",
        &["fail caught: the response"],
    ),
    (
        "num(http.get_json(\"https://api.example.io/x\"), \"$.a\")",
        &["fail dependency: api.example.io answered with status 404"],
    ),
    (
        "let r = http.get(\"https://api.example.io/x\"); expect(!r.ok && r.status == 404 && r.json.len() == 0);",
        &[],
    ),
    // The verdict.
    ("fail(`off by ${1 + 1}%`);", &["fail off-by: off by 2%"]),
    (
        "fail(\"code\", \"message\", #{ a: 1 });",
        &["fail code: message"],
    ),
    (
        "fail(\"code\", types(body, #{ price: \"x\", n: 1 }));",
        &[
            "fail code: expected number (like 1), got null",
            "fail code: expected string (like \"x\"), got number 1.5",
        ],
    ),
    ("fail(\"code\", []);", &[]),
    ("warn(\"careful\");", &["warn careful: careful"]),
    (
        "skip(\"not today\"); fail(\"never\");",
        &["unknown not-today: not today"],
    ),
    ("stop(); fail(\"never\");", &[]),
    (
        "require(body.price > 2, \"dear\"); fail(\"never\");",
        &["fail dear: dear"],
    ),
    (
        "expect(body.price > 2); expect(false, \"c\", \"second\");",
        &[
            "fail body-price-2: expected body.price > 2",
            "fail c: second",
        ],
    ),
    (
        "expect(body.price);",
        &[
            "fail shape: the response is not as the script expects: expect needs true or false, got a number",
        ],
    ),
    ("violation(\"stale\", \"old\");", &["fail stale: old"]),
    (
        "let name = \"error\"; violation(name, \"old\");",
        &[
            "error script: `error` is a violation of OES's own: give yours a name that says what is wrong, such as \"stale\" or \"orders.missing\"",
        ],
    ),
    (
        "let text = \"\"; fail(text); fail(\"code\", text); expect(false, text);",
        &[
            "fail finding: finding (the script gives no text)",
            "fail code: code (the script gives no text)",
            "fail finding: false (the script gives no text)",
        ],
    ),
    (
        "\"\"",
        &["fail finding: finding (the script gives no text)"],
    ),
    (
        "let name = \"no good\"; violation(name, \"old\");",
        &[
            "error script: `no good` is no name of a violation: letters, digits, `_`, `-` and `.`, at most 64",
        ],
    ),
    (
        "let name = \"no good\"; metric(name, 1);",
        &[
            "error script: `no good` is no name of a metric: letters, digits and `_`, at most 64, not beginning with a digit",
        ],
    ),
    (
        "step(\"one\", || { fail(\"in\"); 3 }) == 3",
        &["fail in: in"],
    ),
    (
        "false",
        &["fail script-returned-false: script returned false"],
    ),
    ("\"a message\"", &["fail a-message: a message"]),
    (
        "#{ code: \"c\", message: \"m\", severity: \"warning\" }",
        &["warn c: m"],
    ),
    ("3;", &[]),
    ("false; // the end", &[]),
    (
        "3",
        &[
            "error script: the script's last value is a number; end with nothing, true, false or a message",
        ],
    ),
    ("throw \"oh\"", &["error script: oh"]),
    ("param(\"none\", ())", &[]),
    (
        "[1, 2][7]",
        &["error script: the array has no element 7 (2 elements)"],
    ),
    ("1 / 0", &["error script: division by zero: 1 / 0"]),
    (
        "\"a\" - 1",
        &["error script: cannot take a number from a string: \"a\" - 1"],
    ),
];

#[tokio::test]
async fn findings_say_what_is_wrong_and_who_is_to_blame() {
    let pool = pool(&silent());
    let mut wrong = Vec::new();
    for (script, expected) in FINDS {
        let found = lines(&judge(&pool, script, input(BODY)).await);
        if found != *expected {
            wrong.push(format!(
                "{script}\n  expected {expected:?}\n  found    {found:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn memory_is_transactional_and_typed() {
    let pool = pool(&silent());
    let script = "memory.set(\"a\", #{ x: [1] }); memory.set(\"t\", 1, \"50m\"); memory.push(\"l\", 1, 2); memory.push(\"l\", 2, 2); memory.push(\"l\", 3, 2);";
    let judgement = judge(&pool, script, input("{}")).await;
    let set = &judgement.runs[0].memory.set;
    assert_eq!(set["a"].value.to_string(), r#"{"x":[1]}"#);
    assert_eq!(set["l"].value.to_string(), "[2,3]");
    assert_eq!(
        set["t"].expires_at.unwrap().to_string(),
        "2026-03-01T12:50:00Z"
    );
    let broken = judge(&pool, &format!("{script} throw 1;"), input("{}")).await;
    assert!(broken.runs[0].memory.is_empty());
    let mut later = input("{}");
    later.memory = Arc::new(set.clone());
    later.now = "2026-03-01T12:51:00Z".parse().unwrap();
    let read = judge(
        &pool,
        "expect(memory.get(\"t\") == ()); expect(memory.get(\"a\").x == [1]); memory.del(\"a\");",
        later,
    )
    .await;
    assert_eq!(lines(&read), [""; 0]);
    // What it remembered only until now goes as well.
    assert_eq!(read.runs[0].memory.removed[..], ["a".into(), "t".into()]);
}

#[tokio::test]
async fn track_says_since_when() {
    let pool = pool(&silent());
    let script = "let t = track(\"h\", body.h); note(`${t.first} ${t.changed} ${t.unchanged_for} ${t.previous} ${t.changes}`);";
    let mut memory = oes::model::judgement::Memory::new();
    let mut notes = Vec::new();
    for (minute, body) in [(0, "5"), (1, "5"), (2, "5.0"), (3, "6"), (4, "6")] {
        let mut input = input(&format!(r#"{{"h":{body}}}"#));
        input.now = now() + jiff::SignedDuration::from_mins(minute);
        input.memory = Arc::new(memory.clone());
        let judgement = judge(&pool, script, input).await;
        memory.extend(judgement.runs[0].memory.set.clone());
        notes.extend(judgement.runs[0].notes.clone());
    }
    assert_eq!(
        notes,
        [
            "true false 0  0",
            "false false 60  0",
            "false false 120  0",
            "false true 0 5 1",
            "false false 60 5 1"
        ]
    );
}

#[tokio::test]
async fn requests_are_counted_once_and_secrets_never_seen() {
    let host = fake(|request| {
        let token = request
            .headers
            .iter()
            .find(|(name, _)| name == "authorization")
            .unwrap()
            .1
            .clone();
        reply(200, &format!(r#"{{"echo":"{token}"}}"#))
    });
    let pool = pool(&host);
    let mut input = input("{}");
    Arc::make_mut(&mut input.rights.grants)
        .hosts
        .push("other.example".into());
    Arc::make_mut(&mut input.rights.grants).secrets.insert(
        "KEY".into(),
        oes::model::secret::Secret::hidden("s3cr3t-value"),
    );
    let script = r#"
        let key = secret("KEY");
        let a = http.get(`https://other.example/x?k=${key}`, #{ bearer: key });
        let b = http.get(`https://other.example/x?k=${key}`, #{ bearer: key });
        note(`${key} ${a.text}`); memory.set("k", [key, b.json.echo]); metric("m", 1);
        fail("leaks", `${key} ${a.json.echo}`, #{ key: key, echo: b.json.echo });"#;
    let judgement = judge(&pool, script, input).await;
    assert_eq!(
        host.asked.lock().unwrap().len(),
        1,
        "the same GET is made once"
    );
    assert_eq!(
        host.asked.lock().unwrap()[0].url.query(),
        Some("k=s3cr3t-value")
    );
    assert_eq!(lines(&judgement), ["fail leaks: *** Bearer ***"]);
    let everything = format!("{judgement:?}");
    assert!(
        !everything.contains("s3cr3t") && !everything.contains("oes-secret"),
        "{everything}"
    );
}

#[tokio::test]
async fn what_is_no_json_is_the_services_fault() {
    let pool = pool(&silent());
    let found = lines(&judge(&pool, "body.price > 1", input("<html>")).await);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with(
            "fail not_json: expected JSON, got application/json, 6 bytes starting \"<html>\""
        ),
        "{found:?}"
    );
    let found = lines(&judge(&pool, "body.price > 1", input(" ")).await);
    assert_eq!(found, ["fail empty_body: expected JSON, got an empty body"]);
    let mut none = input("{}");
    none.exchange = None;
    let found = lines(&judge(&pool, "body.price > 1", none).await);
    assert!(
        found[0].starts_with("error script: there is no response"),
        "{found:?}"
    );
}

#[test]
fn parameters_are_checked() {
    let script = source(
        "//! Price.\n//! ---\n//! status = \"any\"\n//! hosts = [\"a.example\"]\n//! [params.url]\n//! kind = \"url\"\n//! help = \"where\"\n//! [params.max_age]\n//! kind = \"duration\"\n//! default = \"15m\"\ntrue",
    );
    assert_eq!(script.header.about, "Price.");
    assert_eq!(script.header.status.as_deref(), Some("any"));
    let check = |text: &str| {
        let params = parse(text)
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (Arc::clone(name), value.clone()))
            .collect();
        script
            .check_params(&params)
            .into_iter()
            .map(|mistake| mistake.message)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        check(r#"{"url":"https://a.example/x","max_age":60}"#),
        [""; 0]
    );
    assert_eq!(check("{}"), ["`test` needs the parameter `url`"]);
    assert_eq!(
        check(r#"{"url":"x","max_aeg":"1h"}"#),
        [
            "`test` has no parameter `max_aeg`",
            "`url` is \"x\", not a URL such as \"https://api.example.io/price\""
        ]
    );
}

#[tokio::test]
async fn what_a_function_finds_says_in_which_function_and_from_where() {
    let script = "\
fn far(a, b) {
  expect(a == b, \"far\", \"too far\");
}
fn all(items) {
  for item in items { far(item, 1); }
}
fn twice() { fail(\"twice\", \"found\"); }

all([2]);
twice(); twice();
expect(false, \"plain\", \"outside\");
[1].for_each(|| { fail(\"closure\", \"within\"); });
";
    let judgement = judge(&pool(&silent()), script, input("{}")).await;
    let told: Vec<String> = judgement
        .findings
        .iter()
        .map(|finding| {
            let calls = finding.calls().unwrap_or_default();
            format!("{}: {calls}", finding.code)
        })
        .collect();
    assert_eq!(
        told,
        [
            "far: in far (line 2), called from all (line 5), called from line 9",
            "twice: in twice (line 7)",
            "twice: in twice (line 7)",
            "plain: ",
            "closure: in a closure (line 12)"
        ]
    );
}
