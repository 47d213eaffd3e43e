//! What is recorded, and what of a service is tried without being written down.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{Change, ServiceConfig, labels, load, load_changed, load_text};
use crate::model::service::{LatencyTrigger, RecordRule};

fn rule(keys: &str) -> Option<RecordRule> {
    let text = format!(
        "[defaults]\nrecord = {{ keep = \"1h\" }}\n[[services]]\nurl = \"http://a.example/\"\n{keys}\n"
    );
    let none = BTreeMap::new();
    let loaded = load_text("oes.toml", &text, Path::new(""), &none).unwrap();
    loaded.config.services.first().unwrap().record
}

#[test]
fn recording_is_off_unless_asked_for_and_bounded() {
    let none = BTreeMap::new();
    let text = "[[services]]\nurl = \"http://a.example/\"\n";
    let loaded = load_text("oes.toml", text, Path::new(""), &none).unwrap();
    assert_eq!(loaded.config.services.first().unwrap().record, None);
    let hour = RecordRule {
        keep: Duration::from_hours(1),
        ..RecordRule::default()
    };
    assert_eq!(rule(""), Some(hour));
    assert_eq!(rule("record = false"), None);
    assert_eq!(rule("record = true"), Some(RecordRule::default()));
    let small = RecordRule {
        bytes: 2_000_000,
        ..RecordRule::default()
    };
    assert_eq!(rule("record = { size = \"2 MB\" }"), Some(small));
    let text = format!("{text}record = {{ keep = \"5s\", size = 10, bodies = 1 }}\n");
    let report = load_text("oes.toml", &text, Path::new(""), &none).unwrap_err();
    assert_eq!(report.errors(), 3, "{:#?}", report.lines());
}

fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    write(&path, text);
    (folder, path)
}

fn write(path: &Path, text: &str) {
    let mut file = std::fs::File::create(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Returns the second service of a config, changed.
fn changed(text: &str, changes: &[Change]) -> ServiceConfig {
    let (folder, path) = file("oes.toml", text);
    let script = "//! N.\n//! ---\n//! [params.n]\n//! kind = \"integer\"\n//! default = 1\n//! help = \"n\"\n\nexpect(body == param(\"n\"), \"no\");\n";
    for name in ["one.rhai", "two.rhai"] {
        write(&folder.path().join(name), script);
    }
    let none = BTreeMap::new();
    let line = load(&path, &none).unwrap().config.services[1].line;
    let config = load_changed(&path, &none, line, changes).unwrap().config;
    assert!(
        config.services[0].service.latency.is_none(),
        "the other is as it was"
    );
    let mut services = config.services;
    std::sync::Arc::into_inner(services.remove(1)).unwrap()
}

fn key(key: &str, value: &str) -> Change {
    Change::Key {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

const TWO: &str =
    "[[services]]\nurl = \"http://a.example/\"\n[[services]]\nurl = \"http://b.example/\"\n";

#[test]
fn a_change_is_of_one_service_and_read_as_if_it_were_written() {
    let latency = |keys: &str, changes: &[Change]| {
        let service = changed(&format!("{TWO}{keys}"), changes).service;
        let rule = service.latency.unwrap();
        (rule.limit.as_millis(), rule.trigger)
    };
    let median = key("latency.trigger", "median");
    assert_eq!(
        latency("", &[key("latency", "300")]),
        (300, LatencyTrigger::Mean)
    );
    assert_eq!(
        latency("", &[key("latency", "2s")]),
        (2000, LatencyTrigger::Mean)
    );
    let both = latency("latency = 500\n", std::slice::from_ref(&median));
    assert_eq!(both, (500, LatencyTrigger::Median));
    let table = "latency = { limit = 500, trigger = \"k_of_n\", k = 3 }\n";
    let four = latency(table, &[key("latency.k", "4")]);
    assert_eq!(four, (500, LatencyTrigger::KOfN { k: 4 }));
}

#[test]
fn another_script_takes_the_place_of_the_one_that_there_is() {
    let scripts = |keys: &str, changes: &[Change]| {
        let service = changed(&format!("{TWO}{keys}"), changes);
        let count = service.matchers.len();
        let mut scripts = service.matchers.iter().filter_map(|one| one.as_script());
        let script = scripts.next().unwrap();
        let params: Vec<String> = script
            .params
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (count, script.source.name.to_string(), params.join(","))
    };
    let two = [Change::Script("two".to_owned())];
    let five = [Change::Param {
        name: "n".to_owned(),
        value: "5".to_owned(),
    }];
    let named =
        |count: usize, name: &str, params: &str| (count, name.to_owned(), params.to_owned());
    let by_name = "response_matcher = \"one\"\nparams = { n = 2 }\n";
    assert_eq!(scripts(by_name, &two), named(1, "two", ""));
    assert_eq!(scripts(by_name, &five), named(1, "one", "n=5"));
    let beside = "match = [\"status_code\", { script = \"one\" }]\n";
    assert_eq!(scripts(beside, &two), named(2, "two", ""));
    assert_eq!(scripts(beside, &five), named(2, "one", "n=5"));
    let both = [&two[..], &five[..]].concat();
    assert_eq!(scripts(beside, &both), named(2, "two", "n=5"));
    assert_eq!(
        scripts("match = [\"status_code\", \"one\"]\n", &five),
        named(2, "one", "n=5")
    );
    let none = "match = [\"status_code\", \"non_empty\"]\n";
    assert_eq!(scripts(none, &two), named(1, "two", ""));
}

#[test]
fn outages_are_read_as_strictly_as_a_config() {
    let good = "{ \"outage\": [ { \"from\": \"2026-03-01T12:00:00+01:00\", \"to\": \"2026-03-01T11:30:00Z\", \"name\": \"x\" } ] }";
    let (_folder, path) = file("known.json", good);
    let outages = labels::load(&path).unwrap();
    assert_eq!(outages[0].from.to_string(), "2026-03-01T11:00:00Z");
    assert_eq!(outages[0].name.as_deref(), Some("x"));
    for (text, message) in [
        ("x = 1\n", "unknown key `x` in a file of outages"),
        ("outage = []\n", "a file of outages without one"),
        (
            "[[outage]]\nfrom = 2026-03-01T12:00:00Z\nto = 2026-03-01T11:00:00Z\n",
            "the outage ends before it begins",
        ),
        (
            "[[outage]]\nfrom = 2026-03-01T12:00:00\nto = 2026-03-01T13:00:00Z\n",
            "`from` is no time",
        ),
    ] {
        let (_folder, path) = file("known.toml", text);
        let lines = labels::load(&path).unwrap_err().lines();
        assert!(
            lines.iter().any(|line| line.message == message),
            "{text}: {lines:#?}"
        );
    }
}
