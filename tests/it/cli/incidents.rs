//! `oes incidents`: what was found, who was told, and who was not.

use std::time::Duration;

use insta::assert_snapshot;
use oes::clock::Clock;
use oes::history::Store;
use oes::model::event::{Chronicle, Event, EventKind};
use oes::model::incident::{
    Announced, Ending, GivenUp, GivenUpCause, Incident, IncidentId, Ledger,
};
use oes::model::service::ChannelName;
use oes::state::StateFile;

use super::json;
use super::troubled::{ID, LETTER, at, begun, desk, incident, troubled};

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

/// Writes the story of the incident as a daemon would.
fn write_story(desk: &super::Desk, incident: Incident) {
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
