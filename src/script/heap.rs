//! How many bytes this thread has allocated and not yet freed, read from the allocator's own counters.

use tikv_jemalloc_ctl::thread::{ThreadLocal, allocatedp, deallocatedp};

thread_local! {
    static COUNTERS: Option<(ThreadLocal<u64>, ThreadLocal<u64>)> =
        allocatedp::read().ok().zip(deallocatedp::read().ok());
}

/// Returns the bytes that this thread allocated less those it freed; negative where it frees what others allocated.
///
/// Always 0 where the allocator does not count.
pub(super) fn held() -> i64 {
    COUNTERS.with(|counters| {
        counters.map_or(0, |(allocated, freed)| {
            allocated.get().wrapping_sub(freed.get()).cast_signed()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::held;

    #[test]
    fn sees_what_this_thread_holds() {
        let before = held();
        let block = vec![0_u8; 1 << 20];
        let during = held();
        drop(block);
        assert!(during - before >= 1 << 20, "{}", during - before);
        assert!(held() - before < 1 << 16);
    }
}
