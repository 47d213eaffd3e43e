//! One dry run as data, and what the daemon would have done with it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::config::report::Line;
use crate::model::exchange::Exchange;
use crate::model::judgement::{Finding, Judgement, Memory, MemoryDiff, Outcome, ScriptRun};
use crate::model::recorded;
use crate::model::service::Service;

/// Bytes of the body that are printed as an excerpt.
const EXCERPT_BYTES: usize = 4_096;

/// Name of the JSON that this command prints.
pub(super) const SCHEMA: &str = "oes.dry-run/1";

/// One dry run.
pub(super) struct DryRun<'a> {
    /// When the probe was, on the script's clock.
    pub(super) at: Timestamp,
    /// What a person should look at in what is judged.
    pub(super) warnings: &'a [Line],
    /// Secrets that are not there and are not sent.
    pub(super) stand_ins: &'a [String],
    /// What the matchers saw; absent if the scripts make their own requests.
    pub(super) exchange: Option<Arc<Exchange>>,
    /// What they said.
    pub(super) judgement: Judgement,
    /// Why the probe cannot be judged: a script was not given an answer that it asked for.
    pub(super) unjudged: Option<String>,
    /// What the scripts remembered before.
    pub(super) memory_before: Arc<Memory>,
    /// Whether the memory goes on to a next probe of this command.
    pub(super) memory_goes_on: bool,
    /// What the daemon would have done.
    pub(super) would: Would,
    /// A hint for the author.
    pub(super) hint: Option<String>,
}

/// What the daemon would have done.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Would {
    /// Whether the probe counts into the error rate as a failure.
    pub(super) counts_as_failure: bool,
    /// The violation that this probe alone would open.
    pub(super) violation: Option<String>,
    /// The channels that would be told of it.
    pub(super) notify: Vec<String>,
    /// The same for a person.
    #[serde(skip)]
    pub(super) text: String,
}

impl Would {
    /// Returns what is known of it where the probe cannot be judged.
    pub(super) fn unjudged() -> Self {
        Self {
            counts_as_failure: false,
            violation: None,
            notify: Vec::new(),
            text: "ask, and judge the answer".to_owned(),
        }
    }

    /// Returns what the daemon would do with this judgement of a service that was fine until now.
    pub(super) fn of(judgement: &Judgement, service: &Service) -> Self {
        let named = judgement.runs.iter().flat_map(|run| &run.violations).next();
        let rule = &service.error;
        let percent = rule.threshold * 100.0;
        let text = match (judgement.outcome, named) {
            (_, Some(named)) => format!("open the violation `{}` at once and tell the channels", named.name),
            (Outcome::Pass, None) => "count a good probe".to_owned(),
            (Outcome::Warn, None) => "count a good probe and show the warning".to_owned(),
            (Outcome::Fail, None) => format!(
                "count 1 failure; with more than {percent} % of {} needed, this alone would not notify{}",
                rule.window,
                if service.confirm.is_empty() { "" } else { "; look again soon" }
            ),
            (Outcome::Unknown, None) => {
                "count nothing: whoever is to blame, it is not known to be the service".to_owned()
            }
            (Outcome::Error, None) => {
                "count nothing; a second one in a row would tell the channels that the matcher is broken"
                    .to_owned()
            }
        };
        let notify = named.map(|_| service.channels.iter().map(ToString::to_string).collect());
        Self {
            counts_as_failure: judgement.outcome == Outcome::Fail,
            violation: named.map(|named| named.name.to_string()),
            notify: notify.unwrap_or_default(),
            text,
        }
    }
}

/// Takes back what was found, named and remembered: an answer that was not given says nothing of the service.
pub(super) fn take_back(judgement: &mut Judgement) {
    judgement.outcome = Outcome::Unknown;
    judgement.findings.clear();
    for run in &mut judgement.runs {
        run.violations.clear();
        run.memory = MemoryDiff::default();
    }
}

/// What `oes.dry-run/1` says of one probe.
#[derive(Serialize)]
pub(super) struct DryRunJson<'a> {
    schema: &'static str,
    exit: u8,
    at: Timestamp,
    compile: Compiled<'a>,
    request: Option<Value>,
    response: Option<Value>,
    result: ResultJson<'a>,
    unjudged: Option<&'a str>,
    limits: Vec<Value>,
    would: &'a Would,
    hint: Option<&'a str>,
    stand_ins: &'a [String],
    side_effects: &'static str,
}

#[derive(Serialize)]
struct Compiled<'a> {
    ok: bool,
    warnings: &'a [Line],
}

impl DryRun<'_> {
    /// Returns what becomes of the memory, for a person.
    pub(super) fn memory_note(&self) -> &'static str {
        if self.memory_goes_on {
            "(goes on to the next probe, not saved)"
        } else {
            "(not saved)"
        }
    }

    /// Returns the run as `oes.dry-run/1`.
    pub(super) fn to_json(&self, exit: u8) -> DryRunJson<'_> {
        DryRunJson {
            schema: SCHEMA,
            exit,
            at: self.at,
            compile: Compiled {
                ok: true,
                warnings: self.warnings,
            },
            request: self.exchange.as_deref().map(request_json),
            response: self.exchange.as_deref().map(response_json),
            result: result_json(&self.judgement),
            unjudged: self.unjudged.as_deref(),
            limits: self.judgement.runs.iter().map(limits_json).collect(),
            would: &self.would,
            hint: self.hint.as_deref(),
            stand_ins: self.stand_ins,
            side_effects: "none",
        }
    }
}

/// Returns as `oes.dry-run/1` that the script or the arguments cannot be used.
pub(super) fn refused(mistakes: &[Line]) -> Value {
    json!({
        "schema": SCHEMA,
        "exit": 2,
        "compile": { "ok": false, "mistakes": mistakes },
        "side_effects": "none",
    })
}

fn request_json(exchange: &Exchange) -> Value {
    json!({
        "method": exchange.sent.method,
        "url": &*exchange.sent.url,
        "headers": recorded::shown_request_headers(&exchange.sent),
        "bytes": exchange.sent.body_bytes,
        "hops": exchange.hops.iter().map(|hop| json!({ "url": hop.url, "status": hop.status })).collect::<Vec<_>>(),
    })
}

fn response_json(exchange: &Exchange) -> Value {
    let ms = |spent: std::time::Duration| spent.as_secs_f64() * 1000.0;
    let mut timing: serde_json::Map<String, Value> = exchange
        .timings
        .present()
        .map(|(phase, spent)| (phase.to_string(), json!(ms(spent))))
        .collect();
    timing.insert("total".to_owned(), json!(ms(exchange.timings.total)));
    timing.insert("other".to_owned(), json!(ms(exchange.timings.other())));
    match &exchange.result {
        Err(failure) => json!({
            "failure": { "kind": failure.kind, "phase": failure.phase, "message": failure.message },
            "timing_ms": timing,
            "certificate": exchange.certificate,
        }),
        Ok(response) => {
            let body = &response.body;
            let excerpt = body.bytes.get(..EXCERPT_BYTES).unwrap_or(&body.bytes);
            json!({
                "status": response.status.as_u16(),
                "version": format!("{:?}", response.version),
                "headers": recorded::shown_response_headers(&response.headers),
                "bytes": body.bytes.len(),
                "wire_bytes": body.wire_bytes,
                "timing_ms": timing,
                "certificate": exchange.certificate,
                "body_excerpt": String::from_utf8_lossy(excerpt),
                "truncated": body.truncated,
            })
        }
    }
}

#[derive(Serialize)]
struct ResultJson<'a> {
    outcome: Outcome,
    elapsed_us: u64,
    findings: &'a [Finding],
    scripts: &'a [ScriptRun],
}

fn result_json(judgement: &Judgement) -> ResultJson<'_> {
    ResultJson {
        outcome: judgement.outcome,
        elapsed_us: u64::try_from(judgement.elapsed.as_micros()).unwrap_or(u64::MAX),
        findings: &judgement.findings,
        scripts: &judgement.runs,
    }
}

fn limits_json(run: &ScriptRun) -> Value {
    let usage = serde_json::to_value(run.usage).unwrap_or_default();
    let pair = |used: &Value| json!([used.get("used"), used.get("allowed")]);
    let pairs = usage.as_object().map(|usage| {
        usage
            .iter()
            .map(|(name, used)| (name.clone(), pair(used)))
            .collect::<serde_json::Map<_, _>>()
    });
    json!({ "script": run.script, "limits": pairs })
}
