//! E-mail over real sockets: the mail that arrives, and what each answer of a server means.

mod answers;
mod letters;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use oes::channel::answer::Answer;
use oes::channel::delivery::Attempt;
use oes::channel::email::{Email, Login, Security};
use oes::channel::fingerprint::fingerprint;
use oes::channel::message::Message;
use oes::channel::settings::{ChannelKind, Settings};
use oes::model::secret::Secret;
use oes::model::service::ChannelName;
use oes::policy::owed::Telling;

use crate::support::mail::{MailServer, Protection};
use crate::support::messages::{first_try, price};
use crate::support::scripts::delivery;

/// The password of every login.
const PASSWORD: &str = "p4ss-w0rd-never-seen";

/// Returns settings for a server on loopback without TLS or login.
fn plain(server: &MailServer) -> Email {
    Email {
        host: server.address.ip().to_string(),
        port: server.address.port(),
        security: Security::None,
        login: None,
        ca_pem: None,
        timeout: Duration::from_secs(10),
        from: "OES <oes@example.io>".parse().unwrap(),
        to: vec!["ops@example.io".parse().unwrap()],
        cc: Vec::new(),
        reply_to: None,
        headers: Vec::new(),
    }
}

fn login() -> Login {
    Login {
        username: Secret::plain("oes@example.io"),
        password: Secret::hidden(PASSWORD),
    }
}

fn channel(email: Email) -> Settings {
    Settings {
        name: ChannelName::new("mail"),
        kind: ChannelKind::Email(Arc::new(email)),
        fallback: None,
        options: std::collections::BTreeMap::new(),
    }
}

/// Makes one try.
async fn send(email: &Email, message: &Message) -> Answer {
    send_as(email, message, first_try()).await
}

async fn send_as(email: &Email, message: &Message, attempt: Attempt) -> Answer {
    let answer = delivery()
        .send(&channel(email.clone()), message, attempt)
        .await;
    assert!(!format!("{answer:?}").contains(PASSWORD), "{answer:?}");
    answer
}

fn opening() -> Message {
    price(Telling::Fire).into()
}

fn server() -> MailServer {
    MailServer::start(Protection::None)
}

#[test]
fn a_channel_that_was_disabled_notices_every_change_of_its_settings() {
    let server = server();
    let first = plain(&server);
    let with_login = |password: &str| {
        let password = Secret::hidden(password);
        let login = Login {
            password,
            ..login()
        };
        Email {
            login: Some(login),
            ..plain(&server)
        }
    };
    let changed = [
        Email {
            port: 1,
            ..plain(&server)
        },
        Email {
            security: Security::Implicit,
            ..plain(&server)
        },
        Email {
            from: "a@example.io".parse().unwrap(),
            ..plain(&server)
        },
        Email {
            cc: first.to.clone(),
            ..plain(&server)
        },
        Email {
            ca_pem: Some(Arc::from(&b"x"[..])),
            ..plain(&server)
        },
        Email {
            headers: vec![("X-A".to_owned(), "b".to_owned())],
            ..plain(&server)
        },
        with_login("one-password"),
        with_login("other-password"),
    ];
    let mut seen: std::collections::BTreeSet<String> =
        [fingerprint(&channel(first.clone()))].into();
    assert!(!seen.insert(fingerprint(&channel(first))), "the same");
    for email in changed {
        assert!(
            seen.insert(fingerprint(&channel(email.clone()))),
            "{email:?}"
        );
    }
}
