//! What the status page says, and as of when, after the daemon was killed: in a copy, and after the next start.

use std::process::Command;
use std::time::Duration;

use super::process::Process;
use super::rig::{Rig, ask};

/// Asks a page until it says something.
async fn until(process: &Process, path: &str, what: &str) -> String {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let address = process.address().await;
    loop {
        let page = ask(address, path).await;
        if page.contains(what) {
            return page;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "no {what} in {page}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Writes a copy of the private view, and returns the page of the service in it.
async fn copied(rig: &Rig) -> String {
    let folder = rig.folder.path().to_owned();
    let copy = move || {
        let done = Command::new(env!("CARGO_BIN_EXE_oes"))
            .args(["page", "export", "oes.toml", "copy", "--private"])
            .current_dir(&folder)
            .output()
            .unwrap();
        assert_eq!(done.status.code(), Some(0), "{done:?}");
        let mut pages = std::fs::read_dir(folder.join("copy/services")).unwrap();
        std::fs::read_to_string(pages.next().unwrap().unwrap().path()).unwrap()
    };
    tokio::task::spawn_blocking(copy).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_before_a_kill_has_its_time_until_somebody_looks_again() {
    let rig = Rig::new();
    rig.api.answers("/price", 503, "{}");
    rig.write("oes.toml", &rig.config(&["price"]));
    let killed = Process::start(&rig, "log");
    rig.messages(1).await;
    let page = until(&killed, "/services/price", "Major outage").await;
    assert!(!page.contains("not looked at since"), "{page}");
    drop(killed);

    let copy = copied(&rig).await;
    for shown in ["Major outage", " A copy of ", "data-copied=\""] {
        assert!(copy.contains(shown), "no {shown} in {copy}");
    }

    rig.api.waits("/price", Duration::from_millis(1_500));
    let process = Process::start(&rig, "again");
    let page = until(&process, "/services/price", "Major outage").await;
    let seen = regex::Regex::new(
        r#"<p class="sub">Seen on \d{1,2} \w{3} \d{4}, \d\d:\d\d:\d\d UTC, not looked at since:</p>"#,
    );
    assert!(seen.unwrap().is_match(&page), "{page}");
    assert!(page.contains(" · as of <time datetime="), "{page}");
    let first = ask(process.address().await, "/").await;
    assert!(first.contains("The service is down"), "{first}");
    // The first probe knows better.
    let page = until(&process, "/services/price", "<dt>Last look</dt>").await;
    assert!(!page.contains("not looked at since"), "{page}");
}

/// One that nobody has looked at for too long is not green in a copy, whatever was seen last.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_long_after_a_kill_does_not_say_that_all_is_well() {
    let rig = Rig::new();
    let config = rig.config(&["price"]) + "timeout = \"200ms\"\n";
    rig.write("oes.toml", &config);
    let killed = Process::start(&rig, "log");
    // They are in the history then.
    until(&killed, "/services/price", "Last probes</h2>").await;
    drop(killed);
    tokio::time::sleep(Duration::from_millis(700)).await;
    let copy = copied(&rig).await;
    assert!(
        copy.contains("<strong>No data</strong> · not looked at for "),
        "{copy}"
    );
}
