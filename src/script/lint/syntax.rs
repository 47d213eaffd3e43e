//! Texts that are no script, in words for a person who does not know the interpreter's.

use rhai::ParseError;

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
        return quotes::mistake(mistake.span.start, quote);
    }
    for name in ["expect", "require"] {
        let end = mistake.span.end;
        let before = text.get(..end).unwrap_or_default().trim_end();
        let empty = before.strip_suffix(')').map(str::trim_end);
        let before = empty.unwrap_or(before);
        if mistake.message.contains(&format!("'{name}' expression"))
            && let Some(call) = before.strip_suffix('(').map(str::trim_end)
            && let Some(start) = call.strip_suffix(name).map(str::len)
        {
            return Mistake::error(
                start..start + name.len(),
                format!("`{name}` needs a condition"),
            )
            .help(format!("say what must hold: {name}(body.price > 0)"));
        }
    }
    mistake
}
