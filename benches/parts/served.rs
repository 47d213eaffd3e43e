//! The status page as somebody gets it: from the real program, with a history behind it, while it probes.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use oes::history::FILE;
use tokio::time::Instant;

use crate::target::Target;
use crate::{history, show};

const DAYS: i64 = 14;
const ASKED: usize = 12;

/// Asks for pages of so many services, each of them probed once a minute, and prints how long the first byte took.
pub fn pages(services: usize) {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start();
    let page = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap();
    let data = folder.path().join("data");
    let config = folder.path().join("oes.toml");
    #[expect(clippy::disallowed_methods, reason = "a bench needs no atomic files")]
    {
        std::fs::create_dir(&data).unwrap();
        std::fs::write(&config, written(services, &target, page)).unwrap();
    }
    history::hourly(&data.join(FILE), services, DAYS);
    let bytes = std::fs::metadata(data.join(FILE)).unwrap().len();
    println!(
        "| history of {services} services, {DAYS} days with a probe an hour | {} MB | |",
        bytes / 1_000_000
    );
    let mut daemon = Daemon::start(&config);
    let cold = until_served(page);
    show(
        "the status page, the first one asked for, first byte",
        vec![cold],
        "",
    );
    // Long enough for each service to have been probed, and for what a start does to be over.
    pause(Duration::from_secs(70));
    for (name, path, target) in [
        ("the status page, first byte", "/", "≤ 30 ms at 1,000"),
        ("a search on it, first byte", "/?q=0042", ""),
        (
            "the page of one service, first byte",
            "/services/service-00042",
            "",
        ),
        (
            "its year, first byte",
            "/services/service-00042?window=1y",
            "",
        ),
    ] {
        let times = (0..ASKED)
            .map(|_| {
                pause(Duration::from_secs(1));
                first_byte(page, path).unwrap()
            })
            .collect();
        show(&format!("{name}, {services} services"), times, target);
    }
    daemon.end();
}

fn written(services: usize, target: &Target, page: SocketAddr) -> String {
    let mut text = format!(
        "data = \"data\"\nserver = {{ listen = \"{page}\" }}\n[defaults]\ninterval = \"60s\"\nmatch = [\"status_code\"]\n"
    );
    for number in 0..services {
        let name = history::service(number);
        writeln!(
            text,
            "[[services]]\nname = \"{name}\"\nurl = \"http://{}/price\"",
            target.http
        )
        .unwrap();
    }
    text
}

/// The program, which ends with the bench, whatever becomes of it.
struct Daemon(Child);

impl Daemon {
    fn start(config: &std::path::Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_oes"))
            .arg("run")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn end(&mut self) {
        let _ended = self.0.kill();
        let _waited = self.0.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits until the page is served, and returns how long its first byte took then.
fn until_served(page: SocketAddr) -> Duration {
    let began = Instant::now();
    loop {
        if let Some(took) = first_byte(page, "/") {
            return took;
        }
        assert!(
            began.elapsed() < Duration::from_mins(1),
            "no page after a minute"
        );
        pause(Duration::from_millis(20));
    }
}

/// How long the first byte of an answer takes, a connection of its own included; none where there is no page.
fn first_byte(page: SocketAddr, path: &str) -> Option<Duration> {
    let began = Instant::now();
    let mut stream = TcpStream::connect(page).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: localhost\r\naccept-encoding: br\r\nconnection: close\r\n\r\n"
    )
    .ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    let took = began.elapsed();
    assert_eq!(&head[9..], b"200", "{path}");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).ok()?;
    Some(took)
}

#[expect(clippy::disallowed_methods, reason = "there is no runtime here")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}
