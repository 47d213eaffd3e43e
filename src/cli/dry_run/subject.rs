//! What a dry run judges: a service of a config, or a matcher that the arguments name.

use std::path::Path;
use std::sync::Arc;

use super::arguments::{ArgumentError, Arguments};
use super::cassette::HttpMode;
use super::given::Given;
use super::one_service::{self, BUILT_IN, SERVICE};
use crate::cli::{load, output};
use crate::config::report::Report;
use crate::config::{self, Loaded, ProcessEnvironment, Sandbox, ServiceConfig, StandIns};
use crate::model::span::{Lack, Line};

/// The name under which the arguments are read as a config.
pub(super) const ARGUMENTS: &str = "arguments.json";

/// A service, and what its config was found to be like.
pub(super) struct Subject {
    pub(super) service: Arc<ServiceConfig>,
    /// What its scripts run in.
    pub(super) sandbox: Sandbox,
    /// Warnings.
    pub(super) report: Report,
    /// Secrets that are not there and are not sent.
    pub(super) stand_ins: Vec<String>,
}

impl Subject {
    /// Returns what the arguments mean.
    ///
    /// # Errors
    /// If they mean nothing, or if the config or the matcher cannot be used.
    pub(super) fn find(
        arguments: &Arguments,
        given: Option<&Given>,
    ) -> Result<Self, ArgumentError> {
        if let Some(subject) = Self::configured(arguments)? {
            return Ok(subject);
        }
        let text = one_service::config(arguments, given)?;
        let loaded = config::load_text(ARGUMENTS, &text, Path::new(""), &ProcessEnvironment)
            .map_err(|report| ArgumentError::Matcher(Box::new(report)))?;
        Self::named(loaded, SERVICE).ok_or(ArgumentError::NoUrl)
    }

    /// Returns the service of a config that the arguments name; absent if they name a matcher.
    fn configured(arguments: &Arguments) -> Result<Option<Self>, ArgumentError> {
        let named = arguments.inputs.config.clone();
        let is_named = named.is_some();
        let Some(path) = named.or_else(load::default_config) else {
            return Ok(None);
        };
        let name = &arguments.subject;
        let is_matcher = arguments.url.is_some() || is_script_file(name);
        let alone = arguments.stands_alone();
        // A config that merely lies here does not stand between a person and a matcher that can be tried without it.
        let built_in_alone = alone && BUILT_IN.contains(&name.as_str());
        if !is_named && (is_matcher || built_in_alone) {
            return Ok(None);
        }
        let needed = is_named || !alone;
        let environment = StandIns::default();
        let loaded = match config::load(&path, &environment) {
            Ok(loaded) => loaded,
            Err(report) if needed => return Err(ArgumentError::Config(Box::new(report))),
            Err(_) => return Ok(None),
        };
        if is_matcher {
            return Ok(None);
        }
        match Self::named(loaded, name) {
            Some(subject) if subject.service.service.heartbeat.is_some() => {
                Err(ArgumentError::Heartbeat { name: name.clone() })
            }
            Some(subject) => {
                let subject = subject.unchanged_by(arguments, &path)?;
                subject
                    .with_secrets(arguments, &path, &environment)
                    .map(Some)
            }
            None if alone => Ok(None),
            None => Err(ArgumentError::NoService {
                name: name.clone(),
                config: path,
            }),
        }
    }

    fn named(loaded: Loaded, name: &str) -> Option<Self> {
        let Loaded { config, report } = loaded;
        let mut services = config.services.iter();
        let service = services.find(|one| one.service.name.as_str() == name)?;
        Some(Self {
            service: Arc::clone(service),
            sandbox: config.sandbox,
            stand_ins: Vec::new(),
            report,
        })
    }

    /// Refuses a service whose secrets are not there but would be sent.
    fn with_secrets(
        mut self,
        arguments: &Arguments,
        config: &Path,
        environment: &StandIns,
    ) -> Result<Self, ArgumentError> {
        let service = &self.service.service;
        let asks = arguments.given.response.is_none() && self.service.sends_request();
        let scripts_ask = HttpMode::parse(&arguments.inputs.http) == Some(HttpMode::Live);
        let sent = match (asks, scripts_ask) {
            (true, _) => environment.of_service(service),
            (false, true) => environment.of_scripts(service),
            (false, false) => Vec::new(),
        };
        if !sent.is_empty() {
            let required = StandIns::but_for(sent);
            if let Err(report) = config::load(config, &required) {
                return Err(ArgumentError::Config(Box::new(report)));
            }
        }
        self.stand_ins = environment.of_service(service);
        Ok(self)
    }

    /// Refuses options that would be ignored.
    fn unchanged_by(self, arguments: &Arguments, config: &Path) -> Result<Self, ArgumentError> {
        let options = arguments.of_matcher();
        if options.is_empty() {
            return Ok(self);
        }
        Err(ArgumentError::OfService {
            name: arguments.subject.clone(),
            config: config.to_path_buf(),
            options,
        })
    }
}

/// Tells whether this names the file of a script.
pub(super) fn is_script_file(subject: &str) -> bool {
    Path::new(subject)
        .extension()
        .is_some_and(|extension| extension == "rhai")
}

/// Shows mistakes of scripts at their place, and mistakes of the arguments without one: nobody wrote that file.
pub(in crate::cli) fn show_mistakes(report: &Report) {
    let mut scripts = report.clone();
    scripts.files.retain(|file| &*file.name != ARGUMENTS);
    load::show(&scripts);
    let lines = mistakes(report);
    for line in lines.iter().filter(|line| &*line.file == ARGUMENTS) {
        let help = line.help.as_ref();
        let help = help.map_or_else(String::new, |help| format!(" ({help})"));
        output::note(format_args!(
            "{} {}{help}",
            output::styled(output::ERROR, format_args!("{}:", line.severity)),
            line.message
        ));
    }
}

/// Returns the mistakes, with help in terms of the command line where they are about it.
pub(super) fn mistakes(report: &Report) -> Vec<Line> {
    let mut lines = report.lines();
    for line in &mut lines {
        let help = line.help.take();
        line.help = match &line.lack {
            Some(Lack::Secret(name)) => Some(format!(
                "give it with --secret {name}=VARIABLE, which names an environment variable"
            )),
            Some(Lack::Param(name)) => {
                let how = help.map_or_else(String::new, |help| format!(": {help}"));
                Some(format!("give it with --param {name}=VALUE{how}"))
            }
            None => help,
        };
    }
    lines
}
