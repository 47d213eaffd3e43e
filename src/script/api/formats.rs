//! Texts of other forms than JSON, as trees: URLs, lines, CSV, XML.

use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::{Dynamic, Engine, Map};
use roxmltree::{Document, Node, ParsingOptions};
use url::Url;

use crate::model::json::{DEPTH_MAX, Json, NODES_MAX};
use crate::script::guard::{self, Fallible};
use crate::script::value::{Origin, cut, mistyped, problem, view};

/// Bytes of a text that are read for one operation.
const BYTES_AN_OPERATION: u64 = 32;

/// Comparisons of names that are one operation.
const COMPARISONS_AN_OPERATION: u64 = 64;
/// Bytes of a URL.
const URL_BYTES: usize = 16 << 10;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("parse_url", parse_url)
        .register_fn("lines", lines)
        .register_fn("csv", |text: &str| csv(text, &Map::new()))
        .register_fn("csv", |text: &str, opts: Map| csv(text, &opts))
        .register_fn("xml", xml);
}

fn parse_url(text: &str) -> Fallible<Dynamic> {
    guard::charge(1 + text.len() as u64 / BYTES_AN_OPERATION)?;
    if text.len() > URL_BYTES {
        return Err(mistyped(format!("a URL has at most {URL_BYTES} bytes")));
    }
    let url = Url::parse(text.trim())
        .map_err(|error| mistyped(format!("`{}` is no URL: {error}", cut(text, 200))))?;
    let text = |part: Option<&str>| part.map_or(Json::Null, Json::from);
    let query = url
        .query_pairs()
        .map(|(name, value)| (name.into_owned(), Json::from(value.into_owned())));
    let port = url.port_or_known_default();
    let parts = Json::object([
        ("scheme", Json::from(url.scheme())),
        ("host", text(url.host_str())),
        (
            "port",
            port.map_or(Json::Null, |port| i64::from(port).into()),
        ),
        ("path", url.path().into()),
        ("query", Json::object(query)),
        ("fragment", text(url.fragment())),
    ]);
    Ok(view(&parts, Origin::Own))
}

/// Makes room for `nodes` more values, and refuses more than a JSON text may have.
fn grow(total: &mut usize, nodes: usize, what: &str) -> Fallible<()> {
    *total += nodes;
    if *total > NODES_MAX {
        return Err(mistyped(format!(
            "{what} holds more than {NODES_MAX} values"
        )));
    }
    guard::charge(1 + nodes as u64 / 8)
}

fn lines(text: &str) -> Fallible<Dynamic> {
    guard::charge(1 + text.len() as u64 / BYTES_AN_OPERATION)?;
    guard::reserve(text.len())?;
    let mut total = 0;
    let mut found = Vec::new();
    for line in text.lines() {
        grow(&mut total, 1, "the text")?;
        found.push(Json::from(line));
    }
    Ok(view(&found.into_iter().collect(), Origin::Own))
}

fn csv(text: &str, opts: &Map) -> Fallible<Dynamic> {
    guard::charge(1 + text.len() as u64 / BYTES_AN_OPERATION)?;
    guard::reserve(text.len())?;
    let mut reader = ::csv::ReaderBuilder::new();
    reader.trim(::csv::Trim::All);
    let mut has_headers = true;
    for (name, value) in opts {
        match (
            name.as_str(),
            value.as_bool(),
            value.as_immutable_string_ref(),
        ) {
            ("headers", Ok(headers), _) => has_headers = headers,
            ("delimiter", _, Ok(text)) if text.len() == 1 => {
                reader.delimiter(text.bytes().next().unwrap_or(b','));
            }
            _ => {
                return Err(problem(
                    "csv has the options headers, true or false, and delimiter, one character such as \";\"",
                ));
            }
        }
    }
    let mut reader = reader
        .has_headers(has_headers)
        .from_reader(text.trim_start_matches('\u{FEFF}').as_bytes());
    let wrong = |error: ::csv::Error| mistyped(format!("this is no CSV: {error}"));
    let names: Vec<Arc<str>> = if has_headers {
        reader
            .headers()
            .map_err(wrong)?
            .iter()
            .map(Arc::from)
            .collect()
    } else {
        Vec::new()
    };
    let mut total = 0;
    let mut rows: Vec<Json> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        grow(&mut total, 1 + record.len(), "the table")?;
        let cells = record.iter().map(Json::from);
        rows.push(if has_headers {
            Json::object(names.iter().map(Arc::clone).zip(cells))
        } else {
            cells.collect()
        });
    }
    Ok(view(&rows.into_iter().collect(), Origin::Own))
}

/// Returns the root element of an XML text; its text is `_text`, an attribute `@name`, and the child elements of a name
/// an array.
fn xml(text: &str) -> Fallible<Dynamic> {
    guard::charge(1 + text.len() as u64 / BYTES_AN_OPERATION)?;
    guard::reserve(text.len())?;
    guard::charge(attribute_comparisons(text) / COMPARISONS_AN_OPERATION)?;
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: u32::try_from(NODES_MAX).unwrap_or(u32::MAX),
        ..ParsingOptions::default()
    };
    let wrong = |why: &dyn std::fmt::Display| mistyped(format!("this is no XML: {why}"));
    let document = Document::parse_with_options(text.trim_start_matches('\u{FEFF}'), options)
        .map_err(|error| wrong(&error))?;
    let root = element(document.root_element(), DEPTH_MAX)?;
    Ok(view(&root, Origin::Own))
}

/// Returns how often the parser compares names of attributes at most: within one element each with all others.
fn attribute_comparisons(text: &str) -> u64 {
    // No attribute holds a `<`, so that between two of these there is one tag at most.
    let in_one = |part: &str| part.bytes().filter(|byte| *byte == b'=').count() as u64;
    text.split('<')
        .map(in_one)
        .map(|count| count * count / 2)
        .sum()
}

fn element(node: Node<'_, '_>, depth_left: usize) -> Fallible<Json> {
    guard::charge(1)?;
    let below = depth_left
        .checked_sub(2)
        .ok_or_else(|| mistyped("the XML nests too deep".to_owned()))?;
    let mut members: Vec<(Arc<str>, Json)> = node
        .attributes()
        .map(|attribute| {
            (
                format!("@{}", attribute.name()).into(),
                attribute.value().into(),
            )
        })
        .collect();
    let text: String = node
        .children()
        .filter(Node::is_text)
        .filter_map(|text| text.text())
        .collect();
    members.push(("_text".into(), text.trim().into()));
    let mut children: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    for child in node.children().filter(Node::is_element) {
        let name = child.tag_name().name();
        let found = children.entry(name).or_default();
        if found.is_empty() {
            order.push(name);
        }
        found.push(element(child, below)?);
    }
    for name in order {
        let found = children.remove(name).unwrap_or_default();
        members.push((name.into(), found.into_iter().collect()));
    }
    Ok(Json::object(members))
}
