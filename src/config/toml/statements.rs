//! The statements of a TOML text by their looks, so that one that is broken does not hide those that follow.

use std::ops::Range;

/// One header or one `key = value`, which may go over several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// Its bytes, without the white space before it and the end of its last line.
    pub(super) span: Range<usize>,
    /// Where a bracket is opened that is never closed.
    pub(super) open_bracket: Option<usize>,
    /// Where a quote is opened that is never closed.
    pub(super) open_quote: Option<usize>,
}

impl Statement {
    pub(super) fn is_header(&self, text: &str) -> bool {
        text.get(self.span.clone())
            .is_some_and(|statement| statement.starts_with('['))
    }

    /// Returns a header as it should be written where its brackets do not match, with the bytes that it is to replace.
    pub(super) fn right_header(&self, text: &str) -> Option<(Range<usize>, String)> {
        let written = text
            .get(self.span.clone())
            .filter(|written| written.starts_with('['))?;
        let written = written.split('#').next()?.trim_end();
        let bracket = |letter: char| matches!(letter, '[' | ']') || letter.is_whitespace();
        let name = written.trim_matches(bracket);
        let of_list = written.starts_with("[[") || written.ends_with("]]");
        let right = if of_list {
            format!("[[{name}]]")
        } else {
            format!("[{name}]")
        };
        let spaced = written.replace(char::is_whitespace, "");
        let span = self.span.start..self.span.start + written.len();
        (is_key(name) && spaced != right).then_some((span, right))
    }

    /// Returns the bytes of the value; absent for a header, and where there is no `=` or nothing behind it.
    pub(super) fn value(&self, text: &str) -> Option<Range<usize>> {
        if self.is_header(text) {
            return None;
        }
        let statement = text.get(self.span.clone())?;
        let (key, value) = statement.split_once('=')?;
        let start = self.span.end - value.trim_start().len();
        (is_key(key) && start < self.span.end).then_some(start..self.span.end)
    }
}

/// Returns the statements of a text in order.
pub(super) fn of(text: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = text.get(at..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        let start = at + line.len() - line.trim_start().len();
        let trimmed = line.trim();
        at += line.len() + 1;
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let statement = if trimmed.starts_with('[') {
            Statement {
                span: start..start + trimmed.len(),
                open_bracket: None,
                open_quote: None,
            }
        } else {
            pair(text, start)
        };
        at = at.max(statement.span.end);
        if let Some(end) = text.get(at..).and_then(|rest| rest.find('\n'))
            && !text.get(..at).is_some_and(|before| before.ends_with('\n'))
        {
            at += end + 1;
        }
        statements.push(statement);
    }
    statements
}

/// Reads `key = value` from its first byte on. Where a bracket is never closed it ends before the next line that looks
/// like a statement.
fn pair(text: &str, start: usize) -> Statement {
    let rest = text.get(start..).unwrap_or_default();
    let mut scan = Scan::default();
    let mut end = rest.len();
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        let ahead = rest.get(at..).unwrap_or_default();
        if letter == '\n' && scan.ends_with_line() {
            end = at;
            break;
        }
        let skipped = scan.step(at, letter, ahead);
        if skipped > 0 {
            letters.nth(skipped - 1);
        }
    }
    let unclosed = scan.brackets.first().copied();
    let open_quote = scan.broken_quote.or(scan.quote.map(|(at, _)| at));
    if unclosed.is_some() || (open_quote.is_some() && end == rest.len()) {
        end = next_statement(rest).unwrap_or(rest.len());
    }
    Statement {
        span: start..start + rest.get(..end).unwrap_or_default().trim_end().len(),
        open_bracket: unclosed.map(|at| start + at),
        open_quote: open_quote.map(|at| start + at),
    }
}

/// What is open at a place within a statement.
#[derive(Default)]
struct Scan {
    brackets: Vec<usize>,
    /// Where the string begins that is open, and what closes it.
    quote: Option<(usize, &'static str)>,
    /// Where the first string begins that its line does not close.
    broken_quote: Option<usize>,
    comment: bool,
}

impl Scan {
    /// Ends what a line ends, and tells whether the statement ends with it.
    fn ends_with_line(&mut self) -> bool {
        self.comment = false;
        if let Some((at, quote)) = self.quote {
            if quote.len() == 3 {
                return false;
            }
            self.broken_quote.get_or_insert(at);
            self.quote = None;
        }
        self.brackets.is_empty()
    }

    /// Takes one letter and returns how many more belong to it.
    fn step(&mut self, at: usize, letter: char, ahead: &str) -> usize {
        if self.comment {
            return 0;
        }
        if let Some((_, quote)) = self.quote {
            if letter == '\\' && quote.starts_with('"') {
                return usize::from(!ahead.starts_with("\\\n"));
            }
            if ahead.starts_with(quote) {
                self.quote = None;
                return quote.len() - 1;
            }
            return 0;
        }
        match letter {
            '#' => self.comment = true,
            '"' | '\'' => {
                let quote = ["\"\"\"", "'''", "\"", "'"]
                    .into_iter()
                    .find(|quote| ahead.starts_with(quote))
                    .unwrap_or("\"");
                self.quote = Some((at, quote));
                return quote.len() - 1;
            }
            '[' | '{' => self.brackets.push(at),
            ']' | '}' => drop(self.brackets.pop()),
            _ => {}
        }
        0
    }
}

/// Returns where the next line begins that looks like a statement of its own.
fn next_statement(rest: &str) -> Option<usize> {
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if at > 0 && looks_like_statement(line.trim()) {
            return Some(at);
        }
        at += line.len();
    }
    None
}

fn looks_like_statement(line: &str) -> bool {
    let line = line.split('#').next().unwrap_or_default().trim_end();
    let header = line
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .map(|inner| inner.trim_start_matches('[').trim_end_matches(']'));
    header.is_some_and(is_key) || line.split_once('=').is_some_and(|(key, _)| is_key(key))
}

/// Tells whether a text can be a key, dotted ones and quoted ones included.
pub(super) fn is_key(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty()
        && text.chars().all(|letter| {
            letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | '"' | '\'' | '$')
        })
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_statement_ends_where_its_brackets_and_quotes_do() {
        let text =
            "a = 1 # x\n\n[t]\n b = [\n  1, # ]\n  \"]\",\n]\nc = \"\"\"\nd = 1\n\"\"\"\ne = 'x";
        let found: Vec<&str> = of(text)
            .into_iter()
            .map(|statement| text.get(statement.span).unwrap())
            .collect();
        assert_eq!(
            found,
            [
                "a = 1 # x",
                "[t]",
                "b = [\n  1, # ]\n  \"]\",\n]",
                "c = \"\"\"\nd = 1\n\"\"\"",
                "e = 'x"
            ]
        );
    }

    #[test]
    fn what_is_never_closed_ends_before_the_next_statement() {
        let text = "a = { b = 1\n  ,c\nd = 2\n[t]\n";
        let found = of(text);
        let spans: Vec<&str> = found
            .iter()
            .map(|statement| text.get(statement.span.clone()).unwrap())
            .collect();
        assert_eq!(spans, ["a = { b = 1\n  ,c", "d = 2", "[t]"]);
        assert_eq!(found[0].open_bracket, Some(4));
        let quoted = &of("a = \"x\nb = 1\n")[0];
        assert_eq!((quoted.span.clone(), quoted.open_quote), (0..6, Some(4)));
    }
}
