//! The status page over HTTP: who sees what, what is found where, and how much is sent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use oes::daemon::Daemon;
use oes::model::service::ServiceName;
use oes::web::Place;
use oes::web::page::links::{mark, segment};
use serde_json::Value;

use super::rig::{Rig, eventually, ledger};

/// Asks with more headers; returns the head and the body.
async fn ask(address: SocketAddr, path: &str, headers: &str) -> (String, Vec<u8>) {
    say(
        address,
        format!("GET {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n"),
    )
    .await
}

async fn say(address: SocketAddr, request: String) -> (String, Vec<u8>) {
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let body = bytes.split_off(end + 4);
        (String::from_utf8(bytes).unwrap(), body)
    });
    asked.await.unwrap()
}

fn address(daemon: &Daemon) -> SocketAddr {
    let Place::Tcp(address) = daemon.place() else {
        panic!("{}", daemon.place());
    };
    *address
}

pub(super) const HERE: &str = "host: 127.0.0.1\r\n";
const ELSEWHERE: &str = "host: status.example.org\r\n";

pub(super) async fn text(daemon: &Daemon, path: &str, headers: &str) -> String {
    let (head, body) = ask(address(daemon), path, headers).await;
    format!("{head}{}", String::from_utf8(body).unwrap())
}

/// Sends a request with a body; returns all of the answer.
pub(super) async fn send(
    daemon: &Daemon,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> String {
    let request = format!("{method} {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n{body}");
    let (head, body) = say(address(daemon), request).await;
    format!("{head}{}", String::from_utf8(body).unwrap())
}

pub(super) async fn until(daemon: &Daemon, path: &str, headers: &str, what: &str) -> String {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let seen = text(daemon, path, headers).await;
        if seen.contains(what) {
            return seen;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "no {what} in {seen}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A daemon that watches `price`, which fails and is public, and `secret`, which fails and is not.
async fn troubled(rig: &Rig, server: &str) -> Daemon {
    rig.api.answers("/price", 503, "{}");
    rig.api.answers("/secret", 503, "{}");
    let mut config = rig
        .config(&[])
        .replace("[server]\n", &format!("[server]\n{server}"));
    config += &rig.service(
        "price",
        "match = [\"status_code\"]\npublic = true\ngroup = \"Shop\"",
    );
    config += &rig.service("secret", "match = [\"status_code\"]");
    rig.write("oes.toml", &config);
    let daemon = rig.start().await;
    eventually("two incidents", || {
        let count = ledger(&daemon).incidents.len();
        (count == 2).then_some(()).ok_or(count.to_string())
    })
    .await;
    daemon
}

/// Checks that what is for programs tells nothing of services to whoever gets the public view.
async fn says_nothing_of_others(daemon: &Daemon, headers: &str, why: &str) {
    for path in [
        "/metrics",
        "/probe?target=secret&debug=true",
        "/probe?target=price",
    ] {
        let refused = text(daemon, path, headers).await;
        assert!(refused.starts_with("HTTP/1.1 401"), "{path}: {refused}");
        assert!(!refused.contains("secret"), "{path}: {refused}");
        for words in [why, "oes token new --scope read"] {
            assert!(refused.contains(words), "{path}: {refused}");
        }
    }
    for path in ["/healthz", "/readyz"] {
        let told = text(daemon, path, headers).await;
        assert!(told.ends_with("{\"fine\":true}"), "{path}: {told}");
    }
}

#[tokio::test]
async fn this_machine_sees_everything_and_others_what_is_public() {
    let rig = Rig::new();
    let daemon = troubled(&rig, "").await;
    let host = rig.api.address.to_string();
    let private = until(&daemon, "/", HERE, "Both services are down").await;
    assert!(
        private.contains("secret") && private.contains("got 503"),
        "{private}"
    );
    let all = ledger(&daemon);
    let id = |name: &str| {
        let of = |one: &&oes::model::incident::Incident| one.service.as_str() == name;
        all.incidents.values().find(of).unwrap().id.to_string()
    };
    let (price, secret) = (id("price"), id("secret"));
    let detail = text(&daemon, "/services/price", HERE).await;
    for shown in [&*host, "503", "of the last 1 probe", "id=\"latency\""] {
        assert!(detail.contains(shown), "no {shown} in {detail}");
    }
    for (path, shown) in [
        ("/", "The service is down"),
        ("/services/price", "Major outage"),
        ("/incidents", "price"),
        (&*format!("/incidents/{price}"), "Failing"),
        ("/maintenance", "No maintenance is planned"),
        ("/status.json", "\"price\""),
        ("/status.txt", "price"),
        ("/feed.atom", "price"),
        ("/maintenance.ics", "BEGIN:VCALENDAR"),
        ("/embed", "The service is down"),
        ("/badge/price.svg", "major outage"),
        (
            &*format!(
                "/fragment?of={},{}",
                mark(&ServiceName::new("price")),
                mark(&ServiceName::new("secret"))
            ),
            "price",
        ),
    ] {
        let public = text(&daemon, path, ELSEWHERE).await;
        assert!(public.starts_with("HTTP/1.1 200"), "{path}: {public}");
        assert!(public.contains(shown), "{path}: no {shown} in {public}");
        for hidden in ["secret", &host, "got 503", "hook", "of the last"] {
            assert!(!public.contains(hidden), "{path} shows {hidden}: {public}");
        }
    }
    for path in [
        "/services/secret",
        &format!("/incidents/{secret}"),
        "/health",
        "/badge/secret.svg",
        "/badge/secret/uptime.json",
        "/services/none",
    ] {
        let public = text(&daemon, path, ELSEWHERE).await;
        assert!(public.starts_with("HTTP/1.1 404"), "{path}: {public}");
    }
    let handed_on = &*format!("{HERE}x-forwarded-for: 198.51.100.7\r\n");
    let page = text(&daemon, "/", handed_on).await;
    assert!(!page.contains("secret"), "{page}");
    says_nothing_of_others(&daemon, ELSEWHERE, "the host `status.example.org`. Ask").await;
    says_nothing_of_others(&daemon, handed_on, "a proxy has handed it on").await;
    let metrics = text(&daemon, "/metrics", HERE).await;
    assert!(metrics.contains("service=\"secret\""), "{metrics}");
    daemon.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_service_that_stays_dead_is_a_major_outage() {
    let rig = Rig::new();
    let config = rig.config(&["price"]).replace("window = 1", "window = 7");
    let config = config.replace("error_threshold = 0\n", "error_threshold = 0.5\n");
    rig.write("oes.toml", &config);
    let daemon = rig.start().await;
    eventually("a window full of good probes", || {
        let hits = rig.api.hits("/price");
        (hits > 8).then_some(()).ok_or(hits.to_string())
    })
    .await;
    rig.api.answers("/price", 503, "{}");
    let told = until(&daemon, "/status.txt", HERE, "major_outage").await;
    assert!(told.contains("The service is down"), "{told}");
    let detail = text(&daemon, "/services/price", HERE).await;
    for shown in ["Now: 7 of the last 7 probes failed", "4 of the last 7"] {
        assert!(detail.contains(shown), "no {shown} in {detail}");
    }
    daemon.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_page_with_a_public_address_shows_the_public_view_and_messages_link_to_it() {
    let rig = Rig::new();
    let token = "a-token-of-the-tests";
    let daemon = troubled(
        &rig,
        &format!(
            "url = \"https://status.example.org/oes\"\ntitle = \"Shop & Co\"\ntoken = \"{token}\"\n"
        ),
    )
    .await;
    let public = until(&daemon, "/", HERE, "The service is down").await;
    assert!(
        !public.contains("secret") && public.contains("Shop &#38; Co"),
        "{public}"
    );
    let shown = format!("{HERE}authorization: Bearer {token}\r\n");
    let private = until(&daemon, "/", &shown, "Both services are down").await;
    assert!(
        private.contains("cache-control: private, no-cache"),
        "{private}"
    );
    says_nothing_of_others(&daemon, HERE, "`server.url`").await;
    let metrics = text(&daemon, "/metrics", &shown).await;
    assert!(metrics.contains("service=\"secret\""), "{metrics}");
    let messages = rig.messages(2).await;
    for message in messages {
        let data = &message["data"];
        let expected = format!(
            "https://status.example.org/oes/incidents/{}",
            data["incident"].as_str().unwrap()
        );
        assert_eq!(data["link"], Value::from(expected), "{message:#}");
    }
    let feed = text(&daemon, "/feed.atom", HERE).await;
    assert!(
        feed.contains("<id>https://status.example.org/oes/</id>"),
        "{feed}"
    );
    daemon.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn services_are_found_by_name_group_and_state_whatever_they_are_called() {
    let rig = Rig::new();
    let names = ["a/b", "50 %", "GET https://x.example/y?z=1#w", "Größe <b>"];
    let mut config = rig.config(&[]);
    let address = rig.api.address;
    for (n, name) in names.iter().enumerate() {
        let group = if n < 2 { "One & two" } else { "Three" };
        let service = format!(
            "[[services]]\nname = \"{name}\"\nurl = \"http://{address}/{n}\"\nmatch = [\"status_code\"]\ngroup = \"{group}\"\n"
        );
        config += &service;
    }
    rig.write("oes.toml", &config);
    let daemon = rig.start().await;
    let all = until(&daemon, "/", HERE, "All 4 services are operational").await;
    for name in names {
        let href = format!("services/{}", segment(name));
        assert!(
            all.contains(&format!("href=\"{}\"", href.replace('&', "&#38;"))),
            "{href} {all}"
        );
        let one = text(&daemon, &format!("/{href}"), HERE).await;
        assert!(one.starts_with("HTTP/1.1 200"), "{one}");
        let depth = format!("src=\"{}page.js\"", "../".repeat(href.matches('/').count()));
        assert!(one.contains(&depth), "{one}");
    }
    assert!(
        !all.contains("Größe <b>") && all.contains("Größe &#60;b&#62;"),
        "{all}"
    );
    for (query, found) in [
        ("q=gr%C3%B6", 1),
        ("group=Three", 2),
        ("state=operational", 4),
        ("state=degraded", 0),
        ("q=A/", 1),
        ("state=foo", 4),
        ("page=99", 4),
        ("page=x&nonsense=1", 4),
    ] {
        let seen = text(&daemon, &format!("/?{query}"), HERE).await;
        let is_odd = query.contains("foo") || query.contains("page");
        assert_eq!(seen.contains("There is no "), is_odd, "{query}: {seen}");
        assert_eq!(
            seen.matches("class=\"row ").count(),
            found,
            "{query}: {seen}"
        );
    }
    daemon.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn what_somebody_has_is_not_sent_again() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    let daemon = rig.start().await;
    until(&daemon, "/", HERE, "The service is operational").await;
    for path in [
        "/status.json",
        "/feed.atom",
        "/badge/price.svg",
        "/badge/price/uptime.json?window=7d",
        "/badge/price/latency.svg?p=99",
        "/maintenance.ics",
        "/page.js",
    ] {
        let first = text(&daemon, path, HERE).await;
        let tag = first
            .lines()
            .find_map(|line| line.strip_prefix("etag: "))
            .unwrap()
            .to_owned();
        // Later than an answer is kept for others.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let (head, body) = ask(
            address(&daemon),
            path,
            &format!("{HERE}if-none-match: {tag}\r\n"),
        )
        .await;
        if path.contains("latency") {
            continue;
        }
        assert!(
            head.starts_with("HTTP/1.1 304") && body.is_empty(),
            "{path}: {head}"
        );
    }
    daemon.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_page_brings_nothing_from_elsewhere_and_runs_nothing_of_a_service() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    let daemon = rig.start().await;
    for path in [
        "/",
        "/services/price",
        "/incidents",
        "/maintenance",
        "/health",
        "/embed",
        "/none",
    ] {
        let seen = text(&daemon, path, HERE).await;
        let head = seen.split("\r\n\r\n").next().unwrap();
        if path == "/none" {
            assert!(head.starts_with("HTTP/1.1 404"), "{head}");
            continue;
        }
        let policy = head
            .lines()
            .find(|line| line.starts_with("content-security-policy: "))
            .unwrap();
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        let may_frame = policy.contains("frame-ancestors *");
        assert_eq!(may_frame, path == "/embed", "{path}: {policy}");
        assert!(
            !seen.contains(" style=") && !seen.contains(" onclick"),
            "{path}"
        );
    }
    daemon.stop(Duration::from_secs(1)).await;
}

/// Opens a stream and returns its lines.
fn listens(daemon: &Daemon, path: &str) -> Receiver<String> {
    let (place, path) = (address(daemon), path.to_owned());
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut stream = TcpStream::connect(place).unwrap();
        stream
            .write_all(format!("GET {path} HTTP/1.1\r\n{HERE}\r\n").as_bytes())
            .unwrap();
        for line in BufReader::new(stream).lines() {
            if tell.send(line.unwrap_or_default()).is_err() {
                break;
            }
        }
    });
    told
}

/// Waits for a line that contains something.
fn hears(told: &Receiver<String>, what: &str) -> String {
    let mut heard = Vec::new();
    // Lines come all the time: a stream says that it is there.
    for _ in 0..40 {
        let line = told.recv_timeout(Duration::from_secs(20));
        let line = line.unwrap_or_else(|_| panic!("no {what} in {heard:?}"));
        if line.contains(what) {
            return line;
        }
        heard.push(line);
    }
    panic!("no {what} in {heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_hears_what_changes() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price", "chart"]));
    let daemon = rig.start().await;
    let shown = until(&daemon, "/", HERE, "Both services are operational").await;
    let (_, at) = shown.split_once("data-at=\"").unwrap();
    let at = at.split('"').next().unwrap();
    let told = listens(&daemon, "/events");
    tokio::task::block_in_place(|| hears(&told, "event: tick"));
    rig.api.answers("/price", 500, "{}");
    let line = tokio::task::block_in_place(|| hears(&told, "data: {\"services\""));
    // Whoever has a page of before hears of it as well, and whoever has one of before the start fetches everything.
    let late = listens(&daemon, &format!("/events?at={at}"));
    let same = tokio::task::block_in_place(|| hears(&late, "data: {\"services\""));
    assert_eq!(same, line);
    let old = listens(&daemon, "/events?at=1");
    tokio::task::block_in_place(|| hears(&old, "event: refetch"));
    assert_eq!(
        line,
        format!(
            "data: {{\"services\":[\"{}\"]}}",
            mark(&ServiceName::new("price"))
        )
    );
    let began = tokio::time::Instant::now();
    daemon.stop(Duration::from_secs(10)).await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "a listener held the stop up: {:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_hundred_services_are_less_than_fifty_kilobytes() {
    let rig = Rig::new();
    let names: Vec<String> = (0..100).map(|n| format!("service-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    rig.write(
        "oes.toml",
        &rig.config(&names).replace("\"100ms\"", "\"1h\""),
    );
    let daemon = rig.start().await;
    for (encoding, name) in [("gzip", "gzip"), ("gzip, br", "br")] {
        let headers = format!("{HERE}accept-encoding: {encoding}\r\n");
        let (head, body) = ask(address(&daemon), "/", &headers).await;
        assert!(
            head.contains(&format!("content-encoding: {name}")),
            "{head}"
        );
        assert!(body.len() < 50_000, "{name}: {}", body.len());
    }
    let rows = |page: &str| page.matches("class=\"row ").count();
    assert_eq!(rows(&text(&daemon, "/", HERE).await), 100);
    assert_eq!(
        rows(&text(&daemon, "/", ELSEWHERE).await),
        0,
        "none is public"
    );
    daemon.stop(Duration::from_secs(1)).await;
}
