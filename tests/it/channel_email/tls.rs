//! What protects the connection.

use std::sync::Arc;
use std::time::Duration;

use oes::channel::answer::Answer;
use oes::channel::email::{Email, Security};

use super::{login, opening, plain, send, server};
use crate::support::authority::Authority;
use crate::support::mail::{Do, MailServer, Protection};

fn trusting(server: &MailServer, security: Security, ca: &Authority) -> Email {
    Email {
        security,
        ca_pem: Some(Arc::from(ca.pem())),
        login: Some(login()),
        timeout: Duration::from_secs(2),
        ..plain(server)
    }
}

/// Returns a server for each way to encrypt, with a certificate of these years.
fn servers(ca: &Authority, from: i32, until: i32) -> [(MailServer, Security); 2] {
    let leaf = || ca.leaf(from, until);
    [
        (
            MailServer::start(Protection::StartTls(leaf())),
            Security::StartTls,
        ),
        (
            MailServer::start(Protection::Implicit(leaf())),
            Security::Implicit,
        ),
    ]
}

#[tokio::test]
async fn login_and_mail_go_encrypted() {
    let ca = Authority::new();
    for (server, security) in servers(&ca, 2020, 2100) {
        let answer = send(&trusting(&server, security, &ca), &opening()).await;
        assert!(matches!(answer, Answer::Taken { .. }), "{answer:?}");
        let mail = server.mails().remove(0);
        assert!(mail.encrypted);
        assert_eq!(
            mail.login.as_deref(),
            Some("oes@example.io p4ss-w0rd-never-seen")
        );
    }
}

#[tokio::test]
async fn a_certificate_that_is_refused_is_said_in_words_and_nothing_is_sent() {
    let (ca, other) = (Authority::new(), Authority::new());
    for (from, until, trusted, host, expected) in [
        (
            2020,
            2021,
            &ca,
            "127.0.0.1",
            "its certificate is refused (certificate has expired)",
        ),
        (
            2098,
            2100,
            &ca,
            "127.0.0.1",
            "its certificate is refused (certificate is not yet valid or the system clock is incorrect)",
        ),
        (
            2020,
            2100,
            &other,
            "127.0.0.1",
            "its certificate is not trusted here (certificate signature failure): `ca` names the file of an authority of your own",
        ),
        (
            2020,
            2100,
            &ca,
            "localhost",
            "its certificate is for another name (hostname mismatch): look at `host`",
        ),
    ] {
        for (server, security) in servers(&ca, from, until) {
            let mut email = trusting(&server, security, trusted);
            host.clone_into(&mut email.host);
            let answer = send(&email, &opening()).await;
            assert!(matches!(answer, Answer::Retry { .. }), "{answer:?}");
            let reason = answer.reason().unwrap();
            assert_eq!(reason, format!("no TLS with {}: {expected}", email.place()));
            let commands = server.commands();
            assert!(
                commands
                    .iter()
                    .all(|one| one.starts_with("EHLO") || one == "STARTTLS"),
                "{commands:?}"
            );
        }
    }
}

#[tokio::test]
async fn without_starttls_nothing_is_said() {
    let server = server();
    let mut email = plain(&server);
    email.security = Security::StartTls;
    email.login = Some(login());
    let answer = send(&email, &opening()).await;
    let place = email.place();
    assert_eq!(
        answer,
        Answer::Retry {
            after: None,
            reason: format!(
                "{place} offers no STARTTLS, and nothing is sent unencrypted: look at `port` and `tls`"
            )
        }
    );
    assert!(
        server.commands().iter().all(|one| one.starts_with("EHLO")),
        "{:?}",
        server.commands()
    );
}

#[tokio::test]
async fn a_starttls_that_fails_is_tried_again() {
    let ca = Authority::new();
    for (what, expected) in [
        (
            Do::Say("454 4.7.0 TLS not available"),
            "refused STARTTLS: 454 4.7.0 TLS not available",
        ),
        (Do::Close, "it closed the connection"),
        (Do::Hang, "the TLS handshake with"),
        // Somebody in between may add answers before TLS begins, which must not count after it.
        (
            Do::Say(
                "220 go ahead\r\n250 AUTH PLAIN\r\n235 welcome\r\n250 ok\r\n250 ok\r\n354 go on\r\n250 taken",
            ),
            "somebody in between added to the answer to STARTTLS",
        ),
    ] {
        let server = MailServer::start(Protection::StartTls(ca.leaf(2020, 2100)));
        server.at("STARTTLS", what);
        let answer = send(&trusting(&server, Security::StartTls, &ca), &opening()).await;
        assert!(matches!(answer, Answer::Retry { .. }), "{answer:?}");
        let reason = answer.reason().unwrap();
        assert!(reason.contains(expected), "{reason}");
        assert_eq!(server.mails().len(), 0);
    }
}

#[tokio::test]
async fn the_two_ways_to_encrypt_are_not_each_other() {
    let ca = Authority::new();
    let [(upgrading, _), (implicit, _)] = servers(&ca, 2020, 2100);
    let answer = send(&trusting(&upgrading, Security::Implicit, &ca), &opening()).await;
    assert!(
        matches!(&answer, Answer::Retry { reason, .. } if reason.ends_with("it does not speak TLS on this port: look at `port` and `tls`")),
        "{answer:?}"
    );
    let answer = send(&trusting(&implicit, Security::StartTls, &ca), &opening()).await;
    assert!(
        matches!(&answer, Answer::Retry { reason, .. } if reason.contains("did not greet in time: look at `port` and `tls`")),
        "{answer:?}"
    );
}
