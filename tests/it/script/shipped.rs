//! The scripts in the binary against bodies as their services answer them.
#![expect(clippy::unwrap_used, reason = "a test stops where its set-up is wrong")]

use std::sync::Arc;

use jiff::SignedDuration;
use oes::model::judgement::{Memory, Outcome};
use oes::model::secret::Secret;
use oes::script::pool::Pool;
use oes::script::shipped;
use oes::script::source::Source;

use super::bench::*;

fn shipped_source(name: &str) -> Arc<Source> {
    let script = shipped::find(shipped::MATCHERS, name).unwrap();
    let (source, warnings) = Source::compile(script.name, script.file, script.text).unwrap();
    assert!(warnings.is_empty(), "{name}: {warnings:?}");
    Arc::new(source)
}

async fn run(pool: &Pool, name: &str, input: Given) -> oes::model::judgement::Judgement {
    let job = input.job(shipped_source(name), limits());
    pool.run(job).await
}

#[test]
fn all_compile_without_a_warning_and_say_what_they_are() {
    for script in shipped::MATCHERS {
        assert!(!shipped_source(script.name).header.about.is_empty());
    }
    assert!(!shipped_source("utxo_executor").header.sends_request);
    assert!(shipped_source("utxo_executor").uses_http);
    assert!(!shipped_source("price_chart").uses_http);
}

#[tokio::test]
async fn a_frozen_chart_passes_for_fifteen_minutes_and_then_fails() {
    let pool = pool(&silent());
    let mut remembered: [Memory; 2] = [Memory::new(), Memory::new()];
    let mut seen = [String::new(), String::new()];
    let frozen = r#"{"chart":[[1,2.5],[2,2.6]]}"#;
    for minute in 0..20_i64 {
        let moving = format!(r#"{{"chart":[[1,2.5],[{minute},2.6]]}}"#);
        for (service, body) in [frozen, moving.as_str()].into_iter().enumerate() {
            let mut input = input(body);
            input.now = now() + SignedDuration::from_mins(minute);
            input.memory = Arc::new(remembered[service].clone());
            let judgement = run(&pool, "price_chart_matcher", input).await;
            for (key, entry) in &judgement.runs[0].memory.set {
                remembered[service].insert(Arc::clone(key), entry.clone());
            }
            seen[service].push(match judgement.outcome {
                Outcome::Pass => 'P',
                Outcome::Fail => 'F',
                _ => '?',
            });
        }
    }
    assert_eq!(seen[0], format!("{}{}", "P".repeat(15), "F".repeat(5)));
    assert_eq!(seen[1], "P".repeat(20), "two services share no memory");
}

#[tokio::test]
async fn price_sanity_compares_and_blames_the_right_one() {
    let reference = "https://reference.example/price";
    for (body, answer, expected) in [
        (
            r#"{"price":1.0}"#,
            (200, r#"{"ergo":{"usd":1.01}}"#),
            vec![],
        ),
        (
            r#"{"price":2.5}"#,
            (200, r#"{"ergo":{"usd":1.0}}"#),
            vec!["fail price.deviates: off by 150.0% from the reference"],
        ),
        (
            r#"{"price":-1}"#,
            (200, "{}"),
            vec!["fail price-must-be-positive: price must be positive"],
        ),
        (
            r#"{"prize":1}"#,
            (200, "{}"),
            vec!["fail shape: $ has no key `price` (keys: prize)"],
        ),
        (
            r#"{"price":1.0}"#,
            (503, "{}"),
            vec!["unknown dependency: reference.example answered with status 503"],
        ),
        (
            r#"{"price":1.0}"#,
            (200, "{}"),
            vec!["unknown shape: $ has no key `ergo` (keys: )"],
        ),
    ] {
        let pool = pool(&fake(move |_| reply(answer.0, answer.1)));
        let mut input = input(body);
        Arc::make_mut(&mut input.params).insert("reference_url".into(), reference.into());
        let judgement = run(&pool, "price_sanity", input).await;
        assert_eq!(lines(&judgement), expected, "{body} {answer:?}");
    }
}

#[tokio::test]
async fn node_height_finds_everything_at_once() {
    let pool = pool(&fake(|_| {
        reply(200, r#"{"jsonrpc":"2.0","id":1,"result":"0x6e"}"#)
    }));
    let mut input = input(r#"{"fullHeight":100,"network":"testnet","peersCount":1}"#);
    Arc::make_mut(&mut input.params).insert("reference_rpc".into(), "https://rpc.example/".into());
    let judgement = run(&pool, "node_height", input).await;
    assert_eq!(
        lines(&judgement),
        [
            "fail node-is-on-the-wrong-network: node is on the wrong network",
            "fail too-few-peers: too few peers",
            "fail node-lags-behind-the-reference: node lags behind the reference",
        ]
    );
}

#[tokio::test]
async fn orders_api_logs_in_once_more_and_counts() {
    let host = fake(|request| {
        let bearer = request
            .headers
            .iter()
            .find(|(name, _)| name == "authorization")
            .map_or("", |(_, value)| value);
        match (request.url.path(), request.url.query(), bearer) {
            ("/v1/oauth/token", _, "Bearer hunter2-hunter2") => {
                reply(200, r#"{"access_token":"fresh"}"#)
            }
            ("/v1/orders", Some("page=1"), "Bearer fresh") => reply(
                200,
                r#"{"total":3,"items":[{"id":"a","amount":1},{"id":"b","amount":2}]}"#,
            ),
            ("/v1/orders", Some("page=2"), "Bearer fresh") => {
                reply(200, r#"{"total":3,"items":[{"id":"a","amount":1}]}"#)
            }
            _ => reply(401, "{}"),
        }
    });
    let pool = pool(&host);
    let mut input = input("{}");
    input.exchange = None;
    input.service = parse(r#"{"name":"orders","url":"https://api.example.io/v1/"}"#);
    Arc::make_mut(&mut input.rights.grants)
        .secrets
        .insert("ORDERS_KEY".into(), Secret::hidden("hunter2-hunter2"));
    let mut memory = Memory::new();
    memory.insert(
        "token".into(),
        oes::model::judgement::MemoryEntry {
            value: "stale".into(),
            expires_at: None,
        },
    );
    input.memory = Arc::new(memory);
    let judgement = run(&pool, "orders_api", input).await;
    assert_eq!(
        lines(&judgement),
        ["fail orders.duplicate: order a is listed twice"]
    );
    let everything = serde_json::to_string(&judgement.runs).unwrap();
    assert!(
        !everything.contains("hunter2") && !everything.contains("oes-secret"),
        "{everything}"
    );
}

#[tokio::test]
async fn utxo_executor_looks_up_and_builds_by_method() {
    let staked = r#"{"addresses":{"9i6U":{"stakeBoxes":[{"boxId":"b1","stakeAmount":7}]}}}"#;
    for (method, amount, project, second) in [
        ("ergopad_unstake", "7", None, "/staking/unstake/"),
        ("paideia_unstake", "7", Some("paideia"), "/staking/unstake/"),
        (
            "paideia_addstake",
            "3",
            Some("paideia"),
            "/staking/addstake/",
        ),
    ] {
        let host = fake(move |request| match request.url.path() {
            "/staking/staked/" => reply(200, staked),
            _ => reply(200, r#"{"inputs":[]}"#),
        });
        let pool = pool(&host);
        let mut input = input("{}");
        input.exchange = None;
        input.rights.url = "https://api.example.io/staking/unstake/".parse().unwrap();
        input.service = parse(&format!(
            r#"{{"url":"https://api.example.io/staking/unstake/","payload":{{"method":"{method}","address":"9i6U","amount":3}}}}"#
        ));
        let judgement = run(&pool, "utxo_executor", input).await;
        assert_eq!(lines(&judgement), [""; 0], "{method}");
        let steps: Vec<&str> = judgement.runs[0]
            .steps
            .iter()
            .map(|step| step.name.as_str())
            .collect();
        assert_eq!(steps, ["list stakes", "build transaction"]);
        let asked = host.asked.lock().unwrap();
        assert_eq!(asked[0].url.path(), "/staking/staked/");
        assert_eq!(asked[1].url.path(), second);
        let sent = parse(std::str::from_utf8(asked[1].body.as_ref().unwrap()).unwrap());
        assert_eq!(sent.get("stakeBox").unwrap().as_str(), Some("b1"));
        assert_eq!(sent.get("amount").unwrap().to_string(), amount);
        assert_eq!(
            sent.get("project").and_then(|project| project.as_str()),
            project
        );
    }
}

#[tokio::test]
async fn utxo_executor_says_what_is_wrong() {
    for (staked, other, expected) in [
        (
            (200, r#"{"addresses":{"9i6U":{"stakeBoxes":[]}}}"#),
            200,
            "unknown",
        ),
        ((500, "{}"), 200, "fail staked.status: staked/ answered 500"),
        (
            (
                200,
                r#"{"addresses":{"9i6U":{"stakeBoxes":[{"boxId":"b1","stakeAmount":7}]}}}"#,
            ),
            422,
            "fail unstake.status: unstake/ answered 422",
        ),
        (
            (
                200,
                r#"{"addresses":{"9i6U":{"stakeBoxes":[{"stakeAmount":7}]}}}"#,
            ),
            200,
            "fail shape: $ has no key `boxId`",
        ),
    ] {
        let pool = pool(&fake(move |request| match request.url.path() {
            "/staking/staked/" => reply(staked.0, staked.1),
            _ => reply(other, r#"{"inputs":[]}"#),
        }));
        let mut input = input("{}");
        input.exchange = None;
        input.service = parse(
            r#"{"url":"https://api.example.io/staking/","payload":{"method":"ergopad_unstake","address":"9i6U"}}"#,
        );
        let judgement = run(&pool, "utxo_executor", input).await;
        let found = lines(&judgement);
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{found:?} for {expected}"
        );
    }
}
