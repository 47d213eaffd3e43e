//! What the status page is made from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

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
}

impl Source for PageSource {
    fn present(&self) -> Present {
        let book = self.book.newest();
        Present {
            at: self.clock.now(),
            ledger: self.snapshots.ledger(),
            services: Arc::clone(&book.listed),
            glances: self.seen.all().into_iter().collect(),
            awaited: self.seen.all_awaited(),
            maintenance: book.maintenance.clone(),
            health: Some(self.facts.health()),
        }
    }

    fn history(&self) -> PathBuf {
        self.database.clone()
    }

    fn unreadable(&self, error: &ReadError, services: &[ServiceName]) {
        warn!(error = %Causes(error), "a page cannot read the history");
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
