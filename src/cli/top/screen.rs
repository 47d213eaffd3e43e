//! What the screen shows, and how keys change that. Draws nothing and asks nobody.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::feed::{News, Service};
use crate::model::judgement::Outcome;

/// So many latencies of each service are remembered.
const TRAIL: usize = 32;

/// In which order services stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The worst first.
    State,
    Name,
    /// The slowest first.
    Latency,
}

impl Order {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::State => "worst first",
            Self::Name => "by name",
            Self::Latency => "slowest first",
        }
    }
}

/// How a key changes the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    By(isize),
    ByPages(isize),
    Open,
    Back,
    Search,
    Type(char),
    Erase,
    Found,
    Sort,
}

/// The latencies of the probes seen, oldest first; absent where none was measured.
type Trail = VecDeque<Option<u64>>;

/// What the screen shows.
pub(super) struct Screen {
    pub(super) zone: TimeZone,
    services: Vec<Service>,
    trails: HashMap<String, (Option<Timestamp>, Trail)>,
    /// The name of the service under the cursor: it stays there when others move.
    cursor: Option<String>,
    order: Order,
    search: String,
    searching: bool,
    pub(super) is_open: bool,
    pub(super) words: Option<String>,
    /// Rows that the list has room for, as of the last drawing.
    pub(super) room: usize,
    /// The first row that is shown.
    pub(super) first: usize,
}

impl Screen {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            services: Vec::new(),
            trails: HashMap::new(),
            cursor: None,
            order: Order::State,
            search: String::new(),
            searching: false,
            is_open: false,
            words: None,
            room: 1,
            first: 0,
        }
    }

    pub(super) fn take(&mut self, news: News) {
        match news {
            News::Services(services) => {
                for (service, last) in services
                    .iter()
                    .filter_map(|one| Some((one, one.last.as_ref()?)))
                {
                    let (at, trail) = self.trails.entry(service.name.clone()).or_default();
                    if *at != Some(last.at) {
                        *at = Some(last.at);
                        trail.push_back(last.latency_us);
                        let surplus = trail.len().saturating_sub(TRAIL);
                        trail.drain(..surplus);
                    }
                }
                self.services = services;
                self.words = None;
            }
            News::Words(words) => self.words = Some(words),
        }
    }

    /// Returns all services.
    pub(super) fn all(&self) -> &[Service] {
        &self.services
    }

    /// Returns the services that are listed, in their order.
    pub(super) fn listed(&self) -> Vec<&Service> {
        let wanted = self.search.to_lowercase();
        let fits = |text: &str| text.to_lowercase().contains(&wanted);
        let meant = |one: &&Service| {
            wanted.is_empty() || fits(&one.name) || one.group.as_deref().is_some_and(fits)
        };
        let mut listed: Vec<&Service> = self.services.iter().filter(meant).collect();
        match self.order {
            Order::Name => {}
            Order::State => listed.sort_by_key(|one| Reverse(weight(one))),
            Order::Latency => listed.sort_by_key(|one| Reverse(latency(one))),
        }
        listed
    }

    /// Returns the place of the cursor among the listed.
    pub(super) fn position(&self, listed: &[&Service]) -> usize {
        let is_it = |one: &&Service| Some(&one.name) == self.cursor.as_ref();
        listed.iter().position(is_it).unwrap_or(0)
    }

    /// Returns the service under the cursor.
    pub(super) fn selected(&self) -> Option<&Service> {
        let listed = self.listed();
        listed.get(self.position(&listed)).copied()
    }

    /// Returns the latencies that were seen of a service, oldest first.
    pub(super) fn trail(&self, service: &Service) -> impl Iterator<Item = Option<u64>> + '_ {
        let trail = self.trails.get(&service.name);
        trail
            .into_iter()
            .flat_map(|(_, trail)| trail.iter().copied())
    }

    pub(super) fn order(&self) -> Order {
        self.order
    }

    pub(super) fn is_searching(&self) -> bool {
        self.searching
    }

    pub(super) fn search(&self) -> &str {
        &self.search
    }

    pub(super) fn turn(&mut self, wanted: Move) {
        match wanted {
            Move::By(rows) => self.go(rows),
            Move::ByPages(pages) => {
                let room = isize::try_from(self.room.max(1)).unwrap_or(isize::MAX);
                self.go(pages.saturating_mul(room));
            }
            Move::Open => self.is_open = !self.is_open,
            Move::Back if self.is_open => self.is_open = false,
            Move::Back => {
                self.searching = false;
                self.search.clear();
            }
            Move::Search => self.searching = true,
            Move::Type(letter) => self.search.push(letter),
            Move::Erase => drop(self.search.pop()),
            Move::Found => self.searching = false,
            Move::Sort => {
                self.order = match self.order {
                    Order::State => Order::Name,
                    Order::Name => Order::Latency,
                    Order::Latency => Order::State,
                };
            }
        }
    }

    fn go(&mut self, rows: isize) {
        let listed = self.listed();
        let last = listed.len().saturating_sub(1);
        let to = self.position(&listed).saturating_add_signed(rows).min(last);
        self.cursor = listed.get(to).map(|one| one.name.clone());
    }
}

/// Returns how bad a service is: open violations first, then its newest outcome.
fn weight(service: &Service) -> (bool, Option<Outcome>) {
    let outcome = service.last.as_ref().map(|last| last.outcome);
    (service.is_broken(), outcome)
}

fn latency(service: &Service) -> Option<u64> {
    service.last.as_ref()?.latency_us
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::feed::{Open, Probed};
    use super::*;

    pub(in crate::cli::top) fn service(name: &str, outcome: Outcome, latency_us: u64) -> Service {
        let at = Timestamp::UNIX_EPOCH;
        let violation = Open {
            violation: "error".to_owned(),
            incident: "x".to_owned(),
            since: at,
            rule: "4 of the last 7 probes failed".to_owned(),
            acked: false,
        };
        Service {
            name: name.to_owned(),
            method: Some("GET".to_owned()),
            url: Some(format!("http://{name}.example/")),
            heartbeat: None,
            group: Some("shop".to_owned()),
            next_probe_at: None,
            maintenance: None,
            last: Some(Probed {
                at,
                outcome,
                latency_us: Some(latency_us),
                status: Some(200),
                finding: None,
                certificate_expires: None,
            }),
            violations: if outcome == Outcome::Fail {
                vec![violation]
            } else {
                Vec::new()
            },
        }
    }

    fn names(screen: &Screen) -> Vec<&str> {
        screen
            .listed()
            .iter()
            .map(|one| one.name.as_str())
            .collect()
    }

    fn three() -> Screen {
        let mut screen = Screen::new(TimeZone::UTC);
        screen.take(News::Services(vec![
            service("a", Outcome::Pass, 9),
            service("b", Outcome::Fail, 5),
            service("c", Outcome::Unknown, 7),
        ]));
        screen
    }

    #[test]
    fn services_stand_in_the_wanted_order() {
        let mut screen = three();
        assert_eq!(names(&screen), ["b", "c", "a"]);
        screen.turn(Move::Sort);
        assert_eq!(names(&screen), ["a", "b", "c"]);
        screen.turn(Move::Sort);
        assert_eq!(names(&screen), ["a", "c", "b"]);
    }

    #[test]
    fn the_cursor_stays_on_its_service() {
        let mut screen = three();
        screen.turn(Move::By(1));
        assert_eq!(screen.selected().unwrap().name, "c");
        screen.turn(Move::Sort);
        assert_eq!(screen.selected().unwrap().name, "c");
        screen.turn(Move::By(isize::MAX));
        screen.turn(Move::By(1));
        assert_eq!(screen.selected().unwrap().name, "c");
        screen.turn(Move::By(isize::MIN));
        assert_eq!(screen.selected().unwrap().name, "a");
        screen.take(News::Services(Vec::new()));
        assert_eq!(screen.selected(), None);
        screen.turn(Move::ByPages(1));
    }

    #[test]
    fn a_search_finds_names_and_groups() {
        let mut screen = three();
        screen.turn(Move::Search);
        for letter in "SHO".chars() {
            screen.turn(Move::Type(letter));
        }
        assert_eq!(names(&screen).len(), 3);
        for _ in 0..3 {
            screen.turn(Move::Erase);
        }
        screen.turn(Move::Type('b'));
        screen.turn(Move::Found);
        assert_eq!(names(&screen), ["b"]);
        assert!(!screen.is_searching());
        screen.turn(Move::Back);
        assert_eq!(names(&screen).len(), 3);
    }

    #[test]
    fn a_probe_is_remembered_once() {
        let mut screen = three();
        screen.take(News::Services(vec![service("a", Outcome::Pass, 9)]));
        assert_eq!(screen.trail(&service("a", Outcome::Pass, 9)).count(), 1);
    }
}
