//! What all pages work with.

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::FromRef;

use super::api::Control;
use super::auth::Gate;
use super::beat::Listener;
use super::facts::Facts;
use super::page::Pages;

/// What will be there later.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What all pages work with. Clones share.
#[derive(Clone)]
pub struct Site {
    /// What the pages about OES itself show.
    pub facts: Arc<dyn Facts>,
    /// What the API acts on.
    pub control: Arc<dyn Control>,
    /// What hears beats.
    pub beats: Arc<dyn Listener>,
    /// Who may see and do what.
    pub gate: Arc<Gate>,
    /// What the path of every link begins with: nothing, or what is before all pages, such as `/oes`.
    pub base: Arc<str>,
    /// The status page.
    pub pages: Arc<Pages>,
}

impl FromRef<Site> for Arc<dyn Facts> {
    fn from_ref(site: &Site) -> Self {
        Arc::clone(&site.facts)
    }
}

impl FromRef<Site> for Arc<dyn Control> {
    fn from_ref(site: &Site) -> Self {
        Arc::clone(&site.control)
    }
}

impl FromRef<Site> for Arc<dyn Listener> {
    fn from_ref(site: &Site) -> Self {
        Arc::clone(&site.beats)
    }
}

impl FromRef<Site> for Arc<Gate> {
    fn from_ref(site: &Site) -> Self {
        Arc::clone(&site.gate)
    }
}

impl FromRef<Site> for Arc<Pages> {
    fn from_ref(site: &Site) -> Self {
        Arc::clone(&site.pages)
    }
}
