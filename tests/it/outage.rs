//! What a channel that is dead for a week costs.

use std::time::Duration;

use jiff::Timestamp;
use oes::model::incident::{IncidentId, Kept, Ledger, Reason};
use oes::model::json::Json;
use oes::model::judgement::Outcome;
use oes::model::service::{ChannelName, ServiceName};
use oes::model::violation::{Sample, Violation};
use oes::policy::delivery::{FailKind, Failed, confirm, expire, fail, intend, register};
use oes::policy::ledger::{Retention, close, incident_id, open, prune};
use oes::policy::owed::{Manner, Plan, Settings, owed};
use oes::policy::watch::Opened;
use oes::state::StateFile;

/// Time passes in steps of this.
const STEP: Duration = Duration::from_mins(15);
/// So many services break, so many at each step, each for so many steps.
const SERVICES: usize = 300;
const BREAK: usize = 3;
const LASTS: usize = 2;
const STEPS_A_WEEK: usize = 7 * 24 * 4;
const MIB: usize = 1 << 20;

/// A reason of the size that a failed matcher gives.
fn reason(at: Timestamp) -> Reason {
    let sample = Sample {
        at,
        outcome: Outcome::Fail,
        latency: Some(Duration::from_micros(214_321)),
        code: Some("matcher.types.missing".into()),
    };
    Reason {
        rule: "4 of the last 7 probes failed, more than 50 %".to_owned(),
        code: Some("missing".into()),
        finding: Some("$.data.prices[3].amount: missing, expected a number".repeat(2)),
        path: Some("$.data.prices[3].amount".to_owned()),
        expected: Some(Json::string("number > 0")),
        exchange: "GET https://api.example.io/asset/price/17 → 200 in 214 ms".to_owned(),
        address: Some("203.0.113.7:443".to_owned()),
        samples: vec![sample; 20],
        ..Reason::default()
    }
}

/// Does what is due for a channel, which takes all or nothing.
fn tell(ledger: &mut Ledger, channel: &ChannelName, dead: bool, now: Timestamp) {
    let settings = Settings {
        gather: Duration::from_secs(2),
        cool_down: &|_| STEP,
        mute: &|_| None,
        manner: Manner::default(),
        digest: None,
    };
    for _ in 0..SERVICES {
        let Plan::Send(batch) = owed(ledger, channel, &settings, now) else {
            return;
        };
        assert!(intend(ledger, channel, &batch, now));
        if !dead {
            assert!(confirm(ledger, channel, &batch, None, now));
            continue;
        }
        let failed = Failed {
            kind: FailKind::Retry { after: None },
            error: "connection refused by 203.0.113.9:443",
            random: 0.5,
        };
        fail(ledger, channel, &batch, failed, now);
    }
}

#[test]
fn a_week_without_a_channel_keeps_the_state_small() {
    let folder = tempfile::tempdir().unwrap();
    let mut now = Timestamp::from_second(1_800_000_000).unwrap();
    let mut file = StateFile::open(folder.path(), "boot", now).unwrap().file;
    let (dead, live) = (ChannelName::new("dead"), ChannelName::new("live"));
    let channels = [dead.clone(), live.clone()];
    let mut ledger = Ledger::default();
    for channel in &channels {
        register(&mut ledger, channel, "settings", now);
    }
    let retention = Retention {
        settled_for: Duration::from_hours(7 * 24),
        settled_max: 1_000,
    };
    let service = |n: usize| ServiceName::new(format!("price of asset {}", n % SERVICES));
    let (mut largest, mut opened) = (0, 0_usize);
    for step in 0..STEPS_A_WEEK {
        now = now.checked_add(STEP).unwrap();
        for n in step * BREAK..(step + 1) * BREAK {
            if step >= LASTS {
                let service = service(n - LASTS * BREAK);
                close(
                    &mut ledger,
                    &service,
                    &Violation::Error,
                    Kept::default(),
                    now,
                );
            }
            let what = Opened {
                violation: Violation::Error,
                since: now,
                last_good: Some(now),
                reason: reason(now),
            };
            let mut bytes = [0; 10];
            bytes[2..].copy_from_slice(&(n as u64).to_be_bytes());
            let id: IncidentId = incident_id(bytes);
            assert!(open(&mut ledger, id, &service(n), what, &channels, now));
            opened += 1;
        }
        tell(&mut ledger, &dead, true, now);
        tell(&mut ledger, &live, false, now);
        if step % 4 == 0 {
            // As the daemon does, once an hour.
            expire(&mut ledger, now);
            prune(&mut ledger, &channels.clone().into(), retention, now);
        }
        if step % 24 == 0 || step + 1 == STEPS_A_WEEK {
            largest = largest.max(file.commit(&ledger, &[], now).unwrap().bytes);
        }
    }
    assert!(opened > 2_000);
    assert!(
        ledger.dead_letters.len() > 500,
        "{}",
        ledger.dead_letters.len()
    );
    println!("{opened} incidents, at most {largest} bytes");
    assert!(largest < 10 * MIB, "{largest}");
    // The channel is back: it hears of what goes on, and of what was given up only for want of it.
    for _ in 0..SERVICES {
        now = now.checked_add(STEP).unwrap();
        tell(&mut ledger, &dead, false, now);
    }
    let open = ledger.incidents.values().filter(|one| one.is_open());
    let unheard = open.filter(|one| {
        let key = (dead.clone(), one.id.clone());
        ledger.deliveries[&key].acked_generation < one.generation
    });
    assert_eq!(unheard.count(), 0);
}
