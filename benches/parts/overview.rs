//! The first page of the status page, with the past at hand: what is left to do is to look at every service and to write.

use std::time::Duration;

use oes::web::page::links::Links;
use oes::web::page::overview::{Draft, Query};
use oes::web::page::present::Audience;
use oes::web::page::written;
use tokio::time::Instant;

use crate::show;
use crate::watched;

/// Writes the first page of so many services.
pub fn first_page(services: usize) {
    let present = watched::present(services);
    let records = watched::records(&present);
    let times: Vec<Duration> = (0..20)
        .map(|_| {
            let began = Instant::now();
            let draft = Draft::new(&present, Audience::Private, &Query::default());
            let page = written(&draft.finish("Status", Links::served(0), &records));
            assert!(page.len() > 100_000);
            began.elapsed()
        })
        .collect();
    let name = format!("the status page, its first 100 of {services} services");
    show(&name, times, "≤ 30 ms at 1,000");
}
