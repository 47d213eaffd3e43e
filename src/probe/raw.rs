//! Connections that carry no HTTP, and look-ups, made as a probe makes them: same addresses, places and deadline.

use std::time::Duration;

use hyper_tls::MaybeHttpsStream;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use super::attempt::Attempt;
use super::plan::Plan;
use super::prober::{HttpProber, Inner};
use super::progress::Progress;
use super::stream::Stream;
use crate::model::duration::Shown;
use crate::model::exchange::Certificate;
use crate::model::failure::{Failure, FailureKind};

/// Bytes that are read at once.
const PIECE_BYTES: usize = 8 << 10;

/// What is sent over a connection, and how much of the answer is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Exchanged<'a> {
    /// What is sent, nothing where the other side speaks first.
    pub send: &'a [u8],
    /// The answer ends where this was read; absent for the first bytes that come.
    pub until: Option<&'a [u8]>,
    /// Bytes of the answer that are read at most.
    pub limit: usize,
}

impl HttpProber {
    /// Sends bytes to where a plain `http` plan leads, and returns what is answered.
    ///
    /// # Errors
    /// [`Failure`] if there is no connection, or no answer in time.
    pub async fn exchange(
        &self,
        plan: &Plan,
        what: Exchanged<'_>,
        now: Timestamp,
    ) -> Result<Vec<u8>, Failure> {
        let mut progress = Progress::new(&plan.target.host);
        let deadline = Instant::now() + plan.timeout;
        let talk = async {
            let stream = self
                .inner()
                .connected(plan, deadline, now, &mut progress)
                .await?;
            let MaybeHttpsStream::Http(unencrypted) = stream else {
                return Err(failed(FailureKind::Internal, "this is no plain connection"));
            };
            let mut tcp = unencrypted.into_inner();
            talk(&mut tcp, what).await.map_err(|error| {
                failed(
                    FailureKind::ConnectReset,
                    &format!("the connection broke: {error}"),
                )
            })
        };
        match timeout_at(deadline, talk).await {
            Ok(answer) => answer,
            Err(_) => Err(too_late(plan)),
        }
    }

    /// Returns the certificate that is shown where an `https` plan leads, valid or not; no request is sent.
    ///
    /// # Errors
    /// [`Failure`] if there is no connection, or none that shows a certificate.
    pub async fn certificate(&self, plan: &Plan, now: Timestamp) -> Result<Certificate, Failure> {
        let mut progress = Progress::new(&plan.target.host);
        let deadline = Instant::now() + plan.timeout;
        let opened = self.inner().connected(plan, deadline, now, &mut progress);
        let opened = timeout_at(deadline, opened)
            .await
            .map(|opened| opened.map(drop));
        match (progress.certificate, opened) {
            (Some(certificate), _) => Ok(certificate),
            (None, Ok(Err(failure))) => Err(failure),
            (None, Err(_)) => Err(too_late(plan)),
            (None, Ok(Ok(()))) => Err(failed(
                FailureKind::TlsHandshake,
                "the certificate could not be read",
            )),
        }
    }

    /// Returns the records of a kind, such as `MX`, that a name has, as zone files write them.
    ///
    /// # Errors
    /// [`Failure`] if there are none, or nobody says in time.
    pub async fn records(
        &self,
        name: &str,
        kind: &str,
        timeout: Duration,
    ) -> Result<Vec<String>, Failure> {
        let looked_up = tokio::time::timeout(timeout, self.inner().resolver.records(name, kind));
        looked_up.await.unwrap_or_else(|_| {
            Err(failed(
                FailureKind::DnsTimeout,
                &format!(
                    "no name server answered for {name} within {}",
                    Shown(timeout)
                ),
            ))
        })
    }
}

impl Inner {
    /// Waits for a place and connects.
    async fn connected(
        &self,
        plan: &Plan,
        deadline: Instant,
        now: Timestamp,
        progress: &mut Progress,
    ) -> Result<Stream, Failure> {
        let _permits = self.permits(plan, deadline).await?;
        let mut attempt = Attempt {
            prober: self,
            plan,
            deadline,
            now,
            progress,
        };
        attempt.connect().await
    }
}

async fn talk(
    tcp: &mut (impl AsyncRead + AsyncWrite + Unpin),
    what: Exchanged<'_>,
) -> std::io::Result<Vec<u8>> {
    tcp.write_all(what.send).await?;
    let mut answer = Vec::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let room = what.limit.saturating_sub(answer.len()).min(PIECE_BYTES);
        let Some(room) = piece.get_mut(..room).filter(|room| !room.is_empty()) else {
            return Ok(answer);
        };
        let read = tcp.read(room).await?;
        answer.extend_from_slice(room.get(..read).unwrap_or_default());
        let is_complete = what.until.is_none_or(|until| {
            let new = answer.len().saturating_sub(read + until.len());
            let tail = answer.get(new..).unwrap_or_default();
            until.is_empty() || tail.windows(until.len()).any(|part| part == until)
        });
        if read == 0 || is_complete {
            return Ok(answer);
        }
    }
}

fn failed(kind: FailureKind, message: &str) -> Failure {
    Failure {
        kind,
        phase: None,
        message: message.to_owned(),
    }
}

fn too_late(plan: &Plan) -> Failure {
    failed(
        FailureKind::TimeoutWait,
        &format!("no answer within {}", Shown(plan.timeout)),
    )
}
