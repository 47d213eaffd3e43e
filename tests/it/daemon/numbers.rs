//! How soon people are told, on loopback and a real disk. What a busy machine adds is measured in the same run.

use std::collections::HashMap;
use std::io::Write as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use oes::model::exchange::Exchange;
use oes::model::failure::FailureKind;
use oes::probe::{Plan, Prober};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::paused::{exchange, watching};
use super::rig::{Rig, eventually, ledger, line};
use crate::support::inbox::{Inbox, Reply};

const GRACE: Duration = Duration::from_secs(5);
/// What an opening waits for others.
const GATHER: Duration = Duration::from_millis(200);
/// What may be added to that, 99 times of 100.
const PROMISED: Duration = Duration::from_millis(300);
/// An incident and the intent to tell it are a commit each, of three syncs.
const SYNCS: u32 = 6;

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) * 99 / 100]
}

/// Returns what this machine adds on the way: each commit and each task waits for the others.
fn slow(gather: Duration, sync: Duration) -> Duration {
    (gather.saturating_sub(GATHER) + sync) * SYNCS
}

/// Measures what this machine makes of the wait for others, and of a sync of the disk, until it is told to stop.
fn load(stop: Arc<AtomicBool>) -> JoinSet<(Duration, Duration)> {
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (mut waits, mut syncs) = (Vec::new(), Vec::new());
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            sleep(GATHER).await;
            waits.push(began.elapsed());
            let synced = tokio::task::spawn_blocking(|| {
                let began = Instant::now();
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(&[0; 4096]).unwrap();
                file.sync_all().unwrap();
                began.elapsed()
            });
            syncs.push(synced.await.unwrap());
        }
        (p99(waits), p99(syncs))
    });
    tasks
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_accepted_by_the_channel_soon_after_it_is_seen() {
    const COUNT: usize = 200;
    const CHANNELS: usize = 4;
    let rig = Rig::new();
    let mut config = rig
        .config(&[])
        .replace("interval = \"100ms\"", "interval = \"1s\"")
        .replace(
            "gather = 0",
            &format!("gather = \"{}ms\"", GATHER.as_millis()),
        )
        .replace("singles = 100", "singles = 1000");
    for n in 1..CHANNELS {
        let url = rig.inbox.url("/hook");
        let channel =
            format!("[[channels]]\nname = \"hook{n}\"\nkind = \"webhook\"\nurl = \"{url}\"\n");
        config += &channel;
    }
    for n in 0..COUNT {
        let channel = match n % CHANNELS {
            0 => "hook".to_owned(),
            n => format!("hook{n}"),
        };
        let keys = format!("match = [\"status_code\"]\nchannels = [\"{channel}\"]");
        config += &rig.service(&format!("s{n}"), &keys);
    }
    rig.write("oes.toml", &config);
    let daemon = rig.start().await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut load = load(Arc::clone(&stop));
    for n in 0..COUNT {
        rig.api.answers(&format!("/s{n}"), 500, "{}");
        sleep(Duration::from_millis(40)).await;
    }
    rig.messages(COUNT).await;
    stop.store(true, Ordering::Relaxed);
    let (gather, sync) = load.join_next().await.unwrap().unwrap();
    let took: Vec<Duration> = rig
        .inbox
        .received()
        .iter()
        .map(|message| {
            let told = line(&message.json());
            let name = told.strip_prefix("opened ").unwrap();
            let name = name.strip_suffix(" error").unwrap();
            let seen = rig.api.failed_at(&format!("/{name}")).unwrap();
            Duration::try_from(message.at.duration_since(seen)).unwrap()
        })
        .collect();
    assert_eq!(took.len(), COUNT);
    let (took, most) = (p99(took), GATHER + PROMISED + slow(gather, sync));
    println!("p99 {took:?}; a wait of {GATHER:?} took {gather:?}, a sync {sync:?}");
    assert!(took <= most, "p99 is {took:?}, more than {most:?}");
    daemon.stop(GRACE).await;
}

/// All hosts are up, or all are down; the first failure of each is noted.
#[derive(Default)]
struct Switch {
    down: AtomicBool,
    asked: Mutex<HashMap<String, usize>>,
    failed: Mutex<HashMap<String, Instant>>,
}

impl Prober for Switch {
    fn probe<'a>(
        &'a self,
        plan: &'a Plan,
        _: Instant,
        now: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Exchange> + Send + 'a>> {
        let url = plan.sent().url.to_string();
        *self.asked.lock().unwrap().entry(url.clone()).or_default() += 1;
        let failed = self.down.load(Ordering::SeqCst).then(|| {
            let mut failed = self.failed.lock().unwrap();
            failed.entry(url).or_insert_with(Instant::now);
            FailureKind::ConnectRefused
        });
        Box::pin(async move { exchange(now, failed) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_incidents_within_a_second_are_on_disk_and_in_one_message() {
    const COUNT: usize = 1_000;
    let inbox = Inbox::start();
    inbox.otherwise(Reply::body(200, r#"{"id":"99"}"#));
    let mut config = format!(
        "version = \"1.0\"\ninterval = \"1s\"\nconfirm = false\nerror_threshold = 0\n[defaults]\nwindow = 1\n\
         [notify]\nreminders = false\n[server]\nlisten = \"127.0.0.1:0\"\n\
         [[channels]]\nname = \"discord\"\nkind = \"discord\"\nurl = \"{}\"\n",
        inbox.url("/api/webhooks/1/t0ken")
    );
    for n in 0..COUNT {
        let service = format!("[[services]]\nname = \"s{n}\"\nurl = \"http://s{n}.test/\"\n");
        config += &service;
    }
    let world = Arc::new(Switch::default());
    let watching = watching(&config, Arc::clone(&world) as Arc<_>).await;
    eventually("a look at each", || {
        let asked = world.asked.lock().unwrap().len();
        (asked == COUNT).then_some(()).ok_or(asked.to_string())
    })
    .await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut load = load(Arc::clone(&stop));
    world.down.store(true, Ordering::SeqCst);
    let when = async |what: &str, is: fn(&oes::model::incident::Ledger) -> usize| {
        eventually(what, || {
            let snapshot = watching.daemon.snapshots().newest();
            let count = is(&snapshot.ledger);
            (snapshot.durable && count == COUNT)
                .then(Instant::now)
                .ok_or(count.to_string())
        })
        .await
    };
    let on_disk = when("all on disk", |ledger| ledger.incidents.len()).await;
    let told = when("all to be told", |ledger| {
        let deliveries = ledger.deliveries.values();
        deliveries.filter(|one| one.acked_generation == 1).count()
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    let (gather, sync) = load.join_next().await.unwrap().unwrap();
    let (first, last) = {
        let failed = world.failed.lock().unwrap();
        let times = || failed.values().copied();
        (times().min().unwrap(), times().max().unwrap())
    };
    let slow = slow(gather, sync);
    println!(
        "opened within {:?}, on disk after {:?}, told after {:?}; this machine adds {slow:?}",
        last - first,
        on_disk.saturating_duration_since(last),
        told.saturating_duration_since(last)
    );
    let in_time = Duration::from_millis(200) + slow;
    assert!(on_disk.saturating_duration_since(last) <= in_time);
    // What opens after the message has gone is an edit of it, five seconds later: then the machine is too slow to say
    // anything of a second.
    if last - first <= Duration::from_millis(1_500) {
        let in_time = Duration::from_secs(3) + slow;
        assert!(told.saturating_duration_since(last) <= in_time);
    }
    let received = inbox.received();
    let posts = received.iter().filter(|one| one.method == "POST").count();
    assert_eq!(posts, 1, "one message, and edits of it");
    let title = received.last().unwrap().json()["embeds"][0]["title"].clone();
    assert_eq!(title, "🔴 1000 services · 1000 incidents open");
    assert_eq!(ledger(&watching.daemon).dead_letters.len(), 0);
    watching.daemon.stop(GRACE).await;
}
