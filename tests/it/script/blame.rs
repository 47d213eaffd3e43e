//! Who is to blame when a value is not what a script takes it for.

use std::sync::Arc;

use super::bench::{fake, input, judge, lines, pool, reply, silent};

/// Script, body, and what is said of it.
const WRONG_KINDS: &[(&str, &str, &str)] = &[
    (
        "expect(body.data[0].id == 1);",
        "[]",
        "an array has no `data`",
    ),
    (
        "expect(body.data[0].id == 1);",
        "503",
        "a whole number has no `data`",
    ),
    (
        "expect(body.data[0].id == 1);",
        "null",
        "null has no `data`",
    ),
    (
        "expect(body.data[0].id == 1);",
        "\"down\"",
        "a string has no `data`",
    ),
    (
        "expect(body.data[0].id == 1);",
        r#"{"data":null}"#,
        "cannot take an element of null",
    ),
    (
        "expect(body.data[0].id == 1);",
        r#"{"data":[7]}"#,
        "a whole number has no `id`",
    ),
    (
        "at(body, \"$.data[0].id\");",
        "null",
        "$ is null, so there is no $.data",
    ),
    (
        "num(body, \"$.x\");",
        "[]",
        "$ is array, so there is no $.x",
    ),
    (
        "expect(body.lag > 100);",
        r#"{"lag":"9"}"#,
        "cannot compare a string with a number: \"9\" > 100",
    ),
    (
        "expect(body.ok);",
        r#"{"ok":"true"}"#,
        "expect needs true or false, got a string",
    ),
    (
        "if body.ok { stop(); }",
        r#"{"ok":1}"#,
        "expected a boolean, got a whole number",
    ),
    (
        "for x in body.items { note(x); }",
        r#"{"items":null}"#,
        "`for` needs an array or a range to go through",
    ),
    (
        "let d = body.data; let e = d; expect(e.x > 1);",
        r#"{"data":5}"#,
        "a whole number has no `x`",
    ),
    (
        "for x in body { expect(x.price > 1); }",
        "[1]",
        "a whole number has no `price`",
    ),
    (
        "let bad = body.filter(|x| x.price > 1); expect(bad.is_empty());",
        "[null]",
        "null has no `price`",
    ),
    (
        "let most = 1; let bad = body.filter(|x| x.price > most);",
        "[null]",
        "null has no `price`",
    ),
    (
        "fn lag(b) { b.now - b.then } expect(lag(body) < 5);",
        r#"{"now":1,"then":"x"}"#,
        "cannot take a string from a number: 1 - \"x\"",
    ),
    (
        "expect(age(body.at) < 60);",
        r#"{"at":"soon"}"#,
        "\"soon\" is no time; give RFC 3339 with a zone, or seconds since 1970",
    ),
    (
        "expect(response.headers[\"x-id\"] == \"1\");",
        "{}",
        "the response has no key `x-id` (keys: content-type)",
    ),
];

#[tokio::test]
async fn a_response_of_the_wrong_kind_is_the_services_fault() {
    let pool = pool(&silent());
    for (script, body, expected) in WRONG_KINDS {
        let judgement = judge(&pool, script, input(body)).await;
        let found = lines(&judgement).join("; ");
        let (head, rest) = found.split_at(found.find(": ").map_or(0, |at| at + 2));
        assert_eq!(head, "fail shape: ", "{script} {body}: {found}");
        let rest = rest.strip_prefix("the response is not as the script expects: ");
        assert_eq!(
            rest.unwrap_or(&found["fail shape: ".len()..]),
            *expected,
            "{script} {body}"
        );
    }
}

#[tokio::test]
async fn an_answer_of_the_wrong_kind_is_its_senders_fault_and_a_value_of_its_own_the_scripts() {
    let host = fake(|_| reply(200, r#"{"price":null}"#));
    let pool = pool(&host);
    for (script, expected) in [
        (
            "let r = http.get(\"https://other.example/\"); expect(r.json.price > 1);",
            "unknown shape: the answer is not as the script expects: cannot compare null with a number: null > 1",
        ),
        (
            "let r = http.get(\"https://api.example.io/\"); expect(r.json.price > 1);",
            "fail shape: the answer is not as the script expects: cannot compare null with a number: null > 1",
        ),
        (
            "let last = memory.get(\"last\"); expect(body.total >= last);",
            "error script: cannot compare a number with null: 5 >= null",
        ),
        (
            "let t = track(\"t\", body.total); expect(t.previous > 1);",
            "error script: cannot compare null with a number: null > 1",
        ),
        (
            "expect(body.total < param(\"max\", \"5\"));",
            "error script: cannot compare a number with a string: 5 < \"5\"",
        ),
        (
            "let x = body.items.map(|x| x + 1); x.summ();",
            "error script: there is no function `summ` for an array",
        ),
        (
            "expect(body.total + body.items > 1);",
            "fail shape: the response is not as the script expects: cannot add a number and an array: 5 + [1]",
        ),
        (
            "let wanted = \"x\"; expect(wanted.price > 1);",
            "error script: a string has no `price`",
        ),
        (
            "let limits = #{ max: \"1\" }; expect(5 < limits.max);",
            "error script: cannot compare a number with a string: 5 < \"1\"",
        ),
    ] {
        let mut input = input(r#"{"total":5,"items":[1]}"#);
        Arc::make_mut(&mut input.rights.grants)
            .hosts
            .push("other.example".into());
        let judgement = judge(&pool, script, input).await;
        assert_eq!(lines(&judgement), [expected], "{script}");
    }
}

/// Mistakes of the script, with what is said of them.
const OWN: &[(&str, &str)] = &[
    (
        "tcp.exchange(\"127.0.0.1\", \"80\", \"x\");",
        "there is no `exchange` for tcp, a string, a string, a string; there is tcp.exchange(host: string, port: integer, send: any, options?: map)",
    ),
    (
        "http.get(3);",
        "there is no `get` for http, a whole number; there is http.get(url: string, options?: map)",
    ),
    (
        "dns.lookup(\"localhost\", 3);",
        "there is no `lookup` for dns, a string, a whole number; there is dns.lookup(name: string, kind?: string)",
    ),
    (
        "tls.certificate(\"127.0.0.1\", \"x\");",
        "there is no `certificate` for tls, a string, a string; there is tls.certificate(host: string, port?: integer)",
    ),
    (
        "auth.oauth2(3);",
        "there is no `oauth2` for auth, a whole number; there is auth.oauth2(name: string)",
    ),
    (
        "expect(at(body, 3).x == 1);",
        "there is no `at` for an object, a whole number; there is at(value: any, path: string, default?: any)",
    ),
    (
        "warn(\"x\", 3);",
        "there is no `warn` for a string, a whole number; there is warn(code: string, message: string, evidence?: map) or warn(code: string, mismatches: array)",
    ),
    (
        "let b = body.items; b.push(3);",
        "an array of a response is read only; take `.copy()` of it first",
    ),
    (
        "[1].insert(\"x\", 2);",
        "there is no function `insert` for an array, a string, a whole number",
    ),
    (
        "let b = body.items; b.insert(\"x\", 2);",
        "there is no function `insert` for an array, a string, a whole number",
    ),
    (
        "let m = #{ price: body.total }; expect(m.prce > 1, \"x\");",
        "there is no key `prce` (keys: price); did you mean `price`?",
    ),
    (
        "let r = http.get(service.url); expect(r.stauts == 200, \"z\");",
        "there is no key `stauts` (keys: ok, status, headers, json, text, error, elapsed_ms); did you mean `status`?",
    ),
    (
        "expect(http.get(service.url).stauts == 200, \"z\");",
        "there is no key `stauts` (keys: ok, status, headers, json, text, error, elapsed_ms); did you mean `status`?",
    ),
    (
        "let c = || 3; c.call(1);",
        "the closure takes 0 arguments, not 1",
    ),
    (
        "let x = 1; let c = |y| x + y; c.call();",
        "the closure takes 1 argument, not 0",
    ),
    (
        "expect(false, 3);",
        "a code and a message are texts, got a number: it is expect(condition, message) or expect(condition, code, message)",
    ),
];

#[tokio::test]
async fn what_a_script_does_wrong_itself_is_never_the_services_fault() {
    let host = fake(|_| reply(200, "{}"));
    let pool = pool(&host);
    for (script, expected) in OWN {
        let judgement = judge(&pool, script, input(r#"{"total":5,"items":[1]}"#)).await;
        assert_eq!(
            lines(&judgement),
            [format!("error script: {expected}")],
            "{script}"
        );
    }
}

#[tokio::test]
async fn an_argument_that_was_answered_is_its_senders_fault() {
    let pool = pool(&silent());
    for script in [
        "tls.certificate(body.host, 443);",
        "let mine = body.copy(); expect(mine.price > 1);",
    ] {
        let judgement = judge(&pool, script, input(r#"{"host":null}"#)).await;
        let found = lines(&judgement).join("; ");
        assert!(found.starts_with("fail shape: "), "{script}: {found}");
    }
}

#[tokio::test]
async fn a_broken_run_says_which_functions_were_running() {
    let pool = pool(&silent());
    let script = "fn first(list) {\n  list[0]\n}\nfn middle(list) {\n  first(list.map(|x| x))\n}\nexpect(middle([]) > 1);";
    for (script, expected) in [
        (
            script,
            "in first (line 2), called from middle (line 5), called from line 7",
        ),
        (
            "fn halves(list) {\n  list.map(|x| x / \"2\")\n}\nexpect(halves([1]) != []);",
            "in a closure (line 2), called from halves (line 2), called from line 4",
        ),
        (
            "fn down(n) {\n  if n == 0 { n[3].x } else { down(n - 1) }\n}\ndown(9)",
            "in down (line 2), called from down (line 2), called from down (line 2), called from down (line 2), \
             called 6 more times, called from line 4",
        ),
        ("let x = [];\nx[0]", ""),
    ] {
        let judgement = judge(&pool, script, input("{}")).await;
        let finding = &judgement.findings[0];
        assert_eq!(finding.calls().unwrap_or_default(), expected, "{script}");
        assert!(finding.told().ends_with(expected), "{}", finding.told());
    }
}
