//! `oes.dry-run/1`: a dry run for programs.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{DryRun, Would};
use crate::model::exchange::Exchange;
use crate::model::judgement::{Finding, Judgement, Outcome, ScriptRun};
use crate::model::recorded;
use crate::model::span::Line;

/// Bytes of the body that are shown as an excerpt.
const EXCERPT_BYTES: usize = 4_096;

/// Name of the JSON.
pub const SCHEMA: &str = "oes.dry-run/1";

/// What `oes.dry-run/1` says of one probe.
#[derive(Debug, Serialize, ToSchema)]
pub struct DryRunJson<'a> {
    schema: &'static str,
    /// The exit code of `oes dry-run`; absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<u8>,
    /// When the probe was.
    at: Timestamp,
    /// What the compiler says of the script.
    compile: Compiled<'a>,
    /// What was asked, without secrets; `null` if the scripts make all requests themselves.
    #[schema(value_type = Option<Object>)]
    request: Option<Value>,
    /// What was answered, without secrets: a response or a failure, and where the time went.
    #[schema(value_type = Option<Object>)]
    response: Option<Value>,
    /// What the matchers said.
    result: ResultJson<'a>,
    /// Why the probe cannot be judged.
    unjudged: Option<&'a str>,
    /// What each script used of what it is allowed.
    #[schema(value_type = Vec<Object>)]
    limits: Vec<Value>,
    /// What the daemon would have done.
    would: &'a Would,
    /// A hint for the author.
    hint: Option<&'a str>,
    /// Secrets that are not there and were not sent.
    stand_ins: &'a [String],
    side_effects: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
struct Compiled<'a> {
    ok: bool,
    #[schema(value_type = Vec<Object>)]
    warnings: &'a [Line],
}

impl DryRun {
    /// Returns the run as `oes.dry-run/1`, with the exit code of a command.
    pub fn to_json(&self, exit: Option<u8>) -> DryRunJson<'_> {
        DryRunJson {
            schema: SCHEMA,
            exit,
            at: self.at,
            compile: Compiled {
                ok: true,
                warnings: &self.warnings,
            },
            request: self.exchange.as_deref().map(request_json),
            response: self.exchange.as_deref().map(response_json),
            result: result_json(&self.judgement),
            unjudged: self.unjudged.as_deref(),
            limits: self.judgement.runs.iter().map(limits_json).collect(),
            would: &self.would,
            hint: self.hint.as_deref(),
            stand_ins: &self.stand_ins,
            side_effects: "none",
        }
    }
}

/// Returns as `oes.dry-run/1` that the script or the arguments cannot be used.
pub fn refused(mistakes: &[Line]) -> Value {
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

#[derive(Debug, Serialize, ToSchema)]
struct ResultJson<'a> {
    outcome: Outcome,
    /// Microseconds that judging took, requests of scripts included.
    elapsed_us: u64,
    #[schema(value_type = Vec<Object>)]
    findings: &'a [Finding],
    #[schema(value_type = Vec<Object>)]
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
