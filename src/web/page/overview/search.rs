//! Which services are on a page: found by name, group and state, and a hundred at a time.

use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::ROWS_MAX;
use crate::model::counted::counted;
use crate::web::page::present::Stood;
use crate::web::page::state::State;

/// The search appears from so many services on.
const NEEDED_FROM: usize = 12;

/// So much of a word that means nothing is said again.
const WORD_CHARS_MAX: usize = 40;

/// What a visitor asks for; a word that means nothing asks for nothing, which the page says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(default)]
pub struct Query {
    /// Part of a name.
    pub q: String,
    /// A group.
    pub group: String,
    /// A state.
    pub state: String,
    /// Which page, from 1.
    pub page: String,
}

/// The search as the page shows it.
#[derive(Debug)]
pub struct Search {
    /// What was asked for.
    pub q: String,
    group: String,
    state: Option<State>,
    /// The groups there are.
    pub groups: Vec<Choice>,
    /// The states there may be.
    pub states: Vec<Choice>,
    /// What of it means nothing, in words.
    pub mistakes: Vec<String>,
    /// Whether there are so many services that a search is of use.
    pub is_needed: bool,
    /// Services there are.
    pub all: usize,
    /// Services that were found.
    pub found: usize,
    /// This page, from 1.
    pub page: usize,
    /// Pages there are.
    pub pages: usize,
}

/// One thing that can be chosen.
#[derive(Debug)]
pub struct Choice {
    /// Its name in the address.
    pub value: String,
    /// Its name for people.
    pub words: String,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

impl Search {
    /// Tells whether not all services are asked for.
    pub fn is_filtered(&self) -> bool {
        !self.q.is_empty() || !self.group.is_empty() || self.state.is_some()
    }

    /// Returns what was found in words.
    pub fn found_words(&self) -> String {
        let found = if self.is_filtered() {
            format!("{} of {}", self.found, counted(self.all, "service"))
        } else {
            counted(self.all, "service")
        };
        let first = (self.page - 1) * ROWS_MAX + 1;
        let last = (self.page * ROWS_MAX).min(self.found);
        match self.pages {
            0 | 1 => found,
            _ => format!("{found}, {first} to {last} on this page"),
        }
    }

    /// Returns the number of the page before.
    pub fn previous(&self) -> Option<usize> {
        (self.page > 1).then(|| self.page - 1)
    }

    /// Returns the number of the page after.
    pub fn next(&self) -> Option<usize> {
        (self.page < self.pages).then(|| self.page + 1)
    }

    /// Returns the address of another page of the same search.
    pub fn address(&self, page: usize) -> String {
        let mut query = Serializer::for_suffix(String::from("?"), 1);
        let state = self.state.map(State::as_str).unwrap_or_default();
        let pairs = [
            ("q", self.q.as_str()),
            ("group", &self.group),
            ("state", state),
        ];
        for (key, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(key, value);
        }
        query.append_pair("page", &page.to_string());
        query.finish()
    }
}

/// Returns the search that a query makes, and the places of the services on its page: those of a group together, groups in
/// the order in which the config first names them, services without one last.
pub(super) fn select(stood: &[Stood<'_>], query: &Query) -> (Search, Vec<usize>) {
    let groups = groups(stood);
    let state = State::named(&query.state);
    let wanted = query.q.trim().to_lowercase();
    let fits = |one: &Stood<'_>| {
        let group = one.service.group.as_deref().unwrap_or_default();
        one.service.name.as_str().to_lowercase().contains(&wanted)
            && (query.group.is_empty() || query.group == group)
            && state.is_none_or(|state| one.state() == state)
    };
    let mut found: Vec<usize> = (0..stood.len()).collect();
    found.retain(|at| stood.get(*at).is_some_and(fits));
    let rank = |at: &usize| {
        let group = stood.get(*at).and_then(|one| one.service.group.as_deref());
        group.map_or(usize::MAX, |group| {
            groups
                .iter()
                .position(|known| *known == group)
                .unwrap_or(usize::MAX)
        })
    };
    found.sort_by_cached_key(rank);
    let pages = found.len().div_ceil(ROWS_MAX);
    let page: usize = query.page.parse().unwrap_or(1);
    let page = page.clamp(1, pages.max(1));
    let mistakes = [
        (!query.page.is_empty() && query.page != page.to_string()).then(|| {
            let asked = short(&query.page);
            format!("There is no page {asked}: this is page {page}.")
        }),
        (!query.state.is_empty() && state.is_none()).then(|| {
            let asked = short(&query.state);
            format!("There is no state “{asked}”: services of every state are shown.")
        }),
        (!query.group.is_empty() && !groups.contains(&&*query.group))
            .then(|| format!("There is no group “{}”.", short(&query.group))),
    ];
    let choice = |value: &str, words: &str, is_chosen| Choice {
        value: value.to_owned(),
        words: words.to_owned(),
        is_chosen,
    };
    let search = Search {
        q: query.q.trim().to_owned(),
        group: query.group.clone(),
        state,
        groups: groups
            .iter()
            .map(|group| choice(group, group, *group == query.group))
            .collect(),
        states: State::ALL
            .map(|one| choice(one.as_str(), one.words(), state == Some(one)))
            .into(),
        mistakes: mistakes.into_iter().flatten().collect(),
        is_needed: stood.len() >= NEEDED_FROM,
        all: stood.len(),
        found: found.len(),
        page,
        pages,
    };
    let shown = found.into_iter().skip((page - 1) * ROWS_MAX).take(ROWS_MAX);
    (search, shown.collect())
}

/// Returns the beginning of what somebody wrote into an address.
fn short(text: &str) -> String {
    text.chars().take(WORD_CHARS_MAX).collect()
}

/// Returns the groups in the order in which the config first names them.
fn groups<'a>(stood: &'a [Stood<'_>]) -> Vec<&'a str> {
    let mut seen = std::collections::HashSet::new();
    let named = stood.iter().filter_map(|one| one.service.group.as_deref());
    named.filter(|group| seen.insert(*group)).collect()
}
