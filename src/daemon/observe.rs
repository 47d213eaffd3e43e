//! Probe and judge: the one path that `run`, `check`, `dry-run`, `probe` and `demo` share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::canaries::Network;
use super::common::Common;
use crate::config::ServiceConfig;
use crate::model::exchange::Exchange;
use crate::model::failure::FailureKind;
use crate::model::json::Json;
use crate::model::judgement::{Judgement, Memory, ScriptRun};
use crate::model::observation::Observation;
use crate::model::redaction::Redaction;
use crate::model::secret::Secret;
use crate::probe::{HttpProber, Plan, Prober};
use crate::script::host::Host;
use crate::script::job::{Input, Job, Prev, Rights};
use crate::script::pool::Pool;
use crate::script::tape::Tape;

/// Longest wall time of a script that sets none itself.
const SCRIPT_WALL_MAX: Duration = Duration::from_secs(30);

/// A service with everything that was made ready for it.
#[derive(Debug)]
pub struct Watched {
    /// The service and its matchers.
    pub config: Arc<ServiceConfig>,
    /// Its request, made ready; absent if all its matchers are scripts that make their own.
    pub plan: Option<Plan>,
    /// The service as its scripts see it; `null` where it has none.
    pub facts: Json,
    /// What must not be seen of its exchanges.
    pub redaction: Arc<Redaction>,
    /// What takes down the requests of its scripts, where its exchanges are recorded.
    pub tape: Option<Tape>,
}

/// What probing and judging need. Clones share.
#[derive(Clone)]
pub struct Tools {
    /// Makes exchanges.
    pub prober: Arc<dyn Prober>,
    /// Makes services ready to be probed.
    pub plans: Arc<HttpProber>,
    /// Runs scripts.
    pub pool: Arc<Pool>,
    /// Makes the requests of scripts.
    pub host: Arc<dyn Host>,
    /// Whether OES itself has lost the network.
    pub network: Network,
}

/// What scripts know of the past.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// What they remember.
    pub memory: Arc<Memory>,
    /// The last exchange that had a body, kept only where a script asks for it.
    pub prev: Option<Prev>,
    /// What scripts of other services remember as well.
    pub common: Common,
}

impl Watched {
    /// Returns a service that is never asked anything: what it is judged by is given.
    pub fn unasked(config: &Arc<ServiceConfig>) -> Self {
        Self {
            config: Arc::clone(config),
            plan: None,
            facts: facts(config),
            redaction: Arc::new(config.service.redaction()),
            tape: None,
        }
    }

    /// Tells whether any of the scripts reads `prev`.
    pub fn uses_prev(&self) -> bool {
        self.scripts().any(|script| script.source.uses_prev)
    }

    /// Returns advice on an exchange that passes but may not have been looked at where the person meant.
    pub fn hint(&self, exchange: &Exchange) -> Option<String> {
        let mut matchers = self.config.matchers.iter();
        matchers.find_map(|matcher| matcher.hint(exchange))
    }

    /// Returns the scripts among the matchers.
    pub fn scripts(&self) -> impl Iterator<Item = &crate::matcher::ScriptMatcher> {
        self.config
            .matchers
            .iter()
            .filter_map(|matcher| matcher.as_script())
    }
}

/// Probes a service that was due at `due` and judges what came.
pub async fn observe(
    tools: &Tools,
    watched: &Watched,
    past: &Past,
    due: Instant,
    now: Timestamp,
) -> Observation {
    let exchange = ask(tools, watched, due, now).await;
    let judgement = judge(&tools.pool, watched, exchange.as_ref(), past, now).await;
    Observation {
        at: now,
        exchange,
        beat: None,
        judgement,
    }
}

/// Asks a service that was due at `due`; absent if its scripts make all requests themselves.
pub async fn ask(
    tools: &Tools,
    watched: &Watched,
    due: Instant,
    now: Timestamp,
) -> Option<Arc<Exchange>> {
    let plan = watched.plan.as_ref()?;
    let mut exchange = tools.prober.probe(plan, due, now).await;
    let hidden = hiding(watched, exchange.bearer.as_ref());
    if let Err(failure) = &mut exchange.result {
        hidden.apply(&mut failure.message);
        if tools.network.is_lost() && failure.kind.is_of_network() {
            failure.kind = FailureKind::LocalNetwork;
            failure.message += "; no canary answers either";
        }
    }
    Some(Arc::new(exchange))
}

/// Judges an exchange with every matcher of a service, in order; findings add up, and each script sees what the one
/// before it remembered.
pub async fn judge(
    pool: &Pool,
    watched: &Watched,
    exchange: Option<&Arc<Exchange>>,
    past: &Past,
    now: Timestamp,
) -> Judgement {
    let begun = Instant::now();
    let hidden = hiding(
        watched,
        exchange.and_then(|exchange| exchange.bearer.as_ref()),
    );
    let mut judgement = Judgement::default();
    let mut memory = Arc::clone(&past.memory);
    for script in watched.scripts() {
        past.common.show(&script.source.spaces, &mut memory);
    }
    for matcher in &watched.config.matchers {
        let said = match (matcher.as_script(), exchange) {
            (None, Some(exchange)) => matcher.judge(exchange),
            (None, None) => continue,
            (Some(script), exchange) => {
                let before = exchange.and_then(|exchange| matcher.before_script(exchange));
                if let Some(said) = before {
                    said
                } else {
                    let prev = past.prev.clone();
                    let service = &watched.config.service;
                    let job = Job {
                        source: Arc::clone(&script.source),
                        input: input(watched, script, exchange, &memory, prev, now),
                        rights: Rights {
                            url: service.request.url.clone(),
                            transport: Arc::clone(&service.transport),
                            grants: Arc::clone(&service.grants),
                            redaction: Arc::clone(&hidden),
                        },
                        limits: watched.config.limits.as_ref().clone(),
                    };
                    match &watched.tape {
                        Some(tape) => pool.run_with(job, Arc::new(tape.clone())).await,
                        None => pool.run(job).await,
                    }
                }
            }
        };
        for run in &said.runs {
            remember(&mut memory, run);
        }
        judgement.merge(said);
    }
    hidden.apply_judgement(&mut judgement);
    judgement.elapsed = begun.elapsed();
    judgement
}

/// Returns what must not be seen of an exchange: the secrets of its service, and the token that was fetched for it.
pub fn hiding(watched: &Watched, token: Option<&Secret>) -> Arc<Redaction> {
    match token {
        None => Arc::clone(&watched.redaction),
        Some(token) => {
            let mut hidden = Redaction::clone(&watched.redaction);
            hidden.add(token);
            Arc::new(hidden)
        }
    }
}

fn input(
    watched: &Watched,
    script: &crate::matcher::ScriptMatcher,
    exchange: Option<&Arc<Exchange>>,
    memory: &Arc<Memory>,
    prev: Option<Prev>,
    now: Timestamp,
) -> Input {
    Input {
        service: watched.facts.clone(),
        exchange: exchange.map(Arc::clone),
        expected: script.expected.clone(),
        params: Arc::clone(&script.params),
        memory: Arc::clone(memory),
        prev,
        now,
        wall: wall(&watched.config),
    }
}

/// Returns how long one run of a script of a service may take with its requests.
pub fn wall(config: &ServiceConfig) -> Duration {
    let unsaid = || (config.service.timeout * 2).min(SCRIPT_WALL_MAX);
    config.limits.wall.unwrap_or_else(unsaid)
}

/// Applies what a run changed in a service's memory.
pub fn remember(memory: &mut Arc<Memory>, run: &ScriptRun) {
    if run.memory.is_empty() {
        return;
    }
    run.memory.apply(Arc::make_mut(memory));
}

/// Returns the exchange that a next run may want to see as `prev`: the newest one that had a body.
pub fn as_prev(observation: &Observation) -> Option<Prev> {
    let exchange = observation.exchange.as_ref()?;
    let body = &exchange.result.as_ref().ok()?.body;
    (!body.bytes.is_empty()).then(|| Prev {
        exchange: Arc::clone(exchange),
        at: observation.at,
    })
}

/// Returns a service as its scripts see it: name, url, method, interval, tags, payload and so on; no secrets.
pub fn facts(config: &ServiceConfig) -> Json {
    let service = &config.service;
    let list = |texts: &[String]| {
        texts
            .iter()
            .map(|text| Json::from(text.as_str()))
            .collect::<Json>()
    };
    let mut facts: BTreeMap<&str, Json> = BTreeMap::new();
    facts.insert("name", service.name.as_str().into());
    facts.insert("url", (*service.request.shown_url).into());
    facts.insert("method", service.request.method.as_str().into());
    facts.insert("interval", service.interval.as_secs_f64().into());
    facts.insert("timeout", service.timeout.as_secs_f64().into());
    facts.insert("tags", list(&service.tags));
    facts.insert(
        "group",
        service.group.as_deref().map_or(Json::Null, Json::from),
    );
    facts.insert(
        "payload",
        service.request.payload.clone().unwrap_or_default(),
    );
    let latency_ms = service
        .latency
        .map(|rule| Json::from(rule.limit.as_secs_f64() * 1000.0));
    facts.insert("latency_ms", latency_ms.unwrap_or_default());
    Json::object(facts)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::load_text;
    use crate::script::job::SERVICE_KEYS;

    #[test]
    fn a_script_sees_of_its_service_what_the_lint_knows() {
        let text = "[[services]]\nurl = \"http://a.example/\"\n";
        let environment = BTreeMap::<String, String>::new();
        let loaded = load_text("oes.toml", text, Path::new(""), &environment).unwrap();
        let facts = facts(loaded.config.services.first().unwrap());
        let seen: std::collections::BTreeSet<&str> = facts.as_object().unwrap().keys().collect();
        assert_eq!(seen, SERVICE_KEYS.iter().copied().collect());
    }
}
