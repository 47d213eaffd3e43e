//! 1,000 services at one second each: the whole daemon, its own process, against the reference on timers.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::floor::Floor;
use crate::monitor::{Judge, Site, ops_config, write_script};
use crate::pairs::{Leg, Row};
use crate::target::Target;
use crate::{cpu, spawn};

/// Services, each probed once a second.
const SERVICES: u64 = 1_000;
/// How long a leg measures.
const SECONDS: u64 = 8;
/// How long a leg runs before it measures: the daemon starts in the first two seconds.
const WARM_UP: Duration = Duration::from_secs(5);

/// Measures three pairs after one that warms up.
pub async fn pairs(target: &mut Target) -> Row {
    let mut row = Row::new("daemon, 1,000 at 1 s", 1.4);
    for pair in 0..3 {
        let (floor, oes);
        if pair % 2 == 0 {
            floor = floor_leg(target).await;
            oes = daemon_leg(target).await;
        } else {
            oes = daemon_leg(target).await;
            floor = floor_leg(target).await;
        }
        row.add(floor, oes);
    }
    row
}

async fn floor_leg(target: &mut Target) -> Leg {
    let floor = Floor {
        address: target.http,
        tls: None,
        requests: 1,
    };
    let stop = CancellationToken::new();
    let began = Instant::now();
    let tasks: Vec<_> = (0..SERVICES)
        .map(|number| {
            let (floor, stop) = (floor.clone(), stop.clone());
            let first = began + Duration::from_secs(1).mul_f64(number as f64 / SERVICES as f64);
            spawn(async move {
                let mut due = first;
                while stop.run_until_cancelled(sleep_until(due)).await.is_some() {
                    floor.probe().await;
                    due += Duration::from_secs(1);
                }
            })
        })
        .collect();
    let leg = window("reference", target, cpu::own).await;
    stop.cancel();
    for task in tasks {
        task.await.unwrap();
    }
    leg
}

async fn daemon_leg(target: &mut Target) -> Leg {
    let folder = tempfile::tempdir().unwrap();
    write_script(folder.path());
    let path = folder.path().join("bench.toml");
    let site = Site::plain(target, "/price");
    let text = ops_config(site, Judge::Types, 1_000, "1s", &folder.path().join("data"));
    #[expect(clippy::disallowed_methods, reason = "a bench needs no atomic files")]
    std::fs::write(&path, text).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_oes"))
        .arg("run")
        .arg(&path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let daemon = Daemon(child);
    let pid = daemon.0.id();
    window("daemon", target, || cpu::of(pid) + cpu::of_workers(pid)).await
}

/// Measures for some seconds whatever runs.
async fn window(who: &str, target: &mut Target, cpu: impl Fn() -> Duration) -> Leg {
    sleep(WARM_UP).await;
    target.counts();
    let before = cpu();
    let began = Instant::now();
    sleep(Duration::from_secs(SECONDS)).await;
    let spent = cpu().saturating_sub(before);
    let seconds = began.elapsed().as_secs_f64();
    let (connections, requests) = target.counts();
    let due = SERVICES as f64 * seconds;
    if connections.abs_diff(requests) > 10 || (requests as f64) < due * 0.99 {
        return Err(format!(
            "{who}: {due:.0} probes due, {connections} connections, {requests} requests"
        ));
    }
    Ok(spent.as_secs_f64() * 1e6 / requests as f64)
}

/// A daemon that ends with its leg.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
