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
    /// Those whose first parameter is of this kind, such as `http`; the receiver is not counted.
    methods: BTreeMap<String, Arities>,
    /// What can be read of a value of this kind.
    properties: BTreeMap<String, BTreeSet<String>>,
}

impl Known {
    pub(super) fn of(engine: &Engine) -> Self {
        let mut known = Self {
            functions: Arities::new(),
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
        let receiver = receiver(rest);
        if let Some(property) = name.strip_prefix(PROPERTY) {
            self.properties
                .entry(receiver)
                .or_default()
                .insert(property.to_owned());
            return;
        }
        let count = parameters(rest);
        self.functions
            .entry(name.to_owned())
            .or_default()
            .insert(count);
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

/// Returns the kind of the first parameter of a signature from after its `(`: `_: &mut http, _: &str)` is `http`.
fn receiver(rest: &str) -> String {
    let first = rest.split([',', ')']).next().unwrap_or_default();
    let kind = first.split_once(':').map_or(first, |(_, kind)| kind).trim();
    kind.strip_prefix("&mut ").unwrap_or(kind).to_owned()
}

/// Counts the parameters of a signature from after its `(`: `a: Map<K, V>, b: i64) -> T` has two.
pub(in crate::script) fn parameters(rest: &str) -> usize {
    let mut depth = 0_i32;
    let mut count = 0;
    let mut empty = true;
    for letter in rest.chars() {
        match letter {
            ')' if depth == 0 => break,
            '(' | '<' | '[' => depth += 1,
            ')' | '>' | ']' => depth -= 1,
            ',' if depth == 0 => count += 1,
            _ => {}
        }
        empty = false;
    }
    if empty { 0 } else { count + 1 }
}
