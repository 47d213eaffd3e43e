//! Answers: compressed once for everybody who asks within a second, and not sent again to whoever has them.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::assets;
use super::present::Audience;
use crate::web::auth::hex;
use crate::web::etag::names;

/// What was made is given to others for this long.
const KEPT_FOR: Duration = Duration::from_secs(1);
/// Answers that are kept.
const KEPT_MAX: usize = 256;
/// Less than this is not worth compressing.
const SMALL: usize = 512;
const BROTLI_QUALITY: u32 = 4;
const BROTLI_WINDOW: u32 = 22;

/// How an answer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Not at all.
    Plain,
    /// Gzip.
    Gzip,
    /// Brotli.
    Brotli,
}

impl Encoding {
    /// Returns the best that a client takes.
    pub fn wanted(headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_ENCODING);
        let accepted = accepted
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let takes = |name: &str| {
            accepted.split(',').any(|one| {
                let mut parts = one.split(';').map(str::trim);
                let named = parts.next() == Some(name);
                named && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
            })
        };
        if takes("br") {
            Self::Brotli
        } else if takes("gzip") {
            Self::Gzip
        } else {
            Self::Plain
        }
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
        }
    }

    fn encode(self, text: &str) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(text.as_bytes().to_vec()),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(text.as_bytes())?;
                encoder.finish()
            }
            Self::Brotli => {
                let mut bytes = Vec::new();
                let mut encoder = brotli::CompressorWriter::new(
                    &mut bytes,
                    1 << 16,
                    BROTLI_QUALITY,
                    BROTLI_WINDOW,
                );
                encoder.write_all(text.as_bytes())?;
                encoder.flush()?;
                drop(encoder);
                Ok(bytes)
            }
        }
    }
}

/// What kind of text an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A page.
    Html,
    /// A page that others may show within theirs.
    Embed,
    /// JSON, for programs anywhere.
    Json,
    /// A picture, for pages anywhere.
    Svg,
    /// A feed.
    Atom,
    /// A calendar.
    Calendar,
    /// Plain text.
    Text,
    /// The script of the pages.
    Script,
}

impl Kind {
    fn media_type(self) -> &'static str {
        match self {
            Self::Html | Self::Embed => "text/html; charset=utf-8",
            Self::Json => "application/json",
            Self::Svg => "image/svg+xml; charset=utf-8",
            Self::Atom => "application/atom+xml; charset=utf-8",
            Self::Calendar => "text/calendar; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
            Self::Script => "text/javascript; charset=utf-8",
        }
    }

    fn cache_control(self) -> &'static str {
        match self {
            Self::Html => "no-cache",
            Self::Script => "max-age=300",
            _ => "max-age=30",
        }
    }
}

/// What was made: a text, or why there is none.
#[derive(Debug, Clone)]
pub struct Made {
    /// Its status.
    pub status: StatusCode,
    /// Its kind.
    pub kind: Kind,
    /// The text.
    pub text: String,
    /// What tells it from another, where that is not all of the text.
    pub sameness: Option<String>,
    /// Where what was asked for is now, if it is elsewhere.
    pub location: Option<String>,
}

impl Made {
    /// Returns the answer that what was asked for is elsewhere from now on.
    pub fn moved(to: String) -> Self {
        Self {
            status: StatusCode::PERMANENT_REDIRECT,
            location: Some(to),
            ..Self::new(Kind::Text, "It has another name now.\n".to_owned())
        }
    }

    /// Returns a text that was made as asked.
    pub fn new(kind: Kind, text: String) -> Self {
        Self {
            status: StatusCode::OK,
            kind,
            text,
            sameness: None,
            location: None,
        }
    }
}

/// An answer as it is sent.
#[derive(Debug, Clone)]
struct Ready {
    status: StatusCode,
    kind: Kind,
    etag: HeaderValue,
    location: Option<HeaderValue>,
    encoding: Encoding,
    bytes: Bytes,
}

impl Ready {
    fn of(made: &Made, wanted: Encoding) -> Self {
        let same = made.sameness.as_ref().unwrap_or(&made.text);
        let digest = Sha256::digest(same.as_bytes());
        let tag = hex(digest.first_chunk::<12>().unwrap_or(&[0; 12]));
        let encoding = if made.text.len() < SMALL {
            Encoding::Plain
        } else {
            wanted
        };
        let encoded = encoding.encode(&made.text);
        let (encoding, bytes) = match encoded {
            Ok(bytes) => (encoding, bytes),
            Err(_) => (Encoding::Plain, made.text.clone().into_bytes()),
        };
        let etag = format!("W/\"{tag}\"");
        Self {
            status: made.status,
            kind: made.kind,
            location: made
                .location
                .as_deref()
                .and_then(|to| HeaderValue::from_str(to).ok()),
            etag: HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("W/\"0\"")),
            encoding,
            bytes: bytes.into(),
        }
    }

    fn respond(&self, headers: &HeaderMap, audience: Audience) -> Response {
        let tag = self.etag.to_str().unwrap_or_default();
        let bare = tag.trim_start_matches("W/");
        let mut has = headers.get_all(header::IF_NONE_MATCH).iter();
        let known = self.status == StatusCode::OK && has.any(|known| names(known, bare));
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            (self.status, Body::from(self.bytes.clone())).into_response()
        };
        let out = response.headers_mut();
        let mut set = |name, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                out.insert(name, value);
            }
        };
        set(header::CONTENT_TYPE, self.kind.media_type());
        set(header::VARY, "Accept-Encoding, Authorization, Cookie");
        // What not everybody may see stays out of caches that many share.
        let shared = if audience.is_private() {
            "private, "
        } else {
            ""
        };
        set(
            header::CACHE_CONTROL,
            &format!("{shared}{}", self.kind.cache_control()),
        );
        set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        set(header::REFERRER_POLICY, "same-origin");
        let ancestors = if self.kind == Kind::Embed {
            "*"
        } else {
            "'none'"
        };
        set(header::CONTENT_SECURITY_POLICY, &assets::policy(ancestors));
        if matches!(self.kind, Kind::Json | Kind::Svg) && !audience.is_private() {
            set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        }
        if let Some(name) = self.encoding.name().filter(|_| !known) {
            set(header::CONTENT_ENCODING, name);
        }
        if let Some(to) = &self.location {
            out.insert(header::LOCATION, to.clone());
        }
        out.insert(header::ETAG, self.etag.clone());
        response
    }
}

type Cell = Arc<OnceCell<Arc<Ready>>>;
/// For whom, how compressed, of which address.
type Key = (Audience, Encoding, String);

/// Answers of the last second.
#[derive(Debug, Default)]
pub struct Answers(Mutex<HashMap<Key, (Instant, Cell)>>);

impl Answers {
    /// Returns the answer to a request: one that was made within the last second for the same address, else a new one,
    /// which one thread makes however many wait for it.
    pub async fn answer(
        &self,
        headers: &HeaderMap,
        audience: Audience,
        address: String,
        make: impl FnOnce() -> Made + Send + 'static,
    ) -> Response {
        let wanted = Encoding::wanted(headers);
        let cell = self.cell((audience, wanted, address));
        let ready = cell
            .get_or_try_init(|| async {
                let work = move || Arc::new(Ready::of(&make(), wanted));
                tokio::task::spawn_blocking(work).await
            })
            .await;
        match ready {
            Ok(ready) => ready.respond(headers, audience),
            // A panic, which its hook has reported.
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    /// Returns an answer that is nobody else's: it is made anew, and not kept.
    pub async fn only_for(
        headers: &HeaderMap,
        audience: Audience,
        make: impl FnOnce() -> Made + Send + 'static,
    ) -> Response {
        let wanted = Encoding::wanted(headers);
        let work = move || Ready::of(&make(), wanted);
        match tokio::task::spawn_blocking(work).await {
            Ok(ready) => ready.respond(headers, audience),
            // A panic, which its hook has reported.
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    /// Forgets everything: what was made a moment ago is no longer so.
    pub fn forget(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn cell(&self, key: Key) -> Cell {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, cell)) = kept.get(&key)
            && made.elapsed() < KEPT_FOR
        {
            return Arc::clone(cell);
        }
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, (made, _)| made.elapsed() < KEPT_FOR);
        }
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        let cell = Cell::default();
        kept.insert(key, (Instant::now(), Arc::clone(&cell)));
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_encoding_that_is_taken() {
        for (accepted, expected) in [
            ("", Encoding::Plain),
            ("gzip, deflate", Encoding::Gzip),
            ("gzip, br;q=0.9", Encoding::Brotli),
            ("br;q=0, gzip;q=0.5", Encoding::Gzip),
            ("identity", Encoding::Plain),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            assert_eq!(Encoding::wanted(&headers), expected, "{accepted}");
        }
    }
}
