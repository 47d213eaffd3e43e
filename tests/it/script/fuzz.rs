//! Whatever a person or a service writes is answered: no panic, no hang, no growth. A few seconds of it in each run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use tokio::time::Instant;

use super::bench;
use oes::config;
use oes::model::json;
use oes::policy::shape;
use oes::script::limits::Limits;
use oes::script::source::Source;

/// The longest that anything may take here, on a machine that builds other things.
const SLOW: Duration = Duration::from_secs(3);

/// Cases of one property. Set `OES_FUZZ_CASES` to look for longer.
fn runner() -> TestRunner {
    let cases = std::env::var("OES_FUZZ_CASES").ok();
    TestRunner::new(Config {
        cases: cases.map_or(200, |cases| cases.parse().unwrap()),
        failure_persistence: None,
        ..Config::default()
    })
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("body"),
        Just("body.a"),
        Just("body[0]"),
        Just("response"),
        Just("prev"),
        Just("x"),
        Just("y"),
        Just("()"),
        Just("true"),
        Just("-1"),
        Just("9223372036854775807"),
        Just("1e308"),
        Just("0.0 / 0.0"),
        Just("\"\""),
        Just("\"$.a[*]\""),
        Just("\"#number > 1\""),
        Just("\"🙂é\""),
        Just("[]"),
        Just("#{}"),
        Just("|v| v"),
        Just("|a, b| a"),
        Just("http"),
        Just("memory"),
    ]
    .prop_map(str::to_owned)
}

fn function() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        "at jp has count num str types exact diff pct_diff approx median hex json parse_json now age parse_time duration \
         human track param secret cut utf16_len url_encode fail warn skip stop note print metric violation step len keys \
         values map filter reduce some all find sort order dedup push pop insert remove split replace pad contains \
         index_of sub_string to_upper trim copy get set del to_json to_string to_debug abs round to_int to_float parse_int \
         zip extract drain retain splice chop is_empty type_of range bits chars call f"
            .split_whitespace()
            .collect::<Vec<_>>(),
    )
}

fn expression() -> impl Strategy<Value = String> {
    value().prop_recursive(4, 24, 3, |inner| {
        let many = prop::collection::vec(inner.clone(), 0..4);
        let operators = prop::sample::select(vec![
            "+", "-", "*", "/", "%", "**", "<<", ">>", "==", "!=", "<", ">=", "&&", "||", "??",
            "in", "..",
        ]);
        prop_oneof![
            (function(), many.clone())
                .prop_map(|(name, args)| format!("{name}({})", args.join(", "))),
            (inner.clone(), function(), many.clone())
                .prop_map(|(on, name, args)| format!("({on}).{name}({})", args.join(", "))),
            (inner.clone(), operators, inner.clone())
                .prop_map(|(a, o, b)| format!("({a} {o} {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
            many.prop_map(|items| format!("[{}]", items.join(", "))),
            inner.clone().prop_map(|a| format!("#{{ a: {a} }}")),
            inner.clone().prop_map(|a| format!("`${{{a}}}`")),
            inner.prop_map(|a| format!("|v| {a}")),
        ]
    })
}

fn script() -> impl Strategy<Value = String> {
    let statement = (expression(), expression(), 0..10_u8).prop_map(|(a, b, kind)| match kind {
        0 => format!("x = {a};"),
        1 => format!("let y = {a};"),
        2 => format!("if {a} {{ x = {b}; }} else {{ y = x; }}"),
        3 => format!("for v in {a} {{ x = {b}; }}"),
        4 => format!("try {{ {a}; }} catch (e) {{ y = e; {b}; }}"),
        5 => format!("expect({a}, {b});"),
        6 => format!("while {a} {{ x = [x, {b}]; }}"),
        7 => format!("switch {a} {{ 1 => {b}, _ => x }}"),
        8 => format!("throw {a};"),
        _ => format!("{a};"),
    });
    (prop::collection::vec(statement, 1..6), expression()).prop_map(|(statements, last)| {
        format!(
            "fn f(x) {{ let y = 1; {} y }}\nlet x = body; let y = 0;\n{}\n{last}",
            statements.first().map_or("", String::as_str),
            statements.join("\n")
        )
    })
}

/// Text made of the words of a language, in no order.
fn soup(words: &'static str) -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => prop::sample::select(words.split(' ').collect::<Vec<_>>()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.join(" "))
}

fn body() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<u64>().prop_map(|value| value.to_string()),
        Just("1e400".to_owned()),
        any::<f64>().prop_map(|value| serde_json::to_string(&value).unwrap()),
        "[#?*\\[\\]|<>=. a-z0-9]{0,12}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    let tree = leaf.prop_recursive(5, 60, 6, |inner| {
        let key = prop_oneof![Just("a".to_owned()), Just("*".to_owned()), "[a-c]\\??"];
        let member = (key, inner.clone()).prop_map(|(key, value)| format!("\"{key}\":{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..6).prop_map(|all| format!("{{{}}}", all.join(","))),
        ]
    });
    prop_oneof![
        6 => tree,
        1 => soup("[ ] { } , : \" null true 1 -0 1e9 \\u0000 \\ud800"),
        1 => any::<String>(),
    ]
}

/// Runs `property` for values of a strategy, each within its time.
fn all<S: Strategy>(strategy: &S, property: impl Fn(S::Value)) {
    let mut runner = runner();
    let ran = runner.run(strategy, |value| {
        let began = Instant::now();
        property(value);
        prop_assert!(began.elapsed() < SLOW, "took {:?}", began.elapsed());
        Ok(())
    });
    if let Err(failed) = ran {
        panic!("{failed}");
    }
}

#[test]
fn any_script_on_any_body_is_answered() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let pool = bench::pool(&bench::silent());
    let language = "let x = 1 ; fn f ( ) { } [ ] #{ a : `${ ` \" ' | => .. ..= ?. ?[ if else for in loop while do until \
                    switch try catch throw return break continue const private this global:: expect( require( body \
                    //! /* */ // \\ 0x 1e 1.5 || && ?? << **";
    let scripts = prop_oneof![5 => script(), 1 => soup(language)];
    let ran = AtomicUsize::new(0);
    all(&(scripts, body()), |(text, body)| {
        let source = match Source::compile("fuzz", "scripts/fuzz.rhai", &text) {
            Ok((source, _)) => source,
            Err(mistakes) => {
                let broke = mistakes
                    .iter()
                    .any(|mistake| mistake.message.contains("broke"));
                assert!(!broke, "the compiler broke on {text}");
                return;
            }
        };
        let judgement = runtime
            .block_on(pool.run(bench::input(&body).job(Arc::new(source), Limits::default())));
        let crashed = judgement
            .findings
            .iter()
            .any(|finding| &*finding.code == "script.crashed");
        assert!(!crashed, "the interpreter broke on {text}\n{judgement:?}");
        assert!(format!("{judgement:?}").len() < 8 << 20, "grew: {text}");
        let used = judgement
            .runs
            .first()
            .map(|run| run.usage.heap_bytes)
            .unwrap();
        ran.fetch_add(1, Ordering::Relaxed);
        assert!(
            used.used <= used.allowed + (16 << 20),
            "held {used:?}: {text}"
        );
    });
    assert_eq!(pool.abandoned_threads(), 0);
    let ran = ran.into_inner();
    assert!(ran >= 20, "only {ran} scripts compiled");
}

#[test]
fn any_sample_is_held_against_any_value() {
    all(&(body(), body()), |(sample, value)| {
        let (Ok(sample), Ok(value)) = (
            json::parse(sample.as_bytes()),
            json::parse(value.as_bytes()),
        ) else {
            return;
        };
        for hold in [shape::types, shape::exact] {
            if let Ok(findings) = hold(&sample.root, &value.root) {
                assert!(findings.len() <= shape::FINDINGS_MAX + 1);
            }
        }
    });
}

#[test]
fn any_config_is_read_or_refused() {
    let toml = "[ [[ ]] ] [[services]] [defaults] [limits] [channels.a] [server] name url match every timeout = \" ' \"\"\" { } , . \
                1 -1 1e9 true 1979-05-27 \"30s\" \"https://a.example/\" \"${X}\" \"#any\" types exact script params #";
    let json = "{ } [ ] , : \" \"services\" \"name\" \"url\" \"match\" \"types\" \"https://a.example/\" null true 1 1e400 -0 // /* */";
    let texts = prop_oneof![
        soup(toml).prop_map(|text| ("oes.toml", text.replace(" = ", "=").replace(" ] ", "]\n"))),
        soup(json).prop_map(|text| ("oes.json", text)),
        body().prop_map(|text| ("oes.json", format!("{{\"services\": {text}}}"))),
        body().prop_map(|text| (
            "oes.toml",
            format!("[[services]]\nname = {text}\nmatch = {text}")
        )),
    ];
    all(&texts, |(name, text)| {
        // An empty file is refused where files are read.
        if text.trim().is_empty() {
            return;
        }
        let environment = BTreeMap::<String, String>::new();
        // A report that cannot be drawn would be no help.
        if let Err(report) = config::load_text(name, &text, Path::new(""), &environment) {
            assert!(!report.plain().is_empty());
        }
    });
}
