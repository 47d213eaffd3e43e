//! Everything at once, without network or set-up: a small API that goes wrong on schedule, OES watching it, and the
//! messages that people would get.

mod api;
mod summary;
mod tls;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::Args;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep_until};

use super::output::{BOLD, FAINT, GOOD, WARNING, styled};
use super::script_worker;
use super::{Exit, load, output, runtime};
use crate::channel::delivery::Console;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::daemon::{Daemon, Options, StartError};
use crate::model::counted::counted;
use crate::model::duration::Shown;
use api::{TROUBLES, Trouble};
use summary::Summary;
use tls::{Certificates, TlsListener};

/// Watch a small flaky API inside this process for a minute: needs no network and no set-up
///
/// What goes wrong is announced, then come the messages that people would get. Ends by itself or on Ctrl-C, with a
/// summary; leaves nothing behind.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How long to run
    #[arg(long, value_name = "SECONDS", default_value_t = 50, value_parser = seconds)]
    seconds: u64,

    /// Print the ops config of the demo and end
    #[arg(long)]
    config: bool,

    /// Print the summary as one JSON object (`oes.demo/1`); what happens goes to standard error
    #[arg(long, conflicts_with = "config")]
    json: bool,
}

/// Name of the JSON that this command prints.
const SCHEMA: &str = "oes.demo/1";

/// Where the API answers if nobody else does there: `oes init` and `ops/demo.toml` write configs that watch it.
const API: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9190);

/// Where the service with a certificate answers, in the same way.
const SECURE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9191);

/// The longest demo: a day.
const SECONDS_MAX: u64 = 24 * 60 * 60;

/// When the certificate is an expired one.
const EXPIRED: Trouble = Trouble {
    from: 13,
    until: 24,
    told: "the certificate of the TLS service expires",
};

/// Why the demo cannot run.
#[derive(Debug, Error)]
enum DemoError {
    #[error("could not listen on the loopback address")]
    Listen(#[source] io::Error),
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    #[error("could not use a folder for temporary files")]
    Folder(#[source] io::Error),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the demo's own config is refused; this is a bug")]
    Config,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    if arguments.config {
        output::result(config_text(API, SECURE));
        return Exit::Pass;
    }
    let schema = arguments.json.then_some(SCHEMA);
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return output::refuse(schema, &error),
    };
    let tell = if arguments.json { note } else { result };
    let shown = runtime.block_on(show(Duration::from_secs(arguments.seconds), tell));
    runtime.shutdown_background();
    let (summary, exit) = match shown {
        Ok(shown) => shown,
        Err(error) => return output::refuse(schema, &error),
    };
    if arguments.json {
        output::json(&summary.to_json(SCHEMA, exit));
    } else {
        output::result(summary);
    }
    exit
}

/// Shows what happens, as it happens.
type Tell = fn(&str);

fn result(line: &str) {
    output::result(line);
}

fn note(line: &str) {
    output::note(line);
}

fn seconds(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok();
    seconds
        .filter(|seconds| (1..=SECONDS_MAX).contains(seconds))
        .ok_or_else(|| format!("write a number of seconds from 1 to {SECONDS_MAX}"))
}

/// A folder that is gone with the demo.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("oes-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Temporary files that cannot be removed are the system's to clean up.
        std::fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

async fn show(length: Duration, tell: Tell) -> Result<(Summary, Exit), DemoError> {
    let folder = Folder::new().map_err(DemoError::Folder)?;
    let plain = listen(API).await.map_err(DemoError::Listen)?;
    let secure = listen(SECURE).await.map_err(DemoError::Listen)?;
    let address = plain.local_addr().map_err(DemoError::Listen)?;
    let secure_address = secure.local_addr().map_err(DemoError::Listen)?;
    if (address, secure_address) != (API, SECURE) {
        output::note(format_args!(
            "{API} or {SECURE} is taken: this demo answers on {address} and {secure_address}, where no other config looks"
        ));
    }
    let certificates = Certificates::new()?;
    let (secure, expire) = TlsListener::new(secure, &certificates);
    let config = load(
        &folder.0,
        address,
        secure_address,
        &certificates.authority_pem,
    )?;

    let start = Instant::now();
    let messages = Arc::new(AtomicUsize::new(0));
    let daemon = tokio::select! {
        served = api::serve(plain) => return Err(stopped_serving(served)),
        served = secure.serve() => return Err(stopped_serving(served)),
        shown = async {
            let services = config.services.len();
            let options = Options {
                config_path: None,
                console: counting_console(&messages, tell),
                clock: Clock::System,
                worker: script_worker::program(),
            };
            let daemon = Daemon::start(config, options).await?;
            tell(&introduction(services, address, &daemon, length));
            let interrupted = tokio::select! {
                () = narrate(start, length, tell, |expired| expire.set(expired)) => false,
                () = output::reader_gone() => false,
                pressed = tokio::signal::ctrl_c() => pressed.is_ok(),
            };
            Ok::<_, DemoError>((daemon, interrupted))
        } => shown,
    };
    let (daemon, interrupted) = daemon?;
    let snapshot = daemon.snapshots().newest();
    let probes = daemon.metrics().outcomes();
    daemon.stop(Duration::from_secs(2)).await;
    let messages = messages.load(Ordering::SeqCst);
    let summary = Summary::new(&snapshot.ledger, probes, messages);
    let exit = if interrupted {
        Exit::Interrupted
    } else {
        Exit::Pass
    };
    Ok((summary, exit))
}

/// Listens on the address that the shipped configs name, or on a free port where somebody else does.
async fn listen(wanted: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(wanted).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((wanted.ip(), 0)).await,
    }
}

fn stopped_serving(served: io::Result<()>) -> DemoError {
    DemoError::Listen(
        served
            .err()
            .unwrap_or_else(|| io::Error::other("the demo's API ended")),
    )
}

fn load(
    folder: &Path,
    plain: SocketAddr,
    secure: SocketAddr,
    authority_pem: &str,
) -> Result<Config, DemoError> {
    use std::io::Write as _;
    let write = || {
        let mut file = std::fs::File::create(folder.join("authority.pem"))?;
        file.write_all(authority_pem.as_bytes())
    };
    write().map_err(DemoError::Folder)?;
    let text = config_text(plain, secure);
    let environment: BTreeMap<String, String> = BTreeMap::new();
    match config::load_text("demo.toml", &text, folder, &environment) {
        Ok(loaded) => Ok(loaded.config),
        Err(report) => {
            load::show(&report);
            Err(DemoError::Config)
        }
    }
}

/// The demo's ops config, as a user would write it.
fn config_text(plain: SocketAddr, secure: SocketAddr) -> String {
    include_str!("demo/demo.toml")
        .replace(&API.to_string(), &plain.to_string())
        .replace(&SECURE.to_string(), &secure.to_string())
}

fn counting_console(messages: &Arc<AtomicUsize>, tell: Tell) -> Console {
    let messages = Arc::clone(messages);
    Console {
        write: Box::new(move |text| {
            messages.fetch_add(1, Ordering::SeqCst);
            tell(text);
        }),
        colour: output::console().colour,
    }
}

fn introduction(services: usize, api: SocketAddr, daemon: &Daemon, length: Duration) -> String {
    format!(
        "{} watches {} of a small API inside this process, once a second each.\n\
         The API goes wrong on schedule; below are the messages that people would get.\n\
         Open http://{page}/ to see it on the status page.\n\
         API: http://{api} · metrics: http://{page}/metrics · ends after {} or on Ctrl-C\n",
        styled(BOLD, "OES"),
        counted(services, "service"),
        Shown(length),
        page = daemon.place()
    )
}

/// Announces what goes wrong and what is mended, when it happens, until the demo ends.
async fn narrate(start: Instant, length: Duration, tell: Tell, expire: impl Fn(bool)) {
    let mut moments: Vec<(u64, String)> = Vec::new();
    for trouble in TROUBLES.iter().chain([&EXPIRED]) {
        moments.push((trouble.from, styled(WARNING, trouble.told)));
        moments.push((
            trouble.until,
            format!("{} {}", styled(GOOD, "no longer:"), trouble.told),
        ));
    }
    moments.sort_by_key(|(second, _)| *second);
    for (second, told) in moments {
        let at = start + Duration::from_secs(second);
        if at >= start + length {
            break;
        }
        sleep_until(at).await;
        if second == EXPIRED.from || second == EXPIRED.until {
            expire(second == EXPIRED.from);
        }
        tell(&format!(
            "{} {told}",
            styled(FAINT, format_args!("── {second:>2} s ──"))
        ));
    }
    sleep_until(start + length).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::init;

    #[test]
    fn every_shipped_config_watches_the_demo_where_it_answers() {
        let configs = [
            include_str!("demo/demo.toml"),
            include_str!("../../ops/demo.toml"),
            init::CONFIG,
        ];
        let urls = regex::Regex::new(r#"url = "(https?)://([^/]+)/"#).unwrap();
        for config in configs {
            let mut watched = 0;
            for url in urls.captures_iter(config) {
                let address = if &url[1] == "https" { SECURE } else { API };
                assert_eq!(url[2], address.to_string(), "{config}");
                watched += 1;
            }
            assert!(watched > 1, "{config}");
        }
    }
}
