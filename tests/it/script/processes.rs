//! Worker processes: scripts do in them what they do on threads, and whatever becomes of one is one run's outcome.
#![expect(clippy::unwrap_used, reason = "a test stops where its set-up is wrong")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use oes::model::judgement::Outcome;
use oes::script::pool::{Pool, PoolSettings, Program, Sandbox, WorkerNews};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use super::bench::*;
use crate::support::scripts::{is_running, worker, workers_of};

/// Makes one request that is never answered.
const WAITS: &str = "let r = http.get(\"https://api.example.io/\"); expect(r.ok, `${r.error}`);";

/// Returns the processes that this one started and that run scripts.
fn workers() -> BTreeSet<u32> {
    workers_of(std::process::id())
}

/// Sends a signal to a process that this one started.
fn signal(id: u32, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    kill_process(id, signal).unwrap();
}

/// Stops a process, and waits until it stands: the signal is delivered after a while.
fn halt(id: u32) {
    signal(id, Signal::STOP);
    let began = Instant::now();
    let stands = || {
        let stat = fs::read_to_string(format!("/proc/{id}/stat"));
        stat.is_ok_and(|stat| stat.contains(") T "))
    };
    while !stands() {
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{id} does not stop"
        );
        std::thread::yield_now();
    }
}

/// Each of these tests has a process of its own, so that the workers it finds are its own.
fn alone(name: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&format!("script::processes::{name}"), "--exact"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    false
}

const ALONE: &str = "OES_TEST_ALONE";

fn processes(host: &Arc<Fake>) -> Pool {
    pool_in(Sandbox::Processes(worker()), host)
}

/// Tests of scripts that no worker process takes part in, or that take long and prove no more in one.
const ELSEWHERE: [&str; 5] = [
    "script::processes",
    "script::fuzz",
    "script::lint",
    "script::cookbook",
    "script::hostile::the_shared",
];

#[test]
fn scripts_do_in_processes_what_they_do_on_threads() {
    if std::env::var_os(IN_PROCESSES).is_some() {
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .arg("script::")
        .args(ELSEWHERE.iter().flat_map(|name| ["--skip", name]))
        .env(IN_PROCESSES, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains(" 0 passed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_has_no_rights() {
    if !alone("a_worker_has_no_rights") {
        return;
    }
    let pool = processes(&silent());
    assert_eq!(pool.ready().await, Ok(None), "it gave up everything");
    let judgement = judge(&pool, "true", input("{}")).await;
    assert_eq!(judgement.outcome, Outcome::Pass);
    let id = *workers().first().unwrap();
    let status = fs::read_to_string(format!("/proc/{id}/task/{id}/status")).unwrap();
    assert!(status.contains("Seccomp:\t2"), "{status}");
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let limits = fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
    let soft = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..]
            .split_whitespace()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(soft("Max core file size"), "0");
    assert_eq!(soft("Max file size"), "0");
    assert!(soft("Max address space").parse::<u64>().unwrap() <= 1 << 30);
    assert_eq!(fs::read(format!("/proc/{id}/environ")).unwrap(), b"");
    let open: Vec<String> = fs::read_dir(format!("/proc/{id}/fd"))
        .unwrap()
        .map(|one| {
            fs::read_link(one.unwrap().path())
                .unwrap()
                .display()
                .to_string()
        })
        .collect();
    let harmless = |file: &String| {
        ["socket:", "pipe:", "anon_inode:"]
            .iter()
            .any(|kind| file.starts_with(kind))
            || file == "/dev/null"
    };
    assert!(open.iter().all(harmless), "{open:?}");
    drop(pool);
    let began = Instant::now();
    while is_running(id) {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "the worker outlives its pool"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_breaks_its_worker_is_one_outcome_and_set_aside_the_second_time() {
    if !alone("a_script_that_breaks_its_worker_is_one_outcome_and_set_aside_the_second_time") {
        return;
    }
    let pool = processes(&fake(|_| reply(599, "")));
    for _ in 0..2 {
        let run = judge(&pool, WAITS, input("{}"));
        let breaking = async {
            // Time for the script to ask for what never comes.
            tokio::time::sleep(Duration::from_millis(500)).await;
            for id in workers() {
                signal(id, Signal::ABORT);
            }
        };
        let (judgement, ()) = tokio::join!(run, breaking);
        assert_eq!(judgement.outcome, Outcome::Error);
        let finding = &judgement.findings[0];
        assert_eq!(&*finding.code, "script.crashed");
        assert!(finding.message.contains("signal 6"), "{}", finding.message);
        assert!(finding.at.is_some(), "it names the script");
        let other = judge(&pool, "1 + 1 == 2", input("{}")).await;
        assert_eq!(other.outcome, Outcome::Pass, "{other:#?}");
    }
    let judgement = judge(&pool, WAITS, input("{}")).await;
    assert_eq!(&*judgement.findings[0].code, "script.suspended");
    assert_eq!(pool.suspended_scripts(), 1);
    let edited = judge(&pool, "let r = 1; expect(r == 1);", input("{}")).await;
    assert_eq!(edited.outcome, Outcome::Pass);
    let facts = pool.workers().unwrap();
    assert!(
        facts.ended.contains(&("died", 4)),
        "both workers of both rounds: {facts:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_died_while_idle_is_nobodys_fault() {
    if !alone("a_worker_that_died_while_idle_is_nobodys_fault") {
        return;
    }
    let pool = processes(&silent());
    for _ in 0..5 {
        let judgement = judge(&pool, "true", input("{}")).await;
        assert_eq!(judgement.outcome, Outcome::Pass, "{judgement:#?}");
        for id in workers() {
            signal(id, Signal::KILL);
        }
    }
    assert_eq!(pool.suspended_scripts(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_hangs_is_ended_in_time() {
    if !alone("a_worker_that_hangs_is_ended_in_time") {
        return;
    }
    let pool = processes(&silent());
    let judgement = judge(&pool, "true", input("{}")).await;
    assert_eq!(judgement.outcome, Outcome::Pass);
    let halted = workers();
    assert_eq!(halted.len(), 1, "the worker is not found");
    for id in halted {
        halt(id);
    }
    let mut short = input("{}");
    short.wall = Duration::from_millis(300);
    let began = Instant::now();
    let judgement = judge(&pool, "let a = 1; a == 1", short).await;
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(&*judgement.findings[0].code, "limit.wall", "{judgement:#?}");
    let judgement = judge(&pool, "true", input("{}")).await;
    assert_eq!(judgement.outcome, Outcome::Pass);
    assert!(pool.workers().unwrap().ended.contains(&("overdue", 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_no_worker_is_said() {
    let settings = |path: &str| PoolSettings {
        sandbox: Sandbox::Processes(Program {
            path: path.into(),
            arguments: Vec::new(),
        }),
        ..PoolSettings::default()
    };
    assert!(Pool::start(settings("/no/such/program"), silent()).is_err());
    let pool = Pool::start(settings("/bin/false"), silent()).unwrap();
    let error = pool.ready().await.unwrap_err();
    assert!(error.to_string().contains("exit code 1"), "{error}");
    assert!(error.to_string().contains("sandbox"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_runs_leave_no_worker_behind() {
    if !alone("dropped_runs_leave_no_worker_behind") {
        return;
    }
    let pool = processes(&fake(|_| reply(599, "")));
    for _ in 0..3 {
        let run = judge(&pool, WAITS, input("{}"));
        assert!(
            tokio::time::timeout(Duration::from_millis(100), run)
                .await
                .is_err()
        );
    }
    let judgement = judge(&pool, "true", input("{}")).await;
    assert_eq!(judgement.outcome, Outcome::Pass);
    let facts = pool.workers().unwrap();
    assert_eq!(facts.busy, 0, "{facts:?}");
    assert!(facts.idle <= 1, "{facts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_asks_oes_to_end_does_not_end_its_workers() {
    if !alone("what_asks_oes_to_end_does_not_end_its_workers") {
        return;
    }
    let pool = processes(&silent());
    assert_eq!(pool.ready().await, Ok(None));
    for asking in [Signal::TERM, Signal::INT, Signal::HUP] {
        for id in workers() {
            signal(id, asking);
        }
        let judgement = judge(&pool, "true", input("{}")).await;
        assert_eq!(judgement.outcome, Outcome::Pass, "{judgement:#?}");
    }
    assert_eq!(pool.workers().unwrap().started, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_go_on_with_more_scripts_than_they_keep() {
    if !alone("workers_go_on_with_more_scripts_than_they_keep") {
        return;
    }
    let pool = processes(&silent());
    for number in (0..1_050).chain([0, 500, 1_010]) {
        let judgement = judge(&pool, &format!("{number} >= 0"), input("{}")).await;
        assert_eq!(judgement.outcome, Outcome::Pass, "{number}: {judgement:#?}");
    }
    let facts = pool.workers().unwrap();
    assert_eq!(facts.started, 1, "{facts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_workers_from_outside_is_held_against_no_script() {
    if !alone("what_ends_workers_from_outside_is_held_against_no_script") {
        return;
    }
    let pool = processes(&fake(|_| reply(599, "")));
    for outside in [Signal::KILL, Signal::KILL, Signal::STOP, Signal::STOP] {
        let mut short = input("{}");
        short.wall = Duration::from_millis(800);
        let run = judge(&pool, WAITS, short);
        let breaking = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            for id in workers() {
                signal(id, outside);
            }
        };
        let (judgement, ()) = tokio::join!(run, breaking);
        assert_eq!(judgement.outcome, Outcome::Error, "{judgement:#?}");
    }
    assert_eq!(pool.suspended_scripts(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_ended_is_no_idle_one_and_somebody_is_told() {
    if !alone("a_worker_that_ended_is_no_idle_one_and_somebody_is_told") {
        return;
    }
    let pool = processes(&silent());
    assert_eq!(pool.ready().await, Ok(None));
    let kill = async || {
        for id in workers() {
            signal(id, Signal::KILL);
            while is_running(id) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    kill().await;
    // Its other threads may end a moment later.
    while pool.workers().unwrap().idle > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(pool.workers().unwrap().resident_bytes, 0);
    let how = "signal 9".to_owned();
    assert_eq!(
        pool.worker_news(),
        [WorkerNews::EndedIdle { how: how.clone() }]
    );
    assert_eq!(
        judge(&pool, "true", input("{}")).await.outcome,
        Outcome::Pass
    );
    kill().await;
    assert_eq!(
        judge(&pool, "true", input("{}")).await.outcome,
        Outcome::Pass
    );
    let script = "test".into();
    assert_eq!(pool.worker_news(), [WorkerNews::Repeated { script, how }]);
    assert_eq!(pool.worker_news(), []);
}

#[tokio::test]
async fn workers_without_work_end_by_the_clock() {
    if !alone("workers_without_work_end_by_the_clock") {
        return;
    }
    let pool = processes(&fake(|_| reply(200, "{}")));
    for script in ["true", WAITS] {
        assert_eq!(
            judge(&pool, script, input("{}")).await.outcome,
            Outcome::Pass
        );
    }
    pool.tidy();
    assert_eq!(pool.workers().unwrap().idle, 2);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    pool.tidy();
    assert_eq!(pool.workers().unwrap().idle, 1);
    tokio::time::resume();
    while workers().into_iter().filter(|id| is_running(*id)).count() > 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
