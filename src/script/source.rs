//! A script as text: its name, its header, what lies beside it, and whether it compiles.

mod beside;
mod compiler;
mod params;
mod spot;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::api::schemas;
use super::limits::Limits;
use super::value::cut;
use super::{header, lint};
use crate::model::code::Code;
use crate::model::json::Json;
use crate::model::service::Grants;
use crate::model::span::{Mistake, MistakeSeverity};
use beside::Alone;
pub use beside::{Beside, Found, Missing};
pub use params::{Param, ParamKind, ParamMistake};

/// Libraries of one script, with those that they use: each is compiled with it.
const LIBRARIES_MAX: usize = 16;
/// Schemas of one script.
const SCHEMAS_MAX: usize = 16;
/// Lines of a script with its libraries: the interpreter counts no further.
const LINES_MAX: usize = 60_000;
const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A script that OES runs.
    Script,
    /// Functions that scripts use.
    Library,
}

/// Tells what is wrong with the name of a library, which must be a word of the language.
fn library_name(name: &str) -> Result<(), Missing> {
    let is_word = name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if is_word && name != "global" {
        return Ok(());
    }
    Err(Missing {
        code: Code::UnknownLibrary,
        message: format!("`{}` is no name of a library", cut(name, 60)),
        help: Some(
            "write the name of its file without `.rhai`; letters, digits and `_`".to_owned(),
        ),
    })
}

/// A script that compiles.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what is learned by reading a script are facts that do not depend on each other"
)]
pub struct Source {
    /// Name: the file's stem, `price_chart_matcher`.
    pub name: Arc<str>,
    /// The file as a person would name it; of a shipped script `scripts/matchers/NAME.rhai`.
    pub file: Arc<str>,
    /// The source text.
    pub text: Arc<str>,
    /// First 16 hexadecimal digits of the SHA-256 of the text and of what it uses.
    pub version: Arc<str>,
    /// What it says of itself.
    pub header: Header,
    /// Whether it reads `prev`, so that the last exchange must be kept for it.
    pub uses_prev: bool,
    /// Whether it makes requests, so that it runs where waiting holds up no other script.
    pub uses_http: bool,
    /// The hosts that it asks by name, its libraries included.
    pub asks: Vec<AskedHost>,
    /// Whether it reads parameters, its libraries included.
    pub reads_params: bool,
    /// Whether it ends with an expression, whose value then counts; a `;` at the end means that it does not.
    pub returns_value: bool,
    /// The functions that it defines, with how many parameters they take.
    pub functions: Vec<(Arc<str>, usize)>,
    /// The functions that only a library itself can call.
    pub hidden: Vec<Arc<str>>,
    /// The spaces of shared memory that it uses.
    pub spaces: BTreeSet<Arc<str>>,
    /// The JSON schemas that it names, by their files.
    pub schemas: BTreeMap<Arc<str>, Json>,
    /// The libraries that it uses, and those that they use; each after those that it uses itself.
    #[serde(serialize_with = "without_theirs")]
    pub libraries: Vec<Arc<Source>>,
}

/// Writes libraries without those that they use, which are beside them: within each they would be there again and again.
fn without_theirs<S: Serializer>(
    libraries: &[Arc<Source>],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(libraries.iter().map(|library| Source {
        libraries: Vec::new(),
        ..Source::clone(library)
    }))
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
    /// Libraries that it uses by their names: `prices::middle(…)`.
    pub uses: Vec<Arc<str>>,
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
    /// The file that asks it: the script's own, or that of a library.
    pub file: Arc<str>,
    /// The line there, from 1.
    pub line: usize,
}

impl AskedHost {
    /// Returns the host as a config grants it: `host` or `host:port`.
    pub fn host(&self) -> String {
        let name = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) if !self.any_port => format!("{name}:{port}"),
            _ => name.to_owned(),
        }
    }

    /// Tells whether a service with this URL, which may ask these hosts as well, may ask it.
    pub fn is_granted(&self, own: Option<&Url>, hosts: &[String]) -> bool {
        let is_own = own.is_some_and(|own| {
            own.origin() == self.url.origin() || (self.any_port && own.host() == self.url.host())
        });
        is_own || Grants::cover(hosts, &self.url, self.any_port)
    }
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
        let limits = Limits::default();
        Self::compile_beside(Part::Script, (name, file), text, &limits, &mut Alone)
    }

    /// Compiles another text of this script, with the libraries that it had.
    ///
    /// # Errors
    /// Every mistake that keeps it from being used, in the order of the text.
    pub fn changed(&self, text: &str) -> Result<(Self, Vec<Mistake>), Vec<Mistake>> {
        let named = (&*self.name, &*self.file);
        let limits = Limits::default();
        Self::compile_beside(Part::Script, named, text, &limits, &mut Found(&[self]))
    }

    /// Compiles a script or a library of this name and in this file as [`Source::compile`] does, for limits other than
    /// the default ones and with what lies beside it.
    ///
    /// # Errors
    /// Every mistake that keeps it from being used, in the order of the text.
    pub fn compile_beside(
        part: Part,
        (name, file): (&str, &str),
        text: &str,
        limits: &Limits,
        beside: &mut dyn Beside,
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
        let (header, uses) = header::read(text, part, &mut mistakes);
        let mut source = Self {
            name: name.into(),
            file: file.into(),
            text: text.into(),
            header,
            ..Self::default()
        };
        source.find_libraries(uses, beside, &mut mistakes);
        let found = source.examine(part, limits);
        mistakes.extend(found.mistakes);
        source.find_schemas(found.schemas, beside, &mut mistakes);
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
        source.version = source.digest().into();
        Ok((source, mistakes))
    }

    /// Returns the script without the hosts that it lets itself ask, by its header and by parameters of kind `url`: what
    /// the config grants is left.
    #[must_use]
    pub fn granting_nothing(mut self) -> Self {
        self.header.hosts.clear();
        let urls = self.header.params.iter_mut();
        for param in urls.filter(|param| param.kind == ParamKind::Url) {
            param.kind = ParamKind::String;
        }
        self
    }

    /// Takes in the libraries that the header names; those that are not there are reported.
    fn find_libraries(
        &mut self,
        uses: Vec<header::Named>,
        beside: &mut dyn Beside,
        mistakes: &mut Vec<Mistake>,
    ) {
        for (name, span) in uses {
            let found = library_name(&name).and_then(|()| beside.library(&name));
            let added = found.and_then(|library| {
                let mut all = library.libraries.iter().chain([&library]);
                all.try_for_each(|library| self.add(library))
            });
            if let Err(missing) = added {
                mistakes.push(missing.at(span));
            }
        }
    }

    fn add(&mut self, library: &Arc<Self>) -> Result<(), Missing> {
        let refuse = |message, help: &str| {
            Err(Missing {
                code: Code::Library,
                message,
                help: Some(help.to_owned()),
            })
        };
        let mut others = self.libraries.iter();
        if let Some(known) = others.clone().find(|known| known.name == library.name) {
            if known.file == library.file {
                return Ok(());
            }
            let (name, file, other) = (&library.name, &known.file, &library.file);
            let message = format!("two libraries are called `{name}`: {file} and {other}");
            return refuse(message, "give one of them another name");
        }
        let twice = others.find_map(|other| Some((other, library.defines_as(other)?)));
        if let Some((other, function)) = twice {
            let message = format!(
                "the libraries `{}` and `{}` both have a function `{function}`",
                other.name, library.name
            );
            return refuse(message, "give one of the two functions another name");
        }
        self.libraries.push(Arc::clone(library));
        let lines: usize = self
            .parts()
            .map(|(_, part)| part.text.split('\n').count())
            .sum();
        if self.libraries.len() > LIBRARIES_MAX || lines > LINES_MAX {
            let message = "these are too many libraries".to_owned();
            return refuse(
                message,
                &format!(
                    "a script uses {LIBRARIES_MAX} at most, of {LINES_MAX} lines together with its own"
                ),
            );
        }
        Ok(())
    }

    /// Returns a function that another script or library defines as well.
    fn defines_as(&self, other: &Self) -> Option<&Arc<str>> {
        self.defined()
            .find(|function| other.defined().any(|known| known == *function))
    }

    /// Returns the names of the functions that it defines.
    pub(super) fn defined(&self) -> impl Iterator<Item = &Arc<str>> {
        self.functions
            .iter()
            .map(|(name, _)| name)
            .chain(&self.hidden)
    }

    /// Compiles and lints, and keeps what is learned of the script but for what is wrong with it.
    fn examine(&mut self, part: Part, limits: &Limits) -> lint::Examined {
        let mut found =
            compiler::examined(Arc::new(self.clone()), part, limits).unwrap_or_else(|| {
                lint::Examined::refused(Mistake::error(
                    Code::ScriptSyntax,
                    0..0,
                    "the compiler broke on this script",
                ))
            });
        let any = |what: fn(&Self) -> bool| self.libraries.iter().any(|library| what(library));
        self.uses_prev = found.uses_prev || any(|library| library.uses_prev);
        self.uses_http = found.uses_http || any(|library| library.uses_http);
        self.reads_params = found.reads_params || any(|library| library.reads_params);
        let of_libraries = self.libraries.iter().flat_map(|library| &library.asks);
        let own = std::mem::take(&mut found.asks).into_iter();
        self.asks = own.chain(of_libraries.cloned()).collect();
        let of_libraries = self.libraries.iter().flat_map(|library| &library.spaces);
        self.spaces = found.spaces.iter().chain(of_libraries).cloned().collect();
        self.returns_value = found.returns_value;
        self.functions = std::mem::take(&mut found.functions);
        self.hidden = std::mem::take(&mut found.hidden);
        found
    }

    /// Takes in the schemas that the script names; what is wrong with them goes to `mistakes`.
    fn find_schemas(
        &mut self,
        files: Vec<header::Named>,
        beside: &mut dyn Beside,
        mistakes: &mut Vec<Mistake>,
    ) {
        for (name, span) in files {
            if self.schemas.contains_key(&name) {
                continue;
            }
            let found = if self.schemas.len() < SCHEMAS_MAX {
                beside.json(&name)
            } else {
                Err(Missing {
                    code: Code::SchemaFile,
                    message: format!("a script names at most {SCHEMAS_MAX} schemas"),
                    help: None,
                })
            };
            let schema = found.and_then(|schema| match schemas::check(&schema) {
                Ok(()) => Ok(schema),
                Err(why) => Err(Missing {
                    code: Code::SchemaFile,
                    message: format!("{name} is no JSON schema: {why}"),
                    help: None,
                }),
            });
            match schema {
                Ok(schema) => drop(self.schemas.insert(name, schema)),
                Err(missing) => mistakes.push(missing.at(span)),
            }
        }
    }

    /// Returns what tells this version of the script from others.
    fn digest(&self) -> String {
        let mut hash = Sha256::new_with_prefix(self.text.as_bytes());
        let mut add = |name: &str, what: &str| {
            hash.update([0]);
            hash.update(name);
            hash.update([0]);
            hash.update(what);
        };
        for library in &self.libraries {
            add(&library.name, &library.version);
        }
        for (file, schema) in &self.schemas {
            add(file, &schema.to_string());
        }
        let digest = hash.finalize();
        let (first, _) = digest.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        format!("{:016x}", u64::from_be_bytes(*first))
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
}
