//! Scripts that try to break out: every one ends in time, and the next script on the same thread is judged right.
#![expect(
    clippy::indexing_slicing,
    reason = "a test stops where its set-up is wrong"
)]

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::bench::*;
use oes::model::judgement::Outcome;
use oes::script::job::Job;
use oes::script::limits::Limits;
use oes::script::pool::Pool;
use oes::script::source::Source;

/// A run may be this late in a debug build on a machine that builds other things.
const LATE: Duration = Duration::from_secs(3);

fn hostile_limits() -> Limits {
    Limits {
        cpu: Duration::from_millis(300),
        ..Limits::default()
    }
}

/// Runs a hostile script and returns what became of it, after checking that the thread is still sane.
async fn survive(pool: &Pool, name: &str, text: &str) -> String {
    let source = match Source::compile(name, name, text) {
        Ok((source, _)) => std::sync::Arc::new(source),
        Err(mistakes) => return format!("refused: {}", mistakes[0].message),
    };
    let mut input = input(r#"{"price": 1.5, "items": [1, 2, 3]}"#);
    input.wall = Duration::from_secs(2);
    let began = Instant::now();
    let judgement = pool
        .run(Job {
            source,
            input,
            limits: hostile_limits(),
        })
        .await;
    assert!(began.elapsed() < LATE, "{name} took {:?}", began.elapsed());
    let used = judgement
        .runs
        .first()
        .map(|run| run.usage)
        .unwrap_or_default();
    assert!(
        used.heap_bytes.used < 3 * used.heap_bytes.allowed.max(1 << 24),
        "{name} held {} bytes",
        used.heap_bytes.used
    );
    let next = judge(
        pool,
        "expect(body.price == 1.5); expect(body.items.len() == 4, \"four\", \"four items\");",
        super::bench::input(r#"{"price": 1.5, "items": [1, 2, 3]}"#),
    )
    .await;
    assert_eq!(lines(&next), ["fail four: four items"], "after {name}");
    let first = lines(&judgement).into_iter().next().unwrap_or_default();
    format!("{}: {first}", judgement.outcome)
}

#[tokio::test]
async fn the_shared_corpus_is_held() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/hostile");
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "rhai"));
    files.sort();
    let pool = pool(&silent());
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        println!("{name} begins");
        let text = std::fs::read_to_string(&file).unwrap();
        let became = survive(&pool, &name, &text).await;
        println!("{name}: {became}");
    }
    assert_eq!(pool.abandoned_threads(), 0);
}

/// Name, script, and what it becomes: the beginning of `outcome: finding`.
const OWN: &[(&str, &str, &str)] = &[
    ("loop", "loop { }", "error: error limit."),
    (
        "callbacks",
        "let a = []; a.pad(5000, 0); a.for_each(|| { for i in 0..100000 { } });",
        "error: error limit.",
    ),
    (
        "swallowed",
        "try { loop { } } catch { } ",
        "error: error limit.",
    ),
    (
        "swallowed_in_callback",
        "try { [1].map(|x| { loop { } }) } catch { } true",
        "error: error limit.",
    ),
    (
        "stop_swallowed",
        "try { require(false, \"no\", \"no\"); } catch { } fail(\"reached\", \"went on\");",
        "fail: fail no: no",
    ),
    (
        "recursion",
        "fn f(n) { f(n + 1) } f(0)",
        "error: error limit.call_depth",
    ),
    (
        "strings",
        "let s = \"x\"; loop { s += s; }",
        "error: error limit.string_bytes",
    ),
    (
        "pad_for_ever",
        "let s = \"a\"; s.pad(100, \"\"); expect(s == \"a\");",
        "pass: ",
    ),
    (
        "pad_huge",
        "let s = \"a\"; s.pad(9000000000, \"xy\");",
        "error: error limit.heap_bytes",
    ),
    (
        "replace_bomb",
        "let a = \"\"; a.pad(60000, \"a\"); let b = \"\"; b.pad(60000, \"b\"); a.replace(\"a\", b);",
        "error: error limit.heap_bytes",
    ),
    (
        "map_keys",
        "let m = #{}; let i = 0; loop { m[`k${i}`] = i; i += 1; }",
        "error: error",
    ),
    (
        "closures",
        "let f = || 0; loop { let g = f; f = || g.call(); }",
        "error: error limit.",
    ),
    (
        "leak",
        "let s = \"x\"; s.pad(1000000, \"x\"); let a = #{ s: s }; let f = || a; a.f = f; true",
        "error: error limit.leak",
    ),
    (
        "deep_equality",
        "let a = [1]; for i in 0..5000 { a = [a]; } let b = a; a == b",
        "error: error",
    ),
    (
        "deep_text",
        "let a = [1]; for i in 0..5000 { a = [a]; } note(a); `${a}`.len() > 0",
        "error: error",
    ),
    (
        "deep_memory",
        "let a = [1]; for i in 0..100 { a = [a]; } memory.set(\"a\", a);",
        "error: error script: the value nests deeper",
    ),
    (
        "thrown_deep",
        "let a = [1]; for i in 0..200 { a = [a]; } throw a;",
        "error: error script: [[[[",
    ),
    (
        "returned_deep",
        "let a = [1]; for i in 0..200 { a = [a]; } a",
        "error: error script: the script's last value is an array",
    ),
    (
        "notes",
        "loop { note(\"again\"); }",
        "error: error limit.log_lines",
    ),
    ("findings", "loop { fail(\"again\"); }", "error: fail again"),
    (
        "memory_flood",
        "let i = 0; let s = \"\"; s.pad(60000, \"x\"); loop { memory.set(`k${i}`, s); i += 1; }",
        "error: error",
    ),
    (
        "sort_without_order",
        "let a = []; for i in 0..3000 { a.push((i * 7919) % 3001); } let n = 0; a.sort(|x, y| { n += 1; if n % 3 == 0 { -1 } else { 1 } });",
        "pass: ",
    ),
    ("eval", "eval(\"1\")", "refused: "),
    ("import", "import \"/etc/passwd\" as p;", "refused: "),
    (
        "sleep",
        "sleep(10);",
        "refused: `sleep` is not for scripts of OES",
    ),
    (
        "not_a_host",
        "http.get(\"http://169.254.169.254/latest/meta-data\");",
        "error: error script: the script may not ask 169.254.169.254",
    ),
    (
        "not_a_file",
        "http.get(\"file:///etc/passwd\");",
        "error: error script: `file:///etc/passwd` is no http",
    ),
    (
        "not_a_secret",
        "note(secret(\"ADMIN\"));",
        "error: error script: no secret `ADMIN`",
    ),
    (
        "many_requests",
        "for i in 0..50 { http.get(`https://api.example.io/${i}`); }",
        "error: error limit.http_calls",
    ),
    (
        "waits_for_ever",
        "http.get(\"https://api.example.io/599\"); loop { }",
        "error: error limit.",
    ),
];

#[tokio::test]
async fn our_own_corpus_becomes_what_it_should() {
    let host = fake(|request| {
        reply(
            if request.url.path() == "/599" {
                599
            } else {
                200
            },
            "{}",
        )
    });
    let pool = pool(&host);
    let mut wrong = Vec::new();
    for (name, text, expected) in OWN {
        let became = survive(&pool, name, text).await;
        if !became.starts_with(expected) {
            wrong.push(format!("{name}: expected {expected}, became {became}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Without its place nobody would know which script to mend.
#[tokio::test]
async fn a_script_that_hits_a_limit_is_named_with_the_line() {
    let pool = pool(&silent());
    let scripts = [
        ("\n\nloop { }", 3),
        // Of a function the interpreter knows the call.
        ("fn f() {\n  loop { }\n}\nf()", 4),
        ("\nlet s = \"a\";\nloop { s += s; }", 3),
    ];
    for (script, line) in scripts {
        let judgement = judge(&pool, script, input("{}")).await;
        let finding = &judgement.findings[0];
        assert!(finding.code.starts_with("limit."), "{finding:?}");
        let at = finding.at.as_ref().map(|at| at.line);
        assert_eq!(at, Some(line), "{finding:?}");
        assert!(finding.source.is_some(), "{finding:?}");
    }
}

#[tokio::test]
async fn a_leaking_script_is_suspended_and_others_are_not() {
    let pool = pool(&silent());
    let leak = "let f = 0; let g = || f; f = g; true";
    let mut runs = 0;
    let suspended = loop {
        let judgement = judge(&pool, leak, input("{}")).await;
        runs += 1;
        if judgement.outcome == Outcome::Error {
            break judgement;
        }
        assert!(runs < 20_000, "never suspended");
    };
    assert_eq!(&*suspended.findings[0].code, "limit.leak");
    assert!(suspended.findings[0].at.is_some(), "it names the script");
    let changed = judge(&pool, &format!("{leak};"), input("{}")).await;
    assert_eq!(
        changed.outcome,
        Outcome::Pass,
        "another text is another script"
    );
    for _ in 0..2_000 {
        let innocent = judge(&pool, "let t = track(\"x\", body); note(`${t.since}`); memory.set(\"k\", [1, 2, 3]); fail(\"a\", \"b\", #{ e: body })", input(r#"{"a":[1,2,3]}"#)).await;
        assert_eq!(innocent.outcome, Outcome::Fail, "{innocent:#?}");
    }
}

#[tokio::test]
async fn a_slow_script_delays_no_quick_one() {
    let host = fake(|_| reply(599, ""));
    let pool = pool(&host);
    let mut waiting = input("{}");
    waiting.wall = Duration::from_millis(600);
    let slow = judge(
        &pool,
        "let r = http.get(\"https://api.example.io/\"); expect(r.ok, `${r.error}`);",
        waiting,
    );
    let quick = async {
        let began = Instant::now();
        for _ in 0..20 {
            judge(&pool, "expect(true);", input("{}")).await;
        }
        began.elapsed()
    };
    let (slow, quick) = tokio::join!(slow, quick);
    assert!(quick < Duration::from_millis(400), "{quick:?}");
    assert!(
        matches!(slow.outcome, Outcome::Fail | Outcome::Error),
        "{slow:#?}"
    );
}
