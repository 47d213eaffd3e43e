//! The hardened interpreter: a raw engine with chosen packages, natives that multiply replaced, and a meter that
//! every operation passes.
//!
//! One engine belongs to one thread and runs one script at a time; what belongs to the run is in thread-locals.

mod arithmetic;
mod arrays;
mod budget;
mod compare;
mod libraries;
mod strings;
mod views;

use std::sync::Once;
use std::time::Duration;

use rhai::module_resolvers::DummyModuleResolver;
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage,
    BasicMathPackage, BasicStringPackage, LogicPackage, MoreStringPackage, Package as _,
};
use rhai::{AST, Dynamic, Engine, OptimizationLevel, ParseError, Scope};

use super::limits::Limits;
use super::{api, guard};
pub(super) use libraries::{Library, offer};

/// Stack of a thread that runs or compiles scripts, for the default heap budget: dropping a chain of closures takes
/// twice its heap in stack, comparing or printing nested values up to 40 MiB.
const STACK_BYTES: usize = 64 << 20;

/// Returns the stack that a thread needs for scripts with this heap budget.
pub(super) fn stack_bytes(heap_bytes: usize) -> usize {
    STACK_BYTES.max(
        heap_bytes
            .saturating_mul(5)
            .saturating_div(2)
            .saturating_add(2 << 20),
    )
}

/// Names that a script may use without defining them; it may not define them either.
pub(super) const VALUES: &[&str] = &[
    "response", "body", "request", "service", "params", "expected", "prev", "memory", "http",
];

/// Handles that a script may also use without defining them; where it defines the name itself, its own value goes first.
pub(super) const HANDLES: &[&str] = &["auth", "tcp", "dns", "tls"];

/// Returns an engine that knows the functions of the language that scripts have, and nothing of OES.
pub(super) fn language() -> Engine {
    let mut engine = Engine::new_raw();
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    BasicFnPackage::new().register_into_engine(&mut engine);
    engine
}

/// Returns an engine that knows every function of OES.
pub(super) fn build() -> Engine {
    let mut engine = language();
    engine.set_module_resolver(DummyModuleResolver::new());
    for symbol in ["eval", "import", "export", "Fn", "curry"] {
        engine.disable_symbol(symbol);
    }
    engine.set_strict_variables(true);
    engine.set_fail_on_invalid_map_property(true);
    // The built-in operators call `() < 5` and `"9" > 5` false; ours refuse them, and are asked only in this mode.
    engine.set_fast_operators(false);
    // Nothing is folded away, so that the lint sees what the author wrote.
    engine.set_optimization_level(OptimizationLevel::None);
    engine.on_progress(|_| guard::tick().then_some(Dynamic::UNIT));
    budget::register(&mut engine);
    strings::register(&mut engine);
    arrays::register(&mut engine);
    arithmetic::register(&mut engine);
    compare::register(&mut engine);
    views::register(&mut engine);
    api::register(&mut engine);
    engine
}

/// Sets the limits that the interpreter itself holds.
pub(super) fn limit(engine: &mut Engine, limits: &Limits) {
    engine
        .set_max_operations(0)
        .set_max_modules(0)
        // The last level is where a script is told that it is too deep, see `on_var`.
        .set_max_call_levels(limits.call_depth + 1)
        .set_max_expr_depths(limits.expression_depth, limits.function_expression_depth)
        .set_max_variables(limits.variables)
        .set_max_functions(limits.functions)
        .set_max_string_size(limits.string_bytes)
        .set_max_array_size(limits.array_items)
        .set_max_map_size(limits.map_keys);
}

/// Compiles a script within an amount of processor time; the values of OES are known names everywhere in it.
///
/// # Errors
/// The first syntax error, or that it takes too long.
pub(super) fn compile(engine: &Engine, text: &str, time: Duration) -> Result<AST, ParseError> {
    compile_with(engine, text, &[], time)
}

/// Compiles a script as [`compile`] does, with more names that are known everywhere in it.
///
/// # Errors
/// The first syntax error, or that it takes too long.
pub(super) fn compile_with(
    engine: &Engine,
    text: &str,
    names: &[String],
    time: Duration,
) -> Result<AST, ParseError> {
    budget::within(time, || {
        let mut scope = Scope::new();
        let known = VALUES.iter().chain(HANDLES).copied();
        for name in known.chain(names.iter().map(String::as_str)) {
            scope.push_dynamic(name, Dynamic::UNIT);
        }
        engine.compile_with_scope(&scope, text)
    })
}

/// Makes panics on threads of scripts silent: they are caught and become errors of the script.
pub(super) fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !std::thread::current()
                .name()
                .is_some_and(|name| name.starts_with(THREAD_NAME))
            {
                others(panic);
            }
        }));
    });
}

/// What the names of threads that run or compile scripts begin with.
pub(super) const THREAD_NAME: &str = "oes-script";
