//! Services that report.

use super::*;
use crate::model::heartbeat::Rhythm;

fn of(keys: &str) -> String {
    format!(
        "[defaults]\ninterval = 5\nheaders = {{ a = \"b\" }}\n[[services]]\nkind = \"heartbeat\"\nname = \"backup\"\ntoken = \"0123456789abcdef\"\n{keys}\n"
    )
}

#[test]
fn a_job_has_a_rhythm_and_a_grace() {
    for (keys, every, grace_s) in [
        ("every = \"1d\"", Some(86_400), 3600),
        ("every = \"30m\"", Some(1800), 180),
        ("every = 20", Some(20), 10),
        ("cron = \"0 3 * * *\"", None, 600),
        ("every = \"1d\"\ngrace = \"5m\"", Some(86_400), 300),
    ] {
        let config = toml(&of(keys));
        let service = &config.services[0].service;
        let heartbeat = service.heartbeat.as_ref().unwrap();
        match (&heartbeat.rhythm, every) {
            (Rhythm::Every(period), Some(every)) => {
                assert_eq!(*period, Duration::from_secs(every), "{keys}");
            }
            (Rhythm::Cron(cron), None) => assert_eq!(cron.to_string(), "0 3 * * * UTC"),
            other => panic!("{keys}: {other:?}"),
        }
        assert_eq!(heartbeat.grace, Duration::from_secs(grace_s), "{keys}");
        assert_eq!(&*service.request.shown_url, "heartbeat:backup");
        assert!(service.request.headers.is_empty(), "nothing is asked");
        assert!(!config.services[0].sends_request());
    }
}

#[test]
fn what_makes_no_sense_is_said() {
    for (keys, said) in [
        ("", "4:1: nothing says when a beat is expected"),
        (
            "every = 60\ncron = \"* * * * *\"",
            "9:1: `cron` beside `every`",
        ),
        (
            "cron = \"0 25 * * *\"",
            "8:8: `0 25 * * *` is no cron expression: value must be in range 0..=23; found 25",
        ),
        (
            "cron = \"0 0 31 2 *\"",
            "8:8: `0 0 31 2 *` is no cron expression: no day is ever like that",
        ),
        (
            "cron = \"0 * * * * *\"",
            "8:8: `0 * * * * *` is no cron expression: it has 6 fields, not 5",
        ),
        (
            "cron = \"@daily\"",
            "8:8: `@daily` is no cron expression: write `0 0 * * *`",
        ),
        (
            "every = 60\ntime_zone = \"UTC\"",
            "9:1: `time_zone` without `cron`",
        ),
        (
            "every = 60\nurl = \"http://a.example\"",
            "9:1: unknown key `url` in a heartbeat",
        ),
        (
            "every = 60\ninterval = 60",
            "9:1: unknown key `interval` in a heartbeat",
        ),
        (
            "every = 60\n[[services]]\nkind = \"heartbeat\"\nname = \"other\"\nevery = 60\ntoken = \"0123456789abcdef\"",
            "13:9: another heartbeat has the same token",
        ),
        (
            "every = 60\n[[services]]\nkind = \"heartbeat\"\nevery = 60\ntoken = \"short\"",
            "12:9: a token of fewer than 16 characters can be guessed",
        ),
    ] {
        let mistakes = mistakes(&of(keys));
        let (place, words) = said.split_once(": ").unwrap();
        let said = format!("oes.toml:{place}: error: {words}");
        assert!(
            mistakes.contains(&said),
            "{keys}
{mistakes}"
        );
    }
    for token in ["a/b", "a+b", "a=b", "%41", "a#b", "a?b", "a&b", "a b"] {
        let config = of("every = 60").replace("0123456789", &format!("{token}-0123456789"));
        let mistakes = mistakes(&config);
        assert!(
            mistakes.contains("oes.toml:7:9: error: "),
            "{token}: {mistakes}"
        );
        assert!(mistakes.contains("oes token new"), "{token}: {mistakes}");
    }
    let asked = mistakes("[[services]]\nurl = \"http://a.example/\"\ngrace = 5\n");
    assert!(asked.contains("unknown key `grace`"), "{asked}");
    let other = mistakes("[[services]]\nkind = \"ping\"\nurl = \"http://a.example/\"\n");
    assert!(other.contains("`ping`"), "{other}");
}
