//! Bodies of beats that come slowly, break off, or never come.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use oes::daemon::Daemon;
use tokio::task::{block_in_place, spawn_blocking};

use super::caller::answer;
use super::heartbeat::{GRACE, Never, TOKEN, beats, config};
use super::paused::watching;
use super::rig::{Rig, address, page};

/// The token of a job whose bodies are whole.
const OTHER: &str = "beats-of-the-report-4567";

/// Begins a beat whose body has a hundred bytes, of which these come.
fn begins(address: SocketAddr, path: &str, part: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "POST /beat/{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 100\r\n\r\n{part}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    // An answer that never comes fails the test.
    let patience = Duration::from_secs(10);
    stream.set_read_timeout(Some(patience)).unwrap();
    stream
}

/// Returns how many beats of a job counted, by how they were judged.
async fn counted(daemon: &Daemon, service: &str) -> Vec<String> {
    let metrics = page(daemon, "/metrics").await;
    let name = format!("oes_probes_total{{service=\"{service}\",outcome=");
    let lines = metrics
        .lines()
        .filter_map(|line| line.strip_prefix(name.as_str()))
        .filter(|line| !line.ends_with(" 0"));
    lines.map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_holds_nobody_up_and_its_beat_counts_once_its_time_is_over() {
    let job = |name: &str, token: &str| {
        format!(
            "[[services]]\nkind = \"heartbeat\"\nname = \"{name}\"\nevery = \"1h\"\ntoken = \"{token}\"\n"
        )
    };
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[notify]\ngather = 0\n{}{}",
        job("backup", TOKEN),
        job("report", OTHER)
    );
    let watching = watching(&config, Arc::new(Never)).await;
    let daemon = &watching.daemon;
    let to = address(daemon);
    let failed = format!("{TOKEN}/3");
    // While this thread works the time stands still, and whoever connects later is heard later.
    let slow = spawn_blocking(move || begins(to, &failed, "tar: all is read\ntar: disk full"));
    let mut slow = slow.await.unwrap();
    let wrong = format!("{TOKEN}/300");
    let mut nonsense = spawn_blocking(move || begins(to, &wrong, "x"))
        .await
        .unwrap();
    beats(daemon, OTHER, "done").await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(counted(daemon, "backup").await, [""; 0], "not whole yet");
    assert_eq!(counted(daemon, "report").await, ["\"pass\"} 1"]);
    beats(daemon, OTHER, "done").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let read = move || {
        let mut texts = [String::new(), String::new()];
        slow.read_to_string(&mut texts[0]).unwrap();
        nonsense.read_to_string(&mut texts[1]).unwrap();
        texts
    };
    let [taken, refused] = spawn_blocking(read).await.unwrap();
    assert_eq!(answer(&taken).status, 200, "{taken}");
    assert_eq!(answer(&refused).status, 404, "{refused}");
    assert_eq!(counted(daemon, "backup").await, ["\"fail\"} 1"]);
    assert_eq!(counted(daemon, "report").await, ["\"pass\"} 2"]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let told = watching.told.lock().unwrap().clone();
    let [(_, told)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(
        told.contains("the job says that it failed with exit status 3: tar: disk full"),
        "{told}"
    );
    watching.daemon.stop(GRACE).await;
}

/// A job that is killed while it reports has run all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_read_as_far_as_it_came() {
    let rig = Rig::new();
    rig.write("oes.toml", &config(&rig, "").replace("\"2s\"", "\"1h\""));
    let daemon = rig.start().await;
    let to = address(&daemon);
    let mut broken = begins(to, &format!("{TOKEN}/2"), "no space\nleft");
    broken.shutdown(Shutdown::Write).unwrap();
    let mut text = String::new();
    block_in_place(|| broken.read_to_string(&mut text)).unwrap();
    assert_eq!(answer(&text).status, 200, "{text}");
    let told = rig.messages(1).await[0].to_string();
    assert!(told.contains("exit status 2: left"), "{told}");
    daemon.stop(GRACE).await;
}
