//! What people are told over days: reminders, maintenance, dependencies, flapping, a lost network, storms, the digest. A
//! fake prober on paused time, messages as the console shows them.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use oes::model::exchange::Exchange;
use oes::model::failure::FailureKind;
use oes::probe::{Plan, Prober};
use tokio::time::{Instant, sleep};

use super::paused::{Watching, exchange, watching};
use super::rig::ledger;

/// A world in which hosts are up but for some.
#[derive(Default)]
struct World {
    down: Mutex<BTreeSet<String>>,
    /// Hosts that are down every second time.
    fickle: Mutex<BTreeSet<String>>,
    asked: Mutex<usize>,
}

impl World {
    fn goes_down(&self, hosts: &[&str]) {
        let hosts = hosts.iter().map(|host| (*host).to_owned());
        self.down.lock().unwrap().extend(hosts);
    }

    fn comes_back(&self, hosts: &[&str]) {
        let mut down = self.down.lock().unwrap();
        down.retain(|host| !hosts.contains(&host.as_str()));
    }

    fn answers(&self, host: &str) -> bool {
        let mut asked = self.asked.lock().unwrap();
        *asked += 1;
        let fickle = self.fickle.lock().unwrap().contains(host) && asked.is_multiple_of(2);
        !fickle && !self.down.lock().unwrap().contains(host)
    }
}

impl Prober for World {
    fn probe<'a>(
        &'a self,
        plan: &'a Plan,
        _: Instant,
        now: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Exchange> + Send + 'a>> {
        let url = url::Url::parse(&plan.sent().url).unwrap();
        let answers = self.answers(url.host_str().unwrap());
        let failed = (!answers).then_some(FailureKind::ConnectRefused);
        Box::pin(async move { exchange(now, failed) })
    }
}

struct Days {
    world: Arc<World>,
    began: Instant,
    watching: Watching,
}

/// The table of a service of this host.
fn service(host: &str, keys: &str) -> String {
    format!(
        "[[services]]\nname = \"{host}\"\nurl = \"http://{host}/\"\nmatch = [\"status_code\"]\n{keys}\n"
    )
}

/// Watches from midnight of 2026-01-01, a Thursday.
async fn days(keys: &str, services: &str) -> Days {
    let text = format!(
        "version = \"1.0\"\ninterval = \"1m\"\n{keys}\n[server]\nlisten = \"127.0.0.1:0\"\n{services}"
    );
    let (world, began) = (Arc::new(World::default()), Instant::now());
    let prober = Arc::clone(&world) as Arc<_>;
    Days {
        world,
        began,
        watching: watching(&text, prober).await,
    }
}

impl Days {
    /// Returns the first lines of what was told so far.
    fn titles(&self) -> Vec<String> {
        let told = self.watching.told.lock().unwrap();
        let first = |text: &String| text.lines().next().unwrap_or_default().to_owned();
        told.iter().map(|(_, text)| first(text)).collect()
    }

    /// Returns how long after the start the messages came.
    fn times(&self) -> Vec<Duration> {
        let told = self.watching.told.lock().unwrap();
        told.iter().map(|(at, _)| *at - self.began).collect()
    }

    /// Returns the same in whole minutes.
    fn minutes(&self) -> Vec<u64> {
        self.times().iter().map(|at| at.as_secs() / 60).collect()
    }

    fn last(&self) -> String {
        self.watching.told.lock().unwrap().last().unwrap().1.clone()
    }

    async fn ends(self) {
        self.watching.daemon.stop(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_incident_is_remembered_after_1_4_and_12_hours_and_daily() {
    let days = days("", &service("price", "")).await;
    sleep(Duration::from_hours(1)).await;
    days.world.goes_down(&["price"]);
    sleep(Duration::from_hours(63)).await;
    days.world.comes_back(&["price"]);
    sleep(Duration::from_hours(2)).await;
    assert_eq!(
        days.titles(),
        [
            "✗ OPEN  price · error",
            "✗ STILL OPEN  price · error still open after 61 min 2 s",
            "✗ STILL OPEN  price · error still open after 4 h 1 min",
            "✗ STILL OPEN  price · error still open after 12 h 1 min",
            "✗ STILL OPEN  price · error still open after 36 h 1 min",
            "✗ STILL OPEN  price · error still open after 2 d 12 h",
            "✓ RESOLVED  price · error resolved after 2 d 15 h",
        ]
    );
    days.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_maintenance_hides_what_is_over_by_its_end_and_tells_what_is_not() {
    let planned = "reminders = false\n[[maintenance]]\nname = \"nightly\"\ntags = [\"db\"]\ncron = \"0 2 * * *\"\nlasts = \"1h\"\n";
    let planned = format!("[notify]\n{planned}");
    let services =
        service("a", "tags = [\"db\"]") + &*service("b", "tags = [\"db\"]") + &*service("c", "");
    let days = days(&planned, &services).await;
    sleep(Duration::from_mins(125)).await;
    days.world.goes_down(&["a", "b", "c"]);
    sleep(Duration::from_mins(30)).await;
    assert_eq!(days.titles(), ["✗ OPEN  c · error"]);
    days.world.comes_back(&["a", "c"]);
    sleep(Duration::from_hours(2)).await;
    assert_eq!(
        days.titles(),
        [
            "✗ OPEN  c · error",
            "✓ RESOLVED  c · error resolved after 32 min",
            "✗ OPEN  b · error"
        ]
    );
    let text = days.last();
    assert!(
        text.contains("held back by the maintenance nightly"),
        "{text}"
    );
    let at = days.times()[2];
    assert_eq!(at.as_secs() / 60, 180, "at three o'clock");
    days.ends().await;
}

#[tokio::test(start_paused = true)]
async fn the_outage_of_a_dependency_is_told_once_and_names_what_depends_on_it() {
    let services = service("db", "")
        + &*service("api", "depends_on = [\"db\"]")
        + &*service("web", "depends_on = [\"api\"]");
    let days = days("", &services).await;
    sleep(Duration::from_mins(10)).await;
    days.world.goes_down(&["db", "api", "web"]);
    sleep(Duration::from_mins(10)).await;
    assert_eq!(days.titles(), ["✗ OPEN  db · error"]);
    let text = days.last();
    assert!(text.contains("Depending on it: api"), "{text}");
    assert_eq!(
        ledger(&days.watching.daemon).incidents.len(),
        3,
        "probing goes on"
    );
    days.world.comes_back(&["db", "web"]);
    let back = Instant::now();
    sleep(Duration::from_mins(20)).await;
    // Web came back with it, and nobody was ever told of it; the api is down by itself.
    let titles = days.titles();
    assert_eq!(
        titles[1].split(" resolved").next(),
        Some("✓ RESOLVED  db · error"),
        "{titles:?}"
    );
    assert_eq!(titles[2..], ["✗ OPEN  api · error"], "{titles:?}");
    let told_at = days.times()[2];
    assert!(told_at > Duration::from_mins(20), "{told_at:?} {back:?}");
    let text = days.last();
    assert!(text.contains("held back by the outage of db"), "{text}");
    days.ends().await;
}

#[tokio::test(start_paused = true)]
async fn flapping_is_said_once_and_then_the_final_truth() {
    let keys = "confirm = false\nerror_threshold = 0.2\n[notify]\ncool_down = 0\nreminders = false";
    let days = days(keys, &service("price", "")).await;
    sleep(Duration::from_mins(30)).await;
    days.world.fickle.lock().unwrap().insert("price".to_owned());
    sleep(Duration::from_hours(5)).await;
    let titles = days.titles();
    assert_eq!(
        titles,
        ["✗ OPEN  price · error", "✗ OPEN  price · flapping"]
    );
    days.world.fickle.lock().unwrap().clear();
    sleep(Duration::from_hours(1)).await;
    let titles = days.titles();
    assert_eq!(titles.len(), 4, "{titles:?}");
    assert!(
        titles[2..]
            .iter()
            .any(|title| title.starts_with("✓ RESOLVED  price · error")),
        "{titles:?}"
    );
    assert!(
        titles[2..]
            .iter()
            .any(|title| title.starts_with("✓ RESOLVED  price · flapping")),
        "{titles:?}"
    );
    days.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_network_is_one_message_and_no_service_is_blamed() {
    let keys = "canaries = [\"http://one.test/\", \"http://two.test/\"]";
    let services: String = ["a", "b", "c", "d", "e"]
        .map(|host| service(host, ""))
        .concat();
    let days = days(keys, &services).await;
    sleep(Duration::from_mins(10)).await;
    let all = ["a", "b", "c", "d", "e", "one.test", "two.test"];
    days.world.goes_down(&all);
    sleep(Duration::from_mins(20)).await;
    assert_eq!(days.titles(), ["✗ OPEN  OES · network"]);
    let open: Vec<String> = ledger(&days.watching.daemon)
        .incidents
        .values()
        .map(|one| format!("{} {}", one.service, one.violation))
        .collect();
    assert_eq!(open, ["OES network"], "unknown for 20 min is not long yet");
    days.world.comes_back(&all);
    sleep(Duration::from_mins(20)).await;
    let titles = days.titles();
    assert_eq!(titles.len(), 2, "{titles:?}");
    assert!(
        titles[1].starts_with("✓ RESOLVED  OES · network"),
        "{titles:?}"
    );
    // A service alone is still a service.
    days.world.goes_down(&["a"]);
    sleep(Duration::from_mins(5)).await;
    assert_eq!(days.titles()[2..], ["✗ OPEN  a · error"]);
    days.ends().await;
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_services_down_at_once_are_two_messages_and_their_end_is_one() {
    let names: Vec<String> = (0..200).map(|number| format!("s{number}")).collect();
    let services: String = names.iter().map(|name| service(name, "")).collect();
    let days = days("", &services).await;
    sleep(Duration::from_mins(10)).await;
    let hosts: Vec<&str> = names.iter().map(String::as_str).collect();
    days.world.goes_down(&hosts);
    sleep(Duration::from_mins(10)).await;
    let titles = days.titles();
    assert!((1..=2).contains(&titles.len()), "{titles:?}");
    assert_eq!(
        titles.last().unwrap(),
        "✗ STORM  200 services · 200 incidents open"
    );
    let text = days.last();
    assert!(text.contains("200 × connect_refused"), "{text}");
    assert!(
        text.contains("In common: failure connect_refused."),
        "{text}"
    );
    let known = ledger(&days.watching.daemon);
    assert_eq!(known.incidents.len(), 200);
    assert!(
        known
            .deliveries
            .values()
            .all(|one| one.acked_generation == 1)
    );
    let before = titles.len();
    days.world.comes_back(&hosts);
    sleep(Duration::from_mins(10)).await;
    let titles = days.titles();
    assert!(titles.len() <= before + 2, "{titles:?}");
    assert_eq!(
        titles.last().unwrap(),
        "✓ STORM OVER  200 services · all 200 incidents over"
    );
    days.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_digest_comes_every_morning_and_is_a_proof_of_life() {
    let keys = "[notify]\ndigest_at = \"09:00\"\ntime_zone = \"Europe/Berlin\"\nreminders = false";
    let days = days(keys, &(service("a", "") + &*service("b", ""))).await;
    sleep(Duration::from_hours(20)).await;
    assert_eq!(days.titles(), ["· DIGEST  2 services · all clear"]);
    assert_eq!(days.minutes(), [8 * 60], "eight o'clock in UTC");
    days.world.goes_down(&["a"]);
    sleep(Duration::from_hours(1)).await;
    days.world.comes_back(&["a"]);
    sleep(Duration::from_hours(2)).await;
    days.world.goes_down(&["b"]);
    sleep(Duration::from_hours(12)).await;
    let titles = days.titles();
    assert_eq!(
        titles.last().unwrap(),
        "· DIGEST  2 services · 1 incident open",
        "{titles:?}"
    );
    let text = days.last();
    assert!(
        text.contains("✗ b · error · open for 9 h")
            && text.contains("✓ a · error · over after 62 min"),
        "{text}"
    );
    days.ends().await;
}

#[tokio::test(start_paused = true)]
async fn routes_say_who_is_told_by_tag_and_hour() {
    let keys = "[[channels]]\nname = \"ops\"\nkind = \"console\"\n[[channels]]\nname = \"night\"\nkind = \"console\"\n\
                [notify]\nreminders = false\n\
                [[notify.routes]]\nhours = \"22:00-06:00\"\nseverities = [\"critical\"]\nchannels = [\"night\"]\ncontinue = true\n\
                [[notify.routes]]\ntags = [\"quiet\"]\nchannels = [\"ops\"]\n";
    let services = service("a", "tags = [\"quiet\"]") + &*service("b", "channels = [\"ops\"]");
    let days = days(keys, &services).await;
    let told = |name: &str| {
        let ledger = ledger(&days.watching.daemon);
        let of = |((channel, id), _): (&(oes::model::service::ChannelName, _), _)| {
            (ledger.incidents[id].service.as_str() == name).then(|| channel.to_string())
        };
        ledger.deliveries.iter().filter_map(of).collect::<Vec<_>>()
    };
    sleep(Duration::from_mins(10)).await;
    days.world.goes_down(&["a", "b"]);
    sleep(Duration::from_mins(10)).await;
    // It is night: the first route adds, the second is for `a` alone.
    assert_eq!(told("a"), ["night", "ops"]);
    assert_eq!(told("b"), ["night"]);
    days.world.comes_back(&["a", "b"]);
    sleep(Duration::from_hours(10)).await;
    days.world.goes_down(&["b"]);
    sleep(Duration::from_mins(10)).await;
    assert_eq!(told("b"), ["night", "ops"], "by day its own channel");
    days.ends().await;
}
