//! What a request brings: names in its path, questions in its query, a body. Whatever is wrong with it is a problem in
//! words.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::read::Object;
use crate::web::problem::Problem;
use crate::web::words::plain;

/// The name in the path.
pub(super) struct Named(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let wrong = |_: PathRejection| {
            let words = "the name in the path is to be UTF-8, with bytes that are no letters written as %-escapes";
            Problem::new(StatusCode::BAD_REQUEST, words)
        };
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(name)| Self(name)).map_err(wrong)
    }
}

/// What the query asks.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let has_plus = parts.uri.query().is_some_and(|query| query.contains('+'));
        let wrong = |rejection: QueryRejection| {
            let text = rejection.body_text();
            let why = text.strip_prefix("Failed to deserialize query string: ");
            let mut why = plain(why.unwrap_or(&text));
            if has_plus {
                why += "; in an address `+` is written %2B";
            }
            Problem::new(StatusCode::BAD_REQUEST, why)
        };
        let query = Query::from_request_parts(parts, state).await;
        query.map(|Query(asked)| Self(asked)).map_err(wrong)
    }
}

/// The body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body: Result<axum::Json<Object<T>>, JsonRejection> =
            axum::Json::from_request(request, state).await;
        Ok(Self(body?.0.0))
    }
}

/// The body, or what it is taken for where there is none.
pub(super) struct BodyOr<T>(pub(super) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for BodyOr<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !request.headers().contains_key(CONTENT_TYPE) {
            return Ok(Self(T::default()));
        }
        let body: Result<axum::Json<Option<Object<T>>>, JsonRejection> =
            axum::Json::from_request(request, state).await;
        Ok(Self(body?.0.map(|body| body.0).unwrap_or_default()))
    }
}
