//! How commands change what the notifier does: through the API of a running daemon, or in the state file while none
//! runs. Both carry an order out with the same function.

mod client;

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use http::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

use super::output::{self, Schema, WARNING, styled};
use super::{Exit, load, runtime, watched};
use crate::clock::Clock;
use crate::config;
use crate::daemon::control_file::{self, ControlFile};
use crate::daemon::keeper::with_violations;
use crate::history::{self, Store};
use crate::model::service::{ChannelName, ServiceName};
use crate::policy::chronicle;
use crate::policy::orders::{self, Order, Refusal};
use crate::state::{self, CommitError, LockError, OpenError, ReadError, StateFile};
use crate::web::api::{Carried, Tested};
use client::{Asked, ClientError};

/// Who acts, and why.
#[derive(Debug, Args)]
pub(super) struct Author {
    /// Who you are [default: `$SUDO_USER`, or `$USER`]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Author {
    /// Returns the name of whoever acts.
    pub(super) fn name(&self) -> String {
        let user = |name| std::env::var(name).ok().filter(|name| !name.is_empty());
        self.by
            .clone()
            .or_else(|| user("SUDO_USER"))
            .or_else(|| user("USER"))
            .unwrap_or_else(|| "unknown".to_owned())
    }
}

/// Who carried an order out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Through {
    /// The running daemon.
    Daemon,
    /// This command, in the state file; a daemon knows when it starts.
    StateFile,
}

/// A page of a list has at most so many elements.
const PAGE_MAX: usize = 1000;

/// Why an order was not carried out.
#[derive(Debug, Error)]
pub(super) enum OrderError {
    /// It makes no sense, or what it means is not there.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The daemon said no.
    #[error("{0}")]
    Said(String),
    /// A daemon runs that has not said how to reach it.
    #[error("the daemon that uses {} cannot be reached{}", folder.display(), mend(source))]
    NoDoor { folder: PathBuf, source: io::Error },
    /// A daemon runs that does not answer.
    #[error("the daemon that uses {} does not answer; it may be starting or stopping: try again", folder.display())]
    NoAnswer {
        folder: PathBuf,
        source: ClientError,
    },
    /// What this command would write the daemon could not read.
    #[error("{} belongs to another user; run this command as that user, or while the daemon runs", folder.display())]
    Foreign { folder: PathBuf },
    #[error("the answer of the daemon makes no sense")]
    Nonsense(#[source] serde_json::Error),
    #[error(transparent)]
    State(#[from] ReadError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error("threads cannot be started")]
    Threads(#[source] io::Error),
}

fn mend(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => {
            "; it may be starting; if not, look into its log, or use its API with the `server.token` of the ops config"
        }
        _ => "; run this command as the user of the daemon",
    }
}

impl OrderError {
    fn exit(&self) -> Exit {
        match self {
            Self::Refused(_)
            | Self::Said(_)
            | Self::NoDoor { .. }
            | Self::NoAnswer { .. }
            | Self::Foreign { .. } => Exit::Fail,
            _ => Exit::Usage,
        }
    }

    /// Says why an order was not carried out.
    pub(super) fn tell(&self, schema: Schema) -> Exit {
        output::refuse_as(schema, self.exit(), self)
    }
}

/// Carries an order out, says what was done or why not, and returns the exit code.
pub(super) fn order(config: &Path, order: Order, schema: Schema) -> Exit {
    if !config.exists() {
        return load::load(config, schema).map_or(Exit::Usage, |_| Exit::Usage);
    }
    let data = config::data_folder(config);
    match carry_out(config, &data, order) {
        Ok((carried, through)) => told(&carried, through, schema),
        Err(error) => error.tell(schema),
    }
}

fn carry_out(config: &Path, data: &Path, order: Order) -> Result<(Carried, Through), OrderError> {
    if state::in_use(data) {
        let body = ask(data, asked(&order))?;
        let carried = serde_json::from_slice(&body).map_err(OrderError::Nonsense)?;
        return Ok((carried, Through::Daemon));
    }
    let carried = by_hand(config, data, order)?;
    Ok((carried, Through::StateFile))
}

fn told(carried: &Carried, through: Through, schema: Schema) -> Exit {
    #[derive(Serialize)]
    struct Told<'a> {
        schema: &'static str,
        exit: u8,
        through: Through,
        #[serde(flatten)]
        carried: &'a Carried,
    }
    let exit = if carried.durable {
        Exit::Pass
    } else {
        Exit::Unknown
    };
    if let Some(schema) = schema {
        output::json(&Told {
            schema,
            exit: exit as u8,
            through,
            carried,
        });
        return exit;
    }
    output::result(&carried.done);
    for words in &carried.warnings {
        output::note(format_args!("{} {words}", styled(WARNING, "warning:")));
    }
    if !carried.durable {
        output::note(format_args!(
            "{} it is in force, but the state file cannot be written: a restart of the daemon forgets it",
            styled(WARNING, "warning:")
        ));
    }
    if through == Through::StateFile {
        output::note("no daemon runs; it is in the state file for the next start");
    }
    exit
}

/// Sends a test message through the daemon; absent if none runs.
///
/// # Errors
/// [`OrderError`] if a daemon runs that does not do it.
pub(super) fn test(
    data: &Path,
    channel: &ChannelName,
    over: bool,
) -> Result<Option<Tested>, OrderError> {
    if !state::in_use(data) {
        return Ok(None);
    }
    let asked = Asked {
        method: Method::POST,
        path: vec!["channels", channel.as_str(), "test"],
        query: None,
        body: Some(json!({ "over": over })),
    };
    let body = ask(data, asked)?;
    let tested = serde_json::from_slice(&body).map_err(OrderError::Nonsense)?;
    Ok(Some(tested))
}

/// Returns every page of a list of the daemon.
///
/// # Errors
/// [`OrderError`] if no daemon answers.
pub(super) fn pages<T: DeserializeOwned>(data: &Path, path: &[&str]) -> Result<Vec<T>, OrderError> {
    #[derive(Deserialize)]
    struct Page<T> {
        #[serde(flatten)]
        page: T,
        next: Option<String>,
    }
    let mut pages = Vec::new();
    let mut query = format!("limit={PAGE_MAX}");
    loop {
        let asked = Asked {
            method: Method::GET,
            path: path.to_vec(),
            query: Some(query),
            body: None,
        };
        let body = ask(data, asked)?;
        let Page { page, next } = serde_json::from_slice(&body).map_err(OrderError::Nonsense)?;
        pages.push(page);
        match next {
            Some(cursor) => query = format!("limit={PAGE_MAX}&cursor={cursor}"),
            None => return Ok(pages),
        }
    }
}

/// Has the daemon probe a service at once.
///
/// # Errors
/// [`OrderError`] if it does not.
pub(super) fn probe(data: &Path, service: &str) -> Result<(), OrderError> {
    let asked = Asked {
        method: Method::POST,
        path: vec!["services", service, "probe"],
        query: None,
        body: None,
    };
    ask(data, asked).map(drop)
}

/// Has the daemon look whether the history is damaged where somebody could not read it. Tells whether one runs and does.
pub(super) fn check_history(data: &Path, services: &[ServiceName]) -> bool {
    let services = services.get(..PAGE_MAX).unwrap_or(services);
    let asked = Asked {
        method: Method::POST,
        path: vec!["history", "check"],
        query: None,
        body: Some(json!({ "services": services })),
    };
    state::in_use(data) && ask(data, asked).is_ok()
}

fn ask(data: &Path, asked: Asked<'_>) -> Result<bytes::Bytes, OrderError> {
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
    }
    let folder = || data.to_owned();
    let daemon = ControlFile::read(data).map_err(|source| OrderError::NoDoor {
        folder: folder(),
        source,
    })?;
    let runtime = runtime().map_err(OrderError::Threads)?;
    let answer = runtime.block_on(client::ask(&daemon, asked));
    let (status, body) = answer.map_err(|source| OrderError::NoAnswer {
        folder: folder(),
        source,
    })?;
    if status.is_success() {
        return Ok(body);
    }
    let detail = serde_json::from_slice(&body).map(|problem: Problem| problem.detail);
    Err(OrderError::Said(match (detail, status.as_u16()) {
        (Ok(_), 401) => format!(
            "the daemon does not know the token in {}: another one may have written it",
            data.join(control_file::FILE).display()
        ),
        (Ok(detail), _) => detail,
        (Err(_), status) => format!("the daemon answered {status}"),
    }))
}

/// Returns the request that is an order.
fn asked(order: &Order) -> Asked<'_> {
    let of = |method, path: Vec<_>, body: Option<Value>| Asked {
        method,
        path,
        query: None,
        body,
    };
    match order {
        Order::Silence(wanted, _) => of(Method::POST, vec!["silences"], Some(json!(wanted))),
        Order::EndSilence(id) => of(Method::DELETE, vec!["silences", &id.0], None),
        Order::Acknowledge {
            incident,
            by,
            reason,
        } => {
            let body = json!({ "by": by, "reason": reason });
            of(Method::POST, vec!["incidents", incident, "ack"], Some(body))
        }
        Order::Retry(message) => of(Method::POST, vec!["outbox", message, "retry"], None),
        Order::Drop(message) => of(Method::DELETE, vec!["outbox", message], None),
        Order::Resume(channel) => of(
            Method::POST,
            vec!["channels", channel.as_str(), "resume"],
            None,
        ),
    }
}

/// Carries an order out in the state file, which no daemon has.
fn by_hand(config: &Path, data: &Path, order: Order) -> Result<Carried, OrderError> {
    // Only a state file that is whole is changed: what to do about a damaged one a start decides.
    state::read(data)?;
    if is_foreign(data) {
        let folder = data.to_owned();
        return Err(OrderError::Foreign { folder });
    }
    let now = Clock::System.now();
    let boot: u64 = rand::random();
    let opened = StateFile::open(data, &format!("{boot:016x}"), now);
    let mut opened = match opened {
        // A daemon that has just started.
        Err(OpenError::Lock(LockError::Locked { folder, .. })) => {
            let source = io::ErrorKind::NotFound.into();
            return Err(OrderError::NoDoor { folder, source });
        }
        opened => opened?,
    };
    let services = state::read(data)?.services;
    let mut ledger = opened.ledger.clone();
    let warnings = match watched::services(config) {
        Some(watched) => orders::check(&order, &watched, &ledger)?,
        None => Vec::new(),
    };
    let done = orders::carry_out(&mut ledger, order, now)?;
    let lines = with_violations(&services, &ledger);
    opened.file.commit(&ledger, &lines, now)?;
    let database = data.join(history::FILE);
    if database.exists() {
        let happened = chronicle::between(&opened.ledger, &ledger, now);
        let history = Store::open(&database, 0, now).store;
        history.write_chronicle(happened);
    }
    Ok(Carried {
        done,
        durable: true,
        warnings,
    })
}

/// Tells whether a folder is another user's, as it is for root.
#[cfg(unix)]
fn is_foreign(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let owner = folder.metadata().map(|metadata| metadata.uid());
    owner.is_ok_and(|owner| owner != rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn is_foreign(_: &Path) -> bool {
    false
}
