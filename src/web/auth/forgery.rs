//! What keeps another site from acting with the session of a visitor.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};

use crate::web::SCRIPT_BODY_BYTES_MAX;
use crate::web::problem::Problem;

/// The field of a form, and the header, with the text that only pages of OES know.
pub(super) const FIELD: &str = "csrf";
const HEADER: &str = "x-csrf-token";

/// Refuses what the browser says another site has sent.
pub(super) fn same_site(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name)?.to_str().ok();
    let is_ours = match text("sec-fetch-site") {
        Some(site) => matches!(site, "same-origin" | "none"),
        // Browsers leave the other out where nothing is encrypted.
        None => match (text("origin"), text("host")) {
            (None, _) => true,
            (Some(origin), Some(host)) => {
                let of = origin.split_once("://").map(|(_, host)| host);
                of.is_some_and(|of| of.eq_ignore_ascii_case(host))
            }
            (Some(_), None) => false,
        },
    };
    if is_ours {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "another site has sent this: open the page itself and try again",
    ))
}

/// Refuses a request that does not bring the text of its session, and returns it whole otherwise.
pub(super) async fn with_text(request: Request, text: &str) -> Result<Request, Problem> {
    same_site(request.headers())?;
    if let Some(shown) = request.headers().get(HEADER) {
        return check(equal(shown.as_bytes(), text.as_bytes())).map(|()| request);
    }
    let kind = request.headers().get(header::CONTENT_TYPE);
    let is_form = kind.is_some_and(|kind| {
        kind.as_bytes()
            .starts_with(b"application/x-www-form-urlencoded")
    });
    if !is_form {
        return check(false).map(|()| request);
    }
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, SCRIPT_BODY_BYTES_MAX).await else {
        let words = "the form did not come, or is too large";
        return Err(Problem::new(StatusCode::BAD_REQUEST, words));
    };
    let mut fields = url::form_urlencoded::parse(&bytes);
    let shown = fields.find(|(name, _)| name == FIELD);
    check(shown.is_some_and(|(_, shown)| equal(shown.as_bytes(), text.as_bytes())))?;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

fn check(fits: bool) -> Result<(), Problem> {
    if fits {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "this does not come from a page of your session, or the session is another one by now: load the page again",
    ))
}

/// Compares without saying by its time how much fits.
fn equal(shown: &[u8], text: &[u8]) -> bool {
    let different = shown.iter().zip(text).fold(0, |all, (a, b)| all | (a ^ b));
    shown.len() == text.len() && different == 0
}
