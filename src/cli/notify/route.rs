//! Says who would be told of a violation at a moment, and why.

use std::path::Path;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use thiserror::Error;

use crate::channel::message::moment;
use crate::cli::Exit;
use crate::cli::load::{self, AnyEnvironment};
use crate::cli::output::{self, BOLD, FAINT, WARNING};
use crate::cli::silence::moment as moments;
use crate::cli::table::{self, Cell};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::model::route::{Routed, route};
use crate::model::service::{ChannelName, Service};
use crate::model::violation::Violation;
use crate::state;

/// Show who would be told of a violation of a service, by which routes, and what would mute it
///
/// Asks no daemon and sends nothing. A moment is RFC 3339, or a date with or without a time, or a time of day, in the
/// `notify.time_zone` of the ops config.
#[derive(Debug, Args)]
#[command(override_usage = "oes notify route [OPTIONS] [CONFIG] <SERVICE> <VIOLATION>")]
pub(super) struct Arguments {
    /// The service, and the violation: error, latency, matcher, unknown, flapping, heartbeat, or a name that a script gives; before
    /// them the ops config, unless that is the oes.toml or oes.json here
    #[arg(required = true, num_args = 2..=3, value_name = "SERVICE VIOLATION")]
    subject: Vec<String>,

    /// When it would open [default: now]
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,

    /// Print one JSON object (`oes.notify-route/1`)
    #[arg(long)]
    json: bool,
}

/// Why nobody can be named.
#[derive(Debug, Error)]
enum RouteError {
    #[error(transparent)]
    Subject(#[from] load::SubjectError),
    #[error("--at: {0}")]
    At(String),
}

/// Who would be told, and why.
#[derive(Serialize)]
struct Answer<'a> {
    service: &'a str,
    violation: &'a str,
    at: Timestamp,
    /// The routes that say so, from 1 as the config lists them; empty where the service's own channels are told.
    routes: Vec<Matched>,
    channels: Vec<Channel<'a>>,
    mutes: Vec<Muted>,
}

#[derive(Serialize)]
struct Matched {
    number: usize,
    of: String,
    hours: Option<String>,
}

#[derive(Serialize)]
struct Channel<'a> {
    name: &'a ChannelName,
    kind: &'a str,
    fallback: Option<&'a ChannelName>,
}

/// Something that would hold the message back.
#[derive(Serialize)]
struct Muted {
    what: String,
    until: Timestamp,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let schema = arguments.json.then_some("oes.notify-route/1");
    let subject: Result<_, _> = load::subjects(&arguments.subject);
    let (path, [service, violation]) = match subject {
        Ok(subject) => subject,
        Err(error) => return output::refuse(schema, &error),
    };
    let config = match config::load(&path, &AnyEnvironment) {
        Ok(loaded) => loaded.config,
        Err(report) => {
            load::refuse(schema, &report);
            return Exit::Usage;
        }
    };
    let answer = match answer(&path, &config, (service, violation), arguments) {
        Ok(answer) => answer,
        Err(error) => return output::refuse(schema, &error),
    };
    if let Some(schema) = schema {
        #[derive(Serialize)]
        struct Told<'a> {
            schema: &'static str,
            exit: u8,
            #[serde(flatten)]
            answer: &'a Answer<'a>,
        }
        output::json(&Told {
            schema,
            exit: Exit::Pass as u8,
            answer: &answer,
        });
    } else {
        print(&answer, &config.notify.time_zone);
    }
    Exit::Pass
}

fn answer<'a>(
    path: &Path,
    config: &'a Config,
    (service, violation): (&'a str, &'a str),
    arguments: &Arguments,
) -> Result<Answer<'a>, RouteError> {
    let position = load::position(config, path, service)?;
    let now = Clock::System.now();
    let at = match &arguments.at {
        Some(text) => moments::read(text, &config.notify.time_zone, now).map_err(RouteError::At)?,
        None => now,
    };
    let parsed: Violation = violation.parse().unwrap_or_else(|never| match never {});
    let mut found = Answer {
        service,
        violation,
        at,
        routes: Vec::new(),
        channels: Vec::new(),
        mutes: Vec::new(),
    };
    if let Some(one) = config.services.get(position) {
        let routed = route(&config.notify.routes, &one.service, &parsed, at);
        found.routes = matched(config, &routed);
        found.channels = channels(config, &routed);
        found.mutes = mutes(config, &one.service, &parsed, at);
    }
    Ok(found)
}

fn matched(config: &Config, routed: &Routed) -> Vec<Matched> {
    let numbers = routed.routes.iter();
    let matched = numbers.filter_map(|index| {
        let route = config.notify.routes.get(*index)?;
        Some(Matched {
            number: index + 1,
            of: route.of.to_string(),
            hours: route.hours.as_ref().map(ToString::to_string),
        })
    });
    matched.collect()
}

fn channels<'a>(config: &'a Config, routed: &Routed) -> Vec<Channel<'a>> {
    let settings = routed.channels.iter().filter_map(|name| {
        let mut channels = config.channels.iter();
        channels.find(|channel| channel.name == *name)
    });
    settings
        .map(|channel| Channel {
            name: &channel.name,
            kind: channel.kind.as_str(),
            fallback: channel.fallback.as_ref().map(|(name, _)| name),
        })
        .collect()
}

/// Returns what would mute it: maintenance of the config, and silences of the state file where there is one.
fn mutes(config: &Config, service: &Service, violation: &Violation, at: Timestamp) -> Vec<Muted> {
    let planned = config.maintenance.iter().filter_map(|one| {
        let until = one.is_on(at)?;
        let selects = one.selects(&service.name, violation, Some(service));
        selects.then(|| Muted {
            what: format!("the maintenance {}", one.name),
            until,
        })
    });
    let silences = state::read_or_previous(&config.data)
        .map(|(snapshot, _)| snapshot.ledger.silences)
        .unwrap_or_default();
    let silences = silences.into_values().filter_map(|silence| {
        let selects = silence.of.selects(&service.name, violation, Some(service));
        (silence.is_active(at) && selects).then(|| Muted {
            what: format!(
                "the silence {} by {}: {}",
                silence.id, silence.by, silence.reason
            ),
            until: silence.until,
        })
    });
    planned.chain(silences).collect()
}

fn print(answer: &Answer<'_>, zone: &TimeZone) {
    let at = moment(answer.at, zone);
    output::result(format_args!(
        "{} · {} at {at}",
        answer.service, answer.violation
    ));
    if answer.channels.is_empty() {
        table::print(&[vec![Cell::new(WARNING, "nobody is told")]]);
    }
    let rows = answer.channels.iter().map(|channel| {
        let fallback = channel.fallback.map(|name| {
            let text = format!("if it cannot be told: {name}");
            Cell::new(FAINT, text)
        });
        let mut row = vec![
            Cell::plain("  tells"),
            Cell::new(BOLD, channel.name),
            Cell::new(FAINT, channel.kind),
        ];
        row.extend(fallback);
        row
    });
    table::print(&rows.collect::<Vec<_>>());
    if answer.routes.is_empty() {
        output::result("  since no route is for it: the channels of the service");
    }
    for route in &answer.routes {
        let hours = route.hours.as_ref();
        let hours = hours.map_or_else(String::new, |hours| format!(", {hours}"));
        output::result(format_args!(
            "  by route {}: {}{hours}",
            route.number, route.of
        ));
    }
    for mute in &answer.mutes {
        let until = moment(mute.until, zone);
        table::print(&[vec![Cell::new(
            WARNING,
            format_args!("  held back until {until} by {}", mute.what),
        )]]);
    }
}
