//! What the status page and its neighbours say of the same thing: the same, in each place.

use std::time::Duration;

use oes::clock::Clock;

use super::caller::{self, Caller};
use super::page::{HERE, send, text, until};
use super::rig::{Rig, eventually, ledger};

const AS_BROWSER: &str = "host: 127.0.0.1\r\naccept: text/html\r\n";

/// Returns a rig whose config has these services, and these lines at its end.
fn rig(services: &[(&str, &str)], more: &str) -> Rig {
    let rig = Rig::new();
    let mut config = rig.config(&[]);
    for (name, keys) in services {
        rig.api.answers(&format!("/{name}"), 503, "{}");
        let keys = format!("match = [\"status_code\"]\npublic = true\n{keys}");
        config += &rig.service(name, &keys);
    }
    rig.write("oes.toml", &(config + more));
    rig
}

/// A service that fails and is not yet in violation is not operational: nobody has ever seen it well.
#[tokio::test]
async fn what_never_answered_well_is_not_operational() {
    let rig = rig(&[("price", "window = 7\nerror_threshold = 1")], "");
    let daemon = rig.start().await;
    let told = until(&daemon, "/status.txt", HERE, "never answered well").await;
    assert!(told.contains("\r\n\r\nno_data\n"), "{told}");
    let badge = text(&daemon, "/badge/price.json", HERE).await;
    assert!(badge.contains("\"no data\""), "{badge}");
    assert!(ledger(&daemon).incidents.is_empty());
    daemon.stop(Duration::from_secs(2)).await;
}

/// What a service plans for itself says nothing of the others.
#[tokio::test]
async fn the_maintenance_of_a_service_is_its_own_on_every_page() {
    let from = Clock::System.now() - jiff::SignedDuration::from_mins(5);
    let until_when = from + jiff::SignedDuration::from_hours(1);
    let own = format!(
        "maintenance = [{{ name = \"Move\", from = \"{from}\", until = \"{until_when}\" }}]"
    );
    let rig = rig(&[("price", &own), ("stock", "")], "");
    let daemon = rig.start().await;
    eventually("both incidents", || match ledger(&daemon).incidents.len() {
        2 => Ok(()),
        some => Err(some.to_string()),
    })
    .await;
    let found = until(&daemon, "/status.json", HERE, "\"maintenance\"").await;
    let body = found.split_once("\r\n\r\n").unwrap().1;
    let told: serde_json::Value = serde_json::from_str(body).unwrap();
    let planned = |service: &str| {
        let mut all = told["incidents"].as_array().unwrap().iter();
        all.find(|one| one["service"] == service).unwrap()["planned"] == true
    };
    assert!(planned("price") && !planned("stock"), "{told:#}");
    let page = text(&daemon, "/services/stock", HERE).await;
    assert!(!page.contains("Move"), "{page}");
    let page = text(&daemon, "/services/price", HERE).await;
    assert!(page.contains("in maintenance: Move, until "), "{page}");
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_oes"))
        .args(["status", "oes.toml"])
        .current_dir(rig.folder.path())
        .output()
        .unwrap();
    let rows = String::from_utf8_lossy(&status.stdout).into_owned();
    let row = |service: &str| rows.lines().find(|row| row.contains(service)).unwrap();
    assert!(row("price").contains("in maintenance: Move"), "{rows}");
    assert!(!row("stock").contains("maintenance"), "{rows}");
    daemon.stop(Duration::from_secs(2)).await;
}

#[tokio::test]
async fn maintenance_is_said_wherever_an_incident_is() {
    let from = Clock::System.now() - jiff::SignedDuration::from_mins(5);
    let until_when = from + jiff::SignedDuration::from_hours(1);
    let more = format!(
        "[[maintenance]]\nname = \"New storage\"\nservices = [\"price\"]\nfrom = \"{from}\"\nuntil = \"{until_when}\"\n"
    );
    let rig = rig(&[("price", "")], &more);
    let daemon = rig.start().await;
    let id = eventually("an incident", || {
        let ledger = ledger(&daemon);
        let id = ledger.incidents.keys().next();
        id.map(ToString::to_string).ok_or_else(String::new)
    })
    .await;
    let words = format!(
        "in maintenance: New storage, until {}",
        until_when.strftime("%-d %b %Y, %H:%M UTC")
    );
    for path in [
        "/",
        "/incidents",
        &format!("/incidents/{id}"),
        "/services/price",
    ] {
        let page = until(&daemon, path, HERE, &words).await;
        assert!(!page.contains("class=\"major_outage\""), "{path}: {page}");
    }
    let json = text(&daemon, "/status.json", HERE).await;
    assert!(json.contains("\"planned\":true"), "{json}");
    daemon.stop(Duration::from_secs(2)).await;
}

/// What keeps messages back stands beside the service, in the words that name it.
#[tokio::test]
async fn a_silence_and_an_outage_of_another_stand_in_the_row() {
    let services = [("price", ""), ("shop", "depends_on = [\"price\"]")];
    let rig = rig(&services, "");
    let daemon = rig.start().await;
    until(&daemon, "/", HERE, "held back: the outage of price").await;
    let tied = text(&daemon, "/services/price", HERE).await;
    assert!(
        tied.contains("Needed by <a href=\"../services/shop\">shop</a>"),
        "{tied}"
    );
    let caller = Caller::of(&rig);
    let silence = caller::silence("price", 600);
    caller.asks("POST", "/silences", Some(&silence)).await;
    let page = until(&daemon, "/", HERE, ": the silence ").await;
    let ledger = ledger(&daemon);
    let id = ledger.silences.keys().next().unwrap();
    assert!(page.contains(&format!("the silence {id} by ")), "{page}");
    let health = text(&daemon, "/health", HERE).await;
    assert!(health.contains(&format!("<code>{id}</code>")), "{health}");
    let public = text(&daemon, "/", "host: status.example.org\r\n").await;
    assert!(!public.contains("held back"), "{public}");
    daemon.stop(Duration::from_secs(2)).await;
}

#[tokio::test]
async fn the_address_of_a_former_name_leads_to_the_new_one() {
    let rig = rig(&[("price", "was = \"old price\"")], "");
    let daemon = rig.start().await;
    for (path, to) in [
        (
            "/services/old%20price?window=7d",
            "location: ../services/price?window=7d\r\n",
        ),
        ("/badge/old%20price.svg", "location: ../badge/price.svg\r\n"),
        (
            "/badge/old%20price/uptime.json?window=7d",
            "location: ../../badge/price/uptime.json?window=7d\r\n",
        ),
    ] {
        let answer = text(&daemon, path, HERE).await;
        assert!(answer.starts_with("HTTP/1.1 308"), "{answer}");
        assert!(answer.contains(to), "{answer}");
    }
    daemon.stop(Duration::from_secs(2)).await;
}

/// A form of a session that has ended is answered as a page from which one logs in; a program is told as before.
#[tokio::test]
async fn a_form_without_a_session_leads_to_the_login() {
    let rig = rig(&[], "");
    let daemon = rig.start().await;
    let form = "by=ada&reason=";
    let kind = "content-type: application/x-www-form-urlencoded\r\ncontent-length: 14\r\n";
    let path = "/incidents/3ytyedwnc7mh6xzx/ack";
    let page = send(&daemon, "POST", path, &format!("{AS_BROWSER}{kind}"), form).await;
    assert!(page.starts_with("HTTP/1.1 401"), "{page}");
    for words in [
        "You are not logged in any more.",
        "/login?next=%2Fincidents%2F3ytyedwnc7mh6xzx",
    ] {
        assert!(page.contains(words), "{page}");
    }
    let problem = send(&daemon, "POST", path, &format!("{HERE}{kind}"), form).await;
    assert!(problem.contains("application/problem+json"), "{problem}");
    let login = text(&daemon, "/login?next=/playground", AS_BROWSER).await;
    for words in [
        "class=\"brand\"",
        "oes token new",
        "The playground runs scripts",
    ] {
        assert!(login.contains(words), "{login}");
    }
    daemon.stop(Duration::from_secs(2)).await;
}
