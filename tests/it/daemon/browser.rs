//! The status page in a real browser, served by the real binary.

mod lost;
mod playground;
mod unreachable;

use std::path::Path;

use serde_json::json;

use super::process::Process;
use super::rig::Rig;
use crate::support::browser::{Browser, may_be_missing};

/// A daemon of its own process, and a browser.
pub(super) struct Visit {
    pub(super) rig: Rig,
    pub(super) browser: Browser,
    process: Option<Process>,
    root: String,
}

/// Starts a daemon with this config and a browser; absent where there is no browser.
pub(super) async fn visit(rig: Rig, config: &str) -> Option<Visit> {
    let browser = Browser::start()?;
    rig.write("oes.toml", config);
    let process = Process::start(&rig, "log");
    let root = format!("http://{}/", process.address().await);
    Some(Visit {
        rig,
        browser,
        process: Some(process),
        root,
    })
}

impl Visit {
    pub(super) fn open(&mut self, path: &str) {
        let address = format!("{}{path}", self.root);
        self.browser.open(&address);
    }

    /// Asserts that nothing went wrong in the page: no script failed, nothing was loaded that may not be.
    pub(super) fn is_sound(&mut self) {
        assert_eq!(self.browser.is("window.wrong"), json!([]));
        let elsewhere = "performance.getEntriesByType('resource').map(one => one.name).filter(one => !one.startsWith(location.origin))";
        assert_eq!(self.browser.is(elsewhere), json!([]));
    }

    /// Asserts that the page is sound, fits, and is accessible.
    fn is_for_everybody(&mut self, axe: &str, what: &str) {
        self.is_sound();
        self.fits(what);
        let rules = "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })";
        let told = "found => found.violations.flatMap(one => one.nodes.slice(0, 2).map(node => one.id + ': ' + node.html + ' ' + node.failureSummary))";
        self.browser.is(&format!("{axe}; 0"));
        let found = self.browser.is(&format!("{rules}.then({told})"));
        assert_eq!(found, json!([]), "{what}: {found:#}");
    }

    /// Asserts that nobody has to scroll sideways.
    pub(super) fn fits(&mut self, what: &str) {
        let wide = "Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)";
        let wide = self.browser.is(wide);
        let who = "[...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1).slice(0, 3).map(one => one.outerHTML.slice(0, 200))";
        assert_eq!(wide, json!(0), "{what}: {}", self.browser.is(who));
    }
}

/// Returns the program that finds what is not accessible; absent where it was not fetched.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn axe() -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/axe-core/package/axe.min.js");
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        assert!(may_be_missing(), "there is no {}", path.display());
        eprintln!("skipped: there is no {}", path.display());
    }
    text
}

/// Returns a config in which services fail, are well, and are in maintenance.
pub(super) fn troubled(rig: &Rig) -> String {
    rig.api.answers("/broken", 503, "{\"why\": \"<b>no</b>\"}");
    let mut config = rig.config(&[]);
    config += &rig.service(
        "broken",
        "match = [\"status_code\"]\ngroup = \"Shop\"\nlatency = \"1s\"",
    );
    config += &rig.service(
        "fine",
        "match = [\"status_code\"]\ngroup = \"Shop\"\npublic = true",
    );
    let address = rig.api.address;
    let nameless = format!("url = \"http://{address}/a/b?c=%20d\"\nmatch = [\"status_code\"]\n");
    config += "[[services]]\n";
    config += &nameless;
    config += &rig.service("busy", "match = [\"status_code\"]\ngroup = \"Back office\"");
    for n in 0..10 {
        config += &rig.service(&format!("more-{n}"), "match = [\"status_code\"]");
    }
    config
        + "[[maintenance]]\nname = \"New storage\"\nservices = [\"busy\"]\nfrom = \"2020-01-01T00:00:00Z\"\nuntil = \"2099-01-01T00:00:00Z\"\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_for_everybody() {
    let Some(axe) = axe() else { return };
    let rig = Rig::new();
    let config = troubled(&rig);
    let Some(mut visit) = visit(rig, &config).await else {
        return;
    };
    visit.browser.look(1280, 900, "light");
    visit.open("");
    visit.browser.until("document.querySelector('h1').textContent.includes('down') && !document.querySelector('.row .no_data')");
    let hrefs = "[...document.querySelectorAll('.open a, .row a, .top nav a')].map(one => one.getAttribute('href'))";
    let hrefs = visit.browser.is(hrefs);
    let hrefs: Vec<&str> = hrefs
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect();
    assert!(hrefs.iter().any(|one| one.contains("%2F")), "{hrefs:?}");
    let mut pages = vec!["", "embed", "login", "none"];
    pages.extend(
        hrefs
            .iter()
            .filter(|one| !one.contains("more-") && **one != "./"),
    );
    for (width, scheme) in [(1280, "light"), (1280, "dark"), (360, "light")] {
        visit.browser.look(width, 800, scheme);
        for page in &pages {
            visit.open(page);
            visit.is_for_everybody(&axe, &format!("/{page} at {width}, {scheme}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_is_shown_without_a_visit() {
    let rig = Rig::new();
    let config = rig.config(&["price", "chart"]);
    let Some(mut visit) = visit(rig, &config).await else {
        return;
    };
    visit.open("");
    visit
        .browser
        .until("document.querySelector('h1').textContent === 'Both services are operational'");
    visit
        .browser
        .is("window.same = true; document.querySelectorAll('details')[0].dataset.mine = 'yes'; 0");
    visit.rig.api.answers("/price", 500, "{}");
    visit
        .browser
        .until("document.querySelector('h1').textContent === '1 down of 2 services'");
    visit.browser.until("document.querySelector('.row.major_outage a')?.textContent === 'price' && document.querySelector('#open')");
    assert!(
        visit
            .browser
            .is("document.title")
            .as_str()
            .unwrap()
            .starts_with("1 down of 2 services")
    );
    visit.rig.api.answers("/price", 200, "{}");
    visit.browser.until("document.querySelector('h1').textContent === 'Both services are operational' && !document.querySelector('#open')");
    assert_eq!(
        visit
            .browser
            .is("window.same && document.querySelectorAll('details')[0].dataset.mine"),
        json!("yes")
    );
    visit.is_sound();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_whole_without_scripts() {
    let rig = Rig::new();
    let config = troubled(&rig);
    let Some(mut visit) = visit(rig, &config).await else {
        return;
    };
    visit.browser.without_scripts();
    visit.open("");
    visit
        .browser
        .until("document.querySelectorAll('.row').length === 14");
    assert_eq!(
        visit
            .browser
            .is("document.querySelectorAll('.strip rect').length"),
        json!(14 * 90)
    );
    assert_eq!(
        visit
            .browser
            .is("document.querySelector('noscript').innerHTML.includes('refresh')"),
        json!(true)
    );
    visit.open("?q=more&state=operational");
    visit
        .browser
        .until("document.querySelector('.found').textContent.includes('of 14 services')");
}

#[tokio::test(flavor = "multi_thread")]
async fn none_three_a_hundred_and_ten_thousand() {
    for count in [0, 3, 100, 10_000] {
        let rig = Rig::new();
        let mut config = rig
            .config(&[])
            .replace("interval = \"100ms\"", "interval = \"1h\"");
        for n in 0..count {
            config += &rig.service(&format!("service-{n:05}"), "match = [\"status_code\"]");
        }
        let Some(mut visit) = visit(rig, &config).await else {
            return;
        };
        visit.browser.look(360, 800, "light");
        visit.open("");
        let rows = count.min(100);
        assert_eq!(
            visit.browser.is("document.querySelectorAll('.row').length"),
            json!(rows),
            "{count}"
        );
        visit.fits(&count.to_string());
        if count > 100 {
            visit.open("?q=service-09999");
            assert_eq!(
                visit
                    .browser
                    .is("document.querySelector('.row a').textContent"),
                json!("service-09999")
            );
            visit.open("?page=100");
            let found = visit
                .browser
                .is("document.querySelector('.found').textContent");
            assert_eq!(found, json!("10000 services, 9901 to 10000 on this page"));
        }
        visit.is_sound();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_logged_in_takes_an_incident_on() {
    let rig = Rig::new();
    rig.api.answers("/price", 500, "{}");
    let token = "token = \"a-token-of-the-tests\"\nurl = \"https://status.example.org\"\n";
    let config = rig
        .config(&["price"])
        .replace("[server]\n", &format!("[server]\n{token}"));
    let Some(mut visit) = visit(rig, &config).await else {
        return;
    };
    visit.open("");
    visit
        .browser
        .until("document.querySelector('h1').textContent.includes('No services')");
    visit.open("login?next=/incidents");
    visit.browser.is("document.querySelector('#token').value = 'a-token-of-the-tests'; document.querySelector('form').submit(); 0");
    visit
        .browser
        .until("document.querySelector('.list a strong')?.textContent === 'price'");
    let href = visit
        .browser
        .is("document.querySelector('.list a').getAttribute('href')");
    visit.open(href.as_str().unwrap());
    visit.browser.until("document.querySelector('[name=by]')");
    visit.browser.is("document.querySelector('[name=by]').value = 'ada'; document.querySelector('[name=reason]').value = 'on it'; document.querySelector('main form').submit(); 0");
    visit
        .browser
        .until("document.querySelector('.line .acked') && !document.querySelector('main form')");
    assert_eq!(
        visit
            .browser
            .is("document.querySelector('.besides').textContent.startsWith('taken on by ada ')"),
        json!(true)
    );
    visit.is_sound();
}
