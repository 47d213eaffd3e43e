//! Positions of the interpreter's: in which text they are, and where.

use rhai::Position;

use super::Source;
use crate::model::span::Place;
use crate::script::error;

impl Source {
    /// Returns the script and its libraries, each with how many lines the interpreter takes to be before it: what is in
    /// different texts is never at the same position.
    pub(in crate::script) fn parts(&self) -> impl Iterator<Item = (usize, &Self)> {
        let libraries = self.libraries.iter().map(|library| &**library);
        std::iter::once(self)
            .chain(libraries)
            .scan(0, |before, part| {
                let start = *before;
                *before += part.text.split('\n').count();
                Some((start, part))
            })
    }

    /// Returns what is at a position of the interpreter's.
    pub(in crate::script) fn spot(&self, position: Position) -> Spot<'_> {
        let line = position.line().unwrap_or(0);
        let (lines_before, part) = self
            .parts()
            .take_while(|(before, _)| *before == 0 || *before < line)
            .last()
            .unwrap_or((0, self));
        Spot {
            part,
            lines_before,
            position: moved(position, |line| line.checked_sub(lines_before)),
        }
    }
}

/// Something in the text of a script or of one of its libraries.
pub(in crate::script) struct Spot<'a> {
    /// The script or the library.
    pub(in crate::script) part: &'a Source,
    lines_before: usize,
    /// Where in its text.
    pub(in crate::script) position: Position,
}

impl<'a> Spot<'a> {
    /// Returns the name of the library that it is in; empty in the script itself.
    pub(in crate::script) fn library(&self) -> &'a str {
        if self.lines_before == 0 {
            ""
        } else {
            &self.part.name
        }
    }

    /// Returns a position in the same text as the interpreter has it.
    pub(in crate::script) fn whole(&self, position: Position) -> Position {
        moved(position, |line| line.checked_add(self.lines_before))
    }

    /// Returns its place and its line for a person.
    pub(in crate::script) fn shown(&self) -> (Option<Place>, Option<String>) {
        (
            error::place(&self.part.file, self.position),
            error::line(&self.part.text, self.position),
        )
    }
}

/// Returns a position on another line; none if there is no such line.
fn moved(position: Position, to: impl FnOnce(usize) -> Option<usize>) -> Position {
    let line = position.line().and_then(to).map(u16::try_from);
    let column = position.position().unwrap_or(0);
    match (line, u16::try_from(column)) {
        (Some(Ok(line @ 1..)), Ok(column)) => Position::new(line, column),
        _ => Position::NONE,
    }
}
