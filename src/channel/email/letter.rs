//! The mail that a message is.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{MultiPart, SinglePart};

use super::Email;
use crate::channel::message::{Colour, Escaped, Message, SummaryKind, harmless};
use crate::channel::sign::mac;
use crate::model::service::ChannelName;
use crate::policy::owed::Telling;

/// Sets these names apart from every other use of the same hash.
const KEY: &[u8] = b"oes mail 1";

/// Characters of a subject; what is cut off stands in the mail.
const SUBJECT_CHARACTERS_MAX: usize = 180;

/// Characters of a storm's id that tell one from another.
const STORM_CHARACTERS: usize = 8;

/// What the text is set in.
const STYLE: &str = "max-width:640px;margin:0 auto;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;\
                     font-size:16px;line-height:1.45;overflow-wrap:anywhere;word-break:break-word";

/// A mail before it is encoded.
pub(super) struct Letter<'a> {
    email: &'a Email,
    message: &'a Message,
    /// Its name, the same in every try: programs show two mails of one name once.
    pub(super) id: String,
    /// The name of the mail that began its thread, absent if that is this one.
    thread: Option<String>,
    subject: String,
    at: Timestamp,
}

impl<'a> Letter<'a> {
    pub(super) fn of(
        email: &'a Email,
        channel: &ChannelName,
        message: &'a Message,
        at: Timestamp,
    ) -> Self {
        let [a, b, c, d, ..] = mac(KEY, &[channel.as_str().as_bytes()]);
        let domain = email.from.email.domain();
        let name = |of: &str| {
            let plain = |character: &char| {
                character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
            };
            let of: String = of.chars().filter(plain).collect();
            format!("<{of}.{a:02x}{b:02x}{c:02x}{d:02x}@{domain}>")
        };
        let own = name(&message.sending().message_id);
        let (id, thread) = match message {
            // The opening has the name that all that follows can know without having seen it.
            Message::Incident(message) => {
                let incident = name(&message.incident.id.0);
                match message.telling {
                    Telling::Fire => (incident, None),
                    Telling::Outage(_) => (own, None),
                    _ => (own, Some(incident)),
                }
            }
            // A storm is called by its first message.
            Message::Summary(message) if message.kind == SummaryKind::Storm => {
                let root = name(&message.id);
                if message.sending.message_id.starts_with(&message.id) {
                    (root, None)
                } else {
                    (own, Some(root))
                }
            }
            Message::Summary(_) => (own, None),
        };
        let answers = if thread.is_some() { "Re: " } else { "" };
        let subject = harmless(&format!("{answers}[OES] {}", topic(message)));
        Self {
            email,
            message,
            id,
            thread,
            subject: cut(subject),
            at,
        }
    }

    /// Returns what stands above the text besides `From`, `To` and what concerns the form, as people read it.
    fn own_headers(&self) -> Vec<(&'static str, String)> {
        let incident = match self.message {
            Message::Incident(message) => message.incident.id.to_string(),
            Message::Summary(message) => message.id.clone(),
        };
        vec![
            // No out-of-office notes, no delivery to those who asked for none of robots.
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("X-Auto-Response-Suppress", "All".to_owned()),
            ("X-OES-Kind", self.message.kind().to_owned()),
            ("X-OES-Incident", harmless(&incident)),
        ]
    }

    fn moment(&self) -> SystemTime {
        let seconds = u64::try_from(self.at.as_second()).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Returns the headers as people read them.
    pub(super) fn headers(&self) -> Vec<(String, String)> {
        let email = self.email;
        let list = |mailboxes: &[super::Mailbox]| {
            let texts: Vec<String> = mailboxes.iter().map(ToString::to_string).collect();
            texts.join(", ")
        };
        let thread = self.thread.iter();
        let known = [
            ("From", email.from.to_string()),
            ("To", list(&email.to)),
            ("Cc", list(&email.cc)),
            ("Reply-To", list(email.reply_to.as_slice())),
            ("Subject", self.subject.clone()),
            ("Date", httpdate::fmt_http_date(self.moment())),
            ("Message-ID", self.id.clone()),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .chain(thread.flat_map(|thread| {
            [
                ("In-Reply-To", thread.clone()),
                ("References", thread.clone()),
            ]
        }));
        let given = email.headers.iter();
        known
            .chain(self.own_headers())
            .map(|(name, value)| (name.to_owned(), value))
            .chain(given.cloned())
            .collect()
    }

    /// Returns the text, with the recipients who do not get it and why.
    pub(super) fn plain(&self, refused: &[String]) -> String {
        let mut text = self.message.to_text(Colour::Plain);
        for one in refused {
            text.push_str("\n  ");
            text.push_str(&harmless(&not_delivered(one)));
            text.push('\n');
        }
        text
    }

    fn html(&self, refused: &[String]) -> String {
        let mut below = String::new();
        for one in refused {
            let text = not_delivered(one);
            below += "<div style=\"margin-top:16px\">";
            below += &Escaped(&text).to_string();
            below += "</div>\n";
        }
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"supported-color-schemes\" content=\"light dark\">\n\
             <title>{}</title>\n</head>\n<body style=\"margin:0;padding:16px\">\n<div style=\"{STYLE}\">\n{}{below}</div>\n</body>\n</html>\n",
            Escaped(&self.subject),
            self.message.to_html(),
        )
    }

    /// Returns the mail as it is sent: all ASCII, headers folded, texts encoded.
    ///
    /// # Errors
    /// It cannot be built; config and letter leave no way to that.
    pub(super) fn bytes(&self, refused: &[String]) -> Result<Vec<u8>, String> {
        let email = self.email;
        let mut builder = lettre::Message::builder()
            .from(email.from.clone())
            .date(self.moment())
            .message_id(Some(self.id.clone()))
            .subject(self.subject.as_str());
        for mailbox in &email.to {
            builder = builder.to(mailbox.clone());
        }
        for mailbox in &email.cc {
            builder = builder.cc(mailbox.clone());
        }
        if let Some(mailbox) = &email.reply_to {
            builder = builder.reply_to(mailbox.clone());
        }
        if let Some(thread) = &self.thread {
            builder = builder
                .in_reply_to(thread.clone())
                .references(thread.clone());
        }
        for (name, value) in self.own_headers() {
            let name = HeaderName::new_from_ascii_str(name);
            builder = builder.raw_header(HeaderValue::new(name, value));
        }
        for (name, value) in &email.headers {
            let name =
                HeaderName::new_from_ascii(name.clone()).map_err(|error| error.to_string())?;
            builder = builder.raw_header(HeaderValue::new(name, value.clone()));
        }
        let boundary: String = self
            .id
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(40)
            .collect();
        let parts = MultiPart::alternative()
            // Neither encoding of a text has `=_`.
            .boundary(format!("=_{boundary}"))
            .singlepart(SinglePart::plain(self.plain(refused)))
            .singlepart(SinglePart::html(self.html(refused)));
        let mail = builder
            .multipart(parts)
            .map_err(|error| error.to_string())?;
        Ok(mail.formatted())
    }
}

/// Returns what a thread is about. It is the same in all of its mails: some programs take another subject for another
/// thread, and the first words of the text say what is new.
fn topic(message: &Message) -> String {
    match message {
        Message::Incident(message) if matches!(message.telling, Telling::Outage(_)) => {
            message.title()
        }
        Message::Incident(message) => {
            format!("{} · {}", message.subject.name, message.incident.violation)
        }
        Message::Summary(message) if message.kind == SummaryKind::Storm => {
            let id: String = message.id.chars().take(STORM_CHARACTERS).collect();
            format!("storm · {id}")
        }
        Message::Summary(message) => message.title(),
    }
}

fn not_delivered(refused: &str) -> String {
    format!("not delivered to {refused}")
}

fn cut(subject: String) -> String {
    if subject.chars().count() <= SUBJECT_CHARACTERS_MAX {
        return subject;
    }
    let kept = subject.chars().take(SUBJECT_CHARACTERS_MAX - 1);
    kept.chain(['…']).collect()
}
