//! Small wrong changes of a script's text. A good test of the script fails for each of them.
//!
//! Comparisons at their limit, `&&` and `||`, `!`, `true` and `false`, arithmetic, numbers (those of defaults in the header
//! as well), and calls that say something of the service or end the run, which are taken out. Strings and comments stay
//! as they are.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::bare::code;

/// One wrong change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// The bytes that are replaced.
    pub span: Range<usize>,
    /// By what; nothing to take them out.
    pub replacement: String,
}

/// What is looked for in code; longer operators first, so that a part of one is not taken for another.
static SITES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"=>|->|<<=?|>>=?|\.\.=|\*\*=?|&&|\|\||<=|>=|==|!=|<|>|!|[-+*/%]=?|\b(?:true|false)\b|\b\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?\b|\b(?:expect|require|fail|warn|skip|stop|violation|metric)\s*\(",
    )
    .ok()
});

/// The default of a parameter in a header.
static DEFAULTS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?m)^//! default = "?(\d+(?:\.\d+)?)"#).ok());

/// Returns the wrong changes of a script in the order of the text; not every one of them compiles.
pub fn mutants(text: &str) -> Vec<Mutant> {
    let code = code(text);
    let defaults = DEFAULTS.iter().flat_map(|regex| regex.captures_iter(text));
    let mut mutants: Vec<Mutant> = defaults
        .filter_map(|found| found.get(1))
        .filter_map(|number| change(number.as_str(), number.range(), &code, text))
        .collect();
    let sites = SITES.iter().flat_map(|regex| regex.find_iter(&code));
    mutants.extend(sites.filter_map(|site| change(site.as_str(), site.range(), &code, text)));
    mutants
}

/// Returns the wrong change of one place, absent where none is made.
fn change(site: &str, span: Range<usize>, code: &str, text: &str) -> Option<Mutant> {
    let replacement = match site {
        "<" => "<=",
        "<=" => "<",
        ">" => ">=",
        ">=" => ">",
        "==" => "!=",
        "!=" => "==",
        "&&" => "||",
        "||" => "&&",
        "!" => "",
        "true" => "false",
        "false" => "true",
        "+" | "-" | "+=" | "-=" if joins_text(&span, text) => return None,
        "+" => "-",
        "-" => "+",
        "*" | "%" => "/",
        "/" => "*",
        "+=" => "-=",
        "-=" => "+=",
        "*=" | "%=" => "/=",
        "/=" => "*=",
        call if call.ends_with('(') => {
            let end = span.end + closing(code.get(span.end..)?)?;
            return Some(Mutant {
                span: span.start..end,
                replacement: String::new(),
            });
        }
        number => return next(number).map(|replacement| Mutant { span, replacement }),
    };
    Some(Mutant {
        span,
        replacement: replacement.to_owned(),
    })
}

/// Tells whether an operator stands beside a string: words are no arithmetic, and few tests read every one of them.
fn joins_text(span: &Range<usize>, text: &str) -> bool {
    let before = text.get(..span.start).unwrap_or_default().trim_end();
    let after = text.get(span.end..).unwrap_or_default().trim_start();
    let is_quote = |character: Option<char>| matches!(character, Some('"' | '`' | '\''));
    is_quote(before.chars().next_back()) || is_quote(after.chars().next())
}

/// Returns the number that is one more.
fn next(number: &str) -> Option<String> {
    let plain = number.replace('_', "");
    match plain.parse::<i64>() {
        Ok(whole) => Some(whole.checked_add(1)?.to_string()),
        Err(_) => plain
            .parse::<f64>()
            .ok()
            .map(|real| format!("{:?}", real + 1.0)),
    }
}

/// Returns where the bracket closes that is open at the start, past it.
fn closing(code: &str) -> Option<usize> {
    let mut depth = 1_usize;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::mutants;

    fn changed(text: &str) -> Vec<String> {
        mutants(text)
            .into_iter()
            .map(|mutant| {
                let mut changed = text.to_owned();
                changed.replace_range(mutant.span, &mutant.replacement);
                changed
            })
            .collect()
    }

    #[test]
    fn every_place_is_changed_once() {
        assert_eq!(
            changed("expect(a.b1 <= 1_0.5 && true);"),
            [
                ";",
                "expect(a.b1 < 1_0.5 && true);",
                "expect(a.b1 <= 11.5 && true);",
                "expect(a.b1 <= 1_0.5 || true);",
                "expect(a.b1 <= 1_0.5 && false);",
            ]
        );
        assert_eq!(
            changed("if x == 1 { fail(`${f(\"}\")} (`, g(2)); }"),
            [
                "if x != 1 { fail(`${f(\"}\")} (`, g(2)); }",
                "if x == 2 { fail(`${f(\"}\")} (`, g(2)); }",
                "if x == 1 { ; }",
                "if x == 1 { fail(`${f(\"}\")} (`, g(3)); }",
            ]
        );
    }

    #[test]
    fn what_is_said_and_counted_is_changed() {
        assert_eq!(
            changed("if !has(a) { violation(\"x\", \"y\"); metric(\"m\", a * 1e-3); stop(); }"),
            [
                "if has(a) { violation(\"x\", \"y\"); metric(\"m\", a * 1e-3); stop(); }",
                "if !has(a) { ; metric(\"m\", a * 1e-3); stop(); }",
                "if !has(a) { violation(\"x\", \"y\"); ; stop(); }",
                "if !has(a) { violation(\"x\", \"y\"); metric(\"m\", a / 1e-3); stop(); }",
                "if !has(a) { violation(\"x\", \"y\"); metric(\"m\", a * 1.001); stop(); }",
                "if !has(a) { violation(\"x\", \"y\"); metric(\"m\", a * 1e-3); ; }",
            ]
        );
        assert_eq!(
            changed("a += b - c % d / -e ** f;"),
            [
                "a -= b - c % d / -e ** f;",
                "a += b + c % d / -e ** f;",
                "a += b - c / d / -e ** f;",
                "a += b - c % d * -e ** f;",
                "a += b - c % d / +e ** f;",
            ]
        );
    }

    #[test]
    fn text_and_other_operators_stay() {
        for text in [
            "// a < 1\n/* 2 */ \"3 \\\" <\" `4 <`",
            "switch x { _ => y }",
            "let x = a + \"b\" + c;",
            "let ä = \"ö < 1\";",
            "0x1f",
            "",
            "expect(",
        ] {
            assert_eq!(changed(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn defaults_of_the_header_are_numbers_too() {
        assert_eq!(
            changed("//! x 1\n//! ---\n//! default = \"15m\"\n//! help = \"2\"\n"),
            ["//! x 1\n//! ---\n//! default = \"16m\"\n//! help = \"2\"\n"]
        );
    }
}
