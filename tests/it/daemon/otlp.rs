//! Metrics are sent to a collector that takes OTLP over HTTP, which may be there or not.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::net::TcpListener;
use std::time::Duration;

use flate2::read::GzDecoder;
use oes::daemon::Daemon;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use prost::Message as _;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::process::Process;
use super::rig::{Rig, eventually, metric, page};
use crate::support::inbox::{Inbox, Received, Reply};

pub(super) const GRACE: Duration = Duration::from_secs(5);
/// A reload is waited for so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns the table of a collector that is told every second.
pub(super) fn table(endpoint: &str, more: &str) -> String {
    format!("[otlp]\nendpoint = \"{endpoint}\"\ninterval = \"1s\"\n{more}\n")
}

/// Returns what a collector was sent in one request.
pub(super) fn request(received: &Received) -> ExportMetricsServiceRequest {
    assert_eq!(received.method, "POST");
    assert_eq!(received.headers["content-type"], "application/x-protobuf");
    assert_eq!(received.headers["content-encoding"], "gzip");
    let mut bytes = Vec::new();
    GzDecoder::new(received.bytes.as_slice())
        .read_to_end(&mut bytes)
        .unwrap();
    ExportMetricsServiceRequest::decode(bytes.as_slice()).unwrap()
}

fn pairs(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| match attribute.value.clone().unwrap().value {
        Some(any_value::Value::StringValue(text)) => (attribute.key.clone(), text),
        other => panic!("{other:?}"),
    };
    attributes.iter().map(text).collect()
}

/// Returns every sample of a request as `/metrics` would tell it: its name and labels in order, and its value.
pub(super) fn samples(request: &ExportMetricsServiceRequest) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut sample = |name: String, attributes: &[KeyValue], le: Option<String>, value: f64| {
        let mut labels = pairs(attributes);
        labels.extend(le.map(|le| ("le".to_owned(), le)));
        let series = series(&name, &labels);
        assert!(samples.insert(series.clone(), value).is_none(), "{series}");
    };
    let scopes = &request.resource_metrics[0].scope_metrics;
    for metric in scopes.iter().flat_map(|scope| &scope.metrics) {
        let name = &metric.name;
        match metric.data.as_ref().unwrap() {
            Data::Gauge(gauge) => {
                for point in &gauge.data_points {
                    sample(name.clone(), &point.attributes, None, number(point.value));
                }
            }
            Data::Sum(sum) => {
                assert!(sum.is_monotonic && name.ends_with("_total"), "{name}");
                for point in &sum.data_points {
                    assert!(point.start_time_unix_nano <= point.time_unix_nano);
                    sample(name.clone(), &point.attributes, None, number(point.value));
                }
            }
            Data::Histogram(histogram) => {
                for point in &histogram.data_points {
                    let attributes = &point.attributes;
                    let bounds = point.explicit_bounds.iter().copied();
                    let bounds = bounds.chain([f64::INFINITY]);
                    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
                    let mut within = 0;
                    for (bound, count) in bounds.zip(&point.bucket_counts) {
                        within += count;
                        let bucket = format!("{name}_bucket");
                        sample(bucket, attributes, Some(bound.to_string()), whole(within));
                    }
                    assert_eq!(within, point.count);
                    sample(format!("{name}_sum"), attributes, None, point.sum.unwrap());
                    sample(format!("{name}_count"), attributes, None, whole(within));
                }
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    samples
}

fn number(value: Option<number_data_point::Value>) -> f64 {
    match value {
        Some(number_data_point::Value::AsDouble(value)) => value,
        other => panic!("{other:?}"),
    }
}

fn whole(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

fn series(name: &str, labels: &BTreeMap<String, String>) -> String {
    format!("{name} {labels:?}")
}

/// Returns every sample of `/metrics`, likewise.
pub(super) async fn scraped(daemon: &Daemon) -> BTreeMap<String, f64> {
    let page = page(daemon, "/metrics").await;
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (whole, value) = line.rsplit_once(' ')?;
        let (name, labels) = whole.split_once('{').unwrap_or((whole, "}"));
        let labels = labels.strip_suffix('}')?.split("\",");
        let labels = labels.filter_map(|label| label.split_once("=\""));
        let labels = labels.map(|(name, value)| {
            let value = value.trim_end_matches('"');
            let bound = (name == "le").then(|| value.parse::<f64>().unwrap().to_string());
            (name.to_owned(), bound.unwrap_or_else(|| value.to_owned()))
        });
        Some((series(name, &labels.collect()), value.parse().ok()?))
    };
    lines.filter_map(sample).collect()
}

/// Tells whether a series changes while nothing is probed.
pub(super) fn is_restless(series: &str) -> bool {
    let moving = [
        "process_",
        "oes_otlp_",
        "oes_state_",
        "oes_history_",
        "oes_script_",
    ];
    moving.iter().any(|name| series.starts_with(name))
}

pub(super) async fn exports(daemon: &Daemon, result: &str, at_least: f64) {
    let name = format!("oes_otlp_exports_total{{result=\"{result}\"}}");
    eventually(&name, || {
        let text = daemon.metrics().encode();
        let line = text.lines().find(|line| line.starts_with(&name));
        let count = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        count
            .filter(|count| *count >= at_least)
            .map(|_| ())
            .ok_or(text)
    })
    .await;
}

/// Returns what `/healthz` says of the exports; absent if that is nothing.
pub(super) async fn health(daemon: &Daemon) -> Option<Value> {
    let answer = page(daemon, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let health: Value = serde_json::from_str(body).unwrap();
    let mut parts = health["parts"].as_array().unwrap().iter();
    parts.find(|part| part["name"] == "otlp").cloned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_is_told_what_metrics_tells() {
    let rig = Rig::new();
    let collector = Inbox::start();
    rig.write("token", "hunter2-hunter2");
    let more = "headers = { authorization = \"Bearer ${file:token}\" }\nattributes = { place = \"test\", \
                \"service.version\" = \"mine\" }";
    let mut config = rig.config(&[]) + &*table(&collector.url(""), more);
    for name in ["price", "a b"] {
        config += &rig.service(name, "match = [\"status_code\"]\ninterval = \"1h\"");
    }
    rig.write("oes.toml", &config.replace("/a b", "/ab"));
    let daemon = rig.start().await;
    eventually("the first look", || {
        let hits = ["/price", "/ab"].map(|path| rig.api.hits(path));
        let probes = daemon.metrics().outcomes().values().sum::<u64>();
        (probes == 2).then_some(()).ok_or(format!("{hits:?}"))
    })
    .await;
    // The second one from now began when all was quiet.
    let count = collector.received().len() + 2;
    let received = collector.wait_for(count);
    let before = scraped(&daemon).await;
    let last = received.last().unwrap();
    assert_eq!(last.target, "/v1/metrics");
    assert_eq!(last.headers["authorization"], "Bearer hunter2-hunter2");
    let request = request(last);
    let told = samples(&request);
    let quiet = |all: &BTreeMap<String, f64>| -> BTreeMap<String, f64> {
        let quiet = all.iter().filter(|(series, _)| !is_restless(series));
        quiet
            .map(|(series, value)| (series.clone(), *value))
            .collect()
    };
    assert_eq!(quiet(&told), quiet(&before));
    let names = |all: &BTreeMap<String, f64>| -> BTreeSet<String> {
        let names = all.keys().map(|series| series.split(' ').next().unwrap());
        names.map(ToOwned::to_owned).collect()
    };
    assert_eq!(names(&told), names(&before), "no family is left out");
    let value = |name: &str, labels: &[(&str, &str)]| {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        told[&series(name, &labels.collect())].to_string()
    };
    let price = ("service", "price");
    let outcome = ("outcome", "pass");
    assert_eq!(value("oes_probes_total", &[price, outcome]), "1");
    assert_eq!(value("oes_probe_interval_seconds", &[price]), "3600");
    assert_eq!(
        value("oes_latency_seconds_count", &[("service", "a b")]),
        "1"
    );
    let resource = request.resource_metrics[0].resource.as_ref().unwrap();
    let resource = pairs(&resource.attributes);
    assert_eq!(resource["service.name"], "oes");
    assert_eq!(resource["service.version"], "mine");
    assert_eq!(resource["place"], "test");
    assert_eq!(resource["service.instance.id"].len(), 36);
    let said = health(&daemon).await.unwrap();
    let detail = said["detail"].as_str().unwrap();
    assert!(
        detail.ends_with("/v1/metrics takes the metrics"),
        "{detail}"
    );
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_unless_the_config_says_where() {
    let rig = Rig::new();
    let [first, second] = [Inbox::start(), Inbox::start()];
    rig.write("oes.toml", &rig.config(&["price"]));
    let daemon = rig.start().await;
    assert_eq!(health(&daemon).await, None);
    let exported = || {
        let metrics = daemon.metrics().encode();
        let mut counts = metrics
            .lines()
            .filter(|line| line.starts_with("oes_otlp_exports_total{"));
        counts.any(|line| !line.ends_with(" 0"))
    };
    assert!(!exported());
    // A reload begins, changes and ends it.
    rig.write(
        "oes.toml",
        &(rig.config(&["price"]) + &*table(&first.url("/a"), "")),
    );
    assert_eq!(first.wait_for(1)[0].target, "/a");
    rig.write(
        "oes.toml",
        &(rig.config(&["price"]) + &*table(&second.url("/b"), "")),
    );
    assert_eq!(second.wait_for(1)[0].target, "/b");
    let to_first = first.received().len();
    second.wait_for(3);
    assert_eq!(first.received().len(), to_first);
    rig.write("oes.toml", &rig.config(&["price"]));
    let deadline = Instant::now() + PATIENCE;
    while let Some(said) = health(&daemon).await {
        assert!(Instant::now() < deadline, "{said}");
        sleep(Duration::from_millis(50)).await;
    }
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_does_not_answer_harms_nothing_and_is_said_once() {
    let rig = Rig::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    rig.write("oes.toml", &(rig.config(&["price"]) + &*table(&nobody, "")));
    let process = Process::start(&rig, "log");
    process.says("metrics are not taken over OTLP").await;
    let hanging = Inbox::start();
    hanging.otherwise(Reply::Hang);
    let table = table(&hanging.url(""), "timeout = \"300ms\"");
    rig.write("oes.toml", &(rig.config(&["price"]) + &*table));
    hanging.wait_for(3);
    let hits = rig.api.hits("/price");
    rig.api.answers("/price", 500, "{}");
    rig.messages(1).await;
    assert!(rig.api.hits("/price") > hits);
    // It answers again.
    hanging.otherwise(Reply::status(200));
    process.says("metrics are taken over OTLP again").await;
    let said = process.said();
    let warnings = said.matches("metrics are not taken over OTLP").count();
    assert_eq!(warnings, 2, "one for each set of settings: {said}");
    assert!(said.contains("did not begin to answer"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_wants_nothing_for_a_while_is_left_alone_for_so_long() {
    let rig = Rig::new();
    let collector = Inbox::start();
    collector.then(Reply::status(503).header("retry-after", "3"));
    collector.then(Reply::status(429));
    collector.then(Reply::status(400).header("retry-after", "3"));
    let table = table(&collector.url(""), "");
    rig.write("oes.toml", &(rig.config(&["price"]) + &*table));
    let daemon = rig.start().await;
    let received = tokio::task::block_in_place(|| collector.wait_for(4));
    let paused = received[1].at.duration_since(received[0].at);
    assert!(paused.as_secs_f64() > 2.9, "{paused}");
    // Whatever it says, another answer asks for no pause.
    let next = received[3].at.duration_since(received[2].at);
    assert!(next.as_secs_f64() < 2.9, "{next}");
    exports(&daemon, "refused", 3.0).await;
    exports(&daemon, "taken", 1.0).await;
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn points_that_a_collector_rejects_are_counted_and_shown_without_secrets() {
    let rig = Rig::new();
    let collector = Inbox::start();
    let said = ExportMetricsServiceResponse {
        partial_success: Some(ExportMetricsPartialSuccess {
            rejected_data_points: 3,
            error_message: "no room for hunter2-hunter2".to_owned(),
        }),
    };
    let said = String::from_utf8(said.encode_to_vec()).unwrap();
    collector.otherwise(Reply::Status {
        status: 200,
        headers: vec![(
            "content-type".to_owned(),
            "application/x-protobuf".to_owned(),
        )],
        body: said,
    });
    rig.write("token", "hunter2-hunter2");
    let table = table(
        &collector.url(""),
        "headers = { x-token = \"${file:token}\" }",
    );
    rig.write("oes.toml", &(rig.config(&["price"]) + &*table));
    let daemon = rig.start().await;
    exports(&daemon, "partial", 2.0).await;
    assert!(metric(&daemon, "oes_otlp_rejected_points_total") >= 6.0);
    let said = health(&daemon).await.unwrap();
    let detail = said["detail"].as_str().unwrap();
    assert!(
        detail.ends_with("takes a part of the metrics; 3 points rejected: no room for ***"),
        "{detail}"
    );
    daemon.stop(GRACE).await;
}
