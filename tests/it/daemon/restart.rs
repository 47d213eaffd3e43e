//! What is known from before a start, or from before a service was gone for a while.

use std::time::Duration;

use oes::model::incident::Delivery;

use super::caller::{Caller, silence};
use super::rig::{Rig, eventually, ledger, lines};

const GRACE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn what_a_silence_held_before_a_restart_is_not_told_before_a_fresh_look() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    let made = caller
        .asks("POST", "/silences", Some(&silence("price", 2)))
        .await;
    assert_eq!(made.status, 201);
    rig.api.answers("/price", 500, "{}");
    eventually("a muted opening", || {
        let ledger = ledger(&daemon);
        let muted = ledger.deliveries.values().any(Delivery::muted_now);
        muted
            .then_some(())
            .ok_or(format!("{:?}", ledger.deliveries))
    })
    .await;
    daemon.stop(GRACE).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    // It is well again, which the first probe after the start will see, but not at once.
    rig.api.answers("/price", 200, "{}");
    rig.api.waits("/price", Duration::from_secs(1));
    let daemon = rig.start().await;
    eventually("the end of the incident", || {
        let ledger = ledger(&daemon);
        let over = ledger.incidents.values().all(|one| !one.is_open());
        over.then_some(()).ok_or(format!("{:?}", ledger.incidents))
    })
    .await;
    assert!(ledger(&daemon).silences.is_empty(), "it was over before");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        rig.bodies(),
        [serde_json::Value::Null; 0],
        "nobody was told"
    );
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_taken_out_and_put_back_has_been_up_before() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price", "other"]));
    let daemon = rig.start().await;
    eventually("a look", || {
        let hits = rig.api.hits("/price");
        (hits > 1).then_some(()).ok_or(hits.to_string())
    })
    .await;
    let services = |count: f64| {
        let daemon = &daemon;
        eventually("the reload", move || {
            let seen = super::rig::metric(daemon, "oes_services");
            ((seen - count).abs() < 0.5)
                .then_some(())
                .ok_or(seen.to_string())
        })
    };
    rig.write("oes.toml", &rig.config(&["other"]));
    services(1.0).await;
    rig.api.answers("/price", 500, "{}");
    rig.write("oes.toml", &rig.config(&["price", "other"]));
    let told = rig.messages(1).await;
    assert_eq!(lines(&told), ["opened price error"]);
    assert_eq!(told[0]["data"]["never_came_up"], false);
    let title = told[0]["data"]["title"].as_str().unwrap();
    assert!(!title.contains("never came up"), "{title}");
    daemon.stop(GRACE).await;
}
