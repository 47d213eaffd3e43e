//! What configs mean, and that no text breaks the loader.

mod drawing;
mod heartbeat;
mod history;
mod laws;
mod maintenance;
mod record;
mod recovery;
mod secrets;
mod server;
mod warnings;

use std::collections::BTreeMap;

use super::*;
use crate::model::service::{Auth, BodyOverflow, Family, HttpVersions, LatencyTrigger};

fn environment() -> BTreeMap<String, String> {
    [
        ("TOKEN", "hunter2"),
        ("HASH", "ab#cdefgh"),
        ("HOOK", "https://hooks.example.io/secret-path"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn toml(text: &str) -> Config {
    load_text("oes.toml", text, Path::new(""), &environment())
        .map_err(|report| report.plain())
        .unwrap()
        .config
}

fn mistakes(text: &str) -> String {
    match load_text("oes.toml", text, Path::new(""), &environment()) {
        Ok(loaded) => loaded.report.plain(),
        Err(report) => report.plain(),
    }
}

fn service(text: &str) -> Service {
    let text = format!("[[services]]\nurl = \"https://api.example.io/a\"\n{text}");
    toml(&text).services[0].service.as_ref().clone()
}

#[test]
fn a_config_of_the_predecessor_means_what_it_meant() {
    let text = include_str!("../../tests/configs/good/predecessor.json");
    let loaded = load_text("oes.json", text, Path::new("ops"), &environment()).unwrap();
    assert_eq!(loaded.report.mistakes().count(), 0);
    let config = loaded.config;
    let names: Vec<&str> = config
        .services
        .iter()
        .map(|one| one.service.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "GET https://api.example.io/asset/price/x",
            "POST https://api.example.io/balances",
            "GET https://api.example.io/chart"
        ]
    );
    for one in &config.services {
        assert_eq!(one.service.interval, Duration::from_mins(5));
        assert_eq!(one.service.notify_cool_down, Duration::from_mins(5));
        assert_eq!(
            (one.service.error.threshold, one.service.error.window),
            (0.5, 7)
        );
        let latency = one.service.latency.unwrap();
        assert_eq!(latency.limit, Duration::from_millis(500));
        assert_eq!((latency.trigger, latency.window), (LatencyTrigger::Mean, 7));
        assert_eq!(one.matchers.len(), 1);
        assert_eq!(one.service.channels, [ChannelName::new("console")]);
    }
    let balances = &config.services[1].service.request;
    assert_eq!(balances.method, http::Method::POST);
    assert_eq!(
        balances.body.as_deref(),
        Some(&br#"{"addresses":["9i6U"]}"#[..])
    );
    assert_eq!(balances.headers[0].0, "content-type");
    assert_eq!(config.notify.cool_down, Duration::from_mins(5));
    assert_eq!(config.data, Path::new("ops/oes-data"));
    assert_eq!(config.services[1].line, 5);
}

#[test]
fn cool_down_sets_both_and_each_can_be_set_apart() {
    let rows = [
        ("", 300, 300),
        ("cool_down = 60", 60, 60),
        ("cool_down = 60\ninterval = \"10s\"", 10, 60),
        ("cool_down = 60\nnotify.cool_down = \"1h\"", 60, 3600),
        ("interval = \"10s\"", 10, 300),
    ];
    for (top, interval, cool_down) in rows {
        let config = toml(&format!(
            "{top}\n[[services]]\nurl = \"https://a.example.io\""
        ));
        let service = &config.services[0].service;
        assert_eq!(service.interval.as_secs(), interval, "{top}");
        assert_eq!(service.notify_cool_down.as_secs(), cool_down, "{top}");
    }
}

#[test]
fn a_file_without_a_text_has_no_line() {
    let report = load(Path::new("none.toml"), &environment()).unwrap_err();
    assert_eq!(report.lines()[0].place(), "none.toml");
}

#[test]
fn limits_of_a_service_go_over_those_of_the_defaults_and_of_all() {
    let config = toml(
        "limits = { operations = 1000, findings = 5 }\n\
         defaults = { limits = { operations = 2000, heap_bytes = \"8MiB\" } }\n\
         [[services]]\nurl = \"http://a.example/\"\nlimits = { heap_bytes = \"1MiB\" }\n\
         [[services]]\nurl = \"http://b.example/\"\n\
         [[services]]\nurl = \"http://c.example/\"\n",
    );
    let of = |index: usize| &config.services[index].limits;
    assert_eq!(
        (of(0).operations, of(0).heap_bytes, of(0).findings),
        (2000, 1 << 20, 5)
    );
    assert_eq!((of(1).operations, of(1).heap_bytes), (2000, 8 << 20));
    assert_eq!(config.limits.operations, 1000);
    let compiling = "[[services]]\nurl = \"http://a.example/\"\nlimits = { functions = 3 }\n";
    let said = mistakes(compiling);
    assert!(
        said.contains("`functions` is for all services: a script is compiled once"),
        "{said}"
    );
}

#[test]
fn every_key_of_a_service_reaches_the_service() {
    let text = include_str!("../../tests/configs/good/everything.toml");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs/good");
    let loaded = load_text("oes.toml", text, &folder, &environment());
    let config = loaded.map_err(|report| report.plain()).unwrap().config;
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:9115");
    assert_eq!(config.limits.heap_bytes, 8 << 20);
    assert_eq!(config.limits.wall, Some(Duration::from_secs(20)));
    assert_eq!(config.notify.gather, Duration::ZERO);
    let full = &config.services[0].service;
    assert_eq!(config.services[0].matchers.len(), 8);
    assert_eq!(full.request.method, http::Method::PUT);
    assert_eq!(
        full.request.body.as_deref(),
        Some(&b"a=b+c&n=1&yes=true"[..])
    );
    let headers: Vec<String> = full
        .request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    assert_eq!(
        headers,
        [
            "accept: application/json",
            "x-team: web",
            "content-type: application/x-www-form-urlencoded"
        ]
    );
    assert!(
        matches!(&full.request.auth, Auth::ClientCredentials { scopes, .. } if scopes == &["r"])
    );
    assert_eq!(
        (full.timeout, full.interval),
        (Duration::from_secs(3), Duration::from_secs(30))
    );
    assert!(full.confirm.is_empty());
    assert_eq!((full.error.threshold, full.error.window), (0.1, 9));
    let latency = full.latency.unwrap();
    assert_eq!(
        (latency.trigger, latency.window),
        (LatencyTrigger::KOfN { k: 2 }, 5)
    );
    let transport = &full.transport;
    assert_eq!(
        (transport.http, transport.family),
        (HttpVersions::Http1, Family::V4)
    );
    assert_eq!(
        (transport.redirects_max, transport.body_limit_bytes),
        (0, 65536)
    );
    assert_eq!(transport.body_overflow, BodyOverflow::Cut);
    assert!(!transport.tls.verify && transport.proxy.is_some() && transport.resolve.len() == 1);
    assert_eq!(full.grants.hosts, ["other.example.io:8443"]);
    assert!(full.public && full.runbook.is_some() && full.group.as_deref() == Some("g"));
    let plain = &config.services[1].service;
    assert_eq!(
        plain.confirm,
        [Duration::from_secs(5), Duration::from_secs(10)]
    );
    assert!((plain.error.threshold - 0.25).abs() < 1e-12);
    let latency = plain.latency.unwrap();
    assert_eq!(latency.limit, Duration::from_millis(300));
    assert_eq!(
        latency.trigger,
        LatencyTrigger::Percentile { percentile: 95 }
    );
}

#[test]
fn durations_and_sizes() {
    let good = [
        ("\"1h30m\"", 5_400_000),
        ("\"500ms\"", 500),
        ("\" 2 min \"", 120_000),
        ("\"1.5s\"", 1500),
        ("2", 2000),
        ("0.25", 250),
        ("\"1d\"", 86_400_000),
    ];
    for (written, ms) in good {
        let service = service(&format!("interval = {written}"));
        assert_eq!(service.interval, Duration::from_millis(ms), "{written}");
    }
    for written in [
        "\"\"",
        "\"1\"",
        "\"1x\"",
        "\"s\"",
        "\"-1s\"",
        "\"1.2.3s\"",
        "-1",
        "1e300",
        "\"1h-\"",
        "\"１s\"",
    ] {
        let text = mistakes(&format!(
            "interval = {written}\nservice = [{{ url = \"http://a\" }}]"
        ));
        assert!(
            text.starts_with("oes.toml:1:12: error: `interval`"),
            "{written}: {text}"
        );
    }
    for (written, bytes) in [
        ("100", 100),
        ("\"1KiB\"", 1024),
        ("\"2 MB\"", 2_000_000),
        ("\"3M\"", 3 << 20),
    ] {
        let service = service(&format!("body_limit = {written}"));
        assert_eq!(service.transport.body_limit_bytes, bytes, "{written}");
    }
}

#[test]
fn status_rules() {
    use crate::matcher::spec::StatusRule;
    let rows = [
        ("2xx", Some(StatusRule::In(vec![(200, 299)]))),
        (
            "200, 429",
            Some(StatusRule::In(vec![(200, 200), (429, 429)])),
        ),
        ("200-204", Some(StatusRule::In(vec![(200, 204)]))),
        ("any", Some(StatusRule::Any)),
        ("204-200", None),
        ("6xx", None),
        ("", None),
        ("2xx,", None),
    ];
    for (written, rule) in rows {
        assert_eq!(values::status_text(written).ok(), rule, "{written}");
    }
}

#[test]
fn channels_take_options_and_hide_their_url() {
    let config = toml(
        "[[channels]]\nname = \"a\"\nkind = \"console\"\n[[services]]\nurl = \"https://a.example.io\"\nchannels = [\"a\", \"a\"]",
    );
    assert_eq!(config.channels.len(), 1);
    assert_eq!(config.services[0].service.channels, [ChannelName::new("a")]);
    assert_eq!(toml("services = []").channels[0].name.as_str(), "console");
    let text =
        mistakes("[[channels]]\nname = \"a\"\nkind = \"no_such_kind\"\nurl = \"${env:HOOK}\"");
    assert!(
        text.contains("there is no kind of channel `no_such_kind`"),
        "{text}"
    );
    assert!(!text.contains("secret-path"), "{text}");
}

#[test]
fn equal_services_get_numbers_and_a_warning() {
    let text = include_str!("../../tests/configs/good/equal_names.toml");
    let loaded = load_text("oes.toml", text, Path::new(""), &environment()).unwrap();
    let names: Vec<&str> = loaded
        .config
        .services
        .iter()
        .map(|one| one.service.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "GET https://api.example.io/a",
            "GET https://api.example.io/a #2",
            "GET https://api.example.io/a #3"
        ]
    );
    insta::assert_snapshot!(loaded.report.plain(), @"oes.toml:5:7: warning: another service asks the same: this one is called `GET https://api.example.io/a #2`, and 1 more like it (give both a `name`: without one their order tells them apart, and a service put between takes over the history of the next) [config/duplicate]");
}

#[test]
fn a_made_name_never_takes_a_given_one() {
    let config = toml(
        "[[services]]\nurl = \"https://a.example.io/\"\n[[services]]\nname = \"GET https://a.example.io/\"\nurl = \"https://b.example.io\"",
    );
    let names: Vec<&str> = config
        .services
        .iter()
        .map(|one| one.service.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["GET https://a.example.io/ #2", "GET https://a.example.io/"]
    );
}

#[test]
fn what_a_service_says_hides_what_the_defaults_say() {
    let text = "[defaults]\nresponse_matcher = \"types\"\nbody = \"x\"\nhttp_method = \"POST\"\ntimeout = 1\n\
        [[services]]\nurl = \"https://a.example.io\"\nmatch = [\"status_code\"]\nmethod = \"PUT\"\npayload = 1\n\
        [[services]]\nurl = \"https://b.example.io\"\nresponse = { a = 1 }";
    let config = toml(text);
    let [a, b] = [0, 1].map(|index| config.services[index].service.as_ref());
    assert_eq!(a.request.method, http::Method::PUT);
    assert_eq!(a.request.body.as_deref(), Some(&b"1"[..]));
    assert_eq!(b.request.method, http::Method::POST);
    assert_eq!(b.request.body.as_deref(), Some(&b"x"[..]));
    assert_eq!(b.timeout, Duration::from_secs(1));
}

#[test]
fn numbers_of_samples_and_payloads_are_exact() {
    let service = service("payload = { a = 9007199254740993, b = 0.1, at = 2026-01-02T03:04:05Z }");
    let body = String::from_utf8(service.request.body.unwrap().to_vec()).unwrap();
    assert_eq!(
        body,
        r#"{"a":9007199254740993,"b":0.1,"at":"2026-01-02T03:04:05Z"}"#
    );
    let json =
        r#"{"services":[{"url":"https://a.example.io","payload":[18446744073709551615,-0,1e3]}]}"#;
    let loaded = load_text("oes.json", json, Path::new(""), &environment()).unwrap();
    let body = loaded.config.services[0]
        .service
        .request
        .body
        .clone()
        .unwrap();
    assert_eq!(&body[..], b"[18446744073709551615,0,1000.0]");
}

#[test]
fn a_fingerprint_changes_with_what_matters_and_with_nothing_else() {
    let print = |text: &str, token: &str| {
        let environment: BTreeMap<String, String> = [("TOKEN".to_owned(), token.to_owned())].into();
        let text = format!(
            "{text}\n[[services]]\nname = \"a\"\nurl = \"https://a.example.io\"\nheaders = {{ x = \"${{env:TOKEN}}\" }}\n"
        );
        let loaded = load_text("oes.toml", &text, Path::new(""), &environment).unwrap();
        loaded.config.services[0].fingerprint.clone()
    };
    let base = print("", "one");
    assert_eq!(base.len(), 64);
    assert_eq!(base, print("# a comment\n\n", "one"));
    assert_eq!(base, print("data = \"elsewhere\"", "one"));
    assert_ne!(base, print("", "two"));
    assert_ne!(base, print("interval = 7", "one"));
    assert_ne!(
        base,
        print("[defaults]\nmatch = [{ status_code = 204 }]", "one")
    );
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    let text = read::text("\u{FEFF}services = []".as_bytes().to_vec()).unwrap();
    assert_eq!(text, "services = []");
}

#[test]
fn ten_thousand_services_share_what_they_share() {
    let mut text =
        String::from("[defaults]\nheaders = { a = \"${env:TOKEN}\" }\ntimeout = \"nonsense\"\n");
    for number in 0..10_000 {
        text.push_str("[[services]]\nurl = \"https://a.example.io/");
        text.push_str(&number.to_string());
        text.push_str("\"\n");
    }
    // A mistake in the defaults is said once, however many services take them.
    assert_eq!(mistakes(&text).lines().count(), 1);
    let config = toml(&text.replace("\"nonsense\"", "\"3s\""));
    assert_eq!(config.services.len(), 10_000);
}

#[test]
fn a_file_with_a_million_mistakes_is_reported_in_part() {
    let text = format!("{{{}}}", "'a':1,".repeat(20_000));
    let report = load_text("oes.json", &text, Path::new(""), &environment()).unwrap_err();
    assert!(report.has_errors());
    // No services is a warning of its own.
    assert!((1000..=1001).contains(&report.lines().len()));
    assert!(report.errors() >= 20_000, "{}", report.errors());
    assert!(
        report.notes[0].ends_with("more mistakes are not listed"),
        "{:?}",
        report.notes
    );
}
