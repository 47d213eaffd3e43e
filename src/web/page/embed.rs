//! The verdict in one strip, for other sites to show.

use askama::Template;

use super::frame::icon;
use super::present::{Audience, Present};
use super::state::State;
use super::verdict::Verdict;

/// The strip.
#[derive(Template)]
#[template(path = "embed.html")]
pub(super) struct Embed {
    title: String,
    state: State,
    verdict: Verdict,
}

impl Embed {
    fn icon(&self) -> String {
        icon(self.state)
    }

    /// Returns the strip; it shows what the public may see, whoever looks.
    pub(super) fn new(present: &Present, title: &str) -> Self {
        let verdict = present.verdict(Audience::Public);
        Self {
            title: title.to_owned(),
            state: verdict.state,
            verdict,
        }
    }
}
