//! The daemon and a mail server.

use std::time::Duration;

use super::rig::{Rig, eventually, ledger};
use crate::support::authority::Authority;
use crate::support::mail::{Do, MailServer, Protection};

const GRACE: Duration = Duration::from_secs(5);

/// Returns a config that tells this server and nobody else.
fn config(rig: &Rig, server: &MailServer) -> String {
    let config = rig.config(&["price"]);
    let (before, after) = config.split_once("[[channels]]").unwrap();
    let (_, services) = after.split_once("[[services]]").unwrap();
    let (ip, port) = (server.address.ip(), server.address.port());
    format!(
        "{before}[[channels]]\nname = \"mail\"\nkind = \"email\"\nhost = \"{ip}\"\nport = {port}\nca = \"ca.pem\"\n\
         username = \"oes\"\npassword = \"p4ss-w0rd\"\nfrom = \"oes@example.io\"\nto = \"ops@example.io\"\n\
         [[services]]{services}"
    )
}

/// Returns a server, and a daemon's folder that trusts it.
fn desk() -> (Rig, MailServer) {
    let (rig, ca) = (Rig::new(), Authority::new());
    let server = MailServer::start(Protection::StartTls(ca.leaf(2020, 2100)));
    rig.write("ca.pem", &String::from_utf8(ca.pem()).unwrap());
    rig.write("oes.toml", &config(&rig, &server));
    (rig, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_a_thread_of_two_mails() {
    let (rig, server) = desk();
    rig.api.answers("/price", 503, "{}");
    let daemon = rig.start().await;
    let opened = server.wait_for(1).await.remove(0);
    rig.api.answers("/price", 200, "{}");
    let resolved = server.wait_for(2).await.remove(1);
    assert_eq!(opened.header("Subject"), "[OES] price · error");
    assert_eq!(resolved.header("Subject"), "Re: [OES] price · error");
    assert_eq!(resolved.header("References"), opened.header("Message-ID"));
    assert_eq!(
        resolved.header("X-OES-Incident"),
        opened.header("X-OES-Incident")
    );
    assert!(
        opened
            .part("text/plain")
            .starts_with("✗ OPEN  price · error")
    );
    assert!(
        resolved
            .part("text/plain")
            .starts_with("✓ RESOLVED  price · error resolved after")
    );
    assert!(opened.encrypted && opened.login.is_some());
    eventually("the references to be kept", || {
        let ledger = ledger(&daemon);
        let kept = ledger
            .channels
            .values()
            .all(|state| state.last_success.is_some());
        kept.then_some(()).ok_or(format!("{ledger:?}"))
    })
    .await;
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_whose_fate_is_not_known_comes_again_under_the_same_name() {
    let (rig, server) = desk();
    server.at("mail", Do::Close);
    rig.api.answers("/price", 503, "{}");
    let daemon = rig.start().await;
    server.wait_for(1).await;
    server.at("mail", Do::Say("250 taken"));
    let mails = server.wait_for(2).await;
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    assert!(!mails[0].part("text/plain").contains("possible repeat"));
    assert!(mails[1].part("text/plain").contains("possible repeat"));
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_disables_the_channel_until_its_password_changes() {
    let (rig, server) = desk();
    server.at("AUTH", Do::Say("535 5.7.8 bad credentials"));
    rig.api.answers("/price", 503, "{}");
    let daemon = rig.start().await;
    let why = eventually("a disabled channel", || {
        let ledger = ledger(&daemon);
        let state = ledger.channels.values().next();
        state
            .and_then(|state| state.disabled.clone())
            .ok_or(format!("{:?}", ledger.channels))
    })
    .await;
    assert!(
        why.contains("535 5.7.8 bad credentials: look at `username` and `password`"),
        "{why}"
    );
    server.at("AUTH", Do::Say("235 welcome"));
    let other = config(&rig, &server).replace("p4ss-w0rd", "0ther-pass");
    rig.write("oes.toml", &other);
    daemon.reload();
    let mail = server.wait_for(1).await.remove(0);
    assert_eq!(mail.login.as_deref(), Some("oes 0ther-pass"));
    daemon.stop(GRACE).await;
}
