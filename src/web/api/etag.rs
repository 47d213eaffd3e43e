//! An answer that a caller has already is not sent again.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use crate::web::auth::hex;
use crate::web::etag::names;

/// No answer of the API is larger: a list has pages.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Names what is answered to a GET or a HEAD, and answers 304 where the caller has it.
pub(super) async fn unless_known(request: Request, next: Next) -> Response {
    // What is answered to a HEAD still has its body here.
    let is_head = *request.method() == Method::HEAD;
    let asks = is_head || *request.method() == Method::GET;
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    if !asks || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, ANSWER_BYTES_MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let digest: [u8; 32] = Sha256::digest(&bytes).into();
    let name = format!(
        "\"{}\"",
        hex(digest.first_chunk::<16>().unwrap_or(&[0; 16]))
    );
    let is_known = known.is_some_and(|known| names(&known, &name));
    mark(&mut parts.headers, &name);
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        if is_head {
            // Else that would be said to be 0; it is that of the answer which the caller has.
            let length = bytes.len().into();
            parts.headers.insert(header::CONTENT_LENGTH, length);
        }
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn mark(headers: &mut HeaderMap, name: &str) {
    if let Ok(name) = HeaderValue::from_str(name) {
        headers.insert(header::ETAG, name);
    }
    let private = HeaderValue::from_static("private, no-cache");
    headers.insert(header::CACHE_CONTROL, private);
}
