//! `oes page export`: the status page as files.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::json;
use super::troubled::{CONFIG, ID, desk, troubled};
use crate::support::browser::Browser;

#[test]
fn the_private_view_as_files_is_whole_and_its_links_lead_to_files() {
    let (desk, file) = desk(&troubled());
    drop(file);
    let output = desk.run(&["page", "export", "oes.toml", "out", "--private", "--json"]);
    let told = json(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(
        (told["schema"].as_str(), told["services"].as_u64()),
        (Some("oes.page.export/1"), Some(1))
    );
    let read = |name: &str| std::fs::read_to_string(desk.path(&format!("out/{name}"))).unwrap();
    let first = read("index.html");
    assert!(first.contains("The service is down"), "{first}");
    assert!(
        first.contains(&format!("href=\"incidents/{ID}.html\"")),
        "{first}"
    );
    assert!(
        first.contains("data-copied=\"")
            && !first.contains("<form")
            && !first.contains("http-equiv"),
        "{first}"
    );
    for name in [
        "incidents.html",
        "incidents/2026-11.html",
        "maintenance.html",
        "status.json",
        "status.txt",
        "page.js",
    ] {
        assert!(!read(name).is_empty(), "{name}");
    }
    let incident = read(&format!("incidents/{ID}.html"));
    assert!(
        incident.contains("4 of the last 7 probes failed"),
        "{incident}"
    );
    assert!(incident.contains("src=\"../page.js\""), "{incident}");
    let hrefs = regex::Regex::new(r##"(?:href|src)="([^"#]+)""##).unwrap();
    for href in hrefs.captures_iter(&first).map(|found| found[1].to_owned()) {
        assert!(
            href.starts_with("data:") || desk.path(&format!("out/{href}")).exists(),
            "{href}"
        );
    }
}

#[test]
fn a_copy_for_the_public_shows_only_what_is_public() {
    let (desk, file) = desk(&troubled());
    drop(file);
    let seen = desk.seen(&["page", "export", "oes.toml", "out"]);
    assert!(
        seen.starts_with("exit 0\n") && seen.contains("no service is public"),
        "{seen}"
    );
    let public = CONFIG.replace("tags = [\"edge\"]\n", "public = true\n");
    desk.write("oes.toml", &public);
    let seen = desk.seen(&["page", "export", "oes.toml", "out"]);
    assert!(
        seen.starts_with("exit 0\n") && seen.contains("of 1 service in out"),
        "{seen}"
    );
    let first = std::fs::read_to_string(desk.path("out/index.html")).unwrap();
    assert!(
        first.contains("price") && first.contains("Failing"),
        "{first}"
    );
    for hidden in ["127.0.0.1", "expected number", "hook"] {
        assert!(!first.contains(hidden), "{hidden}: {first}");
    }
}

#[test]
fn without_a_state_there_is_nothing_to_copy() {
    let desk = super::Desk::new(&[("oes.toml", CONFIG)]);
    let seen = desk.seen(&["page", "export", "oes.toml", "out"]);
    assert!(seen.starts_with("exit 2\n"), "{seen}");
    assert!(!desk.path("out").exists());
}

/// A web server that has nothing but the files of a folder; it ends with the test's process.
struct Host {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Host {
    fn of(folder: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut line = String::new();
                // A browser opens connections that it may never use.
                let read = BufReader::new(&stream).read_line(&mut line);
                let Some(path) = read.ok().and_then(|_| line.split(' ').nth(1)) else {
                    continue;
                };
                seen.lock().unwrap().push(path.to_owned());
                let file = std::fs::read(folder.join(path.trim_start_matches('/')));
                let (status, body) = file.map_or((404, Vec::new()), |body| (200, body));
                let kind = match path {
                    "/page.js" => "text/javascript",
                    _ => "text/html",
                };
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                stream
                    .write_all(&[head.as_bytes(), &body].concat())
                    .unwrap_or_default();
            }
        });
        Self { address, asked }
    }
}

/// There is nobody who would say what is new: a copy must not even try, and says how old it is.
#[test]
fn a_copy_in_a_browser_asks_nobody_for_news_and_says_how_old_it_is() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let (desk, file) = desk(&troubled());
    drop(file);
    desk.run(&["page", "export", "oes.toml", "out", "--private"]);
    let host = Host::of(desk.path("out"));
    // A quarter of an hour is a moment.
    browser.hurries(10_000);
    let old = "/^This copy is \\d+ (min|h|d) old\\. What it says may no longer be so\\.$/.test(document.querySelector('#stale').textContent) && !document.querySelector('#stale').hidden";
    let incident = format!("incidents/{ID}.html");
    let services = std::fs::read_dir(desk.path("out/services")).unwrap();
    let service = services.map(|file| file.unwrap().file_name()).next();
    let service = format!("services/{}", service.unwrap().display());
    for page in ["index.html", &incident, &service] {
        host.asked.lock().unwrap().clear();
        browser.open(&format!("http://{}/{page}", host.address));
        browser.until(old);
        let mut asked = host.asked.lock().unwrap().clone();
        asked.sort();
        asked.retain(|path| path != "/page.js");
        assert_eq!(asked, [format!("/{page}")]);
        assert_eq!(browser.is("window.wrong"), serde_json::json!([]), "{page}");
    }
    // From the disk there is not even a server.
    browser.open(&format!("file://{}", desk.path("out/index.html").display()));
    browser.until(old);
    let verdict = browser.is("document.querySelector('h1').textContent");
    let verdict = verdict.as_str().unwrap();
    let dead = "The service is down. The monitor does not run: its data end on ";
    assert!(verdict.starts_with(dead), "{verdict}");
    assert_eq!(browser.is("window.wrong"), serde_json::json!([]));
}
