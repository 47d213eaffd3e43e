//! What a script says of itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use url::Url;

use super::Param;
use crate::model::json::Json;

/// What a script says of itself in the `//!` lines at its top, read without running it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Header {
    /// What it checks, for `oes check` and listings.
    pub about: String,
    /// Its parameters in order.
    pub params: Vec<Param>,
    /// Sets of parameters, one of which must be given whole.
    pub one_of: Vec<Vec<Arc<str>>>,
    /// Libraries that it uses by their names: `prices::middle(…)`.
    pub uses: Vec<Arc<str>>,
    /// Hosts that it asks besides the service's own; a parameter of kind `url` grants its host by itself.
    pub hosts: Vec<String>,
    /// Secrets that it needs.
    pub secrets: Vec<String>,
    /// Keys that the service's `payload` must have.
    pub payload: Vec<String>,
    /// Where it gets tokens.
    pub oauth2: Vec<OAuth2>,
    /// Whether OES sends the service's request first; a script with `request = false` makes its own calls.
    pub sends_request: bool,
    /// The status rule as written, `2xx` if absent.
    pub status: Option<String>,
    /// Of a channel: whether a message that was taken can be edited.
    pub edits: bool,
    /// Of a channel: whether the provider groups by itself and so wants a message for each incident.
    pub groups: bool,
}

impl Header {
    /// Returns a parameter: what the config says, else the default.
    pub fn param<'a>(
        &'a self,
        name: &str,
        params: &'a BTreeMap<Arc<str>, Json>,
    ) -> Option<&'a Json> {
        params.get(name).or_else(|| {
            let mut declared = self.params.iter();
            declared
                .find(|param| *param.name == *name)?
                .default
                .as_ref()
        })
    }
}

/// Where a script gets a token by OAuth 2.0 client credentials.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OAuth2 {
    /// Its name, as in `auth.oauth2("name")`.
    pub name: String,
    /// The URL of the token endpoint.
    pub token_url: Url,
    /// The secret that is the client's name.
    pub client_id: String,
    /// The secret that is the client's password.
    pub client_secret: String,
    /// What is asked for.
    pub scopes: Vec<String>,
}
