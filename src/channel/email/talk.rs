//! The dialogue of one try, step by step, so that each failure says how far it came.

use std::sync::atomic::{AtomicBool, Ordering};

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, AsyncTokioStream, Certificate, TlsParameters, TlsVersion,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::letter::Letter;
use super::line::Line;
use super::meaning::{self, Trouble};
use super::{Email, Security};
use crate::channel::answer::Answer;
use crate::channel::dial::dial;
use crate::model::causes::once;

/// The ways to log in, best first.
const MECHANISMS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];

/// The largest piece of a mail that is written at once.
const PIECE_BYTES: usize = 16 << 10;

/// What a server may take to say goodbye.
const GOODBYE: Duration = Duration::from_millis(500);

/// In so many tries a mail waits for a recipient who is refused for now; then the others get it.
const TRIES_FOR_ALL: u32 = 3;

/// Sends a letter before the deadline.
///
/// # Errors
/// What it means that it was not taken.
pub(super) async fn send(
    email: &Email,
    letter: &Letter<'_>,
    attempt: u32,
    deadline: Instant,
) -> Result<(), Answer> {
    let mut talk = Talk::begin(email, deadline).await?;
    talk.log_in().await?;
    let refused = talk.address(attempt).await?;
    let mail = letter.bytes(&refused).map_err(Answer::retry)?;
    talk.hand_over(&mail).await?;
    talk.end().await;
    Ok(())
}

/// A dialogue that has begun.
struct Talk<'a> {
    email: &'a Email,
    connection: AsyncSmtpConnection,
    /// Whether a write failed.
    broken: std::sync::Arc<AtomicBool>,
    deadline: Instant,
}

impl<'a> Talk<'a> {
    /// Connects, and protects the connection as the config says.
    async fn begin(email: &'a Email, deadline: Instant) -> Result<Self, Answer> {
        let no_connection =
            |why: &str| Answer::retry(format!("no connection to {}: {why}", email.place()));
        let stream = timeout_at(deadline, dial(&email.host, email.port))
            .await
            .map_err(|_| no_connection("it does not answer"))?
            .map_err(|error| no_connection(&once(&error)))?;
        let ends = stream
            .peer_addr()
            .and_then(|peer| Ok((peer, stream.local_addr()?)));
        let (peer, own) = ends.map_err(|error| no_connection(&error.to_string()))?;
        let hello = match own.ip() {
            IpAddr::V4(address) => ClientId::Ipv4(address),
            IpAddr::V6(address) => ClientId::Ipv6(address),
        };
        match email.security {
            Security::Implicit => {
                let stream = encrypted(email, stream, deadline).await?;
                Self::over(email, stream, peer, &hello, deadline).await
            }
            Security::None => Self::over(email, stream, peer, &hello, deadline).await,
            Security::StartTls => {
                let mut talk = Self::over(email, stream, peer, &hello, deadline).await?;
                talk.encrypt(&hello).await?;
                Ok(talk)
            }
        }
    }

    /// Waits for the greeting over a stream, and answers it.
    async fn over<S>(
        email: &'a Email,
        stream: S,
        peer: SocketAddr,
        hello: &ClientId,
        deadline: Instant,
    ) -> Result<Self, Answer>
    where
        Line<S>: AsyncTokioStream + 'static,
    {
        let line = Line::new(stream, peer);
        let broken = line.broken();
        let connection = AsyncSmtpConnection::connect_with_transport(Box::new(line), hello);
        let connection = step(deadline, connection)
            .await
            .map_err(|trouble| meaning::of_greeting(email, trouble))?;
        Ok(Self {
            email,
            connection,
            broken,
            deadline,
        })
    }

    /// Asks for TLS; without it nothing more is said.
    async fn encrypt(&mut self, hello: &ClientId) -> Result<(), Answer> {
        let email = self.email;
        if !self.connection.can_starttls() {
            return Err(Answer::retry(format!(
                "{} offers no STARTTLS, and nothing is sent unencrypted: look at `port` and `tls`",
                email.place()
            )));
        }
        let parameters = parameters(email)
            .map_err(|error| Answer::retry(format!("TLS cannot be set up: {}", once(&error))))?;
        let encrypted = self.connection.starttls(parameters, hello);
        step(self.deadline, encrypted)
            .await
            .map_err(|trouble| meaning::of_tls(email, trouble))
    }

    async fn log_in(&mut self) -> Result<(), Answer> {
        let email = self.email;
        let Some(login) = &email.login else {
            return Ok(());
        };
        let server = self.connection.server_info();
        if server.get_auth_mechanism(&MECHANISMS).is_none() {
            return Err(Answer::retry(format!(
                "{} takes no login by PLAIN or LOGIN here: look at `port`, `tls` and `username`",
                email.place()
            )));
        }
        let (username, password) = (login.username.expose(), login.password.expose());
        let credentials = Credentials::new(username.to_owned(), password.to_owned());
        let greeted = self.connection.auth(&MECHANISMS, &credentials);
        step(self.deadline, greeted)
            .await
            .map(|_| ())
            .map_err(|trouble| meaning::of_login(email, trouble))
    }

    /// Says who sends and who is told; returns who of these does not get the mail, and why.
    async fn address(&mut self, attempt: u32) -> Result<Vec<String>, Answer> {
        let email = self.email;
        let sender = Mail::new(Some(email.from.email.clone()), Vec::new());
        let sender = self.connection.command(sender);
        step(self.deadline, sender)
            .await
            .map_err(|trouble| meaning::of_sender(email, trouble))?;
        let mut refused: Vec<(&Mailbox, u16, String)> = Vec::new();
        for recipient in email.recipients() {
            let command = Rcpt::new(recipient.email.clone(), Vec::new());
            match step(self.deadline, self.connection.command(command)).await {
                Ok(_) => {}
                Err(Trouble::Said { code, text }) if code != 421 => {
                    refused.push((recipient, code, text));
                }
                Err(trouble) => return Err(meaning::before_the_end(email, trouble)),
            }
        }
        let words =
            |(to, code, text): &(&Mailbox, u16, String)| format!("{}: {code} {text}", to.email);
        let all = refused.len() == email.recipients().count();
        let passing = refused.iter().find(|(_, code, _)| *code < 500);
        match passing {
            Some((_, code, _)) if all || attempt <= TRIES_FOR_ALL => {
                let words: Vec<String> = refused.iter().map(words).collect();
                Err(meaning::of_passing(*code, &words.join("; ")))
            }
            None if all => {
                let words: Vec<String> = refused.iter().map(words).collect();
                let login = refused.iter().all(|(_, code, _)| *code == 530);
                Err(meaning::of_recipients(login, &words.join("; ")))
            }
            _ => Ok(refused.iter().map(words).collect()),
        }
    }

    /// Sends the mail, and waits until the server has it.
    async fn hand_over(&mut self, mail: &[u8]) -> Result<(), Answer> {
        let email = self.email;
        step(self.deadline, self.connection.command(Data))
            .await
            .map_err(|trouble| meaning::of_mail(email, trouble))?;
        let ended = AtomicBool::new(false);
        // What ends the mail is written once there is no further piece.
        let end = std::iter::from_fn(|| {
            ended.store(true, Ordering::Relaxed);
            None
        });
        let pieces = mail.chunks(PIECE_BYTES).chain(end);
        let answered = step(self.deadline, self.connection.message_iter(pieces)).await;
        let arrived = ended.load(Ordering::Relaxed) && !self.broken.load(Ordering::Relaxed);
        answered.map(|_| ()).map_err(|trouble| match trouble {
            Trouble::Said { .. } => meaning::of_mail(email, trouble),
            _ if arrived => meaning::after_the_end(email, trouble),
            _ => meaning::before_the_end(email, trouble),
        })
    }

    /// Says goodbye; the mail is taken, whatever comes of it.
    async fn end(mut self) {
        let _goodbye = timeout(GOODBYE, self.connection.quit()).await.is_ok();
    }
}

/// Waits for one step.
async fn step<T>(
    deadline: Instant,
    step: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<T, Trouble> {
    match timeout_at(deadline, step).await {
        Ok(result) => result.map_err(Trouble::from),
        Err(_) => Err(Trouble::Late),
    }
}

/// Returns what the upgrade to TLS trusts.
fn parameters(email: &Email) -> Result<TlsParameters, lettre::transport::smtp::Error> {
    let mut builder =
        TlsParameters::builder(email.host.clone()).set_min_tls_version(TlsVersion::Tlsv12);
    if let Some(pem) = &email.ca_pem {
        for certificate in certificates(pem) {
            builder = builder.add_root_certificate(Certificate::from_pem(&certificate)?);
        }
    }
    builder.build_native()
}

/// Returns the stream with TLS around it.
async fn encrypted(
    email: &Email,
    stream: TcpStream,
    deadline: Instant,
) -> Result<tokio_native_tls::TlsStream<TcpStream>, Answer> {
    let failed = |error: native_tls::Error| meaning::of_tls(email, Trouble::Lost(once(&error)));
    let mut builder = native_tls::TlsConnector::builder();
    builder.min_protocol_version(Some(native_tls::Protocol::Tlsv12));
    for certificate in email.ca_pem.iter().flat_map(|pem| certificates(pem)) {
        let certificate = native_tls::Certificate::from_pem(&certificate).map_err(failed)?;
        builder.add_root_certificate(certificate);
    }
    let connector = tokio_native_tls::TlsConnector::from(builder.build().map_err(failed)?);
    match timeout_at(deadline, connector.connect(&email.host, stream)).await {
        Ok(stream) => stream.map_err(failed),
        Err(_) => Err(meaning::of_tls(email, Trouble::Late)),
    }
}

/// Returns each certificate of a PEM file by itself: the libraries read the first of several.
fn certificates(pem: &[u8]) -> Vec<Vec<u8>> {
    const END: &str = "-----END CERTIFICATE-----";
    let text = String::from_utf8_lossy(pem);
    text.split_inclusive(END)
        .filter(|part| part.ends_with(END))
        .map(|part| part.as_bytes().to_vec())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tokio::io::{
        AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream,
    };

    use super::*;

    fn email() -> Email {
        Email {
            host: "mail.test".to_owned(),
            port: 25,
            security: Security::None,
            login: None,
            ca_pem: None,
            timeout: Duration::from_secs(5),
            from: "oes@example.io".parse().unwrap(),
            to: vec!["ops@example.io".parse().unwrap()],
            cc: Vec::new(),
            reply_to: None,
            headers: Vec::new(),
        }
    }

    /// Takes a mail until so many bytes of it have come.
    async fn take(stream: DuplexStream, bytes: usize) -> BufReader<DuplexStream> {
        let mut stream = BufReader::new(stream);
        let answers = BTreeMap::from([("EHLO", "250 mail.test\r\n"), ("DATA", "354 go on\r\n")]);
        stream.write_all(b"220 mail.test\r\n").await.unwrap();
        let mut line = String::new();
        while !line.starts_with("DATA") {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
            let word = line.get(..4).unwrap_or_default();
            let answer = answers.get(word).unwrap_or(&"250 ok\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        let mut part = vec![0; bytes];
        stream.read_exact(&mut part).await.unwrap();
        stream
    }

    /// Hands a mail over to what reads so many bytes of it; returns the answer.
    async fn hand_over(email: &Email, stream: DuplexStream, mail: &[u8]) -> Answer {
        let (deadline, hello) = (Instant::now() + email.timeout, ClientId::default());
        let peer = SocketAddr::from(([127, 0, 0, 1], 25));
        let talk = Talk::over(email, stream, peer, &hello, deadline).await;
        let mut talk = talk.unwrap_or_else(|answer| panic!("{answer:?}"));
        talk.address(1).await.unwrap();
        talk.hand_over(mail).await.unwrap_err()
    }

    /// The buffer between the two holds less than the mail, so that it is certain which bytes were read.
    #[tokio::test]
    async fn what_breaks_off_before_the_end_of_the_mail_has_not_arrived() {
        let mail = "x\r\n".repeat(20_000);
        for (bytes, arrived) in [(0, false), (30_000, false), (mail.len() + 5, true)] {
            let email = email();
            let (ours, theirs) = tokio::io::duplex(1_024);
            let server = async { drop(take(theirs, bytes).await) };
            let (answer, ()) = tokio::join!(hand_over(&email, ours, mail.as_bytes()), server);
            match answer {
                Answer::Unknown { .. } if arrived => {}
                Answer::Retry { .. } if !arrived => {}
                _ => panic!("{bytes}: {answer:?}"),
            }
        }
    }

    /// Nobody reads on: the deadline comes while the mail is still being written.
    #[tokio::test]
    async fn what_hangs_before_the_end_of_the_mail_has_not_arrived() {
        let mut email = email();
        email.timeout = Duration::from_millis(300);
        let (ours, theirs) = tokio::io::duplex(1_024);
        let mail = "x\r\n".repeat(20_000);
        let (answer, _open) = tokio::join!(
            hand_over(&email, ours, mail.as_bytes()),
            take(theirs, 30_000)
        );
        assert!(matches!(answer, Answer::Retry { .. }), "{answer:?}");
    }
}
