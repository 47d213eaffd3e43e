//! `oes top` on a terminal of its own.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use super::Desk;

const CONFIG: &str = "interval = 1\n[server]\nlisten = \"127.0.0.1:0\"\n[[services]]\nname = \"price\"\nurl = \"http://127.0.0.1:9/\"\n";

#[test]
fn without_a_terminal_or_a_daemon_it_says_so() {
    let desk = Desk::new(&[("oes.toml", CONFIG)]);
    let said = desk.seen(&["top"]);
    assert!(
        said.contains("this needs a terminal; `oes status --watch`"),
        "{said}"
    );
}

/// A program that ends with the test, however that ends.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        // One that has ended already is fine.
        self.0.kill().unwrap_or_default();
        self.0.wait().map(drop).unwrap_or_default();
    }
}

/// `script` (Debian: bsdutils, always there) gives it a terminal.
#[test]
fn it_shows_the_services_until_q_and_leaves_the_terminal_as_it_was() {
    let desk = Desk::new(&[("oes.toml", CONFIG)]);
    let log = std::fs::File::create(desk.path("log")).unwrap();
    let daemon = desk
        .command(&["run", "oes.toml"])
        .stderr(log)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let _daemon = Ending(daemon);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !std::fs::read_to_string(desk.path("log"))
        .unwrap()
        .contains("watching")
    {
        assert!(Instant::now() < deadline);
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let line = format!(
        "stty rows 24 cols 100; {} top oes.toml; echo ended with $?",
        env!("CARGO_BIN_EXE_oes")
    );
    let top = Command::new("script")
        .args(["-qfec", &line, "typescript"])
        .env("TERM", "xterm")
        .current_dir(desk.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut top = Ending(top);
    let seen = || std::fs::read_to_string(desk.path("typescript")).unwrap_or_default();
    while !(seen().contains("price") && seen().contains("refused")) {
        assert!(Instant::now() < deadline, "{}", seen());
        std::thread::park_timeout(Duration::from_millis(20));
    }
    top.0.stdin.as_mut().unwrap().write_all(b"q").unwrap();
    let mut rest = String::new();
    top.0
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut rest)
        .unwrap();
    top.0.wait().unwrap();
    assert!(rest.contains("ended with 0"), "{rest}");
    let left = "\u{1b}[?1049l";
    assert!(rest.contains(left), "the other screen is left: {rest:?}");
}
