//! Why a channel has not taken what it is owed, in a few words.

use jiff::Timestamp;

use crate::model::counted::counted;
use crate::model::incident::ChannelState;
use crate::policy::doing::Doing;

/// Returns what a channel says that takes nothing now: failed tries, why, and when the next one is; nothing of one that
/// is fine.
pub(super) fn told(state: &ChannelState, now: Timestamp) -> Vec<String> {
    let doing = Doing::of(state, now);
    let why = match doing {
        Doing::Fine => None,
        Doing::Paused | Doing::Failing => state.last_error.clone(),
        Doing::Disabled => state.disabled.clone(),
    };
    let tries = (state.failures > 0).then(|| failed(state.failures));
    let next = state.paused_until.filter(|until| *until > now);
    let next = next.filter(|_| matches!(doing, Doing::Paused | Doing::Failing));
    let next = next.map(|at| format!("next about {}", at.strftime("%H:%M:%S UTC")));
    let why = why.filter(|why| !why.is_empty());
    [tries, why, next].into_iter().flatten().collect()
}

/// Returns `1 failed try`, `11 failed tries`.
pub(super) fn failed(tries: u32) -> String {
    counted(usize::try_from(tries).unwrap_or(usize::MAX), "failed try")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_that_fails_says_how_often_why_and_when_it_is_tried_again() {
        let now: Timestamp = "2026-11-26T10:00:00Z".parse().unwrap();
        let state = ChannelState {
            failures: 11,
            last_error: Some("the answer was 500".to_owned()),
            paused_until: Some("2026-11-26T10:04:40Z".parse().unwrap()),
            ..ChannelState::default()
        };
        assert_eq!(
            told(&state, now).join(", "),
            "11 failed tries, the answer was 500, next about 10:04:40 UTC"
        );
        assert!(told(&ChannelState::default(), now).is_empty());
    }
}
