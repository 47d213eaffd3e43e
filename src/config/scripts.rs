//! Finds scripts by name: beside the config, on the search path, among the shipped ones.

mod beside;
mod lacking;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::config::loader::{Found, Loader};
use crate::config::read;
use crate::config::report::FileReport;
use crate::config::values::{self, shorten};
use crate::model::code::Code;
use crate::model::span::Mistake;
use crate::script::shipped::{self, Shipped};
use crate::script::source::{Missing, Part, Source};
use beside::Shelf;
use lacking::{called_in_channels, lacking};

/// The largest script; the sandbox has its own, smaller limit.
const SCRIPT_BYTES_MAX: u64 = 1 << 20;

/// What scripts are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Judges a response.
    Matcher,
    /// Brings a message to people.
    Channel,
    /// It is there for other scripts.
    Library,
}

/// Why a new script cannot have a name.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NameError {
    /// No config could name it.
    #[error(
        "`{0}` is no name for a script: letters, digits, `_`, `-` and `.`, at most 100 of them, and no `.` first"
    )]
    Form(String),
    /// The file's ending is no part of the name.
    #[error("a script is named without its ending: `{0}`")]
    Ending(String),
    /// There is one of this name.
    #[error("`{name}` means the {what} `{known}` that comes with OES: choose another name")]
    Taken {
        /// The name that was asked for.
        name: String,
        /// The name of the one that there is.
        known: &'static str,
        /// What it is.
        what: &'static str,
    },
}

impl Role {
    /// The folder they live in, in a folder `scripts` beside the config.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Matcher => "matchers",
            Self::Channel => "channels",
            Self::Library => "lib",
        }
    }

    fn shipped(self) -> &'static [Shipped] {
        match self {
            Self::Matcher => shipped::MATCHERS,
            Self::Channel => shipped::CHANNELS,
            Self::Library => &[],
        }
    }

    /// Names that need no script.
    fn built_in(self) -> &'static [&'static str] {
        match self {
            Self::Matcher => &["status_code", "types", "exact", "non_empty"],
            Self::Channel => &["console", "email"],
            Self::Library => &[],
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Matcher => "matcher",
            Self::Channel => "kind of channel",
            Self::Library => "library",
        }
    }

    fn part(self) -> Part {
        match self {
            Self::Matcher | Self::Channel => Part::Script,
            Self::Library => Part::Library,
        }
    }
}

/// Returns the script of this name. Where there is none, it does not compile, or OES cannot call it, that is reported: an
/// unknown name and a function that it lacks at `span`, the rest in the script's own text.
pub(super) fn find(
    loader: &mut Loader<'_>,
    role: Role,
    name: &str,
    span: &Range<usize>,
) -> Option<Arc<Source>> {
    match found(loader, role, name, span) {
        Found::Script(source) => {
            let lacking = lacking(role, &source, span);
            let is_whole = lacking.is_empty();
            for mistake in lacking {
                loader.report(mistake);
            }
            is_whole.then_some(source)
        }
        Found::Broken => None,
        Found::Nowhere(known) => {
            loader.report(nowhere(role, name, &known).at(span.clone()));
            None
        }
    }
}

/// Looks for a script once.
fn found(loader: &mut Loader<'_>, role: Role, name: &str, span: &Range<usize>) -> Found {
    let key = (role.folder(), name.to_owned());
    if let Some(found) = loader.scripts.get(&key) {
        return found.clone();
    }
    let found = look(loader, role, name, span);
    loader.scripts.insert(key, found.clone());
    found
}

fn nowhere(role: Role, name: &str, known: &[String]) -> Missing {
    let message = format!("there is no {} `{}`", role.what(), shorten(name));
    let near = values::near(name, known.iter().map(String::as_str))
        .map_or(String::new(), |near| format!("did you mean `{near}`? "));
    let known = match known {
        [] => String::new(),
        known => format!("known: {}; ", known.join(", ")),
    };
    let file = if plain_name(name) { name } else { "NAME" };
    let folder = role.folder();
    let yours = match role {
        Role::Library => format!(
            "a library is a file {file}.rhai in scripts/{folder} beside the config, or in a folder {folder} beside the script"
        ),
        Role::Matcher | Role::Channel => {
            format!("your own is a file {file}.rhai beside the config or in scripts/{folder}")
        }
    };
    let code = match role {
        Role::Library => Code::UnknownLibrary,
        Role::Matcher | Role::Channel => Code::UnknownName,
    };
    Missing {
        code,
        message,
        help: Some(format!("{near}{known}{yours}")),
    }
}

/// Says whether a new script can have this name: one by which a config finds it, and that is nobody else's.
///
/// # Errors
/// Why not.
pub fn check_new_name(role: Role, name: &str) -> Result<(), NameError> {
    if let Some(stem) = name.strip_suffix(".rhai") {
        return Err(NameError::Ending(shorten(stem)));
    }
    if !plain_name(name) {
        return Err(NameError::Form(shorten(name)));
    }
    let mut built_in = role.built_in().iter().copied();
    let shipped = shipped::find(role.shipped(), name).map(|script| script.name);
    match built_in.find(|known| *known == name).or(shipped) {
        Some(known) => Err(NameError::Taken {
            name: name.to_owned(),
            known,
            what: role.what(),
        }),
        None => Ok(()),
    }
}

/// A name that does not end in `.rhai` is a file's stem, never a path.
fn plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && !name.starts_with('.')
        && name
            .chars()
            .all(|character| character.is_alphanumeric() || matches!(character, '_' | '-' | '.'))
}

/// Returns the file that a name ending in `.rhai` is the path of, from the folder of the config. It may lead anywhere:
/// whoever writes the config is trusted as whoever runs OES is. A script is then called by the stem of its file.
fn path_of(loader: &Loader<'_>, name: &str) -> Option<PathBuf> {
    let stem = name.strip_suffix(".rhai")?;
    let named = !stem.is_empty() && !stem.ends_with(['/', '\\']);
    named.then(|| loader.folder.join(name))
}

/// Returns the folders to look in, in order.
fn folders(loader: &Loader<'_>, role: Role) -> Vec<PathBuf> {
    let own = [
        loader.folder.clone(),
        loader.folder.join(role.folder()),
        loader.folder.join("scripts").join(role.folder()),
    ];
    let path = loader
        .script_path
        .iter()
        .flat_map(|folder| [folder.clone(), folder.join(role.folder())]);
    own.into_iter().chain(path).collect()
}

fn look(loader: &mut Loader<'_>, role: Role, name: &str, span: &Range<usize>) -> Found {
    if let Some(path) = path_of(loader, name) {
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or(name)
            .to_owned();
        return own(loader, role, &stem, &path, span);
    }
    if plain_name(name) {
        for folder in folders(loader, role) {
            let path = folder.join(format!("{name}.rhai"));
            if path.is_file() {
                return own(loader, role, name, &path, span);
            }
        }
        if let Some(shipped) = shipped::find(role.shipped(), name) {
            let read = Read {
                name: shipped.name,
                file: shipped.file,
                text: shipped.text,
                folder: None,
            };
            return compile(loader, role, &read, span);
        }
    }
    Found::Nowhere(known(loader, role).into())
}

fn own(loader: &mut Loader<'_>, role: Role, name: &str, path: &Path, span: &Range<usize>) -> Found {
    let shown = path.display().to_string();
    loader.files.insert(path.to_path_buf());
    let text = match read::bytes(path, SCRIPT_BYTES_MAX) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| "this script is not UTF-8".to_owned()),
        Err(problem) => Err(problem),
    };
    match text {
        Ok(text) => {
            let read = Read {
                name,
                file: &shown,
                text: &text,
                folder: path.parent(),
            };
            compile(loader, role, &read, span)
        }
        Err(problem) => {
            loader.report(Mistake::error(
                Code::File,
                span.clone(),
                format!("{shown}: {problem}"),
            ));
            Found::Broken
        }
    }
}

/// What was read.
struct Read<'a> {
    name: &'a str,
    file: &'a str,
    text: &'a str,
    /// Where its file lies; absent for one that is part of OES.
    folder: Option<&'a Path>,
}

fn compile(loader: &mut Loader<'_>, role: Role, read: &Read<'_>, span: &Range<usize>) -> Found {
    let (file, text, limits) = (read.file, read.text, loader.limits.clone());
    let mut shelf = Shelf {
        loader,
        span,
        folder: read.folder,
    };
    match Source::compile_beside(role.part(), (read.name, file), text, &limits, &mut shelf) {
        Ok((source, mut warnings)) => {
            // A channel checks nothing; which functions it lacks is said where it is named.
            warnings.retain(|warning| role == Role::Matcher || warning.code != Code::ChecksNothing);
            if !warnings.is_empty() {
                loader
                    .script_reports
                    .push(FileReport::new(file, text, warnings));
            }
            Found::Script(Arc::new(source))
        }
        Err(mistakes) if mistakes.is_empty() => {
            loader.report(Mistake::error(
                Code::File,
                span.clone(),
                format!("the script {file} does not compile"),
            ));
            Found::Broken
        }
        Err(mut mistakes) => {
            if role == Role::Channel {
                let empty = mistakes
                    .iter_mut()
                    .filter(|mistake| mistake.code == Code::ChecksNothing);
                empty.for_each(|mistake| mistake.help = Some(called_in_channels()));
            }
            loader
                .script_reports
                .push(FileReport::new(file, text, mistakes));
            Found::Broken
        }
    }
}

/// Returns every name that would have been right, in order.
fn known(loader: &Loader<'_>, role: Role) -> Vec<String> {
    let mut names: Vec<String> = role
        .built_in()
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    names.extend(role.shipped().iter().map(|script| script.name.to_owned()));
    names.extend(names_in(&folders(loader, role)));
    without_repeats(names)
}

/// Returns the names of the scripts in some folders.
fn names_in(folders: &[PathBuf]) -> Vec<String> {
    let mut names = Vec::new();
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        // A folder can hold anything; a few hundred names are enough for a hint.
        let mut found: Vec<String> = entries
            .filter_map(Result::ok)
            .take(500)
            .map(|entry| entry.path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "rhai")
            })
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect();
        found.sort();
        names.extend(found);
    }
    names
}

fn without_repeats(mut names: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}
