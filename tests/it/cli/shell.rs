//! What other programs are given, and what becomes of a result that does not arrive.

use std::fs::File;
use std::process::Stdio;

use super::Desk;

#[test]
fn a_closed_pipe_is_no_error() {
    let desk = Desk::new(&[]);
    for arguments in [
        vec!["schema"],
        vec!["man"],
        vec!["completions", "bash"],
        vec!["explain"],
        vec!["demo", "--config"],
    ] {
        let mut command = desk.command(&arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn other_programs_get_what_they_read() {
    let desk = Desk::new(&[]);
    let schema: serde_json::Value = serde_json::from_slice(&desk.run(&["schema"]).stdout).unwrap();
    assert!(schema["properties"]["services"].is_object());
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            String::from_utf8_lossy(&desk.run(&["completions", shell]).stdout).contains("dry-run")
        );
    }
}

#[test]
fn a_code_is_explained_as_it_is_shown() {
    let desk = Desk::new(&[(
        "oes.toml",
        "[[services]]\nurl = \"https://api.example.io/a\"\nintervall = 5\n",
    )]);
    let said = |arguments: &[&str]| {
        let output = desk.run(arguments);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    for format in ["full", "short"] {
        let (exit, text) = said(&["check", "oes.toml", "--format", format]);
        assert_eq!(exit, Some(2));
        assert!(text.contains("[config/unknown-key]"), "{text}");
    }
    let (_, json) = said(&["check", "oes.toml", "--json"]);
    assert!(json.contains(r#""code":"config/unknown-key""#), "{json}");
    for code in ["config/unknown-key", "[config/unknown-key]"] {
        let (exit, text) = said(&["explain", code]);
        assert_eq!(exit, Some(0), "{text}");
        assert!(text.contains("Why: a key that is ignored"), "{text}");
        assert!(text.contains("\n    intervall = \"1m\"\n"), "{text}");
    }
    let (exit, text) = said(&["explain"]);
    assert_eq!(exit, Some(0));
    for code in ["script/arity", "limit.cpu", "connect_refused", "type"] {
        assert!(text.contains(&format!("  {code} ")), "{text}");
    }
    let (exit, text) = said(&["explain", "conect_refused"]);
    assert_eq!(exit, Some(2));
    assert!(text.contains("did you mean `connect_refused`?"), "{text}");
    let (exit, text) = said(&["explain", "nothing-like-it", "--json"]);
    assert_eq!(exit, Some(2));
    assert!(text.contains(r#""schema":"oes.explain/1""#), "{text}");
}

#[test]
fn definitions_are_written_where_they_are_wanted() {
    let desk = Desk::new(&[("file", "")]);
    let output = desk.run(&["definitions", "scripts"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        format!(
            "wrote {}\n",
            std::path::Path::new("scripts").join("oes.d.rhai").display()
        )
    );
    let output = desk.run(&["definitions", "file"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.starts_with("error: could not write file"), "{error}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_result_that_does_not_arrive_is_an_error() {
    let desk = Desk::new(&[("body.json", "{}")]);
    desk.run(&["init"]);
    for arguments in [
        vec!["--help"],
        vec!["schema"],
        vec!["man"],
        vec!["completions", "bash"],
        vec!["check", "oes.toml"],
        vec!["check", "oes.toml", "--json"],
        vec!["dry-run", "status_code", "--response", "body.json"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = desk.command(&arguments).stdout(full).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        let said = "error: could not write the result to standard output: No space left on device";
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}

#[test]
fn every_page_that_the_manual_names_can_be_printed() {
    let desk = Desk::new(&[]);
    let page = |command: &[&str]| {
        let output = desk.run(&[&["man"], command].concat());
        assert_eq!(output.status.code(), Some(0), "{command:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let main = page(&[]);
    assert!(main.contains(".TH oes 1"), "{main}");
    assert!(
        main.contains("EXIT STATUS") && main.contains("\\fB130\\fR"),
        "{main}"
    );
    let named_in = |page: &str| {
        let name = |line: &str| {
            let name = line.strip_prefix("oes\\-")?.strip_suffix("(1)")?;
            Some(name.replace('\\', ""))
        };
        page.lines().filter_map(name).collect::<Vec<String>>()
    };
    let named = named_in(&main);
    assert_eq!(named.len(), 27, "{main}");
    let mut below = 0;
    for name in named {
        let of_command = page(&[&name]);
        assert!(
            of_command.contains(&format!(".TH oes-{name} 1")),
            "{of_command}"
        );
        assert!(of_command.contains("EXIT STATUS"), "{of_command}");
        for name in named_in(&of_command) {
            let page = page(&[&name]);
            assert!(page.contains(&format!(".TH oes-{name} 1")), "{page}");
            below += 1;
        }
    }
    assert_eq!(below, 14);
    let error = String::from_utf8(desk.run(&["man", "dryrun"]).stderr).unwrap();
    assert!(
        error.contains("there is no command `dryrun`; did you mean `dry-run`?"),
        "{error}"
    );
}

#[test]
#[cfg(unix)]
fn a_pipe_is_no_config() {
    let desk = Desk::new(&[]);
    let path = desk.path("oes.toml");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    let seen = desk.seen(&["check", "oes.toml"]);
    assert!(seen.starts_with("exit 2\n"), "{seen}");
    assert!(seen.contains("oes.toml: this is no regular file"), "{seen}");
}
