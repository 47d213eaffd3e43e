//! What a script that is tried finds beside it, libraries and shared memory, and a reload while it runs.

use std::time::Duration;

use oes::daemon::Daemon;
use serde_json::{Value, json};

use super::caller::Caller;
use super::playground::{GRACE, ran, tries};
use super::rig::{Rig, eventually};

/// A library, and a script that uses it and writes to what all scripts share.
const LIBRARY: &str = "fn double(price) { price * 2 }\nfn broken(price) { price.none.none }";
const WRITES: &str = "//! ---\n//! use = [\"prices\"]\nlet shared = memory.shared(\"prices\");\n\
     expect(shared.get(\"double\", 0) != 99, \"changed\", \"somebody else has written\");\n\
     shared.set(\"double\", prices::double(body.price));\n";

/// Starts a daemon of `price`, which no script judges, and of `writer`, whose script was run once.
async fn begun(rig: &Rig) -> (Daemon, Caller) {
    rig.write("oes.toml", &config(rig, "/price"));
    let daemon = rig.start().await;
    let caller = Caller::of(rig);
    eventually("both probes", || {
        let probes = daemon.metrics().outcomes().values().sum::<u64>();
        (probes == 2).then_some(()).ok_or(probes.to_string())
    })
    .await;
    (daemon, caller)
}

/// Returns the config; `price` asks this path.
fn config(rig: &Rig, path: &str) -> String {
    rig.api.answers("/price", 200, "{\"price\": 1}");
    rig.api.answers("/writer", 200, "{\"price\": 5}");
    std::fs::create_dir_all(rig.folder.path().join("lib")).unwrap();
    rig.write("lib/prices.rhai", LIBRARY);
    rig.write("lib/unused.rhai", "fn f() { 1 }");
    rig.write("writes.rhai", WRITES);
    let price = rig.service("price", "match = [\"status_code\"]");
    let price = price.replace("/price\"", &format!("{path}\""));
    let config = rig.config(&[]) + &*price + &*rig.service("writer", "match = [\"writes\"]");
    config.replace("interval = \"100ms\"", "interval = \"1h\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_that_another_script_uses_is_found_and_named_where_it_breaks() {
    let rig = Rig::new();
    let (daemon, caller) = begun(&rig).await;
    let uses = |call: &str| format!("//! ---\n//! use = [\"prices\"]\n{call}\n");
    let said = ran(&caller, &uses("note(prices::double(body.price));")).await;
    let run = &said["result"]["scripts"][0];
    assert_eq!(run["notes"], json!(["2"]), "{said}");
    let said = ran(&caller, &uses("prices::broken(body.price);")).await;
    assert_eq!(said["result"]["outcome"], "fail", "{said}");
    let finding = said["result"]["findings"][0].to_string();
    assert!(finding.contains("lib/prices.rhai"), "{finding}");
    // Only the config says which libraries there are.
    let unused = tries(&caller, "//! ---\n//! use = [\"unused\"]\nunused::f();\n").await;
    assert_eq!(unused.status, 422, "{unused:?}");
    let mistakes = unused.body["mistakes"].to_string();
    assert!(
        mistakes.contains("there is no library `unused`"),
        "{mistakes}"
    );
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_all_scripts_share_is_read_and_never_changed() {
    let rig = Rig::new();
    let (daemon, caller) = begun(&rig).await;
    let script = "let shared = memory.shared(\"prices\");\nnote(shared.get(\"double\", 0));\n\
                  shared.set(\"double\", 99);\nshared.set(\"more\", 7);\nmemory.set(\"own\", 3);\n";
    for _ in 0..2 {
        let said = ran(&caller, script).await;
        let run = &said["result"]["scripts"][0];
        assert_eq!(run["notes"], json!(["10"]), "{said}");
        let memory = run["memory"].to_string();
        assert!(
            memory.contains("99"),
            "what it would change is shown: {memory}"
        );
    }
    // The script whose memory it is would say so.
    let probed = caller.asks("POST", "/services/writer/probe", None).await;
    assert_eq!(probed.body["last"]["outcome"], "pass", "{probed:?}");
    // Not after a restart either: nothing of it was written down.
    daemon.stop(GRACE).await;
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    let reads = "note(memory.shared(\"prices\").get(\"more\", 0)); note(memory.get(\"own\", 0));";
    let said = ran(&caller, reads).await;
    assert_eq!(
        said["result"]["scripts"][0]["notes"],
        json!(["0", "0"]),
        "{said}"
    );
    daemon.stop(GRACE).await;
}

/// Tries a script on `price`, and reloads with another config while the script asks for `/slow`.
async fn reloaded_meanwhile(rig: &Rig, caller: &Caller, script: &str, config: &str) -> Value {
    let before = rig.api.hits("/slow");
    rig.api.waits("/slow", Duration::from_millis(500));
    let reload = async {
        eventually("the request of the script", || {
            let hits = rig.api.hits("/slow");
            (hits > before).then_some(()).ok_or(hits.to_string())
        })
        .await;
        rig.write("oes.toml", config);
        caller.asks("POST", "/reload", None).await
    };
    let (said, reloaded) = tokio::join!(ran(caller, script), reload);
    assert_eq!(reloaded.status, 200, "{reloaded:?}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_meanwhile_neither_loses_a_try_nor_mixes_it_with_what_is_new() {
    let rig = Rig::new();
    let (daemon, caller) = begun(&rig).await;
    let script = format!(
        "expect(http.get(\"http://{}/slow\").ok); expect(body.price == 1, \"price\", \"another price\");",
        rig.api.address
    );
    let script = script.as_str();
    let other = config(&rig, "/other");
    let said = reloaded_meanwhile(&rig, &caller, script, &other).await;
    assert_eq!(said["result"]["outcome"], "pass", "{said}");
    assert!(
        said["request"]["url"].as_str().unwrap().ends_with("/price"),
        "{said}"
    );

    // The next one is tried as the new config says.
    rig.api.answers("/other", 200, "{\"price\": 2}");
    let said = ran(&caller, script).await;
    assert!(
        said["request"]["url"].as_str().unwrap().ends_with("/other"),
        "{said}"
    );
    assert_eq!(said["result"]["outcome"], "fail", "{said}");

    // A service that leaves meanwhile is tried to the end, and has left then.
    rig.write("oes.toml", &config(&rig, "/price"));
    let back = caller.asks("POST", "/reload", None).await;
    assert_eq!(back.status, 200, "{back:?}");
    let only = rig.config(&[]) + &*rig.service("writer", "match = [\"writes\"]");
    let said = reloaded_meanwhile(&rig, &caller, script, &only).await;
    assert_eq!(said["result"]["outcome"], "pass", "{said}");
    let gone = tries(&caller, script).await;
    assert_eq!(gone.status, 404, "{gone:?}");
    daemon.stop(GRACE).await;
}
