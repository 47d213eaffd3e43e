//! `--update`: what comes out becomes what must.

use insta::assert_snapshot;

use super::Desk;

const SCRIPT: &str = "if body.n > 2 { fail(\"large\", \"n is large\"); }\nif body.n == 2 { warn(\"two\", \"n is two\"); }\n\
                      if body.n < 0 { throw \"below\"; }\n";

const TESTS: &str = r#"# What n may be.
script = "n.rhai"

[[test]]
name = "small and large"       # the limit is two
probe = [{ json = { n = 1 }, repeat = 2 }, { json = { n = 2 } }, { json = { n = 3 } }]
expect = "PP. P"   # as it was
codes = [ "old" ]

[[test]]
name = "fine as it is"
probe = [{ json = { n = 1 } }]
expect = "P"
"#;

fn desk(tests: &str) -> Desk {
    Desk::new(&[("n.rhai", SCRIPT), ("n.test.toml", tests)])
}

fn read(desk: &Desk) -> String {
    std::fs::read_to_string(desk.path("n.test.toml")).unwrap()
}

#[test]
fn what_came_out_is_written_and_nothing_else_is_touched() {
    let desk = desk(TESTS);
    assert_snapshot!(desk.seen(&["test", "--update", "--yes"]), @r#"
    exit 0
    ── out
    ✗ n.test.toml  1 of 2 tests failed

    small and large  at n.test.toml:4
         - expect = "PP. P"
         + expect = "PP. F"

    small and large  at n.test.toml:4
         - codes = [ "old" ]
         + codes = ["large", "two"]

    ✓ 2 changes written; look at them, then run the tests again
    "#);
    let expected = TESTS
        .replace("\"PP. P\"", "\"PP. F\"")
        .replace("[ \"old\" ]", "[\"large\", \"two\"]");
    assert_eq!(read(&desk), expected);
    assert_eq!(desk.run(&["test"]).status.code(), Some(0));
    // Where nothing differs nothing is written.
    assert_eq!(
        desk.run(&["test", "--update", "--yes"]).status.code(),
        Some(0)
    );
    assert_eq!(read(&desk), expected);
}

#[test]
fn nothing_is_written_unless_somebody_says_yes() {
    let desk = desk(TESTS);
    let shown = desk.seen(&["test", "--update"]);
    assert!(shown.starts_with("exit 1"), "{shown}");
    assert!(
        shown.contains("say --yes to write without being asked\nnothing was written"),
        "{shown}"
    );
    assert_eq!(read(&desk), TESTS);
}

#[test]
fn a_test_that_breaks_is_left_alone_and_the_others_are_not() {
    let broken = "\n[[test]]\nname = \"below\"\nprobe = [{ json = { n = 1 } }, { json = { n = -1 } }]\nexpect = \"PP\"\n\
                  \n[[test]]\nname = \"asks nobody\"\nprobe = [{ json = { n = 1 } }]\nhttp = [{ url = \"/x\", json = 1 }]\nexpect = \"P\"\n";
    let tests = format!("\u{feff}{TESTS}{broken}");
    let desk = desk(&tests);
    let shown = desk.seen(&["test", "--update", "--yes"]);
    assert!(shown.starts_with("exit 1"), "{shown}");
    for line in [
        "not updated: the script broke at probe 2",
        "not updated: the mock of http://service.test/x was not asked as often as it says",
        "✓ 2 changes written",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let written = read(&desk);
    assert!(
        written.starts_with("\u{feff}# What") && written.ends_with(broken),
        "{written}"
    );
    assert!(written.contains("\"PP. F\""), "{written}");
}

#[test]
fn what_other_tests_read_too_is_left_alone() {
    let tests = "script = \"n.rhai\"\n[defaults]\nexpect = \"P\"\n[[test]]\nname = \"n\"\nprobe = [{ json = { n = 3 } }]\n";
    let desk = desk(tests);
    let shown = desk.seen(&["test", "--update", "--yes"]);
    assert!(
        shown.contains("`expect` stands under [defaults]"),
        "{shown}"
    );
    assert_eq!(read(&desk), tests);
}

#[test]
fn violations_and_messages_of_a_service_are_written() {
    let config = "[[services]]\nname = \"n\"\nurl = \"https://n.test/\"\ninterval = \"1m\"\nconfirm = false\nwindow = 1\nmatch = [{ script = \"n\" }]\n";
    let tests = "config = \"oes.toml\"\nservice = \"n\"\n[[test]]\nname = \"n\"\nprobe = [{ json = { n = 1 } }, { json = { n = 3 } }, { json = { n = 1 } }]\n\
                 violations = \". - -\"\nnotify = []\n";
    let desk = desk(tests);
    desk.write("oes.toml", config);
    let shown = desk.seen(&["test", "--update", "--yes"]);
    assert!(shown.contains("2 changes written"), "{shown}");
    let written = read(&desk);
    assert!(written.contains("violations = \". e e\"\n"), "{written}");
    assert!(
        written.contains("kind = \"opened\", violation = \"error\" },\n"),
        "{written}"
    );
    assert_eq!(
        desk.run(&["test"]).status.code(),
        Some(0),
        "{}",
        desk.seen(&["test"])
    );
}
