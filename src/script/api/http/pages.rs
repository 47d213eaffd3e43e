//! `http.pages`: every page of a list as one array.

use rhai::{Dynamic, Engine, Map};
use url::Url;

use super::answers::get_json;
use super::{HttpHandle, asked};
use crate::model::json::Json;
use crate::script::api::data::{parse, tree};
use crate::script::broker::Asked;
use crate::script::guard::{self, Fallible};
use crate::script::value::{Origin, cut, dependency, misshapen, problem, text, view};

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn(
            "pages",
            |_: &mut HttpHandle, url: &str, items: &str, next: &str| {
                pages(url, items, next, Map::new())
            },
        )
        .register_fn(
            "pages",
            |_: &mut HttpHandle, url: &str, items: &str, next: &str, opts: Map| {
                pages(url, items, next, opts)
            },
        );
}

/// Reads pages until one names no next, and returns the items of all.
fn pages(url: &str, items: &str, next: &str, mut opts: Map) -> Fallible<Dynamic> {
    let (items, next) = (parse(items)?, parse(next)?);
    let cursor = opts.remove("cursor").map(|name| text(&name, 200));
    let mut request = asked("GET", url, &opts)?;
    let own_query = request.query.clone();
    let mut seen = Vec::new();
    let mut found: Vec<Json> = Vec::new();
    loop {
        let (page, origin) = tree(&get_json(&request)?)?;
        let here = items
            .find(&page)
            .map_err(|missing| misshapen(origin, missing.to_string()))?;
        let Some(more) = here.as_array() else {
            let what = format!("{items} is {}, not an array", here.summary(60));
            return Err(misshapen(origin, what));
        };
        guard::reserve(size_of_val(more))?;
        guard::charge(1 + more.len() as u64 / 8)?;
        found.extend_from_slice(more);
        let Some(link) = next.find(&page).ok().and_then(link) else {
            return Ok(view(&found.into_iter().collect(), origin));
        };
        if seen.contains(&link) {
            let what = format!(
                "the pages of {} never end: {next} is {} again",
                host(url),
                cut(&link, 200)
            );
            return Err(dependency(origin, what));
        }
        match &cursor {
            Some(name) => {
                request.query.clone_from(&own_query);
                request.query.push((name.clone(), link.clone()));
            }
            None => follow(&mut request, &link, origin)?,
        }
        seen.push(link);
    }
}

/// Returns what names the next page; absent where there is none.
fn link(json: &Json) -> Option<String> {
    match json {
        Json::Null | Json::Bool(_) => None,
        Json::String(text) => (!text.is_empty()).then(|| text.to_string()),
        other => Some(other.to_string()),
    }
}

/// Turns the request to the next page, which must be of the same origin: what is sent along was meant for that.
fn follow(request: &mut Asked, link: &str, origin: Origin) -> Fallible<()> {
    let base = Url::parse(&request.url).map_err(|_| {
        problem(format!(
            "`{}` is no http or https URL",
            cut(&request.url, 200)
        ))
    })?;
    let next = base
        .join(link)
        .ok()
        .filter(|next| next.origin() == base.origin())
        .ok_or_else(|| {
            let what = format!(
                "the next page is `{}`, which is no page of {}",
                cut(link, 200),
                host(&request.url)
            );
            dependency(origin, what)
        })?;
    // The link says all that the next page needs.
    request.query.clear();
    request.url = next.into();
    Ok(())
}

fn host(url: &str) -> String {
    let url = Url::parse(url).ok();
    url.and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default()
}
