//! `oes status`: what is known of each service, and by whom.

use std::time::Duration;

use insta::assert_snapshot;
use jiff::Timestamp;
use oes::clock::Clock;
use oes::history::Store;
use oes::model::incident::Ledger;
use oes::model::judgement::Outcome;
use oes::model::service::ServiceName;
use oes::model::violation::Sample;
use oes::state::{ServiceLine, StateFile};

use super::{Desk, json};

const CONFIG: &str =
    "version = \"1.0\"\ndata = \"data\"\n[[services]]\nurl = \"http://127.0.0.1:9/\"\n";

fn now() -> Timestamp {
    Clock::System.now()
}

/// Returns a desk with a state of two services, and the file as a daemon holds it.
fn desk() -> (Desk, StateFile) {
    let desk = Desk::new(&[("oes.toml", CONFIG)]);
    let mut opened = StateFile::open(&desk.path("data"), "boot", now()).unwrap();
    commit(&mut opened.file);
    (desk, opened.file)
}

fn commit(file: &mut StateFile) {
    let service = |name: &str| ServiceLine {
        name: ServiceName::new(name),
        url: "http://127.0.0.1:9/".to_owned(),
        http_method: "GET".to_owned(),
        violations: Vec::new(),
    };
    let services = [service("a"), service("b")];
    file.commit(&Ledger::default(), &services, now()).unwrap();
}

/// Writes the outcomes of probes into the history.
fn judged(desk: &Desk, probes: &[(&str, Outcome)]) {
    let path = desk.path("data").join("oes.db");
    let store = Store::open(&path, 0, now()).store;
    for (service, outcome) in probes {
        let sample = Sample {
            at: now(),
            outcome: *outcome,
            latency: None,
            code: None,
        };
        store.write_sample(&ServiceName::new(*service), sample);
    }
    store.flush(Duration::from_secs(30)).unwrap();
}

#[test]
fn what_was_never_judged_is_not_fine() {
    let (desk, _daemon) = desk();
    assert_snapshot!(desk.seen(&["status", "oes.toml"]), @r#"
    exit 3
    ── out
    the daemon is running; its last change is TIME old
    …  a  no probe yet
    …  b  no probe yet
    ── err
    not all judged: 2 services, 0 open incidents, 2 not judged
    "#);
    judged(&desk, &[("a", Outcome::Pass), ("b", Outcome::Unknown)]);
    assert_snapshot!(desk.seen(&["status", "oes.toml", "--all"]), @r#"
    exit 3
    ── out
    the daemon is running; its last change is TIME old
    ✓  a  fine
    ?  b  unknown
    ── err
    not all judged: 2 services, 0 open incidents, 1 not judged
    "#);
    judged(&desk, &[("b", Outcome::Warn)]);
    assert_snapshot!(desk.seen(&["status", "oes.toml"]), @r#"
    exit 0
    ── out
    the daemon is running; its last change is TIME old
    ── err
    all well: 2 services, 0 open incidents
    "#);
}

#[test]
fn a_daemon_that_is_gone_is_said_so() {
    let (desk, daemon) = desk();
    judged(&desk, &[("a", Outcome::Pass), ("b", Outcome::Pass)]);
    let told = json(&desk.run(&["status", "oes.toml", "--json"]));
    assert_eq!(
        (told["running"].as_bool(), told["exit"].as_u64()),
        (Some(true), Some(0)),
        "{told}"
    );
    drop(daemon);
    let seen = desk.seen(&["status", "oes.toml"]);
    assert!(
        seen.starts_with("exit 3\n── out\nthe daemon is not running; this is what it knew at "),
        "{seen}"
    );
    assert!(
        seen.ends_with("not watched: 2 services, 0 open incidents"),
        "{seen}"
    );
    let told = json(&desk.run(&["status", "oes.toml", "--json"]));
    assert_eq!(
        (told["running"].as_bool(), told["exit"].as_u64()),
        (Some(false), Some(3)),
        "{told}"
    );
    assert_eq!(told["services"][0]["standing"], "fine");
    let saved_at: Timestamp = told["saved_at"].as_str().unwrap().parse().unwrap();
    assert!(saved_at <= now());
}

#[test]
fn a_damaged_state_gives_way_to_its_previous_copy() {
    let (desk, mut daemon) = desk();
    commit(&mut daemon);
    desk.write("data/state.json", "{");
    let seen = desk.seen(&["status", "oes.toml"]);
    assert!(seen.starts_with("exit 3\n"), "{seen}");
    assert!(
        seen.contains("state.json is damaged: ") && seen.contains("; shown is its previous copy"),
        "{seen}"
    );
    let told = json(&desk.run(&["status", "oes.toml", "--json"]));
    assert_eq!(told["seq"], 1);
    assert!(
        told["fell_back"].as_str().unwrap().contains("is damaged"),
        "{told}"
    );
    desk.write("data/state.json.prev", "{");
    let seen = desk.seen(&["status", "oes.toml"]);
    assert!(
        seen.starts_with("exit 2\n── err\nerror: data/state.json is damaged"),
        "{seen}"
    );
}

#[test]
fn a_state_of_which_only_the_previous_copy_is_left_is_read() {
    let (desk, mut daemon) = desk();
    commit(&mut daemon);
    std::fs::remove_file(desk.path("data/state.json")).unwrap();
    let seen = desk.seen(&["status", "oes.toml"]);
    assert!(
        seen.contains("there is no data/state.json; shown is its previous copy"),
        "{seen}"
    );
}

/// Whoever only looks has the lock for a moment, which must not keep a daemon from starting.
#[test]
fn looking_keeps_no_daemon_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    drop(StateFile::open(folder.path(), "boot", now()).unwrap());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                oes::state::in_use(folder.path());
                std::thread::park_timeout(Duration::from_millis(1));
            }
        });
        let opened = (0..30).all(|_| StateFile::open(folder.path(), "boot", now()).is_ok());
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(opened);
    });
}
