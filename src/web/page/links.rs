//! Addresses of pages. All are relative, so that they work below any base path and, of a static copy, from a folder.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use url::{Url, form_urlencoded};

use super::incidents::Month;
use crate::model::incident::IncidentId;
use crate::model::service::ServiceName;

/// Where a page stands, and so how the others are reached from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// `../` for each folder that the page is below the root.
    root: String,
    /// Whether pages are files that end in `.html`.
    files: bool,
    /// The token with which whoever looks has logged in.
    login: Option<Arc<str>>,
}

impl Links {
    /// Returns the links of a page of the daemon, so many folders below the root.
    pub fn served(depth: usize) -> Self {
        Self {
            root: "../".repeat(depth),
            files: false,
            login: None,
        }
    }

    /// Returns the links of a file, so many folders below the root.
    pub fn files(depth: usize) -> Self {
        Self {
            root: "../".repeat(depth),
            files: true,
            login: None,
        }
    }

    /// Returns the same links for whoever has logged in with the token of this name.
    #[must_use]
    pub fn of(self, login: Option<Arc<str>>) -> Self {
        Self { login, ..self }
    }

    /// Returns the name of the token with which whoever looks has logged in.
    pub fn login(&self) -> Option<&str> {
        self.login.as_deref()
    }

    /// Tells whether this is a static copy.
    pub fn is_copy(&self) -> bool {
        self.files
    }

    /// Returns the address of the first page.
    pub fn home(&self) -> String {
        match (self.files, self.root.is_empty()) {
            (true, _) => format!("{}index.html", self.root),
            (false, true) => "./".to_owned(),
            (false, false) => self.root.clone(),
        }
    }

    /// Returns the address of one of several first pages, from 1.
    pub fn numbered(&self, page: usize) -> String {
        match page {
            1 => self.home(),
            page => self.page(&format!("page-{page}")),
        }
    }

    /// Returns the address of a file that is there as it is: `page.js`.
    pub fn file(&self, name: &str) -> String {
        format!("{}{name}", self.root)
    }

    /// Returns the address of a page of this name.
    pub fn page(&self, name: &str) -> String {
        let end = if self.files { ".html" } else { "" };
        format!("{}{name}{end}", self.root)
    }

    /// Returns the address of the page of a service.
    pub fn service(&self, name: &ServiceName) -> String {
        if self.files {
            self.page(&format!("services/{}", mark(name)))
        } else {
            format!("{}services/{}", self.root, segment(name.as_str()))
        }
    }

    /// Returns the address where a script is tried on a service.
    pub fn playground(&self, name: &ServiceName) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("service", name.as_str());
        format!("{}?{}", self.page("playground"), query.finish())
    }

    /// Returns the address of one of the pages of a month's incidents, from 1.
    pub fn month(&self, month: Month, number: usize) -> String {
        let first = self.page(&format!("incidents/{}", month.name()));
        match (number, self.files) {
            (1, _) => first,
            (_, true) => self.page(&format!("incidents/{}-page-{number}", month.name())),
            (_, false) => format!("{first}?page={number}"),
        }
    }

    /// Returns the address of the page of an incident.
    pub fn incident(&self, id: &IncidentId) -> String {
        self.page(&format!("incidents/{id}"))
    }

    /// Returns the address of a badge of a service.
    pub fn badge(&self, name: &ServiceName, rest: &str) -> String {
        format!("{}badge/{}.svg{rest}", self.root, segment(name.as_str()))
    }
}

/// Returns a text as one segment of the path of a URL.
pub fn segment(text: &str) -> String {
    let Ok(mut url) = Url::parse("http://x/") else {
        return String::new();
    };
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop().push(text);
    }
    url.path().trim_start_matches('/').to_owned()
}

/// Returns a short name that holds nothing but letters and digits, the same for the same service: for anchors, for
/// files, and to tell what changed.
pub fn mark(name: &ServiceName) -> String {
    let digest = Sha256::digest(name.as_str().as_bytes());
    let bytes = digest.iter().take(6);
    bytes.fold(String::from("s"), |mark, byte| format!("{mark}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_segment() {
        for (name, expected) in [
            ("price", "price"),
            (
                "GET https://x.example/a?b=c#d",
                "GET%20https:%2F%2Fx.example%2Fa%3Fb=c%23d",
            ),
            ("50 %", "50%20%25"),
            ("Größe", "Gr%C3%B6%C3%9Fe"),
        ] {
            assert_eq!(segment(name), expected);
        }
    }

    #[test]
    fn links_are_relative() {
        let name = ServiceName::new("a/b");
        assert_eq!(Links::served(0).home(), "./");
        assert_eq!(Links::served(2).service(&name), "../../services/a%2Fb");
        assert_eq!(Links::files(0).page("incidents"), "incidents.html");
        assert_eq!(
            Links::files(1).service(&name),
            format!("../services/{}.html", mark(&name))
        );
    }
}
