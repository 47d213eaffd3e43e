//! A mail server on loopback that keeps every mail, and answers at each step as a test says.

mod read;

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use native_tls::{Identity, TlsAcceptor};
use tokio::time::Instant;

/// The longest that a test waits for mails.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the server does at a step instead of what it would.
#[derive(Debug, Clone)]
pub(crate) enum Do {
    /// Says this; a refusal if it begins with 4 or 5.
    Say(&'static str),
    /// Never answers.
    Hang,
    /// Closes the connection.
    Close,
}

/// How connections are protected.
pub(crate) enum Protection {
    None,
    StartTls(Identity),
    Implicit(Identity),
}

/// A mail as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) encrypted: bool,
    /// User and password, with a space between them.
    pub(crate) login: Option<String>,
    /// Headers and body, without what the dialogue adds.
    pub(crate) raw: String,
}

#[derive(Default)]
struct Kept {
    rules: Vec<(String, Do)>,
    mails: Vec<Mail>,
    commands: Vec<String>,
}

/// A server that runs as long as the test.
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
}

impl MailServer {
    pub(crate) fn start(protection: Protection) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let (implicit, upgrade) = match protection {
            Protection::None => (None, None),
            Protection::StartTls(identity) => (None, Some(TlsAcceptor::new(identity).unwrap())),
            Protection::Implicit(identity) => (Some(TlsAcceptor::new(identity).unwrap()), None),
        };
        let known = Arc::clone(&kept);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, implicit, upgrade) =
                    (Arc::clone(&known), implicit.clone(), upgrade.clone());
                thread::spawn(move || match implicit {
                    None => drop(Session::new(stream, kept, upgrade).run("greeting")),
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream) {
                            let mut session = Session::new(stream, kept, None);
                            session.mail.encrypted = true;
                            drop(session.run("greeting"));
                        }
                    }
                });
            }
        });
        Self { address, kept }
    }

    /// Sets what it does at every command that begins with this, at the `greeting`, before it reads a mail (`354`), or
    /// once it has one (`mail`). What was said last counts.
    pub(crate) fn at(&self, step: &str, what: Do) {
        self.kept
            .lock()
            .unwrap()
            .rules
            .push((step.to_owned(), what));
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.kept.lock().unwrap().mails.clone()
    }

    /// Returns every command that came, passwords left out.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.kept.lock().unwrap().commands.clone()
    }

    /// Waits for this many mails.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Mail> {
        let begun = Instant::now();
        loop {
            let mails = self.mails();
            if mails.len() >= count {
                return mails;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{} mails: {:?}",
                mails.len(),
                self.commands()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

trait Both: Read + Write {}
impl<S: Read + Write> Both for S {}

struct Session<S: Both> {
    stream: BufReader<S>,
    kept: Arc<Mutex<Kept>>,
    upgrade: Option<TlsAcceptor>,
    mail: Mail,
}

/// The connection ends.
struct Over;

impl<S: Both> Session<S> {
    fn new(stream: S, kept: Arc<Mutex<Kept>>, upgrade: Option<TlsAcceptor>) -> Self {
        Self {
            stream: BufReader::new(stream),
            kept,
            upgrade,
            mail: Mail::default(),
        }
    }

    /// Does what is set for a step, else says this; tells whether it agreed.
    fn step(&mut self, step: &str, usual: &str) -> Result<bool, Over> {
        let rule = {
            let kept = self.kept.lock().unwrap();
            let rules = kept.rules.iter().rev();
            rules
                .clone()
                .find(|(at, _)| step.starts_with(at.as_str()))
                .cloned()
        };
        let said = match rule.map(|(_, what)| what) {
            None => usual,
            Some(Do::Say(said)) => said,
            Some(Do::Close) => return Err(Over),
            Some(Do::Hang) => {
                while self.stream.read(&mut [0]).is_ok_and(|read| read > 0) {}
                return Err(Over);
            }
        };
        if !said.is_empty() {
            self.say(said)?;
        }
        Ok(!said.starts_with(['4', '5']))
    }

    fn say(&mut self, line: &str) -> Result<(), Over> {
        let stream = self.stream.get_mut();
        let said = stream.write_all(format!("{line}\r\n").as_bytes());
        said.and_then(|()| stream.flush()).map_err(|_| Over)
    }

    fn line(&mut self) -> Result<String, Over> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(1..) if line.ends_with("\r\n") => Ok(line.trim_end().to_owned()),
            _ => Err(Over),
        }
    }

    fn command(&mut self) -> Result<String, Over> {
        let line = self.line()?;
        let shown = if line.starts_with("AUTH PLAIN ") {
            "AUTH PLAIN"
        } else {
            &line
        };
        self.kept.lock().unwrap().commands.push(shown.to_owned());
        Ok(line)
    }

    fn text(&mut self) -> Result<String, Over> {
        let line = self.line()?;
        let bytes = STANDARD.decode(line).map_err(|_| Over)?;
        String::from_utf8(bytes).map_err(|_| Over)
    }
}

impl<S: Both + 'static> Session<S> {
    fn run(mut self, begin: &str) -> Result<(), Over> {
        if begin == "greeting" && !self.step("greeting", "220 mail.test ESMTP")? {
            return Err(Over);
        }
        loop {
            let command = self.command()?;
            match command.split([' ', ':']).next().unwrap_or_default() {
                "EHLO" => {
                    let tls = if self.upgrade.is_some() {
                        "250-STARTTLS\r\n"
                    } else {
                        ""
                    };
                    let said =
                        format!("250-mail.test\r\n{tls}250-8BITMIME\r\n250 AUTH PLAIN LOGIN");
                    self.step(&command, &said)?;
                }
                "STARTTLS" => {
                    if self.step(&command, "220 go ahead")?
                        && let Some(acceptor) = self.upgrade.take()
                    {
                        let Self { stream, kept, .. } = self;
                        let stream = acceptor.accept(stream.into_inner()).map_err(|_| Over)?;
                        // The type of a session over TLS over TLS over … would have no end.
                        let stream: Box<dyn Both> = Box::new(stream);
                        let mut session = Session::new(Boxed(stream), kept, None);
                        session.mail.encrypted = true;
                        return session.run("TLS");
                    }
                }
                "AUTH" => self.log_in(&command)?,
                "MAIL" => {
                    if self.step(&command, "250 ok")? {
                        self.mail.from = address(&command);
                        self.mail.to.clear();
                    }
                }
                "RCPT" => {
                    if self.step(&command, "250 ok")? {
                        self.mail.to.push(address(&command));
                    }
                }
                "DATA" => {
                    if self.step(&command, "354 go on")? {
                        self.step("354", "")?;
                        self.take()?;
                    }
                }
                "QUIT" => {
                    self.step(&command, "221 bye")?;
                    return Ok(());
                }
                _ => drop(self.step(&command, "502 what?")?),
            }
        }
    }

    fn log_in(&mut self, command: &str) -> Result<(), Over> {
        let login = if let Some(blob) = command.strip_prefix("AUTH PLAIN ") {
            let bytes = STANDARD.decode(blob).map_err(|_| Over)?;
            let text = String::from_utf8(bytes).map_err(|_| Over)?;
            text.trim_start_matches('\0').replace('\0', " ")
        } else {
            self.say("334 VXNlcm5hbWU6")?;
            let user = self.text()?;
            self.say("334 UGFzc3dvcmQ6")?;
            format!("{user} {}", self.text()?)
        };
        if self.step("AUTH", "235 welcome")? {
            self.mail.login = Some(login);
        }
        Ok(())
    }

    fn take(&mut self) -> Result<(), Over> {
        let mut raw = String::new();
        loop {
            let line = self.line()?;
            if line == "." {
                break;
            }
            raw.push_str(line.strip_prefix('.').unwrap_or(&line));
            raw.push_str("\r\n");
        }
        self.mail.raw = raw;
        // It has the mail now, whatever it says.
        self.kept.lock().unwrap().mails.push(self.mail.clone());
        self.step("mail", "250 2.0.0 queued as 4711").map(|_| ())
    }
}

struct Boxed(Box<dyn Both>);

impl Read for Boxed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Boxed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

fn address(command: &str) -> String {
    let (_, rest) = command.split_once('<').unwrap_or_default();
    rest.split_once('>').unwrap_or_default().0.to_owned()
}
