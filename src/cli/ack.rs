//! Takes an incident on.

use clap::Args;

use super::control::{self, Author};
use super::{Exit, load, output};
use crate::policy::orders::Order;

/// Take an incident on: everybody who was told of it is told by whom, and there are no more reminders
#[derive(Debug, Args)]
#[command(override_usage = "oes ack [OPTIONS] [CONFIG] <INCIDENT>")]
pub(super) struct Arguments {
    /// The incident, or its first characters; before it the ops config, unless that is the oes.toml or oes.json here
    #[arg(required = true, num_args = 1..=2, value_name = "INCIDENT")]
    subject: Vec<String>,

    /// What to tell the others
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,

    #[command(flatten)]
    author: Author,

    /// Print one JSON object (`oes.ack/1`)
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let schema = arguments.json.then_some("oes.ack/1");
    let (config, incident) = match load::subject(&arguments.subject) {
        Ok(subject) => subject,
        Err(error) => return output::refuse(schema, &error),
    };
    let order = Order::Acknowledge {
        incident: incident.clone(),
        by: arguments.author.name(),
        reason: arguments.reason.clone(),
    };
    control::order(&config, order, schema)
}
