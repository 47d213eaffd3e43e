//! Why somebody could not log in, in words for them and for the log.

use axum::http::StatusCode;
use openidconnect::{ClaimsVerificationError, DiscoveryError, RequestTokenError, UserInfoError};

use super::outside::AskError;
use super::rules::Person;
use crate::model::causes::once;

/// Characters of what others have written that are shown.
const SHOWN_CHARS: usize = 300;

/// Why somebody could not log in.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) words: String,
}

/// What a provider answers when a code is not good.
type TokenError = RequestTokenError<
    AskError,
    openidconnect::StandardErrorResponse<openidconnect::core::CoreErrorResponseType>,
>;

impl Refusal {
    fn new(status: StatusCode, words: impl Into<String>) -> Self {
        let words = words.into();
        Self { status, words }
    }

    /// Nobody has begun this login, or not in this browser.
    pub(super) fn unknown() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "This login is not known here: it was begun in another browser or more than 10 minutes ago, another one was \
             begun in this browser since, it was used already, or OES was restarted meanwhile. Log in again.",
        )
    }

    /// Another provider sent the browser back.
    pub(super) fn other_issuer(name: &str, issuer: &str, other: &str) -> Self {
        let words = format!(
            "The browser came back from {} and not from {name}, which is {issuer}. Log in again.",
            clean(other)
        );
        Self::new(StatusCode::BAD_REQUEST, words)
    }

    /// The provider did not answer.
    fn silent(name: &str, error: &AskError) -> Self {
        Self::new(
            StatusCode::BAD_GATEWAY,
            format!(
                "{name} could not be asked: {error}. It must run, and the machine of OES must reach it; then log in again."
            ),
        )
    }

    /// The provider answers something that cannot be used.
    pub(super) fn strange(name: &str, what: &str, mend: &str) -> Self {
        let what = clean(what);
        Self::new(
            StatusCode::BAD_GATEWAY,
            format!("{name} answered what OES cannot use: {what}. {mend}"),
        )
    }

    /// What the provider knows of itself cannot be had.
    pub(super) fn discovery(name: &str, error: &DiscoveryError<AskError>) -> Self {
        match error {
            DiscoveryError::Request(error) => Self::silent(name, error),
            error => Self::strange(
                name,
                &once(error),
                "Check `issuer` in [server.oidc]: it is what the provider calls itself, to the last slash.",
            ),
        }
    }

    /// The provider gave no token for the code.
    pub(super) fn token(name: &str, error: &TokenError) -> Self {
        match error {
            RequestTokenError::Request(error) => Self::silent(name, error),
            RequestTokenError::ServerResponse(error) => Self::new(
                StatusCode::BAD_GATEWAY,
                format!(
                    "{name} gave OES no token: {}. Check `client_id` and `client_secret` in [server.oidc], and that the \
                     provider knows the address that it sends browsers back to.",
                    clean(&error.to_string())
                ),
            ),
            // What cannot be read may be a token.
            RequestTokenError::Parse(error, _) => Self::strange(
                name,
                &format!("a token that cannot be read at `{}`", error.path()),
                "Look into the log of the provider.",
            ),
            RequestTokenError::Other(words) => {
                Self::strange(name, words, "Look into the log of the provider.")
            }
        }
    }

    /// The token is not one for this login.
    pub(super) fn untrusted(name: &str, error: &ClaimsVerificationError) -> Self {
        let mend = match error {
            ClaimsVerificationError::Expired(_) => {
                "Check the clocks of both machines, and log in again."
            }
            ClaimsVerificationError::InvalidAudience(_) => "Check `client_id` in [server.oidc].",
            ClaimsVerificationError::InvalidIssuer(_) => "Check `issuer` in [server.oidc].",
            _ => "Log in again; if that does not help, somebody may be in between.",
        };
        let words = format!(
            "The token from {name} is not to be trusted: {}. {mend}",
            clean(&once(error))
        );
        Self::new(StatusCode::BAD_GATEWAY, words)
    }

    /// The provider does not say who somebody is.
    pub(super) fn user_info(name: &str, error: &UserInfoError<AskError>) -> Self {
        match error {
            UserInfoError::Request(error) => Self::silent(name, error),
            error => Self::strange(name, &once(error), "Look into the log of the provider."),
        }
    }

    /// The provider itself has refused.
    pub(super) fn of_provider(name: &str, error: &str, description: &str) -> Self {
        let (error, description) = (clean(error), clean(description));
        let colon = if description.is_empty() { "" } else { ": " };
        Self::new(
            StatusCode::FORBIDDEN,
            format!("{name} did not log you in: {error}{colon}{description}."),
        )
    }

    /// It took too long in all.
    pub(super) fn late(name: &str) -> Self {
        let words = format!("{name} took too long to answer. Log in again.");
        Self::new(StatusCode::GATEWAY_TIMEOUT, words)
    }

    /// No rule lets them in.
    pub(super) fn stranger(name: &str, person: &Person) -> Self {
        let words = format!(
            "{name} says that you are {person}. Nobody like that is let in here: `allow` in [server.oidc] of the ops \
             config says who is."
        );
        Self::new(StatusCode::FORBIDDEN, words)
    }
}

/// Returns what others have written as one short line.
pub(super) fn clean(text: &str) -> String {
    let mut letters = text.chars().filter(|letter| !letter.is_control());
    let mut line: String = letters.by_ref().take(SHOWN_CHARS).collect();
    if letters.next().is_some() {
        line.push('…');
    }
    line
}
