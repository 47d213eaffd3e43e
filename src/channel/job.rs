//! One pass over a channel script: ask it for requests, send them, ask it what the answers mean.

use super::answer::Answer;
use super::asked::{Asked, Pass};
use super::http::{Client, SendError};

/// One try over a channel script.
pub(super) struct Job<'a> {
    pub(super) asked: Asked<'a>,
    pub(super) client: &'a Client,
}

impl Job<'_> {
    pub(super) async fn run(&self) -> Pass {
        let requests = match self.asked.requests().await {
            Ok(requests) => requests,
            Err(unsent) => return unsent.answer.into(),
        };
        let mut reference = None;
        for (index, request) in requests.into_iter().enumerate() {
            let reply = match self.client.send(request, self.asked.deadline).await {
                Ok(reply) => reply,
                // An earlier request of this message was taken, so that the message may be there in part.
                Err(SendError::NotSent(reason)) if index == 0 => {
                    return Answer::retry(reason).into();
                }
                Err(SendError::NotSent(reason) | SendError::Unknown(reason)) => {
                    return Answer::Unknown { reason }.into();
                }
            };
            let pass = self.asked.read(&reply, index).await;
            match pass.answer {
                Answer::Taken { remote_ref } => reference = reference.or(remote_ref),
                _ => return pass,
            }
        }
        Answer::Taken {
            remote_ref: reference,
        }
        .into()
    }
}
