//! The thread that compiles and lints scripts: one engine, and a large stack.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::Sender;
use rhai::Engine;

use super::{Part, Source};
use crate::model::code::Code;
use crate::model::span::Mistake;
use crate::script::engine;
use crate::script::limits::Limits;
use crate::script::lint::{self, Lint, Subject};

/// Processor time for compiling: ten times what ordinary code of the largest size takes.
const COMPILE_TIME: Duration = Duration::from_millis(250);

/// One script to look at, on the thread that has the stack for it.
struct Examination {
    part: Part,
    source: Arc<Source>,
    limits: Limits,
    answer: Sender<lint::Examined>,
}

/// Compiles and lints on a thread with a large stack; absent if that broke.
pub(super) fn examined(source: Arc<Source>, part: Part, limits: &Limits) -> Option<lint::Examined> {
    static COMPILER: OnceLock<Option<Sender<Examination>>> = OnceLock::new();
    let (answer, answered) = crossbeam_channel::bounded(1);
    let examination = Examination {
        part,
        source,
        limits: limits.clone(),
        answer,
    };
    let compiler = COMPILER.get_or_init(start_compiler).as_ref()?;
    compiler.send(examination).ok()?;
    answered.recv().ok()
}

fn start_compiler() -> Option<Sender<Examination>> {
    engine::quiet_panics();
    let (sender, work) = crossbeam_channel::bounded::<Examination>(16);
    std::thread::Builder::new()
        .name(format!("{}-compile", engine::THREAD_NAME))
        .stack_size(engine::stack_bytes(0))
        .spawn(move || {
            let mut engine = engine::build();
            let lint = Lint::of(&engine);
            for job in work {
                // A dropped answer is the failure; the next script gets the same engine, which holds no run's state.
                let examine = || job.examine(&mut engine, &lint);
                if let Ok(found) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(examine)) {
                    drop(job.answer.send(found));
                }
            }
        })
        .ok()?;
    Some(sender)
}

impl Examination {
    fn examine(&self, engine: &mut Engine, lint: &Lint) -> lint::Examined {
        engine::limit(engine, &self.limits);
        let source = &self.source;
        let subject = Subject {
            part: self.part,
            file: &source.file,
            text: &source.text,
            header: &source.header,
            libraries: &source.libraries,
        };
        if let Err(failed) = engine::offer(engine, source, &self.limits, COMPILE_TIME) {
            // Each compiled before: they are too slow this time.
            let message = format!("its libraries cannot be compiled: {failed}");
            return lint::Examined::refused(Mistake::error(Code::Library, 0..0, message));
        }
        lint.examine(engine, &subject, COMPILE_TIME)
    }
}
