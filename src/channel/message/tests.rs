use insta::assert_snapshot;
use jiff::SignedDuration;

use std::time::Duration;

use super::*;
use crate::model::incident::{Ending, IncidentId, Reason};
use crate::model::incident::{Incident, News};
use crate::model::judgement::Outcome;
use crate::model::violation::Sample;
use crate::model::violation::Violation;
use crate::policy::owed::{Telling, Unheard};

/// 2026-01-01 02:13:07 UTC
const OPENED: i64 = 1_767_233_587;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn samples() -> Vec<Sample> {
    [
        (180, true),
        (190, true),
        (185, true),
        (214, false),
        (900, false),
        (870, false),
        (880, false),
    ]
    .into_iter()
    .enumerate()
    .map(|(index, (latency_ms, good))| Sample {
        at: at(OPENED - 360) + SignedDuration::from_mins(i64::try_from(index).unwrap()),
        outcome: if good { Outcome::Pass } else { Outcome::Fail },
        latency: Some(Duration::from_millis(latency_ms)),
        code: (!good).then(|| "price.shape".into()),
    })
    .collect()
}

/// Returns a message about a price that became a string.
pub(in crate::channel) fn example(telling: Telling) -> IncidentMessage {
    let over = telling != Telling::Fire;
    let incident = Incident {
        id: IncidentId("01J8ZK4N6P7Q8R9S".into()),
        service: ServiceName::new("price-api"),
        violation: Violation::Error,
        generation: if over { 2 } else { 1 },
        opened_at: at(OPENED),
        closed_at: over.then(|| at(OPENED + 1_680)),
        ending: over.then_some(Ending::Recovered),
        last_good: Some(at(OPENED - 240)),
        announced_before: None,
        news: News::Opened,
        reminders: 0,
        ack: None,
        reason: Reason {
            kept: None,
            rule: "4 of the last 7 probes failed, more than 50 %".into(),
            code: Some("price.shape".into()),
            finding: Some("$.price: expected number, got string \"1.31\"".into()),
            path: Some("$.price".into()),
            expected: Some(Json::from(1.28)),
            actual: Some(Json::from("1.31")),
            place: Some("scripts/price_sanity.rhai:2:15".into()),
            more_findings: 2,
            exchange: "GET https://api.example.io/asset/price/x → 200 in 214 ms".into(),
            address: None,
            samples: samples(),
        },
    };
    IncidentMessage {
        dependents: Vec::new(),
        telling,
        incident,
        subject: Subject {
            name: ServiceName::new("price-api"),
            method: Some("GET".into()),
            url: Some("https://api.example.io/asset/price/x".into()),
            severity: ServiceSeverity::Critical,
            group: Some("prices".into()),
            tags: vec!["edge".into(), "paid".into()],
            runbook: Some("https://wiki.example.io/price".into()),
        },
        sending: Sending::new("msg_5f0c9a", at(OPENED + if over { 1_690 } else { 95 })),
    }
}

/// Returns a message about a service of which no probe passed, with as little known as there can be.
fn never() -> IncidentMessage {
    let mut message = example(Telling::Fire);
    message.incident.last_good = None;
    message.incident.reason = Reason {
        rule: "1 of the last 1 probes failed".into(),
        exchange: "GET https://api.example.io → connection refused by 192.0.2.1:443".into(),
        ..Reason::default()
    };
    message.subject = Subject::gone(ServiceName::new("price-api"));
    message
}

#[test]
fn a_terminal_shows_what_failed_since_when_and_why() {
    assert_snapshot!(example(Telling::Fire).to_text(Colour::Plain), @r#"
    ✗ OPEN  price-api · error
      4 of the last 7 probes failed, more than 50 %

      $.price: expected number, got string "1.31"
      expected  1.28
      found by  [price.shape] scripts/price_sanity.rhai:2:15
      and       2 more findings

      exchange  GET https://api.example.io/asset/price/x → 200 in 214 ms
      since     2026-01-01 02:13:07 UTC (95 s)
      last good 2026-01-01 02:09:07 UTC
      probes    ✓✓✓✗✗✗✗  ▂▂▂▂███  p50 214 ms
      runbook   https://wiki.example.io/price
      service   GET https://api.example.io/asset/price/x · critical · group prices · tags edge, paid
      incident  01J8ZK4N6P7Q8R9S
    "#);
}

#[test]
fn a_terminal_shows_how_long_it_was() {
    assert_snapshot!(example(Telling::Resolve).to_text(Colour::Plain), @r#"
    ✓ RESOLVED  price-api · error resolved after 28 min
      it was    4 of the last 7 probes failed, more than 50 %

      $.price: expected number, got string "1.31"

      open      2026-01-01 02:13:07 UTC to 2026-01-01 02:41:07 UTC (28 min)
      probes    ✓✓✓✗✗✗✗  ▂▂▂▂███  p50 214 ms
      runbook   https://wiki.example.io/price
      service   GET https://api.example.io/asset/price/x · critical · group prices · tags edge, paid
      incident  01J8ZK4N6P7Q8R9S
    "#);
}

#[test]
fn a_terminal_shows_a_service_that_never_came_up() {
    assert_snapshot!(never().to_text(Colour::Plain), @r#"
    ✗ OPEN  price-api · error · never came up
      1 of the last 1 probes failed
      No probe of this service has passed yet.

      exchange  GET https://api.example.io → connection refused by 192.0.2.1:443
      since     2026-01-01 02:13:07 UTC (95 s)
      service   critical
      incident  01J8ZK4N6P7Q8R9S
    "#);
}

#[test]
fn a_terminal_shows_what_the_reader_should_know_of_the_sending() {
    let mut message = example(Telling::Outage(Unheard::Unreachable));
    message.sending.possible_repeat = true;
    message.sending.durable = false;
    message.sending.link = Some("https://oes.example.io/incidents/01J8ZK4N6P7Q8R9S".into());
    assert_snapshot!(message.to_text(Colour::Plain), @r#"
    ! WAS OPEN  price-api · error was open for 28 min
      it was    4 of the last 7 probes failed, more than 50 %
      It opened and closed while this channel could not be reached; it is over.

      $.price: expected number, got string "1.31"
      expected  1.28
      found by  [price.shape] scripts/price_sanity.rhai:2:15
      and       2 more findings

      exchange  GET https://api.example.io/asset/price/x → 200 in 214 ms
      open      2026-01-01 02:13:07 UTC to 2026-01-01 02:41:07 UTC (28 min)
      probes    ✓✓✓✗✗✗✗  ▂▂▂▂███  p50 214 ms
      runbook   https://wiki.example.io/price
      page      https://oes.example.io/incidents/01J8ZK4N6P7Q8R9S
      service   GET https://api.example.io/asset/price/x · critical · group prices · tags edge, paid
      incident  01J8ZK4N6P7Q8R9S · possible repeat · delivery records not durable
    "#);
}

#[test]
fn an_outage_says_why_nobody_was_told() {
    let notes = [Unheard::CoolDown, Unheard::Unreachable, Unheard::Brief]
        .map(|why| example(Telling::Outage(why)).note().unwrap());
    assert_eq!(
        notes,
        [
            "It opened and closed within the cool-down of the announcement before it; it is over.",
            "It opened and closed while this channel could not be reached; it is over.",
            "It opened and closed before this channel was told; it is over.",
        ]
    );
}

#[test]
fn people_read_times_in_their_zone_and_programs_in_utc() {
    let mut message = example(Telling::Resolve);
    message.sending.zone = TimeZone::get("Europe/Berlin").unwrap();
    let text = message.to_text(Colour::Plain);
    assert!(
        text.contains("2026-01-01 03:13:07 CET to 2026-01-01 03:41:07 CET"),
        "{text}"
    );
    let facts = message.to_json();
    assert_eq!(
        facts.get("opened_at").unwrap().to_string(),
        r#"{"rfc3339":"2026-01-01T02:13:07Z","unix":1767233587,"words":"2026-01-01 03:13:07 CET"}"#
    );
}

#[test]
fn colours_only_when_asked() {
    let message = example(Telling::Fire);
    assert!(!message.to_text(Colour::Plain).contains('\u{1b}'));
    let coloured = message.to_text(Colour::Ansi);
    assert!(
        coloured.starts_with("\u{1b}[1m\u{1b}[31m✗ OPEN\u{1b}[0m  "),
        "{coloured:?}"
    );
}

#[test]
fn data_cannot_take_over_a_terminal() {
    let mut message = example(Telling::Fire);
    message.subject.name = ServiceName::new("a\u{1b}[2Jb");
    message.incident.reason.finding = Some("x\r\n\u{202e}evil\u{7}".into());
    let text = message.to_text(Colour::Plain);
    assert!(
        text.chars().all(|c| c == '\n' || !c.is_control()),
        "{text:?}"
    );
    assert!(text.contains("  x  \u{fffd}evil\u{fffd}\n"), "{text}");
}

#[test]
fn each_telling_has_its_title() {
    let titles: Vec<String> = [
        Telling::Fire,
        Telling::Resolve,
        Telling::Outage(Unheard::CoolDown),
        Telling::Unwatched,
    ]
    .map(|telling| example(telling).title())
    .into();
    assert_eq!(
        titles,
        [
            "price-api · error",
            "price-api · error resolved after 28 min",
            "price-api · error was open for 28 min",
            "price-api · error no longer watched",
        ]
    );
    assert_eq!(never().title(), "price-api · error · never came up");
}

#[test]
fn a_clock_that_was_set_back_gives_no_negative_duration() {
    let mut message = example(Telling::Fire);
    message.sending.now = at(OPENED - 500);
    assert_eq!(message.duration(), Duration::ZERO);
}

#[test]
fn the_problem_is_the_finding_without_its_path() {
    let mut message = example(Telling::Fire);
    assert_eq!(
        message.problem(),
        Some("expected number, got string \"1.31\"")
    );
    message.incident.reason.path = Some("$.other".into());
    assert_eq!(
        message.problem(),
        Some("$.price: expected number, got string \"1.31\"")
    );
    message.incident.reason.path = None;
    assert_eq!(
        message.problem(),
        Some("$.price: expected number, got string \"1.31\"")
    );
}

#[test]
fn scripts_see_every_fact() {
    let mut message = example(Telling::Fire);
    message.incident.reason.samples.drain(..5);
    let facts = message.to_json();
    let lines = facts.as_object().unwrap().iter();
    let lines: Vec<String> = lines
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    assert_snapshot!(lines.join("\n"), @r#"
    kind: "opened"
    title: "price-api · error"
    headline: "error"
    note: null
    at: {"rfc3339":"2026-01-01T02:14:42Z","unix":1767233682,"words":"2026-01-01 02:14:42 UTC"}
    service: {"name":"price-api","method":"GET","url":"https://api.example.io/asset/price/x","severity":"critical","group":"prices","tags":["edge","paid"],"runbook":"https://wiki.example.io/price"}
    incident: "01J8ZK4N6P7Q8R9S"
    violation: "error"
    generation: 1
    rule: "4 of the last 7 probes failed, more than 50 %"
    exchange: "GET https://api.example.io/asset/price/x → 200 in 214 ms"
    finding: {"code":"price.shape","path":"$.price","problem":"expected number, got string \"1.31\"","expected":1.28,"actual":"1.31","has_values":true,"place":"scripts/price_sanity.rhai:2:15","more":2}
    opened_at: {"rfc3339":"2026-01-01T02:13:07Z","unix":1767233587,"words":"2026-01-01 02:13:07 UTC"}
    closed_at: null
    last_good: {"rfc3339":"2026-01-01T02:09:07Z","unix":1767233347,"words":"2026-01-01 02:09:07 UTC"}
    never_came_up: false
    duration_s: 95
    duration: "95 s"
    probes: {"marks":"✗✗","bars":"██","p50_ms":870,"p50":"870 ms","samples":[{"at":{"rfc3339":"2026-01-01T02:12:07Z","unix":1767233527,"words":"2026-01-01 02:12:07 UTC"},"outcome":"fail","latency_ms":870,"code":"price.shape"},{"at":{"rfc3339":"2026-01-01T02:13:07Z","unix":1767233587,"words":"2026-01-01 02:13:07 UTC"},"outcome":"fail","latency_ms":880,"code":"price.shape"}]}
    message_id: "msg_5f0c9a"
    possible_repeat: false
    durable: true
    footnotes: []
    link: null
    remote_ref: null
    first: true
    edit: null
    reminders: 0
    ack: null
    lines: []
    counts: null
    incidents: []
    "#);
}

#[test]
fn scripts_see_the_same_keys_whatever_is_known() {
    fn keys(value: &Json) -> Vec<String> {
        value
            .as_object()
            .unwrap()
            .keys()
            .map(str::to_owned)
            .collect()
    }
    let (full, bare) = (example(Telling::Resolve).to_json(), never().to_json());
    assert_eq!(keys(&full), keys(&bare));
    for key in ["service", "probes", "opened_at"] {
        assert_eq!(keys(full.get(key).unwrap()), keys(bare.get(key).unwrap()));
    }
}
