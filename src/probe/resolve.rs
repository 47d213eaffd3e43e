//! Names to addresses, without a thread per look-up.
//!
//! One look-up per name is under way at a time, however many probes want it; its answer is kept for its time to live
//! but at most 30 s, a refusal for 5 s, an answer that did not come for 1 s. `/etc/hosts` and the search list of
//! `/etc/resolv.conf` count as for any program; `localhost` needs neither.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::RecordType;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::hosts;
use crate::model::failure::{Failure, FailureKind};

const HOSTS_FILE: &str = "/etc/hosts";
/// How long one look-up may take, all name servers and retries included.
const LOOKUP_MAX: Duration = Duration::from_secs(5);
const KEEP_ANSWER_MAX: Duration = Duration::from_secs(30);
const KEEP_REFUSAL: Duration = Duration::from_secs(5);
const KEEP_SILENCE: Duration = Duration::from_secs(1);
/// Names that are remembered before stale ones are thrown out.
const NAMES_MAX: usize = 4_096;

/// Who is asked for addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ResolverSource {
    /// What `/etc/resolv.conf` and `/etc/hosts` say.
    #[default]
    System,
    /// These name servers, over UDP with TCP for long answers.
    Servers(Vec<SocketAddr>),
}

type Answer = Result<Arc<[IpAddr]>, Unresolved>;

#[derive(Debug, Clone)]
struct Unresolved {
    kind: FailureKind,
    message: Arc<str>,
}

#[derive(Debug, Clone)]
struct Kept {
    answer: Answer,
    until: Instant,
}

impl Kept {
    fn without(unresolved: Unresolved) -> Self {
        let keep = match unresolved.kind {
            FailureKind::DnsNxdomain => KEEP_REFUSAL,
            _ => KEEP_SILENCE,
        };
        Self {
            answer: Err(unresolved),
            until: Instant::now() + keep,
        }
    }
}

/// Looks names up.
#[derive(Debug)]
pub(super) struct Resolver {
    inner: TokioResolver,
    /// Why there is no name server, if there is none.
    without_servers: Option<String>,
    lookup_max: Duration,
    names: Mutex<HashMap<Arc<str>, Arc<OnceCell<Kept>>>>,
}

impl Resolver {
    /// Returns a resolver. A machine without name servers is fine: hosts of `/etc/hosts` still resolve.
    pub(super) fn new(source: &ResolverSource) -> Result<Self, NetError> {
        let mut without_servers = None;
        let provider = TokioRuntimeProvider::default;
        let mut builder = match source {
            ResolverSource::System => match TokioResolver::builder_tokio() {
                Ok(builder) => builder,
                Err(error) => {
                    without_servers = Some(error.to_string());
                    let none = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
                    TokioResolver::builder_with_config(none, provider())
                }
            },
            ResolverSource::Servers(servers) => {
                let servers = servers.iter().map(name_server).collect();
                let config = ResolverConfig::from_parts(None, Vec::new(), servers);
                TokioResolver::builder_with_config(config, provider())
            }
        };
        let options = builder.options_mut();
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        // They are read here.
        options.use_hosts_file = ResolveHosts::Never;
        // Answers are kept here, where misses are merged too.
        options.cache_size = 0;
        options.timeout = options.timeout.min(Duration::from_secs(2));
        let mut inner = builder.build()?;
        let hosts = std::fs::read(HOSTS_FILE).unwrap_or_default();
        inner.set_hosts(Arc::new(hosts::read(&String::from_utf8_lossy(&hosts))));
        Ok(Self {
            inner,
            without_servers,
            lookup_max: LOOKUP_MAX,
            names: Mutex::new(HashMap::new()),
        })
    }

    /// Returns the addresses of a name if they are known by now.
    pub(super) fn known(&self, name: &str) -> Option<Result<Arc<[IpAddr]>, Failure>> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = names.get(name)?.get()?;
        (kept.until > Instant::now()).then(|| kept.answer.clone().map_err(Failure::from))
    }

    /// Looks a name up, or waits for the look-up of it that is under way. Never empty.
    pub(super) async fn lookup(&self, name: &str) -> Result<Arc<[IpAddr]>, Failure> {
        let cell = self.cell(name);
        let kept = cell.get_or_init(|| self.ask(name)).await;
        kept.answer.clone().map_err(Failure::from)
    }

    /// Asks for the records of a kind, such as `MX`; addresses come from where probes have them.
    pub(super) async fn records(&self, name: &str, kind: &str) -> Result<Vec<String>, Failure> {
        let kind: RecordType = kind.parse().map_err(|_| Failure {
            kind: FailureKind::Internal,
            phase: None,
            message: format!("`{kind}` is no kind of DNS record"),
        })?;
        if matches!(kind, RecordType::A | RecordType::AAAA) {
            let of_kind = |ip: &&IpAddr| ip.is_ipv4() == (kind == RecordType::A);
            let addresses = self.lookup(name).await?;
            return Ok(addresses
                .iter()
                .filter(of_kind)
                .map(IpAddr::to_string)
                .collect());
        }
        let lookup = self
            .inner
            .lookup(name, kind)
            .await
            .map_err(|error| Failure::from(self.classify(name, &error)))?;
        let of_kind = lookup
            .answers()
            .iter()
            .filter(|record| record.record_type() == kind);
        Ok(of_kind.map(|record| record.data.to_string()).collect())
    }

    fn cell(&self, name: &str) -> Arc<OnceCell<Kept>> {
        let now = Instant::now();
        let is_stale =
            |cell: &Arc<OnceCell<Kept>>| cell.get().is_some_and(|kept| kept.until <= now);
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = names.get(name).filter(|cell| !is_stale(cell)) {
            return Arc::clone(cell);
        }
        if names.len() >= NAMES_MAX {
            names.retain(|_, cell| !is_stale(cell));
        }
        let cell = Arc::new(OnceCell::new());
        if names.len() < NAMES_MAX {
            names.insert(Arc::from(name), Arc::clone(&cell));
        }
        cell
    }

    async fn ask(&self, name: &str) -> Kept {
        let Some(wanted) = hosts::name(name) else {
            return Kept::without(Unresolved {
                kind: FailureKind::DnsNxdomain,
                message: format!(
                    "{name} is not a name that can exist: a part of it is empty or longer than 63 \
                     characters, or all of it is longer than 255"
                )
                .into(),
            });
        };
        let looked_up = tokio::time::timeout(self.lookup_max, self.inner.lookup_ip(wanted)).await;
        let now = Instant::now();
        Kept::without(match looked_up {
            Ok(Ok(lookup)) => {
                let addresses: Arc<[IpAddr]> = interleaved(lookup.iter()).into();
                if !addresses.is_empty() {
                    let until = now
                        + Instant::from_std(lookup.valid_until())
                            .saturating_duration_since(now)
                            .min(KEEP_ANSWER_MAX);
                    return Kept {
                        answer: Ok(addresses),
                        until,
                    };
                }
                Unresolved {
                    kind: FailureKind::DnsNxdomain,
                    message: format!("{name} has no address").into(),
                }
            }
            Ok(Err(error)) => self.classify(name, &error),
            Err(_) => Unresolved {
                kind: FailureKind::DnsTimeout,
                message: format!(
                    "no name server answered for {name} within {} s",
                    self.lookup_max.as_secs()
                )
                .into(),
            },
        })
    }

    fn classify(&self, name: &str, error: &NetError) -> Unresolved {
        if let Some(reason) = &self.without_servers {
            return Unresolved {
                kind: FailureKind::LocalNetwork,
                message: format!(
                    "{name} could not be looked up: this machine has no name server ({reason})"
                )
                .into(),
            };
        }
        let (kind, message) = match error {
            NetError::Dns(DnsError::NoRecordsFound(_)) if error.is_nx_domain() => (
                FailureKind::DnsNxdomain,
                format!("the name {name} does not exist"),
            ),
            NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code.into() {
                0_u16 => (FailureKind::DnsNxdomain, format!("{name} has no address")),
                _ => (
                    FailureKind::DnsServfail,
                    format!("the name server answered {} for {name}", none.response_code),
                ),
            },
            NetError::Dns(DnsError::ResponseCode(code)) => (
                FailureKind::DnsServfail,
                format!("the name server answered {code} for {name}"),
            ),
            NetError::Timeout => (
                FailureKind::DnsTimeout,
                format!("no name server answered for {name}"),
            ),
            NetError::Io(_) | NetError::NoConnections => (
                FailureKind::LocalNetwork,
                format!("no name server could be reached for {name}: {error}"),
            ),
            other => (
                FailureKind::DnsServfail,
                format!("{name} could not be looked up: {other}"),
            ),
        };
        Unresolved {
            kind,
            message: message.into(),
        }
    }
}

impl From<Unresolved> for Failure {
    fn from(unresolved: Unresolved) -> Self {
        Self {
            kind: unresolved.kind,
            phase: None,
            message: unresolved.message.as_ref().to_owned(),
        }
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let mut udp = ConnectionConfig::udp();
    udp.port = address.port();
    let mut tcp = ConnectionConfig::tcp();
    tcp.port = address.port();
    NameServerConfig::new(address.ip(), true, vec![udp, tcp])
}

/// Returns the addresses with the families taking turns, IPv6 first, so that a dead family costs one stagger.
fn interleaved(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let (v6, v4): (Vec<_>, Vec<_>) = addresses.partition(IpAddr::is_ipv6);
    let mut mixed = Vec::with_capacity(v6.len() + v4.len());
    let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
    loop {
        let pair = [v6.next(), v4.next()];
        if pair == [None, None] {
            return mixed;
        }
        for address in pair.into_iter().flatten() {
            if !mixed.contains(&address) {
                mixed.push(address);
            }
        }
    }
}
