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
