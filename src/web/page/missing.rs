//! The pages for what is not there, and for what somebody may not do.

use askama::Template;
use axum::http::StatusCode;

use super::answer::{Kind, Made};
use super::frame::{Frame, Here};
use super::links::Links;
use super::present::{Audience, Present};
use super::written;

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
    let page = Missing {
        frame: frame(present, audience, title, links, "Not found"),
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

/// Returns the page for whoever has logged in but may not see another.
pub(super) fn denied(present: &Present, title: &str, links: Links, why: &str) -> Made {
    let page = Missing {
        frame: frame(present, Audience::Private, title, links, "Not allowed"),
        what: "You may not do this".to_owned(),
        help: format!("Here {why}."),
    };
    Made {
        status: StatusCode::FORBIDDEN,
        ..Made::new(Kind::Html, written(&page))
    }
}

fn frame(present: &Present, audience: Audience, title: &str, links: Links, heading: &str) -> Frame {
    Frame {
        title: title.to_owned(),
        heading: format!("{heading} · {title}"),
        here: Here::Services,
        links,
        audience,
        state: present.verdict(audience).state,
        at: present.at,
    }
}
