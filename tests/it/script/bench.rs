//! What the tests of scripts share: a pool with a scripted host, and inputs made by hand.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::unnecessary_wraps,
    reason = "a test stops where its set-up is wrong"
)]

use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, StatusCode, Version};
use jiff::Timestamp;
use oes::model::exchange::{Body, Exchange, Response, Sent, Timings};
use oes::model::json::{self, Json};
use oes::model::judgement::{Judgement, Memory};
use oes::script::host::{Ask, Host, HostReply, HostRequest, HostResponse};
use oes::script::job::{Input, Job, Rights};
use oes::script::limits::Limits;
use oes::script::pool::{Pool, PoolSettings, Sandbox};
use oes::script::source::Source;

use crate::support::scripts::worker;

type Answer = dyn Fn(&HostRequest) -> HostReply + Send + Sync;

/// A host that answers from a function and remembers what it was asked.
pub(super) struct Fake {
    answer: Box<Answer>,
    pub(super) asked: Mutex<Vec<HostRequest>>,
}

impl Host for Fake {
    fn http(&self, request: HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        let reply = (self.answer)(&request);
        self.asked.lock().unwrap().push(request);
        Box::pin(async move {
            if matches!(&reply, Ok(response) if response.status == 599) {
                std::future::pending::<()>().await;
            }
            reply
        })
    }

    fn ask(&self, _: Ask, request: HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        self.http(request)
    }
}

pub(super) fn fake(
    answer: impl Fn(&HostRequest) -> HostReply + Send + Sync + 'static,
) -> Arc<Fake> {
    Arc::new(Fake {
        answer: Box::new(answer),
        asked: Mutex::default(),
    })
}

pub(super) fn silent() -> Arc<Fake> {
    fake(|_| reply(404, "{}"))
}

pub(super) fn reply(status: u16, body: &str) -> HostReply {
    Ok(HostResponse {
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.to_owned().into(),
        elapsed: Duration::from_millis(12),
    })
}

pub(super) fn pool(host: &Arc<Fake>) -> Pool {
    pool_in(sandbox(), host)
}

/// Returns what pools of tests run scripts in.
pub(super) fn sandbox() -> Sandbox {
    if std::env::var_os(IN_PROCESSES).is_some() {
        Sandbox::Processes(worker())
    } else {
        Sandbox::Threads
    }
}

/// Where it is set, pools of tests run scripts in worker processes.
pub(super) const IN_PROCESSES: &str = "OES_TEST_IN_PROCESSES";

pub(super) fn pool_in(sandbox: Sandbox, host: &Arc<Fake>) -> Pool {
    let settings = PoolSettings {
        sandbox,
        threads: 1,
        waiting_threads: 1,
        ..PoolSettings::default()
    };
    Pool::start(settings, Arc::clone(host) as Arc<dyn Host>).unwrap()
}

pub(super) fn parse(text: &str) -> Json {
    json::parse(text.as_bytes()).unwrap().root
}

pub(super) fn exchange(status: u16, body: &str) -> Arc<Exchange> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    let mut timings = Timings::default();
    timings.total = Duration::from_millis(42);
    Arc::new(Exchange {
        started_at: now(),
        sent: Arc::new(Sent {
            method: "GET".into(),
            url: "https://api.example.io/price".into(),
            ..Sent::default()
        }),
        timings,
        bearer: None,
        hops: vec![],
        peer: None,
        certificate: None,
        tls: None,
        result: Ok(Response {
            status: StatusCode::from_u16(status).unwrap(),
            version: Version::HTTP_11,
            headers,
            body: Body::new(body.to_owned()),
        }),
    })
}

pub(super) fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

pub(super) fn source(text: &str) -> Arc<Source> {
    match Source::compile("test", "scripts/test.rhai", text) {
        Ok((source, _)) => Arc::new(source),
        Err(mistakes) => panic!("{mistakes:?}\n{text}"),
    }
}

/// What a run is given.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) seen: Input,
    pub(super) rights: Rights,
}

impl Deref for Given {
    type Target = Input;

    fn deref(&self) -> &Input {
        &self.seen
    }
}

impl DerefMut for Given {
    fn deref_mut(&mut self) -> &mut Input {
        &mut self.seen
    }
}

impl Given {
    /// Returns the job of a script that is given this.
    pub(super) fn job(self, source: Arc<Source>, limits: Limits) -> Job {
        Job {
            source,
            input: self.seen,
            rights: self.rights,
            limits,
        }
    }
}

pub(super) fn input(body: &str) -> Given {
    Given {
        seen: Input {
            service: parse(
                r#"{"name":"price","url":"https://api.example.io/price","payload":null}"#,
            ),
            exchange: Some(exchange(200, body)),
            expected: None,
            params: Arc::default(),
            memory: Arc::new(Memory::new()),
            prev: None,
            now: now(),
            wall: Duration::from_secs(5),
        },
        rights: Rights {
            url: "https://api.example.io/price".parse().unwrap(),
            transport: Arc::default(),
            redaction: Arc::default(),
            grants: Arc::default(),
        },
    }
}

/// Limits that leave a debug build on a busy machine time to do what a release build does in milliseconds.
pub(super) fn limits() -> Limits {
    Limits {
        cpu: Duration::from_secs(2),
        ..Limits::default()
    }
}

pub(super) async fn judge(pool: &Pool, text: &str, input: Given) -> Judgement {
    let job = input.job(source(text), limits());
    pool.run(job).await
}

/// Returns the findings as `severity code: message`.
pub(super) fn lines(judgement: &Judgement) -> Vec<String> {
    judgement
        .findings
        .iter()
        .map(|finding| {
            let severity = finding.severity.outcome();
            format!("{severity} {}: {}", finding.code, finding.message)
        })
        .collect()
}
