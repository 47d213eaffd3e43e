//! Calls that no function takes, held against the table.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{Signature, functions};
use crate::script::guard;

/// Returns the forms of a function that may have been meant by a call with values of these kinds, as the interpreter
/// names them, the receiver of a method first: those that take so many, else all.
pub(in crate::script) fn takes(name: &str, kinds: &[&str]) -> Vec<&'static str> {
    let meant = named(name).iter().filter(|(_, signature)| {
        let handle = signature.handle;
        handle.is_none_or(|handle| kinds.first() == Some(&handle))
    });
    let fits = |signature: &Signature| {
        let before = usize::from(signature.handle.is_some());
        let given = kinds.len().checked_sub(before);
        given.is_some_and(|given| signature.arities().contains(&given))
    };
    let fitting: Vec<&str> = meant
        .clone()
        .filter(|(_, signature)| fits(signature))
        .map(|(head, _)| *head)
        .collect();
    if fitting.is_empty() {
        meant.map(|(head, _)| *head).collect()
    } else {
        fitting
    }
}

/// Returns the forms of a function, by its handle if it is of one, that take so many values.
pub(in crate::script) fn forms_of(
    handle: Option<&str>,
    name: &str,
    count: usize,
) -> impl Iterator<Item = &'static Signature> {
    let named = named(name).iter().map(|(_, signature)| signature);
    named.filter(move |form| form.handle == handle && form.arities().contains(&count))
}

/// Returns every form of the functions of this name, with how it is written before `->`.
fn named(name: &str) -> &'static [(&'static str, Signature)] {
    type Forms = HashMap<&'static str, Vec<(&'static str, Signature)>>;
    static FORMS: OnceLock<Forms> = OnceLock::new();
    // Made once, on the thread of the first script that needs it; it is not that script's memory.
    let forms = guard::exempt(|| {
        FORMS.get_or_init(|| {
            let mut forms = Forms::new();
            for form in functions().flat_map(|function| function.forms) {
                if let (Some(signature), Some((head, _))) =
                    (Signature::of(form), form.rsplit_once(" -> "))
                {
                    forms
                        .entry(signature.name)
                        .or_default()
                        .push((head, signature));
                }
            }
            forms
        })
    });
    forms.get(name).map_or(&[], Vec::as_slice)
}
