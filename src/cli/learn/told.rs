//! What is said of samples and of what was learnt from them.

use serde_json::{Value, json};

use super::latency::{FACTOR, LIMIT_MIN};
use super::samples::Samples;
use super::{Arguments, Learnt, SCHEMA, Written};
use crate::cli::Exit;
use crate::cli::output::{self, WARNING, styled};
use crate::model::counted::counted;
use crate::model::duration::Shown;
use crate::policy::shape::{Remark, one_line};

/// Remarks that are shown to a person.
const REMARKS_MAX: usize = 20;

/// What is said.
pub(super) struct Told<'a> {
    pub(super) exit: Exit,
    /// `GET https://api.example/x`
    pub(super) asked: String,
    pub(super) samples: &'a Samples,
    /// Absent if no sample was good.
    pub(super) learnt: Option<&'a Learnt>,
}

impl Told<'_> {
    pub(super) fn print(&self, arguments: &Arguments) {
        if arguments.json {
            return output::json(&self.json());
        }
        for (failure, count) in &self.samples.failures {
            let samples = counted(*count, "sample");
            output::note(format_args!(
                "{} {samples} left out: {failure}",
                styled(WARNING, "!")
            ));
        }
        let Some(learnt) = self.learnt else {
            return output::note("nothing was learnt: no sample is a good response of JSON");
        };
        let notes = self.notes(learnt);
        match arguments.format {
            Written::Toml => {
                for note in notes {
                    output::verbatim(format_args!("# {note}"));
                }
                output::verbatim(learnt.entry.toml().trim_end());
            }
            Written::Json => {
                notes.iter().for_each(output::note);
                output::verbatim(format_args!("{:#}", learnt.entry.json()));
            }
        }
    }

    /// Returns how and what was learnt, a line each.
    fn notes(&self, learnt: &Learnt) -> Vec<String> {
        let good = self.samples.good.len();
        let mut notes = vec![
            format!("Learnt from {} of {}.", counted(good, "sample"), self.asked),
            self.certainty(),
            latency(learnt),
        ];
        if learnt.entry.has_open_headers() {
            let note =
                "Headers are written as they were given: put what is secret into ${env:NAME}.";
            notes.push(note.to_owned());
        }
        let remarks = &learnt.inferred.remarks;
        let shown = remarks.iter().take(REMARKS_MAX);
        notes.extend(shown.map(|Remark { path, text }| format!("{path}: {text}")));
        if remarks.len() > REMARKS_MAX {
            notes.push(format!("… and {} more", remarks.len() - REMARKS_MAX));
        }
        notes
            .iter()
            .map(|note| one_line(note).into_owned())
            .collect()
    }

    /// Says how sure the pattern is.
    fn certainty(&self) -> String {
        let percent = (self.samples.seen_share() * 100.0).ceil();
        let seen =
            format!("With 95 % certainty they show what at least {percent} % of responses do");
        if self.samples.all_equal() {
            return format!(
                "{seen}, but all are the same: take them for longer (--every) to see what changes."
            );
        }
        format!("{seen}; rarer things may be missing here, fewer with more --samples.")
    }

    fn json(&self) -> Value {
        let failures = self.samples.failures.iter();
        let failures =
            failures.map(|(failure, count)| json!({ "samples": count, "finding": failure }));
        let mut told = json!({
            "schema": SCHEMA,
            "exit": self.exit as u8,
            "samples": self.samples.outcomes.len(),
            "good": self.samples.good.len(),
            "failures": failures.collect::<Vec<_>>(),
        });
        let (Some(learnt), Some(members)) = (self.learnt, told.as_object_mut()) else {
            return told;
        };
        let millis = |duration: std::time::Duration| duration.as_secs_f64() * 1000.0;
        let remarks = learnt.inferred.remarks.iter();
        let remarks =
            remarks.map(|Remark { path, text }| json!({ "path": path.to_string(), "text": text }));
        let more = [
            ("seen_share", json!(self.samples.seen_share())),
            ("all_equal", json!(self.samples.all_equal())),
            (
                "latency_ms",
                json!({
                    "p50": millis(learnt.latency.p50),
                    "p95": millis(learnt.latency.p95),
                    "max": millis(learnt.latency.max),
                    "limit": learnt.latency.limit.map(millis),
                }),
            ),
            ("remarks", remarks.collect()),
            ("config", learnt.entry.json()),
            ("toml", json!(learnt.entry.toml())),
        ];
        for (key, value) in more {
            members.insert(key.to_owned(), value);
        }
        told
    }
}

/// Says where the limit of latency is from.
fn latency(learnt: &Learnt) -> String {
    let latency = &learnt.latency;
    let measured = format!(
        "median {}, 95th percentile {}, slowest {}",
        Shown(latency.p50),
        Shown(latency.p95),
        Shown(latency.max)
    );
    match latency.limit {
        Some(_) => format!(
            "Latency: {measured}. The limit is {FACTOR} times the 95th percentile, rounded up, at least {}.",
            Shown(LIMIT_MIN)
        ),
        None => format!(
            "Latency: {measured}. No limit: {FACTOR} times the 95th percentile is not below the deadline (--timeout)."
        ),
    }
}
