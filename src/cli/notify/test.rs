//! Sends one message that says of itself that it is a test.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use thiserror::Error;

use crate::channel::delivery::{Attempt, DeliveryError};
use crate::cli::output::{self, ERROR, GOOD, Schema, styled};
use crate::cli::{Exit, control, load, runtime, script_worker};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::daemon::control::{test_message, tested};
use crate::daemon::once::{Once, OnceError};
use crate::model::service::ChannelName;
use crate::model::span::did_you_mean;
use crate::web::api::Tested;

/// Send one test message to a channel for real, and say what the provider answered
///
/// A running daemon sends it, so that its network and its secrets are tested; where none runs this command does. Nothing
/// is noted about the channel. Exit code: 0 if it was taken, else 1.
#[derive(Debug, Args)]
#[command(override_usage = "oes notify test [OPTIONS] [CONFIG] <CHANNEL>")]
pub(super) struct Arguments {
    /// The channel; before it the ops config, unless that is the oes.toml or oes.json here
    #[arg(required = true, num_args = 1..=2, value_name = "CHANNEL")]
    subject: Vec<String>,

    /// Send the end of the test incident instead, to close it where the provider keeps it open
    #[arg(long)]
    over: bool,

    /// Print one JSON object (`oes.notify-test/1`)
    #[arg(long)]
    json: bool,
}

/// Why nothing was sent.
#[derive(Debug, Error)]
enum TestError {
    #[error("{config} has no channel `{name}`; {help}")]
    NoChannel {
        config: String,
        name: String,
        help: String,
    },
    #[error(transparent)]
    Once(#[from] OnceError),
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    #[error("threads cannot be started")]
    Threads(#[source] std::io::Error),
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let schema = arguments.json.then_some("oes.notify-test/1");
    let (config, name) = match load::subject(&arguments.subject) {
        Ok(subject) => subject,
        Err(error) => return output::refuse(schema, &error),
    };
    let channel = ChannelName::new(name.as_str());
    match control::test(&config::data_folder(&config), &channel, arguments.over) {
        Ok(Some(tested)) => return tell(&tested, schema, "the daemon"),
        Ok(None) => {}
        Err(error) => return error.tell(schema),
    }
    let Some(loaded) = load::load(&config, schema) else {
        return Exit::Usage;
    };
    match send(&config, &loaded, channel, arguments.over) {
        Ok(tested) => tell(&tested, schema, "this command"),
        Err(error) => output::refuse(schema, &error),
    }
}

fn send(path: &Path, config: &Config, name: ChannelName, over: bool) -> Result<Tested, TestError> {
    let mut channels = config.channels.iter();
    let Some(channel) = channels.find(|channel| channel.name == name) else {
        return Err(no_channel(path, config, &name));
    };
    let runtime = runtime().map_err(TestError::Threads)?;
    let at = Clock::System.now();
    let sent = runtime.block_on(async {
        let once = Once::new(config.sandbox.with(script_worker::program()))?;
        let delivery = once.delivery(config.limits.as_ref().clone(), output::console())?;
        let message = test_message(over, at);
        let attempt = Attempt { number: 1, at };
        Ok(delivery.send(channel, &message, attempt).await)
    });
    runtime.shutdown_timeout(Duration::from_millis(100));
    sent.map(|answer| tested(name, &answer))
}

fn no_channel(path: &Path, config: &Config, name: &ChannelName) -> TestError {
    let names = || config.channels.iter().map(|one| one.name.as_str());
    let help = did_you_mean(name.as_str(), names()).map_or_else(
        || {
            let names: Vec<&str> = names().collect();
            format!("its channels: {}", names.join(", "))
        },
        |near| format!("did you mean `{near}`?"),
    );
    TestError::NoChannel {
        config: path.display().to_string(),
        name: name.to_string(),
        help,
    }
}

fn tell(tested: &Tested, schema: Schema, by: &str) -> Exit {
    #[derive(Serialize)]
    struct Told<'a> {
        schema: &'static str,
        exit: u8,
        by: &'a str,
        #[serde(flatten)]
        tested: &'a Tested,
    }
    let exit = if tested.taken { Exit::Pass } else { Exit::Fail };
    if let Some(schema) = schema {
        output::json(&Told {
            schema,
            exit: exit as u8,
            by,
            tested,
        });
    } else if tested.taken {
        let sign = styled(GOOD, "✓");
        output::result(format_args!(
            "{sign} {} took the test message, sent by {by}",
            tested.channel
        ));
    } else {
        let sign = styled(ERROR, "✗");
        let reason = tested.reason.as_deref().unwrap_or_default();
        output::result(format_args!(
            "{sign} {} did not take the test message, sent by {by}: {} ({})",
            tested.channel,
            reason,
            meaning(&tested.answer)
        ));
    }
    exit
}

/// Returns what the notifier would do after such an answer.
fn meaning(answer: &str) -> &'static str {
    match answer {
        "rate_limited" => "it would be tried again later",
        "rejected" => "this message would be given up",
        "disabled" => "the channel would be disabled",
        "unknown" => "it may have arrived; it would be sent again, marked as a possible repeat",
        _ => "it would be tried again",
    }
}
