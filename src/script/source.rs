//! A script as text: its name, its header, what lies beside it, and whether it compiles.

mod beside;
mod compiler;
mod declared;
mod libraries;
mod params;
mod spot;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::api::schemas;
use super::limits::Limits;
use super::{header, lint};
use crate::model::code::Code;
use crate::model::json::Json;
use crate::model::service::Grants;
use crate::model::span::{Mistake, MistakeSeverity};
use beside::Alone;
pub use beside::{Beside, Found, Missing};
pub use declared::{Header, OAuth2};
pub use params::{Param, ParamKind, ParamMistake};

/// Schemas of one script.
const SCHEMAS_MAX: usize = 16;
const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A script that OES runs.
    Script,
    /// Functions that scripts use.
    Library,
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
