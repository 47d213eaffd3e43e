//! How one try to deliver a message ended.

use std::time::Duration;

use crate::model::json::Json;

/// The longest that a provider's hint may pause a channel.
pub const AFTER_MAX: Duration = Duration::from_hours(1);

/// The shortest wait after a limit, which is not counted as a failed try and so has no other bound.
const LIMITED_MIN: Duration = Duration::from_secs(1);

/// Characters of a reason that are kept.
const REASON_CHARACTERS_MAX: usize = 500;

/// How one try to deliver a message ended. No reason holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The provider has the message.
    Taken {
        /// What it calls the message, to edit it or to answer it.
        remote_ref: Option<String>,
    },
    /// It certainly has not; another try may succeed.
    Retry {
        /// The least wait that it asked for, at most [`AFTER_MAX`].
        after: Option<Duration>,
        /// Why.
        reason: String,
    },
    /// It wants fewer messages: not a failed try.
    RateLimited {
        /// How long it wants none, at most [`AFTER_MAX`].
        after: Duration,
        /// Why.
        reason: String,
        /// Whether this goes for every channel of this kind.
        global: bool,
    },
    /// It will never take this message; others it may.
    Rejected {
        /// Why.
        reason: String,
    },
    /// It will take nothing until a person changes the channel's settings.
    Disabled {
        /// Why.
        reason: String,
    },
    /// The message that was to be edited is no longer there.
    EditGone {
        /// What the provider said.
        reason: String,
    },
    /// It may have the message or not: the request was on its way and no complete answer came back.
    Unknown {
        /// What happened.
        reason: String,
    },
}

impl Answer {
    /// Returns «try again» with a reason and no hint.
    pub(super) fn retry(reason: impl Into<String>) -> Self {
        Self::Retry {
            after: None,
            reason: reason.into(),
        }
    }

    /// The names of all answers.
    pub const NAMES: [&'static str; 7] = [
        "taken",
        "retry",
        "rate_limited",
        "rejected",
        "disabled",
        "unknown",
        "edit_gone",
    ];

    /// Returns the answer's name in metrics and logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "taken",
            Self::Retry { .. } => "retry",
            Self::RateLimited { .. } => "rate_limited",
            Self::Rejected { .. } => "rejected",
            Self::Disabled { .. } => "disabled",
            Self::Unknown { .. } => "unknown",
            Self::EditGone { .. } => "edit_gone",
        }
    }

    /// Returns why the message was not taken, absent if it was.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Taken { .. } => None,
            Self::Retry { reason, .. }
            | Self::RateLimited { reason, .. }
            | Self::Rejected { reason }
            | Self::Disabled { reason }
            | Self::EditGone { reason }
            | Self::Unknown { reason } => Some(reason),
        }
    }

    /// Returns the answer with its texts passed through `clean` and cut to what is worth keeping.
    pub(super) fn cleaned(mut self, clean: impl Fn(&str) -> String) -> Self {
        match &mut self {
            Self::Taken { remote_ref } => {
                // A reference is sent back to the provider as it is: one that cannot be kept whole is not kept.
                *remote_ref = remote_ref.take().filter(|reference| {
                    reference.len() <= REASON_CHARACTERS_MAX && clean(reference) == *reference
                });
            }
            Self::Retry { reason, .. }
            | Self::RateLimited { reason, .. }
            | Self::Rejected { reason }
            | Self::Disabled { reason }
            | Self::EditGone { reason }
            | Self::Unknown { reason } => *reason = one_line(&clean(reason)),
        }
        self
    }

    /// Reads what a script's `answer` returned.
    ///
    /// # Errors
    /// What is wrong with it, for the script's author.
    pub(super) fn from_script(value: &Json) -> Result<Self, String> {
        let name = value.get("answer").and_then(Json::as_str).ok_or_else(|| {
            format!(
                "`answer` returned {}, not a map with the key `answer`",
                value.summary(80)
            )
        })?;
        let reason = || {
            value
                .get("reason")
                .map(|reason| {
                    reason
                        .as_str()
                        .map_or_else(|| reason.summary(200), str::to_owned)
                })
                .filter(|reason| !reason.trim().is_empty())
                .unwrap_or_else(|| "the channel script gave no reason".to_owned())
        };
        Ok(match name {
            "taken" => Self::Taken {
                remote_ref: value.get("remote_ref").and_then(reference),
            },
            "retry" => Self::Retry {
                after: value.get("after").and_then(seconds),
                reason: reason(),
            },
            "rate_limited" => Self::RateLimited {
                after: value
                    .get("after")
                    .and_then(seconds)
                    .map_or(LIMITED_MIN, |after| after.max(LIMITED_MIN)),
                reason: reason(),
                global: matches!(value.get("global"), Some(Json::Bool(true))),
            },
            "reject" => Self::Rejected { reason: reason() },
            "disable" => Self::Disabled { reason: reason() },
            "unknown" => Self::Unknown { reason: reason() },
            "edit_gone" => Self::EditGone { reason: reason() },
            other => {
                return Err(format!(
                    "`answer` returned the answer `{other}`; there are taken, retry, rate_limited, reject, disable, edit_gone, unknown"
                ));
            }
        })
    }
}

fn reference(value: &Json) -> Option<String> {
    match value {
        Json::String(text) if !text.is_empty() => Some(text.to_string()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Reads a wait in seconds, at most [`AFTER_MAX`]; a negative one is none, one that is no number is absent.
fn seconds(value: &Json) -> Option<Duration> {
    let seconds = value.as_number()?.as_f64();
    Some(
        Duration::try_from_secs_f64(seconds.clamp(0.0, AFTER_MAX.as_secs_f64()))
            .unwrap_or_default(),
    )
}

/// Returns a text as one line of a length that a log, a page and a state file can bear.
fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .take(REASON_CHARACTERS_MAX)
        .collect();
    if text.chars().nth(REASON_CHARACTERS_MAX).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::json::parse;

    fn read(text: &str) -> Result<Answer, String> {
        Answer::from_script(&parse(text.as_bytes()).unwrap().root)
    }

    #[test]
    fn reads_every_answer_of_a_script() {
        let reason = "why".to_owned();
        for (text, expected) in [
            (r#"{"answer":"taken"}"#, Answer::Taken { remote_ref: None }),
            (
                r#"{"answer":"taken","remote_ref":"77"}"#,
                Answer::Taken {
                    remote_ref: Some("77".into()),
                },
            ),
            (
                r#"{"answer":"taken","remote_ref":77}"#,
                Answer::Taken {
                    remote_ref: Some("77".into()),
                },
            ),
            (r#"{"answer":"retry","reason":"why"}"#, Answer::retry("why")),
            (
                r#"{"answer":"retry","reason":"why","after":2.5}"#,
                Answer::Retry {
                    after: Some(Duration::from_millis(2500)),
                    reason: reason.clone(),
                },
            ),
            (
                r#"{"answer":"retry","reason":"why","after":null}"#,
                Answer::Retry {
                    after: None,
                    reason: reason.clone(),
                },
            ),
            (
                r#"{"answer":"rate_limited","reason":"why","after":86400,"global":true}"#,
                Answer::RateLimited {
                    after: AFTER_MAX,
                    reason: reason.clone(),
                    global: true,
                },
            ),
            (
                r#"{"answer":"rate_limited","reason":"why","after":-3}"#,
                Answer::RateLimited {
                    after: LIMITED_MIN,
                    reason: reason.clone(),
                    global: false,
                },
            ),
            (
                r#"{"answer":"reject","reason":"why"}"#,
                Answer::Rejected {
                    reason: reason.clone(),
                },
            ),
            (
                r#"{"answer":"disable","reason":"why"}"#,
                Answer::Disabled {
                    reason: reason.clone(),
                },
            ),
            (
                r#"{"answer":"unknown","reason":"why"}"#,
                Answer::Unknown { reason },
            ),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn names_an_answer_that_it_does_not_know() {
        assert!(
            read(r#"{"answer":"ok"}"#)
                .unwrap_err()
                .contains("there are taken, retry")
        );
        assert!(read("true").unwrap_err().contains("returned true"));
        assert_eq!(
            read(r#"{"answer":"retry"}"#).unwrap().reason(),
            Some("the channel script gave no reason")
        );
    }

    #[test]
    fn keeps_reasons_short_and_on_one_line() {
        let answer =
            Answer::retry(format!("a\nb\u{1b}[31m{}", "x".repeat(900))).cleaned(str::to_owned);
        let reason = answer.reason().unwrap();
        assert!(reason.starts_with("a b [31mx"), "{reason}");
        assert_eq!(reason.chars().count(), 501);
    }

    #[test]
    fn drops_a_reference_that_would_show_a_secret() {
        let answer = Answer::Taken {
            remote_ref: Some("hunter2-1".into()),
        };
        let cleaned = answer.cleaned(|text| text.replace("hunter2", "***"));
        assert_eq!(cleaned, Answer::Taken { remote_ref: None });
    }
}
