//! Numbers of things as people read them.

/// Returns `1 service`, `3 services`, `2 tries`.
pub fn counted(count: usize, what: &str) -> String {
    let (stem, ending) = match what.strip_suffix('y') {
        _ if count == 1 => (what, ""),
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => (stem, "ies"),
        _ => (what, "s"),
    };
    format!("{count} {stem}{ending}")
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn counts_as_people_do() {
        assert_eq!(counted(1, "try"), "1 try");
        assert_eq!(counted(0, "try"), "0 tries");
        assert_eq!(counted(2, "day"), "2 days");
        assert_eq!(counted(3, "service"), "3 services");
    }
}
