//! The pages as text, made of fixed data.

use std::sync::Arc;

use oes::model::glance::Held;
use oes::model::service::ServiceName;
use oes::model::violation::Violation;
use oes::web::page::links::Links;
use oes::web::page::overview::{Draft, Query};
use oes::web::page::present::{Audience, Present};
use oes::web::page::summary;
use oes::web::page::written;
use regex::Regex;

use crate::support::watched;

fn overview(count: usize, audience: Audience, query: &Query) -> String {
    overview_of(&watched::present(count), audience, query)
}

fn overview_of(present: &Present, audience: Audience, query: &Query) -> String {
    let records = watched::records(present);
    let draft = Draft::new(present, audience, query);
    written(&draft.finish("Shop status", Links::served(0), &records))
}

#[test]
fn a_hundred_services_are_one_page_and_a_thousand_are_ten() {
    let hundred = overview(100, Audience::Private, &Query::default());
    assert_eq!(hundred.matches("class=\"row ").count(), 100);
    assert!(!hundred.contains("rel=\"next\""));
    let query = Query {
        page: "10".to_owned(),
        ..Query::default()
    };
    let last = overview(1000, Audience::Private, &query);
    assert!(last.contains("1000 services, 901 to 1000 on this page"));
    assert!(last.contains("rel=\"prev\" href=\"?page=9\"") && !last.contains("rel=\"next\""));
}

/// Returns the row of a service on a page.
fn row<'a>(page: &'a str, name: &str) -> &'a str {
    let mut rows = page.split("<li id=\"").skip(1);
    let of = format!(">{name}</a>");
    let found = rows.find(|row| row.contains(&of));
    found.unwrap_or_else(|| panic!("no {name} in {page}"))
}

#[test]
fn every_bar_says_what_it_shows_and_all_of_them_have_a_sentence() {
    let page = overview(12, Audience::Private, &Query::default());
    let bar = |name: &str, class: &str, words: &str| {
        let row = row(&page, name);
        let bar = Regex::new(&format!(
            "<rect class=\"{class}\" [^>]*><title>{words}</title></rect>"
        ));
        assert!(bar.unwrap().is_match(row), "{name}, {words}: {row}");
    };
    bar("Checkout", "d2", "26 Nov 2026: down for 11 min");
    bar("Prices", "d4", "26 Nov 2026: down for 3 h 10 min");
    bar(
        "Search",
        "u",
        "24 Oct 2026: no downtime, no data for 13 h 53 min",
    );
    bar("Reports", "n", "26 Nov 2026: no data");
    bar(
        "Image delivery",
        "u",
        "26 Nov 2026: no downtime, maintenance",
    );
    bar("Payments gateway", "n", "29 Aug 2026: no data");
    for (name, sentence) in [
        ("Checkout", r"90 days: down on \d+ days, [^;]+"),
        ("Payments gateway", r"90 days: [^;]+; no data on 69"),
        ("Reports", r"90 days: [^;]+; no data on 2"),
    ] {
        let row = row(&page, name);
        let label = format!("role=\"img\" aria-label=\"{sentence}\">");
        assert!(
            Regex::new(&label).unwrap().is_match(row),
            "{sentence}: {row}"
        );
        assert_eq!(row.matches("<title>").count(), 90, "{name}: {row}");
    }
    // Each shade of a bar is in the legend.
    let (_, legend) = page
        .split_once("aria-label=\"What the bars mean\"")
        .unwrap();
    for words in [
        "no downtime",
        "under 5 min",
        "under 30 min",
        "under 2 h",
        "2 h and more",
        "maintenance",
        "no data",
    ] {
        assert!(
            legend.contains(&format!(">{words}</li>")),
            "{words}: {legend}"
        );
    }
}

#[test]
fn the_verdict_and_the_states_are_in_words() {
    let private = overview(12, Audience::Private, &Query::default());
    for words in [
        "1 down, 1 in partial outage and 1 degraded of 12 services",
        "Major outage",
        "Partial outage",
        "Degraded",
        "Maintenance",
        "No data",
        "no probe yet",
        "taken on by ada",
        "99.904 %",
    ] {
        assert!(private.contains(words), "{words}");
    }
    let public = overview(12, Audience::Public, &Query::default());
    for hidden in ["secret-host", "status 503", "ada", "no probe yet", "Search"] {
        assert!(!public.contains(hidden), "{hidden}");
    }
    let nothing = overview(0, Audience::Public, &Query::default());
    assert!(nothing.contains("No services are shown here yet"));
}

/// Has so many of the last seven probes of a service failed, as its newest one shows.
fn failed(present: &mut Present, n: usize, failed: usize) {
    let glance = present.glances.get_mut(&ServiceName::new(watched::name(n)));
    let glance = Arc::make_mut(glance.unwrap());
    glance.window.failed = failed;
    glance.held = vec![Held {
        violation: Violation::Error,
        rule: Some(format!(
            "{failed} of the last 7 probes failed, more than 50 % of 7"
        )),
        finding: Some(format!("price has not changed for {failed} min")),
        seen_at: None,
    }];
}

#[test]
fn an_outage_is_what_its_window_is_now() {
    let mut present = watched::present(12);
    let rows = [
        (4, "partial_outage", "1 down, 1 in partial outage"),
        (7, "major_outage", "2 down"),
        (5, "partial_outage", "1 down, 1 in partial outage"),
    ];
    for (of_seven, state, verdict) in rows {
        failed(&mut present, 2, of_seven);
        let page = overview_of(&present, Audience::Private, &Query::default());
        let why = format!("price has not changed for {of_seven} min");
        assert!(page.contains(verdict) && page.contains(&why), "{page}");
        let (json, _) = summary::to_json(&present, Audience::Private);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["services"][2]["state"], state, "{json:#}");
        let text = summary::to_text(&present, Audience::Private);
        assert!(text.contains(verdict) && text.contains(&why), "{text}");
    }
    // One that opened with every probe bad and now is mixed.
    failed(&mut present, 0, 5);
    let text = summary::to_text(&present, Audience::Public);
    assert!(text.starts_with("partial_outage\n"), "{text}");
}

#[test]
fn an_open_incident_of_a_service_in_maintenance_says_so() {
    let mut present = watched::present(12);
    let mut ledger = (*present.ledger).clone();
    let incident = ledger.incidents.values_mut().next().unwrap();
    incident.service = ServiceName::new("Image delivery");
    present.ledger = Arc::new(ledger);
    let private = overview_of(&present, Audience::Private, &Query::default());
    assert!(
        private.contains("<span>in maintenance: New storage, until 26 Nov 2026, 15:00 UTC</span>"),
        "{private}"
    );
    assert!(private.contains("<li class=\"maintenance\">"), "{private}");
}
