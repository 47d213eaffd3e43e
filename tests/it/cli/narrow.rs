//! What a person sees on a narrow terminal: no word is broken, no line is longer than it.

use std::process::Stdio;

use super::{Desk, backtest};

/// Runs a command on a terminal of so many columns and returns what it shows; absent where no terminal can be had.
pub(super) fn seen(desk: &Desk, columns: usize, arguments: &[&str]) -> Option<String> {
    let line = format!(
        "stty cols {columns}; exec {} {}",
        env!("CARGO_BIN_EXE_oes"),
        arguments.join(" ")
    );
    let mut command = std::process::Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .current_dir(desk.path("."))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("TERM", "dumb")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    let output = command.output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.replace("\r\n", "\n").replace('\r', "\n"))
}

const CONFIG: &str = "data = \"data\"\ninterval = \"1m\"\n[[services]]\nname = \"price\"\n\
    url = \"http://127.0.0.1:9/price\"\nlatency = 400\nrecord = true\nmatch = [\"cheap\"]\n\
    [[services]]\nname = \"a-second-one-with-a-long-name\"\nurl = \"http://127.0.0.1:9/x\"\nmatch = [\"status_code\"]\n";
const CHEAP: &str =
    "expect(body.price < 10, \"dear\", \"the price is far too high for anybody to pay\");\n";
const TESTS: &str = "script = \"cheap.rhai\"\n[[test]]\nname = \"a price that somebody would pay passes, and one that nobody would fails\"\n\
    probe = [{ json = { price = 1 }, repeat = 40 }, { json = { price = 99 } }]\nexpect = \"PPPPPPPPPP PPPPPPPPPP PPPPPPPPPP PPPPPPPPPP P\"\n";
const BAD: &str = "intervall = 1\n[[services]]\nurl = \"http://127.0.0.1:9/price\"\nheaders = { authorization = \"Bearer ${env:NOT_SET_ANYWHERE}\" }\n";

#[test]
fn words_are_whole_and_lines_no_longer_than_the_terminal() {
    let desk = Desk::new(&[
        ("oes.toml", CONFIG),
        ("bad.toml", BAD),
        ("cheap.rhai", CHEAP),
        ("cheap.test.toml", TESTS),
        (
            "price.json",
            "{\"price\": 99, \"text\": \"a rather long text that goes on and on\"}",
        ),
    ]);
    backtest::record(
        &desk,
        &[
            (200, 100, 5),
            (200, 100, 99),
            (200, 100, 99),
            (200, 100, 99),
            (200, 100, 99),
        ],
    );
    let commands: [&[&str]; 7] = [
        &["check", "oes.toml"],
        &["check", "bad.toml"],
        &["probe", "oes.toml"],
        &["test", "cheap.test.toml"],
        &["backtest", "price"],
        &["dry-run", "price", "--response", "price.json"],
        &["status", "oes.toml", "--all"],
    ];
    for command in commands {
        // All words, where there is room for them.
        let Some(wide) = seen(&desk, 400, command) else {
            return;
        };
        let words: std::collections::BTreeSet<&str> = wide.split_whitespace().collect();
        for columns in [40, 60] {
            let narrow = seen(&desk, columns, command).unwrap();
            for line in narrow.lines() {
                assert!(
                    line.chars().count() <= columns,
                    "{command:?} {columns}: {line}\n{narrow}"
                );
                // Times differ, source texts are cut, letters are fewer, bars are shorter.
                let is_free = |word: &str| {
                    word.contains(|c: char| c.is_ascii_digit() || "…P█░·─".contains(c))
                };
                let broken = line
                    .split_whitespace()
                    .find(|word| !words.contains(word) && !is_free(word));
                assert_eq!(broken, None, "{command:?} {columns}: {line}\n{narrow}");
            }
        }
    }
}
