//! Errors of the API as RFC 9457 says: `application/problem+json`.

use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::words::plain;
use crate::policy::orders::{Refusal, RefusalKind};

/// Whoever asks while others are served asks again after this.
const BUSY_FOR: Duration = Duration::from_secs(2);

/// Why the API did not do what was asked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    /// What is wrong, one by one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mistakes: Vec<String>,
    /// After how many seconds to try again.
    #[serde(skip)]
    again_after: Option<u64>,
}

/// What is wrong, for who makes a page of the answer.
#[derive(Debug, Clone)]
pub(super) struct Detail(pub(super) String);

impl Problem {
    /// Returns a problem with this status.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            // No page says more than the status does.
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            mistakes: Vec::new(),
            again_after: None,
        }
    }

    /// Returns its status.
    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST)
    }

    /// Returns what is wrong, for people.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// Says as well how long to wait.
    pub(super) fn again_after(mut self, wait: Duration) -> Self {
        self.again_after = Some(wait.as_secs().max(1));
        self
    }

    /// Says as well what is wrong, one by one.
    pub(super) fn because(mut self, mistakes: Vec<String>) -> Self {
        self.mistakes = mistakes;
        self
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = |status| Self::new(status, refusal.to_string());
        match refusal.kind {
            RefusalKind::NotFound => problem(StatusCode::NOT_FOUND),
            RefusalKind::Conflict => problem(StatusCode::CONFLICT),
            RefusalKind::Invalid => problem(StatusCode::UNPROCESSABLE_ENTITY),
            RefusalKind::Busy => problem(StatusCode::SERVICE_UNAVAILABLE).again_after(BUSY_FOR),
        }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let text = rejection.body_text();
        let detail = match &rejection {
            JsonRejection::MissingJsonContentType(_) => {
                "the body is to be JSON, and to say so: Content-Type: application/json".to_owned()
            }
            JsonRejection::JsonDataError(_) => text
                .strip_prefix("Failed to deserialize the JSON body into the target type: ")
                .map_or(text.clone(), |why| {
                    format!("the body is not what is asked for: {}", plain(why))
                }),
            JsonRejection::JsonSyntaxError(_) => text
                .strip_prefix("Failed to parse the request body as JSON: ")
                .map_or(text.clone(), |why| format!("the body is no JSON: {why}")),
            _ if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                "the body is larger than this page takes".to_owned()
            }
            JsonRejection::BytesRejection(_) => {
                "the body has not come: it breaks off, or takes longer than 10 s".to_owned()
            }
            _ => text,
        };
        Self::new(rejection.status(), detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let again_after = self.again_after;
        let detail = Detail(self.detail.clone());
        let mut response = (status, axum::Json(self)).into_response();
        response.extensions_mut().insert(detail);
        if let Some(seconds) = again_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
