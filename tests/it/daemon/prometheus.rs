//! A real Prometheus reads a real OES with the files of `ops/`: targets are up, an alert fires, every panel of the
//! dashboard has data, and alert rules written for `blackbox_exporter` work.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;
use url::form_urlencoded::byte_serialize;

use super::process::Process;
use super::rig::{Rig, ask, eventually};
use crate::support::authority::Authority;
use crate::support::prometheus;
use crate::support::upstream::{Step, Upstream, ok, send};

fn ops(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ops").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(ops(name)).unwrap()
}

/// Runs a command that finds nothing wrong.
fn passes(command: &mut Command) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

#[test]
fn promtool_takes_the_files_of_ops() {
    for arguments in [
        &["check", "config", "prometheus.yml", "blackbox.yml"][..],
        &["check", "rules", "oes.rules.yml"],
        &["test", "rules", "oes.rules.test.yml"],
    ] {
        let Some(mut promtool) = prometheus::program("promtool") else {
            return;
        };
        passes(promtool.args(arguments).current_dir(ops("prometheus")));
    }
}

#[test]
fn the_dashboard_is_whole() {
    let dashboard: Value = serde_json::from_str(&read("grafana/oes.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels
        .iter()
        .map(|one| one["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids.len(), panels.len(), "ids of panels are unique");
    for panel in panels {
        let place = &panel["gridPos"];
        let right = place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap();
        assert!(right <= 24, "{panel}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{target}");
        }
    }
    let documented = std::fs::read_to_string(ops("../docs/metrics.md")).unwrap();
    let names = regex::Regex::new(r"\b(?:oes|probe|process)_[a-z_]+").unwrap();
    for (title, expression) in expressions() {
        for name in names.find_iter(&expression) {
            let family = name.as_str().trim_end_matches("_bucket");
            assert!(
                documented.contains(&format!("| `{family}` |")),
                "{title}: {family}"
            );
        }
    }
}

/// Returns the queries of all panels with the titles of these, with values for the variables of the dashboard.
fn expressions() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&read("grafana/oes.json")).unwrap();
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            let expression = expression
                .replace("$__rate_interval", "6s")
                .replace("$service", ".*");
            assert!(!expression.contains('$'), "{expression}");
            found.push((title.to_owned(), expression));
        }
    }
    found
}

/// A Prometheus of its own process; ends with the test.
struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts with the scrape configs of `ops/`, once a second; absent where the machine has none.
    fn start(folder: &Path, oes: SocketAddr, target: &str) -> Option<Self> {
        let mut command = prometheus::program("prometheus")?;
        let blackbox = read("prometheus/blackbox.yml");
        let (_, blackbox) = blackbox.split_once("scrape_configs:\n").unwrap();
        let config = (read("prometheus/prometheus.yml") + blackbox)
            .replace("127.0.0.1:9115", &oes.to_string())
            .replace("http://127.0.0.1:9191/price", target)
            .replace("15s", "1s")
            .replace(
                "oes.rules.yml",
                ops("prometheus/oes.rules.yml").to_str().unwrap(),
            );
        let path = folder.join("prometheus.yml");
        super::rig::write(folder, "prometheus.yml", &config);
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let log = std::fs::File::create(folder.join("prometheus.log")).unwrap();
        let child = command
            .arg(format!("--config.file={}", path.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("tsdb").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Some(Self { child, address })
    }

    /// Asks its API; absent as long as it does not answer.
    fn get(&self, path: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        let request = format!("GET /api/v1/{path} HTTP/1.0\r\nhost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (_, body) = text.split_once("\r\n\r\n")?;
        let answer: Value = serde_json::from_str(body).ok()?;
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        Some(answer["data"].clone())
    }

    /// Returns what a query finds.
    fn query(&self, expression: &str) -> Vec<Value> {
        let encoded: String = byte_serialize(expression.as_bytes()).collect();
        let found = self.get(&format!("query?query={encoded}"));
        let found = found.map(|found| found["result"].as_array().cloned().unwrap_or_default());
        found.unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Rules that are published for `blackbox_exporter`, made to hold here.
const PUBLISHED: [(&str, &str); 6] = [
    ("probe failed", "probe_success == 0"),
    (
        "HTTP failure",
        "probe_http_status_code <= 199 OR probe_http_status_code >= 400",
    ),
    (
        "slow probe",
        "avg_over_time(probe_duration_seconds[1m]) > 0",
    ),
    (
        "slow HTTP",
        "avg_over_time(probe_http_duration_seconds[1m]) > 0",
    ),
    (
        "certificate",
        "round((last_over_time(probe_ssl_earliest_cert_expiry[10m]) - time()) / 86400, 0.1) > 20",
    ),
    (
        "configuration",
        "blackbox_exporter_config_last_reload_successful == 1",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_reads_oes_and_its_alert_fires() {
    let rig = Rig::new();
    rig.api.answers("/down", 500, "{}");
    let authority = Authority::new();
    let secure = Upstream::tls(
        vec![Step::Request, send(ok("{}"))],
        authority.leaf(2020, 2040),
    )
    .await;
    rig.write("ca.pem", &String::from_utf8(authority.pem()).unwrap());
    rig.write("check.rhai", "expect(response.status == 200, \"wrong\");");
    let services = [
        rig.service(
            "price",
            "match = [\"./check.rhai\"]\nlatency = \"2s\"\ngroup = \"shop\"",
        ),
        rig.service("down", "match = [\"status_code\"]"),
        format!(
            "[[services]]\nname = \"secure\"\nurl = \"https://{}/\"\ntls = {{ ca = \"ca.pem\" }}\n",
            secure.address
        ),
    ];
    let config = rig.config(&[]).replace("100ms", "500ms");
    rig.write("oes.toml", &[config, services.concat()].concat());
    let process = Process::start(&rig, "log");
    let address = process.address().await;
    let target = format!("http://{}/price", rig.api.address);
    let Some(prometheus) = Prometheus::start(rig.folder.path(), address, &target) else {
        return;
    };

    eventually("both jobs to be up", || {
        let up = prometheus.query("up == 1");
        (up.len() == 2).then_some(()).ok_or(format!("{up:?}"))
    })
    .await;
    sleep(Duration::from_secs(6)).await;

    let alerts = prometheus.get("alerts").unwrap();
    let is_firing = |alert: &&Value| {
        alert["labels"]["alertname"] == "OesServiceBroken" && alert["state"] == "firing"
    };
    let alerts = alerts["alerts"].as_array().unwrap();
    let firing: Vec<&Value> = alerts.iter().filter(is_firing).collect();
    assert_eq!(firing.len(), 1, "{alerts:#?}");
    assert_eq!(firing[0]["labels"]["service"], "down");
    assert_eq!(firing[0]["labels"]["severity"], "critical");

    let mut empty: Vec<String> = Vec::new();
    for (title, expression) in expressions() {
        if prometheus.query(&expression).is_empty() {
            empty.push(format!("{title}: {expression}"));
        }
    }
    for (name, expression) in PUBLISHED {
        if prometheus.query(expression).is_empty() {
            empty.push(format!("{name}: {expression}"));
        }
    }
    let page = ask(address, "/metrics").await;
    assert!(empty.is_empty(), "{empty:#?}\n{page}");

    let instances = prometheus.query("probe_success{job=\"oes\"}");
    let instances: BTreeSet<&str> = instances
        .iter()
        .filter_map(|one| one["metric"]["instance"].as_str())
        .collect();
    assert_eq!(instances, BTreeSet::from(["down", "price", "secure"]));
    let asked = prometheus.query("probe_success{job=\"blackbox\"} == 1");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0]["metric"]["instance"], *target);
    let versions = prometheus.query("probe_tls_version_info{instance=\"secure\"}");
    assert_eq!(versions[0]["metric"]["version"], "TLS 1.2");
}
