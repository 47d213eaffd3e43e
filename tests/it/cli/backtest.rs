//! `oes backtest` on recordings that a test made.

mod fail_if;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode, Version};
use jiff::Timestamp;
use oes::daemon::recording::Recording;
use oes::history::recordings::{FILE, Recorder};
use oes::model::exchange::{Body, Exchange, Phase, Response, Sent, Timings};
use oes::model::judgement::Outcome;
use oes::model::service::{RecordRule, ServiceName};
use oes::script::recorded::RecordedCall;
use serde_json::json as data;

use super::{Desk, json};

/// Returns exit code and output as they are: nothing in them differs between two runs.
pub(super) fn shown(desk: &Desk, arguments: &[&str]) -> String {
    let output = desk.run(arguments);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    format!("exit {}\n{out}{err}", output.status.code().unwrap())
        .trim_end()
        .to_owned()
}

const CONFIG: &str = "data = \"data\"\ninterval = \"1m\"\n[[services]]\nname = \"price\"\n\
    url = \"http://127.0.0.1:9/price\"\nlatency = 400\nrecord = true\nmatch = [\"cheap\"]\n";

/// Every minute from noon on, one recording: status, milliseconds, price.
pub(super) fn record(desk: &Desk, probes: &[(u16, u64, i64)]) {
    std::fs::create_dir_all(desk.path("data")).unwrap();
    let recorder = Recorder::start(&desk.path("data").join(FILE));
    for (minute, (status, millis, price)) in probes.iter().enumerate() {
        let at = noon(minute);
        let recording = Recording {
            at,
            outcome: Some(Outcome::Pass),
            exchange: Some(Arc::new(exchange(at, *status, *millis, *price))),
            calls: vec![call(&format!("{{\"best\": {minute}}}"))],
        };
        let rule = RecordRule {
            keep: Duration::from_secs(1_000_000_000),
            bytes: 1 << 20,
        };
        let name = ServiceName::new("price");
        recorder.record(&name, rule, 100, Box::new(|| recording.into_kept()));
    }
    assert!(recorder.flush(Duration::from_secs(10)));
    assert_eq!(recorder.health().written, probes.len() as u64);
}

fn noon(minute: usize) -> Timestamp {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    noon + Duration::from_secs(60 * minute as u64)
}

fn exchange(at: Timestamp, status: u16, millis: u64, price: i64) -> Exchange {
    let mut timings = Timings::default();
    timings.total = Duration::from_millis(millis);
    timings.add(Phase::Wait, timings.total);
    Exchange {
        started_at: at,
        sent: Arc::new(Sent {
            method: "GET".to_owned(),
            url: "http://127.0.0.1:9/price".into(),
            ..Sent::default()
        }),
        timings,
        bearer: None,
        hops: Vec::new(),
        peer: None,
        certificate: None,
        tls: None,
        result: Ok(Response {
            status: StatusCode::from_u16(status).unwrap(),
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
            body: Body::new(format!("{{\"price\": {price}}}")),
        }),
    }
}

fn call(body: &str) -> RecordedCall {
    serde_json::from_value(data!({
        "method": "GET", "url": "http://127.0.0.1:9/best", "status": 200, "headers": [], "elapsed_ns": 1_000_000,
        "body": body,
    }))
    .unwrap()
}

/// 40 minutes: fine, wrong for ten minutes from 12:10 on, then slow for ten minutes from 12:25 on.
fn an_outage() -> Vec<(u16, u64, i64)> {
    (0..40)
        .map(|minute| match minute {
            10..20 => (200, 100, 99),
            25..35 => (200, 500, 5),
            _ => (200, 100, 5),
        })
        .collect()
}

fn desk() -> Desk {
    let desk = Desk::new(&[
        ("oes.toml", CONFIG),
        ("cheap.rhai", "expect(body.price < 10, \"too dear\");\n"),
    ]);
    record(&desk, &an_outage());
    desk
}

#[test]
fn shows_what_would_have_opened_when_and_why() {
    insta::assert_snapshot!(shown(&desk(), &["backtest", "price"]), @r"
    exit 1
    price: recorded for 39 min, 2026-03-01 12:00:00 UTC to 2026-03-01 12:39:00 UTC

    40 probes · 30 pass · 10 fail
    10 came to something else when they were recorded
      +0 s  ..........FFFFFFFFFF....................
    ✗ 2 violations would have opened
      error  2026-03-01 12:10:00 UTC to 2026-03-01 12:25:00 UTC (15 min), seen after 3 min
        4 of the last 7 probes failed, more than 50 % of 7
        too dear (body.price = 99) [too-dear]
      latency  2026-03-01 12:30:00 UTC to 2026-03-01 12:37:00 UTC (7 min), seen at once
        the mean of the last 7 latencies is 442 ms, more than 400 ms
    4 messages to people (--messages shows them)
    ");
}

/// What a probe fails for later is another matter, and never says why an exchange is slow.
#[test]
fn an_incident_shows_what_opened_it() {
    let desk = desk();
    let script = "warn(\"stale\", \"an old cache\");\nexpect(body.price < 10, \"too dear\");\n";
    desk.write("cheap.rhai", script);
    std::fs::remove_dir_all(desk.path("data")).unwrap();
    // Slow from 12:05 on; wrong as well from 12:14 on.
    let probes: Vec<_> = (0..30)
        .map(|minute| match minute {
            0..5 => (200, 100, 5),
            5..14 => (200, 900, 5),
            _ => (200, 900, 99),
        })
        .collect();
    record(&desk, &probes);
    insta::assert_snapshot!(shown(&desk, &["backtest", "price"]), @r"
    exit 1
    price: recorded for 29 min, 2026-03-01 12:00:00 UTC to 2026-03-01 12:29:00 UTC

    30 probes · 14 warn · 16 fail
    30 came to something else when they were recorded
      +0 s  WWWWWWWWWWWWWWFFFFFFFFFFFFFFFF
    ✗ 2 violations would have opened
      latency  2026-03-01 12:07:00 UTC and still open at the last probe (22 min), seen at once
        the mean of the last 7 latencies is 442 ms, more than 400 ms
      error  2026-03-01 12:14:00 UTC and still open at the last probe (15 min), seen after 3 min
        4 of the last 7 probes failed, more than 50 % of 7
        too dear (body.price = 99) [too-dear]
    2 messages to people (--messages shows them)
    ");
    let found = json(&desk.run(&["backtest", "price", "--json"]));
    let incidents = &found["rules"][0]["incidents"];
    assert_eq!(incidents[0]["violation"], "latency", "{incidents:#}");
    assert_eq!(incidents[0]["finding"], data!(null));
}

#[test]
fn two_thresholds_side_by_side() {
    insta::assert_snapshot!(shown(&desk(), &["backtest", "price", "--compare", "latency=600ms"]), @r"
    exit 1
    price: recorded for 39 min, 2026-03-01 12:00:00 UTC to 2026-03-01 12:39:00 UTC

    current
    40 probes · 30 pass · 10 fail
    10 came to something else when they were recorded
      +0 s  ..........FFFFFFFFFF....................
    ✗ 2 violations would have opened
      error  2026-03-01 12:10:00 UTC to 2026-03-01 12:25:00 UTC (15 min), seen after 3 min
        4 of the last 7 probes failed, more than 50 % of 7
        too dear (body.price = 99) [too-dear]
      latency  2026-03-01 12:30:00 UTC to 2026-03-01 12:37:00 UTC (7 min), seen at once
        the mean of the last 7 latencies is 442 ms, more than 400 ms
    4 messages to people (--messages shows them)

    latency=600ms
    40 probes · 30 pass · 10 fail
    10 came to something else when they were recorded
      +0 s  ..........FFFFFFFFFF....................
    ✗ 1 violation would have opened
      error  2026-03-01 12:10:00 UTC to 2026-03-01 12:25:00 UTC (15 min), seen after 3 min
        4 of the last 7 probes failed, more than 50 % of 7
        too dear (body.price = 99) [too-dear]
    2 messages to people (--messages shows them)

    ≠ every probe comes to the same, the violations differ: current → latency=600ms
      only current: latency, seen 2026-03-01 12:30:00 UTC
    ");
}

#[test]
fn two_scripts_side_by_side() {
    let desk = desk();
    desk.write("dear.rhai", "expect(body.price < 100, \"far too dear\");\n");
    let arguments = [
        "--script",
        "dear.rhai",
        "--compare",
        "current",
        "--limit",
        "27",
    ];
    let seen = shown(
        &desk,
        &[&["backtest", "oes.toml", "price"], &arguments[..]].concat(),
    );
    insta::assert_snapshot!(seen, @r"
    exit 1
    price: recorded for 26 min, 2026-03-01 12:13:00 UTC to 2026-03-01 12:39:00 UTC

    script dear
    27 probes · 27 pass
    ✗ 1 violation would have opened
      latency  2026-03-01 12:30:00 UTC to 2026-03-01 12:37:00 UTC (7 min), seen at once
        the mean of the last 7 latencies is 442 ms, more than 400 ms
    2 messages to people (--messages shows them)

    current
    27 probes · 20 pass · 7 fail
    7 came to something else when they were recorded
      +0 s  FFFFFFF....................
    ✗ 2 violations would have opened
      error  2026-03-01 12:13:00 UTC to 2026-03-01 12:25:00 UTC (12 min), seen after 3 min
        4 of the last 4 probes failed, more than 50 % of 7
        too dear (body.price = 99) [too-dear]
      latency  2026-03-01 12:30:00 UTC to 2026-03-01 12:37:00 UTC (7 min), seen at once
        the mean of the last 7 latencies is 442 ms, more than 400 ms
    4 messages to people (--messages shows them)

    ≠ 7 probes judged otherwise: script dear → current
      2026-03-01 12:13:00 UTC  pass → fail [too-dear]
      2026-03-01 12:14:00 UTC  pass → fail [too-dear]
      2026-03-01 12:15:00 UTC  pass → fail [too-dear]
      2026-03-01 12:16:00 UTC  pass → fail [too-dear]
      2026-03-01 12:17:00 UTC  pass → fail [too-dear]
      2026-03-01 12:18:00 UTC  pass → fail [too-dear]
      2026-03-01 12:19:00 UTC  pass → fail [too-dear]
      only current: error, seen 2026-03-01 12:16:00 UTC
    ");
    let seen = shown(&desk, &["backtest", "price", "--compare", "current"]);
    assert!(seen.starts_with("exit 0\n"), "{seen}");
    assert!(seen.ends_with("✓ both find the same"), "{seen}");
}

#[test]
fn known_outages_are_caught_missed_and_alarms_false() {
    let desk = desk();
    let labels = "[[outage]]\nname = \"dear\"\nfrom = 2026-03-01T12:10:00Z\nto = 2026-03-01T12:20:00Z\n\
        [[outage]]\nfrom = 2026-03-01T12:02:00Z\nto = 2026-03-01T12:04:00Z\n\
        [[outage]]\nfrom = 2025-03-01T12:02:00Z\nto = 2025-03-01T12:04:00Z\n";
    desk.write("known.toml", labels);
    insta::assert_snapshot!(shown(&desk, &["backtest", "price", "--labels", "known.toml"]), @r"
    exit 1
    price: recorded for 39 min, 2026-03-01 12:00:00 UTC to 2026-03-01 12:39:00 UTC

    40 probes · 30 pass · 10 fail
    10 came to something else when they were recorded
      +0 s  ..........FFFFFFFFFF....................
    ✗ 2 violations would have opened
      error  2026-03-01 12:10:00 UTC to 2026-03-01 12:25:00 UTC (15 min), seen after 3 min
        4 of the last 7 probes failed, more than 50 % of 7
        too dear (body.price = 99) [too-dear]
      latency  2026-03-01 12:30:00 UTC to 2026-03-01 12:37:00 UTC (7 min), seen at once
        the mean of the last 7 latencies is 442 ms, more than 400 ms
    4 messages to people (--messages shows them)
    ✗ 1 of 2 outages caught, 1 missed, 1 false alarm
      precision 50 % · recall 50 % · seen after 3 min on average, 3 min at most
      caught  dear, 2026-03-01 12:10:00 UTC to 2026-03-01 12:20:00 UTC after 3 min
      missed  2026-03-01 12:02:00 UTC to 2026-03-01 12:04:00 UTC
      false alarm  latency 2026-03-01 12:30:00 UTC
      not recorded  2025-03-01 12:02:00 UTC to 2025-03-01 12:04:00 UTC
    ");
    let output = desk.run(&[
        "backtest",
        "price",
        "--labels",
        "known.toml",
        "--set",
        "latency=600ms",
        "--json",
    ]);
    let found = json(&output);
    assert_eq!(found["schema"], "oes.backtest/1");
    assert_eq!(output.status.code(), Some(1));
    let labels = &found["rules"][0]["labels"];
    assert_eq!(labels["precision"], 1.0, "{labels:#}");
    assert_eq!(labels["recall"], 0.5);
    assert_eq!(labels["max_detection_s"], 180.0);
    desk.write("known.toml", "[[outage]]\nfrom = \"yesterday\"\n");
    insta::assert_snapshot!(shown(&desk, &["backtest", "price", "--labels", "known.toml"]), @r#"
    exit 2
      × an outage has no `to` [config/missing]
       ╭─[known.toml:1:1]
     1 │ [[outage]]
       · ─
       ╰────
      help: add the key `to`

      × `from` is no time [config/value]
       ╭─[known.toml:2:8]
     2 │ from = "yesterday"
       ·        ───────────
       ╰────
      help: write 2026-01-01T00:00:00Z, with the zone
    "#);
}

/// What scripts remember goes from probe to probe, on the recorded clock.
#[test]
fn memory_and_the_clock_are_those_of_the_recordings() {
    let desk = desk();
    let script = "let price = track(\"price\", body);\nexpect(price.unchanged_for < duration(\"8m\"), \"stuck\");\n";
    desk.write("stuck.rhai", script);
    let output = desk.run(&["backtest", "price", "--script", "stuck.rhai", "--json"]);
    let outcomes = &json(&output)["rules"][0]["outcomes"];
    // 12:08 and 12:09; 12:18 and 12:19; 12:28 to 12:39.
    assert_eq!(outcomes["fail"], 2 + 2 + 12, "{outcomes}");
    let warm = [
        "backtest",
        "price",
        "--script",
        "stuck.rhai",
        "--warmup",
        "20m",
        "--json",
    ];
    let outcomes = &json(&desk.run(&warm))["rules"][0]["outcomes"];
    assert_eq!(
        (&outcomes["fail"], &outcomes["pass"]),
        (&data!(12), &data!(8))
    );
}

#[test]
fn requests_are_answered_with_what_was_recorded_and_nothing_else() {
    let desk = desk();
    desk.write("best.rhai", "//! Best.\n//! ---\n//! hosts = [\"127.0.0.1:9\"]\n\nlet best = http.get_json(\"http://127.0.0.1:9/best\");\nexpect(best.best < 30, \"more\");\n");
    let output = desk.run(&["backtest", "price", "--script", "best.rhai", "--json"]);
    assert_eq!(json(&output)["rules"][0]["outcomes"]["fail"], 10);
    let other = std::fs::read_to_string(desk.path("best.rhai")).unwrap();
    desk.write("other.rhai", &other.replace("9/best", "9/other"));
    insta::assert_snapshot!(shown(&desk, &["backtest", "price", "--script", "other.rhai"]), @r"
    exit 3
    price: recorded for 39 min, 2026-03-01 12:00:00 UTC to 2026-03-01 12:39:00 UTC

    script other
    0 probes
    40 probes could not be judged and are not counted: no answer to GET http://127.0.0.1:9/other was recorded
    ? nothing could be judged
    ");
}

#[test]
fn what_cannot_be_done_is_said() {
    let desk = desk();
    let rows: [&[&str]; 10] = [
        &["backtest", "prise"],
        &["backtest", "other.toml", "price"],
        &["backtest", "price", "--set", "latency.triger=median"],
        &["backtest", "price", "--set", "name=x"],
        &["backtest", "price", "--set", "latency"],
        &["backtest", "price", "--script", "chaep"],
        &["backtest", "price", "--script", "price_sanity"],
        &["backtest", "price", "--param", "limit"],
        &["backtest", "price", "--since", "yesterday"],
        &["backtest", "price", "--since", "2027-01-01T00:00:00Z"],
    ];
    let mut all: Vec<String> = rows.iter().map(|row| shown(&desk, row)).collect();
    std::fs::remove_dir_all(desk.path("data")).unwrap();
    all.push(shown(&desk, &["backtest", "price"]));
    insta::assert_snapshot!(all.join("\n\n"), @r"
    exit 2
    error: oes.toml has no service `prise`; did you mean `price`?

    exit 2
      × other.toml: there is no such file [config/file]

    exit 2
    error: the changes cannot be used: unknown key `triger` in `latency` (did you mean `trigger`?)

    exit 2
    error: --set: `name` says which service this is; what was recorded is of it

    exit 2
    error: --set: `latency` is not NAME=VALUE

    exit 2
    error: the changes cannot be used: there is no matcher `chaep` (known: status_code, types, exact, non_empty, node_height, orders_api, price_chart_matcher, price_sanity, utxo_executor; your own is a file chaep.rhai beside the config or in scripts/matchers)

    exit 2
    error: the changes cannot be used: `price_sanity` needs the parameter `reference_url` (give it with --param reference_url=VALUE)

    exit 2
    error: --param: `limit` is not NAME=VALUE

    exit 2
    error: --since: `yesterday` is neither a time, 2026-01-31T12:00:00Z, nor how long ago, 30d

    exit 2
    error: no probe of price was recorded in that time; is record = true in its config?

    exit 2
    error: nothing was recorded: data/recordings.db is not there; write record = true into the service
    ");
}

#[test]
fn a_script_that_breaks_is_an_error() {
    let desk = desk();
    desk.write(
        "broken.rhai",
        "let x = body.price / 0;\nexpect(x > 1, \"x\");\n",
    );
    let seen = shown(&desk, &["backtest", "price", "--script", "broken.rhai"]);
    assert!(seen.starts_with("exit 4\n"), "{seen}");
    assert!(seen.contains("40 error"), "{seen}");
}

#[test]
fn what_dry_runs_saved_can_be_played_too() {
    let desk = desk();
    let save = |folder: &Path, second: u32, price: u32| {
        let head = format!(
            "{{\"at\":\"2026-03-01T12:00:{second:02}Z\",\"method\":\"GET\",\"url\":\"http://a.example/\",\"request_headers\":[],\
             \"request_bytes\":0,\"elapsed_ns\":1000000,\"phases_ns\":[],\"certificate\":null,\"status\":200,\"headers\":[],\
             \"truncated\":false,\"wire_bytes\":12}}"
        );
        let name = |file: &str| folder.join(file).display().to_string();
        desk.write(&name("response.json"), &head);
        desk.write(&name("response.body"), &format!("{{\"price\": {price}}}"));
        desk.write(&name("http.json"), "[]");
    };
    save(Path::new("saved/b"), 30, 99);
    save(Path::new("saved/a"), 10, 5);
    let output = desk.run(&["backtest", "price", "--from", "saved", "--json"]);
    let found = json(&output);
    assert_eq!(found["first"], "2026-03-01T12:00:10Z");
    assert_eq!(found["rules"][0]["outcomes"]["fail"], 1);
    let output = desk.run(&["backtest", "price", "--from", "saved/a"]);
    assert_eq!(output.status.code(), Some(0));
}

/// Far more than a second's worth of probes of a real service.
#[test]
fn a_thousand_probes_take_about_a_second() {
    let desk = Desk::new(&[
        ("oes.toml", CONFIG),
        ("cheap.rhai", "expect(body.price < 10, \"too dear\");\n"),
    ]);
    record(&desk, &vec![(200, 100, 5); 1000]);
    let begun = tokio::time::Instant::now();
    let output = desk.run(&["backtest", "price", "--json"]);
    assert_eq!(json(&output)["rules"][0]["probes"], 1000);
    // Ten times as long as it takes on an idle machine.
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
}
