//! Samples and buckets as bytes: numbers in as few bytes as they need, and nothing of what did not happen.
//!
//! Each begins with the version of its form; what a newer version wrote is read as nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::series::{Bucket, PhaseSum, RawSample};
use crate::model::duration::{after, since};
use crate::model::histogram::Histogram;
use crate::model::judgement::Outcome;
use crate::model::varint::{put, take};

/// The version of both forms.
const VERSION: u8 = 1;

/// The bits of a sample's first byte; the lowest three are the outcome.
const LATENCY: u8 = 1 << 3;
const PHASES: u8 = 1 << 4;
const CODE: u8 = 1 << 5;
/// It holds for another time than the sample before.
const HOLDS: u8 = 1 << 6;

/// Returns samples of a bucket that begins at `from`, oldest first, as bytes: the codes among them, each once, then of each
/// sample the time since the one before, its outcome, and what was measured.
pub(super) fn pack(from: Timestamp, samples: &[RawSample]) -> Vec<u8> {
    let mut out = vec![VERSION];
    let mut codes: Vec<&str> = samples
        .iter()
        .filter_map(|one| one.code.as_deref())
        .collect();
    codes.sort_unstable();
    codes.dedup();
    put(&mut out, codes.len() as u64);
    for code in &codes {
        put(&mut out, code.len() as u64);
        out.extend_from_slice(code.as_bytes());
    }
    let (mut before, mut held) = (from, 0);
    for sample in samples {
        put(&mut out, micros(since(before, sample.at)));
        before = sample.at;
        let code = sample.code.as_deref();
        let code = code.and_then(|code| codes.binary_search(&code).ok());
        let holds = millis(sample.holds);
        let any_phase = sample.phases.iter().any(Option::is_some);
        let bits = [
            (sample.latency.is_some(), LATENCY),
            (any_phase, PHASES),
            (code.is_some(), CODE),
            (holds != held, HOLDS),
        ];
        let bits = bits.iter().filter(|(set, _)| *set).map(|(_, bit)| bit);
        out.push(bits.fold(sample.outcome as u8, |all, bit| all | bit));
        sample
            .latency
            .iter()
            .for_each(|latency| put(&mut out, micros(*latency)));
        if any_phase {
            put_phases(&mut out, &sample.phases);
        }
        if let Some(code) = code {
            put(&mut out, code as u64);
        }
        if holds != held {
            put(&mut out, holds);
            held = holds;
        }
    }
    out
}

/// Returns packed samples, oldest first; as many as can be read.
pub(super) fn unpack(from: Timestamp, bytes: &[u8]) -> Vec<RawSample> {
    let mut samples = Vec::new();
    let Some((&VERSION, mut rest)) = bytes.split_first() else {
        return samples;
    };
    let Some(codes) = take_codes(&mut rest) else {
        return samples;
    };
    let (mut at, mut holds) = (from, 0);
    while !rest.is_empty() {
        let Some(sample) = take_sample(&mut rest, &codes, at, &mut holds) else {
            break;
        };
        at = sample.at;
        samples.push(sample);
    }
    samples
}

fn take_codes(rest: &mut &[u8]) -> Option<Vec<Arc<str>>> {
    let count = take(rest)?;
    (0..count)
        .map(|_| {
            let length = usize::try_from(take(rest)?).ok()?;
            let (code, after) = rest.split_at_checked(length)?;
            *rest = after;
            std::str::from_utf8(code).ok().map(Arc::from)
        })
        .collect()
}

fn take_sample(
    rest: &mut &[u8],
    codes: &[Arc<str>],
    before: Timestamp,
    holds: &mut u64,
) -> Option<RawSample> {
    let at = after(before, Duration::from_micros(take(rest)?));
    let (bits, tail) = rest.split_first()?;
    *rest = tail;
    let has = |bit: u8| bits & bit != 0;
    let latency = if has(LATENCY) {
        Some(Duration::from_micros(take(rest)?))
    } else {
        None
    };
    let phases = if has(PHASES) {
        take_phases(rest)?
    } else {
        [None; 6]
    };
    let code = if has(CODE) {
        codes.get(usize::try_from(take(rest)?).ok()?).cloned()
    } else {
        None
    };
    if has(HOLDS) {
        *holds = take(rest)?;
    }
    Some(RawSample {
        at,
        outcome: outcome(i64::from(bits & 7))?,
        latency,
        phases,
        code,
        holds: Duration::from_millis(*holds),
    })
}

/// Returns the outcome at a place of [`Outcome::ALL`].
pub(super) fn outcome(place: i64) -> Option<Outcome> {
    Outcome::ALL.get(usize::try_from(place).ok()?).copied()
}

/// Returns phases as bytes: which of them there are, one bit each, then their microseconds.
pub(super) fn phases(phases: &[Option<Duration>; 6]) -> Option<Vec<u8>> {
    phases.iter().any(Option::is_some).then(|| {
        let mut out = Vec::new();
        put_phases(&mut out, phases);
        out
    })
}

fn put_phases(out: &mut Vec<u8>, phases: &[Option<Duration>; 6]) {
    out.push(mask(phases.iter().map(Option::is_some)));
    phases
        .iter()
        .flatten()
        .for_each(|spent| put(out, micros(*spent)));
}

/// Takes phases off the front.
pub(super) fn take_phases(rest: &mut &[u8]) -> Option<[Option<Duration>; 6]> {
    let mut phases = [None; 6];
    for slot in masked(rest, &mut phases)? {
        *slot = Some(Duration::from_micros(take(rest)?));
    }
    Some(phases)
}

/// Returns a bucket as bytes: how long the service was what, how often, where the time went, how long exchanges took.
pub(super) fn encode(bucket: &Bucket) -> Vec<u8> {
    let mut out = vec![VERSION];
    let times = Outcome::ALL.map(|outcome| micros(bucket.tally.of(outcome)));
    for numbers in [times, bucket.outcomes] {
        out.push(mask(numbers.iter().map(|number| *number > 0)));
        let numbers = numbers.into_iter().filter(|number| *number > 0);
        numbers.for_each(|number| put(&mut out, number));
    }
    out.push(mask(bucket.phases.iter().map(|phase| phase.count > 0)));
    for phase in bucket.phases.iter().filter(|phase| phase.count > 0) {
        put(&mut out, micros(phase.sum));
        put(&mut out, phase.count);
    }
    bucket.latency.encode(&mut out);
    out
}

/// Returns the bucket of a span; absent if the bytes are none.
pub(super) fn decode(from: Timestamp, until: Timestamp, bytes: &[u8]) -> Option<Bucket> {
    let (&VERSION, mut rest) = bytes.split_first()? else {
        return None;
    };
    let rest = &mut rest;
    let mut bucket = Bucket::empty(from, until);
    let mut times = [0; 5];
    for numbers in [&mut times, &mut bucket.outcomes] {
        for slot in masked(rest, numbers)? {
            *slot = take(rest)?;
        }
    }
    for (outcome, time) in Outcome::ALL.into_iter().zip(times) {
        bucket.tally.count(outcome, Duration::from_micros(time));
    }
    let watched = bucket.tally.watched();
    bucket.tally.no_data = bucket.tally.no_data.saturating_sub(watched);
    for slot in masked(rest, &mut bucket.phases)? {
        let sum = Duration::from_micros(take(rest)?);
        *slot = PhaseSum {
            sum,
            count: take(rest)?,
        };
    }
    bucket.latency = Histogram::decode(rest)?;
    Some(bucket)
}

/// Returns one bit for each, the first lowest.
fn mask(bits: impl IntoIterator<Item = bool>) -> u8 {
    let bits = bits.into_iter().zip(0..8).filter(|(set, _)| *set);
    bits.fold(0, |mask, (_, place)| mask | (1 << place))
}

/// Takes a mask off the front and returns the places that it has a bit of.
fn masked<'a, T>(
    rest: &mut &[u8],
    places: &'a mut [T],
) -> Option<impl Iterator<Item = &'a mut T> + use<'a, T>> {
    let (mask, tail) = rest.split_first()?;
    *rest = tail;
    let mask = *mask;
    let set = places
        .iter_mut()
        .zip(0..8)
        .filter(move |(_, place)| mask & (1 << place) != 0);
    Some(set.map(|(place, _)| place))
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn from() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn sample() -> impl Strategy<Value = RawSample> {
        let time = || (0_u64..10_000_000).prop_map(Duration::from_micros);
        let code = option::of(prop_oneof!["[a-z.]{1,12}", Just("tls_expired".to_owned())]);
        let phases = prop::array::uniform6(option::of(time()));
        (
            0_u64..300_000_000,
            0_usize..5,
            option::of(time()),
            phases,
            code,
            0_u64..100_000,
        )
            .prop_map(
                |(offset, outcome, latency, phases, code, holds)| RawSample {
                    at: after(from(), Duration::from_micros(offset)),
                    outcome: Outcome::ALL[outcome],
                    latency,
                    phases,
                    code: code.map(Arc::from),
                    holds: Duration::from_millis(holds),
                },
            )
    }

    fn samples() -> impl Strategy<Value = Vec<RawSample>> {
        vec(sample(), 0..20).prop_map(|mut samples| {
            samples.sort_by_key(|sample| sample.at);
            samples
        })
    }

    proptest! {
        #[test]
        fn samples_come_back_as_they_were(samples in samples()) {
            prop_assert_eq!(unpack(from(), &pack(from(), &samples)), samples);
        }

        #[test]
        fn what_is_no_sample_is_none(bytes in vec(any::<u8>(), 0..60)) {
            unpack(from(), &bytes);
            decode(from(), from(), &bytes);
            take_phases(&mut &*bytes);
        }

        #[test]
        fn buckets_come_back_as_they_were(samples in samples()) {
            let until = after(from(), Duration::from_mins(5));
            let bucket = super::super::rollup::bucket(None, &samples, &[], from(), until);
            prop_assert_eq!(decode(from(), until, &encode(&bucket)), Some(bucket));
        }
    }

    #[test]
    fn an_ordinary_sample_takes_a_few_bytes() {
        let us = |micros| Some(Duration::from_micros(micros));
        let samples: Vec<RawSample> = (0..10_u64)
            .map(|n| RawSample {
                at: after(from(), Duration::from_secs(n * 30)),
                outcome: Outcome::Pass,
                latency: us(184_213 + n),
                phases: [
                    us(1_830),
                    us(21_400),
                    us(48_200),
                    us(310),
                    us(99_000),
                    us(12_000),
                ],
                code: None,
                holds: Duration::from_secs(70),
            })
            .collect();
        let bytes = pack(from(), &samples).len();
        assert!(bytes <= 10 * 25, "{bytes} bytes for 10 samples");
    }
}
