//! The table and the engine say the same.

use std::collections::BTreeSet;

use regex::Regex;
use rhai::Engine;

use super::values::VALUES;
use super::{Signature, Value, definitions, functions};
use crate::script::engine::{self, HANDLES};
use crate::script::job::SERVICE_KEYS;
use crate::script::source::Source;

/// A function as a call sees it: of which handle, its name, how many arguments.
type Callable = (Option<String>, String, usize);

/// What is syntax rather than a function.
const SYNTAX: &[&str] = &["expect", "require"];

/// What is there to be refused with a reason.
const REFUSED: &[&str] = &["sleep", "timestamp"];

fn described() -> BTreeSet<Callable> {
    let mut all = BTreeSet::new();
    for form in functions().flat_map(|function| function.forms) {
        let signature = Signature::of(form).unwrap_or_else(|| panic!("{form} is no form"));
        if SYNTAX.contains(&signature.name) {
            continue;
        }
        for count in signature.arities() {
            let handle = signature.handle.map(str::to_owned);
            all.insert((handle, signature.name.to_owned(), count));
        }
    }
    all
}

/// Returns the functions of an engine, operators, properties and what converts values for printing left out.
fn registered(engine: &Engine) -> BTreeSet<Callable> {
    let mut all = BTreeSet::new();
    for signature in engine.gen_fn_signatures(true) {
        let (name, rest) = signature.split_once('(').unwrap();
        let handle = HANDLES
            .iter()
            .chain(&["http", "memory", "shared_memory"])
            .find(|handle| rest.starts_with(&format!("_: &mut {handle}")));
        let is_word = name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !is_word || REFUSED.contains(&name) {
            continue;
        }
        let mut count = crate::script::lint::parameters(rest);
        if handle.is_some() {
            count -= 1;
        }
        all.insert((
            handle.map(|handle| (*handle).to_owned()),
            name.to_owned(),
            count,
        ));
    }
    all
}

#[test]
fn the_table_has_every_function_and_no_other() {
    let language = registered(&engine::language());
    let of_oes: BTreeSet<Callable> = registered(&engine::build())
        .difference(&language)
        .cloned()
        .collect();
    let described = described();
    let missing: Vec<_> = of_oes.difference(&described).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
    let all = registered(&engine::build());
    let invented: Vec<_> = described.difference(&all).collect();
    assert!(invented.is_empty(), "not in the engine: {invented:?}");
}

#[test]
fn the_table_has_every_value_and_every_property() {
    let names: Vec<&str> = VALUES.iter().map(|value| value.name).collect();
    let known: Vec<&str> = engine::VALUES.iter().chain(HANDLES).copied().collect();
    let (described, there): (BTreeSet<_>, BTreeSet<_>) =
        (names.iter().collect(), known.iter().collect());
    assert_eq!(described, there);
    let described_of = |kind: fn(&Value) -> bool| -> BTreeSet<&str> {
        let properties = VALUES.iter().filter(|value| kind(value));
        properties
            .flat_map(|value| value.properties)
            .map(|property| property.0)
            .collect()
    };
    let service = described_of(|value| value.name == "service");
    assert_eq!(service, SERVICE_KEYS.iter().copied().collect());
    let described = described_of(|value| value.kind == "response");
    let signatures = engine::build().gen_fn_signatures(true);
    let there: BTreeSet<&str> = signatures
        .iter()
        .filter_map(|signature| {
            signature
                .strip_prefix("get$")?
                .split_once("(_: &mut response)")
        })
        .map(|(name, _)| name)
        .collect();
    assert_eq!(described, there);
}

#[test]
fn examples_are_scripts_without_a_mistake() {
    let header = "//! An example.\n//! ---\n//! secrets = [\"KEY\"]\n//! [params.shape]\n//! kind = \"object\"\n\
                  //! [params.limit]\n//! kind = \"integer\"\n//! [oauth2.shop]\n\
                  //! token_url = \"https://id.example.io/token\"\n//! client_id = \"ID\"\n//! client_secret = \"KEY\"\n";
    for function in functions() {
        let text = format!(
            "{header}note(param(\"shape\")); note(param(\"limit\"));\n{}\nexpect(body.ok);\n",
            function.example
        );
        let mistakes = match Source::compile("example", "example.rhai", &text) {
            Ok((_, warnings)) => warnings,
            Err(mistakes) => mistakes,
        };
        // A conversion of its own value is all that some are for.
        assert!(mistakes.is_empty(), "{}: {mistakes:?}", function.example);
        let signature = Signature::of(function.forms[0]).unwrap();
        assert!(
            function.example.contains(signature.name),
            "{}",
            function.example
        );
    }
}

#[test]
fn definitions_are_written_as_rhai_writes_its_own() {
    let kind = r"(?:\?|\(\)|[A-Za-z_]+)";
    let line = Regex::new(&format!(
        r"^(?:module static;|///.*|let [a-z]+: {kind};|fn (?:get )?[a-z0-9_]+\((?:[a-z_]+: {kind}(?:, )?)*\) -> {kind};|)$"
    ))
    .unwrap();
    for text in definitions().lines() {
        assert!(line.is_match(text), "{text}");
    }
    let first = definitions();
    assert!(first.starts_with("module static;\n"), "{first}");
    // The simple ones among Rhai's own definitions have the same form.
    let own = engine::language()
        .definitions()
        .with_headers(true)
        .include_standard_packages(true)
        .static_module();
    assert!(own.starts_with("module static;\n"));
    let alike = own
        .lines()
        .filter(|text| text.starts_with("fn ") && line.is_match(text));
    assert!(alike.count() > 50);
}
