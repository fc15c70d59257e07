//! Counters for Amazon CloudWatch, where nothing can scrape /metrics: a line on stdout for each invocation of AWS Lambda,
//! in the format of "Embedded Metric Format specification" (Amazon CloudWatch User Guide).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::Metrics;
use super::metrics::Totals;

/// Their namespace in CloudWatch.
const NAMESPACE: &str = "TimestreamPrometheusConnector";

/// Names in CloudWatch.
const NAMES: [&str; 6] =
    ["ReceivedSamples", "WrittenSamples", "IgnoredSamples", "RejectedSamples", "FailedSamples", "ReadSamples"];

/// The counts, in the order of the names.
type Counts = [u64; NAMES.len()];

/// Gives the counts of each invocation.
#[derive(Debug)]
pub struct EmbeddedMetrics {
    metrics: Arc<Metrics>,
    /// The only dimension.
    function_name: String,
    told: Mutex<Counts>,
}

impl EmbeddedMetrics {
    /// Gives the counts of `metrics` from now on, for the function of this name.
    pub fn new(metrics: Arc<Metrics>, function_name: &str) -> Self {
        let told = Mutex::new(counts(&metrics));
        EmbeddedMetrics { metrics, function_name: function_name.to_owned(), told }
    }

    /// A line with the counts since the one before; `None` if there are none. The request's id is a property, for
    /// searches, and not a dimension.
    pub fn line(&self, request_id: &str, now: SystemTime) -> Option<String> {
        self.metrics.upkeep();
        let total = counts(&self.metrics);
        let told = std::mem::replace(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner), total);
        if total == told {
            return None;
        }
        let definitions: Vec<Value> = NAMES.iter().map(|name| json!({"Name": name, "Unit": "Count"})).collect();
        let milliseconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": milliseconds,
                "CloudWatchMetrics":
                    [{"Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": definitions}],
            }),
        );
        line.insert("FunctionName".to_owned(), self.function_name.as_str().into());
        line.insert("request_id".to_owned(), request_id.into());
        for ((name, total), told) in NAMES.iter().zip(total).zip(told) {
            line.insert((*name).to_owned(), (total - told).into());
        }
        Some(format!("{}\n", Value::Object(line)))
    }
}

fn counts(metrics: &Metrics) -> Counts {
    let Totals { received, written, ignored, rejected, failed } = metrics.totals();
    [received, written, ignored, rejected, failed, metrics.read.samples.get()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::reason::{Ignored, Rejected};

    #[test]
    fn a_line_says_what_was_counted_since_the_one_before() {
        let metrics = Arc::new(Metrics::new());
        metrics.received_samples.increment(7);
        let embedded = EmbeddedMetrics::new(metrics.clone(), "f");
        assert_eq!(embedded.line("id", SystemTime::now()), None);
        metrics.received_samples.increment(5);
        metrics.written_samples.increment(2);
        metrics.ignored(Ignored::NaN).increment(1);
        metrics.ignored(Ignored::StaleMarker).increment(1);
        metrics.rejected(Rejected::Duplicate).increment(1);
        let line = embedded.line("id", UNIX_EPOCH).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        let line: Value = serde_json::from_str(&line).unwrap();
        let sums = NAMES.map(|name| line[name].as_u64().unwrap());
        assert_eq!(sums, [5, 2, 2, 1, 0, 0]);
        assert_eq!((&line["FunctionName"], &line["request_id"]), (&json!("f"), &json!("id")));
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"], json!([["FunctionName"]]));
        assert_eq!(directive["Metrics"].as_array().unwrap().len(), NAMES.len());
        assert_eq!(embedded.line("id", SystemTime::now()), None);
    }
}
