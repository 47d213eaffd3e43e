//! The real binary: signals, the lock, the port.

use std::fs::File;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::rig::{Rig, ask, eventually, line, lines};
use crate::support::inbox::{Inbox, Reply};
#[cfg(target_os = "linux")]
use crate::support::scripts::{is_running, workers_of};

/// A daemon of its own process; ends with the test.
pub(super) struct Process {
    child: Child,
    log: std::path::PathBuf,
}

impl Process {
    pub(super) fn start(rig: &Rig, name: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oes"));
        command.args(["run", "--grace", "1"]).arg(rig.path());
        Self::spawn(rig, name, &mut command)
    }

    /// Starts a command that becomes a daemon; what it says goes to a file of this name.
    pub(super) fn spawn(rig: &Rig, name: &str, command: &mut Command) -> Self {
        let log = rig.folder.path().join(name);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(super) async fn says(&self, text: &str) {
        let look = || {
            let said = self.said();
            said.contains(text).then_some(()).ok_or(said)
        };
        eventually(text, look).await;
    }

    /// Returns where its pages are once it watches.
    pub(super) async fn address(&self) -> SocketAddr {
        self.says("watching").await;
        let said = self.said();
        let (_, rest) = said.split_once("address=").unwrap();
        let address = rest.split([' ', '\n']).next().unwrap();
        address.parse().unwrap()
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(super) async fn ends(&mut self) -> ExitStatus {
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
        Duration::from_millis(500),
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

/// For so long the daemon stands still, as on a machine that sleeps.
const STANDSTILL: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_stood_still_for_a_minute_goes_on_and_repeats_nothing() {
    let rig = Rig::new();
    rig.api.answers("/down", 500, "{}");
    rig.write("oes.toml", &rig.config(&["down", "up", "other"]));
    let process = Process::start(&rig, "log");
    rig.messages(1).await;
    process.signal(Signal::STOP);
    tokio::time::sleep(STANDSTILL / 2).await;
    rig.api.answers("/down", 200, "{}");
    let hits = rig.api.hits("/up");
    tokio::time::sleep(STANDSTILL / 2).await;
    assert!(rig.api.hits("/up") <= hits + 1, "it does not stand still");
    process.signal(Signal::CONT);
    let told = rig.messages(2).await;
    let kinds: Vec<&str> = told
        .iter()
        .map(|one| one["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["incident.opened", "incident.resolved"]);
    let hits = rig.api.hits("/up");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(rig.bodies().len(), 2, "{:#?}", rig.bodies());
    // Ten a second are due; what was missed is not made up for.
    let probes = rig.api.hits("/up") - hits;
    assert!(
        (5..=60).contains(&probes),
        "{probes} probes in three seconds"
    );
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
    let said = process.said();
    assert!(
        said.contains(&format!("could not listen on {taken}"))
            && said.contains("another `listen` under `server`"),
        "{said}"
    );
    assert!(
        !rig.folder.path().join("data").exists(),
        "a start that fails leaves no folder behind"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_leaves_a_message_owed_says_so_and_is_no_failure() {
    let rig = Rig::new();
    rig.api.answers("/price", 500, "{}");
    rig.inbox.otherwise(Reply::Hang);
    rig.write("oes.toml", &rig.config(&["price"]));
    let mut process = Process::start(&rig, "log");
    rig.messages(1).await;
    process.signal(Signal::TERM);
    assert_eq!(process.ends().await.code(), Some(0), "{}", process.said());
    let said = process.said();
    assert!(
        said.contains("stopped with messages still owed") && said.contains("owed=1"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_disabled_is_said_and_tried_again_after_a_hangup() {
    let rig = Rig::new();
    let other = Inbox::start();
    rig.inbox.then(Reply::status(410));
    rig.api.answers("/price", 500, "{}");
    let channel = format!(
        "[[channels]]\nname = \"other\"\nkind = \"webhook\"\nurl = \"{}\"\n",
        other.url("/")
    );
    let config = rig.config(&[])
        + &*channel
        + &*rig.service("price", "match = [\"status_code\"]\nchannels = [\"hook\"]");
    rig.write("oes.toml", &config);
    let mut first = Process::start(&rig, "first");
    let told = lines(&[other.wait_for(1)[0].json()]);
    assert_eq!(told, ["opened OES channel hook disabled"]);
    first.says("channel is disabled").await;
    first.signal(Signal::TERM);
    assert_eq!(first.ends().await.code(), Some(0), "{}", first.said());

    let process = Process::start(&rig, "second");
    process.says("channel is disabled").await;
    let said = process.said();
    let warning = said
        .lines()
        .find(|line| line.contains("channel is disabled"));
    let warning = warning.unwrap();
    for part in ["WARN", "hook", "the receiver answered 410", "owed=1"] {
        assert!(warning.contains(part), "{part}: {warning}");
    }
    process.signal(Signal::HUP);
    let messages = rig.messages(2).await;
    assert_eq!(lines(&messages)[1], "opened price error");
    let told = other.wait_for(2);
    assert_eq!(line(&told[1].json()), "resolved OES channel hook disabled");
    assert_eq!(rig.bodies().len(), 2, "the channel is not told of itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_given_up_is_named() {
    let rig = Rig::new();
    rig.inbox.otherwise(Reply::status(413));
    rig.api.answers("/price", 500, "{}");
    rig.write("oes.toml", &rig.config(&["price"]));
    let process = Process::start(&rig, "log");
    let address = process.address().await;
    process.says("message given up").await;
    let said = process.said();
    let warning = said.lines().find(|line| line.contains("message given up"));
    let warning = warning.unwrap();
    let incident = rig.bodies()[0]["data"]["incident"].clone();
    let parts = [
        "WARN",
        "hook",
        "price",
        "error",
        incident.as_str().unwrap(),
        "413",
    ];
    for part in parts {
        assert!(warning.contains(part), "{part}: {warning}");
    }
    let given_up = format!(
        "price error (incident {}) on hook: ",
        incident.as_str().unwrap()
    );
    // It is logged before it is on disk, and shown once it is.
    let mut ready = String::new();
    for _ in 0..100 {
        ready = ask(address, "/readyz").await;
        if ready.contains("1 given up") && ready.contains(&given_up) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{ready}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn scripts_run_in_processes_that_end_with_the_daemon_however_it_ends() {
    let rig = Rig::new();
    let judged = rig.service("price", "match = [\"./check.rhai\"]");
    rig.write("check.rhai", "expect(response.status == 200, \"wrong\");");
    rig.write("oes.toml", &format!("{}{judged}", rig.config(&[])));
    let mut process = Process::start(&rig, "log");
    let address = process.address().await;
    let pages = async || ask(address, "/metrics").await;
    while !pages().await.contains("outcome=\"pass\"") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let metrics = pages().await;
    for sample in [
        "oes_script_workers{state=\"idle\"} 1",
        "oes_script_workers_started_total 1",
        "oes_scripts_suspended 0",
    ] {
        assert!(metrics.contains(sample), "{sample}: {metrics}");
    }
    assert!(
        !metrics.contains("oes_script_round_trips_total 0"),
        "{metrics}"
    );
    let workers = workers_of(process.id());
    assert_eq!(workers.len(), 1);
    process.signal(Signal::KILL);
    process.ends().await;
    for id in workers {
        let look = || (!is_running(id)).then_some(()).ok_or("it runs".to_owned());
        eventually("the end of a worker", look).await;
    }
}

/// A daemon that cannot hold scripts as its config wants refuses to start, and says what to do.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn without_worker_processes_there_is_no_start() {
    let hidden = "mount -t tmpfs none /proc && exec \"$0\" run oes.toml";
    let few = "exec prlimit --nproc=6 \"$0\" run oes.toml";
    for (how, wrap, said) in [
        (
            hidden,
            &["unshare", "--mount", "--map-root-user"][..],
            "mount /proc",
        ),
        (
            few,
            &["setpriv", "--reuid", "61234", "--clear-groups"],
            "TasksMax=",
        ),
    ] {
        let rig = Rig::new();
        rig.write("oes.toml", &rig.config(&["price"]));
        let folder = rig.folder.path();
        std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o777))
            .unwrap();
        // Another user may not reach the program where it was built.
        let program = folder.join("oes");
        std::fs::copy(env!("CARGO_BIN_EXE_oes"), &program).unwrap();
        let may = Command::new(wrap[0]).args(&wrap[1..]).arg("true").output();
        if !may.is_ok_and(|output| output.status.success()) {
            // Not everybody may try this out.
            continue;
        }
        let mut command = Command::new(wrap[0]);
        command
            .args(&wrap[1..])
            .args(["sh", "-c", how])
            .arg(&program)
            .current_dir(folder);
        let mut process = Process::spawn(&rig, "log", &mut command);
        assert_eq!(process.ends().await.code(), Some(2), "{}", process.said());
        let told = process.said();
        assert!(
            told.contains(said) && told.contains("sandbox = \"thread\""),
            "{told}"
        );
    }
}

/// Within seconds, though no script runs.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_ends_is_said() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    let process = Process::start(&rig, "log");
    let address = process.address().await;
    for id in workers_of(process.id()) {
        kill_process(
            Pid::from_raw(i32::try_from(id).unwrap()).unwrap(),
            Signal::KILL,
        )
        .unwrap();
    }
    process
        .says("a worker process of scripts ended while it had nothing to do")
        .await;
    assert!(process.said().contains("signal 9"), "{}", process.said());
    let metrics = ask(address, "/metrics").await;
    assert!(
        metrics.contains("oes_script_workers{state=\"idle\"} 0"),
        "{metrics}"
    );
    assert!(
        metrics.contains("oes_script_workers_ended_total{reason=\"died\"} 1"),
        "{metrics}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn scripts_run_on_threads_where_the_config_says_so() {
    let rig = Rig::new();
    let config = format!("sandbox = \"thread\"\n{}", rig.config(&["price"]));
    rig.write("oes.toml", &config);
    let process = Process::start(&rig, "log");
    let address = process.address().await;
    assert!(workers_of(process.id()).is_empty());
    let metrics = ask(address, "/metrics").await;
    assert!(!metrics.contains("oes_script_workers{"), "{metrics}");
    rig.write("oes.toml", &config.replace("thread", "process"));
    process.signal(Signal::HUP);
    process.says("only with a restart").await;
}
