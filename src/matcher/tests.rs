//! Tables: exchanges and what is said of them.

mod non_empty;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, Version};
use jiff::Timestamp;

use super::spec::*;
use super::*;
use crate::model::exchange::{Body, Phase, Timings};
use crate::model::failure::FailureKind;
use crate::model::judgement::Outcome;
use crate::model::span::MistakeSeverity;
use crate::script::source::Header;

pub(super) fn exchange(result: Result<Response, Failure>) -> Exchange {
    Exchange {
        started_at: Timestamp::UNIX_EPOCH,
        sent: Arc::default(),
        timings: Timings::default(),
        bearer: None,
        hops: Vec::new(),
        peer: None,
        certificate: None,
        tls: None,
        result,
    }
}

pub(super) fn response(status: u16, content_type: Option<&str>, body: &[u8]) -> Response {
    let mut headers = HeaderMap::new();
    if let Some(content_type) = content_type {
        let value = HeaderValue::from_bytes(content_type.as_bytes()).unwrap();
        headers.insert("content-type", value);
    }
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        version: Version::HTTP_11,
        headers,
        body: Body::new(Bytes::copy_from_slice(body)),
    }
}

fn answered(content_type: &str, body: &str) -> Exchange {
    exchange(Ok(response(200, Some(content_type), body.as_bytes())))
}

fn json(text: &str) -> Json {
    crate::model::json::parse(text.as_bytes()).unwrap().root
}

pub(super) fn matcher(kind: SpecKind) -> Matcher {
    let status = StatusRule::default();
    Matcher::compile(Spec { kind, status }).unwrap().0
}

fn types(sample: &str) -> Matcher {
    matcher(SpecKind::Types {
        sample: json(sample),
        options: TypesOptions::default(),
    })
}

fn exact(sample: &str) -> Matcher {
    matcher(SpecKind::Exact {
        sample: Some(json(sample)),
        options: ExactOptions::default(),
    })
}

fn told(matcher: &Matcher, exchange: &Exchange) -> String {
    let judgement = matcher.judge(exchange);
    let lines: Vec<String> = judgement
        .findings
        .iter()
        .map(|finding| format!("{} {finding}", finding.code))
        .collect();
    if lines.is_empty() {
        judgement.outcome.to_string()
    } else {
        format!("{}: {}", judgement.outcome, lines.join("\n"))
    }
}

#[test]
fn a_failed_exchange_speaks_first() {
    let failed = |kind| {
        exchange(Err(Failure {
            kind,
            phase: Some(Phase::Connect),
            message: "refused by 127.0.0.1:81\u{1b}".to_owned(),
        }))
    };
    for kind in FailureKind::ALL {
        let judgement = types("{}").judge(&failed(kind));
        let outcome = if kind.is_ours() {
            Outcome::Unknown
        } else {
            Outcome::Fail
        };
        assert_eq!(judgement.outcome, outcome, "{kind}");
        assert_eq!(&*judgement.findings[0].code, kind.as_str());
        assert_eq!(
            judgement.findings[0].message,
            "refused by 127.0.0.1:81\\u{1b}"
        );
    }
}

#[test]
fn the_status_comes_before_the_body() {
    let refused = exchange(Ok(response(503, None, b"<html>")));
    let said = "fail: status expected 2xx, got 503 Service Unavailable";
    for matcher in [
        matcher(SpecKind::StatusCode),
        types("{\"a\":1}"),
        exact("1"),
        matcher(SpecKind::NonEmpty(NonEmptyOptions::default())),
    ] {
        assert_eq!(told(&matcher, &refused), said, "{}", matcher.name());
    }
    let any = Matcher::compile(Spec {
        kind: SpecKind::StatusCode,
        status: StatusRule::parse("200, 503").unwrap(),
    });
    assert_eq!(told(&any.unwrap().0, &refused), "pass");
}

#[test]
fn what_is_not_json_is_said() {
    let rows: [(&str, &str, &str); 7] = [
        (
            "text/html; charset=utf-8",
            "<html><head>",
            "fail: not_json $: expected JSON, got text/html, 12 bytes starting \"<html><head>\"",
        ),
        (
            "application/json",
            "{\"a\":",
            "fail: not_json $: expected JSON, got application/json, 5 bytes starting \"{\\\"a\\\":\": EOF while parsing a value at line 1 column 5",
        ),
        (
            "",
            "x\u{1b}[2J",
            "fail: not_json $: expected JSON, got no content type, 5 bytes starting \"x\\u001b[2J\"",
        ),
        (
            "application/json",
            " \n",
            "fail: empty_body $: expected JSON, got an empty body",
        ),
        ("text/plain", "\u{feff}{\"a\":1}", "pass"),
        ("text/html", "{\"a\":1}", "pass"),
        (
            "application/json",
            "{\"a\":0,\"a\":1,\"b\":1,\"b\":1}",
            "warn: repeated_key $: an object repeats the keys \"a\", \"b\"; the last one counts",
        ),
    ];
    for (content_type, body, said) in rows {
        assert_eq!(
            told(&types("{\"a\":1}"), &answered(content_type, body)),
            said
        );
    }
    let deep = "[".repeat(100) + "]".repeat(100).as_str();
    assert_eq!(
        told(&types("[]"), &answered("application/json", &deep)),
        "fail: too_deep $: the JSON nests deeper than 64 levels, so it is not judged"
    );
    let many = r#"{"a":1,"a":1,"b":1,"b":1,"c":1,"c":1,"d":1,"d":1}"#;
    let said = told(&types("{}"), &answered("", many));
    assert!(
        said.ends_with("the keys \"a\", \"b\", \"c\" and 1 more; the last one counts"),
        "{said}"
    );
}

#[test]
fn a_cut_body_is_never_judged_as_a_whole() {
    let mut cut = response(200, Some("application/json"), b"123");
    cut.body.truncated = true;
    let cut = exchange(Ok(cut));
    let said = "fail: not_json $: expected JSON, got application/json, 3 bytes (cut there by the body limit) starting \"123\"";
    assert_eq!(told(&types("1"), &cut), said);
    assert_eq!(told(&exact("123"), &cut), said);
    let mut text = response(200, Some("text/plain"), b"123");
    text.body.truncated = true;
    let text = exchange(Ok(text));
    let non_empty = matcher(SpecKind::NonEmpty(NonEmptyOptions::default()));
    assert_eq!(told(&non_empty, &text), "pass");
    assert!(told(&exact("\"123\""), &text).starts_with("fail: not_json"));
}

#[test]
fn exact_compares_text() {
    let rows = [
        ("\"pong\"", "text/plain", "pong", "pass"),
        (
            "\"pong\"",
            "text/plain",
            "pong\n",
            "fail: value $: expected \"pong\", got \"pong\\n\"",
        ),
        ("\"pong\"", "text/plain", "\"pong\"", "pass"),
        ("\"42\"", "text/plain", "42", "pass"),
        (
            "\"42\"",
            "application/json",
            "42",
            "fail: type $: expected \"42\", got number 42",
        ),
        ("42", "text/plain", "42", "pass"),
        ("\"\"", "text/plain", "", "pass"),
        (
            "\"x\"",
            "text/plain",
            "",
            "fail: value $: expected \"x\", got \"\"",
        ),
        ("\"#regex ^v[0-9]+$\"", "text/plain", "v12", "pass"),
        (
            "\"#regex ^v[0-9]+$\"",
            "text/plain",
            "12",
            "fail: format $: expected string matching ^v[0-9]+$, got string \"12\"",
        ),
        (
            "\"#any\"",
            "text/html",
            "<html>",
            "fail: not_json $: expected JSON, got text/html, 6 bytes starting \"<html>\"",
        ),
        (
            "{}",
            "text/plain",
            "pong",
            "fail: not_json $: expected JSON, got text/plain, 4 bytes starting \"pong\"",
        ),
    ];
    for (sample, content_type, body, said) in rows {
        assert_eq!(
            told(&exact(sample), &answered(content_type, body)),
            said,
            "{sample} {body}"
        );
    }
    let binary = exchange(Ok(response(200, Some("text/plain"), b"\xff\xfe")));
    assert_eq!(
        told(&exact("\"x\""), &binary),
        "fail: value $: expected text, got 2 bytes that are not UTF-8"
    );
}

#[test]
fn exact_compares_hashes() {
    let with = |sha256: &str| {
        matcher(SpecKind::Exact {
            sample: None,
            options: ExactOptions {
                sha256: Some(sha256.to_owned()),
                ..ExactOptions::default()
            },
        })
    };
    // The well-known hash of «abc».
    let abc = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
    assert_eq!(told(&with(abc), &answered("", "abc")), "pass");
    let said = told(&with(abc), &answered("", "abd"));
    assert!(
        said.starts_with("fail: value $: expected SHA-256 ba7816bf"),
        "{said}"
    );
    assert!(said.ends_with(" of 3 bytes"), "{said}");
}

fn script(sends_request: bool, status: Option<&str>) -> SpecKind {
    SpecKind::Script {
        source: Arc::new(Source {
            name: "price".into(),
            file: "scripts/matchers/price.rhai".into(),
            text: "true".into(),
            version: "0".into(),
            header: Header {
                sends_request,
                status: status.map(str::to_owned),
                ..Header::default()
            },
            uses_prev: false,
            ..Source::default()
        }),
        params: BTreeMap::new(),
        expected: None,
    }
}

#[test]
fn a_script_runs_only_on_an_accepted_answer() {
    let refused = exchange(Ok(response(503, None, b"")));
    let good = answered("", "{}");
    let sends = matcher(script(true, Some("2xx")));
    assert_eq!(
        sends.before_script(&refused).unwrap().outcome,
        Outcome::Fail
    );
    assert!(sends.before_script(&good).is_none());
    assert_eq!(sends.judge(&good).outcome, Outcome::Error);
    assert_eq!(sends.as_script().unwrap().source.name, "price".into());
    let calls_itself = matcher(script(false, None));
    assert!(calls_itself.before_script(&refused).is_none());
}

#[test]
fn specs_that_cannot_work_are_mistakes() {
    let compile = |kind| {
        let status = StatusRule::default();
        let mistakes = Matcher::compile(Spec { kind, status }).unwrap_err();
        let [mistake] = mistakes.as_slice() else {
            panic!("{mistakes:?}");
        };
        assert_eq!(mistake.severity, MistakeSeverity::Error);
        (mistake.part.clone(), mistake.message.clone())
    };
    let options = |sha256: Option<&str>| ExactOptions {
        sha256: sha256.map(str::to_owned),
        ..ExactOptions::default()
    };
    let exact = |sha256| SpecKind::Exact {
        sample: None,
        options: options(sha256),
    };
    assert_eq!(
        compile(exact(None)),
        (SpecPart::Whole, "nothing to compare the body with".into())
    );
    assert_eq!(
        compile(exact(Some("ff"))),
        (
            SpecPart::Option("sha256"),
            "`ff` is not a SHA-256: 64 hexadecimal digits".into()
        )
    );
    let marker = SpecKind::Types {
        sample: json("{\"a\":\"#nmber\"}"),
        options: TypesOptions::default(),
    };
    let part = SpecPart::Sample {
        path: "$.a".parse().unwrap(),
        key: false,
    };
    assert_eq!(compile(marker), (part, "`#nmber` is not a marker".into()));
    assert_eq!(
        compile(script(true, Some("2x"))),
        (
            SpecPart::Whole,
            "the header of scripts/matchers/price.rhai: `2x` is not a status rule such as 2xx, 204, 200-299 or any".into()
        )
    );
}
