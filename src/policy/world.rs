//! Drives the ledger through random histories, with channels that refuse, hang and lie and a daemon that crashes,
//! and holds what the channels took against what people are promised.

mod many;
mod reference;
mod stories;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::almanac;
use super::delivery::{self, FailKind, Failed};
use super::ledger::{self, Retention};
use super::mute::{Cause, Mute};
use super::owed::{Batch, Manner, Plan, SINGLES, Settings, Telling, owed};
use super::watch::Opened;
use crate::model::duration::after;
use crate::model::incident::{Incident, IncidentId, Kept, Ledger, Reason};
use crate::model::mute::Ack;
use crate::model::service::{ChannelName, ServiceName};
use crate::model::violation::Violation;

const SERVICES: usize = 6;
const COOL_DOWN: Duration = Duration::from_mins(5);
const REMINDERS: [Duration; 2] = [Duration::from_hours(1), Duration::from_hours(4)];

/// What happens next.
#[derive(Debug, Clone)]
enum Event {
    Open(usize),
    Close(usize),
    Unwatch(usize),
    Wait(u32),
    Mute(usize, bool),
    Unmute,
    Ack(usize),
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
    EditGone,
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
    /// A service that is muted, and whether its ends are held as well.
    mute: Option<(usize, bool)>,
    /// Whether messages can be edited.
    edits: bool,
    /// What a mute hid for good.
    hidden: BTreeSet<(ChannelName, IncidentId)>,
    /// Messages that channels took.
    messages: usize,
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
            mute: None,
            edits: false,
            hidden: BTreeSet::new(),
            messages: 0,
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
                ledger::close(
                    &mut self.ledger,
                    &service(n),
                    &Violation::Error,
                    Kept::default(),
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
            Event::Mute(n, holds_ends) => self.mute = Some((*n, *holds_ends)),
            Event::Unmute => self.mute = None,
            Event::Ack(n) => {
                let id = ledger::find(&self.ledger, &service(n), &Violation::Error);
                let ack = Ack {
                    at: self.now,
                    by: "ada".into(),
                    reason: String::new(),
                };
                id.map(|id| ledger::acknowledge(&mut self.ledger, &id, ack));
            }
        }
    }

    /// Lets each channel do the next thing it has to, and returns whether any had.
    fn work(&mut self, mut answer: impl FnMut() -> Answer) -> Result<bool, TestCaseError> {
        let mut busy = false;
        for channel in self.channels.clone() {
            let mute = self.mute;
            let muted = |incident: &Incident| {
                let of =
                    |service| incident.service == ServiceName::new(format!("service {service}"));
                mute.filter(|(service, _)| of(*service))
                    .map(|(_, holds_ends)| Mute {
                        cause: Cause::Silence,
                        until: None,
                        why: "a test".into(),
                        holds_ends,
                    })
            };
            self.keep_almanac(&muted);
            let settings = Settings {
                gather: Duration::from_secs(2),
                cool_down: &|_| COOL_DOWN,
                mute: &muted,
                digest: None,
                manner: Manner {
                    storms: channel.as_str() != "pager",
                    edits: self.edits,
                    singles: SINGLES,
                },
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

    fn keep_almanac(&mut self, mute: &dyn Fn(&Incident) -> Option<Mute>) {
        let rules = almanac::Rules {
            mute,
            reminders: &REMINDERS,
            fallback: &|_, _| None,
        };
        let due = almanac::due(&self.ledger, &rules, self.now);
        for step in &due.steps {
            if let almanac::Step::Settle(channel, id) = step {
                self.hidden.insert((channel.clone(), id.clone()));
            }
        }
        almanac::take(&mut self.ledger, due.steps, &REMINDERS, self.now);
    }

    fn send(&mut self, channel: &ChannelName, batch: &Batch, answer: Answer) {
        let lost = matches!(answer, Answer::Unknown(_) | Answer::Crash(_));
        if matches!(
            answer,
            Answer::Take | Answer::Unknown(true) | Answer::Crash(true)
        ) {
            self.messages += 1;
            for told in &batch.told {
                self.taken.get_mut(channel).unwrap().push(Taken {
                    message_id: batch.message_id.clone(),
                    incident: told.incident.clone(),
                    generation: told.generation,
                    telling: told.telling,
                    possible_repeat: told.possible_repeat,
                });
            }
        }
        if lost {
            *self.unknown.entry(batch.message_id.clone()).or_default() += 1;
            for told in batch.told.iter().filter(|told| told.telling.announces()) {
                self.maybe_fired
                    .insert((channel.clone(), told.incident.clone()));
            }
        }
        let kind = match answer {
            Answer::Crash(_) => return,
            Answer::Take => {
                assert!(delivery::confirm(
                    &mut self.ledger,
                    channel,
                    batch,
                    Some("77"),
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
            Answer::EditGone => FailKind::EditGone,
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
        self.mute = None;
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
            let mut copies: BTreeMap<(&str, &IncidentId), usize> = BTreeMap::new();
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
                let copy = copies
                    .entry((&message.message_id, &message.incident))
                    .or_default();
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
                let hidden = self.hidden.contains(&(channel.clone(), id.clone()));
                prop_assert!(
                    heard.contains_key(id) || dead || hidden,
                    "{id} was lost on {channel}"
                );
                if !dead
                    && !hidden
                    && let Some(incident) = self.ledger.incidents.get(id)
                {
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
        1 => (4000_u32..90_000).prop_map(Event::Wait),
        1 => (0..SERVICES, any::<bool>()).prop_map(|(n, ends)| Event::Mute(n, ends)),
        1 => Just(Event::Unmute),
        1 => (0..SERVICES).prop_map(Event::Ack),
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
        1 => Just(Answer::EditGone),
        2 => any::<bool>().prop_map(Answer::Unknown),
        2 => any::<bool>().prop_map(Answer::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn people_are_told_what_they_are_promised(
        events in proptest::collection::vec(event(), 0..60), answers in proptest::collection::vec(answer(), 1..60),
        edits: bool,
    ) {
        let mut world = World::new();
        world.edits = edits;
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
