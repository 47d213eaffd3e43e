//! Ways to a collector: over TLS, through a proxy; and what is too much for one request.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use oes::clock::Clock;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message as _;
use tokio::task::block_in_place;

use super::otlp::{GRACE, exports, health, is_restless, request, samples, scraped, table};
use super::rig::{Rig, eventually};
use crate::support::authority::Authority;
use crate::support::inbox::{Inbox, Reply};
use crate::support::tls_front::TlsFront;
use crate::support::tunnel::Tunnel;

/// No request is larger than this and one point.
const REQUEST_BYTES: usize = (2 << 20) + 1024;

/// Returns the moment that all points of a request have.
fn time(request: &ExportMetricsServiceRequest) -> u64 {
    let scope = &request.resource_metrics[0].scope_metrics[0];
    match scope.metrics[0].data.as_ref().unwrap() {
        Data::Gauge(gauge) => gauge.data_points[0].time_unix_nano,
        Data::Sum(sum) => sum.data_points[0].time_unix_nano,
        Data::Histogram(histogram) => histogram.data_points[0].time_unix_nano,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_behind_tls_is_told_once_its_authority_is_named() {
    let rig = Rig::new();
    let (collector, authority) = (Inbox::start(), Authority::new());
    let front = TlsFront::of(collector.address(), authority.leaf(2020, 2090)).await;
    let endpoint = format!("https://{}", front.address);
    rig.write(
        "oes.toml",
        &(rig.config(&["price"]) + &*table(&endpoint, "")),
    );
    let daemon = rig.start().await;
    exports(&daemon, "unanswered", 1.0).await;
    assert!(collector.received().is_empty(), "nothing is said to it");
    let said = health(&daemon).await.unwrap();
    let detail = said["detail"].as_str().unwrap();
    assert!(
        detail.contains("does not take the metrics: ") && detail.contains("certificate"),
        "{detail}"
    );

    rig.write("ca.pem", &String::from_utf8(authority.pem()).unwrap());
    let named = table(&endpoint, "tls = { ca = \"ca.pem\" }");
    rig.write("oes.toml", &(rig.config(&["price"]) + &*named));
    let received = block_in_place(|| collector.wait_for(1));
    assert_eq!(received[0].target, "/v1/metrics");
    let told = samples(&request(&received[0]));
    assert!(told.keys().any(|one| one.starts_with("oes_build_info ")));
    exports(&daemon, "taken", 1.0).await;
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_is_told_through_a_proxy() {
    let rig = Rig::new();
    let (collector, authority) = (Inbox::start(), Authority::new());
    // It is asked for the whole URL, of a host that only it knows.
    rig.write("password", "hunter2-hunter2");
    let proxy = collector.address();
    let proxy = format!("proxy = \"http://me:${{file:password}}@{proxy}\"");
    let plain = table("http://collector.test:4318", &proxy);
    rig.write("oes.toml", &(rig.config(&["price"]) + &*plain));
    let daemon = rig.start().await;
    let received = block_in_place(|| collector.wait_for(1));
    assert_eq!(received[0].target, "http://collector.test:4318/v1/metrics");
    assert_eq!(
        received[0].headers["proxy-authorization"],
        "Basic bWU6aHVudGVyMi1odW50ZXIy"
    );
    samples(&request(&received[0]));
    exports(&daemon, "taken", 1.0).await;
    let said = health(&daemon).await.unwrap().to_string();
    assert!(!said.contains("hunter2"), "{said}");

    let front = TlsFront::of(collector.address(), authority.leaf(2020, 2090)).await;
    let tunnel = Tunnel::to(front.address).await;
    rig.write("ca.pem", &String::from_utf8(authority.pem()).unwrap());
    let keys = format!(
        "proxy = \"http://{}\"\ntls = {{ ca = \"ca.pem\" }}",
        tunnel.address
    );
    let secure = table("https://good.test:4318", &keys);
    rig.write("oes.toml", &(rig.config(&["price"]) + &*secure));
    let through = eventually("a request through the tunnel", || {
        let received = collector.received();
        let through = received.into_iter().find(|one| one.target == "/v1/metrics");
        through.ok_or("none".to_owned())
    })
    .await;
    samples(&request(&through));
    assert!(tunnel.asked()[0].starts_with("CONNECT good.test:4318 HTTP/1.1\r\n"));
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_for_one_request_is_told_in_several() {
    const SERVICES: u64 = 450;
    let rig = Rig::new();
    let collector = Inbox::start();
    let mut config = rig.config(&[]) + &*table(&collector.url(""), "");
    let (long, address) = ("x".repeat(190), rig.api.address);
    for n in 0..SERVICES {
        writeln!(
            config,
            "[[services]]\nname = \"{n:04}-{long}\"\nurl = \"http://{address}/{n}\"\nmatch = [\"status_code\"]\ninterval = \"1h\""
        )
        .unwrap();
    }
    rig.write("oes.toml", &config);
    let daemon = rig.start().await;
    eventually("the first look", || {
        let probes = daemon.metrics().outcomes().values().sum::<u64>();
        (probes == SERVICES).then_some(()).ok_or(probes.to_string())
    })
    .await;
    // An export that begins now tells what is so, and is whole once the next one begins.
    let quiet_since = u64::try_from(Clock::System.now().as_nanosecond()).unwrap();
    let from = collector.received().len();
    let whole = loop {
        let received = collector.received();
        let mut exports: BTreeMap<u64, Vec<_>> = BTreeMap::new();
        for one in received[from..].iter().map(request) {
            exports.entry(time(&one)).or_default().push(one);
        }
        let mut begun = exports.split_off(&quiet_since).into_values();
        if let (Some(whole), Some(_)) = (begun.next(), begun.next()) {
            break whole;
        }
        block_in_place(|| collector.wait_for(received.len() + 1));
    };
    assert!(whole.len() > 1, "{}", whole.len());
    let mut told = BTreeMap::new();
    for one in &whole {
        assert!(one.encoded_len() < REQUEST_BYTES, "{}", one.encoded_len());
        assert_eq!(
            one.resource_metrics[0].resource,
            whole[0].resource_metrics[0].resource
        );
        for (series, value) in samples(one) {
            assert!(told.insert(series.clone(), value).is_none(), "{series}");
        }
    }
    let quiet = |all: BTreeMap<String, f64>| -> BTreeMap<String, f64> {
        let quiet = all.into_iter().filter(|(series, _)| !is_restless(series));
        quiet.collect()
    };
    let (told, scraped) = (quiet(told), quiet(scraped(&daemon).await));
    assert_eq!(told.len(), scraped.len());
    assert!(told == scraped, "every number is that of /metrics");

    // The first request of an export that is not taken ends it.
    collector.otherwise(Reply::status(500));
    let count = collector.received().len();
    let refused = block_in_place(|| collector.wait_for(count + 2));
    let times: Vec<u64> = refused[count..]
        .iter()
        .map(|one| time(&request(one)))
        .collect();
    assert!(times[0] < times[1], "{times:?}");
    exports(&daemon, "refused", 1.0).await;
    daemon.stop(GRACE).await;
}
