//! A caller of the daemon's API.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use oes::daemon::control_file::ControlFile;
use oes::state;
use serde_json::{Value, json};

use super::rig::Rig;

/// An answer of the API.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) kind: String,
    pub(super) body: Value,
    /// Its head, with names of headers in lower case.
    pub(super) head: String,
}

impl Answer {
    /// Returns the value of a header, the first of several.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// A caller of the API.
pub(super) struct Caller {
    pub(super) address: SocketAddr,
    pub(super) token: Option<String>,
}

impl Caller {
    /// Returns a caller with the token that the daemon of a rig has written down.
    pub(super) fn of(rig: &Rig) -> Self {
        let file = ControlFile::read(&rig.folder.path().join("data")).unwrap();
        Self {
            address: file.address.unwrap(),
            token: Some(file.token),
        }
    }

    pub(super) async fn asks(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.asks_with(method, path, "", body).await
    }

    /// Asks with lines of the head of its own.
    pub(super) async fn asks_with(
        &self,
        method: &str,
        path: &str,
        lines: &str,
        body: Option<&Value>,
    ) -> Answer {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let token = self.token.as_ref();
        let token = token.map_or_else(String::new, |token| {
            format!("authorization: Bearer {token}\r\n")
        });
        let kind = if body.is_empty() {
            ""
        } else {
            "content-type: application/json\r\n"
        };
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{token}{kind}{lines}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        answer(&raw(self.address, request).await)
    }

    pub(super) async fn gets(&self, path: &str) -> Value {
        let answer = self.asks("GET", path, None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }
}

/// Sends a request as it is, and returns the answer as it is.
pub(super) async fn raw(address: SocketAddr, request: String) -> String {
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    });
    asked.await.unwrap()
}

pub(super) fn answer(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let kind = head.to_lowercase();
    let kind = kind
        .lines()
        .find_map(|line| line.strip_prefix("content-type: "))
        .unwrap_or_default();
    Answer {
        status,
        kind: kind.to_owned(),
        head: head.to_owned(),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    }
}

pub(super) fn silence(service: &str, seconds: u32) -> Value {
    json!({ "of": { "services": [service] }, "for_s": seconds, "by": "ada", "reason": "deployment" })
}

pub(super) fn on_disk(rig: &Rig) -> oes::model::incident::Ledger {
    state::read(&rig.folder.path().join("data")).unwrap().ledger
}
