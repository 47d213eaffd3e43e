//! Libraries: functions that scripts share.
#![expect(clippy::unwrap_used, reason = "a test stops where its set-up is wrong")]

use std::sync::Arc;

use oes::model::code::Code;
use oes::model::json::Json;
use oes::model::judgement::{Judgement, Outcome};
use oes::model::span::Mistake;
use oes::script::job::CallJob;
use oes::script::limits::Limits;
use oes::script::source::{Beside, Missing, Part, Source};

use super::bench::*;

/// Libraries by name, each after those that it uses.
struct Shelf(Vec<Arc<Source>>);

impl Beside for Shelf {
    fn library(&mut self, name: &str) -> Result<Arc<Source>, Missing> {
        let found = self.0.iter().find(|library| *library.name == *name);
        found.map(Arc::clone).ok_or_else(|| Missing {
            code: Code::UnknownLibrary,
            message: format!("there is no library `{name}`"),
            help: None,
        })
    }

    fn json(&mut self, name: &str) -> Result<Json, Missing> {
        match name {
            "price.json" => Ok(parse(r#"{"type": "object", "required": ["price"]}"#)),
            "list.json" => Ok(parse("[1]")),
            "pattern.json" => Ok(parse(r#"{"pattern": "("}"#)),
            _ => Err(Missing {
                code: Code::SchemaFile,
                message: format!("there is no file {name}"),
                help: None,
            }),
        }
    }
}

type Compiled = Result<(Source, Vec<Mistake>), Vec<Mistake>>;

fn compile(part: Part, name: &str, text: &str, shelf: &mut Shelf) -> Compiled {
    let file = match part {
        Part::Script => format!("scripts/{name}.rhai"),
        Part::Library => format!("scripts/lib/{name}.rhai"),
    };
    Source::compile_beside(part, (name, &file), text, &Limits::default(), shelf)
}

fn shelf(libraries: &[(&str, &str)]) -> Shelf {
    let mut shelf = Shelf(Vec::new());
    for (name, text) in libraries {
        let (library, warnings) = compile(Part::Library, name, text, &mut shelf).unwrap();
        assert_eq!(warnings, []);
        shelf.0.push(Arc::new(library));
    }
    shelf
}

fn using(libraries: &[(&str, &str)], script: &str) -> Arc<Source> {
    let (source, _) = compile(Part::Script, "test", script, &mut shelf(libraries)).unwrap();
    Arc::new(source)
}

async fn run(libraries: &[(&str, &str)], script: &str, body: &str) -> Judgement {
    let pool = pool(&silent());
    let job = input(body).job(using(libraries, script), limits());
    pool.run(job).await
}

/// Returns what is wrong with a text, with how to mend it.
fn wrong(part: Part, libraries: &[(&str, &str)], text: &str) -> Vec<String> {
    let mistakes = match compile(part, "test", text, &mut shelf(libraries)) {
        Ok((_, warnings)) => warnings,
        Err(mistakes) => mistakes,
    };
    mistakes
        .into_iter()
        .map(|mistake| {
            let at = text.get(mistake.span).unwrap();
            let help = mistake.help.unwrap_or_default();
            format!("{at}: {} ({help})", mistake.message)
        })
        .collect()
}

/// Returns a script that uses a library.
fn uses(names: &str, script: &str) -> String {
    format!("//! ---\n//! use = [{names}]\n{script}")
}

const PRICES: (&str, &str) = (
    "prices",
    r#"//! What scripts about prices share.
const LIMIT = 10;

/// The number in the middle.
fn middle(values) {
    let sorted = values.map(|value| value);
    sorted.sort();
    sorted[sorted.len() / 2]
}

fn is_near(value, values) {
    approx(value, middle(values), global::LIMIT)
}

fn must_rise(values) {
    for i in 1..values.len() {
        expect(values[i] > values[i - 1], "price.falls", `${values[i]} after ${values[i - 1]}`);
    }
}

private fn hidden() { 1 }
"#,
);

#[tokio::test]
async fn a_script_uses_functions_of_a_library() {
    let script = uses(
        r#""prices""#,
        r#"expect(prices::middle(body.prices) == 3);
expect(prices::is_near(12, body.prices), "near");
expect(!prices::is_near(14, body.prices), "far");
let all = body.prices.copy().map(|price| prices::middle([price]));
expect(all == [5, 3, 1], `${all}`);
fn own(values) { prices::middle(values) }
expect(own([7]) == 7, "from a function");"#,
    );
    let judgement = run(&[PRICES], &script, r#"{"prices":[5,3,1]}"#).await;
    assert_eq!(lines(&judgement), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_library_finds_has_its_place_there() {
    let script = uses(r#""prices""#, "prices::must_rise(body.prices);");
    let judgement = run(&[PRICES], &script, r#"{"prices":[5,3]}"#).await;
    assert_eq!(lines(&judgement), ["fail price.falls: 3 after 5"]);
    let finding = &judgement.findings[0];
    assert_eq!(
        finding.at.as_ref().unwrap().to_string(),
        "scripts/lib/prices.rhai:17:9"
    );
    assert!(finding.source.as_ref().unwrap().contains("price.falls"));
}

#[tokio::test]
async fn an_error_in_a_library_has_its_place_there() {
    let library = (
        "l",
        "fn deep(a) {\n  let b = 0;\n  a / b\n}\nfn outer(a) { deep(a) }",
    );
    let judgement = run(&[library], &uses(r#""l""#, "l::outer(1);"), "{}").await;
    assert_eq!(judgement.outcome, Outcome::Error);
    let finding = &judgement.findings[0];
    assert_eq!(
        finding.at.as_ref().unwrap().to_string(),
        "scripts/lib/l.rhai:3:5"
    );
    assert_eq!(finding.source.as_deref(), Some("  a / b"));
}

#[tokio::test]
async fn a_value_of_the_wrong_kind_is_the_fault_of_whoever_gave_it() {
    let library = ("l", "fn twice(a) { a * 2 }\nfn outer(a) { twice(a) }");
    let script = uses(r#""l""#, "expect(l::outer(body.price) > 0);");
    let judgement = run(&[library], &script, r#"{"price":null}"#).await;
    assert_eq!(judgement.outcome, Outcome::Fail);
    assert_eq!(judgement.findings[0].code.as_ref(), "shape");
    let script = uses(r#""l""#, "expect(l::outer(\"x\") > 0);");
    let judgement = run(&[library], &script, r#"{"price":null}"#).await;
    assert_eq!(judgement.outcome, Outcome::Error);
}

#[tokio::test]
async fn a_closure_of_the_script_is_the_scripts_also_in_a_library() {
    let library = (
        "l",
        "\n\n\nfn each(values, f) { for v in values { f.call(v); } }\nfn mapped(values, f) { values.map(f) }",
    );
    for call in [
        "l::each([1], |v| fail(\"it is one\"))",
        "l::mapped([1], |v| fail(\"it is one\"))",
    ] {
        let judgement = run(&[library], &uses(r#""l""#, &format!("{call};")), "{}").await;
        let finding = &judgement.findings[0];
        assert_eq!(finding.code.as_ref(), "it-is-one");
        assert_eq!(
            finding.at.as_ref().unwrap().file.as_ref(),
            "scripts/test.rhai",
            "{call}"
        );
    }
    for call in [
        "l::each([1], |v| v.missing)",
        "l::mapped([1], |v| v.missing)",
        "l::each([1], |v| expect(v > 1))",
    ] {
        let judgement = run(&[library], &uses(r#""l""#, &format!("{call};")), "{}").await;
        let finding = &judgement.findings[0];
        assert_eq!(
            finding.at.as_ref().unwrap().file.as_ref(),
            "scripts/test.rhai",
            "{call}"
        );
    }
}

#[tokio::test]
async fn two_scripts_have_libraries_of_one_name() {
    let pool = pool(&silent());
    let one = using(&[("l", "fn n() { 1 }")], &uses(r#""l""#, "note(l::n());"));
    let two = using(&[("l", "fn n() { 2 }")], &uses(r#""l""#, "note(l::n());"));
    assert_ne!(
        one.version, two.version,
        "a changed library is a changed script"
    );
    for (source, note) in [(&one, "1"), (&two, "2"), (&one, "1")] {
        let judgement = pool
            .run(input("{}").job(Arc::clone(source), limits()))
            .await;
        assert_eq!(judgement.runs[0].notes, [note]);
    }
}

#[tokio::test]
async fn a_library_has_the_limits_of_its_script() {
    let library = (
        "l",
        "fn spin() { loop {} }\nfn deep(n) { deep(n + 1) }\nfn caught() { try { spin() } catch {} }",
    );
    for (call, code) in [
        ("l::spin()", "limit.operations"),
        ("l::deep(0)", "limit.call_depth"),
        ("l::caught()", "limit.operations"),
        ("try { l::spin() } catch {}", "limit.operations"),
    ] {
        let script = uses(r#""l""#, &format!("{call};"));
        let judgement = run(&[library], &script, "{}").await;
        assert_eq!(judgement.findings[0].code.as_ref(), code, "{call}");
    }
}

#[tokio::test]
async fn a_channel_script_uses_libraries() {
    let script = uses(
        r#""l""#,
        "fn requests(a, b) { l::twice(a) + b }\nfn answer(a, b, c) { () }",
    );
    let pool = pool(&silent());
    let called = pool
        .call(CallJob {
            source: using(&[("l", "fn twice(a) { a * 2 }")], &script),
            function: "requests".into(),
            arguments: vec![parse("2"), parse("1")],
            now: now(),
            limits: limits(),
        })
        .await;
    assert_eq!(called.unwrap(), parse("5"));
}

#[test]
fn what_is_wrong_with_uses_of_a_library_is_told() {
    let used = |script: &str| wrong(Part::Script, &[PRICES], &uses(r#""prices""#, script));
    assert_eq!(
        used("expect(prices::midle([1]) > 0);"),
        ["midle: the library `prices` has no function `midle` (did you mean `middle`?)"]
    );
    assert_eq!(
        used("expect(prices::hidden() > 0);"),
        [
            "hidden: the library `prices` has no function `hidden` (it has is_near, middle, must_rise)"
        ]
    );
    assert_eq!(
        used("expect(prices::middle() > 0);"),
        ["middle: `prices::middle` takes 1 argument, not 0 ()"]
    );
    assert_eq!(
        used("expect(price::middle([1]) > 0);"),
        ["price: this script uses no library `price` (did you mean `prices`?)"]
    );
    assert_eq!(
        used("expect(prices::LIMIT > 0);"),
        [
            "prices: `prices::LIMIT` is no function call (scripts reach functions of a library only: prices::LIMIT(…))"
        ]
    );
    assert_eq!(
        wrong(Part::Script, &[PRICES], "expect(prices::middle([1]) > 0);"),
        [
            "prices: this script uses no library `prices` (add it to the header, below `//! ---`: //! use = [\"prices\"])"
        ]
    );
    assert_eq!(
        wrong(
            Part::Script,
            &[],
            &uses(r#""none", "../x""#, "expect(none::a());")
        ),
        [
            "\"none\": there is no library `none` ()",
            "\"../x\": `../x` is no name of a library (write the name of its file without `.rhai`; letters, digits and `_`)"
        ]
    );
    // What a library uses itself is not the script's.
    let other = (
        "other",
        "//! ---\n//! use = [\"prices\"]\nfn f() { prices::middle([1]) }",
    );
    assert_eq!(
        wrong(
            Part::Script,
            &[PRICES, other],
            &uses(r#""other""#, "expect(other::f() == prices::middle([1]));")
        ),
        [
            "prices: this script uses no library `prices` (add it to the header, below `//! ---`: //! use = [\"prices\"])"
        ]
    );
}

#[test]
fn a_function_has_one_name_in_a_script_and_its_libraries() {
    let l = ("l", "fn own() { 1 }\nprivate fn hidden() { 1 }");
    let m = ("m", "fn other() { 1 }\nfn hidden() { 1 }");
    let both = uses(r#""l", "m""#, "expect(l::own() == m::other());");
    assert_eq!(
        wrong(Part::Script, &[l, m], &both),
        [
            "\"m\": the libraries `l` and `m` both have a function `hidden` (give one of the two functions another name)"
        ]
    );
    assert_eq!(
        wrong(
            Part::Script,
            &[l],
            &uses(r#""l""#, "fn own() { 2 } expect(l::own() == own());")
        ),
        ["own: `own` is a function of the library `l`, too (give yours another name)"]
    );
    assert_eq!(
        wrong(
            Part::Script,
            &[l],
            &uses(r#""l""#, "fn abs(a) { 2 } expect(l::own() == abs(1));")
        ),
        ["abs: `abs` is a function of the language, too (give yours another name)"]
    );
    assert_eq!(
        wrong(Part::Library, &[], "fn contains(a) { 1 }"),
        ["contains: `contains` is a function of the language, too (give yours another name)"]
    );
}

#[tokio::test]
async fn a_library_uses_another() {
    let l = ("l", "fn one() { 1 }");
    let m = (
        "m",
        "//! ---\n//! use = [\"l\"]\n\nfn two() { l::one() + 1 }\nfn bad() { expect(l::one() > 1) }",
    );
    let script = uses(r#""m""#, "note(m::two()); m::bad();");
    let judgement = run(&[l, m], &script, "{}").await;
    assert_eq!(judgement.runs[0].notes, ["2"]);
    assert_eq!(
        judgement.findings[0].at.as_ref().unwrap().to_string(),
        "scripts/lib/m.rhai:5:12"
    );
}

#[tokio::test]
async fn a_schema_in_a_file_is_read_with_the_script_or_library_that_names_it() {
    let l = (
        "l",
        "fn check(v) { fail(\"library\", v.schema(\"price.json\")) }",
    );
    let script = uses(
        r#""l""#,
        "fail(\"script\", schema(body, \"price.json\")); l::check(body); fail(\"script\", schema(body, \"price.json\"));",
    );
    let judgement = run(&[l], &script, r#"{"prices":[]}"#).await;
    let codes: Vec<&str> = judgement
        .findings
        .iter()
        .map(|finding| &*finding.code)
        .collect();
    assert_eq!(codes, ["script", "library", "script"], "{judgement:?}");
    assert!(
        judgement.findings[0]
            .message
            .contains("\"price\" is a required property")
    );
    let judgement = run(&[l], &script, r#"{"price":1}"#).await;
    assert_eq!(lines(&judgement), Vec::<String>::new());
    // What is not written out was not read.
    let judgement = run(
        &[],
        "let name = \"price.json\"; fail(\"x\", schema(body, name));",
        "{}",
    )
    .await;
    assert_eq!(
        lines(&judgement),
        [
            "error script: OES reads schemas with the script that names them: write the name of the file price.json out where `schema` is called"
        ]
    );
}

#[test]
fn what_is_wrong_with_a_schema_is_told_where_it_is_named() {
    let named = |file: &str| {
        wrong(
            Part::Script,
            &[],
            &format!("fail(\"x\", schema(body, \"{file}\"));"),
        )
    };
    assert_eq!(named("price.json"), Vec::<String>::new());
    assert_eq!(named("none.json"), ["\": there is no file none.json ()"]);
    assert_eq!(
        named("list.json"),
        ["\": list.json is no JSON schema: it is an array ()"]
    );
    assert!(named("pattern.json")[0].contains("pattern.json is no JSON schema"));
}

#[test]
fn what_is_wrong_with_a_library_is_told() {
    let library = |text: &str| wrong(Part::Library, &[], text);
    assert_eq!(
        library("fn f() { 1 }\nconst A = [1, 2];"),
        Vec::<String>::new()
    );
    assert_eq!(
        library("expect(body.ok);\nfn f() { 1 }"),
        [
            "expect: a library has functions and constants only; nothing else of it would run (put it into a function)"
        ]
    );
    assert_eq!(
        library("const A = now();\nfn f() { 1 }"),
        [
            "const: a constant of a library is a plain value (work it out in a function, which sees constants as global::NAME)"
        ]
    );
    assert_eq!(
        library("// nothing\n"),
        [": this library has no function (write one: fn middle(a, b) { (a + b) / 2 })"]
    );
    assert_eq!(
        library("fn f() { nmu(body, \"$\") }"),
        ["nmu: there is no function `nmu` (did you mean `num`?)"]
    );
    let wrong = library("//! ---\n//! hosts = [\"a.example\"]\nfn f() { 1 }");
    assert!(wrong[0].contains("no settings but `use`"), "{wrong:?}");
    assert_eq!(library("import \"x\" as x;\nfn f() { 1 }").len(), 1);
}

/// A worker is given a script with its libraries once, however many of them use one another.
#[tokio::test]
async fn libraries_that_use_one_another_are_sent_once() {
    let texts: Vec<(String, String)> = (0..16)
        .map(|number| {
            let names: Vec<String> = (0..number).map(|one| format!("\"l{one}\"")).collect();
            let text = uses(&names.join(", "), &format!("fn f{number}() {{ {number} }}"));
            (format!("l{number}"), text)
        })
        .collect();
    let texts: Vec<(&str, &str)> = texts
        .iter()
        .map(|(name, text)| (&**name, &**text))
        .collect();
    let script = uses("\"l15\", \"l3\"", "expect(l15::f15() + l3::f3() == 18);");
    let source = using(&texts, &script);
    let written = serde_json::to_string(&*source).unwrap();
    assert!(written.len() < 64 << 10, "{} bytes", written.len());
    assert_eq!(run(&texts, &script, "{}").await.outcome, Outcome::Pass);
}

#[test]
fn what_a_library_reads_is_used_by_the_script_and_declared_there() {
    let library = (
        "rates",
        "fn rate() { http.get(`https://${param(\"host\")}/`).json.rate }\n\
         fn key() { secret(\"KEY\") }\nfn fixed() { http.get(\"https://rates.example.io/\").ok }",
    );
    let script = "//! ---\n//! use = [\"rates\"]\n//! secrets = [\"KEY\"]\n//! [params.host]\n//! kind = \"string\"\n\
                  expect(rates::rate() > 0);";
    assert_eq!(wrong(Part::Library, &[], library.1), [""; 0]);
    assert_eq!(wrong(Part::Script, &[library], script), [""; 0]);
    let source = using(&[library], script);
    let [asked] = source.asks.as_slice() else {
        panic!("{:?}", source.asks);
    };
    assert_eq!(
        (asked.url.as_str(), &*asked.file, asked.line),
        ("https://rates.example.io/", "scripts/lib/rates.rhai", 3)
    );
}

#[tokio::test]
async fn the_calls_between_a_script_and_a_library_are_told() {
    let library = ("deep", "fn first(values) {\n    values[9]\n}");
    let script = uses(
        "\"deep\"",
        "fn own() {\n    deep::first([1])\n}\n\nexpect(own() > 0);",
    );
    let judgement = run(&[library], &script, "{}").await;
    let finding = &judgement.findings[0];
    assert_eq!(
        finding.calls().unwrap(),
        "in first (line 2), called from own (scripts/test.rhai:4), called from scripts/test.rhai:7"
    );
}
