//! What a channel would send of an example of each kind of message, with nothing sent.

use std::io;

use jiff::Timestamp;

use super::stage::Stage;
use crate::channel::delivery::Attempt;
use crate::channel::message::Message;
use crate::channel::rehearsal::{Rehearsal, Rehearsed, Unsent};
use crate::channel::settings::{ChannelKind, Settings};
use crate::script::limits::Limits;

/// One message, and what a channel makes of it.
#[derive(Debug)]
pub struct Example {
    /// The message.
    pub message: Message,
    /// Whether a try with everything in it was refused.
    pub plain: bool,
    /// The requests, or what the try would come to before its first byte.
    pub requests: Result<Vec<Rehearsed>, Unsent>,
}

/// Returns what a channel makes of an example of each kind; of an opening also in plainer words, where those differ.
///
/// # Errors
/// The script threads cannot be started.
pub async fn rehearse(
    channel: &Settings,
    limits: &Limits,
    now: Timestamp,
) -> io::Result<Vec<Example>> {
    let stage = Stage::start(None)?;
    let mut examples: Vec<Example> = Vec::new();
    // A provider that groups by itself is never told of a storm.
    let groups = matches!(&channel.kind, ChannelKind::Script(source) if source.header.groups);
    let told = |message: &Message| !groups || message.kind() != "storm";
    for message in Message::examples(now).into_iter().filter(told) {
        for plain in [false, true] {
            let rehearsal = Rehearsal {
                pool: &stage.pool,
                limits: limits.clone(),
                channel,
                message: &message,
                attempt: Attempt { number: 1, at: now },
                plain,
            };
            let requests = rehearsal.requests().await;
            let known = examples.iter().any(|one| one.requests == requests);
            if !plain || (message.kind() == "opened" && !known) {
                examples.push(Example {
                    message: message.clone(),
                    plain,
                    requests,
                });
            }
        }
    }
    Ok(examples)
}
