//! `kill -9` of a process in the middle of writing.

use std::process::{Command as Process, Stdio};

use super::rolling::verify;
use super::*;

/// The database that the process to be killed writes.
const PATH: &str = "OES_TEST_HISTORY";

/// Writes as fast as it can, until it is killed.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(PATH).map(PathBuf::from) else {
        return;
    };
    let opened = Store::open(&path, 20, at(0));
    let samples = opened.restored.values().flat_map(|known| &known.samples);
    let begin = samples
        .map(|sample| sample.at.as_second() - at(0).as_second())
        .max();
    let store = opened.store;
    for turn in 1.. {
        let second = begin.unwrap_or(0) + 30 * turn;
        for n in 0..300 {
            let kind = (i64::try_from(n).unwrap() * 7 + second / 30) % 23;
            let outcome = Outcome::ALL[usize::try_from(kind).unwrap().min(4)];
            store.write_sample(&service(n), raw(sample(second, outcome)));
        }
        store.tick(at(second));
        store.tick(at(second + 15));
        store.flush(PATIENCE).unwrap();
    }
}

fn wait(time: Duration) {
    let (_sender, never) = crossbeam_channel::bounded::<()>(0);
    never.recv_timeout(time).unwrap_err();
}

/// Returns how many buckets are complete, while somebody writes.
fn completed(path: &Path) -> i64 {
    let ask = || {
        let connection = load::read_only(path)?;
        connection.query_row("SELECT count(*) FROM five_minutes", (), |row| row.get(0))
    };
    ask().unwrap_or(0)
}

#[test]
fn after_a_kill_the_database_is_whole_and_buckets_are_what_samples_say() {
    let (_folder, path) = database();
    let mut counted = 0;
    for round in 0..6_u64 {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args([
                "history::tests::kill::writes_until_it_is_killed",
                "--exact",
                "--ignored",
            ])
            .env(PATH, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Once it has completed some more, at another moment each time.
        let begun = completed(&path);
        for _ in 0..1_000 {
            if completed(&path) > begun {
                break;
            }
            wait(Duration::from_millis(20));
        }
        wait(Duration::from_millis(137 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let whole: String = rusqlite::Connection::open(&path)
            .unwrap()
            .query_row("PRAGMA integrity_check", (), |row| row.get(0))
            .unwrap();
        assert_eq!(whole, "ok");
        let checked = verify(&path);
        assert!(checked > counted, "{checked} after {counted}");
        counted = checked;
        let opened = Store::open(&path, 20, at(0));
        assert_eq!(opened.recovery, Recovery::Loaded);
        assert_eq!(opened.restored.len(), 300);
        // Each turn wrote one sample of each service, in one transaction.
        let turns = |known: &Restored| {
            let (first, last) = (
                known.counters.first_seen.unwrap(),
                known.samples.last().unwrap().at,
            );
            u64::try_from((last.as_second() - first.as_second()) / 30 + 1).unwrap()
        };
        for (service, known) in &opened.restored {
            assert_eq!(known.counters.probes(), turns(known), "{service}");
        }
    }
}
