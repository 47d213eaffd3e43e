//! One thread: an engine, the scripts it has compiled, and the loop that runs them.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crossbeam_channel::Receiver;
use rhai::{AST, Engine};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::ticket::{self, Ticket};
use super::watch::Watch;
use crate::model::judgement::{Finding, Severity};
use crate::script::api::http::Tokens;
use crate::script::execute::{self, Ledger};
use crate::script::host::Host;
use crate::script::job::{CallError, CallJob, Job};
use crate::script::limits::Limits;
use crate::script::source::Source;
use crate::script::{engine, error};

/// Processor time for compiling what was compiled before, in less.
const COMPILE_TIME: Duration = Duration::from_secs(1);
/// Compiled scripts that a thread keeps.
const CACHED_MAX: usize = 256;

/// What all threads share.
pub(super) struct Shared {
    pub(super) runtime: Handle,
    pub(super) host: Arc<dyn Host>,
    pub(super) ledger: Ledger,
    pub(super) tokens: Arc<Tokens>,
    pub(super) stack_bytes: usize,
}

/// What a thread is given to do.
pub(super) enum Work {
    Run(Box<Job>, Arc<Ticket>),
    Call(Box<CallJob>, Arc<Ticket>),
}

impl Work {
    pub(super) fn ticket(&self) -> &Arc<Ticket> {
        let (Self::Run(_, ticket) | Self::Call(_, ticket)) = self;
        ticket
    }
}

/// Takes work from the queue until there is none and nobody who could send any, or until given up.
pub(super) fn work(
    number: u64,
    queue: &Receiver<Work>,
    shared: &Shared,
    watch: &Weak<Watch>,
    given_up: &AtomicBool,
) {
    let mut bench = Bench::new();
    for work in queue {
        let ticket = Arc::clone(work.ticket());
        if ticket.begin(number, Instant::now()) {
            let done = catch_unwind(AssertUnwindSafe(|| bench.perform(work, shared)));
            if done.is_err() {
                bench = Bench::new();
                ticket.refuse(panicked());
            }
        }
        match watch.upgrade() {
            Some(watch) if !given_up.load(Ordering::Relaxed) => watch.remove(&ticket),
            _ => return,
        }
    }
}

fn panicked() -> Finding {
    Finding::error(
        "script.crashed",
        "the interpreter broke on this script; this is a fault in OES, please report it with the script",
    )
    .weighing(Severity::Broken)
}

struct Bench {
    engine: Engine,
    limits: Option<Limits>,
    compiled: HashMap<Arc<str>, AST>,
}

impl Bench {
    fn new() -> Self {
        Self {
            engine: engine::build(),
            limits: None,
            compiled: HashMap::new(),
        }
    }

    fn perform(&mut self, work: Work, shared: &Shared) {
        match work {
            Work::Run(job, ticket) => {
                let source = Arc::clone(&job.source);
                match self.prepare(&source, &job.limits, &shared.ledger) {
                    Ok(ast) => ticket.answer_run(execute::run(
                        &self.engine,
                        &ast,
                        *job,
                        &execute::Around {
                            runtime: &shared.runtime,
                            host: ticket.host.as_ref().unwrap_or(&shared.host),
                            ledger: &shared.ledger,
                            tokens: &shared.tokens,
                        },
                    )),
                    Err(finding) => ticket.answer_run(ticket::refusal(&source, *finding)),
                }
            }
            Work::Call(job, ticket) => ticket.answer_call(
                match self.prepare(&job.source, &job.limits, &shared.ledger) {
                    Ok(ast) => execute::call(&self.engine, &ast, &job, &shared.ledger),
                    Err(finding) => Err(CallError(finding)),
                },
            ),
        }
    }

    /// Sets the limits and compiles the script unless this thread has it.
    fn prepare(
        &mut self,
        source: &Arc<Source>,
        limits: &Limits,
        ledger: &Ledger,
    ) -> Result<AST, Box<Finding>> {
        if let Some(finding) = ledger.suspended(source) {
            return Err(Box::new(finding));
        }
        if self.limits.as_ref() != Some(limits) {
            engine::limit(&mut self.engine, limits);
            self.limits = Some(limits.clone());
        }
        if let Some(ast) = self.compiled.get(&source.version) {
            return Ok(ast.clone());
        }
        let ast = engine::compile(&self.engine, &source.text, COMPILE_TIME).map_err(|failed| {
            let mut finding =
                Finding::error("script", error::syntax(&failed, &source.text).message)
                    .weighing(Severity::Broken);
            finding.at = error::place(&source.file, failed.position());
            finding.source = error::line(&source.text, failed.position());
            Box::new(finding)
        })?;
        if self.compiled.len() >= CACHED_MAX {
            self.compiled.clear();
        }
        self.compiled
            .insert(Arc::clone(&source.version), ast.clone());
        Ok(ast)
    }
}
