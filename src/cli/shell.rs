//! What other programs need: the JSON Schema, shell completions, the manual page.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::builder::{Resettable, StyledStr};
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use thiserror::Error;

use super::{Exit, output};
use crate::config;
use crate::model::span::did_you_mean;
use crate::script::reference;
use crate::web::api;

/// Print the JSON Schema of the ops config for editors
///
/// Save it beside the config and name it there: `"$schema": "./oes.schema.json"` in JSON, `#:schema ./oes.schema.json`
/// as the first line in TOML.
#[derive(Debug, Args)]
pub(super) struct SchemaArguments {
    /// Print the OpenAPI document of the API instead
    #[arg(long)]
    openapi: bool,
}

pub(super) fn schema(arguments: &SchemaArguments) -> Exit {
    if arguments.openapi {
        output::json(&api::document());
    } else {
        output::verbatim(format_args!("{:#}", config::schema()));
    }
    Exit::Pass
}

/// Write the definitions of what scripts can use for editors
///
/// Editors that know Rhai's definition files read `oes.d.rhai` from the folder of the scripts: they complete the
/// functions of OES and show what they take.
#[derive(Debug, Args)]
pub(super) struct DefinitionArguments {
    /// The folder to write to
    #[arg(default_value = ".", value_name = "DIR")]
    folder: PathBuf,
}

/// Why the definitions are not written.
#[derive(Debug, Error)]
#[error("could not write {}", .path.display())]
struct WriteError {
    path: PathBuf,
    source: io::Error,
}

pub(super) fn definitions(arguments: &DefinitionArguments) -> Exit {
    let path = arguments.folder.join("oes.d.rhai");
    match output::save_file(&path, reference::definitions().as_bytes()) {
        Ok(()) => {
            output::result(format_args!("wrote {}", path.display()));
            Exit::Pass
        }
        Err(source) => output::usage_error(&WriteError { path, source }),
    }
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
    output::bytes(&script);
    Exit::Pass
}

/// Print the manual page, or that of a command
///
/// To read it: `oes man | man -l -`. To install all: `oes man > oes.1`, `oes man dry-run > oes-dry-run.1` and so on.
#[derive(Debug, Args)]
pub(super) struct ManArguments {
    /// The command, such as `dry-run` or `silence-add`
    command: Option<String>,
}

/// Why there is no manual page.
#[derive(Debug, Error)]
enum PageError {
    #[error("there is no command `{name}`; {help}")]
    NoCommand { name: String, help: String },
    #[error("could not make the manual page")]
    Render(#[from] io::Error),
}

/// What each exit code says, for the manual pages.
const EXIT_STATUS: [(u8, &str); 6] = [
    (Exit::Pass as u8, "All is well; warnings count as well."),
    (
        Exit::Fail as u8,
        "A service fails, or what was asked for was refused.",
    ),
    (
        Exit::Usage as u8,
        "The arguments, the ops config or a script are wrong, or the result could not be written.",
    ),
    (
        Exit::Unknown as u8,
        "A service could not be judged, or what was ordered is not on disk.",
    ),
    (Exit::ScriptError as u8, "A script broke."),
    (Exit::Interrupted as u8, "Stopped by Ctrl-C."),
];

pub(super) fn man(arguments: &ManArguments) -> Exit {
    match page(arguments.command.as_deref()) {
        Ok(page) => {
            output::bytes(&page);
            Exit::Pass
        }
        Err(error) => output::usage_error(&error),
    }
}

/// Returns the manual page of a command, or of the program.
fn page(command: Option<&str>) -> Result<Vec<u8>, PageError> {
    // The codes have a section of their own here, in place of the lines below the help.
    let mut described = super::Arguments::command()
        .disable_help_subcommand(true)
        .after_help(Resettable::<StyledStr>::Reset);
    described.build();
    if let Some(name) = command {
        let named = find(&described, name).cloned();
        described = named.ok_or_else(|| no_command(name, &described))?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(described).render(&mut page)?;
    writeln!(page, ".SH \"EXIT STATUS\"")?;
    for (code, meaning) in EXIT_STATUS {
        writeln!(page, ".TP\n\\fB{code}\\fR\n{meaning}")?;
    }
    Ok(page)
}

/// Returns a command by the name that the manual has for it: `dry-run`, `silence-add`.
fn find<'a>(program: &'a clap::Command, name: &str) -> Option<&'a clap::Command> {
    program.find_subcommand(name).or_else(|| {
        program.get_subcommands().find_map(|command| {
            let rest = name.strip_prefix(command.get_name())?;
            find(command, rest.strip_prefix('-')?)
        })
    })
}

fn no_command(name: &str, program: &clap::Command) -> PageError {
    let known: Vec<&str> = program
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    let help = match did_you_mean(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known.join(", ")),
    };
    PageError::NoCommand {
        name: name.to_owned(),
        help,
    }
}
