//! Scripts that are none, as `check` tells of them: all that can be found at once, with what to write instead.

use insta::assert_snapshot;

use super::Desk;

const CONFIG: &str = "[[services]]\nname = \"a\"\nurl = \"http://a.example/\"\nmatch = [\"a\"]\n";

/// Returns what is said of a script, line by line.
fn checked(script: &str) -> String {
    let desk = Desk::new(&[("oes.toml", CONFIG), ("a.rhai", script)]);
    let output = desk.run(&["check", "oes.toml", "--format", "short"]);
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn every_mistake_of_a_script_is_told_at_once() {
    let script = "\
//! ---
//! use = [\"nobody\"]
expect(prcie > 1);
let price = body.price
fn f(x) { x > price }
expect(f(1, 2))
let body = 3;
fn f(y) { y }
lenn(body.x);
expect(nobody::near(price) && http.gett(\"x\").ok);
";
    assert_snapshot!(checked(script), @r"
    a.rhai:2:12: error: there is no library `nobody` (a library is a file nobody.rhai in scripts/lib beside the config, or in a folder lib beside the script) [script/unknown-library]
    a.rhai:3:8: error: there is no variable `prcie` (did you mean `price`?) [script/unknown-variable]
    a.rhai:4:22: error: a `;` is missing behind this (each statement ends with one, but for the last of a block) [script/syntax]
    a.rhai:5:15: error: there is no variable `price` (the `price` of line 4 is not seen here: give it to the function as a parameter, or define it before, and outside of blocks) [script/unknown-variable]
    a.rhai:6:8: error: `f` takes 1 argument, not 2 [script/arity]
    a.rhai:6:15: error: a `;` is missing behind this (each statement ends with one, but for the last of a block) [script/syntax]
    a.rhai:7:5: error: `body` is a value of OES and cannot be defined again (give yours another name) [script/redefined]
    a.rhai:8:4: error: the function `f` with 1 parameter is defined twice (give one of them another name) [script/redefined]
    a.rhai:9:1: error: there is no function `lenn` (did you mean `len`?) [script/unknown-function]
    a.rhai:10:36: error: `http` has no function `gett` (did you mean `http.get`?) [script/unknown-function]
    ");
}

#[test]
fn what_other_languages_write_is_told_with_what_to_write_here() {
    let script = "\
if body.x == null || body.y == None { fail(\"x\"); }
if body.a and body.b or not body.c { fail(\"x\"); }
if body.a is not nil { fail(\"x\"); }
expect(body.a == 'x y' && body.b === 1 && body.c !== True);
if body.a { fail(\"x\"); } elif body.b { fail(\"y\"); }
expect(body.a = 1);
var z = undefined;
function g(x) { x }
foreach x in body.items { expect(g(x) == z); }
expect(f\"{body.a}\" == \"x\");
";
    assert_snapshot!(checked(script), @r#"
    a.rhai:1:14: error: `null` is a word of other languages (write `()`) [script/syntax]
    a.rhai:1:32: error: `None` is a word of other languages (write `()`) [script/syntax]
    a.rhai:2:11: error: `and` is a word of other languages (write `&&`) [script/syntax]
    a.rhai:2:22: error: `or` is a word of other languages (write `||`) [script/syntax]
    a.rhai:2:25: error: `not` is a word of other languages (write `!`) [script/syntax]
    a.rhai:3:11: error: `is not` is a word of other languages (write `!=`) [script/syntax]
    a.rhai:3:18: error: `nil` is a word of other languages (write `()`) [script/syntax]
    a.rhai:4:18: error: a text stands in double quotes (write "x y") [script/syntax]
    a.rhai:4:34: error: `===` is a symbol of other languages (write `==`) [script/syntax]
    a.rhai:4:50: error: `!==` is a symbol of other languages (write `!=`) [script/syntax]
    a.rhai:4:54: error: `True` is a word of other languages (write `true`) [script/syntax]
    a.rhai:5:26: error: `elif` is a word of other languages (write `else if`) [script/syntax]
    a.rhai:6:15: error: `=` sets a value, and compares nothing (write `==` to compare) [script/syntax]
    a.rhai:7:1: error: `var` is a word of other languages (write `let`) [script/syntax]
    a.rhai:7:9: error: `undefined` is a word of other languages (write `()`) [script/syntax]
    a.rhai:8:1: error: `function` is a word of other languages (write `fn`) [script/syntax]
    a.rhai:9:1: error: `foreach` is a word of other languages (write `for`) [script/syntax]
    a.rhai:10:8: error: there is no `f` before a text (values go into a text in backticks: `the price is ${body.price}`) [script/syntax]
    "#);
    let each = [
        "let x = body.a ? 1 : 2; expect(x);",
        "let i = 0; i++; expect(i);",
        "let x = {\"a\": 1}; expect(x.a);",
        "const f = (x) => x + 1; expect(f(1) == 2);",
        "for (let i = 0; i < 3; i++) { note(i); }",
        "if (body.a) fail(\"x\");",
        "expect(\"abc);",
    ];
    assert_snapshot!(each.map(checked).join(""), @r"
    a.rhai:1:16: error: there is no `? :` here (write `if a { b } else { c }`, which is a value) [script/syntax]
    a.rhai:1:13: error: `++` counts nothing up here (write `i += 1`) [script/syntax]
    a.rhai:1:13: error: there is no `:` here (a block is written `{ … }`, a map `#{ key: value }`) [script/syntax]
    a.rhai:1:12: error: there is no variable `x` [script/unknown-variable]
    a.rhai:1:15: error: a function is not written with `=>` (write `|value| value + 1`) [script/syntax]
    a.rhai:1:6: error: a `for` goes through values (write `for i in 0..3 { … }`, `for item in body.items { … }`) [script/syntax]
    a.rhai:1:13: error: a `{` is missing here (a block stands in `{ … }`, also around a single statement) [script/syntax]
    a.rhai:1:8: error: nothing closes this text (write the same quote again where it ends) [script/syntax]
    ");
}

#[test]
fn a_bracket_that_is_left_open_is_shown() {
    let each = [
        "if body.a {\n  if body.b {\n    fail(\"x\");\n}\nexpect(true);",
        "fn f() {\n  let a = [1, 2;\n}",
        "expect(len(body.a) > 1;",
        "expect(body.a == 1));",
        "fn f() { 1 }\n}\nexpect(f());",
        "let a = #{ x: 1, y: 2;\nexpect(a.x);",
    ];
    assert_snapshot!(each.map(checked).join(""), @r"
    a.rhai:2:13: error: nothing closes this `{` (write a `}` where it ends) [script/syntax]
    a.rhai:2:11: error: nothing closes this `[` (write a `]` where it ends) [script/syntax]
    a.rhai:1:7: error: nothing closes this `(` (write a `)` where it ends) [script/syntax]
    a.rhai:1:20: error: nothing opens this `)` (take it out, or write the other one before) [script/syntax]
    a.rhai:2:1: error: nothing opens this `}` (take it out, or write the other one before) [script/syntax]
    a.rhai:1:10: error: nothing closes this `{` (write a `}` where it ends) [script/syntax]
    ");
}

#[test]
fn a_header_that_ends_too_early_is_shown_with_what_comes_after_it() {
    let script = "//! ---\n//! hosts = [\"a\"\nexpect(bodi.b);\n";
    let desk = Desk::new(&[("oes.toml", CONFIG), ("a.rhai", script)]);
    assert_snapshot!(desk.seen(&["check", "oes.toml"]), @r#"
    exit 2
    ── out
    not usable oes.toml: 2 mistakes
    ── err
      × the header: unclosed array, expected `]` [script/header]
       ╭─[a.rhai:2:17]
     2 │ //! hosts = ["a"
       ·                ─
       ╰────
      help: below `//! ---` a header is TOML with request, status, use, hosts, secrets, payload, edits, groups,
            one_of, [params.NAME] with kind, default, help and [oauth2.NAME] with token_url, client_id,
            client_secret, scopes

      × there is no variable `bodi` [script/unknown-variable]
       ╭─[a.rhai:3:8]
     3 │ expect(bodi.b);
       ·        ────
       ╰────
      help: did you mean `body`?
    "#);
}

#[test]
fn texts_that_can_never_be_right_where_they_stand_are_told_before_a_run() {
    let script = r##"
expect(at(body, "$.items[") == 1 && body.at("$..x") == 2 && has(body, "price"));
expect(matches(body.name, "([a-z]") && !stale("k", body, "15 minutes", #{ gap: "1x" }));
memory.set("k", 1, "1 fortnight"); memory.at("k", "yesterday"); memory.shared("s").set("k", 1, "5q");
expect(age("yesterday") < 5 && parse_time(body.at) > 1);
expect(http.get("api.example.io/price", #{ tiemout: "5s" }).ok && http.post("ftp://a.example/", 1).ok);
http.get(service.url, #{ timeout: "soon", json: 1, query: #{ a: 1 } });
expect(types(body, #{ price: "#nubmer > 0", items: [#{ id: "#string" }], any: body.x }) == []);
expect(exact(body, #{ a: [1, "#number >"] }) == []);
track("k", body, #{ ignor: ["$.at"] });
let rows = csv(body.text, #{ delimeter: ";" });
fail("schema", schema(body, "shape"));
"##;
    assert_snapshot!(checked(script), @r#"
    a.rhai:2:17: error: `$.items[` is not a path: an index is a whole number at character 9 (a path is written as `$.items[0].price`, with `[*]` for every element) [script/bad-literal]
    a.rhai:2:45: error: `$..x` is not a path: a name or `*` follows a point at character 3 (a path is written as `$.items[0].price`, with `[*]` for every element) [script/bad-literal]
    a.rhai:2:71: error: `price` is not a path: it begins with `$` at character 1 (a path is written as `$.items[0].price`, with `[*]` for every element) [script/bad-literal]
    a.rhai:3:27: error: `([a-z]` is no regular expression: unclosed group (a sign that means itself has a backslash before it, which a text in quotes writes twice: "\\(") [script/bad-literal]
    a.rhai:3:58: error: "15 minutes" is no duration (write 30s, 15m or 1h30m, or seconds as a number) [script/bad-literal]
    a.rhai:3:80: error: "1x" is no duration (write 30s, 15m or 1h30m, or seconds as a number) [script/bad-literal]
    a.rhai:4:20: error: "1 fortnight" is no duration (write 30s, 15m or 1h30m, or seconds as a number) [script/bad-literal]
    a.rhai:4:51: error: "yesterday" is no duration (write 30s, 15m or 1h30m, or seconds as a number) [script/bad-literal]
    a.rhai:4:96: error: "5q" is no duration (write 30s, 15m or 1h30m, or seconds as a number) [script/bad-literal]
    a.rhai:5:12: error: "yesterday" is no time (write RFC 3339 with a zone, or seconds since 1970) [script/bad-literal]
    a.rhai:6:17: error: `api.example.io/price` is no http or https URL (write it whole: https://api.example.io/price) [script/bad-literal]
    a.rhai:6:44: error: `http.get` has no option `tiemout` (did you mean `timeout`?) [script/unknown-option]
    a.rhai:6:77: error: `ftp://a.example/` is no http or https URL (write it whole: https://api.example.io/price) [script/bad-literal]
    a.rhai:7:35: error: "soon" is no duration (write 30s, 15m or 1h30m, or seconds as a number) [script/bad-literal]
    a.rhai:8:30: error: the sample: `#nubmer > 0` is not a marker (did you mean `#number`? for the text itself put a backslash before it: `\#nubmer > 0`, which JSON and TOML write "\\#nubmer > 0") [script/bad-literal]
    a.rhai:9:30: error: the sample: `#number >`: `` is not a number (ranges are written `>= 0`, `> 0`, `<= 9`, `< 9`, `0..1`, `1..`, `..5`) [script/bad-literal]
    a.rhai:10:21: error: `track` has no option `ignor` (did you mean `ignore`?) [script/unknown-option]
    a.rhai:11:30: error: `csv` has no option `delimeter` (did you mean `delimiter`?) [script/unknown-option]
    a.rhai:12:16: warning: the header declares no parameter `shape` (add `//! [params.shape]` to the header, or name a file: "shape.json") [script/undeclared-param]
    "#);
}

#[test]
fn texts_that_may_be_right_are_left_alone() {
    let script = r##"
expect(at(body, "$.items[0].price") == 1 && body.at("$.x", "none") == 2 && body.x.y.at("$") == 1);
expect(matches(body.name, "^[a-z]+\\d$") && !stale("k", body, 900, #{ gap: "1h 30m", ignore: ["$.at"], tolerance: 0.1 }));
memory.set("15 minutes", "x", "1w"); memory.at("k", "24h", "none"); memory.shared("s").set("k", "5q", 5);
expect(age("2026-01-01T00:00:00Z") < 5 && age("1700000000") > 1 && duration(`${body.n}m`) > 1);
expect(http.get(`https://${body.host}/`, #{ timeout: 5, headers: #{ a: "b" } }).ok);
expect(http.get(service.url + "/x", #{ bearer: body.token, tls: #{ verify: false }, body: "x" }).ok);
expect(types(body, #{ price: "#number > 0", at: "#string", none: (), wish: body.wish }) == []);
expect(exact(body, expected) == [] && exact("#x", body.text) == []);
expect(csv(body.text, #{ delimiter: ";", headers: false }).len() > 1 && body.options.get("path") == 1);
expect(http.pages(service.url, "$.items", "$.next", #{ timeout: "5s" }).len() > 1);
"##;
    assert_snapshot!(checked(script), @"");
}
