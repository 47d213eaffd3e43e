//! The libraries that a script uses.

use std::sync::Arc;

use super::{Beside, Missing, Source};
use crate::model::code::Code;
use crate::model::span::Mistake;
use crate::script::header;
use crate::script::value::cut;

/// Libraries of one script, with those that they use: each is compiled with it.
const LIBRARIES_MAX: usize = 16;
/// Lines of a script with its libraries: the interpreter counts no further.
const LINES_MAX: usize = 60_000;

impl Source {
    /// Takes in the libraries that the header names; those that are not there are reported.
    pub(super) fn find_libraries(
        &mut self,
        uses: Vec<header::Named>,
        beside: &mut dyn Beside,
        mistakes: &mut Vec<Mistake>,
    ) {
        for (name, span) in uses {
            let found = library_name(&name).and_then(|()| beside.library(&name));
            let added = found.and_then(|library| {
                let mut all = library.libraries.iter().chain([&library]);
                all.try_for_each(|library| self.add(library))
            });
            if let Err(missing) = added {
                mistakes.push(missing.at(span));
            }
        }
    }

    fn add(&mut self, library: &Arc<Self>) -> Result<(), Missing> {
        let refuse = |message, help: &str| {
            Err(Missing {
                code: Code::Library,
                message,
                help: Some(help.to_owned()),
            })
        };
        let mut others = self.libraries.iter();
        if let Some(known) = others.clone().find(|known| known.name == library.name) {
            if known.file == library.file {
                return Ok(());
            }
            let (name, file, other) = (&library.name, &known.file, &library.file);
            let message = format!("two libraries are called `{name}`: {file} and {other}");
            return refuse(message, "give one of them another name");
        }
        let twice = others.find_map(|other| Some((other, library.defines_as(other)?)));
        if let Some((other, function)) = twice {
            let message = format!(
                "the libraries `{}` and `{}` both have a function `{function}`",
                other.name, library.name
            );
            return refuse(message, "give one of the two functions another name");
        }
        self.libraries.push(Arc::clone(library));
        let lines: usize = self
            .parts()
            .map(|(_, part)| part.text.split('\n').count())
            .sum();
        if self.libraries.len() > LIBRARIES_MAX || lines > LINES_MAX {
            let message = "these are too many libraries".to_owned();
            return refuse(
                message,
                &format!(
                    "a script uses {LIBRARIES_MAX} at most, of {LINES_MAX} lines together with its own"
                ),
            );
        }
        Ok(())
    }

    /// Returns a function that another script or library defines as well.
    fn defines_as(&self, other: &Self) -> Option<&Arc<str>> {
        self.defined()
            .find(|function| other.defined().any(|known| known == *function))
    }
}

/// Tells what is wrong with the name of a library, which must be a word of the language.
fn library_name(name: &str) -> Result<(), Missing> {
    let is_word = name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if is_word && name != "global" {
        return Ok(());
    }
    Err(Missing {
        code: Code::UnknownLibrary,
        message: format!("`{}` is no name of a library", cut(name, 60)),
        help: Some(
            "write the name of its file without `.rhai`; letters, digits and `_`".to_owned(),
        ),
    })
}
