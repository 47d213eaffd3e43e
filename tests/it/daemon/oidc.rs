//! Logging in by OpenID Connect, through the real binary and a provider on loopback.

use std::cell::Cell;
use std::net::TcpListener;

use serde_json::json;

use super::caller::{Answer, Caller};
use super::login::Browser;
use super::process::Process;
use super::rig::Rig;
use super::scopes::printed;
use crate::support::browser::Browser as Chromium;
use crate::support::provider::{CLIENT, Provider, SECRET, Trouble, Twist};

/// Where the daemon says that it is found.
pub(super) const SITE: &str = "https://status.example.org";

/// A daemon whose people log in at a provider.
pub(super) struct Stage {
    pub(super) rig: Rig,
    pub(super) provider: Provider,
    process: Process,
    pub(super) browser: Browser,
    /// What the path of every page begins with.
    base: &'static str,
    visitors: Cell<u8>,
}

/// Returns a config with these rules; the requests of the test come from addresses that it makes up.
pub(super) fn config(rig: &Rig, issuer: &str, rules: &str) -> String {
    let keys = format!(
        "url = \"{SITE}\"\nproxies = [\"127.0.0.1\"]\n[server.oidc]\nissuer = \"{issuer}\"\nclient_id = \"{CLIENT}\"\n\
         client_secret = \"${{file:secret}}\"\nname = \"Example\"\nallow = [{rules}]\n"
    );
    let config = rig.config(&["price"]);
    // The tables of the config come after those of its end.
    let (before, after) = config.split_once("[[channels]]").unwrap();
    format!("{before}{keys}[[channels]]{after}")
}

pub(super) const ADA: &str = "{ email = \"ada@example.org\", scope = \"operate\" }";

impl Stage {
    async fn with(rules: &str) -> Self {
        let provider = Provider::start();
        let issuer = provider.issuer();
        Self::at(provider, &issuer, rules).await
    }

    pub(super) async fn at(provider: Provider, issuer: &str, rules: &str) -> Self {
        Self::below("", provider, issuer, rules).await
    }

    /// Returns one whose pages are below a path.
    pub(super) async fn below(
        base: &'static str,
        provider: Provider,
        issuer: &str,
        rules: &str,
    ) -> Self {
        let rig = Rig::new();
        rig.write("secret", SECRET);
        let mut config = config(&rig, issuer, rules).replace(SITE, &format!("{SITE}{base}"));
        if !base.is_empty() {
            config = config.replace("[server]\n", &format!("[server]\nbase_path = \"{base}\"\n"));
        }
        rig.write("oes.toml", &config);
        let process = Process::start(&rig, "log");
        let browser = Browser::at(process.address().await);
        Self {
            rig,
            provider,
            process,
            browser,
            base,
            visitors: Cell::new(0),
        }
    }

    /// Returns the lines of the head of a visitor who was not here before.
    pub(super) fn visitor(&self) -> String {
        self.visitors.set(self.visitors.get() + 1);
        let number = self.visitors.get();
        format!("x-forwarded-for: 203.0.113.{number}\r\nx-forwarded-proto: https\r\n")
    }

    /// Begins a login; the browser has the cookie of it then.
    pub(super) async fn begins(&mut self, lines: &str) -> (Answer, String) {
        self.browser.cookie = None;
        let path = format!("{}/login/oidc?next=%2Freadyz%3Fa%3D1", self.base);
        let (answer, page) = self.browser.asks("GET", &path, lines, "").await;
        self.browser.keeps(&answer);
        (answer, page)
    }

    /// Goes the whole way; returns how it ends.
    pub(super) async fn logs_in(&mut self) -> (Answer, String) {
        let lines = self.visitor();
        let (begun, page) = self.begins(&lines).await;
        if begun.status != 303 {
            return (begun, page);
        }
        let back = self.provider.logs_in(begun.header("location").unwrap());
        let path = format!("{}?{}", back.path(), back.query().unwrap());
        let (ended, page) = self.browser.asks("GET", &path, &lines, "").await;
        self.browser.keeps(&ended);
        (ended, page)
    }

    /// Asserts that a login is refused with a status, in these words on the page and in the log.
    pub(super) async fn refuses(&mut self, status: u16, words: &str) {
        let (ended, page) = self.logs_in().await;
        assert_eq!(ended.status, status, "{words}: {page}");
        let plain = page
            .replace("&#39;", "'")
            .replace("&#34;", "\"")
            .replace("&#60;", "<")
            .replace("&#62;", ">");
        assert!(plain.contains(words), "{words}: {plain}");
        assert_eq!(ended.header("set-cookie"), None);
        let (seen, _) = self.browser.asks("GET", "/api/v1/services", "", "").await;
        assert_eq!(seen.status, 401, "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_let_in_has_a_session_as_with_a_token() {
    let mut stage = Stage::with(ADA).await;
    assert_eq!(
        stage.provider.asked(),
        [""; 0],
        "nobody is asked at the start"
    );
    let (_, form) = stage
        .browser
        .asks("GET", "/login?next=/a%26b", "", "")
        .await;
    assert!(
        form.contains("href=\"/login/oidc?next=%2Fa%26b\">Log in with Example</a>"),
        "{form}"
    );
    let lines = stage.visitor();
    let (begun, _) = stage.begins(&lines).await;
    let cookie = begun.header("set-cookie").unwrap();
    let rest = "; Path=/login/oidc; Max-Age=600; HttpOnly; SameSite=Lax; Secure";
    assert!(
        cookie.starts_with("oes_login=") && cookie.ends_with(rest),
        "{cookie}"
    );
    let location = begun.header("location").unwrap();
    let callback = "redirect_uri=https%3A%2F%2Fstatus.example.org%2Flogin%2Foidc%2Fcallback";
    assert!(location.contains(callback), "{location}");
    let back = stage.provider.logs_in(location);
    let path = format!("{}?{}", back.path(), back.query().unwrap());
    let other = Browser::at(stage.browser.address);
    let (elsewhere, page) = other.asks("GET", &path, &lines, "").await;
    assert_eq!(
        elsewhere.status, 400,
        "the login of another browser: {page}"
    );
    assert!(page.contains("This login is not known here"), "{page}");
    let (ended, _) = stage.browser.asks("GET", &path, &lines, "").await;
    assert_eq!(
        (ended.status, ended.header("location")),
        (303, Some("/readyz?a=1"))
    );
    let cookie = ended.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
    let gone = "oes_login=; Path=/login/oidc; Max-Age=0; HttpOnly; SameSite=Lax; Secure";
    assert!(ended.head.contains(gone), "{}", ended.head);
    let login = stage.browser.cookie.clone();
    let (again, page) = stage.browser.asks("GET", &path, &lines, "").await;
    assert_eq!(again.status, 400, "{login:?} was used already: {page}");
    stage.browser.keeps(&ended);
    let csrf = acts_and_logs_out(&stage).await;
    let said = stage.process.said();
    assert!(
        said.contains("ada@example.org") && said.contains("logged out"),
        "{said}"
    );
    for secret in [SECRET, "code-0", &csrf] {
        assert!(!said.contains(secret), "{said}");
    }
    let path = stage.rig.path();
    let checked = printed(&["check", "--json", path.to_str().unwrap()]).to_string();
    assert!(!checked.contains(SECRET), "{checked}");
}

/// Sees everything as `operate` does, does not reload, and logs out; returns the text of its forms.
async fn acts_and_logs_out(stage: &Stage) -> String {
    let (seen, _) = stage.browser.asks("GET", "/api/v1/services", "", "").await;
    assert_eq!(seen.status, 200);
    let (_, page) = stage.browser.asks("GET", "/login", "", "").await;
    assert!(
        page.contains("You are logged in as <b>ada@example.org</b>"),
        "{page}"
    );
    let csrf = stage.browser.csrf().await;
    let header = format!("x-csrf-token: {csrf}\r\n");
    let (reload, _) = stage
        .browser
        .asks("POST", "/api/v1/reload", &header, "")
        .await;
    let words = "this needs the scope `admin`; `ada@example.org` has `operate`";
    assert_eq!(
        (reload.status, &reload.body["detail"]),
        (403, &json!(words))
    );
    let form = format!("csrf={csrf}");
    let (out, _) = stage.browser.asks("POST", "/logout", "", &form).await;
    assert_eq!(out.status, 303);
    let (after, _) = stage.browser.asks("GET", "/api/v1/services", "", "").await;
    assert_eq!(after.status, 401);
    csrf
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_for_this_login_is_refused() {
    let mut stage = Stage::with(ADA).await;
    for (twist, words) in [
        (Twist::Nonce, "not to be trusted: Invalid nonce"),
        (Twist::NoNonce, "not to be trusted: Invalid nonce"),
        (Twist::Audience, "Check `client_id` in [server.oidc]"),
        (Twist::OtherAudience, "not to be trusted: Invalid audiences"),
        (Twist::Expired, "Check the clocks of both machines"),
        (
            Twist::Signature,
            "not to be trusted: Signature verification failed",
        ),
        (
            Twist::Hmac,
            "not to be trusted: Signature verification failed: Disallowed signature algorithm",
        ),
        (
            Twist::None,
            "not to be trusted: Signature verification failed",
        ),
        (Twist::Issuer, "Check `issuer` in [server.oidc]"),
        (Twist::NoIdToken, "a token without an ID token"),
    ] {
        stage.provider.twists(twist);
        stage.refuses(502, words).await;
    }
    stage.process.says("a login by OpenID Connect failed").await;
    stage.provider.twists(Twist::Nothing);
    assert_eq!(stage.logs_in().await.0.status, 303);
    // What a provider says of itself is asked once; keys that do not fit are looked for again.
    let asked = stage.provider.asked();
    let settings = asked
        .iter()
        .filter(|one| one.contains("well-known"))
        .count();
    assert_eq!(settings, 2, "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_named_is_let_in() {
    let mut stage = Stage::with(&format!("{ADA}, {{ email = \"@example.com\" }}")).await;
    let who = |email: &str, verified: bool| json!({ "email": email, "email_verified": verified });
    for (claims, words) in [
        (
            who("<b>eve@example.org", true),
            "Example says that you are <b>eve@example.org, of the subject subject-7, no groups told. Nobody like that is let in",
        ),
        (
            who("ada@example.org", false),
            "ada@example.org, an address that is not verified",
        ),
        (
            json!({ "email": "ada@example.org" }),
            "ada@example.org, an address that is not verified",
        ),
        (json!({}), "somebody without an e-mail address"),
        (
            who("ada\u{0}@example.org", true),
            "somebody without an e-mail address",
        ),
    ] {
        stage.provider.says(claims, json!({}));
        stage.refuses(403, words).await;
    }
    stage.process.says("eve@example.org").await;
    // Some say it as a text.
    stage.provider.says(
        json!({ "email": "bob@example.com", "email_verified": "true" }),
        json!({}),
    );
    assert_eq!(stage.logs_in().await.0.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_and_new_keys_and_what_only_the_user_info_says() {
    let mut stage = Stage::with("{ group = \"ops\", scope = \"admin\" }").await;
    stage.provider.takes_secrets_in_the_body();
    stage
        .provider
        .says(json!({ "groups": ["dev", "ops"] }), json!({}));
    assert_eq!(stage.logs_in().await.0.status, 303);
    assert!(!stage.provider.asked().contains(&"GET /userinfo".to_owned()));
    stage.provider.has_a_new_key();
    stage.provider.says(json!({}), json!({ "groups": ["ops"] }));
    assert_eq!(stage.logs_in().await.0.status, 303);
    assert!(stage.provider.asked().contains(&"GET /userinfo".to_owned()));
    let csrf = format!("x-csrf-token: {}\r\n", stage.browser.csrf().await);
    let (reload, _) = stage
        .browser
        .asks("POST", "/api/v1/reload", &csrf, "")
        .await;
    assert_eq!(reload.status, 200, "{reload:?}");
    let (seen, _) = stage.browser.asks("GET", "/api/v1/services", "", "").await;
    assert_eq!(
        seen.status, 200,
        "a reload that changes nothing ends no session"
    );
    let config = config(&stage.rig, &stage.provider.issuer(), "{ group = \"ops\" }");
    stage.rig.write("oes.toml", &config);
    let reloaded = Caller::of(&stage.rig).asks("POST", "/reload", None).await;
    assert_eq!(reloaded.status, 200, "{reloaded:?}");
    let (after, _) = stage.browser.asks("GET", "/api/v1/services", "", "").await;
    assert_eq!(
        after.status, 401,
        "who may something else by now logs in again"
    );
    assert_eq!(stage.logs_in().await.0.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_hinders_no_start_and_is_named() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let mut stage = Stage::at(Provider::start(), &format!("http://{address}"), ADA).await;
    let words = format!(
        "Example could not be asked: http://{address}/.well-known/openid-configuration, in the phase `connect`: connection refused"
    );
    stage.refuses(502, &words).await;
    stage.process.says("in the phase `connect`").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_misbehaves_is_told_of() {
    const SETTINGS: &str = "/.well-known/openid-configuration";
    let mut stage = Stage::with(ADA).await;
    for (at, trouble, words) in [
        (SETTINGS, Trouble::Hang, "in the phase `wait`"),
        (SETTINGS, Trouble::Huge, "in the phase `transfer`"),
        (SETTINGS, Trouble::Status(503), "HTTP status code 503"),
        (SETTINGS, Trouble::Status(302), "HTTP status code 302"),
        (
            SETTINGS,
            Trouble::NoJson,
            "Example answered what OES cannot use",
        ),
        ("/keys", Trouble::Status(404), "HTTP status code 404"),
        ("/token", Trouble::Hang, "in the phase `wait`"),
        ("/token", Trouble::Huge, "in the phase `transfer`"),
        ("/token", Trouble::NoJson, "a token that cannot be read"),
    ] {
        stage.provider.has(Some((at, trouble)));
        stage.refuses(502, words).await;
    }
    stage.provider.has(None);
    assert_eq!(stage.logs_in().await.0.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_begins_too_often_waits_and_no_other_site_begins() {
    let mut stage = Stage::with(ADA).await;
    let cross = format!("{}sec-fetch-site: cross-site\r\n", stage.visitor());
    assert_eq!(stage.begins(&cross).await.0.status, 403);
    let lines = stage.visitor();
    for _ in 0..20 {
        let (begun, _) = stage.begins(&lines).await;
        let back = stage.provider.logs_in(begun.header("location").unwrap());
        let path = format!("{}?{}", back.path(), back.query().unwrap());
        let (ended, _) = stage.browser.asks("GET", &path, &lines, "").await;
        assert_eq!(ended.status, 303, "who succeeds does not wait");
    }
    for _ in 0..10 {
        assert_eq!(stage.begins(&lines).await.0.status, 303);
    }
    let (waits, page) = stage.begins(&lines).await;
    assert_eq!(waits.status, 429);
    assert!(page.contains("Too many logins have failed"), "{page}");
    assert!(waits.header("retry-after").is_some());
    let (waits, _) = stage
        .browser
        .asks("GET", "/login/oidc/callback?state=x&code=y", &lines, "")
        .await;
    assert_eq!(waits.status, 429);
    assert_eq!(stage.logs_in().await.0.status, 303, "another visitor");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_refuses_is_said() {
    let mut stage = Stage::with(ADA).await;
    for (said, status, words) in [
        (
            "error=access_denied&error_description=not%20today",
            403,
            "Example did not log you in: access_denied: not today.",
        ),
        (
            "code=1&iss=https%3A%2F%2Fevil.example",
            400,
            "The browser came back from https://evil.example",
        ),
        (
            "code=unknown",
            502,
            "Example gave OES no token: invalid_grant",
        ),
    ] {
        let lines = stage.visitor();
        let (begun, _) = stage.begins(&lines).await;
        let back = stage.provider.logs_in(begun.header("location").unwrap());
        let shown = back
            .query_pairs()
            .find(|(name, _)| name == "state")
            .unwrap()
            .1;
        let path = format!("/login/oidc/callback?state={shown}&{said}");
        let (ended, page) = stage.browser.asks("GET", &path, &lines, "").await;
        assert_eq!(ended.status, status, "{page}");
        assert!(page.contains(words), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_browser_logs_in_at_another_site_and_is_back() {
    let Some(mut chromium) = Chromium::start() else {
        return;
    };
    let rig = Rig::new();
    let provider = Provider::start();
    rig.write("secret", SECRET);
    rig.write("oes.toml", &rig.config(&["price"]));
    let process = Process::start(&rig, "log");
    // Another name than the provider's is another site.
    let site = format!("http://localhost:{}", process.address().await.port());
    let config = config(&rig, &provider.issuer(), ADA)
        .replace(SITE, &site)
        .replace("proxies = [\"127.0.0.1\"]\n", "");
    rig.write("oes.toml", &config);
    let reloaded = Caller::of(&rig).asks("POST", "/reload", None).await;
    assert_eq!(reloaded.status, 200, "{reloaded:?}");
    chromium.open(&format!("{site}/login?next=/incidents"));
    chromium.is("document.querySelector('a.button').click(); 0");
    chromium.until("document.title === 'Log in' && document.querySelector('#yes')");
    let origin = chromium.is("location.origin");
    assert_eq!(
        origin,
        json!(provider.issuer()),
        "the provider is another site"
    );
    chromium.is("document.querySelector('#yes').click(); 0");
    chromium.until("location.pathname === '/incidents' && document.querySelector('h1')");
    assert_eq!(chromium.is("window.wrong"), json!([]));
    chromium.open(&format!("{site}/login"));
    chromium.until("document.body.innerText.includes('You are logged in as ada@example.org')");
    chromium.is("document.querySelector('form button').click(); 0");
    chromium.until("location.pathname === '/'");
    chromium.open(&format!("{site}/login"));
    chromium.until("document.querySelector('a.button')?.textContent === 'Log in with Example'");
    provider.says(
        json!({ "email": "eve@example.org", "email_verified": true }),
        json!({}),
    );
    chromium.is("document.querySelector('a.button').click(); 0");
    chromium.until("document.querySelector('#yes')");
    chromium.is("document.querySelector('#yes').click(); 0");
    chromium
        .until("document.querySelector('[role=alert]')?.textContent.includes('eve@example.org')");
}
