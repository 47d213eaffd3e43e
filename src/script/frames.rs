//! What goes between the pool and a worker process: frames of `MessagePack`, each after its length.

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::broker::{Brought, Errand, Errands};
use super::execute::{Called, Ran, Task};
use super::job::{CallJob, Input};
use super::limits::Limits;
use super::source::Source;
use crate::model::json::Json;
use crate::model::judgement::Finding;

pub(super) mod exchange;

/// What a worker is told.
#[derive(Serialize, Deserialize)]
pub(super) enum ToWorker<'a> {
    /// All scripts that it was given are nothing any more.
    Forget,
    /// A script, which later frames name by its version.
    Load(Cow<'a, Arc<Source>>),
    /// A run of a matcher script.
    Run {
        version: Arc<str>,
        input: Cow<'a, Input>,
        limits: Cow<'a, Limits>,
        hides: bool,
    },
    /// A call of a script's function.
    Call {
        version: Arc<str>,
        function: Cow<'a, str>,
        arguments: Cow<'a, [Json]>,
        now: Timestamp,
        limits: Cow<'a, Limits>,
    },
    /// What the errand brought that the run waits for.
    Brought(Errands<Brought>),
}

/// What a worker tells.
#[derive(Serialize, Deserialize)]
pub(super) enum FromWorker {
    /// It is ready; what it could not give up of its rights.
    Ready { unconfined: Option<String> },
    /// The run waits for this.
    Errand(Errand),
    /// What came of the run, and how long it was in the worker.
    Ran {
        ran: Result<Ran, Box<Finding>>,
        elapsed: Duration,
    },
    /// What came of the call.
    Called(Result<Called, Box<Finding>>),
}

impl<'a> ToWorker<'a> {
    pub(super) fn load(source: &'a Arc<Source>) -> Self {
        Self::Load(Cow::Borrowed(source))
    }

    pub(super) fn run(task: &'a Task) -> Self {
        Self::Run {
            version: Arc::clone(&task.source.version),
            input: Cow::Borrowed(&task.input),
            limits: Cow::Borrowed(&task.limits),
            hides: task.hides,
        }
    }

    pub(super) fn call(job: &'a CallJob) -> Self {
        Self::Call {
            version: Arc::clone(&job.source.version),
            function: Cow::Borrowed(&job.function),
            arguments: Cow::Borrowed(&job.arguments),
            now: job.now,
            limits: Cow::Borrowed(&job.limits),
        }
    }
}

/// Bytes that say how long a frame is.
pub(super) const LENGTH_BYTES: usize = 4;

/// Adds a frame to bytes that are to be sent.
///
/// # Errors
/// It cannot be written down, or is longer than a frame can be.
pub(super) fn put(frame: &impl Serialize, bytes: &mut Vec<u8>) -> io::Result<()> {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; LENGTH_BYTES]);
    rmp_serde::encode::write(bytes, frame).map_err(io::Error::other)?;
    let length = bytes.len().saturating_sub(start + LENGTH_BYTES);
    let length = u32::try_from(length).map_err(io::Error::other)?;
    if let Some(place) = bytes.get_mut(start..start + LENGTH_BYTES) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    Ok(())
}

/// Returns what a frame without its length says.
///
/// # Errors
/// It is none.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    rmp_serde::from_slice(bytes).map_err(io::Error::other)
}

/// Sends a frame and waits until it is sent.
///
/// # Errors
/// Nobody takes it.
pub(super) fn send(to: &mut impl Write, frame: &impl Serialize) -> io::Result<()> {
    let mut bytes = Vec::new();
    put(frame, &mut bytes)?;
    to.write_all(&bytes)
}

/// Waits for a frame.
///
/// # Errors
/// There is none any more.
pub(super) fn receive<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; LENGTH_BYTES];
    from.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    read(&bytes)
}
