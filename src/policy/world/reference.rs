//! The ledger against a naive model of what people should know, over long histories.
//!
//! The model keeps no generations, no intents and no obligations: it knows which incidents there were, and from that
//! alone what the last word about each must be, and which words may come before it.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;

/// What the model knows of one incident.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Open,
    Over,
    Unwatched,
}

/// Incidents in the order of their openings, as anybody would write them down.
#[derive(Debug, Default)]
struct Naive {
    incidents: Vec<(usize, State)>,
}

impl Naive {
    fn happen(&mut self, event: &Event) {
        match event {
            Event::Open(n) if self.open(*n).is_none() => self.incidents.push((*n, State::Open)),
            Event::Close(n) => self.end(*n, State::Over),
            Event::Unwatch(n) => self.end(*n, State::Unwatched),
            _ => {}
        }
    }

    fn open(&mut self, service: usize) -> Option<&mut State> {
        let mut incidents = self.incidents.iter_mut().rev();
        let open = |(of, state): &&mut (usize, State)| *of == service && *state == State::Open;
        incidents.find(open).map(|(_, state)| state)
    }

    fn end(&mut self, service: usize, how: State) {
        if let Some(state) = self.open(service) {
            *state = how;
        }
    }

    /// Holds what one channel took of one incident against the model, in the order in which it came.
    fn check(&self, number: usize, told: &[&Taken]) -> Result<(), TestCaseError> {
        let (_, state) = self.incidents[number];
        let ends = |one: &&&Taken| {
            !matches!(
                one.telling,
                Telling::Fire | Telling::Reminder | Telling::Acked
            )
        };
        let Some(last) = told.last() else {
            return Ok(());
        };
        let right = match last.telling {
            Telling::Fire | Telling::Reminder | Telling::Acked | Telling::Left => {
                state == State::Open
            }
            Telling::Resolve => state == State::Over,
            Telling::Unwatched => state == State::Unwatched,
            Telling::Outage(_) => state != State::Open,
        };
        prop_assert!(
            right,
            "incident {number} is {state:?}, but last told was {last:?}"
        );
        // A storm that went on while its outcome was not known is told anew, and says that it may be a repeat.
        let words: BTreeSet<&str> = told
            .iter()
            .filter(ends)
            .filter(|one| !one.possible_repeat)
            .map(|one| one.message_id.as_str())
            .collect();
        prop_assert!(
            words.len() <= 1,
            "more than one end of incident {number}: {told:?}"
        );
        let first_end = told.iter().position(|one| ends(&one));
        let after = told.iter().skip(first_end.unwrap_or(told.len()));
        let fires = after.filter(|one| one.telling == Telling::Fire).count();
        prop_assert_eq!(fires, 0, "told as open after its end: {:?}", told);
        Ok(())
    }
}

fn random_event(random: &mut StdRng) -> Event {
    let service = random.random_range(0..SERVICES);
    match random.random_range(0..20) {
        0..=5 => Event::Open(service),
        6..=10 => Event::Close(service),
        11 => Event::Unwatch(service),
        12 => Event::Mute(service, random.random_bool(0.3)),
        13 => Event::Unmute,
        14 => Event::Ack(service),
        15 => Event::Restart,
        16 => Event::Wait(random.random_range(3_600..90_000)),
        _ => Event::Wait(random.random_range(0..400)),
    }
}

fn random_answer(random: &mut StdRng) -> Answer {
    match random.random_range(0..16) {
        0..=8 => Answer::Take,
        9 => Answer::Retry,
        10 => Answer::RateLimit,
        11 => Answer::EditGone,
        12 => Answer::Disable,
        13 => Answer::Unknown(random.random_bool(0.5)),
        14 => Answer::Crash(random.random_bool(0.5)),
        _ => Answer::Reject,
    }
}

/// Steps of all histories together.
const STEPS: usize = 100_000;

#[test]
fn what_people_know_in_the_end_is_what_anybody_would_have_written_down() {
    let mut random = StdRng::seed_from_u64(0x0e5);
    let mut steps = 0;
    while steps < STEPS {
        let (mut world, mut naive) = (World::new(), Naive::default());
        world.edits = random.random_bool(0.5);
        for _ in 0..random.random_range(1..200) {
            let event = random_event(&mut random);
            world.happen(&event);
            naive.happen(&event);
            assert_eq!(world.opened.len(), naive.incidents.len());
            world.work(|| random_answer(&mut random)).unwrap();
            steps += 1;
        }
        world.settle().unwrap();
        world.check().unwrap();
        for taken in world.taken.values() {
            for (number, id) in world.opened.iter().enumerate() {
                let told: Vec<&Taken> = taken.iter().filter(|one| one.incident == *id).collect();
                let given_up = world
                    .ledger
                    .dead_letters
                    .iter()
                    .any(|one| one.incident == *id);
                if !given_up {
                    naive.check(number, &told).unwrap();
                }
            }
        }
    }
}

#[test]
fn a_year_with_a_channel_dead_for_a_week_loses_nothing_and_stays_small() {
    let mut random = StdRng::seed_from_u64(365);
    let mut world = World::new();
    let start = world.now;
    let channels: BTreeSet<ChannelName> = world.channels.iter().cloned().collect();
    let days = |world: &World| crate::model::duration::since(start, world.now).as_secs() / 86_400;
    let mut largest = 0;
    while days(&world) < 365 {
        world.happen(&random_event(&mut random));
        world.mute = None;
        let dead = (100..107).contains(&days(&world));
        world
            .work(|| if dead { Answer::Retry } else { Answer::Take })
            .unwrap();
        delivery::expire(&mut world.ledger, world.now);
        ledger::prune(
            &mut world.ledger,
            &channels,
            Retention::default(),
            world.now,
        );
        largest = largest.max(world.ledger.incidents.len());
    }
    assert!(world.opened.len() > 1_000, "{}", world.opened.len());
    assert!(largest < 1_500, "{largest} incidents were kept at once");
    world.settle().unwrap();
    world.check().unwrap();
    for (channel, taken) in &world.taken {
        let heard: BTreeSet<&IncidentId> = taken.iter().map(|one| &one.incident).collect();
        let lost = world.opened.iter().filter(|id| !heard.contains(id)).count();
        let letters = world.ledger.dead_letters.iter();
        let letters =
            letters.filter(|one| one.channel == *channel && !heard.contains(&one.incident));
        assert!(
            lost <= letters.count(),
            "{lost} incidents were lost on {channel}"
        );
    }
}
