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
        private.contains("<span>in maintenance: New storage</span>"),
        "{private}"
    );
    assert!(private.contains("<li class=\"maintenance\">"), "{private}");
}
