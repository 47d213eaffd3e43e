//! Every code that OES can show is explained in `docs/codes.md`, and the examples there are what they say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use oes::config;
use oes::model::code::{Code, FindingCode};
use oes::model::failure::FailureKind;
use oes::model::span::Mistake;
use oes::script::limits::Limits;
use oes::script::source::Source;
use regex::Regex;

use crate::support::files::folder_of;

/// Codes whose mistake takes more than one text to show.
const WITHOUT_EXAMPLE: &[Code] = &[Code::ScriptTooLarge, Code::Test];

/// Returns the text of each code.
fn sections() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/codes.md");
    let page = fs::read_to_string(path).unwrap();
    let sections = page.split("\n### ").skip(1);
    let section = |section: &str| {
        let section = section.split("\n## ").next().unwrap();
        let (code, text) = section.split_once('\n').unwrap();
        (code.to_owned(), text.to_owned())
    };
    sections.map(section).collect()
}

/// Returns the code blocks of a text in a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence)
        .skip(1)
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn every_code_is_explained_and_no_other() {
    let explained: BTreeSet<String> = sections().into_keys().collect();
    let mistakes = Code::ALL.iter().map(|code| code.as_str());
    let findings = FindingCode::ALL.iter().map(|code| code.as_str());
    let failures = FailureKind::ALL.iter().map(|kind| kind.as_str());
    let all: BTreeSet<String> = mistakes
        .chain(findings)
        .chain(failures)
        .map(str::to_owned)
        .collect();
    assert_eq!(explained, all);
    for (code, text) in sections() {
        let helps = text.contains("\nWhy: ") || text.contains("\nTo do: ");
        assert!(helps, "{code} does not say why it matters or what to do");
    }
}

#[test]
fn every_limit_of_scripts_is_explained() {
    let limits = format!("{:?}", Limits::default());
    let name = Regex::new(r"([a-z_]+): ").unwrap();
    let names: Vec<&str> = name
        .captures_iter(&limits)
        .map(|found| found.get(1).unwrap().as_str())
        .collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        for code in [format!("limits.{name}"), format!("limit.{name}")] {
            let output = Command::new(env!("CARGO_BIN_EXE_oes"))
                .args(["explain", &code])
                .output()
                .unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            assert!(said.contains(&format!("limits.{name}")), "{code}: {said}");
        }
    }
}

/// Reads the code for codes that are written out where a finding is made.
#[test]
fn every_finding_of_the_code_has_a_code_of_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let known: BTreeSet<&str> = FindingCode::ALL
        .iter()
        .map(|code| code.as_str())
        .chain(FailureKind::ALL.iter().map(|kind| kind.as_str()))
        .collect();
    let finding = Regex::new(r#"Finding::error\(\s*"([^"]+)""#).unwrap();
    let raised = Regex::new(r#"\bcode: "([^"]+)""#).unwrap();
    let limit = Regex::new(r#"\btrip\(\s*"([^"]+)""#).unwrap();
    let of_language = Regex::new(r#"^\s+\(?"([a-z_]+)",?$|^\s+"([a-z_]+)"$"#).unwrap();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in files(&root) {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        if file.ends_with("model/redaction.rs") || file.ends_with("tests.rs") {
            continue;
        }
        let written = finding
            .captures_iter(code)
            .chain(raised.captures_iter(code));
        let written = written.map(|found| found[1].to_owned());
        let limits = limit
            .captures_iter(code)
            .map(|found| format!("limit.{}", &found[1]));
        let mut all: Vec<String> = written.chain(limits).collect();
        if file.ends_with("script/error.rs") {
            let start = code.find("fn interpreters_limit").unwrap();
            let end = code[start..].find("\n}\n").unwrap();
            let lines = code[start..start + end].lines();
            let names = lines.filter_map(|line| {
                let found = of_language.captures(line)?;
                Some(found.get(1).or(found.get(2))?.as_str().to_owned())
            });
            all.extend(names.map(|name| format!("limit.{name}")));
        }
        seen += all.len();
        wrong.extend(
            all.into_iter()
                .filter(|code| !known.contains(code.as_str())),
        );
    }
    assert!(wrong.is_empty(), "not in FindingCode: {wrong:?}");
    assert!(seen > 15, "{seen}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
    all
}

/// Returns what is wrong with a script, whatever the config says.
fn of_script(text: &str) -> Vec<Mistake> {
    match Source::compile("example", "example.rhai", text) {
        Ok((_, warnings)) => warnings,
        Err(mistakes) => mistakes,
    }
}

/// A library and a script that uses it.
const LIBRARY: &str = "const USUAL = 100; fn is_near(a, b) { (a - b).abs() < global::USUAL }";
const USING: &str =
    "//! Near.\n//! ---\n//! use = [\"prices\"]\nexpect(prices::is_near(body.price, 100));";

/// Returns the codes of a script or a library and of what lies beside it.
fn of_files(code: Code, text: &str) -> Vec<Code> {
    let service = "[[services]]\nurl = \"https://api.example.io/price\"\nmatch = [\"example\"]\n";
    let (script, library) = match code {
        Code::Library => (USING, text),
        _ => (text, LIBRARY),
    };
    of_folder(&[
        ("oes.toml", service),
        ("example.rhai", script),
        ("lib/prices.rhai", library),
        ("schemas/price.json", r#"{"type": "object"}"#),
    ])
}

/// Returns the codes of a config, with a script `example` beside it.
fn of_config(config: &str, script: &str) -> Vec<Code> {
    of_folder(&[("oes.toml", config), ("example.rhai", script)])
}

fn of_folder(files: &[(&str, &str)]) -> Vec<Code> {
    let folder = folder_of(files);
    let environment = BTreeMap::from([("TOKEN".to_owned(), "hunter2".to_owned())]);
    let report = match config::load(&folder.path().join("oes.toml"), &environment) {
        Ok(loaded) => loaded.report,
        Err(report) => report,
    };
    report.lines().iter().map(|line| line.code).collect()
}

#[test]
fn the_examples_of_scripts_yield_their_code_and_mended_nothing() {
    let sections = sections();
    for code in Code::ALL {
        let is_of_script = code.as_str().starts_with("script/");
        if !is_of_script || WITHOUT_EXAMPLE.contains(code) {
            continue;
        }
        let examples = blocks(&sections[code.as_str()], "rhai");
        let [wrong, mended] = examples.as_slice() else {
            panic!("{code} has no two examples");
        };
        let codes = |text: &str| -> Vec<Code> {
            match code {
                Code::UndeclaredHost | Code::UnknownLibrary | Code::Library | Code::SchemaFile => {
                    of_files(*code, text)
                }
                _ => of_script(text).iter().map(|mistake| mistake.code).collect(),
            }
        };
        let found: BTreeSet<Code> = codes(wrong).into_iter().collect();
        assert_eq!(found, BTreeSet::from([*code]), "{wrong}");
        assert_eq!(codes(mended), [], "{mended}");
    }
}

#[test]
fn the_examples_of_configs_yield_their_code_and_mended_nothing() {
    let sections = sections();
    for code in Code::ALL {
        if code.as_str().starts_with("script/") || WITHOUT_EXAMPLE.contains(code) {
            continue;
        }
        let examples = blocks(&sections[code.as_str()], "toml");
        let [wrong, mended] = examples.as_slice() else {
            panic!("{code} has no two examples");
        };
        let found: BTreeSet<Code> = of_config(wrong, "").into_iter().collect();
        assert_eq!(found, BTreeSet::from([*code]), "{wrong}");
        assert_eq!(of_config(mended, ""), [], "{mended}");
    }
}
