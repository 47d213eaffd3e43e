//! Notices that a channel's settings changed without keeping them.

use super::settings::{ChannelKind, Settings};
use super::sign::mac;

/// Sets these fingerprints apart from every other use of the same hash.
const KEY: &[u8] = b"oes channel settings 1";

/// How often the hash is repeated. Guessing a short secret from its fingerprint costs this much a guess; reading a
/// config costs it once a channel.
const ROUNDS: usize = 4096;

/// Returns 16 hexadecimal digits that change with the channel's kind, options, secrets and script, and from which
/// nothing can be read.
///
/// A channel that was disabled is tried again when this changes, so that a mended script counts as a change too.
pub fn fingerprint(settings: &Settings) -> String {
    let mut text: Vec<u8> = Vec::new();
    let mut put = |part: &str| {
        // The length in front keeps `ab` + `c` apart from `a` + `bc`.
        text.extend((part.len() as u64).to_be_bytes());
        text.extend(part.as_bytes());
    };
    match &settings.kind {
        ChannelKind::Console => put("console"),
        ChannelKind::Email(email) => {
            put("email");
            email.parts().for_each(|part| put(&part));
        }
        ChannelKind::Script(source) => {
            put("script");
            put(&source.name);
            put(&source.version);
        }
    }
    for (key, value) in &settings.options {
        put(key);
        put(value.expose());
    }
    let salted = mac(KEY, &[settings.name.as_str().as_bytes()]);
    let mut digest = mac(&salted, &[&text]);
    for _ in 1..ROUNDS {
        digest = mac(&salted, &[&digest]);
    }
    let (head, _) = digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
    format!("{:016x}", u64::from_be_bytes(*head))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::model::secret::Secret;
    use crate::model::service::ChannelName;

    fn of(name: &str, options: &[(&str, &str)]) -> String {
        let options: BTreeMap<Arc<str>, Secret> = options
            .iter()
            .map(|(key, value)| (Arc::from(*key), Secret::hidden(*value)))
            .collect();
        fingerprint(&Settings {
            name: ChannelName::new(name),
            kind: ChannelKind::Console,
            fallback: None,
            options,
        })
    }

    #[test]
    fn changes_with_every_setting_and_with_nothing_else() {
        let first = of("ops", &[("url", "https://a.example/token")]);
        assert_eq!(first, of("ops", &[("url", "https://a.example/token")]));
        assert_eq!(first.len(), 16);
        for other in [
            of("ops", &[("url", "https://a.example/other")]),
            of("dev", &[("url", "https://a.example/token")]),
            of("ops", &[("ur", "lhttps://a.example/token")]),
            of("ops", &[("url", "https://a.example/token"), ("x", "")]),
            of("ops", &[]),
        ] {
            assert_ne!(first, other);
        }
    }
}
