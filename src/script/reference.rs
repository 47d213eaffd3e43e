//! What a script can use, in words: one table, from which come the reference for people (`docs/script-reference.md`),
//! the definitions for editors and the names that the lint knows.
//!
//! A test holds it against what the engine really has, so that neither has a function that the other lacks.

mod data;
mod definitions;
mod forms;
mod markdown;
mod memory;
mod options;
mod requests;
mod text;
mod time;
mod values;
mod verdict;

#[cfg(test)]
mod tests;

pub use definitions::definitions;
pub(super) use forms::{forms_of, takes};
pub use markdown::markdown;
pub(super) use options::options;

/// Functions of one theme.
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) functions: &'static [Function],
}

/// One function with all its forms.
pub(super) struct Function {
    /// `name(parameter: kind, optional?: kind) -> kind`, of a handle's function with the handle before it.
    pub(super) forms: &'static [&'static str],
    /// What it does, one line of Markdown.
    pub(super) about: &'static str,
    /// A line of a script that uses it; empty where the description says it all.
    pub(super) example: &'static str,
    /// Whether it makes requests, or has the request that it is in make one.
    pub(super) requests: bool,
    /// Whether channel scripts have it too.
    pub(super) channels: bool,
}

/// A value that is there without being asked for.
pub(super) struct Value {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    /// What it is, one line of Markdown.
    pub(super) about: &'static str,
    pub(super) properties: &'static [Property],
}

/// What can be read of a value: its name, its kind, what it is.
pub(super) struct Property(
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
);

/// Every function, by theme, in the order of `docs/scripts.md`.
pub(super) const GROUPS: &[Group] = &[
    verdict::GROUP,
    values::PARAMETERS,
    data::GROUP,
    time::GROUP,
    memory::GROUP,
    requests::HTTP,
    requests::OTHERS,
    text::GROUP,
];

/// Returns the names of the functions that are not of a handle.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    functions()
        .flat_map(|function| function.forms)
        .filter_map(|form| Signature::of(form))
        .filter(|signature| signature.handle.is_none())
        .map(|signature| signature.name)
}

/// Returns an example of each function, and whether channel scripts have the function too.
pub fn examples() -> impl Iterator<Item = (&'static str, bool)> {
    functions().map(|function| (function.example, function.channels))
}

fn functions() -> impl Iterator<Item = &'static Function> {
    GROUPS.iter().flat_map(|group| group.functions)
}

/// A parameter: its name, its kind and whether it may be left out.
pub(super) type Parameter<'a> = (&'a str, &'a str, bool);

/// A form of a function, taken apart.
pub(super) struct Signature {
    /// `http` in `http.get`.
    handle: Option<&'static str>,
    name: &'static str,
    pub(super) parameters: Vec<Parameter<'static>>,
    returns: &'static str,
}

impl Signature {
    /// Takes a form apart; absent if it is not written as one.
    fn of(form: &'static str) -> Option<Self> {
        let (head, returns) = form.rsplit_once(" -> ")?;
        let (path, parameters) = head.strip_suffix(')')?.split_once('(')?;
        let (handle, name) = match path.split_once('.') {
            Some((handle, name)) => (Some(handle), name),
            None => (None, path),
        };
        let parameters = parameters
            .split(", ")
            .filter(|parameter| !parameter.is_empty())
            .map(|parameter| {
                let (name, kind) = parameter.split_once(": ")?;
                let required = name.strip_suffix('?');
                Some((required.unwrap_or(name), kind, required.is_some()))
            })
            .collect::<Option<_>>()?;
        Some(Self {
            handle,
            name,
            parameters,
            returns,
        })
    }

    /// Returns with how many arguments it can be called.
    fn arities(&self) -> std::ops::RangeInclusive<usize> {
        let required = self.parameters.iter().filter(|(_, _, optional)| !optional);
        required.count()..=self.parameters.len()
    }
}
