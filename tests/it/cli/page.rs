//! `oes page export`: the status page as files.

use super::json;
use super::troubled::{CONFIG, ID, desk, troubled};

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
