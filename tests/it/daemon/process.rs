//! The real binary: signals, the lock, the port.

use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::rig::{Rig, eventually};
use crate::support::inbox::Reply;

/// A daemon of its own process; ends with the test.
struct Process {
    child: Child,
    log: std::path::PathBuf,
}

impl Process {
    fn start(rig: &Rig, name: &str) -> Self {
        let log = rig.folder.path().join(name);
        let child = Command::new(env!("CARGO_BIN_EXE_oes"))
            .args(["run", "--grace", "5"])
            .arg(rig.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    async fn says(&self, text: &str) {
        let look = || {
            let said = self.said();
            said.contains(text).then_some(()).ok_or(said)
        };
        eventually(text, look).await;
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    async fn ends(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("the end", || {
            child.try_wait().unwrap().ok_or("it runs".to_owned())
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already is fine.
        if self.child.kill().is_ok() {
            self.child.wait().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_a_probe_and_lets_a_message_under_way_be_taken() {
    let rig = Rig::new();
    rig.api.answers("/down", 500, "{}");
    rig.api.waits("/slow", Duration::from_secs(8));
    rig.inbox.otherwise(Reply::Late(
        Duration::from_secs(1),
        Box::new(Reply::status(204)),
    ));
    rig.write("oes.toml", &rig.config(&["down", "slow"]));
    let mut process = Process::start(&rig, "log");
    rig.messages(1).await;
    eventually("a slow probe", || {
        (rig.api.hits("/slow") == 1)
            .then_some(())
            .ok_or("none".to_owned())
    })
    .await;
    process.signal(Signal::TERM);
    assert_eq!(process.ends().await.code(), Some(0), "{}", process.said());
    let state = oes::state::read(&rig.folder.path().join("data")).unwrap();
    let delivery = state.ledger.deliveries.values().next().unwrap();
    assert_eq!(
        (delivery.acked_generation, &delivery.intent),
        (1, &None),
        "the confirmation is written down"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_reads_the_config_again() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    let process = Process::start(&rig, "log");
    process.says("watching").await;
    process.signal(Signal::HUP);
    process.says("config is unchanged").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_same_folder_is_refused() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    let first = Process::start(&rig, "first");
    first.says("watching").await;
    let mut second = Process::start(&rig, "second");
    assert_eq!(second.ends().await.code(), Some(2));
    let said = second.said();
    let process = format!("in use by another oes (process {})", first.child.id());
    assert!(
        said.contains(&process) && said.contains("stop it"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_said() {
    let rig = Rig::new();
    let taken = rig.inbox.address().to_string();
    rig.write(
        "oes.toml",
        &rig.config(&["price"]).replace("127.0.0.1:0", &taken),
    );
    let mut process = Process::start(&rig, "log");
    assert_eq!(process.ends().await.code(), Some(2));
    assert!(
        process
            .said()
            .contains(&format!("could not listen on {taken}")),
        "{}",
        process.said()
    );
}
