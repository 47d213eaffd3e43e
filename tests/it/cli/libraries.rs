//! Libraries as a person meets them: `check`, `dry-run` and `test` of scripts that use one.

use insta::assert_snapshot;

use super::Desk;

const PRICES: &str = r"//! What scripts about prices share.

/// The number in the middle.
fn middle(values) {
    let sorted = values.map(|value| value);
    sorted.sort();
    sorted[sorted.len() / 2]
}
";

const SCRIPT: &str = r#"//! Prices are near one another.
//! ---
//! use = ["prices"]

expect(approx(prices::middle(body), body[0], 1), "far", "the first price is far off");
"#;

const CONFIG: &str =
    "[[services]]\nname = \"a\"\nurl = \"http://a.example/\"\nmatch = [\"near\"]\n";

fn desk(library: &str, script: &str) -> Desk {
    Desk::new(&[
        ("oes.toml", CONFIG),
        ("scripts/matchers/near.rhai", script),
        ("scripts/lib/prices.rhai", library),
    ])
}

#[test]
fn check_finds_what_is_wrong_with_a_library_and_its_uses() {
    let checked = |library: &str, script: &str| {
        let desk = desk(library, script);
        desk.seen(&["check", "oes.toml", "--format", "short"])
    };
    let all = [
        checked(PRICES, SCRIPT),
        checked(&PRICES.replace("sorted.len()", "nmu(1)"), SCRIPT),
        checked(PRICES, &SCRIPT.replace("middle", "midle")),
        checked(PRICES, &SCRIPT.replace("[\"prices\"]", "[\"price\"]")),
    ];
    assert_snapshot!(all.join("\n"), @r"
    exit 0
    ── out
    ok oes.toml: 1 service, 1 channel
    ── err
    exit 2
    ── out
    not usable oes.toml: 2 mistakes
    ── err
    scripts/lib/prices.rhai:7:12: error: there is no function `nmu` (did you mean `num`?) [script/unknown-function]
    scripts/matchers/near.rhai:3:12: error: the library `prices` cannot be used (mend scripts/lib/prices.rhai first) [script/library]
    exit 2
    ── out
    not usable oes.toml: 1 mistake
    ── err
    scripts/matchers/near.rhai:5:23: error: the library `prices` has no function `midle` (did you mean `middle`?) [script/unknown-function]
    exit 2
    ── out
    not usable oes.toml: 1 mistake
    ── err
    scripts/matchers/near.rhai:3:12: error: there is no library `price` (did you mean `prices`? known: prices; a library is a file price.rhai in scripts/lib beside the config, or in a folder lib beside the script) [script/unknown-library]
    ");
}

#[test]
fn check_shows_the_line_of_the_library() {
    let desk = desk(&PRICES.replace("sort();", "sort(;"), SCRIPT);
    assert_snapshot!(desk.seen(&["check", "oes.toml"]), @r#"
    exit 2
    ── out
    not usable oes.toml: 2 mistakes
    ── err
      × unexpected ';' [script/syntax]
       ╭─[scripts/lib/prices.rhai:6:17]
     6 │     sorted.sort(;
       ·                 ─
       ╰────

      × the library `prices` cannot be used [script/library]
       ╭─[scripts/matchers/near.rhai:3:12]
     3 │ //! use = ["prices"]
       ·            ────────
       ╰────
      help: mend scripts/lib/prices.rhai first
    "#);
}

#[test]
fn libraries_that_use_each_other_are_refused() {
    let desk = desk("//! ---\n//! use = [\"other\"]\nfn middle(a) { 1 }", SCRIPT);
    desk.write(
        "scripts/lib/other.rhai",
        "//! ---\n//! use = [\"prices\"]\nfn b() { 1 }",
    );
    assert_snapshot!(desk.seen(&["check", "oes.toml", "--format", "short"]), @r"
    exit 2
    ── out
    not usable oes.toml: 3 mistakes
    ── err
    scripts/lib/other.rhai:2:12: error: the library `prices` uses itself: prices → other → prices (move what both need into a library of its own) [script/library]
    scripts/lib/prices.rhai:2:12: error: the library `other` cannot be used (mend scripts/lib/other.rhai first) [script/library]
    scripts/matchers/near.rhai:3:12: error: the library `prices` cannot be used (mend scripts/lib/prices.rhai first) [script/library]
    ");
}

#[test]
fn a_library_lies_beside_the_script_that_is_tried() {
    let desk = desk(PRICES, SCRIPT);
    desk.write("body.json", "[9, 1, 2]");
    let tried = desk.run(&[
        "dry-run",
        "scripts/matchers/near.rhai",
        "--response",
        "body.json",
    ]);
    let said = String::from_utf8(tried.stdout).unwrap();
    assert!(
        said.contains("the first price is far off"),
        "{said}{}",
        String::from_utf8_lossy(&tried.stderr)
    );
    desk.write(
        "scripts/matchers/near.test.toml",
        "script = \"near.rhai\"\n[[test]]\nname = \"far\"\nprobe = [{ json = [1, 1, 2] }, { json = [9, 1, 2] }]\nexpect = \"PF\"\ncodes = [\"far\"]\n",
    );
    assert_snapshot!(desk.seen(&["test", "scripts/matchers", "--mutate"]), @r#"
    exit 0
    ── out
    ✓ scripts/matchers/near.test.toml  1 test

    ✓ 1 test passed · 2 probes · 1 file

    ! scripts/matchers/near.rhai  1 of 2 changes caught, 50 %
         scripts/matchers/near.rhai:5:46: no test fails for `2` instead of `1`
         expect(approx(prices::middle(body), body[0], 1), "far", "the first price is far off");
    "#);
}
