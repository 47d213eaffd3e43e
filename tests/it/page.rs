//! The pages as text, made of fixed data.

use oes::web::page::links::Links;
use oes::web::page::overview::{Draft, Query};
use oes::web::page::present::Audience;
use oes::web::page::written;

use crate::support::watched;

fn overview(count: usize, audience: Audience, query: &Query) -> String {
    let present = watched::present(count);
    let records = watched::records(&present);
    let draft = Draft::new(&present, audience, query);
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
