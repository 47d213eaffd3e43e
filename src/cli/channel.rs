//! Acts on a channel.

use clap::{Args, Subcommand};

use super::{Exit, control, load, output};
use crate::model::service::ChannelName;
use crate::policy::orders::Order;

/// Act on a channel
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Resume(ResumeArguments),
}

/// Give a channel that was disabled a new try at once, after what it posts to was mended
#[derive(Debug, Args)]
#[command(override_usage = "oes channel resume [OPTIONS] [CONFIG] <NAME>")]
struct ResumeArguments {
    /// The channel; before it the ops config, unless that is the oes.toml or oes.json here
    #[arg(required = true, num_args = 1..=2, value_name = "NAME")]
    subject: Vec<String>,

    /// Print one JSON object (`oes.channel-resume/1`)
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let Command::Resume(arguments) = &arguments.command;
    let schema = arguments.json.then_some("oes.channel-resume/1");
    match load::subject(&arguments.subject) {
        Ok((config, name)) => {
            let order = Order::Resume(ChannelName::new(name.as_str()));
            control::order(&config, order, schema)
        }
        Err(error) => output::refuse(schema, &error),
    }
}
