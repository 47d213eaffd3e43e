//! `oes demo`, from its first line to its last.

use super::Desk;

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
