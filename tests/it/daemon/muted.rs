//! What OES mutes is told on `/metrics`, so that rules of others can be as quiet.

use oes::clock::Clock;
use serde_json::json;

use super::caller::Caller;
use super::rig::{Rig, ask, eventually, ledger};

/// Returns the samples of a family without its name and their value, in the order of the page.
fn labels<'a>(page: &'a str, family: &str) -> Vec<&'a str> {
    let samples = page.lines().filter_map(|line| line.strip_prefix(family));
    let samples = samples.filter_map(|rest| rest.strip_prefix('{'));
    samples
        .map(|rest| rest.strip_suffix("} 1").unwrap_or(rest))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_muted_is_told_by_service_and_by_violation() {
    let rig = Rig::new();
    let names = ["price", "db", "cart", "shop", "well"];
    let app = rig.service("app", "match = [\"status_code\"]\ndepends_on = [\"db\"]");
    let now = Clock::System.now();
    let until = now + jiff::SignedDuration::from_hours(1);
    let planned = format!(
        "[[maintenance]]\nname = \"move\"\nservices = [\"price\"]\nfrom = \"{now}\"\nuntil = \"{until}\"\n"
    );
    rig.write("oes.toml", &[rig.config(&names), app, planned].concat());
    for name in ["/price", "/db", "/app"] {
        rig.api.answers(name, 500, "{}");
    }
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    for (service, violations) in [("cart", json!([])), ("shop", json!(["latency"]))] {
        let body = json!({
            "of": { "services": [service], "violations": violations },
            "for_s": 600, "by": "ada", "reason": "deployment",
        });
        let made = caller.asks("POST", "/silences", Some(&body)).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    eventually("three incidents", || {
        let open = ledger(&daemon).incidents.len();
        (open == 3).then_some(()).ok_or(open.to_string())
    })
    .await;
    let page = ask(caller.address, "/metrics").await;
    insta::assert_snapshot!(labels(&page, "oes_service_muted").join("\n"), @r#"
    service="app",why="dependency"
    service="cart",why="silence"
    service="price",why="maintenance"
    "#);
    insta::assert_snapshot!(labels(&page, "oes_violations_muted").join("\n"), @r#"
    service="app",violation="error",why="dependency"
    service="price",violation="error",why="maintenance"
    "#);
    let broken = labels(&page, "oes_violations");
    assert_eq!(broken.len(), 3, "{broken:?}");
}
