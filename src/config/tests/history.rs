//! How long the past is kept, and under which names.

use std::time::Duration;

use insta::assert_snapshot;

use super::{mistakes, toml};
use crate::history::Retention;

#[test]
fn the_past_is_kept_as_long_as_the_config_says() {
    assert_eq!(toml("services = []").history, Retention::default());
    let history = toml("services = []\nhistory = { samples = \"1d\", days = \"3650d\" }").history;
    let day = Duration::from_hours(24);
    assert_eq!(
        (history.samples, history.hours, history.days),
        (day, 400 * day, 3650 * day)
    );
}

#[test]
fn a_service_can_say_what_it_was_called() {
    let text = "[[services]]\nname = \"a\"\nwas = \"b\"\nurl = \"http://x.example/\"\n\
        [[services]]\nname = \"c\"\nwas = [\"d\", \"e\"]\nurl = \"http://y.example/\"\n";
    let config = toml(text);
    let was = |place: usize| {
        config.services[place]
            .was
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (was(0), was(1)),
        (vec!["b".to_owned()], vec!["d".to_owned(), "e".to_owned()])
    );
}

#[test]
fn a_former_name_that_makes_no_sense_is_refused() {
    let text = "[defaults]\nwas = \"z\"\n\
        [[services]]\nname = \"a\"\nwas = [\"a\", \"old\"]\nurl = \"http://x.example/\"\n\
        [[services]]\nname = \"b\"\nwas = [\"a\", \"old\"]\nurl = \"http://y.example/\"\n\
        [[services]]\nname = \"c\"\nwas = 7\nurl = \"http://z.example/\"\n";
    assert_snapshot!(mistakes(text), @"
    oes.toml:2:1: error: `was` cannot be a default (every service has its own) [config/conflict]
    oes.toml:5:8: error: this service is called `a` now (leave it out) [config/conflict]
    oes.toml:9:8: error: another service is called `a` (a name has one past: if that service is another one, it keeps its own) [config/conflict]
    oes.toml:9:13: error: `old` is said to have become `a` as well (one history goes to one service: leave it out in the other) [config/conflict]
    oes.toml:13:7: error: `was` must be a string or a list, not a number [config/kind]
    ");
}
