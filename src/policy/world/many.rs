//! Histories of many services at once, and of what time alone brings: which messages there are, and when.

use super::*;

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
            fallback: &|_, _| None,
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

#[test]
fn a_storm_is_a_possible_repeat_only_while_it_is_about_the_same() {
    for grows in [false, true] {
        let mut world = World::new();
        world.channels.truncate(1);
        let channel = world.channels[0].clone();
        for n in 0..4 {
            world.happen(&Event::Open(n));
        }
        world.happen(&Event::Wait(5));
        world.work(|| Answer::Unknown(true)).unwrap();
        if grows {
            world.happen(&Event::Close(0));
        }
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
        assert!(batch.told.len() > 1);
        assert_eq!(batch.is_possible_repeat(&world.ledger, &channel), !grows);
    }
}

#[test]
fn who_takes_an_incident_of_a_storm_on_is_said_in_a_message_of_its_own() {
    let mut events = all_at_once(10);
    events.extend([(100, Event::Ack(1)), (120, Event::Close(2))]);
    assert_eq!(
        messages(&events, 200, true),
        ["12: 6 × Fire", "100: 1 × Acked", "120: 1 × Resolve"]
    );
    // Many at once are an edit of the storm's message, so that nobody is flooded.
    let mut events = all_at_once(10);
    events.extend((0..SERVICES).map(|n| (100, Event::Ack(n))));
    let said = messages(&events, 200, true);
    assert_eq!(said, ["12: 6 × Fire", "100: 6 × Acked"]);
}
