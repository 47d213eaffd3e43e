//! Logging in with a browser: sessions, what another site cannot do with them, and how often one may fail.

use std::net::SocketAddr;

use super::caller::{Answer, Caller, answer, raw};
use super::process::Process;
use super::rig::Rig;
use super::scopes::token;

/// A browser that follows no redirect and has one cookie.
pub(super) struct Browser {
    pub(super) address: SocketAddr,
    pub(super) cookie: Option<String>,
}

impl Browser {
    pub(super) fn at(address: SocketAddr) -> Self {
        Self {
            address,
            cookie: None,
        }
    }

    pub(super) async fn asks(
        &self,
        method: &str,
        path: &str,
        lines: &str,
        form: &str,
    ) -> (Answer, String) {
        let cookie = self.cookie.as_ref();
        let cookie = cookie.map_or_else(String::new, |cookie| format!("cookie: a=b; {cookie}\r\n"));
        let kind = if method == "POST" {
            "content-type: application/x-www-form-urlencoded\r\n"
        } else {
            ""
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: oes.example\r\nconnection: close\r\n{cookie}{kind}{lines}content-length: {}\r\n\r\n{form}",
            form.len()
        );
        let text = raw(self.address, request).await;
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        (answer(&text), body.to_owned())
    }

    /// Logs in and keeps the cookie; returns what came with it.
    pub(super) async fn logs_in(&mut self, token: &str, lines: &str) -> Answer {
        let form = format!("token={token}&next=%2Freadyz%3Fa%3D1");
        let (answer, _) = self.asks("POST", "/login", lines, &form).await;
        self.keeps(&answer);
        answer
    }

    /// Keeps the cookie of an answer, the first of several; one with none takes nothing away.
    pub(super) fn keeps(&mut self, answer: &Answer) {
        if let Some(cookie) = answer.header("set-cookie") {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
    }

    /// Returns what its pages bring with their forms.
    pub(super) async fn csrf(&self) -> String {
        let (_, page) = self.asks("GET", "/login", "", "").await;
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

async fn begun(rig: &Rig, keys: &str) -> (Process, Browser) {
    begun_with(rig, &rig.config(&["price"]), keys).await
}

/// Starts a daemon with a config and more keys of its `server`, and a browser that has not logged in.
pub(super) async fn begun_with(rig: &Rig, config: &str, keys: &str) -> (Process, Browser) {
    rig.write(
        "oes.toml",
        &config.replace("[server]\n", &format!("[server]\n{keys}\n")),
    );
    let process = Process::start(rig, "log");
    let browser = Browser::at(process.address().await);
    (process, browser)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_logs_in_acts_from_its_own_pages_only_and_logs_out() {
    let rig = Rig::new();
    let (text, entry) = token("ada", "operate");
    let (process, mut browser) = begun(&rig, &format!("tokens = [{entry}]")).await;
    let (denied, _) = browser.asks("GET", "/api/v1/services", "", "").await;
    assert_eq!(denied.status, 401);
    let into = browser.logs_in(&text, "").await;
    assert_eq!(
        (into.status, into.header("location")),
        (303, Some("/readyz?a=1"))
    );
    let cookie = into.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let (seen, _) = browser.asks("GET", "/api/v1/services", "", "").await;
    assert_eq!(seen.status, 200);
    assert!(!process.said().contains(&text), "a token is not logged");

    let retry = "/api/v1/outbox/none/retry";
    let csrf = browser.csrf().await;
    let header = format!("x-csrf-token: {csrf}\r\n");
    let elsewhere = format!("{header}sec-fetch-site: cross-site\r\n");
    let other = format!("{header}origin: https://evil.example\r\n");
    let own = format!("{header}origin: http://oes.example\r\n");
    let wrong = "x-csrf-token: oes_0\r\nsec-fetch-site: same-origin\r\n";
    for (lines, form, status) in [
        ("", String::new(), 403),
        (wrong, String::new(), 403),
        (elsewhere.as_str(), String::new(), 403),
        (other.as_str(), String::new(), 403),
        ("", "csrf=oes_0".to_owned(), 403),
        (own.as_str(), String::new(), 404),
        (header.as_str(), String::new(), 404),
        (
            "sec-fetch-site: same-origin\r\n",
            format!("a=b&csrf={csrf}"),
            404,
        ),
    ] {
        let (done, _) = browser.asks("POST", retry, lines, &form).await;
        assert_eq!(done.status, status, "{lines} {form}: {done:?}");
    }
    // The scope of the session is the token's.
    let (reload, _) = browser.asks("POST", "/api/v1/reload", &header, "").await;
    assert_eq!(reload.status, 403);
    let words = "this needs the scope `admin`; the token `ada` has `operate`";
    assert_eq!(reload.body["detail"], words);

    let (out, _) = browser
        .asks("POST", "/logout", "", &format!("csrf={csrf}"))
        .await;
    assert_eq!(out.status, 303, "{out:?}");
    let (after, _) = browser.asks("GET", "/api/v1/services", "", "").await;
    assert_eq!(after.status, 401, "the old cookie opens nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_token() {
    let rig = Rig::new();
    let ((text, entry), (_, other)) = (token("ada", "read"), token("bob", "read"));
    let (_process, mut browser) = begun(&rig, &format!("tokens = [{entry}]")).await;
    browser.logs_in(&text, "").await;
    let (seen, _) = browser.asks("GET", "/api/v1/services", "", "").await;
    assert_eq!(seen.status, 200);
    let config = rig.config(&["price"]);
    let config = config.replace("[server]\n", &format!("[server]\ntokens = [{other}]\n"));
    rig.write("oes.toml", &config);
    let reloaded = Caller::of(&rig).asks("POST", "/reload", None).await;
    assert_eq!(reloaded.status, 200, "{reloaded:?}");
    let (after, _) = browser.asks("GET", "/api/v1/services", "", "").await;
    assert_eq!(after.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_waits_and_another_address_does_not() {
    let rig = Rig::new();
    let (text, entry) = token("ada", "read");
    let keys = format!("tokens = [{entry}]\nproxies = [\"127.0.0.1\"]");
    let (process, mut browser) = begun(&rig, &keys).await;
    let from =
        |address: &str| format!("x-forwarded-for: {address}\r\nx-forwarded-proto: https\r\n");
    for _ in 0..10 {
        let wrong = browser.logs_in("oes_guess", &from("203.0.113.9")).await;
        assert_eq!(wrong.status, 401, "{wrong:?}");
    }
    let right = browser.logs_in(&text, &from("203.0.113.9")).await;
    assert_eq!(right.status, 429, "not even the right one is looked at");
    let after: u64 = right.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&after), "{after}");
    let other = browser.logs_in(&text, &from("198.51.100.7")).await;
    assert_eq!(other.status, 303, "{other:?}");
    let cookie = other.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; Secure"), "behind TLS: {cookie}");
    process.says("a login failed").await;
    let cross = "sec-fetch-site: cross-site\r\n";
    assert_eq!(browser.logs_in(&text, cross).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_told_to_trust_nothing_from_elsewhere() {
    let rig = Rig::new();
    let (_process, browser) = begun(&rig, "").await;
    for path in ["/", "/login", "/readyz", "/api/v1/services", "/none"] {
        let (answer, _) = browser.asks("GET", path, "", "").await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(policy.contains("script-src 'self'"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
    }
    let (form, page) = browser
        .asks("GET", "/login?next=%22%3E%3Cscript%3E", "", "")
        .await;
    assert_eq!(
        (form.status, page.contains("<script")),
        (200, false),
        "{page}"
    );
}
