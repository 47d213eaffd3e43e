//! Laws that hold for any response.

use proptest::prelude::*;

use super::spec::*;
use super::tests::{exchange, matcher, response};
use super::*;
use crate::model::judgement::Outcome;

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "[\\[\\]{}\":,0-9a-z# .-]{0,60}".prop_map(String::into_bytes),
        "[ \t\r\n]{0,5}".prop_map(String::into_bytes),
    ]
}

fn sample() -> impl Strategy<Value = Json> {
    prop::sample::select(
        &[
            "{}",
            "[]",
            "null",
            "1",
            "\"\"",
            "\"#any\"",
            "\"#string\"",
            "\"#notnull\"",
            "{\"a\":1}",
            "\"##number\"",
            "\"#regex .\"",
            "[\"#[1..]\",1]",
        ][..],
    )
    .prop_map(|text| crate::model::json::parse(text.as_bytes()).unwrap().root)
}

proptest! {
    #[test]
    fn any_bytes_are_judged(
        bytes in body(), sample in sample(), truncated: bool, status in 100_u16..600,
        content_type in prop::option::of(prop::sample::select(
            &["application/json", "text/plain", "text/html; charset=utf-8", "a+json", ""][..])),
    ) {
        let kinds = [
            SpecKind::StatusCode,
            SpecKind::Types { sample: sample.clone(), options: TypesOptions::default() },
            SpecKind::Exact { sample: Some(sample), options: ExactOptions::default() },
            SpecKind::NonEmpty(NonEmptyOptions { min: 2, ..NonEmptyOptions::default() }),
            SpecKind::NonEmpty(NonEmptyOptions { paths: vec!["$.a[*]".parse().unwrap()], min: 0 }),
        ];
        for kind in kinds {
            let mut response = response(status, content_type, &bytes);
            response.body.truncated = truncated;
            let exchange = exchange(Ok(response));
            let matcher = matcher(kind);
            let judgement = matcher.judge(&exchange);
            matcher.hint(&exchange);
            for finding in &judgement.findings {
                prop_assert!(!finding.to_string().contains(char::is_control), "{}", finding);
            }
            if !(200..300).contains(&status) {
                prop_assert_eq!(judgement.outcome, Outcome::Fail);
            }
            let reads_json = matcher.name() == "types";
            if reads_json && serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_err()
                && !bytes.starts_with(b"\xEF\xBB\xBF") {
                prop_assert_eq!(judgement.outcome, Outcome::Fail, "what is not JSON never passes");
            }
        }
    }
}
