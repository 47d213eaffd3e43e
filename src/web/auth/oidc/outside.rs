//! How a provider is asked: by whoever makes connections.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Request, Response};
use jiff::Timestamp;
use openidconnect::{HttpRequest, HttpResponse};
use thiserror::Error;
use url::{Host, Url};

use super::refusal::clean;
use crate::model::exchange::Phase;
use crate::model::failure::{Failure, FailureKind};
use crate::web::site::Pending;

/// One answer comes within this.
const PATIENCE: Duration = Duration::from_secs(5);
/// No answer is larger.
const ANSWER_BYTES_MAX: usize = 256 << 10;

/// Makes requests that the ops config has named the target of, and knows the time.
pub trait Outside: Send + Sync {
    /// Asks within bounds, and follows no redirect.
    fn ask(
        &self,
        request: Request<Vec<u8>>,
        bounds: Bounds,
    ) -> Pending<'static, Result<Response<Vec<u8>>, Failure>>;

    /// Returns the time.
    fn now(&self) -> Timestamp;
}

/// What one request may take.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// How long it may take, with all phases.
    pub timeout: Duration,
    /// How large the answer may be.
    pub answer_bytes: usize,
    /// Certificate authorities to trust besides the system's, PEM.
    pub ca: Option<Arc<[u8]>>,
}

/// Why a provider has not answered.
#[derive(Debug, Error)]
#[error("{url}{}: {}", in_phase(.failure.phase), .failure.message)]
pub(super) struct AskError {
    url: String,
    failure: Failure,
}

fn in_phase(phase: Option<Phase>) -> String {
    phase.map_or_else(String::new, |phase| {
        format!(", in the phase `{}`", phase.as_str())
    })
}

/// Asks what a provider, or its metadata, names: never where others could read along.
pub(super) async fn ask(
    outside: Arc<dyn Outside>,
    ca: Option<Arc<[u8]>>,
    request: HttpRequest,
) -> Result<HttpResponse, AskError> {
    // The query may hold what nobody else should see.
    let written = request.uri().to_string();
    let url = clean(written.split('?').next().unwrap_or_default());
    if !Url::parse(&written).is_ok_and(|url| is_private(&url)) {
        let failure = Failure {
            kind: FailureKind::PolicyDenied,
            phase: None,
            message: "the provider names an address that is not https".to_owned(),
        };
        return Err(AskError { url, failure });
    }
    let bounds = Bounds {
        timeout: PATIENCE,
        answer_bytes: ANSWER_BYTES_MAX,
        ca,
    };
    let asked = outside.ask(request, bounds).await;
    asked.map_err(|failure| AskError { url, failure })
}

/// Tells whether nobody between can read what is sent to a URL: it is encrypted, or does not leave this machine.
pub fn is_private(url: &Url) -> bool {
    url.scheme() == "https" || url.scheme() == "http" && is_loopback(url)
}

/// Tells whether a URL names this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
