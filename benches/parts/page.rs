//! The page of metrics of many services.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use oes::config::{self, ProcessEnvironment};
use oes::metrics::{Format, Metrics, Scene, Shown};
use oes::model::exchange::{Phase, Timings};
use oes::model::glance::{Glance, WindowNumbers};
use oes::model::incident::Ledger;
use oes::model::judgement::Judgement;
use oes::model::observation::Observation;
use oes::policy::mute::Muted;
use tokio::time::Instant;

/// Writes the page of so many services, all of which were probed; prints its time and its size.
pub fn page(services: usize, target: &str) {
    let (metrics, shown) = probed(services);
    let (ledger, muted) = (Ledger::default(), Muted::default());
    let scene = Scene {
        services: &shown,
        ledger: &ledger,
        owed: &[],
        muted: &muted,
        workers: None,
        suspended: 0,
        now: oes::clock::Clock::System.now(),
    };
    for (name, format) in [
        ("OpenMetrics", Format::OpenMetrics),
        ("Prometheus", Format::Prometheus),
    ] {
        let mut bytes = 0;
        let times = (0..=10).map(|_| {
            let began = Instant::now();
            bytes = 0;
            let mut give = |piece: String| {
                bytes += piece.len();
                true
            };
            assert!(metrics.page(format, &scene, &mut give));
            began.elapsed()
        });
        let times: Vec<Duration> = times.skip(1).collect();
        let name = format!(
            "`/metrics` of {services} services, {name}, {} MB",
            bytes / 1_000_000
        );
        super::show(&name, times, target);
    }
}

fn probed(services: usize) -> (Metrics, Vec<Shown>) {
    let url = |number| format!("https://api.example.com/assets/{number}/price");
    let table = |number| {
        let url = url(number);
        format!("[[services]]\nname = \"service-{number:05}\"\nurl = \"{url}\"\n")
    };
    let text: Vec<String> = (0..services).map(table).collect();
    let text = format!("[defaults]\nlatency = \"2s\"\n{}", text.concat());
    let loaded = config::load_text("oes.toml", &text, Path::new(""), &ProcessEnvironment);
    let Ok(loaded) = loaded else {
        panic!("the config is good")
    };
    let metrics = Metrics::default();
    let mut answer = super::answer("{}");
    answer.timings = timings();
    answer.peer = "192.0.2.1:443".parse().ok();
    let observation = Observation {
        at: answer.started_at,
        exchange: Some(Arc::new(answer)),
        beat: None,
        judgement: Judgement::default(),
    };
    let window = WindowNumbers {
        counted: 7,
        latency: Some(Duration::from_millis(214)),
        ..WindowNumbers::default()
    };
    let shown = loaded.config.services.iter().map(|one| {
        metrics.probed(&metrics.service(&one.service.name), &observation);
        let mut glance = Glance::of(&observation, window, None);
        glance.certificate_expires = Some(observation.at);
        (Arc::clone(&one.service), Some(Arc::new(glance)))
    });
    let shown = shown.collect();
    (metrics, shown)
}

fn timings() -> Timings {
    let mut timings = Timings::default();
    for (phase, micros) in Phase::ALL
        .into_iter()
        .zip([5_123, 20_456, 40_789, 1_012, 99_345, 60_678])
    {
        let spent = Duration::from_micros(micros);
        timings.add(phase, spent);
        timings.total += spent;
    }
    timings
}
