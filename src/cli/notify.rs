//! Who would be told, and whether they could be.

mod route;
mod test;

use clap::{Args, Subcommand};

use super::Exit;

/// Show who would be told of a violation and why, or send a test message
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Route(route::Arguments),
    Test(test::Arguments),
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match &arguments.command {
        Command::Route(arguments) => route::run(arguments),
        Command::Test(arguments) => test::run(arguments),
    }
}
