//! Answers a script's own requests as a test says, and nothing else.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Failure, Nearest};
use crate::config::suite::{Mock, Test};
use crate::model::json;
use crate::script::host::{Ask, Host, HostFailure, HostReply, HostRequest, HostResponse};

/// The answers of one test, and what was asked.
struct Mocks {
    test: Arc<Test>,
    /// How often each mock was asked.
    asked: Vec<u64>,
    /// The requests since the last look that no mock answers.
    unmocked: Vec<(String, Option<Nearest>)>,
}

/// The host of a stage: it answers with the mocks of the test that is played.
#[derive(Default)]
pub(super) struct Mocking {
    mocks: Mutex<Option<Mocks>>,
}

impl Mocking {
    /// Begins a test.
    pub(super) fn begin(&self, test: &Arc<Test>) {
        *self.mocks.lock().unwrap_or_else(PoisonError::into_inner) = Some(Mocks {
            asked: vec![0; test.mocks.len()],
            unmocked: Vec::new(),
            test: Arc::clone(test),
        });
    }

    /// Returns the first request since this was last asked that no mock answers.
    pub(super) fn take_unmocked(&self) -> Option<(String, Option<Nearest>)> {
        let mut mocks = self.mocks.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut mocks.as_mut()?.unmocked)
            .into_iter()
            .next()
    }

    /// Returns the mocks that were not asked as often as they say.
    pub(super) fn unused(&self) -> Vec<Failure> {
        let mocks = self.mocks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mocks) = mocks.as_ref() else {
            return Vec::new();
        };
        let pairs = mocks.test.mocks.iter().zip(&mocks.asked);
        pairs
            .filter(|(mock, asked)| match mock.times {
                Some(times) => **asked < times,
                None => **asked == 0 && !mock.optional,
            })
            .map(|(mock, asked)| Failure::MockUnused {
                line: mock.line,
                request: shown(mock),
                asked: *asked,
                times: mock.times,
            })
            .collect()
    }

    fn answer(&self, request: &HostRequest) -> HostReply {
        let mut mocks = self.mocks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mocks) = mocks.as_mut() else {
            return Err(unmocked());
        };
        let test = Arc::clone(&mocks.test);
        let mut others = Vec::new();
        for (mock, asked) in test.mocks.iter().zip(&mut mocks.asked) {
            let differences = differences(mock, *asked, request);
            if differences.is_empty() {
                *asked += 1;
                return reply(mock, request);
            }
            others.push((mock, differences));
        }
        // The right URL says more than anything else about which mock was meant.
        others.sort_by_cached_key(|(mock, differences)| {
            let off = strsim::damerau_levenshtein(mock.url.as_str(), request.url.as_str());
            (off, differences.len())
        });
        let mut nearest = others
            .into_iter()
            .next()
            .map(|(mock, differences)| Nearest {
                line: mock.line,
                differences,
            });
        // What a script sends holds its secrets; what is said of it must not.
        let hidden = test.service.service.redaction();
        for difference in nearest.iter_mut().flat_map(|near| &mut near.differences) {
            hidden.apply(difference);
        }
        let asked = format!("{} {}", request.method, request.url);
        mocks
            .unmocked
            .push((hidden.applied(&asked).into_owned(), nearest));
        Err(unmocked())
    }
}

impl Mocking {
    /// Notes what no mock can answer: only requests over HTTP have them.
    fn refuse(&self, what: &Ask, request: &HostRequest) -> HostFailure {
        let mut mocks = self.mocks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mocks) = mocks.as_mut() {
            let what = match what {
                Ask::Bytes { .. } => "tcp.exchange",
                Ask::Records { .. } => "dns.lookup",
                Ask::Certificate => "tls.certificate",
            };
            let hidden = mocks.test.service.service.redaction();
            let host = request.url.host_str().unwrap_or_default();
            let asked = format!("{what} {host}, which a test cannot mock");
            mocks
                .unmocked
                .push((hidden.applied(&asked).into_owned(), None));
        }
        unmocked()
    }
}

fn unmocked() -> HostFailure {
    HostFailure {
        kind: "unmocked".to_owned(),
        message: "the test has no mock for this request".to_owned(),
    }
}

fn shown(mock: &Mock) -> String {
    match &mock.method {
        Some(method) => format!("{method} {}", mock.url),
        None => mock.url.to_string(),
    }
}

/// Returns where a mock differs from a request, nothing if it answers it.
fn differences(mock: &Mock, asked: u64, request: &HostRequest) -> Vec<String> {
    let mut differences = Vec::new();
    if let Some(method) = &mock.method
        && *method != request.method
    {
        differences.push(format!("method: {method}, not {}", request.method));
    }
    if mock.url != request.url {
        differences.push(format!("url: {}", mock.url));
    }
    if let Some(token) = &mock.bearer {
        let sent = request.headers.iter();
        let sent = sent
            .filter(|(name, _)| name == "authorization")
            .find_map(|(_, value)| value.strip_prefix("Bearer "));
        if sent != Some(&**token) {
            let sent = sent.map_or("none".to_owned(), |sent| format!("`{sent}`"));
            differences.push(format!("match_bearer: `{token}`, not {sent}"));
        }
    }
    if let Some(pattern) = &mock.json {
        let body = request.body.as_deref().unwrap_or_default();
        match json::parse(body) {
            Ok(document) => differences.extend(
                pattern
                    .findings(&document.root)
                    .first()
                    .map(|finding| format!("match_json: {finding}")),
            ),
            Err(_) if body.is_empty() => {
                differences.push("match_json: the request has no body".to_owned());
            }
            Err(error) => differences.push(format!("match_json: the body is no JSON: {error}")),
        }
    }
    if mock.times.is_some_and(|times| asked >= times) && differences.is_empty() {
        differences.push(format!("times: it has answered its {asked}"));
    }
    differences
}

fn reply(mock: &Mock, request: &HostRequest) -> HostReply {
    let answer = &mock.answer;
    if answer.elapsed > request.timeout {
        return Err(HostFailure {
            kind: "timeout".to_owned(),
            message: format!("no answer within {} ms", request.timeout.as_millis()),
        });
    }
    match &answer.result {
        Err(kind) => Err(HostFailure {
            kind: kind.as_str().to_owned(),
            message: "the test says so".to_owned(),
        }),
        Ok(response) => Ok(HostResponse {
            status: response.status.as_u16(),
            headers: response
                .headers
                .iter()
                .map(|(name, value)| {
                    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    (name.as_str().to_owned(), value)
                })
                .collect(),
            body: response.body.clone(),
            elapsed: answer.elapsed,
        }),
    }
}

/// A mocking host that the pool and the stage share.
#[derive(Clone, Default)]
pub(super) struct Shared(pub(super) Arc<Mocking>);

impl Host for Shared {
    fn http(&self, request: HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        let reply = self.0.answer(&request);
        Box::pin(std::future::ready(reply))
    }

    fn ask(
        &self,
        what: Ask,
        request: HostRequest,
    ) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        let refused = self.0.refuse(&what, &request);
        Box::pin(std::future::ready(Err(refused)))
    }
}
