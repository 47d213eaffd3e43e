//! What is silenced by a mistyped name: nothing, and whoever typed it hears of it. Over the API and by the real command,
//! with a daemon and without.

use serde_json::{Value, json};

use super::caller::{Answer, Caller, on_disk};
use super::commands::ordered;
use super::rig::Rig;
use std::time::Duration;

const GRACE: Duration = Duration::from_secs(2);

async fn silences(caller: &Caller, of: Value) -> Answer {
    let body = json!({ "of": of, "for_s": 3600, "by": "ada", "reason": "deployment" });
    caller.asks("POST", "/silences", Some(&body)).await
}

fn config(rig: &Rig) -> String {
    let price = rig.service("price", "tags = [\"edge\"]\ngroup = \"shop\"");
    format!("{}{price}", rig.config(&["orders"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_nothing_has_is_refused_and_the_near_one_named() {
    let rig = Rig::new();
    rig.write("oes.toml", &config(&rig));
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    for (of, words) in [
        (
            json!({ "services": ["orders", "prcie"] }),
            "no service is called `prcie`: did you mean `price`? for one that is still to come write a pattern: `prcie*`",
        ),
        (
            json!({ "tags": ["egde"] }),
            "no service has the tag `egde`: did you mean `edge`?",
        ),
        (
            json!({ "groups": ["everything"] }),
            "no service has the group `everything`: there are shop",
        ),
    ] {
        let answer = silences(&caller, of).await;
        assert_eq!(answer.status, 422, "{answer:?}");
        assert_eq!(answer.body["detail"], words);
    }
    assert!(on_disk(&rig).silences.is_empty());
    for (of, warnings) in [
        (json!({}), Value::Null),
        (json!({ "services": ["price", "OES"] }), Value::Null),
        (
            json!({ "tags": ["edge"], "violations": ["slowness"] }),
            Value::Null,
        ),
        (
            json!({ "services": ["new-*"] }),
            json!(["no service is meant by service new-* now"]),
        ),
        (
            json!({ "services": ["orders"], "tags": ["edge"] }),
            json!(["no service is meant by service orders, tag edge now"]),
        ),
        (
            json!({ "violations": ["latnecy"] }),
            json!(["only a script could call a violation `latnecy`: did you mean `latency`?"]),
        ),
    ] {
        let answer = silences(&caller, of.clone()).await;
        assert_eq!(answer.status, 201, "{of}: {answer:?}");
        assert_eq!(answer.body["warnings"], warnings, "{of}");
    }
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_says_the_same_with_a_daemon_and_without() {
    const TYPO: &[&str] = &[
        "silence",
        "add",
        "--service",
        "prcie",
        "--for",
        "1h",
        "--reason",
        "x",
    ];
    const TO_COME: &[&str] = &[
        "silence",
        "add",
        "--service",
        "new-*",
        "--for",
        "1h",
        "--reason",
        "x",
    ];
    let rig = Rig::new();
    rig.write("oes.toml", &config(&rig));
    let daemon = rig.start().await;
    let mut running = Some(daemon);
    loop {
        let (code, said) = ordered(&rig, TYPO).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.starts_with("error: no service is called `prcie`: did you mean `price`?"),
            "{said}"
        );
        let (code, said) = ordered(&rig, TO_COME).await;
        assert_eq!(code, Some(0), "{said}");
        assert!(
            said.contains("warning: no service is meant by service new-* now"),
            "{said}"
        );
        let Some(daemon) = running.take() else { break };
        daemon.stop(GRACE).await;
    }
    assert_eq!(on_disk(&rig).silences.len(), 2, "the patterns alone");
}
