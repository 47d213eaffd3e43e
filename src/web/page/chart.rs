//! Latency over time as SVG: three percentiles, with gaps where nothing was measured.
//!
//! The picture stretches with the page; its words are HTML around it, so that they stay readable on a phone.

use std::fmt;
use std::time::Duration;

use askama::filters::HtmlSafe;
use jiff::Timestamp;

use crate::model::counted::counted;
use crate::model::duration::Shown;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;

/// The latencies of one span of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Its beginning.
    pub at: Timestamp,
    /// The median, the percentiles 90 and 99; absent where nothing was measured.
    pub percentiles: Option<[Duration; 3]>,
    /// How many latencies were measured.
    pub samples: u64,
}

/// Latency over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The beginning of what is shown.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// From one point to the next.
    pub step: Duration,
    /// The limit of the latency rule.
    pub limit: Option<Duration>,
    /// The points, oldest first.
    pub points: Vec<Point>,
}

impl Chart {
    /// Returns the latency at the top of the picture.
    pub fn top(&self) -> Duration {
        let highest = self.points.iter().filter_map(|point| point.percentiles);
        let highest = highest.flatten().max().unwrap_or_default();
        let limit = self.limit.filter(|limit| *limit <= highest * 4);
        nice(highest.max(limit.unwrap_or_default()))
    }

    /// Returns the words of the scale, the top first.
    pub fn scale(&self) -> [String; 3] {
        let top = self.top();
        [top, top / 2, Duration::ZERO].map(|at| Shown(at).to_string())
    }

    /// Returns how many latencies were measured in all.
    pub fn samples(&self) -> u64 {
        self.points.iter().map(|point| point.samples).sum()
    }

    /// Returns the same in words.
    pub fn samples_words(&self) -> String {
        counted(
            usize::try_from(self.samples()).unwrap_or(usize::MAX),
            "probe",
        )
    }

    /// Returns the limit where it is not far above everything that was measured.
    pub fn drawn_limit(&self) -> Option<Duration> {
        self.limit.filter(|limit| *limit <= self.top())
    }

    /// Returns the limit in words where it is too far above to be drawn.
    pub fn limit_above(&self) -> Option<String> {
        let limit = self.limit.filter(|limit| *limit > self.top())?;
        Some(format!("limit {}, above the picture", Shown(limit)))
    }

    /// Tells whether nothing was measured in a part of the span.
    pub fn has_gaps(&self) -> bool {
        self.points.iter().any(|point| point.percentiles.is_none())
    }

    /// Tells whether there is anything to draw.
    pub fn is_empty(&self) -> bool {
        self.points.iter().all(|point| point.percentiles.is_none())
    }

    /// Returns the picture in one sentence.
    pub fn summary(&self) -> String {
        let known: Vec<[Duration; 3]> = self
            .points
            .iter()
            .filter_map(|point| point.percentiles)
            .collect();
        let Some(last) = known.last() else {
            return "nothing was measured".to_owned();
        };
        let highest = known.iter().flatten().max().copied().unwrap_or_default();
        format!(
            "median {} at the end, percentile 99 at most {}",
            Shown(last[0]),
            Shown(highest)
        )
    }

    fn x(&self, at: Timestamp) -> f64 {
        let whole = self.until.duration_since(self.from).as_secs_f64().max(1.0);
        (at.duration_since(self.from).as_secs_f64() / whole * WIDTH).clamp(0.0, WIDTH)
    }

    fn y(latency: Duration, top: Duration) -> f64 {
        let share = latency.as_secs_f64() / top.as_secs_f64().max(1e-9);
        HEIGHT - (share * HEIGHT).clamp(0.0, HEIGHT)
    }

    /// Returns the path of one percentile; a point that stands alone is a dot.
    fn line(&self, which: usize, top: Duration) -> String {
        let mut path = String::new();
        let mut pen_up = true;
        let half = self.step / 2;
        for point in &self.points {
            let latency = point.percentiles.and_then(|all| all.get(which).copied());
            let Some(latency) = latency else {
                pen_up = true;
                continue;
            };
            let x = self.x(point.at.checked_add(half).unwrap_or(point.at));
            let y = Self::y(latency, top);
            let word = if pen_up { "M" } else { "L" };
            path = format!("{path}{word}{x:.1} {y:.1}");
            if pen_up {
                path += "h2";
            }
            pen_up = false;
        }
        path
    }

    /// Returns the spans without a measurement.
    fn gaps(&self) -> Vec<(f64, f64)> {
        let mut gaps: Vec<(f64, f64)> = Vec::new();
        for point in self
            .points
            .iter()
            .filter(|point| point.percentiles.is_none())
        {
            let from = self.x(point.at);
            let until = self.x(point.at.checked_add(self.step).unwrap_or(point.at));
            match gaps.last_mut() {
                Some((_, end)) if (*end - from).abs() < 0.2 => *end = until,
                _ => gaps.push((from, until)),
            }
        }
        gaps
    }
}

/// Returns the next of 1, 2, 5, 10, 20, … milliseconds.
fn nice(latency: Duration) -> Duration {
    let mut step = Duration::from_millis(1);
    loop {
        for factor in [1, 2, 5] {
            if step * factor >= latency {
                return step * factor;
            }
        }
        let Some(next) = step.checked_mul(10) else {
            return latency;
        };
        step = next;
    }
}

impl HtmlSafe for Chart {}

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let top = self.top();
        write!(
            f,
            r#"<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="Latency: {}">"#,
            self.summary()
        )?;
        for (from, until) in self.gaps() {
            let width = until - from;
            write!(
                f,
                r#"<rect class="gap" x="{from:.1}" y="0" width="{width:.1}" height="{HEIGHT}"/>"#
            )?;
        }
        write!(
            f,
            r#"<path class="grid" d="M0 .5H{WIDTH}M0 {:.1}H{WIDTH}M0 {:.1}H{WIDTH}"/>"#,
            HEIGHT / 2.0,
            HEIGHT - 0.5
        )?;
        if let Some(limit) = self.drawn_limit() {
            let y = Self::y(limit, top);
            write!(f, r#"<path class="limit" d="M0 {y:.1}H{WIDTH}"/>"#)?;
        }
        for (which, class) in [(2, "p99"), (1, "p90"), (0, "p50")] {
            write!(
                f,
                r#"<path class="{class}" d="{}"/>"#,
                self.line(which, top)
            )?;
        }
        f.write_str("</svg>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_breaks_the_line() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let point = |second, ms: Option<u64>| Point {
            at: at(second),
            percentiles: ms.map(|ms| [ms, ms * 2, ms * 3].map(Duration::from_millis)),
            samples: ms.map_or(0, |_| 4),
        };
        let chart = Chart {
            from: at(0),
            until: at(240),
            step: Duration::from_mins(1),
            limit: Some(Duration::from_millis(150)),
            points: vec![
                point(0, Some(50)),
                point(60, Some(60)),
                point(120, None),
                point(180, Some(50)),
            ],
        };
        assert_eq!(chart.top(), Duration::from_millis(200));
        assert_eq!(chart.scale(), ["200 ms", "100 ms", "0 ms"]);
        assert_eq!(chart.samples(), 12);
        let svg = chart.to_string();
        assert!(
            svg.contains(r#"<path class="p50" d="M90.0 150.0h2L270.0 140.0M630.0 150.0h2"/>"#),
            "{svg}"
        );
        assert!(
            svg.contains(r#"<rect class="gap" x="360.0" y="0" width="180.0" height="200"/>"#),
            "{svg}"
        );
        assert!(
            svg.contains(r#"<path class="limit" d="M0 50.0H720"/>"#),
            "{svg}"
        );
    }
}
