//! Schemas in files beside a script.

use insta::assert_snapshot;

use super::Desk;

const CONFIG: &str =
    "[[services]]\nname = \"a\"\nurl = \"http://a.example/\"\nmatch = [\"price\"]\n";

fn script(file: &str) -> String {
    format!("//! The answer is a price.\nfail(\"schema\", schema(body, \"{file}\"));\n")
}

fn desk(file: &str, schema: &str) -> Desk {
    Desk::new(&[
        ("oes.toml", CONFIG),
        ("outside.json", "{}"),
        ("scripts/matchers/price.rhai", &script(file)),
        ("scripts/matchers/schemas/price.json", schema),
    ])
}

#[test]
fn a_schema_is_checked_with_its_script() {
    let checked = |file: &str, schema: &str| {
        desk(file, schema).seen(&["check", "oes.toml", "--format", "short"])
    };
    let linked = desk("schemas/link.json", "{}");
    std::os::unix::fs::symlink(
        "/etc/passwd",
        linked.path("scripts/matchers/schemas/link.json"),
    )
    .unwrap();
    let all = [
        checked("schemas/price.json", "{ \"required\": [\"price\"] }"),
        checked("outside.json", "{}"),
        checked("schemas/price.json", "{ \"required\": [\"price\" }"),
        checked("schemas/price.json", "{ \"type\": \"nubmer\" }"),
        checked("price.json", "{}"),
        checked("../matchers/schemas/price.json", "{}"),
        linked.seen(&["check", "oes.toml", "--format", "short"]),
    ];
    assert_snapshot!(all.join("\n"), @r#"
    exit 0
    ── out
    ok oes.toml: 1 service, 1 channel
    ── err
    exit 0
    ── out
    ok oes.toml: 1 service, 1 channel
    ── err
    exit 2
    ── out
    not usable oes.toml: 2 mistakes
    ── err
    scripts/matchers/schemas/price.json:1:24: error: a closing bracket that nothing opened, or a value is missing before it (every `{` needs one `}`, every `[` one `]`) [config/syntax]
    scripts/matchers/price.rhai:2:29: error: scripts/matchers/schemas/price.json cannot be used (mend it first) [script/schema-file]
    exit 2
    ── out
    not usable oes.toml: 1 mistake
    ── err
    scripts/matchers/price.rhai:2:29: error: schemas/price.json is no JSON schema: "nubmer" is not valid under any of the schemas listed in the 'anyOf' keyword, at /type [script/schema-file]
    exit 2
    ── out
    not usable oes.toml: 1 mistake
    ── err
    scripts/matchers/price.rhai:2:29: error: there is no file price.json in scripts/matchers or in . (a schema is a file in the folder of the script or of the config, or in folders in it: "schemas/price.json") [script/schema-file]
    exit 2
    ── out
    not usable oes.toml: 1 mistake
    ── err
    scripts/matchers/price.rhai:2:29: error: `../matchers/schemas/price.json` leads elsewhere (a schema is a file in the folder of the script or of the config, or in folders in it: "schemas/price.json") [script/schema-file]
    exit 2
    ── out
    not usable oes.toml: 1 mistake
    ── err
    scripts/matchers/price.rhai:2:29: error: `schemas/link.json` leads elsewhere (a schema is a file in the folder of the script or of the config, or in folders in it: "schemas/price.json") [script/schema-file]
    "#);
}

#[test]
fn a_script_alone_has_its_schema_beside_it() {
    let desk = desk("schemas/price.json", "{ \"required\": [\"price\"] }");
    desk.write(
        "scripts/matchers/price.test.toml",
        "script = \"price.rhai\"\n[[test]]\nname = \"schema\"\nprobe = [{ json = { price = 1 } }, { json = {} }]\nexpect = \"PF\"\ncodes = [\"schema\"]\n",
    );
    assert_snapshot!(desk.seen(&["test", "scripts/matchers"]), @r"
    exit 0
    ── out
    ✓ scripts/matchers/price.test.toml  1 test

    ✓ 1 test passed · 2 probes · 1 file
    ");
}
