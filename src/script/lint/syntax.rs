//! Texts that are no script, in words for a person who does not know the interpreter's.

use rhai::ParseError;

use crate::model::code::Code;
use crate::model::quotes;
use crate::model::span::Mistake;
use crate::script::error;

/// Returns the mistake that keeps a text from being a script.
pub(super) fn mistake(error: &ParseError, text: &str) -> Mistake {
    let mistake = error::syntax(error, text);
    let letter = text
        .get(mistake.span.clone())
        .and_then(|rest| rest.chars().next());
    if let Some(quote) = letter.filter(|letter| quotes::is_typographic(*letter)) {
        return quotes::mistake(Code::ScriptSyntax, mistake.span.start, quote);
    }
    let before = text.get(..mistake.span.end).unwrap_or_default().trim_end();
    let before = before.strip_suffix(')').map_or(before, str::trim_end);
    let call = before.strip_suffix('(').map(str::trim_end);
    for name in ["expect", "require"] {
        if let Some(start) = call.and_then(|call| call.strip_suffix(name))
            && !start.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
        {
            return Mistake::error(
                Code::ScriptSyntax,
                start.len()..start.len() + name.len(),
                format!("`{name}` needs a condition"),
            )
            .help(format!("say what must hold: {name}(body.price > 0)"));
        }
    }
    mistake
}
