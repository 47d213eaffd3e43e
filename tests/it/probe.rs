//! What a probe measures and sends.

use std::time::Duration;

use http::{HeaderName, Method};
use jiff::Timestamp;
use oes::model::exchange::{Exchange, Phase, Response};
use oes::model::failure::{Failure, FailureKind};
use oes::model::secret::Secret;
use oes::model::service::Auth;
use oes::probe::{HttpProber, Prober as _, RequestParts, Settings};
use tokio::time::Instant;

use crate::support::upstream::{Step, Upstream, ok, send, wait};

pub(crate) fn prober() -> HttpProber {
    HttpProber::new(Settings::default()).unwrap()
}

pub(crate) fn get(url: &str) -> RequestParts {
    let mut parts = RequestParts::new(Method::GET, url.parse().unwrap());
    parts.timeout = Duration::from_secs(5);
    parts
}

pub(crate) fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

pub(crate) async fn probe_with(prober: &HttpProber, parts: RequestParts) -> Exchange {
    let plan = prober.plan_for(parts).unwrap();
    prober.probe(&plan, Instant::now(), now()).await
}

pub(crate) async fn probe(parts: RequestParts) -> Exchange {
    probe_with(&prober(), parts).await
}

pub(crate) fn passed(exchange: &Exchange) -> &Response {
    exchange.result.as_ref().unwrap()
}

pub(crate) fn failed(exchange: &Exchange) -> &Failure {
    match &exchange.result {
        Ok(response) => panic!("{} {:?}", response.status, response.body.bytes),
        Err(failure) => failure,
    }
}

pub(crate) fn ms(exchange: &Exchange, phase: Phase) -> u128 {
    exchange.timings.phase(phase).unwrap().as_millis()
}

#[tokio::test]
async fn a_plain_probe_says_everything() {
    let server = Upstream::answering(ok("{\"price\": 1.28}")).await;
    let exchange = probe(get(&server.url("/x?y=1"))).await;
    let response = passed(&exchange);
    assert_eq!(response.status, 200);
    assert_eq!(response.version, http::Version::HTTP_11);
    assert_eq!(&response.body.bytes[..], b"{\"price\": 1.28}");
    assert_eq!(response.body.wire_bytes, 15);
    assert_eq!(exchange.peer, Some(server.address));
    assert_eq!(exchange.started_at, now());
    let timings = exchange.timings;
    assert_eq!(
        timings.phase(Phase::Resolve),
        None,
        "an address is not looked up"
    );
    assert_eq!(timings.phase(Phase::Tls), None);
    for phase in [Phase::Connect, Phase::Send, Phase::Wait, Phase::Transfer] {
        assert!(timings.phase(phase).is_some(), "{phase}");
    }
    let sum: Duration = timings.present().map(|(_, spent)| spent).sum();
    assert!(sum <= timings.total, "{timings:?}");
    let request = server.requests().remove(0);
    assert!(
        request.starts_with("GET /x?y=1 HTTP/1.1\r\nhost: 127.0.0.1:"),
        "{request}"
    );
    assert!(request.contains("connection: close"), "{request}");
    assert!(
        request.contains("accept-encoding: gzip, deflate, br, zstd"),
        "{request}"
    );
}

#[tokio::test]
async fn a_deadline_that_passed_while_oes_stood_still_is_no_failure_of_the_service() {
    let server = Upstream::always(vec![Step::Request, Step::Hang]).await;
    let mut service = get(&server.url("/"));
    service.timeout = Duration::from_millis(100);
    let still = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        std::thread::park_timeout(Duration::from_millis(1_500));
    };
    let (exchange, ()) = tokio::join!(probe(service), still);
    let failure = failed(&exchange);
    assert_eq!(failure.kind, FailureKind::LocalStandstill, "{failure:?}");
    assert!(failure.kind.is_ours());
    assert!(
        failure
            .message
            .starts_with("OES itself stood still, for 1.")
    );
}

#[tokio::test]
async fn delays_show_in_their_phase() {
    let server = Upstream::always(vec![
        Step::Request,
        wait(80),
        send("HTTP/1.1 200 OK\r\n"),
        wait(30),
        send("Content-Length: 2\r\n\r\n"),
        wait(60),
        send("hi"),
    ])
    .await;
    let exchange = probe(get(&server.url("/"))).await;
    passed(&exchange);
    assert!(ms(&exchange, Phase::Wait) >= 79, "{:?}", exchange.timings);
    assert!(
        ms(&exchange, Phase::Transfer) >= 88,
        "{:?}",
        exchange.timings
    );
    assert!(exchange.timings.total >= Duration::from_millis(168));
    assert!(exchange.timings.phase(Phase::Connect).unwrap() < Duration::from_millis(79));
}

#[tokio::test]
async fn interim_responses_do_not_end_the_wait() {
    let server = Upstream::always(vec![
        Step::Request,
        send("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
        wait(80),
        send(ok("x")),
    ])
    .await;
    let exchange = probe(get(&server.url("/"))).await;
    assert_eq!(passed(&exchange).status, 200);
    assert!(ms(&exchange, Phase::Wait) >= 79, "{:?}", exchange.timings);
}

#[tokio::test]
async fn lag_is_not_latency() {
    let server = Upstream::answering(ok("x")).await;
    let prober = prober();
    let plan = prober.plan_for(get(&server.url("/"))).unwrap();
    let due = Instant::now();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let begun = Instant::now();
    let exchange = prober.probe(&plan, due, now()).await;
    assert!(exchange.timings.lag >= Duration::from_millis(49));
    assert!(exchange.timings.total <= begun.elapsed());
}

#[tokio::test]
async fn a_large_body_is_sent_whole() {
    let server = Upstream::answering(ok("x")).await;
    let mut parts = get(&server.url("/"));
    parts.request.method = Method::POST;
    parts.request.body = Some(vec![b'a'; 3 << 20].into());
    let exchange = probe(parts).await;
    passed(&exchange);
    assert_eq!(exchange.sent.body_bytes, 3 << 20);
    assert!(server.requests()[0].len() > 3 << 20);
}

#[tokio::test]
async fn secrets_are_sent_and_never_shown() {
    let server = Upstream::answering(ok("x")).await;
    let mut parts = get(&server.url("/"));
    parts.request.headers = vec![(
        HeaderName::from_static("x-key"),
        Secret::partly("key hunter2", "key ***"),
    )];
    parts.request.auth = Auth::Basic {
        user: Secret::plain("me"),
        password: Secret::hidden("hunter3"),
    };
    let prober = prober();
    let plan = prober.plan_for(parts).unwrap();
    let exchange = prober.probe(&plan, Instant::now(), now()).await;
    let request = server.requests().remove(0);
    assert!(request.contains("x-key: key hunter2"), "{request}");
    assert!(
        request.contains("authorization: Basic bWU6aHVudGVyMw=="),
        "{request}"
    );
    let shown = format!("{exchange:?} {plan:?}");
    assert!(
        shown.contains("key ***") && shown.contains("Basic ***"),
        "{shown}"
    );
    assert!(
        !shown.contains("hunter") && !shown.contains("bWU6"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_token_is_fetched_once_and_again_when_it_is_refused() {
    let tokens = Upstream::start(vec![
        vec![
            Step::Request,
            send(ok("{\"access_token\":\"one\",\"expires_in\":3600}")),
        ],
        vec![
            Step::Request,
            send(ok("{\"access_token\":\"two\",\"expires_in\":3600}")),
        ],
    ])
    .await;
    let denied = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    let server = Upstream::start(vec![
        vec![Step::Request, send(ok("x"))],
        vec![Step::Request, send(ok("x"))],
        vec![Step::Request, send(denied)],
        vec![Step::Request, send(ok("x"))],
        vec![Step::Request, send(denied)],
    ])
    .await;
    let mut parts = get(&server.url("/"));
    parts.request.auth = Auth::ClientCredentials {
        token_url: tokens.url("/token").parse().unwrap(),
        client_id: Secret::plain("id"),
        client_secret: Secret::hidden("sesame"),
        scopes: vec!["read".to_owned(), "list".to_owned()],
    };
    let prober = prober();
    let plan = prober.plan_for(parts).unwrap();
    for status in [200, 200, 200, 401] {
        let exchange = prober.probe(&plan, Instant::now(), now()).await;
        assert_eq!(passed(&exchange).status, status);
        let shown = format!("{exchange:?}");
        assert!(
            !shown.contains("sesame") && !shown.contains("Bearer one"),
            "{shown}"
        );
    }
    let asked = tokens.requests();
    assert_eq!(asked.len(), 3, "one at first, one after each refusal");
    assert!(
        asked[0].ends_with("grant_type=client_credentials&scope=read+list"),
        "{}",
        asked[0]
    );
    let bearers: Vec<_> = server
        .requests()
        .iter()
        .filter_map(|request| {
            request
                .lines()
                .find_map(|line| line.strip_prefix("authorization: "))
                .map(str::to_owned)
        })
        .collect();
    assert_eq!(
        bearers,
        [
            "Bearer one",
            "Bearer one",
            "Bearer one",
            "Bearer two",
            "Bearer two",
            "Bearer two"
        ]
    );
}

#[tokio::test]
async fn a_broken_token_endpoint_says_nothing_about_the_service() {
    let tokens = Upstream::answering("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    let server = Upstream::answering(ok("x")).await;
    let mut parts = get(&server.url("/"));
    parts.request.auth = Auth::ClientCredentials {
        token_url: tokens.url("/token").parse().unwrap(),
        client_id: Secret::plain("id"),
        client_secret: Secret::hidden("sesame"),
        scopes: Vec::new(),
    };
    let exchange = probe(parts).await;
    let failure = failed(&exchange);
    assert!(failure.kind.is_ours(), "{failure:?}");
    assert!(failure.message.contains("it answered 400"), "{failure:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn too_many_probes_at_once_wait_for_their_turn() {
    let server = Upstream::always(vec![Step::Request, wait(60), send(ok("x"))]).await;
    let prober = HttpProber::new(Settings {
        per_host_max: 1,
        ..Settings::default()
    })
    .unwrap();
    let plan = prober.plan_for(get(&server.url("/"))).unwrap();
    let due = Instant::now();
    let (a, b) = tokio::join!(
        prober.probe(&plan, due, now()),
        prober.probe(&plan, due, now())
    );
    passed(&a);
    passed(&b);
    assert!(
        b.timings.lag >= Duration::from_millis(59),
        "{:?}",
        b.timings
    );
    let mut hurried = get(&server.url("/"));
    hurried.timeout = Duration::from_millis(40);
    let hurried = prober.plan_for(hurried).unwrap();
    let (_, late) = tokio::join!(
        prober.probe(&plan, due, now()),
        prober.probe(&hurried, due, now())
    );
    assert_eq!(failed(&late).kind, FailureKind::Internal);
    assert_eq!(failed(&late).phase, None);
}
