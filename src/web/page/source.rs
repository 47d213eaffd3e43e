//! Where pages come from: what is so now, and what the history knows.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;
use url::Url;

use super::present::Present;
use crate::history::ReadError;
use crate::model::service::ServiceName;

/// What pages are made from; asked anew for each.
pub trait Source: Send + Sync {
    /// Returns what is so now.
    fn present(&self) -> Present;

    /// Returns where the history is.
    fn history(&self) -> PathBuf;

    /// Takes note that the history cannot be read, and of which services that was found.
    fn unreadable(&self, error: &ReadError, services: &[ServiceName]);

    /// Returns what the pages are called as a whole.
    fn title(&self) -> String;

    /// Returns the address of the first page for people elsewhere, as the config says it.
    fn url(&self) -> Option<Url>;

    /// Returns what says that the daemon stops.
    fn stopping(&self) -> CancellationToken;
}
