//! Tests of a whole service: what is open, and what is told.

use insta::assert_snapshot;

use super::Desk;

const CONFIG: &str = r#"[[services]]
name = "price"
url = "${env:PRICE_URL}"
interval = "5m"
latency = 500
match = [{ types = { price = 1.5 } }]
"#;

fn desk(tests: &str) -> Desk {
    let tests = format!(
        "config = \"oes.toml\"\nservice = \"price\"\nenv = {{ PRICE_URL = \"https://price.test/\" }}\n{tests}"
    );
    Desk::new(&[("oes.toml", CONFIG), ("price.test.toml", &tests)])
}

#[test]
fn an_outage_is_told_and_its_end() {
    let desk = desk(
        r#"[[test]]
name = "as the daemon probes"
probe = [{ json = { price = 1 }, repeat = 4 }, { json = { price = "x" }, repeat = 5 }, { json = { price = 1 }, repeat = 6 }]
violations = "- - - - - - - e e e e e e e -"
notify = [
  { at = "21m10s", kind = "firing", violation = "error", contains = "$.price" },
  { at = "32m30s", kind = "resolved" },
]
[[test]]
name = "on an even clock, and slow"
every = "1m"
probe = [{ json = { price = 1 }, repeat = 7 }, { json = { price = 1 }, ms = 2000, repeat = 4 }]
expect = "PPPPPPP PPPP"
violations = "- - - - - - - - l . l"
notify = [{ at = "8m", kind = "opened", violation = "latency" }]
"#,
    );
    assert_snapshot!(desk.seen(&["test"]), @r"
    exit 0
    ── out
    ✓ price.test.toml  2 tests

    ✓ 2 tests passed · 26 probes · 1 file
    ");
}

#[test]
fn what_differs_is_shown() {
    let desk = desk(
        r#"[[test]]
name = "too early"
every = "5m"
probe = [{ json = { price = 1 }, repeat = 4 }, { error = "connect_refused", repeat = 4 }]
violations = "- - - - - - e e"
notify = [{ at = "30m", kind = "opened", violation = "error" }, { at = "1h", kind = "resolved" }]
"#,
    );
    assert_snapshot!(desk.seen(&["test"]), @r"
    exit 1
    ── out
    ✗ price.test.toml  1 of 1 test failed

    ✗ too early  at price.test.toml:4
         outcomes  PPPPFFFF
         probe 7, 30 min after the first: expected error to be open, got nothing
         messages expected  30 min opened error · 60 min resolved any violation
         messages sent      35 min TIME opened error
         message 1 differs
           ✗ OPEN  price · error
             4 of the last 7 probes failed, more than 50 % of 7

             connect_refused (the test says so)
             found by  [connect_refused]

             exchange  GET *** → connect_refused (the test says so) after TIME
             since     2026-01-01 CLOCK (15 min TIME)
             last good 2026-01-01 CLOCK
             probes    ✓✓✓✗✗✗✗  ███····  p50 TIME
             service   GET *** · critical
             incident  0000000000000001

    ✗ 1 of 1 test failed · 8 probes · 1 file
    ");
}

#[test]
fn a_config_that_cannot_be_tested_is_told() {
    let cases = [
        (
            "config = \"oes.toml\"\nservice = \"prise\"\nenv = { PRICE_URL = \"https://x.test/\" }\n",
            "2:11: oes.toml has no service `prise`",
        ),
        (
            "config = \"oes.toml\"\nenv = { PRICE_URL = \"no URL\" }\n",
            "1:10: the ops config oes.toml cannot be used",
        ),
        (
            "config = \"oes.toml\"\nenv = { PRICE_URL = \"https://x.test/\" }\n",
            "1:1: `config` without `service`",
        ),
        (
            "script = \"x\"\nconfig = \"oes.toml\"\n",
            "2:1: `config` beside `script`",
        ),
    ];
    for (head, expected) in cases {
        let test = "[[test]]\nname = \"x\"\nprobe = [{ status = 200 }]\nexpect = \"P\"\n";
        let desk = Desk::new(&[
            ("oes.toml", CONFIG),
            ("x.test.toml", &format!("{head}{test}")),
        ]);
        let output = desk.run(&["test", "--json"]);
        assert_eq!(output.status.code(), Some(2), "{head}");
        let value = super::json(&output);
        let line = &value["mistakes"][0];
        let told = format!(
            "{}:{}: {}",
            line["line"],
            line["column"],
            line["message"].as_str().unwrap()
        );
        assert_eq!(told, expected);
    }
}

#[test]
fn mistakes_of_a_test_of_a_service_are_told() {
    let desk = desk(
        "[[test]]\nname = \"x\"\nparams = {}\nprobe = [{ status = 200 }]\nviolations = \"- x\"\n\
         [[test]]\nname = \"y\"\nprobe = [{ status = 200 }]\nviolations = \".\"\n\
         [[test]]\nname = \"z\"\nprobe = [{ status = 200 }]\nviolations = \"- -\"\n",
    );
    assert_snapshot!(desk.seen(&["test"]), @r#"
    exit 2
    ── out

    ✗ 4 mistakes, no test was run · 0 probes · 1 file
    ── err
      × `params` is for tests of a script [config/conflict]
       ╭─[price.test.toml:6:1]
     6 │ params = {}
       · ──────
       ╰────
      help: leave it out: the config says it

      × `x` is no violation [config/value]
       ╭─[price.test.toml:8:14]
     8 │ violations = "- x"
       ·              ─────
       ╰────
      help: - nothing, e error, l latency, m matcher, u unknown, f flapping, n named by a script, `.` any; of
            several open at once write all, as in `el`

      × a test that accepts whatever comes [config/test]
        ╭─[price.test.toml:10:8]
     10 │ name = "y"
        ·        ───
        ╰────
      help: write violations = "- - e", or notify, expect, codes

      × 2 words for 1 probe [config/test]
        ╭─[price.test.toml:16:14]
     16 │ violations = "- -"
        ·              ─────
        ╰────
      help: one word a probe, `repeat` counted
    "#);
}
