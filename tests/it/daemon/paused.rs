//! Days of watching in a moment: a fake prober on paused time.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use oes::channel::delivery::Console;
use oes::channel::message::Colour;
use oes::clock::Clock;
use oes::config;
use oes::daemon::{Daemon, Options};
use oes::model::exchange::{Body, Exchange, Response, Timings};
use oes::model::failure::{Failure, FailureKind};
use oes::probe::{Plan, Prober};
use tokio::time::{Instant, sleep};

use super::rig::{ledger, metric};

/// Answers 200, fails or panics as a test says, and remembers when it was asked.
#[derive(Default)]
struct Fake {
    down: AtomicBool,
    ours: AtomicBool,
    panics: AtomicBool,
    asked: Mutex<Vec<Instant>>,
}

impl Prober for Fake {
    fn probe<'a>(
        &'a self,
        _: &'a Plan,
        _: Instant,
        now: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Exchange> + Send + 'a>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(Instant::now());
            assert!(
                !self.panics.swap(false, Ordering::SeqCst),
                "the prober breaks once"
            );
            let failed = if self.ours.load(Ordering::SeqCst) {
                Some(FailureKind::LocalDescriptors)
            } else {
                let down = self.down.load(Ordering::SeqCst);
                down.then_some(FailureKind::ConnectRefused)
            };
            exchange(now, failed)
        })
    }
}

/// Answers 200, always.
pub(super) struct Steady;

impl Prober for Steady {
    fn probe<'a>(
        &'a self,
        _: &'a Plan,
        _: Instant,
        now: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Exchange> + Send + 'a>> {
        Box::pin(async move { exchange(now, None) })
    }
}

/// Returns an exchange that failed like this, else one that was answered with 200 and an empty object.
pub(super) fn exchange(now: Timestamp, failed: Option<FailureKind>) -> Exchange {
    let failed = failed.map(|kind| Failure {
        kind,
        phase: None,
        message: "so the test says".to_owned(),
    });
    let response = || Response {
        status: http::StatusCode::OK,
        version: http::Version::HTTP_11,
        headers: http::HeaderMap::new(),
        body: Body::new("{}"),
    };
    Exchange {
        started_at: now,
        sent: Arc::default(),
        timings: Timings::default(),
        bearer: None,
        hops: Vec::new(),
        peer: None,
        certificate: None,
        tls: None,
        result: failed.map_or_else(|| Ok(response()), Err),
    }
}

/// What the console was told, and when.
pub(super) type Told = Arc<Mutex<Vec<(Instant, String)>>>;

/// A daemon on paused time, from midnight of 2026-01-01 on.
pub(super) struct Watching {
    pub(super) told: Told,
    pub(super) daemon: Daemon,
    _folder: tempfile::TempDir,
}

/// Starts a daemon of this config with a prober of the test.
pub(super) async fn watching(config: &str, prober: Arc<dyn Prober>) -> Watching {
    let folder = tempfile::tempdir().unwrap();
    let loaded = config::load_text(
        "oes.toml",
        config,
        folder.path(),
        &config::ProcessEnvironment,
    );
    let config = match loaded {
        Ok(loaded) => loaded.config,
        Err(report) => panic!("{:#?}", report.lines()),
    };
    let told = Told::default();
    let heard = Arc::clone(&told);
    let console = Console {
        write: Box::new(move |text| {
            heard
                .lock()
                .unwrap()
                .push((Instant::now(), text.to_owned()));
        }),
        colour: Colour::Plain,
    };
    let options = Options {
        config_path: None,
        console,
        clock: Clock::anchored("2026-01-01T00:00:00Z".parse().unwrap()),
        worker: None,
    };
    let daemon = Daemon::start_with(config, options, prober).await.unwrap();
    Watching {
        told,
        daemon,
        _folder: folder,
    }
}

struct Days {
    fake: Arc<Fake>,
    watching: Watching,
}

async fn days(keys: &str) -> Days {
    let text = format!(
        "version = \"1.0\"\n{keys}\n[server]\nlisten = \"127.0.0.1:0\"\n\
         [[services]]\nname = \"price\"\nurl = \"http://127.0.0.1:9/\"\nmatch = [\"status_code\"]\n"
    );
    let fake = Arc::new(Fake::default());
    let prober = Arc::clone(&fake) as Arc<_>;
    Days {
        fake,
        watching: watching(&text, prober).await,
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_at_an_interval_of_five_minutes_is_told_about_a_minute_after_its_first_failure() {
    let days = days("interval = \"5m\"").await;
    sleep(Duration::from_hours(2)).await;
    let good = days.fake.asked.lock().unwrap().len();
    days.fake.down.store(true, Ordering::SeqCst);
    sleep(Duration::from_mins(10)).await;
    let first_failure = days.fake.asked.lock().unwrap()[good];
    let told = days.watching.told.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    let took = told[0].0 - first_failure;
    assert!(took <= Duration::from_secs(80), "{took:?}");
    days.watching.daemon.stop(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn three_days_of_probes_keep_their_grid_and_say_nothing() {
    let days = days("interval = \"5m\"").await;
    sleep(Duration::from_hours(72)).await;
    let asked = days.fake.asked.lock().unwrap().clone();
    assert!((863..=866).contains(&asked.len()), "{} probes", asked.len());
    for pair in asked[1..].windows(2) {
        let off = (pair[1] - pair[0]).abs_diff(Duration::from_mins(5));
        assert!(off <= Duration::from_millis(5), "{off:?} off the grid");
    }
    assert_eq!(days.watching.told.lock().unwrap().len(), 0);
    days.watching.daemon.stop(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn the_same_violation_is_not_announced_again_within_its_cool_down() {
    let days = days("interval = \"10s\"\n[notify]\ncool_down = \"1h\"\ngather = 0").await;
    sleep(Duration::from_mins(5)).await;
    for _ in 0..3 {
        days.fake.down.store(true, Ordering::SeqCst);
        sleep(Duration::from_mins(3)).await;
        days.fake.down.store(false, Ordering::SeqCst);
        sleep(Duration::from_mins(3)).await;
    }
    // The first outage and its end; the other two are held.
    assert_eq!(days.watching.told.lock().unwrap().len(), 2);
    assert_eq!(ledger(&days.watching.daemon).incidents.len(), 3);
    sleep(Duration::from_hours(3)).await;
    assert!(
        days.watching.told.lock().unwrap().len() > 2,
        "what is held is not lost"
    );
    days.watching.daemon.stop(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_our_own_fault_never_opens_error() {
    let days = days("interval = \"10s\"").await;
    days.fake.ours.store(true, Ordering::SeqCst);
    sleep(Duration::from_mins(25)).await;
    assert_eq!(ledger(&days.watching.daemon).incidents.len(), 0);
    sleep(Duration::from_mins(10)).await;
    let open: Vec<String> = ledger(&days.watching.daemon)
        .incidents
        .values()
        .map(|one| one.violation.to_string())
        .collect();
    assert_eq!(open, ["unknown"]);
    days.watching.daemon.stop(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_loop_is_counted_and_the_service_is_watched_again() {
    let days = days("interval = \"10s\"").await;
    sleep(Duration::from_mins(1)).await;
    days.fake.panics.store(true, Ordering::SeqCst);
    sleep(Duration::from_mins(1)).await;
    assert!((metric(&days.watching.daemon, "oes_task_panics") - 1.0).abs() < 0.1);
    let before = days.fake.asked.lock().unwrap().len();
    sleep(Duration::from_mins(1)).await;
    assert!(days.fake.asked.lock().unwrap().len() >= before + 5);
    days.watching.daemon.stop(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_panicked_goes_on_with_what_it_saw() {
    let days = days("interval = \"10s\"\nconfirm = false\n[defaults]\nwindow = 5").await;
    sleep(Duration::from_mins(1)).await;
    let asked = || days.fake.asked.lock().unwrap().len();
    let probed = async |count: usize| {
        let until = asked() + count;
        while asked() < until {
            sleep(Duration::from_millis(100)).await;
        }
        sleep(Duration::from_millis(100)).await;
    };
    days.fake.down.store(true, Ordering::SeqCst);
    probed(2).await;
    days.fake.panics.store(true, Ordering::SeqCst);
    probed(1).await;
    assert!(ledger(&days.watching.daemon).incidents.is_empty());
    probed(1).await;
    let open = ledger(&days.watching.daemon).incidents.len();
    assert_eq!(open, 1, "three of five failed, two before the panic");
    days.watching.daemon.stop(Duration::from_secs(1)).await;
}
