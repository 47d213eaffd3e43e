//! The command line: one file a command, results on standard output, everything else on standard error.

mod ack;
mod backtest;
mod blindspots;
mod channel;
mod check;
mod control;
mod demo;
mod dry_run;
mod explain;
mod finding;
mod fit;
mod history;
mod incidents;
mod init;
mod learn;
mod load;
mod logging;
mod new;
mod new_file;
mod notify;
mod outbox;
mod output;
mod page;
mod probe;
mod refused;
mod run;
mod script_worker;
mod shell;
mod silence;
mod status;
mod table;
mod test;
mod token;
mod top;
mod watch;
mod watched;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::Colour;

/// Watch HTTP services, judge each response with a matcher, tell people through channels
#[derive(Debug, Parser)]
#[command(
    name = "oes",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(
    after_help = "Start with `oes demo`: it needs no network and no set-up.\n\
    Exit codes: 0 pass, 1 fail, 2 usage or config, 3 unknown, 4 script error, 130 interrupted."
)]
struct Arguments {
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: Colour,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Arguments),
    Check(check::Arguments),
    DryRun(Box<dry_run::Arguments>),
    Test(test::Arguments),
    Backtest(Box<backtest::Arguments>),
    Probe(probe::Arguments),
    Status(status::Arguments),
    Top(top::Arguments),
    History(history::Arguments),
    Incidents(incidents::Arguments),
    Ack(ack::Arguments),
    Silence(silence::Arguments),
    Outbox(outbox::Arguments),
    Channel(channel::Arguments),
    Notify(notify::Arguments),
    Explain(explain::Arguments),
    Init(init::Arguments),
    New(new::Arguments),
    Learn(Box<learn::Arguments>),
    Blindspots(blindspots::Arguments),
    Demo(demo::Arguments),
    Page(page::Arguments),
    Token(token::Arguments),
    Schema(shell::SchemaArguments),
    Definitions(shell::DefinitionArguments),
    Completions(shell::CompletionArguments),
    Man(shell::ManArguments),
    #[command(hide = true)]
    ScriptWorker,
}

/// How a command ended, as its exit code says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// Everything passes.
    Pass = 0,
    /// A service fails.
    Fail = 1,
    /// The arguments, the config or a script are wrong.
    Usage = 2,
    /// A service could not be judged.
    Unknown = 3,
    /// A script broke.
    ScriptError = 4,
    /// Stopped by Ctrl-C.
    Interrupted = 130,
}

/// Runs the program with the arguments of the process and returns its exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refused::told(&error),
    };
    arguments.color.apply();
    let exit = match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::DryRun(arguments) => dry_run::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Backtest(arguments) => backtest::run(&arguments),
        Command::Probe(arguments) => probe::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Top(arguments) => top::run(&arguments),
        Command::History(arguments) => history::run(&arguments),
        Command::Incidents(arguments) => incidents::run(&arguments),
        Command::Ack(arguments) => ack::run(&arguments),
        Command::Silence(arguments) => silence::run(&arguments),
        Command::Outbox(arguments) => outbox::run(&arguments),
        Command::Channel(arguments) => channel::run(&arguments),
        Command::Notify(arguments) => notify::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::New(arguments) => new::run(&arguments),
        Command::Learn(arguments) => learn::run(&arguments),
        Command::Blindspots(arguments) => blindspots::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Page(arguments) => page::run(&arguments),
        Command::Token(arguments) => token::run(&arguments),
        Command::Schema(arguments) => shell::schema(&arguments),
        Command::Definitions(arguments) => shell::definitions(&arguments),
        Command::Completions(arguments) => shell::completions(&arguments),
        Command::Man(arguments) => shell::man(&arguments),
        Command::ScriptWorker => script_worker::run(),
    };
    ExitCode::from(output::finish(exit) as u8)
}

/// Returns the runtime that commands do their work on.
///
/// # Errors
/// If the threads cannot be started.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_fit_together() {
        super::Arguments::command().debug_assert();
    }
}
