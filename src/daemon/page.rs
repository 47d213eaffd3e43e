//! What the status page is made from.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use url::Url;

use super::books::BookReader;
use super::health;
use super::keeper::Snapshots;
use super::seen::Seen;
use super::watching::Shared;
use crate::clock::Clock;
use crate::history::{ReadError, Store};
use crate::model::causes::Causes;
use crate::model::service::ServiceName;
use crate::web::Facts;
use crate::web::page::Pages;
use crate::web::page::archive::database;
use crate::web::page::present::Present;
use crate::web::page::source::Source;

/// That the history cannot be read is not logged again so soon, however often somebody looks.
const QUIET: Duration = Duration::from_mins(1);

/// Returns the status page.
pub(super) fn pages(
    shared: &Shared,
    facts: &Arc<health::Page>,
    data: &Path,
    stopping: CancellationToken,
) -> Arc<Pages> {
    let source = PageSource {
        snapshots: shared.keeper.snapshots(),
        book: shared.books.reader(),
        seen: shared.seen.clone(),
        facts: Arc::clone(facts) as Arc<_>,
        database: database(data),
        store: Arc::clone(&shared.history),
        clock: shared.clock,
        stopping,
        logged_at: Mutex::default(),
    };
    Arc::new(Pages::new(Arc::new(source)))
}

/// What the status page is made from.
struct PageSource {
    snapshots: Snapshots,
    book: BookReader,
    seen: Seen,
    facts: Arc<dyn Facts>,
    database: PathBuf,
    store: Arc<Store>,
    clock: Clock,
    stopping: CancellationToken,
    /// When it was last logged that the history cannot be read.
    logged_at: Mutex<Option<Instant>>,
}

impl Source for PageSource {
    fn present(&self) -> Present {
        let book = self.book.newest();
        Present {
            at: self.clock.now(),
            ledger: self.snapshots.ledger(),
            services: Arc::clone(&book.listed),
            former: Arc::clone(&book.former),
            awaited: self.seen.all_awaited(),
            glances: self.seen.all().into_iter().collect(),
            maintenance: book.maintenance.clone(),
            health: Some(self.facts.health()),
            ended: None,
        }
    }

    fn history(&self) -> PathBuf {
        self.database.clone()
    }

    fn unreadable(&self, error: &ReadError, services: &[ServiceName]) {
        let mut logged_at = self
            .logged_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if logged_at.is_none_or(|at| at.elapsed() >= QUIET) {
            warn!(error = %Causes(error), "a page cannot read the history");
            *logged_at = Some(Instant::now());
        }
        drop(logged_at);
        self.store.suspect(error, services);
    }

    fn title(&self) -> String {
        self.book.newest().server.title.clone()
    }

    fn url(&self) -> Option<Url> {
        self.book.newest().server.url.clone()
    }

    fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }
}
