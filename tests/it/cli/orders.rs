//! Commands that change what the notifier does, while no daemon runs; and those that look.

use std::collections::BTreeMap;
use std::time::Duration;

use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use oes::clock::Clock;
use oes::history::Store;
use oes::model::event::{Chronicle, Event, EventKind};
use oes::model::incident::{
    Announced, ChannelState, DeadLetter, Delivery, Ending, GivenUp, GivenUpCause, Incident,
    IncidentId, Ledger, News, Reason,
};
use oes::model::json::Json;
use oes::model::service::{ChannelName, ServiceName};
use oes::model::violation::Violation;
use oes::state::{self, ServiceLine, StateFile};

use super::{Desk, json};

const CONFIG: &str = "version = \"1.0\"\ndata = \"data\"\n\
    [[services]]\nname = \"price\"\nurl = \"http://127.0.0.1:9/\"\ntags = [\"edge\"]\n\
    [[channels]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"${env:HOOK_URL}\"\n";

const ID: &str = "0w3ge1r70w3ge1r7";
const LETTER: &str = "0123456789abcdef0123456789abcdef";

fn begun() -> Timestamp {
    "2026-11-26T02:13:07Z".parse().unwrap()
}

fn at(minutes: i64) -> Timestamp {
    begun() + SignedDuration::from_mins(minutes)
}

fn incident() -> Incident {
    Incident {
        id: IncidentId(ID.into()),
        service: ServiceName::new("price"),
        violation: Violation::Error,
        generation: 1,
        news: News::Opened,
        reminders: 0,
        ack: None,
        opened_at: begun(),
        closed_at: None,
        ending: None,
        last_good: Some(at(-4)),
        announced_before: None,
        reason: Reason {
            rule: "4 of the last 7 probes failed, more than 50 %".to_owned(),
            code: Some("type".into()),
            finding: Some("$.price: expected number, got string \"1|31\"".to_owned()),
            path: Some("$.price".to_owned()),
            expected: Some(Json::from("#number")),
            actual: Some(Json::from("1|31")),
            exchange: "GET http://127.0.0.1:9/ → 200 in 214 ms".to_owned(),
            ..Reason::default()
        },
    }
}

/// A channel that is disabled, an incident that it refused to be told of.
fn troubled() -> Ledger {
    let (hook, id) = (ChannelName::new("hook"), IncidentId(ID.into()));
    let delivery = Delivery {
        attempts: 1,
        last_error: Some("the receiver answered 413".to_owned()),
        owed_since: Some(begun()),
        given_up: Some(GivenUp {
            generation: 1,
            cause: GivenUpCause::Rejected,
        }),
        ..Delivery::default()
    };
    let letter = DeadLetter {
        message_id: LETTER.to_owned(),
        channel: hook.clone(),
        incident: id.clone(),
        service: ServiceName::new("price"),
        violation: Violation::Error,
        at: at(1),
        attempts: 1,
        error: "the receiver answered 413".to_owned(),
    };
    let state = ChannelState {
        disabled: Some("the receiver is gone".to_owned()),
        ..ChannelState::default()
    };
    Ledger {
        incidents: BTreeMap::from([(id.clone(), incident())]),
        deliveries: BTreeMap::from([((hook.clone(), id), delivery)]),
        channels: BTreeMap::from([(hook, state)]),
        dead_letters: vec![letter],
        ..Ledger::default()
    }
}

/// Returns a desk with a state, and the file as a daemon holds it.
fn desk(ledger: &Ledger) -> (Desk, StateFile) {
    let desk = Desk::new(&[("oes.toml", CONFIG)]);
    let now = Clock::System.now();
    let mut file = StateFile::open(&desk.path("data"), "boot", now)
        .unwrap()
        .file;
    let price = ServiceLine {
        name: ServiceName::new("price"),
        url: "http://127.0.0.1:9/".to_owned(),
        http_method: "GET".to_owned(),
        violations: Vec::new(),
    };
    file.commit(ledger, &[price], now).unwrap();
    (desk, file)
}

fn ledger(desk: &Desk) -> Ledger {
    state::read(&desk.path("data")).unwrap().ledger
}

fn event(minutes: i64, kind: EventKind, text: &str) -> Event {
    use EventKind::{Acked, Closed, Finding, Opened, Reminder};
    let of_incident = matches!(kind, Opened | Finding | Reminder | Acked | Closed);
    Event {
        incident: IncidentId(ID.into()),
        at: at(minutes),
        kind,
        channel: (!of_incident).then(|| ChannelName::new("hook")),
        text: text.to_owned(),
    }
}

#[test]
fn silences_are_made_and_ended_while_no_daemon_runs() {
    let (desk, daemon) = desk(&Ledger::default());
    drop(daemon);
    let add = |more: &[&str]| {
        let words = [&["silence", "add", "--reason", "deployment"], more].concat();
        desk.run(&[words, vec!["--by", "ada", "--json"]].concat())
    };
    let made = json(&add(&[
        "--tag",
        "edge",
        "--severity",
        "critical",
        "--for",
        "2h",
    ]));
    assert_eq!(made["schema"], "oes.silence-add/1");
    assert_eq!(made["through"], "state_file");
    let silences = ledger(&desk).silences;
    let silence = silences.values().next().unwrap();
    assert_eq!(silence.of.to_string(), "tag edge, severity critical");
    let span = silence.until.duration_since(silence.from);
    assert!((7190..=7200).contains(&span.as_secs()), "{span}");
    let services = state::read(&desk.path("data")).unwrap().services;
    assert_eq!(services.len(), 1, "what other programs read stays");
    let listed = json(&desk.run(&["silence", "list", "oes.toml", "--json"]));
    assert_eq!(listed["silences"][0]["active"], true);
    let id = silence.id.to_string();
    let seen = desk.seen(&["status", "oes.toml"]);
    for part in [
        &*format!("silence  {id}  tag edge, severity critical  for another "),
        "by ada: deployment",
    ] {
        assert!(seen.contains(part), "{seen}");
    }
    assert_snapshot!(desk.seen(&["silence", "end", &id]).replace(&id, "ID"), @r"
    exit 0
    ── out
    silence ID of tag edge, severity critical is over
    ── err
    no daemon runs; it is in the state file for the next start
    ");
    assert_snapshot!(desk.seen(&["silence", "end", &id]).replace(&id, "ID"), @r"
    exit 1
    ── err
    error: there is no silence `ID`
    ");
    assert_snapshot!(desk.seen(&["silence", "list"]), @r"
    exit 0
    ── err
    there are no silences
    ");
}

#[test]
fn a_silence_that_is_said_badly_is_refused() {
    let (desk, daemon) = desk(&Ledger::default());
    drop(daemon);
    let add = |more: &[&str]| desk.seen(&[&["silence", "add", "--reason", "x"], more].concat());
    assert_snapshot!(add(&["--for", "2h"]), @r"
    exit 2
    ── err
    error: nothing says what to mute: name a --service, --tag, --group, --severity or --violation, or --all
    ");
    assert_snapshot!(add(&["--all", "--until", "soon"]), @r#"
    exit 2
    ── err
    error: --until: `soon` is no moment; write MOMENT, "2026-11-27 22:00" or 22:00
    "#);
    assert_snapshot!(add(&["--all", "--until", "2020-01-01"]), @r"
    exit 1
    ── err
    error: a silence ends after it begins
    ");
    assert!(ledger(&desk).silences.is_empty());
    let seen = add(&["--service", "prcie", "--for", "1h"]);
    assert!(
        seen.contains("warning: no service of the ops config is meant by service prcie"),
        "{seen}"
    );
    assert_eq!(ledger(&desk).silences.len(), 1);
}

/// Somebody has the folder and says nothing of how to reach it: an older OES, or one that just starts.
#[test]
fn a_folder_that_another_process_has_is_left_alone() {
    let (desk, daemon) = desk(&troubled());
    let before = ledger(&desk);
    assert_snapshot!(desk.seen(&["ack", "0w3ge"]), @r"
    exit 1
    ── err
    error: the daemon that uses data cannot be reached; it may be starting; if not, look into its log, or use its API with the `server.token` of the ops config: No such file or directory (os error 2)
    ");
    desk.write(
        "data/control.json",
        "{\"address\":\"127.0.0.1:9\",\"token\":\"x\",\"pid\":1}",
    );
    let seen = desk.seen(&["ack", "0w3ge"]);
    assert!(
        seen.contains("does not answer; it may be starting or stopping: try again"),
        "{seen}"
    );
    assert_eq!(ledger(&desk), before);
    drop(daemon);
    // What a daemon left behind that was killed is no door.
    assert!(desk.run(&["ack", "0w3ge"]).status.success());
}

#[test]
fn nothing_is_changed_where_no_daemon_has_run_or_its_file_is_damaged() {
    let desk_of = Desk::new(&[("oes.toml", CONFIG)]);
    assert_snapshot!(desk_of.seen(&["channel", "resume", "hook"]), @r"
    exit 2
    ── err
    error: there is no data/state.json
    ");
    assert!(!desk_of.path("data").exists());
    let (desk, daemon) = desk(&troubled());
    drop(daemon);
    let damaged = std::fs::read_to_string(desk.path("data/state.json")).unwrap() + " ";
    desk.write("data/state.json", &damaged);
    let seen = desk.seen(&["channel", "resume", "hook"]);
    assert!(seen.starts_with("exit 2\n"), "{seen}");
    let after = std::fs::read_to_string(desk.path("data/state.json")).unwrap();
    assert_eq!(after, damaged);
    assert_snapshot!(desk.seen(&["channel", "resume", "none.toml", "hook"]), @r"
    exit 2
    ── err
      × none.toml: there is no such file [config/file]
    ");
}

#[test]
fn what_was_given_up_is_shown_owed_again_and_dropped() {
    let (desk, daemon) = desk(&troubled());
    drop(daemon);
    let seen = desk.seen(&["outbox", "list"]);
    assert!(
        seen.contains("on hook  price · error  the receiver answered 413"),
        "{seen}"
    );
    assert_snapshot!(desk.seen(&["outbox", "show", LETTER]), @r"
    exit 0
    ── out
    message   0123456789abcdef0123456789abcdef
    channel   hook
    state     given up 2026-11-26 CLOCK
    about     price · error
    incident  0w3ge1r70w3ge1r7
    tries     1
    error     the receiver answered 413
    ");
    assert_snapshot!(desk.seen(&["outbox", "retry", LETTER]), @r"
    exit 0
    ── out
    due now: price · error (incident 0w3ge1r70w3ge1r7) on hook; but the channel is disabled: the receiver is gone
    ── err
    no daemon runs; it is in the state file for the next start
    ");
    let ledger_now = ledger(&desk);
    assert!(ledger_now.dead_letters.is_empty());
    let entry = json(&desk.run(&["outbox", "list", "--json"]))["entries"][0].clone();
    assert_eq!(
        (entry["state"].as_str(), entry["attempts"].as_u64()),
        (Some("owed"), Some(0))
    );
    assert_snapshot!(desk.seen(&["channel", "resume", "hook"]), @r"
    exit 0
    ── out
    channel hook is tried now; it was disabled: the receiver is gone; 1 owed
    ── err
    no daemon runs; it is in the state file for the next start
    ");
    let message = entry["message_id"].as_str().unwrap();
    let dropped = json(&desk.run(&["outbox", "drop", message, "--json"]));
    assert_eq!(dropped["done"], "dropped");
    assert_snapshot!(desk.seen(&["outbox", "list"]), @r"
    exit 0
    ── err
    every channel has been told everything
    ");
    assert_snapshot!(desk.seen(&["outbox", "show", LETTER]), @r"
    exit 1
    ── err
    error: no message `0123456789abcdef0123456789abcdef` is owed or was given up
    ");
}

#[test]
fn an_incident_is_taken_on_and_listed() {
    let (desk, daemon) = desk(&troubled());
    drop(daemon);
    assert_snapshot!(desk.seen(&["ack", "0w3ge1", "--by", "ada", "--reason", "on it"]), @r"
    exit 0
    ── out
    incident 0w3ge1r70w3ge1r7 (price · error) is taken on by ada
    ── err
    no daemon runs; it is in the state file for the next start
    ");
    let seen = desk.seen(&["incidents"]);
    assert!(
        seen.contains("✗  0w3ge1r70w3ge1r7  price · error  open for "),
        "{seen}"
    );
    assert!(
        seen.contains("taken on by ada: $.price: expected number"),
        "{seen}"
    );
    let seen = desk.seen(&["status", "oes.toml"]);
    assert!(seen.contains("taken on by ada: $.price"), "{seen}");
    assert_snapshot!(desk.seen(&["ack", "zzzz"]), @r"
    exit 1
    ── err
    error: there is no incident `zzzz`
    ");
    let refused = json(&desk.run(&["ack", "zzzz", "--json"]));
    assert_eq!(refused["exit"], 1, "{refused}");
    assert_eq!(refused["error"], "there is no incident `zzzz`");
}

/// Writes the story of the incident as a daemon would.
fn write_story(desk: &Desk, incident: Incident) {
    use EventKind::{Acked, Closed, GivenUp, Intended, Muted, Opened, Refused, Taken, Unmuted};
    let store = Store::open(&desk.path("data/oes.db"), 0, begun()).store;
    let rule = &incident.reason.rule;
    let found = incident.reason.finding.as_ref().unwrap();
    let message = format!("the opening, message {LETTER}");
    store.write_chronicle(Chronicle {
        events: vec![
            event(0, Opened, &format!("{rule}; {found}")),
            event(1, Muted, "the silence 7c2f0000 by ada"),
            event(20, Unmuted, "the silence 7c2f0000 by ada"),
            event(21, Intended, &message),
            event(21, Refused, "the opening: the receiver answered 503"),
            event(21, Intended, &message),
            event(22, Refused, "the opening: the receiver answered 503"),
            event(22, Intended, &message),
            event(22, Taken, &message),
            event(23, Acked, "by ada: on it"),
            event(28, Closed, "recovered after 28 min"),
            event(29, GivenUp, "after 1 tries: the receiver answered 413"),
        ],
        incidents: vec![incident],
    });
    store.flush(Duration::from_secs(20)).unwrap();
}

/// Returns a ledger in which the incident is over, and its end was given up.
fn over() -> Ledger {
    let mut ledger = troubled();
    let one = ledger.incidents.values_mut().next().unwrap();
    one.generation = 2;
    one.closed_at = Some(at(28));
    one.ending = Some(Ending::Recovered);
    for delivery in ledger.deliveries.values_mut() {
        delivery.announced = Announced::Yes;
        delivery.acked_generation = 1;
        delivery.given_up = Some(GivenUp {
            generation: 2,
            cause: GivenUpCause::Rejected,
        });
    }
    ledger
}

#[test]
fn the_story_of_an_incident_begins_a_post_mortem() {
    let ledger = over();
    let (desk, mut daemon) = desk(&ledger);
    write_story(&desk, ledger.incidents[&IncidentId(ID.into())].clone());
    let markdown = desk.run(&["incidents", "show", "0w3g", "--md"]);
    assert_snapshot!(String::from_utf8(markdown.stdout).unwrap(), @r##"
    # price · error

    - incident: `0w3ge1r70w3ge1r7`
    - began: 2026-11-26 02:13:07 UTC
    - ended: 2026-11-26 02:41:07 UTC
    - state: recovered after 28 min
    - rule: 4 of the last 7 probes failed, more than 50 %
    - finding: $.price: expected number, got string "1\|31"
    - expected: `"#number"`
    - actual: `"1|31"`
    - exchange: GET http://127.0.0.1:9/ → 200 in 214 ms

    ## Timeline

    | when | what |
    | --- | --- |
    | 2026-11-26 02:09:07 UTC | **the last probe that passed** |
    | 2026-11-26 02:13:07 UTC | **opened: 4 of the last 7 probes failed, more than 50 %; $.price: expected number, got string "1\|31"** |
    | 2026-11-26 02:14:07 UTC | held back from hook by the silence 7c2f0000 by ada |
    | 2026-11-26 02:33:07 UTC | no longer held back from hook by the silence 7c2f0000 by ada |
    | 2026-11-26 02:34:07 UTC | hook did not take the opening: the receiver answered 503 (2 times) |
    | 2026-11-26 02:35:07 UTC | hook took the opening, message 0123456789abcdef0123456789abcdef |
    | 2026-11-26 02:36:07 UTC | **taken on by ada: on it** |
    | 2026-11-26 02:41:07 UTC | **recovered after 28 min** |
    | 2026-11-26 02:42:07 UTC | given up on hook after 1 tries: the receiver answered 413 |

    ## Who knows of it

    | channel | |
    | --- | --- |
    | hook | given up: the receiver answered 413 |

    ## Why


    ## What we change
    "##);
    let told = json(&desk.run(&["incidents", "show", ID, "--json"]));
    assert_eq!(told["schema"], "oes.incident/1");
    assert_eq!(told["events"].as_array().unwrap().len(), 12);
    assert_eq!(told["channels"][0]["channel"], "hook");
    // A week later the state file has forgotten it.
    file_forgets(&mut daemon);
    let seen = desk.seen(&["incidents", "show", "0w3g"]);
    assert!(
        seen.contains("✓  price · error  0w3ge1r70w3ge1r7  recovered after 28 min"),
        "{seen}"
    );
    assert!(
        seen.contains("hook did not take the opening: the receiver answered 503"),
        "{seen}"
    );
    assert_snapshot!(desk.seen(&["incidents"]), @r"
    exit 0
    ── err
    there are no incidents
    ");
    let all = json(&desk.run(&["incidents", "--all", "--json"]));
    assert_eq!(all["incidents"][0]["id"], ID);
    assert_snapshot!(desk.seen(&["incidents", "show", "zzzz"]), @r"
    exit 1
    ── err
    error: there is no incident `zzzz`
    ");
}

fn file_forgets(file: &mut StateFile) {
    let now = Clock::System.now();
    file.commit(&Ledger::default(), &[], now).unwrap();
}

/// Where nothing was written down, the incident itself is the story.
#[test]
fn an_incident_without_events_is_told_from_the_state_file() {
    let (desk, _daemon) = desk(&troubled());
    let seen = desk.seen(&["incidents", "show", "0w3g"]);
    assert!(
        seen.contains("opened: 4 of the last 7 probes failed"),
        "{seen}"
    );
    assert!(
        seen.contains("hook  given up: the receiver answered 413"),
        "{seen}"
    );
    assert!(!seen.contains("── err"), "{seen}");
}

#[test]
fn an_ack_that_no_daemon_saw_is_in_the_story() {
    let (desk, daemon) = desk(&troubled());
    drop(daemon);
    write_story(&desk, incident());
    assert!(desk.run(&["ack", "0w3g", "--by", "bob"]).status.success());
    let seen = desk.seen(&["incidents", "show", "0w3g"]);
    assert!(seen.contains("taken on by bob"), "{seen}");
}

/// Root may write everywhere, and what it writes another user's daemon cannot read.
#[cfg(unix)]
#[test]
fn the_state_of_another_user_is_left_alone() {
    let (desk, daemon) = desk(&troubled());
    drop(daemon);
    if std::os::unix::fs::chown(desk.path("data"), Some(65_534), None).is_err() {
        eprintln!("skipped: only root can give a folder away");
        return;
    }
    assert_snapshot!(desk.seen(&["ack", "0w3ge"]), @r"
    exit 1
    ── err
    error: data belongs to another user; run this command as that user, or while the daemon runs
    ");
}
