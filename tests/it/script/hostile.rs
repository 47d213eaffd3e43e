//! Scripts that try to break out: every one ends in time and within its memory, and the next script on the same thread
//! is judged right. Each runs in a process of its own, so that one which breaks out is named with its numbers.
#![expect(
    clippy::indexing_slicing,
    reason = "a test stops where its set-up is wrong"
)]

mod case;
mod child;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::bench::*;
use case::Case;
use child::Measured;
use oes::model::judgement::Outcome;
use oes::script::limits::Limits;

/// Processor time that compiling and reading for mistakes may take; it is off the way of every probe.
const COMPILE_MS: u128 = 1000;
/// Processor time of a run, and how late it may be.
const CPU_MS: u128 = 100 + 100;
/// Wall time of a run, and how late it may be.
const WALL_MS: u128 = child::WALL.as_millis() + 100;
/// Memory that a run may have above its heap budget.
const ABOVE_HEAP_KIB: u64 = 16 << 10;
/// How often a script runs that was late: other programs have the machine too. Late each time is late.
const TRIES: usize = 6;

#[test]
fn no_script_breaks_out() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let cases = case::files(&own);
    assert!(cases.len() >= 120, "{} scripts", cases.len());
    hold(&cases);
}

#[test]
fn the_shared_corpus_is_held() {
    hold(&case::files(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/hostile"),
    ));
}

/// Runs every script in a process of its own, two at a time, and says of each that is not held what it did.
fn hold(cases: &[(String, PathBuf)]) {
    let tame = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/tame.rhai");
    let baseline_kib = measured(&tame).unwrap().peak_kib;
    // In worker processes one in five is enough: what holds a script is the same.
    let step = if std::env::var_os(IN_PROCESSES).is_some() {
        5
    } else {
        1
    };
    let cases: Vec<_> = cases.iter().step_by(step).collect();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((name, file)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(what) = held(name, file, baseline_kib) {
                        wrong.lock().unwrap().push(what);
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

fn held(name: &str, file: &Path, baseline_kib: u64) -> Result<(), String> {
    let case = Case::read(name.to_owned(), file);
    let mut last = Ok(());
    for _ in 0..TRIES {
        let found = measured(file).map_err(|how| format!("{name}: the process ended: {how}"))?;
        let limits = Limits::default();
        // A body counts as no heap of the run: twenty times its size is what the smallest values take.
        let allowed_kib = baseline_kib
            + (limits.heap_bytes as u64 >> 10)
            + ABOVE_HEAP_KIB
            + ((case.body.len() as u64 * 20) >> 10);
        let mut wrong = found.wrong.clone();
        if !case.expects(&found.outcome) {
            wrong.push(format!("expected {}", case.expected.join(" or ")));
        }
        if found.peak_kib > allowed_kib {
            wrong.push(format!("had {} KiB of {allowed_kib}", found.peak_kib));
        }
        // The worker compiles the script again, once.
        let late = found.compile_ms > COMPILE_MS
            || found.cpu_ms > CPU_MS + found.compile_ms
            || found.wall_ms > WALL_MS;
        if late {
            wrong.push("late".to_owned());
        }
        last = if wrong.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "{}: {}\n    {found:?}",
                case.name,
                wrong.join("; ")
            ))
        };
        if !late {
            break;
        }
    }
    last
}

/// Runs a script in a process of its own.
fn measured(file: &Path) -> Result<Measured, String> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "script::hostile::child::one_script",
            "--nocapture",
        ])
        .env(child::FILE, file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let line = said.lines().find_map(|line| line.strip_prefix(child::MARK));
    match line {
        Some(line) if output.status.success() => Ok(serde_json::from_str(line).unwrap()),
        _ => Err(format!(
            "{}\n{said}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )),
    }
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

#[tokio::test]
async fn a_limit_that_is_hit_in_a_function_is_told_with_its_line_and_the_calls() {
    let pool = pool(&silent());
    for (script, code, told) in [
        (
            "fn spin() {\n  let i = 0;\n  while true { i += 1; }\n}\n\nspin();",
            "limit.operations",
            "in spin (line 3), called from line 6",
        ),
        (
            "fn fill() {\n  for i in 0..2000 {\n    memory.set(`k${i}`, 1);\n  }\n}\nfn all() { fill() }\nall();",
            "limit.memory_keys",
            "in fill (line 3), called from all (line 6), called from line 7",
        ),
        (
            "fn notes() {\n  for i in 0..5000 { note(i); }\n}\nnotes();",
            "limit.log_lines",
            "in notes (line 2), called from line 4",
        ),
        (
            "let found = [1, 2].map(|value| {\n  while true { value += 1; }\n});",
            "limit.operations",
            "in a closure (line 2), called from line 1",
        ),
    ] {
        let judgement = judge(&pool, script, input("{}")).await;
        let finding = judgement
            .findings
            .iter()
            .find(|finding| &*finding.code == code)
            .unwrap_or_else(|| panic!("{script}: {judgement:?}"));
        assert_eq!(finding.calls().as_deref(), Some(told), "{script}");
    }
    let deep = "fn deep(n) {\n  deep(n + 1)\n}\ndeep(1);";
    let judgement = judge(&pool, deep, input("{}")).await;
    let finding = &judgement.findings[0];
    assert_eq!(&*finding.code, "limit.call_depth");
    assert_eq!(finding.at.as_ref().map(|at| at.line), Some(2));
}
