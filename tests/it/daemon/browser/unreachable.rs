//! A page that is open while its daemon is killed, and started again.

use serde_json::json;

use super::{Process, Rig, visit};

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_says_how_old_it_is_until_the_monitor_is_back() {
    let rig = Rig::new();
    let config = rig.config(&["price"]);
    let Some(mut visit) = visit(rig, &config).await else {
        return;
    };
    visit.browser.hurries(200);
    visit.open("");
    let verdict = "document.querySelector('h1').textContent === 'The service is operational'";
    visit.browser.until(verdict);
    visit.process = None;
    // An answer that was under way may still have come.
    let stale = "/^Connection to the monitor lost at \\d\\d:\\d\\d:\\d\\d\\D*, \\d+ (min|h|d) ago, trying again\\./.test(document.querySelector('#stale').textContent) && !document.querySelector('#stale').hidden";
    visit.browser.until(stale);
    let as_of = "document.querySelector('#asof time').dateTime";
    let shown = visit.browser.is(as_of);
    assert!(shown.as_str().unwrap().ends_with('Z'), "{shown}");
    // What it says goes on to be what was so then, and it gets older.
    let age = "document.querySelector('#stale').textContent";
    let before = visit.browser.is(age);
    visit.browser.until(&format!("{age} !== {before}"));
    assert_eq!(visit.browser.is(as_of), shown);
    assert_eq!(visit.browser.is(verdict), json!(true));

    let place = visit
        .root
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let config = config.replace("127.0.0.1:0", place);
    visit.rig.write("oes.toml", &config);
    visit.process = Some(Process::start(&visit.rig, "again"));
    let fresh = format!("document.querySelector('#stale').hidden && {as_of} !== {shown}");
    visit.browser.until(&fresh);
    assert_eq!(visit.browser.is("window.wrong"), json!([]));
}
