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

/// A daemon, and `oes top` on a terminal. `script` (Debian: bsdutils, always there) gives it one.
struct Stage {
    desk: Desk,
    top: Ending,
    deadline: Instant,
    _daemon: Ending,
}

impl Stage {
    fn begun(config: &str) -> Self {
        let desk = Desk::new(&[("oes.toml", config)]);
        let log = std::fs::File::create(desk.path("log")).unwrap();
        let daemon = desk
            .command(&["run", "oes.toml"])
            .stderr(log)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let daemon = Ending(daemon);
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
        Self {
            desk,
            top: Ending(top),
            deadline,
            _daemon: daemon,
        }
    }

    /// Waits until all of these were on the screen.
    fn shows(&self, all: &[&str]) {
        let seen = || std::fs::read_to_string(self.desk.path("typescript")).unwrap_or_default();
        while !all.iter().all(|one| seen().contains(one)) {
            assert!(Instant::now() < self.deadline, "{all:?}: {}", seen());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn press(&mut self, keys: &[u8]) {
        let mut keyboard = self.top.0.stdin.as_ref().unwrap();
        keyboard.write_all(keys).unwrap();
    }

    /// Ends it with `q`; returns all that was on the terminal.
    fn ends(mut self) -> String {
        self.press(b"q");
        let mut all = String::new();
        let mut screen = self.top.0.stdout.take().unwrap();
        screen.read_to_string(&mut all).unwrap();
        self.top.0.wait().unwrap();
        assert!(all.contains("ended with 0"), "{all}");
        all
    }
}

#[test]
fn it_shows_the_services_until_q_and_leaves_the_terminal_as_it_was() {
    let stage = Stage::begun(CONFIG);
    stage.shows(&["price", "refused"]);
    let all = stage.ends();
    let left = "\u{1b}[?1049l";
    assert!(all.contains(left), "the other screen is left: {all:?}");
}

#[test]
fn what_fails_in_maintenance_is_planned_and_not_unwell() {
    let plan = "[[maintenance]]\nname = \"New storage\"\nservices = [\"price\"]\n\
                from = \"2020-01-01T00:00:00Z\"\nuntil = \"2099-01-01T00:00:00Z\"\n";
    let window = "window = 1\nerror_threshold = 0\n";
    let mut stage = Stage::begun(&format!("{CONFIG}{window}{plan}"));
    stage.shows(&["~", "in maintenance: New storage; error"]);
    stage.press(b"\r");
    // The row has no room for that.
    stage.shows(&["error for ", "(incident "]);
    let all = stage.ends();
    assert!(
        all.contains("all well") && !all.contains("not well"),
        "{all}"
    );
}
