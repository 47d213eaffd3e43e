//! Writes a script to begin with, and what proves it.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;
use thiserror::Error;

use super::Exit;
use super::new_file::{self, WriteError};
use super::output::{self, Schema};
use crate::config::{self, NameError, Role};
use crate::model::shell;

/// Name of the JSON that this command prints.
const SCHEMA: &str = "oes.new/1";

/// Write a new script to begin with, and tests that it passes
///
/// Nothing that is there is overwritten: if one of the files exists none is written.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What the script does
    #[arg(value_enum)]
    kind: Kind,

    /// What it is called, without `.rhai`
    name: String,

    /// The folder of the files; made if it is not there [default: where a config in this folder finds it, `scripts/matchers`
    /// or `scripts/channels`]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Print one JSON object (`oes.new/1`)
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Judges a response: a script, its tests, and a response for them
    Matcher,
    /// Brings messages to people: a script and its tests
    Channel,
}

impl Kind {
    fn role(self) -> Role {
        match self {
            Self::Matcher => Role::Matcher,
            Self::Channel => Role::Channel,
        }
    }

    fn templates(self) -> &'static [Template] {
        match self {
            Self::Matcher => MATCHER,
            Self::Channel => CHANNEL,
        }
    }
}

/// A file to write: how its name ends, and its text, in which `NAME` is the script's name.
type Template = (&'static str, &'static str);

const MATCHER: &[Template] = &[
    (".rhai", include_str!("new/matcher.rhai")),
    (".test.toml", include_str!("new/matcher.test.toml")),
    (".json", include_str!("new/matcher.json")),
];
const CHANNEL: &[Template] = &[
    (".rhai", include_str!("new/channel.rhai")),
    (".test.toml", include_str!("new/channel.test.toml")),
];

/// Why no script was written.
#[derive(Debug, Error)]
enum NewError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("{} is there already; nothing was written", .0.display())]
    Exists(PathBuf),
    #[error(transparent)]
    Write(#[from] WriteError),
}

#[derive(Serialize)]
struct Written<'a> {
    schema: &'static str,
    exit: u8,
    name: &'a str,
    files: &'a [PathBuf],
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let schema: Schema = arguments.json.then_some(SCHEMA);
    let standard = Path::new("scripts").join(arguments.kind.role().folder());
    let folder = arguments.dir.as_deref().unwrap_or(&standard);
    let files = match write_all(arguments, folder) {
        Ok(files) => files,
        Err(error) => return output::refuse(schema, &error),
    };
    if arguments.json {
        output::json(&Written {
            schema: SCHEMA,
            exit: Exit::Pass as u8,
            name: &arguments.name,
            files: &files,
        });
    } else {
        tell(arguments, folder, &files);
    }
    Exit::Pass
}

/// Writes all files, or none if one of them is there.
fn write_all(arguments: &Arguments, folder: &Path) -> Result<Vec<PathBuf>, NewError> {
    let Arguments { kind, name, .. } = arguments;
    config::check_new_name(kind.role(), name)?;
    let path = |ending: &str| folder.join(format!("{name}{ending}"));
    let templates = kind.templates();
    let mut paths = templates.iter().map(|(ending, _)| path(ending));
    // A link that leads nowhere is there as well.
    if let Some(path) = paths.find(|path| path.symlink_metadata().is_ok()) {
        return Err(NewError::Exists(path));
    }
    let write = |(ending, text): &Template| {
        let path = path(ending);
        if new_file::write(&path, &text.replace("NAME", name))? {
            Ok(path)
        } else {
            Err(NewError::Exists(path))
        }
    };
    templates.iter().map(write).collect()
}

/// Says what was written and what to do next.
fn tell(arguments: &Arguments, folder: &Path, files: &[PathBuf]) {
    for path in files {
        output::note(format_args!("wrote {}", path.display()));
    }
    let name = arguments.name.as_str();
    let file = |ending| shell::quoted(&shown(folder, name, ending));
    // A config finds a script elsewhere by its path.
    let used = match arguments.dir {
        None => name.to_owned(),
        Some(_) => shown(folder, name, ".rhai"),
    };
    let used = serde_json::Value::from(used);
    match arguments.kind {
        Kind::Matcher => output::note(format_args!(
            "next: put a response of your service into {}, make the script say what is wrong with others, and\n  \
             oes test {}\n  oes dry-run {} URL\n\
             in the ops config: match = [{{ script = {used} }}]",
            file(".json"),
            file(".test.toml"),
            file(".rhai"),
        )),
        Kind::Channel => output::note(format_args!(
            "next: make `requests` what your provider takes, and `answer` what its answers mean, and\n  \
             oes test {}\n  oes dry-run {} --secret url=CHAT_URL\n\
             in the ops config:\n  [[channels]]\n  name = \"team\"\n  kind = {used}\n  url = \"${{env:CHAT_URL}}\"",
            file(".test.toml"),
            file(".rhai"),
        )),
    }
}

fn shown(folder: &Path, name: &str, ending: &str) -> String {
    folder.join(format!("{name}{ending}")).display().to_string()
}
