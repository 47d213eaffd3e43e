//! What a server says at each step, and what becomes of the message.

use std::time::Duration;

use oes::channel::answer::Answer;
use oes::channel::delivery::Attempt;
use oes::channel::email::Email;

use super::{login, opening, plain, send, send_as, server};
use crate::support::mail::{Do, MailServer};
use crate::support::messages::first_try;

/// Returns the first word of an answer's name and its reason, with the server's place as `SERVER`.
fn told(answer: &Answer, server: &MailServer) -> String {
    let place = server.address.to_string();
    let reason = answer
        .reason()
        .unwrap_or_default()
        .replace(&place, "SERVER");
    format!("{}: {reason}", answer.as_str())
}

/// Makes one try at a server that does this.
async fn at(step: &str, what: Do, change: impl FnOnce(&mut Email)) -> (String, usize) {
    let server = server();
    server.at(step, what);
    let mut email = plain(&server);
    email.timeout = Duration::from_secs(1);
    change(&mut email);
    let answer = send(&email, &opening()).await;
    (told(&answer, &server), server.mails().len())
}

fn same(_: &mut Email) {}

/// Step, what the server says there, and what becomes of it.
const REFUSALS: &[(&str, &str, &str)] = &[
    (
        "greeting",
        "421 4.3.2 shutting down",
        "retry: SERVER answered 421 4.3.2 shutting down",
    ),
    (
        "greeting",
        "554 5.7.1 listed",
        "retry: SERVER turned the connection away: 554 5.7.1 listed",
    ),
    (
        "EHLO",
        "502 no",
        "retry: SERVER turned the connection away: 502 no",
    ),
    (
        "MAIL",
        "451 4.7.1 later",
        "retry: SERVER answered 451 4.7.1 later",
    ),
    (
        "MAIL",
        "450 4.7.1 rate limit exceeded",
        "rate_limited: SERVER answered 450 4.7.1 rate limit exceeded",
    ),
    (
        "MAIL",
        "530 5.7.0 log in first",
        "disabled: SERVER wants a login: 530 5.7.0 log in first: set `username` and `password`",
    ),
    (
        "MAIL",
        "553 5.7.1 not yours",
        "disabled: SERVER refused the sender oes@example.io: 553 5.7.1 not yours: look at `from`",
    ),
    (
        "MAIL",
        "552 5.3.4 too large",
        "rejected: SERVER refused the mail: 552 5.3.4 too large",
    ),
    (
        "RCPT",
        "450 4.2.1 greylisted",
        "retry: no recipient yet: ops@example.io: 450 4.2.1 greylisted",
    ),
    (
        "RCPT",
        "452 4.5.3 too many recipients",
        "rate_limited: no recipient yet: ops@example.io: 452 4.5.3 too many recipients",
    ),
    (
        "RCPT",
        "421 4.3.2 down",
        "retry: SERVER answered 421 4.3.2 down",
    ),
    (
        "RCPT",
        "550 5.1.1 nobody",
        "rejected: every recipient was refused: ops@example.io: 550 5.1.1 nobody",
    ),
    (
        "RCPT",
        "551 5.1.6 moved",
        "rejected: every recipient was refused: ops@example.io: 551 5.1.6 moved",
    ),
    (
        "RCPT",
        "530 5.7.0 log in",
        "disabled: a login is wanted: ops@example.io: 530 5.7.0 log in: set `username` and `password`",
    ),
    (
        "DATA",
        "451 4.3.0 later",
        "retry: SERVER answered 451 4.3.0 later",
    ),
    (
        "DATA",
        "554 5.5.1 no",
        "rejected: SERVER refused the mail: 554 5.5.1 no",
    ),
    (
        "mail",
        "452 4.3.1 disk full",
        "retry: SERVER answered 452 4.3.1 disk full",
    ),
    (
        "mail",
        "554 5.7.1 spam",
        "rejected: SERVER refused the mail: 554 5.7.1 spam",
    ),
];

#[tokio::test]
async fn a_refusal_means_what_its_step_and_its_code_say() {
    for (step, said, expected) in REFUSALS {
        let (told, _) = at(step, Do::Say(said), same).await;
        assert_eq!(told, *expected, "{step}");
    }
}

#[tokio::test]
async fn a_login_that_is_refused_disables_and_shows_no_password() {
    for (said, expected) in [
        (
            "535 5.7.8 bad credentials",
            "disabled: SERVER refused the login: 535 5.7.8 bad credentials: look at `username` and `password`",
        ),
        (
            "534-5.7.9 Application-specific password required.\r\n534 5.7.9 See https://support.example.io",
            "disabled: SERVER refused the login: 534 5.7.9 Application-specific password required. See https://support.example.io: look at `username` and `password`",
        ),
        (
            "454 4.7.0 Too many login attempts",
            "rate_limited: SERVER answered 454 4.7.0 Too many login attempts",
        ),
        (
            "454 4.7.0 temporary",
            "retry: SERVER answered 454 4.7.0 temporary",
        ),
        // It says what it was sent.
        (
            "535 bad AG9lc0BleGFtcGxlLmlvAHA0c3MtdzByZC1uZXZlci1zZWVu p4ss-w0rd-never-seen",
            "disabled: SERVER refused the login: 535 bad *** ***: look at `username` and `password`",
        ),
    ] {
        let (told, _) = at("AUTH", Do::Say(said), |email| email.login = Some(login())).await;
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn both_ways_to_log_in_are_known() {
    for offered in ["250 AUTH PLAIN LOGIN", "250 AUTH LOGIN"] {
        let server = server();
        server.at("EHLO", Do::Say(offered));
        let mut email = plain(&server);
        email.login = Some(login());
        let answer = send(&email, &opening()).await;
        assert!(matches!(answer, Answer::Taken { .. }), "{answer:?}");
        assert_eq!(
            server.mails()[0].login.as_deref(),
            Some("oes@example.io p4ss-w0rd-never-seen")
        );
    }
    let none = |email: &mut Email| email.login = Some(login());
    let (told, _) = at("EHLO", Do::Say("250 mail.test"), none).await;
    assert_eq!(
        told,
        "retry: SERVER takes no login by PLAIN or LOGIN here: look at `port`, `tls` and `username`"
    );
}

#[tokio::test]
async fn only_what_fails_after_the_end_of_the_mail_is_unknown() {
    for (step, hang, close) in [
        (
            "greeting",
            "retry: SERVER took the connection and did not greet in time: look at `port` and `tls`",
            "retry: SERVER gave no answer: it closed the connection",
        ),
        (
            "AUTH",
            "retry: SERVER did not go on in time",
            "retry: SERVER gave no answer: it closed the connection",
        ),
        (
            "MAIL",
            "retry: SERVER did not go on in time",
            "retry: SERVER gave no answer: it closed the connection",
        ),
        (
            "RCPT",
            "retry: SERVER did not go on in time",
            "retry: SERVER gave no answer: it closed the connection",
        ),
        (
            "DATA",
            "retry: SERVER did not go on in time",
            "retry: SERVER gave no answer: it closed the connection",
        ),
        (
            "mail",
            "unknown: SERVER got the mail and did not answer in time",
            "unknown: SERVER got the mail and gave no answer: it closed the connection",
        ),
    ] {
        let logs_in = |email: &mut Email| email.login = Some(login());
        assert_eq!(at(step, Do::Hang, logs_in).await.0, hang, "{step}");
        assert_eq!(at(step, Do::Close, logs_in).await.0, close, "{step}");
    }
}

/// The whole mail fits into the buffers of the connection, so that nobody can know how much of it the server read.
#[tokio::test]
async fn a_server_that_goes_away_in_the_midst_of_a_small_mail_leaves_it_open_or_has_not_got_it() {
    let (told, mails) = at("354", Do::Close, same).await;
    assert!(
        told.starts_with("unknown: ") || told.starts_with("retry: "),
        "{told}"
    );
    assert_eq!(mails, 0);
}

#[tokio::test]
async fn an_answer_after_goodbye_changes_nothing() {
    for what in [Do::Hang, Do::Close, Do::Say("500 what?")] {
        let (told, mails) = at("QUIT", what, same).await;
        assert_eq!((&*told, mails), ("taken: ", 1));
    }
}

#[tokio::test]
async fn the_others_are_told_where_a_recipient_is_refused_for_good() {
    let server = server();
    server.at("RCPT TO:<gone@", Do::Say("550 5.1.1 no <such> user"));
    let mut email = plain(&server);
    email.cc = vec!["gone@example.io".parse().unwrap()];
    let answer = send(&email, &opening()).await;
    assert!(matches!(answer, Answer::Taken { .. }), "{answer:?}");
    let mail = server.mails().remove(0);
    assert_eq!(mail.to, ["ops@example.io"]);
    let said = "not delivered to gone@example.io: 550 5.1.1 no <such> user";
    assert!(
        mail.part("text/plain").ends_with(said),
        "{}",
        mail.part("text/plain")
    );
    assert!(
        mail.part("text/html")
            .contains("550 5.1.1 no &lt;such&gt; user")
    );
}

#[tokio::test]
async fn all_wait_for_a_recipient_who_is_refused_for_now_but_not_for_long() {
    let server = server();
    server.at("RCPT TO:<slow@", Do::Say("451 4.7.1 greylisted"));
    let mut email = plain(&server);
    email.to.push("slow@example.io".parse().unwrap());
    for number in 1..=3 {
        let attempt = Attempt {
            number,
            ..first_try()
        };
        let answer = send_as(&email, &opening(), attempt).await;
        assert!(matches!(answer, Answer::Retry { .. }), "{answer:?}");
        assert_eq!(server.mails().len(), 0);
    }
    let attempt = Attempt {
        number: 4,
        ..first_try()
    };
    let answer = send_as(&email, &opening(), attempt).await;
    assert!(matches!(answer, Answer::Taken { .. }), "{answer:?}");
    let text = server.mails()[0].part("text/plain");
    assert!(
        text.ends_with("not delivered to slow@example.io: 451 4.7.1 greylisted"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_got_nothing() {
    let server = server();
    let mut email = plain(&server);
    "nothing.invalid".clone_into(&mut email.host);
    let answer = send(&email, &opening()).await;
    let reason = answer.reason().unwrap();
    assert!(matches!(answer, Answer::Retry { .. }), "{answer:?}");
    assert!(
        reason.contains("nothing.invalid") && reason.contains("cannot be looked up"),
        "{reason}"
    );
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    email = plain(&server);
    email.port = closed.port();
    let answer = send(&email, &opening()).await;
    assert!(
        matches!(&answer, Answer::Retry { reason, .. } if reason.contains("refused")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_server_that_speaks_something_else_got_nothing() {
    let (told, _) = at("greeting", Do::Say("HTTP/1.1 400 Bad Request"), same).await;
    let expected = "retry: SERVER gave no answer: what it said is no SMTP";
    assert_eq!(told, expected);
}
