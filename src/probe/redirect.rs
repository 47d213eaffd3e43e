//! What a redirect leads to, and what may go along.

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, LOCATION,
    PROXY_AUTHORIZATION,
};
use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use url::Url;

use super::plan::Plan;

use super::target::Target;
use crate::model::failure::{Failure, FailureKind};

/// Returns where a response redirects to, absent if it is an ordinary response.
pub(super) fn location(status: StatusCode, headers: &HeaderMap) -> Option<&[u8]> {
    match status.as_u16() {
        301 | 302 | 303 | 307 | 308 => headers.get(LOCATION).map(HeaderValue::as_bytes),
        _ => None,
    }
}

/// One hop's request, which a redirect changes into the next one's.
#[derive(Debug)]
pub(super) struct Itinerary<'a> {
    pub(super) method: Method,
    pub(super) url: Cow<'a, Url>,
    pub(super) headers: Baggage<'a>,
    pub(super) has_body: bool,
    /// Whether the body holds a secret.
    has_secret_body: bool,
    /// Whether credentials are still on board.
    pub(super) has_credentials: bool,
    /// Headers that another origin must not see.
    confidential: &'a [HeaderName],
    /// The requests made so far, to notice a circle.
    seen: Vec<(Method, Url)>,
}

/// The headers of a hop: those of the plan until something about them changes.
#[derive(Debug)]
pub(super) struct Baggage<'a>(Cow<'a, [(HeaderName, HeaderValue)]>);

impl Baggage<'_> {
    /// Returns the headers as hyper takes them.
    pub(super) fn to_map(&self) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.0.len() + 1);
        for (name, value) in self.0.iter() {
            map.append(name, value.clone());
        }
        map
    }

    /// Sets the one value of a header.
    pub(super) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.remove(&name);
        self.0.to_mut().push((name, value));
    }

    fn remove(&mut self, name: &HeaderName) {
        if self.has(name) {
            self.0.to_mut().retain(|(known, _)| known != name);
        }
    }

    fn has(&self, name: &HeaderName) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }
}

impl<'a> Itinerary<'a> {
    /// Returns the first hop of a plan.
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self {
            seen: Vec::new(),
            method: plan.method.clone(),
            url: Cow::Borrowed(&plan.url),
            headers: Baggage(Cow::Borrowed(&plan.headers)),
            has_body: !plan.body.is_empty(),
            has_secret_body: plan.body_is_secret,
            has_credentials: plan.has_credentials(),
            confidential: &plan.confidential,
        }
    }

    /// Changes into the request that a redirect asks for, and returns its target.
    pub(super) fn follow(
        &mut self,
        status: StatusCode,
        location: &[u8],
        from: &Target,
    ) -> Result<Target, Failure> {
        let refused = |message: String| Failure {
            kind: FailureKind::RedirectPolicy,
            phase: None,
            message,
        };
        let text = String::from_utf8_lossy(location);
        let mut url = self.url.join(&text).map_err(|error| {
            refused(format!("redirected to {text:?}, which is no URL: {error}"))
        })?;
        url.set_fragment(None);
        let target = Target::new(&url).map_err(|error| {
            refused(format!("redirected to a place that is not asked: {error}"))
        })?;
        if from.is_https && !target.is_https && self.has_credentials {
            return Err(refused(format!(
                "redirected from https to http ({}) with credentials on board",
                target.host_and_port()
            )));
        }
        self.seen
            .push((self.method.clone(), self.url.as_ref().clone()));
        let becomes_get = match status.as_u16() {
            303 => self.method != Method::HEAD,
            301 | 302 => self.method == Method::POST,
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.has_body = false;
            for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING] {
                self.headers.remove(&name);
            }
        }
        if !target.is_same_origin(from) {
            for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION]
                .iter()
                .chain(self.confidential)
            {
                self.headers.remove(name);
            }
            self.has_credentials = false;
            if self.has_body && self.has_secret_body {
                return Err(refused(format!(
                    "redirected to {} with a body that holds a secret",
                    target.host_and_port()
                )));
            }
        }
        self.headers.set(HOST, target.host_header.clone());
        let again = self
            .seen
            .iter()
            .any(|(method, seen)| *method == self.method && *seen == url);
        self.url = Cow::Owned(url);
        if again {
            return Err(Failure {
                kind: FailureKind::RedirectLoop,
                phase: None,
                message: format!("redirected in a circle, back to {}", shown(&self.url)),
            });
        }
        Ok(target)
    }
}

/// Returns a URL without user, password and query, any of which may be a secret.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let is_clean = url.set_username("").is_ok() && url.set_password(None).is_ok();
    if !is_clean {
        return url.origin().ascii_serialization();
    }
    url.set_fragment(None);
    if url.query().is_none() {
        return url.into();
    }
    url.set_query(None);
    format!("{url}?…")
}

#[cfg(test)]
mod tests {
    use super::*;

    static SECRET: [HeaderName; 1] = [HeaderName::from_static("x-key")];

    fn itinerary(method: Method, url: &str) -> Itinerary<'static> {
        let mut headers = Vec::new();
        for (name, value) in [
            ("host", "a.example"),
            ("authorization", "Bearer x"),
            ("cookie", "s=1"),
            ("x-key", "secret"),
            ("x-plain", "1"),
            ("content-type", "application/json"),
        ] {
            headers.push((
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            ));
        }
        Itinerary {
            method,
            url: Cow::Owned(Url::parse(url).unwrap()),
            headers: Baggage(Cow::Owned(headers)),
            has_body: true,
            has_secret_body: false,
            has_credentials: true,
            confidential: &SECRET,
            seen: Vec::new(),
        }
    }

    fn follow(itinerary: &mut Itinerary<'_>, status: u16, to: &str) -> Result<Target, Failure> {
        let from = Target::new(&itinerary.url).unwrap();
        itinerary.follow(StatusCode::from_u16(status).unwrap(), to.as_bytes(), &from)
    }

    #[test]
    fn methods_and_bodies_follow_the_status() {
        let rows = [
            (301, Method::POST, Method::GET, false),
            (302, Method::POST, Method::GET, false),
            (303, Method::POST, Method::GET, false),
            (303, Method::PUT, Method::GET, false),
            (303, Method::HEAD, Method::HEAD, true),
            (301, Method::PUT, Method::PUT, true),
            (307, Method::POST, Method::POST, true),
            (308, Method::POST, Method::POST, true),
        ];
        for (status, before, after, keeps_body) in rows {
            let mut itinerary = itinerary(before.clone(), "https://a.example/x");
            follow(&mut itinerary, status, "/y").unwrap();
            assert_eq!(itinerary.method, after, "{status} {before}");
            assert_eq!(itinerary.has_body, keeps_body, "{status} {before}");
            assert_eq!(itinerary.headers.has(&CONTENT_TYPE), keeps_body);
        }
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        let mut same = itinerary(Method::GET, "https://a.example/x");
        follow(&mut same, 302, "https://a.example:443/y").unwrap();
        assert!(same.headers.has(&AUTHORIZATION) && same.has_credentials);
        for elsewhere in [
            "https://b.example/",
            "https://a.example:8443/",
            "https://sub.a.example/",
        ] {
            let mut other = itinerary(Method::GET, "https://a.example/x");
            follow(&mut other, 302, elsewhere).unwrap();
            for name in ["authorization", "cookie", "x-key"] {
                let name = HeaderName::from_static(name);
                assert!(!other.headers.has(&name), "{elsewhere}: {name}");
            }
            let plain = HeaderName::from_static("x-plain");
            assert!(other.headers.has(&plain), "{elsewhere}");
            assert!(!other.has_credentials);
        }
    }

    #[test]
    fn a_body_with_a_secret_stays_with_its_origin() {
        for (status, to, stays) in [
            (307, "https://a.example/y", false),
            (307, "https://b.example/", true),
            (308, "https://a.example:8443/", true),
            // The body is left behind.
            (302, "https://b.example/", false),
        ] {
            let mut itinerary = itinerary(Method::POST, "https://a.example/x");
            itinerary.has_secret_body = true;
            let followed = follow(&mut itinerary, status, to);
            assert_eq!(followed.is_err(), stays, "{status} {to}");
            if let Err(failure) = followed {
                assert_eq!(failure.kind, FailureKind::RedirectPolicy);
            }
        }
    }

    #[test]
    fn credentials_never_leave_tls() {
        let mut itinerary = itinerary(Method::GET, "https://a.example/x");
        let failure = follow(&mut itinerary, 302, "http://a.example/x").unwrap_err();
        assert_eq!(failure.kind, FailureKind::RedirectPolicy);
        itinerary.has_credentials = false;
        assert!(follow(&mut itinerary, 302, "http://a.example/x").is_ok());
    }

    #[test]
    fn circles_and_odd_places_are_refused() {
        let mut circle = itinerary(Method::GET, "http://a.example/x");
        follow(&mut circle, 302, "/y").unwrap();
        let failure = follow(&mut circle, 302, "/x").unwrap_err();
        assert_eq!(failure.kind, FailureKind::RedirectLoop);
        for odd in [
            "ftp://a.example/",
            "file:///etc/passwd",
            "http://",
            "javascript:1",
        ] {
            let mut itinerary = itinerary(Method::GET, "http://a.example/x");
            let failure = follow(&mut itinerary, 302, odd).unwrap_err();
            assert_eq!(failure.kind, FailureKind::RedirectPolicy, "{odd}");
        }
        // The same URL by another method is no circle: POST, then GET of the same page.
        let mut post = itinerary(Method::POST, "http://a.example/x");
        assert!(follow(&mut post, 303, "/x").is_ok());
    }

    #[test]
    fn urls_are_shown_without_their_secrets() {
        let url = Url::parse("https://u:p@a.example/x?token=hunter2#f").unwrap();
        assert_eq!(shown(&url), "https://a.example/x?…");
    }
}
