//! What a probe has done so far, so that a probe that is cut off anywhere still tells where the time went.
//!
//! Phases never overlap: beginning one ends the one before it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;

use crate::model::exchange::{Certificate, Hop, Phase, Timings, TlsSession};

/// The account of one probe.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) timings: Timings,
    pub(super) hops: Vec<Hop>,
    /// The token that was sent last.
    pub(super) bearer: Option<HeaderValue>,
    pub(super) peer: Option<SocketAddr>,
    pub(super) certificate: Option<Certificate>,
    /// The TLS session of the present hop.
    pub(super) tls: Option<TlsSession>,
    /// The host of the present hop.
    pub(super) host: Arc<str>,
    /// When the exchange ended, where that was before the account is closed: a look at a certificate comes after.
    pub(super) ended_at: Option<Instant>,
    running: Running,
}

#[derive(Debug)]
enum Running {
    Nothing,
    Phase(Phase, Instant),
    /// Request and response; which phase it is can be read from the stamps.
    Talk(Arc<Stamps>),
}

impl Progress {
    pub(super) fn new(host: &Arc<str>) -> Self {
        Self {
            timings: Timings::default(),
            hops: Vec::new(),
            bearer: None,
            peer: None,
            certificate: None,
            tls: None,
            host: Arc::clone(host),
            ended_at: None,
            running: Running::Nothing,
        }
    }

    /// Ends the phase before and begins this one.
    pub(super) fn begin(&mut self, phase: Phase) {
        let now = Instant::now();
        self.end_at(now);
        self.running = Running::Phase(phase, now);
    }

    /// Ends the phase before and begins the request, whose stamps tell the phases apart.
    pub(super) fn begin_talk(&mut self, stamps: &Arc<Stamps>) {
        self.end_at(stamps.begun);
        self.running = Running::Talk(Arc::clone(stamps));
    }

    /// Ends the running phase, and returns which one it was.
    pub(super) fn end(&mut self) -> Option<Phase> {
        self.end_at(Instant::now())
    }

    /// Ends the running phase as of `now`, and returns which one it was.
    pub(super) fn end_at(&mut self, now: Instant) -> Option<Phase> {
        match std::mem::replace(&mut self.running, Running::Nothing) {
            Running::Nothing => None,
            Running::Phase(phase, since) => {
                self.timings
                    .add(phase, now.saturating_duration_since(since));
                Some(phase)
            }
            Running::Talk(stamps) => Some(stamps.settle(now, &mut self.timings)),
        }
    }

    /// Tells whether the response head of the present hop was read.
    pub(super) fn is_head_complete(&self) -> bool {
        match &self.running {
            Running::Talk(stamps) => stamps.is_head_complete(),
            Running::Nothing | Running::Phase(..) => false,
        }
    }
}

/// When things happened on one connection, written by its stream and read by the probe.
///
/// Times are nanoseconds after `begun`, 0 for «not yet».
#[derive(Debug)]
pub(super) struct Stamps {
    begun: Instant,
    written: AtomicU64,
    first_read: AtomicU64,
    /// Reads since the last interim response, the one that met the end included.
    reads: AtomicU32,
    /// The request's body was handed over as a whole.
    body_taken: AtomicBool,
    /// The request went out as a whole.
    sent: AtomicBool,
    head_complete: AtomicBool,
    interim: AtomicU32,
    /// A response head began, by HTTP/2.
    head_begun: AtomicBool,
    /// HTTP/2 reads settings before any response: there only the head ends the wait.
    first_byte_is_head: bool,
}

/// Interim responses that are read before the final one has to come.
pub(super) const INTERIM_MAX: u32 = 32;

impl Stamps {
    pub(super) fn new(first_byte_is_head: bool, body_is_empty: bool) -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            written: AtomicU64::new(0),
            first_read: AtomicU64::new(0),
            reads: AtomicU32::new(0),
            body_taken: AtomicBool::new(body_is_empty),
            sent: AtomicBool::new(false),
            head_complete: AtomicBool::new(false),
            interim: AtomicU32::new(0),
            head_begun: AtomicBool::new(false),
            first_byte_is_head,
        })
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos())
            .unwrap_or(u64::MAX)
            .max(1)
    }

    /// Some bytes of the request were taken by the stream.
    pub(super) fn wrote(&self) {
        if !self.sent.load(Ordering::Relaxed) {
            self.written.store(self.elapsed(), Ordering::Relaxed);
        }
    }

    /// Everything that was written is out.
    pub(super) fn flushed(&self) {
        if self.body_taken.load(Ordering::Relaxed) && self.written.load(Ordering::Relaxed) != 0 {
            self.sent.store(true, Ordering::Relaxed);
        }
    }

    /// The request's body was handed over as a whole.
    pub(super) fn body_taken(&self) {
        self.body_taken.store(true, Ordering::Relaxed);
    }

    /// Bytes, or the end, were read.
    pub(super) fn read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        if !self.first_byte_is_head
            && self.first_read.load(Ordering::Relaxed) == 0
            && self.written.load(Ordering::Relaxed) != 0
        {
            self.first_read.store(self.elapsed(), Ordering::Relaxed);
        }
    }

    /// An interim response was read: what was taken for the first byte of the answer was not.
    pub(super) fn interim(&self) {
        self.first_read.store(0, Ordering::Relaxed);
        self.reads.store(0, Ordering::Relaxed);
        self.interim.fetch_add(1, Ordering::Relaxed);
    }

    /// A response head begins: if one did before, that was an interim one.
    pub(super) fn head_begun(&self) {
        if self.head_begun.swap(true, Ordering::Relaxed) {
            self.interim();
        }
    }

    /// Tells whether there were more interim responses than are read.
    pub(super) fn is_flooded(&self) -> bool {
        self.interim.load(Ordering::Relaxed) > INTERIM_MAX
    }

    /// The peer closed. Returns whether any byte of the final response came before that.
    pub(super) fn closed(&self) -> bool {
        if self.has_read_once() {
            self.first_read.store(0, Ordering::Relaxed);
        }
        self.has_read()
    }

    /// The final response head was read.
    pub(super) fn head_complete(&self) {
        self.head_complete.store(true, Ordering::Relaxed);
        if self.first_read.load(Ordering::Relaxed) == 0 {
            self.first_read.store(self.elapsed(), Ordering::Relaxed);
        }
    }

    pub(super) fn is_head_complete(&self) -> bool {
        self.head_complete.load(Ordering::Relaxed)
    }

    /// Tells whether any byte of the final response was read.
    pub(super) fn has_read(&self) -> bool {
        self.first_read.load(Ordering::Relaxed) != 0
    }

    /// Tells whether there was no more than one read since the last interim response.
    pub(super) fn has_read_once(&self) -> bool {
        self.reads.load(Ordering::Relaxed) <= 1
    }

    /// Adds the phases of the talk as of `now`, and returns the one that was running.
    fn settle(&self, now: Instant, timings: &mut Timings) -> Phase {
        let total = now.saturating_duration_since(self.begun);
        let at = |stamp: &AtomicU64| match stamp.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos).min(total)),
        };
        let sent = at(&self.written).filter(|_| self.sent.load(Ordering::Relaxed));
        match (sent, at(&self.first_read)) {
            (None, None) => {
                timings.add(Phase::Send, total);
                Phase::Send
            }
            (Some(sent), None) => {
                timings.add(Phase::Send, sent);
                timings.add(Phase::Wait, total.saturating_sub(sent));
                Phase::Wait
            }
            (_, Some(first_read)) => {
                // A server may answer before it has read the whole request.
                let sent = at(&self.written).unwrap_or_default().min(first_read);
                timings.add(Phase::Send, sent);
                timings.add(Phase::Wait, first_read.saturating_sub(sent));
                timings.add(Phase::Transfer, total.saturating_sub(first_read));
                Phase::Transfer
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pass(millis: u64) {
        tokio::time::advance(Duration::from_millis(millis)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn phases_are_exclusive_and_add_up() {
        let mut progress = Progress::new(&Arc::from("x"));
        let begun = Instant::now();
        progress.begin(Phase::Resolve);
        pass(5).await;
        progress.begin(Phase::Connect);
        pass(7).await;
        let stamps = Stamps::new(false, true);
        progress.begin_talk(&stamps);
        pass(2).await;
        stamps.wrote();
        stamps.flushed();
        pass(30).await;
        stamps.read();
        pass(11).await;
        stamps.head_complete();
        assert_eq!(progress.end(), Some(Phase::Transfer));
        progress.timings.total = begun.elapsed();
        let millis: Vec<_> = progress
            .timings
            .present()
            .map(|(phase, spent)| (phase.as_str(), spent.as_millis()))
            .collect();
        assert_eq!(
            millis,
            [
                ("resolve", 5),
                ("connect", 7),
                ("send", 2),
                ("wait", 30),
                ("transfer", 11)
            ]
        );
        assert_eq!(progress.timings.other(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn an_interim_response_does_not_end_the_wait() {
        let mut timings = Timings::default();
        let stamps = Stamps::new(false, true);
        stamps.wrote();
        stamps.flushed();
        pass(10).await;
        stamps.read();
        stamps.interim();
        assert_eq!(
            stamps.settle(Instant::now(), &mut Timings::default()),
            Phase::Wait
        );
        pass(50).await;
        stamps.read();
        stamps.settle(Instant::now(), &mut timings);
        assert!(timings.phase(Phase::Wait).unwrap() >= Duration::from_millis(59));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_not_out_is_still_being_sent() {
        let stamps = Stamps::new(false, false);
        pass(1).await;
        stamps.wrote();
        stamps.flushed();
        assert_eq!(
            stamps.settle(Instant::now(), &mut Timings::default()),
            Phase::Send
        );
        stamps.body_taken();
        stamps.wrote();
        assert_eq!(
            stamps.settle(Instant::now(), &mut Timings::default()),
            Phase::Send
        );
        stamps.flushed();
        assert_eq!(
            stamps.settle(Instant::now(), &mut Timings::default()),
            Phase::Wait
        );
    }
}
