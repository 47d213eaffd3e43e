//! Samples that are written out as the argument of `types` or `exact`.

use rhai::{Expr, Position};

use crate::model::code::Code;
use crate::model::json::Json;
use crate::model::path::{Path, Step};
use crate::model::span::{Mistake, MistakeSeverity};
use crate::policy::shape::{Options, Pattern, PatternPart};
use crate::script::error::span;

/// Returns the first mistake of a sample; what is no literal in it may be anything.
pub(super) fn mistake(sample: &Expr, call: Position, text: &str) -> Option<Mistake> {
    if !matches!(
        sample,
        Expr::StringConstant(..) | Expr::Array(..) | Expr::Map(..)
    ) {
        return None;
    }
    let mistakes = Pattern::types(&json(sample), Options::default()).err()?;
    let wrong = mistakes
        .into_iter()
        .find(|mistake| mistake.severity == MistakeSeverity::Error)?;
    let at = match &wrong.part {
        PatternPart::Sample { path, .. } => place(sample, path),
        PatternPart::Option(_) => Position::NONE,
    };
    let at = [at, sample.start_position(), call]
        .into_iter()
        .find(|at| !at.is_none())?;
    let message = format!("the sample: {}", wrong.message);
    let mut mistake = Mistake::error(Code::BadLiteral, span(text, at), message);
    mistake.help = wrong.help;
    Some(mistake)
}

/// Returns a sample as far as it is written out.
fn json(expression: &Expr) -> Json {
    match expression {
        Expr::StringConstant(text, _) => Json::from(text.as_str()),
        Expr::IntegerConstant(number, _) => Json::from(*number),
        Expr::FloatConstant(number, _) => Json::from(**number),
        Expr::Array(items, _) => items.iter().map(json).collect(),
        Expr::Map(members, _) => {
            let members = members.0.iter();
            Json::object(members.map(|(key, value)| (key.name.as_str(), json(value))))
        }
        _ => Json::Bool(true),
    }
}

/// Returns where a part of a sample begins.
fn place(sample: &Expr, path: &Path) -> Position {
    let mut here = sample;
    for step in path.steps() {
        let inner = match (here, step) {
            (Expr::Map(members, _), Step::Key(key)) => {
                let mut members = members.0.iter();
                members
                    .find(|(name, _)| *name.name == **key)
                    .map(|(_, value)| value)
            }
            (Expr::Array(items, _), Step::Index(index)) => usize::try_from(*index)
                .ok()
                .and_then(|index| items.get(index)),
            _ => None,
        };
        match inner {
            Some(inner) => here = inner,
            None => return here.start_position(),
        }
    }
    here.start_position()
}
