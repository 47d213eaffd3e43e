//! The command line as a user meets it: the real binary, its output and its exit codes.

mod arguments;
mod backtest;
mod blindspots;
mod broken;
mod check;
mod demo;
mod dry_channel;
mod dry_run;
mod history;
mod incidents;
mod interrupt;
mod learn;
mod libraries;
mod narrow;
mod new;
mod notify;
mod operate;
mod orders;
mod page;
mod record;
mod schemas;
mod secrets;
mod shell;
mod stand_ins;
mod status;
mod test;
mod top;
mod troubled;
mod unanswered;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder to run commands in, with nothing of the environment of whoever runs the tests.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new(files: &[(&str, &str)]) -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for (name, text) in files {
            desk.write(name, text);
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        use std::io::Write as _;
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::File::create(path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oes"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("NO_COLOR", "1");
        command
            .env("TMPDIR", self.folder.path())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command and returns everything that a user sees.
    fn seen(&self, arguments: &[&str]) -> String {
        seen(&self.run(arguments))
    }
}

/// Returns exit code, standard output and standard error, without what differs between two runs.
fn seen(output: &Output) -> String {
    let mut text = format!("exit {}\n", output.status.code().unwrap());
    for (name, bytes) in [("out", &output.stdout), ("err", &output.stderr)] {
        if !bytes.is_empty() {
            text.push_str("── ");
            text.push_str(name);
            text.push('\n');
            text.push_str(&normal(&String::from_utf8_lossy(bytes)));
        }
    }
    text.trim_end().to_owned()
}

/// Replaces ports and measured numbers.
fn normal(text: &str) -> String {
    let rules = [
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"\((resolve|connect|tls|send|wait)[^)\n]*\)", "(phases)"),
        (r"\b\d+(\.\d+)? (ms|µs|s)\b", "TIME"),
        (r"\b[\d,]+ of ([\d,]+) operations", "N of $1 operations"),
        (r"\b[\d,.]+ (B|KiB) of (\d+ MiB) heap", "N of $2 heap"),
        (r"\b\d\d:\d\d:\d\d UTC", "CLOCK"),
        (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "MOMENT"),
        (r"latency +", "latency "),
        (r"TIME +", "TIME "),
    ];
    rules
        .into_iter()
        .fold(text.to_owned(), |text, (pattern, with)| {
            regex::Regex::new(pattern)
                .unwrap()
                .replace_all(&text, with)
                .into_owned()
        })
}

/// Returns the only line of standard output as JSON.
fn json(output: &Output) -> serde_json::Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// Returns a file of the repository.
fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
