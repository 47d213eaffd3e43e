//! What goes on until it is ended: Ctrl-C, and a reader that goes away.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use super::Desk;
use crate::support::upstream::{Step, Upstream};

/// No command may take longer for its end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A command under way; what it says goes to files. Ends with the test.
struct Running<'a> {
    desk: &'a Desk,
    child: Child,
}

impl<'a> Running<'a> {
    fn start(desk: &'a Desk, arguments: &[&str]) -> Self {
        let file = |name: &str| File::create(desk.path(name)).unwrap();
        let mut command = desk.command(arguments);
        let child = command.stdout(file("out")).stderr(file("err")).spawn();
        Self {
            desk,
            child: child.unwrap(),
        }
    }

    /// Returns everything that it said so far.
    fn said(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.desk.path(name)).unwrap();
        [read("out"), read("err")].concat()
    }

    /// Waits until it has said a text so often.
    fn says(&self, text: &str, times: usize) {
        until(|| {
            let said = self.said();
            let enough = said.matches(text).count() >= times;
            enough
                .then_some(())
                .ok_or(format!("{times} of `{text}` in:\n{said}"))
        });
    }

    fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// Presses Ctrl-C and returns the exit code as a shell shows it.
    fn interrupted(&mut self) -> i32 {
        self.interrupt();
        ended(&mut self.child)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // One that has ended already is fine.
        if self.child.kill().is_ok() {
            self.child.wait().unwrap();
        }
    }
}

fn until<T>(look: impl FnMut() -> Result<T, String>) -> T {
    let mut look = look;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(seen) => return seen,
            Err(missing) => assert!(Instant::now() < deadline, "{missing}"),
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn ended(child: &mut Child) -> i32 {
    let status = until(|| child.try_wait().unwrap().ok_or("it goes on".to_owned()));
    let signal = status.signal().map(|signal| 128 + signal);
    status.code().or(signal).unwrap()
}

const SCRIPT: &str = "if body.price > 1 { fail(\"too dear\") }\n";

#[test]
fn a_watched_script_runs_again_after_each_edit() {
    let desk = Desk::new(&[("p.rhai", SCRIPT), ("body.json", "{\"price\": 2}")]);
    let arguments = ["dry-run", "p.rhai", "--response", "body.json", "--watch"];
    let mut running = Running::start(&desk, &arguments);
    running.says("watching; Ctrl-C ends", 1);
    running.says("too dear", 1);
    desk.write("p.rhai", &SCRIPT.replace("too dear", "far too dear"));
    running.says("far too dear", 1);
    desk.write("p.rhai", "let price = body.;\n");
    running.says("─[p.rhai:1:", 1);
    let said = running.said();
    assert!(
        said.contains("far too dear"),
        "what was shown stays: {said}"
    );
    desk.write("p.rhai", "if body.price > 1 { fail(\"mended\") }\n");
    running.says("mended", 1);
    desk.write("body.json", "{\"price\": 1}");
    running.says("✓ PASS", 1);
    assert_eq!(running.interrupted(), 130);
}

#[test]
fn watched_tests_run_again_when_a_script_a_test_or_a_fixture_changes() {
    let tests = "script = \"p.rhai\"\n[[test]]\nname = \"p\"\nprobe = [{ body_file = \"body.json\" }]\nexpect = \"F\"\n";
    let desk = Desk::new(&[
        ("p.rhai", SCRIPT),
        ("body.json", "{\"price\": 2}"),
        ("p.test.toml", tests),
    ]);
    let mut running = Running::start(&desk, &["test", "--watch"]);
    running.says("watching; Ctrl-C ends", 1);
    running.says("✓ 1 test passed", 1);
    desk.write("body.json", "{\"price\": 1}");
    running.says("✗ 1 of 1 test failed", 1);
    desk.write("p.test.toml", &tests.replace("\"F\"", "\"P\""));
    running.says("✓ 1 test passed", 2);
    desk.write("p.rhai", "if {");
    running.says("─[p.rhai:1:", 1);
    desk.write("p.rhai", SCRIPT);
    running.says("✓ 1 test passed", 3);
    desk.write("q.test.toml", &tests.replace("\"F\"", "\"P\""));
    running.says("✓ 2 tests passed", 1);
    assert_eq!(running.interrupted(), 130);
}

#[test]
fn a_watch_that_begins_with_a_broken_script_goes_on_when_it_is_mended() {
    let desk = Desk::new(&[("p.rhai", "if {"), ("body.json", "{\"price\": 2}")]);
    let arguments = ["dry-run", "p.rhai", "--response", "body.json", "--watch"];
    let mut running = Running::start(&desk, &arguments);
    running.says("watching; Ctrl-C ends", 1);
    desk.write("p.rhai", SCRIPT);
    running.says("too dear", 1);
    assert_eq!(running.interrupted(), 130);
}

#[test]
fn a_watched_status_is_shown_anew_and_ends_with_its_reader() {
    let config = "[server]\nlisten = \"127.0.0.1:0\"\n[[services]]\nname = \"a\"\nurl = \"http://127.0.0.1:9/\"\n";
    let desk = Desk::new(&[("oes.toml", config)]);
    let mut refused = Running::start(&desk, &["status", "--watch"]);
    assert_eq!(ended(&mut refused.child), 2, "nothing was ever watched");
    let mut daemon = Running::start(&desk, &["run", "oes.toml", "--grace", "2"]);
    daemon.says("watching", 1);
    assert_eq!(daemon.interrupted(), 0);
    let mut status = Running::start(&desk, &["status", "--watch"]);
    status.says("the daemon is not running", 2);
    assert_eq!(status.interrupted(), 130);
    let mut command = desk.command(&["status", "--watch", "--json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    for _ in 0..2 {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
        let told: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(told["schema"], "oes.status/1");
    }
    drop(reader);
    assert_eq!(ended(&mut child), 0);
}

/// A response that does not come must not keep Ctrl-C from ending it.
#[tokio::test(flavor = "multi_thread")]
async fn a_probe_under_way_is_ended_by_ctrl_c() {
    let upstream = Upstream::always(vec![Step::Request, Step::Hang]).await;
    let url = upstream.url("/slow");
    let config = format!("[[services]]\nname = \"slow\"\nurl = \"{url}\"\n");
    let desk = Desk::new(&[("oes.toml", &config)]);
    tokio::task::spawn_blocking(move || {
        let commands: [&[&str]; 2] = [&["probe", "oes.toml"], &["dry-run", "slow"]];
        for (before, arguments) in commands.into_iter().enumerate() {
            let mut running = Running::start(&desk, arguments);
            until(|| {
                let asked = upstream.requests().len();
                (asked > before)
                    .then_some(())
                    .ok_or("no request".to_owned())
            });
            let pressed = Instant::now();
            assert_eq!(running.interrupted(), 130, "{}", running.said());
            assert!(pressed.elapsed() < Duration::from_secs(3));
        }
    })
    .await
    .unwrap();
}

#[test]
fn the_daemon_drains_after_ctrl_c_and_that_is_no_failure() {
    let config =
        "[server]\nlisten = \"127.0.0.1:0\"\n[[services]]\nurl = \"http://127.0.0.1:9/\"\n";
    let desk = Desk::new(&[("oes.toml", config)]);
    let mut running = Running::start(&desk, &["run", "oes.toml", "--grace", "2"]);
    running.says("watching", 1);
    let pressed = Instant::now();
    assert_eq!(running.interrupted(), 0, "{}", running.said());
    assert!(pressed.elapsed() < Duration::from_secs(10));
    assert!(running.said().contains("SIGINT"), "{}", running.said());
}

#[test]
fn the_demo_sums_up_after_ctrl_c() {
    let desk = Desk::new(&[]);
    let mut running = Running::start(&desk, &["demo"]);
    running.says("API: http://", 1);
    std::thread::park_timeout(Duration::from_millis(300));
    assert_eq!(running.interrupted(), 130, "{}", running.said());
    let said = running.said();
    assert!(said.contains("Summary\n"), "{said}");
    let left: Vec<_> = std::fs::read_dir(desk.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().starts_with("oes-demo"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// `oes demo | head -3`
#[test]
fn the_demo_ends_when_nobody_reads_it_any_more() {
    let desk = Desk::new(&[]);
    let mut command = desk.command(&["demo"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(File::create(desk.path("err")).unwrap())
        .spawn()
        .unwrap();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
    drop(reader);
    let closed = Instant::now();
    assert_eq!(ended(&mut child), 0);
    assert!(closed.elapsed() < Duration::from_secs(20), "{line}");
    let said = std::fs::read_to_string(desk.path("err")).unwrap();
    assert!(!said.contains("error") && !said.contains("panic"), "{said}");
}
