//! What `oes check` finds in a script without running it.

use oes::model::span::Mistake;
use oes::script::source::Source;

/// Returns the mistakes and warnings of a script, each with its help.
fn mistakes(script: &str) -> Vec<Mistake> {
    let mistakes = match Source::compile("t", "t.rhai", script) {
        Ok((_, warnings)) => warnings,
        Err(mistakes) => mistakes,
    };
    for mistake in &mistakes {
        let whole = script.get(mistake.span.clone()).is_some();
        assert!(whole, "{script}: {mistake:?}");
    }
    mistakes
}

fn said(script: &str) -> Vec<String> {
    mistakes(script)
        .into_iter()
        .map(|mistake| match mistake.help {
            Some(help) => format!("{} ({help})", mistake.message),
            None => mistake.message,
        })
        .collect()
}

/// Scripts and the one thing that is wrong with each.
const WRONG: &[(&str, &str)] = &[
    (
        "expct(true);",
        "there is no function `expct` (did you mean `expect`?)",
    ),
    (
        "let x = nmu(body, \"$\");",
        "there is no function `nmu` (did you mean `num`?)",
    ),
    ("fn f(a) { a } f(1, 2);", "`f` takes 1 argument, not 2"),
    ("num();", "`num` takes 1 or 2 arguments, not 0"),
    (
        "fn num(a) { a }",
        "`num` is a function of OES and cannot be defined again (give yours another name)",
    ),
    (
        "body.price > 1; expect(true);",
        "this does nothing (did you mean expect(…)?)",
    ),
    (
        "if true { body.price > 1; note(1); }",
        "this does nothing (did you mean expect(…)?)",
    ),
    (
        "param(\"x\") == 1",
        "the header declares no parameter `x` (add `//! [params.x]` to the header, or give a default: param(\"x\", …))",
    ),
    (
        "let n = \"a\"; memory.shared(n).set(\"b\", 1); expect(true);",
        "the name of shared memory is not written out (write it as text: memory.shared(\"prices\"); what differs goes into the key)",
    ),
    (
        "memory.shared(\"a:b\").set(\"b\", 1); expect(true);",
        "`a:b` is no name of shared memory (letters, digits, `_`, `-` and `.`, at most 64)",
    ),
    (
        "let body = 3;",
        "`body` is a value of OES and cannot be defined again (give yours another name)",
    ),
    ("let a = ;", "unexpected ';'"),
    ("expect(prise > 1);", "there is no variable `prise`"),
    (
        "//! A\n//! ---\n//! kind = 1\n1",
        "the header: unknown field `kind`, expected one of `request`, `status`, `use`, `hosts`, `secrets`, `payload`, `edits`, `groups`, `oauth2`, `one_of`, `params` (below `//! ---` a header is TOML with request, status, use, hosts, secrets, payload, edits, groups, one_of, [params.NAME] with kind, default, help and [oauth2.NAME] with token_url, client_id, client_secret, scopes)",
    ),
    (
        "//! A\n//! ---\n//! [params.p]\n//! kind = \"strin\"\nparam(\"p\")",
        "`strin` is no kind of parameter (did you mean `string`?)",
    ),
    (
        "//! A\n//! ---\n//! [params.p]\n//! kind = \"url\"\n//! default = 3\nparam(\"p\")",
        "the default of `p` is not of its kind, url",
    ),
    (
        "//! A\n//! ---\n//! one_of = [[\"p\"], [\"tokn\"]]\n//! [params.p]\n//! default = \"\"\n//! kind = \"url\"\n//! [params.token]\nparam(\"p\") + param(\"token\")",
        "`one_of` names `tokn`, which is no parameter (did you mean `token`?)",
    ),
    (
        "//! A\n//! ---\n//! one_of = [[\"zzz\"]]\n1",
        "`one_of` names `zzz`, which is no parameter (declare it as [params.zzz])",
    ),
    (
        "expect();",
        "`expect` needs a condition (say what must hold: expect(body.price > 0))",
    ),
    (
        "let a = 1;\nrequire( );",
        "`require` needs a condition (say what must hold: require(body.price > 0))",
    ),
    (
        "sleep(5); expect(body.ok);",
        "`sleep` is not for scripts of OES (a script does not wait: a request takes `timeout`, and `track` sees time pass from run to run)",
    ),
    (
        "let a = timestamp(); expect(a);",
        "`timestamp` is not for scripts of OES (OES has a clock of its own: now(), age(x))",
    ),
    ("http.get();", "`http.get` takes 1 or 2 arguments, not 0"),
    (
        "http.get(\"x\", #{}, 3);",
        "`http.get` takes 1 or 2 arguments, not 3",
    ),
    (
        "http.gett(service.url);",
        "`http` has no function `gett` (did you mean `http.get`?)",
    ),
    (
        "let a = memory.push(\"k\", 1); expect(a);",
        "`memory.push` takes 3 arguments, not 2",
    ),
    (
        "expect(http.status == 200);",
        "`http` has no `status`, it has functions only",
    ),
    (
        "expect(response.sattus == 200);",
        "there is no `sattus` in `response` (did you mean `status`?)",
    ),
    (
        "expect(response.age < 5);",
        "there is no `age` in `response` (it has elapsed_ms, error, headers, json, ok, size, status, text, timing, tls, url)",
    ),
    (
        "expect(response.timing.totl < 5);",
        "there is no `totl` in `response.timing` (did you mean `total`?)",
    ),
    (
        "expect(response.tls.days > 5);",
        "there is no `days` in `response.tls` (it has days_left, issuer, subject)",
    ),
    (
        "expect(request.methud == \"GET\");",
        "there is no `methud` in `request` (did you mean `method`?)",
    ),
    (
        "expect(service.nam == \"a\");",
        "there is no `nam` in `service` (did you mean `name`?)",
    ),
    (
        "let chart = track(\"chart\", body); expect(chart.unchangd_for < 5);",
        "there is no `unchangd_for` in what `track` returns (did you mean `unchanged_for`?)",
    ),
    (
        "expect(track(\"chart\", body).frist);",
        "there is no `frist` in what `track` returns (did you mean `first`?)",
    ),
    (
        "expect(body.items.length() > 1);",
        "there is no function `length` (did you mean `len`?)",
    ),
    (
        "body.push(3); expect(body.ok);",
        "the response is read only (body.copy() gives a value that you can change: let mine = body.copy();)",
    ),
    (
        "body.l[0].sort(); expect(body.ok);",
        "the response is read only (body.copy() gives a value that you can change: let mine = body.copy();)",
    ),
    (
        "body.price = 3; expect(body.ok);",
        "the response is read only (body.copy() gives a value that you can change: let mine = body.copy();)",
    ),
    (
        "fail(\"\");",
        "`fail` without a text: nobody could tell what was found (say what is wrong, in the words that the message to people should have)",
    ),
    (
        "expect(body.ok, \"code\", \" \");",
        "`expect` without a text: nobody could tell what was found (say what is wrong, in the words that the message to people should have)",
    ),
    (
        "violation(\"error\", \"it is wrong\");",
        "`error` is a violation of OES's own (give yours a name that says what is wrong, such as \"stale\" or \"orders.missing\")",
    ),
    (
        "violation(\"two words\", \"it is wrong\");",
        "`two words` is no name of a violation (letters, digits, `_`, `-` and `.`, at most 64)",
    ),
    (
        "metric(\"1x\", 1);",
        "`1x` is no name of a metric (letters, digits and `_`, at most 64, not beginning with a digit)",
    ),
    (
        "expect(1 == \"1\");",
        "a number is never equal to a string (write both as the same kind; num(…) reads a number from text)",
    ),
    (
        "1 < \"2\"",
        "a number cannot be compared with a string (write both as the same kind; num(…) reads a number from text)",
    ),
    (
        "//! A\n//! ---\n//! hosts = [\"bad host\"]\ntrue",
        "`bad host` is no host (write `host` or `host:port`, without https:// and without a path)",
    ),
    (
        "expect(body.name == “x”);",
        "a typographic quote “ in place of a plain one (type \" instead; text programs and web pages change plain quotes into these)",
    ),
    (
        "//! A\n//! ---\n//! [params.limit]\nexpect(body.ok);",
        "nothing reads the parameter `limit` (read it with param(\"limit\"), or take it out)",
    ),
    (
        "//! A\n//! ---\n//! [params.limit]\n//! kind = \"number\"\nexpect(param(\"limit\") < \"5\");",
        "the parameter `limit` is a number, this is a string (the header says kind = \"number\": write a number here, or mend the header)",
    ),
    (
        "//! A\n//! ---\n//! [params.name]\n//! kind = \"string\"\nlet name = params.name; expect(3 == name);",
        "the parameter `name` is a string, this is a number (the header says kind = \"string\": write a string here, or mend the header)",
    ),
    (
        "//! A\n//! ---\n//! [params.max]\n//! kind = \"duration\"\nexpect(age(body.at) < param(\"max\"));",
        "the parameter `max` may be text such as \"15m\", no number (duration(param(\"max\")) gives its seconds)",
    ),
    (
        "expect(http.get(service.url, #{ bearer: secret(\"KEY\") }).ok);",
        "the header does not say that the script needs the secret `KEY` (add `//! secrets = [\"KEY\"]` below `//! ---`, so that a config without it is refused before it runs)",
    ),
    (
        "//! A\n//! ---\n//! secrets = [\"KEY\"]\nexpect(http.get(service.url, #{ bearer: secret(\"KYE\") }).ok);",
        "the header does not say that the script needs the secret `KYE` (did you mean `KEY`?)",
    ),
    (
        "expect(http.get(service.url, #{ bearer: auth.oauth2(\"shop\") }).ok);",
        "the header does not say where the token `shop` comes from (add `//! [oauth2.shop]` with token_url, client_id and client_secret to the header)",
    ),
    (
        "fn f(a) { 1 } fn f(b) { 2 } expect(f(1) == 2);",
        "the function `f` with 1 parameter is defined twice (give one of them another name)",
    ),
    (
        "let tls = 3; expect(tls == 3);",
        "`tls` hides the `tls` of OES from here on (give yours another name)",
    ),
    (
        "if body.off { stop(); note(1); } expect(body.ok);",
        "nothing comes here: `stop` ends before it (put it before, or take it out)",
    ),
    (
        "fn f(x) { return x; x + 1 } expect(f(1) == 1);",
        "nothing comes here: `return` ends before it (put it before, or take it out)",
    ),
    (
        "if body.a { throw \"a\"; } else { skip(\"b\"); } expect(body.ok);",
        "nothing comes here: `throw` ends before it (put it before, or take it out)",
    ),
    (
        "let f = |x| { return x; note(x); }; expect(f.call(1) == 1);",
        "nothing comes here: `return` ends before it (put it before, or take it out)",
    ),
    (
        "for x in body { break; note(x); } expect(body.ok);",
        "nothing comes here: `break` ends before it (put it before, or take it out)",
    ),
    (
        "// nothing yet",
        "there is nothing in this script (say what must hold: expect(body.price > 0, \"the price must be positive\"))",
    ),
    (
        "let price = body.price;",
        "this script checks nothing (say what must hold: expect(body.price > 0, \"the price must be positive\"))",
    ),
];

#[test]
fn mistakes_are_found_before_a_script_runs() {
    for (script, expected) in WRONG {
        assert_eq!(said(script), [*expected], "{script}");
    }
}

#[test]
fn a_value_that_is_thrown_away_is_told_where_it_stands() {
    let meant_expect = "this does nothing (did you mean expect(…)?)";
    let meant_fail =
        "this does nothing (did you mean fail(\"code\", …), which finds what this returns?)";
    for (script, marked, expected) in [
        ("fail(\"a\"); body.price > 2;", "body", meant_expect),
        (
            "if true { body.price > 2; }; expect(1 > 0);",
            "body",
            meant_expect,
        ),
        ("for x in body { x > 2; } expect(1 > 0);", "x", meant_expect),
        (
            "fn f() { while true { body.a == 1; } 3 } expect(f() > 0);",
            "body",
            meant_expect,
        ),
        (
            "switch body.a { 1 => body.b > 2, _ => fail(\"a\") } expect(1 > 0);",
            "body",
            meant_expect,
        ),
        ("expect(1 > 0); has(body, \"$.x\");", "has", meant_expect),
        ("expect(1 > 0); !has(body, \"$.x\");", "!", meant_expect),
        ("expect(1 > 0); \"x\" in body;", "\"", meant_expect),
        ("expect(1 > 0); approx(1, 2, 1);", "approx", meant_expect),
        ("expect(1 > 0); body.ok && body.fine;", "body", meant_expect),
        ("expect(1 > 0); body.l.contains(1);", "body", meant_expect),
        ("expect(1 > 0); body.ok;", "body", meant_expect),
        (
            "expect(1 > 0); types(body, #{ a: 1 });",
            "types",
            meant_fail,
        ),
        ("expect(1 > 0); exact(body, 1);", "exact", meant_fail),
        (
            "expect(1 > 0); true;",
            "true",
            "this does nothing (leave it out)",
        ),
    ] {
        assert_eq!(said(script), [expected], "{script}");
        let span = mistakes(script).remove(0).span;
        let at = script.get(span).unwrap();
        assert!(at.starts_with(marked), "{script}: {at}");
    }
    // The mistake that beginners make: nothing else in the script, and a `;` at its end.
    assert_eq!(said("body.price > 2;"), [meant_expect]);
}

#[test]
fn what_may_be_right_is_left_alone() {
    for script in [
        "body.price > 2",
        "if has(body, \"$.a\") { body.a > 2 } else { true }",
        "body.ok || fail(\"it is not ok\");",
        "fn big(x) { x > 2; } expect(big(body.a));",
        "let big = |x| x > 2; expect(body.l.all(big));",
        "num(body, \"$.price\");",
        "throw \"x\";",
        "return body.a > 1;",
        "let answer = http.get(service.url); expect(answer.ok);",
        "http.delete(service.url); http.delete(service.url, #{}); http.delete(service.url, 1, #{});",
        "let chart = track(\"a\", body); chart = #{ mine: 1 }; expect(chart.mine == 1);",
        "let mine = body.copy(); mine.l.push(3); mine.a = 1; expect(mine.a == 1);",
        "fn f(body) { body.push(3); body } expect(f([]).len == 1);",
        "fn f(response) { response.mine } expect(f(#{ mine: true }));",
        "expect(body.l[response.status].name.trim() == \"x\");",
        "expect(prev == () || prev.age < 5 && prev.timing.total > 1);",
        "expect(memory.get(\"k\", 0) == 1 && service.payload.method == \"x\");",
        "expect(body.a == () || body.b == \"1\" || 1 == 1.0);",
        "violation(\"errors\", \"it is wrong\"); metric(\"a\", 1);",
        "let name = \"error\"; violation(name, \"it is wrong\");",
        "//! A\n//! ---\n//! [params.a]\n//! [params.b]\n//! [params.c]\nexpect(params.a == param(\"b\", 1)); fail(\"s\", schema(body, \"c\"));",
        "//! A\n//! ---\n//! [params.a]\nfor name in params.keys() { expect(name != \"b\"); }",
        "//! A\n//! ---\n//! [params.a]\nlet name = \"a\"; expect(param(name) == 1);",
        "//! A\n//! ---\n//! [params.a]\nexpect(at(params, \"$.a\") == 1);",
        "//! A\n//! ---\n//! [params.max]\n//! kind = \"duration\"\nexpect(age(body.at) < duration(param(\"max\")));",
        "//! A\n//! ---\n//! [params.n]\n//! kind = \"number\"\nexpect(param(\"n\") < 5 && param(\"n\") == body.n);",
        "fn f(a) { 1 } fn f(a, b) { 2 } expect(f(1) < f(1, 2));",
        "fn f(tls) { tls } expect(f(true));",
        "if body.a { stop(); } expect(body.ok);",
        "fn f(x) { if x { return 1; } 2 } fn g() { return 3; } expect(f(true) < g());",
        "fn g() { return 3; } fn h() { return 4; } expect(g() < h());",
        "loop { if body.a { break; } note(1); } expect(body.ok);",
        "fn stopped() { 1 } let x = stopped(); expect(x == 1);",
        "//! A\n//! ---\n//! [params.url]\n//! kind = \"url\"\nfn requests(message, channel) { [#{ url: channel.url }] } fn answer(reply, message, channel) { #{} }",
        "fn requests(message, channel) { [] } fn answer(reply, message, channel) { #{} }",
    ] {
        assert_eq!(said(script), [""; 0], "{script}");
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_script() {
    let (source, warnings) =
        Source::compile("t", "t.rhai", "\u{FEFF}//! Checks.\nexpect(body.ok);").unwrap();
    assert_eq!(
        (source.header.about.as_str(), warnings),
        ("Checks.", vec![])
    );
    let text = "\u{FEFF}expct(true);";
    let span = mistakes(text).remove(0).span;
    assert_eq!(text.get(span).unwrap(), "expct");
}
