//! The answers to a script's own requests.

use insta::assert_snapshot;

use super::Desk;

const SCRIPT: &str = r#"//! Asks.
//! ---
//! hosts = ["ref.test"]
//! secrets = ["KEY"]
let r = http.post("https://ref.test/x", #{ id: 2, name: "b" }, #{ bearer: secret("KEY") });
expect(r.ok, "ref", `the reference says ${r.status} ${r.error}`);
"#;

fn desk(http: &str) -> Desk {
    let tests = format!(
        "script = \"ask.rhai\"\n[defaults]\nsecrets = {{ KEY = \"T1-of-the-test\" }}\nprobe = [{{ json = 1, repeat = 2 }}]\n\
         [[test]]\nname = \"asks\"\n{http}\n"
    );
    Desk::new(&[("ask.rhai", SCRIPT), ("ask.test.toml", &tests)])
}

#[test]
fn a_request_that_fits_is_answered() {
    let mock = "expect = \"PF\"\nhttp = [\n\
        { method = \"POST\", url = \"https://ref.test/x\", match_json = { id = \"#integer\" }, match_bearer = \"T1-of-the-test\", times = 1, json = {} },\n\
        { url = \"https://ref.test/x\", error = \"timeout\" },\n\
        { url = \"https://ref.test/unused\", status = 204, optional = true },\n\
        { url = \"https://ref.test/never\", status = 204, times = 0 } ]";
    assert_snapshot!(desk(mock).seen(&["test"]), @r"
    exit 0
    ── out
    ✓ ask.test.toml  1 test

    ✓ 1 test passed · 2 probes · 1 file
    ");
}

#[test]
fn a_request_that_no_mock_answers_fails_whatever_the_script_makes_of_it() {
    let mock = "expect = \"FF\"\nhttp = [\n\
        { method = \"POST\", url = \"https://ref.test/y\", json = {}, optional = true },\n\
        { method = \"PUT\", url = \"https://ref.test/x\", match_json = { id = 1 }, match_bearer = \"other\", json = {} } ]";
    assert_snapshot!(desk(mock).seen(&["test"]), @r"
    exit 1
    ── out
    ✗ ask.test.toml  1 of 1 test failed

    ✗ asks  at ask.test.toml:5
         outcomes  FF
         probe 1: no mock answers POST https://ref.test/x
         nearest is the mock at ask.test.toml:10, with
           method: PUT, not POST
           match_bearer: `other`, not `***`
           match_json: $.id: expected 1, got 2

    ✗ 1 of 1 test failed · 2 probes · 1 file
    ");
    assert_snapshot!(desk("expect = \"FF\"").seen(&["test"]), @r"
    exit 1
    ── out
    ✗ ask.test.toml  1 of 1 test failed

    ✗ asks  at ask.test.toml:5
         outcomes  FF
         probe 1: no mock answers POST https://ref.test/x
         the test has no mocks; write http = [{ url = … }]

    ✗ 1 of 1 test failed · 2 probes · 1 file
    ");
}

#[test]
fn a_mock_answers_as_often_as_it_says() {
    let mock = "expect = \"PF\"\nhttp = [{ url = \"https://ref.test/x\", times = 1, json = {} }]";
    assert_snapshot!(desk(mock).seen(&["test"]), @r"
    exit 1
    ── out
    ✗ ask.test.toml  1 of 1 test failed

    ✗ asks  at ask.test.toml:5
         outcomes  PF
         probe 2: no mock answers POST https://ref.test/x
         nearest is the mock at ask.test.toml:8, with
           times: it has answered its 1

    ✗ 1 of 1 test failed · 2 probes · 1 file
    ");
    let mock = "expect = \"PP\"\nhttp = [\n{ url = \"https://ref.test/x\", times = 3, json = {} },\n\
                { url = \"https://ref.test/z\", json = {} } ]";
    assert_snapshot!(desk(mock).seen(&["test"]), @r"
    exit 1
    ── out
    ✗ ask.test.toml  1 of 1 test failed

    ✗ asks  at ask.test.toml:5
         outcomes  PP
         mock at ask.test.toml:9: https://ref.test/x was asked 2 of 3 times
         mock at ask.test.toml:10: https://ref.test/z was never asked; say optional = true if that is fine

    ✗ 1 of 1 test failed · 2 probes · 1 file
    ");
}

#[test]
fn an_answer_that_takes_longer_than_the_script_waits_is_none() {
    let desk = Desk::new(&[
        (
            "slow.rhai",
            "//! x\n//! ---\n//! request = false\nlet r = http.get(service.url, #{ timeout: \"2s\" });\n\
             expect(r.error == (), \"slow\", \"too slow\");\n",
        ),
        (
            "slow.test.toml",
            "script = \"slow\"\n[[test]]\nname = \"slow\"\nprobe = [{ repeat = 2 }]\nexpect = \"PF\"\n\
             http = [{ url = \"/\", json = 1, ms = \"2s\", times = 1 }, { url = \"/\", json = 1, ms = 2001 }]\n",
        ),
    ]);
    assert_eq!(desk.run(&["test"]).status.code(), Some(0));
}
