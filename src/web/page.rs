//! The status page: how the services are, why, and how they were. Complete without scripts, in two views: what the public
//! may see, and everything.
//!
//! [`present`], [`overview`], [`detail`] and their neighbours are pure: they make pages out of what is so ([`present`]) and
//! what was read ([`archive`]). Only this file and [`answer`] know requests.

pub mod answer;
pub mod archive;
mod assets;
mod badge;
pub mod calendar;
mod chart;
pub mod copy;
pub mod detail;
mod door;
mod embed;
mod evidence;
pub mod feed;
mod frame;
mod health;
pub mod incident;
pub mod incidents;
pub mod links;
mod live;
mod missing;
mod moment;
pub mod overview;
mod phases;
mod playground;
pub mod present;
pub mod record;
mod routes;
pub mod source;
pub mod state;
mod strip;
pub mod summary;
mod tries;
mod verdict;
mod why;
pub mod window;
mod words;

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use askama::Template;
use tokio::time::Instant;

use self::answer::{Answers, Kind, Made};
use self::archive::Archive;
use self::live::Board;
use self::present::{Audience, Present};
use self::record::Record;
use self::source::Source;
use super::auth::{Caller, Scope};
use crate::history::ReadError;
use crate::model::service::ServiceName;

pub(super) use door::{Door, Inside, for_people};
pub(super) use routes::router;

/// What is so is looked at anew after this.
const PRESENT_FOR: Duration = Duration::from_millis(500);

/// The past of each service in one row.
pub(super) type Records = HashMap<ServiceName, Record>;

/// What the pages work with.
pub struct Pages {
    source: Arc<dyn Source>,
    archive: Archive,
    answers: Answers,
    board: Arc<Board>,
    present: Mutex<Option<(Instant, Arc<Present>)>>,
}

impl Pages {
    /// Returns pages that are made from a source.
    pub fn new(source: Arc<dyn Source>) -> Self {
        let told = Arc::clone(&source);
        let tell = move |error: &ReadError, services: &[ServiceName]| {
            told.unreadable(error, services);
        };
        Self {
            source,
            archive: Archive::telling(tell),
            answers: Answers::default(),
            board: Arc::default(),
            present: Mutex::new(None),
        }
    }

    /// Returns what the pages are called as a whole.
    pub(super) fn title(&self) -> String {
        self.source.title()
    }

    /// Returns what is so, as of at most half a second ago.
    fn present(&self) -> Arc<Present> {
        let mut known = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, present)) = &*known
            && at.elapsed() < PRESENT_FOR
        {
            return Arc::clone(present);
        }
        let present = Arc::new(self.source.present());
        // Who hears of a change must not be shown what was made before it.
        if self.board.look(&present) {
            self.answers.forget();
        }
        *known = Some((Instant::now(), Arc::clone(&present)));
        present
    }

    /// Returns the records of services.
    pub(super) async fn records(self: Arc<Self>, names: Vec<ServiceName>) -> Records {
        let read = tokio::task::spawn_blocking(move || {
            let (history, present) = (self.source.history(), self.present());
            self.archive.records(&history, &present, &names)
        });
        read.await.unwrap_or_default()
    }

    /// Makes everything anew for whoever asks from now on.
    fn forget(&self) {
        *self.present.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.answers.forget();
    }
}

/// Returns which view a caller gets; absent if none.
fn audience(caller: &Caller) -> Option<Audience> {
    if caller.may(Scope::Look) {
        Some(Audience::Private)
    } else {
        caller.may(Scope::View).then_some(Audience::Public)
    }
}

/// Returns a template as a text.
pub fn written(template: &impl Template) -> String {
    template
        .render()
        .unwrap_or_else(|error: askama::Error| apology(&error))
}

fn apology(error: &dyn Display) -> String {
    format!("this page could not be written: {error}")
}

/// Returns a page.
fn page(template: &impl Template) -> Made {
    Made::new(Kind::Html, written(template))
}
