//! The ops config: from the text that a person writes to validated plain data.
//!
//! The only part that knows JSON and TOML as people write them. A config is strict: whatever OES would not act on is a
//! mistake, every mistake is reported at its place, and all are reported at once. Nothing here logs or prints.

mod change;
mod channels;
mod check;
mod email;
mod environment;
mod fingerprint;
mod heartbeat;
mod json;
mod keys;
pub mod labels;
mod layers;
mod limits;
mod loader;
mod maintenance;
mod matchers;
mod names;
mod notify;
mod otlp;
mod quotes;
mod read;
pub mod report;
mod request;
mod schema;
mod scripts;
mod server;
mod service;
pub mod suite;
mod toml;
mod top;
mod transport;
mod tree;
mod values;
mod was;

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use url::Url;

use crate::channel::settings::Settings;
use crate::history::Retention;
use crate::matcher::spec::Matcher;
use crate::model::code::Code;
use crate::model::maintenance::Maintenance;
use crate::model::route::Route;
use crate::model::secret::Secret;
use crate::model::service::{ChannelName, RecordRule, Service, ServiceName};
use crate::model::span::Mistake;
use crate::script::limits::Limits;
use crate::script::pool::{self, Program};
use crate::web::auth::{OidcSettings, Token};
use crate::web::{Pair, Place};
pub use change::{Change, load_changed};
pub use environment::{Environment, ProcessEnvironment, StandIns};
use loader::Loader;
pub use otlp::Otlp;
pub use read::CONFIG_BYTES_MAX;
use report::{FileReport, Report};
pub use schema::schema;
pub use scripts::{NameError, Role, check_new_name};
pub use tree::Format;
use tree::Node;

/// A whole ops config.
#[derive(Debug)]
pub struct Config {
    /// What is watched, in the order of the file. Names differ.
    pub services: Vec<Arc<ServiceConfig>>,
    /// Where messages go, in the order of the file; never empty. Names differ.
    pub channels: Vec<Settings>,
    /// How messages are sent.
    pub notify: Notify,
    /// Planned mutes.
    pub maintenance: Vec<Maintenance>,
    /// Independent targets that tell whether OES itself has lost the network.
    pub canaries: Vec<Url>,
    /// Where OES answers.
    pub server: Server,
    /// Where metrics are sent; absent for nowhere.
    pub otlp: Option<Otlp>,
    /// How long what services were is kept.
    pub history: Retention,
    /// Folder for the state file and the history.
    pub data: PathBuf,
    /// Folders to look for scripts, besides the config's own and the shipped ones.
    pub script_path: Vec<PathBuf>,
    /// What scripts run in.
    pub sandbox: Sandbox,
    /// What one run of a script is allowed where its service says nothing else, and of a channel's script.
    pub limits: Arc<Limits>,
    /// Every file that was read, in order: the config, scripts, secrets, certificates. A reload watches these.
    pub files: Vec<PathBuf>,
}

/// One service with what judges it.
#[derive(Debug)]
pub struct ServiceConfig {
    /// The service.
    pub service: Arc<Service>,
    /// What it was called before.
    pub was: Vec<ServiceName>,
    /// Its matchers in the order written; empty of a service that reports. Equal ones of several services are one.
    pub matchers: Vec<Arc<Matcher>>,
    /// What one run of its scripts is allowed; services that say the same share it.
    pub limits: Arc<Limits>,
    /// How much of what its probes see is recorded; absent for nothing.
    pub record: Option<RecordRule>,
    /// The line of the config where it begins, from 1.
    pub line: u32,
    /// SHA-256 in hexadecimal over all that matters of it, secrets and versions of scripts included. Equal means
    /// unchanged.
    pub fingerprint: String,
}

impl ServiceConfig {
    /// Tells whether OES sends a request of its own, or only its scripts do.
    pub fn sends_request(&self) -> bool {
        self.matchers.iter().any(|matcher| {
            matcher
                .as_script()
                .is_none_or(|script| script.source.header.sends_request)
        })
    }
}

/// How messages are sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Notify {
    /// Least time before the same violation of the same service is announced again.
    pub cool_down: Duration,
    /// How long an opening waits before its message leaves.
    pub gather: Duration,
    /// An `http` or `https` URL to ask regularly, so that somebody notices when OES is gone.
    pub heartbeat_url: Option<Secret>,
    /// Time zone of the times in messages.
    pub time_zone: TimeZone,
    /// So many openings within a minute have a message of their own on a channel; more become one.
    pub singles: usize,
    /// When people are reminded of an open incident, counted from its announcement, ascending; daily after the last.
    /// Empty for never.
    pub reminders: Vec<Duration>,
    /// When a daily digest is sent, and to which channels; absent for never.
    pub digest: Option<(Time, Vec<ChannelName>)>,
    /// Who is told of what; where none is for an incident, the channels of its service are told.
    pub routes: Vec<Route>,
}

/// What scripts run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sandbox {
    /// Worker processes, where there are any: on Linux.
    #[default]
    Process,
    /// Threads of this process.
    Thread,
}

impl Sandbox {
    /// Returns what a pool of scripts is to be, where this program can be a worker process.
    pub fn with(self, worker: Option<Program>) -> pool::Sandbox {
        match (self, worker) {
            (Self::Process, Some(program)) => pool::Sandbox::Processes(program),
            _ => pool::Sandbox::Threads,
        }
    }
}

/// Where OES answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where it listens; reached from this machine only unless the config says `public = true` or has tokens.
    pub listen: Place,
    /// Whether whoever reaches it may see what the public may see, without a token.
    pub open: bool,
    /// What every path begins with: nothing, or such as `/oes`.
    pub base: Arc<str>,
    /// Proxies whose word about others is believed.
    pub proxies: Vec<IpNet>,
    /// What connections are encrypted with; absent for not at all.
    pub tls: Option<Pair>,
    /// What callers of the API may show, besides the token that each start makes anew.
    pub tokens: Vec<Token>,
    /// The provider by which people log in, and who is let in; absent for none.
    pub oidc: Option<OidcSettings>,
    /// Where people find the status page; it ends with a slash.
    pub url: Option<Url>,
    /// What the status page is called.
    pub title: String,
    /// Whether, as far as the config says, only this machine reaches the pages.
    pub is_local: bool,
}

impl Server {
    /// Tells whether it is at the same place and open to the same callers, whatever certificate it has, whatever tokens are
    /// shown, whoever logs in, and whatever the pages say.
    pub fn is_where(&self, other: &Self) -> bool {
        let Self {
            listen,
            open,
            base,
            proxies,
            tls,
            tokens: _,
            oidc: _,
            url: _,
            title: _,
            is_local: _,
        } = self;
        (listen, open, base, proxies) == (&other.listen, &other.open, &other.base, &other.proxies)
            && tls.is_some() == other.tls.is_some()
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: Place::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 9115))),
            open: true,
            base: Arc::default(),
            proxies: Vec::new(),
            tls: None,
            tokens: Vec::new(),
            oidc: None,
            url: None,
            title: "Status".to_owned(),
            is_local: true,
        }
    }
}

/// A config that can be used.
#[derive(Debug)]
pub struct Loaded {
    /// The config.
    pub config: Config,
    /// Warnings and notes; no errors.
    pub report: Report,
}

/// Returns the text of a file that a person wrote.
fn text_of(path: &Path) -> Result<String, Report> {
    let name = path.display().to_string();
    let refuse = |text: String, mistake: Mistake| Report {
        files: vec![FileReport::new(name.as_str(), text, vec![mistake])],
        read: vec![path.to_path_buf()],
        ..Report::default()
    };
    let bytes = read::bytes(path, CONFIG_BYTES_MAX)
        .map_err(|problem| refuse(String::new(), Mistake::error(Code::File, 0..0, problem)))?;
    read::text(bytes).map_err(|wrong| refuse(wrong.0, wrong.1))
}

/// Reads the ops config at `path`, JSON or TOML by its extension, with the scripts and secrets it names.
///
/// # Errors
/// Everything that is wrong with it, warnings included.
pub fn load(path: &Path, environment: &dyn Environment) -> Result<Loaded, Report> {
    let name = path.display().to_string();
    let text = text_of(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut loaded = load_text(&name, &text, folder, environment).map_err(|mut report| {
        report.read.insert(0, path.to_path_buf());
        report
    })?;
    loaded.config.files.insert(0, path.to_path_buf());
    loaded.report.read.insert(0, path.to_path_buf());
    Ok(loaded)
}

/// Reads the ops config `text` as if it were the file `name` in `folder`.
///
/// # Errors
/// Everything that is wrong with it, warnings included.
pub fn load_text(
    name: &str,
    text: &str,
    folder: &Path,
    environment: &dyn Environment,
) -> Result<Loaded, Report> {
    read_text(name, text, folder, environment, |_| {})
}

/// Reads the ops config `text`, changed after it was parsed.
fn read_text(
    name: &str,
    text: &str,
    folder: &Path,
    environment: &dyn Environment,
    change: impl FnOnce(&mut Node),
) -> Result<Loaded, Report> {
    let mut loader = Loader::new(text, folder, environment);
    let (root, mistakes) = parse(name, text);
    for mistake in mistakes {
        loader.report(mistake);
    }
    let config = root.map(|mut root| {
        change(&mut root);
        top::read(&mut loader, &root)
    });
    let mistakes = loader.take_mistakes();
    let mut files = Vec::new();
    if !mistakes.is_empty() {
        files.push(FileReport::new(name, text, mistakes));
    }
    files.append(&mut loader.script_reports);
    let (unlisted, warnings) = loader.dropped();
    let mut notes = std::mem::take(&mut loader.notes);
    if unlisted + warnings > 0 {
        notes.push(format!(
            "{} more mistakes are not listed",
            unlisted + warnings
        ));
    }
    let report = Report {
        files,
        unlisted,
        notes,
        read: loader.files.into_iter().collect(),
    };
    match config {
        Some(mut config) if !report.has_errors() => {
            config.files.clone_from(&report.read);
            Ok(Loaded { config, report })
        }
        _ => Err(report),
    }
}

/// Reads the text of the file `name`: as much of it as can be read, and what is wrong with it.
fn parse(name: &str, text: &str) -> (Option<Node>, Vec<Mistake>) {
    let extension = Path::new(name)
        .extension()
        .and_then(|extension| extension.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("json") => {
            read::too_deep(text).map_or_else(|| json::parse(text), |deep| (None, vec![deep]))
        }
        Some("toml") => toml::parse(text),
        _ => {
            let mistake = Mistake::error(
                Code::File,
                0..0,
                "the name of an ops config ends in .json or .toml",
            );
            (None, vec![mistake.help("rename the file to what it holds")])
        }
    }
}

/// Returns the data folder of the ops config at `path`, whatever else is wrong with it: the one that it names as far as
/// it can be read, else the default one.
pub fn data_folder(path: &Path) -> PathBuf {
    let bytes = read::bytes(path, CONFIG_BYTES_MAX).ok();
    let text = bytes.and_then(|bytes| read::text(bytes).ok());
    let root = text.and_then(|text| parse(&path.display().to_string(), &text).0);
    let folder = path.parent().unwrap_or(Path::new(""));
    folder.join(top::data(root.as_ref()))
}

/// Writes a duration as a config would: `1h30m`, `500ms`.
pub fn duration_words(duration: Duration) -> String {
    values::duration_words(duration)
}

/// Reads a duration as configs write it: `30s`, `5m`, `1h30m`.
///
/// # Errors
/// What is wrong with it, and how to write one.
pub fn duration(text: &str) -> Result<Duration, String> {
    values::duration_text(text).map_err(|bad| format!("{}; {}", bad.message, bad.help))
}

/// Returns the key reference of docs/configuration.md: Markdown made from the table that configs are checked with.
pub fn key_reference() -> String {
    keys::markdown()
}

/// Returns the key reference of docs/testing.md, likewise.
pub fn suite_key_reference() -> String {
    keys::suite_markdown()
}
