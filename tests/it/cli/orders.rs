//! Commands that change what the notifier does, while no daemon runs.

use insta::assert_snapshot;
use oes::model::incident::Ledger;
use oes::state;

use super::troubled::{CONFIG, LETTER, desk, ledger, troubled};
use super::{Desk, json};

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
    assert_snapshot!(add(&["--service", "prcie", "--for", "1h"]), @r"
    exit 1
    ── err
    error: no service is called `prcie`: did you mean `price`? for one that is still to come write a pattern: `prcie*`
    ");
    assert!(ledger(&desk).silences.is_empty());
    let seen = add(&["--service", "prcie*", "--for", "1h"]);
    assert!(
        seen.contains("warning: no service is meant by service prcie* now"),
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
    assert!(
        seen.contains("taken on by ada: seen ") && seen.contains(" ago: $.price"),
        "{seen}"
    );
    assert_snapshot!(desk.seen(&["ack", "zzzz"]), @r"
    exit 1
    ── err
    error: there is no incident `zzzz`
    ");
    let refused = json(&desk.run(&["ack", "zzzz", "--json"]));
    assert_eq!(refused["exit"], 1, "{refused}");
    assert_eq!(refused["error"], "there is no incident `zzzz`");
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
