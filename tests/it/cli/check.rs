//! `oes check`: what is said before the daemon starts.

use super::Desk;

const CONFIG: &str = r#"[[channels]]
name = "ops"
kind = "bad"

[[services]]
name = "a"
url = "http://a.test/"
"#;

/// Returns what `oes check` says of a config whose channel is this script.
fn said_of_channel(script: &str) -> String {
    let desk = Desk::new(&[("oes.toml", CONFIG), ("scripts/channels/bad.rhai", script)]);
    desk.seen(&["check", "oes.toml"])
}

#[test]
fn a_channel_script_that_can_never_send_is_a_mistake() {
    let answer = "fn answer(reply, message, channel) { #{ answer: \"taken\" } }\n";
    let whole = said_of_channel(&format!("fn requests(message, channel) {{ [] }}\n{answer}"));
    assert!(whole.starts_with("exit 0"), "{whole}");
    let typo = "bad.rhai has no function `requests(message, channel)`";
    let no_answer = "bad.rhai has no function `answer(reply, message, channel)`";
    let both = "OES calls `requests(message, channel)` and `answer(reply, message, channel)`";
    for (script, expected) in [
        (
            "fn request(m, c) { [] }\n".to_owned(),
            &[
                typo,
                "did you mean `requests` where it says `fn request`?",
                no_answer,
                both,
            ][..],
        ),
        (
            format!("fn requests(m) {{ [] }}\n{answer}"),
            &[typo, "its `requests` takes 1 parameter"],
        ),
        (
            "fn requests(message, channel) { [] }\n".to_owned(),
            &[no_answer, both],
        ),
        ("// later\n".to_owned(), &["there is nothing in this", both]),
    ] {
        let said = said_of_channel(&script);
        assert!(said.starts_with("exit 2"), "{script}: {said}");
        // What is drawn breaks long lines.
        let flat: Vec<&str> = said
            .split(|letter: char| letter.is_whitespace() || letter == '│')
            .filter(|word| !word.is_empty())
            .collect();
        let flat = flat.join(" ");
        for expected in expected {
            assert!(flat.contains(expected), "{expected}: {said}");
        }
        for matcher in ["checks nothing", "say what must hold"] {
            assert!(!said.contains(matcher), "{said}");
        }
    }
}

#[test]
fn a_public_service_without_a_name_is_warned_of() {
    let named = "[[services]]\nname = \"shop\"\nurl = \"https://a.test/shop\"\n";
    let nameless = "[[services]]\nurl = \"https://a.test/internal?customer=7\"\n";
    let other = "[[services]]\nurl = \"https://a.test/other\"\n";
    let said = |config: &str| Desk::new(&[("oes.toml", config)]).seen(&["check", "oes.toml"]);
    let words = "everybody would see its URL";
    for fine in [
        format!("{named}public = true\n"),
        format!("{nameless}public = false\n"),
        format!("defaults = {{ public = true }}\n{named}{nameless}public = false\n"),
    ] {
        let said = said(&fine);
        assert!(said.starts_with("exit 0"), "{said}");
        assert!(!said.contains(words), "{fine}: {said}");
    }
    insta::assert_snapshot!(said(&format!("{named}{nameless}public = true\n")), @r#"
    exit 0
    ── out
    ok oes.toml: 2 services, 1 channel
    ── err
      ⚠ this service is `public` and has no `name`: everybody would see its URL [config/missing]
       ╭─[oes.toml:5:7]
     5 │ url = "https://a.test/internal?customer=7"
       ·       ────────────────────────────────────
       ╰────
      help: give it a `name`: the status page calls a service without one by its method and URL
    "#);
    let all = said(&format!(
        "defaults = {{ public = true }}\n{nameless}{other}"
    ));
    assert!(
        all.contains(words) && all.contains("and 1 more like it"),
        "{all}"
    );
}
