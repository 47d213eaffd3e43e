//! What the daemon records of a service, and what a backtest makes of it.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::Value;

use super::process::Process;
use super::rig::{Rig, ask, eventually};

const SECRET: &str = "s3cret/Value+99";

/// A script that asks another host with a secret and wants the price above 1.
const SCRIPT: &str = "//! The price is what it should be.
//! ---
//! secrets = [\"KEY\"]
//! [params.reference]
//! kind = \"url\"
//! help = \"where to compare\"

let other = http.get_json(param(\"reference\"), #{ bearer: secret(\"KEY\") });
expect(body.price >= 1, \"the price is too low\");
expect(other.best == 1, \"the reference is odd\");
";

fn daemon(rig: &Rig, name: &str) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oes"));
    command.args(["run", "--grace", "1"]).arg(rig.path());
    command.env("OES_TEST_KEY", SECRET);
    Process::spawn(rig, name, &mut command)
}

fn backtest(rig: &Rig, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oes"));
    command
        .args(["backtest", "oes.toml", "price"])
        .args(arguments);
    command.env("OES_TEST_KEY", SECRET).env("NO_COLOR", "1");
    command.current_dir(rig.folder.path()).output().unwrap()
}

fn database(rig: &Rig) -> std::path::PathBuf {
    rig.folder.path().join("data").join("recordings.db")
}

/// Returns how many probes are recorded.
fn recorded(rig: &Rig) -> usize {
    let count = || -> rusqlite::Result<i64> {
        let connection = Connection::open(database(rig))?;
        connection.query_row("SELECT count(*) FROM probes", (), |row| {
            row.get::<_, i64>(0)
        })
    };
    if database(rig).exists() {
        count().map_or(0, |count| usize::try_from(count).unwrap())
    } else {
        0
    }
}

async fn records(rig: &Rig, probes: usize) {
    eventually("recordings", || {
        let count = recorded(rig);
        (count >= probes).then_some(()).ok_or(count.to_string())
    })
    .await;
}

fn config(rig: &Rig, keys: &str) -> String {
    let reference = format!("http://{}/best", rig.api.address);
    let matcher = format!("{{ script = \"price\", params = {{ reference = \"{reference}\" }} }}");
    let keys = format!(
        "match = [{matcher}]\nheaders = {{ x-key = \"${{env:OES_TEST_KEY}}\" }}\n\
         secrets = {{ KEY = \"${{env:OES_TEST_KEY}}\" }}\n{keys}"
    );
    rig.config(&[]) + &*rig.service("price", &keys)
}

/// Returns every blob of the recordings as it was before it was compressed.
fn blobs(path: &Path) -> Vec<Vec<u8>> {
    let connection = Connection::open(path).unwrap();
    let sql = "SELECT data FROM bodies UNION ALL SELECT head FROM probes";
    let mut find = connection.prepare(sql).unwrap();
    let rows = find.query_map((), |row| row.get::<_, Vec<u8>>(0)).unwrap();
    rows.map(|blob| zstd::stream::decode_all(&blob.unwrap()[..]).unwrap())
        .collect()
}

/// Looks into every file of the data folder as it is, and into what is recorded as it was.
fn assert_no_secret(rig: &Rig) {
    for entry in fs::read_dir(rig.folder.path().join("data")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("s3cret"), "{}", path.display());
    }
    let all = blobs(&database(rig));
    assert!(all.iter().any(|blob| blob.starts_with(b"{\"price\"")));
    assert!(all.iter().any(|blob| blob.starts_with(b"{\"best\"")));
    for blob in &all {
        let text = String::from_utf8_lossy(blob);
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_recorded_without_secrets_and_found_again() {
    let rig = Rig::new();
    let echo = |price: u32| {
        let escaped = SECRET.replace('/', "\\/");
        format!("{{\"price\": {price}, \"you\": \"{SECRET}\", \"me\": \"{escaped}\"}}")
    };
    rig.api.answers("/price", 200, &echo(5));
    let best = format!("{{\"best\": 1, \"auth\": \"Bearer {SECRET}\"}}");
    rig.api.answers("/best", 200, &best);
    rig.write("price.rhai", SCRIPT);
    rig.write("oes.toml", &config(&rig, "record = true"));
    let mut process = daemon(&rig, "log");
    records(&rig, 5).await;
    rig.api.answers("/price", 200, &echo(0));
    rig.messages(1).await;
    rig.api.answers("/price", 200, &echo(5));
    rig.messages(2).await;
    let address = process.address().await;
    let metrics = ask(address, "/metrics").await;
    assert!(
        metrics.contains("oes_recorder_dropped_probes_total 0"),
        "{metrics}"
    );
    assert!(
        !metrics.contains("oes_recorder_written_probes_total 0"),
        "{metrics}"
    );
    process.signal(Signal::TERM);
    assert_eq!(process.ends().await.code(), Some(0), "{}", process.said());

    assert_no_secret(&rig);
    let output = backtest(&rig, &["--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{found:#}");
    let rules = &found["rules"][0];
    let incidents = rules["incidents"].as_array().unwrap();
    assert_eq!(incidents.len(), 1, "{found:#}");
    assert_eq!(incidents[0]["violation"], "error");
    assert_eq!(incidents[0]["code"], "the-price-is-too-low");
    assert!(incidents[0]["closed_at"].is_string(), "{found:#}");
    assert_eq!(rules["unjudged"].as_array().unwrap().len(), 0, "{found:#}");
    let kinds: Vec<&Value> = rules["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["kind"])
        .collect();
    assert_eq!(kinds, ["opened", "resolved"]);
    // A script that wants a lower price finds nothing, and one that asks somebody else cannot judge.
    rig.write("lower.rhai", &SCRIPT.replace(">= 1", ">= 0"));
    let parameter = format!("reference=http://{}/best", rig.api.address);
    let output = backtest(&rig, &["--script", "lower.rhai", "--param", &parameter]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let other = format!("reference=http://{}/other", rig.api.address);
    let output = backtest(&rig, &["--param", &other]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("/other was recorded"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_turns_recording_on_and_off() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    let process = daemon(&rig, "log");
    process.says("watching").await;
    let rig = &rig;
    probes_of(rig, 3).await;
    assert!(!database(rig).exists(), "nothing asked for it");
    rig.write("oes.toml", &(rig.config(&["price"]) + "record = true\n"));
    records(rig, 3).await;
    rig.write("oes.toml", &(rig.config(&["price"]) + "record = false\n"));
    process.says("changed=1").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let count = recorded(rig);
    probes_of(rig, 10).await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(recorded(rig), count);
}

async fn probes_of(rig: &Rig, more: usize) {
    let before = rig.api.hits("/price");
    eventually("probes", || {
        let hits = rig.api.hits("/price");
        (hits >= before + more)
            .then_some(())
            .ok_or(hits.to_string())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_recordings_are_said_and_stop_nothing() {
    let rig = Rig::new();
    rig.write("oes.toml", &(rig.config(&["price"]) + "record = true\n"));
    fs::create_dir(rig.folder.path().join("data")).unwrap();
    let mut file = fs::File::create(database(&rig)).unwrap();
    file.write_all(&[7; 5000]).unwrap();
    let process = daemon(&rig, "log");
    process
        .says("the recordings were damaged; new ones were begun")
        .await;
    records(&rig, 3).await;
    rig.api.answers("/price", 500, "{}");
    rig.messages(1).await;
    let said = process.said();
    assert!(!said.contains("panic"), "{said}");
}

/// The runs of a script are measured for what they leave behind; what is taken down of their requests is not theirs.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_not_suspended_for_what_is_recorded_of_it() {
    let rig = Rig::new();
    rig.api.answers("/price", 200, "{\"price\": 5}");
    let best = format!("{{\"best\": 1, \"filler\": \"{}\"}}", "x".repeat(200_000));
    rig.api.answers("/best", 200, &best);
    rig.write("price.rhai", SCRIPT);
    rig.write(
        "oes.toml",
        &config(&rig, "record = { keep = \"1h\", size = \"1MB\" }"),
    );
    let process = daemon(&rig, "log");
    records(&rig, 30).await;
    let metrics = ask(process.address().await, "/metrics").await;
    let errors = metrics
        .lines()
        .find(|line| line.contains("oes_probes_total") && line.contains("\"error\""));
    assert!(errors.is_none_or(|line| line.ends_with(" 0")), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_reads_the_databases() {
    use std::os::unix::fs::PermissionsExt as _;
    let rig = Rig::new();
    rig.api.answers("/price", 200, "{\"price\": 5}");
    let wanted = rig.config(&[]) + &*rig.service("price", "record = true");
    rig.write("oes.toml", &wanted);
    let data = rig.folder.path().join("data");
    let mode = |name: &str| {
        let data = fs::metadata(data.join(name)).unwrap();
        data.permissions().mode() & 0o777
    };
    fs::create_dir(&data).unwrap();
    // One that an older version made, and one that it set aside.
    for name in ["oes.db", "recordings.db.corrupt-1"] {
        rig.write(&format!("data/{name}"), "");
        fs::set_permissions(data.join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let process = daemon(&rig, "log");
    records(&rig, 1).await;
    let names = [
        "oes.db",
        "oes.db-wal",
        "oes.db-shm",
        "recordings.db",
        "recordings.db-wal",
    ];
    for name in names.into_iter().chain(["recordings.db.corrupt-1"]) {
        assert_eq!(mode(name), 0o600, "{name}: {:o}", mode(name));
    }
    let said = process.said();
    assert_eq!(
        said.matches("could be read by other users").count(),
        2,
        "{said}"
    );
}
