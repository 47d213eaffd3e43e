//! What `/metrics` tells, as requests of OTLP.
//!
//! Nothing is listed here: the text of `/metrics` is read while it is written, so that names, labels, help and values
//! are the same in both.

mod lines;

use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use super::text::Kind;
use lines::{Line, Sample};

/// A request is given away once its points take so many bytes: collectors refuse large ones.
const REQUEST_BYTES: usize = 2 << 20;
/// What a point takes besides its own fields.
const POINT_HEAD_BYTES: usize = 5;

/// What all requests of one export say of this OES.
#[derive(Debug, Clone)]
pub struct About {
    /// Which OES it is, by name; of a name that is there twice the later one counts.
    pub attributes: Vec<(String, String)>,
    /// Since when it counts.
    pub started: Timestamp,
    /// The time.
    pub now: Timestamp,
}

/// Takes an encoded request; tells whether more are wanted.
pub type GiveRequest<'a> = &'a mut dyn FnMut(Vec<u8>) -> bool;

/// Makes requests of the text of metrics, in OpenMetrics, that it is given piece by piece.
pub struct Requests<'a> {
    resource: Resource,
    times: Times,
    give: GiveRequest<'a>,
    is_wanted: bool,
    /// The families of the request under way that are complete.
    metrics: Vec<Metric>,
    bytes: usize,
    family: Option<Family>,
    help: String,
}

/// What all points have.
#[derive(Debug, Clone, Copy)]
struct Times {
    started: u64,
    now: u64,
}

/// The family that is read.
struct Family {
    /// Its name as samples begin with it.
    name: String,
    kind: Kind,
    help: String,
    numbers: Vec<NumberDataPoint>,
    histograms: Vec<HistogramDataPoint>,
    /// The histogram whose samples are read.
    open: Option<Buckets>,
}

/// A histogram as Prometheus tells it: how many were at most each bound.
#[derive(Debug, Clone, Default, PartialEq)]
struct Buckets {
    labels: Vec<(String, String)>,
    within: Vec<(f64, u64)>,
    sum: f64,
}

impl<'a> Requests<'a> {
    /// Returns what makes requests and gives each away.
    pub fn new(about: &About, give: GiveRequest<'a>) -> Self {
        let mut attributes: Vec<KeyValue> = Vec::new();
        for (name, value) in &about.attributes {
            attributes.retain(|other| other.key != *name);
            attributes.push(attribute(name, value));
        }
        Self {
            resource: Resource {
                attributes,
                ..Resource::default()
            },
            times: Times {
                started: nanoseconds(about.started),
                now: nanoseconds(about.now),
            },
            give,
            is_wanted: true,
            metrics: Vec::new(),
            bytes: 0,
            family: None,
            help: String::new(),
        }
    }

    /// Reads a piece of the text, which ends with a whole line; tells whether more is wanted.
    pub fn take(&mut self, piece: &str) -> bool {
        for line in piece.lines() {
            match Line::read(line) {
                Some(Line::Help(help)) => help.clone_into(&mut self.help),
                Some(Line::Family { name, kind }) => {
                    self.settle();
                    let help = std::mem::take(&mut self.help);
                    self.family = Some(Family::new(name, kind, help));
                }
                Some(Line::Sample(sample)) => self.sample(sample),
                None => {}
            }
            if self.bytes >= REQUEST_BYTES {
                self.give();
            }
        }
        self.is_wanted
    }

    /// Gives the last request away; tells whether all were taken.
    pub fn end(mut self) -> bool {
        self.settle();
        self.give();
        self.is_wanted
    }

    fn sample(&mut self, sample: Sample<'_>) {
        if let Some(family) = &mut self.family {
            self.bytes += family.take(sample, self.times);
        }
    }

    /// Ends the family that is read.
    fn settle(&mut self) {
        if let Some(mut family) = self.family.take() {
            self.bytes += family.close(self.times);
            self.metrics.extend(family.metric());
        }
    }

    fn give(&mut self) {
        // A family that goes on does so in the next request, under the same head.
        self.metrics
            .extend(self.family.as_mut().and_then(Family::metric));
        self.bytes = 0;
        let metrics = std::mem::take(&mut self.metrics);
        if metrics.is_empty() {
            return;
        }
        let scope = InstrumentationScope {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let request = ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(self.resource.clone()),
                scope_metrics: vec![ScopeMetrics {
                    scope: Some(scope),
                    metrics,
                    ..ScopeMetrics::default()
                }],
                ..ResourceMetrics::default()
            }],
        };
        self.is_wanted = self.is_wanted && (self.give)(request.encode_to_vec());
    }
}

impl Family {
    fn new(name: &str, kind: Kind, help: String) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            help,
            numbers: Vec::new(),
            histograms: Vec::new(),
            open: None,
        }
    }

    /// Takes a sample in; returns the bytes that this adds to the request.
    fn take(&mut self, sample: Sample<'_>, times: Times) -> usize {
        if self.kind == Kind::Histogram {
            return self.take_part(sample, times);
        }
        let Ok(value) = sample.value.parse() else {
            return 0;
        };
        let labels = sample.labels.iter();
        let point = NumberDataPoint {
            attributes: labels.map(|(name, value)| attribute(name, value)).collect(),
            // What goes up and down has no beginning.
            start_time_unix_nano: match self.kind {
                Kind::Counter => times.started,
                _ => 0,
            },
            time_unix_nano: times.now,
            value: Some(number_data_point::Value::AsDouble(value)),
            ..NumberDataPoint::default()
        };
        let bytes = size(&point);
        self.numbers.push(point);
        bytes
    }

    /// Takes a part of a histogram in; those of one stand together, in any order.
    fn take_part(&mut self, sample: Sample<'_>, times: Times) -> usize {
        let mut bound = None;
        let mut labels = Vec::new();
        for (name, value) in sample.labels {
            if name == "le" {
                bound = value.parse().ok();
            } else {
                labels.push((name.to_owned(), value));
            }
        }
        let mut bytes = 0;
        if self.open.as_ref().is_none_or(|open| open.labels != labels) {
            bytes = self.close(times);
        }
        let open = self.open.get_or_insert_with(|| Buckets {
            labels,
            ..Buckets::default()
        });
        match (sample.name.strip_prefix(self.name.as_str()), bound) {
            (Some("_bucket"), Some(bound)) => {
                let count = sample.value.parse().unwrap_or_default();
                open.within.push((bound, count));
            }
            (Some("_sum"), _) => open.sum = sample.value.parse().unwrap_or_default(),
            // The count is that of the last bucket.
            _ => {}
        }
        bytes
    }

    /// Ends the histogram whose samples are read; returns the bytes that this adds to the request.
    fn close(&mut self, times: Times) -> usize {
        let Some(open) = self.open.take() else {
            return 0;
        };
        let point = open.point(times);
        let bytes = size(&point);
        self.histograms.push(point);
        bytes
    }

    /// Returns what was read of it since this was last asked; absent if that is nothing.
    fn metric(&mut self) -> Option<Metric> {
        let numbers = std::mem::take(&mut self.numbers);
        let histograms = std::mem::take(&mut self.histograms);
        if numbers.is_empty() && histograms.is_empty() {
            return None;
        }
        let total = if self.kind == Kind::Counter {
            "_total"
        } else {
            ""
        };
        let aggregation_temporality = AggregationTemporality::Cumulative.into();
        Some(Metric {
            name: [&self.name, total].concat(),
            description: self.help.clone(),
            unit: unit(&self.name).to_owned(),
            data: Some(match self.kind {
                Kind::Counter => Data::Sum(Sum {
                    data_points: numbers,
                    aggregation_temporality,
                    is_monotonic: true,
                }),
                Kind::Gauge => Data::Gauge(Gauge {
                    data_points: numbers,
                }),
                Kind::Histogram => Data::Histogram(Histogram {
                    data_points: histograms,
                    aggregation_temporality,
                }),
            }),
            ..Metric::default()
        })
    }
}

impl Buckets {
    /// Returns the histogram as OTLP tells it: how many were between two bounds.
    fn point(self, times: Times) -> HistogramDataPoint {
        let mut below = 0;
        let mut bucket_counts = Vec::with_capacity(self.within.len());
        for (_, within) in &self.within {
            bucket_counts.push(within.saturating_sub(below));
            below = below.max(*within);
        }
        let labels = self.labels.iter();
        let bounds = self.within.iter().map(|(bound, _)| *bound);
        HistogramDataPoint {
            attributes: labels.map(|(name, value)| attribute(name, value)).collect(),
            start_time_unix_nano: times.started,
            time_unix_nano: times.now,
            count: bucket_counts.iter().sum(),
            sum: Some(self.sum),
            bucket_counts,
            explicit_bounds: bounds.filter(|bound| bound.is_finite()).collect(),
            ..HistogramDataPoint::default()
        }
    }
}

/// Returns the unit that a name ends with, as UCUM writes it.
fn unit(name: &str) -> &'static str {
    let units = [("_seconds", "s"), ("_bytes", "By"), ("_ratio", "1")];
    let of_name = units.iter().find(|(suffix, _)| name.ends_with(suffix));
    of_name.map_or("", |(_, unit)| unit)
}

fn attribute(name: &str, value: &str) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

fn size(point: &impl Message) -> usize {
    point.encoded_len() + POINT_HEAD_BYTES
}

fn nanoseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
