//! Drives the ledger through random histories, with channels that refuse, hang and lie and a daemon that crashes,
//! and holds what the channels took against what people are promised.

mod stories;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::delivery::{self, FailKind, Failed};
use super::ledger::{self, Retention};
use super::owed::{Batch, Plan, Settings, Telling, owed};
use super::watch::Opened;
use crate::model::duration::after;
use crate::model::incident::{IncidentId, Ledger, Reason};
use crate::model::service::{ChannelName, ServiceName};
use crate::model::violation::Violation;

const SERVICES: usize = 3;
const COOL_DOWN: Duration = Duration::from_mins(5);

/// What happens next.
#[derive(Debug, Clone)]
enum Event {
    Open(usize),
    Close(usize),
    Unwatch(usize),
    Wait(u32),
    /// The daemon stops and starts; the ledger is what was on disk.
    Restart,
}

/// How a channel answers.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    Take,
    Retry,
    RateLimit,
    Reject,
    Disable,
    /// No answer; whether it was taken.
    Unknown(bool),
    /// The daemon dies between intent and confirmation; whether the message was taken.
    Crash(bool),
}

/// One message that a channel took.
#[derive(Debug, Clone)]
struct Taken {
    message_id: String,
    incident: IncidentId,
    generation: u32,
    telling: Telling,
    possible_repeat: bool,
}

struct World {
    ledger: Ledger,
    now: Timestamp,
    channels: Vec<ChannelName>,
    taken: BTreeMap<ChannelName, Vec<Taken>>,
    /// Messages whose outcome the daemon could not know, by id, with how often.
    unknown: BTreeMap<String, usize>,
    /// Openings whose outcome the daemon could not know.
    maybe_fired: BTreeSet<(ChannelName, IncidentId)>,
    opened: Vec<IncidentId>,
    settings: u32,
}

impl World {
    fn new() -> Self {
        let channels: Vec<ChannelName> = ["chat", "pager"].map(ChannelName::new).to_vec();
        let mut world = Self {
            ledger: Ledger::default(),
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            taken: channels
                .iter()
                .map(|channel| (channel.clone(), Vec::new()))
                .collect(),
            channels,
            unknown: BTreeMap::new(),
            maybe_fired: BTreeSet::new(),
            opened: Vec::new(),
            settings: 0,
        };
        world.register();
        world
    }

    fn register(&mut self) {
        for channel in &self.channels {
            let fingerprint = format!("settings {}", self.settings);
            delivery::register(&mut self.ledger, channel, &fingerprint, self.now);
        }
    }

    fn happen(&mut self, event: &Event) {
        let service = |n: &usize| ServiceName::new(format!("service {n}"));
        self.now = after(self.now, Duration::from_secs(1));
        match event {
            Event::Open(n) => {
                let id = IncidentId(format!("{:016}", self.opened.len()).into());
                let opened = Opened {
                    violation: Violation::Error,
                    since: self.now,
                    last_good: None,
                    reason: Reason::default(),
                };
                if ledger::open(
                    &mut self.ledger,
                    id.clone(),
                    &service(n),
                    opened,
                    &self.channels,
                    self.now,
                ) {
                    self.opened.push(id);
                }
            }
            Event::Close(n) => {
                let samples = Vec::new();
                ledger::close(
                    &mut self.ledger,
                    &service(n),
                    &Violation::Error,
                    samples,
                    self.now,
                );
            }
            Event::Unwatch(n) => {
                ledger::unwatch(&mut self.ledger, |name, _| *name != service(n), self.now);
            }
            Event::Wait(seconds) => {
                self.now = after(self.now, Duration::from_secs(u64::from(*seconds)));
            }
            Event::Restart => self.register(),
        }
    }

    /// Lets each channel do the next thing it has to, and returns whether any had.
    fn work(&mut self, mut answer: impl FnMut() -> Answer) -> Result<bool, TestCaseError> {
        let mut busy = false;
        for channel in self.channels.clone() {
            let settings = Settings {
                gather: Duration::from_secs(2),
                cool_down: &|_| COOL_DOWN,
            };
            match owed(&self.ledger, &channel, &settings, self.now) {
                Plan::Send(batch) => {
                    prop_assert!(delivery::intend(
                        &mut self.ledger,
                        &channel,
                        &batch,
                        self.now
                    ));
                    self.send(&channel, &batch, answer());
                    busy = true;
                }
                Plan::WaitUntil(until) => {
                    prop_assert!(until > self.now);
                    busy = true;
                }
                Plan::Idle | Plan::Disabled => {}
            }
        }
        Ok(busy)
    }

    fn send(&mut self, channel: &ChannelName, batch: &Batch, answer: Answer) {
        let lost = matches!(answer, Answer::Unknown(_) | Answer::Crash(_));
        if matches!(
            answer,
            Answer::Take | Answer::Unknown(true) | Answer::Crash(true)
        ) {
            let told = &batch.told[0];
            self.taken.get_mut(channel).unwrap().push(Taken {
                message_id: batch.message_id.clone(),
                incident: told.incident.clone(),
                generation: told.generation,
                telling: told.telling,
                possible_repeat: told.possible_repeat,
            });
        }
        if lost {
            *self.unknown.entry(batch.message_id.clone()).or_default() += 1;
            if batch.told[0].telling.announces() {
                self.maybe_fired
                    .insert((channel.clone(), batch.told[0].incident.clone()));
            }
        }
        let kind = match answer {
            Answer::Crash(_) => return,
            Answer::Take => {
                assert!(delivery::confirm(
                    &mut self.ledger,
                    channel,
                    batch,
                    None,
                    self.now
                ));
                return;
            }
            Answer::Retry => FailKind::Retry { after: None },
            Answer::RateLimit => FailKind::RateLimited {
                after: Some(Duration::from_secs(20)),
            },
            Answer::Reject => FailKind::RejectedPayload,
            Answer::Disable => FailKind::ChannelDisabled,
            Answer::Unknown(_) => FailKind::Unknown,
        };
        let failed = Failed {
            kind,
            error: "no",
            random: 0.5,
        };
        delivery::fail(&mut self.ledger, channel, batch, failed, self.now);
    }

    /// Channels take everything from now on, until nothing is owed.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        self.settings += 1;
        self.register();
        for _ in 0..10_000 {
            if !self.work(|| Answer::Take)? {
                return Ok(());
            }
            self.now = after(self.now, Duration::from_secs(5));
        }
        Err(TestCaseError::fail("something is owed for ever"))
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for (channel, taken) in &self.taken {
            let mut heard: BTreeMap<&IncidentId, u32> = BTreeMap::new();
            let mut copies: BTreeMap<&str, usize> = BTreeMap::new();
            for message in taken {
                let before = heard.insert(&message.incident, message.generation);
                prop_assert!(
                    before.is_none_or(|before| before <= message.generation),
                    "generations go backwards: {message:?}"
                );
                if !message.telling.announces() {
                    let key = (channel.clone(), message.incident.clone());
                    prop_assert!(
                        before.is_some() || self.maybe_fired.contains(&key),
                        "a resolve without a fire: {message:?}"
                    );
                }
                let unheard = before.is_none_or(|before| before == message.generation);
                prop_assert!(
                    !matches!(message.telling, Telling::Outage(_)) || unheard,
                    "told as unheard, but a fire was taken: {message:?}"
                );
                let copy = copies.entry(&message.message_id).or_default();
                prop_assert!(
                    *copy == 0 || message.possible_repeat,
                    "a copy that is not marked: {message:?}"
                );
                *copy += 1;
                let lost = self.unknown.get(&message.message_id).copied().unwrap_or(0);
                prop_assert!(*copy <= 1 + lost, "too many copies: {message:?}");
            }
            for id in &self.opened {
                let dead = self
                    .ledger
                    .dead_letters
                    .iter()
                    .any(|letter| letter.channel == *channel && letter.incident == *id);
                prop_assert!(heard.contains_key(id) || dead, "{id} was lost on {channel}");
                if !dead && let Some(incident) = self.ledger.incidents.get(id) {
                    prop_assert_eq!(
                        heard.get(id),
                        Some(&incident.generation),
                        "the newest truth of {} is not on {}",
                        id,
                        channel
                    );
                }
            }
        }
        Ok(())
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0..SERVICES).prop_map(Event::Open),
        3 => (0..SERVICES).prop_map(Event::Close),
        1 => (0..SERVICES).prop_map(Event::Unwatch),
        4 => (0_u32..400).prop_map(Event::Wait),
        1 => Just(Event::Restart),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => Just(Answer::Take),
        2 => Just(Answer::Retry),
        1 => Just(Answer::RateLimit),
        1 => Just(Answer::Reject),
        1 => Just(Answer::Disable),
        2 => any::<bool>().prop_map(Answer::Unknown),
        2 => any::<bool>().prop_map(Answer::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn people_are_told_what_they_are_promised(
        events in proptest::collection::vec(event(), 0..60), answers in proptest::collection::vec(answer(), 1..60),
    ) {
        let mut world = World::new();
        let mut answers = answers.into_iter().cycle();
        for event in &events {
            world.happen(event);
            world.work(|| answers.next().unwrap_or(Answer::Take))?;
        }
        world.settle()?;
        world.check()?;
    }

    #[test]
    fn nothing_that_is_owed_is_pruned(events in proptest::collection::vec(event(), 0..60), answers in proptest::collection::vec(answer(), 1..60)) {
        let mut world = World::new();
        let channels: BTreeSet<ChannelName> = world.channels.iter().cloned().collect();
        let mut answers = answers.into_iter().cycle();
        let retention = Retention { settled_for: Duration::ZERO, settled_max: 0 };
        for event in &events {
            world.happen(event);
            world.work(|| answers.next().unwrap_or(Answer::Take))?;
            ledger::prune(&mut world.ledger, &channels, retention, world.now);
        }
        world.settle()?;
        world.check()?;
        ledger::prune(&mut world.ledger, &channels, retention, world.now);
        let open = world.ledger.incidents.values().filter(|incident| incident.is_open()).count();
        prop_assert_eq!(world.ledger.incidents.len(), open);
        prop_assert_eq!(world.ledger.deliveries.len(), open * channels.len());
    }
}
