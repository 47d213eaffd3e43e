//! What a probe costs, as a ratio to a reference loop in the same run: `cargo bench --bench probe`.
//!
//! Pairs of legs, reference and OES in alternating order, against a target that is a process of its own and counts. A
//! leg whose counts are wrong is void and reported. See docs/performance.md.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench that cannot work stops"
)]
#![expect(
    clippy::similar_names,
    clippy::format_push_string,
    clippy::unnecessary_debug_formatting,
    reason = "the config of a bench is put together from pieces; a quoted path is what TOML wants"
)]
#![expect(clippy::cast_precision_loss, reason = "the numbers are small")]
#![expect(unreachable_pub, reason = "the modules of a bench are no library")]

mod cpu;
mod floor;
mod monitor;
mod pairs;
mod sandbox;
mod target;
mod timers;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use floor::Floor;
use monitor::{Judge, Monitor, Site};
use pairs::{Plan, Table};
use target::Target;

/// Probes that are under way at once.
const WORKERS: usize = 8;
/// How much too much the burdened leg does for each probe.
const BURDEN: Duration = Duration::from_micros(100);

/// Starts a task.
#[expect(clippy::disallowed_methods, reason = "the supervisor is the daemon's")]
fn spawn<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(task)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--target") {
        return target::main();
    }
    let only: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let wanted =
        |name: &str| only.is_empty() || only.iter().any(|part| name.contains(part.as_str()));
    let machine = cpu::Machine::now();
    let mut target = Target::start();
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    #[expect(clippy::disallowed_methods, reason = "a bench needs no atomic files")]
    std::fs::write(&authority, &target.authority_pem).unwrap();
    let mut table = Table::default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        if wanted("http") {
            table.push(http(&mut target, "http types", Judge::Types, 1.4).await);
        }
        if wanted("script") {
            table.push(http(&mut target, "http script", Judge::Script, 1.8).await);
            table.push(http(&mut target, "http script, worker", Judge::Worker, 2.0).await);
        }
        if wanted("tls") {
            table.push(https(&mut target, &authority).await);
        }
        if wanted("control") {
            controls(&mut target, &mut table).await;
        }
        if wanted("timers") {
            table.push(timers::pairs(&mut target).await);
        }
    });
    println!("\n{table}\n{}", machine.since());
    drop(target);
    assert!(
        table.is_sound(),
        "a control did not trip: the figures above prove nothing"
    );
}

async fn http(target: &mut Target, name: &'static str, judge: Judge, limit: f64) -> pairs::Row {
    let floor = Floor {
        address: target.http,
        tls: None,
        requests: 1,
    };
    let mut monitor = Monitor::new(Site::plain(target, "/price"), judge, WORKERS);
    let plan = Plan {
        name,
        limit,
        probes: 8_000,
        pairs: 7,
    };
    pairs::measure(target, &plan, &floor, &mut monitor, Duration::ZERO).await
}

async fn https(target: &mut Target, authority: &Path) -> pairs::Row {
    let certificate = native_tls::Certificate::from_pem(target.authority_pem.as_bytes()).unwrap();
    let connector = native_tls::TlsConnector::builder()
        .add_root_certificate(certificate)
        .build()
        .unwrap();
    let floor = Floor {
        address: target.https,
        tls: Some(Arc::new(connector.into())),
        requests: 1,
    };
    let site = Site {
        authority: Some(authority),
        address: target.https,
        path: "/price",
    };
    let mut monitor = Monitor::new(site, Judge::Types, WORKERS);
    let plan = Plan {
        name: "https types",
        limit: 1.25,
        probes: 2_000,
        pairs: 7,
    };
    pairs::measure(target, &plan, &floor, &mut monitor, Duration::ZERO).await
}

/// Does what must be noticed: wrong answers, connections that are used twice, and a probe that costs too much.
async fn controls(target: &mut Target, table: &mut Table) {
    let short = |name| Plan {
        name,
        limit: 1.4,
        probes: 2_000,
        pairs: 3,
    };
    let floor = Floor {
        address: target.http,
        tls: None,
        requests: 1,
    };
    let mut wrong = Monitor::new(Site::plain(target, "/wrong"), Judge::Types, WORKERS);
    let row = pairs::measure(
        target,
        &short("1 % wrong JSON"),
        &floor,
        &mut wrong,
        Duration::ZERO,
    )
    .await;
    table.control(&row, row.is_void());
    let mut right = Monitor::new(Site::plain(target, "/price"), Judge::Types, WORKERS);
    let twice = Floor {
        requests: 2,
        ..floor.clone()
    };
    let row = pairs::measure(
        target,
        &short("keep-alive"),
        &twice,
        &mut right,
        Duration::ZERO,
    )
    .await;
    table.control(&row, row.is_void());
    let row = pairs::measure(
        target,
        &short("100 µs too much"),
        &floor,
        &mut right,
        BURDEN,
    )
    .await;
    table.control(&row, !row.is_void() && !row.holds());
}
