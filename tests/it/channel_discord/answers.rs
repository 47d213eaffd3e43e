//! What the Discord channel makes of each answer.

use std::time::Duration;

use oes::channel::answer::Answer;
use oes::policy::owed::Telling;

use crate::support::inbox::{Inbox, Reply};
use crate::support::messages::{channel, first_try, price};
use crate::support::scripts::delivery;

/// Returns the answer to a message that got this reply.
async fn answer(reply: Reply) -> Answer {
    let inbox = Inbox::start();
    inbox.otherwise(reply);
    let url = format!("!{}", inbox.url("/api/webhooks/1/aBcDeFgHiJkL"));
    delivery()
        .send(
            &channel("discord", &[("url", &url)]),
            &price(Telling::Fire).into(),
            first_try(),
        )
        .await
}

/// Status, body, and the answer in words.
const ANSWERS: &[(u16, &str, &str)] = &[
    (200, r#"{"id":"7"}"#, "taken 7"),
    (200, "{}", "taken"),
    (200, "not JSON", "taken"),
    (204, "", "taken"),
    (301, "", "retry: Discord answered 301"),
    (
        400,
        r#"{"code":50006,"message":"Cannot send an empty message"}"#,
        "rejected: Discord answered 400: Cannot send an empty message (code 50006)",
    ),
    (
        400,
        r#"{"code":50035}"#,
        "rejected: Discord answered 400 (code 50035)",
    ),
    (
        400,
        r#"{"code":50109}"#,
        "rejected: Discord answered 400 (code 50109)",
    ),
    (
        400,
        r#"{"code":220001}"#,
        "rejected: Discord answered 400 (code 220001)",
    ),
    (
        400,
        r#"{"code":200000}"#,
        "rejected: Discord answered 400 (code 200000)",
    ),
    (
        413,
        r#"{"code":40005}"#,
        "rejected: Discord answered 413 (code 40005)",
    ),
    (
        401,
        r#"{"code":0,"message":"401: Unauthorized"}"#,
        "disabled: Discord answered 401: 401: Unauthorized; the webhook's token is not valid, make a new webhook",
    ),
    (
        401,
        r#"{"code":50027}"#,
        "disabled: Discord answered 401 (code 50027); the webhook's token is not valid, make a new webhook",
    ),
    (
        403,
        r#"{"code":50013}"#,
        "disabled: Discord answered 403 (code 50013); the webhook may not post there",
    ),
    (
        403,
        "error code: 1015",
        "retry after 3600 s: Discord answered 403; this address is blocked before Discord sees it",
    ),
    (
        403,
        r#"{"code":40333}"#,
        "retry after 3600 s: Discord answered 403 (code 40333); this address is blocked before Discord sees it",
    ),
    (
        429,
        r#"{"code":40333}"#,
        "retry after 3600 s: Discord answered 429 (code 40333); this address is blocked before Discord sees it",
    ),
    (
        404,
        r#"{"code":10015}"#,
        "disabled: Discord answered 404 (code 10015); the webhook or its channel is gone, make a new webhook",
    ),
    (
        404,
        r#"{"code":10003}"#,
        "disabled: Discord answered 404 (code 10003); the webhook or its channel is gone, make a new webhook",
    ),
    (408, "", "retry: Discord answered 408"),
    (500, "", "unknown: Discord answered 500"),
    (502, "<html>", "unknown: Discord answered 502"),
    (
        503,
        r#"{"code":130000}"#,
        "unknown: Discord answered 503 (code 130000)",
    ),
    (504, "[1,2]", "unknown: Discord answered 504"),
    (
        500,
        r#"{"code":"x","message":[]}"#,
        "unknown: Discord answered 500",
    ),
];

#[tokio::test]
async fn each_reply_has_its_answer() {
    for (status, body, expected) in ANSWERS {
        let answer = answer(Reply::body(*status, body)).await;
        assert_eq!(words(&answer), *expected, "{status} {body}");
    }
}

/// Returns an answer in one line.
fn words(answer: &Answer) -> String {
    let after = match answer {
        Answer::Retry { after, .. } => *after,
        Answer::RateLimited { after, .. } => Some(*after),
        _ => None,
    };
    let after = after.map_or_else(String::new, |after| {
        format!(" after {} s", after.as_secs_f64())
    });
    let global = if matches!(answer, Answer::RateLimited { global: true, .. }) {
        " for all"
    } else {
        ""
    };
    match answer {
        Answer::Taken {
            remote_ref: Some(reference),
        } => format!("taken {reference}"),
        other => match other.reason() {
            Some(reason) => format!("{}{global}{after}: {reason}", other.as_str()),
            None => other.as_str().to_owned(),
        },
    }
}

#[tokio::test]
async fn a_limit_waits_for_the_longest_hint() {
    for (headers, body, after_s, global) in [
        (
            &[("retry-after", "3")][..],
            r#"{"retry_after":1.5,"global":false}"#,
            3.0,
            false,
        ),
        (
            &[("retry-after", "1")],
            r#"{"retry_after":64.57,"global":false}"#,
            64.57,
            false,
        ),
        (&[("x-ratelimit-reset-after", "7.25")], "", 7.25, false),
        (
            &[("x-ratelimit-reset-after", "soon")],
            r#"{"retry_after":2}"#,
            2.0,
            false,
        ),
        (
            &[("x-ratelimit-global", "true")],
            r#"{"retry_after":2}"#,
            2.0,
            true,
        ),
        (&[], r#"{"retry_after":2,"global":true}"#, 2.0, true),
        (&[], r#"{"retry_after":"x","global":"yes"}"#, 5.0, false),
        (&[], "", 5.0, false),
        (&[], r#"{"retry_after":86400}"#, 3600.0, false),
        (
            &[("retry-after", "Thu, 01 Jan 2026 02:15:03 GMT")],
            "",
            20.0,
            false,
        ),
    ] {
        let reply = headers
            .iter()
            .fold(Reply::body(429, body), |reply, (name, value)| {
                reply.header(name, value)
            });
        let expected = Answer::RateLimited {
            after: Duration::from_secs_f64(after_s),
            reason: "Discord answered 429".to_owned(),
            global,
        };
        assert_eq!(answer(reply).await, expected, "{headers:?} {body}");
    }
}
