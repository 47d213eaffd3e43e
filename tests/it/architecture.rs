//! Which module may import which. The table is the truth; adding an edge is a reviewed line.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module with the modules of this crate that it may import.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("clock", &[]),
    ("failpoint", &[]),
    ("policy", &["model"]),
    ("script", &["model", "policy"]),
    ("matcher", &["model", "policy", "script"]),
    ("probe", &["model", "policy"]),
    ("state", &["model", "policy", "failpoint"]),
    ("history", &["model", "policy"]),
    ("channel", &["model", "policy", "script"]),
    ("metrics", &["model", "policy"]),
    ("web", &["model", "policy", "metrics", "history"]),
    (
        "config",
        &[
            "model", "policy", "script", "matcher", "probe", "channel", "state", "web", "history",
        ],
    ),
    (
        "daemon",
        &[
            "model",
            "clock",
            "policy",
            "script",
            "matcher",
            "probe",
            "state",
            "history",
            "channel",
            "metrics",
            "web",
            "config",
            "failpoint",
        ],
    ),
    (
        "suite",
        &[
            "model", "policy", "script", "matcher", "channel", "config", "daemon",
        ],
    ),
    (
        "cli",
        &[
            "model", "clock", "policy", "script", "matcher", "probe", "state", "history",
            "channel", "metrics", "web", "config", "daemon", "suite",
        ],
    ),
];

/// Functions that only one module may call, with the invariant that it keeps.
const ONLY_IN: &[(&str, &[&str], &str)] = &[
    (
        "Timestamp::now()",
        &["clock"],
        "only `clock` reads wall time",
    ),
    ("println!", &["cli"], "only `cli` writes to standard output"),
    (
        "tracing::",
        &["daemon", "cli", "web"],
        "only `daemon`, `cli` and `web` log",
    ),
];

#[test]
fn imports_follow_the_table() {
    let table: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    for (module, file, line, text) in lines() {
        for target in imported(&text) {
            if target == module || !table.contains_key(target.as_str()) {
                continue;
            }
            if !table
                .get(module.as_str())
                .is_some_and(|allowed| allowed.contains(&target.as_str()))
            {
                wrong.push(format!(
                    "{}:{line}: `{module}` may not import `{target}`",
                    file.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_is_in_the_table() {
    for (module, file, ..) in lines() {
        assert!(
            MAY_IMPORT.iter().any(|(name, _)| *name == module),
            "{} is not",
            file.display()
        );
    }
}

#[test]
fn what_only_one_module_may_do() {
    let mut wrong = Vec::new();
    for (module, file, line, text) in lines() {
        for (call, modules, why) in ONLY_IN {
            if text.contains(call) && !modules.contains(&module.as_str()) {
                wrong.push(format!("{}:{line}: `{call}`: {why}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns the names after each `crate::` of a line of code.
fn imported(text: &str) -> Vec<String> {
    let name = |rest: &str| {
        rest.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    text.split("crate::").skip(1).map(name).collect()
}

/// Returns every line of code under `src/` that is not a comment and not in a test module, with its module.
fn lines() -> Vec<(String, PathBuf, usize, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let mut lines = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&root).unwrap().to_owned();
        let first = relative
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy()
            .into_owned();
        let module = first.trim_end_matches(".rs").to_owned();
        if matches!(module.as_str(), "lib" | "main") || relative.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for (index, line) in text.lines().enumerate() {
            if line.starts_with("#[cfg(test)]") {
                break;
            }
            if !line.trim_start().starts_with("//") {
                lines.push((module.clone(), relative.clone(), index + 1, line.to_owned()));
            }
        }
    }
    lines
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
