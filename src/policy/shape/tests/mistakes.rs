//! What is wrong with a sample.

use super::*;

/// Sample, place, what is wrong there.
const MISTAKES: &[Row] = &[
    ("{\"a\":\"#strng\"}", "$.a", "`#strng` is not a marker"),
    (
        "{\"a\":[1,\"#foo bar\"]}",
        "$.a[1]",
        "`#foo bar` is not a marker",
    ),
    ("\"#\"", "$", "`#` is not a marker"),
    ("\"##\"", "$", "`##` says «or null» of nothing"),
    (
        "\"##absent\"",
        "$",
        "`##absent` contradicts itself: absent, or null",
    ),
    (
        "\"#absent\"",
        "$",
        "`#absent` is said of a key, not of a whole body or an element",
    ),
    (
        "[\"#absent\"]",
        "$[0]",
        "`#absent` is said of a key, not of a whole body or an element",
    ),
    ("\"#[3\"", "$", "`#[3` lacks its `]`"),
    ("\"#[x]\"", "$", "`x` is not a number"),
    (
        "\"#[-1]\"",
        "$",
        "`-1` is not a size: a whole number from 0 on",
    ),
    (
        "\"#[] string\"",
        "$",
        "`string` after `#[…]` is not a marker",
    ),
    (
        "\"#string a..b\"",
        "$",
        "`#string a..b`: `a` is not a number",
    ),
    (
        "\"#number 5..1\"",
        "$",
        "`#number 5..1`: the range `5..1` is empty",
    ),
    (
        "\"#boolean x\"",
        "$",
        "`#boolean` takes nothing after it, found `x`",
    ),
    ("\"#enum\"", "$", "`#enum` has an empty alternative"),
    (
        "\"#enum a||b\"",
        "$",
        "`#enum a||b` has an empty alternative",
    ),
    ("\"#regex\"", "$", "`#regex` has no expression"),
    ("\"#regex (\"", "$", "the expression `(`: unclosed group"),
    (
        "\"#regex (a{999}){999}\"",
        "$",
        "the expression `(a{999}){999}`: is larger than 1048576 bytes when compiled",
    ),
    ("\"#tuple\"", "$", "`#tuple` stands alone"),
    (
        "{\"a\":1,\"a?\":1}",
        "$['a?']",
        "the key `a` is there twice, with and without `?`",
    ),
];

#[test]
fn mistakes_are_named_with_their_place() {
    for (sample, place, message) in MISTAKES {
        let mistakes = Pattern::types(&json(sample), Options::default()).unwrap_err();
        let PatternPart::Sample { path, key } = &mistakes[0].part else {
            panic!("{sample}: {mistakes:?}");
        };
        assert_eq!(mistakes.len(), 1, "{sample}");
        assert_eq!(
            (path.to_string().as_str(), &*mistakes[0].message),
            (*place, *message)
        );
        assert_eq!(*key, sample.contains("a?"));
    }
    let mistakes = Pattern::types(&json("\"#strng\""), Options::default()).unwrap_err();
    assert_eq!(
        mistakes[0].help.as_deref(),
        Some(
            "did you mean `#string`? for the text itself put a backslash before it: `\\#strng`, which JSON and TOML write \"\\\\#strng\""
        )
    );
}

#[test]
fn null_in_a_sample_is_a_warning() {
    let (_, warnings) = Pattern::types(&json("{\"a\":null}"), Options::default()).unwrap();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].severity, MistakeSeverity::Warning);
    assert_eq!(
        warnings[0].message,
        "null carries no type: any value is accepted here"
    );
    let (_, warnings) = Pattern::exact(&json("{\"a\":null}"), Options::default()).unwrap();
    assert_eq!(warnings, []);
}

#[test]
fn options_that_cannot_work_are_mistakes() {
    let tolerance = |path: &str, by| vec![(path.parse().unwrap(), Tolerance::Absolute(by))];
    let rows = [
        (
            Options {
                ignore: paths(&["$[-1]"]),
                ..Options::default()
            },
            "ignore",
            "`$[-1]` counts from the end, which is not known before the body is",
            true,
        ),
        (
            Options {
                unordered: paths(&["$.tgas"]),
                ..Options::default()
            },
            "unordered",
            "`$.tgas` is nowhere in the sample",
            false,
        ),
        (
            Options {
                tolerance: tolerance("$.a", -1.0),
                ..Options::default()
            },
            "tolerance",
            "the tolerance of `$.a` is -1; it is a number from 0 on",
            true,
        ),
    ];
    let sample = json("{\"a\":1,\"tags\":[1]}");
    for (options, option, message, is_error) in rows {
        let compiled = Pattern::exact(&sample, options);
        assert_eq!(compiled.is_err(), is_error, "{message}");
        let (Err(mistakes) | Ok((_, mistakes))) = compiled;
        assert_eq!(mistakes[0].part, PatternPart::Option(option));
        assert_eq!(mistakes[0].message, message);
    }
    let fine = Options {
        unordered: paths(&["$.tags"]),
        tolerance: tolerance("$.tags[*]", 1.0),
        ignore: paths(&["$.nowhere"]),
        ..Options::default()
    };
    assert_eq!(Pattern::exact(&sample, fine).unwrap().1, []);
}
