//! 10,000 services at one a minute, the real program: `cargo bench --bench soak`.
//!
//! Reports the time until every loop lives, memory, and how late probes begin, all as the daemon itself says it on
//! `/metrics` or the kernel in `/proc`. With `-- scraped` somebody reads `/metrics` every five seconds meanwhile, which must
//! make no probe late.

#![expect(
    clippy::unwrap_used,
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
#[path = "../probe/target.rs"]
mod target;

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use target::Target;
use tokio::time::Instant;

/// Services, each probed once a minute.
const SERVICES: usize = 10_000;
/// How long they are watched: the first round takes 20 s, then a whole interval.
const WATCHED: Duration = Duration::from_secs(85);
/// How often `/metrics` is read, where it is.
const SCRAPED_EVERY: Duration = Duration::from_secs(5);

fn main() {
    if std::env::args().any(|argument| argument == "--target") {
        return target::main();
    }
    let is_scraped = std::env::args().any(|argument| argument == "scraped");
    let machine = cpu::Machine::now();
    let mut target = Target::start();
    let folder = tempfile::tempdir().unwrap();
    let pages = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let config = write_config(folder.path(), &target, pages);
    target.counts();
    let began = Instant::now();
    let mut daemon = start(&config);
    let live = until_live(pages, began);
    let mut scrapes = Vec::new();
    while is_scraped && began.elapsed() + SCRAPED_EVERY < WATCHED {
        pause(SCRAPED_EVERY);
        let asked = Instant::now();
        let bytes = get(pages).unwrap().len();
        scrapes.push((asked.elapsed(), bytes));
    }
    pause(WATCHED.saturating_sub(began.elapsed()));
    let text = get(pages).unwrap();
    let (connections, requests) = target.counts();
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let cpu = cpu::of(daemon.id()) + cpu::of_workers(daemon.id());
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let mib = |name: &str| field(&status, name) / 1024.0;
    println!(
        "| {SERVICES} services at 60 s, {} s | measured | target |\n| --- | --- | --- |",
        WATCHED.as_secs()
    );
    println!(
        "| start until every loop lives | {:.2} s | ≤ 2 s |",
        live.as_secs_f64()
    );
    println!(
        "| memory: present, highest | {:.0} MiB, {:.0} MiB | ≤ 150 MiB |",
        mib("VmRSS:"),
        mib("VmHWM:")
    );
    scrapes.sort();
    if let (Some((middle, bytes)), Some((most, _))) =
        (scrapes.get(scrapes.len() / 2), scrapes.last())
    {
        println!(
            "| `/metrics` read {} times meanwhile, {} MB each: median, longest | {middle:.1?}, {most:.1?} | ≤ 150 ms |",
            scrapes.len(),
            bytes / 1_000_000
        );
    }
    println!("| lag p50, p99, all | {} | p99 ≤ 20 ms |", lag(&text));
    println!(
        "| probes that passed, asked, connected | {}, {requests}, {connections} | |",
        passed(&text)
    );
    println!(
        "| processor time, start included | {:.2} s | |",
        cpu.as_secs_f64()
    );
    println!("\n{}", machine.since());
}

#[expect(clippy::disallowed_methods, reason = "a bench needs no atomic files")]
fn write_config(folder: &Path, target: &Target, pages: SocketAddr) -> std::path::PathBuf {
    let value: serde_json::Value = serde_json::from_str(&target::body()).unwrap();
    let sample = toml::Value::try_from(value).unwrap();
    let mut text = format!(
        "server = {{ listen = \"{pages}\" }}\n[defaults]\ninterval = \"60s\"\nlatency = 2000\nresponse_matcher = \"types\"\nresponse = {sample}\n"
    );
    for number in 0..SERVICES {
        writeln!(
            text,
            "[[services]]\nname = \"service-{number:05}\"\nurl = \"http://{}/price\"",
            target.http
        )
        .unwrap();
    }
    let path = folder.join("soak.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn start(config: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_oes"))
        .arg("run")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until the pages say that every service is watched; they are served after the loops were started.
fn until_live(pages: SocketAddr, began: Instant) -> Duration {
    loop {
        let all =
            get(pages).is_some_and(|text| text.contains(&format!("oes_services {SERVICES}\n")));
        if all || began.elapsed() > Duration::from_mins(1) {
            return began.elapsed();
        }
        pause(Duration::from_millis(20));
    }
}

#[expect(clippy::disallowed_methods, reason = "there is no runtime here")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn get(pages: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(pages).ok()?;
    stream
        .write_all(b"GET /metrics HTTP/1.0\r\nhost: localhost\r\n\r\n")
        .ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    String::from_utf8(bytes).ok()
}

fn field(text: &str, name: &str) -> f64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or("0");
    line.split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0.0)
}

/// Returns the upper bounds of the buckets that hold the median, the 99th percentile and everything.
fn lag(text: &str) -> String {
    let total = field(text, "oes_probe_lag_seconds_count");
    let buckets: Vec<(String, f64)> = text
        .lines()
        .filter_map(|line| {
            line.strip_prefix("oes_probe_lag_seconds_bucket{le=\"")?
                .split_once("\"} ")
        })
        .map(|(bound, count)| (bound.to_owned(), count.parse().unwrap()))
        .collect();
    let bound = |share: f64| {
        let found = buckets.iter().find(|(_, count)| *count >= total * share);
        let seconds = found
            .and_then(|(bound, _)| bound.parse::<f64>().ok())
            .unwrap_or(f64::INFINITY);
        format!("≤ {} ms", seconds * 1000.0)
    };
    format!(
        "{}, {}, {} of {total} probes",
        bound(0.5),
        bound(0.99),
        bound(1.0)
    )
}

fn passed(text: &str) -> f64 {
    let lines = text
        .lines()
        .filter(|line| line.starts_with("oes_probes_total{") && line.contains("outcome=\"pass\""));
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}
