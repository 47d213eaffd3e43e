//! The status page where there is little room, and on paper.

use serde_json::json;

use super::browser::{Visit, troubled, visit};
use super::rig::Rig;

/// No row of a table is higher on a phone: a dozen lines.
const ROW_PIXELS_MAX: u64 = 300;

/// Opens the page of the incident that is open; its address is returned.
fn open_incident(visit: &mut Visit) -> String {
    visit.open("");
    visit.browser.until("document.querySelector('#open a')");
    let href = "document.querySelector('#open a').getAttribute('href')";
    let href = visit.browser.is(href).as_str().unwrap().to_owned();
    visit.open(&href);
    visit
        .browser
        .until("document.querySelector('.evidence pre')");
    href
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_shows_tables_in_words_and_not_in_letters() {
    let rig = Rig::new();
    let config = troubled(&rig);
    let Some(mut visit) = visit(rig, &config).await else {
        return;
    };
    visit.browser.look(360, 800, "light");
    let incident = open_incident(&mut visit);
    for page in ["services/broken", "health", &incident] {
        visit.open(page);
        visit
            .browser
            .is("document.querySelectorAll('details').forEach(one => one.open = true); 0");
        visit.fits(page);
        let tallest = "Math.ceil(Math.max(...[...document.querySelectorAll('tr')].map(one => one.getBoundingClientRect().height)))";
        let tallest = visit.browser.is(tallest).as_u64().unwrap();
        assert!(tallest < ROW_PIXELS_MAX, "{page}: {tallest} px");
    }
    visit.open("");
    let beyond = "[...document.querySelectorAll('.row')].filter(row => [...row.querySelectorAll('.up span')].some(one => one.getBoundingClientRect().right > row.getBoundingClientRect().right)).length";
    assert_eq!(
        visit.browser.is(beyond),
        json!(0),
        "uptimes leave their card"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn paper_is_white_and_hides_nothing() {
    let rig = Rig::new();
    let config = troubled(&rig);
    let Some(mut visit) = visit(rig, &config).await else {
        return;
    };
    visit.browser.look(718, 1000, "dark");
    open_incident(&mut visit);
    let hidden = "[...document.querySelectorAll('.evidence details:not([open]) pre')].map(one => one.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true }))";
    let on_screen = visit.browser.is(hidden);
    assert!(
        on_screen.as_array().unwrap().contains(&json!(false)),
        "something is folded away: {on_screen}"
    );
    visit.browser.on_paper("dark");
    visit.browser.until(&format!("{hidden}.every(one => one)"));
    let ground = "getComputedStyle(document.body).backgroundColor";
    assert_eq!(visit.browser.is(ground), json!("rgb(255, 255, 255)"));
    let sizes = "['h1', 'h2', 'p'].map(one => parseFloat(getComputedStyle(document.querySelector(`main ${one}`)).fontSize))";
    let sizes = visit.browser.is(sizes);
    let size = |at: usize| sizes[at].as_f64().unwrap();
    assert!(size(0) > size(1) && size(1) > size(2), "{sizes}");
    visit.open("");
    let cut = "[...document.querySelectorAll('.note')].filter(one => one.scrollHeight > one.clientHeight + 1).length";
    assert_eq!(visit.browser.is(cut), json!(0), "findings are cut");
}
