//! The webhook channel: the requests that it makes, and what it makes of the answers.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insta::assert_snapshot;
use oes::channel::answer::Answer;
use oes::channel::message::IncidentMessage;
use oes::model::json::parse;
use oes::policy::owed::{Telling, Unheard};
use sha2::{Digest as _, Sha256};

use crate::support::inbox::{Inbox, Received, Reply};
use crate::support::messages::{channel, first_try, full_of, never_came_up, price};
use crate::support::scripts::delivery;

const SECRET: &str = "!whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn sent(message: &IncidentMessage, options: &[(&str, &str)]) -> Received {
    let inbox = Inbox::start();
    let url = inbox.url("/oes?team=ops");
    let options: Vec<_> = [("url", url.as_str())]
        .into_iter()
        .chain(options.iter().copied())
        .collect();
    let answer = delivery()
        .send(
            &channel("webhook", &options),
            &message.clone().into(),
            first_try(),
        )
        .await;
    assert_eq!(answer, Answer::Taken { remote_ref: None });
    inbox.received().pop().unwrap()
}

/// Returns a request as a person reads it: a fact a line, in the order sent.
fn page(received: &Received) -> String {
    let mut lines = vec![format!("{} {}", received.method, received.target)];
    let body = parse(received.body.as_bytes()).unwrap().root;
    for (key, value) in body.as_object().unwrap().iter() {
        match value.as_object() {
            None => lines.push(format!("{key}: {value}")),
            Some(data) => lines.extend(
                data.iter()
                    .map(|(name, value)| format!("{key}.{name}: {value}")),
            ),
        }
    }
    lines.join("\n")
}

#[tokio::test]
async fn an_opening_holds_every_fact() {
    assert_snapshot!(page(&sent(&price(Telling::Fire), &[]).await), @r#"
    POST /oes?team=ops
    data.acked_by: null
    data.closed_at: null
    data.counts: null
    data.durable: true
    data.duration_s: 95
    data.exchange: "GET https://api.example.io/asset/price/x → 200 in 214 ms"
    data.finding: {"actual":"1.31","code":"price.shape","expected":1.28,"more":2,"path":"$.price","place":"scripts/price_sanity.rhai:2:15","problem":"expected number, got string \"1.31\""}
    data.generation: 1
    data.incident: "01J8ZK4N6P7Q8R9S"
    data.incidents: []
    data.last_good: "2026-01-01T02:09:07Z"
    data.lines: []
    data.link: null
    data.message_id: "msg_5f0c9a"
    data.never_came_up: false
    data.note: null
    data.opened_at: "2026-01-01T02:13:07Z"
    data.possible_repeat: false
    data.reminders: 0
    data.rule: "4 of the last 7 probes failed, more than 50 %"
    data.samples: [{"at":"2026-01-01T02:07:07Z","code":null,"latency_ms":180,"outcome":"pass"},{"at":"2026-01-01T02:08:07Z","code":null,"latency_ms":190,"outcome":"pass"},{"at":"2026-01-01T02:09:07Z","code":null,"latency_ms":185,"outcome":"pass"},{"at":"2026-01-01T02:10:07Z","code":"price.shape","latency_ms":214,"outcome":"fail"},{"at":"2026-01-01T02:11:07Z","code":"price.shape","latency_ms":900,"outcome":"fail"},{"at":"2026-01-01T02:12:07Z","code":"price.shape","latency_ms":870,"outcome":"fail"},{"at":"2026-01-01T02:13:07Z","code":"price.shape","latency_ms":880,"outcome":"fail"}]
    data.service: {"group":"prices","method":"GET","name":"price-api","runbook":"https://wiki.example.io/price","severity":"critical","tags":["edge"],"url":"https://api.example.io/asset/price/x"}
    data.title: "price-api · error"
    data.violation: "error"
    timestamp: "2026-01-01T02:14:42Z"
    type: "incident.opened"
    "#);
}

#[tokio::test]
async fn every_telling_has_its_type() {
    for (telling, expected) in [
        (Telling::Fire, "incident.opened"),
        (Telling::Resolve, "incident.resolved"),
        (Telling::Outage(Unheard::CoolDown), "incident.outage"),
        (Telling::Unwatched, "incident.unwatched"),
    ] {
        let body = sent(&price(telling), &[]).await.json();
        assert_eq!(body["type"], expected);
        let closed = if telling == Telling::Fire {
            serde_json::Value::Null
        } else {
            "2026-01-01T02:41:07Z".into()
        };
        assert_eq!(body["data"]["closed_at"], closed);
    }
}

#[tokio::test]
async fn what_is_not_known_is_null() {
    let body = sent(&never_came_up(), &[]).await.json();
    assert_eq!(body["data"]["never_came_up"], true);
    for key in ["finding", "last_good", "link", "closed_at"] {
        assert_eq!(body["data"][key], serde_json::Value::Null, "{key}");
    }
}

#[tokio::test]
async fn a_body_is_never_large() {
    for text in ["x", "🙂", "\u{1}", "ü\n"] {
        let mut message = full_of(&text.repeat(5_000));
        let sample = message.incident.reason.samples[0].clone();
        message.incident.reason.samples = vec![sample; 500];
        message.incident.reason.path = Some("$.price".into());
        let received = sent(&message, &[]).await;
        assert!(
            received.body.len() <= 20_000,
            "{text:?}: {}",
            received.body.len()
        );
        assert_eq!(received.json()["data"]["finding"]["path"], "$.price");
    }
}

/// HMAC-SHA256 by its definition (RFC 2104), apart from the one that OES uses.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let pad = |with: u8| -> Vec<u8> {
        (0..64)
            .map(|index| key.get(index).copied().unwrap_or(0) ^ with)
            .collect()
    };
    let inner = Sha256::digest([pad(0x36), text.to_vec()].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}

#[tokio::test]
async fn a_secret_signs_the_very_bytes_that_are_sent() {
    let received = sent(&price(Telling::Fire), &[("secret", SECRET)]).await;
    let header = |name: &str| received.headers[name].clone();
    assert_eq!(header("webhook-id"), "msg_5f0c9a");
    assert_eq!(header("webhook-timestamp"), "1767233683");
    let signed = format!("msg_5f0c9a.1767233683.{}", received.body);
    let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let expected = format!("v1,{}", STANDARD.encode(hmac(&key, signed.as_bytes())));
    assert_eq!(header("webhook-signature"), expected);
}

#[tokio::test]
async fn two_secrets_sign_twice_and_none_does_not() {
    let two = format!("{SECRET} whsec_{}", STANDARD.encode([9; 32]));
    let received = sent(&price(Telling::Fire), &[("secret", &two)]).await;
    assert_eq!(received.headers["webhook-signature"].split(' ').count(), 2);
    let received = sent(
        &price(Telling::Fire),
        &[("authorization", "!Bearer hunter2")],
    )
    .await;
    assert_eq!(received.headers.get("webhook-signature"), None);
    assert_eq!(received.headers["authorization"], "Bearer hunter2");
}

#[tokio::test]
async fn a_bad_secret_disables_the_channel_without_showing_it() {
    let inbox = Inbox::start();
    let channel = channel(
        "webhook",
        &[("url", &inbox.url("/")), ("secret", "!hunter2-hunter2")],
    );
    let answer = delivery()
        .send(&channel, &price(Telling::Fire).into(), first_try())
        .await;
    let reason = "the signing secret is not `whsec_` followed by base64".to_owned();
    assert_eq!(answer, Answer::Disabled { reason });
    assert_eq!(inbox.received(), []);
}

#[tokio::test]
async fn each_reply_has_its_answer() {
    let retry = |after_s: Option<u64>, reason: &str| Answer::Retry {
        after: after_s.map(Duration::from_secs),
        reason: reason.to_owned(),
    };
    let limited = |after_s| Answer::RateLimited {
        after: Duration::from_secs(after_s),
        reason: "the receiver answered 429".to_owned(),
        global: false,
    };
    let gone = "the receiver answered 410: it is gone and wants no more messages".to_owned();
    let large = "the receiver answered 413: the message is too large for it".to_owned();
    let moved = "; redirects are not followed, set the URL to where it leads";
    for (status, retry_after, expected) in [
        (200, None, Answer::Taken { remote_ref: None }),
        (202, None, Answer::Taken { remote_ref: None }),
        (204, None, Answer::Taken { remote_ref: None }),
        (
            301,
            None,
            retry(None, &format!("the receiver answered 301{moved}")),
        ),
        (
            307,
            None,
            retry(None, &format!("the receiver answered 307{moved}")),
        ),
        (400, None, retry(None, "the receiver answered 400")),
        (401, None, retry(None, "the receiver answered 401")),
        (404, None, retry(None, "the receiver answered 404")),
        (410, None, Answer::Disabled { reason: gone }),
        (413, None, Answer::Rejected { reason: large }),
        (429, None, limited(30)),
        (429, Some("7"), limited(7)),
        (429, Some("99999"), limited(3600)),
        (500, None, retry(None, "the receiver answered 500")),
        (502, None, retry(Some(10), "the receiver answered 502")),
        (
            503,
            Some("120"),
            retry(Some(120), "the receiver answered 503"),
        ),
        (
            504,
            Some("60"),
            retry(Some(60), "the receiver answered 504"),
        ),
    ] {
        let inbox = Inbox::start();
        let mut reply = Reply::status(status);
        if let Some(after) = retry_after {
            reply = reply.header("retry-after", after);
        }
        inbox.otherwise(reply);
        let channel = channel("webhook", &[("url", &inbox.url("/"))]);
        let answer = delivery()
            .send(&channel, &price(Telling::Fire).into(), first_try())
            .await;
        assert_eq!(answer, expected, "{status} {retry_after:?}");
        assert_eq!(inbox.received().len(), 1, "{status}");
    }
}
