//! Latencies as a line of bars.

use std::time::Duration;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Returns one bar for each latency, in proportion to the longest; `·` where nothing was measured. Empty if nothing was
/// measured at all.
pub fn sparkline(latencies: &[Option<Duration>]) -> String {
    let Some(longest) = latencies.iter().flatten().max() else {
        return String::new();
    };
    let bar = |latency: &Duration| {
        // Eighths of the longest, rounded up, so that every measured one has a bar.
        let eighths = (latency.as_micros() * 8).div_ceil(longest.as_micros().max(1));
        let position = usize::try_from(eighths).unwrap_or(8).saturating_sub(1);
        BARS.get(position).copied().unwrap_or('█')
    };
    latencies
        .iter()
        .map(|latency| latency.as_ref().map_or('·', bar))
        .collect()
}
