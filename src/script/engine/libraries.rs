//! Libraries: functions that scripts reach by the name of a library, `prices::middle(…)`.

use std::sync::Arc;
use std::time::Duration;

use rhai::{AST, Engine, EvalAltResult, Module, Scope, Shared};

use super::compile;
use crate::script::guard;
use crate::script::limits::Limits;
use crate::script::source::Source;

/// Time for the constants of a library, which are plain values.
const CONSTANTS_TIME: Duration = Duration::from_secs(1);

/// A library that was compiled.
#[derive(Clone)]
pub(in crate::script) struct Library {
    pub(in crate::script) name: Arc<str>,
    pub(in crate::script) ast: AST,
    module: Shared<Module>,
}

impl Library {
    /// Has an engine know the library by its name; another of the same name is forgotten.
    pub(in crate::script) fn offer(&self, engine: &mut Engine) {
        engine.register_static_module(&*self.name, Shared::clone(&self.module));
    }
}

/// Compiles the libraries of a script, each after those that it uses, and has the engine know them.
///
/// # Errors
/// One cannot be compiled in time.
pub(in crate::script) fn offer(
    engine: &mut Engine,
    script: &Source,
    limits: &Limits,
    time: Duration,
) -> Result<Vec<Library>, Box<EvalAltResult>> {
    script
        .parts()
        .skip(1)
        .map(|(lines_before, source)| {
            let text = "\n".repeat(lines_before) + &*source.text;
            let library = library(engine, &source.name, &text, limits, time)?;
            library.offer(engine);
            Ok(library)
        })
        .collect()
}

fn library(
    engine: &Engine,
    name: &Arc<str>,
    text: &str,
    limits: &Limits,
    time: Duration,
) -> Result<Library, Box<EvalAltResult>> {
    let ast = compile(engine, text, time)?;
    // The lint has seen to it that nothing but constants is there to be evaluated; it is metered all the same.
    guard::begin(limits, CONSTANTS_TIME);
    let module = Module::eval_ast_as_new(Scope::new(), &ast, engine)?;
    Ok(Library {
        name: Arc::clone(name),
        ast,
        module: module.into(),
    })
}
