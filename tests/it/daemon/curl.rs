//! The line of the documentation by which a job reports, as a shell and `curl` run it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpSocket;
use tokio::process::Command;
use tokio::time::timeout;

use super::rig::write;
use crate::support::programs;

const TOKEN: &str = "beats-of-the-backup-0123";
const PATIENCE: Duration = Duration::from_secs(30);

/// Returns the command of the first example of `docs/heartbeats.md`, told to report to this address.
fn documented(address: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/heartbeats.md");
    let page = std::fs::read_to_string(page).unwrap();
    let line = page.lines().find(|line| line.contains("backup && curl "));
    let (_, command) = line.unwrap().split_once("backup && ").unwrap();
    assert!(command.contains("127.0.0.1:9115"), "{command}");
    command.replace("127.0.0.1:9115", address)
}

#[tokio::test]
async fn a_job_that_reports_while_oes_starts_is_heard() {
    if programs::program("curl", "curl").is_none() {
        return;
    }
    // Nobody listens yet, and nobody else gets the address.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let home = tempfile::tempdir().unwrap();
    write(home.path(), ".curlrc", "verbose\n");
    let mut curl = Command::new("sh")
        .args(["-c", &documented(&address)])
        .env("CURL_HOME", home.path())
        .env("BACKUP_BEAT", TOKEN)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(curl.stderr.take().unwrap()).lines();
    let refused = async {
        while let Some(line) = said.next_line().await.unwrap() {
            if line.contains("refused") {
                return;
            }
        }
        panic!("curl ended and was not refused");
    };
    timeout(PATIENCE, refused).await.unwrap();
    let listener = socket.listen(1).unwrap();
    let (mut stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let mut request = [0; 1_024];
    let length = timeout(PATIENCE, stream.read(&mut request)).await.unwrap();
    let request = String::from_utf8_lossy(&request[..length.unwrap()]).into_owned();
    assert!(
        request.starts_with(&format!("POST /beat/{TOKEN} HTTP/1.1\r\n")),
        "{request}"
    );
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    stream.write_all(answer).await.unwrap();
    drop(stream);
    while timeout(PATIENCE, said.next_line())
        .await
        .unwrap()
        .unwrap()
        .is_some()
    {}
    assert!(
        timeout(PATIENCE, curl.wait())
            .await
            .unwrap()
            .unwrap()
            .success()
    );
}
