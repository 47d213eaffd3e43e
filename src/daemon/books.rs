//! The book of the present config, for everybody.
//!
//! It hands out copies alone, as the keeper's snapshots do: what a [`watch::Receiver`] lends is locked, and once a new config
//! waits to be published, whoever asks a second time waits for it, and it for what was lent first.

use std::sync::Arc;

use tokio::sync::watch::{self, error::RecvError};

use super::book::Book;

/// Where the book of the present config is published. Clones share.
#[derive(Debug, Clone, Default)]
pub(super) struct Books(watch::Sender<Arc<Book>>);

/// What tells of the book of the present config and of each later one.
#[derive(Debug, Clone)]
pub(super) struct BookReader(watch::Receiver<Arc<Book>>);

impl Books {
    /// Makes this the present one.
    pub(super) fn publish(&self, book: Book) {
        self.0.send_replace(Arc::new(book));
    }

    /// Returns the present one.
    pub(super) fn newest(&self) -> Arc<Book> {
        Arc::clone(&self.0.borrow())
    }

    /// Returns what tells of each later one.
    pub(super) fn reader(&self) -> BookReader {
        BookReader(self.0.subscribe())
    }
}

impl BookReader {
    /// Returns the present one.
    pub(super) fn newest(&self) -> Arc<Book> {
        Arc::clone(&self.0.borrow())
    }

    /// Returns the present one and takes it for seen: [`changed`](Self::changed) waits for a later one.
    pub(super) fn see(&mut self) -> Arc<Book> {
        Arc::clone(&self.0.borrow_and_update())
    }

    /// Waits for one that was not seen.
    ///
    /// # Errors
    /// If there will be none.
    pub(super) async fn changed(&mut self) -> Result<(), RecvError> {
        self.0.changed().await
    }

    /// Waits for one of which this holds.
    ///
    /// # Errors
    /// If there will be none.
    pub(super) async fn wait_for(
        &mut self,
        holds: impl FnMut(&Arc<Book>) -> bool,
    ) -> Result<(), RecvError> {
        self.0.wait_for(holds).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_a_book_holds_no_later_one_up() {
        let books = Books::default();
        let mut reader = books.reader();
        let (first, same) = (reader.see(), books.newest());
        books.publish(Book::default());
        let second = reader.newest();
        assert!(Arc::ptr_eq(&first, &same) && !Arc::ptr_eq(&first, &second));
    }
}
