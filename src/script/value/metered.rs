//! JSON as text, charged as it is written: what is shared in a value takes its place each time that it is there, so that a
//! small value may be a text without end.

use std::fmt::{self, Write as _};

use rhai::{EvalAltResult, Position};

use super::problem;
use crate::model::json::Json;
use crate::script::guard::{self, Fallible, Fault};
use crate::script::run;

/// Returns the value as JSON text.
///
/// # Errors
/// The text is longer than a string may be, or the run is over.
pub(in crate::script) fn json_text(json: &Json) -> Fallible<String> {
    let mut out = Metered {
        text: Some(String::new()),
        bytes: 0,
        max: run::with(|run| Ok(run.limits.string_bytes))?,
        fault: None,
    };
    out.write(json)?;
    Ok(out.text.unwrap_or_default())
}

/// Returns how many bytes the value has as JSON text.
///
/// # Errors
/// The run is over.
pub(in crate::script) fn json_bytes(json: &Json) -> Fallible<usize> {
    let mut out = Metered {
        text: None,
        bytes: 0,
        max: usize::MAX,
        fault: None,
    };
    out.write(json)?;
    Ok(out.bytes)
}

/// A text, or only its length, that is charged as it grows.
struct Metered {
    text: Option<String>,
    bytes: usize,
    max: usize,
    fault: Option<Fault>,
}

/// Bytes that are written between two looks at the meter.
const METERED_BYTES: usize = 4096;

impl Metered {
    fn write(&mut self, json: &Json) -> Fallible<()> {
        let written = write!(self, "{json}");
        match self.fault.take() {
            Some(fault) => Err(fault),
            None if written.is_err() => Err(problem("the value cannot be written")),
            None => Ok(()),
        }
    }

    fn grow(&mut self, part: &str) -> Fallible<()> {
        let before = self.bytes;
        self.bytes = before.saturating_add(part.len());
        if self.bytes > self.max {
            let what = "Length of string".to_owned();
            return Err(Box::new(EvalAltResult::ErrorDataTooLarge(
                what,
                Position::NONE,
            )));
        }
        if before / METERED_BYTES != self.bytes / METERED_BYTES {
            guard::charge((self.bytes / METERED_BYTES - before / METERED_BYTES) as u64)?;
        }
        if let Some(text) = &mut self.text {
            text.push_str(part);
        }
        Ok(())
    }
}

impl fmt::Write for Metered {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.grow(part).map_err(|fault| {
            self.fault = Some(fault);
            fmt::Error
        })
    }
}
