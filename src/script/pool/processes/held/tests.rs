//! A worker that lies.

use std::io::Write as _;
use std::pin::Pin;
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::model::judgement::{NamedViolation, StepRun};
use crate::model::service::{Grants, Transport};
use crate::script::frames::{FromWorker, send};
use crate::script::host::{Ask, Host, HostReply, HostRequest};
use crate::script::job::Rights;
use crate::script::pool::processes::Processes;
use crate::script::pool::{Lane, PoolSettings, Program};
use crate::script::source::Source;

fn task() -> Task {
    let (source, _) = Source::compile("honest", "honest.rhai", "true").unwrap();
    Task {
        source: Arc::new(source),
        input: Input {
            service: Json::Null,
            exchange: None,
            expected: None,
            params: Arc::default(),
            memory: Arc::new([("old".into(), entry(7)), ("gone".into(), expired())].into()),
            prev: None,
            now: Timestamp::UNIX_EPOCH,
            wall: Duration::from_secs(5),
        },
        limits: Limits {
            memory_keys: 10,
            ..Limits::default()
        },
        hides: false,
    }
}

fn entry(number: i64) -> MemoryEntry {
    MemoryEntry {
        value: Json::from(number),
        expires_at: None,
    }
}

fn expired() -> MemoryEntry {
    MemoryEntry {
        expires_at: Some(Timestamp::MIN),
        ..entry(1)
    }
}

fn judgement(change: impl FnOnce(&mut Judgement, &mut ScriptRun)) -> Judgement {
    let task = task();
    let mut run = ScriptRun {
        script: Arc::clone(&task.source.name),
        version: Arc::clone(&task.source.version),
        ..ScriptRun::default()
    };
    let mut judgement = Judgement::of(Vec::new());
    change(&mut judgement, &mut run);
    judgement.runs.push(run);
    judgement
}

fn keys(count: usize) -> impl Iterator<Item = (Arc<str>, MemoryEntry)> {
    (0..count).map(|number| (format!("k{number}").into(), entry(1)))
}

#[test]
fn what_a_run_can_say_passes() {
    let honest = judgement(|judgement, run| {
        judgement.findings = vec![Finding::error("x", "y".repeat(2000)); 100];
        run.notes = vec!["z".repeat(4096); 100];
        run.metrics.insert("price".into(), 1.0);
        // The expired one counts no more.
        run.memory.set.extend(keys(9));
        run.memory.removed.push("gone".into());
    });
    assert_eq!(excess(&honest, &task()), None);
}

#[test]
fn what_no_run_can_say_is_seen() {
    type Change = fn(&mut Judgement, &mut ScriptRun);
    let rows: [(&str, Change); 12] = [
        ("not one run", |judgement, run| {
            judgement.runs.push(run.clone());
        }),
        ("another script", |_, run| run.script = "other".into()),
        ("too many findings", |judgement, _| {
            judgement.findings = vec![Finding::error("x", "y"); 133];
        }),
        ("a finding that is too long", |judgement, _| {
            judgement.findings = vec![Finding::error("x".repeat(257), "y")];
        }),
        ("a finding that is too long", |judgement, _| {
            judgement.findings = vec![Finding::error("x", "y".repeat(65 << 10))];
        }),
        ("too many notes", |_, run| {
            run.notes = vec![String::new(); 102];
        }),
        ("too many notes", |_, run| {
            run.notes = vec!["z".repeat(5000)];
        }),
        ("metrics that no script can set", |_, run| {
            run.metrics.insert("a b".into(), 1.0);
        }),
        ("too many steps", |_, run| {
            let step = StepRun {
                name: String::new(),
                elapsed_us: 0,
                completed: true,
            };
            run.steps = vec![step; 101];
        }),
        ("violations that no script can name", |_, run| {
            run.violations = vec![NamedViolation {
                name: "latency".into(),
                message: String::new(),
            }];
        }),
        ("more than a service may remember", |_, run| {
            run.memory.set.extend(keys(10));
        }),
        ("a value that is too long to be remembered", |_, run| {
            let value = Json::string("v".repeat(65 << 10));
            run.memory.set.insert(
                "k".into(),
                MemoryEntry {
                    value,
                    expires_at: None,
                },
            );
        }),
    ];
    for (what, change) in rows {
        assert_eq!(excess(&judgement(change), &task()), Some(what));
    }
}

/// A worker that says these frames, whatever it is told.
fn liar(folder: &std::path::Path, frames: &[FromWorker]) -> Processes {
    for (name, frames) in [
        ("ready", &[FromWorker::Ready { unconfined: None }][..]),
        ("rest", frames),
    ] {
        let mut bytes = Vec::new();
        for frame in frames {
            send(&mut bytes, frame).unwrap();
        }
        std::fs::File::create(folder.join(name))
            .unwrap()
            .write_all(&bytes)
            .unwrap();
    }
    let folder = folder.display();
    let script = format!(
        "/bin/cat {folder}/ready >&0; /usr/bin/head -c 4 <&0; /bin/cat {folder}/rest >&0; /bin/sleep 10"
    );
    let program = Program {
        path: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), script],
    };
    Processes::start(program, &PoolSettings::default(), Arc::default()).unwrap()
}

struct Nobody;

impl Host for Nobody {
    fn http(&self, _: HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        unreachable!("nothing is asked")
    }

    fn ask(&self, _: Ask, _: HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        unreachable!("nothing is asked")
    }
}

#[tokio::test]
async fn a_worker_that_says_too_much_is_ended() {
    let lie = judgement(|_, run| run.memory.set.extend(keys(1000)));
    let long = judgement(|judgement, _| {
        judgement.findings = vec![Finding::error("x", "y".repeat(40 << 20))];
    });
    let rights = Arc::new(Rights {
        url: "http://a.example/".parse().unwrap(),
        transport: Arc::new(Transport::default()),
        grants: Arc::new(Grants::default()),
        redaction: Arc::default(),
    });
    let host: Arc<dyn Host> = Arc::new(Nobody);
    for (lie, said) in [
        (
            lie,
            "the worker says more than a run can: more than a service may remember",
        ),
        (long, "the frame is too long"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let frame = FromWorker::Ran {
            ran: Ok((lie, 0)),
            elapsed: Duration::ZERO,
        };
        let processes = liar(folder.path(), &[frame]);
        let wall = Duration::from_secs(5);
        let ran = processes
            .run(Lane::Plain, wall, &Arc::new(task()), &rights, &host)
            .await;
        let finding = ran.unwrap_err();
        assert_eq!(&*finding.code, "script.crashed");
        assert!(finding.message.contains(said), "{}", finding.message);
        assert_eq!(processes.facts().idle, 0);
    }
}
