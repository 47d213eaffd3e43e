//! E-mail by SMTP.
//!
//! One try is one connection and one mail. The words of the dialogue, the encodings and the form of addresses are those of
//! the crate `lettre`; what each answer means for the message is decided here.

mod letter;
mod line;
mod meaning;
mod talk;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

pub use lettre::message::Mailbox;

use super::answer::Answer;
use super::delivery::Attempt;
use super::message::Message;
use super::rehearsal::Rehearsed;
use crate::model::redaction::Redaction;
use crate::model::secret::Secret;
use crate::model::service::ChannelName;
use letter::Letter;

/// Where mail goes, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// Name or address of the server that takes the mail.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Who logs in.
    pub login: Option<Login>,
    /// PEM of authorities to trust besides the system's.
    pub ca_pem: Option<Arc<[u8]>>,
    /// The deadline of one try.
    pub timeout: Duration,
    /// Who sends.
    pub from: Mailbox,
    /// Who is told.
    pub to: Vec<Mailbox>,
    /// Who is told as well.
    pub cc: Vec<Mailbox>,
    /// Where answers go.
    pub reply_to: Option<Mailbox>,
    /// Headers besides those that OES writes.
    pub headers: Vec<(String, String)>,
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Security {
    /// By TLS that the server must agree to before anything else is said.
    #[default]
    StartTls,
    /// By TLS from the first byte on.
    Implicit,
    /// Not at all.
    None,
}

/// Name and password of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Its name.
    pub username: Secret,
    /// Its password.
    pub password: Secret,
}

impl Security {
    /// All, as configs name them.
    pub const NAMES: [&'static str; 3] = ["starttls", "implicit", "none"];

    /// Returns the one that a config names.
    pub fn named(name: &str) -> Option<Self> {
        [Self::StartTls, Self::Implicit, Self::None]
            .into_iter()
            .find(|one| one.as_str() == name)
    }

    /// Returns its name in configs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StartTls => "starttls",
            Self::Implicit => "implicit",
            Self::None => "none",
        }
    }

    /// Returns the port on which servers usually expect it.
    pub fn usual_port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

impl Email {
    /// Returns everything that a config says of it, for its fingerprint.
    pub(super) fn parts(&self) -> impl Iterator<Item = String> {
        let texts = |mailboxes: &[Mailbox]| -> Vec<String> {
            let mut texts: Vec<String> = mailboxes.iter().map(ToString::to_string).collect();
            texts.push(String::new());
            texts
        };
        let login = self.login.iter().flat_map(|login| {
            [&login.username, &login.password].map(|secret| secret.expose().to_owned())
        });
        let headers = self
            .headers
            .iter()
            .flat_map(|(name, value)| [name.clone(), value.clone()]);
        let ca = self.ca_pem.as_deref().unwrap_or_default();
        [
            self.host.clone(),
            self.port.to_string(),
            self.security.as_str().to_owned(),
            self.timeout.as_millis().to_string(),
            String::from_utf8_lossy(ca).into_owned(),
            self.from.to_string(),
            self.reply_to
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        ]
        .into_iter()
        .chain(texts(&self.to))
        .chain(texts(&self.cc))
        .chain(headers)
        .chain([String::new()])
        .chain(login)
    }

    /// Returns server and port as messages name them.
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Returns everybody who is told.
    fn recipients(&self) -> impl Iterator<Item = &Mailbox> {
        self.to.iter().chain(&self.cc)
    }

    /// Returns what must not be seen: the login, also as it is sent.
    fn hidden(&self) -> Redaction {
        let mut hidden = Redaction::default();
        if let Some(login) = &self.login {
            let (username, password) = (login.username.expose(), login.password.expose());
            hidden.add(&login.username);
            hidden.add(&Secret::hidden(password));
            hidden.add_text(&format!("\0{username}\0{password}"));
        }
        hidden
    }

    /// Makes one try before the deadline, and says how it went; the answer holds no secret.
    pub(super) async fn send(
        &self,
        channel: &ChannelName,
        message: &Message,
        attempt: Attempt,
        deadline: Duration,
    ) -> Answer {
        let letter = Letter::of(self, channel, message, attempt.at);
        let deadline = Instant::now() + deadline.min(self.timeout);
        let answer = match talk::send(self, &letter, attempt.number, deadline).await {
            Ok(()) => Answer::Taken {
                remote_ref: Some(letter.id),
            },
            Err(answer) => answer,
        };
        let hidden = self.hidden();
        answer.cleaned(|text| hidden.applied(text).into_owned())
    }

    /// Returns the mail that would be sent.
    pub(super) fn rehearsed(
        &self,
        channel: &ChannelName,
        message: &Message,
        at: Timestamp,
    ) -> Rehearsed {
        let letter = Letter::of(self, channel, message, at);
        let scheme = match self.security {
            Security::Implicit => "smtps",
            Security::StartTls | Security::None => "smtp",
        };
        Rehearsed {
            method: "MAIL".to_owned(),
            url: format!("{scheme}://{}", self.place()),
            headers: letter.headers(),
            body: letter.plain(&[]),
        }
    }
}
