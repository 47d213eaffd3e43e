//! How a channel is doing.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::incident::ChannelState;

/// How a channel is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// The last try succeeded, or there was none.
    Fine,
    /// The provider asked for a rest.
    Paused,
    /// The last try failed.
    Failing,
    /// Nothing is tried any more.
    Disabled,
}

impl Doing {
    /// Returns how a channel is doing.
    pub fn of(state: &ChannelState, now: Timestamp) -> Self {
        if state.disabled.is_some() {
            Self::Disabled
        } else if state.failures > 0 {
            Self::Failing
        } else if state.is_unreachable(now) {
            Self::Paused
        } else {
            Self::Fine
        }
    }

    /// Returns its name in JSON and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Paused => "paused",
            Self::Failing => "failing",
            Self::Disabled => "disabled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_pause_and_an_old_one_is_none() {
        let now = Timestamp::from_second(1000).unwrap();
        let until = |second| ChannelState {
            paused_until: Some(Timestamp::from_second(second).unwrap()),
            ..ChannelState::default()
        };
        assert_eq!(Doing::of(&until(1001), now), Doing::Paused);
        assert_eq!(Doing::of(&until(999), now), Doing::Fine);
        let failing = ChannelState {
            failures: 1,
            ..until(999)
        };
        assert_eq!(Doing::of(&failing, now), Doing::Failing);
    }
}
