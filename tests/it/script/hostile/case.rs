//! One hostile script as its file says it: what is expected of it, the body it reads, how often it runs.

use std::path::{Path, PathBuf};

/// A hostile script.
pub(super) struct Case {
    /// `loops/while_true`.
    pub(super) name: String,
    /// What may become of it: `operations`, `compile`, `pass`, or `any`.
    pub(super) expected: Vec<String>,
    /// The body that it reads.
    pub(super) body: String,
    /// How often it runs.
    pub(super) runs: usize,
    /// The script, written out in full.
    pub(super) text: String,
}

impl Case {
    /// Reads a script. Files without a line `// expect:` may end in any way.
    pub(super) fn read(name: String, file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap();
        let said = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix("// ")?.strip_prefix(key))
        };
        let expected = said("expect: ").unwrap_or("any").split('|');
        Self {
            name,
            expected: expected.map(|one| one.trim().to_owned()).collect(),
            body: said("body: ").map_or_else(
                || r#"{"price": 1.5, "items": [1, 2, 3]}"#.to_owned(),
                expanded,
            ),
            runs: said("runs: ").map_or(1, |runs| runs.parse().unwrap()),
            // What is said of the script is no part of it: a header must come first.
            text: expanded(
                &text
                    .lines()
                    .skip_while(|line| line.starts_with("// "))
                    .collect::<Vec<_>>()
                    .join("\n"),
            ),
        }
    }

    /// Tells whether this may become of it. What is to be stopped by its operations may be stopped by a clock before:
    /// which of them is first is the machine's affair.
    pub(super) fn expects(&self, outcome: &str) -> bool {
        let by_clock = matches!(outcome, "cpu" | "wall");
        self.expected.iter().any(|expected| {
            expected == "any" || expected == outcome || (expected == "operations" && by_clock)
        })
    }
}

/// Returns the files of a folder and the folders in it, with their names below it, in order.
pub(super) fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            let below = files(&path);
            found.extend(
                below
                    .into_iter()
                    .map(|(file, path)| (format!("{name}/{file}"), path)),
            );
        } else if path.extension().is_some_and(|end| end == "rhai") {
            found.push((name, path));
        }
    }
    found.sort();
    found
}

/// Writes out what is repeated: `«3*ab»` is `ababab`, and in `«#3*a#»`, which is `a0a1a2`, `#` is the number.
fn expanded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, repeated)) = rest.split_once('«') {
        out.push_str(before);
        let (repeated, after) = repeated.split_once('»').unwrap();
        let (times, piece) = repeated.split_once('*').unwrap();
        match times.strip_prefix('#') {
            None => out.push_str(&piece.repeat(times.parse().unwrap())),
            Some(times) => (0..times.parse::<u32>().unwrap())
                .for_each(|number| out.push_str(&piece.replace('#', &number.to_string()))),
        }
        rest = after;
    }
    out + rest
}
