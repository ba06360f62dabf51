use std::{fmt, sync::Arc};

use aws::Calls;
use content::{CacheStatus, Store};
use gateway::Tally;
use net::Traffic;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text},
    metrics::MetricType,
    registry::{Registry, Unit},
};

/// How a server fares, as OpenMetrics has it.
///
/// Nothing is counted here: each number is read, when it is asked for, where it comes about. Every label comes from a list
/// in the code, so that no client can make more of them, and none of them is a client's words.
pub(crate) struct Metrics(Registry);

/// Where the numbers come about.
#[derive(Debug)]
struct Sources {
    store: Store,
    tally: Arc<Tally>,
    calls: Arc<Calls>,
    traffic: Traffic,
}

/// The numbers at one moment.
struct Reading<'a> {
    cache: CacheStatus,
    downloads: usize,
    tally: &'a Tally,
    calls: &'a Calls,
    traffic: &'a Traffic,
}

struct Metric {
    /// Without what the unit and the type add: `_bytes`, `_total`.
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    kind: MetricType,
    samples: fn(&Reading<'_>) -> Vec<Sample>,
}

struct Sample {
    labels: Vec<(&'static str, &'static str)>,
    value: u64,
}

impl Metrics {
    pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    pub(crate) fn new(store: Store, tally: Arc<Tally>, calls: Arc<Calls>, traffic: Traffic) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Sources {
            store,
            tally,
            calls,
            traffic,
        }));
        Self(registry)
    }

    pub(crate) fn exposition(&self) -> String {
        let mut exposition = String::new();
        // A `String` takes everything.
        let _ = text::encode(&mut exposition, &self.0);
        exposition
    }
}

impl Collector for Sources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let reading = Reading {
            cache: self.store.status(),
            downloads: self.store.downloads(),
            tally: &self.tally,
            calls: &self.calls,
            traffic: &self.traffic,
        };
        for metric in METRICS {
            let samples = (metric.samples)(&reading);
            if samples.is_empty() {
                continue;
            }
            let mut encoder = encoder.encode_descriptor(metric.name, metric.help, metric.unit.as_ref(), metric.kind)?;
            for sample in samples {
                match sample.labels.is_empty() {
                    true => metric.encode(sample.value, &mut encoder)?,
                    false => metric.encode(sample.value, &mut encoder.encode_family(&sample.labels)?)?,
                }
            }
        }
        Ok(())
    }
}

impl Metric {
    fn encode(&self, value: u64, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        match self.kind {
            MetricType::Counter => encoder.encode_counter::<NoLabelSet, _, u64>(&value, None),
            // The type that gauges have there. Bytes and connections end long before it does.
            _ => encoder.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX)),
        }
    }
}

fn one(value: u64) -> Vec<Sample> {
    vec![Sample {
        labels: Vec::new(),
        value,
    }]
}

const METRICS: &[Metric] = &[
    Metric {
        name: "wharfinger_cache",
        help: "How much content lies in the cache",
        unit: Some(Unit::Bytes),
        kind: MetricType::Gauge,
        samples: |reading| one(reading.cache.bytes),
    },
    Metric {
        name: "wharfinger_cache_limit",
        help: "How much may lie there, cache.max_size",
        unit: Some(Unit::Bytes),
        kind: MetricType::Gauge,
        samples: |reading| reading.cache.max_bytes.map(one).unwrap_or_default(),
    },
    Metric {
        name: "wharfinger_cache_entries",
        help: "Manifests and blobs in the cache",
        unit: None,
        kind: MetricType::Gauge,
        samples: |reading| one(reading.cache.entries as u64),
    },
    Metric {
        name: "wharfinger_cache_evictions",
        help: "Manifests and blobs that gave way to others",
        unit: None,
        kind: MetricType::Counter,
        samples: |reading| one(reading.cache.evicted),
    },
    Metric {
        name: "wharfinger_cache_evicted",
        help: "How much these were",
        unit: Some(Unit::Bytes),
        kind: MetricType::Counter,
        samples: |reading| one(reading.cache.evicted_bytes),
    },
    Metric {
        name: "wharfinger_cache_damaged",
        help: "Manifests and blobs that the disk got wrong, and that were removed",
        unit: None,
        kind: MetricType::Counter,
        samples: |reading| one(reading.cache.damaged),
    },
    Metric {
        name: "wharfinger_cache_failed_writes",
        help: "Writes that the disk did not take",
        unit: None,
        kind: MetricType::Counter,
        samples: |reading| one(reading.cache.failed_writes),
    },
    Metric {
        name: "wharfinger_cache_bypasses",
        help: "Blobs that went through to a client without being kept, because the disk did not take them",
        unit: None,
        kind: MetricType::Counter,
        samples: |reading| one(reading.cache.bypassed),
    },
    Metric {
        name: "wharfinger_downloads",
        help: "Downloads into the cache under way",
        unit: None,
        kind: MetricType::Gauge,
        samples: |reading| one(reading.downloads as u64),
    },
    Metric {
        name: "wharfinger_pulls",
        help: "Answers to requests for manifests, blobs and lists, as they begin",
        unit: None,
        kind: MetricType::Counter,
        samples: |reading| {
            let pulls = reading.tally.pulls();
            pulls
                .map(|(kind, outcome, value)| Sample {
                    labels: vec![("kind", kind.name()), ("outcome", outcome.name())],
                    value,
                })
                .collect()
        },
    },
    Metric {
        name: "wharfinger_upstream_requests",
        help: "Requests to registries and to the buckets with their layers, by the reply",
        unit: None,
        kind: MetricType::Counter,
        samples: |reading| {
            let replies = reading.tally.replies();
            replies
                .map(|(peer, reply, value)| Sample {
                    labels: vec![("peer", peer.name()), ("reply", reply.name())],
                    value,
                })
                .collect()
        },
    },
    Metric {
        name: "wharfinger_aws_calls",
        help: "Calls of STS and of ECR's API, by the reply",
        unit: None,
        kind: MetricType::Counter,
        samples: |reading| {
            let calls = reading.calls.counts();
            calls
                .map(|(operation, reply, value)| Sample {
                    labels: vec![("operation", operation.name()), ("reply", reply.name())],
                    value,
                })
                .collect()
        },
    },
    Metric {
        name: "wharfinger_sent",
        help: "What was sent to clients, by the kernel out of files or by this process",
        unit: Some(Unit::Bytes),
        kind: MetricType::Counter,
        samples: |reading| {
            let by = |who, value| Sample {
                labels: vec![("by", who)],
                value,
            };
            vec![
                by("kernel", reading.traffic.sent_by_kernel()),
                by("process", reading.traffic.written()),
            ]
        },
    },
    Metric {
        name: "wharfinger_connections_open",
        help: "Connections of clients that are open",
        unit: None,
        kind: MetricType::Gauge,
        samples: |reading| one(reading.traffic.open()),
    },
    Metric {
        name: "wharfinger_connections_accepted",
        help: "Connections of clients that were accepted",
        unit: None,
        kind: MetricType::Counter,
        samples: |reading| one(reading.traffic.accepted()),
    },
    Metric {
        name: "wharfinger_connections_stalled",
        help: "Connections that were closed because the client took nothing of what waited for it",
        unit: None,
        kind: MetricType::Counter,
        samples: |reading| one(reading.traffic.stalled()),
    },
];
