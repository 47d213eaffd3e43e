//! Ops configs as people write them, right and wrong: `tests/configs/good`, `tests/configs/bad` and `ops`.
//!
//! Beside every bad config lies what OES says about it (`NAME.expected`). `OES_UPDATE=1 cargo test config` writes these
//! files, the schema and the key reference anew; read the difference before keeping it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use oes::config::report::{Look, Report};
use oes::config::{self, Loaded};
use serde_json::Value;

use crate::support::files::{folder_of, keeps};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Returns the configs of a folder, in order.
fn configs(name: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            matches!(extension, Some("json" | "toml")) && !path.ends_with("oes.schema.json")
        })
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no configs in {name}");
    paths
}

fn load(path: &Path) -> Result<Loaded, Report> {
    config::load(path, &BTreeMap::<String, String>::new())
}

/// Returns a config's value as the schema sees it.
fn value(path: &Path) -> Option<Value> {
    let text = std::fs::read_to_string(path).ok()?;
    if path
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        serde_json::from_str(&text).ok()
    } else {
        toml::from_str(&text).ok()
    }
}

#[test]
fn every_bad_config_is_refused_with_all_its_mistakes() {
    let root = format!("{}/", env!("CARGO_MANIFEST_DIR"));
    // Which scripts are shipped is not the business of this test.
    let known = regex::Regex::new("known: [^;]*;").unwrap();
    let mut wrong = Vec::new();
    for path in configs("tests/configs/bad") {
        let report = load(&path).expect_err(&format!("{} is bad", path.display()));
        assert!(report.has_errors(), "{}", path.display());
        let expected = PathBuf::from(format!("{}.expected", path.display()));
        let said = report.plain().replace(&root, "");
        let said = known.replace_all(&said, "known: …;");
        wrong.extend(keeps(&expected, &said).err());
        // Whatever the file holds, nothing of it reaches the terminal as a control sequence, and no line is endless.
        let drawn = report.graphical(Look {
            colour: false,
            width: 100,
        });
        assert!(
            !drawn.contains('\u{1b}') && !drawn.contains('\0'),
            "{drawn}"
        );
        assert!(
            drawn.lines().all(|line| line.chars().count() < 400),
            "{drawn}"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn good_configs_load() {
    for path in configs("tests/configs/good") {
        let loaded = load(&path).map_err(|report| report.plain()).unwrap();
        assert!(!loaded.config.services.is_empty());
        assert_eq!(loaded.config.files.first(), Some(&path));
    }
}

#[test]
fn shipped_configs_load_without_a_warning() {
    for path in configs("ops") {
        let loaded = load(&path).map_err(|report| report.plain()).unwrap();
        assert_eq!(loaded.report.mistakes().count(), 0, "{}", path.display());
        // A config with a note has one, however many services it is about.
        assert!(loaded.report.notes.len() <= 1, "{:?}", loaded.report.notes);
    }
}

#[test]
fn the_schema_accepts_good_configs_and_refuses_what_it_can_see() {
    let schema = config::schema();
    jsonschema::meta::validate(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for path in configs("tests/configs/good")
        .into_iter()
        .chain(configs("ops"))
    {
        let value = value(&path).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
    }
    let visible = [
        "unknown_key.json",
        "unknown_key.toml",
        "wrong_kind.json",
        "wrong_kind.toml",
        "bad_duration.toml",
        "matcher_options.toml",
        "not_yet.toml",
        "references.toml",
        "requests.toml",
        "limits.toml",
        "not_an_object.json",
    ];
    for name in visible {
        let value = value(&folder("tests/configs/bad").join(name)).unwrap();
        assert!(!validator.is_valid(&value), "{name}");
    }
}

#[test]
fn the_shipped_schema_is_current() {
    let text = format!(
        "{}\n",
        serde_json::to_string_pretty(&config::schema()).unwrap()
    );
    keeps(&folder("ops/oes.schema.json"), &text).unwrap();
}

#[test]
fn the_key_reference_is_current() {
    key_reference_is_current("docs/configuration.md", &config::key_reference());
}

#[test]
fn the_key_reference_of_tests_is_current() {
    key_reference_is_current("docs/testing.md", &config::suite_key_reference());
}

fn key_reference_is_current(page: &str, reference: &str) {
    let path = folder(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (
        "<!-- keys: made from src/config/keys -->\n",
        "<!-- end of keys -->",
    );
    let (before, rest) = text.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    let expected = format!("{before}{begin}\n{reference}\n\n{end}{after}");
    keeps(&path, &expected).unwrap();
}

#[test]
fn examples_of_the_documentation_load() {
    let text = std::fs::read_to_string(folder("docs/configuration.md")).unwrap();
    let environment: BTreeMap<String, String> = [
        "API_TOKEN",
        "ORDERS_KEY",
        "CLIENT_SECRET",
        "DISCORD_WEBHOOK",
    ]
    .map(|name| (name.to_owned(), "https://hooks.example.com/x".to_owned()))
    .into();
    let mut count = 0;
    for part in text.split("\n```").skip(1).step_by(2) {
        let (language, example) = part.split_once('\n').unwrap();
        if !matches!(language, "toml" | "json") {
            continue;
        }
        count += 1;
        let name = format!("example.{language}");
        let loaded = config::load_text(&name, example, &folder("ops"), &environment);
        let loaded = loaded.map_err(|report| report.plain()).unwrap();
        assert_eq!(
            loaded.report.plain().matches(": error").count(),
            0,
            "{example}"
        );
    }
    assert!(count >= 8, "{count} examples");
}

#[test]
fn a_huge_file_is_refused_without_being_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.json");
    File::create(&path).unwrap().set_len(50 << 20).unwrap();
    let report = load(&path).unwrap_err().plain();
    assert!(
        report.ends_with(
            "huge.json: error: this file has 50 MiB, the limit is 8 MiB [config/file]\n"
        ),
        "{report}"
    );
}

#[test]
fn a_file_that_is_not_there_or_not_a_file_is_said_so() {
    let missing = load(Path::new("/no/such/oes.json")).unwrap_err().plain();
    assert_eq!(
        missing,
        "/no/such/oes.json: error: there is no such file [config/file]\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.json");
    std::fs::create_dir(&path).unwrap();
    let report = load(&path).unwrap_err().plain();
    assert!(report.contains("this is a folder"), "{report}");
    let named = config::load_text("oes.yaml", "a: 1", folder.path(), &BTreeMap::new());
    let report = named.unwrap_err().plain();
    assert!(report.contains("ends in .json or .toml"), "{report}");
}

const SERVICE: &str = "[[services]]\nname = \"a\"\nurl = \"https://api.example.io/a\"\n";

#[test]
fn a_script_beside_the_config_comes_before_the_search_path_and_the_shipped_ones() {
    let config =
        format!("scripts = [\"shared\"]\n{SERVICE}match = [\"price_chart_matcher\", \"other\"]\n");
    let folder = folder_of(&[
        ("oes.toml", &config),
        (
            "scripts/matchers/price_chart_matcher.rhai",
            "expect(body.ok);",
        ),
        ("shared/price_chart_matcher.rhai", "expect(body.no);"),
        ("shared/matchers/other.rhai", "expect(body.other);"),
    ]);
    let loaded = load(&folder.path().join("oes.toml"))
        .map_err(|report| report.plain())
        .unwrap();
    let read: Vec<_> = loaded
        .config
        .files
        .iter()
        .map(|path| path.strip_prefix(folder.path()).unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        read,
        [
            "oes.toml",
            "scripts/matchers/price_chart_matcher.rhai",
            "shared/matchers/other.rhai"
        ]
    );
}

#[test]
fn a_changed_script_changes_the_fingerprint_of_its_services_only() {
    let config = format!(
        "{SERVICE}match = [\"mine\"]\n[[services]]\nname = \"b\"\nurl = \"https://b.example.io\"\n"
    );
    let folder = folder_of(&[("oes.toml", &config), ("mine.rhai", "expect(body.a == 1);")]);
    let path = folder.path().join("oes.toml");
    let before = load(&path).map_err(|report| report.plain()).unwrap().config;
    let mut script = File::create(folder.path().join("mine.rhai")).unwrap();
    script.write_all(b"expect(body.a == 2);").unwrap();
    let after = load(&path).map_err(|report| report.plain()).unwrap().config;
    let prints = |config: &config::Config| -> Vec<String> {
        let services = config.services.iter();
        services.map(|one| one.fingerprint.clone()).collect()
    };
    let (before, after) = (prints(&before), prints(&after));
    assert_ne!(before.first(), after.first());
    assert_eq!(before.last(), after.last());
}

#[test]
fn a_script_gets_the_parameters_and_secrets_its_header_asks_for() {
    let script = "//! Checks.\n//! ---\n//! secrets = [\"KEY\"]\n//! hosts = [\"rates.example.io\"]\n//!\n//! [params.reference]\n//! kind = \"url\"\n\nexpect(body.ok);\nnote(param(\"reference\"));\n";
    let said = |rest: &str| {
        let folder = folder_of(&[
            ("oes.toml", &format!("{SERVICE}{rest}")),
            ("mine.rhai", script),
        ]);
        match load(&folder.path().join("oes.toml")) {
            Ok(loaded) => {
                let first = loaded.config.services.first().unwrap();
                Ok(Arc::clone(&first.service.grants))
            }
            Err(report) => Err(report
                .lines()
                .iter()
                .map(|line| (line.line, line.column))
                .collect::<Vec<_>>()),
        }
    };
    // The missing parameter at the script's name, the missing secret at the key that names the script.
    assert_eq!(
        said("match = [{ script = \"mine\" }]").unwrap_err(),
        [(4, 1), (4, 21)]
    );
    // A wrong value at the value, an unknown name at the name.
    let wrong = "secrets = { KEY = \"k\" }\nmatch = [{ script = \"mine\", params = { reference = 5, x = 1 } }]";
    assert_eq!(said(wrong).unwrap_err(), [(5, 52), (5, 55)]);
    let right = "secrets = { KEY = \"k\" }\nmatch = [{ script = \"mine\", params = { reference = \"https://ref.example.io:8443/x\" } }]";
    let grants = said(right).unwrap();
    assert_eq!(grants.hosts, ["rates.example.io", "ref.example.io:8443"]);
    assert_eq!(grants.secrets.len(), 1);
}

#[test]
fn a_host_that_a_script_asks_by_name_must_be_granted() {
    let warned = |script: &str, rest: &str| {
        let folder = folder_of(&[
            ("oes.toml", &format!("{SERVICE}match = [\"mine\"]\n{rest}")),
            ("mine.rhai", script),
        ]);
        let loaded = load(&folder.path().join("oes.toml"));
        let report = loaded.map_err(|report| report.plain()).unwrap().report;
        report.plain().contains("[script/undeclared-host]")
    };
    let script = |asks: &str| format!("expect({asks} != ());");
    for (asks, granted) in [
        (
            "http.get(\"https://rates.example.io/a\")",
            "rates.example.io",
        ),
        (
            "http.post(`https://rates.example.io/${body.x}`, 1)",
            "rates.example.io",
        ),
        (
            "http.request(\"GET\", \"http://rates.example.io:81/\")",
            "rates.example.io:81",
        ),
        (
            "tcp.exchange(\"rates.example.io\", 6379, \"x\")",
            "rates.example.io:6379",
        ),
        ("tls.certificate(\"rates.example.io\")", "rates.example.io"),
        ("dns.lookup(\"rates.example.io\")", "rates.example.io:81"),
    ] {
        let hosts = |host: &str| format!("hosts = [\"{host}\"]\n");
        assert!(warned(&script(asks), ""), "{asks}");
        assert!(warned(&script(asks), &hosts("other.example.io")), "{asks}");
        assert!(!warned(&script(asks), &hosts(granted)), "{asks}");
    }
    for fine in [
        "http.get(\"https://api.example.io/other\")",
        "dns.lookup(\"api.example.io\")",
        "http.get(`https://${body.host}.example.io/`)",
        "http.get(service.url + \"/x\")",
    ] {
        assert!(!warned(&script(fine), ""), "{fine}");
    }
}
