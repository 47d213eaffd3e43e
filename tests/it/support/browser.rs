//! A real browser, driven through its `DevTools` protocol: Debian's Chromium without a window.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket, connect};

/// No test waits longer for one thing.
const PATIENCE: Duration = Duration::from_secs(30);
const PROGRAM: &str = "/usr/bin/chromium";
/// What notes in the page what goes wrong in it.
const WITNESS: &str = "window.wrong = []; \
    addEventListener('error', event => wrong.push(String(event.message))); \
    addEventListener('unhandledrejection', event => wrong.push(String(event.reason))); \
    document.addEventListener('securitypolicyviolation', event => wrong.push(event.violatedDirective + ' ' + event.blockedURI));";

/// Tells whether what a test needs may be missing: everywhere but where everything is tested.
pub(crate) fn may_be_missing() -> bool {
    std::env::var_os("OES_CI").is_none()
}

/// A browser with one page; ends with the test.
pub(crate) struct Browser {
    child: Child,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    session: String,
    commands: u64,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts a browser; absent where there is none, which is said.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    pub(crate) fn start() -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            assert!(may_be_missing(), "there is no {PROGRAM}");
            eprintln!("skipped: there is no {PROGRAM}");
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new(PROGRAM)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args([
                "--remote-debugging-port=0",
                "--hide-scrollbars",
                "--disable-dev-shm-usage",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.by_ref().map(Result::unwrap).find_map(|line| {
            let (_, address) = line.split_once("DevTools listening on ")?;
            Some(address.trim().to_owned())
        });
        // A pipe that nobody reads would stop it in the end.
        std::thread::spawn(move || lines.for_each(drop));
        let (socket, _) = connect(address.unwrap()).unwrap();
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        let mut browser = Self {
            child,
            socket,
            session: String::new(),
            commands: 0,
            _profile: profile,
        };
        let target = browser.ask("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.ask("Target.attachToTarget", &attach);
        let session = attached["sessionId"].as_str().unwrap();
        session.clone_into(&mut browser.session);
        browser.ask("Page.enable", &json!({}));
        browser.ask(
            "Page.addScriptToEvaluateOnNewDocument",
            &json!({ "source": WITNESS }),
        );
        Some(browser)
    }

    /// Gives a command and returns its answer.
    fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        let answered = self.tell(method, parameters);
        answered.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Gives a command and returns its answer, or what is wrong with it.
    fn tell(&mut self, method: &str, parameters: &Value) -> Result<Value, Value> {
        self.commands += 1;
        let id = self.commands;
        let mut command = json!({ "id": id, "method": method, "params": parameters });
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        self.socket
            .send(Message::text(command.to_string()))
            .unwrap();
        loop {
            let message = self.socket.read().unwrap();
            let Message::Text(text) = message else {
                continue;
            };
            let answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == id {
                return match answer.get("error") {
                    None => Ok(answer["result"].clone()),
                    Some(error) => Err(error.clone()),
                };
            }
        }
    }

    /// Opens a page and waits until it is there.
    pub(crate) fn open(&mut self, address: &str) {
        let opened = self.ask("Page.navigate", &json!({ "url": address }));
        assert!(opened.get("errorText").is_none(), "{address}: {opened}");
        let here = format!(
            "document.readyState === 'complete' && location.href !== 'about:blank' && {}",
            json!(address)
        );
        self.until(&here);
    }

    /// Returns what an expression is in the page, a promise once it is kept.
    pub(crate) fn is(&mut self, expression: &str) -> Value {
        let found = self.evaluated(expression);
        found.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Returns what an expression is; an error if the page went away meanwhile.
    fn evaluated(&mut self, expression: &str) -> Result<Value, Value> {
        let ask = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.tell("Runtime.evaluate", &ask)?;
        assert!(
            answer.get("exceptionDetails").is_none(),
            "{expression}: {answer}"
        );
        Ok(answer["result"]["value"].clone())
    }

    /// Waits until an expression is true in the page.
    pub(crate) fn until(&mut self, expression: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let (_sender, never) = std::sync::mpsc::channel::<()>();
        // A page that goes away while it is asked makes room for the one that is waited for.
        while self.evaluated(&format!("!!({expression})")) != Ok(json!(true)) {
            assert!(
                tokio::time::Instant::now() < deadline,
                "waited for {expression}; the page says {}",
                self.is("document.body.innerText")
            );
            never.recv_timeout(Duration::from_millis(50)).unwrap_err();
        }
    }

    /// Makes the window so large, and the page dark or light.
    pub(crate) fn look(&mut self, width: u32, height: u32, scheme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700 });
        self.ask("Emulation.setDeviceMetricsOverride", &size);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask(
            "Emulation.setEmulatedMedia",
            &json!({ "media": "", "features": features }),
        );
    }

    /// Shows the page as it is printed, by a machine that is dark or light.
    pub(crate) fn on_paper(&mut self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask(
            "Emulation.setEmulatedMedia",
            &json!({ "media": "print", "features": features }),
        );
    }

    /// Lets time go so many times as fast in the pages that are opened from now on.
    pub(crate) fn hurries(&mut self, times: u32) {
        let source = format!(
            "{{ const at = Date.now, began = at(), every = setInterval; \
             Date.now = () => began + (at() - began) * {times}; \
             window.setInterval = (work, ms) => every(work, ms / {times}); }}"
        );
        self.ask(
            "Page.addScriptToEvaluateOnNewDocument",
            &json!({ "source": source }),
        );
    }

    /// Turns scripts of pages off.
    pub(crate) fn without_scripts(&mut self) {
        self.ask(
            "Emulation.setScriptExecutionDisabled",
            &json!({ "value": true }),
        );
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}
