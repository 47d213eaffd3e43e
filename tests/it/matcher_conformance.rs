//! Conditions that other monitors are known to judge wrongly, with the right answer in every row.
//!
//! The first thirteen themes are false verdicts of a widely used monitor: paths that are missing read as 0, fractions
//! cut off, numbers written in scientific notation, data read as syntax, mistakes in a condition that load.
#![expect(clippy::unwrap_used, reason = "a set-up that fails must fail its test")]

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, Version};
use jiff::Timestamp;

use oes::matcher::spec::{
    ExactOptions, Matcher, NonEmptyOptions, Spec, SpecKind, StatusRule, TypesOptions,
};
use oes::model::exchange::{Body, Exchange, Response, Timings};
use oes::model::json::{self, Json};

fn exchange(status: u16, content_type: &'static str, body: &str) -> Exchange {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(content_type));
    Exchange {
        started_at: Timestamp::UNIX_EPOCH,
        sent: Arc::default(),
        timings: Timings::default(),
        bearer: None,
        hops: Vec::new(),
        peer: None,
        certificate: None,
        tls: None,
        result: Ok(Response {
            status: StatusCode::from_u16(status).unwrap(),
            version: Version::HTTP_11,
            headers,
            body: Body::new(Bytes::copy_from_slice(body.as_bytes())),
        }),
    }
}

fn sample(text: &str) -> Json {
    json::parse(text.as_bytes()).unwrap().root
}

fn types(text: &str) -> SpecKind {
    SpecKind::Types {
        sample: sample(text),
        options: TypesOptions::default(),
    }
}

fn exact(text: &str) -> SpecKind {
    SpecKind::Exact {
        sample: Some(sample(text)),
        options: ExactOptions::default(),
    }
}

/// Returns `pass`, or the outcome with the code and the text of the first finding.
fn verdict(kind: SpecKind, status: StatusRule, exchange: &Exchange) -> String {
    let (matcher, _) = Matcher::compile(Spec { kind, status }).unwrap();
    let judgement = matcher.judge(exchange);
    match judgement.main_finding() {
        None => judgement.outcome.to_string(),
        Some(finding) => format!("{} {} {finding}", judgement.outcome, finding.code),
    }
}

fn of_json(kind: SpecKind, body: &str) -> String {
    let exchange = exchange(200, "application/json", body);
    verdict(kind, StatusRule::default(), &exchange)
}

#[test]
fn a_missing_path_is_not_zero() {
    // `errors < 5` of a body without `errors`: not 0, but missing.
    assert_eq!(
        of_json(types(r##"{"errors":"#number < 5"}"##), r#"{"ok":true}"#),
        "fail missing $.errors: missing, expected number < 5"
    );
    // `len(items) < 3` of an object without `items`: not a short array, but missing.
    assert_eq!(
        of_json(types(r##"{"items":"#[..2]"}"##), "{}"),
        "fail missing $.items: missing, expected array of ..2 items"
    );
}

#[test]
fn an_error_page_is_not_a_small_queue() {
    let page = exchange(502, "text/html", "<html>502 Bad Gateway</html>");
    let queue = || types(r##"{"queue":"#number <= 100"}"##);
    // `queue <= 100` of an HTML page behind a 502: the status speaks.
    assert_eq!(
        verdict(queue(), StatusRule::default(), &page),
        "fail status expected 2xx, got 502 Bad Gateway"
    );
    // The same where any status is accepted: the page is not JSON.
    assert_eq!(
        verdict(queue(), StatusRule::Any, &page),
        "fail not_json $: expected JSON, got text/html, 28 bytes starting \"<html>502 Bad Gateway</html>\""
    );
}

#[test]
fn nothing_is_not_a_status_other_than_down() {
    let up = || types(r##"{"status":"#enum UP|STARTING"}"##);
    // `status != DOWN` of an empty body: there is no status.
    assert_eq!(
        of_json(up(), ""),
        "fail empty_body $: expected JSON, got an empty body"
    );
    // … of a body that is no JSON.
    assert_eq!(
        of_json(up(), "oops"),
        "fail not_json $: expected JSON, got application/json, 4 bytes starting \"oops\": expected value at line 1 column 1"
    );
    // … of a body that is JSON without it.
    assert_eq!(
        of_json(up(), "{}"),
        "fail missing $.status: missing, expected one of \"UP\", \"STARTING\""
    );
}

#[test]
fn fractions_are_not_cut_off() {
    // `load < 0.9` of 0.1 holds.
    assert_eq!(
        of_json(types(r##"{"load":"#number < 0.9"}"##), r#"{"load":0.1}"#),
        "pass"
    );
    // `load <= 1` of 1.99 does not.
    assert_eq!(
        of_json(types(r##"{"load":"#number <= 1"}"##), r#"{"load":1.99}"#),
        "fail range $.load: expected number <= 1, got number 1.99"
    );
    // `ratio > 0.5` of 0.99 holds.
    assert_eq!(
        of_json(types(r##"{"ratio":"#number > 0.5"}"##), r#"{"ratio":0.99}"#),
        "pass"
    );
}

#[test]
fn whole_numbers_are_exact() {
    // `id == 12345678` holds, in whatever way a float would be written.
    assert_eq!(
        of_json(exact(r#"{"id":12345678}"#), r#"{"id":12345678}"#),
        "pass"
    );
    // Two ids that are one float are two ids.
    assert_eq!(
        of_json(
            exact(r#"{"id":9007199254740993}"#),
            r#"{"id":9007199254740992}"#
        ),
        "fail value $.id: expected 9007199254740993, got 9007199254740992"
    );
    assert_eq!(
        of_json(
            exact(r#"{"id":18446744073709551615}"#),
            r#"{"id":18446744073709551615}"#
        ),
        "pass"
    );
}

#[test]
fn a_text_is_not_a_number() {
    // `code == 8` of "010": a text, in no base.
    assert_eq!(
        of_json(exact(r#"{"code":8}"#), r#"{"code":"010"}"#),
        "fail type $.code: expected 8, got string \"010\""
    );
}

#[test]
fn a_service_cannot_forge_success() {
    // `status == UP` of a body that answers in the syntax of conditions, or of markers.
    for forged in [
        "pat(*)",
        "any(UP, x)",
        "#any",
        "#regex .*",
        "##string",
        "*",
        "UP?",
    ] {
        assert_eq!(
            of_json(
                exact(r#"{"status":"UP"}"#),
                &format!(r#"{{"status":"{forged}"}}"#)
            ),
            format!("fail value $.status: expected \"UP\", got \"{forged}\"")
        );
    }
    // Keys neither.
    assert_eq!(
        of_json(
            types(r#"{"status":"UP"}"#),
            r##"{"status?":"UP","*":"#any"}"##
        ),
        "fail missing $.status: missing, expected string (like \"UP\") (did you mean `status?`?)"
    );
}

#[test]
fn a_mistake_in_a_condition_does_not_load() {
    let refused = |kind| {
        let status = StatusRule::default();
        let mistakes = Matcher::compile(Spec { kind, status }).unwrap_err();
        let help = mistakes[0].help.clone().unwrap_or_default();
        (mistakes[0].message.clone(), help)
    };
    // A slip in a placeholder is a mistake with the word that was meant, not a text that never matches.
    let (message, help) = refused(types(r##"{"errors":"#nubmer < 5"}"##));
    assert_eq!(message, "`#nubmer < 5` is not a marker");
    assert!(help.starts_with("did you mean `#number`?"), "{help}");
    // A condition with two operators is one too; its second half is not dropped.
    let (message, _) = refused(types(r##"{"errors":"#number < 5 || > 9"}"##));
    assert_eq!(message, "`#number < 5 || > 9`: `5 || > 9` is not a number");
    // `status == 200 || status == 500` in its place: refused, and there is a way to say it.
    assert!(StatusRule::parse("200 || 500").is_err());
    let either = StatusRule::parse("200, 500").unwrap();
    assert_eq!(
        verdict(
            SpecKind::StatusCode,
            either,
            &exchange(500, "text/html", "")
        ),
        "pass"
    );
}

#[test]
fn an_odd_body_is_a_finding_and_nothing_dies() {
    // `data[0].id == 1` of bodies of another shape.
    let rows = [
        ("[]", "fail type $: expected object, got an empty array"),
        (
            "\"text\"",
            "fail type $: expected object, got string \"text\"",
        ),
        ("503", "fail type $: expected object, got number 503"),
        ("true", "fail type $: expected object, got boolean true"),
        (
            "[{\"data\":1}]",
            "fail type $: expected object, got array [{\"data\":1}]",
        ),
        (
            "{\"data\":[]}",
            "fail length $.data: expected array of 1 item, got 0 items",
        ),
        ("{\"data\":[{\"id\":1}]}", "pass"),
    ];
    for (body, said) in rows {
        assert_eq!(
            of_json(exact(r#"{"data":[{"id":1}]}"#), body),
            said,
            "{body}"
        );
    }
    // The same place asked for by path.
    let path = || {
        SpecKind::NonEmpty(NonEmptyOptions {
            paths: vec!["$.data[0].id".parse().unwrap()],
            min: 0,
        })
    };
    for body in [
        "[]",
        "\"text\"",
        "503",
        "true",
        "[{\"data\":1}]",
        "{\"data\":[]}",
        "{\"data\":[1]}",
    ] {
        let said = of_json(path(), body);
        assert!(said.starts_with("fail missing $"), "{body}: {said}");
    }
}
