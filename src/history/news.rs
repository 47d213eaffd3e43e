//! What somebody should be told of a database, once.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// What somebody should be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Nothing is written from now on.
    Failed(String),
    /// It is again.
    Recovered,
    /// The file was damaged and a new one was begun.
    SetAside {
        /// Where the old one is.
        path: PathBuf,
        /// What was wrong with it.
        why: String,
    },
    /// The file was removed while it was in use, and a new one was begun.
    Gone,
}

/// What a writer has to tell, until somebody asks.
#[derive(Debug, Default)]
pub(super) struct Told {
    error: Mutex<Option<String>>,
    news: Mutex<Vec<News>>,
    has_news: AtomicBool,
}

impl Told {
    pub(super) fn tell(&self, news: News) {
        let mut all = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(news);
        self.has_news.store(true, Ordering::Release);
    }

    /// Notes that nothing can be written, and says so once.
    pub(super) fn failed(&self, why: &str) {
        let mut error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        if error.replace(why.to_owned()).is_none() {
            self.tell(News::Failed(why.to_owned()));
        }
    }

    /// Notes that something was written, and says so where it could not be before.
    pub(super) fn succeeded(&self) {
        let mut error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        if error.take().is_some() {
            self.tell(News::Recovered);
        }
    }

    /// Returns why nothing can be written, absent if it can.
    pub(super) fn error(&self) -> Option<String> {
        let error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.clone()
    }

    /// Returns what somebody should be told of and was not yet. Costs next to nothing where there is nothing.
    pub(super) fn take(&self) -> Vec<News> {
        if !self.has_news.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *news)
    }
}
