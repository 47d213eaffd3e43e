//! `oes status`: what is known of each service, and by whom.

use std::time::Duration;

use insta::assert_snapshot;
use jiff::Timestamp;
use oes::clock::Clock;
use oes::history::Store;
use oes::history::series::RawSample;
use oes::model::incident::{
    ChannelState, DeadLetter, Delivery, Incident, IncidentId, Ledger, Reason,
};
use oes::model::judgement::Outcome;
use oes::model::service::{ChannelName, ServiceName};
use oes::model::violation::{Sample, Violation};
use oes::state::{ServiceLine, StateFile};

use super::{Desk, json};

const CONFIG: &str = "version = \"1.0\"\ndata = \"data\"\n\
    [[services]]\nname = \"a\"\nurl = \"http://127.0.0.1:9/\"\n\
    [[services]]\nname = \"b\"\nurl = \"http://127.0.0.1:9/\"\n";

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
    save(file, &Ledger::default());
}

fn save(file: &mut StateFile, ledger: &Ledger) {
    let service = |name: &str| ServiceLine {
        name: ServiceName::new(name),
        url: Some("http://127.0.0.1:9/".to_owned()),
        http_method: Some("GET".to_owned()),
        violations: Vec::new(),
    };
    let services = [service("a"), service("b")];
    file.commit(ledger, &services, now()).unwrap();
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
        let raw = RawSample::of(sample, Duration::from_secs(70));
        store.write_sample(&ServiceName::new(*service), raw);
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

fn ago(seconds: i64) -> Timestamp {
    now() - jiff::SignedDuration::from_secs(seconds)
}

fn incident(id: &str, service: &str, violation: Violation, finding: &str) -> Incident {
    Incident {
        id: IncidentId(id.into()),
        service: ServiceName::new(service),
        violation,
        generation: 1,
        opened_at: ago(600),
        closed_at: None,
        ending: None,
        last_good: None,
        announced_before: None,
        news: oes::model::incident::News::Opened,
        reminders: 0,
        ack: None,
        reason: Reason {
            rule: "the rule".to_owned(),
            finding: Some(finding.to_owned()),
            ..Reason::default()
        },
    }
}

/// The config is what the daemon says of itself as well: an incident of the service `OES`.
#[test]
fn a_broken_config_is_mentioned_and_the_state_shown() {
    let (desk, mut daemon) = desk();
    let mut ledger = Ledger::default();
    let own = incident(
        "0000000000000001",
        "OES",
        Violation::Named("config".into()),
        "oes.toml:4:1: unknown key `ulr` in a service",
    );
    ledger.incidents.insert(own.id.clone(), own);
    save(&mut daemon, &ledger);
    judged(&desk, &[("a", Outcome::Pass), ("b", Outcome::Pass)]);
    let broken = [
        CONFIG.replace("url", "ulr"),
        format!("{CONFIG}match = [\"none.rhai\"]\nlatency = {{\n"),
    ];
    for (config, mistakes) in broken.iter().zip(["4 mistakes", "2 mistakes"]) {
        desk.write("oes.toml", config);
        let expected = format!(
            "exit 1\n── out\nthe daemon is running; its last change is TIME old\n\
             ✗  OES  config  for 10 min  seen 10 min ago: oes.toml:4:1: unknown key `ulr` in a service\n── err\n\
             warning: the ops config has {mistakes}; the daemon goes on with the one before: oes check oes.toml\n\
             not well: 2 services, 1 open incident"
        );
        assert_eq!(desk.seen(&["status", "oes.toml"]), expected);
    }
    let told = json(&desk.run(&["status", "oes.toml", "--json"]));
    assert_eq!(told["exit"], 1);
    assert_eq!(told["mistakes"][0]["file"], "oes.toml", "{told}");
    drop(daemon);
    let seen = desk.seen(&["status", "oes.toml"]);
    assert!(seen.contains("no daemon starts with it"), "{seen}");
}

/// Where the text does not say, the data folder is the default one.
#[test]
fn a_config_that_is_no_config_has_the_default_data_folder() {
    let desk = Desk::new(&[("oes.json", "{ \"data")]);
    assert_snapshot!(desk.seen(&["status", "oes.json"]), @r#"
    exit 2
    ── err
    error: there is no oes-data/state.json
    the ops config has 1 mistake, and may mean another data folder: oes check oes.json
    "#);
    let mut opened = StateFile::open(&desk.path("oes-data"), "boot", now()).unwrap();
    commit(&mut opened.file);
    let seen = desk.seen(&["status", "oes.json"]);
    assert!(seen.contains("the ops config has 1 mistake; "), "{seen}");
    assert!(seen.contains("…  a  no probe yet"), "{seen}");
    assert_snapshot!(desk.seen(&["status", "ose.json"]), @r#"
    exit 2
    ── err
      × ose.json: there is no such file [config/file]
    "#);
}

#[test]
fn a_service_that_the_daemon_does_not_know_yet_has_no_probe() {
    let (desk, _daemon) = desk();
    judged(&desk, &[("a", Outcome::Pass), ("b", Outcome::Pass)]);
    let new = "[[services]]\nname = \"new\"\nurl = \"http://127.0.0.1:9/\"\n";
    desk.write("oes.toml", &format!("{CONFIG}{new}"));
    assert_snapshot!(desk.seen(&["status", "oes.toml"]), @r#"
    exit 3
    ── out
    the daemon is running; its last change is TIME old
    …  new  no probe yet
    ── err
    not all judged: 3 services, 0 open incidents, 1 not judged
    "#);
}

/// Returns a ledger with a channel in every state, one open incident and seven dead letters.
fn troubled() -> Ledger {
    let mut ledger = Ledger::default();
    let trouble = |error: &str, failures, paused| ChannelState {
        failures,
        paused_until: paused,
        last_error: Some(error.to_owned()),
        ..ChannelState::default()
    };
    let later = Some(ago(-1800));
    let fine = ChannelState {
        last_success: Some(ago(60)),
        ..ChannelState::default()
    };
    let off = ChannelState {
        disabled: Some("the webhook is gone (404)".to_owned()),
        ..trouble("gone", 1, None)
    };
    let channels = [
        ("asked", trouble("the answer was 429", 0, later)),
        ("fails", trouble("connection \u{1b}[31mrefused", 3, later)),
        ("fine", fine),
        ("off", off),
    ];
    for (name, state) in channels {
        ledger.channels.insert(ChannelName::new(name), state);
    }
    let one = incident("0000000000000001", "a", Violation::Error, "it is down");
    for (name, since) in [("fails", 300), ("off", 600)] {
        let owed = Delivery {
            owed_since: Some(ago(since)),
            ..Delivery::default()
        };
        let key = (ChannelName::new(name), one.id.clone());
        ledger.deliveries.insert(key, owed);
    }
    let letter = |number: i64| DeadLetter {
        message_id: format!("{number:032}"),
        channel: ChannelName::new("off"),
        incident: one.id.clone(),
        service: one.service.clone(),
        violation: Violation::Error,
        at: ago(3600 * (7 - number)),
        attempts: 3,
        error: format!("no {number}"),
    };
    ledger.dead_letters = (0..7).map(letter).collect();
    ledger.incidents.insert(one.id.clone(), one);
    ledger
}

#[test]
fn channels_say_how_they_are_and_what_nobody_will_get() {
    let (desk, mut daemon) = desk();
    judged(&desk, &[("a", Outcome::Pass), ("b", Outcome::Pass)]);
    save(&mut daemon, &troubled());
    assert_snapshot!(desk.seen(&["status", "oes.toml"]), @r#"
    exit 1
    ── out
    the daemon is running; its last change is TIME old
    ✗  a  error  for 10 min  0 of the last 1 probe failed, no longer more than 50 % of 7; seen 10 min ago: it is down
    channel  asked  paused until CLOCK (asked to wait)  nothing owed       nothing sent yet
      the answer was 429
    channel  fails  failing, 3 tries, next about CLOCK  1 owed for 5 min   nothing sent yet
      connection  [31mrefused
    channel  fine   fine                                       nothing owed       last message TIME ago
    channel  off    disabled                                   1 owed for 10 min  nothing sent yet
      the webhook is gone (404); for a new try: oes channel resume off
    7 messages could not be delivered
      ✗  a · error  on off  60 min ago  no 6
      ✗  a · error  on off  2 h ago     no 5
      ✗  a · error  on off  3 h ago     no 4
      ✗  a · error  on off  4 h ago     no 3
      ✗  a · error  on off  5 h ago     no 2
      and 2 older
    ── err
    not well: 2 services, 1 open incident
    "#);
    let told = json(&desk.run(&["status", "oes.toml", "--json"]));
    assert_eq!(told["dead_letters"], 7);
    assert_eq!(told["newest_dead_letters"][0]["error"], "no 6", "{told}");
    assert_eq!(
        told["newest_dead_letters"][4]["violation"], "error",
        "{told}"
    );
    let doing: Vec<_> = (0..4)
        .map(|at| told["channels"][at]["doing"].as_str())
        .collect();
    assert_eq!(
        doing,
        [
            Some("paused"),
            Some("failing"),
            Some("fine"),
            Some("disabled")
        ]
    );
    assert_eq!(told["channels"][1]["owed"], 1);
    assert!(told["channels"][1]["owed_since"].is_string(), "{told}");
}

#[test]
fn why_is_said_as_of_now() {
    let (desk, mut daemon) = desk();
    let mut ledger = Ledger::default();
    let one = incident("0000000000000001", "a", Violation::Error, "it is down");
    ledger.incidents.insert(one.id.clone(), one);
    save(&mut daemon, &ledger);
    judged(&desk, &[("a", Outcome::Pass); 3]);
    judged(&desk, &[("a", Outcome::Fail); 4]);
    let sees = |failed: &str| {
        let seen = desk.seen(&["status", "oes.toml"]);
        let why = format!(
            "{failed} of the last 7 probes failed, more than 50 % of 7; seen 10 min ago: it is down"
        );
        assert!(seen.contains(&why), "no {why} in {seen}");
    };
    sees("4");
    judged(&desk, &[("a", Outcome::Fail); 3]);
    sees("7");
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

/// Returns the bytes of a state file with another format and the hash that belongs to it.
fn of_format(bytes: &[u8], format: u32) -> String {
    use sha2::Digest as _;
    let text = std::str::from_utf8(bytes).unwrap();
    let key = "\"sha256\":\"";
    let at = text.find(key).unwrap() + key.len();
    let blank = format!("{}{}{}", &text[..at], "0".repeat(64), &text[at + 64..]);
    let blank = blank.replacen("\"format\":1", &format!("\"format\":{format}"), 1);
    let digest = sha2::Sha256::digest(blank.as_bytes());
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let hash: String = digits
        .map(|digit| char::from_digit(digit.into(), 16).unwrap())
        .collect();
    blank.replacen(&"0".repeat(64), &hash, 1)
}

#[test]
fn a_state_of_a_newer_version_is_refused_by_every_command_and_never_changed() {
    let (desk, mut daemon) = desk();
    commit(&mut daemon);
    drop(daemon);
    let newer = of_format(&std::fs::read(desk.path("data/state.json")).unwrap(), 2);
    desk.write("data/state.json", &newer);
    let files = || {
        let file = |name: &str| std::fs::read(desk.path("data").join(name)).unwrap();
        let names = std::fs::read_dir(desk.path("data")).unwrap();
        let mut names: Vec<_> = names.map(|one| one.unwrap().file_name()).collect();
        names.sort();
        (names, file("state.json"), file("state.json.prev"))
    };
    let before = files();
    let refusal = "exit 2\n── err\nerror: data/state.json was written by a newer oes: it has format 2, this one reads up to 1; \
                   run that oes, or move the file away to start with nothing known";
    for command in [
        &["run", "oes.toml"][..],
        &["status", "oes.toml"],
        &["outbox", "list"],
        &["silence", "add", "--for", "1h", "--reason", "x", "--all"],
        &["incidents", "oes.toml"],
    ] {
        assert_eq!(desk.seen(command), refusal, "{command:?}");
        assert_eq!(files(), before, "{command:?}");
    }
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
