//! Arguments that cannot be used.

use std::process::ExitCode;

use clap::{Command, CommandFactory as _};

use super::{Arguments, Exit, output};

/// Prints help, version or what is wrong with the arguments.
pub(super) fn told(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        output::keep(error.print());
        return ExitCode::from(output::finish(Exit::Pass) as u8);
    }
    let words: Vec<String> = std::env::args_os()
        .skip(1)
        .take_while(|word| word != "--")
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    if words.iter().any(|word| word == "--json") {
        let said = Said::of(&error.render().to_string());
        output::refuse_as_json(
            &schema(&words),
            Exit::Usage,
            &said.message,
            said.help.as_deref(),
        );
    } else {
        output::keep(error.print());
    }
    ExitCode::from(output::finish(Exit::Usage) as u8)
}

/// Returns the name of the JSON of the command that was meant.
fn schema(words: &[String]) -> String {
    let root = Arguments::command();
    let prints_json = |command: &&Command| {
        let mut arguments = command.get_arguments();
        arguments.any(|argument| argument.get_long() == Some("json"))
    };
    let mut meant = words.iter().filter_map(|word| root.find_subcommand(word));
    let meant = meant.next().filter(prints_json);
    meant.map_or_else(
        || "oes/1".to_owned(),
        |command| format!("oes.{}/1", command.get_name()),
    )
}

/// What is wrong, taken apart.
struct Said {
    message: String,
    help: Option<String>,
}

impl Said {
    /// Returns what clap says: `error: …`, perhaps over several lines, `tip: …`, and how to call the command.
    fn of(text: &str) -> Self {
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut parts = text.split("\n\n");
        let message = parts.next().unwrap_or_default();
        let message = one_line(message.strip_prefix("error:").unwrap_or(message));
        let help: Vec<String> = parts
            .map(one_line)
            .filter(|part| !part.starts_with("For more information"))
            .map(|part| {
                part.strip_prefix("tip: ")
                    .map_or(part.clone(), str::to_owned)
            })
            .collect();
        let help = (!help.is_empty()).then(|| help.join("; "));
        Self { message, help }
    }
}
