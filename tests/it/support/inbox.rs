//! A receiver of messages that keeps every request and answers as a test says, over real sockets.
//!
//! It runs on threads of its own, so that a test may pause tokio's clock or kill the sender.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use oes::clock::Clock;
use serde::{Deserialize, Serialize};

/// The longest that [`Inbox::wait_for`] waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Received {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// By name in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    /// The body as it came, of a request that is not text; not written to a file.
    #[serde(skip)]
    pub(crate) bytes: Vec<u8>,
    /// When the last byte of it had come.
    pub(crate) at: Timestamp,
}

impl Received {
    /// Returns the body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What the inbox does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Answers.
    Status {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    /// Reads the request and never answers.
    Hang,
    /// Closes the connection without reading.
    CloseUnread,
    /// Reads the request and closes the connection: it has the message, the sender cannot know.
    CloseAfterReading,
    /// Reads the request and answers with what is not HTTP.
    Garbage,
    /// Closes the connection in the middle of a `200` and its body.
    CloseMidAnswer,
    /// Answers after a time.
    Late(Duration, Box<Reply>),
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self::Status {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// Returns an answer with a body; `{…}` and `[…]` are sent as JSON.
    pub(crate) fn body(status: u16, body: &str) -> Self {
        let json = body.starts_with(['{', '[']);
        let reply = Self::Status {
            status,
            headers: Vec::new(),
            body: body.to_owned(),
        };
        if json {
            reply.header("content-type", "application/json")
        } else {
            reply
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Status { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    replies: VecDeque<Reply>,
    otherwise: Option<Reply>,
    /// Connections that hang, open until the inbox goes.
    held: Vec<TcpStream>,
    closed: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    folder: Option<PathBuf>,
}

/// A receiver on a port of loopback. Dropping it closes every connection.
pub(crate) struct Inbox {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Inbox {
    /// Returns an inbox that answers 204 until told otherwise.
    pub(crate) fn start() -> Self {
        Self::open(None)
    }

    /// Returns an inbox that also writes each request to a file in the folder, synced before it answers.
    pub(crate) fn persisting(folder: &Path) -> Self {
        Self::open(Some(folder.to_owned()))
    }

    fn open(folder: Option<PathBuf>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            folder,
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.lock().closed {
                    return;
                }
                let serving = Arc::clone(&accepting);
                // A sender that goes away is an ordinary end of a connection.
                thread::spawn(move || stream.and_then(|stream| serving.serve(&stream)).ok());
            }
        });
        Self { address, shared }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Adds a reply for the next request that has none yet.
    pub(crate) fn then(&self, reply: Reply) {
        self.shared.lock().replies.push_back(reply);
    }

    /// Sets the reply for every request that [`Inbox::then`] says nothing of.
    pub(crate) fn otherwise(&self, reply: Reply) {
        self.shared.lock().otherwise = Some(reply);
    }

    /// Returns what came so far, in order.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// Waits until this many requests came, and returns them all.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Received> {
        let state = self.shared.lock();
        let (state, timeout) = self
            .shared
            .changed
            .wait_timeout_while(state, PATIENCE, |state| state.received.len() < count)
            .unwrap();
        let received = state.received.clone();
        drop(state);
        assert!(
            !timeout.timed_out(),
            "waited for {count} requests and saw {received:#?}"
        );
        received
    }

    /// Returns what an inbox with this folder has written, in order.
    pub(crate) fn read(folder: &Path) -> Vec<Received> {
        let mut files: Vec<PathBuf> = folder
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "json")
            })
            .collect();
        files.sort();
        files
            .iter()
            .map(|path| serde_json::from_reader(File::open(path).unwrap()).unwrap())
            .collect()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        for stream in state.held.drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the thread that accepts, which then ends.
        TcpStream::connect(self.address).ok();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that has failed still ends.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves the requests of one connection, one after another.
    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        loop {
            if self.closes_unread() {
                return stream.shutdown(Shutdown::Both);
            }
            let Some(received) = read(&mut reader)? else {
                return Ok(());
            };
            let reply = self.keep(received)?;
            if !self.answer(stream, reply)? {
                return stream.shutdown(Shutdown::Both);
            }
        }
    }

    /// Tells whether the next request is not even read.
    fn closes_unread(&self) -> bool {
        let mut state = self.lock();
        match state.replies.front() {
            Some(Reply::CloseUnread) => state.replies.pop_front().is_some(),
            Some(_) => false,
            None => matches!(state.otherwise, Some(Reply::CloseUnread)),
        }
    }

    /// Keeps a request and returns what to do with it.
    fn keep(&self, received: Received) -> std::io::Result<Reply> {
        let mut state = self.lock();
        if let Some(folder) = &self.folder {
            let count = folder.read_dir()?.count();
            let part = folder.join(format!("{count:06}.part"));
            let mut file = File::create(&part)?;
            file.write_all(serde_json::to_string_pretty(&received)?.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&part, part.with_extension("json"))?;
        }
        state.received.push(received);
        let next = state.replies.pop_front();
        let reply = next.or_else(|| state.otherwise.clone());
        self.changed.notify_all();
        Ok(reply.unwrap_or_else(|| Reply::status(204)))
    }

    /// Acts on a reply; returns whether the connection goes on.
    fn answer(&self, mut stream: &TcpStream, reply: Reply) -> std::io::Result<bool> {
        match reply {
            Reply::Status {
                status,
                headers,
                body,
            } => {
                let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
                for (name, value) in headers {
                    head.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
                }
                if status != 204 && status != 304 {
                    head.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
                }
                stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
                Ok(true)
            }
            Reply::Hang => {
                let mut state = self.lock();
                state.held.push(stream.try_clone()?);
                let _open = self
                    .changed
                    .wait_while(state, |state| !state.closed)
                    .unwrap();
                Ok(false)
            }
            Reply::CloseUnread | Reply::CloseAfterReading => Ok(false),
            Reply::Garbage => {
                stream.write_all(b"blah blah\r\n\r\n")?;
                Ok(false)
            }
            Reply::CloseMidAnswer => {
                stream
                    .write_all(b"HTTP/1.1 200 Scripted\r\ncontent-length: 100\r\n\r\n{\"id\":")?;
                Ok(false)
            }
            Reply::Late(wait, reply) => {
                let state = self.lock();
                let (state, _) = self
                    .changed
                    .wait_timeout_while(state, wait, |state| !state.closed)
                    .unwrap();
                let closed = state.closed;
                drop(state);
                if closed {
                    Ok(false)
                } else {
                    self.answer(stream, *reply)
                }
            }
        }
    }
}

/// Reads one request whose body has a length; nothing at the end of the connection.
fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Received>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next(), words.next());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Received {
        method: method.unwrap_or_default(),
        target: target.unwrap_or_default(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        bytes: body,
        at: Clock::System.now(),
    }))
}
