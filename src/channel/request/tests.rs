use std::collections::BTreeMap;

use http_body_util::BodyExt as _;

use super::*;
use crate::model::json::parse;
use crate::model::service::ChannelName;

fn settings() -> Settings {
    let options = [
        (
            "url",
            Secret::hidden("https://hooks.example.io:8443/T0/secret?k=v"),
        ),
        ("plain", Secret::plain("http://plain.example.io/x")),
        (
            "key",
            Secret::hidden("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ),
        ("bad_key", Secret::hidden("hunter2")),
        (
            "login",
            Secret::plain("https://us%40er:p%2Bw+d@hooks.example.io/"),
        ),
        ("ftp", Secret::plain("ftp://files.example.io/")),
    ];
    Settings {
        name: ChannelName::new("ops"),
        kind: ChannelKind::Console,
        fallback: None,
        options: options
            .into_iter()
            .map(|(key, value)| (Arc::from(key), value))
            .collect::<BTreeMap<_, _>>(),
    }
}

/// Prepares requests written as JSON in which `{key}` stands for what the script sees of an option.
fn prepare_text(text: &str) -> Result<Vec<Prepared>, RequestError> {
    let settings = settings();
    let (veil, channel) = Veil::over(&settings);
    let mut text = text.to_owned();
    for (key, value) in channel.as_object().unwrap().iter() {
        text = text.replace(&format!("{{{key}}}"), value.as_str().unwrap());
    }
    let context = Context {
        optional: false,
        veil: &veil,
        origins: &origins(&settings),
        message_id: "msg_1",
        at: Timestamp::from_second(1_614_265_330).unwrap(),
    };
    prepare(&parse(text.as_bytes()).unwrap().root, &context)
}

fn one(text: &str) -> Prepared {
    prepare_text(text).unwrap().pop().unwrap()
}

fn error(text: &str) -> String {
    prepare_text(text).err().unwrap().to_string()
}

async fn body(prepared: Prepared) -> String {
    let bytes = prepared
        .request
        .into_body()
        .collect()
        .await
        .unwrap()
        .to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn puts_secrets_where_tokens_were() {
    let text = r#"[{"url":"{url}","query":{"wait":true,"k":"w"},"json":{"a":"{bad_key}"},
        "headers":{"Authorization":"Bearer {bad_key}","X-N":3}}]"#;
    let prepared = one(text);
    assert_eq!(
        prepared.uri,
        "https://hooks.example.io:8443/T0/secret?wait=true&k=w"
    );
    let headers = prepared.request.headers();
    assert_eq!(headers["authorization"], "Bearer hunter2");
    assert_eq!(headers["x-n"], "3");
    assert_eq!(headers["host"], "hooks.example.io:8443");
    assert_eq!(headers["content-type"], "application/json");
    assert!(headers["user-agent"].to_str().unwrap().starts_with("oes/"));
    assert_eq!(prepared.request.method(), "POST");
    assert_eq!(prepared.request.uri(), "/T0/secret?wait=true&k=w");
    assert_eq!(body(prepared).await, r#"{"a":"hunter2"}"#);
}

#[tokio::test]
async fn keeps_a_query_and_adds_to_it() {
    assert_eq!(
        one(r#"[{"url":"{url}","query":{"wait":true}}]"#)
            .request
            .uri(),
        "/T0/secret?k=v&wait=true"
    );
    assert_eq!(one(r#"[{"url":"{url}"}]"#).request.uri(), "/T0/secret?k=v");
    assert_eq!(
        one(r#"[{"url":"{plain}","query":{}}]"#).request.uri(),
        one(r#"[{"url":"{plain}"}]"#).request.uri()
    );
}

#[tokio::test]
async fn sends_forms_and_texts() {
    let form = one(r#"[{"url":"{plain}","form":{"t":"{bad_key}&","n":1.5}}]"#);
    assert_eq!(
        form.request.headers()["content-type"],
        "application/x-www-form-urlencoded"
    );
    assert_eq!(body(form).await, "t=hunter2%26&n=1.5");
    let text =
        one(r#"[{"url":"{plain}","method":"PUT","body":"é","headers":{"content-type":"text/x"}}]"#);
    assert_eq!(text.request.headers()["content-type"], "text/x");
    assert_eq!(text.request.method(), "PUT");
    assert_eq!(body(text).await, "é");
}

#[test]
fn signs_the_body_that_is_sent() {
    let prepared =
        one(r#"[{"url":"{plain}","body":"{\"test\": 2432232314}","sign":{"secret":"{key}"}}]"#);
    let headers = prepared.request.headers();
    assert_eq!(headers["webhook-id"], "msg_1");
    assert_eq!(headers["webhook-timestamp"], "1614265330");
    // python3 -c 'import hmac,base64; print(base64.b64encode(hmac.digest(base64.b64decode(
    // "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), b"msg_1.1614265330.{\"test\": 2432232314}", "sha256")))'
    assert_eq!(
        headers["webhook-signature"],
        "v1,9o7UeFkn1GjVbcY4emAJruJCYqgH2EIf8u/slvVRBZI="
    );
}

#[test]
fn a_login_in_the_url_becomes_a_header() {
    let prepared = one(r#"[{"url":"{login}"}]"#);
    // base64 of `us@er:p+w+d`
    assert_eq!(
        prepared.request.headers()["authorization"],
        "Basic dXNAZXI6cCt3K2Q="
    );
    assert_eq!(prepared.request.headers()["host"], "hooks.example.io");
}

#[test]
fn a_login_of_a_request_becomes_a_header_with_the_secret_in_it() {
    let prepared =
        one(r#"[{"url":"{plain}","login":{"user":"bot@example.io","password":"{bad_key}"}}]"#);
    // base64 of `bot@example.io:hunter2`
    assert_eq!(
        prepared.request.headers()["authorization"],
        "Basic Ym90QGV4YW1wbGUuaW86aHVudGVyMg=="
    );
    assert_eq!(
        error(r#"[{"url":"{plain}","login":{"user":"a"}}]"#),
        "`requests` returned a `login` that is no map with the text `password`"
    );
}

#[test]
fn goes_only_where_the_options_point() {
    for allowed in [
        "https://hooks.example.io:8443/other",
        "https://hooks.example.io/",
        "http://plain.example.io:80/",
    ] {
        assert!(
            prepare_text(&format!(r#"[{{"url":"{allowed}"}}]"#)).is_ok(),
            "{allowed}"
        );
    }
    for refused in [
        "https://evil.example/",
        "https://hooks.example.io.evil.example/",
        "https://hooks.example.io:9443/",
        "https://hooks.example.io@evil.example/",
        "https://plain.example.io/",
        "http://hooks.example.io/",
        "http://169.254.169.254/",
    ] {
        let refusal = prepare_text(&format!(r#"[{{"url":"{refused}"}}]"#)).err();
        assert!(
            matches!(refusal, Some(RequestError::Host { .. })),
            "{refused}"
        );
    }
    // All or nothing: a request that may not be sent keeps the others back too.
    assert!(prepare_text(r#"[{"url":"{plain}"},{"url":"https://evil.example/"}]"#).is_err());
}

#[test]
fn says_what_is_wrong_with_a_request() {
    for (text, expected) in [
        ("{}", "`requests` returned {}, not an array of requests"),
        ("[]", "`requests` returned no request"),
        ("[1]", "`requests` returned 1 among the requests, not a map"),
        (
            r#"[{"url":"{plain}","jsn":1}]"#,
            "`requests` returned a request with the unknown key `jsn`; did you mean `json`?",
        ),
        (
            r#"[{"json":1}]"#,
            "`requests` returned a request without the text `url`",
        ),
        (
            r#"[{"url":"{plain}","json":1,"body":"x"}]"#,
            "`requests` returned a request with more than one of json, body, form",
        ),
        (
            r#"[{"url":"{plain}","method":"A B"}]"#,
            "`requests` returned the method \"A B\"",
        ),
        (
            r#"[{"url":"{plain}","headers":{"Content-Length":1}}]"#,
            "`requests` returned the header `content-length`, which OES sets itself",
        ),
        (
            r#"[{"url":"{plain}","headers":{"a b":1}}]"#,
            "`requests` returned the header name `a b`, which is none",
        ),
        (
            r#"[{"url":"{plain}","headers":{"a":"x\r\nb: c"}}]"#,
            "`requests` returned the header `a` with a line break or another character that a header cannot hold",
        ),
        (
            r#"[{"url":"{plain}","form":{"a":[1]}}]"#,
            "`requests` returned `form` with [1] under `a`, not a text",
        ),
        (
            r#"[{"url":"{plain}","sign":true}]"#,
            "`requests` returned a `sign` that is no map with the text `secret`",
        ),
        (
            r#"[{"url":"{plain}","sign":{"secret":"{bad_key}"}}]"#,
            "the signing secret is not `whsec_` followed by base64",
        ),
        (
            r#"[{"url":"{ftp}"}]"#,
            "the request's URL is not an http or https URL: its scheme is `ftp`",
        ),
        (
            r#"[{"url":"hooks"}]"#,
            "the request's URL is not an http or https URL: relative URL without a base",
        ),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
    let many = format!("[{}]", [r#"{"url":"{plain}"}"#; 11].join(","));
    assert_eq!(
        error(&many),
        "`requests` returned 11 requests; at most 10 are allowed"
    );
    let large = format!(
        r#"[{{"url":"{{plain}}","body":"{}"}}]"#,
        "x".repeat(600_000)
    );
    assert_eq!(
        error(&large),
        "`requests` returned a body of 600000 bytes; at most 524288 are sent"
    );
}
