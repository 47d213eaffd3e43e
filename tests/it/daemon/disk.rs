//! A disk that is really full: a small file system of its own, in a mount namespace that ends with the daemon.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use super::process::Process;
use super::rig::{Rig, ask, eventually, lines};

/// Mounts a file system of 2 MiB on the folder and goes on as the daemon.
const MOUNT: &str = "mount -t tmpfs -o size=2m tmpfs \"$1\"";

fn shell(script: &str, disk: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command.arg(disk);
    command
}

/// Writes until nothing more fits.
fn fill(disk: &Path) {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(disk.join("fill"))
        .unwrap();
    loop {
        match file.write(&[7; 4096]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => return,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Returns the size of the journal of the history database.
fn journal(data: &Path) -> u64 {
    fs::metadata(data.join("oes.db-wal")).unwrap().len()
}

/// Starts a daemon whose data is on a small disk, with more keys of its service. Returns it and where the disk is seen;
/// absent where nobody may mount one.
fn on_a_small_disk(rig: &Rig, keys: &str) -> Option<(Process, PathBuf)> {
    let disk = rig.folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let allowed = shell(MOUNT, &disk).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let config = rig.config(&["price"]).replace("\"data\"", "\"disk/data\"");
    rig.write("oes.toml", &(config + keys));
    let script = format!("{MOUNT} && exec \"$2\" run --grace 1 \"$3\"");
    let mut command = shell(&script, &disk);
    command.arg(env!("CARGO_BIN_EXE_oes")).arg(rig.path());
    let process = Process::spawn(rig, "log", &mut command);
    // The mount is seen through the process that lives in it.
    let seen = format!("/proc/{}/root{}", process.id(), disk.display());
    Some((process, PathBuf::from(seen)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_the_room_kept_for_it_is_not_eaten_by_the_history() {
    let rig = Rig::new();
    let Some((mut process, seen)) = on_a_small_disk(&rig, "") else {
        eprintln!("skipped: this machine lets nobody mount a small file system");
        return;
    };
    let address = process.address().await;
    let data = seen.join("data");
    let ballast = data.join("state.ballast");
    eventually("the ballast and the history", || {
        let there = ballast.exists() && journal(&data) > 0;
        there.then_some(()).ok_or(process.said())
    })
    .await;

    fill(&seen);
    rig.api.answers("/price", 500, "{}");
    assert_eq!(lines(&rig.messages(1).await), ["opened price error"]);
    process.says("the disk is full").await;
    assert!(!ballast.exists(), "the state file has its room");
    assert_eq!(rig.bodies()[0]["data"]["durable"], true);
    let ready = ask(address, "/readyz").await;
    assert!(ready.contains("the disk is full"), "{ready}");
    let before = journal(&data);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(journal(&data), before, "the history leaves it the room");
    let metrics = ask(address, "/metrics").await;
    assert!(
        !metrics.contains("oes_history_dropped_rows_total 0"),
        "{metrics}"
    );

    fill(&seen);
    rig.api.answers("/price", 200, "{}");
    let told = rig.messages(2).await;
    assert_eq!(told[1]["data"]["durable"], false);
    let ready = ask(address, "/readyz").await;
    assert!(
        ready.contains("503") && ready.contains("No space left on device"),
        "{ready}"
    );

    fs::remove_file(seen.join("fill")).unwrap();
    process.says("room is kept on the disk again").await;
    assert!(ballast.exists());
    let ready = ask(address, "/readyz").await;
    assert!(ready.contains("200 OK"), "{ready}");
    process.signal(Signal::TERM);
    assert_eq!(process.ends().await.code(), Some(0), "{}", process.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_recording_and_no_probe() {
    let rig = Rig::new();
    let Some((mut process, seen)) = on_a_small_disk(&rig, "record = true\n") else {
        eprintln!("skipped: this machine lets nobody mount a small file system");
        return;
    };
    let address = process.address().await;
    let recordings = seen.join("data").join("recordings.db");
    eventually("the recordings", || {
        let there = recordings.exists();
        there.then_some(()).ok_or(process.said())
    })
    .await;
    fill(&seen);
    process.says("probes are not recorded").await;
    rig.api.answers("/price", 500, "{}");
    assert_eq!(lines(&rig.messages(1).await), ["opened price error"]);
    let metrics = ask(address, "/metrics").await;
    assert!(
        !metrics.contains("oes_recorder_dropped_probes_total 0"),
        "{metrics}"
    );
    fs::remove_file(seen.join("fill")).unwrap();
    process.says("probes are recorded again").await;
    process.signal(Signal::TERM);
    assert_eq!(process.ends().await.code(), Some(0), "{}", process.said());
}
