//! Long lists of the status page, and what stands above them.

use std::collections::HashMap;
use std::sync::Arc;

use oes::model::incident::{IncidentId, Kept};
use oes::model::service::ServiceName;
use oes::model::tally::Tally;
use oes::model::violation::Violation;
use oes::policy::story::Story;
use oes::web::page::incident;
use oes::web::page::incidents::{Page, Shown};
use oes::web::page::links::Links;
use oes::web::page::overview::{Draft, Query};
use oes::web::page::present::{Audience, Present};
use oes::web::page::record::{Record, Stretch};
use oes::web::page::summary;
use oes::web::page::written;

use crate::support::watched;

/// Returns so many services that are all down for one reason.
fn all_down(count: usize) -> Present {
    let mut present = watched::present(count);
    let mut ledger = (*present.ledger).clone();
    let like = ledger
        .incidents
        .values()
        .find(|one| one.violation == Violation::Error);
    let like = like.unwrap().clone();
    ledger.incidents.clear();
    for n in 0..count {
        let mut one = like.clone();
        one.id = IncidentId(format!("{n:04}ncwq5g7f2k8h").into());
        one.service = ServiceName::new(watched::name(n));
        one.reason.code = Some("connect_refused".into());
        ledger.incidents.insert(one.id.clone(), one);
    }
    present.ledger = Arc::new(ledger);
    present
}

#[test]
fn incidents_are_fifty_on_a_page_in_one_order() {
    let present = all_down(120);
    let all: Vec<_> = present.ledger.incidents.values().rev().cloned().collect();
    let page = |number| {
        let shown = Shown {
            month: None,
            number,
        };
        let links = Links::served(0);
        written(&Page::new(
            &present,
            Audience::Private,
            "Shop",
            links,
            (&all, shown),
        ))
    };
    let (first, last) = (page(1), page(9));
    assert_eq!(first.matches("<span class=\"over\">").count(), 50);
    assert!(
        first.contains("120 incidents, 1 to 50 on this page"),
        "{first}"
    );
    assert!(
        first.contains("rel=\"next\" href=\"incidents/2026-11?page=2\""),
        "{first}"
    );
    assert!(
        last.contains("Page 3 of 3") && last.contains("101 to 120"),
        "{last}"
    );
    assert_eq!(last.matches("<span class=\"over\">").count(), 20);
    let copy = Shown {
        month: None,
        number: 2,
    };
    let links = Links::files(0);
    let copy = Page::new(&present, Audience::Private, "Shop", links, (&all, copy));
    assert!(written(&copy).contains("href=\"incidents/2026-11-page-3.html\""));
}

#[test]
fn what_most_incidents_have_in_common_stands_above_those_that_are_listed() {
    let front = |count, audience| {
        let present = all_down(count);
        let draft = Draft::new(&present, audience, &Query::default());
        written(&draft.finish("Shop", Links::served(0), &HashMap::new()))
    };
    let many = front(40, Audience::Private);
    assert!(
        many.contains("In common: failure connect_refused"),
        "{many}"
    );
    assert!(!front(40, Audience::Public).contains("In common"));
    assert!(!front(12, Audience::Private).contains("In common"));
}

#[test]
fn a_copy_of_a_monitor_that_does_not_run_says_so_first() {
    let mut present = watched::present(12);
    present.ended = Some("2026-11-26T12:39:50Z".parse().unwrap());
    let draft = Draft::new(&present, Audience::Public, &Query::default());
    let page = written(&draft.finish("Shop", Links::files(0), &HashMap::new()));
    let words = "The monitor does not run: its data end on 26 Nov 2026, 12:39:50 UTC</h1>";
    assert!(page.contains(words), "{page}");
    assert!(page.contains("26 Nov 2026, 13:00:00 UTC</time>"), "{page}");
    assert!(!page.contains("next probe"), "{page}");
    let text = summary::to_text(&present, Audience::Public);
    assert!(text.contains("its data end on 26 Nov 2026"), "{text}");
}

/// Rule and samples of an incident that is over are those of its opening; its end has its own.
#[test]
fn what_is_over_shows_its_opening_and_its_end_apart() {
    let present = watched::present(12);
    let mut one = present.ledger.incidents.values().next().unwrap().clone();
    one.closed_at = Some(watched::now());
    one.ending = Some(oes::model::incident::Ending::Recovered);
    let samples = one.reason.samples.split_off(5);
    let rule = "2 of the last 7 probes failed, at most 25 %".to_owned();
    one.reason.kept = Some(Box::new(Kept { rule, samples }));
    let story = Story::of(&present.ledger, &one, Vec::new());
    let links = Links::served(1);
    let page = incident::Page::new(&present, Audience::Private, "Shop", links, (&story, None));
    let page = written(&page.unwrap());
    let (opening, end) = page
        .split_once("When it was over: 2 of the last 7 probes")
        .unwrap();
    assert!(opening.contains("7 of the last 7 probes failed"), "{page}");
    assert_eq!(opening.matches("<li class=\"fail\"").count(), 5);
    assert_eq!(end.matches("<li class=\"fail\"").count(), 2);
}

#[test]
fn a_certificate_that_ends_soon_stands_in_the_row() {
    let mut present = watched::present(12);
    let glance = present.glances.get_mut(&ServiceName::new("Search"));
    let glance = Arc::make_mut(glance.unwrap());
    glance.certificate_expires = Some("2026-12-04T14:00:00Z".parse().unwrap());
    let page = |audience| {
        let draft = Draft::new(&present, audience, &Query::default());
        written(&draft.finish("Shop", Links::served(0), &HashMap::new()))
    };
    let private = page(Audience::Private);
    let words = "its certificate ends in 8 d";
    assert_eq!(private.matches(words).count(), 1, "{private}");
    assert!(!page(Audience::Public).contains("certificate"));
}

#[test]
fn what_was_planned_before_a_service_was_known_is_not_drawn() {
    let present = watched::present(12);
    let reports = present
        .services
        .iter()
        .find(|one| one.name.as_str() == "Reports");
    let feet = |days: &[Stretch]| {
        let maintenance = &present.maintenance;
        let record = Record::of(reports.unwrap(), (days, &[]), maintenance, present.at);
        let strip = record.strip.to_string();
        let (_, feet) = strip
            .split_once("<path class=\"m\" d=\"")
            .unwrap_or_default();
        feet.matches('M').count()
    };
    assert_eq!(feet(&[]), 0);
    let from: jiff::Timestamp = "2026-11-09T00:00:00Z".parse().unwrap();
    let day = Stretch {
        from,
        until: "2026-11-10T00:00:00Z".parse().unwrap(),
        tally: Tally {
            up: std::time::Duration::from_hours(24),
            ..Tally::default()
        },
    };
    // The Sundays of the 15th and the 22nd.
    assert_eq!(feet(&[day]), 2);
}
