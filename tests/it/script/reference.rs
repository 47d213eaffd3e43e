//! The reference of what a script can use: `docs/script-reference.md`, and what it says of channel scripts.

use std::path::Path;

use oes::script::job::CallJob;
use oes::script::reference;

use super::bench::*;
use crate::support::files::keeps;

#[test]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/script-reference.md");
    keeps(&path, &reference::markdown()).unwrap();
}

#[tokio::test]
async fn channel_scripts_have_what_the_reference_says() {
    let pool = pool(&silent());
    for (example, in_channels) in reference::examples() {
        let script = format!(
            "fn requests(message, channel) {{ {example} [] }} fn answer(reply, message, channel) {{ #{{}} }}"
        );
        // A header is missing for some that are for matchers only; they cannot run in a channel either.
        let Ok((source, _)) = oes::script::source::Source::compile("test", "test.rhai", &script)
        else {
            assert!(!in_channels, "{example}");
            continue;
        };
        let job = CallJob {
            source: source.into(),
            function: "requests".into(),
            arguments: vec![parse("{}"), parse("{}")],
            now: now(),
            limits: limits(),
        };
        let called = pool.call(job).await;
        assert_eq!(called.is_ok(), in_channels, "{example}: {called:?}");
    }
}
