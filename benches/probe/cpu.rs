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
