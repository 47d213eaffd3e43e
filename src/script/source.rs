//! A script as text: its name, its header, and whether it compiles.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::Sender;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::limits::Limits;
use super::{api, engine, header, lint};
use crate::model::code::Code;
use crate::model::json::{Json, Kind, Number};
use crate::model::span::{Mistake, MistakeSeverity, did_you_mean};

/// Processor time for compiling: ten times what ordinary code of the largest size takes.
const COMPILE_TIME: Duration = Duration::from_millis(250);
const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// A script that compiles.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Source {
    /// Name: the file's stem, `price_chart_matcher`.
    pub name: Arc<str>,
    /// The file as a person would name it; of a shipped script `scripts/matchers/NAME.rhai`.
    pub file: Arc<str>,
    /// The source text.
    pub text: Arc<str>,
    /// First 16 hexadecimal digits of the SHA-256 of the text.
    pub version: Arc<str>,
    /// What it says of itself.
    pub header: Header,
    /// Whether it reads `prev`, so that the last exchange must be kept for it.
    pub uses_prev: bool,
    /// Whether it makes requests, so that it runs where waiting holds up no other script.
    pub uses_http: bool,
    /// The hosts that it asks by name.
    pub asks: Vec<AskedHost>,
    /// Whether it ends with an expression, whose value then counts; a `;` at the end means that it does not.
    pub returns_value: bool,
    /// The functions that it defines, with how many parameters they take.
    pub functions: Vec<(Arc<str>, usize)>,
}

/// What a script says of itself in the `//!` lines at its top, read without running it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Header {
    /// What it checks, for `oes check` and listings.
    pub about: String,
    /// Its parameters in order.
    pub params: Vec<Param>,
    /// Sets of parameters, one of which must be given whole.
    pub one_of: Vec<Vec<Arc<str>>>,
    /// Hosts that it asks besides the service's own; a parameter of kind `url` grants its host by itself.
    pub hosts: Vec<String>,
    /// Secrets that it needs.
    pub secrets: Vec<String>,
    /// Keys that the service's `payload` must have.
    pub payload: Vec<String>,
    /// Where it gets tokens.
    pub oauth2: Vec<OAuth2>,
    /// Whether OES sends the service's request first; a script with `request = false` makes its own calls.
    pub sends_request: bool,
    /// The status rule as written, `2xx` if absent.
    pub status: Option<String>,
    /// Of a channel: whether a message that was taken can be edited.
    pub edits: bool,
    /// Of a channel: whether the provider groups by itself and so wants a message for each incident.
    pub groups: bool,
}

impl Header {
    /// Returns a parameter: what the config says, else the default.
    pub fn param<'a>(
        &'a self,
        name: &str,
        params: &'a BTreeMap<Arc<str>, Json>,
    ) -> Option<&'a Json> {
        params.get(name).or_else(|| {
            let mut declared = self.params.iter();
            declared
                .find(|param| *param.name == *name)?
                .default
                .as_ref()
        })
    }
}

/// A host that a script asks by name rather than by a parameter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AskedHost {
    /// The URL, at least its origin.
    pub url: Url,
    /// Whether any port of the host will do: a look-up asks none.
    pub any_port: bool,
    /// The line of the script, from 1.
    pub line: usize,
}

/// Where a script gets a token by OAuth 2.0 client credentials.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OAuth2 {
    /// Its name, as in `auth.oauth2("name")`.
    pub name: String,
    /// The URL of the token endpoint.
    pub token_url: Url,
    /// The secret that is the client's name.
    pub client_id: String,
    /// The secret that is the client's password.
    pub client_secret: String,
    /// What is asked for.
    pub scopes: Vec<String>,
}

/// One parameter of a script.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Param {
    /// Its name.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: ParamKind,
    /// The value where the config gives none; absent for a required one.
    pub default: Option<Json>,
    /// What it is for.
    pub help: String,
    /// Where in the script its name stands.
    pub place: Range<usize>,
}

impl Param {
    /// Returns what to do where the config lacks it.
    fn how_to_set(&self) -> String {
        if self.help.is_empty() {
            format!("set `{}` to {}", self.name, self.kind.example())
        } else {
            format!("set `{}`: {}", self.name, self.help)
        }
    }
}

/// The kinds of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParamKind {
    /// Any value.
    Any,
    /// A string.
    String,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A duration: seconds, or `"15m"`.
    Duration,
    /// An `http` or `https` URL, whose host the script may then ask.
    Url,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// What is wrong with one parameter in a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamMistake {
    /// Its name; for a missing one the place is the matcher itself.
    pub name: Arc<str>,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl ParamKind {
    /// The kinds as a header writes them.
    pub const NAMES: [(&'static str, Self); 9] = [
        ("any", Self::Any),
        ("string", Self::String),
        ("number", Self::Number),
        ("integer", Self::Integer),
        ("boolean", Self::Boolean),
        ("duration", Self::Duration),
        ("url", Self::Url),
        ("array", Self::Array),
        ("object", Self::Object),
    ];

    /// Returns the kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, kind)| kind)
    }

    /// Tells whether a value is of this kind.
    pub fn accepts(self, value: &Json) -> bool {
        match self {
            Self::Any => true,
            Self::String => value.kind() == Kind::String,
            Self::Number => value.kind() == Kind::Number,
            Self::Integer => value.as_number().is_some_and(Number::is_whole),
            Self::Boolean => value.kind() == Kind::Boolean,
            Self::Duration => match value {
                Json::Number(number) => number.as_f64() >= 0.0,
                Json::String(text) => api::time::parse_duration(text).is_some(),
                _ => false,
            },
            Self::Url => value
                .as_str()
                .and_then(|text| Url::parse(text).ok())
                .is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()),
            Self::Array => value.kind() == Kind::Array,
            Self::Object => value.kind() == Kind::Object,
        }
    }

    /// Returns an example for a person who wrote something else.
    fn example(self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::String => "text in quotes",
            Self::Number => "a number such as 2.5",
            Self::Integer => "a whole number such as 3",
            Self::Boolean => "true or false",
            Self::Duration => "a duration such as \"15m\", or seconds",
            Self::Url => "a URL such as \"https://api.example.io/price\"",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

impl fmt::Display for ParamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.into_iter().find(|(_, kind)| kind == self);
        f.write_str(name.map_or("any", |(name, _)| name))
    }
}

impl Source {
    /// Compiles a script once to see whether it is one, and reads its header.
    ///
    /// Returns the script with warnings in the order of the text.
    ///
    /// # Errors
    /// Every mistake that keeps it from being used, in the order of the text.
    pub fn compile(
        name: &str,
        file: &str,
        text: &str,
    ) -> Result<(Self, Vec<Mistake>), Vec<Mistake>> {
        Self::compile_within(name, file, text, &Limits::default())
    }

    /// Compiles a script as [`Source::compile`] does, for limits other than the default ones.
    ///
    /// # Errors
    /// Every mistake that keeps it from being used, in the order of the text.
    pub fn compile_within(
        name: &str,
        file: &str,
        text: &str,
        limits: &Limits,
    ) -> Result<(Self, Vec<Mistake>), Vec<Mistake>> {
        if text.len() > limits.source_bytes {
            return Err(vec![Mistake::error(
                Code::ScriptTooLarge,
                0..0,
                format!(
                    "the script has {} bytes, {} are allowed",
                    text.len(),
                    limits.source_bytes
                ),
            )]);
        }
        // Editors put a byte order mark there that no person sees. Places are those of the text with it.
        let (mark, text) = match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) => (BYTE_ORDER_MARK.len_utf8(), rest),
            None => (0, text),
        };
        let mut mistakes = Vec::new();
        let header = header::read(text, &mut mistakes);
        let text: Arc<str> = text.into();
        let findings = examined(&text, limits, &header).unwrap_or_else(|| lint::Examined {
            mistakes: vec![Mistake::error(
                Code::ScriptSyntax,
                0..0,
                "the compiler broke on this script",
            )],
            ..lint::Examined::default()
        });
        mistakes.extend(findings.mistakes);
        mistakes.sort_by_key(|mistake| mistake.span.start);
        for mistake in &mut mistakes {
            mistake.span = mistake.span.start + mark..mistake.span.end + mark;
        }
        if mistakes
            .iter()
            .any(|mistake| mistake.severity == MistakeSeverity::Error)
        {
            return Err(mistakes);
        }
        let digest = Sha256::digest(text.as_bytes());
        let (first, _) = digest.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        let version = format!("{:016x}", u64::from_be_bytes(*first));
        let source = Self {
            name: name.into(),
            file: file.into(),
            text,
            version: version.into(),
            header,
            uses_prev: findings.uses_prev,
            uses_http: findings.uses_http,
            asks: findings.asks,
            returns_value: findings.returns_value,
            functions: findings.functions,
        };
        Ok((source, mistakes))
    }

    /// Tells whether the script defines a function of this name with so many parameters.
    pub fn has_function(&self, name: &str, parameters: usize) -> bool {
        self.functions
            .iter()
            .any(|(known, count)| **known == *name && *count == parameters)
    }

    /// Returns the functions that the script defines, with how many parameters each takes.
    pub fn functions(&self) -> impl Iterator<Item = (&str, usize)> {
        self.functions.iter().map(|(name, count)| (&**name, *count))
    }

    /// Returns what is wrong with these parameters: unknown (with did-you-mean), missing, of the wrong kind.
    ///
    /// A script without any declared parameter takes what it is given.
    pub fn check_params(&self, params: &BTreeMap<Arc<str>, Json>) -> Vec<ParamMistake> {
        let declared = &self.header.params;
        if declared.is_empty() {
            return Vec::new();
        }
        let mut mistakes = Vec::new();
        for (name, value) in params {
            match declared.iter().find(|param| param.name == *name) {
                None => mistakes.push(self.unknown_param(name)),
                Some(param) if !param.kind.accepts(value) => mistakes.push(ParamMistake {
                    name: Arc::clone(name),
                    message: format!(
                        "`{name}` is {}, not {}",
                        value.summary(60),
                        param.kind.example()
                    ),
                    help: (!param.help.is_empty()).then(|| format!("{name}: {}", param.help)),
                }),
                Some(_) => {}
            }
        }
        for param in declared {
            if param.default.is_none() && !params.contains_key(&param.name) {
                mistakes.push(ParamMistake {
                    name: Arc::clone(&param.name),
                    message: format!("`{}` needs the parameter `{}`", self.name, param.name),
                    help: Some(param.how_to_set()),
                });
            }
        }
        mistakes.extend(self.no_set_given(params));
        mistakes
    }

    /// Returns what to say where none of the sets of which the header wants one is given.
    fn no_set_given(&self, params: &BTreeMap<Arc<str>, Json>) -> Option<ParamMistake> {
        let sets = &self.header.one_of;
        let given = |set: &Vec<Arc<str>>| set.iter().all(|name| params.contains_key(name));
        if sets.iter().any(given) {
            return None;
        }
        let quoted = |name: &Arc<str>| format!("`{name}`");
        let words = |set: &Vec<Arc<str>>| set.iter().map(quoted).collect::<Vec<_>>().join(" and ");
        let sets_in_words: Vec<String> = sets.iter().map(words).collect();
        let first = sets.first()?.first()?;
        let mut declared = self.header.params.iter();
        Some(ParamMistake {
            name: Arc::clone(first),
            message: format!("`{}` needs {}", self.name, sets_in_words.join(", or ")),
            help: declared
                .find(|param| param.name == *first)
                .map(Param::how_to_set),
        })
    }

    fn unknown_param(&self, name: &Arc<str>) -> ParamMistake {
        let names: Vec<&str> = self
            .header
            .params
            .iter()
            .map(|param| &*param.name)
            .collect();
        ParamMistake {
            name: Arc::clone(name),
            message: format!("`{}` has no parameter `{name}`", self.name),
            help: Some(match did_you_mean(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has {}", names.join(", ")),
            }),
        }
    }
}

/// One script to look at, on the thread that has the stack for it.
struct Examination {
    text: Arc<str>,
    limits: Limits,
    header: Header,
    answer: Sender<lint::Examined>,
}

/// Compiles and lints on a thread with a large stack; absent if that broke.
fn examined(text: &Arc<str>, limits: &Limits, header: &Header) -> Option<lint::Examined> {
    static COMPILER: OnceLock<Option<Sender<Examination>>> = OnceLock::new();
    let (answer, answered) = crossbeam_channel::bounded(1);
    let examination = Examination {
        text: Arc::clone(text),
        limits: limits.clone(),
        header: header.clone(),
        answer,
    };
    let compiler = COMPILER.get_or_init(start_compiler).as_ref()?;
    compiler.send(examination).ok()?;
    answered.recv().ok()
}

fn start_compiler() -> Option<Sender<Examination>> {
    engine::quiet_panics();
    let (sender, work) = crossbeam_channel::bounded::<Examination>(16);
    std::thread::Builder::new()
        .name(format!("{}-compile", engine::THREAD_NAME))
        .stack_size(engine::stack_bytes(0))
        .spawn(move || {
            let mut engine = engine::build();
            let lint = lint::Lint::of(&engine);
            for job in work {
                engine::limit(&mut engine, &job.limits);
                let examine = || match engine::compile(&engine, &job.text, COMPILE_TIME) {
                    Ok(ast) => lint.examine(&ast, &job.text, &job.header),
                    Err(error) => lint::syntax(&error, &job.text),
                };
                // A dropped answer is the failure; the next script gets the same engine, which holds no run's state.
                if let Ok(found) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(examine)) {
                    drop(job.answer.send(found));
                }
            }
        })
        .ok()?;
    Some(sender)
}
