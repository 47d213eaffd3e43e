//! Where scripts are run, one after another: an engine and the scripts that it has compiled.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rhai::{AST, Engine, EvalAltResult, ParseError};

use super::coverage::{self, Coverage, Marker};
use super::engine::{self, Library};
use super::error;
use super::execute::{self, Called, Ran, Task};
use super::job::{CallError, CallJob};
use super::limits::Limits;
use super::run::Link;
use super::source::Source;
use crate::model::judgement::{Finding, Severity};

/// Processor time for compiling what was compiled before, in less.
const COMPILE_TIME: Duration = Duration::from_secs(1);
/// Compiled scripts that are kept.
const CACHED_MAX: usize = 1000;

/// A compiled script with the libraries that it uses.
pub(super) struct Compiled {
    pub(super) ast: AST,
    /// The script as it was before marks were put into it.
    plain: Option<AST>,
    libraries: Vec<Library>,
}

impl Compiled {
    /// Returns what was compiled of a library, of the script itself for any other name.
    pub(super) fn part(&self, name: &str) -> &AST {
        let mut libraries = self.libraries.iter();
        let library = libraries.find(|library| *library.name == *name);
        library.map_or(&self.ast, |library| &library.ast)
    }

    /// Returns what was compiled as it is written, the script itself last.
    pub(super) fn parts(&self) -> impl Iterator<Item = &AST> {
        let libraries = self.libraries.iter().map(|library| &library.ast);
        libraries.chain([self.plain.as_ref().unwrap_or(&self.ast)])
    }

    /// Tells whether the script or one of its libraries defines a function of this name.
    pub(super) fn defines(&self, name: &str) -> bool {
        let mut functions = self.parts().flat_map(AST::iter_functions);
        functions.any(|function| function.name == name)
    }
}

/// An engine and the scripts that it has compiled. It belongs to one thread.
pub(super) struct Bench {
    engine: Engine,
    marker: Option<Marker>,
    limits: Option<Limits>,
    compiled: HashMap<Arc<str>, Rc<Compiled>>,
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
        let script = self.prepare(&task.source, &task.limits)?;
        Ok(execute::run(&self.engine, &script, task, link))
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
            Ok(script) => execute::call(&self.engine, &script, job),
            Err(finding) => (Err(CallError(finding)), 0),
        }
    }

    /// Sets the limits, and compiles the script with its libraries unless it is here.
    fn prepare(&mut self, source: &Source, limits: &Limits) -> Result<Rc<Compiled>, Box<Finding>> {
        if self.limits.as_ref() != Some(limits) {
            engine::limit(&mut self.engine, limits);
            self.limits = Some(limits.clone());
        }
        if let Some(script) = self.compiled.get(&source.version) {
            // Another script may have a library of the same name.
            for library in &script.libraries {
                library.offer(&mut self.engine);
            }
            return Ok(Rc::clone(script));
        }
        let libraries = engine::offer(&mut self.engine, source, limits, COMPILE_TIME)
            .map_err(|failed| refused(source, &failed))?;
        let compiled = engine::compile(&self.engine, &source.text, COMPILE_TIME);
        let plain = match (&self.marker, &compiled) {
            (Some(_), Ok(ast)) => Some(ast.clone()),
            _ => None,
        };
        let marked = match &self.marker {
            Some(marker) => {
                compiled.and_then(|ast| marker.mark(&self.engine, &ast, &source.version))
            }
            None => compiled,
        };
        let ast = marked.map_err(|failed| refused(source, &failed.into()))?;
        if self.compiled.len() >= CACHED_MAX {
            self.compiled.clear();
        }
        let script = Rc::new(Compiled {
            ast,
            plain,
            libraries,
        });
        self.compiled
            .insert(Arc::clone(&source.version), Rc::clone(&script));
        Ok(script)
    }
}

/// Returns the finding for a script or a library that does not compile.
fn refused(source: &Source, failed: &EvalAltResult) -> Box<Finding> {
    let spot = source.spot(failed.position());
    let message = match failed {
        EvalAltResult::ErrorParsing(kind, position) => {
            let failed = ParseError(Box::new(kind.clone()), *position);
            error::syntax(&failed, &spot.part.text).message
        }
        other => other.to_string(),
    };
    let mut finding = Finding::error("script", message).weighing(Severity::Broken);
    (finding.at, finding.source) = spot.shown();
    Box::new(finding)
}

/// Returns the finding for a run whose interpreter broke.
pub(super) fn panicked() -> Finding {
    Finding::error(
        "script.crashed",
        "the interpreter broke on this script; this is a fault in OES, please report it with the script",
    )
    .weighing(Severity::Broken)
}
