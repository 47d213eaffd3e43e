//! Calls that no function takes, held against the table.

use super::{Signature, functions};

/// Returns the forms of a function that may have been meant by a call with values of these kinds, as the interpreter
/// names them, the receiver of a method first: those that take so many, else all.
pub(in crate::script) fn takes(name: &str, kinds: &[&str]) -> Vec<&'static str> {
    let forms = forms(name, kinds);
    let fitting = forms.iter().filter(|form| form.has_arity(kinds));
    let fitting: Vec<&str> = fitting.map(|form| form.head).collect();
    if fitting.is_empty() {
        forms.into_iter().map(|form| form.head).collect()
    } else {
        fitting
    }
}

/// Returns which value of a call is of a kind that no form of the function takes there, from 0, the receiver counted.
pub(in crate::script) fn odd_one(name: &str, kinds: &[&str]) -> Option<usize> {
    let mut forms = forms(name, kinds);
    forms.retain(|form| form.has_arity(kinds));
    if forms.is_empty() {
        return None;
    }
    (0..kinds.len()).find(|index| !forms.iter().any(|form| form.fits(*index, kinds)))
}

/// One form of a function with the values that come before its own parameters: the handle, if it is of one.
struct Form {
    head: &'static str,
    signature: Signature,
    before: usize,
}

fn forms(name: &str, kinds: &[&str]) -> Vec<Form> {
    functions()
        .flat_map(|function| function.forms)
        .filter_map(|form| {
            let signature = Signature::of(form)?;
            let is_meant = signature.name == name
                && signature
                    .handle
                    .is_none_or(|handle| kinds.first() == Some(&handle));
            is_meant.then(|| Form {
                head: form.rsplit_once(" -> ").map_or(*form, |(head, _)| head),
                before: usize::from(signature.handle.is_some()),
                signature,
            })
        })
        .collect()
}

impl Form {
    fn has_arity(&self, kinds: &[&str]) -> bool {
        let given = kinds.len().checked_sub(self.before);
        given.is_some_and(|given| self.signature.arities().contains(&given))
    }

    fn fits(&self, index: usize, kinds: &[&str]) -> bool {
        let parameter = index
            .checked_sub(self.before)
            .and_then(|index| self.signature.parameters.get(index));
        match (parameter, kinds.get(index)) {
            (Some((_, wanted, _)), Some(kind)) => is_of(wanted, kind),
            _ => true,
        }
    }
}

/// Tells whether a kind of the interpreter's is one of the table's.
fn is_of(wanted: &str, kind: &str) -> bool {
    match wanted {
        "string" => matches!(
            kind,
            "string" | "ImmutableString" | "&str | ImmutableString | String"
        ),
        "number" => matches!(kind, "i64" | "f64"),
        "integer" => kind == "i64",
        "bool" => kind == "bool",
        "array" => kind == "array",
        "map" => kind == "map",
        "closure" => kind == "Fn",
        _ => true,
    }
}
