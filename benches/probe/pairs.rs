//! Interleaved pairs of legs, and the table that they end in.

use std::fmt;
use std::time::Duration;

use crate::floor::Floor;
use crate::monitor::{Burden, Monitor};
use crate::target::Target;
use crate::{WORKERS, cpu, spawn};

/// What is measured how often.
pub struct Plan {
    /// The name in the table.
    pub name: &'static str,
    /// The ratio that must hold.
    pub limit: f64,
    /// Probes of a leg.
    pub probes: u64,
    /// Pairs that count; one more warms up.
    pub pairs: usize,
}

/// One leg, in microseconds of processor time for each probe.
pub type Leg = Result<f64, String>;

/// What came of a plan.
pub struct Row {
    name: &'static str,
    limit: f64,
    floor: Vec<f64>,
    oes: Vec<f64>,
    voids: Vec<String>,
}

/// Measures pairs of reference and OES.
pub async fn measure(
    target: &mut Target,
    plan: &Plan,
    floor: &Floor,
    monitor: &mut Monitor,
    burden: Burden,
) -> Row {
    let mut row = Row::new(plan.name, plan.limit);
    for pair in 0..=plan.pairs {
        let (reference, oes);
        if pair % 2 == 0 {
            reference = floor_leg(target, plan, floor).await;
            oes = oes_leg(target, plan, monitor, burden).await;
        } else {
            oes = oes_leg(target, plan, monitor, burden).await;
            reference = floor_leg(target, plan, floor).await;
        }
        if pair > 0 {
            row.add(reference, oes);
        }
    }
    row
}

async fn floor_leg(target: &mut Target, plan: &Plan, floor: &Floor) -> Leg {
    target.counts();
    let before = cpu::own();
    let tasks: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (floor, each) = (floor.clone(), plan.probes / WORKERS as u64);
            spawn(async move {
                let mut good = 0;
                for _ in 0..each {
                    good += u64::from(floor.probe().await);
                }
                good
            })
        })
        .collect();
    let mut good = 0;
    for task in tasks {
        good += task.await.unwrap();
    }
    let spent = cpu::own().saturating_sub(before);
    checked("reference", plan.probes, good, target.counts(), spent)
}

async fn oes_leg(target: &mut Target, plan: &Plan, monitor: &mut Monitor, burden: Burden) -> Leg {
    target.counts();
    let before = cpu::own_with_workers();
    let good = monitor.probe(plan.probes, burden).await;
    let written = monitor.settle();
    let spent = cpu::own_with_workers().saturating_sub(before);
    let counts = target.counts();
    if !written {
        return Err("OES: rows of the history were lost".to_owned());
    }
    checked("OES", plan.probes, good, counts, spent)
}

/// Returns what a probe cost, unless the leg is void.
pub fn checked(
    who: &str,
    probes: u64,
    good: u64,
    (connections, requests): (u64, u64),
    spent: Duration,
) -> Leg {
    if good != probes || connections != probes || requests != probes {
        return Err(format!(
            "{who}: {probes} probes, {good} good, {connections} connections, {requests} requests"
        ));
    }
    Ok(spent.as_secs_f64() * 1e6 / probes as f64)
}

impl Row {
    /// Returns an empty row.
    pub fn new(name: &'static str, limit: f64) -> Self {
        Self {
            name,
            limit,
            floor: Vec::new(),
            oes: Vec::new(),
            voids: Vec::new(),
        }
    }

    /// Adds a pair, which counts if both of its legs do.
    pub fn add(&mut self, floor: Leg, oes: Leg) {
        match (floor, oes) {
            (Ok(floor), Ok(oes)) => {
                self.floor.push(floor);
                self.oes.push(oes);
            }
            (floor, oes) => self
                .voids
                .extend([floor, oes].into_iter().filter_map(Leg::err)),
        }
    }

    fn ratios(&self) -> Vec<f64> {
        sorted(
            self.floor
                .iter()
                .zip(&self.oes)
                .map(|(floor, oes)| oes / floor),
        )
    }

    /// Tells whether no pair counts.
    pub fn is_void(&self) -> bool {
        self.floor.is_empty()
    }

    /// Tells whether the ratio is within its limit.
    pub fn holds(&self) -> bool {
        !self.is_void() && median(&self.ratios()) <= self.limit
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        if self.is_void() {
            write!(f, "| {name:<24} | void")?;
        } else {
            let ratios = self.ratios();
            let (floor, oes) = (
                sorted(self.floor.iter().copied()),
                sorted(self.oes.iter().copied()),
            );
            write!(
                f,
                "| {name:<24} | {:>7.1} µs | {:>7.1} µs | {:.2} [{:.2}–{:.2}] of {} | ≤ {:.2} | {} |",
                median(&floor),
                median(&oes),
                median(&ratios),
                ratios.first().unwrap(),
                ratios.last().unwrap(),
                ratios.len(),
                self.limit,
                if self.holds() { "holds" } else { "MISSED" },
            )?;
        }
        for void in &self.voids {
            write!(f, "\n  void leg: {void}")?;
        }
        Ok(())
    }
}

/// Returns numbers in order.
pub fn sorted(numbers: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

/// Returns the middle one of sorted numbers.
pub fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap()
}

/// All rows.
#[derive(Default)]
pub struct Table {
    rows: Vec<String>,
    controls: Vec<String>,
    deaf: bool,
}

impl Table {
    /// Adds a row and shows it at once.
    pub fn push(&mut self, row: impl fmt::Display) {
        println!("{row}");
        self.rows.push(row.to_string());
    }

    /// Adds a control, which must have tripped.
    pub fn control(&mut self, row: &Row, tripped: bool) {
        let line = format!(
            "control {}: {}",
            row.name,
            if tripped { "trips" } else { "DOES NOT TRIP" }
        );
        println!("{line} ({row})");
        self.controls.push(line);
        self.deaf |= !tripped;
    }

    /// Tells whether every control tripped.
    pub fn is_sound(&self) -> bool {
        !self.deaf
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| CPU per probe            | reference  | OES        | median ratio [range] | target | |"
        )?;
        writeln!(f, "| --- | --- | --- | --- | --- | --- |")?;
        for row in &self.rows {
            writeln!(f, "{row}")?;
        }
        for control in &self.controls {
            writeln!(f, "{control}")?;
        }
        Ok(())
    }
}
