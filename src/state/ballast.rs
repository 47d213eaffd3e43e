//! Room that is kept for the day the disk is full.

use std::io;

use super::disk::Disk;

/// Name of the ballast file.
const FILE: &str = "state.ballast";
/// It is this many times as large as the state, since a commit holds three copies at most.
const TIMES: u64 = 4;
/// It is at least this large.
const BYTES_MIN: u64 = 64 << 10;
/// It is at most this large.
const BYTES_MAX: u64 = 64 << 20;
/// It is made only while this many times its size is free, so that it never causes what it is for.
const FREE_TIMES: u64 = 4;

/// Makes the ballast for a state of this size if it is missing or too small, and tells whether it is there.
///
/// That it could not be made is no error: a full disk is when it cannot.
pub(super) fn keep(disk: &mut impl Disk, state_bytes: usize) -> bool {
    let state_bytes = u64::try_from(state_bytes).unwrap_or(u64::MAX);
    let wanted = state_bytes
        .saturating_mul(TIMES)
        .clamp(BYTES_MIN, BYTES_MAX);
    let present = disk.length(FILE);
    if present.is_some_and(|present| present.saturating_mul(2) >= wanted) {
        return true;
    }
    let roomy = disk
        .free()
        .is_some_and(|free| free >= wanted.saturating_mul(FREE_TIMES));
    if !roomy {
        return present.is_some();
    }
    if present.is_some() {
        drop_it(disk);
    }
    let made = make(disk, wanted).is_ok();
    if !made {
        drop_it(disk);
    }
    made
}

/// Removes the ballast, and tells whether there was one.
pub(super) fn drop_it(disk: &mut impl Disk) -> bool {
    disk.remove(FILE).is_ok()
}

fn make<D: Disk>(disk: &mut D, bytes: u64) -> io::Result<()> {
    let mut file = disk.create(FILE)?;
    let block = noise();
    let mut missing = usize::try_from(bytes).unwrap_or(usize::MAX);
    while missing > 0 {
        let part = block.get(..missing.min(block.len())).unwrap_or(&block);
        disk.write(&mut file, part)?;
        missing -= part.len();
    }
    disk.sync(&mut file)
}

/// Returns bytes that no file system can compress away.
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(8 << 10).flatten().collect()
}
