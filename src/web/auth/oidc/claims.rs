//! What a provider says of somebody, as a [`Person`].

use std::collections::BTreeMap;
use std::sync::Arc;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, Client, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    IdToken, IdTokenClaims, IdTokenFields, StandardClaims, StandardErrorResponse,
    StandardTokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rules::Person;

/// So many groups of one person are looked at.
const GROUPS_MAX: usize = 1000;
/// No subject, address or group is longer.
const CHARS_MAX: usize = 320;

/// Claims that OpenID Connect gives no name to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Others {
    #[serde(flatten)]
    all: BTreeMap<String, Value>,
}

impl AdditionalClaims for Others {}

type Fields = IdTokenFields<
    Others,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

/// A client of a provider that has said what it can.
pub(super) type Relying = Client<
    Others,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A token that says who somebody is.
pub(super) type Token =
    IdToken<Others, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
/// What a token says.
pub(super) type Claims = IdTokenClaims<Others, CoreGenderClaim>;
/// What a provider says when asked who has a token.
pub(super) type Info = UserInfoClaims<Others, CoreGenderClaim>;

/// Returns who a token is of; absent if that cannot be written on one line.
pub(super) fn of_token(claims: &Claims, issuer: &Arc<str>, groups: &str) -> Option<Person> {
    Some(Person {
        issuer: Arc::clone(issuer),
        subject: line(claims.subject())?,
        email: claims.email().and_then(|email| line(email)),
        is_verified: claims.email_verified() == Some(true),
        groups: groups_of(claims.additional_claims(), groups),
    })
}

/// Adds what the token did not say.
pub(super) fn completed(person: Person, info: &Info, groups: &str) -> Person {
    let claims: &StandardClaims<CoreGenderClaim> = info.standard_claims();
    let (email, is_verified) = match person.email {
        Some(email) => (Some(email), person.is_verified),
        None => (
            claims.email().and_then(|email| line(email)),
            claims.email_verified() == Some(true),
        ),
    };
    let groups = person
        .groups
        .or_else(|| groups_of(info.additional_claims(), groups));
    Person {
        email,
        is_verified,
        groups,
        ..person
    }
}

/// Returns the groups of a claim, which is a list of texts or one text.
fn groups_of(others: &Others, claim: &str) -> Option<Vec<Arc<str>>> {
    match others.all.get(claim)? {
        Value::String(group) => Some(line(group).into_iter().collect()),
        Value::Array(groups) => {
            let texts = groups.iter().filter_map(Value::as_str).take(GROUPS_MAX);
            Some(texts.filter_map(line).collect())
        }
        _ => None,
    }
}

/// Returns a text as it is; absent if it is not one short line. Changing it could make it another's.
fn line(text: &str) -> Option<Arc<str>> {
    let is_line = text.chars().count() <= CHARS_MAX && !text.chars().any(char::is_control);
    is_line.then(|| text.into())
}
