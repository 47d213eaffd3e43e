//! Where the real binary listens: behind a base path, on a unix socket, encrypted, closed to strangers; and what keeps
//! one caller from taking all of it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use native_tls::{TlsConnector, TlsStream};
use oes::probe::raise_descriptor_limit;
use openssl::ssl::{SslConnector, SslMethod, SslRef, SslStream, SslVerifyMode, SslVersion};
use rustix::process::Signal;
use serde_json::Value;
use tokio::time::Instant;

use super::process::Process;
use super::rig::{Rig, ask, eventually};
use crate::support::authority::Authority;

/// Writes a config whose `server` table has these keys besides its address.
fn configure(rig: &Rig, keys: &str) {
    let config = rig.config(&["price"]);
    rig.write(
        "oes.toml",
        &config.replace("[server]\n", &format!("[server]\n{keys}\n")),
    );
}

/// Runs `oes silence add` in the folder of a rig.
async fn silence(rig: &Rig) -> String {
    let folder = rig.folder.path().to_owned();
    let run = move || {
        let output = Command::new(env!("CARGO_BIN_EXE_oes"))
            .args([
                "silence",
                "add",
                "--service",
                "price",
                "--for",
                "1h",
                "--reason",
                "x",
            ])
            .current_dir(&folder)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let said = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(!said.contains("no daemon runs"), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_below_the_base_path() {
    let rig = Rig::new();
    configure(&rig, "base_path = \"/oes/x/\"");
    let process = Process::start(&rig, "log");
    let address = process.address().await;
    for (path, status) in [
        ("/oes/x", " 308 "),
        ("/oes/x/", " 200 "),
        ("/oes/x/readyz", " 200 "),
        ("/oes/x/metrics?a=b", " 200 "),
        ("/oes/x/api/v1/services?a=b", " 401 "),
        ("/readyz", " 404 "),
        ("/oes/xy", " 404 "),
    ] {
        let answer = ask(address, path).await;
        let first = answer.lines().next().unwrap();
        assert!(first.contains(status), "{path}: {first}");
    }
    let form = ask(address, "/oes/x/login").await;
    assert!(form.contains("action=\"/oes/x/login\""), "{form}");
    silence(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unix_socket_is_for_the_user_and_the_group_and_makes_room_when_nobody_answers() {
    let rig = Rig::new();
    configure(&rig, "");
    let config = std::fs::read_to_string(rig.path()).unwrap();
    rig.write("oes.toml", &config.replace("127.0.0.1:0", "unix:run.sock"));
    let path = rig.folder.path().join("run.sock");
    // One that a killed daemon left behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let mut process = Process::start(&rig, "log");
    process.says("watching").await;
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let ready = over(UnixStream::connect(&path).unwrap(), "/readyz");
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    silence(&rig).await;
    // A second daemon with other data does not take it.
    let other = Rig::new();
    configure(&other, "");
    let config = std::fs::read_to_string(other.path()).unwrap();
    let listen = format!("unix:{}", path.display());
    other.write("oes.toml", &config.replace("127.0.0.1:0", &listen));
    let mut second = Process::start(&other, "log");
    assert_eq!(second.ends().await.code(), Some(2), "{}", second.said());
    assert!(
        second.said().contains("could not listen on unix:"),
        "{}",
        second.said()
    );
    over(UnixStream::connect(&path).unwrap(), "/readyz");
    process.signal(Signal::TERM);
    process.ends().await;
    assert!(!path.exists(), "the socket is gone");
    // What is no socket is left alone.
    rig.write("run.sock", "text");
    let mut third = Process::start(&rig, "log");
    assert_eq!(third.ends().await.code(), Some(2));
    assert!(third.said().contains("is no socket"), "{}", third.said());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "text");
}

/// Sends a GET and returns the answer; the connection stays open.
fn over(mut stream: impl std::io::Read + std::io::Write, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let (mut text, mut part) = (String::new(), [0; 4096]);
    while !text.contains("\r\n\r\n") {
        let length = stream.read(&mut part).unwrap();
        assert!(length > 0, "{text}");
        text += &String::from_utf8_lossy(&part[..length]);
    }
    text
}

fn encrypted(address: SocketAddr) -> TlsStream<TcpStream> {
    let connector = TlsConnector::builder()
        .danger_accept_invalid_certs(true)
        .danger_accept_invalid_hostnames(true)
        .build()
        .unwrap();
    let stream = TcpStream::connect(address).unwrap();
    connector.connect("localhost", stream).unwrap()
}

fn shown(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    stream
        .peer_certificate()
        .unwrap()
        .unwrap()
        .to_der()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_tls_is_spoken_and_what_is_too_old_is_not() {
    let rig = Rig::new();
    certify(&rig, &Authority::new(), 2098);
    configure(&rig, "tls = { cert = \"cert.pem\", key = \"key.pem\" }");
    let process = Process::start(&rig, "log");
    let address = process.address().await;
    for (version, name) in [
        (SslVersion::TLS1_3, Some("TLSv1.3")),
        (SslVersion::TLS1_2, Some("TLSv1.2")),
        (SslVersion::TLS1_1, None),
    ] {
        let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
        connector.set_verify(SslVerifyMode::NONE);
        // Level 0 lets a client speak what is too old.
        connector.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
        connector.set_min_proto_version(Some(version)).unwrap();
        connector.set_max_proto_version(Some(version)).unwrap();
        connector.set_alpn_protos(b"\x02h2\x08http/1.1").unwrap();
        let stream = TcpStream::connect(address).unwrap();
        let stream = connector.build().connect("localhost", stream).ok();
        let spoken = stream.as_ref().map(SslStream::ssl);
        assert_eq!(spoken.map(SslRef::version_str), name);
        let protocol = spoken.and_then(|ssl| ssl.selected_alpn_protocol());
        assert_eq!(protocol, name.map(|_| &b"http/1.1"[..]));
    }
}

/// Writes a new certificate and its key, in one step each.
fn certify(rig: &Rig, authority: &Authority, until: i32) {
    let (certificate, key) = authority.leaf_pem(2020, until);
    for (name, bytes) in [("key.pem", key), ("cert.pem", certificate)] {
        rig.write(name, &String::from_utf8(bytes).unwrap());
    }
}

fn print(folder: &Path) -> String {
    let text = std::fs::read(folder.join("data/control.json")).unwrap();
    let file: Value = serde_json::from_slice(&text).unwrap();
    file["certificate"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_shown_to_the_next_connection_and_the_others_go_on() {
    let rig = Rig::new();
    let authority = Authority::new();
    certify(&rig, &authority, 2098);
    configure(&rig, "tls = { cert = \"cert.pem\", key = \"key.pem\" }");
    let process = Process::start(&rig, "log");
    let address = process.address().await;
    let mut old = encrypted(address);
    assert!(over(&mut old, "/healthz").starts_with("HTTP/1.1 200"));
    let before = shown(&old);
    assert_eq!(print(rig.folder.path()), oes::web::print(&before));
    silence(&rig).await;

    certify(&rig, &authority, 2099);
    process.signal(Signal::HUP);
    let after = eventually("the new certificate", || {
        let now = shown(&encrypted(address));
        (now != before)
            .then_some(now)
            .ok_or("the old one".to_owned())
    })
    .await;
    assert!(
        over(&mut old, "/healthz").starts_with("HTTP/1.1 200"),
        "the old connection goes on"
    );
    eventually("control.json", || {
        let now = print(rig.folder.path());
        (now == oes::web::print(&after)).then_some(()).ok_or(now)
    })
    .await;
    silence(&rig).await;

    // A key that does not fit changes nothing.
    rig.write(
        "key.pem",
        &String::from_utf8(authority.leaf_pem(2020, 2050).1).unwrap(),
    );
    process.says("config is refused").await;
    assert!(
        process
            .said()
            .contains("the key is not that of the certificate"),
        "{}",
        process.said()
    );
    assert_eq!(shown(&encrypted(address)), after);
    // Whoever does not speak TLS is not answered, and holds nobody up.
    let mut plain = TcpStream::connect(address).unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    let mut text = Vec::new();
    assert!(plain.read_to_end(&mut text).is_err() || !text.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_reach_without_being_public_shows_strangers_nothing() {
    let rig = Rig::new();
    configure(&rig, "token = \"0123456789abcdef\"");
    let config = std::fs::read_to_string(rig.path()).unwrap();
    rig.write("oes.toml", &config.replace("127.0.0.1:0", "0.0.0.0:0"));
    let process = Process::start(&rig, "log");
    let mut address = process.address().await;
    address.set_ip([127, 0, 0, 1].into());
    let ready = ask(address, "/readyz").await;
    assert!(ready.ends_with("{\"fine\":true}"), "{ready}");
    assert!(ask(address, "/metrics").await.starts_with("HTTP/1.1 401"));
    silence(&rig).await;
}

/// Opens connections that send half a request.
fn half_open(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    raise_descriptor_limit().unwrap();
    (0..count)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").unwrap();
            stream
        })
        .collect()
}

/// More than there is room for: those who have waited longest make room, and who asks something is answered at once.
#[tokio::test(flavor = "multi_thread")]
async fn who_sends_half_a_request_keeps_nobody_out() {
    let rig = Rig::new();
    configure(&rig, "");
    let process = Process::start(&rig, "log");
    let address = process.address().await;
    let mut asked = TcpStream::connect(address).unwrap();
    let held = tokio::task::spawn_blocking(move || half_open(address, 1_300));
    let mut held = held.await.unwrap();
    for _ in 0..3 {
        let began = Instant::now();
        let ready = ask(address, "/healthz").await;
        assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
        assert!(
            began.elapsed() < Duration::from_secs(4),
            "{:?}",
            began.elapsed()
        );
    }
    let newest = held.last_mut().unwrap();
    newest.write_all(b"connection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    newest.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let mut nothing = [0];
    asked
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    assert!(
        matches!(asked.read(&mut nothing), Ok(0)),
        "it waited longest"
    );
}

/// Those who send half a request do not keep others out, and are not kept for long.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_come_ends_its_connection() {
    let rig = Rig::new();
    configure(&rig, "");
    let process = Process::start(&rig, "log");
    let address = process.address().await;
    let slow = tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        for mut stream in half_open(address, 200) {
            stream
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
            let mut text = Vec::new();
            stream.read_to_end(&mut text).unwrap_or_default();
        }
        began.elapsed()
    });
    let ready = ask(address, "/healthz").await;
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    let took = slow.await.unwrap();
    assert!(took < Duration::from_secs(18), "{took:?}");
}
