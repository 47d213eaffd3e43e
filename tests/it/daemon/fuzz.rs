//! The API under whatever schemathesis makes of its OpenAPI document: no answer is a server's error, and each is what the
//! document says.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use super::caller::Caller;
use super::process::Process;
use super::rig::Rig;

/// Names the program where it must be there.
const VARIABLE: &str = "OES_SCHEMATHESIS";
/// Seconds after which it makes up no more.
const TIME: &str = "25";

/// Returns the program; absent if it is not installed, where it need not be.
fn program() -> Option<OsString> {
    let named = std::env::var_os(VARIABLE);
    let found = || {
        let mut version = Command::new("schemathesis");
        version.arg("--version").stdout(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    };
    named.or_else(|| found().then(|| "schemathesis".into()))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_document_allows_is_answered_as_it_says() {
    let Some(program) = program() else {
        eprintln!("schemathesis is not installed: nothing was tried");
        return;
    };
    let rig = Rig::new();
    // A silence, an incident and its message are there to be found.
    rig.api.answers("/price", 500, "{}");
    let config = rig.config(&["price", "GET shop / cart"]);
    rig.write(
        "oes.toml",
        &config.replace("interval = \"100ms\"", "interval = \"1h\""),
    );
    let process = Process::start(&rig, "log");
    process.address().await;
    let caller = Caller::of(&rig);
    let token = format!("Authorization: Bearer {}", caller.token.as_ref().unwrap());
    let mut command = Command::new(program);
    command
        .arg("run")
        .arg(format!("http://{}/api/v1/openapi.json", caller.address))
        .args(["--header", &token, "--max-time", TIME, "--max-examples", "20"])
        .args(["--seed", "1", "--no-shrink", "--continue-on-failure", "--no-color"])
        .args(["--request-timeout", "10", "--generation-database", "none"])
        .arg("--checks")
        .arg("not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance")
        .current_dir(rig.folder.path())
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", process.said());
    assert!(said.contains("passed"), "{said}");
    assert!(!process.said().contains("panicked"), "{}", process.said());
    assert_eq!(caller.asks("GET", "/services", None).await.status, 200);
}
