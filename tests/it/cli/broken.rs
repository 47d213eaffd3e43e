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
      help: below `//! ---` a header is TOML with request, status, use, hosts, secrets, payload, [params.NAME]
            with kind, default, help and [oauth2.NAME] with token_url, client_id, client_secret, scopes

      × there is no variable `bodi` [script/unknown-variable]
       ╭─[a.rhai:3:8]
     3 │ expect(bodi.b);
       ·        ────
       ╰────
      help: did you mean `body`?
    "#);
}
