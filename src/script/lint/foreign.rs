//! What other languages write and this one does not, with what it writes instead.

use rhai::{LexError, ParseErrorType};

/// What stands in a script and means something elsewhere.
pub(super) struct Foreign {
    /// How many bytes of the text it is.
    pub(super) length: usize,
    /// What is wrong, for a person.
    pub(super) message: String,
    /// What to write instead, for a person.
    pub(super) help: String,
    /// What to read in its place, no longer than it is, to see what else is wrong.
    pub(super) mended: Option<String>,
}

/// Words of other languages, with what this one writes, and what is read in their place where that is something else.
const WORDS: &[(&str, &str, Option<&str>)] = &[
    ("null", "()", None),
    ("nil", "()", None),
    ("None", "()", None),
    ("NULL", "()", None),
    ("undefined", "()", None),
    ("True", "true", None),
    ("TRUE", "true", None),
    ("False", "false", None),
    ("FALSE", "false", None),
    ("and", "&&", None),
    ("or", "||", None),
    ("not", "!", None),
    ("is", "==", None),
    ("elif", "else if", Some("if")),
    ("elseif", "else if", Some("if")),
    ("elsif", "else if", Some("if")),
    ("var", "let", None),
    ("function", "fn", None),
    ("func", "fn", None),
    ("def", "fn", None),
    ("foreach", "for", None),
    ("raise", "throw", None),
];

/// Symbols of other languages, with what this one writes.
const SYMBOLS: &[(&str, &str, &str)] = &[
    ("++", "`++` counts nothing up here", "write `i += 1`"),
    ("--", "`--` counts nothing down here", "write `i -= 1`"),
    (
        "?",
        "there is no `? :` here",
        "write `if a { b } else { c }`, which is a value",
    ),
    (
        "=>",
        "a function is not written with `=>`",
        "write `|value| value + 1`",
    ),
    (
        ":",
        "there is no `:` here",
        "a block is written `{ … }`, a map `#{ key: value }`",
    ),
];

/// Returns what the compiler met where `rest` begins, if it is of another language.
pub(super) fn find(error: &ParseErrorType, rest: &str) -> Option<Foreign> {
    match error {
        ParseErrorType::BadInput(LexError::MalformedChar(_)) => text_in_single_quotes(rest),
        ParseErrorType::BadInput(LexError::ImproperSymbol(symbol, said)) => improper(symbol, said),
        ParseErrorType::VariableUndefined(name) if starts_text(name, rest) => Some(Foreign {
            length: name.len(),
            message: format!("there is no `{name}` before a text"),
            help: "values go into a text in backticks: `the price is ${body.price}`".to_owned(),
            mended: Some(String::new()),
        }),
        ParseErrorType::VariableUndefined(_)
        | ParseErrorType::Reserved(_)
        | ParseErrorType::UnknownOperator(_)
        | ParseErrorType::VariableExpected
        | ParseErrorType::MissingToken(..) => word(rest)
            .or_else(|| compared(rest))
            .or_else(|| symbol(rest)),
        _ => None,
    }
}

fn word(rest: &str) -> Option<Foreign> {
    let end = rest
        .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .unwrap_or(rest.len());
    let (written, after) = rest.split_at_checked(end)?;
    let (known, instead, mended) = WORDS.iter().find(|(known, ..)| *known == written)?;
    let negated = after.trim_start_matches(' ');
    if *known == "is" && negated.starts_with("not ") {
        let length = rest.len() - negated.len() + "not".len();
        return Some(instead_of("is not", length, "!=", None));
    }
    Some(instead_of(known, known.len(), instead, *mended))
}

fn instead_of(known: &str, length: usize, instead: &str, mended: Option<&str>) -> Foreign {
    Foreign {
        length,
        message: format!("`{known}` is a word of other languages"),
        help: format!("write `{instead}`"),
        mended: Some(mended.unwrap_or(instead).to_owned()),
    }
}

/// A `=` where a value ends.
fn compared(rest: &str) -> Option<Foreign> {
    let after = rest.strip_prefix('=')?;
    if after.starts_with(['=', '>']) {
        return None;
    }
    Some(Foreign {
        length: "=".len() + usize::from(after.starts_with(' ')),
        message: "`=` sets a value, and compares nothing".to_owned(),
        help: "write `==` to compare".to_owned(),
        mended: after.starts_with(' ').then(|| "==".to_owned()),
    })
}

fn symbol(rest: &str) -> Option<Foreign> {
    let (known, message, help) = SYMBOLS.iter().find(|(known, ..)| rest.starts_with(known))?;
    Some(Foreign {
        length: known.len(),
        message: (*message).to_owned(),
        help: (*help).to_owned(),
        mended: None,
    })
}

/// A symbol of which the compiler knows what it means elsewhere: `Should it be '=='?`.
fn improper(symbol: &str, said: &str) -> Option<Foreign> {
    let (_, instead) = said.rsplit_once("Should it be ")?;
    let mut quoted = instead.split('\'');
    let instead = quoted.nth(1)?;
    Some(Foreign {
        length: symbol.len(),
        message: format!("`{symbol}` is a symbol of other languages"),
        help: format!("write `{instead}`"),
        mended: (instead.len() <= symbol.len()).then(|| instead.to_owned()),
    })
}

fn text_in_single_quotes(rest: &str) -> Option<Foreign> {
    let inside = rest.strip_prefix('\'')?;
    let line = inside.lines().next().unwrap_or_default();
    let end = line.find('\'')?;
    let inside = line.get(..end)?;
    Some(Foreign {
        length: end + 2,
        message: "a text stands in double quotes".to_owned(),
        help: format!("write \"{}\"", inside.replace('"', "\\\"")),
        mended: (!inside.contains('"')).then(|| format!("\"{inside}\"")),
    })
}

/// Tells whether a letter stands before a text as some languages write it: `f"…"`.
fn starts_text(name: &str, rest: &str) -> bool {
    name.len() == 1
        && rest
            .strip_prefix(name)
            .is_some_and(|after| after.starts_with(['"', '\'']))
}
