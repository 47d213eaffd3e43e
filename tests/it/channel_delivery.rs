//! One try over real sockets: what went out, what is known of it, and what is never shown.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oes::channel::answer::Answer;
use oes::channel::delivery::{Attempt, Console};
use oes::channel::message::{Colour, Message};
use oes::channel::settings::{ChannelKind, Settings};
use oes::model::service::ChannelName;
use oes::policy::owed::Telling;
use oes::script::limits::Limits;

use crate::support::inbox::{Inbox, Reply};
use crate::support::messages::{channel, first_try, price, scripted};
use crate::support::scripts::{delivery, printing, source};

const TOKEN: &str = "t0ken-aBcDeFgHiJkLmNoP";

/// Sends an opening to an inbox that does this with it.
async fn against(reply: Reply) -> (Answer, usize) {
    let inbox = Inbox::start();
    inbox.otherwise(reply);
    let channel = channel(
        "webhook",
        &[("url", &format!("!{}", inbox.url(&format!("/{TOKEN}"))))],
    );
    let answer = delivery()
        .within(Duration::from_secs(1))
        .send(&channel, &price(Telling::Fire).into(), first_try())
        .await;
    (answer, inbox.received().len())
}

#[tokio::test]
async fn a_message_whose_fate_is_not_known_is_said_to_be_one() {
    for reply in [
        Reply::Hang,
        Reply::CloseAfterReading,
        Reply::CloseMidAnswer,
        Reply::Late(Duration::from_secs(5), Box::new(Reply::status(200))),
    ] {
        let (answer, received) = against(reply.clone()).await;
        assert!(
            matches!(answer, Answer::Unknown { .. }),
            "{reply:?}: {answer:?}"
        );
        assert_eq!(received, 1, "{reply:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_said_to_be_none() {
    let (answer, _) = against(Reply::Garbage).await;
    let Answer::Unknown { reason } = answer else {
        panic!("{answer:?}");
    };
    let (place, why) = reason
        .split_once(" answered with something that is not HTTP")
        .unwrap();
    assert!(place.starts_with("127.0.0.1:"), "{reason}");
    assert_eq!(why, ": invalid HTTP version parsed");
}

#[tokio::test]
async fn a_connection_that_closes_at_once_never_counts_as_taken() {
    let (answer, received) = against(Reply::CloseUnread).await;
    assert!(
        matches!(answer, Answer::Unknown { .. } | Answer::Retry { .. }),
        "{answer:?}"
    );
    assert_eq!(received, 0);
}

#[tokio::test]
async fn an_answer_that_is_late_but_in_time_counts() {
    let (answer, _) = against(Reply::Late(
        Duration::from_millis(50),
        Box::new(Reply::status(200)),
    ))
    .await;
    assert_eq!(answer, Answer::Taken { remote_ref: None });
}

#[tokio::test]
async fn a_refused_connection_certainly_delivered_nothing() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let channel = channel("webhook", &[("url", &format!("!http://{closed}/{TOKEN}"))]);
    let answer = delivery()
        .send(&channel, &price(Telling::Fire).into(), first_try())
        .await;
    let Answer::Retry {
        after: None,
        reason,
    } = answer
    else {
        panic!("{answer:?}");
    };
    assert!(
        reason.starts_with("no connection to 127.0.0.1: "),
        "{reason}"
    );
    assert!(reason.contains("refused"), "{reason}");
}

#[tokio::test]
async fn a_name_without_address_certainly_delivered_nothing() {
    let channel = channel("webhook", &[("url", "http://nothing.invalid/")]);
    let answer = delivery()
        .send(&channel, &price(Telling::Fire).into(), first_try())
        .await;
    assert!(matches!(answer, Answer::Retry { .. }), "{answer:?}");
}

#[tokio::test]
async fn a_receiver_that_speaks_no_tls_certainly_got_nothing() {
    let inbox = Inbox::start();
    let url = inbox.url("/").replace("http:", "https:");
    let answer = delivery()
        .send(
            &channel("webhook", &[("url", &url)]),
            &price(Telling::Fire).into(),
            first_try(),
        )
        .await;
    assert!(matches!(answer, Answer::Retry { .. }), "{answer:?}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (here, there) = (Inbox::start(), Inbox::start());
    here.otherwise(Reply::status(307).header("location", &there.url("/")));
    let channel = channel("webhook", &[("url", &here.url("/"))]);
    let answer = delivery()
        .send(&channel, &price(Telling::Fire).into(), first_try())
        .await;
    assert!(matches!(answer, Answer::Retry { .. }), "{answer:?}");
    assert_eq!((here.received().len(), there.received().len()), (1, 0));
}

/// Sends an opening over a script of the test's own.
async fn over(script: &str, reply: Reply) -> (Answer, Vec<String>) {
    let inbox = Inbox::start();
    inbox.otherwise(reply);
    let url = inbox.url("/");
    let channel = scripted(
        Arc::new(source("own", script)),
        &[("url", &url), ("token", &format!("!{TOKEN}"))],
    );
    let answer = delivery()
        .send(&channel, &price(Telling::Fire).into(), first_try())
        .await;
    (
        answer,
        inbox
            .received()
            .into_iter()
            .map(|received| received.body)
            .collect(),
    )
}

const SEND: &str = "fn requests(message, channel) { [#{ url: channel.url, body: channel.token }] }";

#[tokio::test]
async fn a_script_that_breaks_loses_nothing() {
    let broken = "fn requests(message, channel) { message.nope }";
    let (answer, sent) = over(broken, Reply::status(200)).await;
    assert!(
        matches!(&answer, Answer::Retry { reason, .. } if reason.contains("broke in `requests`")),
        "{answer:?}"
    );
    assert!(sent.is_empty());

    let (answer, sent) = over("fn requests(message, channel) { 1 }", Reply::status(200)).await;
    assert!(
        matches!(&answer, Answer::Retry { reason, .. } if reason.contains("returned 1")),
        "{answer:?}"
    );
    assert!(sent.is_empty());

    let broken = format!("{SEND} fn answer(reply, message, channel) {{ reply.nope }}");
    let (answer, sent) = over(&broken, Reply::status(200)).await;
    assert!(
        matches!(&answer, Answer::Unknown { reason } if reason.contains("after status 200")),
        "{answer:?}"
    );
    assert_eq!(sent.len(), 1);

    let odd = format!("{SEND} fn answer(reply, message, channel) {{ \"fine\" }}");
    let (answer, _) = over(&odd, Reply::status(200)).await;
    assert!(matches!(answer, Answer::Unknown { .. }), "{answer:?}");
}

#[tokio::test]
async fn a_script_without_end_or_bound_is_stopped_and_loses_nothing() {
    for script in [
        "fn requests(message, channel) { loop { } }",
        "fn requests(message, channel) { let t = channel.url; loop { t += t; } }",
        "fn requests(message, channel) { requests(message, channel) }",
    ] {
        let (answer, sent) = over(script, Reply::status(200)).await;
        assert!(
            matches!(&answer, Answer::Retry { reason, .. } if reason.contains("broke in `requests`")),
            "{answer:?}"
        );
        assert!(sent.is_empty());
    }
    let script = format!("{SEND} fn answer(reply, message, channel) {{ loop {{ }} }}");
    let (answer, _) = over(&script, Reply::status(200)).await;
    assert!(matches!(answer, Answer::Unknown { .. }), "{answer:?}");
}

#[tokio::test]
async fn a_script_cannot_take_a_redirect_for_a_success() {
    let eager = format!("{SEND} fn answer(reply, message, channel) {{ #{{ answer: \"taken\" }} }}");
    let (answer, _) = over(&eager, Reply::status(302).header("location", "/login")).await;
    assert!(matches!(answer, Answer::Retry { .. }), "{answer:?}");
}

#[tokio::test]
async fn a_script_cannot_send_elsewhere() {
    let elsewhere = Inbox::start();
    let script = format!(
        "fn requests(message, channel) {{ [#{{ url: \"{}?\" + channel.token }}] }}",
        elsewhere.url("/")
    );
    let (answer, _) = over(&script, Reply::status(200)).await;
    let Answer::Rejected { reason } = answer else {
        panic!("{answer:?}");
    };
    assert!(
        reason.contains("not the host of any URL among the channel's options"),
        "{reason}"
    );
    assert_eq!(elsewhere.received(), []);
}

#[tokio::test]
async fn no_secret_is_ever_shown() {
    let answers = [
        // The receiver sends the secret back, whole, in pieces of JSON and in a header.
        "fn answer(reply, message, channel) { #{ answer: \"retry\", reason: reply.body + reply.headers[\"x-echo\"] } }",
        "fn answer(reply, message, channel) { #{ answer: \"reject\", reason: reply.json.echo.sub_string(0, 15) } }",
        // The script shows what it holds.
        "fn answer(reply, message, channel) { #{ answer: \"disable\", reason: `${channel}` } }",
        "fn answer(reply, message, channel) { throw channel.token }",
        "fn answer(reply, message, channel) { #{ answer: \"taken\", remote_ref: reply.body } }",
        "fn answer(reply, message, channel) { channel.token.nope }",
    ];
    for answer in answers {
        let echo = format!(r#"{{"echo":"{TOKEN}"}}"#);
        let reply = Reply::body(400, &echo).header("x-echo", TOKEN);
        let (answer, sent) = over(&format!("{SEND}\n{answer}"), reply).await;
        assert_eq!(sent, [TOKEN]);
        let shown = format!("{answer:?}");
        for piece in [TOKEN, "t0ken-aB", "oes-secret-"] {
            assert!(!shown.contains(piece), "{shown}");
        }
    }
    for reply in [
        Reply::Hang,
        Reply::CloseAfterReading,
        Reply::CloseMidAnswer,
        Reply::status(410),
    ] {
        let shown = format!("{:?}", against(reply).await.0);
        assert!(!shown.contains(TOKEN), "{shown}");
    }
}

#[tokio::test]
async fn several_requests_go_in_order_and_stop_at_the_first_that_is_not_taken() {
    let script = r#"
        fn requests(message, channel) { ["a", "b", "c"].map(|body| #{ url: channel.url, body: body }) }
        fn answer(reply, message, channel) {
            if reply.index < 1 { #{ answer: "taken", remote_ref: reply.index } } else { #{ answer: "reject", reason: "full" } }
        }"#;
    let (answer, sent) = over(script, Reply::status(200)).await;
    assert_eq!(
        answer,
        Answer::Rejected {
            reason: "full".to_owned()
        }
    );
    assert_eq!(sent, ["a", "b"]);
}

#[tokio::test]
async fn the_first_reference_counts() {
    let script = r#"
        fn requests(message, channel) { [#{ url: channel.url }, #{ url: channel.url }] }
        fn answer(reply, message, channel) { #{ answer: "taken", remote_ref: `r${reply.index}` } }"#;
    let (answer, sent) = over(script, Reply::status(200)).await;
    assert_eq!(
        answer,
        Answer::Taken {
            remote_ref: Some("r0".to_owned())
        }
    );
    assert_eq!(sent.len(), 2);
}

#[tokio::test]
async fn a_script_sees_which_try_it_is() {
    let script =
        "fn requests(message, channel) { [#{ url: channel.url, body: `${message.attempt}` }] }
        fn answer(reply, message, channel) { #{ answer: \"taken\" } }";
    let inbox = Inbox::start();
    let channel = scripted(Arc::new(source("own", script)), &[("url", &inbox.url("/"))]);
    let attempt = Attempt {
        number: 3,
        ..first_try()
    };
    delivery()
        .send(&channel, &price(Telling::Fire).into(), attempt)
        .await;
    assert_eq!(inbox.received()[0].body, "3");
}

#[tokio::test]
async fn a_large_answer_is_read_in_part() {
    let script = format!(
        "{SEND} fn answer(reply, message, channel) {{ #{{ answer: \"reject\", reason: `${{reply.body.len}}` }} }}"
    );
    let (answer, _) = over(&script, Reply::body(200, &"x".repeat(1 << 20))).await;
    assert_eq!(
        answer,
        Answer::Rejected {
            reason: "65536".to_owned()
        }
    );
}

#[tokio::test]
async fn two_deliveries_do_not_wait_for_each_other() {
    let (dead, live) = (Inbox::start(), Inbox::start());
    dead.otherwise(Reply::Hang);
    let delivery = delivery().within(Duration::from_secs(5));
    let (dead_url, live_url) = (dead.url("/"), live.url("/"));
    let dead_channel = channel("webhook", &[("url", &dead_url)]);
    let live_channel = channel("webhook", &[("url", &live_url)]);
    let message = price(Telling::Fire).into();
    tokio::select! {
        biased;
        answer = delivery.send(&dead_channel, &message, first_try()) => panic!("{answer:?}"),
        answer = delivery.send(&live_channel, &message, first_try()) => {
            assert_eq!(answer, Answer::Taken { remote_ref: None });
        }
    }
}

#[tokio::test]
async fn the_console_gets_the_text() {
    let written = Arc::new(Mutex::new(String::new()));
    let console = Console {
        write: Box::new({
            let written = Arc::clone(&written);
            move |text| written.lock().unwrap().push_str(text)
        }),
        colour: Colour::Plain,
    };
    let delivery = printing(console);
    let channel = Settings {
        name: ChannelName::new("console"),
        kind: ChannelKind::Console,
        fallback: None,
        options: std::collections::BTreeMap::new(),
    };
    let message = price(Telling::Fire);
    let answer = delivery
        .send(&channel, &message.clone().into(), first_try())
        .await;
    assert_eq!(answer, Answer::Taken { remote_ref: None });
    assert_eq!(*written.lock().unwrap(), message.to_text(Colour::Plain));
}

#[test]
fn an_inbox_remembers_on_disk() {
    use std::io::{Read as _, Write as _};
    let folder = tempfile::tempdir().unwrap();
    let inbox = Inbox::persisting(folder.path());
    for body in ["one", "two"] {
        let mut stream = std::net::TcpStream::connect(inbox.address()).unwrap();
        write!(
            stream,
            "POST /x HTTP/1.1\r\nContent-Length: 3\r\nX-A: b\r\n\r\n{body}"
        )
        .unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"HTTP/1.1 204");
    }
    let mut received = inbox.wait_for(2);
    for one in &mut received {
        one.bytes.clear();
    }
    assert_eq!(received, Inbox::read(folder.path()));
    assert_eq!(inbox.received()[1].headers["x-a"], "b");
}

/// The script that docs/channels.md shows does what the page says.
#[tokio::test]
async fn the_script_of_the_manual_works() {
    let manual = include_str!("../../docs/channels.md");
    let (_, rest) = manual.split_once("```rhai\n").unwrap();
    let (script, _) = rest.split_once("```").unwrap();
    let (answer, sent) = over(script, Reply::status(200)).await;
    assert_eq!(answer, Answer::Taken { remote_ref: None });
    let text = "price-api · error: 4 of the last 7 probes failed, more than 50 % at $.price";
    assert_eq!(sent, [format!(r#"{{"text":"{text}"}}"#)]);
    let (answer, _) = over(script, Reply::status(503).header("retry-after", "9")).await;
    let reason = "the chat answered 503".to_owned();
    let after = Some(Duration::from_secs(9));
    assert_eq!(answer, Answer::Retry { after, reason });
    let (answer, _) = over(script, Reply::status(404)).await;
    assert!(matches!(answer, Answer::Disabled { .. }), "{answer:?}");
}

/// Returns a server's identity for 127.0.0.1 and the certificate authority that vouches for it.
fn identity() -> (native_tls::Identity, native_tls::Certificate) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let pem = certificate.pem();
    (
        native_tls::Identity::from_pkcs8(pem.as_bytes(), key.serialize_pem().as_bytes()).unwrap(),
        native_tls::Certificate::from_pem(pem.as_bytes()).unwrap(),
    )
}

#[tokio::test]
async fn tls_is_spoken_and_verified() {
    use std::io::{Read as _, Write as _};
    let (identity, certificate) = identity();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/{TOKEN}", listener.local_addr().unwrap());
    let acceptor = native_tls::TlsAcceptor::new(identity).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // The first client does not trust the certificate and goes away.
            let Ok(mut stream) = acceptor.accept(stream.unwrap()) else {
                continue;
            };
            let mut begin = [0; 16];
            stream.read_exact(&mut begin).unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .unwrap();
            stream.shutdown().ok();
        }
    });
    let channel = channel("webhook", &[("url", &format!("!{url}"))]);
    let message = price(Telling::Fire);
    let answer = delivery()
        .send(&channel, &message.clone().into(), first_try())
        .await;
    let Answer::Retry { reason, .. } = answer else {
        panic!("{answer:?}");
    };
    assert!(
        reason.contains("certificate") && !reason.contains(TOKEN),
        "{reason}"
    );

    let tls = native_tls::TlsConnector::builder()
        .add_root_certificate(certificate)
        .build()
        .unwrap();
    let answer = delivery()
        .trusting(tls)
        .send(&channel, &message.clone().into(), first_try())
        .await;
    assert_eq!(answer, Answer::Taken { remote_ref: None });
}

#[tokio::test]
async fn a_rehearsal_shows_what_would_be_sent_and_sends_nothing() {
    let inbox = Inbox::start();
    let login = inbox
        .url(&format!("/{TOKEN}?key={TOKEN}"))
        .replace("http://", "http://user:pass@");
    let channel = channel(
        "webhook",
        &[
            ("url", &format!("!{login}")),
            ("secret", "!whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ],
    );
    let at = first_try().at;
    let requests = delivery()
        .rehearse(&channel, &Message::example(at), first_try())
        .await
        .unwrap();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].method, "POST");
    assert!(
        requests[0].body.contains("this is an example"),
        "{requests:?}"
    );
    assert!(
        requests[0]
            .headers
            .iter()
            .any(|(name, _)| name == "webhook-signature")
    );
    let shown = format!("{requests:?}");
    for secret in [TOKEN, "pass", "dXNlcjpwYXNz", "MfKQ9r8GKYqr"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(inbox.received(), []);
}

#[tokio::test]
async fn a_rehearsal_finds_settings_that_cannot_work() {
    for (options, expected) in [
        (
            &[("url", "!nowhere-to-be-found")][..],
            "the request's URL is not an http or https URL: relative URL without a base",
        ),
        (
            &[("url", "https://a.example"), ("secret", "!hunter2")],
            "the signing secret is not `whsec_` followed by base64",
        ),
    ] {
        let at = first_try().at;
        let answer = delivery()
            .rehearse(
                &channel("webhook", options),
                &Message::example(at),
                first_try(),
            )
            .await;
        let reason = expected.to_owned();
        assert_eq!(answer, Err(Answer::Disabled { reason }));
    }
}

#[tokio::test]
async fn other_limits_go_for_the_next_try() {
    let inbox = Inbox::start();
    let script = "fn requests(message, channel) {\nlet n = 0;\nfor i in 0..20000 { n += i; }\n\
                  [#{ url: channel.url, json: n }]\n}\n\
                  fn answer(reply, message, channel) { #{ answer: \"taken\" } }\n";
    let channel = scripted(
        Arc::new(source("busy", script)),
        &[("url", &inbox.url("/"))],
    );
    let delivery = delivery();
    let message = price(Telling::Fire);
    let answer = delivery
        .send(&channel, &message.clone().into(), first_try())
        .await;
    assert!(matches!(answer, Answer::Taken { .. }), "{answer:?}");
    delivery.limit(&Limits {
        operations: 1_000,
        ..Limits::default()
    });
    let answer = delivery
        .send(&channel, &message.clone().into(), first_try())
        .await;
    let reason = answer.reason().unwrap();
    assert!(reason.contains("operations"), "{reason}");
    assert_eq!(inbox.received().len(), 1);
}
