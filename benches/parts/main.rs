//! Parts by themselves: `cargo bench --bench parts`, of which words after `--` pick some: `state`, `metrics`, `script`,
//! `history`, `page`, `served`. A state commit with all its disk syncs, the page of metrics, one run of a script of twenty lines through
//! the pool, on bodies of three sizes, the history, the status page.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench that cannot work stops"
)]
#![expect(
    unreachable_pub,
    dead_code,
    reason = "the modules are shared with the other bench"
)]

#[path = "../probe/cpu.rs"]
mod cpu;
mod history;
mod overview;
mod page;
#[path = "../probe/sandbox.rs"]
mod sandbox;
mod served;
#[path = "../probe/target.rs"]
mod target;
#[path = "../../tests/it/support/watched.rs"]
mod watched;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use oes::clock::Clock;
use oes::config::{self, ProcessEnvironment};
use oes::daemon::keeper;
use oes::daemon::observe::Past;
use oes::daemon::once::Once;
use oes::history::Store;
use oes::metrics::Metrics;
use oes::model::exchange::{Body, Exchange, Response, Timings};
use oes::model::incident::{
    Announced, ChannelState, Delivery, Incident, IncidentId, Ledger, News, Reason,
};
use oes::model::judgement::Outcome;
use oes::model::service::{ChannelName, ServiceName};
use oes::model::violation::Violation;
use oes::policy::almanac;
use oes::policy::ledger;
use oes::policy::mute::{Facts, Muting};
use oes::policy::owed::{self, Manner};
use oes::policy::watch::Opened;
use oes::script::pool::Sandbox;
use oes::script::source::Source;
use oes::state::{ServiceLine, StateFile};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A script of twenty lines.
const SCRIPT: &str = include_str!("bench.rhai");
/// The same for a bare interpreter.
const BARE: &str = include_str!("bare.rhai");
/// Every tenth service has an open incident.
const OPEN_EVERY: usize = 10;

fn main() {
    if std::env::args().any(|argument| argument == "--target") {
        return target::main();
    }
    let machine = cpu::Machine::now();
    println!("| part | median [range] | target |\n| --- | --- | --- |");
    if wanted("state") {
        commit(1_000, 25);
        commit(10_000, 60);
        at_once(1_000);
        tick(10_000, true);
        tick(10_000, false);
    }
    if wanted("metrics") {
        page::page(10_000, "≤ 150 ms");
    }
    if wanted("script") {
        scripts();
    }
    if wanted("history") {
        history::written(100);
        history::written(10_000);
        history::a_year();
        history::a_page(100);
    }
    if wanted("page") {
        overview::first_page(1_000);
        overview::first_page(10_000);
    }
    if wanted("served") {
        served::pages(1_000);
    }
    println!("\n{}", machine.since());
}

/// Tells whether the arguments name a group of parts, or none.
fn wanted(group: &str) -> bool {
    let mut named = std::env::args().skip(1).filter(|one| one != "--bench");
    let mut any = false;
    named.any(|one| {
        any = true;
        one == group
    }) || !any
}

/// Scripts of twenty lines, by themselves and in tests.
fn scripts() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        for (kib, runs, limit) in [
            (1, 2_000, "100 µs"),
            (100, 200, "4 ms"),
            (1_000, 40, "50 ms"),
        ] {
            let bare = bare(kib, runs);
            let thread_limit = if kib == 1 { "60 µs" } else { limit };
            script(
                "on a thread",
                Sandbox::Threads,
                bare,
                kib,
                runs,
                thread_limit,
            )
            .await;
            script("in a worker", sandbox::worker(), bare, kib, runs, limit).await;
        }
        sparse(sandbox::worker(), 1_000, 40, "15 ms").await;
    });
    compiled(10_000);
    simulated(1_000);
}

/// Prints a row and returns its median.
fn show(name: &str, mut times: Vec<Duration>, target: &str) -> Duration {
    times.sort();
    let (first, middle, last) = (times.first(), times.get(times.len() / 2), times.last());
    println!(
        "| {name} | {:.1?} [{:.1?}–{:.1?}] of {} | {target} |",
        middle.unwrap(),
        first.unwrap(),
        last.unwrap(),
        times.len()
    );
    *middle.unwrap()
}

/// Compiles scripts of twenty lines that all differ, as a config that names them does.
fn compiled(scripts: usize) {
    let resident = || {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = pages.split_whitespace().nth(1).unwrap().parse().unwrap();
        pages * rustix::param::page_size() as u64
    };
    let (before, began) = (resident(), Instant::now());
    let kept: Vec<Source> = (0..scripts)
        .map(|number| {
            let text = format!("{SCRIPT}\nnote(\"{number}\");");
            let compiled = Source::compile("bench", "bench.rhai", &text);
            compiled
                .map_err(|mistakes| format!("{mistakes:?}"))
                .unwrap()
                .0
        })
        .collect();
    let mib = resident().saturating_sub(before) >> 20;
    println!(
        "| {} scripts of 20 lines compiled and kept, in {:.1} s | {mib} MiB | ≤ 400 MiB |",
        kept.len(),
        began.elapsed().as_secs_f64()
    );
}

/// Has the program play a test of so many probes, a minute apart.
fn simulated(probes: usize) {
    let folder = tempfile::tempdir().unwrap();
    let letters = "P".repeat(probes);
    let body = target::body();
    let test = format!(
        "script = \"bench.rhai\"\nevery = \"1m\"\n[[test]]\nname = \"many\"\nexpect = \"{letters}\"\n\
         probe = [{{ json = {}, repeat = {probes} }}]\n",
        toml::Value::try_from(serde_json::from_str::<serde_json::Value>(&body).unwrap()).unwrap()
    );
    #[expect(clippy::disallowed_methods, reason = "a bench needs no atomic files")]
    {
        std::fs::write(folder.path().join("bench.rhai"), SCRIPT).unwrap();
        std::fs::write(folder.path().join("bench.test.toml"), test).unwrap();
    }
    let mut times = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_oes"))
            .arg("test")
            .arg(folder.path())
            .output()
            .unwrap();
        times.push(began.elapsed());
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    show(
        &format!("{probes} simulated probes in `oes test`"),
        times,
        "≤ 1 s",
    );
}

/// Commits a ledger that differs each time, in the folder for temporary files.
fn commit(services: usize, limit_ms: u64) {
    let folder = tempfile::tempdir().unwrap();
    let now = Clock::System.now();
    let mut file = StateFile::open(folder.path(), "bench", now).unwrap().file;
    let lines: Vec<ServiceLine> = (0..services)
        .map(|number| ServiceLine {
            name: ServiceName::new(format!("service-{number:05}")),
            url: Some(format!("https://api.example.com/assets/{number}/price")),
            http_method: Some("GET".to_owned()),
            violations: Vec::new(),
        })
        .collect();
    let broken = lines.iter().step_by(OPEN_EVERY);
    let incidents = broken.enumerate().map(|(number, line)| {
        let incident = incident(
            number,
            &line.name,
            line.url.as_deref().unwrap_or_default(),
            now,
        );
        (incident.id.clone(), incident)
    });
    let mut ledger = Ledger {
        incidents: incidents.collect(),
        ..Ledger::default()
    };
    let times = (0..30).map(|round| {
        if let Some(incident) = ledger.incidents.values_mut().next() {
            incident.generation = round;
        }
        let began = Instant::now();
        file.commit(&ledger, &lines, now).unwrap();
        began.elapsed()
    });
    let name = format!(
        "state commit, {services} services, {} open incidents",
        services / OPEN_EVERY
    );
    show(&name, times.collect(), &format!("≤ {limit_ms} ms"));
}

/// Returns an open incident.
fn incident(number: usize, service: &ServiceName, url: &str, now: Timestamp) -> Incident {
    Incident {
        id: IncidentId(format!("{number:016}").into()),
        service: service.clone(),
        violation: Violation::Error,
        generation: 1,
        opened_at: now,
        closed_at: None,
        ending: None,
        last_good: Some(now),
        announced_before: None,
        news: News::Opened,
        reminders: 0,
        ack: None,
        reason: Reason {
            rule: "4 of the last 7 probes failed, more than 50 % of 7".to_owned(),
            finding: Some("$.price: expected number, got string".to_owned()),
            exchange: format!("GET {url} → 200 in 214 ms"),
            ..Reason::default()
        },
    }
}

/// Incidents that services open within one moment, each by itself: until all are on disk.
fn at_once(incidents: usize) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let times = (0..10).map(|_| runtime.block_on(opened_at_once(incidents)));
    let name = format!("{incidents} incidents opened at once, until all are on disk");
    show(&name, times.collect(), "≤ 200 ms");
}

async fn opened_at_once(incidents: usize) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::System;
    let now = clock.now();
    let file = StateFile::open(folder.path(), "bench", now).unwrap().file;
    let history = Store::open(&folder.path().join("oes.db"), 7, now).store;
    let metrics = Metrics::default();
    let (keeper, keeping) = keeper::new(file, Ledger::default(), Arc::new(history), metrics, clock);
    let stop = CancellationToken::new();
    let mut keeps = JoinSet::new();
    keeps.spawn(keeping.run(stop.clone()));
    let channels = [ChannelName::new("ops"), ChannelName::new("pager")];
    let began = Instant::now();
    let mut services = JoinSet::new();
    for number in 0..incidents {
        let (keeper, channels) = (keeper.clone(), channels.clone());
        let incident = incident(
            number,
            &ServiceName::new(format!("service-{number:05}")),
            "https://api.example.com/",
            now,
        );
        services.spawn(async move {
            let opened = Opened {
                violation: incident.violation,
                since: now,
                last_good: None,
                reason: incident.reason,
            };
            let open = move |ledger: &mut Ledger, now| {
                ledger::open(
                    ledger,
                    incident.id,
                    &incident.service,
                    opened,
                    &channels,
                    now,
                )
            };
            assert!(keeper.commit(open).await, "not durable");
        });
    }
    while let Some(done) = services.join_next().await {
        done.unwrap();
    }
    let took = began.elapsed();
    stop.cancel();
    keeps.join_next().await.unwrap().unwrap();
    took
}

/// One look of the notifier at a ledger with so many open incidents: what is muted, what one channel is owed, what time
/// has changed.
fn tick(open: usize, told: bool) {
    let now = Clock::System.now();
    let channel = ChannelName::new("ops");
    let mut ledger = Ledger::default();
    ledger
        .channels
        .insert(channel.clone(), ChannelState::default());
    for number in 0..open {
        let service = ServiceName::new(format!("service-{number:05}"));
        let incident = incident(number, &service, "https://api.example.com/", now);
        let delivery = Delivery {
            acked_generation: u32::from(told),
            announced: if told { Announced::Yes } else { Announced::No },
            taken_at: told.then_some(now),
            owed_since: Some(now),
            ..Delivery::default()
        };
        let key = (channel.clone(), incident.id.clone());
        ledger.deliveries.insert(key, delivery);
        ledger.incidents.insert(incident.id.clone(), incident);
    }
    let services = HashMap::new();
    let look = || {
        let muting = Muting::new(Facts {
            ledger: &ledger,
            services: &services,
            maintenance: &[],
            suspect: &|_| false,
            started_at: now,
            now,
        });
        let settings = owed::Settings {
            gather: Duration::from_secs(2),
            cool_down: &|_| Duration::from_mins(5),
            mute: &|incident| muting.of(incident),
            manner: Manner::default(),
            digest: None,
        };
        let rules = almanac::Rules {
            mute: &|incident| muting.of(incident),
            reminders: &[Duration::from_hours(1)],
            fallback: &|_, _| None,
        };
        let plan = owed::owed(&ledger, &channel, &settings, now);
        (plan, almanac::due(&ledger, &rules, now).steps.len())
    };
    let times = (0..30).map(|_| {
        let before = cpu::own();
        std::hint::black_box(look());
        cpu::own().saturating_sub(before)
    });
    let state = if told { "all told" } else { "none told yet" };
    let name = format!("notifier, one look at {open} open incidents, {state}, processor time");
    show(&name, times.collect(), "≤ 20 ms");
}

/// Runs that are measured together: the clock of another process is read from files.
const BATCH: u32 = 20;

/// Returns what the reference takes: a bare interpreter that calls a function which does the same as the script.
fn bare(kib: usize, runs: usize) -> Duration {
    let engine = rhai::Engine::new();
    let script = engine.compile(BARE).unwrap();
    let body = body(kib);
    let mut times = Vec::new();
    for _ in 0..runs.div_ceil(BATCH as usize) {
        let before = cpu::own();
        for _ in 0..BATCH {
            let json: serde_json::Value = serde_json::from_str(&body).unwrap();
            let json = rhai::serde::to_dynamic(json).unwrap();
            let result: String = engine
                .call_fn(&mut rhai::Scope::new(), &script, "judge", (json,))
                .unwrap();
            assert_eq!(result, "");
        }
        times.push(cpu::own().saturating_sub(before) / BATCH);
    }
    let name = format!(
        "bare `Engine::call_fn` on {} KB, JSON parsed",
        body.len() / 1_000
    );
    show(&name, times, "reference")
}

/// Runs a script that reads three fields of a large body.
async fn sparse(sandbox: Sandbox, kib: usize, runs: usize, limit: &str) {
    let text = "let a = body.price; let b = body.status; expect(body.market.open && a > 0 && b == \"ok\");";
    let times = measured(sandbox, text, kib, runs).await;
    show(
        "3 fields of 1 MB in a worker, processor time",
        times,
        &format!("≤ {limit}"),
    );
}

/// Runs the script on a body that was not parsed before; the time is of all threads and processes together.
async fn script(how: &str, sandbox: Sandbox, bare: Duration, kib: usize, runs: usize, limit: &str) {
    let times = measured(sandbox, SCRIPT, kib, runs).await;
    let name = format!(
        "20-line script {how} on {} KB, processor time",
        body(kib).len() / 1_000
    );
    let median = show(&name, times, &format!("≤ {limit}"));
    println!(
        "| … as a ratio to the bare interpreter | {:.2} | |",
        median.as_secs_f64() / bare.as_secs_f64()
    );
}

async fn measured(sandbox: Sandbox, script: &str, kib: usize, runs: usize) -> Vec<Duration> {
    let folder = tempfile::tempdir().unwrap();
    let scripts = folder.path().join("scripts/matchers");
    #[expect(clippy::disallowed_methods, reason = "a bench needs no atomic files")]
    {
        std::fs::create_dir_all(&scripts).unwrap();
        std::fs::write(scripts.join("bench.rhai"), script).unwrap();
    }
    let text = "[[services]]\nurl = \"http://127.0.0.1:1/\"\nresponse_matcher = \"bench\"\n";
    let loaded = match config::load_text("bench.toml", text, folder.path(), &ProcessEnvironment) {
        Ok(loaded) => loaded,
        Err(report) => panic!(
            "{}",
            report.graphical(config::report::Look {
                colour: false,
                width: 100
            })
        ),
    };
    let once = Once::new(sandbox).unwrap();
    let watched = once
        .prepare(loaded.config.services.first().unwrap())
        .unwrap();
    let body = body(kib);
    let now = Clock::System.now();
    let mut times = Vec::new();
    for _ in 0..=runs.div_ceil(BATCH as usize) {
        let exchanges: Vec<_> = (0..BATCH).map(|_| Arc::new(answer(&body))).collect();
        let before = cpu::own_with_workers();
        for exchange in exchanges {
            let observation = once.judge(&watched, exchange, &Past::default(), now).await;
            assert_eq!(
                observation.judgement.outcome,
                Outcome::Pass,
                "{:?}",
                observation.judgement
            );
        }
        times.push(cpu::own_with_workers().saturating_sub(before) / BATCH);
    }
    // The first compiles the script.
    times.split_off(1)
}

/// Returns a body of about so many times a kilobyte.
fn body(kib: usize) -> String {
    let body = target::body();
    let rows: Vec<&str> = std::iter::repeat_n(body.as_str(), kib.saturating_sub(1)).collect();
    body.replacen('{', &format!("{{\"rows\":[{}],", rows.join(",")), 1)
}

fn answer(body: &str) -> Exchange {
    Exchange {
        started_at: Clock::System.now(),
        sent: Arc::default(),
        timings: Timings::default(),
        bearer: None,
        hops: Vec::new(),
        peer: None,
        certificate: None,
        tls: None,
        result: Ok(Response {
            status: http::StatusCode::OK,
            version: http::Version::HTTP_11,
            headers: http::HeaderMap::new(),
            body: Body::new(body.to_owned()),
        }),
    }
}
