//! What each failure means for the message. Only a failure after the end of the mail leaves open whether it arrived.

use std::error::Error as _;
use std::time::Duration;

use super::Email;
use crate::channel::answer::Answer;
use crate::model::causes::once;

/// The wait after a limit: servers say none.
const LIMITED: Duration = Duration::from_mins(1);

/// The wait after a greeting that turned this machine away for good: the operator of a list takes longer than that.
const TURNED_AWAY: Duration = Duration::from_mins(5);

/// Words by which servers say that they want fewer mails.
const FEWER: [&str; 9] = [
    "rate limit",
    "ratelimit",
    "rate-limit",
    "too many",
    "too much mail",
    "too quickly",
    "too fast",
    "throttl",
    "slow down",
];

/// Why a step did not succeed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server said so.
    Said {
        /// Three digits, 4xx or 5xx.
        code: u16,
        /// What it said besides.
        text: String,
    },
    /// The connection ended, or what came was no answer.
    Lost(String),
    /// The deadline came.
    Late,
}

impl From<lettre::transport::smtp::Error> for Trouble {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        match error.status() {
            Some(code) => Self::Said {
                code: code.into(),
                text: error.source().map(ToString::to_string).unwrap_or_default(),
            },
            None => Self::Lost(match error.source() {
                // Where the connection ended within an answer, or before one.
                Some(source) if source.to_string() == "incomplete response" => {
                    "it closed the connection".to_owned()
                }
                Some(_) if error.is_response() => "what it said is no SMTP".to_owned(),
                Some(source) => once(source),
                None => error.to_string(),
            }),
        }
    }
}

/// A server that says nothing, or wants nothing from this machine.
pub(super) fn of_greeting(email: &Email, trouble: Trouble) -> Answer {
    match trouble {
        Trouble::Said { code, text } if code >= 500 => Answer::Retry {
            after: Some(TURNED_AWAY),
            reason: format!(
                "{} turned the connection away: {code} {text}",
                email.place()
            ),
        },
        Trouble::Late => Answer::retry(format!(
            "{} took the connection and did not greet in time: look at `port` and `tls`",
            email.place()
        )),
        trouble => before_the_end(email, trouble),
    }
}

/// No TLS.
pub(super) fn of_tls(email: &Email, trouble: Trouble) -> Answer {
    let place = email.place();
    Answer::retry(match trouble {
        Trouble::Said { code, text } => format!("{place} refused STARTTLS: {code} {text}"),
        Trouble::Late => format!("the TLS handshake with {place} did not end in time"),
        Trouble::Lost(text) => format!("no TLS with {place}: {}", of_handshake(&text)),
    })
}

/// Returns what an OpenSSL error says: its type shows nothing but its text.
fn of_handshake(text: &str) -> String {
    if text.contains("certificate verify failed") {
        // `…:certificate verify failed:…: (certificate has expired)`
        let reason = text.rsplit_once('(').map_or(text, |(_, reason)| reason);
        let reason = reason.trim_end_matches(')');
        return if reason.contains("mismatch") {
            format!("its certificate is for another name ({reason}): look at `host`")
        } else if reason.contains("expired") || reason.contains("not yet valid") {
            format!("its certificate is refused ({reason})")
        } else {
            format!(
                "its certificate is not trusted here ({reason}): `ca` names the file of an authority of your own"
            )
        };
    }
    let has = |part: &str| text.contains(part);
    if has("wrong version number") || has("packet length") {
        return "it does not speak TLS on this port: look at `port` and `tls`".to_owned();
    }
    if has("unexpected EOF") || has("unexpected eof") {
        return "it closed the connection during the handshake".to_owned();
    }
    text.to_owned()
}

/// No login.
pub(super) fn of_login(email: &Email, trouble: Trouble) -> Answer {
    match trouble {
        Trouble::Said { code, text } if code >= 500 => Answer::Disabled {
            reason: format!(
                "{} refused the login: {code} {text}: look at `username` and `password`",
                email.place()
            ),
        },
        trouble => before_the_end(email, trouble),
    }
}

/// The sender may not send.
pub(super) fn of_sender(email: &Email, trouble: Trouble) -> Answer {
    match trouble {
        Trouble::Said { code: 552, .. } => of_mail(email, trouble),
        Trouble::Said { code: 530, text } => Answer::Disabled {
            reason: format!(
                "{} wants a login: 530 {text}: set `username` and `password`",
                email.place()
            ),
        },
        Trouble::Said { code, text } if code >= 500 => Answer::Disabled {
            reason: format!(
                "{} refused the sender {}: {code} {text}: look at `from`",
                email.place(),
                email.from.email
            ),
        },
        trouble => before_the_end(email, trouble),
    }
}

/// A recipient is refused for now.
pub(super) fn of_passing(code: u16, words: &str) -> Answer {
    said(code, words, format!("no recipient yet: {words}"))
}

/// No recipient is left.
pub(super) fn of_recipients(wants_login: bool, words: &str) -> Answer {
    if wants_login {
        return Answer::Disabled {
            reason: format!("a login is wanted: {words}: set `username` and `password`"),
        };
    }
    Answer::Rejected {
        reason: format!("every recipient was refused: {words}"),
    }
}

/// The mail itself is refused.
pub(super) fn of_mail(email: &Email, trouble: Trouble) -> Answer {
    match trouble {
        Trouble::Said { code, text } if code >= 500 => Answer::Rejected {
            reason: format!("{} refused the mail: {code} {text}", email.place()),
        },
        trouble => before_the_end(email, trouble),
    }
}

/// Something went wrong before the server can have had the whole mail.
pub(super) fn before_the_end(email: &Email, trouble: Trouble) -> Answer {
    let place = email.place();
    match trouble {
        Trouble::Said { code, text } => {
            said(code, &text, format!("{place} answered {code} {text}"))
        }
        Trouble::Lost(why) => Answer::retry(format!("{place} gave no answer: {why}")),
        Trouble::Late => Answer::retry(format!("{place} did not go on in time")),
    }
}

/// Something went wrong when the server may have had the whole mail.
pub(super) fn after_the_end(email: &Email, trouble: Trouble) -> Answer {
    let place = email.place();
    match trouble {
        Trouble::Said { .. } => of_mail(email, trouble),
        Trouble::Lost(why) => Answer::Unknown {
            reason: format!("{place} got the mail and gave no answer: {why}"),
        },
        Trouble::Late => Answer::Unknown {
            reason: format!("{place} got the mail and did not answer in time"),
        },
    }
}

/// Returns what a refusal for now means.
fn said(code: u16, text: &str, reason: String) -> Answer {
    let text = text.to_lowercase();
    let limits = matches!(code, 421 | 450..=452 | 454);
    if limits && FEWER.iter().any(|words| text.contains(words)) {
        return Answer::RateLimited {
            after: LIMITED,
            reason,
            global: false,
        };
    }
    Answer::retry(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_from_a_failure_by_its_words() {
        for (code, text, limited) in [
            (
                421,
                "4.7.28 Our system has detected an unusual RATE LIMIT",
                true,
            ),
            (450, "4.2.1 The user is receiving mail too quickly", true),
            (
                454,
                "4.7.0 Too many login attempts, please try again later",
                true,
            ),
            (451, "4.7.1 Greylisted, try again later", false),
            (452, "4.3.1 Insufficient system storage", false),
            (421, "4.3.2 Service shutting down temporarily", false),
            (471, "too many", false),
        ] {
            let answer = said(code, text, String::new());
            let is_limited = matches!(answer, Answer::RateLimited { .. });
            assert_eq!(is_limited, limited, "{code} {text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_certificate() {
        let verify = |reason: &str| {
            of_handshake(&format!(
                "Connection error: error:0A000086:SSL routines:x:certificate verify failed:y.c:1: ({reason})"
            ))
        };
        for (reason, expected) in [
            (
                "certificate has expired",
                "refused (certificate has expired)",
            ),
            (
                "hostname mismatch",
                "another name (hostname mismatch): look at `host`",
            ),
            (
                "self-signed certificate in certificate chain",
                "not trusted here (self-signed",
            ),
        ] {
            let said = verify(reason);
            assert!(said.contains(expected), "{said}");
        }
    }
}
