//! Single histories, second by second.

use super::*;

/// What one channel takes in order, with the seconds since the start.
fn story(events: &[(u64, Event)], until: u64, answer: impl Fn(u64) -> Answer) -> Vec<String> {
    let mut world = World::new();
    world.channels.truncate(1);
    let start = world.now;
    let mut told = Vec::new();
    for second in 0..until {
        for (_, event) in events.iter().filter(|(at, _)| *at == second) {
            world.happen(event);
        }
        world.now = after(start, Duration::from_secs(second));
        let before = world.taken[&world.channels[0]].len();
        world.work(|| answer(second)).unwrap();
        for message in &world.taken[&world.channels[0]][before..] {
            let repeat = if message.possible_repeat {
                " again"
            } else {
                ""
            };
            told.push(format!(
                "{second}: {:?} {}{repeat}",
                message.telling,
                message.incident.0.trim_start_matches('0')
            ));
        }
    }
    told
}

#[test]
fn a_fire_gathers_two_seconds_and_a_resolve_goes_at_once() {
    let events = [(10, Event::Open(1)), (100, Event::Close(1))];
    assert_eq!(
        story(&events, 200, |_| Answer::Take),
        ["12: Fire ", "100: Resolve "]
    );
}

#[test]
fn an_outage_while_the_channel_was_down_is_told_afterwards() {
    let events = [(10, Event::Open(1)), (100, Event::Close(1))];
    let down_until = |second| {
        if second < 500 {
            Answer::Retry
        } else {
            Answer::Take
        }
    };
    let told = story(&events, 1000, down_until);
    assert_eq!(told.len(), 1);
    assert!(told[0].ends_with(": Outage(Unreachable) "), "{told:?}");
}

#[test]
fn the_cool_down_holds_but_never_loses() {
    let held = [
        (10, Event::Open(1)),
        (50, Event::Close(1)),
        (60, Event::Open(1)),
        (90, Event::Close(1)),
        (95, Event::Open(2)),
    ];
    assert_eq!(
        story(&held, 1000, |_| Answer::Take),
        [
            "12: Fire ",
            "50: Resolve ",
            "97: Fire 2",
            "312: Outage(CoolDown) 1"
        ]
    );
}

#[test]
fn the_cool_down_is_what_held_each_of_several() {
    let held = [
        (10, Event::Open(1)),
        (50, Event::Close(1)),
        (60, Event::Open(1)),
        (90, Event::Close(1)),
        (120, Event::Open(1)),
        (150, Event::Close(1)),
    ];
    assert_eq!(
        story(&held, 1000, |_| Answer::Take),
        [
            "12: Fire ",
            "50: Resolve ",
            "312: Outage(CoolDown) 1",
            "313: Outage(CoolDown) 2"
        ]
    );
}

#[test]
fn an_incident_that_ends_before_its_turn_blames_nobody() {
    let brief = [(10, Event::Open(1)), (11, Event::Close(1))];
    assert_eq!(story(&brief, 100, |_| Answer::Take), ["11: Outage(Brief) "]);
}

#[test]
fn a_limit_is_no_failure_and_outlives_a_message_that_was_under_way() {
    let mut world = World::new();
    world.channels.truncate(1);
    world.happen(&Event::Open(1));
    world.happen(&Event::Wait(5));
    world.work(|| Answer::RateLimit).unwrap();
    let channel = world.channels[0].clone();
    let state = |world: &World| world.ledger.channels[&channel].clone();
    assert_eq!(state(&world).failures, 0);
    assert!(state(&world).is_unreachable(world.now));
    world.happen(&Event::Wait(60));
    let settings = Settings {
        gather: Duration::ZERO,
        cool_down: &|_| COOL_DOWN,
        mute: &|_| None,
        digest: None,
        manner: Manner::default(),
    };
    let Plan::Send(batch) = owed(&world.ledger, &channel, &settings, world.now) else {
        panic!("nothing is owed");
    };
    assert!(delivery::intend(
        &mut world.ledger,
        &channel,
        &batch,
        world.now
    ));
    // Meanwhile another channel of the provider is told that the limit goes for all of them.
    let until = after(world.now, Duration::from_mins(10));
    world
        .ledger
        .channels
        .get_mut(&channel)
        .unwrap()
        .paused_until = Some(until);
    world.send(&channel, &batch, Answer::Take);
    assert_eq!(state(&world).paused_until, Some(until));
}

#[test]
fn a_repeat_after_an_unknown_outcome_has_the_same_id_and_says_so() {
    let told = story(&[(10, Event::Open(1))], 100, |second| {
        if second < 13 {
            Answer::Crash(true)
        } else {
            Answer::Take
        }
    });
    assert_eq!(told, ["12: Fire ", "13: Fire  again"]);
}

#[test]
fn a_dead_channel_leaves_a_dead_letter_and_hears_the_truth_when_it_returns() {
    let mut world = World::new();
    world.happen(&Event::Open(1));
    for _ in 0..600 {
        world.work(|| Answer::Retry).unwrap();
        world.now = after(world.now, Duration::from_mins(5));
    }
    assert_eq!(world.ledger.dead_letters.len(), 2, "one a channel");
    assert!(!world.work(|| Answer::Take).unwrap(), "given up");
    world.happen(&Event::Open(2));
    world.settle().unwrap();
    let heard: BTreeSet<_> = world.taken[&world.channels[0]]
        .iter()
        .map(|message| &message.incident)
        .collect();
    assert_eq!(heard.len(), 2, "the one that was given up as well");
}

#[test]
fn a_disabled_channel_is_left_alone_until_its_settings_change() {
    let mut world = World::new();
    world.happen(&Event::Open(1));
    world.happen(&Event::Wait(5));
    world.work(|| Answer::Disable).unwrap();
    world.happen(&Event::Wait(86_400 * 2));
    assert!(!world.work(|| Answer::Take).unwrap());
    assert_eq!(delivery::expire(&mut world.ledger, world.now), 2);
    world.settle().unwrap();
    assert!(world.taken.values().all(|taken| taken.len() == 1));
}

#[test]
fn one_poisoned_message_does_not_hold_up_the_others() {
    let mut world = World::new();
    world.happen(&Event::Open(1));
    world.happen(&Event::Wait(5));
    world.work(|| Answer::Retry).unwrap();
    for _ in 0..8 {
        world.happen(&Event::Wait(301));
        world.work(|| Answer::Retry).unwrap();
    }
    world.happen(&Event::Open(2));
    world.happen(&Event::Wait(290));
    let mut sent = None;
    for _ in 0..20 {
        world.work(|| Answer::Take).unwrap();
        sent = sent.or_else(|| world.taken[&world.channels[0]].first().cloned());
        world.happen(&Event::Wait(10));
    }
    assert!(sent.is_some());
}

#[test]
fn a_clock_that_jumps_back_holds_nothing_for_long() {
    let mut world = World::new();
    world.happen(&Event::Open(1));
    world.happen(&Event::Wait(5));
    world.work(|| Answer::Retry).unwrap();
    world.now = world.now.saturating_sub(Duration::from_hours(24)).unwrap();
    assert!(world.work(|| Answer::Take).unwrap());
    assert_eq!(world.taken[&world.channels[0]].len(), 1);
}

#[test]
fn an_id_is_short_random_and_of_the_right_letters() {
    assert_eq!(&*ledger::incident_id([0; 10]).0, "0000000000000000");
    assert_eq!(&*ledger::incident_id([255; 10]).0, "zzzzzzzzzzzzzzzz");
    assert_eq!(
        &*ledger::incident_id([0, 0, 0, 0, 0, 0, 0, 0, 0, 33]).0,
        "0000000000000011"
    );
}

#[test]
fn a_route_that_changes_tells_what_is_open_and_still_ends_what_was_told() {
    let mut world = World::new();
    let (old, new) = (
        vec![world.channels[0].clone()],
        vec![world.channels[1].clone()],
    );
    let all = world.channels.clone();
    world.channels = old;
    world.happen(&Event::Open(1));
    world.settle().unwrap();
    ledger::reroute(&mut world.ledger, |_| new.clone(), world.now);
    world.channels = all;
    world.settle().unwrap();
    world.happen(&Event::Close(1));
    world.settle().unwrap();
    for taken in world.taken.values() {
        let told: Vec<Telling> = taken.iter().map(|message| message.telling).collect();
        assert_eq!(told, [Telling::Fire, Telling::Resolve]);
    }
}

#[test]
fn what_held_an_opening_back_is_over_once_it_is_told() {
    let mut world = World::new();
    world.channels.truncate(1);
    world.happen(&Event::Mute(1, false));
    world.happen(&Event::Open(1));
    world.work(|| Answer::Take).unwrap();
    let held = |world: &World| {
        let entries = crate::policy::outbox::entries(&world.ledger, world.now);
        entries.first().and_then(|entry| entry.held.clone())
    };
    assert_eq!(held(&world).as_deref(), Some("a test"));
    // The mute ends, and the channel is told before anybody has noted that.
    let settings = Settings {
        gather: Duration::ZERO,
        cool_down: &|_| COOL_DOWN,
        mute: &|_| None,
        digest: None,
        manner: Manner::default(),
    };
    let channel = world.channels[0].clone();
    let Plan::Send(batch) = owed(&world.ledger, &channel, &settings, world.now) else {
        panic!("nothing is owed");
    };
    assert!(delivery::intend(
        &mut world.ledger,
        &channel,
        &batch,
        world.now
    ));
    assert_eq!(held(&world), None);
    // Where no daemon runs, the end that was known counts.
    let delivery = world.ledger.deliveries.values_mut().next().unwrap();
    delivery.muted = Some(crate::model::incident::Muted {
        why: "a silence".to_owned(),
        until: Some(world.now),
        is_on: true,
    });
    assert_eq!(held(&world), None);
}

/// A channel that stands in for another that stood in for a third says so of both; and no channel stands in for one that
/// would be told of its own outage.
#[test]
fn a_fallback_of_a_fallback_names_both() {
    let mut world = World::new();
    world.happen(&Event::Open(1));
    let (chat, pager) = (world.channels[0].clone(), world.channels[1].clone());
    let mail = ChannelName::new("mail");
    let (key, first) = world.ledger.deliveries.pop_first().unwrap();
    assert_eq!(key.0, chat);
    let failing = |why: &str| crate::model::incident::Delivery {
        last_error: Some(why.to_owned()),
        attempts: 1,
        ..first.clone()
    };
    world
        .ledger
        .deliveries
        .insert(key.clone(), failing("chat is dead"));
    let second = crate::model::incident::Delivery {
        instead: Some(crate::model::incident::Instead {
            of: chat.clone(),
            why: "chat is dead".to_owned(),
        }),
        ..failing("pager is dead")
    };
    world
        .ledger
        .deliveries
        .insert((pager.clone(), key.1.clone()), second);
    let fallback = |channel: &ChannelName, _: &Incident| {
        let other = if *channel == chat {
            pager.clone()
        } else {
            mail.clone()
        };
        Some((other, Duration::ZERO))
    };
    let rules = almanac::Rules {
        mute: &|_| None,
        reminders: &[],
        fallback: &fallback,
    };
    let steps = almanac::due(&world.ledger, &rules, world.now).steps;
    let [almanac::Step::StandIn(channel, _, instead)] = &steps[..] else {
        panic!("{steps:?}");
    };
    assert_eq!((channel, &instead.of), (&mail, &pager));
    assert_eq!(
        instead.why,
        "pager is dead; it stood in for chat: chat is dead"
    );
}
