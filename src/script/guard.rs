//! The meter of one run: operations, processor time, wall time and heap of the script on this thread.
//!
//! One run at a time on a thread. Once a limit is hit the meter stays tripped until the next [`begin`], so that a
//! script which catches the first error is stopped at its next operation, and the host sees the trip even where the
//! script goes on to return a value.

#![expect(
    clippy::unnecessary_box_returns,
    reason = "the interpreter takes its errors boxed"
)]

use std::cell::{Cell, RefCell};
use std::time::Duration;

use rhai::{Dynamic, EvalAltResult, Position};
use tokio::time::Instant;

use super::heap;
use super::limits::Limits;

/// Why a function of the host gives a script nothing.
pub(super) type Fault = Box<EvalAltResult>;
/// What a function of the host gives a script.
pub(super) type Fallible<T> = Result<T, Fault>;

/// A limit that was hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trip {
    /// Name in `limits`: `operations`.
    pub(super) limit: &'static str,
    /// What happened, for a person: `used 500000 of 500000 operations`.
    pub(super) message: String,
}

/// What a run used.
#[derive(Debug, Clone, Default)]
pub(super) struct Spent {
    pub(super) operations: u64,
    pub(super) cpu: Duration,
    pub(super) wall: Duration,
    pub(super) heap_peak: u64,
}

/// How a part of a run ended, as far as the meter knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Halt {
    pub(super) trip: Option<Trip>,
    /// Whether the script asked to end early, by `stop`, `skip` or `require`.
    pub(super) stopped: bool,
}

/// What a run may use in all.
#[derive(Debug, Clone, Copy)]
struct Allowed {
    operations: u64,
    cpu: Duration,
    wall: Duration,
}

/// One part in so many of what a run may still use is set aside for its end.
pub(super) const SET_ASIDE: u32 = 5;

/// Operations between two looks at the clock where operations are quick.
const STRIDE: u64 = 32;
/// Operations after a limit within which the script is to read a variable, or to call a function of OES: there it ends
/// with an error that says where it was. Of one that is ended by force the interpreter says only from where the outermost
/// function was called.
const GRACE: u32 = 8;
/// A stride that took longer than this is followed by a look at every operation.
const SLOW_STRIDE: Duration = Duration::from_micros(500);

struct Meter {
    operations: Cell<u64>,
    operations_max: Cell<u64>,
    next_look: Cell<u64>,
    last_look: Cell<Instant>,
    started: Cell<Instant>,
    /// Time that counts as no work of the script's: requests, and reading its input.
    waited: Cell<Duration>,
    cpu_start: Cell<Option<Duration>>,
    cpu_max: Cell<Duration>,
    /// Working time at which the processor clock is read next.
    cpu_next: Cell<Duration>,
    wall_max: Cell<Duration>,
    /// What the run may use in all, where a part of it is set aside for its end.
    in_all: Cell<Option<Allowed>>,
    heap_start: Cell<i64>,
    heap_max: Cell<i64>,
    heap_peak: Cell<i64>,
    stopped: Cell<bool>,
    trip: RefCell<Option<Trip>>,
    /// Operations that the script has after it hit a limit and before it is ended by force.
    grace: Cell<u32>,
}

thread_local! {
    static METER: Meter = {
        let now = Instant::now();
        Meter {
            operations: Cell::new(0),
            operations_max: Cell::new(u64::MAX),
            next_look: Cell::new(0),
            last_look: Cell::new(now),
            started: Cell::new(now),
            waited: Cell::default(),
            cpu_start: Cell::new(None),
            cpu_max: Cell::default(),
            cpu_next: Cell::default(),
            wall_max: Cell::default(),
            in_all: Cell::default(),
            heap_start: Cell::new(0),
            heap_max: Cell::new(i64::MAX),
            heap_peak: Cell::new(0),
            stopped: Cell::new(false),
            trip: RefCell::default(),
            grace: Cell::new(0),
        }
    };
}

/// Returns the processor time that this thread has used, absent where the system does not say.
#[cfg(unix)]
pub(super) fn cpu_time() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).ok()
}

/// Returns the processor time that this thread has used, absent where the system does not say.
#[cfg(not(unix))]
pub(super) fn cpu_time() -> Option<Duration> {
    None
}

/// Starts to meter a run. `wall` is its whole time, requests included.
pub(super) fn begin(limits: &Limits, wall: Duration) {
    METER.with(|meter| {
        let now = Instant::now();
        meter.operations.set(0);
        meter.operations_max.set(limits.operations);
        meter.next_look.set(STRIDE);
        meter.last_look.set(now);
        meter.started.set(now);
        meter.waited.set(Duration::ZERO);
        meter.cpu_start.set(cpu_time());
        meter.cpu_max.set(limits.cpu);
        meter.cpu_next.set(limits.cpu);
        meter.wall_max.set(wall);
        meter.in_all.set(None);
        meter
            .heap_max
            .set(i64::try_from(limits.heap_bytes).unwrap_or(i64::MAX));
        meter.heap_peak.set(0);
        meter.stopped.set(false);
        meter.trip.replace(None);
        meter.grace.set(0);
        meter.heap_start.set(heap::held());
    });
}

/// Returns the bytes that the run holds now.
pub(super) fn heap_now() -> i64 {
    METER.with(|meter| heap::held().saturating_sub(meter.heap_start.get()))
}

/// Ends the metering and returns what was used.
pub(super) fn finish() -> Spent {
    METER.with(|meter| {
        let wall = meter.started.get().elapsed();
        let cpu = meter.cpu_used(wall.saturating_sub(meter.waited.get()));
        Spent {
            operations: meter.operations.get(),
            cpu,
            wall,
            heap_peak: u64::try_from(meter.heap_peak.get()).unwrap_or(0),
        }
    })
}

/// Returns how the part of the run that now ends was stopped, if it was.
pub(super) fn halt() -> Halt {
    METER.with(|meter| {
        meter.look();
        Halt {
            trip: {
                meter.grace.set(0);
                meter.trip.replace(None)
            },
            stopped: meter.stopped.replace(false),
        }
    })
}

/// Returns what may be used of a time, so much of it used, before the end of the run.
fn without_a_part(in_all: Duration, used: Duration) -> Duration {
    in_all.saturating_sub(in_all.saturating_sub(used) / SET_ASIDE)
}

/// Sets a part of what the run may still use aside for its end.
pub(super) fn set_aside() {
    METER.with(|meter| {
        let in_all = Allowed {
            operations: meter.operations_max.get(),
            cpu: meter.cpu_max.get(),
            wall: meter.wall_max.get(),
        };
        meter.in_all.set(Some(in_all));
        let wall = meter.started.get().elapsed();
        let cpu = meter.cpu_used(wall.saturating_sub(meter.waited.get()));
        let operations = in_all.operations.saturating_sub(meter.operations.get());
        meter.allow(Allowed {
            operations: in_all.operations - operations / u64::from(SET_ASIDE),
            cpu: without_a_part(in_all.cpu, cpu),
            wall: without_a_part(in_all.wall, wall),
        });
    });
}

/// Gives what was set aside to the end of the run.
pub(super) fn release() {
    METER.with(|meter| {
        if let Some(in_all) = meter.in_all.take() {
            meter.allow(in_all);
        }
    });
}

/// Counts one operation, and tells whether the script must stop.
pub(super) fn tick() -> bool {
    METER.with(|meter| {
        let is_over = meter.count(1);
        let grace = meter.grace.get();
        if is_over && grace > 0 && !meter.stopped.get() {
            meter.grace.set(grace - 1);
            return false;
        }
        is_over
    })
}

/// Ends a run that hit a limit where it is.
///
/// # Errors
/// It did.
pub(super) fn check() -> Fallible<()> {
    METER.with(|meter| {
        if meter.grace.get() == 0 || meter.trip.borrow().is_none() {
            return Ok(());
        }
        Err(meter.over())
    })
}

/// Counts work that a native function is about to do, in operations.
///
/// # Errors
/// The run is over.
pub(super) fn charge(operations: u64) -> Fallible<()> {
    METER.with(|meter| {
        if meter.count(operations.max(1)) {
            Err(meter.over())
        } else {
            Ok(())
        }
    })
}

/// Refuses to build `bytes` bytes at once if the run may not hold them.
///
/// # Errors
/// The run is over.
pub(super) fn reserve(bytes: usize) -> Fallible<()> {
    METER.with(|meter| {
        let wanted = i64::try_from(bytes).unwrap_or(i64::MAX);
        let held = heap::held().saturating_sub(meter.heap_start.get());
        if held.saturating_add(wanted) > meter.heap_max.get() {
            meter.trip_heap(held.saturating_add(wanted));
            return Err(meter.over());
        }
        Ok(())
    })?;
    charge(bytes as u64 / 1024)
}

/// Runs work that is no work of the script's: its time and what it leaves allocated do not count.
pub(super) fn exempt<T>(work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let held = heap::held();
    let result = work();
    METER.with(|meter| {
        meter.waited.set(meter.waited.get() + began.elapsed());
        if let (Some(start), Some(now)) = (meter.cpu_start.get(), cpu_time()) {
            let meant = began.elapsed().min(now.saturating_sub(start));
            meter.cpu_start.set(Some(start + meant));
        }
        meter
            .heap_start
            .set(meter.heap_start.get() + heap::held().saturating_sub(held));
    });
    result
}

/// Adds time that the script spent waiting for the host; what it received counts as its heap.
pub(super) fn waited(time: Duration) {
    METER.with(|meter| meter.waited.set(meter.waited.get() + time));
}

/// Returns the wall time that is left.
pub(super) fn wall_left() -> Duration {
    METER.with(|meter| {
        meter
            .wall_max
            .get()
            .saturating_sub(meter.started.get().elapsed())
    })
}

/// Stops the run because it hit a limit that is counted elsewhere.
pub(super) fn trip(limit: &'static str, message: String) -> Fault {
    METER.with(|meter| {
        meter.trip(limit, message);
        meter.over()
    })
}

/// Ends the run at the script's own wish; nothing that it does can catch this.
pub(super) fn stop() -> Fault {
    METER.with(|meter| meter.stopped.set(true));
    terminated()
}

fn terminated() -> Fault {
    Box::new(EvalAltResult::ErrorTerminated(
        Dynamic::UNIT,
        Position::NONE,
    ))
}

impl Meter {
    fn allow(&self, allowed: Allowed) {
        self.operations_max.set(allowed.operations);
        self.cpu_max.set(allowed.cpu);
        self.wall_max.set(allowed.wall);
        self.cpu_next.set(Duration::ZERO);
        self.next_look.set(self.operations.get());
    }

    fn count(&self, operations: u64) -> bool {
        let total = self.operations.get().saturating_add(operations);
        self.operations.set(total);
        let held = heap::held() - self.heap_start.get();
        if held > self.heap_peak.get() {
            self.heap_peak.set(held);
        }
        if held > self.heap_max.get() {
            self.trip_heap(held);
        }
        if total > self.operations_max.get() {
            let message = format!(
                "used {} operations{}",
                self.operations_max.get(),
                self.kept()
            );
            self.trip("operations", message);
        }
        if total >= self.next_look.get() {
            self.look();
        }
        self.stopped.get() || self.trip.borrow().is_some()
    }

    /// Tells why a limit is lower than what the config says.
    fn kept(&self) -> &'static str {
        match self.in_all.get() {
            Some(_) => ", the rest is kept for `always`",
            None => "",
        }
    }

    fn trip(&self, limit: &'static str, message: String) {
        let mut trip = self.trip.borrow_mut();
        if trip.is_none() {
            // A script that holds too much must not hold more meanwhile.
            let grace = if limit == "heap_bytes" { 0 } else { GRACE };
            self.grace.set(grace);
            *trip = Some(Trip { limit, message });
        }
    }

    /// Returns the error that ends a run: the first one says where it was, and if the script goes on behind that one, it
    /// is ended by force.
    fn over(&self) -> Fault {
        if self.stopped.get() || self.grace.replace(0) == 0 {
            return terminated();
        }
        Box::new(EvalAltResult::ErrorRuntime(Dynamic::UNIT, Position::NONE))
    }

    fn trip_heap(&self, wanted: i64) {
        let message = format!(
            "wanted to hold {wanted} bytes, {} are allowed",
            self.heap_max.get()
        );
        self.trip("heap_bytes", message);
    }

    /// Reads the clock and holds it against the deadlines.
    fn look(&self) {
        let now = Instant::now();
        let slow = now.duration_since(self.last_look.get()) > SLOW_STRIDE;
        self.last_look.set(now);
        let stride = if slow { 1 } else { STRIDE };
        self.next_look
            .set(self.operations.get().saturating_add(stride));
        let wall = now.duration_since(self.started.get());
        if wall > self.wall_max.get() {
            let message = format!(
                "ran for {} ms{}",
                self.wall_max.get().as_millis(),
                self.kept()
            );
            self.trip("wall", message);
        }
        let working = wall.saturating_sub(self.waited.get());
        if working < self.cpu_next.get() {
            return;
        }
        // On a busy machine most of the time may have gone to others: only what this thread used counts.
        let used = self.cpu_used(working);
        let left = self.cpu_max.get().saturating_sub(used);
        if left.is_zero() {
            let allowed = self.cpu_max.get().as_millis();
            let kept = self.kept();
            self.trip("cpu", format!("used {allowed} ms of processor time{kept}"));
        }
        self.cpu_next
            .set(working + left.max(Duration::from_millis(1)));
    }

    /// Returns the processor time used, at most the time spent working.
    fn cpu_used(&self, working: Duration) -> Duration {
        self.cpu_start
            .get()
            .zip(cpu_time())
            .map_or(working, |(start, now)| {
                now.saturating_sub(start).min(working)
            })
    }
}
