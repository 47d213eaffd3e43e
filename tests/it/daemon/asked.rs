//! `/probe`: a Prometheus that was configured for `blackbox_exporter` asks for services of the config.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use oes::config::{self, ProcessEnvironment};
use oes::model::service::Service;
use oes::policy::target;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::rig::{Rig, address, ask, eventually, lines};
use crate::support::prometheus;

/// Asks with the headers that a Prometheus sends which waits so long; returns the whole response.
async fn scrape(address: SocketAddr, query: &str, wait: &str) -> String {
    let request = format!(
        "GET /probe?{query} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-prometheus-scrape-timeout-seconds: {wait}\r\nconnection: close\r\n\r\n"
    );
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    });
    asked.await.unwrap()
}

fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").unwrap().1
}

async fn probed(rig: &Rig, path: &str, hits: usize) {
    eventually("a probe", || {
        let seen = rig.api.hits(path);
        (seen == hits).then_some(()).ok_or(format!("{seen} hits"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_at_once_share_one_probe_that_counts_nowhere() {
    let rig = Rig::new();
    let config = rig.config(&["price", "slow"]).replace("100ms", "1h");
    rig.write("oes.toml", &config);
    let daemon = rig.start().await;
    let address = address(&daemon);
    probed(&rig, "/price", 1).await;
    probed(&rig, "/slow", 1).await;

    rig.api.answers("/price", 500, "{}");
    let fresh = scrape(address, "target=price", "10").await;
    assert!(fresh.contains("\nprobe_success 1\n"), "{fresh}");
    assert_eq!(rig.api.hits("/price"), 1, "the newest probe is fresh");

    sleep(Duration::from_millis(5_100)).await;
    let mut asking = JoinSet::new();
    for _ in 0..20 {
        asking.spawn(scrape(address, "target=price&module=http_2xx", "10"));
    }
    for response in asking.join_all().await {
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        assert!(response.contains("\nprobe_success 0\n"), "{response}");
        assert!(
            response.contains("\nprobe_http_status_code 500\n"),
            "{response}"
        );
        prometheus::accepts(body(&response));
    }
    assert_eq!(rig.api.hits("/price"), 2);
    let metrics = ask(address, "/metrics").await;
    assert!(metrics.contains("oes_probes_total{service=\"price\",outcome=\"pass\"} 1\n"));
    for service in ["price", "slow"] {
        let fails = format!("oes_probes_total{{service=\"{service}\",outcome=\"fail\"}} 0\n");
        assert!(metrics.contains(&fails), "{metrics}");
    }
    assert!(
        metrics.contains("probe_success{service=\"price\"} 1\n"),
        "{metrics}"
    );
    assert!(
        rig.bodies().is_empty(),
        "nobody is told of what does not count"
    );

    rig.api.waits("/slow", Duration::from_secs(6));
    let begun = Instant::now();
    let late = scrape(address, "target=slow", "1.5").await;
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "it waits no longer"
    );
    assert!(late.contains("\nprobe_success 0\n"), "{late}");
    assert!(late.contains("\nprobe_timeout_seconds 1."), "{late}");
    assert!(late.contains("\nprobe_http_status_code 0\n"), "{late}");
    let whole = scrape(address, "target=slow", "10").await;
    assert!(whole.contains("\nprobe_success 1\n"), "{whole}");
    for _ in 0..2 {
        let late = scrape(address, "target=slow", "1.5").await;
        assert!(
            late.contains("\nprobe_success 0\n"),
            "too slow for this one: {late}"
        );
        assert!(late.contains("\nprobe_http_status_code 0\n"), "{late}");
    }
    let whole = scrape(address, "target=slow", "10").await;
    assert!(whole.contains("\nprobe_success 1\n"), "{whole}");
    assert_eq!(
        rig.api.hits("/slow"),
        2,
        "the probe went on for the next who asks"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_sees_what_it_remembers_and_remembers_nothing_new() {
    let rig = Rig::new();
    rig.write(
        "count.rhai",
        "let n = memory.get(\"n\", 0);\nmemory.set(\"n\", n + 1);\nexpect(n == 1, `n is ${n}`);",
    );
    let counted = rig.service("counted", "match = [\"./count.rhai\"]");
    let config = rig.config(&[]).replace("100ms", "1h");
    rig.write("oes.toml", &[config, counted].concat());
    let daemon = rig.start().await;
    assert_eq!(lines(&rig.messages(1).await), ["opened counted error"]);
    for _ in 0..2 {
        sleep(Duration::from_millis(5_100)).await;
        let asked = scrape(address(&daemon), "target=counted", "10").await;
        assert!(asked.contains("\nprobe_success 1\n"), "{asked}");
    }
    assert_eq!(rig.api.hits("/counted"), 3);
    assert_eq!(
        rig.bodies().len(),
        1,
        "what does not count ends no incident"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_that_the_config_does_not_name() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]).replace("100ms", "1h"));
    let daemon = rig.start().await;
    let address = address(&daemon);
    probed(&rig, "/price", 1).await;
    let api = rig.api.address;
    let rows = [
        ("", "write the service as `target`"),
        ("target=", "write the service as `target`"),
        (
            &format!("target=http://{api}/other"),
            "no service has the name",
        ),
        (&format!("target={api}/other"), "no service has the name"),
        ("target=prize", "(is \"price\" meant?)"),
        (
            "target=price&module=icmp_ttl5",
            "over HTTP alone, so there is no module \"icmp_ttl5\"",
        ),
        ("target=price&module=tcp_connect", "over HTTP alone"),
        (
            "target=price&module=http_post_2xx",
            "\"price\" is asked with GET, and \"http_post_2xx\" wants a POST",
        ),
        (
            "target=price&module=http_auth",
            "there is no module \"http_auth\": the config says how",
        ),
        (
            "target=price&hostname=a.example",
            "`hostname` cannot be asked for",
        ),
    ];
    for (query, expected) in rows {
        let refused = scrape(address, query, "10").await;
        assert!(refused.starts_with("HTTP/1.1 400 "), "{query}: {refused}");
        assert!(refused.contains(expected), "{query}: {refused}");
    }
    assert_eq!(rig.api.hits("/other"), 0);

    let shown = scrape(address, &format!("target={api}&debug=true"), "10").await;
    for part in [
        "service   price (found by its host)",
        "outcome   pass",
        "answer    HTTP/1.1 200, 2 bytes",
        "counted   in no window",
        "\nprobe_success 1\n",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

const SERVICES: &str = "
        [[services]]
        name = \"shop\"
        url = \"https://shop.example/\"
        [[services]]
        name = \"shop api\"
        url = \"https://shop.example/api\"
        tags = [\"http_post_2xx\"]
        [[services]]
        name = \"queue\"
        url = \"http://queue.example:8080/health?full=1\"
        [[services]]
        name = \"a\"
        url = \"http://two.example/a\"
        [[services]]
        name = \"b\"
        url = \"http://two.example/b\"
        [[services]]
        name = \"hidden\"
        url = \"https://hidden.example/x?token=${env:PATH}\"
        [[services]]
        name = \"six\"
        url = \"http://[2001:db8::1]:9000/\"
        method = \"POST\"
    ";

#[test]
fn a_target_is_a_name_a_url_or_a_host() {
    let loaded = config::load_text("oes.toml", SERVICES, Path::new(""), &ProcessEnvironment);
    let Ok(loaded) = loaded else {
        panic!("the config is good")
    };
    let services: Vec<Arc<Service>> = loaded
        .config
        .services
        .iter()
        .map(|one| Arc::clone(&one.service))
        .collect();
    let find = |target: &str| match target::find(target, services.iter()) {
        Ok((service, how)) => format!("{} by {how}", service.name),
        Err(why) => why.split(['.', ':']).next().unwrap().to_owned(),
    };
    let secret = services[5].request.url.to_string();
    let rows = [
        ("shop api", "shop api by name"),
        ("https://shop.example", "shop by URL"),
        ("https://shop.example/api", "shop api by URL"),
        ("HTTPS://SHOP.example:443/api", "shop api by URL"),
        ("shop.example", "shop by host"),
        ("Shop.Example/", "shop by host"),
        ("shop.example:443", "shop by host"),
        ("shop.example/api", "shop api by host"),
        ("queue.example", "queue by host"),
        ("queue.example:8080", "queue by host"),
        ("queue.example:8080/health?full=1", "queue by host"),
        ("[2001:db8::1]", "six by host"),
        ("[2001:db8::1]:9000", "six by host"),
        ("hidden.example", "hidden by host"),
        ("two.example/b", "b by host"),
        ("two.example", "\"a\", \"b\" are at \"two"),
        (
            "http://shop.example/",
            "no service has the name, the URL or the host \"http",
        ),
        (
            "queue.example:80",
            "no service has the name, the URL or the host \"queue",
        ),
        (
            "queue.example/other",
            "no service has the name, the URL or the host \"queue",
        ),
        (
            &secret,
            "no service has the name, the URL or the host \"https",
        ),
    ];
    for (target, expected) in rows {
        assert_eq!(find(target), expected, "{target}");
    }
    let post = target::accepts(&services[1], Some("http_post_2xx"));
    assert_eq!(post, Ok(()));
    assert!(target::accepts(&services[0], Some("http_post_2xx")).is_err());
    let sent = target::accepts(&services[6], Some("http_post_2xx"));
    assert_eq!(sent, Ok(()), "it is sent with POST");
}
