//! Writes a first ops config with a first script.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::new_file::{self, WriteError};
use super::{Exit, output};
use crate::config;
use crate::model::shell;

/// Write a first ops config, a first matcher script and the schema into a folder
///
/// Existing files are left as they are, and said so.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder; made if it is not there
    #[arg(default_value = ".")]
    folder: PathBuf,

    /// Print one JSON object (`oes.init/1`)
    #[arg(long)]
    json: bool,
}

/// Name of the JSON that this command prints.
const SCHEMA: &str = "oes.init/1";

#[derive(Serialize)]
struct Initialised {
    schema: &'static str,
    exit: u8,
    files: Vec<Written>,
}

/// One file, and whether it was written or there already.
#[derive(Serialize)]
struct Written {
    path: PathBuf,
    written: bool,
}

/// The config that is written; it watches the API of `oes demo`.
pub(super) const CONFIG: &str = include_str!("init/oes.toml");
const SCRIPT: &str = include_str!("init/list_is_fresh.rhai");

pub(super) fn run(arguments: &Arguments) -> Exit {
    let written = match write_all(&arguments.folder) {
        Ok(written) => written,
        Err(error) => return output::refuse(arguments.json.then_some(SCHEMA), &error),
    };
    if arguments.json {
        output::json(&Initialised {
            schema: SCHEMA,
            exit: Exit::Pass as u8,
            files: written,
        });
    } else {
        tell(&arguments.folder, &written);
    }
    Exit::Pass
}

fn write_all(folder: &Path) -> Result<Vec<Written>, WriteError> {
    let schema = format!("{:#}\n", config::schema());
    let files = [
        ("oes.toml", CONFIG),
        ("scripts/matchers/list_is_fresh.rhai", SCRIPT),
        ("oes.schema.json", &schema),
    ];
    let write = |(name, text)| {
        let path = folder.join(name);
        let written = new_file::write(&path, text)?;
        Ok(Written { path, written })
    };
    files.into_iter().map(write).collect()
}

fn tell(folder: &Path, files: &[Written]) {
    for Written { path, written } in files {
        let path = path.display();
        if *written {
            output::note(format_args!("wrote {path}"));
        } else {
            output::note(format_args!("{path} is there already: left as it is"));
        }
    }
    let config = folder.join("oes.toml");
    let typed = shell::quoted(&config.display().to_string());
    output::note(format_args!(
        "it watches the API of `oes demo`: run that in another terminal, or edit {}, then\n  \
         oes check {typed}\n  oes probe {typed}\n  oes run {typed}",
        config.display()
    ));
}
