//! The process that one hostile script runs in: it measures, says what it measured in one line, and ends.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use oes::model::judgement::{Judgement, Outcome, Severity};
use oes::model::secret::Secret;
use oes::model::service::Grants;
use oes::script::host::{Ask, Host, HostReply, HostRequest};
use oes::script::limits::Limits;
use oes::script::pool::{Pool, PoolSettings};
use oes::script::source::Source;
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::super::bench;
use super::case::Case;
#[cfg(target_os = "linux")]
use crate::support::scripts::workers_of;

/// The environment variable that names the script's file.
pub(super) const FILE: &str = "OES_HOSTILE_FILE";
/// What the line with the measurements begins with.
pub(super) const MARK: &str = "measured ";
/// Wall time of a run.
pub(super) const WALL: Duration = Duration::from_secs(1);

/// The secret that no script may show.
const SECRET: &str = "correct-horse-battery-staple";

/// What came of a script.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Measured {
    /// `compile`, the limit or code of an error, else the outcome.
    pub(super) outcome: String,
    /// The first finding, or the first mistake of a script that does not compile.
    pub(super) said: String,
    /// Processor time of compiling.
    pub(super) compile_ms: u128,
    /// Processor time of the longest run, compiling on the worker included.
    pub(super) cpu_ms: u128,
    /// Wall time of the longest run.
    pub(super) wall_ms: u128,
    /// The most heap that a run held, as it says itself.
    pub(super) heap_bytes: u64,
    /// The most memory of the process.
    pub(super) peak_kib: u64,
    /// What is wrong besides.
    pub(super) wrong: Vec<String>,
}

/// Runs the script that the environment names: the suite starts this in processes of their own. Without one there is
/// nothing to run.
#[tokio::test]
async fn one_script() {
    let Ok(file) = std::env::var(FILE) else {
        return;
    };
    confine();
    let file = PathBuf::from(file);
    let case = Case::read("script".to_owned(), &file);
    let settings = PoolSettings {
        sandbox: bench::sandbox(),
        threads: 1,
        waiting_threads: 1,
        ..PoolSettings::default()
    };
    let pool = Pool::start(settings, Arc::new(BadHost)).unwrap();
    let mut measured = Measured::default();
    // The engines are there before anything is measured.
    good_scripts(&pool, &mut measured).await;
    run(&pool, &case, &mut measured).await;
    good_scripts(&pool, &mut measured).await;
    if pool.abandoned_threads() > 0 {
        measured.wrong.push("a thread did not come back".to_owned());
    }
    #[cfg(target_os = "linux")]
    if let Some(workers) = pool.workers() {
        if workers.ended.iter().any(|(_, count)| *count > 0) {
            measured
                .wrong
                .push(format!("workers ended: {:?}", workers.ended));
        }
        let workers = workers_of(std::process::id()).into_iter();
        measured.peak_kib = workers
            .map(|id| peak_kib(&id.to_string()))
            .max()
            .unwrap_or(0);
        return println!("\n{MARK}{}", serde_json::to_string(&measured).unwrap());
    }
    measured.peak_kib = peak_kib("self");
    println!("\n{MARK}{}", serde_json::to_string(&measured).unwrap());
}

/// Sees to it that a script which breaks out ends this process and hurts nothing else.
fn confine() {
    std::thread::spawn(|| {
        std::thread::park_timeout(Duration::from_secs(10));
        std::process::abort();
    });
    let memory = Rlimit {
        current: Some(4 << 30),
        maximum: Some(4 << 30),
    };
    setrlimit(Resource::As, memory).unwrap();
    let core = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, core).unwrap();
}

async fn run(pool: &Pool, case: &Case, measured: &mut Measured) {
    let began = cpu_time();
    let compiled = Source::compile("script", "scripts/script.rhai", &case.text);
    measured.compile_ms = cpu_time().saturating_sub(began).as_millis();
    let source = match compiled {
        Ok((source, _)) => Arc::new(source),
        Err(mistakes) => {
            "compile".clone_into(&mut measured.outcome);
            measured.said = mistakes[0].message.chars().take(120).collect();
            return;
        }
    };
    for _ in 0..case.runs {
        let mut input = input(&case.body);
        input.wall = WALL;
        let job = input.job(Arc::clone(&source), Limits::default());
        let (began, cpu) = (Instant::now(), cpu_time());
        let judgement = pool.run(job).await;
        measured.cpu_ms = measured
            .cpu_ms
            .max(cpu_time().saturating_sub(cpu).as_millis());
        measured.wall_ms = measured.wall_ms.max(began.elapsed().as_millis());
        note(&judgement, measured);
    }
}

fn note(judgement: &Judgement, measured: &mut Measured) {
    let worst = judgement
        .findings
        .iter()
        .max_by_key(|finding| finding.severity);
    let code = worst.map_or("", |finding| &*finding.code);
    measured.outcome = match judgement.outcome {
        Outcome::Error => code.trim_start_matches("limit.").to_owned(),
        other => other.to_string(),
    };
    measured.said = worst.map_or_else(String::new, |finding| {
        finding.message.chars().take(120).collect()
    });
    let held = judgement.runs.iter().map(|run| run.usage.heap_bytes.used);
    measured.heap_bytes = measured.heap_bytes.max(held.max().unwrap_or(0));
    let broken = |code: &str| {
        let findings = &mut judgement.findings.iter();
        findings.any(|finding| finding.severity == Severity::Broken && *finding.code == *code)
    };
    let shown = format!("{judgement:?}");
    for (wrong, what) in [
        (shown.contains(SECRET), "the secret is shown"),
        (shown.contains("oes-secret-"), "a stand-in is shown"),
        (shown.len() > 8 << 20, "the judgement is larger than 8 MiB"),
        (broken("script.crashed"), "the interpreter broke"),
    ] {
        if wrong {
            measured.wrong.push(what.to_owned());
        }
    }
}

/// Runs scripts that know the answer, on each kind of thread.
async fn good_scripts(pool: &Pool, measured: &mut Measured) {
    let waiting = "if false { http.get(\"https://api.example.io/\"); }";
    for before in ["", waiting] {
        let text = format!(
            "{before} expect(body.price == 1.5); let n = 0; for x in body.items {{ n += x; }} expect(n == 7, \"sum\", `is ${{n}}`);"
        );
        let body = r#"{"price": 1.5, "items": [1, 2, 3]}"#;
        let judgement = bench::judge(pool, &text, bench::input(body)).await;
        let lines = bench::lines(&judgement);
        if lines != ["fail sum: is 6"] {
            measured.wrong.push(format!("a good script got {lines:?}"));
        }
    }
}

fn input(body: &str) -> bench::Given {
    let mut input = bench::input(body);
    let mut grants = Grants::default();
    for (name, value) in [("TOKEN", SECRET.to_owned()), ("LONG", SECRET.repeat(200))] {
        grants
            .secrets
            .insert(name.to_owned(), Secret::hidden(value));
    }
    input.rights.grants = Arc::new(grants);
    input
}

/// A host that answers as badly as it can, and keeps nothing of what it is asked.
struct BadHost;

impl Host for BadHost {
    fn http(&self, request: HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        Box::pin(async move {
            if request.url.path() == "/never" {
                std::future::pending::<()>().await;
            }
            answer(&request)
        })
    }

    fn ask(&self, _: Ask, request: HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        self.http(request)
    }
}

fn answer(request: &HostRequest) -> HostReply {
    let sent = request.body.as_deref().unwrap_or_default();
    match request.url.path() {
        "/huge" => bench::reply(200, &"x".repeat(3 << 20)),
        "/large" => bench::reply(200, &format!("\"{}\"", "x".repeat((1 << 20) - 8))),
        "/wide" => bench::reply(200, &format!("[{}1]", "[],".repeat(300_000))),
        "/deep" => bench::reply(
            200,
            &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        ),
        "/echo" => bench::reply(200, &String::from_utf8_lossy(sent)),
        _ => bench::reply(200, "{}"),
    }
}

/// Returns the processor time of this process, all threads together.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap()
}

/// Returns the most memory that this process had, 0 where the system does not say.
fn peak_kib(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok())
        .unwrap_or(0)
}
