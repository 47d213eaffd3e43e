//! Says what a code means. The words are those of `docs/codes.md`.

use clap::Args;
use serde::Serialize;
use thiserror::Error;

use super::output::{self, BOLD, FAINT, styled};
use super::table::{self, Cell};
use super::{Exit, output::Schema};
use crate::model::span::did_you_mean;

/// Explain a code: what it means, why it matters, how to mend it
///
/// Without a code it lists all. `oes check` shows the code of a mistake in brackets behind its message; a finding begins
/// with its code.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The code, such as `script/unknown-function` or `connect_refused`
    code: Option<String>,

    /// Print one JSON object (`oes.explain/1`)
    #[arg(long)]
    json: bool,
}

const PAGE: &str = include_str!("../../docs/codes.md");
const SCHEMA: &str = "oes.explain/1";

/// One code of the page.
#[derive(Debug, Clone, Copy, Serialize)]
struct Explained<'a> {
    code: &'a str,
    /// What the code is about: the heading that it stands under.
    of: &'a str,
    text: &'a str,
}

impl Explained<'_> {
    /// Returns the first sentence.
    fn about(&self) -> String {
        let paragraph = self.text.split("\n\n").next().unwrap_or_default();
        let line = paragraph.replace('\n', " ");
        let ends = [": ", ". "].iter().filter_map(|end| line.find(end));
        let first = ends.min().and_then(|end| line.get(..end));
        first.unwrap_or(&line).trim_end_matches('.').to_owned()
    }
}

#[derive(Serialize)]
struct One<'a> {
    schema: &'static str,
    #[serde(flatten)]
    explained: Explained<'a>,
}

#[derive(Serialize)]
struct All<'a> {
    schema: &'static str,
    codes: Vec<Explained<'a>>,
}

/// There is no such code.
#[derive(Debug, Error)]
#[error("there is no code `{code}`; {help}")]
struct UnknownError {
    code: String,
    help: String,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let all = explained(PAGE);
    let Some(code) = &arguments.code else {
        if arguments.json {
            output::json(&All {
                schema: SCHEMA,
                codes: all,
            });
        } else {
            list(&all);
        }
        return Exit::Pass;
    };
    // As it is shown behind a message.
    let code = code.trim_start_matches('[').trim_end_matches(']');
    let Some(found) = find(&all, code) else {
        let schema: Schema = arguments.json.then_some(SCHEMA);
        return output::refuse(schema, &unknown(code, &all));
    };
    if arguments.json {
        output::json(&One {
            schema: SCHEMA,
            explained: *found,
        });
    } else {
        show(found);
    }
    Exit::Pass
}

/// Returns the code of this name; for a limit of scripts, that of its being hit.
fn find<'a, 'p>(all: &'a [Explained<'p>], code: &str) -> Option<&'a Explained<'p>> {
    let named = |name: &str| all.iter().find(|explained| explained.code == name);
    named(code).or_else(|| {
        let limit = ["limits.", "limit."]
            .iter()
            .find_map(|prefix| code.strip_prefix(prefix))?;
        let setting = format!("`limits.{limit}`");
        named(&format!("limit.{limit}")).or_else(|| {
            all.iter()
                .find(|explained| explained.text.contains(&setting))
        })
    })
}

fn unknown(code: &str, all: &[Explained<'_>]) -> UnknownError {
    let near = did_you_mean(code, all.iter().map(|explained| explained.code));
    UnknownError {
        code: code.chars().filter(|c| !c.is_control()).collect(),
        help: match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`oes explain` lists all; a script makes up codes of its own for what it finds"
                .to_owned(),
        },
    }
}

/// Reads the codes out of the page, in order.
fn explained(page: &str) -> Vec<Explained<'_>> {
    let mut all = Vec::new();
    for group in page.split("\n## ").skip(1) {
        let (of, sections) = group.split_once('\n').unwrap_or((group, ""));
        for section in sections.split("\n### ").skip(1) {
            let (code, text) = section.split_once('\n').unwrap_or((section, ""));
            all.push(Explained {
                code,
                of,
                text: text.trim(),
            });
        }
    }
    all
}

fn list(all: &[Explained<'_>]) {
    let mut of = "";
    for group in all.chunk_by(|one, next| one.of == next.of) {
        if let Some(first) = group.first() {
            let gap = if of.is_empty() { "" } else { "\n" };
            of = first.of;
            output::result(format_args!("{gap}{}", styled(BOLD, of)));
        }
        let rows: Vec<Vec<Cell>> = group
            .iter()
            .map(|one| vec![Cell::plain(one.code), Cell::plain(one.about())])
            .collect();
        for line in table::shown(&rows) {
            output::result(format_args!("  {line}"));
        }
    }
    output::result(format_args!(
        "\n{}",
        styled(FAINT, "oes explain CODE says more")
    ));
}

/// Prints a section: code indented in place of its fences.
fn show(explained: &Explained<'_>) {
    output::result(format_args!(
        "{}  {}\n",
        styled(BOLD, explained.code),
        styled(FAINT, explained.of)
    ));
    let mut in_code = false;
    for line in explained.text.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        } else if in_code {
            output::result(format_args!("    {line}"));
        } else {
            output::result(line);
        }
    }
}
