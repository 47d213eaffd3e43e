//! What a collector's answer means.

use std::time::Duration;

use http::{HeaderName, StatusCode, header};
use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message as _;

use crate::model::exchange::Response;
use crate::model::failure::Failure;
use crate::model::redaction::Redaction;
use crate::model::retry_after::retry_after;
use crate::model::secret::Secret;

/// Characters of a collector's own words that are shown.
const WORDS_MAX: usize = 200;
/// Answers that say «later».
const LATER: [StatusCode; 2] = [
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// How an export ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::daemon) enum Ended {
    /// The collector took all of it.
    Taken,
    /// It took the rest without some points.
    Partial {
        /// So many.
        rejected: u64,
        /// Why, in its own words.
        why: String,
    },
    /// It answered something else.
    Refused {
        status: u16,
        /// For how long it wants nothing.
        pause: Option<Duration>,
    },
    /// There was no answer.
    Unanswered { why: String },
}

impl Ended {
    /// Returns what an answer means, or that there is none; what it quotes of these headers is not shown.
    pub(super) fn of(
        answer: &Result<Response, Failure>,
        headers: &[(HeaderName, Secret)],
        now: Timestamp,
    ) -> Self {
        let response = match answer {
            Ok(response) if response.status.is_success() => response,
            Ok(response) => {
                let asked = response.headers.get(header::RETRY_AFTER);
                let asked = asked.filter(|_| LATER.contains(&response.status));
                return Self::Refused {
                    status: response.status.as_u16(),
                    pause: asked.and_then(|value| retry_after(value, now)),
                };
            }
            Err(failure) => {
                return Self::Unanswered {
                    why: failure.message.clone(),
                };
            }
        };
        // Whoever answers something else has taken everything all the same: the status says so.
        let said = ExportMetricsServiceResponse::decode(&*response.body.bytes).unwrap_or_default();
        let said = said.partial_success.unwrap_or_default();
        match u64::try_from(said.rejected_data_points) {
            Ok(rejected @ 1..) => Self::Partial {
                rejected,
                why: shown(&said.error_message, headers),
            },
            _ => Self::Taken,
        }
    }

    /// Returns how two requests of one export ended together.
    ///
    /// # Errors
    /// How it ended, if no further request is to be made.
    pub(super) fn and(self, next: Self) -> Result<Self, Self> {
        match (self, next) {
            (so_far, Self::Taken) => Ok(so_far),
            (Self::Partial { rejected, why }, Self::Partial { rejected: more, .. }) => {
                Ok(Self::Partial {
                    rejected: rejected.saturating_add(more),
                    why,
                })
            }
            (_, partial @ Self::Partial { .. }) => Ok(partial),
            (_, bad) => Err(bad),
        }
    }

    /// Returns the word for it in metrics.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Partial { .. } => "partial",
            Self::Refused { .. } => "refused",
            Self::Unanswered { .. } => "unanswered",
        }
    }

    /// Returns how many points the collector took the rest without.
    pub(super) fn rejected(&self) -> u64 {
        match self {
            Self::Partial { rejected, .. } => *rejected,
            _ => 0,
        }
    }

    /// Returns for how long the collector wants nothing.
    pub(super) fn pause(&self) -> Option<Duration> {
        match self {
            Self::Refused { pause, .. } => *pause,
            _ => None,
        }
    }
}

/// Returns a collector's words as they may be shown: one short line without the secrets that it was sent.
fn shown(words: &str, headers: &[(HeaderName, Secret)]) -> String {
    let mut hidden = Redaction::default();
    for (_, secret) in headers {
        hidden.add(secret);
    }
    let words = hidden.applied(words);
    let words: Vec<&str> = words
        .split(|c: char| c.is_whitespace() || c.is_control())
        .collect();
    words.join(" ").chars().take(WORDS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partial(rejected: u64) -> Ended {
        Ended::Partial {
            rejected,
            why: format!("so {rejected}"),
        }
    }

    #[test]
    fn requests_of_one_export_end_together() {
        let refused = || Ended::Refused {
            status: 503,
            pause: None,
        };
        assert_eq!(Ended::Taken.and(Ended::Taken), Ok(Ended::Taken));
        assert_eq!(Ended::Taken.and(partial(2)), Ok(partial(2)));
        assert_eq!(partial(2).and(Ended::Taken), Ok(partial(2)));
        let both = Ended::Partial {
            rejected: 5,
            why: "so 2".to_owned(),
        };
        assert_eq!(partial(2).and(partial(3)), Ok(both));
        assert_eq!(partial(2).and(refused()), Err(refused()));
    }

    #[test]
    fn words_of_a_collector_are_one_line_without_secrets() {
        let headers = [(
            header::AUTHORIZATION,
            Secret::partly("Bearer hunter2-hunter2", "Bearer ***"),
        )];
        assert_eq!(
            shown("no\n\u{1b}room for hunter2-hunter2", &headers),
            "no  room for ***"
        );
        assert_eq!(shown(&"x".repeat(1000), &headers).len(), WORDS_MAX);
    }
}
