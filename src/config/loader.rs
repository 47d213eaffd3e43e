//! What every part of loading needs: the text, the environment, the mistakes so far, and what was read already.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Environment;
use crate::config::matchers::Compiled;
use crate::config::read;
use crate::config::report::FileReport;
use crate::config::tree::Node;
use crate::model::code::Code;
use crate::model::secret::Secret;
use crate::model::service::Transport;
use crate::model::span::{Mistake, MistakeSeverity};
use crate::script::limits::Limits;
use crate::script::source::Source;

/// How many errors, and how many warnings, are kept; a file with more is not a config that someone wrote.
const MISTAKES_MAX: usize = 1000;
/// The largest file that holds a secret.
const SECRET_BYTES_MAX: u64 = 64 << 10;
/// The largest file of certificates.
const PEM_BYTES_MAX: u64 = 1 << 20;

/// The state of one load. Every file is read once, however often the config names it.
pub(super) struct Loader<'a> {
    /// The text of the config.
    pub(super) text: &'a str,
    /// Its folder, which paths in it start from.
    pub(super) folder: PathBuf,
    pub(super) environment: &'a dyn Environment,
    /// Folders to look for scripts besides the config's own.
    pub(super) script_path: Vec<PathBuf>,
    /// What scripts are compiled with.
    pub(super) limits: Limits,
    /// Every file that was read.
    pub(super) files: BTreeSet<PathBuf>,
    /// What is wrong with scripts.
    pub(super) script_reports: Vec<FileReport>,
    /// Scripts by folder (`matchers`, `channels`, `lib`) and name, libraries by path; absent ones were reported where they are named.
    pub(super) scripts: HashMap<(&'static str, String), Found>,
    /// Libraries that are being read, each used by the one before.
    pub(super) libraries_underway: Vec<PathBuf>,
    /// Compiled matchers, by all that tells one spec from another.
    pub(super) matchers: HashMap<Arc<str>, Compiled>,
    /// What a person should know besides mistakes.
    pub(super) notes: Vec<String>,
    transports: HashSet<Arc<Transport>>,
    /// Texts with secrets that were expanded since [`Loader::take_secrets`].
    secrets: Vec<Secret>,
    mistakes: Vec<Mistake>,
    errors: usize,
    warnings: usize,
    seen: HashSet<(usize, usize, String)>,
    contents: BTreeMap<PathBuf, Result<Arc<[u8]>, String>>,
}

/// What looking for a script gave.
#[derive(Clone)]
pub(super) enum Found {
    /// It is there and compiles.
    Script(Arc<Source>),
    /// It is there and was reported.
    Broken,
    /// It is nowhere; names that would have been right.
    Nowhere(Arc<[String]>),
}

/// What a text is, as far as secrets go.
pub(super) enum Expanded {
    Text(Secret),
    /// It was reported.
    Broken,
}

impl<'a> Loader<'a> {
    pub(super) fn new(text: &'a str, folder: &Path, environment: &'a dyn Environment) -> Self {
        Self {
            text,
            folder: folder.to_path_buf(),
            environment,
            script_path: Vec::new(),
            limits: Limits::default(),
            files: BTreeSet::new(),
            script_reports: Vec::new(),
            scripts: HashMap::new(),
            libraries_underway: Vec::new(),
            matchers: HashMap::new(),
            notes: Vec::new(),
            transports: HashSet::new(),
            secrets: Vec::new(),
            mistakes: Vec::new(),
            errors: 0,
            warnings: 0,
            seen: HashSet::new(),
            contents: BTreeMap::new(),
        }
    }

    /// Returns the one that all services share which say the same.
    pub(super) fn shared_transport(&mut self, transport: Transport) -> Arc<Transport> {
        if let Some(known) = self.transports.get(&transport) {
            return Arc::clone(known);
        }
        let transport = Arc::new(transport);
        self.transports.insert(Arc::clone(&transport));
        transport
    }

    /// Reports a mistake once: what `defaults` says is read again for every service.
    pub(super) fn report(&mut self, mistake: Mistake) {
        let key = (
            mistake.span.start,
            mistake.span.end,
            mistake.message.clone(),
        );
        if !self.seen.insert(key) {
            return;
        }
        let kept = match mistake.severity {
            MistakeSeverity::Error => &mut self.errors,
            MistakeSeverity::Warning => &mut self.warnings,
        };
        *kept += 1;
        if *kept <= MISTAKES_MAX {
            self.mistakes.push(mistake);
        }
    }

    /// Tells whether the config cannot be used, scripts aside.
    pub(super) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Returns how many errors and how many warnings were too many to keep.
    pub(super) fn dropped(&self) -> (usize, usize) {
        let over = |count: usize| count.saturating_sub(MISTAKES_MAX);
        (over(self.errors), over(self.warnings))
    }

    /// Returns the mistakes and starts anew.
    pub(super) fn take_mistakes(&mut self) -> Vec<Mistake> {
        std::mem::take(&mut self.mistakes)
    }

    /// Returns a path of the config as it is from here.
    pub(super) fn path(&self, written: &str) -> PathBuf {
        self.folder.join(written)
    }

    /// Returns the bytes of a file that the config names, read once.
    pub(super) fn file(&mut self, path: PathBuf, bytes_max: u64) -> Result<Arc<[u8]>, String> {
        if let Some(known) = self.contents.get(&path) {
            return known.clone();
        }
        self.files.insert(path.clone());
        let bytes = read::bytes(&path, bytes_max).map(Arc::from);
        self.contents.insert(path, bytes.clone());
        bytes
    }

    /// Returns the PEM file that `node` names.
    pub(super) fn pem(&mut self, node: &Node) -> Option<Arc<[u8]>> {
        let written = Arc::clone(node.text()?);
        let path = self.path(&written);
        let shown = path.display().to_string();
        match self.file(path, PEM_BYTES_MAX) {
            Ok(bytes) if bytes.windows(11).any(|part| part == b"-----BEGIN ") => Some(bytes),
            Ok(_) => {
                let message = format!("{shown}: this is no PEM file");
                let help = "a PEM file has lines such as -----BEGIN CERTIFICATE-----";
                self.report(Mistake::error(Code::File, node.span.clone(), message).help(help));
                None
            }
            Err(problem) => {
                let message = format!("{shown}: {problem}");
                let help = "paths start at the folder of the config";
                self.report(Mistake::error(Code::File, node.span.clone(), message).help(help));
                None
            }
        }
    }

    /// Returns the text of a string with its secrets; absent if it is no string or a secret is missing, which is
    /// reported then.
    pub(super) fn secret(&mut self, node: &Node) -> Option<Secret> {
        match self.expand(node.text()?, &node.span) {
            Expanded::Text(secret) => Some(secret),
            Expanded::Broken => None,
        }
    }

    /// Returns the texts with secrets that were read since this was last asked.
    pub(super) fn take_secrets(&mut self) -> Vec<Secret> {
        std::mem::take(&mut self.secrets)
    }

    /// Replaces `${env:NAME}` and `${file:path}` by what they stand for, and `$${` by `${`.
    pub(super) fn expand(&mut self, text: &Arc<str>, span: &Range<usize>) -> Expanded {
        if !text.contains("${") {
            return Expanded::Text(Secret::plain(Arc::clone(text)));
        }
        let mut value = String::new();
        let mut shown = String::new();
        let mut secret = false;
        let mut broken = false;
        let mut rest = &**text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                value.push_str(before);
                value.push_str("${");
                shown.push_str(before);
                shown.push_str("${");
                rest = after;
                continue;
            }
            value.push_str(before);
            shown.push_str(before);
            let (marker, tail) = after.split_once('}').unwrap_or((after, ""));
            rest = tail;
            let closed = after.contains('}');
            match self.resolve(marker, closed) {
                Ok(found) => {
                    value.push_str(&found);
                    shown.push_str("***");
                    secret = true;
                }
                Err(problem) => {
                    let at = self.within(span, &format!("${{{marker}"));
                    self.report(Mistake::error(Code::Secret, at, problem.0).help(problem.1));
                    broken = true;
                }
            }
        }
        value.push_str(rest);
        shown.push_str(rest);
        match (broken, secret) {
            (true, _) => Expanded::Broken,
            (false, true) => {
                let secret = Secret::partly(value, shown);
                self.secrets.push(secret.clone());
                Expanded::Text(secret)
            }
            (false, false) => Expanded::Text(Secret::plain(value)),
        }
    }

    /// Returns the place of `part` within `span`, or `span` if it is written otherwise there.
    fn within(&self, span: &Range<usize>, part: &str) -> Range<usize> {
        let found = self.text.get(span.clone()).and_then(|text| text.find(part));
        found.map_or_else(
            || span.clone(),
            |at| {
                let start = span.start + at;
                start..(start + part.len() + 1).min(span.end)
            },
        )
    }

    /// Returns what a marker stands for, or message and help. Neither holds the value.
    fn resolve(&mut self, marker: &str, closed: bool) -> Result<String, (String, String)> {
        if !closed {
            return Err((
                "`${` is never closed".to_owned(),
                "write `${env:NAME}`, or `$${` for the two characters themselves".to_owned(),
            ));
        }
        let found = match marker.split_once(':') {
            Some(("env", name)) if !name.is_empty() => self.variable(name),
            Some(("file", path)) if !path.is_empty() => self.secret_file(path),
            _ => {
                return Err((
                    format!("`${{{marker}}}` is no secret that OES knows"),
                    "write `${env:NAME}` or `${file:path}`, or `$${` for the two characters themselves"
                        .to_owned(),
                ));
            }
        };
        found.or_else(|problem| self.environment.stand_in(marker).ok_or(problem))
    }

    fn variable(&self, name: &str) -> Result<String, (String, String)> {
        match self.environment.var(name) {
            Some(value) if value.is_empty() => Err((
                format!("the environment variable {name} is set but empty"),
                "give it a value".to_owned(),
            )),
            Some(value) => Ok(value),
            None => Err((
                format!("the environment variable {name} is not set"),
                format!(
                    "set it where OES starts: {name}=… oes run …, or EnvironmentFile= of the systemd unit"
                ),
            )),
        }
    }

    fn secret_file(&mut self, written: &str) -> Result<String, (String, String)> {
        let path = self.path(written);
        let shown = path.display().to_string();
        let help = || {
            "paths start at the folder of the config; the file holds the secret and nothing else"
                .to_owned()
        };
        let bytes = self
            .file(path, SECRET_BYTES_MAX)
            .map_err(|problem| (format!("the secret file {shown}: {problem}"), help()))?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| (format!("the secret file {shown} is not UTF-8"), help()))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err((format!("the secret file {shown} is empty"), help()));
        }
        Ok(text.to_owned())
    }
}
