//! Sets up the log on standard error.

use clap::ValueEnum;
use tracing_subscriber::filter::EnvFilter;

use super::output::colours_on_stderr;

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Options of commands that log.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct LogArguments {
    /// How log lines look
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    log_format: LogFormat,

    /// What is logged: error, warn, info, debug (a line for each probe), trace, or a filter such as `oes::daemon=debug`
    #[arg(long, default_value = "info", value_name = "LEVEL")]
    log_level: String,
}

impl LogArguments {
    /// Starts logging to standard error.
    ///
    /// # Errors
    /// If the level is not a level or a filter.
    pub(super) fn start(&self) -> Result<(), tracing_subscriber::filter::ParseError> {
        let filter = EnvFilter::try_new(&self.log_level)?;
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr);
        // A second start would be a programming error that costs nothing but the second format.
        match self.log_format {
            LogFormat::Text => {
                lines
                    .with_ansi(colours_on_stderr())
                    .with_target(false)
                    .try_init()
                    .unwrap_or_default();
            }
            LogFormat::Json => lines
                .json()
                .flatten_event(true)
                .try_init()
                .unwrap_or_default(),
        }
        Ok(())
    }
}
