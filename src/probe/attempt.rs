//! One probe from its first look-up to the last byte, over all its redirects.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue, PROXY_AUTHORIZATION};
use http::{Method, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::address::{AddressPolicy, Permission, Reach, is_allowed_host, judge, reach};
use super::body::{self, can_have_body};
use super::dial;
use super::plan::Plan;
use super::prober::Inner;
use super::progress::{Progress, Stamps};
use super::proxy;
use super::redirect::{self, Itinerary};
use super::stream::{self, Stream, Wire};
use super::talk::{self, Asked, Driven, Talk};
use super::target::Target;
use super::tls::{self, Connector, Refusal};
use crate::model::exchange::{Body, Hop, Phase, Response};
use crate::model::failure::{Failure, FailureKind};
use crate::model::service::{Family, HttpVersions};

/// How long the look at a refused certificate may take.
const LOOK_MAX: Duration = Duration::from_secs(3);

/// A probe under way.
pub(super) struct Attempt<'a> {
    pub(super) prober: &'a Inner,
    pub(super) plan: &'a Plan,
    pub(super) deadline: Instant,
    pub(super) now: Timestamp,
    pub(super) progress: &'a mut Progress,
}

/// How one hop ended.
enum Answer {
    Final(Response),
    Redirect {
        status: StatusCode,
        location: Vec<u8>,
    },
}

impl Attempt<'_> {
    /// Makes the exchange. A token that is refused is fetched anew, once.
    pub(super) async fn run(&mut self, bearer: Option<HeaderValue>) -> Result<Response, Failure> {
        let plan = self.plan;
        let response = self.travel(bearer.as_ref()).await?;
        let (Some(source), StatusCode::UNAUTHORIZED) = (&plan.token, response.status) else {
            return Ok(response);
        };
        let (prober, now) = (self.prober, self.now);
        match prober.token(source, bearer.as_ref(), now).await {
            Ok(fresh) => {
                self.progress.hops.clear();
                // The exchange goes on: its end is that of the second request.
                self.progress.ended_at = None;
                self.travel(Some(&fresh)).await
            }
            // The 401 stands: it is what the service said.
            Err(_) => Ok(response),
        }
    }

    /// Connects to where the plan leads, and does no more.
    pub(super) async fn connect(&mut self) -> Result<Stream, Failure> {
        let plan = self.plan;
        let permission = self.permission(None, &plan.target)?;
        Ok(self.open(&plan.target, permission).await?.0)
    }

    /// Asks, and follows redirects.
    async fn travel(&mut self, bearer: Option<&HeaderValue>) -> Result<Response, Failure> {
        let plan = self.plan;
        let mut itinerary = Itinerary::new(plan);
        if let Some(bearer) = bearer {
            itinerary.headers.set(AUTHORIZATION, bearer.clone());
            self.progress.bearer = Some(bearer.clone());
        }
        let mut target = Cow::Borrowed(&plan.target);
        let mut permission = self.permission(None, &target)?;
        let mut followed = 0;
        loop {
            let answer = self.hop(&target, &itinerary, permission).await?;
            let (status, location) = match answer {
                Answer::Final(response) => return Ok(response),
                Answer::Redirect { status, location } => (status, location),
            };
            if followed == plan.redirects_max {
                return Err(Failure {
                    kind: FailureKind::RedirectLoop,
                    phase: None,
                    message: format!("redirected more than {} times", plan.redirects_max),
                });
            }
            followed += 1;
            self.progress.hops.push(Hop {
                url: self.shown_url(&itinerary),
                status: status.as_u16(),
                peer: self.progress.peer,
            });
            let next = itinerary.follow(status, &location, &target)?;
            permission = self.permission(Some(&target), &next)?;
            target = Cow::Owned(next);
        }
    }

    /// Returns the URL of a hop without secrets: the first as the config shows it, others without their query.
    fn shown_url(&self, itinerary: &Itinerary<'_>) -> String {
        let plan = self.plan;
        if self.progress.hops.is_empty() {
            return plan.sent.url.as_ref().to_owned();
        }
        if *plan.sent.url == *plan.url.as_str() {
            return redirect::shown(&itinerary.url);
        }
        // A part of the first URL is secret, and a relative redirect may have carried it along.
        format!("{}/…", itinerary.url.origin().ascii_serialization())
    }

    /// Returns what the hop to a target may reach. A redirect stays where it may: from a private place to private ones,
    /// to hosts allowed by name, else to public ones; where hosts are listed, every hop is to one of these.
    fn permission(&self, from: Option<&Target>, to: &Target) -> Result<Permission, Failure> {
        let allows = |hosts: &[String]| is_allowed_host(hosts, &to.host, to.port);
        let plan = self.plan;
        let is_listed = match &plan.addresses {
            AddressPolicy::Configured { hosts } => allows(hosts),
            AddressPolicy::Listed { hosts } if allows(hosts) => true,
            AddressPolicy::Listed { .. } => return Err(unlisted(to, from.is_some())),
        };
        let Some(from) = from else {
            return Ok(Permission::Private);
        };
        let by_name = plan.target.host.eq_ignore_ascii_case(&to.host);
        // Behind a proxy the peer is the proxy; only a literal address says where the hop went.
        let place = match plan.proxy {
            Some(_) => from.ip,
            None => self.progress.peer.map(|peer| peer.ip()),
        };
        let from_private = place.is_some_and(|ip| reach(ip) == Reach::Private);
        if is_listed || by_name || from_private {
            Ok(Permission::Private)
        } else {
            Ok(Permission::PublicOnly)
        }
    }

    /// Makes one request.
    async fn hop(
        &mut self,
        target: &Target,
        itinerary: &Itinerary<'_>,
        permission: Permission,
    ) -> Result<Answer, Failure> {
        let plan = self.plan;
        self.progress.peer = None;
        self.progress.tls = None;
        self.progress.host = Arc::clone(&target.host);
        let (stream, peer) = self.open(target, permission).await?;
        let body = if itinerary.has_body {
            plan.body.clone()
        } else {
            Bytes::new()
        };
        let is_h2 =
            tls::agreed_h2(&stream) || (!target.is_https && plan.versions == HttpVersions::Http2);
        let mut headers = itinerary.headers.to_map();
        let through_proxy = plan.proxy.as_ref().filter(|_| !target.is_https);
        if let Some(authorization) = through_proxy.and_then(|proxy| proxy.authorization.clone()) {
            headers.insert(PROXY_AUTHORIZATION, authorization);
        }
        let stamps = Stamps::new(is_h2, body.is_empty());
        self.progress.begin_talk(&stamps);
        let asked = Asked {
            method: &itinerary.method,
            line: if through_proxy.is_some() {
                &target.absolute
            } else {
                &target.path
            },
            absolute: &target.absolute,
            host: &target.host_header,
            headers,
            body,
        };
        if is_h2 {
            let talked = Box::pin(talk::http2(stream, asked, &stamps, peer)).await?;
            self.finish(talked, &itinerary.method, peer).await
        } else {
            let talked = talk::http1(stream, asked, &stamps, peer).await?;
            self.finish(talked, &itinerary.method, peer).await
        }
    }

    /// Reads what comes after the response head.
    async fn finish<C: Talk>(
        &mut self,
        (response, mut driven): (http::Response<Incoming>, Driven<C>),
        method: &Method,
        peer: SocketAddr,
    ) -> Result<Answer, Failure> {
        let (head, incoming) = response.into_parts();
        if self.plan.redirects_max > 0
            && let Some(location) = redirect::location(head.status, &head.headers)
        {
            self.progress.end();
            return Ok(Answer::Redirect {
                status: head.status,
                location: location.to_vec(),
            });
        }
        let body = if can_have_body(method, head.status) {
            body::read(&mut driven, incoming, &head.headers, self.plan.bounds, peer).await?
        } else {
            Body::default()
        };
        self.progress.ended_at = Some(Instant::now());
        self.progress.end();
        if self.progress.certificate.is_some() {
            driven.part().await;
        }
        Ok(Answer::Final(Response {
            status: head.status,
            version: head.version,
            headers: head.headers,
            body,
        }))
    }

    /// Connects, through the proxy and TLS where they are used.
    async fn open(
        &mut self,
        target: &Target,
        permission: Permission,
    ) -> Result<(Stream, SocketAddr), Failure> {
        let plan = self.plan;
        let (tcp, peer) = match &plan.proxy {
            None => {
                let addresses = self.addresses(target, permission).await?;
                self.progress.begin(Phase::Connect);
                dial::connect(&addresses).await?
            }
            Some(proxy) => {
                if let Some(ip) = target.ip {
                    judge(ip, permission).map_err(|rule| denied(target, ip, rule))?;
                }
                let addresses = self
                    .addresses(&proxy.target, Permission::Private)
                    .await
                    .map_err(|failure| proxy::unreachable(proxy, &failure))?;
                self.progress.begin(Phase::Connect);
                let (mut tcp, peer) = dial::connect(&addresses)
                    .await
                    .map_err(|failure| proxy::unreachable(proxy, &failure))?;
                if target.is_https {
                    proxy::tunnel(&mut tcp, proxy, target).await?;
                }
                (tcp, peer)
            }
        };
        self.progress.peer = Some(peer);
        if target.is_https {
            return Ok((self.secure(tcp, target, peer).await?, peer));
        }
        self.progress.end();
        Ok((Stream::Http(TokioIo::new(Wire::new(tcp))), peer))
    }

    /// Returns where to connect to: addresses that were all judged, never none.
    async fn addresses(
        &mut self,
        target: &Target,
        permission: Permission,
    ) -> Result<Vec<SocketAddr>, Failure> {
        let plan = self.plan;
        let is_fixed = |entry: &&(String, IpAddr)| entry.0.eq_ignore_ascii_case(&target.host);
        if let Some(ip) = plan
            .fixed
            .iter()
            .find(is_fixed)
            .map(|(_, ip)| *ip)
            .or(target.ip)
        {
            judge(ip, permission).map_err(|rule| denied(target, ip, rule))?;
            return Ok(vec![SocketAddr::new(ip, target.port)]);
        }
        let found = if let Some(known) = self.prober.resolver.known(&target.host) {
            known?
        } else {
            self.progress.begin(Phase::Resolve);
            self.prober.resolver.lookup(&target.host).await?
        };
        let mut refused = None;
        let mut allowed = Vec::with_capacity(found.len());
        for ip in found.iter().copied() {
            let is_wanted = match plan.family {
                Family::Any => true,
                Family::V4 => ip.is_ipv4(),
                Family::V6 => ip.is_ipv6(),
            };
            match judge(ip, permission) {
                Ok(()) if is_wanted => allowed.push(SocketAddr::new(ip, target.port)),
                Err(rule) if is_wanted => refused = Some((ip, rule)),
                Ok(()) | Err(_) => {}
            }
        }
        match (allowed.is_empty(), refused) {
            (false, _) => Ok(allowed),
            (true, Some((ip, rule))) => Err(denied(target, ip, rule)),
            (true, None) => Err(Failure {
                kind: FailureKind::DnsNxdomain,
                phase: None,
                message: format!(
                    "{} has no {} address",
                    target.host,
                    if plan.family == Family::V6 {
                        "IPv6"
                    } else {
                        "IPv4"
                    }
                ),
            }),
        }
    }

    /// Shakes hands, and looks again without verification where the certificate is refused.
    async fn secure(
        &mut self,
        tcp: TcpStream,
        target: &Target,
        peer: SocketAddr,
    ) -> Result<Stream, Failure> {
        let plan = self.plan;
        self.progress.begin(Phase::Tls);
        let is_own = target.is_same_origin(&plan.target);
        // The client certificate and the other name are meant for the configured origin only.
        let connector = if is_own || !plan.has_client_certificate {
            Arc::clone(&plan.connector)
        } else {
            self.prober.connectors.without_client(&plan.connector)
        };
        let uri = match &plan.server_name {
            Some(uri) if is_own => uri.as_ref().clone(),
            Some(_) | None => target.absolute.clone(),
        };
        let host = uri.host().unwrap_or_default().to_owned();
        let error = match tls::handshake(connector.get().await?, uri.clone(), tcp).await {
            Ok(stream) => {
                let der = tls::peer_certificate(&stream);
                self.progress.certificate = der.and_then(|der| self.prober.facts.of(der));
                self.progress.tls = stream::session(&stream);
                if plan.versions == HttpVersions::Http2 && !tls::agreed_h2(&stream) {
                    return Err(Failure {
                        kind: FailureKind::BadHttp,
                        phase: None,
                        message: format!("{peer} does not agree to HTTP/2"),
                    });
                }
                return Ok(stream);
            }
            Err(error) => error,
        };
        let ended = Instant::now();
        self.progress.end_at(ended);
        self.progress.ended_at = Some(ended);
        let refusal = Refusal::of(error.as_ref());
        if refusal.is_about_certificate() && plan.proxy.is_none() {
            self.look(&connector, uri, peer).await;
        }
        let facts = self.progress.certificate.as_ref();
        let failure = refusal.explain(&host, peer, facts, self.now);
        Err(Failure {
            phase: Some(Phase::Tls),
            ..failure
        })
    }

    /// Shakes hands once more, without verification and without a request, for the facts of the certificate.
    ///
    /// It has its own time and none of the probe's phases; the verdict stays what it was.
    async fn look(&mut self, connector: &Connector, uri: http::Uri, peer: SocketAddr) {
        let margin = Duration::from_millis(20);
        let until = (Instant::now() + LOOK_MAX).min(self.deadline - margin);
        let connector = self.prober.connectors.without_verification(connector);
        let looked = timeout_at(until, async {
            let (tcp, _) = dial::connect(&[peer]).await.ok()?;
            let stream = tls::handshake(connector.get().await.ok()?, uri, tcp)
                .await
                .ok()?;
            tls::peer_certificate(&stream)
        });
        if let Ok(Some(der)) = looked.await {
            self.progress.certificate = self.prober.facts.of(der);
        }
    }
}

fn unlisted(target: &Target, redirected: bool) -> Failure {
    let (kind, verb) = if redirected {
        (FailureKind::RedirectPolicy, "redirected to")
    } else {
        (FailureKind::PolicyDenied, "did not ask")
    };
    Failure {
        kind,
        phase: None,
        message: format!(
            "{verb} {}, which the script may not ask: grant the host to it",
            target.host_and_port()
        ),
    }
}

fn denied(target: &Target, ip: IpAddr, rule: &str) -> Failure {
    let place = if target.ip == Some(ip) {
        ip.to_string()
    } else {
        format!("{ip}, the address of {},", target.host)
    };
    Failure {
        kind: FailureKind::PolicyDenied,
        phase: None,
        message: format!("{place} was not connected to: {rule}"),
    }
}
