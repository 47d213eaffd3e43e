//! Requests that follow a form: GraphQL, pages, tokens; and what a script may want of TLS.

use std::sync::Arc;

use super::bench::*;
use oes::model::secret::Secret;
use oes::script::host::HostRequest;
use oes::script::source::Source;

fn header<'a>(request: &'a HostRequest, name: &str) -> &'a str {
    let found = request.headers.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}

#[tokio::test]
async fn graphql_gives_data_or_says_what_failed() {
    let host = fake(|request| {
        let body =
            String::from_utf8_lossy(request.body.as_deref().unwrap_or_default()).into_owned();
        reply(
            200,
            match () {
                () if body.contains("\"query\":\"{ bad }\"") => {
                    r#"{"data":{"a":1},"errors":[{"message":"no such field"}]}"#
                }
                () if body.contains("\"query\":\"{ none }\"") => "{}",
                () if body.contains("\"variables\":{\"id\":7}") => {
                    r#"{"data":{"id":7},"errors":null}"#
                }
                () => r#"{"data":{"id":0}}"#,
            },
        )
    });
    let pool = pool(&host);
    for (script, found) in [
        (
            "expect(http.graphql(\"https://api.example.io/g\", \"{ a }\", #{ id: 7 }).id == 7);",
            &[] as &[&str],
        ),
        (
            "expect(http.graphql(\"https://api.example.io/g\", \"{ a }\").id == 0);",
            &[],
        ),
        (
            "http.graphql(\"https://api.example.io/g\", \"{ bad }\");",
            &["fail dependency: the query failed: \"no such field\""],
        ),
        (
            "http.graphql(\"https://api.example.io/g\", \"{ none }\", #{}, #{ bearer: \"x\" });",
            &["fail dependency: the answer to the query has no data"],
        ),
    ] {
        assert_eq!(
            lines(&judge(&pool, script, input("{}")).await),
            *found,
            "{script}"
        );
    }
}

#[tokio::test]
async fn pages_follows_links_and_cursors_to_the_end() {
    let host = fake(|request| {
        let query = request.url.query().unwrap_or_default();
        reply(
            200,
            match (request.url.path(), query) {
                ("/l", "size=2") => r#"{"items":[1,2],"next":"/l?page=2"}"#,
                ("/l", "page=2") => r#"{"items":[3],"next":"https://api.example.io/l?page=3"}"#,
                ("/l", _) => r#"{"items":[],"next":null}"#,
                ("/c", "size=2") => r#"{"items":[1],"next":"a&b"}"#,
                ("/c", "size=2&after=a%26b") => r#"{"items":[2],"next":""}"#,
                ("/loop", _) => r#"{"items":[1],"next":"/loop?x"}"#,
                ("/away", _) => r#"{"items":[1],"next":"https://evil.example/"}"#,
                _ => r#"{"items":{}}"#,
            },
        )
    });
    let pool = pool(&host);
    for (script, found) in [
        (
            "expect(http.pages(\"https://api.example.io/l\", \"$.items\", \"$.next\", #{ query: #{ size: 2 } }) == [1, 2, 3]);",
            &[] as &[&str],
        ),
        (
            "expect(http.pages(\"https://api.example.io/c\", \"$.items\", \"$.next\", #{ query: #{ size: 2 }, cursor: \"after\" }) == [1, 2]);",
            &[],
        ),
        (
            "http.pages(\"https://api.example.io/loop\", \"$.items\", \"$.next\");",
            &["fail dependency: the pages of api.example.io never end: $.next is /loop?x again"],
        ),
        (
            "http.pages(\"https://api.example.io/away\", \"$.items\", \"$.next\");",
            &[
                "fail dependency: the next page is `https://evil.example/`, which is no page of api.example.io",
            ],
        ),
        (
            "http.pages(\"https://api.example.io/other\", \"$.items\", \"$.next\");",
            &["fail shape: $.items is {}, not an array"],
        ),
    ] {
        assert_eq!(
            lines(&judge(&pool, script, input("{}")).await),
            *found,
            "{script}"
        );
    }
}

const OAUTH: &str = "//! ---\n//! [oauth2.shop]\n//! token_url = \"https://id.example.io/token\"\n//! client_id = \"ID\"\n//! client_secret = \"PASS\"\n//! scopes = [\"read\"]\n";

fn with_client(body: &str) -> Given {
    let mut input = input(body);
    let grants = Arc::make_mut(&mut input.rights.grants);
    grants.secrets.insert("ID".into(), Secret::hidden("client"));
    grants
        .secrets
        .insert("PASS".into(), Secret::hidden("pa ss"));
    input
}

#[tokio::test]
async fn a_token_is_fetched_once_kept_and_fetched_anew_where_it_is_refused() {
    let asked = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let fetched = Arc::clone(&asked);
    let host = fake(move |request| match request.url.path() {
        "/token" => {
            assert!(request.answer_is_secret);
            assert_eq!(header(request, "authorization"), "Basic Y2xpZW50OnBhK3Nz");
            assert_eq!(
                request.body.as_deref().unwrap(),
                b"grant_type=client_credentials&scope=read"
            );
            let number = fetched.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            reply(
                200,
                &format!(r#"{{"access_token":"token-number-{number}","expires_in":3600}}"#),
            )
        }
        "/stale" if header(request, "authorization").ends_with("-1") => reply(401, "{}"),
        "/never" => reply(401, "{}"),
        _ => reply(
            200,
            &format!(r#"{{"echo":"{}"}}"#, header(request, "authorization")),
        ),
    });
    let pool = pool(&host);
    let run = async |script: &str| {
        let judgement = judge(&pool, &format!("{OAUTH}{script}"), with_client("{}")).await;
        let seen = format!("{judgement:?}");
        assert!(
            !seen.contains("token-number") && !seen.contains("oes-secret"),
            "{seen}"
        );
        lines(&judgement)
    };
    let fetched = || asked.load(std::sync::atomic::Ordering::Relaxed);
    let get = "let t = auth.oauth2(\"shop\"); fail(\"echo\", http.get(\"https://api.example.io/a\", #{ bearer: t }).json.echo);";
    assert_eq!(run(get).await, ["fail echo: Bearer ***"]);
    assert_eq!(run(get).await, ["fail echo: Bearer ***"]);
    assert_eq!(fetched(), 1, "the second run uses the first one's token");
    let stale = "let t = auth.oauth2(\"shop\"); expect(http.get(\"https://api.example.io/stale\", #{ bearer: t }).ok);";
    assert_eq!(run(stale).await, [""; 0]);
    assert_eq!(fetched(), 2);
    let never = "for n in 0..2 { fail(\"status\", `${http.get(\"https://api.example.io/never\", #{ bearer: auth.oauth2(\"shop\") }).status}`); }";
    assert_eq!(run(never).await, ["fail status: 401", "fail status: 401"]);
    assert_eq!(fetched(), 3, "a token is fetched anew once in a run");
    let unknown = judge(
        &pool,
        "let name = \"shop\"; auth.oauth2(name)",
        with_client("{}"),
    )
    .await;
    assert_eq!(
        lines(&unknown),
        [
            "error script: the header declares no `[oauth2.shop]` with token_url, client_id and client_secret"
        ]
    );
}

#[tokio::test]
async fn a_token_that_is_not_given_is_the_dependencys_fault() {
    for (answer, found) in [
        (
            reply(400, "{}"),
            "unknown dependency: id.example.io answered with status 400",
        ),
        (
            reply(200, "{}"),
            "unknown dependency: https://id.example.io/token answered without an access_token",
        ),
    ] {
        let pool = pool(&fake(move |_| answer.clone()));
        let judgement = judge(
            &pool,
            &format!("{OAUTH}auth.oauth2(\"shop\");"),
            with_client("{}"),
        )
        .await;
        assert_eq!(lines(&judgement), [found]);
    }
}

#[test]
fn the_header_says_where_tokens_come_from() {
    let script = source(&format!("{OAUTH}expect(auth.oauth2(\"shop\") != \"\");"));
    assert_eq!(script.header.secrets, ["ID", "PASS"]);
    assert_eq!(script.header.hosts, ["id.example.io:443"]);
    assert!(script.uses_http);
    let wrong = OAUTH.replace("https://", "");
    let mistakes =
        Source::compile("test", "test.rhai", &format!("{wrong}expect(true);")).unwrap_err();
    assert_eq!(mistakes[0].message, "`id.example.io/token` is no URL");
}

#[tokio::test]
async fn tls_may_be_loosened_where_the_config_names_the_host_and_never_with_a_secret() {
    let host = fake(|_| reply(200, "{}"));
    let pool = pool(&host);
    let run = async |script: &str| {
        let mut input = with_client("{}");
        let grants = Arc::make_mut(&mut input.rights.grants);
        grants
            .hosts
            .extend(["named.example".into(), "header.example".into()]);
        grants.named.push("named.example".into());
        lines(&judge(&pool, script, input).await)
    };
    assert_eq!(
        run("http.get(\"https://header.example/\", #{ tls: #{ server_name: \"x.example\" } });")
            .await,
        [""; 0]
    );
    assert_eq!(
        run("http.get(\"https://named.example/\", #{ tls: #{ verify: false } });").await,
        [""; 0]
    );
    {
        let asked = host.asked.lock().unwrap();
        assert_eq!(asked[0].tls.server_name.as_deref(), Some("x.example"));
        assert!(!asked[0].tls.unverified && asked[1].tls.unverified);
    }
    assert_eq!(
        run("http.get(\"https://header.example/\", #{ tls: #{ verify: false } });").await,
        [
            "error script: `verify: false` is for hosts that the config itself names: add \"header.example\" to the service's `hosts`"
        ]
    );
    assert_eq!(
        run("http.get(\"https://named.example/\", #{ bearer: secret(\"ID\"), tls: #{ verify: false } });").await,
        ["error script: a request with `verify: false` carries no secret: anybody could be named.example"]
    );
    assert_eq!(
        run("http.get(\"https://named.example/\", #{ tls: #{ verfy: false } });").await,
        [
            "error script: tls is a map such as #{ server_name: \"api.example.io\" }, or #{ verify: false }"
        ]
    );
}

#[test]
fn a_name_of_a_handle_may_be_the_scripts_own() {
    source("let auth = #{ x: 1 }; expect(auth.x == 1);");
    let mistakes = Source::compile("test", "test.rhai", "auth.oauth(\"x\");").unwrap_err();
    assert_eq!(mistakes[0].message, "`auth` has no function `oauth`");
}

#[tokio::test]
async fn no_host_is_made_of_a_secret_and_no_refusal_tells_one() {
    let host = silent();
    let pool = pool(&host);
    let mut given = with_client("{}");
    Arc::make_mut(&mut given.rights.grants)
        .secrets
        .insert("NUM".into(), Secret::hidden("3232235777"));
    for call in [
        "http.get(`http://${secret(\"PASS\")}.x/`)",
        "http.get(`http://${secret(\"NUM\")}/`)",
        "http.get(`https://api.example.io${secret(\"PASS\")}/`)",
        "tcp.exchange(secret(\"NUM\"), 80, \"x\")",
        "dns.lookup(secret(\"NUM\"))",
    ] {
        let script = format!("try {{ {call}; }} catch (error) {{ note(`${{error}}`); }} true");
        let judgement = judge(&pool, &script, given.clone()).await;
        let said = format!("{judgement:?}").to_lowercase();
        for secret in ["pa ss", "pa%20ss", "3232235777", "192.168.1.1"] {
            assert!(!said.contains(secret), "{call}: {said}");
        }
        assert!(!judgement.runs[0].notes.is_empty(), "{call}: {judgement:?}");
    }
    assert!(host.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn encodings_and_digests_of_secrets_are_counted() {
    let pool = pool(&silent());
    let many = "for n in 0..60 { sha256(secret(\"PASS\") + n); }";
    let judgement = judge(&pool, many, with_client("{}")).await;
    let said = &judgement.findings[0].message;
    assert!(said.contains("a run may have 50 secrets"), "{said}");
    let long = "let text = \"\"; text.pad(20000, \"x\"); base64_encode(secret(\"PASS\") + text);";
    let judgement = judge(&pool, long, with_client("{}")).await;
    let said = &judgement.findings[0].message;
    assert!(said.contains("16 KiB"), "{said}");
    // Without a secret in it there is no such limit.
    let free = "secret(\"PASS\"); for n in 0..200 { sha256(`${n}`); }";
    let judgement = judge(&pool, free, with_client("{}")).await;
    assert_eq!(judgement.findings, []);
}
