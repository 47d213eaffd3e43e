//! Who has logged in with a browser. Sessions live in memory: a restart ends them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::oidc::Person;
use super::{Scope, Token, new_token};

/// So many sessions at once; the one that was idle for longest makes room.
const SESSIONS_MAX: usize = 256;
/// A session ends so long after it began …
const LIFETIME: Duration = Duration::from_hours(12);
/// … or so long after it was last used.
const IDLE: Duration = Duration::from_hours(2);

/// What somebody has logged in with.
#[derive(Debug, Clone)]
pub(super) enum Pass {
    /// A token that was shown.
    Token(Token),
    /// The word of a provider, and what the ops config lets them do.
    Person(Arc<Person>, Scope),
}

impl Pass {
    /// Returns what logs call it.
    pub(super) fn name(&self) -> &Arc<str> {
        match self {
            Self::Token(token) => &token.name,
            Self::Person(person, _) => person.name(),
        }
    }

    /// Returns what it allows.
    pub(super) fn scope(&self) -> Scope {
        match self {
            Self::Token(token) => token.scope,
            Self::Person(_, scope) => *scope,
        }
    }
}

/// Somebody who has logged in.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// What with.
    pub(super) pass: Pass,
    /// What a form of this session brings with it, which no other site knows.
    pub(super) csrf: Arc<str>,
    began: Instant,
    used: Instant,
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.began) >= LIFETIME || now.duration_since(self.used) >= IDLE
    }
}

/// All sessions, by the digest of the text that the browser shows.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

impl Sessions {
    /// Begins a session and returns the text that the browser shows from now on.
    pub(super) fn begin(&self, pass: Pass, now: Instant) -> String {
        let text = new_token();
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| !session.is_over(now));
        if sessions.len() >= SESSIONS_MAX {
            let idle = sessions.iter().min_by_key(|(_, session)| session.used);
            if let Some(idle) = idle.map(|(key, _)| *key) {
                sessions.remove(&idle);
            }
        }
        let session = Session {
            pass,
            csrf: new_token().into(),
            began: now,
            used: now,
        };
        sessions.insert(Sha256::digest(&text).into(), session);
        text
    }

    /// Returns the session of a text, which is used by that.
    pub(super) fn find(&self, text: &str, now: Instant) -> Option<Session> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key: [u8; 32] = Sha256::digest(text).into();
        let session = sessions.get_mut(&key)?;
        if session.is_over(now) {
            sessions.remove(&key);
            return None;
        }
        session.used = now;
        Some(session.clone())
    }

    /// Ends the session of a text.
    pub(super) fn end(&self, text: &str) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key: [u8; 32] = Sha256::digest(text).into();
        sessions.remove(&key);
    }

    /// Ends the sessions of those who are no longer let in.
    pub(super) fn keep(&self, is_let_in: impl Fn(&Pass) -> bool) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| is_let_in(&session.pass));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str) -> Pass {
        Pass::Token(Token::new(name, Scope::Read, name))
    }

    #[test]
    fn a_session_ends_when_it_is_old_or_idle_or_its_token_is_gone() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let text = sessions.begin(token("a"), now);
        assert!(sessions.find("other", now).is_none());
        let mut later = now;
        for _ in 0..11 {
            later += Duration::from_hours(1);
            assert!(sessions.find(&text, later).is_some());
        }
        assert!(sessions.find(&text, now + LIFETIME).is_none());
        let idle = sessions.begin(token("a"), now);
        assert!(sessions.find(&idle, now + IDLE).is_none());
        let (gone, stays) = (
            sessions.begin(token("a"), now),
            sessions.begin(token("b"), now),
        );
        sessions.keep(|pass| &**pass.name() == "b");
        assert!(sessions.find(&gone, now).is_none());
        assert!(sessions.find(&stays, now).is_some());
        sessions.end(&stays);
        assert!(sessions.find(&stays, now).is_none());
    }

    #[test]
    fn the_idlest_session_makes_room() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let first = sessions.begin(token("a"), now);
        let second = sessions.begin(token("a"), now);
        let later = now + Duration::from_secs(1);
        assert!(sessions.find(&first, later).is_some());
        for _ in 0..SESSIONS_MAX - 1 {
            sessions.begin(token("a"), later);
        }
        assert!(sessions.find(&second, later).is_none());
        assert!(sessions.find(&first, later).is_some());
    }
}
