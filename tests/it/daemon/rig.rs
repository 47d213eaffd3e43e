//! A daemon in a folder of its own, an API that answers as a test says, and a webhook that keeps what it is told.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use oes::channel::delivery::Console;
use oes::channel::message::Colour;
use oes::clock::Clock;
use oes::config::{self, Config, ProcessEnvironment};
use oes::daemon::{Daemon, Options};
use oes::model::incident::Ledger;
use oes::web::Place;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::support::inbox::{Inbox, Received};

/// No test waits longer for one thing.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `look` finds something; what it last saw is in the panic.
pub(super) async fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(saw) if Instant::now() > deadline => panic!("waited for {what}; saw {saw}"),
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

/// An API on loopback. Paths that nothing is said of answer 200.
pub(super) struct Api {
    pub(super) address: SocketAddr,
    paths: Arc<Mutex<HashMap<String, Route>>>,
}

/// What one path does.
#[derive(Clone)]
struct Route {
    status: u16,
    body: String,
    wait: Duration,
    hits: usize,
    /// When it was first answered with 500 or more.
    failed_at: Option<Timestamp>,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            status: 200,
            body: "{}".to_owned(),
            wait: Duration::ZERO,
            hits: 0,
            failed_at: None,
        }
    }
}

impl Api {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let paths: Arc<Mutex<HashMap<String, Route>>> = Arc::default();
        let known = Arc::clone(&paths);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let known = Arc::clone(&known);
                std::thread::spawn(move || serve(stream, &known));
            }
        });
        Self { address, paths }
    }

    /// Sets the answer of a path.
    pub(super) fn answers(&self, path: &str, status: u16, body: &str) {
        let mut paths = self.paths.lock().unwrap();
        let path = paths.entry(path.to_owned()).or_default();
        path.status = status;
        body.clone_into(&mut path.body);
    }

    /// Makes a path answer after a while.
    pub(super) fn waits(&self, path: &str, wait: Duration) {
        let mut paths = self.paths.lock().unwrap();
        paths.entry(path.to_owned()).or_default().wait = wait;
    }

    /// Returns how often a path was asked.
    pub(super) fn hits(&self, path: &str) -> usize {
        let paths = self.paths.lock().unwrap();
        paths.get(path).map_or(0, |path| path.hits)
    }
}

impl Api {
    /// Returns when a path was first answered with 500 or more.
    pub(super) fn failed_at(&self, path: &str) -> Option<Timestamp> {
        self.paths.lock().unwrap().get(path)?.failed_at
    }
}

/// Answers one request; a client that goes away is part of some tests.
fn serve(mut stream: TcpStream, paths: &Mutex<HashMap<String, Route>>) {
    let mut request = [0; 4096];
    let length = stream.read(&mut request).unwrap_or(0);
    let text = String::from_utf8_lossy(&request[..length]).into_owned();
    let Some(path) = text.split(' ').nth(1) else {
        return;
    };
    let Route {
        status, body, wait, ..
    } = {
        let mut paths = paths.lock().unwrap();
        let path = paths.entry(path.to_owned()).or_default();
        path.hits += 1;
        if path.status >= 500 {
            path.failed_at.get_or_insert_with(|| Clock::System.now());
        }
        path.clone()
    };
    let (_sender, never) = std::sync::mpsc::channel::<()>();
    never.recv_timeout(wait).unwrap_err();
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n");
    let answer = format!("{head}content-type: application/json\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).unwrap_or_default();
}

/// Everything that a test of the daemon needs.
pub(super) struct Rig {
    pub(super) folder: tempfile::TempDir,
    pub(super) api: Api,
    pub(super) inbox: Inbox,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            api: Api::start(),
            inbox: Inbox::start(),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("oes.toml")
    }

    /// Writes a file in the folder, in one step as editors do.
    pub(super) fn write(&self, name: &str, text: &str) {
        write(self.folder.path(), name, text);
    }

    /// Returns a config that tells the inbox: one failed probe of a window of one opens `error`.
    pub(super) fn config(&self, services: &[&str]) -> String {
        let mut text = format!(
            "version = \"1.0\"\ninterval = \"100ms\"\nconfirm = false\nerror_threshold = 0\ndata = \"data\"\n\
             [defaults]\nwindow = 1\n[notify]\ngather = 0\nsingles = 100\ncool_down = 0\n[server]\nlisten = \"127.0.0.1:0\"\n\
             [[channels]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"{}\"\n",
            self.inbox.url("/hook")
        );
        for service in services {
            text += &self.service(service, "match = [\"status_code\"]");
        }
        text
    }

    /// Returns the table of a service that asks the path of its name.
    pub(super) fn service(&self, name: &str, keys: &str) -> String {
        let address = self.api.address;
        format!("[[services]]\nname = \"{name}\"\nurl = \"http://{address}/{name}\"\n{keys}\n")
    }

    pub(super) async fn start(&self) -> Daemon {
        let config = load(&self.path());
        Daemon::start(config, options(Some(self.path()), Clock::System))
            .await
            .unwrap()
    }

    /// Waits for this many messages and returns the body of each.
    pub(super) async fn messages(&self, count: usize) -> Vec<Value> {
        eventually("messages", || {
            let all = self.bodies();
            if all.len() < count {
                return Err(format!("{} of {count}: {all:#?}", all.len()));
            }
            Ok(all)
        })
        .await
    }

    pub(super) fn bodies(&self) -> Vec<Value> {
        let received = self.inbox.received();
        received.iter().map(Received::json).collect()
    }
}

pub(super) fn load(path: &Path) -> Config {
    match config::load(path, &ProcessEnvironment) {
        Ok(loaded) => loaded.config,
        Err(report) => panic!("{:#?}", report.lines()),
    }
}

pub(super) fn options(config_path: Option<PathBuf>, clock: Clock) -> Options {
    let console = Console {
        write: Box::new(|_| {}),
        colour: Colour::Plain,
    };
    Options {
        config_path,
        console,
        clock,
        worker: Some(crate::support::scripts::worker()),
    }
}

pub(super) fn write(folder: &Path, name: &str, text: &str) {
    let part = folder.join(format!("{name}.part"));
    std::fs::File::create(&part)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    std::fs::rename(part, folder.join(name)).unwrap();
}

/// Returns `TYPE SERVICE VIOLATION` of a message.
pub(super) fn line(message: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let kind = text(&message["type"]);
    format!(
        "{} {} {}",
        kind.trim_start_matches("incident."),
        text(&message["data"]["service"]["name"]),
        text(&message["data"]["violation"])
    )
}

pub(super) fn lines(messages: &[Value]) -> Vec<String> {
    messages.iter().map(line).collect()
}

pub(super) fn ledger(daemon: &Daemon) -> Arc<Ledger> {
    daemon.snapshots().ledger()
}

/// Returns the value of a sample of the daemon's metrics by the beginning of its line.
pub(super) fn metric(daemon: &Daemon, name: &str) -> f64 {
    let text = daemon.metrics().encode();
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// Asks a page of the daemon; returns the whole response.
pub(super) async fn page(daemon: &Daemon, path: &str) -> String {
    ask(address(daemon), path).await
}

/// Returns the address that the pages of a daemon are served on.
pub(super) fn address(daemon: &Daemon) -> SocketAddr {
    let Place::Tcp(address) = daemon.place() else {
        panic!("{}", daemon.place());
    };
    *address
}

/// Asks a page at an address; returns the whole response.
pub(super) async fn ask(address: SocketAddr, path: &str) -> String {
    let path = path.to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    });
    asked.await.unwrap()
}
