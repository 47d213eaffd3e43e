//! The notifier's promise under kill -9: 500 rounds with the real binary, a target whose health changes by a seeded
//! script, a webhook that records everything, and a reader that looks at the state file all the time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use oes::model::incident::{IncidentId, Ledger};
use oes::state::{self, ReadError};

use crate::support::inbox::Inbox;

const ROUNDS: u64 = 500;
/// Where the daemon can be made to die.
const FAILPOINTS: [&str; 9] = [
    "state_created",
    "state_written",
    "state_synced",
    "state_previous",
    "state_renamed",
    "state_committed",
    "message_intended",
    "message_answered",
    "message_confirmed",
];
const SERVICES: usize = 4;
const SEED: u64 = 0x5eed_0e55;

#[test]
fn kill_9_at_random_moments_loses_no_incident_and_invents_no_resolve() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = Inbox::start();
    let target = Target::start();
    let config = write_config(folder.path(), target.address, &inbox.url("/hook"));
    let data = folder.path().join("data");
    let reader = Reader::start(data.clone());
    let mut random = Random(SEED);
    for _ in 0..rounds() {
        target.sick[usize::try_from(random.below(SERVICES as u64)).unwrap()]
            .store(random.below(2) == 0, Ordering::SeqCst);
        // Every second daemon dies at a certain place instead of at a certain time.
        let point = (random.below(2) == 0).then(|| {
            let name = FAILPOINTS[usize::try_from(random.below(FAILPOINTS.len() as u64)).unwrap()];
            format!("{name}:{}", 1 + random.below(4))
        });
        let mut daemon = Daemon::start(&config, point.as_deref());
        if point.is_none() {
            target.wait_for_a_probe();
        }
        daemon.ends_within(random.below(350));
    }
    for sick in target.sick.iter() {
        sick.store(false, Ordering::SeqCst);
    }
    let mut daemon = Daemon::start(&config, None);
    wait_until_settled(&data);
    daemon.kill();
    let seen = reader.stop();
    check(&seen, &messages(&inbox));
    let left = data
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left
        .filter(|name| name.to_string_lossy().contains(".tmp"))
        .collect();
    assert!(left.len() <= 1, "temporary files are left: {left:?}");
}

/// How often the daemon is killed: `OES_KILL_ROUNDS` where it is set.
fn rounds() -> u64 {
    let set = std::env::var("OES_KILL_ROUNDS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

fn check(seen: &BTreeSet<IncidentId>, messages: &[Told]) {
    assert!(
        seen.len() > 20,
        "the script made only {} incidents",
        seen.len()
    );
    let mut by_incident: BTreeMap<&str, Vec<&Told>> = BTreeMap::new();
    for message in messages {
        by_incident
            .entry(&message.incident)
            .or_default()
            .push(message);
    }
    for incident in seen {
        assert!(
            by_incident.contains_key(&*incident.0),
            "incident {incident} was never announced"
        );
    }
    let mut copies: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (incident, told) in &by_incident {
        let kinds: Vec<&str> = told.iter().map(|one| one.kind.as_str()).collect();
        let first_resolve = kinds.iter().position(|kind| *kind == "incident.resolved");
        if let Some(position) = first_resolve {
            assert!(
                kinds[..position]
                    .iter()
                    .any(|kind| kind.ends_with(".opened")),
                "{incident} was resolved without a fire: {kinds:?}"
            );
        }
        assert!(
            told.windows(2)
                .all(|pair| pair[0].generation <= pair[1].generation),
            "the generations of {incident} go backwards: {told:?}"
        );
        let resolves: BTreeSet<&str> = told
            .iter()
            .filter(|one| one.kind == "incident.resolved")
            .map(|one| one.message_id.as_str())
            .collect();
        let fired = kinds.iter().any(|kind| kind.ends_with(".opened"));
        let by_storm = kinds.contains(&"storm.resolved");
        assert!(resolves.len() <= usize::from(fired), "{incident}: {told:?}");
        assert!(
            !fired || by_storm || resolves.len() == 1,
            "no resolve for {incident}: {told:?}"
        );
        for one in told {
            *copies.entry((&one.message_id, incident)).or_default() += 1;
        }
    }
    let extra: u64 = copies.values().map(|count| count - 1).sum();
    assert!(extra <= rounds(), "{extra} repeats in {} kills", rounds());
}

/// One message as the webhook took it.
#[derive(Debug)]
struct Told {
    kind: String,
    incident: String,
    generation: u64,
    message_id: String,
}

fn messages(inbox: &Inbox) -> Vec<Told> {
    inbox
        .received()
        .iter()
        .flat_map(|request| told(&request.json()))
        .collect()
}

/// Returns what a message tells of each incident in it. A storm names all of its incidents as they are, also those that
/// it has told before.
fn told(body: &serde_json::Value) -> Vec<Told> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let data = &body["data"];
    let one = |kind: String, of: &serde_json::Value| Told {
        kind,
        incident: text(&of["incident"]),
        generation: of["generation"].as_u64().unwrap(),
        message_id: text(&data["message_id"]),
    };
    if body["type"] != "incident.storm" {
        return vec![one(text(&body["type"]), data)];
    }
    let incidents = data["incidents"].as_array().unwrap();
    let kind = |of: &serde_json::Value| {
        let open = of["open"].as_bool().unwrap();
        if open {
            "storm.opened"
        } else {
            "storm.resolved"
        }
        .to_owned()
    };
    incidents.iter().map(|of| one(kind(of), of)).collect()
}

fn write_config(folder: &Path, target: SocketAddr, hook: &str) -> PathBuf {
    let mut text = format!(
        "version = \"1.0\"\ninterval = \"100ms\"\nconfirm = false\nerror_threshold = 0\ndata = \"data\"\n\
         [defaults]\nwindow = 1\n[notify]\ngather = 0\ncool_down = 0\n[server]\nlisten = \"127.0.0.1:0\"\n\
         [[channels]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"{hook}\"\n"
    );
    for index in 0..SERVICES {
        text += &*format!(
            "[[services]]\nname = \"s{index}\"\nurl = \"http://{target}/{index}\"\nmatch = [\"status_code\"]\n"
        );
    }
    let path = folder.join("oes.toml");
    File::create(&path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    path
}

/// Waits until every incident is closed and every channel knows it.
fn wait_until_settled(data: &Path) {
    let settled = |ledger: &Ledger| {
        ledger.incidents.values().all(|incident| {
            !incident.is_open()
                && ledger
                    .deliveries
                    .iter()
                    .filter(|((_, id), _)| *id == incident.id)
                    .all(|(_, delivery)| delivery.acked_generation == incident.generation)
        })
    };
    let mut last = String::new();
    for _ in 0..600 {
        match state::read(data) {
            Ok(snapshot) if settled(&snapshot.ledger) => return,
            Ok(snapshot) => last = format!("{:#?}", snapshot.ledger.deliveries),
            Err(error) => last = error.to_string(),
        }
        pause(50);
    }
    panic!("not settled after 30 s: {last}");
}

/// The real binary.
struct Daemon(Child);

impl Daemon {
    fn start(config: &Path, failpoint: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oes"));
        if let Some(failpoint) = failpoint {
            command.env("OES_FAILPOINT", failpoint);
        }
        let child = command
            .args(["run", "--log-level", "error"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Waits until it dies by itself, for so long, and kills it then.
    fn ends_within(&mut self, millis: u64) {
        for _ in 0..millis / 5 {
            if self.0.try_wait().unwrap().is_some() {
                return;
            }
            pause(5);
        }
        self.kill();
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A daemon that a failed test leaves behind; one that was killed already is fine too.
        if self.0.kill().is_ok() {
            self.0.wait().unwrap();
        }
    }
}

/// A server that answers 200 or 500 by path.
struct Target {
    address: SocketAddr,
    sick: Arc<[AtomicBool; SERVICES]>,
    probes: Arc<AtomicU64>,
}

impl Target {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let sick: Arc<[AtomicBool; SERVICES]> = Arc::default();
        let probes = Arc::new(AtomicU64::new(0));
        let (sickness, count) = (Arc::clone(&sick), Arc::clone(&probes));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                answer(stream, &sickness);
            }
        });
        Self {
            address,
            sick,
            probes,
        }
    }

    /// Waits until the daemon that was just started has asked.
    fn wait_for_a_probe(&self) {
        let before = self.probes.load(Ordering::SeqCst);
        for _ in 0..12_000 {
            if self.probes.load(Ordering::SeqCst) > before {
                return;
            }
            pause(5);
        }
        panic!("the daemon made no probe in a minute");
    }
}

/// Answers one request; a client that is killed meanwhile is part of the test.
fn answer(mut stream: TcpStream, sick: &[AtomicBool; SERVICES]) {
    let mut request = [0; 1024];
    let length = stream.read(&mut request).unwrap_or(0);
    let text = String::from_utf8_lossy(&request[..length]);
    let index = text
        .split('/')
        .nth(1)
        .and_then(|rest| rest.get(..1))
        .and_then(|one| one.parse().ok());
    let failing = index.is_some_and(|index: usize| sick[index].load(Ordering::SeqCst));
    let status = if failing {
        "500 Internal Server Error"
    } else {
        "200 OK"
    };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
    stream.write_all(answer.as_bytes()).unwrap_or_default();
}

/// Reads the state file without the lock, as other tools do, and remembers every incident it saw.
struct Reader {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<BTreeSet<IncidentId>>>,
    thread: JoinHandle<()>,
}

impl Reader {
    fn start(data: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen: Arc<Mutex<BTreeSet<IncidentId>>> = Arc::default();
        let (stopped, known) = (Arc::clone(&stop), Arc::clone(&seen));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                match state::read(&data) {
                    Ok(snapshot) => {
                        let ids = snapshot.ledger.incidents.into_keys();
                        known.lock().unwrap().extend(ids);
                    }
                    Err(ReadError::Missing { .. }) => {}
                    Err(error) => panic!("a reader saw a state file that is not whole: {error}"),
                }
                pause(3);
            }
        });
        Self { stop, seen, thread }
    }

    fn stop(self) -> BTreeSet<IncidentId> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

fn pause(millis: u64) {
    let (_sender, receiver) = mpsc::channel::<()>();
    receiver
        .recv_timeout(Duration::from_millis(millis))
        .unwrap_err();
}

/// A linear congruential generator with the constants of Knuth's MMIX.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
