//! Lists in pages. A page begins after the last element of the one before, whatever came or went meanwhile.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::web::problem::Problem;

/// A page has so many elements where nothing is said.
const LIMIT: usize = 100;
/// A page has at most so many elements.
pub(super) const LIMIT_MAX: usize = 1000;

/// One page of a list.
#[derive(Debug, PartialEq)]
pub(super) struct Page<T> {
    /// Its elements.
    pub(super) items: Vec<T>,
    /// The `cursor` of the next one; absent on the last.
    pub(super) next: Option<String>,
}

/// Which page of a list is wanted.
pub(super) struct Wanted<'a> {
    /// `limit` of the query.
    pub(super) limit: Option<usize>,
    /// `cursor` of the query.
    pub(super) cursor: Option<&'a str>,
}

impl Wanted<'_> {
    /// Returns how many elements the page has at most.
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        match self.limit {
            None => Ok(LIMIT),
            Some(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
            Some(_) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                format!("`limit` is a number from 1 to {LIMIT_MAX}"),
            )),
        }
    }

    /// Returns the key that the page begins after.
    pub(super) fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, Problem> {
        let Some(cursor) = self.cursor else {
            return Ok(None);
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let key = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let foreign = || {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "`cursor` is not one of this list: take it from `next` of the page before",
            )
        };
        key.map(Some).ok_or_else(foreign)
    }

    /// Returns the page of a list in the order of its keys, which differ.
    pub(super) fn of<T, K: Ord + Serialize + DeserializeOwned>(
        &self,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> K,
    ) -> Result<Page<T>, Problem> {
        let (limit, after) = (self.limit()?, self.after()?);
        let mut rest: Vec<(K, T)> = items
            .into_iter()
            .map(|item| (key(&item), item))
            .filter(|(key, _)| after.as_ref().is_none_or(|after| key > after))
            .collect();
        rest.sort_by(|(a, _), (b, _)| a.cmp(b));
        let more = rest.len() > limit;
        rest.truncate(limit);
        let next = rest.last().filter(|_| more).map(|(key, _)| cursor(key));
        Ok(Page {
            items: rest.into_iter().map(|(_, item)| item).collect(),
            next,
        })
    }
}

/// Returns the cursor of the page after the element of a key.
pub(super) fn cursor(key: &impl Serialize) -> String {
    let bytes = serde_json::to_vec(key).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(limit: usize, cursor: Option<&str>) -> Wanted<'_> {
        Wanted {
            limit: Some(limit),
            cursor,
        }
    }

    #[test]
    fn every_element_is_on_one_page_whatever_goes_meanwhile() {
        let mut all: Vec<u32> = (0..10).collect();
        let mut seen = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = wanted(3, cursor.as_deref()).of(all.clone(), |one| *one);
            let page = page.ok().unwrap();
            seen.extend(page.items);
            all.retain(|one| *one != 2);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..10).collect::<Vec<u32>>());
        assert!(wanted(0, None).limit().is_err());
        assert!(wanted(1001, None).limit().is_err());
        assert!(wanted(1, Some("{}")).after::<u32>().is_err());
        assert!(wanted(1, Some("e30")).after::<u32>().is_err());
    }
}
