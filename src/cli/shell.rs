//! What other programs need: the JSON Schema, shell completions, the manual page.

use std::io::Write as _;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Exit, output};
use crate::config;

/// Print the JSON Schema of the ops config for editors
///
/// Save it beside the config and name it there: `"$schema": "./oes.schema.json"` in JSON, `#:schema ./oes.schema.json`
/// as the first line in TOML.
#[derive(Debug, Args)]
pub(super) struct SchemaArguments {}

pub(super) fn schema(_: &SchemaArguments) -> Exit {
    output::result(format_args!("{:#}", config::schema()));
    Exit::Pass
}

/// Print a completion script for a shell
///
/// For bash: `oes completions bash > ~/.local/share/bash-completion/completions/oes`.
#[derive(Debug, Args)]
pub(super) struct CompletionArguments {
    /// The shell
    shell: Shell,
}

pub(super) fn completions(arguments: &CompletionArguments) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut super::Arguments::command(),
        "oes",
        &mut script,
    );
    print_bytes(&script)
}

/// Print the manual page
///
/// To read it: `oes man | man -l -`.
#[derive(Debug, Args)]
pub(super) struct ManArguments {}

pub(super) fn man(_: &ManArguments) -> Exit {
    let mut page = Vec::new();
    match clap_mangen::Man::new(super::Arguments::command()).render(&mut page) {
        Ok(()) => print_bytes(&page),
        Err(error) => output::usage_error(&error),
    }
}

fn print_bytes(bytes: &[u8]) -> Exit {
    // A closed pipe (`oes man | head`) is no error.
    std::io::stdout().write_all(bytes).unwrap_or_default();
    Exit::Pass
}
