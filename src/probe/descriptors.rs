//! How many sockets this process may hold.

use std::io;

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the limit of open file descriptors to what the system lets this process have, and returns it.
///
/// Returns `u64::MAX` where there is no limit. Systems start processes with as few as 1,024, which is less than a
/// large config needs; call this once, before the first probe.
///
/// # Errors
/// The system's error if the limit could not be changed. The old limit then goes on.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        setrlimit(Resource::Nofile, limit)?;
    }
    Ok(limit.current.unwrap_or(u64::MAX))
}

/// Returns how many probes may be in flight under a limit of descriptors: half of what is left after 256 for files,
/// channels and pages, at least 16, at most 20,000.
pub fn in_flight_for(descriptors: u64) -> usize {
    let half = descriptors.saturating_sub(256) / 2;
    usize::try_from(half)
        .unwrap_or(usize::MAX)
        .clamp(16, 20_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_descriptors_for_everything_else() {
        assert_eq!(in_flight_for(0), 16);
        assert_eq!(in_flight_for(1_024), 384);
        assert_eq!(in_flight_for(u64::MAX), 20_000);
    }

    #[test]
    fn the_limit_is_what_the_system_allows() {
        let raised = raise_descriptor_limit().unwrap();
        assert_eq!(raise_descriptor_limit().unwrap(), raised);
        assert!(raised > 0);
    }
}
