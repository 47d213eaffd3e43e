//! Places at which a test can end the process as a loss of power would: with `OES_FAILPOINT=NAME:N` in the environment
//! the process is gone when NAME is reached for the Nth time. There are none in a release build.

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Armed {
        name: String,
        left: AtomicU64,
    }

    fn armed() -> Option<&'static Armed> {
        static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
        ARMED
            .get_or_init(|| {
                let text = std::env::var("OES_FAILPOINT").ok()?;
                let (name, count) = text.split_once(':')?;
                Some(Armed {
                    name: name.to_owned(),
                    left: AtomicU64::new(count.parse().ok()?),
                })
            })
            .as_ref()
    }

    /// Ends the process here if a test wants it.
    pub(crate) fn reach(name: &str) {
        let here = armed().filter(|armed| armed.name == name);
        if here.is_some_and(|armed| armed.left.fetch_sub(1, Ordering::SeqCst) == 1) {
            // No destructor runs, nothing is flushed.
            std::process::abort();
        }
    }
}

#[cfg(not(debug_assertions))]
mod armed {
    /// Does nothing in a release build.
    pub(crate) fn reach(_name: &str) {}
}

pub(crate) use armed::reach;
