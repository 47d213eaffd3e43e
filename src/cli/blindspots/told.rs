//! What became of the changes of a response.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::SCHEMA;
use crate::cli::Exit;
use crate::cli::finding;
use crate::cli::output::{self, ERROR, FAINT, GOOD, WARNING, styled};
use crate::cli::table::{self, Cell};
use crate::model::counted::counted;
use crate::model::duration::Shown;
use crate::model::path::Path;
use crate::policy::faults::{Change, Fault};
use crate::suite::blindspots::{Altered, FROZEN, Scan, Scanned};

/// Bytes of a value that are shown.
const VALUE_MAX: usize = 60;

/// Prints what passes, a line a place.
pub(super) fn print(service: &str, scan: &Scan) {
    let whole = &scan.whole.judgement;
    if !whole.outcome.is_good() {
        for one in &whole.findings {
            output::result(finding::text(one));
        }
        return output::result(format_args!(
            "\n{} {service}: the response itself comes to {}, so nothing was changed",
            styled(WARNING, "?"),
            whole.outcome
        ));
    }
    let rows = rows(scan);
    if !rows.is_empty() {
        let header = ["", "place", "passes if it is"];
        let mut lines = vec![header.map(|title| Cell::new(FAINT, title)).to_vec()];
        lines.extend(rows.into_iter().map(|(place, changes)| {
            let sign = Cell::new(ERROR, "✗");
            vec![sign, Cell::plain(place), Cell::plain(changes.join(", "))]
        }));
        table::print(&lines);
        output::result("");
    }
    let all = counted(scan.scanned.len(), "change");
    let passing = scan.scanned.iter().filter(|one| scan.passes(one)).count();
    let line = match passing {
        0 => format!("{} {service}: all of {all} are noticed", styled(GOOD, "✓")),
        _ => format!(
            "{} {service}: {passing} of {all} pass unnoticed",
            styled(ERROR, "✗")
        ),
    };
    output::result(line);
    for (count, what) in [
        (
            unjudged(scan),
            "could not be judged: a script asked what was not asked before",
        ),
        (
            usize::from(scan.cut),
            "part of the response was left out: it has too many places",
        ),
    ] {
        if count > 0 {
            output::note(format_args!("{count} {what}"));
        }
    }
}

fn unjudged(scan: &Scan) -> usize {
    let judged = |one: &&Scanned| one.outcome.is_none();
    scan.scanned.iter().filter(judged).count()
}

/// Returns the places with what passes there, in the order of the response. Where everything passes at a place and in it,
/// and where a change passes in every element that was changed, it stands once.
fn rows(scan: &Scan) -> Vec<(String, Vec<String>)> {
    let mut noticed: BTreeSet<String> = BTreeSet::new();
    let mut noticed_changes: BTreeSet<(String, Change)> = BTreeSet::new();
    for one in scan.scanned.iter().filter(|one| !scan.passes(one)) {
        if let Altered::Place(fault) = &one.altered {
            noticed.extend(prefixes(fault).map(|path| path.to_string()));
            noticed_changes.insert(shape(fault));
        }
    }
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    for one in scan.scanned.iter().filter(|one| scan.passes(one)) {
        let mut change = words(&one.altered);
        let place = match &one.altered {
            Altered::Place(fault) => {
                let blind = prefixes(fault).find(|path| !noticed.contains(&path.to_string()));
                if let Some(blind) = blind {
                    "anything, or missing".clone_into(&mut change);
                    shown(scan, &blind)
                } else if noticed_changes.contains(&shape(fault)) {
                    shown(scan, &fault.path)
                } else {
                    shown(scan, &fault.path.shape())
                }
            }
            Altered::Status(_) => "status".to_owned(),
            Altered::NoBody | Altered::Page | Altered::Cut => "body".to_owned(),
            Altered::Frozen => "response".to_owned(),
        };
        match rows.iter_mut().find(|(known, _)| *known == place) {
            Some((_, changes)) if changes.contains(&change) => {}
            Some((_, changes)) => changes.push(change),
            None => rows.push((place, vec![change])),
        }
    }
    rows
}

/// Returns the places that hold the place of a fault, the outermost first, and it; each stands for all elements.
fn prefixes(fault: &Fault) -> impl Iterator<Item = Path> {
    let shape = fault.path.shape();
    let mut path = Path::root();
    let steps: Vec<Path> = std::iter::once(Path::root())
        .chain(shape.steps().iter().map(|step| {
            path = path.then(step.clone());
            path.clone()
        }))
        .collect();
    steps.into_iter()
}

fn shape(fault: &Fault) -> (String, Change) {
    (fault.path.shape().to_string(), fault.change)
}

fn shown(scan: &Scan, path: &Path) -> String {
    scan.hidden.applied(&path.to_string()).into_owned()
}

/// Returns what is changed, for a person.
fn words(altered: &Altered) -> String {
    let fault = match altered {
        Altered::Status(status) => return status.as_str().to_owned(),
        Altered::NoBody => return "empty".to_owned(),
        Altered::Page => return "a page of HTML".to_owned(),
        Altered::Cut => return "cut".to_owned(),
        Altered::Frozen => return format!("the same for {}", Shown(FROZEN)),
        Altered::Place(fault) => fault,
    };
    match fault.change {
        Change::Missing => "missing",
        Change::Null => "null",
        Change::Empty => "empty",
        Change::Zero => "0",
        Change::Negative => "negative",
        Change::TenTimes => "ten times as much",
        Change::Huge => "huge",
        Change::Opposite => "the opposite",
        Change::AnotherText => "another text",
        Change::YearEarlier => "a year earlier",
        Change::AnotherKind => "of another kind",
    }
    .to_owned()
}

/// Returns what became of every change.
pub(super) fn json(service: &str, scan: &Scan, exit: Exit) -> Value {
    let one = |one: &Scanned| {
        let (place, change, value) = match &one.altered {
            Altered::Place(fault) => {
                let value = fault.value.clone().map(|mut value| {
                    scan.hidden.apply_json(&mut value);
                    value.summary(VALUE_MAX)
                });
                (shown(scan, &fault.path), fault.change.as_str(), value)
            }
            Altered::Status(status) => ("status".to_owned(), "status", Some(status.to_string())),
            Altered::NoBody => ("body".to_owned(), "empty", None),
            Altered::Page => ("body".to_owned(), "page", None),
            Altered::Cut => ("body".to_owned(), "cut", None),
            Altered::Frozen => ("response".to_owned(), "frozen", None),
        };
        json!({
            "place": place,
            "change": change,
            "value": value,
            "outcome": one.outcome,
            "passes": scan.passes(one),
        })
    };
    let whole = &scan.whole.judgement;
    json!({
        "schema": SCHEMA,
        "exit": exit as u8,
        "service": service,
        "outcome": whole.outcome,
        "findings": whole.findings,
        "passing": scan.scanned.iter().filter(|one| scan.passes(one)).count(),
        "unjudged": unjudged(scan),
        "cut": scan.cut,
        "changes": scan.scanned.iter().map(one).collect::<Vec<_>>(),
    })
}
