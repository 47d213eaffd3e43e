//! Services with a past, an hour after noon: some well, some not, made up the same each time.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use oes::config::{self, StandIns};
use oes::model::exchange::{Phase, Timings};
use oes::model::glance::{Answer, Glance, WindowNumbers};
use oes::model::incident::{Incident, IncidentId, Ledger, News, Reason};
use oes::model::judgement::Outcome;
use oes::model::mute::Ack;
use oes::model::service::ServiceName;
use oes::model::tally::Tally;
use oes::model::violation::{Sample, Violation};
use oes::web::page::present::Present;
use oes::web::page::record::{Record, Stretch};

const DAY: i64 = 86_400;

/// When it is.
pub(crate) fn now() -> Timestamp {
    "2026-11-26T13:00:00Z".parse().unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() - seconds).unwrap()
}

fn before(seconds: usize) -> Timestamp {
    ago(i64::try_from(seconds).unwrap())
}

/// A number that looks like chance and is not.
fn chance(seed: usize, of: usize) -> usize {
    let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 33) % of
}

/// Returns the name of a service.
pub(crate) fn name(n: usize) -> String {
    const NAMES: [&str; 8] = [
        "Checkout",
        "Search",
        "Prices",
        "Accounts",
        "Payments gateway",
        "Image delivery",
        "Reports",
        "GET https://api.shop.example/v2/orders?limit=1",
    ];
    match NAMES.get(n) {
        Some(name) => (*name).to_owned(),
        None => format!("Service {n}"),
    }
}

/// Returns the ops config of so many services; every second one is public.
pub(crate) fn config(count: usize) -> String {
    let mut text = "version = \"1.0\"\ninterval = \"30s\"\n".to_owned();
    for n in 0..count {
        let group = if n % 4 == 3 { "Back office" } else { "Shop" };
        let public = n.is_multiple_of(2);
        writeln!(
            text,
            "[[services]]\nname = \"{}\"\nurl = \"https://secret-host-{n}.example/x\"\ngroup = \"{group}\"\npublic = {public}\n\
             latency = \"400ms\"\nmatch = [\"status_code\"]",
            name(n)
        )
        .unwrap();
    }
    if count > 6 {
        text += "[[maintenance]]\nname = \"New storage\"\nservices = [\"Image delivery\"]\nfrom = \"2026-11-26T12:30:00Z\"\nuntil = \"2026-11-26T15:00:00Z\"\n";
        text += "[[maintenance]]\nname = \"Weekly restart\"\nservices = [\"Reports\"]\ncron = \"0 3 * * SUN\"\nlasts = \"1h\"\n";
    }
    text
}

fn glance(n: usize, outcome: Outcome) -> Glance {
    let mut timings = Timings::default();
    let phases = [2, 11, 23, 1, 90 + chance(n, 120) as u64, 6];
    for (phase, ms) in Phase::ALL.into_iter().zip(phases) {
        timings.add(phase, Duration::from_millis(ms));
    }
    timings.total = Duration::from_millis(phases.iter().sum::<u64>() + 1);
    Glance {
        at: before(4 + chance(n, 20)),
        outcome,
        failing: outcome == Outcome::Fail,
        last_good: outcome.is_good().then(|| ago(4)),
        latency: Some(timings.total),
        timings: Some(timings),
        finding: None,
        failure: None,
        refused_redirect: None,
        answer: Some(Answer {
            status: http::StatusCode::OK,
            version: http::Version::HTTP_2,
            content_length: None,
            wire_bytes: 400,
            body_bytes: 1024,
            last_modified: None,
        }),
        redirects: 0,
        peer: Some("192.0.2.7".parse().unwrap()),
        tls: None,
        certificate_expires: Some(ago(-DAY * 40)),
        window: WindowNumbers {
            counted: 7,
            failed: match (outcome, n) {
                (Outcome::Fail, 0) => 7,
                (Outcome::Fail, _) => 4,
                _ => 0,
            },
            failing: usize::from(outcome == Outcome::Fail),
            size: 7,
            threshold: 0.5,
            latency: Some(Duration::from_millis(180)),
            latency_limit: Some(Duration::from_millis(400)),
        },
        held: Vec::new(),
    }
}

fn incident(n: usize, violation: Violation, failing: usize, finding: &str) -> Incident {
    let sample = |at: usize| Sample {
        at: before(30 * (7 - at)),
        outcome: if at >= 7 - failing {
            Outcome::Fail
        } else {
            Outcome::Pass
        },
        latency: Some(Duration::from_millis(120 + 40 * at as u64)),
        code: (at >= 7 - failing).then(|| "status".into()),
    };
    Incident {
        id: IncidentId(format!("{n:02}0ncwq5g7f2k8h").into()),
        service: ServiceName::new(name(n)),
        violation,
        generation: 1,
        news: News::Opened,
        reminders: 0,
        ack: None,
        opened_at: before(60 * (11 + 90 * n)),
        closed_at: None,
        ending: None,
        last_good: Some(before(60 * (14 + 90 * n))),
        announced_before: None,
        reason: Reason {
            rule: format!("{failing} of the last 7 probes failed, more than 50 % of 7"),
            code: Some("status".into()),
            finding: Some(finding.to_owned()),
            path: Some("$.price".to_owned()),
            expected: Some("number > 0".into()),
            actual: Some("1.32".into()),
            exchange: format!("GET https://secret-host-{n}.example/x → 503 in 214 ms"),
            address: Some("192.0.2.7:443".to_owned()),
            samples: (0..7).map(sample).collect(),
            ..Reason::default()
        },
    }
}

/// Returns what is so: of enough services one is down, one partly, one slow, one without data, one in maintenance.
pub(crate) fn present(count: usize) -> Present {
    let text = config(count);
    let folder = std::path::Path::new("");
    let loaded = config::load_text("oes.toml", &text, folder, &StandIns::default());
    let config = loaded
        .unwrap_or_else(|report| panic!("{:#?}", report.lines()))
        .config;
    let services: Vec<_> = config
        .services
        .iter()
        .map(|one| Arc::clone(&one.service))
        .collect();
    let mut glances: HashMap<ServiceName, Arc<Glance>> = HashMap::new();
    for (n, service) in services.iter().enumerate() {
        let outcome = match n {
            0 | 2 if count > 6 => Outcome::Fail,
            6 if count > 6 => continue,
            _ => Outcome::Pass,
        };
        glances.insert(service.name.clone(), Arc::new(glance(n, outcome)));
    }
    let mut ledger = Ledger::default();
    if count > 6 {
        let mut slow = incident(3, Violation::Latency, 0, "");
        "the mean of the last 7 latencies is 612 ms, more than 400 ms"
            .clone_into(&mut slow.reason.rule);
        slow.reason.finding = None;
        slow.ack = Some(Ack {
            at: ago(60),
            by: "ada".to_owned(),
            reason: "scaling up".to_owned(),
        });
        for one in [
            incident(0, Violation::Error, 7, "status 503, expected 2xx"),
            incident(
                2,
                Violation::Error,
                4,
                "$.price: expected number > 0, got string \"1.32\"",
            ),
            slow,
        ] {
            ledger.incidents.insert(one.id.clone(), one);
        }
    }
    Present {
        at: now(),
        ledger: Arc::new(ledger),
        services: services.into(),
        former: Arc::default(),
        awaited: HashMap::new(),
        glances,
        maintenance: config.maintenance,
        health: None,
        ended: None,
    }
}

/// Returns the past of each service.
pub(crate) fn records(present: &Present) -> HashMap<ServiceName, Record> {
    let record = |(n, service): (usize, &Arc<_>)| {
        let service: &oes::model::service::Service = service;
        let days: Vec<Stretch> = (0..365).rev().filter_map(|ago| day(n, ago)).collect();
        let hours = [Stretch {
            from: ago(DAY),
            until: now(),
            tally: Tally {
                up: Duration::from_secs(86_400 - down(n, 0)),
                down: Duration::from_secs(down(n, 0)),
                ..Tally::default()
            },
        }];
        let record = Record::of(service, (&days, &hours), &present.maintenance, now());
        (service.name.clone(), record)
    };
    present.services.iter().enumerate().map(record).collect()
}

/// Returns how many seconds a service was down on a day.
fn down(n: usize, day: i64) -> u64 {
    let seed = n * 1000 + usize::try_from(day).unwrap();
    match (n, day) {
        (0, 0) => 660,
        (2, 0) => 11_400,
        _ if chance(seed, 40) == 0 => match chance(seed + 7, 4) {
            0 => 70,
            1 => 900,
            2 => 4_000,
            _ => 12_000,
        },
        _ => 0,
    }
}

fn day(n: usize, before: i64) -> Option<Stretch> {
    // One service is new, and on one day nobody looked for most of it.
    if n == 4 && before > 20 || n == 6 && before < 2 {
        return None;
    }
    let from = now().as_second().div_euclid(DAY) * DAY - before * DAY;
    let whole = if before == 0 { 13 * 3600 } else { 86_400 };
    let blind = if before == 33 { 50_000 } else { 0 };
    let down = down(n, before);
    Some(Stretch {
        from: Timestamp::from_second(from).unwrap(),
        until: Timestamp::from_second(from + whole).unwrap(),
        tally: Tally {
            up: Duration::from_secs(whole.unsigned_abs() - down - blind),
            down: Duration::from_secs(down),
            no_data: Duration::from_secs(blind),
            ..Tally::default()
        },
    })
}
