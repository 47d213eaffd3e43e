//! `oes demo`, from its first line to its last.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use super::{Desk, json, repository};

#[test]
fn the_demo_shows_every_trouble_come_and_go_and_leaves_nothing() {
    let desk = Desk::new(&[]);
    let output = desk.run(&["demo", "--seconds", "42"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for incident in [
        "price · error",
        "chart · error",
        "secure · error",
        "flaky · error",
        "slow · latency",
    ] {
        assert!(
            text.contains(&format!("✗ OPEN  {incident}\n")),
            "{incident} did not open:\n{text}"
        );
        assert!(
            text.contains(&format!("✓ RESOLVED  {incident} resolved after ")),
            "{incident} is still open:\n{text}"
        );
        assert!(
            text.contains(&format!("  ✓ {incident} open for ")),
            "{incident} is not in the summary:\n{text}"
        );
    }
    assert!(text.contains("certificate expired"), "{text}");
    assert!(
        !text.contains("balances · "),
        "a service that is well has no message:\n{text}"
    );
    let left: Vec<_> = std::fs::read_dir(desk.folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Reads what a demo prints up to the address of its API.
fn api(demo: &mut Child) -> String {
    let lines = BufReader::new(demo.stdout.as_mut().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    let line = lines.find(|line| line.starts_with("API: ")).unwrap();
    let address = line.strip_prefix("API: http://").unwrap();
    address.split(' ').next().unwrap().to_owned()
}

#[test]
fn two_demos_at_once_both_serve_the_configs_that_are_shipped() {
    let desk = Desk::new(&[]);
    let start = || {
        let mut command = desk.command(&["demo", "--seconds", "20"]);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut demos = [start(), start()];
    let addresses = demos.each_mut().map(api);
    assert_ne!(addresses[0], addresses[1]);
    assert_eq!(desk.run(&["init"]).status.code(), Some(0));
    let tour = std::fs::read_to_string(repository("ops/demo.toml")).unwrap();
    let first = std::fs::read_to_string(desk.path("oes.toml")).unwrap();
    for address in &addresses {
        for config in [&tour, &first] {
            desk.write("oes.toml", &config.replace("127.0.0.1:9190", address));
            let seen = desk.seen(&["probe", "oes.toml"]);
            assert!(seen.starts_with("exit 0\n"), "{address}: {seen}");
        }
    }
    for (mut demo, address) in demos.into_iter().zip(addresses) {
        demo.kill().unwrap();
        let output = demo.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let elsewhere = address != "127.0.0.1:9190";
        let lines = said
            .lines()
            .filter(|line| line.contains(" is taken: this demo answers on "));
        assert!(
            lines.count() <= 1 && (!elsewhere || said.contains(&address)),
            "{said}"
        );
    }
}

#[test]
fn a_demo_as_json_is_its_summary() {
    let output = Desk::new(&[]).run(&["demo", "--seconds", "14", "--json"]);
    let told = json(&output);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(told["schema"], "oes.demo/1");
    assert!(told["probes"]["pass"].as_u64() > Some(0), "{told}");
    assert_eq!(
        told["incidents"].as_array().map(Vec::len),
        Some(2),
        "{told}"
    );
    let seen = String::from_utf8(output.stderr).unwrap();
    assert!(seen.contains("/chart stops moving"), "{seen}");
}

#[test]
fn a_demo_of_no_length_is_refused() {
    let seen = Desk::new(&[]).seen(&["demo", "--seconds", "0"]);
    assert!(seen.starts_with("exit 2\n"), "{seen}");
    assert!(
        seen.contains("write a number of seconds from 1 to 86400"),
        "{seen}"
    );
}
