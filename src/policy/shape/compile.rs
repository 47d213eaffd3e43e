//! Sample to pattern.

use std::sync::Arc;

use crate::model::json::Json;
use crate::model::path::{Path, Step};
use crate::model::span::MistakeSeverity;

use super::marker::{self, MarkerMistake};
use super::node::{Member, Members, Node};
use super::range::Range;
use super::{Options, Pattern, PatternMistake, PatternPart, Tolerance};

/// How deep a sample may nest.
const DEPTH_MAX: usize = 128;

/// How plain values of a sample are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// A value like this one.
    Types,
    /// This value.
    Exact,
}

/// Compiles a sample; see [`Pattern::types`].
///
/// # Errors
/// Every mistake, warnings included.
pub(super) fn compile(
    sample: &Json,
    options: Options,
    mode: Mode,
) -> Result<(Pattern, Vec<PatternMistake>), Vec<PatternMistake>> {
    let mut compiler = Compiler {
        mode,
        strict_numbers: options.strict_numbers,
        mistakes: Vec::new(),
    };
    let root = compiler.value(sample, &Path::root());
    let mut mistakes = compiler.mistakes;
    check_options(&options, &root, &mut mistakes);
    if mistakes
        .iter()
        .any(|mistake| mistake.severity == MistakeSeverity::Error)
    {
        return Err(mistakes);
    }
    Ok((Pattern { root, options }, mistakes))
}

/// Returns the sample that means exactly this value: texts and keys that would be read as markers are escaped.
pub fn literal(value: &Json) -> Json {
    match value {
        Json::String(text) if text.trim_start_matches('\\').starts_with('#') => {
            Json::string(format!("\\{text}"))
        }
        Json::Array(elements) => elements.iter().map(literal).collect(),
        Json::Object(members) => Json::object(
            members
                .iter()
                .map(|(key, value)| (literal_key(key), literal(value))),
        ),
        other => other.clone(),
    }
}

/// Returns the key of a sample that means exactly this key.
pub(super) fn literal_key(key: &Arc<str>) -> Arc<str> {
    if let Some(base) = key.strip_suffix('?') {
        Arc::from(format!("{base}\\?"))
    } else if key.trim_start_matches('\\') == "*" {
        Arc::from(format!("\\{key}"))
    } else {
        Arc::clone(key)
    }
}

/// A key of a sample, read.
enum Key {
    Named { key: Arc<str>, optional: bool },
    Rest,
}

fn read_key(key: &Arc<str>) -> Key {
    let (base, optional) = match key.strip_suffix('?') {
        None => (&**key, false),
        Some(base) => match base.strip_suffix('\\') {
            None => (base, true),
            // An escaped `?`: the key ends in it.
            Some(base) => {
                return Key::Named {
                    key: Arc::from(format!("{base}?")),
                    optional: false,
                };
            }
        },
    };
    if base == "*" && !optional {
        return Key::Rest;
    }
    let escaped_star = base.trim_start_matches('\\') == "*";
    let base = if escaped_star {
        base.strip_prefix('\\').unwrap_or(base)
    } else {
        base
    };
    let key = if base.len() == key.len() {
        Arc::clone(key)
    } else {
        Arc::from(base)
    };
    Key::Named { key, optional }
}

struct Compiler {
    mode: Mode,
    strict_numbers: bool,
    mistakes: Vec<PatternMistake>,
}

impl Compiler {
    fn mistake(&mut self, path: &Path, key: bool, mistake: MarkerMistake) {
        self.mistakes.push(PatternMistake {
            part: PatternPart::Sample {
                path: path.clone(),
                key,
            },
            message: mistake.message,
            help: mistake.help,
            severity: MistakeSeverity::Error,
        });
    }

    fn value(&mut self, sample: &Json, path: &Path) -> Node {
        let node = self.any_place(sample, path);
        if matches!(node, Node::Absent) {
            self.absent_here(path);
        }
        node
    }

    fn absent_here(&mut self, path: &Path) {
        let mistake = MarkerMistake {
            message: "`#absent` is said of a key, not of a whole body or an element".to_owned(),
            help: Some("write it as the value of the key that must not exist".to_owned()),
        };
        self.mistake(path, false, mistake);
    }

    fn any_place(&mut self, sample: &Json, path: &Path) -> Node {
        if path.steps().len() > DEPTH_MAX {
            let mistake = MarkerMistake {
                message: format!("the sample nests deeper than {DEPTH_MAX} levels"),
                help: None,
            };
            self.mistake(path, false, mistake);
            return Node::Any;
        }
        match sample {
            Json::String(text) => self.text(text, path),
            Json::Array(elements) => self.array(elements, path),
            Json::Object(members) => self.object(members.iter(), path),
            scalar => self.scalar(scalar, path),
        }
    }

    fn scalar(&mut self, sample: &Json, path: &Path) -> Node {
        if self.mode == Mode::Exact {
            if let Some(mistake) = marker::beyond_exact(sample) {
                self.mistake(path, false, mistake);
            }
            return Node::Value(sample.clone());
        }
        let like = Some(sample.clone());
        match sample {
            Json::Bool(_) => Node::Boolean { like },
            Json::Number(number) => Node::Number {
                whole: self.strict_numbers && number.is_whole(),
                range: None,
                like,
            },
            Json::Null => {
                self.mistakes.push(PatternMistake {
                    part: PatternPart::Sample {
                        path: path.clone(),
                        key: false,
                    },
                    message: "null carries no type: any value is accepted here".to_owned(),
                    help: Some("write \"#any\", \"#null\" or \"##string\"".to_owned()),
                    severity: MistakeSeverity::Warning,
                });
                Node::Any
            }
            _ => Node::Text { length: None, like },
        }
    }

    fn text(&mut self, text: &Arc<str>, path: &Path) -> Node {
        if text.starts_with('#') {
            return marker::parse(text).unwrap_or_else(|mistake| {
                self.mistake(path, false, mistake);
                Node::Any
            });
        }
        let escaped = text.trim_start_matches('\\').starts_with('#');
        let plain = match text.strip_prefix('\\') {
            Some(rest) if escaped => Json::string(rest),
            _ => Json::String(Arc::clone(text)),
        };
        self.scalar(&plain, path)
    }

    fn array(&mut self, elements: &[Json], path: &Path) -> Node {
        if let Some(first) = elements.first().and_then(Json::as_str) {
            if first.trim() == "#tuple" {
                return Node::List(self.elements(elements, path, 1));
            }
            if let (2, Some(size)) = (elements.len(), marker::bare_size(first)) {
                let size: Option<Range> = size.unwrap_or_else(|mistake| {
                    self.mistake(&path.index(0), false, mistake);
                    None
                });
                let like = self.elements(elements, path, 1);
                return Node::Elements { like, size };
            }
        }
        let like = self.elements(elements, path, 0);
        match self.mode {
            Mode::Types => Node::Elements { like, size: None },
            Mode::Exact => Node::List(like),
        }
    }

    fn elements(&mut self, elements: &[Json], path: &Path, skip: usize) -> Vec<Node> {
        elements
            .iter()
            .enumerate()
            .skip(skip)
            .map(|(index, element)| self.value(element, &path.index(index)))
            .collect()
    }

    fn object<'a>(
        &mut self,
        sample: impl ExactSizeIterator<Item = (&'a Arc<str>, &'a Json)>,
        path: &Path,
    ) -> Node {
        let mut members = Members {
            open: sample.len() == 0 && self.mode == Mode::Types,
            ..Members::default()
        };
        for (written, value) in sample {
            let place = path.key(Arc::clone(written));
            let node = self.any_place(value, &place);
            match read_key(written) {
                Key::Rest => members.rest = Some(Box::new(node)),
                Key::Named { key, optional } => {
                    if !members.keys.insert(Arc::clone(&key)) {
                        let mistake = MarkerMistake {
                            message: format!(
                                "the key `{key}` is there twice, with and without `?`"
                            ),
                            help: Some(format!(
                                "for a key that itself ends in `?` write `{key}\\?`"
                            )),
                        };
                        self.mistake(&place, true, mistake);
                    }
                    members.named.push(Member {
                        key,
                        node,
                        optional,
                    });
                }
            }
        }
        Node::Object(members)
    }
}

fn check_options(options: &Options, root: &Node, mistakes: &mut Vec<PatternMistake>) {
    let mut say = |option, message: String, severity| {
        mistakes.push(PatternMistake {
            part: PatternPart::Option(option),
            message,
            help: None,
            severity,
        });
    };
    let all = options.ignore.iter().map(|path| ("ignore", path));
    let all = all.chain(options.unordered.iter().map(|path| ("unordered", path)));
    let all = all.chain(
        options
            .tolerance
            .iter()
            .map(|(path, _)| ("tolerance", path)),
    );
    for (option, path) in all {
        if path
            .steps()
            .iter()
            .any(|step| matches!(step, Step::Index(index) if *index < 0))
        {
            let message =
                format!("`{path}` counts from the end, which is not known before the body is");
            say(option, message, MistakeSeverity::Error);
        } else if option != "ignore" && !reaches(root, path.steps()) {
            let message = format!("`{path}` is nowhere in the sample");
            say(option, message, MistakeSeverity::Warning);
        }
    }
    for (path, tolerance) in &options.tolerance {
        let (Tolerance::Absolute(by) | Tolerance::Percent(by)) = tolerance;
        if !by.is_finite() || *by < 0.0 {
            let message = format!("the tolerance of `{path}` is {by}; it is a number from 0 on");
            say("tolerance", message, MistakeSeverity::Error);
        }
    }
}

/// Tells whether a pattern has a place that the steps lead to.
fn reaches(node: &Node, steps: &[Step]) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return true;
    };
    match node {
        Node::Any | Node::Ignore | Node::NotNull => true,
        Node::Nullable(inner) => reaches(inner, steps),
        Node::Elements { like, .. } => {
            !matches!(step, Step::Key(_))
                && (like.is_empty() || like.iter().any(|node| reaches(node, rest)))
        }
        Node::List(nodes) => match step {
            Step::Key(_) => false,
            Step::Any => nodes.iter().any(|node| reaches(node, rest)),
            Step::Index(index) => usize::try_from(*index)
                .ok()
                .and_then(|index| nodes.get(index))
                .is_some_and(|node| reaches(node, rest)),
        },
        Node::Object(members) => {
            let named = members.named.iter().any(|member| {
                let named = match step {
                    Step::Key(key) => *key == member.key,
                    Step::Any => true,
                    Step::Index(_) => false,
                };
                named && reaches(&member.node, rest)
            });
            let others = !matches!(step, Step::Index(_))
                && (members.open
                    || members
                        .rest
                        .as_ref()
                        .is_some_and(|node| reaches(node, rest)));
            named || others
        }
        _ => false,
    }
}
