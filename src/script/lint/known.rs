//! What an engine knows: its functions, and the properties and methods of the kinds of values that OES adds.

use std::collections::{BTreeMap, BTreeSet};

use rhai::Engine;

/// Names with how many arguments they take.
type Arities = BTreeMap<String, BTreeSet<usize>>;

/// What the registered name of a property begins with.
const PROPERTY: &str = "get$";

/// The functions that an engine has.
pub(super) struct Known {
    /// All by name, with how many arguments they take, the receiver of a method included.
    functions: Arities,
    /// The kinds of values that each takes, form by form, the receiver of a method first.
    forms: BTreeMap<String, Vec<Vec<String>>>,
    /// Those whose first parameter is of this kind, such as `http`; the receiver is not counted.
    methods: BTreeMap<String, Arities>,
    /// What can be read of a value of this kind.
    properties: BTreeMap<String, BTreeSet<String>>,
}

impl Known {
    pub(super) fn of(engine: &Engine) -> Self {
        let mut known = Self {
            functions: Arities::new(),
            forms: BTreeMap::new(),
            methods: BTreeMap::new(),
            properties: BTreeMap::new(),
        };
        for signature in engine.gen_fn_signatures(true) {
            if let Some((name, rest)) = signature.split_once('(') {
                known.add(name.trim(), rest);
            }
        }
        known
    }

    fn add(&mut self, name: &str, rest: &str) {
        let kinds = kinds(rest);
        let count = kinds.len();
        let receiver = kinds.first().cloned().unwrap_or_default();
        if let Some(property) = name.strip_prefix(PROPERTY) {
            self.properties
                .entry(receiver)
                .or_default()
                .insert(property.to_owned());
            return;
        }
        self.functions
            .entry(name.to_owned())
            .or_default()
            .insert(count);
        self.forms.entry(name.to_owned()).or_default().push(kinds);
        if let Some(count) = count.checked_sub(1) {
            self.methods
                .entry(receiver)
                .or_default()
                .entry(name.to_owned())
                .or_default()
                .insert(count);
        }
    }

    /// Returns how many arguments a function takes, absent if there is none of this name.
    pub(super) fn arities(&self, function: &str) -> Option<&BTreeSet<usize>> {
        self.functions.get(function)
    }

    /// Tells whether a function takes values of these kinds, as the interpreter names them.
    pub(super) fn accepts(&self, function: &str, given: &[&str]) -> bool {
        let fits = |form: &&Vec<String>| form.iter().zip(given).all(|(of, kind)| takes(of, kind));
        self.of_arity(function, given.len()).any(|form| fits(&form))
    }

    /// Returns which value of a call is of a kind that the function does not take there; absent where it takes each of
    /// them in one form or another.
    pub(super) fn odd_one(&self, function: &str, given: &[&str]) -> Option<usize> {
        let fits = |form: &[String], index: usize| match (form.get(index), given.get(index)) {
            (Some(of), Some(kind)) => takes(of, kind),
            _ => false,
        };
        let mut forms: Vec<&Vec<String>> = self.of_arity(function, given.len()).collect();
        if forms.is_empty() {
            return None;
        }
        forms.retain(|form| fits(form, 0));
        (0..given.len()).find(|index| !forms.iter().any(|form| fits(form, *index)))
    }

    fn of_arity(&self, function: &str, count: usize) -> impl Iterator<Item = &Vec<String>> {
        let forms = self.forms.get(function).into_iter().flatten();
        forms.filter(move |form| form.len() == count)
    }

    /// Returns the names of all functions, in the order of the alphabet.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }

    /// Returns the methods of a kind of value with how many arguments they take.
    pub(super) fn methods(&self, kind: &str) -> Option<&Arities> {
        self.methods.get(kind)
    }

    /// Returns what can be read of a kind of value, in the order of the alphabet.
    pub(super) fn properties(&self, kind: &str) -> impl Iterator<Item = &str> {
        self.properties
            .get(kind)
            .into_iter()
            .flatten()
            .map(String::as_str)
    }
}

/// Tells whether a parameter of this kind takes a value of that one.
fn takes(parameter: &str, kind: &str) -> bool {
    let is_any = parameter == "_" || parameter.ends_with("Dynamic");
    let kind = match kind {
        "ImmutableString" | "&str | ImmutableString | String" => "string",
        kind => kind,
    };
    is_any || parameter == kind
}

/// Returns the kinds of the parameters of a signature from after its `(`: `_: &mut http, _: Map<K, V>) -> T` has `http`
/// and `Map<K, V>`.
fn kinds(rest: &str) -> Vec<String> {
    let mut depth = 0_i32;
    let mut parts = vec![String::new()];
    for letter in rest.chars() {
        match letter {
            ')' if depth == 0 => break,
            '(' | '<' | '[' => depth += 1,
            ')' | '>' | ']' => depth -= 1,
            _ => {}
        }
        match parts.last_mut() {
            Some(_) if letter == ',' && depth == 0 => parts.push(String::new()),
            Some(part) => part.push(letter),
            None => {}
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    let kind = |part: String| {
        let kind = part
            .split_once(": ")
            .map_or(&*part, |(_, kind)| kind)
            .trim();
        kind.strip_prefix("&mut ").unwrap_or(kind).to_owned()
    };
    parts.into_iter().map(kind).collect()
}

/// Counts the parameters of a signature from after its `(`.
#[cfg(test)]
pub(in crate::script) fn parameters(rest: &str) -> usize {
    kinds(rest).len()
}
