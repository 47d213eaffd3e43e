//! What the scripts of all services remember together.

use std::sync::Arc;

use oes::model::judgement::{Judgement, Memory, MemoryEntry, Outcome};
use oes::script::limits::Limits;

use super::bench::*;

fn remembering(entries: &[(&str, &str)]) -> Given {
    let entry = |value: &str| MemoryEntry {
        value: parse(value),
        expires_at: None,
    };
    let memory: Memory = entries
        .iter()
        .map(|(key, value)| (Arc::from(*key), entry(value)))
        .collect();
    let mut given = input("{}");
    given.memory = Arc::new(memory);
    given
}

async fn run(script: &str, given: Given) -> Judgement {
    judge(&pool(&silent()), script, given).await
}

fn set(judgement: &Judgement) -> Vec<String> {
    let set = judgement.runs[0].memory.set.iter();
    set.map(|(key, entry)| format!("{key}={}", entry.value))
        .collect()
}

#[tokio::test]
async fn a_script_reads_and_changes_what_others_remember() {
    let given = remembering(&[
        ("shared:prices:btc", "3"),
        ("shared:prices:list", "[1,2]"),
        ("shared:other:btc", "4"),
        ("btc", "5"),
    ]);
    let script = r#"let prices = memory.shared("prices");
note(prices.get("btc")); note(memory.get("btc")); note(prices.get("none", 7)); note(prices.get("none") == ());
prices.set("btc", 8); note(prices.get("btc")); note(memory.shared("prices").get("btc")); note(memory.get("btc"));
note(prices.push("list", 3, 2)); prices.set("soon", 1, "5m"); memory.set("own", 1); prices.del("btc");"#;
    let judgement = run(script, given).await;
    assert_eq!(
        judgement.runs[0].notes,
        ["3", "5", "7", "true", "8", "8", "5", "[2,3]"],
        "{judgement:?}"
    );
    assert_eq!(
        set(&judgement),
        ["own=1", "shared:prices:list=[2,3]", "shared:prices:soon=1"]
    );
    assert_eq!(
        judgement.runs[0].memory.removed,
        ["shared:prices:btc".into()]
    );
}

#[tokio::test]
async fn a_run_that_fails_changes_nothing_that_others_remember() {
    let script = "memory.shared(\"a\").set(\"b\", 1); body.missing.deeper";
    let judgement = run(&format!("{script}; throw \"x\""), remembering(&[])).await;
    assert_ne!(judgement.outcome, Outcome::Pass);
    let broken = "memory.shared(\"a\").set(\"b\", 1); throw \"x\";";
    let judgement = run(broken, remembering(&[])).await;
    assert_eq!(judgement.outcome, Outcome::Error);
    assert!(judgement.runs[0].memory.is_empty());
}

#[tokio::test]
async fn a_space_has_limits_of_its_own() {
    let limits = Limits {
        memory_keys: 2,
        memory_bytes: 60,
        ..limits()
    };
    let pool = pool(&silent());
    let given = remembering(&[
        ("a", "1"),
        ("b", "2"),
        ("shared:s:a", "1"),
        ("shared:t:a", "1"),
    ]);
    let said = async |script: &str| {
        let job = given.clone().job(source(script), limits.clone());
        lines(&pool.run(job).await)
    };
    let s = "let s = memory.shared(\"s\"); ";
    assert_eq!(
        said(&format!("{s} s.set(\"b\", 1);")).await,
        Vec::<String>::new()
    );
    let many = said(&format!("{s} s.set(\"b\", 1); s.set(\"c\", 1);")).await;
    assert!(
        many[0].contains("limit.memory_keys: the script would have the shared memory `s` remember `c` beside 2 other keys"),
        "{many:?}"
    );
    let large = said(&format!("{s} s.set(\"b\", \"{}\");", "x".repeat(60))).await;
    assert!(
        large[0]
            .contains("limit.memory_bytes: the script would have the shared memory `s` remember"),
        "{large:?}"
    );
    let own = said("memory.set(\"c\", 1);").await;
    assert!(
        own[0].contains(
            "limit.memory_keys: the script would have the service remember `c` beside 2 other keys"
        ),
        "{own:?}"
    );
}

#[tokio::test]
async fn keys_do_not_lead_from_one_space_to_another() {
    let given = remembering(&[("shared:a:b:c", "1")]);
    let judgement = run("memory.get(\"shared:a:b:c\");", given.clone()).await;
    assert_eq!(
        lines(&judgement),
        ["error script: keys that begin with `shared:` are OES's own"]
    );
    let script = "note(memory.shared(\"a\").get(\"b:c\")); memory.shared(\"a\").set(\"\", 1);";
    let judgement = run(script, given).await;
    assert_eq!(judgement.runs[0].notes, ["1"]);
    assert_eq!(
        lines(&judgement),
        ["error script: a key of memory must not be empty"]
    );
}
