//! Time for compiling: the compiler takes time by the square of the width of a script, and asks nobody as it runs.

use std::cell::Cell;
use std::time::Duration;

use rhai::{AST, Engine, LexError, ParseError, ParseErrorType, Position, Token};

use crate::script::guard::cpu_time;

/// Words between two looks at the clock.
const STRIDE: u32 = 64;

thread_local! {
    static DEADLINE: Cell<Option<Duration>> = const { Cell::new(None) };
    static WORDS: Cell<u32> = const { Cell::new(0) };
    static OVER: Cell<bool> = const { Cell::new(false) };
}

/// Has the compiler meet nothing but errors once its time is over.
#[expect(
    deprecated,
    reason = "rhai marks hooks as volatile; the version is pinned"
)]
pub(super) fn register(engine: &mut Engine) {
    engine.on_parse_token(|token, _, _| match token {
        Token::EOF => token,
        _ if is_over() => Token::LexError(Box::new(too_slow())),
        // The language reserves the word and has no use for it: `memory.shared("prices")` has.
        Token::Reserved(word) if *word == "shared" => Token::Identifier(word),
        _ => token,
    });
}

/// Compiles within an amount of this thread's processor time.
///
/// # Errors
/// Those of the compiler, or that the time is over.
pub(super) fn within(
    time: Duration,
    compile: impl FnOnce() -> Result<AST, ParseError>,
) -> Result<AST, ParseError> {
    DEADLINE.set(cpu_time().map(|now| now + time));
    WORDS.set(0);
    OVER.set(false);
    let compiled = compile();
    DEADLINE.set(None);
    // Where the error is met decides what the compiler says of it; it is always this one.
    if OVER.get() {
        let kind = ParseErrorType::BadInput(too_slow());
        let position = compiled.err().map_or(Position::NONE, |error| error.1);
        return Err(ParseError(Box::new(kind), position));
    }
    compiled
}

fn is_over() -> bool {
    WORDS.set(WORDS.get().wrapping_add(1));
    if WORDS.get().is_multiple_of(STRIDE)
        && let (Some(deadline), Some(now)) = (DEADLINE.get(), cpu_time())
        && now > deadline
    {
        OVER.set(true);
    }
    OVER.get()
}

fn too_slow() -> LexError {
    LexError::Runtime(
        "Compiling takes too long: too many variables at once, parameters, or keys or cases in one place".to_owned(),
    )
}
