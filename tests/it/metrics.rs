//! What is told on `/metrics`: families, samples, and the page that documents them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use oes::channel::answer::Answer;
use oes::config::{self, Config, ProcessEnvironment};
use oes::metrics::{ChannelOwed, Format, Metrics, Scene, Shown, Workers, probe_page};
use oes::model::exchange::{Body, Exchange, Phase, Response, Sent, Timings, TlsSession};
use oes::model::failure::{Failure, FailureKind};
use oes::model::glance::{Glance, WindowNumbers};
use oes::model::incident::{ChannelState, Incident, IncidentId, Ledger, Reason};
use oes::model::judgement::{Finding, Judgement, Outcome, ScriptRun, Severity};
use oes::model::observation::Observation;
use oes::model::service::ChannelName;
use oes::model::violation::Violation;
use oes::policy::mute::{Cause, Muted};

use crate::support::files::keeps;
use crate::support::prometheus;

const CONFIG: &str = "
    [[services]]
    name = \"price\"
    url = \"https://price.example/\"
    group = \"shop\"
    latency = \"2s\"
    [[services]]
    name = \"queue\"
    url = \"http://queue.example/\"
    [[services]]
    name = \"new\"
    url = \"http://new.example/\"
";

fn config() -> Config {
    match config::load_text("oes.toml", CONFIG, Path::new(""), &ProcessEnvironment) {
        Ok(loaded) => loaded.config,
        Err(report) => panic!("{:#?}", report.lines()),
    }
}

fn observation(result: Result<Response, Failure>, judgement: Judgement) -> Observation {
    let mut timings = Timings::default();
    timings.lag = Duration::from_millis(2);
    timings.total = Duration::from_millis(230);
    let took = [
        (Phase::Resolve, 5),
        (Phase::Connect, 20),
        (Phase::Tls, 40),
        (Phase::Send, 1),
        (Phase::Wait, 99),
        (Phase::Transfer, 60),
    ];
    for (phase, millis) in took {
        if result.is_ok() || phase <= Phase::Connect {
            timings.add(phase, Duration::from_millis(millis));
        }
    }
    let tls = result.is_ok().then_some(TlsSession {
        version: 0x0304,
        cipher: 0x1302,
    });
    Observation {
        at: Timestamp::from_second(1_800_000_000).unwrap(),
        exchange: Some(Arc::new(Exchange {
            started_at: Timestamp::UNIX_EPOCH,
            sent: Arc::new(Sent::default()),
            timings,
            bearer: None,
            hops: Vec::new(),
            peer: Some("192.0.2.1:443".parse().unwrap()),
            certificate: None,
            tls,
            result,
        })),
        beat: None,
        judgement,
    }
}

fn answered() -> Response {
    let mut headers = http::HeaderMap::new();
    for (name, value) in [
        ("content-length", "9"),
        ("last-modified", "Thu, 01 Jan 1970 00:01:00 GMT"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    Response {
        status: http::StatusCode::OK,
        version: http::Version::HTTP_2,
        headers,
        body: Body::new("{\"a\": 13}"),
    }
}

fn failed(kind: FailureKind) -> Failure {
    Failure {
        kind,
        phase: Some(Phase::Connect),
        message: "so the test says".to_owned(),
    }
}

/// A script that ran, and broke.
fn judged() -> Judgement {
    let broken = Finding::error("limit.operations", "too many").weighing(Severity::Broken);
    let mut judgement = Judgement::of(vec![broken]);
    judgement.runs.push(ScriptRun {
        script: "check".into(),
        ..ScriptRun::default()
    });
    judgement
}

/// Everything that OES can tell, once.
struct Told {
    metrics: Metrics,
    services: Vec<Shown>,
    ledger: Ledger,
    owed: Vec<ChannelOwed>,
    muted: Muted,
    workers: Workers,
}

impl Told {
    fn new() -> Self {
        let metrics = Metrics::default();
        let window = WindowNumbers {
            counted: 7,
            failed: 1,
            failing: 0,
            size: 7,
            threshold: 0.5,
            latency: Some(Duration::from_millis(250)),
            latency_limit: Some(Duration::from_secs(2)),
        };
        let good = observation(Ok(answered()), Judgement::default());
        let down = observation(
            Err(failed(FailureKind::ConnectRefused)),
            Judgement::of(vec![Finding::error("connect_refused", "refused")]),
        );
        let seen = [Some(good), Some(down), None];
        let mut services = Vec::new();
        for (one, seen) in config().services.iter().zip(seen) {
            let name = &one.service.name;
            let counters = metrics.service(name);
            metrics.script_gauge(name, "price_usd", 2.5);
            let glance = seen.map(|seen| {
                metrics.probed(&counters, &seen);
                let mut glance = Glance::of(&seen, window, None);
                if glance.answer.is_some() {
                    glance.certificate_expires = Timestamp::from_second(1_900_000_000).ok();
                }
                Arc::new(glance)
            });
            services.push((Arc::clone(&one.service), glance));
        }
        let counters = metrics.service(&services[0].0.name);
        metrics.probed(&counters, &observation(Ok(answered()), judged()));
        metrics.own.exports.exported("taken", 0);
        let channel = ChannelName::new("hook");
        metrics.attempted(&channel, "taken", Duration::from_millis(80));
        metrics.delivered(&channel, Duration::from_secs(3));
        let mut ledger = Ledger::default();
        ledger
            .channels
            .insert(channel.clone(), ChannelState::default());
        let incident = incident(&services[1].0.name.clone(), Violation::Error);
        let muted = Muted {
            services: vec![(incident.service.clone(), Cause::Maintenance)],
            incidents: vec![(incident.id.clone(), Cause::Maintenance)],
        };
        ledger.incidents.insert(incident.id.clone(), incident);
        let owed = vec![ChannelOwed {
            channel,
            messages: 1,
            oldest: Some(Timestamp::UNIX_EPOCH),
        }];
        let workers = Workers {
            idle: 1,
            ended: vec![("died", 1)],
            ..Workers::default()
        };
        Self {
            metrics,
            services,
            ledger,
            owed,
            muted,
            workers,
        }
    }

    fn page(&self, format: Format) -> String {
        let scene = Scene {
            services: &self.services,
            ledger: &self.ledger,
            owed: &self.owed,
            muted: &self.muted,
            workers: Some(&self.workers),
            suspended: 0,
            now: Timestamp::from_second(60).unwrap(),
        };
        let mut page = String::new();
        let mut give = |piece: String| {
            page += &piece;
            true
        };
        assert!(self.metrics.page(format, &scene, &mut give));
        page
    }
}

fn incident(service: &oes::model::service::ServiceName, violation: Violation) -> Incident {
    Incident {
        id: IncidentId("0000000000000000".into()),
        service: service.clone(),
        violation,
        generation: 1,
        news: oes::model::incident::News::default(),
        reminders: 0,
        ack: None,
        opened_at: Timestamp::UNIX_EPOCH,
        closed_at: None,
        ending: None,
        last_good: None,
        announced_before: None,
        reason: Reason::default(),
    }
}

/// One family as it is told.
#[derive(Debug, Default, PartialEq, Eq)]
struct Family {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
    samples: Vec<String>,
}

/// Takes a page apart, and sees that the samples of each family stand together under its head.
fn families(page: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            name.clone_into(&mut current);
            let family = Family {
                help: help.to_owned(),
                ..Family::default()
            };
            assert!(families.insert(current.clone(), family).is_none(), "{line}");
            continue;
        }
        let family = families.get_mut(&current).unwrap();
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, current);
            kind.clone_into(&mut family.kind);
        } else if !line.starts_with('#') {
            assert!(line.starts_with(&current), "{line} stands under {current}");
            let labels = line
                .split_once('{')
                .map(|(_, rest)| rest.split_once('}').unwrap().0);
            let names = labels.into_iter().flat_map(|labels| labels.split("\","));
            let names = names.map(|label| label.split_once('=').unwrap().0.to_owned());
            family.labels.extend(names.filter(|label| label != "le"));
            family.samples.push(line.to_owned());
        }
    }
    families
}

#[test]
fn both_texts_tell_the_same() {
    let told = Told::new();
    let [open, classic] = [Format::OpenMetrics, Format::Prometheus].map(|format| {
        let page = told.page(format);
        assert_eq!(page.ends_with("# EOF\n"), format == Format::OpenMetrics);
        families(page.trim_end_matches("# EOF\n"))
    });
    let full = |(name, family): (String, Family)| {
        let total = if family.kind == "counter" {
            "_total"
        } else {
            ""
        };
        // What the kernel says changes between two looks.
        (!name.starts_with("process_")).then(|| (name + total, family))
    };
    let open: BTreeMap<_, _> = open.into_iter().filter_map(full).collect();
    let is_ours = |(name, _): &(String, Family)| !name.starts_with("process_");
    let classic: BTreeMap<_, _> = classic.into_iter().filter(is_ours).collect();
    assert_eq!(open, classic);
}

#[test]
fn promtool_finds_nothing_to_say() {
    let told = Told::new();
    prometheus::accepts(&told.page(Format::Prometheus));
    for shown in &told.services {
        prometheus::accepts(&probe_page(Format::Prometheus, shown));
    }
}

#[test]
fn a_service_that_answers_is_told_as_blackbox_exporter_tells_it() {
    let told = Told::new();
    let page = probe_page(Format::Prometheus, &told.services[0]);
    let samples: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
    insta::assert_snapshot!(samples.join("\n"), @r#"
    probe_success 1
    probe_duration_seconds 0.230000
    probe_timeout_seconds 10.000000
    probe_dns_lookup_time_seconds 0.005000
    probe_http_duration_seconds{phase="resolve"} 0.005000
    probe_http_duration_seconds{phase="connect"} 0.020000
    probe_http_duration_seconds{phase="tls"} 0.040000
    probe_http_duration_seconds{phase="processing"} 0.100000
    probe_http_duration_seconds{phase="transfer"} 0.060000
    probe_ip_protocol 4
    probe_ip_addr_hash 1969986452
    probe_http_status_code 200
    probe_http_content_length 9
    probe_http_uncompressed_body_length 9
    probe_http_redirects 0
    probe_http_ssl 1
    probe_http_version 2
    probe_http_last_modified_timestamp_seconds 60.000000
    probe_failed_due_to_regex 0
    probe_ssl_earliest_cert_expiry 1900000000.000000
    probe_tls_version_info{version="TLS 1.3"} 1
    probe_tls_cipher_info{cipher="TLS_AES_256_GCM_SHA384"} 1
    "#);
}

#[test]
fn what_did_not_happen_is_absent_and_not_zero() {
    let told = Told::new();
    let page = probe_page(Format::Prometheus, &told.services[1]);
    let samples: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
    insta::assert_snapshot!(samples.join("\n"), @r#"
    probe_success 0
    probe_duration_seconds 0.230000
    probe_timeout_seconds 10.000000
    probe_dns_lookup_time_seconds 0.005000
    probe_http_duration_seconds{phase="resolve"} 0.005000
    probe_http_duration_seconds{phase="connect"} 0.020000
    probe_ip_protocol 4
    probe_ip_addr_hash 1969986452
    probe_http_status_code 0
    "#);
}

#[test]
fn what_oes_cannot_know_is_no_verdict() {
    let told = Told::new();
    let ours = Judgement::of(vec![
        Finding::error("local_network", "no route").weighing(Severity::Unknown),
    ]);
    let seen = observation(Err(failed(FailureKind::LocalNetwork)), ours);
    let glance = Glance::of(&seen, WindowNumbers::default(), None);
    assert_eq!(glance.outcome, Outcome::Unknown);
    let shown = (Arc::clone(&told.services[0].0), Some(Arc::new(glance)));
    let page = probe_page(Format::Prometheus, &shown);
    assert!(!page.contains("\nprobe_success "), "{page}");
    assert!(!page.contains("\nprobe_http_status_code "), "{page}");
}

#[test]
fn what_never_happened_begins_at_zero() {
    let metrics = Metrics::default();
    let config = config();
    metrics.service(&config.services[0].service.name);
    let hook = ChannelName::new("hook");
    metrics.channel(&hook, &Answer::NAMES);
    let told = Told {
        metrics,
        services: vec![(Arc::clone(&config.services[0].service), None)],
        ..Told::new()
    };
    let page = families(&told.page(Format::Prometheus));
    for (family, count) in [
        ("oes_probes_total", Outcome::ALL.len()),
        ("oes_probe_failures_total", FailureKind::ALL.len()),
        ("oes_notify_attempts_total", Answer::NAMES.len()),
        ("oes_otlp_exports_total", 4),
    ] {
        let samples = &page[family].samples;
        assert_eq!(samples.len(), count, "{samples:#?}");
        assert!(
            samples.iter().all(|one| one.ends_with(" 0")),
            "{samples:#?}"
        );
    }
    let broken = &page["oes_script_broken_total"].samples;
    for reason in ["limit.cpu", "script", "script.queue", "not_run", "other"] {
        let sample = format!("oes_script_broken_total{{reason=\"{reason}\"}} 0");
        assert!(broken.contains(&sample), "{sample}: {broken:#?}");
    }
    assert!(
        !broken
            .iter()
            .any(|one| one.contains("script-returned-false"))
    );
}

#[test]
fn a_service_that_is_removed_is_no_longer_told() {
    let mut told = Told::new();
    let page = told.page(Format::OpenMetrics);
    assert!(page.contains("service=\"price\""), "{page}");
    let (service, _) = told.services.remove(0);
    told.metrics.forget(&service.name);
    let page = told.page(Format::OpenMetrics);
    assert!(!page.contains("service=\"price\""), "{page}");
}

#[test]
fn a_gauge_of_a_script_takes_no_name_of_oes() {
    let told = Told::new();
    let page = told.page(Format::OpenMetrics);
    let own: Vec<String> = families(page.trim_end_matches("# EOF\n"))
        .into_keys()
        .filter_map(|name| Some(name.strip_prefix("oes_script_")?.to_owned()))
        .collect();
    for name in &own {
        for suffix in ["", "_total"] {
            let name = [name, suffix].concat();
            told.metrics
                .script_gauge(&told.services[0].0.name, &name, 1.0);
        }
    }
    // Would panic over a head that is there twice.
    families(told.page(Format::OpenMetrics).trim_end_matches("# EOF\n"));
}

#[test]
fn the_page_on_metrics_names_every_family() {
    let told = Told::new();
    let page = told.page(Format::Prometheus);
    let mut table =
        String::from("| family | type | labels | meaning |\n| --- | --- | --- | --- |\n");
    for (name, family) in families(&page) {
        if name == "oes_script_price_usd" {
            continue;
        }
        let labels: Vec<String> = family
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let (kind, help) = (&family.kind, family.help.trim_end_matches('.'));
        assert!(
            !family.samples.is_empty(),
            "{name} has no sample in this test"
        );
        let labels = labels.join(", ");
        table.extend([
            "| `", &name, "` | ", kind, " | ", &labels, " | ", help, " |\n",
        ]);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let there = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- families: written by a test -->\n", "<!-- end -->");
    let (before, rest) = there.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    keeps(&path, &format!("{before}{begin}\n{table}\n{end}{after}")).unwrap();
}
