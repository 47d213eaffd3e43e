//! What the kernel says of this process, under the names that all programs watched by Prometheus use. Linux only.

use std::fs;
use std::time::Duration;

use rustix::param::page_size;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::text::{Kind, Text, Value};

/// Writes what is known of this process; what cannot be read is left out.
pub(super) fn write(text: &mut Text<'_>) {
    let mut one = |name: &str, kind: Kind, help: &str, value: Option<Value>| {
        if let Some(value) = value {
            text.family(name, kind, help);
            let total = if kind == Kind::Counter { "_total" } else { "" };
            text.sample(&[name, total].concat(), "", "", value);
        }
    };
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of_status = |field: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        line.split_whitespace().next()?.parse().ok()
    };
    one(
        "process_cpu_seconds",
        Kind::Counter,
        "User and system time of this process, worker processes of scripts not included",
        cpu().map(Value::Seconds),
    );
    one(
        "process_resident_memory_bytes",
        Kind::Gauge,
        "Resident memory of this process, worker processes of scripts not included",
        resident().map(Value::Whole),
    );
    one(
        "process_open_fds",
        Kind::Gauge,
        "Open file descriptors",
        fs::read_dir("/proc/self/fd")
            .ok()
            .map(|all| all.count().into()),
    );
    one(
        "process_max_fds",
        Kind::Gauge,
        "File descriptors that may be open",
        getrlimit(Resource::Nofile).current.map(Value::Whole),
    );
    one(
        "process_threads",
        Kind::Gauge,
        "Threads",
        of_status("Threads:").map(Value::Whole),
    );
    one(
        "process_start_time_seconds",
        Kind::Gauge,
        "When this process began, in Unix time",
        started().map(Value::Seconds),
    );
}

fn time(clock: ClockId) -> Option<Duration> {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).ok()?;
    Some(Duration::new(seconds, u32::try_from(time.tv_nsec).ok()?))
}

fn cpu() -> Option<Duration> {
    time(ClockId::ProcessCPUTime)
}

fn resident() -> Option<u64> {
    let sizes = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = sizes.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * page_size() as u64)
}

/// Returns when this process began: the boot, and the ticks from there.
fn started() -> Option<Duration> {
    let all = fs::read_to_string("/proc/stat").ok()?;
    let boot = all.lines().find_map(|line| line.strip_prefix("btime "))?;
    let boot = Duration::from_secs(boot.trim().parse().ok()?);
    let own = fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = own.rsplit(')').next()?;
    let ticks: u64 = after_name.split_whitespace().nth(19)?.parse().ok()?;
    let second = rustix::param::clock_ticks_per_second();
    Some(boot + Duration::from_millis(ticks * 1000 / second.max(1)))
}
