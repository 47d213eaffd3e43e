//! `tcp`, `dns` and `tls` through the daemon's own host, against servers on this machine.
#![expect(clippy::unwrap_used, reason = "a test stops where its set-up is wrong")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use oes::config;
use oes::daemon::once::Once;
use oes::script::host::{Ask, Host, HostFailure, HostReply, HostRequest};

use super::bench::lines;
use crate::support::upstream::{Step, Upstream, send};

/// Starts a server that answers each connection's first bytes, and returns its port.
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no supervisor; the thread ends with it"
)]
fn answering(answer: &'static [&'static str]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = [0; 64];
            let read = stream.read(&mut asked).unwrap_or(0);
            // Whoever has heard enough hangs up.
            drop(stream.write_all(&asked[..read]));
            for part in answer {
                std::thread::sleep(std::time::Duration::from_millis(20));
                drop(stream.write_all(part.as_bytes()));
            }
        }
    });
    port
}

/// Runs a script that may ask these hosts, and returns its findings.
async fn run(script: &str, hosts: &[String]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("matchers")).unwrap();
    let script = format!("//! Asks.\n//! ---\n//! request = false\n{script}");
    write(folder.path().join("matchers/asks.rhai"), script);
    let path = folder.path().join("oes.toml");
    let entry = format!(
        "[limits]\ncpu = \"2s\"\n[[services]]\nurl = \"http://127.0.0.1:9/\"\nhosts = {hosts:?}\nmatch = [{{ script = \"asks\" }}]\ntimeout = \"2s\"\n"
    );
    write(&path, entry);
    let config = config::load(&path, &BTreeMap::<String, String>::new())
        .unwrap()
        .config;
    let once = Once::new(oes::script::pool::Sandbox::Threads).unwrap();
    let observation = once.probe(&config.services[0]).await.unwrap();
    lines(&observation.judgement)
}

#[tokio::test]
async fn tcp_exchanges_texts_and_bytes() {
    let port = answering(&["+PO", "NG\r\n", "more"]);
    let hosts = [format!("127.0.0.1:{port}")];
    for condition in [
        "tcp.exchange(\"127.0.0.1\", PORT, \"PING\\r\\n\").text == \"PING\\r\\n\"",
        "tcp.exchange(\"127.0.0.1\", PORT, \"PING\", #{ end: \"\\r\\n\" }).text == \"PING+PONG\\r\\n\"",
        "tcp.exchange(\"127.0.0.1\", PORT, [255, 0]).hex == \"ff00\"",
        "tcp.exchange(\"127.0.0.1\", PORT, \"\", #{ timeout: 0.1 }).error.contains(\"no answer within 100\")",
        "tcp.exchange(\"127.0.0.1\", 9, \"\").error.starts_with(\"connect_refused\")",
    ] {
        let script = format!("expect({});", condition.replace("PORT", &port.to_string()));
        assert_eq!(run(&script, &hosts).await, [""; 0], "{condition}");
    }
}

#[tokio::test]
async fn only_hosts_that_may_be_asked_are_asked() {
    for (script, host) in [
        ("tcp.exchange(\"127.0.0.1\", 22, \"\");", "127.0.0.1"),
        ("tls.certificate(\"evil.example\");", "evil.example"),
        ("dns.lookup(\"evil.example\");", "evil.example"),
    ] {
        let found = run(script, &[]).await;
        assert!(
            found[0].starts_with(&format!("error script: the script may not ask {host}")),
            "{found:?}"
        );
    }
    let metadata = run(
        "fail(\"e\", tcp.exchange(\"169.254.169.254\", 80, \"\").error);",
        &["169.254.169.254".into()],
    )
    .await;
    assert!(
        metadata[0].contains("cloud metadata addresses are never asked"),
        "{metadata:?}"
    );
    for (script, found) in [
        (
            "tcp.exchange(\"a/b\", 80, \"\");",
            "error script: `a/b` is no host, or the port is none from 1 to 65535",
        ),
        (
            "tcp.exchange(\"127.0.0.1\", 0, \"\");",
            "error script: `127.0.0.1` is no host, or the port is none from 1 to 65535",
        ),
        (
            "tcp.exchange(\"127.0.0.1\", 9, [256]);",
            "error script: tcp.exchange sends a text or an array of numbers from 0 to 255, not an array",
        ),
        (
            "dns.lookup(\"127.0.0.1\", \"ANY\");",
            "error script: `ANY` is no kind of record; there are A, AAAA, CAA, CNAME, MX, NS, PTR, SOA, SRV, TXT",
        ),
    ] {
        assert_eq!(run(script, &[]).await, [found], "{script}");
    }
}

#[tokio::test]
async fn names_are_looked_up() {
    let hosts = ["localhost:80".to_owned()];
    assert_eq!(
        run(
            "expect(\"127.0.0.1\" in dns.lookup(\"localhost\"));",
            &hosts
        )
        .await,
        [""; 0]
    );
}

#[tokio::test]
async fn a_certificate_is_looked_at_whether_it_is_valid_or_not() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["odd.example".into()]).unwrap();
    params.not_after = rcgen::date_time_ymd(4000, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let identity = native_tls::Identity::from_pkcs8(
        certificate.pem().as_bytes(),
        key.serialize_pem().as_bytes(),
    )
    .unwrap();
    let server = Upstream::tls(vec![Step::Request, send("")], identity).await;
    let port = server.address.port();
    let script = format!(
        "let c = tls.certificate(\"127.0.0.1\", {port}); expect(c.names == [\"odd.example\"] && c.self_signed && c.days_left > 700000);"
    );
    assert_eq!(run(&script, &[format!("127.0.0.1:{port}")]).await, [""; 0]);
    let plain = answering(&[]);
    let found = run(
        &format!("tls.certificate(\"127.0.0.1\", {plain});"),
        &[format!("127.0.0.1:{plain}")],
    )
    .await;
    assert!(
        found[0].starts_with("unknown dependency: 127.0.0.1: "),
        "{found:?}"
    );
}

/// A host that is never asked by HTTP.
struct Silent;

impl Host for Silent {
    fn http(&self, _: HostRequest) -> std::pin::Pin<Box<dyn Future<Output = HostReply> + Send>> {
        Box::pin(async {
            Err(HostFailure {
                kind: "x".into(),
                message: "x".into(),
            })
        })
    }

    fn ask(
        &self,
        what: Ask,
        _: HostRequest,
    ) -> std::pin::Pin<Box<dyn Future<Output = HostReply> + Send>> {
        assert_eq!(what, Ask::Records { kind: "MX".into() });
        Box::pin(async {
            Err(HostFailure {
                kind: "dns_nxdomain".into(),
                message: "a.example does not exist".into(),
            })
        })
    }
}

#[tokio::test]
async fn a_name_that_is_not_there_is_the_dependencys_fault_and_counts_as_a_request() {
    let pool = oes::script::pool::Pool::start(
        oes::script::pool::PoolSettings::default(),
        Arc::new(Silent) as Arc<dyn Host>,
    )
    .unwrap();
    let mut input = super::bench::input("{}");
    Arc::make_mut(&mut input.rights.grants)
        .hosts
        .push("a.example".into());
    let judgement = super::bench::judge(&pool, "dns.lookup(\"a.example\", \"mx\");", input).await;
    assert_eq!(
        lines(&judgement),
        ["unknown dependency: a.example: a.example does not exist"]
    );
    assert_eq!(judgement.runs[0].http[0].method, "DNS MX");
}

fn write(path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
    let mut file = fs::File::create(path).unwrap();
    file.write_all(text.as_ref()).unwrap();
}
