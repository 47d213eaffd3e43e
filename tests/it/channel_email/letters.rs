//! The mails themselves.

use std::time::Duration;

use insta::assert_snapshot;
use oes::channel::answer::Answer;
use oes::channel::message::{Colour, Counts, Message};
use oes::model::service::ServiceName;
use oes::policy::owed::{Telling, Unheard};

use super::{opening, plain, send, server};
use crate::support::mail::Mail;
use crate::support::messages::{full_of, price};

/// Sends messages one after another; returns the mails.
async fn arrive(messages: &[Message]) -> Vec<Mail> {
    let server = server();
    for message in messages {
        let answer = send(&plain(&server), message).await;
        assert!(
            matches!(
                answer,
                Answer::Taken {
                    remote_ref: Some(_)
                }
            ),
            "{answer:?}"
        );
    }
    server.mails()
}

#[tokio::test]
async fn a_mail_says_what_every_channel_says() {
    let server = server();
    let mut email = plain(&server);
    email.cc = vec!["Ännë <boss@example.io>".parse().unwrap()];
    email.reply_to = Some("team@example.io".parse().unwrap());
    email.headers = vec![("X-Team".to_owned(), "Prüfer".to_owned())];
    let message = opening();
    send(&email, &message).await;
    let mail = server.mails().remove(0);
    assert_eq!(mail.from, "oes@example.io");
    assert_eq!(mail.to, ["ops@example.io", "boss@example.io"]);
    let headers = [
        "From",
        "To",
        "Cc",
        "Reply-To",
        "Subject",
        "Date",
        "Message-ID",
        "In-Reply-To",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
        "X-OES-Kind",
        "X-OES-Incident",
        "X-Team",
        "MIME-Version",
    ];
    let headers: Vec<String> = headers
        .iter()
        .map(|name| format!("{name}: {}", mail.header(name)))
        .collect();
    assert_snapshot!(headers.join("\n"), @r"
    From: OES <oes@example.io>
    To: ops@example.io
    Cc: Ännë <boss@example.io>
    Reply-To: team@example.io
    Subject: [OES] price-api · error
    Date: Thu, 01 Jan 2026 02:14:43 +0000
    Message-ID: <01J8ZK4N6P7Q8R9S.a7d6bfc3@example.io>
    In-Reply-To: 
    Auto-Submitted: auto-generated
    X-Auto-Response-Suppress: All
    X-OES-Kind: opened
    X-OES-Incident: 01J8ZK4N6P7Q8R9S
    X-Team: Prüfer
    MIME-Version: 1.0
    ");
    assert!(mail.raw.is_ascii());
    assert!(
        mail.raw.lines().all(|line| line.len() <= 78),
        "{}",
        mail.raw
    );
    assert_eq!(
        mail.part("text/plain"),
        message.to_text(Colour::Plain).trim_end()
    );
}

#[tokio::test]
async fn the_html_says_the_same_in_the_same_order() {
    let mail = arrive(&[opening()]).await.remove(0);
    assert_snapshot!(mail.part("text/html"), @r#"
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="supported-color-schemes" content="light dark">
    <title>[OES] price-api · error</title>
    </head>
    <body style="margin:0;padding:16px">
    <div style="max-width:640px;margin:0 auto;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:1.45;overflow-wrap:anywhere;word-break:break-word">
    <div style="margin:0 0 8px"><span style="background:#c0271d;color:#ffffff;border-radius:4px;padding:2px 8px;font-weight:bold;white-space:nowrap">✗ OPEN</span></div>
    <div style="font-size:20px;line-height:1.3;font-weight:bold">price-api · error</div>
    <div style="margin-top:4px">4 of the last 7 probes failed, more than 50 %</div>
    <div style="margin-top:16px">$.price: expected number, got string &quot;1.31&quot;</div>
    <div style="margin-top:4px"><span style="color:#767676;font-size:14px">expected</span>&nbsp; 1.28</div>
    <div style="margin-top:4px"><span style="color:#767676;font-size:14px">found by</span>&nbsp; [price.shape] scripts/price_sanity.rhai:2:15</div>
    <div style="margin-top:4px"><span style="color:#767676;font-size:14px">and</span>&nbsp; 2 more findings</div>
    <div style="margin-top:16px"><span style="color:#767676;font-size:14px">exchange</span>&nbsp; GET https://api.example.io/asset/price/x → 200 in 214 ms</div>
    <div style="margin-top:4px"><span style="color:#767676;font-size:14px">since</span>&nbsp; 2026-01-01 02:13:07 UTC (95 s)</div>
    <div style="margin-top:4px"><span style="color:#767676;font-size:14px">last good</span>&nbsp; 2026-01-01 02:09:07 UTC</div>
    <div style="margin-top:4px"><span style="color:#767676;font-size:14px">probes</span>&nbsp; ✓✓✓✗✗✗✗  ▂▂▂▂███  p50 214 ms</div>
    <div style="margin-top:4px"><span style="color:#767676;font-size:14px">runbook</span>&nbsp; <a href="https://wiki.example.io/price" style="color:inherit">https://wiki.example.io/price</a></div>
    <div style="margin-top:4px"><span style="color:#767676;font-size:14px">service</span>&nbsp; GET https://api.example.io/asset/price/x · critical · group prices · tags edge</div>
    <div style="margin-top:4px"><span style="color:#767676;font-size:14px">incident</span>&nbsp; 01J8ZK4N6P7Q8R9S</div>
    </div>
    </body>
    </html>
    "#);
}

#[tokio::test]
async fn what_follows_an_opening_answers_it_under_the_same_subject() {
    let tellings = [
        Telling::Fire,
        Telling::Reminder,
        Telling::Acked,
        Telling::Resolve,
        Telling::Unwatched,
    ];
    let messages = tellings.map(|telling| {
        let mut message = price(telling);
        message.sending.message_id = format!("id{}", message.kind());
        message.into()
    });
    let mails = arrive(&messages).await;
    let opened = mails[0].header("Message-ID");
    assert_eq!(mails[0].header("Subject"), "[OES] price-api · error");
    assert_eq!(mails[0].header("References"), "");
    let mut ids = std::collections::BTreeSet::from([opened.clone()]);
    for mail in &mails[1..] {
        assert_eq!(mail.header("In-Reply-To"), opened);
        assert_eq!(mail.header("References"), opened);
        assert_eq!(mail.header("Subject"), "Re: [OES] price-api · error");
        assert!(ids.insert(mail.header("Message-ID")), "a name of its own");
    }
    assert!(
        mails[3]
            .part("text/plain")
            .starts_with("✓ RESOLVED  price-api · error resolved after 28 min")
    );
}

#[tokio::test]
async fn a_retry_has_the_same_name_and_another_channel_another() {
    let server = server();
    let email = plain(&server);
    let first = send(&email, &opening()).await;
    assert_eq!(send(&email, &opening()).await, first);
    let other = oes::channel::settings::Settings {
        name: oes::model::service::ChannelName::new("other"),
        ..super::channel(email)
    };
    let delivery = crate::support::scripts::delivery();
    let attempt = crate::support::messages::first_try();
    assert_ne!(delivery.send(&other, &opening(), attempt).await, first);
}

#[tokio::test]
async fn an_outage_and_a_digest_stand_alone() {
    let outage = price(Telling::Outage(Unheard::Brief));
    let digest = price(Telling::Fire).as_digest(Counts {
        open: 0,
        over: 0,
        services: 40,
    });
    let mails = arrive(&[outage.into(), digest.into()]).await;
    assert_eq!(
        mails[0].header("Subject"),
        "[OES] price-api · error was open for 28 min"
    );
    assert_eq!(mails[1].header("Subject"), "[OES] 40 services · all clear");
    assert!(
        mails
            .iter()
            .all(|mail| mail.header("References").is_empty())
    );
}

#[tokio::test]
async fn a_storm_is_one_thread_and_shows_its_worst() {
    let storm = |open, over, id: &str| -> Message {
        let counts = Counts {
            open,
            over,
            services: 1_200,
        };
        let mut summary = price(Telling::Fire).as_storm(counts, None);
        summary.id = "5f0c9a115f0c9a11".to_owned();
        id.clone_into(&mut summary.sending.message_id);
        summary.into()
    };
    let mails = arrive(&[
        storm(1_000, 0, "5f0c9a115f0c9a1100ff"),
        storm(0, 1_000, "77"),
    ])
    .await;
    let first = mails[0].header("Message-ID");
    assert_eq!(mails[0].header("Subject"), "[OES] storm · 5f0c9a11");
    assert_eq!(mails[0].header("References"), "");
    assert_eq!(mails[1].header("Subject"), "Re: [OES] storm · 5f0c9a11");
    assert_eq!(mails[1].header("References"), first);
    let text = mails[0].part("text/plain");
    assert!(
        text.starts_with("✗ STORM  1000 of 1200 services · 1000 incidents open"),
        "{text}"
    );
    assert!(text.contains("… 181 lines more"), "{text}");
    let html = mails[0].part("text/html");
    assert!(html.contains("181 lines more"), "{html}");
    assert!(mails[0].raw.len() < 30_000, "{}", mails[0].raw.len());
    assert!(mails[1].part("text/plain").starts_with("✓ STORM OVER"));
}

#[tokio::test]
async fn names_bring_neither_headers_nor_markup() {
    let hostile =
        "x\r\nBcc: evil@example.io\r\n\r\n<script>alert(1)</script>\n.\r\nMAIL FROM:<a@b> <b>\"'&";
    let mut resolved = full_of(hostile);
    resolved.telling = Telling::Resolve;
    let mails = arrive(&[full_of(hostile).into(), resolved.into()]).await;
    assert_eq!(mails.len(), 2, "no mail within a mail");
    for mail in mails {
        let names = mail.header_names();
        assert!(names.iter().all(|name| name != "Bcc"), "{names:?}");
        assert_eq!(mail.to, ["ops@example.io"]);
        assert!(
            mail.header("Subject")
                .contains("[OES] x  Bcc: evil@example.io    <script>")
        );
        let html = mail.part("text/html");
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
        assert!(
            html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
            "{html}"
        );
        assert!(!mail.part("text/plain").contains('\r'));
    }
}

#[tokio::test]
async fn long_names_are_cut_in_the_subject_and_whole_in_the_text() {
    let name = "ü".repeat(5_000);
    let mut message = price(Telling::Fire);
    message.subject.name = ServiceName::new(name.clone());
    let mail = arrive(&[message.into()]).await.remove(0);
    let subject = mail.header("Subject");
    assert_eq!(subject.chars().count(), 180);
    assert!(subject.ends_with("ü…"), "{subject}");
    assert!(mail.raw.lines().all(|line| line.len() <= 78));
    assert!(mail.part("text/plain").contains(&name));
}

#[tokio::test]
async fn only_addresses_of_the_web_are_links() {
    let mut message = price(Telling::Fire);
    message.subject.runbook = Some("javascript:alert(1)".to_owned());
    message.sending.link = Some("https://oes.example.io/i/1?a=1&b=\"".into());
    let mail = arrive(&[message.into()]).await.remove(0);
    let html = mail.part("text/html");
    assert!(
        html.contains("<a href=\"https://oes.example.io/i/1?a=1&amp;b=%22\""),
        "{html}"
    );
    assert!(!html.contains("href=\"javascript"), "{html}");
}

#[tokio::test]
async fn a_mail_is_there_within_a_moment() {
    let begun = tokio::time::Instant::now();
    arrive(&[opening()]).await;
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
}
