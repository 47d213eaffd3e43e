//! The page for what is not there, or is not for everybody.

use askama::Template;
use axum::http::StatusCode;

use super::answer::{Kind, Made};
use super::frame::{Frame, Here};
use super::links::Links;
use super::present::{Audience, Present};
use super::{overview, written};

#[derive(Template)]
#[template(path = "missing.html")]
struct Missing {
    frame: Frame,
    what: String,
    help: String,
}

/// Returns the page that says what is not there.
pub(super) fn missing(
    present: &Present,
    audience: Audience,
    title: &str,
    links: Links,
    what: &str,
) -> Made {
    let verdict = overview::verdict(&present.standings(audience));
    let page = Missing {
        frame: Frame {
            title: title.to_owned(),
            heading: format!("Not found · {title}"),
            here: Here::Services,
            links,
            audience,
            state: verdict.state,
            at: present.at,
        },
        what: format!("There is no {what} here"),
        help: match audience {
            Audience::Public => "It may have been removed, or it is not public.",
            Audience::Private => "It may have been removed or renamed.",
        }
        .to_owned(),
    };
    Made {
        status: StatusCode::NOT_FOUND,
        ..Made::new(Kind::Html, written(&page))
    }
}
