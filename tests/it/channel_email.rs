//! E-mail over real sockets: the mail that arrives, and what each answer of a server means.

mod answers;
mod letters;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use oes::channel::answer::Answer;
use oes::channel::delivery::Attempt;
use oes::channel::email::{Email, Login, Security};
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

fn login() -> Option<Login> {
    Some(Login {
        username: Secret::plain("oes@example.io"),
        password: Secret::hidden(PASSWORD),
    })
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
