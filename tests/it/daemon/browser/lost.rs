//! A page that is open while the monitor goes away.

use std::time::Duration;

use tokio::time::Instant;

use super::{Rig, visit};

/// The stream ends at once, so the page need not wait for a sign of life that does not come.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_said_soon_and_as_of_when_the_page_is() {
    let rig = Rig::new();
    let config = rig.config(&["price"]);
    let Some(mut visit) = visit(rig, &config).await else {
        return;
    };
    visit.open("");
    visit
        .browser
        .until("document.querySelector('h1').textContent === 'The service is operational'");
    visit.process = None;
    let killed = Instant::now();
    visit
        .browser
        .until("!document.querySelector('#stale').hidden");
    assert!(killed.elapsed() < SOON, "{:?}", killed.elapsed());
    let said = visit
        .browser
        .is("document.querySelector('#stale').textContent");
    let said = said.as_str().unwrap();
    assert!(
        said.starts_with("Connection to the monitor lost at "),
        "{said}"
    );
    let shown = said.split_once("What is shown is as of ").unwrap().1;
    let as_of = visit
        .browser
        .is("document.querySelector('#asof').textContent + '.'");
    assert_eq!(shown, as_of.as_str().unwrap(), "{said}");
}
