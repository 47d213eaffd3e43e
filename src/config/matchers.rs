//! The keys of a service that say what judges the response.

mod options;
mod sample;
mod script;

use std::ops::Range;
use std::sync::Arc;

use crate::config::keys::{
    EXACT_OPTIONS, MATCHER, NON_EMPTY_OPTIONS, SCRIPT_OPTIONS, TYPES_OPTIONS,
};
use crate::config::layers::{self, Layers};
use crate::config::loader::Loader;
use crate::config::tree::{Member, Node, Value};
use crate::config::values;
use crate::matcher::spec::{
    ExactOptions, Matcher, NonEmptyOptions, Spec, SpecKind, SpecMistake, SpecPart, StatusRule,
    TypesOptions,
};
use crate::model::code::Code;
use crate::model::span::Mistake;
use crate::script::source::Source;

/// What the matchers of a service are and need.
#[derive(Default)]
pub(super) struct Judges {
    /// The matchers in the order written.
    pub(super) matchers: Vec<Arc<Matcher>>,
    /// The scripts among them.
    pub(super) scripts: Vec<Arc<Source>>,
    /// Hosts that the scripts' parameters name.
    pub(super) hosts: Vec<String>,
    /// What a fingerprint must know of them.
    pub(super) prints: Vec<Arc<str>>,
}

/// What came of a spec. Specs that say the same share it: most often one from `defaults`, for every service.
#[derive(Clone)]
pub(super) struct Compiled {
    /// Absent if a mistake is an error.
    matcher: Option<Arc<Matcher>>,
    mistakes: Arc<[SpecMistake]>,
}

impl Compiled {
    fn new(spec: Spec) -> Self {
        let (matcher, mistakes) = match Matcher::compile(spec) {
            Ok((matcher, warnings)) => (Some(Arc::new(matcher)), warnings),
            Err(mistakes) => (None, mistakes),
        };
        Self {
            matcher,
            mistakes: mistakes.into(),
        }
    }
}

/// The places of one matcher in the file.
struct Places<'a> {
    whole: Range<usize>,
    sample: Option<&'a Node>,
    /// The table that holds the options.
    options: Option<&'a Node>,
    params: Option<&'a Node>,
}

const BUILT_IN: &[&str] = &["status_code", "types", "exact", "non_empty"];

/// Reads the matchers of a service: `status_code` if it names none.
pub(super) fn read(loader: &mut Loader<'_>, layers: &Layers<'_>) -> Judges {
    let mut judges = Judges::default();
    let given = layers.all(&["match", "response_matcher"]);
    if let [list, word, ..] = given.as_slice() {
        let mistake = Mistake::error(
            Code::Conflict,
            word.key_span.clone(),
            "`response_matcher` beside `match`",
        );
        loader.report(mistake.help("put it into the list of `match`"));
        judges.add(loader, layers, &list.node);
        return judges;
    }
    sample::check(loader, layers, &given);
    let Some(member) = given.first() else {
        if let Some(params) = layers.member("params") {
            let message = "`params` without a script that takes them";
            let mistake = Mistake::error(Code::Param, params.key_span.clone(), message);
            loader.report(mistake.help("name the script in `response_matcher`"));
        }
        let status = status(layers, None);
        let places = Places {
            whole: layers.service.span.clone(),
            sample: None,
            options: None,
            params: None,
        };
        judges.compile(
            loader,
            SpecKind::StatusCode,
            status.unwrap_or_default(),
            &places,
        );
        return judges;
    };
    if *member.key == *"match" {
        judges.add(loader, layers, &member.node);
    } else {
        judges.by_name(loader, layers, &member.node);
    }
    judges
}

/// Returns the status rule that an element or its service states.
fn status(layers: &Layers<'_>, element: Option<&Node>) -> Option<StatusRule> {
    element
        .and_then(|element| element.get("status"))
        .or_else(|| layers.get("status"))
        .and_then(|node| values::status(node).ok())
}

impl Judges {
    /// Adds the elements of `match`.
    fn add(&mut self, loader: &mut Loader<'_>, layers: &Layers<'_>, list: &Node) {
        if list.items().is_empty() && matches!(list.value, Value::List(_)) {
            let mistake = Mistake::error(
                Code::Useless,
                list.span.clone(),
                "an empty `match` judges nothing",
            );
            loader.report(mistake.help("leave it out to look at the status, or name a matcher"));
        }
        for item in list.items() {
            match &item.value {
                Value::Text(_) => self.by_name(loader, layers, item),
                Value::Table(_) => self.by_table(loader, layers, item),
                _ => {}
            }
        }
    }

    /// Adds a matcher that is only named, as in the predecessor's format.
    fn by_name(&mut self, loader: &mut Loader<'_>, layers: &Layers<'_>, node: &Node) {
        let Some(name) = node.text() else { return };
        let sample = layers.get("response");
        let params = layers.get("params");
        let places = Places {
            whole: node.span.clone(),
            sample,
            options: None,
            params,
        };
        let rule = status(layers, None);
        if matches!(&**name, "types" | "exact") && sample.is_none() {
            let message = format!("`{name}` needs a sample to compare with");
            let mistake = Mistake::error(Code::Missing, node.span.clone(), message);
            loader.report(
                mistake.help("add `response` with what the service answers when all is well"),
            );
            return;
        }
        let json = || sample.map(Node::json);
        let kind = match &**name {
            "status_code" => SpecKind::StatusCode,
            "types" => SpecKind::Types {
                sample: json().unwrap_or_default(),
                options: TypesOptions::default(),
            },
            "exact" => SpecKind::Exact {
                sample: json(),
                options: ExactOptions::default(),
            },
            "non_empty" => SpecKind::NonEmpty(NonEmptyOptions::default()),
            _ => return self.script(loader, layers, name, rule, &places),
        };
        if let Some(params) = params
            && BUILT_IN.contains(&&**name)
            && layers.service.get("params").is_some()
        {
            let message = format!("`{name}` takes no parameters");
            let mistake = Mistake::error(Code::Param, params.span.clone(), message);
            loader.report(
                mistake.help("only scripts do; options of a built-in matcher go into `match`"),
            );
        }
        self.compile(loader, kind, rule.unwrap_or_default(), &places);
    }

    /// Adds a matcher that is written as a table.
    fn by_table(&mut self, loader: &mut Loader<'_>, layers: &Layers<'_>, table: &Node) {
        let Some((main, kind_name)) = main_key(loader, table) else {
            return;
        };
        let mut rule = status(layers, Some(table));
        let node = &main.node;
        let mut places = Places {
            whole: main.key_span.clone(),
            sample: None,
            options: Some(table),
            params: table.get("params"),
        };
        for name in ["types", "exact"] {
            if let Some(sample) = table.get(name) {
                sample::no_secrets(loader, sample);
            }
        }
        let kind = match kind_name {
            "types" => {
                places.sample = Some(node);
                SpecKind::Types {
                    sample: node.json(),
                    options: options::types_options(table),
                }
            }
            "exact" => {
                places.sample = table.get("exact");
                // A digest that is none was reported; without it there may be nothing to compare with.
                let Some(options) = options::exact_options(loader, table) else {
                    return;
                };
                SpecKind::Exact {
                    sample: places.sample.map(Node::json),
                    options,
                }
            }
            "non_empty" => {
                places.options = Some(node);
                SpecKind::NonEmpty(NonEmptyOptions {
                    paths: options::paths(node, "paths"),
                    min: node.get("min").and_then(layers::integer).unwrap_or(1),
                })
            }
            "script" => {
                places.sample = layers.get("response");
                places.whole = node.span.clone();
                if let Some(name) = node.text() {
                    self.script(loader, layers, name, rule, &places);
                }
                return;
            }
            _ => {
                if node.boolean().is_none() {
                    rule = values::status(node).ok();
                }
                SpecKind::StatusCode
            }
        };
        self.compile(loader, kind, rule.unwrap_or_default(), &places);
    }

    fn compile(
        &mut self,
        loader: &mut Loader<'_>,
        kind: SpecKind,
        status: StatusRule,
        places: &Places<'_>,
    ) {
        // What could not be read would look like `null` here.
        if places.sample.is_some_and(Node::holds_broken) {
            return;
        }
        let print: Arc<str> = print(&kind, &status).into();
        let compiled = loader
            .matchers
            .entry(Arc::clone(&print))
            .or_insert_with(|| Compiled::new(Spec { kind, status }))
            .clone();
        self.prints.push(print);
        self.matchers.extend(compiled.matcher);
        for mistake in compiled.mistakes.iter() {
            loader.report(places.mistake(mistake));
        }
    }
}

/// Returns the member of a matcher's table that says what it looks at, with the kind of matcher. Reports what does not
/// go with it.
fn main_key<'a>(loader: &mut Loader<'_>, table: &'a Node) -> Option<(&'a Member, &'static str)> {
    let kinds = ["types", "exact", "non_empty", "status_code", "script"];
    let mut named = table
        .members()
        .iter()
        .filter(|member| kinds.contains(&&*member.key));
    let (main, second) = (named.next(), named.next());
    if let (Some(main), Some(second)) = (main, second) {
        let message = format!("`{}` beside `{}` in one matcher", second.key, main.key);
        let mistake = Mistake::error(Code::Conflict, second.key_span.clone(), message);
        loader.report(mistake.help("write each in braces of its own: match = [ { … }, { … } ]"));
    }
    let main = main.or_else(|| table.member("sha256"));
    let Some(main) = main else {
        // A key that does not exist was reported; it is what the person meant to look at.
        let exists = |member: &Member| MATCHER.keys.iter().any(|key| *key.name == *member.key);
        if !table.members().iter().all(exists) {
            return None;
        }
        let mistake = Mistake::error(
            Code::Missing,
            table.span.clone(),
            "this matcher does not say what it looks at",
        );
        loader.report(mistake.help("write one of types, exact, non_empty, status_code, script"));
        return None;
    };
    let (kind_name, allowed) = match &*main.key {
        "types" => ("types", TYPES_OPTIONS),
        "exact" | "sha256" => ("exact", EXACT_OPTIONS),
        "script" => ("script", SCRIPT_OPTIONS),
        "non_empty" => ("non_empty", NON_EMPTY_OPTIONS),
        _ => ("status_code", NON_EMPTY_OPTIONS),
    };
    for member in table.members() {
        let known = [TYPES_OPTIONS, EXACT_OPTIONS, SCRIPT_OPTIONS].concat();
        if known.contains(&&*member.key) && !allowed.contains(&&*member.key) {
            let message = format!("`{}` is no option of `{kind_name}`", member.key);
            let options = allowed.join(", ");
            let mistake = Mistake::error(Code::UnknownKey, member.key_span.clone(), message);
            loader.report(if options.is_empty() {
                mistake.help("leave it out")
            } else {
                mistake.help(format!("its options: status, {options}"))
            });
        }
    }
    Some((main, kind_name))
}

/// Returns what tells this spec from others. A script is told by its version, not by its text.
fn print(kind: &SpecKind, status: &StatusRule) -> String {
    match kind {
        SpecKind::Script {
            source,
            params,
            expected,
        } => format!(
            "{} {} {params:?} {expected:?} {status:?}",
            source.file, source.version
        ),
        other => format!("{other:?} {status:?}"),
    }
}

impl Places<'_> {
    /// Returns a mistake of a spec at its place in the file.
    fn mistake(&self, mistake: &SpecMistake) -> Mistake {
        let span = match &mistake.part {
            SpecPart::Sample { path, key } => self.sample.map(|sample| sample.place(path, *key)),
            SpecPart::Option(name) => self
                .options
                .and_then(|table| table.get(name))
                .map(|node| node.span.clone()),
            SpecPart::Param(name) => self
                .params
                .and_then(|table| table.get(name))
                .map(|node| node.span.clone()),
            SpecPart::Whole => None,
        };
        let code = match &mistake.part {
            SpecPart::Sample { .. } => Code::Sample,
            SpecPart::Param(_) => Code::Param,
            SpecPart::Option(_) | SpecPart::Whole => Code::Value,
        };
        Mistake {
            code,
            message: mistake.message.clone(),
            help: mistake.help.clone(),
            span: span.unwrap_or_else(|| self.whole.clone()),
            severity: mistake.severity,
            lack: None,
        }
    }
}
