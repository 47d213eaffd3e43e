//! How mistakes look on a terminal.

use super::*;
use crate::config::report::Look;

#[test]
fn a_report_shows_line_caret_and_help() {
    let report = load_text(
        "oes.toml",
        "[[services]]\nurl = \"https://a.example.io\"\n\tlatensy = \"grüße\" # x\n",
        Path::new(""),
        &environment(),
    )
    .unwrap_err();
    insta::assert_snapshot!(report.graphical(Look { colour: false, width: 80 }), @r#"
      × unknown key `latensy` in a service [config/unknown-key]
       ╭─[oes.toml:3:2]
     3 │  latensy = "grüße" # x
       ·  ───────
       ╰────
      help: did you mean `latency`?
    "#);
    let line = &report.lines()[0];
    insta::assert_snapshot!(serde_json::to_string(line).unwrap(), @r#"{"file":"oes.toml","line":3,"column":2,"severity":"error","code":"config/unknown-key","message":"unknown key `latensy` in a service","help":"did you mean `latency`?"}"#);
}

#[test]
fn a_line_of_a_megabyte_is_cut_around_the_caret() {
    let filler = "x".repeat(1 << 20);
    let text = format!(
        "{{\"services\":[{{\"url\":\"https://a.example.io\",\"response\":\"{filler}\",\"bad\":1,\"payload\":\"{filler}\"}}]}}"
    );
    let report = load_text("oes.json", &text, Path::new(""), &environment()).unwrap_err();
    let drawn = report.graphical(Look {
        colour: false,
        width: 100,
    });
    assert!(drawn.len() < 2000, "{}", drawn.len());
    assert!(
        drawn.contains("\"bad\":1") && drawn.contains("oes.json:1:1048"),
        "{drawn}"
    );
}

#[test]
fn control_characters_of_a_file_stay_out_of_the_terminal() {
    let report = load_text(
        "oes.json",
        "{ \"a\u{1b}[31m\": 1 }",
        Path::new(""),
        &environment(),
    )
    .unwrap_err();
    assert!(
        !report
            .graphical(Look {
                colour: false,
                width: 80
            })
            .contains('\u{1b}')
    );
    assert!(!report.plain().contains('\u{1b}'), "{}", report.plain());
}
