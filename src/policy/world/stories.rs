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

/// Opens incidents of so many services within one second.
fn all_at_once(at: u64) -> Vec<(u64, Event)> {
    (0..SERVICES).map(|n| (at, Event::Open(n))).collect()
}

/// The messages that one channel takes in order, with the seconds since the start and what they tell.
fn messages(events: &[(u64, Event)], until: u64, edits: bool) -> Vec<String> {
    let mut world = World::new();
    world.channels.truncate(1);
    world.edits = edits;
    let start = world.now;
    let mut said = Vec::new();
    for second in 0..until {
        for (_, event) in events.iter().filter(|(at, _)| *at == second) {
            // An event takes a second.
            world.now = after(start, Duration::from_secs(second - 1));
            world.happen(event);
        }
        world.now = after(start, Duration::from_secs(second));
        let (before, count) = (world.taken[&world.channels[0]].len(), world.messages);
        world.work(|| Answer::Take).unwrap();
        let told = &world.taken[&world.channels[0]][before..];
        if world.messages > count {
            let kinds: BTreeSet<String> = told
                .iter()
                .map(|one| format!("{:?}", one.telling))
                .collect();
            let kinds: Vec<String> = kinds.into_iter().collect();
            said.push(format!("{second}: {} × {}", told.len(), kinds.join("+")));
        }
    }
    said
}

#[test]
fn three_openings_are_told_one_by_one() {
    let events: Vec<_> = all_at_once(10).into_iter().take(3).collect();
    assert_eq!(
        messages(&events, 60, false),
        ["12: 1 × Fire", "13: 1 × Fire", "14: 1 × Fire"]
    );
}

#[test]
fn more_are_one_message_that_is_edited_as_it_grows_and_as_it_ends() {
    let mut events: Vec<_> = all_at_once(10).into_iter().take(4).collect();
    events.extend([
        (13, Event::Open(4)),
        (14, Event::Open(5)),
        (40, Event::Close(0)),
        (41, Event::Close(1)),
    ]);
    assert_eq!(
        messages(&events, 200, true),
        [
            "12: 4 × Fire",
            "17: 2 × Fire",
            "40: 1 × Resolve",
            "45: 1 × Resolve"
        ]
    );
    // Without edits what follows waits until nothing has changed for a while.
    assert_eq!(
        messages(&events, 200, false),
        ["12: 4 × Fire", "29: 2 × Fire", "56: 2 × Resolve"]
    );
}

#[test]
fn a_fourth_opening_within_a_minute_waits_for_more() {
    let events: Vec<_> = (0..SERVICES)
        .map(|n| (10 + 3 * n as u64, Event::Open(n)))
        .collect();
    assert_eq!(
        messages(&events, 200, false),
        [
            "12: 1 × Fire",
            "15: 1 × Fire",
            "18: 1 × Fire",
            "22: 2 × Fire",
            "40: 1 × Fire"
        ]
    );
}

#[test]
fn ends_of_many_that_were_told_one_by_one_are_one_message() {
    let mut events: Vec<_> = (0..SERVICES)
        .map(|n| (10 + 100 * n as u64, Event::Open(n)))
        .collect();
    events.extend((0..SERVICES).map(|n| (1000, Event::Close(n))));
    let said = messages(&events, 1100, false);
    assert_eq!(said.last().unwrap(), "1000: 6 × Resolve", "{said:?}");
}

#[test]
fn an_open_incident_is_remembered_until_somebody_takes_it_on() {
    let events = [(10, Event::Open(1)), (20_000, Event::Ack(1))];
    assert_eq!(
        messages(&events, 200_000, false),
        [
            "12: 1 × Fire",
            "3612: 1 × Reminder",
            "14412: 1 × Reminder",
            "20000: 1 × Acked"
        ]
    );
}

#[test]
fn a_mute_hides_what_ends_within_it_and_tells_what_goes_on() {
    let hidden = [
        (5, Event::Mute(1, false)),
        (10, Event::Open(1)),
        (100, Event::Close(1)),
        (200, Event::Unmute),
    ];
    assert_eq!(messages(&hidden, 1000, false), [""; 0]);
    let goes_on = [
        (5, Event::Mute(1, false)),
        (10, Event::Open(1)),
        (200, Event::Unmute),
        (400, Event::Close(1)),
    ];
    assert_eq!(
        messages(&goes_on, 1000, false),
        ["202: 1 × Fire", "400: 1 × Resolve"]
    );
}

#[test]
fn a_mute_never_eats_an_end_that_people_wait_for() {
    let told = [
        (10, Event::Open(1)),
        (50, Event::Mute(1, false)),
        (100, Event::Close(1)),
        (200, Event::Unmute),
    ];
    assert_eq!(
        messages(&told, 1000, false),
        ["12: 1 × Fire", "100: 1 × Resolve"]
    );
    let flapping = [
        (10, Event::Open(1)),
        (50, Event::Mute(1, true)),
        (100, Event::Close(1)),
        (200, Event::Unmute),
    ];
    assert_eq!(
        messages(&flapping, 1000, false),
        ["12: 1 × Fire", "200: 1 × Resolve"]
    );
}

#[test]
fn a_digest_is_sent_once_a_day_and_no_more_if_it_is_late() {
    let mut world = World::new();
    world.channels.truncate(1);
    let channel = world.channels[0].clone();
    let due = world.now;
    let next = |world: &World, due| {
        let settings = Settings {
            gather: Duration::ZERO,
            cool_down: &|_| COOL_DOWN,
            mute: &|_| None,
            manner: Manner::default(),
            digest: Some(due),
        };
        owed(&world.ledger, &channel, &settings, world.now)
    };
    let Plan::Send(batch) = next(&world, due) else {
        panic!("no digest");
    };
    assert!(delivery::intend(&mut world.ledger, &channel, &batch, due));
    // The daemon dies, or the outcome is not known: the same message again.
    assert_eq!(next(&world, due), Plan::Send(batch.clone()));
    world.send(&channel, &batch, Answer::Take);
    assert_eq!(next(&world, due), Plan::Idle);
    world.happen(&Event::Wait(86_400));
    let tomorrow = after(due, Duration::from_hours(24));
    assert!(matches!(next(&world, tomorrow), Plan::Send(_)));
    world.happen(&Event::Wait(2 * 3600));
    assert_eq!(next(&world, tomorrow), Plan::Idle);
}

#[test]
fn nobody_is_reminded_of_a_storm_while_its_message_says_what_is_open() {
    let mut world = World::new();
    world.channels.truncate(1);
    let start = world.now;
    for (_, event) in all_at_once(0) {
        world.now = start;
        world.happen(&event);
    }
    world.now = after(start, Duration::from_secs(3));
    world.work(|| Answer::Take).unwrap();
    assert_eq!(world.messages, 1);
    let reminders = |minutes: u64| {
        let rules = almanac::Rules {
            mute: &|_| None,
            reminders: &[Duration::from_mins(1)],
            fallback: &|_| None,
        };
        let now = after(start, Duration::from_mins(minutes));
        let due = almanac::due(&world.ledger, &rules, now);
        (due.steps.len(), due.next.is_some())
    };
    assert_eq!(
        reminders(2),
        (0, true),
        "looked at again when the storm is over"
    );
    assert_eq!(reminders(61), (SERVICES, false));
}
