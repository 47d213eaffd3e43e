//! What lies beside a script: libraries, and schemas.

use std::ops::Range;
use std::sync::Arc;

use super::Source;
use crate::model::code::Code;
use crate::model::json::Json;
use crate::model::span::Mistake;

/// What lies beside a script, for whoever may read it.
pub trait Beside {
    /// Returns the library of this name.
    ///
    /// # Errors
    /// Why there is none.
    fn library(&mut self, name: &str) -> Result<Arc<Source>, Missing>;

    /// Returns what the JSON file of this name holds.
    ///
    /// # Errors
    /// Why there is none.
    fn json(&mut self, name: &str) -> Result<Json, Missing>;
}

/// Why something that a script names is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What kind of mistake it is to name it.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl Missing {
    /// Returns it as a mistake where the script names what is missing.
    pub fn at(self, span: Range<usize>) -> Mistake {
        let mut mistake = Mistake::error(self.code, span, self.message);
        mistake.help = self.help;
        mistake
    }
}

/// A script with nothing beside it.
pub(super) struct Alone;

impl Beside for Alone {
    fn library(&mut self, name: &str) -> Result<Arc<Source>, Missing> {
        Err(Missing {
            code: Code::UnknownLibrary,
            message: format!("there is no library `{name}`"),
            help: None,
        })
    }

    fn json(&mut self, name: &str) -> Result<Json, Missing> {
        Err(Missing {
            code: Code::SchemaFile,
            message: format!("there is no file {name}"),
            help: None,
        })
    }
}

/// What scripts that were compiled before found beside them; of several of one name the first.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a>(pub &'a [&'a Source]);

impl Beside for Found<'_> {
    fn library(&mut self, name: &str) -> Result<Arc<Source>, Missing> {
        let mut known = self.0.iter().flat_map(|script| &script.libraries);
        let found = known.find(|library| *library.name == *name);
        found.map_or_else(|| Alone.library(name), |found| Ok(Arc::clone(found)))
    }

    fn json(&mut self, name: &str) -> Result<Json, Missing> {
        let found = self.0.iter().find_map(|script| script.schemas.get(name));
        found.map_or_else(|| Alone.json(name), |found| Ok(found.clone()))
    }
}
