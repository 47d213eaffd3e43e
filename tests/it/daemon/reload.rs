//! A config that changes while the daemon runs.

use std::io::Write as _;
use std::time::Duration;

use super::rig::{Rig, eventually, ledger, lines, metric, page};
use crate::support::inbox::Reply;

const GRACE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn services_come_change_and_go_and_the_others_do_not_notice() {
    let rig = Rig::new();
    rig.api.answers("/gone", 500, "{}");
    let slow = rig.service("kept", "match = [\"status_code\"]\ninterval = \"1h\"");
    rig.write("oes.toml", &(rig.config(&["gone"]) + &*slow));
    let daemon = rig.start().await;
    rig.messages(1).await;
    eventually("the first look", || {
        (rig.api.hits("/kept") == 1)
            .then_some(())
            .ok_or(rig.api.hits("/kept").to_string())
    })
    .await;
    let metrics = page(&daemon, "/metrics").await;
    assert!(metrics.contains("service=\"gone\""), "{metrics}");
    rig.api.answers("/new", 500, "{}");
    rig.write("oes.toml", &(rig.config(&["new"]) + &*slow));
    let mut told = lines(&rig.messages(3).await);
    told.sort();
    assert_eq!(
        told,
        [
            "opened gone error",
            "opened new error",
            "unwatched gone error"
        ]
    );
    let metrics = page(&daemon, "/metrics").await;
    assert!(!metrics.contains("service=\"gone\""), "{metrics}");
    let probes = rig.api.hits("/gone");
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(
        rig.api.hits("/gone") <= probes,
        "a removed service is left alone"
    );
    assert_eq!(
        rig.api.hits("/kept"),
        1,
        "an unchanged service is not looked at because of a reload"
    );
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_swapped_and_a_broken_edit_keeps_the_old_one_and_is_said() {
    let rig = Rig::new();
    rig.api.answers("/price", 200, "{\"price\": 1}");
    rig.write("cheap.rhai", "body.price < 10");
    rig.write(
        "oes.toml",
        &(rig.config(&[]) + &*rig.service("price", "match = [\"cheap\"]")),
    );
    let daemon = rig.start().await;
    rig.write("cheap.rhai", "body.price < 1");
    assert_eq!(lines(&rig.messages(1).await), ["opened price error"]);

    rig.write("cheap.rhai", "body.price < ");
    let messages = rig.messages(2).await;
    assert_eq!(lines(&messages)[1], "opened OES config");
    let said = messages[1]["data"].to_string();
    assert!(said.contains("cheap.rhai"), "{said}");
    assert!(page(&daemon, "/readyz").await.starts_with("HTTP/1.1 503"));
    assert!(page(&daemon, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(metric(&daemon, "oes_config_last_reload_successful") < 0.5);
    let probes = rig.api.hits("/price");
    eventually("probes with the old script", || {
        (rig.api.hits("/price") > probes + 2)
            .then_some(())
            .ok_or("none".to_owned())
    })
    .await;

    rig.write("cheap.rhai", "body.price < 10");
    let mut told = lines(&rig.messages(4).await)[2..].to_vec();
    told.sort();
    assert_eq!(told, ["resolved OES config", "resolved price error"]);
    assert!(page(&daemon, "/readyz").await.starts_with("HTTP/1.1 200"));
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_library_swaps_its_scripts_and_a_broken_one_keeps_the_old() {
    let rig = Rig::new();
    rig.api.answers("/price", 200, "{\"price\": 5}");
    std::fs::create_dir_all(rig.folder.path().join("lib")).unwrap();
    rig.write("lib/prices.rhai", "fn limit() { 10 }");
    let script = "//! ---\n//! use = [\"prices\"]\nbody.price < prices::limit()";
    rig.write("cheap.rhai", script);
    rig.write(
        "oes.toml",
        &(rig.config(&[]) + &*rig.service("price", "match = [\"cheap\"]")),
    );
    let daemon = rig.start().await;
    rig.write("lib/prices.rhai", "fn limit() { 1 }");
    assert_eq!(lines(&rig.messages(1).await), ["opened price error"]);

    rig.write("lib/prices.rhai", "fn limit( { 10 }");
    let messages = rig.messages(2).await;
    assert_eq!(lines(&messages)[1], "opened OES config");
    let said = messages[1]["data"].to_string();
    assert!(said.contains("lib/prices.rhai"), "{said}");

    rig.write("lib/prices.rhai", "fn limit() { 10 }");
    let mut told = lines(&rig.messages(4).await)[2..].to_vec();
    told.sort();
    assert_eq!(told, ["resolved OES config", "resolved price error"]);
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_schema_changes_its_script() {
    let rig = Rig::new();
    rig.api.answers("/price", 200, "{\"price\": 5}");
    rig.write("price.json", "{ \"required\": [\"price\"] }");
    rig.write(
        "typed.rhai",
        "fail(\"schema\", schema(body, \"price.json\"));",
    );
    rig.write(
        "oes.toml",
        &(rig.config(&[]) + &*rig.service("price", "match = [\"typed\"]")),
    );
    let daemon = rig.start().await;
    rig.write("price.json", "{ \"required\": [\"prices\"] }");
    assert_eq!(lines(&rig.messages(1).await), ["opened price error"]);
    rig.write("price.json", "{ \"required\": [\"price\"] }");
    assert_eq!(lines(&rig.messages(2).await)[1], "resolved price error");
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn services_share_memory_that_a_restart_keeps() {
    let rig = Rig::new();
    rig.write(
        "writes.rhai",
        "memory.shared(\"s\").set(\"seen\", 1); expect(true);",
    );
    rig.write("reads.rhai", "memory.shared(\"s\").get(\"seen\", 0) == 0");
    let writes = rig.service("writer", "match = [\"writes\"]");
    let reads = rig.service("reader", "match = [\"reads\"]");
    rig.write("oes.toml", &(rig.config(&[]) + &*writes + &*reads));
    let daemon = rig.start().await;
    assert_eq!(lines(&rig.messages(1).await), ["opened reader error"]);
    daemon.stop(GRACE).await;

    // The writer is gone; what it wrote is not.
    rig.write("reads.rhai", "memory.shared(\"s\").get(\"seen\", 0) == 1");
    rig.write("oes.toml", &(rig.config(&[]) + &*reads));
    let daemon = rig.start().await;
    assert_eq!(lines(&rig.messages(2).await)[1], "resolved reader error");
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_refused_config_opened_is_closed_by_a_restart_with_a_good_one() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    let daemon = rig.start().await;
    rig.write("oes.toml", "version = ");
    assert_eq!(lines(&rig.messages(1).await), ["opened OES config"]);
    daemon.stop(GRACE).await;
    rig.write("oes.toml", &rig.config(&["price"]));
    let daemon = rig.start().await;
    assert_eq!(lines(&rig.messages(2).await)[1], "resolved OES config");
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_channel_shows_and_tells_again_once_its_settings_change() {
    let rig = Rig::new();
    rig.inbox.then(Reply::status(410));
    rig.api.answers("/price", 500, "{}");
    rig.write("oes.toml", &rig.config(&["price"]));
    let daemon = rig.start().await;
    eventually("the channel to be disabled", || {
        let ledger = ledger(&daemon);
        let disabled = ledger
            .channels
            .values()
            .any(|state| state.disabled.is_some());
        disabled
            .then_some(())
            .ok_or(format!("{:?}", ledger.channels))
    })
    .await;
    let ready = page(&daemon, "/readyz").await;
    assert!(
        ready.starts_with("HTTP/1.1 503") && ready.contains("disabled: hook"),
        "{ready}"
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        rig.inbox.received().len(),
        1,
        "a disabled channel is left alone"
    );
    rig.write(
        "oes.toml",
        &rig.config(&["price"]).replace("/hook", "/other"),
    );
    assert_eq!(rig.messages(2).await.len(), 2);
    assert_eq!(rig.inbox.received()[1].target, "/other");
    assert!(page(&daemon, "/readyz").await.starts_with("HTTP/1.1 200"));
    daemon.stop(GRACE).await;
}

/// What becomes of a file, how, and a part of what is said of it.
#[cfg(unix)]
type Disaster<'a> = (&'static str, Box<dyn Fn() + 'a>, &'static str);

/// What can become of a script's file while OES runs, with a part of what is said of it.
#[cfg(unix)]
fn disasters(file: &std::path::Path) -> Vec<Disaster<'_>> {
    use std::os::unix::fs::symlink;
    let write = move |bytes: Vec<u8>| {
        std::fs::File::create(file)
            .unwrap()
            .write_all(&bytes)
            .unwrap();
    };
    vec![
        (
            "deleted",
            Box::new(move || std::fs::remove_file(file).unwrap()),
            "no such file",
        ),
        (
            "emptied",
            Box::new(move || write(Vec::new())),
            "nothing in this script",
        ),
        (
            "truncated",
            Box::new(move || write(b"body.price < ".to_vec())),
            "cheap.rhai:1",
        ),
        (
            "only its comments left",
            Box::new(move || write(b"//! Is it cheap?\n// body.price < 10\n".to_vec())),
            "nothing in this script",
        ),
        (
            "a folder",
            Box::new(move || {
                std::fs::remove_file(file).unwrap();
                std::fs::create_dir(file).unwrap();
            }),
            "folder",
        ),
        (
            "10 MB long",
            Box::new(move || write(vec![b' '; 10 << 20])),
            "the limit is",
        ),
        (
            "not UTF-8",
            Box::new(move || write(b"body.price < 10 // \xff".to_vec())),
            "UTF-8",
        ),
        (
            "a link to itself",
            Box::new(move || {
                std::fs::remove_file(file).unwrap();
                symlink(file, file).unwrap();
            }),
            "symbolic link",
        ),
    ]
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_a_scripts_file_the_old_one_runs_and_why_is_said_once() {
    let rig = Rig::new();
    rig.api.answers("/price", 200, "{\"price\": 1}");
    let good = "body.price < 10";
    rig.write("cheap.rhai", good);
    rig.write(
        "oes.toml",
        &(rig.config(&[]) + &*rig.service("price", "match = [\"./cheap.rhai\"]")),
    );
    let daemon = rig.start().await;
    let file = rig.folder.path().join("cheap.rhai");
    let mut told = 0;
    for (what, happen, said) in disasters(&file) {
        happen();
        let messages = rig.messages(told + 1).await;
        let message = messages[told].to_string();
        assert!(
            message.contains("opened") && message.contains(said),
            "{what}: {message}"
        );
        assert!(message.contains("cheap.rhai"), "{what}: {message}");
        let probes = rig.api.hits("/price");
        eventually("probes by the old script", || {
            (rig.api.hits("/price") > probes + 3)
                .then_some(())
                .ok_or(String::new())
        })
        .await;
        let ledger = ledger(&daemon);
        let of_service = ledger
            .incidents
            .values()
            .any(|incident| incident.service.as_str() == "price");
        assert!(!of_service, "{what}: the old script goes on");
        if file.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            std::fs::remove_dir(&file).unwrap();
        } else if file.symlink_metadata().is_ok() {
            std::fs::remove_file(&file).unwrap();
        }
        rig.write("cheap.rhai", good);
        told += 2;
        let messages = rig.messages(told).await;
        assert!(
            messages[told - 1].to_string().contains("resolved"),
            "{what}"
        );
        assert_eq!(messages.len(), told, "{what}: said once");
    }
    daemon.stop(GRACE).await;
}
