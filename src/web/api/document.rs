//! The OpenAPI document of the API, made from the routes themselves; and what is held against it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr,
    ResponseBuilder, ServerBuilder,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PATH;
use crate::web::auth::Scope;
use crate::web::problem::Problem;
use crate::web::site::Site;

/// Returns the page of the document itself.
pub(super) fn to_read() -> OpenApiRouter<Site> {
    OpenApiRouter::default().routes(routes!(openapi))
}

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "document",
    responses((status = 200, description = "The OpenAPI document", body = Object)))]
async fn openapi(Extension(document): Extension<Arc<OpenApi>>) -> Json<Arc<OpenApi>> {
    Json(document)
}

/// Returns what all operations belong to, before there are any.
pub(super) fn blank() -> OpenApi {
    let info = InfoBuilder::new()
        .title("OES")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "What OES watches, and orders to it. Errors are application/problem+json (RFC 9457). Lists have pages: \
             `limit`, `cursor`, and `next` in the answer. Answers to GET have an ETag.",
        ))
        .build();
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "A token; each scope includes those before it: read, operate, admin",
        ))
        .build();
    let mut components = Components::new();
    components.add_security_scheme("token", SecurityScheme::Http(token));
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .servers(Some([ServerBuilder::new().url(PATH).build()]))
        .build()
}

/// Writes into the document which scope all operations of a router need, and that anything may be answered by a problem.
pub(super) fn needs(mut router: OpenApiRouter<Site>, scope: Scope) -> OpenApiRouter<Site> {
    let paths = router.get_openapi_mut().paths.paths.values_mut();
    for operation in paths.flat_map(operations_mut) {
        let needed = SecurityRequirement::new("token", [scope.as_str()]);
        operation.security = Some(vec![needed]);
        let problem = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("Problem")))
            .build();
        let refused = ResponseBuilder::new()
            .description("Nothing has changed")
            .content("application/problem+json", problem)
            .build();
        let responses = &mut operation.responses.responses;
        responses.insert("default".to_owned(), RefOr::T(refused));
    }
    router
}

fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.delete]
        .into_iter()
        .flatten()
}

/// What each operation may be asked in its query.
pub(super) struct Questions(HashMap<(Method, String), BTreeSet<String>>);

impl Questions {
    /// Returns what a document says.
    pub(super) fn of(document: &OpenApi) -> Self {
        let mut questions = HashMap::new();
        for (path, item) in &document.paths.paths {
            let all = [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::DELETE, &item.delete),
            ];
            for (method, operation) in all {
                let parameters = operation.iter().flat_map(|one| &one.parameters).flatten();
                let names = parameters.filter_map(|parameter| match parameter {
                    RefOr::T(one) if one.parameter_in == ParameterIn::Query => {
                        Some(one.name.clone())
                    }
                    _ => None,
                });
                questions.insert((method, path.clone()), names.collect());
            }
        }
        Self(questions)
    }

    /// Returns a question that the operation does not know.
    fn unknown(&self, request: &Request) -> Option<String> {
        let query = request.uri().query()?;
        let matched = request.extensions().get::<MatchedPath>()?.as_str();
        let (_, path) = matched.split_once(PATH)?;
        let method = match *request.method() {
            Method::HEAD => Method::GET,
            ref method => method.clone(),
        };
        let known = self.0.get(&(method, path.to_owned()))?;
        let mut names = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
        let unknown = names.find(|name| !known.contains(&**name))?;
        Some(if known.is_empty() {
            format!("`{unknown}` is not asked here: this page takes no query")
        } else {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            format!(
                "`{unknown}` is not asked here; there are {}",
                known.join(", ")
            )
        })
    }
}

/// Refuses what a page would ignore.
pub(super) async fn only_known_questions(
    questions: Arc<Questions>,
    request: Request,
    next: Next,
) -> Response {
    match questions.unknown(&request) {
        Some(words) => Problem::new(StatusCode::BAD_REQUEST, words).into_response(),
        None => next.run(request).await,
    }
}
