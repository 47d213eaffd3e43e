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
}
