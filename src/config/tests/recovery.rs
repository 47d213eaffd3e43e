//! A mistake of TOML's syntax hides no other mistake, and says how to mend itself.

use super::*;

/// What follows the broken line in every row: one mistake of its own.
const REST: &str = "\nlatensy = 1\n";

fn after(line: &str) -> Vec<String> {
    let text = format!("[[services]]\nurl = \"https://a.example.io\"\n{line}{REST}");
    mistakes(&text).lines().map(str::to_owned).collect()
}

#[test]
fn a_broken_statement_does_not_hide_the_next_mistake() {
    for (line, said) in [
        (
            "name = bad",
            "3:8: error: a text without quotes (strings take quotes: \"bad\")",
        ),
        (
            "name = my own service # x",
            "3:8: error: a text without quotes (strings take quotes: \"my own service\")",
        ),
        (
            "name = null",
            "3:8: error: TOML has no null (leave the key out where it has no value)",
        ),
        (
            "public = True",
            "3:10: error: `True` is no boolean (booleans are lower case: true)",
        ),
        (
            "public = yes",
            "3:10: error: `yes` is no boolean (write true)",
        ),
        (
            "name = \"abc",
            "3:8: error: this quote is never closed (close it on the same line; a quote inside a text is written \\\", a text of several lines takes \"\"\")",
        ),
        (
            "name: foo",
            "3:5: error: a `:` in place of `=` (TOML writes name = foo)",
        ),
        (
            "tags = [ \"b\"",
            "3:8: error: this `[` is never closed (write `]` where it ends)",
        ),
        (
            "headers = { a = \"b\"",
            "3:11: error: this `{` is never closed (write `}` where it ends)",
        ),
        (
            "headers = { a = null, b = \"c\" }",
            "3:17: error: TOML has no null (leave the key out where it has no value)",
        ),
        (
            "tags = [\n  \"a\",\n  b,\n]",
            "5:3: error: a text without quotes (strings take quotes: \"b\")",
        ),
        (
            "name",
            "3:5: error: key with no value, expected `=` (one key = value a line, strings in quotes; a service begins with [[services]])",
        ),
        (
            "[notify",
            "3:1: error: the brackets of this header do not match (write [notify])",
        ),
    ] {
        let found = after(line);
        let row = format!("{line}: {found:#?}");
        assert_eq!(found.len(), 2, "{row}");
        assert_eq!(
            found[0],
            format!("oes.toml:{said} [config/syntax]"),
            "{row}"
        );
        assert!(found[1].contains("unknown key `latensy`"), "{row}");
    }
}

#[test]
fn four_mistakes_are_four_in_toml_too() {
    insta::assert_snapshot!(mistakes("intervall = 1\n[[services]]\nurl = \"htp://x\"\nname = bad\nlatensy=1\n"), @r#"
    oes.toml:1:1: error: unknown key `intervall` in an ops config (did you mean `interval`?) [config/unknown-key]
    oes.toml:3:7: error: `htp://x` is neither http nor https (it begins with https:// or http://) [config/value]
    oes.toml:4:8: error: a text without quotes (strings take quotes: "bad") [config/syntax]
    oes.toml:5:1: error: unknown key `latensy` in a service (did you mean `latency`?) [config/unknown-key]
    "#);
    insta::assert_snapshot!(mistakes("[[services]\nurl = https://a.example.io\nlatensy=1\n[notify]\ngahter = 1\n"), @r#"
    oes.toml:1:1: error: the brackets of this header do not match (write [[services]]) [config/syntax]
    oes.toml:2:7: error: a text without quotes (strings take quotes: "https://a.example.io") [config/syntax]
    oes.toml:3:1: error: unknown key `latensy` in a service (did you mean `latency`?) [config/unknown-key]
    oes.toml:5:1: error: unknown key `gahter` in `notify` (did you mean `gather`?) [config/unknown-key]
    "#);
}

#[test]
fn nothing_is_said_of_a_value_that_could_not_be_read() {
    // A service without a usable `url` has one all the same, and what a broken list holds is not known.
    for text in [
        "[[services]]\nurl = https://a.example.io\n",
        "[[services]]\nurl = \"https://a.example.io\nname = \"a\"\n",
        "[[services]]\nurl = \"https://a.example.io\"\ntimeout = soon\n",
        "[[services]]\nurl = \"https://a.example.io\"\nmatch = [ { types = { a = 1 }\n",
        "[[services]]\nurl = \"https://a.example.io\"\nmatch = [ { types = nothing } ]\n",
    ] {
        let said = mistakes(text);
        assert_eq!(said.lines().count(), 1, "{text}\n{said}");
    }
}
