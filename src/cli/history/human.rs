//! What services were, for a terminal.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::summary::{Gap, Numbers, Span, Summary};
use crate::channel::message::moment;
use crate::cli::fit;
use crate::cli::output::{self, BOLD, ERROR, FAINT, GOOD, WARNING};
use crate::cli::table::{self, Cell};
use crate::history::series::Bucket;
use crate::model::counted::counted;
use crate::model::duration::{Shown, since};
use crate::model::exchange::Phase;
use crate::model::judgement::Outcome;

/// Characters of a line of buckets; of more several become one.
const LINE_MAX: usize = 100;
/// Gaps that are named; of more the longest.
const GAPS_MAX: usize = 8;

/// Prints what one service was.
pub(super) fn print(summary: &Summary, zone: &TimeZone) {
    let whole = &summary.whole.bucket;
    let begun = moment(whole.from, zone);
    let step = summary.resolution.words();
    let title = format!("since {begun}, in steps of {step}");
    table::print(&[vec![
        Cell::new(BOLD, &summary.service),
        Cell::new(FAINT, title),
    ]]);
    if whole.probes() == 0 && whole.tally.watched().is_zero() {
        output::result("  nothing is known of this time");
        return;
    }
    let mut rows = vec![
        fact("uptime", uptime(whole)),
        fact("time", times(whole)),
        fact("state", states(&summary.buckets)),
        fact("outcomes", outcomes(whole)),
    ];
    if !whole.latency.is_empty() {
        rows.push(fact("latency", quantiles(whole)));
        rows.push(fact("p50", sparkline(&summary.buckets)));
    }
    let phases = phases(whole);
    if !phases.is_empty() {
        rows.push(fact("phases", phases));
    }
    let gaps = summary.gaps.as_deref().unwrap_or_default();
    let mut longest: Vec<&Gap> = gaps.iter().collect();
    longest.sort_by_key(|gap| std::cmp::Reverse(gap.length));
    longest.truncate(GAPS_MAX);
    longest.sort_by_key(|gap| gap.from);
    for (number, gap) in longest.iter().enumerate() {
        let name = if number == 0 { "gaps" } else { "" };
        let (from, until) = (moment(gap.from, zone), moment(gap.until, zone));
        let text = format!(
            "no data for {} between {from} and {until}",
            Shown(gap.length)
        );
        rows.push(fact(name, text));
    }
    let more = gaps.len() - longest.len();
    if more > 0 {
        rows.push(fact("", format!("and {}", counted(more, "shorter gap"))));
    }
    table::print(&rows);
}

/// What is shown of a service among others.
pub(super) struct Row {
    service: String,
    numbers: Vec<Cell>,
    states: String,
}

impl Row {
    /// Returns the row of a service; absent if nothing is known of it and nobody watches it.
    pub(super) fn of(summary: &Summary, is_watched: bool) -> Option<Self> {
        let whole = &summary.whole.bucket;
        let is_blank = whole.tally.watched().is_zero();
        if is_blank && !is_watched {
            return None;
        }
        let uptime = match whole.tally.uptime() {
            _ if is_blank => Cell::new(FAINT, "no data"),
            None => Cell::plain("–"),
            Some(share) if whole.tally.down.is_zero() => Cell::new(GOOD, share),
            Some(share) => Cell::new(ERROR, share),
        };
        let quantile = |share| {
            let found = whole.latency.quantile(share);
            Cell::plain(found.map_or_else(|| "–".to_owned(), |found| Shown(found).to_string()))
        };
        let numbers = vec![
            uptime,
            quantile(0.5),
            quantile(0.9),
            quantile(0.99),
            Cell::plain(whole.probes()),
            match whole.tally.no_data {
                time if time < Duration::from_mins(1) => Cell::plain("–"),
                time => Cell::new(WARNING, Shown(time)),
            },
        ];
        Some(Self {
            service: summary.service.to_string(),
            numbers,
            states: states(&summary.buckets),
        })
    }

    /// Returns its cells with a name of so many letters, and with its line if it has room.
    fn cells(&self, name: usize, line: usize) -> Vec<Cell> {
        let mut cells = vec![Cell::new(BOLD, fit::shortened(&self.service, name))];
        cells.extend(self.numbers.iter().cloned());
        if self.states.chars().count() <= line {
            cells.push(Cell::plain(&self.states));
        }
        cells
    }
}

/// Prints what many services were, one a line. Where the terminal is narrow, names are cut and the lines of states go.
pub(super) fn print_all(rows: &[Row], span: Span) {
    const ROOM: [(usize, usize); 4] = [
        (usize::MAX, LINE_MAX),
        (32, LINE_MAX),
        (16, LINE_MAX),
        (32, 0),
    ];
    let columns = fit::columns(&std::io::stdout()).unwrap_or(usize::MAX);
    let lines = |name, line| {
        let mut all = vec![heading(span, line > 0)];
        all.extend(rows.iter().map(|row| row.cells(name, line)));
        table::lines(&all)
    };
    let fits = |lines: &Vec<String>| lines.iter().all(|line| fit::width(line) <= columns);
    let mut wider = ROOM.into_iter().map(|(name, line)| lines(name, line));
    let lines = wider.find(fits).unwrap_or_else(|| lines(16, 0));
    lines.into_iter().for_each(output::result);
}

fn heading(span: Span, has_line: bool) -> Vec<Cell> {
    let words = [
        "service", "uptime", "p50", "p90", "p99", "probes", "no data",
    ];
    let mut heading: Vec<Cell> = words.map(|word| Cell::new(FAINT, word)).into();
    if has_line {
        let length = Shown(since(span.from, span.until));
        heading.push(Cell::new(FAINT, format_args!("the last {length}")));
    }
    heading
}

fn fact(name: &str, value: impl ToString) -> Vec<Cell> {
    vec![
        Cell::new(FAINT, format_args!("  {name}")),
        Cell::plain(value),
    ]
}

fn uptime(whole: &Bucket) -> String {
    match whole.tally.uptime() {
        Some(share) => format!("{share} of the time in which it is known"),
        None => "unknown: it was neither seen up nor down".to_owned(),
    }
}

fn times(whole: &Bucket) -> String {
    let tally = &whole.tally;
    let times = [
        ("up", tally.up),
        ("degraded", tally.degraded),
        ("down", tally.down),
        ("unknown", tally.unknown),
        ("error", tally.error),
        ("no data", tally.no_data),
    ];
    let times = times
        .into_iter()
        .filter(|(_, time)| *time >= Duration::from_millis(1));
    times
        .map(|(name, time)| format!("{name} {}", Shown(time)))
        .collect::<Vec<_>>()
        .join(" · ")
}

fn outcomes(whole: &Bucket) -> String {
    let outcomes = Outcome::ALL
        .into_iter()
        .filter(|outcome| whole.of(*outcome) > 0);
    let outcomes = outcomes.map(|outcome| format!("{outcome} {}", whole.of(outcome)));
    outcomes.collect::<Vec<_>>().join(" · ")
}

fn quantiles(whole: &Bucket) -> String {
    let quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];
    let quantiles = quantiles.into_iter().filter_map(|(name, share)| {
        Some(format!("{name} {}", Shown(whole.latency.quantile(share)?)))
    });
    let all = quantiles.collect::<Vec<_>>().join(" · ");
    let count = usize::try_from(whole.latency.count()).unwrap_or(usize::MAX);
    format!("{all} of {}", counted(count, "probe"))
}

fn phases(whole: &Bucket) -> String {
    let phases = Phase::ALL
        .into_iter()
        .filter_map(|phase| Some(format!("{phase} {}", Shown(whole.phase(phase).mean()?))));
    phases.collect::<Vec<_>>().join(" · ")
}

/// Returns a line of what the service was: `█` up, `▒` degraded, `✗` down, `?` not known, `·` no data. The worst that is
/// known counts.
fn states(buckets: &[Numbers]) -> String {
    grouped(buckets)
        .map(|group| {
            let any =
                |of: fn(&Bucket) -> Duration| group.iter().any(|one| !of(&one.bucket).is_zero());
            if any(|one| one.tally.down) {
                '✗'
            } else if any(|one| one.tally.degraded) {
                '▒'
            } else if any(|one| one.tally.up) {
                '█'
            } else if any(|one| one.tally.unknown + one.tally.error) {
                '?'
            } else {
                '·'
            }
        })
        .collect()
}

/// Returns a line of medians, from the least to the greatest among them.
fn sparkline(buckets: &[Numbers]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let medians: Vec<Option<Duration>> = grouped(buckets)
        .map(|group| {
            let medians = group
                .iter()
                .filter_map(|one| one.bucket.latency.quantile(0.5));
            medians.max()
        })
        .collect();
    let (Some(least), Some(most)) = (
        medians.iter().flatten().min().copied(),
        medians.iter().flatten().max().copied(),
    ) else {
        return String::new();
    };
    let range = most.saturating_sub(least).as_nanos().max(1);
    let line = medians.iter().map(|median| match median {
        Some(median) => {
            let place = median.saturating_sub(least).as_nanos() * 7 / range;
            usize::try_from(place)
                .ok()
                .and_then(|place| BARS.get(place))
                .copied()
                .unwrap_or('█')
        }
        None => '·',
    });
    let line: String = line.collect();
    format!("{line}  {} to {}", Shown(least), Shown(most))
}

fn grouped(buckets: &[Numbers]) -> impl Iterator<Item = &[Numbers]> {
    buckets.chunks(buckets.len().div_ceil(LINE_MAX).max(1))
}
