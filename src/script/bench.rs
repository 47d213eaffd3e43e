//! Where scripts are run, one after another: an engine and the scripts that it has compiled.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rhai::{AST, Engine};

use super::coverage::{self, Coverage, Marker};
use super::execute::{self, Called, Ran, Task};
use super::job::{CallError, CallJob};
use super::limits::Limits;
use super::run::Link;
use super::source::Source;
use super::{engine, error};
use crate::model::judgement::{Finding, Severity};

/// Processor time for compiling what was compiled before, in less.
const COMPILE_TIME: Duration = Duration::from_secs(1);
/// Compiled scripts that are kept.
const CACHED_MAX: usize = 1000;

/// An engine and the scripts that it has compiled. It belongs to one thread.
pub(super) struct Bench {
    engine: Engine,
    marker: Option<Marker>,
    limits: Option<Limits>,
    compiled: HashMap<Arc<str>, AST>,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::covering(None)
    }

    /// Returns one that notes which statements run, if anybody wants to know.
    pub(super) fn covering(coverage: Option<&Arc<Coverage>>) -> Self {
        let mut engine = engine::build();
        Self {
            marker: coverage.and_then(|one| Marker::register(&mut engine, one).ok()),
            engine,
            limits: None,
            compiled: HashMap::new(),
        }
    }

    /// Runs a matcher script. Whatever the link holds that was allocated before must outlive this call.
    ///
    /// # Errors
    /// The script does not compile.
    pub(super) fn run(
        &mut self,
        task: &Arc<Task>,
        link: impl FnOnce() -> Box<dyn Link>,
    ) -> Result<Ran, Box<Finding>> {
        let task = match self.marker {
            Some(_) => &Arc::new(task.within(coverage::with_room(&task.limits))),
            None => task,
        };
        let ast = self.prepare(&task.source, &task.limits)?;
        Ok(execute::run(&self.engine, &ast, task, link))
    }

    /// Calls a function of a script.
    pub(super) fn call(&mut self, job: &CallJob) -> Called {
        let job = match self.marker {
            Some(_) => &CallJob {
                limits: coverage::with_room(&job.limits),
                ..job.clone()
            },
            None => job,
        };
        match self.prepare(&job.source, &job.limits) {
            Ok(ast) => execute::call(&self.engine, &ast, job),
            Err(finding) => (Err(CallError(finding)), 0),
        }
    }

    /// Sets the limits and compiles the script unless it is here.
    fn prepare(&mut self, source: &Source, limits: &Limits) -> Result<AST, Box<Finding>> {
        if self.limits.as_ref() != Some(limits) {
            engine::limit(&mut self.engine, limits);
            self.limits = Some(limits.clone());
        }
        if let Some(ast) = self.compiled.get(&source.version) {
            return Ok(ast.clone());
        }
        let compiled = engine::compile(&self.engine, &source.text, COMPILE_TIME);
        let marked = match &self.marker {
            Some(marker) => {
                compiled.and_then(|ast| marker.mark(&self.engine, &ast, &source.version))
            }
            None => compiled,
        };
        let ast = marked.map_err(|failed| {
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

/// Returns the finding for a run whose interpreter broke.
pub(super) fn panicked() -> Finding {
    Finding::error(
        "script.crashed",
        "the interpreter broke on this script; this is a fault in OES, please report it with the script",
    )
    .weighing(Severity::Broken)
}
