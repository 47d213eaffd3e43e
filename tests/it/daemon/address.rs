//! Addresses of the status page that lead nowhere, or not to where they say: what is answered.

use oes::clock::Clock;
use oes::daemon::Daemon;

use super::page::{HERE, text, until};
use super::rig::Rig;

const BROWSER: &str = "host: 127.0.0.1\r\naccept: text/html,*/*;q=0.8\r\n";
const TOKEN: &str = "a-token-of-the-tests";

async fn started(rig: &Rig, server: &str, more: &str) -> Daemon {
    let config = rig.config(&["price"]);
    let config = config.replace("[server]\n", &format!("[server]\n{server}"));
    rig.write("oes.toml", &(config + more));
    rig.start().await
}

#[tokio::test]
async fn what_is_nowhere_is_said_to_people_in_a_page_and_to_programs_in_theirs() {
    let rig = Rig::new();
    let daemon = started(&rig, "", "").await;
    let page = text(&daemon, "/no/such", BROWSER).await;
    assert!(page.starts_with("HTTP/1.1 404"), "{page}");
    for shown in [
        "There is no such page here",
        "src=\"../page.js\"",
        "content-security-policy",
    ] {
        assert!(page.contains(shown), "no {shown} in {page}");
    }
    let plain = text(&daemon, "/no/such", HERE).await;
    assert!(plain.starts_with("HTTP/1.1 404"), "{plain}");
    assert!(plain.ends_with("There is no such page here.\n"), "{plain}");
    let token = std::fs::read_to_string(rig.folder.path().join("data/control.json")).unwrap();
    let token: serde_json::Value = serde_json::from_str(&token).unwrap();
    let token = token["token"].as_str().unwrap();
    let headers = format!("{BROWSER}authorization: Bearer {token}\r\n");
    let api = text(&daemon, "/api/v1/none", &headers).await;
    assert!(api.contains("application/problem+json"), "{api}");
    daemon.stop(std::time::Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_badge_that_cannot_be_says_so() {
    let rig = Rig::new();
    let daemon = started(&rig, "", "").await;
    for (path, status, words) in [
        ("price/uptime.svg?window=3h", 400, "unknown window"),
        ("price/latency.json?window=365h", 400, "unknown window"),
        ("price/latency.svg?p=101", 400, "unknown percentile"),
        ("nope.svg", 404, "nope: unknown"),
        ("nope/uptime.json", 404, "unknown"),
        ("price/uptime.svg?window=365d", 200, "uptime 1 y"),
        ("price/uptime.svg", 200, "uptime 30 d"),
        ("price/latency.svg?p=50&window=1h", 200, "p50 1 h"),
        ("price/latency.svg?window=1y", 200, "p90 1 y"),
    ] {
        let badge = text(&daemon, &format!("/badge/{path}"), HERE).await;
        assert!(
            badge.starts_with(&format!("HTTP/1.1 {status}")),
            "{path}: {badge}"
        );
        assert!(badge.contains(words), "{path}: {badge}");
        let kind = if path.contains(".svg") {
            "image/svg+xml"
        } else {
            "application/json"
        };
        assert!(badge.contains(kind), "{path}: {badge}");
    }
    let page = text(&daemon, "/services/price", HERE).await;
    let address = "<code>http://127.0.0.1/badge/price/uptime.svg</code>";
    assert!(page.contains(address), "{page}");
    let page = text(&daemon, "/services/price", "host: localhost:1\r\n").await;
    assert!(
        page.contains("http://localhost:1/badge/price.svg"),
        "{page}"
    );
    daemon.stop(std::time::Duration::from_secs(1)).await;
}

#[tokio::test]
async fn below_a_path_the_first_page_has_a_slash_at_its_end() {
    let rig = Rig::new();
    let daemon = started(&rig, "base_path = \"/oes\"\n", "").await;
    let moved = text(&daemon, "/oes?state=degraded", HERE).await;
    assert!(moved.starts_with("HTTP/1.1 308"), "{moved}");
    assert!(
        moved.contains("location: /oes/?state=degraded\r\n"),
        "{moved}"
    );
    until(&daemon, "/oes/", HERE, "The service is operational").await;
    daemon.stop(std::time::Duration::from_secs(1)).await;
}

#[tokio::test]
async fn whoever_has_logged_in_is_told_so_and_nobody_else() {
    let rig = Rig::new();
    let server = format!("url = \"https://status.example.org\"\ntoken = \"{TOKEN}\"\n");
    let daemon = started(&rig, &server, "").await;
    until(&daemon, "/", HERE, ">Log in</a>").await;
    let form = format!("token={TOKEN}");
    let length = form.len();
    let login = format!(
        "{HERE}content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n"
    );
    let answer = super::page::send(&daemon, "POST", "/login", &login, &form).await;
    let cookie = answer
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "));
    let cookie = cookie.unwrap().split(';').next().unwrap();
    let session = format!("{HERE}cookie: {cookie}\r\n");
    let shown = format!("{HERE}authorization: Bearer {TOKEN}\r\n");
    // Within the second in which an answer is given to others as well.
    let (mine, theirs) = tokio::join!(text(&daemon, "/", &session), text(&daemon, "/", &shown));
    assert!(
        mine.contains("Logged in as <b>") && mine.contains(">Log out</a>"),
        "{mine}"
    );
    assert!(
        !theirs.contains("Logged in as") && theirs.contains("price"),
        "{theirs}"
    );
    let page = text(&daemon, "/login", &session).await;
    assert!(
        page.contains("action=\"/logout\"") && page.contains("rel=\"icon\""),
        "{page}"
    );
    daemon.stop(std::time::Duration::from_secs(1)).await;
}

#[tokio::test]
async fn the_calendar_says_what_was_and_of_which_services() {
    let rig = Rig::new();
    let at = |days: i64| Clock::System.now() + jiff::SignedDuration::from_hours(24 * days);
    let plan = |name: &str, of: &str, from: i64, until: i64| {
        let (from, until) = (at(from), at(until));
        format!("[[maintenance]]\nname = \"{name}\"\n{of}from = \"{from}\"\nuntil = \"{until}\"\n")
    };
    let more = [
        rig.service("Größe, b", "match = [\"status_code\"]"),
        plan("New rack", "services = [\"price\"]\n", -3, -2),
        plan("Long ago", "", -90, -80),
        plan("New disks", "", 2, 3),
    ]
    .concat();
    let daemon = started(&rig, "", &more).await;
    let page = text(&daemon, "/maintenance", HERE).await;
    let past = page.split("<h2>The last 30 days</h2>").nth(1).unwrap();
    assert!(
        past.contains("New rack") && !page.contains("Long ago"),
        "{page}"
    );
    assert!(
        past.contains("<a href=\"services/price\">price</a>"),
        "{page}"
    );
    assert!(page.contains("all 2 services"), "{page}");
    let file = text(&daemon, "/maintenance.ics", HERE).await;
    let file = file.replace("\r\n ", "");
    for line in [
        "SUMMARY:New disks: price\\, Größe\\, b\r\n",
        "DESCRIPTION:Services: price\\, Größe\\, b\r\n",
    ] {
        assert!(file.contains(line), "no {line} in {file}");
    }
    assert!(!file.contains("New rack"), "{file}");
    let index = text(&daemon, "/", HERE).await;
    assert!(!index.contains("New rack"), "{index}");
    daemon.stop(std::time::Duration::from_secs(1)).await;
}
