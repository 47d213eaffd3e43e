//! The daemon.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use thiserror::Error;

use super::logging::LogArguments;
use super::script_worker;
use super::{Exit, load, output, runtime};
use crate::clock::Clock;
use crate::daemon::{self, Daemon, Options, Stopped};

/// Watch the services of an ops config until told to stop
///
/// SIGTERM and Ctrl-C stop it; probes and messages under way have the grace period to end. SIGHUP and changes of the
/// config, its scripts and its secrets reload it: a bad change keeps what runs and says so.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ops config, JSON or TOML
    config: PathBuf,

    /// How long probes and messages under way may go on after a stop, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    grace: u64,

    #[command(flatten)]
    log: LogArguments,

    /// Refused: a daemon has no result
    #[arg(long, hide = true)]
    json: bool,
}

/// Why `--json`, which other commands have, does nothing here.
#[derive(Debug, Error)]
#[error(
    "a daemon has no result to print as JSON: its log is JSON with --log-format json, what it knows is told by \
     `oes status --json`"
)]
struct NoResultError;

pub(super) fn run(arguments: &Arguments) -> Exit {
    if arguments.json {
        return output::refuse(Some("oes.run/1"), &NoResultError);
    }
    if let Err(error) = arguments.log.start() {
        return output::usage_error(&error);
    }
    let Some(config) = load::load(&arguments.config, None) else {
        return Exit::Usage;
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return output::usage_error(&error),
    };
    let exit = runtime.block_on(async {
        let options = Options {
            config_path: Some(arguments.config.clone()),
            console: output::console(),
            clock: Clock::System,
            worker: script_worker::program(),
        };
        let signals = daemon::signals::Signals::listen();
        let daemon = match Daemon::start(config, options).await {
            Ok(daemon) => daemon,
            Err(error) => return output::usage_error(&error),
        };
        signals.stop_requested(&daemon).await;
        match daemon.stop(Duration::from_secs(arguments.grace)).await {
            Stopped::Drained => Exit::Pass,
            Stopped::Abandoned => Exit::Unknown,
        }
    });
    runtime.shutdown_background();
    exit
}
