//! What the kernel says of processor time: of this process, of another one, and of the machine.

use std::time::Duration;

/// Ticks a second in `/proc`, the same on every Linux.
const TICKS: f64 = 100.0;

/// Returns the user and system time of this process.
pub fn own() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap(),
        time.tv_nsec.try_into().unwrap(),
    )
}

/// Returns the time of this process and of the processes that run its scripts.
pub fn own_with_workers() -> Duration {
    own() + of_workers(std::process::id())
}

/// Returns the time of the worker processes that a process started.
pub fn of_workers(pid: u32) -> Duration {
    let threads = |pid: &str| std::fs::read_dir(format!("/proc/{pid}/task")).ok();
    let read = |thread: std::io::Result<std::fs::DirEntry>, file: &str| {
        std::fs::read_to_string(thread.ok()?.path().join(file)).ok()
    };
    let children: String = threads(&pid.to_string())
        .into_iter()
        .flatten()
        .filter_map(|thread| read(thread, "children"))
        .collect();
    children
        .split_whitespace()
        .filter(|child| {
            let line = std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains("script-worker")
        })
        .flat_map(|child| threads(child).into_iter().flatten())
        .filter_map(|thread| {
            let nanoseconds = read(thread, "schedstat")?;
            nanoseconds.split_whitespace().next()?.parse().ok()
        })
        .map(Duration::from_nanos)
        .sum()
}

/// Returns the user and system time of a process, in steps of 10 ms.
pub fn of(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field).unwrap().parse::<f64>().unwrap();
    Duration::from_secs_f64((ticks(11) + ticks(12)) / TICKS)
}

/// The machine at one moment.
pub struct Machine {
    busy: f64,
    steal: f64,
    total: f64,
}

impl Machine {
    /// Reads it.
    pub fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/stat").unwrap();
        let line = stat.lines().next().unwrap();
        let fields: Vec<f64> = line
            .split_whitespace()
            .skip(1)
            .map(|field| field.parse().unwrap())
            .collect();
        let field = |index: usize| fields.get(index).copied().unwrap_or(0.0) / TICKS;
        let idle = field(3) + field(4);
        let total = (0..8).map(field).sum();
        Self {
            busy: total - idle - field(7),
            steal: field(7),
            total,
        }
    }

    /// Returns one line on what happened since, for whoever judges the figures.
    pub fn since(&self) -> String {
        let now = Self::now();
        let load = std::fs::read_to_string("/proc/loadavg").unwrap();
        let total = (now.total - self.total).max(0.01);
        let share = |spent: f64| 100.0 * spent / total;
        format!(
            "machine: {} cores, busy {:.0} % of them, steal {:.1} %, load {}",
            std::thread::available_parallelism().unwrap(),
            share(now.busy - self.busy),
            share(now.steal - self.steal),
            load.split_whitespace().next().unwrap_or("?"),
        )
    }
}
